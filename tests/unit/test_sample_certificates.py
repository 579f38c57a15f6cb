"""test_sample_certificates.py - tools/certificates makes what TLS clients and servers accept, and what they must refuse.

Why:   tests of bad certificates are worth something only if each is bad in exactly one way.
Rules: openssl verify and x509 are the judges.
Runs in: tools/test (unit).
"""

import os
import stat
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "tools", "certificates")


class CertificatesTest(unittest.TestCase):
    """tools/certificates."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = self.directory.name

    def tearDown(self):
        self.directory.cleanup()

    def make(self, *arguments):
        """Runs the tool."""
        return subprocess.run([TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)

    def verify(self, name, *more):
        """openssl verify: "" or its error."""
        done = subprocess.run(["openssl", "verify", "-x509_strict", "-CAfile", f"{self.path}/ca.crt", *more, f"{self.path}/{name}.crt"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return "" if done.returncode == 0 else done.stdout

    def test_default_set(self):
        """A CA, a server certificate for localhost by name and address, a client certificate; P-256; keys private."""
        self.assertEqual(self.make(self.path).returncode, 0)
        for host in (("-verify_hostname", "localhost"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")):
            self.assertEqual(self.verify("server", "-purpose", "sslserver", *host), "")
        self.assertEqual(self.verify("client", "-purpose", "sslclient"), "")
        self.assertIn("purpose", self.verify("client", "-purpose", "sslserver"))
        self.assertIn("ostname", self.verify("server", "-verify_hostname", "example.com"))
        for name in ("ca", "server", "client"):
            self.assertEqual(stat.S_IMODE(os.stat(f"{self.path}/{name}.key").st_mode), 0o600)
            text = subprocess.run(["openssl", "x509", "-in", f"{self.path}/{name}.crt", "-noout", "-text"],
                                  stdout=subprocess.PIPE, text=True, check=True).stdout
            self.assertIn("prime256v1", text)
            self.assertIn("ecdsa-with-SHA256", text)

    def test_bad_ones_are_bad_in_one_way(self):
        """Expired, not yet valid, of another authority: each with its own error; the CA stays the same."""
        self.make(self.path)
        with open(f"{self.path}/ca.crt", encoding="utf-8") as file:
            authority = file.read()
        for option, words in (("--expired", "expired"), ("--not-yet-valid", "not yet valid"), ("--other-ca", "issuer certificate")):
            self.assertEqual(self.make(self.path, "--server", "localhost", option, "--as", "bad").returncode, 0)
            error = self.verify("bad", "-verify_hostname", "localhost")
            self.assertIn(words, error)
            self.assertEqual(error.count("error "), 1 + error.count("error /"))
        with open(f"{self.path}/ca.crt", encoding="utf-8") as file:
            self.assertEqual(file.read(), authority)

    def test_replacing(self):
        """The same name again: a new pair that fits together and verifies."""
        self.make(self.path)
        self.assertEqual(self.make(self.path, "--server", "broker.example,10.0.0.1", "--as", "server").returncode, 0)
        self.assertEqual(self.verify("server", "-verify_hostname", "broker.example"), "")
        self.assertEqual(self.verify("server", "-verify_ip", "10.0.0.1"), "")
        keys = [subprocess.run(["openssl", *command], stdout=subprocess.PIPE, check=True).stdout for command in (
            ("x509", "-in", f"{self.path}/server.crt", "-noout", "-pubkey"), ("pkey", "-in", f"{self.path}/server.key", "-pubout"))]
        self.assertEqual(keys[0], keys[1])

    def test_wrong_usage(self):
        """No directory, an unknown option, a wrong number: exit 2."""
        for arguments in ((), (self.path, "--what"), (self.path, "--days", "x"), (self.path, "--server"), (self.path, "other")):
            self.assertEqual(self.make(*arguments).returncode, 2, arguments)


if __name__ == "__main__":
    unittest.main()
