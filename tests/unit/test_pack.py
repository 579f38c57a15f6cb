#!/usr/bin/env python3
"""test_pack.py - signed packs of comparisons and proofs of one document: the same bytes from another implementation.

Why:   two companies will argue over a pack years later; what one program signed any other must be able to check.
Rules: expected packs, proofs and signatures come from tests/lib/packs.py, which shares nothing with the product.
Runs in: tools/test (unit); bash, sha256sum, openssl, tar.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import packs  # noqa: E402
from pack_case import AGENT, AUDITOR, NAME, PackCase  # noqa: E402

SAMPLE = os.path.join(ROOT, "tests", "data", "compare_sample")


class GoodPacks(PackCase):
    """What verifies, and to the byte."""

    def test_sizes(self):
        """0, 1, 2, 7, 8 and 1000 pairs: the pack is that of packs.py, byte for byte; both verifiers take it; so do its proofs."""
        for pairs, alone in ((0, False), (1, False), (2, True), (7, True), (8, False), (1000, True)):
            files = packs.result(pairs, alone)
            made = self.signed(files)
            self.assertEqual(made, packs.pack(files, [(NAME, AGENT)]), pairs)
            folder = self.place(made)
            self.both_good(folder)
            documents = made["documents.ndjson"].splitlines()
            for index in sorted({0, 1, 2, 4, len(documents) // 2, len(documents) - 1} & set(range(len(documents)))):
                document = json.loads(documents[index])
                status, out, err = self.run_cli("compare", "prove", folder, f"{document['side']}:{document['subject']}")
                self.assertEqual((status, err), (0, ""))
                self.assertEqual(out.encode(), packs.proof(made, index), (pairs, index))
                self.both_good(self.write("proof", out.encode()))

    def test_sample(self):
        """The sample comparison of three companies, with the rules put beside it."""
        files = packs.read(SAMPLE)
        files.update({f"rules/{name}.csv": data for name, data in packs.RULES.items()})
        run = json.loads(files["run.json"])
        run["rules"]["version"] = packs.rules_version(packs.RULES)
        files["run.json"] = packs.canonical(run) + b"\n"
        files["report.html"], files["decisions.ndjson"] = b"<!doctype html>\n", b'{"by":"controller"}\n'
        made = self.signed(files)
        self.assertEqual(made, packs.pack(files, [(NAME, AGENT)]))
        self.both_good(self.place(made))

    def test_real_runs(self):
        """What `compare run` makes of two small ledgers with rules and without, whole and in part: signed and verified as it is."""
        subprocess.run([sys.executable, os.path.join(ROOT, "tools", "sample-cloud"), "generate", "--pairs", "200", "--legacy", self.path("erp.csv"),
                        "--cloud", self.path("cloud.csv"), "--plant", "seed=7,half_even=1,late=4,merged=3,missing=2,duplicate=1,wrong_tax_code=2,split=2,missing_legacy=1,wrong_cent=1,master_data=1"],
                       check=True, timeout=300, capture_output=True)
        for number, scope in enumerate(([], ["--entity", "20"])):
            result = self.path(f"Run_{number}.x")
            status, _, err = self.run_cli("compare", "run", "--legacy", "erp.csv", "--cloud", "cloud.csv", "--output", result, *scope)
            self.assertEqual((status, err), (1, ""))
            status, out, err = self.sign(result)
            self.assertEqual((status, err), (0, ""), out)
            self.assertEqual(packs.read(result + ".pack"), packs.pack({name: data for name, data in packs.read(result).items() if name != "pack.secret"},
                                                                     [(NAME, AGENT)], secret=packs.read(result)["pack.secret"].decode().strip()))
            self.both_good(result + ".pack")

    def test_same_bytes(self):
        """The first time a secret is made and kept; from then on the same result gives the same pack, folder and tar file."""
        folder = self.place(packs.result(5, True))
        for output in ("a", "b"):
            self.assertEqual(self.sign(folder, "--output", self.path(output))[0], 0)
            self.assertEqual(self.sign(folder, "--tar", "--output", self.path(output + ".tar"))[0], 0)
        self.assertEqual(packs.read(self.path("a")), packs.read(self.path("b")))
        with open(self.path("a.tar"), "rb") as one, open(self.path("b.tar"), "rb") as two:
            self.assertEqual(one.read(), two.read())
        self.assertEqual(os.stat(os.path.join(folder, "pack.secret")).st_mode & 0o777, 0o600)
        other = self.place(packs.result(5, True))
        self.assertEqual(self.sign(other)[0], 0)
        self.assertNotEqual(packs.read(other + ".pack")["pack.secret"], packs.read(self.path("a"))["pack.secret"])

    def test_tar(self):
        """tar reads it, with owner 0 and the time of the cut; what it unpacks is the pack; tar's own archive of a pack verifies too."""
        folder = self.place(packs.result(3))
        self.assertEqual(self.sign(folder, "--tar")[0], 0)
        tar = folder + ".pack.tar"
        self.assertEqual(self.verify(tar)[0], 0)
        self.assertEqual(self.script(tar)[0], 2)
        listed = subprocess.run(["tar", "--utc", "--full-time", "-tvf", tar], capture_output=True, text=True, check=True, env={**os.environ, "TZ": "UTC"})
        self.assertEqual(listed.stderr, "")
        for line in listed.stdout.splitlines():
            self.assertRegex(line, r"^-rw-r--r-- 0/0 +\d+ 2026-11-21 16:08:27 compare-000007/\S+$")
        subprocess.run(["tar", "-xf", tar, "-C", self.folder], check=True)
        self.both_good(self.path("compare-000007"))
        subprocess.run(["tar", "-cf", self.path("own.tar"), "-C", self.folder, "compare-000007"], check=True)
        self.assertEqual(self.verify(self.path("own.tar"))[0], 0, self.verify(self.path("own.tar")))

    def test_rules_from_elsewhere(self):
        """--rules takes the files from the folder of the rules; other rules than those of the run are not signed."""
        files = {name: data for name, data in packs.result(2).items() if not name.startswith("rules/")}
        rules = self.place({f"{name}.csv": data for name, data in packs.RULES.items()} | {"README": b"not rules"})
        folder = self.place(files)
        status, out, _ = self.sign(folder)
        self.assertEqual(status, 1)
        self.assertRegex(out, "rules: the files in rules/ are version")
        self.assertEqual(self.sign(folder, "--rules", rules)[0], 0)
        self.assertEqual(packs.read(folder + ".pack")["rules/account.csv"], packs.RULES["account"])

    def test_more_signatures(self):
        """An auditor signs the same statement; each key verifies, and the other's line is named as not checked."""
        folder = self.place(packs.result(4))
        self.assertEqual(self.sign(folder)[0], 0)
        self.assertEqual(self.sign(folder, "--tar")[0], 0)
        for pack in (folder + ".pack", folder + ".pack.tar"):
            status, out, err = self.sign(pack, key="auditor", name="auditor@example")
            self.assertEqual((status, err), (0, ""))
            self.assertIn("2 signatures", out)
            for key in ("agent", "auditor"):
                status, out, _ = self.verify(pack, key)
                self.assertEqual(status, 0, out)
            self.assertIn(f"also signed as {NAME}: not checked", out)
            self.assertIn("signed by this key already", self.sign(pack, key="auditor", name="x")[2])
        made = packs.read(folder + ".pack")
        self.assertEqual(made, packs.pack(packs.result(4), [(NAME, AGENT), ("auditor@example", AUDITOR)], secret=made["pack.secret"].decode().strip()))
        self.both_good(folder + ".pack", "auditor")
        self.both_refuse(folder + ".pack", "not signed by the given key", "stranger")
        made["balances.ndjson"] += b"x\n"
        status, _, err = self.sign(self.place(made), key="stranger", name="stranger")
        self.assertEqual(status, 1)
        self.assertIn("the pack does not hold and is not signed", err)


