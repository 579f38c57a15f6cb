"""test_sample_cloud.py - the sample cloud: strict parsing, chain, duplicates, gaps, equivocation, totals, MQTT.

Why:   the judge of all other tests must itself be judged, and every fault it names must be shown to be named.
Rules: expected hashes are made by sha256sum from lines written here; events are built by a maker of its own.
Runs in: tools/test (unit); one test starts a Mosquitto with mutual TLS.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib")]

import servers  # noqa: E402
from sample_cloud import book as books  # noqa: E402
from sample_cloud import event as events  # noqa: E402

SOURCE = "urn:twinpost:acme:gw1:00001:1700000000"
TOPIC = "tp1/acme/gw1/up/post/00001"


def sha256sum(data):
    """H(data) by coreutils."""
    return subprocess.run(["sha256sum"], input=data, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode()


def journal(number, amount="10.00", currency="EUR"):
    """The data of a journal of two lines."""
    return {"entity": "00001", "source_system": "jde", "type": "journal", "number": f"JE-{number}", "year": 2024,
            "currency": currency, "lines": [{"line": "1.0", "account": "1.1110", "amount": amount},
                                            {"line": "2.0", "account": "1.6110", "amount": "-" + amount}]}


class Maker:
    """A publisher's side: events of one stream, in sequence."""

    def __init__(self, source=SOURCE):
        self.source = source
        self.sequence = 0
        self.chain = hashlib.sha256(f"tp1/chain/v1\n{source}\n".encode()).digest()

    def event(self, data, revision=1, change="recorded", override=None):
        """The next event's payload; override replaces attributes after the proof was made."""
        self.sequence += 1
        subject = f"{data['entity']}/{data['type']}/{data['year']}/{data['number']}"
        text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(text.encode()).hexdigest()
        number = hashlib.sha256(f"tp1/id/v1\n{subject}\n{revision}\n{digest}\n".encode()).hexdigest()[:32]
        kind = f"com.twinpost.{data['type'].replace('_', '')}.{change}.v1"
        schema = f"urn:twinpost:schema:{data['type']}:1.0"
        sequence, time = f"{self.sequence:020d}", "2024-03-01T10:00:00.000Z"
        leaf = hashlib.sha256(("\0tp1/leaf/v1\n" + "".join(f"{part}\n" for part in (
            self.source, sequence, number, kind, subject, revision, time, schema, digest))).encode()).digest()
        self.chain = hashlib.sha256(b"\2" + self.chain + leaf).digest()
        attributes = {"specversion": "1.0", "id": number, "source": self.source, "type": kind, "subject": subject,
                      "time": time, "datacontenttype": "application/json", "dataschema": schema, "sequence": sequence,
                      "revision": revision, "chainhash": self.chain.hex(), "phase": "shadow", "partitionkey": subject,
                      "traceparent": f"00-{number}-{'0' * 15}1-01", "profileversion": "jde/1", "data": data}
        attributes.update(override or {})
        return json.dumps(attributes, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class EventTest(unittest.TestCase):
    """Parsing and proof of one event."""

    def test_leaf_and_chain_follow_the_contract(self):
        """Leaf and chain equal what sha256sum makes of the contract's lines."""
        payload = Maker().event(journal(1))
        event = events.parse(payload)
        start, end = payload.index(b'"data":') + 7, payload.index(b',"datacontenttype"')
        data = sha256sum(payload[start:end])
        lines = (f"tp1/leaf/v1\n{SOURCE}\n00000000000000000001\n{event.id}\ncom.twinpost.journal.recorded.v1\n"
                 f"00001/journal/2024/JE-1\n1\n2024-03-01T10:00:00.000Z\nurn:twinpost:schema:journal:1.0\n{data}\n")
        leaf = sha256sum(b"\0" + lines.encode())
        self.assertEqual(event.leaf.hex(), leaf)
        first = bytes.fromhex(sha256sum(b"tp1/chain/v1\n" + SOURCE.encode() + b"\n"))
        self.assertEqual(events.chain_start(SOURCE), first)
        self.assertEqual(event.chain.hex(), sha256sum(b"\2" + first + bytes.fromhex(leaf)))

    def test_bytes_that_are_not_canonical_are_refused(self):
        """White space, other key order, floats, doubled keys, surrogates, broken UTF-8, rubbish: each a BadEvent."""
        good = Maker().event(journal(1))
        events.parse(good)
        for bad in (good.replace(b'","id"', b'", "id"'), good.replace(b'"year":2024', b'"year":2024.0'),
                    good.replace(b'{"chainhash"', b'{"zzz":1,"chainhash"'), good + b" ", good[:-1], b"", b"[]", b"{}",
                    b"\xff\xfe", good.replace(b'"jde"', b'"j\xc3\x28"'), good.replace(b'"jde"', b'"\\u006ade"'),
                    good.replace(b'"number":"JE-1"', b'"number":"JE-1","number":"JE-1"'),
                    good.replace(b'"revision":1', b'"revision":true'), b"[" * 100000):
            with self.assertRaises(events.BadEvent, msg=bad[:60]):
                events.parse(bad)

    def test_attributes_that_disagree_are_refused(self):
        """An id, subject, partition key, type or sequence that does not fit its event is a BadEvent."""
        for name, value in (("id", "0" * 32), ("subject", "00001/invoice/2024/JE-1"), ("partitionkey", "x"),
                            ("type", "com.twinpost.invoice.recorded.v1"), ("sequence", "1"), ("revision", 0),
                            ("specversion", "1.1"), ("traceparent", f"00-{'1' * 32}-{'1' * 16}-01"), ("data", [])):
            with self.assertRaises(events.BadEvent, msg=name):
                events.parse(Maker().event(journal(1), override={name: value}))

    def test_data_bytes_are_found_behind_a_decoy(self):
        """A string that looks like the data key does not mislead: the value is found by parsing."""
        data = journal(1)
        data["text"] = '","data":{"x":1},"a":"'
        event = events.parse(Maker().event(data))
        self.assertEqual(json.loads(event.data_bytes), data)


class BookTest(unittest.TestCase):
    """What the book makes of sequences of events."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "cloud.db")
        self.book = books.Book(self.path, create=True)
        self.maker = Maker()

    def tearDown(self):
        self.book.commit()
        self.book.connection.close()
        self.directory.cleanup()

    def take(self, payload, topic=TOPIC):
        """Delivers one message."""
        return self.book.take(topic, payload)

    def test_good_stream_is_intact(self):
        """Events in order are booked; totals are exact; verify agrees; a reopened book goes on where it was."""
        for number in range(1, 6):
            self.assertEqual(self.take(self.maker.event(journal(number, "0.10"))), "booked")
        self.book.commit()
        self.book.connection.close()
        self.book = books.Book(self.path)
        self.assertEqual(self.take(self.maker.event(journal(6, "0.20"))), "booked")
        self.assertEqual(self.book.verify(), [])
        self.assertTrue(self.book.verdict()[0])
        self.assertEqual(self.book.totals(), [{"company": "00001", "currency": "EUR", "type": "journal", "documents": 6,
                                               "lines": 12, "amount": "0.70", "voided": 0}])

    def test_duplicates_are_dropped(self):
        """The same bytes again, early or late, change nothing and leave the verdict intact."""
        payloads = [self.maker.event(journal(number)) for number in (1, 2, 3)]
        for payload in payloads + payloads:
            self.take(payload)
        self.assertTrue(self.book.verdict()[0])
        self.assertIn("3 duplicates", self.book.verdict()[1])
        self.assertEqual(self.book.documents, 3)

    def test_gap_is_named_and_healed(self):
        """Events behind a gap wait, the gap is named, and its filling books all of them."""
        payloads = [self.maker.event(journal(number)) for number in (1, 2, 3, 4)]
        self.take(payloads[0])
        self.assertEqual(self.take(payloads[3]), "waiting")
        self.assertEqual(self.take(payloads[2]), "waiting")
        self.assertEqual(self.take(payloads[2]), "duplicate")
        good, line = self.book.verdict()
        self.assertFalse(good)
        self.assertIn("gap: " + SOURCE + ": sequence 2 is missing, 2 wait", line)
        self.assertEqual(self.book.documents, 1)
        self.assertEqual(self.take(payloads[1]), "booked")
        self.assertTrue(self.book.verdict()[0])
        self.assertEqual(self.book.documents, 4)
        self.assertEqual(self.book.verify(), [])

    def test_first_sequence_must_be_one(self):
        """A stream whose first message is 2 has a gap."""
        self.maker.event(journal(1))
        self.assertEqual(self.take(self.maker.event(journal(2))), "waiting")
        self.assertFalse(self.book.verdict()[0])

    def test_equivocation_is_named_for_ever(self):
        """Another content for a used sequence is EQUIVOCATION; going on does not heal it."""
        self.take(self.maker.event(journal(1)))
        self.assertEqual(self.take(Maker().event(journal(9))), "equivocation")
        self.take(self.maker.event(journal(2)))
        self.assertIn("equivocation", self.book.verdict()[1])
        self.assertFalse(self.book.verdict()[0])

    def test_chain_break_is_named(self):
        """A changed amount with a matching id, and a chain value of another history, are chain breaks."""
        self.take(self.maker.event(journal(1)))
        other = Maker()
        other.event(journal(7))
        self.assertEqual(self.take(other.event(journal(2))), "chain break")
        self.assertFalse(self.book.verdict()[0])
        self.assertEqual(self.book.documents, 1)

    def test_revisions_and_voids(self):
        """A revision replaces, a void takes out of the sums; an older revision that comes late does not come back."""
        self.take(self.maker.event(journal(1, "1.00")))
        self.take(self.maker.event(journal(1, "3.00"), 3, "amended"))
        self.take(self.maker.event(journal(1, "2.00"), 2, "amended"))
        self.assertEqual(self.book.totals()[0]["amount"], "3.00")
        self.take(self.maker.event(journal(1, "3.00"), 4, "voided"))
        row = self.book.totals()[0]
        self.assertEqual((row["documents"], row["voided"], row["amount"]), (0, 1, "0"))
        self.assertEqual(self.book.verify(), [])

    def test_new_epoch_repeats_without_doubling(self):
        """The same documents in a new epoch are booked once; another content for the same revision is a conflict."""
        self.take(self.maker.event(journal(1)))
        later = Maker(SOURCE[:-1] + "1")
        self.assertEqual(self.take(later.event(journal(1))), "duplicate")
        self.assertTrue(self.book.verdict()[0])
        self.assertEqual(self.take(later.event(journal(1, "5.00"))), "conflict")
        self.assertFalse(self.book.verdict()[0])
        self.assertEqual(self.book.documents, 1)

    def test_wrong_topic_and_rubbish_are_findings(self):
        """A payload on another stream's topic, and one that is no event, are found and do not stop the rest."""
        self.assertEqual(self.take(self.maker.event(journal(1)), TOPIC[:-1] + "2"), "bad event")
        self.assertEqual(self.take(b"hello"), "bad event")
        self.maker = Maker()
        self.assertEqual(self.take(self.maker.event(journal(1))), "booked")
        self.assertFalse(self.book.verdict()[0])

    def test_verify_sees_a_tampered_database(self):
        """A payload changed or a row removed behind the book's back is found by verify."""
        for number in (1, 2, 3):
            self.take(self.maker.event(journal(number)))
        self.book.run("UPDATE events SET payload = CAST(replace(payload, '10.00', '11.00') AS BLOB) WHERE sequence = 2")
        self.assertTrue(self.book.verify())
        self.book.run("DELETE FROM events WHERE sequence = 2")
        self.assertTrue(any("gap" in problem for problem in self.book.verify()))

    def test_currencies_without_and_with_three_decimals(self):
        """JPY and KWD sums keep their digits."""
        self.take(self.maker.event(journal(1, "1000", "JPY")))
        self.take(self.maker.event(journal(2, "1.005", "KWD")))
        self.take(self.maker.event(journal(3, "2.995", "KWD")))
        self.assertEqual([row["amount"] for row in self.book.totals()], ["1000", "4.000"])


class MqttTest(unittest.TestCase):
    """The subscriber against a real broker with mutual TLS."""

    def test_nothing_is_acknowledged_before_it_is_kept(self):
        """Killed at a random moment and started again, in both protocol versions, the subscriber ends up with every event."""
        import paho.mqtt.client as mqtt
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([os.path.join(ROOT, "tools", "certificates"), directory], check=True)
            with servers.Mosquitto(certificates=directory) as broker:
                for protocol in ("5", "3.1.1"):
                    self.one_protocol(mqtt, directory, broker, protocol)

    def one_protocol(self, mqtt, directory, broker, protocol):
        """1,800 events, the subscriber killed three times while they come."""
        database = os.path.join(directory, f"cloud-{protocol}.db")
        gateway = "gw" + protocol[0]
        command = [os.path.join(ROOT, "tools", "sample-cloud"), "run", "--port", str(broker.port), "--ca", f"{directory}/ca.crt",
                   "--cert", f"{directory}/client.crt", "--key", f"{directory}/client.key", "--tenant", "acme", "--gateway",
                   gateway, "--database", database, "--protocol", protocol, "--client-id", "c" + protocol[0]]
        publisher = mqtt.Client("publisher" + protocol[0], protocol=mqtt.MQTTv5)
        publisher.tls_set(f"{directory}/ca.crt", f"{directory}/client.crt", f"{directory}/client.key")
        publisher.max_inflight_messages_set(100)
        maker = Maker(f"urn:twinpost:acme:{gateway}:00001:1")
        for last in (False, False, False, True):
            process = subprocess.Popen(command + (["--until", "1800"] if last else []), stdout=subprocess.PIPE, text=True)
            if last:
                break
            self.assertIn("subscribed", process.stdout.readline())
            if not maker.sequence:
                publisher.connect("127.0.0.1", broker.port)
                publisher.loop_start()
            infos = [publisher.publish(f"tp1/acme/{gateway}/up/post/00001", maker.event(journal(maker.sequence + 1)), 1)
                     for _ in range(600)]
            infos[200].wait_for_publish(30)
            process.kill()
            process.communicate()
            infos[-1].wait_for_publish(30)
        out = process.communicate(timeout=60)[0]
        publisher.disconnect()
        publisher.loop_stop()
        self.assertEqual(process.returncode, 0, out)
        self.assertIn("verdict: intact: 1,800 documents in 1,800 events of 1 streams", out)
        again = subprocess.run([command[0], "verify", "--database", database], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(again.returncode, 0, again.stdout)


if __name__ == "__main__":
    unittest.main()
