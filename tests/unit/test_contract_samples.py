"""test_contract_samples.py - the contract's samples: made anew alike, each with the verdict it has by the rules.

Why:   consumers are tested with them; a wrong sample would teach a wrong consumer.
Rules: verdicts stand in expected.json by hand; the judge of tests/lib comes to them with openssl and hashlib.
Runs in: tools/test (unit).
"""

import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "docs", "contract", "samples")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import contract_judge as judges  # noqa: E402
import make_samples  # noqa: E402
import p256  # noqa: E402

SAMPLES_BYTES_MAX = 96 * 1024


def read(*path):
    """The text of a sample file."""
    with open(os.path.join(SAMPLES, *path), encoding="utf-8") as file:
        return file.read()


def messages(folder, name):
    """[(message, expected verdict)] of one file."""
    expected = json.loads(read(folder, "expected.json"))[name]
    lines = [json.loads(line) for line in read(folder, name).splitlines()]
    return lines, expected["verdicts"], expected["state"]


class SignatureTest(unittest.TestCase):
    """The signer of the samples."""

    def test_known_answer(self):
        """RFC 6979 appendix A.2.5, P-256 with SHA-256, messages "sample" and "test"."""
        key = p256.Key(private=0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721)
        self.assertEqual(key.pair(b"sample"), (0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
                                               0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8))
        self.assertEqual(key.pair(b"test"), (0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
                                             0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083))

    def test_openssl_reads_the_public_key(self):
        """The PEM files are EC keys on prime256v1 to openssl."""
        for name in ("agent", "agent-next", "cloud"):
            done = subprocess.run(["openssl", "pkey", "-pubin", "-noout", "-text", "-in", os.path.join(SAMPLES, "keys", f"{name}.pem")],
                                  capture_output=True, text=True, check=True)
            self.assertIn("prime256v1", done.stdout)

    def test_openssl_refuses_a_changed_text(self):
        """One bit of the text, of the signature, another key: refused."""
        key, other = p256.Key("one"), p256.Key("other")
        signature = key.sign(b"text\n")
        self.assertTrue(judges.openssl_verifies(key.spki, b"text\n", signature))
        self.assertFalse(judges.openssl_verifies(key.spki, b"texu\n", signature))
        self.assertFalse(judges.openssl_verifies(key.spki, b"text\n", signature[:-1] + bytes((signature[-1] ^ 1,))))
        self.assertFalse(judges.openssl_verifies(other.spki, b"text\n", signature))


class TreeTest(unittest.TestCase):
    """Two ways to the same root."""

    def test_roots_and_proofs_agree(self):
        """Recursive halves and pairing level by level give the same root, 1 to 40 leaves; each proof leads to it."""
        leaves = [make_samples.agents.sha256(str(number)) for number in range(40)]
        for size in range(1, 41):
            root = make_samples.agents.tree_root(leaves[:size])
            self.assertEqual(root, judges.merkle(leaves[:size]), size)
            for index in range(size):
                path = make_samples.agents.tree_path(index, leaves[:size])
                self.assertEqual(judges.proven(leaves[index], index, size, path), root, (index, size))


