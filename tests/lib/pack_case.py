"""pack_case.py - what the tests of packs share: folders, keys, the command line, and both verifiers.

Why:   each tampered copy goes through `twinpost compare verify` and through docs/compare/verify/verify-pack.sh.
Owns:  a temporary folder for each test.
Runs in: tests/unit/test_pack.py, tests/unit/test_pack_tampered.py, tests/unit/test_pack_false.py
"""
import os
import subprocess
import tempfile
import unittest

import packs

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWINPOST = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")
SCRIPT = os.path.join(ROOT, "docs", "compare", "verify", "verify-pack.sh")
AGENT, AUDITOR, STRANGER = packs.key("agent"), packs.key("auditor"), packs.key("stranger")
NAME = "acme/plant-1"


class PackCase(unittest.TestCase):
    """Folders, keys, and both verifiers."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.number = 0
        for name, key in (("agent", AGENT), ("auditor", AUDITOR), ("stranger", STRANGER)):
            self.write(f"{name}.pub", key.pem().encode())
            os.chmod(self.write(f"{name}.pem", packs.private_pem(key)), 0o600)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def write(self, name, data):
        with open(self.path(name), "wb") as file:
            file.write(data)
        return self.path(name)

    def place(self, files):
        """Files in a new folder."""
        self.number += 1
        return packs.write(self.path(f"f{self.number}"), files)

    def run_cli(self, *arguments):
        done = subprocess.run([TWINPOST, *arguments], capture_output=True, text=True, errors="replace", timeout=300, stdin=subprocess.DEVNULL, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def sign(self, folder, *more, key="agent", name=NAME):
        return self.run_cli("compare", "sign", folder, "--key", self.path(f"{key}.pem"), "--name", name, *more)

    def signed(self, files):
        """The pack that the command line makes of a result, as files."""
        folder = self.place({**files, "pack.secret": packs.SECRET.encode() + b"\n"})
        status, out, err = self.sign(folder)
        self.assertEqual((status, err), (0, ""), out)
        return packs.read(folder + ".pack")

    def verify(self, path, key="agent"):
        return self.run_cli("compare", "verify", path, "--key", self.path(f"{key}.pub"))

    def script(self, path, key="agent"):
        done = subprocess.run(["bash", SCRIPT, path, "--key", self.path(f"{key}.pub")], capture_output=True, text=True, errors="replace", timeout=300,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def both_good(self, path, key="agent"):
        for verifier in (self.verify, self.script):
            status, out, err = verifier(path, key)
            self.assertEqual((status, err), (0, ""), out)
            self.assertRegex(out, r"(?m)^good: this (pack|proof) is whole and signed by ")

    def both_refuse(self, path, text, key="agent"):
        """text: what the command line says; the script says it in its own words."""
        status, out, err = self.verify(path, key)
        self.assertEqual(status, 1, out + err)
        self.assertRegex(out + err, text)
        if os.path.isdir(path) or os.path.basename(path).startswith("proof"):
            status, out, err = self.script(path, key)
            self.assertIn(status, (1, 2), f"{text}: {out}{err}")
            self.assertNotIn("\ngood", "\n" + out)