class Proofs(PackCase):
    """One document without the others."""

    def setUp(self):
        super().setUp()
        self.pack = packs.pack(packs.result(12, True), [(NAME, AGENT)])
        self.proof = packs.proof(self.pack, 5)

    def refuse(self, data, text):
        self.both_refuse(self.write("proof", data), text)

    def test_tampered(self):
        """Document, place, salt and path changed; another tree's note; another key; a path too short and too long."""
        head, note = self.proof.split(b"\n", 1)
        self.both_good(self.write("proof", self.proof))
        self.refuse(head.replace(b'"matched"', b'"missing_cloud"') + b"\n" + note, "not in the signed tree")
        self.refuse(head.replace(b'"index":5', b'"index":4') + b"\n" + note, "not in the signed tree")
        self.refuse(head.replace(b'"index":5', b'"index":5000') + b"\n" + note, "not in the signed tree")
        self.refuse(re.sub(rb'"salt":"..', b'"salt":"00', head) + b"\n" + note, "not in the signed tree")
        path = re.search(rb'"path":\[(.*?)\]', head)[1].split(b",")
        for other in (path[:-1], path + path[:1], path[::-1], [path[0]] * len(path)):
            self.refuse(head.replace(b",".join(path), b",".join(other)) + b"\n" + note, "not in the signed tree")
        self.refuse(head + b"\n" + packs.pack(packs.result(13, True), [(NAME, AGENT)])["pack.note"], "not in the signed tree")
        self.refuse(head + b"\n" + note.replace(b"breaks", b"reconciled"), "does not fit the text")
        self.refuse(head + b"\n" + note[:note.index(b"\n\n")], "no signed note")
        self.both_refuse(self.write("proof", self.proof), "not signed by the given key", "stranger")
        for form in (head.replace(b'"format":1', b'"format":2'), head.replace(b',"format"', b', "format"'), head[:-1] + b',"x":1}', head[:-1]):
            self.refuse(form + b"\n" + note, "is no proof of a document|tar file")

    def test_says_nothing_of_others(self):
        """No other subject, digest or secret stands in it; a neighbour's line cannot be checked by guessing it, without its salt."""
        others = [json.loads(line) for index, line in enumerate(self.pack["documents.ndjson"].splitlines()) if index != 5]
        own = json.loads(self.pack["documents.ndjson"].splitlines()[5])
        for other in others:
            if other["subject"] != own["pair"]:
                self.assertNotIn(other["subject"].encode(), self.proof)
            self.assertNotIn(other["digest"].encode(), self.proof)
        self.assertNotIn(packs.SECRET.encode(), self.proof)
        salts = {packs.salt_of(packs.SECRET, index) for index in range(len(others) + 1)}
        self.assertEqual(len(salts), len(others) + 1)
        self.assertEqual(sum(salt.encode() in self.proof for salt in salts), 1)

    def test_finding(self):
        """Both sides with one subject: the ERP's, unless cloud: asks for the other; none: exit 4; a bent pack proves nothing."""
        files = packs.result(3, every=0)
        for name in ("documents.ndjson", "differences.ndjson"):
            files[name] = files[name].replace(b"INV-", b"RI-")
        run = json.loads(files["run.json"])
        run.pop("files")
        files["run.json"] = packs.canonical(run) + b"\n"
        folder = self.place(self.signed(files))
        subject = "00001/invoice/2026/RI-0000001"
        for wanted, side in ((subject, "legacy"), (f"legacy:{subject}", "legacy"), (f"cloud:{subject}", "cloud")):
            status, out, _ = self.run_cli("compare", "prove", folder, wanted, "--output", self.path(f"proof-{side}-{len(wanted)}"))
            self.assertEqual((status, out), (0, ""))
            with open(self.path(f"proof-{side}-{len(wanted)}")) as file:
                self.assertIn(f'"side":"{side}"', file.read())
        self.assertEqual(self.run_cli("compare", "prove", folder, "nothing")[0], 4)
        self.assertIn("exists already", self.run_cli("compare", "prove", folder, subject, "--output", self.path(f"proof-legacy-{len(subject)}"))[2])
        with open(os.path.join(folder, "documents.ndjson"), "ab") as file:
            file.write(b"{}\n")
        status, _, err = self.run_cli("compare", "prove", folder, subject)
        self.assertEqual(status, 1)
        self.assertIn("is not what was signed", err)


