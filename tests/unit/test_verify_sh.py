"""test_verify_sh.py - the shell verifier: good streams, and every tampered copy named by sequence and by what differs.

Why:   an auditor trusts it because it is short; it must still see everything.
Rules: streams come from tests/lib/tp1.py; the verifier shares nothing with it but the contract.
Runs in: tools/test (unit); sh, sha256sum, openssl, awk.
"""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import tp1  # noqa: E402

SCRIPT = os.path.join(ROOT, "docs", "contract", "verify", "verify.sh")
ODD = 'braces }{ "quotes\\" and ,"id":"x", \\\\ Ünïcödé'
SHELLS = [shell for shell in ("dash", "bash") if shutil.which(shell)]


class VerifyTest(unittest.TestCase):
    """The script as a user calls it."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.gateway = tp1.Gateway()
        self.stream = self.gateway.stream("00100")
        for number in range(9):
            self.stream.event({**tp1.journal(number), "text": ODD}, more={"zone": "x"})
        self.stream.parts(tp1.journal(9, lines=6), 2)
        self.stream.control()
        self.write("key.pem", self.gateway.key.public_pem)

    def tearDown(self):
        self.directory.cleanup()

    def write(self, name, content):
        """A file in the test's directory."""
        path = os.path.join(self.directory.name, name)
        with open(path, "wb") as file:
            file.write(content)
        return path

    def verify(self, events=None, note=None, proof=None, shell="sh", key="key.pem"):
        """(exit status, output) of the script."""
        command = [shell, SCRIPT]
        if events is not None:
            command.append(self.write("events", b"".join(event + b"\n" for event in events)))
        for option, content in (("--checkpoint", note), ("--proof", proof)):
            if content is not None:
                command += [option, self.write(option[2:], content)]
        command += ["--key", os.path.join(self.directory.name, key)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def fails(self, text, events=None, **more):
        """The script fails, and its words match."""
        status, output = self.verify(events, **more)
        self.assertEqual(status, 1, output)
        self.assertRegex(output, text)

    def test_good_streams(self):
        """Every size of checkpoint of a stream of 12 events, in each shell; and the chain head that it prints."""
        events = self.stream.events
        for shell in SHELLS:
            status, output = self.verify(events, self.stream.checkpoint(), shell=shell)
            self.assertEqual(status, 0, output)
            self.assertIn(self.stream.chain.hex(), output)
            self.assertIn("size 12, root and chain are those of the events; signed by acme/gw1", output)
        for size in range(1, 12):
            self.assertEqual(self.verify(events, self.stream.checkpoint(size))[0], 0, size)
        self.assertEqual(self.verify(events)[0], 0)

    def test_proofs(self):
        """Every inclusion proof of trees of 1, 2, 3, 7 and 12; a proof that is bent, cut, too long or of another leaf is refused."""
        for size in (1, 2, 3, 7, 12):
            for sequence in range(1, size + 1):
                proof = tp1.proof_of(self.stream, sequence, size)
                self.assertEqual(self.verify(proof=tp1.canonical(proof))[0], 0, (size, sequence))
        proof = tp1.proof_of(self.stream, 5, 12)
        whole = tp1.canonical({"command": "proof.get", "id": "1", "result": proof, "state": "done"})
        self.assertIn("sequence 5 of", self.verify(proof=whole)[1])
        path = proof["proof"]
        for change, text in (({"index": 5}, "path leads to"), ({"leaf": "00" * 32}, "path leads to"), ({"proof": path[:-1]}, "too short"),
                             ({"proof": path + path[:1]}, "too long"), ({"proof": path[::-1]}, "path leads to"), ({"index": 12}, "not in a tree"),
                             ({"proof": [*path[:-1], "AAAA"]}, "no digest"),
                             ({"checkpoint": self.stream.checkpoint(12, key=tp1.Key()).decode()}, "signature: no line")):
            self.fails(text, proof=tp1.canonical({**proof, **change}))
        self.fails("holds no proof", proof=b"{}")

    def test_each_changed_attribute_is_named(self):
        """A change of what the leaf covers, in any event, is named with its sequence; so is a changed chain value."""
        value = json.loads(self.stream.events[4])
        changes = {"id": "f" * 32, "revision": 2, "subject": "00100/journal/2025/JE-5", "time": "2026-11-21T09:00:00.000Z",
                   "type": "com.twinpost.journal.amended.v1", "dataschema": "urn:x", "chainhash": "0" * 64,
                   "data": {**value["data"], "text": "x"}}
        for name, changed in changes.items():
            events = list(self.stream.events)
            events[4] = tp1.canonical({**value, name: changed})
            self.fails(r"sequence 5: (id|chainhash) is \w+, it should be \w+", events, note=self.stream.checkpoint())
        for place in (0, 9, 11):
            events = list(self.stream.events)
            events[place] = re.sub(rb'"time":"2026', b'"time":"2025', events[place])
            self.fails(rf"sequence {place + 1}: chainhash is", events)

    def test_missing_swapped_and_foreign_events(self):
        """A dropped, doubled or swapped event, another source, an empty file, rubbish and a cut line."""
        events, other = self.stream.events, tp1.Gateway().stream("00200")
        other.event(tp1.journal(1))
        self.fails("sequence 4: missing: here stands 00000000000000000005", events[:3] + events[4:])
        self.fails("sequence 4: missing: here stands 00000000000000000003", events[:3] + events[2:])
        self.fails("sequence 3: missing", [*events[:2], events[3], events[2], *events[4:]])
        self.fails("sequence 3: its source is", [*events[:2], other.events[0], *events[3:]])
        self.fails("sequence 1: missing", events[1:])
        self.fails("holds no event", [])
        self.fails("sequence 2: not an event", [events[0], b"hello"])
        self.fails("sequence 12: (not an event|a string)", [*events[:11], events[11][:200]])

    def test_checkpoints_that_do_not_fit(self):
        """Other root, other chain, more events than are here, another source, another key, changed text, no note."""
        events, good = self.stream.events, self.stream.checkpoint()
        for text, note in (("root: the checkpoint of 12 says", self.stream.checkpoint(root=b"\1" * 32)),
                           ("chain: the checkpoint of 12 says", self.stream.checkpoint(chain=b"\1" * 32)),
                           ("signature: no line of acme/gw1", self.stream.checkpoint(key=tp1.Key())),
                           ("signature: no line of acme/gw1", self.stream.checkpoint(name="acme/gw2")),
                           ("signature: the line of acme/gw1", good.replace(b"\n12\n", b"\n11\n")),
                           ("no signed note", good.replace(b"\n\n", b"\n")), ("no signed note", b"x\n")):
            self.fails(text, events, note=note)
        self.fails("covers 12 events, here are 9: sequence 10 is missing", events[:9], note=good)
        other = self.gateway.stream("00200")
        other.event(tp1.journal(1))
        self.fails("the checkpoint is of .*:00200:", events, note=other.checkpoint())
        text, [(name, number, signature)] = tp1.note_parts(good)
        bent = base64.b64encode(number + signature[:-1] + bytes([signature[-1] ^ 1])).decode()
        self.fails("signature: the line of", events, note=text + f"\n\u2014 {name} {bent}\n".encode())
        witness = tp1.note("x\n", ("witness", tp1.Key())).split(b"\n\n")[1]
        self.assertEqual(self.verify(events, good + witness)[0], 0)

    def test_large_events(self):
        """Events of 60,000 bytes, and 300 of them small: more than one level of everything."""
        stream = self.gateway.stream("00300")
        stream.event(tp1.journal(1, lines=1000))
        self.assertGreater(len(stream.events[0]), 50000)
        for number in range(300):
            stream.event(tp1.journal(number + 2))
        status, output = self.verify(stream.events, stream.checkpoint())
        self.assertEqual(status, 0, output)

    def test_usage(self):
        """No arguments, an unknown option, a missing file, a checkpoint without a key: exit 2; help: 0."""
        events = self.write("events", self.stream.events[0] + b"\n")
        for words, status in (([], 2), (["--what"], 2), (["/nonexistent"], 2), ([events, "--checkpoint", events], 2), (["--key"], 2),
                              (["--help"], 0)):
            done = subprocess.run(["sh", SCRIPT, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            self.assertEqual(done.returncode, status, words)

    def test_shellcheck(self):
        """shellcheck has nothing to say."""
        if not shutil.which("shellcheck"):
            self.skipTest("shellcheck is not installed")
        done = subprocess.run(["shellcheck", SCRIPT], stdout=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.stdout, "")


if __name__ == "__main__":
    unittest.main()