class SamplesTest(unittest.TestCase):
    """The files."""

    def test_made_anew_they_are_the_same(self):
        """make_samples.py gives the files of the tree, byte for byte, and no other ones are there."""
        made = make_samples.files()
        for path, text in made.items():
            self.assertEqual(read(*path.split("/")), text, path)
        with open(make_samples.ASYNCAPI, encoding="utf-8") as file:
            self.assertEqual(file.read(), make_samples.asyncapi(made), "run tests/lib/make_samples.py")
        there = {os.path.relpath(os.path.join(folder, name), SAMPLES) for folder, _, names in os.walk(SAMPLES) for name in names}
        extra = {path for path in there if not path.startswith("history/")} - set(made)
        self.assertEqual(extra, {"README.md"})

    def test_verdicts(self):
        """Each message has the verdict of expected.json, and the consumer stands where it says at the end."""
        for folder in sorted(set(make_samples.CASES) - {"invalid"}):
            for name in json.loads(read(folder, "expected.json")):
                with self.subTest(folder=folder, file=name):
                    judge = judges.Judge(read("keys", "agent.pem"), read("keys", "cloud.pem"))
                    lines, verdicts, state = messages(folder, name)
                    self.assertEqual(len(lines), len(verdicts))
                    for line, expected in zip(lines, verdicts):
                        verdict, reason = judge.judge(line["topic"], line["payload"], line.get("retained", False))
                        self.assertEqual(verdict, expected["verdict"], expected)
                        if verdict == "reject-tampered":
                            self.assertTrue(expected["why"].startswith(reason), (expected, reason))
                    self.assertEqual({name: source.report() for name, source in judge.sources.items()}, state)

    def test_bytes_of_invalid_ones(self):
        """What is said to break by its bytes does, and the others are canonical."""
        lines, verdicts, _ = messages("invalid", "messages.jsonl")
        for line, expected in zip(lines, verdicts):
            if line["payload"].startswith("{"):
                bad = judges.parse(line["payload"]) is None
                self.assertEqual(bad, expected["breaks"].startswith("bytes"), expected)

    def test_control_totals(self):
        """The first control event of valid/, added up by hand: journals 100.00 and 60.00 + 40.00 debit, 100.00 twice credit;
        invoices 119.00 twice (recorded, amended); a credit memo of 11.90; receipts 119.00 and 61.97 (voided)."""
        lines, _, _ = messages("valid", "messages.jsonl")
        data, second = [json.loads(line["payload"])["data"] for line in lines if "control.recorded" in line["payload"]]
        self.assertEqual((data["count"], data["first"], data["last"]), (8, 1, 8))
        rows = [(row["document"], row["currency"], row["period"], row["count"], row["debit"], row["credit"]) for row in data["totals"]]
        self.assertEqual(rows, [("creditmemo", "EUR", "2025-07", 1, "0.00", "11.90"), ("invoice", "EUR", "2025-07", 2, "238.00", "0.00"),
                                ("journal", "EUR", "2025-07", 3, "200.00", "200.00"),
                                ("payment", "EUR", "2025-07", 2, "0.00", "180.97")])
        # The first has sequence 9; then two receipts of 61.97 in a batch, a usage and one event of a type that has no totals.
        self.assertEqual((second["count"], second["first"], second["last"], len(second["totals"])), (4, 10, 13, 1))
        self.assertEqual((second["totals"][0]["credit"], second["totals"][0]["count"]), ("123.94", 2))

    def test_inclusion_proof(self):
        """The proof in the sample of proof.get leads from the event's leaf to the checkpoint's root."""
        lines, _, _ = messages("valid", "messages.jsonl")
        result = next(json.loads(line["payload"])["result"] for line in lines if '"command":"proof.get"' in line["payload"])
        root = result["checkpoint"].split("\n")[2]
        path = [base64.b64decode(node) for node in result["proof"]]
        found = judges.proven(bytes.fromhex(result["leaf"]), result["index"], result["size"], path)
        self.assertEqual(base64.b64encode(found).decode(), root)

    def test_every_verdict_and_small_files(self):
        """The samples show every verdict, and stay small."""
        seen = {line["verdict"] for folder in make_samples.CASES
                for content in json.loads(read(folder, "expected.json")).values() for line in content["verdicts"]}
        self.assertEqual(seen, {"accept", "drop-duplicate", "drop-stale", "hold-gap", "hold-checkpoint", "stop-equivocation",
                                "stopped", "reject-tampered", "reject-invalid"})
        for verdict in seen:
            self.assertIn(f"`{verdict}`", read("README.md"))
        self.assertLess(sum(len(text.encode()) for text in make_samples.files().values()), SAMPLES_BYTES_MAX)

    def test_writes_into_a_folder(self):
        """The script writes where it is told."""
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run(["/usr/bin/python3", "-B", os.path.join(ROOT, "tests", "lib", "make_samples.py"), directory], check=True)
            with open(os.path.join(directory, "gap", "messages.jsonl"), encoding="utf-8") as file:
                self.assertEqual(file.read(), read("gap", "messages.jsonl"))


if __name__ == "__main__":
    unittest.main()