class CommandLine(PackCase):
    """Keys, names, outputs, tar files that are none."""

    def test_keys(self):
        """Keys that are none, of another curve, encrypted, readable by others; PKCS 8 is taken."""
        folder = self.place(packs.result(2))
        openssl = lambda *arguments: subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)  # noqa: E731
        openssl("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "p384.pem")
        openssl("pkcs8", "-topk8", "-nocrypt", "-in", "agent.pem", "-out", "pkcs8.pem")
        openssl("pkcs8", "-topk8", "-passout", "pass:x", "-in", "agent.pem", "-out", "closed.pem")
        openssl("ecparam", "-name", "prime256v1", "-genkey", "-out", "parameters.pem")
        for name in ("p384", "pkcs8", "closed", "parameters"):
            os.chmod(self.path(f"{name}.pem"), 0o600)
        os.chmod(self.write("rubbish.pem", b"x"), 0o600)
        os.chmod(self.write("open.pem", packs.private_pem(AGENT)), 0o644)
        for name, text in (("p384", "no private key of P-256"), ("closed", "is encrypted"), ("rubbish", "no private key in PEM"), ("open", "chmod 600"),
                           ("absent", "cannot be read")):
            status, _, err = self.sign(folder, key=name)
            self.assertIn(status, (1, 4))
            self.assertIn(text, err)
        for name in ("pkcs8", "parameters"):
            self.assertEqual(self.sign(folder, "--output", self.path(name), key=name)[0], 0)
        self.both_good(self.path("pkcs8"))
        status, _, err = self.run_cli("compare", "verify", self.path("pkcs8"), "--key", self.path("agent.pem"))
        self.assertEqual(status, 1)
        self.assertIn("this is a private key", err)

    def test_usage(self):
        """What is missing or does not go together is told."""
        folder = self.place(packs.result(2))
        key = self.path("agent.pem")
        for arguments, text in ((("sign", folder, "--key", key), "--key needs --name"), (("verify", folder), "verify needs --key"),
                                (("sign", folder, "--name", "x"), "--name is for --key"), (("sign", folder, "--key", key, "--name", "a b"), "no name of a signer"),
                                (("sign", folder, "--key", key, "--name", "plain"), "{tenant}/{gateway}"), (("prove", folder), "compare prove PACK SUBJECT")):
            status, _, err = self.run_cli("compare", *arguments)
            self.assertEqual(status, 2, err)
            self.assertIn(text, err)
        self.assertEqual(self.sign(folder)[0], 0)
        self.assertIn("exists already", self.sign(folder)[2])
        self.assertIn("is a pack already", self.run_cli("compare", "sign", folder + ".pack")[2])

    def test_tar_files(self):
        """Tar files that hold links, two folders, a file twice; that are cut, or go on behind their end."""
        folder = self.place(packs.result(2))
        self.assertEqual(self.sign(folder, "--tar")[0], 0)
        with open(folder + ".pack.tar", "rb") as file:
            good = file.read()
        shutil.copytree(self.place(packs.pack(packs.result(2), [(NAME, AGENT)])), self.path("top"))
        os.symlink("run.json", self.path("top", "link"))
        shutil.copytree(self.path("top"), self.path("second"))
        subprocess.run(["tar", "-cf", "links.tar", "top"], check=True, cwd=self.folder)
        subprocess.run(["tar", "-cf", "two.tar", "top/run.json", "second/run.json"], check=True, cwd=self.folder)
        subprocess.run(["tar", "-cf", "twice.tar", "top/run.json", "top/run.json", "--hard-dereference"], check=True, cwd=self.folder)
        for name, data in (("cut", good[:4000]), ("short", good[:-10240]), ("more", good + b"x"), ("bent", good[:10] + b"x" + good[11:]), ("empty", b"")):
            self.write(f"{name}.tar", data)
        for name in ("links", "two", "twice", "cut", "short", "more", "bent", "empty"):
            status, out, err = self.verify(self.path(f"{name}.tar"))
            self.assertEqual(status, 1, (name, out, err))
            self.assertRegex(out, "tar file|is there twice|missing file")


if __name__ == "__main__":
    unittest.main()
