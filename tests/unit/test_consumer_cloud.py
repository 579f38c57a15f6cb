"""test_consumer_cloud.py - the sample cloud as a whole consumer: signatures, receipts, keys, totals, state, outcomes, replays.

Why:   it is the second consumer of the contract, and the judge of the agent's signatures in demo and tests.
Rules: streams come from tests/lib/tp1.py; keys and signatures are cross-checked with the openssl command.
Runs in: tools/test (unit).
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib")]

import py_core  # noqa: E402
import servers  # noqa: E402
import tp1  # noqa: E402
from conformance_kit import world  # noqa: E402
from sample_cloud import command as commands  # noqa: E402
from sample_cloud import event as events  # noqa: E402
from sample_cloud import merkle  # noqa: E402
from sample_cloud import note as notes  # noqa: E402

AGENT, CLOUD = tp1.Key(), tp1.Key()
PINNED, SIGNER = py_core.keys(AGENT, CLOUD)
CLI = os.path.join(ROOT, "tools", "sample-cloud")


class CloudTest(unittest.TestCase):
    """The parts together, without a network."""

    def setUp(self):
        self.gateway = tp1.Gateway(key=AGENT)
        self.stream = self.gateway.stream("00100")
        self.post, self.ckpt = self.stream.topic, self.gateway.topic("ckpt", "00100")
        self.state = self.gateway.topic("state")
        self.cloud = self.fresh()

    def tearDown(self):
        self.cloud.close()

    def fresh(self, **options):
        """Another consumer, which ends with the test."""
        return py_core.Consumer(PINNED, SIGNER, **options)

    def take(self, *messages, cloud=None):
        """Verdicts of messages."""
        cloud = cloud or self.cloud
        results = [cloud.take(topic, payload) for topic, payload in messages]
        cloud.settle()
        return results

    def events(self, count):
        """count journals as messages."""
        return [(self.post, self.stream.event(tp1.journal(len(self.stream.events) + 1))) for _ in range(count)]

    def receipts(self, cloud=None, agent=AGENT):
        """Texts of the receipts; each carries both signatures."""
        found = [payload for number, topic, payload in (cloud or self.cloud).outgoing() if number.startswith("receipt")]
        for payload in found:
            self.assertTrue(tp1.signed_by(payload, CLOUD) and tp1.signed_by(payload, agent))
        return [tp1.note_parts(payload)[0] for payload in found]

    def outcomes(self, cloud=None):
        """All outcomes that wait for an answer, in order."""
        return [one for number, _, payload in (cloud or self.cloud).outgoing() if number.startswith("o-")
                for one in json.loads(payload)["outcomes"]]

    def commands(self, cloud=None):
        """The commands that are to be published."""
        return [payload for _, topic, payload in (cloud or self.cloud).outgoing() if topic.endswith("/dn/cmd")]

    def test_roots_over_blocks(self):
        """Trees around the edges of a block (256 leaves) equal the recursive definition; so do their inclusion proofs."""
        leaves = [tp1.sha256(bytes([n % 256, n // 256])) for n in range(1030)]
        for size in (0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 768, 1023, 1024, 1025, 1030):
            blocks = [merkle.block(leaves[place:place + 256]) for place in range(0, size // 256 * 256, 256)]
            root = tp1.tree_hash(leaves[:size])
            self.assertEqual(merkle.root(blocks, leaves[size // 256 * 256:size]), root, size)
            for index in {0, size // 2, size - 1} if size else ():
                path = tp1.inclusion(leaves[:size], index)
                self.assertTrue(merkle.included(leaves[index], index, size, path, root))
                self.assertFalse(merkle.included(leaves[index], index, size, path[:-1], root) and size > 1)
                self.assertFalse(merkle.included(leaves[index], size, size, path, root))
                self.assertFalse(merkle.included(leaves[index], index, size, path + [root], root))

    def test_valid_stream_is_cosigned(self):
        """Checkpoints of many sizes, over more than a block, also late ones: the same texts come back with both signatures."""
        texts = []
        for count in (1, 1, 1, 4, 247, 3, 8):
            messages = self.events(count) + [(self.post, self.stream.control())]
            note = self.stream.checkpoint()
            messages += self.events(1) + [(self.ckpt, note)]
            self.assertEqual(set(self.take(*messages)), {"booked", "cosigned"})
            texts.append(tp1.note_parts(note)[0])
        self.assertEqual(self.receipts(), texts)
        self.assertTrue(self.cloud.book.verdict()[0])
        self.assertEqual(self.cloud.book.verify() + self.cloud.trust.verify(), [])

    def test_openssl_accepts_a_receipt(self):
        """`openssl dgst -verify` accepts both signatures of a receipt, and refuses a changed text."""
        self.take(*self.events(2), (self.ckpt, self.stream.checkpoint()))
        payload = next(payload for number, _, payload in self.cloud.outgoing() if number.startswith("receipt"))
        text, signatures = tp1.note_parts(payload)
        with tempfile.TemporaryDirectory() as directory:
            def verified(key, signature, content):
                for name, data in (("key", key.public_pem), ("sig", signature), ("text", content)):
                    with open(os.path.join(directory, name), "wb") as file:
                        file.write(data)
                return subprocess.run(["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "sig", "text"], cwd=directory,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode == 0
            for key, (_, _, signature) in zip((AGENT, CLOUD), signatures, strict=True):
                self.assertTrue(verified(key, signature, text))
                self.assertFalse(verified(key, signature, text + b"x"))

    def test_bad_checkpoints(self):
        """Each kind of bad checkpoint has its verdict and no receipt."""
        good = self.events(5) and self.stream.checkpoint()
        messages = [(self.post, event) for event in self.stream.events]
        for note, verdict in (
                (self.stream.checkpoint(root=b"\1" * 32), "equivocation"), (self.stream.checkpoint(chain=b"\1" * 32), "equivocation"),
                (self.stream.checkpoint(key=tp1.Key()), "unsigned"), (self.stream.checkpoint(name="acme/gw2"), "unsigned"),
                (good.replace(b"\n5\n", b"\n4\n", 1), "bad signature"), (good.replace(b"\n5\n", b"\n05\n", 1), "bad note"),
                (good[:-1], "bad note"), (b"", "bad note"), (b"\xff" * 40, "bad note"), (good + b"x" * 16384, "bad note")):
            cloud = self.fresh()
            self.assertEqual(self.take(*messages, (self.ckpt, note), cloud=cloud)[-1], verdict)
            self.assertEqual(self.receipts(cloud), [])
            after = self.take((self.ckpt, good), cloud=cloud)
            self.assertEqual(after, ["stopped" if verdict == "equivocation" else "cosigned"])
            cloud.close()

    def test_held_checkpoint_gap_and_replay(self):
        """A gap holds the checkpoint back and is asked for, once, with a signed command; its filling brings the receipt."""
        messages = self.events(6)
        note = self.stream.checkpoint()
        self.assertEqual(self.take(*messages[:2], *messages[4:], (self.ckpt, note)), ["booked"] * 2 + ["waiting"] * 2 + ["held"])
        self.cloud.settle()
        self.assertEqual(len(self.commands()), 1)
        command = tp1.command_of(self.commands()[0])
        self.assertTrue(tp1.signed_by(self.commands()[0], CLOUD))
        self.assertEqual(command["body"], {"epoch": 1700000000, "from": 3, "stream": "00100", "to": 4})
        replay = self.gateway.topic("replay", "00100")
        self.take((replay, messages[2][1]), (replay, messages[3][1]))
        self.assertEqual(self.receipts(), [tp1.note_parts(note)[0]])

    def test_restart_keeps_everything(self):
        """Held events and checkpoints, sums, keys, the boot and the mail are there after a restart."""
        with tempfile.TemporaryDirectory() as directory:
            path, new = os.path.join(directory, "cloud.db"), tp1.Key()
            cloud = self.fresh(path=path)
            messages = self.events(3) + [(self.post, self.stream.rotate(new))] + self.events(1) + [(self.post, self.stream.control())]
            note = self.stream.checkpoint(key=new)
            self.take((self.state, self.gateway.birth(streams=[])), *messages[:4], messages[5], (self.ckpt, note), cloud=cloud)
            before = cloud.outgoing()
            cloud.close()
            cloud = self.fresh(path=path)
            self.assertEqual(cloud.outgoing(), before)
            self.assertEqual(self.take(messages[4], cloud=cloud), ["booked"])
            self.assertEqual(self.receipts(cloud, new), [tp1.note_parts(note)[0]])
            self.assertEqual(cloud.trust.boot, self.gateway.boot)
            self.assertTrue(cloud.book.verdict()[0], cloud.book.verdict())
            self.assertEqual(cloud.trust.verify(), [])
            cloud.close()

    def test_verify_sees_a_tampered_checkpoint(self):
        """A checkpoint changed in the database is a problem; so is a leaf that was changed with all that hangs on it."""
        self.take(*self.events(3), (self.ckpt, self.stream.checkpoint()))
        other = self.stream.checkpoint(root=b"\3" * 32)
        self.cloud.book.run("UPDATE checkpoints SET note = ?", other)
        self.assertEqual(len(self.cloud.trust.verify()), 1)
        self.cloud.book.run("UPDATE checkpoints SET note = ?", self.stream.checkpoint(key=tp1.Key()))
        self.assertIn("not good", self.cloud.trust.verify()[0])

    def test_key_rotation(self):
        """Before the key event the old key signs, from it on the new one; forged rotations move nothing."""
        new = tp1.Key()
        self.take(*self.events(2), (self.post, self.stream.rotate(new)))
        self.assertEqual(self.take((self.ckpt, self.stream.checkpoint()), (self.ckpt, self.stream.checkpoint(2, key=new)),
                                   (self.ckpt, self.stream.checkpoint(2)), (self.ckpt, self.stream.checkpoint(key=new))),
                         ["unsigned", "unsigned", "cosigned", "cosigned"])
        for signers in ((AGENT,), (new,), (tp1.Key(), new)):
            cloud, stream = self.fresh(), tp1.Gateway(key=AGENT).stream("00100")
            event = stream.rotate(new, signers=signers)
            self.assertEqual(self.take((self.post, event), (self.ckpt, stream.checkpoint(key=new)), cloud=cloud),
                             ["bad rotation", "unsigned"])
            cloud.close()

    def test_control_totals(self):
        """The sums of every document type and currency, with parts and negative amounts; a wrong count is a finding."""
        for data in (tp1.journal(1, "0.10", lines=4), tp1.journal(2, "2000", "JPY"), tp1.invoice(3, "7.005", "KWD"),
                     tp1.invoice(4, "9.99", kind="credit_memo"), tp1.payment(5), tp1.payment(6, "-1.00"), tp1.customer(7, "00100"),
                     tp1.usage(8)):
            self.stream.event(data)
        self.stream.parts(tp1.journal(8, lines=6), 3)
        self.stream.control()
        self.assertEqual(set(self.take(*[(self.post, event) for event in self.stream.events])), {"booked"})
        self.stream.event(tp1.journal(9))
        wrong = self.stream.control({"first": 9})
        self.assertEqual(self.take((self.post, self.stream.events[-2]), (self.post, wrong)), ["booked", "totals differ"])
        self.assertFalse(self.cloud.book.verdict()[0])

    def test_totals_by_hand(self):
        """A control event written here by hand, not by the maker, is what the sample cloud counts, too."""
        self.stream.event(tp1.journal(1, "10.00"))
        self.stream.event(tp1.invoice(2, "119.00"))
        self.stream.event(tp1.invoice(3, "19.00", kind="credit_memo"))
        row = {"count": 1, "currency": "EUR", "period": "2025-07"}
        event = self.stream.control({"count": 3, "first": 1, "last": 3, "totals": [
            {**row, "credit": "19.00", "debit": "0.00", "document": "creditmemo"},
            {**row, "credit": "0.00", "debit": "119.00", "document": "invoice"},
            {**row, "credit": "10.00", "debit": "10.00", "document": "journal"}]})
        self.assertEqual(self.take(*[(self.post, one) for one in self.stream.events[:3]], (self.post, event))[-1], "booked")

    def test_parts(self):
        """A document in parts is held as one, with all lines; it is told once, when the last part is there."""
        messages = [(self.post, event) for event in self.stream.parts(tp1.journal(1, lines=7), 3)]
        self.take(*messages[:2])
        self.assertEqual((self.cloud.book.documents, self.outcomes()), (0, []))
        self.take(messages[2], (self.ckpt, self.stream.checkpoint()))
        self.cloud.settle()
        self.assertEqual([one["outcome"] for one in self.outcomes()], ["RECEIVED", "BOOKED"])
        self.assertEqual(self.cloud.book.totals()[0]["lines"], 7)
        self.assertEqual(self.cloud.book.verify(), [])

    def test_batches(self):
        """A batch is its members, overlapping ones too; each lie in it is a bad event and nothing of it is taken."""
        self.events(5)
        self.assertEqual(self.take((self.post, self.stream.batch(1, 3)), (self.post, self.stream.batch(2, 5))), ["booked", "duplicate"])
        self.assertEqual(self.cloud.book.documents, 5)
        value = json.loads(self.stream.batch(1, 5))
        for change in ({"count": 4}, {"sequence": f"{2:020d}"}, {"sequencelast": f"{4:020d}"}, {"id": "0" * 32},
                       {"contentencoding": "gzip"}, {"data_base64": "?"}, {"data_base64": base64.b64encode(b"x\x9c\1").decode()},
                       {"data_base64": value["data_base64"][:-8]}):
            cloud = self.fresh()
            self.assertEqual(self.take((self.post, tp1.canonical({**value, **change})), cloud=cloud), ["bad event"], change)
            self.assertEqual(cloud.book.documents, 0)
            cloud.close()

    def test_a_bomb_is_no_batch(self):
        """A batch that unpacks to more than the limit is refused."""
        import zlib
        self.events(1)
        value = json.loads(self.stream.batch(1, 1))
        bomb = base64.b64encode(zlib.compress(b"x" * (events.BATCH_BYTES_MAX + 1))).decode()
        self.assertEqual(self.take((self.post, tp1.canonical({**value, "data_base64": bomb}))), ["bad event"])

    def test_state(self):
        """Stale deaths, true deaths, births with good and bad signatures, cited roots, heartbeats that show a lost tail."""
        messages = self.events(3)
        self.take((self.state, self.gateway.birth(streams=[])), *messages[:2])
        self.assertEqual(self.take((self.state, self.gateway.death(boot="f" * 32))), ["stale"])
        self.assertTrue(self.cloud.trust.alive)
        self.assertEqual(self.take((self.state, self.gateway.death())), ["noted"])
        self.assertEqual(self.take((self.state, self.gateway.heartbeat())), ["noted"])
        self.assertEqual(self.commands(), [])
        self.assertEqual(self.take((self.state, self.gateway.birth())), ["noted"])
        self.assertEqual(tp1.command_of(self.commands()[0])["body"]["from"], 3)
        self.take(messages[2])
        for bad in (b"", b"[]", b"{}", b'{"kind":"birth","boot":1,"streams":[1]}', b"\xff", b"[" * 100000):
            self.assertEqual(self.take((self.state, bad)), ["bad state"])
        for change in ({"source": self.stream.source + "x"}, {"source": self.stream.source + "0" * 20}, {"source": 1}, {"sequence": 1 << 64},
                       {"sequence": "x"}, {"stream": "00200"}, {"chain": 5}):
            value = json.loads(self.gateway.heartbeat())
            value["streams"][0].update(change)
            self.take((self.state, tp1.canonical(value)))
        self.assertEqual(list(self.cloud.book.streams), [self.stream.source])
        later = tp1.Gateway(key=tp1.Key())
        self.assertEqual(self.take((self.state, later.birth())), ["unsigned"])
        later = tp1.Gateway(key=AGENT)
        later.stream("00100", 1800000000)
        self.assertEqual(self.take((self.state, later.birth(previous=[(self.stream, 3)]))), ["noted"])
        self.stream.leaves[1] = b"\5" * 32
        self.assertEqual(self.take((self.state, later.birth(previous=[(self.stream, 3)]))), ["equivocation"])

    def test_outcomes(self):
        """RECEIVED, then BOOKED behind a checkpoint; rejections with classes; late ones wait; an answer ends the repetition."""
        cloud = self.fresh(reject=3)
        self.take(*self.events(6), cloud=cloud)
        self.assertEqual([one["outcome"] for one in self.outcomes(cloud)], ["RECEIVED"] * 6)
        self.take((self.ckpt, self.stream.checkpoint()), cloud=cloud)
        self.assertEqual([one["outcome"] for one in self.outcomes(cloud)[6:]], ["BOOKED", "BOOKED", "REJECTED"] * 2)
        self.assertEqual(len({one["class"] for one in self.outcomes(cloud) if "class" in one}), 2)
        for number, _, payload in cloud.outgoing():
            self.take((self.gateway.topic("res"), tp1.canonical({"command": "ack", "id": number, "result": {"refused": []},
                                                                 "state": "done"})), cloud=cloud)
        self.assertEqual(self.outcomes(cloud), [])
        cloud.close()
        late = self.fresh(late=3600.0)
        self.take(*[(self.post, event) for event in self.stream.events], (self.ckpt, self.stream.checkpoint()), cloud=late)
        self.assertEqual({one["outcome"] for one in self.outcomes(late)}, {"RECEIVED"})
        late.close()

    def test_outcome_messages_hold_at_most_200(self):
        """201 outcomes are two messages."""
        self.take(*self.events(201))
        sizes = [len(json.loads(payload)["outcomes"]) for number, _, payload in self.cloud.outgoing() if number.startswith("o-")]
        self.assertEqual(sizes, [200, 1])

    def test_new_epoch(self):
        """A document booked in an older epoch is told as DUPLICATE with its number; other content is a conflict."""
        self.take(*self.events(1), (self.ckpt, self.stream.checkpoint()))
        later = tp1.Gateway(key=AGENT).stream("00100", 1800000000)
        self.assertEqual(self.take((self.post, later.event(tp1.journal(1))), (self.post, later.event(tp1.journal(1, "5.00")))),
                         ["duplicate", "conflict"])
        told = self.outcomes()
        self.assertEqual([one["outcome"] for one in told], ["RECEIVED", "BOOKED", "DUPLICATE"])
        self.assertEqual(told[1]["document"], told[2]["document"])

    def test_integers_end_below_2_to_53(self):
        """A sequence or revision from 2^53 on is a bad event, in this consumer as in one whose numbers are doubles."""
        event = self.stream.event(tp1.journal(1))
        for value in (1 << 53, 1 << 64, 0):
            for old, new in ((b'"sequence":"%020d"' % 1, b'"sequence":"%020d"' % value), (b'"revision":1', b'"revision":%d' % value)):
                with self.assertRaisesRegex(events.BadEvent, "out of its range"):
                    events.parse(event.replace(old, new))
        last = (1 << 53) - 1
        self.assertEqual(events.parse(event.replace(b"%020d" % 1, b"%020d" % last)).sequence, last)

    def test_what_it_does_not_know(self):
        """Unknown attributes, types and phases are kept and proved; a document it does not understand is never booked."""
        self.stream.event(tp1.journal(1), more={"zone": "x", "phase": "afterwards"})
        self.stream.event(tp1.journal(2), kind="accrual", change="released", version="v2")
        self.assertEqual(self.take(*[(self.post, event) for event in self.stream.events], (self.ckpt, self.stream.checkpoint())),
                         ["booked", "booked", "cosigned"])
        self.cloud.settle()
        self.assertEqual([one["outcome"] for one in self.outcomes()], ["RECEIVED", "RECEIVED", "BOOKED"])
        self.assertIsNone(self.cloud.take(self.gateway.topic("news"), b"?"))

    def test_note_limits(self):
        """8 signature lines and 16,384 bytes are a note, one more is none; so are names with blanks, plus or 101 bytes."""
        text = b"a\n"
        line = "\u2014 n AAAAAAA=\n".encode()
        self.assertEqual(len(notes.parse(text + b"\n" + line * 8).signatures), 8)
        name = "\u2014 %s AAAAAAA=\n"
        notes.parse(b"a" * (notes.NOTE_BYTES_MAX - 2 - len(line)) + b"\n\n" + line)
        notes.parse(text + b"\n" + (name % ("x" * 100)).encode())
        for bad in (text + b"\n" + line * 9, b"a" * (notes.NOTE_BYTES_MAX - 1 - len(line)) + b"\n\n" + line, text + b"\n", text + line,
                    text + b"\n" + (name % ("x" * 101)).encode(), text + b"\n" + (name % "a+b").encode(),
                    text + b"\n" + (name % "a b").encode(), b"a\tb\n\n" + line, text + b"\n" + "\u2014 n AAAAAAB=\n".encode(),
                    text + b"\n" + "\u2014 n AAAA\n".encode(), text + b"\n" + b"- n AAAAAAA=\n", b"\xff\n\n" + line):
            with self.assertRaises(notes.BadNote, msg=bad[:80]):
                notes.parse(bad)
        with self.assertRaises(notes.BadNote):
            SIGNER.cosign(notes.parse(text + b"\n" + line * 8))

    def test_command_bodies_and_proofs(self):
        """Words become members; a proof of the agent's is checked against its signed root, a bent one is refused."""
        self.assertEqual(commands.body_of(["stream=00100", "from=3", "to=9", 'subjects=["a","b"]', "source=7"]),
                         {"stream": "00100", "from": 3, "to": 9, "subjects": ["a", "b"], "source": "7"})
        with self.assertRaises(ValueError):
            commands.body_of(["stream"])
        self.events(7)
        self.stream.checkpoint()
        proof = tp1.proof_of(self.stream, 5)
        self.assertIn("leaf 5 is in the signed tree of 7", commands.check_proof(proof, "acme/gw1", PINNED))
        for change in ({"index": 3}, {"leaf": "00" * 32}, {"size": 6}, {"proof": proof["proof"][1:]},
                       {"checkpoint": self.stream.checkpoint(key=tp1.Key()).decode()}):
            with self.assertRaises(ValueError, msg=change):
                commands.check_proof({**proof, **change}, "acme/gw1", PINNED)

    def test_key_files(self):
        """`key` makes a pair that openssl reads, the private one for its owner alone, and never replaces one."""
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "cloud.key")
            self.assertEqual(subprocess.run([CLI, "key", path], stdout=subprocess.DEVNULL, check=False).returncode, 0)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
            text = subprocess.run(["openssl", "pkey", "-pubin", "-in", f"{path}.pub", "-text", "-noout"], stdout=subprocess.PIPE,
                                  text=True, check=True).stdout
            self.assertIn("prime256v1", text)
            again = subprocess.run([CLI, "key", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual((again.returncode, "not replaced" in again.stdout), (2, True))
            wrong = subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384", "-out", f"{path}4"],
                                   stderr=subprocess.DEVNULL, check=False)
            self.assertEqual(wrong.returncode, 0)
            with self.assertRaises(notes.BadKey):
                notes.Signer(f"{path}4", "cloud")
            with self.assertRaises(notes.BadKey):
                notes.PublicKey.of_file(path)


class CommandTest(unittest.TestCase):
    """`sample-cloud command` and a played agent at a real broker."""

    def test_commands_and_their_results(self):
        """A replay is done (exit 0), one out of range failed, a wrong key is not answered (exit 1); wrong words are exit 2."""
        with tempfile.TemporaryDirectory() as directory, servers.Mosquitto() as broker:
            for name, key in (("cloud.key", CLOUD), ("other.key", tp1.Key())):
                with open(os.path.join(directory, name), "wb") as file:
                    file.write(key.private_pem)
            options = types.SimpleNamespace(tenant="acme", gateway="gw1", host="127.0.0.1", port=broker.port, ca=None)
            agent = world.World(options, AGENT, CLOUD)
            self.addCleanup(agent.close)
            self.assertTrue(agent.open())
            stream = agent.stream("00100")
            for number in range(3):
                stream.event(tp1.journal(number))

            def command(*words, key="cloud.key"):
                process = subprocess.Popen([CLI, "command", "--host", "127.0.0.1", "--port", str(broker.port), "--tenant", "acme", "--gateway",
                                            "gw1", "--cloud-key", os.path.join(directory, key), "--wait", "3", *words],
                                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                self.assertTrue(agent.wait(lambda: process.poll() is not None, 20))
                return process.returncode, process.communicate()[0]

            status, output = command("--id", "once", "replay", "stream=00100", "from=1", "to=3")
            self.assertEqual((status, '"state": "done"' in output, agent.replays["00100"]), (0, True, [(1, 3)]), output)
            self.assertEqual(agent.findings["00100"], [])
            self.assertEqual(command("replay", "stream=00100", "from=1", "to=4")[0], 1)
            status, output = command("replay", "stream=00100", "from=1", "to=1", key="other.key")
            self.assertEqual((status, "no result" in output), (1, True), output)
            self.assertEqual(command("replay", "stream")[0], 2)
            self.assertEqual(command("replay", key="absent.key")[0], 2)


if __name__ == "__main__":
    unittest.main()
