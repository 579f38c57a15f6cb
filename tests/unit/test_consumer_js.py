"""test_consumer_js.py - the reference consumer's core: every verdict, receipts, replays, outcomes, keys, parts, batches, births.

Why:   the reference consumer is documentation that runs: what it shows must be right.
Rules: streams come from tests/lib/tp1.py (another language, another tree algorithm); signatures are checked by python3-cryptography.
Runs in: tools/test (unit); needs node.
"""

import base64
import json
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import js_core  # noqa: E402
import tp1  # noqa: E402

AGENT, CLOUD = tp1.Key(), tp1.Key()


@unittest.skipUnless(js_core.NODE, "node is not installed")
class CoreTest(unittest.TestCase):
    """The core, driven with bytes."""

    @classmethod
    def setUpClass(cls):
        cls.core = js_core.JsCore(AGENT.public_pem, CLOUD.private_pem)

    @classmethod
    def tearDownClass(cls):
        cls.core.close()

    def setUp(self):
        self.gateway = tp1.Gateway(key=AGENT)
        self.stream = self.gateway.stream("00100")
        self.post = self.stream.topic
        self.ckpt = self.gateway.topic("ckpt", "00100")

    def events(self, count):
        """count journals as messages."""
        return [(self.post, self.stream.event(tp1.journal(len(self.stream.events) + 1))) for _ in range(count)]

    def verdicts(self, messages, **options):
        """The verdicts of a run, flat."""
        return [verdict for one in self.core.run(messages, **options)["verdicts"] for verdict in one]

    @staticmethod
    def commands(result):
        """The commands among what is to be published."""
        return [one for one in result["outgoing"] if one["topic"].endswith("/dn/cmd")]

    def receipts(self, result):
        """Texts of the receipts, each shown to carry a good signature of both sides."""
        found = [one for one in result["outgoing"] if one["id"].startswith("receipt")]
        for one in found:
            payload = one["payload"].encode()
            self.assertTrue(tp1.signed_by(payload, CLOUD))
            self.assertEqual(one["topic"], self.gateway.topic("ack", "00100", "dn"))
        return [tp1.note_parts(one["payload"].encode())[0] for one in found]

    def test_valid_stream_is_cosigned(self):
        """Checkpoints at many sizes, also one that comes after later events: accepted, and the same note comes back cosigned."""
        messages, texts = [], []
        for count in (1, 1, 1, 2, 3, 8, 5):
            messages += self.events(count)
            messages.append((self.post, self.stream.control()))
            note = self.stream.checkpoint()
            late = self.events(1)
            messages += late + [(self.ckpt, note)]
            texts.append(tp1.note_parts(note)[0])
        result = self.core.run(messages)
        self.assertEqual({v for one in result["verdicts"] for v in one}, {"accept"})
        self.assertEqual(self.receipts(result), texts)
        head = result["heads"][self.stream.source]
        self.assertEqual((head["size"], head["root"]), (len(self.stream.leaves), self.stream.root().hex()))

    def test_every_tampered_checkpoint_is_named_and_not_cosigned(self):
        """Other root, other chain, unknown key, bad signature, wrong name, another size: each has its verdict, none a receipt."""
        events = self.events(5)
        good = self.stream.checkpoint()
        bent = bytearray(good)
        bent[-12] ^= 1
        text, signatures = tp1.note_parts(good)
        other = text.replace(b"\n5\n", b"\n4\n") + b"\n" + good.split(b"\n\n", 1)[1]
        self.assertEqual(len(signatures), 1)
        for note, verdict in (
                (self.stream.checkpoint(root=b"\1" * 32), "equivocation"), (self.stream.checkpoint(chain=b"\1" * 32), "equivocation"),
                (self.stream.checkpoint(key=tp1.Key()), "unsigned"), (self.stream.checkpoint(name="acme/gw2"), "unsigned"),
                (other, "bad-signature"), (good[:-1], "malformed"), (good.replace(b"time", b"tame"), "malformed"),
                (good.replace(b"\n5\n", b"\n05\n"), "malformed"), (b"", "malformed"), (b"\xff" * 40, "malformed"),
                (good + b"x" * 16384, "malformed"), (good.replace(b"\n\n", b"\n"), "malformed")):
            result = self.core.run(events + [(self.ckpt, note)])
            self.assertEqual(result["verdicts"][-1], [verdict], note)
            self.assertEqual(self.receipts(result), [], note)
        result = self.core.run(events + [(self.ckpt, bytes(bent))])
        self.assertIn(result["verdicts"][-1][0], ("bad-signature", "malformed", "unsigned"))
        self.assertEqual(self.receipts(result), [])

    def test_a_gap_is_asked_for_and_filled(self):
        """Nothing before the patience is over; then one signed replay command of exactly the range; then the held checkpoint."""
        messages = self.events(6)
        note = self.stream.checkpoint()
        held = messages[:2] + messages[4:] + [(self.ckpt, note, 1000)]
        self.assertEqual(self.verdicts(held), ["accept", "accept", "hold", "hold", "hold"])
        self.assertEqual(self.commands(self.core.run(held + [{"tick": 1900}])), [])
        commands = self.commands(self.core.run(held + [{"tick": 2000}, {"tick": 2200}]))
        self.assertEqual(len(commands), 1)
        command = tp1.command_of(commands[0]["payload"].encode())
        self.assertTrue(tp1.signed_by(commands[0]["payload"].encode(), CLOUD))
        self.assertEqual(command["body"], {"epoch": 1700000000, "from": 3, "stream": "00100", "to": 4})
        self.assertEqual((command["target"], command["command"]), ("acme/gw1", "replay"))
        replay = self.gateway.topic("replay", "00100")
        healed = self.core.run(held + [{"tick": 2100}, (replay, messages[2][1]), (replay, messages[3][1])])
        self.assertEqual(self.receipts(healed), [tp1.note_parts(note)[0]])

    def test_a_lost_tail_is_noticed_by_checkpoint_and_heartbeat(self):
        """What a checkpoint or a heartbeat counts and is not here is asked for."""
        messages = self.events(3)
        for last in ((self.ckpt, self.stream.checkpoint()), (self.gateway.topic("state"), self.gateway.heartbeat())):
            result = self.core.run(messages[:2] + [last, {"tick": 5000}])
            command = [tp1.command_of(one["payload"].encode()) for one in self.commands(result)]
            self.assertEqual([one["body"]["from"] for one in command], [3])

    def test_duplicates_and_equivocation(self):
        """Equal bytes are dropped; another leaf for a sequence stops the source: even a good checkpoint is not cosigned then."""
        messages = self.events(3)
        self.assertEqual(self.verdicts(messages + messages), ["accept"] * 3 + ["duplicate"] * 3)
        other = tp1.Gateway(key=AGENT).stream("00100")
        other.event(tp1.journal(77))
        result = self.core.run(messages + [(self.post, other.events[0]), (self.ckpt, self.stream.checkpoint())])
        self.assertEqual(result["verdicts"][-2:], [["equivocation"], ["stopped"]])
        self.assertEqual(self.receipts(result), [])

    def test_two_signed_trees_are_equivocation(self):
        """A second checkpoint of a size that was seen, with another root and a good signature, stops the source."""
        messages = self.events(3) + [(self.ckpt, self.stream.checkpoint())] + self.events(2) + [(self.ckpt, self.stream.checkpoint())]
        lie = (self.ckpt, self.stream.checkpoint(3, root=b"\7" * 32))
        result = self.core.run(messages + [lie])
        self.assertEqual(result["verdicts"][-1], ["equivocation"])
        self.assertEqual(len(self.receipts(result)), 2)

    def test_bad_events_are_named(self):
        """Every field that is wrong makes the event malformed, and the true one is still taken afterwards."""
        good = self.stream.event(tp1.journal(1))
        for old, new in ((b'"id":"', b'"id":"0'), (b'"revision":1', b'"revision":0'), (b'"revision":1', b'"revision":1.0'),
                         (b'"10.00"', b'"11.00"'), (b'{"chainhash"', b'{ "chainhash"'), (b'"specversion":"1.0"', b'"specversion":"2.0"'),
                         (b'"sequence":"0', b'"sequence":"'), (b'"partitionkey":"0', b'"partitionkey":"1'),
                         (b":00100:", b":00200:"), (b":acme:", b":other:"), (b'"jde"', b'"j\xff"'), (b"}", b"")):
            verdicts = self.verdicts([(self.post, good.replace(old, new, 1)), (self.post, good)])
            self.assertEqual(verdicts, ["malformed", "accept"], old)
        for rubbish in (b"", b"null", b"[]", b"{}", b"[" * 50000, b'{"a":"\\ud800"}', b"\xff"):
            self.assertEqual(self.verdicts([(self.post, rubbish)]), ["malformed"])
            self.verdicts([(self.ckpt, rubbish), (self.gateway.topic("state"), rubbish), (self.gateway.topic("res"), rubbish)])
        broken = good.replace(self.stream.chain.hex().encode(), b"0" * 64)
        self.assertEqual(self.verdicts([(self.post, broken)]), ["chain-break"])

    def test_control_totals(self):
        """Journals, invoices, credit memos, payments, customers, parts: our sums are the agent's; others are named."""
        for data in (tp1.journal(1, "0.10", lines=4), tp1.journal(2, "2.00", "JPY"), tp1.invoice(3, "7.005", "KWD"),
                     tp1.invoice(4, "9.99", kind="credit_memo"), tp1.payment(5), tp1.payment(6, "-1.00"), tp1.customer(7, "00100"),
                     tp1.usage(8)):
            self.stream.event(data)
        self.stream.parts(tp1.journal(8, lines=6), 3)
        self.stream.parts({**tp1.invoice(9), "lines": [{"line": "1", "net": "1.00"}] * 4}, 2)
        self.stream.control()
        self.stream.event(tp1.journal(10))
        self.stream.control({"count": 2})
        messages = [(self.post, event) for event in self.stream.events]
        verdicts = self.verdicts(messages)
        self.assertEqual(verdicts, ["accept"] * (len(messages) - 1) + ["totals-differ"])

    def test_key_rotation(self):
        """Old key before the key event, new key from it on, never the other way round; a forged rotation moves nothing."""
        new = tp1.Key()
        before = self.events(2) + [(self.ckpt, self.stream.checkpoint())]
        rotation = (self.post, self.stream.rotate(new))
        good, old = self.stream.checkpoint(key=new), self.stream.checkpoint()
        early = self.stream.checkpoint(2, key=new)
        self.assertEqual(self.verdicts(before + [rotation, (self.ckpt, good)])[-1], "accept")
        self.assertEqual(self.verdicts(before + [rotation, (self.ckpt, old)])[-1], "unsigned")
        self.assertEqual(self.verdicts(before + [rotation, (self.ckpt, early)])[-1], "unsigned")
        self.assertEqual(self.verdicts(before + [(self.ckpt, good), rotation])[-3:], ["hold", "accept", "accept"])
        for signers in ((AGENT,), (new,), (tp1.Key(), new)):
            stream = tp1.Gateway(key=AGENT).stream("00100")
            event = stream.rotate(new, signers=signers)
            verdicts = self.verdicts([(self.post, event), (self.ckpt, stream.checkpoint(key=new))])
            self.assertEqual(verdicts, ["bad-rotation", "unsigned"])

    def test_parts_and_batches(self):
        """A document in parts is told once, when it is whole; a batch is its members; a batch that lies is refused whole."""
        self.stream.parts(tp1.journal(1, lines=6), 3)
        self.events(3)
        self.stream.control()
        note = self.stream.checkpoint()
        batch = self.stream.batch(1, 7)
        result = self.core.run([(self.post, batch), (self.ckpt, note), {"tick": 5000}])
        self.assertEqual(result["verdicts"][0], ["accept"] * 7)
        told = [one for one in result["outgoing"] if one["id"].startswith("o-")]
        outcomes = json.loads(told[0]["payload"])["outcomes"]
        self.assertEqual([(one["subject"][-4:], one["outcome"]) for one in outcomes],
                         [(f"JE-{n}", code) for code in ("RECEIVED", "BOOKED") for n in (1, 4, 5, 6)])
        self.assertEqual(self.verdicts([(self.post, self.stream.batch(1, 4)), (self.post, self.stream.batch(3, 7))]),
                         ["accept"] * 4 + ["duplicate"] * 2 + ["accept"] * 3)
        value = json.loads(batch)
        for change in ({"count": 6}, {"sequencelast": f"{6:020d}"}, {"id": "0" * 32}, {"contentencoding": "gzip"},
                       {"data_base64": value["data_base64"][:-8]},
                       {"data_base64": base64.b64encode(b"x\x9c\1").decode()}):
            self.assertEqual(self.verdicts([(self.post, tp1.canonical({**value, **change}))]), ["malformed"], change)

    def test_outcomes_are_repeated_until_they_are_answered(self):
        """PUBACK ends a receipt, not an outcome; the agent's answer does; a repetition after a crash is equal byte for byte."""
        messages = self.events(2) + [(self.ckpt, self.stream.checkpoint()), {"tick": 5000}]
        first, again = self.core.run(messages), self.core.run(messages)
        told = [one for one in first["outgoing"] if one["id"].startswith("o-")]
        self.assertEqual(told, [one for one in again["outgoing"] if one["id"].startswith("o-")])
        receipt = first["outgoing"][0]["id"]
        result = self.core.run(messages + [{"published": receipt}, {"published": told[0]["id"]}])
        self.assertEqual([one["id"] for one in result["outgoing"]], [told[0]["id"]])
        answer = tp1.canonical({"command": "ack", "id": told[0]["id"], "result": {"refused": []}, "state": "done"})
        result = self.core.run(messages + [(self.gateway.topic("res"), answer)])
        self.assertEqual([one["id"] for one in result["outgoing"]], [receipt])

    def test_births_and_deaths(self):
        """A death of another boot is stale; a birth's signature counts; a new epoch cites the old tree, truly or not."""
        state = self.gateway.topic("state")
        birth, messages = (state, self.gateway.birth()), self.events(3)
        gap = messages[:1] + messages[2:]
        stale = (state, self.gateway.death(boot="f" * 32))
        result = self.core.run([birth, stale] + gap + [{"tick": 5000}])
        self.assertEqual((result["verdicts"][1], len(self.commands(result))), (["stale"], 1))
        dead = (state, self.gateway.death())
        self.assertEqual(self.commands(self.core.run([birth, dead] + gap + [{"tick": 5000}])), [])
        self.assertEqual(len(self.commands(self.core.run([birth, dead] + gap + [birth, {"tick": 5000}]))), 1)
        later = tp1.Gateway(key=AGENT)
        stream = later.stream("00100", 1800000000)
        stream.event(tp1.journal(1))
        self.assertEqual(self.verdicts(messages + [(state, later.birth(previous=[(self.stream, 3)]))])[-1], "accept")
        self.stream.leaves[1] = b"\5" * 32
        self.assertEqual(self.verdicts(messages + [(state, later.birth(previous=[(self.stream, 3)]))])[-1], "equivocation")
        later.key = tp1.Key()
        self.assertEqual(self.verdicts([(state, later.birth())]), ["unsigned"])

    def test_new_epoch_does_not_book_twice(self):
        """The same document again in a new epoch is told as a duplicate with the number it has; other content is a conflict."""
        messages = self.events(1) + [(self.ckpt, self.stream.checkpoint()), {"tick": 5000}]
        later = tp1.Gateway(key=AGENT).stream("00100", 1800000000)
        again, other = later.event(tp1.journal(1)), later.event(tp1.journal(1, "5.00"))
        result = self.core.run(messages + [(self.post, again), (self.post, other), {"tick": 9000}])
        self.assertEqual(result["verdicts"][-3:], [["accept"], ["conflict"], ["true"]])
        told = [one for message in result["outgoing"] if message["id"].startswith("o-")
                for one in json.loads(message["payload"])["outcomes"]]
        self.assertEqual([one["outcome"] for one in told], ["RECEIVED", "BOOKED", "DUPLICATE"])
        self.assertEqual(told[2]["document"], told[1]["document"])

    def test_what_it_does_not_know_is_let_through(self):
        """Unknown attributes, phases, types, versions, topics: kept in the log and proved; never booked unless understood."""
        self.stream.event(tp1.journal(1), more={"zone": "x", "phase": "afterwards"})
        self.stream.event(tp1.journal(2), kind="accrual", change="released", version="v2")
        data = {**tp1.journal(3), "ext": {"a": 1}}
        self.stream.event(data)
        messages = [(self.post, one) for one in self.stream.events] + [(self.ckpt, self.stream.checkpoint())]
        result = self.core.run(messages + [(self.gateway.topic("news"), b"?"), {"tick": 5000}])
        self.assertEqual([one for one in result["verdicts"]], [["accept"]] * 4 + [["ignored"], ["true"]])
        told = json.loads(next(one for one in result["outgoing"] if one["id"].startswith("o-"))["payload"])["outcomes"]
        self.assertEqual([one["outcome"] for one in told], ["RECEIVED"] * 3 + ["BOOKED"] * 2)

    def test_inclusion_proofs(self):
        """Every leaf of trees of 1 to 20 leaves: its proof holds, and holds for no other index or root."""
        for size in range(1, 21):
            stream = tp1.Gateway(key=AGENT).stream("00100")
            for number in range(size):
                stream.event(tp1.journal(number))
            for index in range(size):
                proof = tp1.proof_of(stream, index + 1, size)
                ask = {"leaf": proof["leaf"], "index": index, "size": size, "path": proof["proof"], "root": stream.root().hex()}
                self.assertTrue(self.core.ask({"proof": ask})["included"])
                self.assertFalse(self.core.ask({"proof": {**ask, "index": (index + 1) % (size + 1)}})["included"])
                self.assertFalse(self.core.ask({"proof": {**ask, "root": "00" * 32}})["included"])


if __name__ == "__main__":
    unittest.main()
