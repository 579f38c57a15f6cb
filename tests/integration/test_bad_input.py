"""test_bad_input - bad rows and bad files: one clear message or one exception each, and everything else flows on."""
import os
import subprocess
import tempfile
import unittest

import agent as agents
import ledger
import pipeline

# What is planted, and what its exception must say for the person who mends it.
SPOILS = {
    "nan-amount": "NaN",
    "text-amount": "",
    "forty-digits": "",
    "bad-utf8": "encoding",
    "date-zero": "posting_date",
    "date-999999": "999999",
    "unbalanced": "differ",
    "two-megabyte-text": "",
    "half-document": "",
}


class BadRows(unittest.TestCase):
    """Each kind of bad row holds its own document, is named once, and ends when the row is mended."""

    def test_each_is_one_exception(self):
        with pipeline.Pipeline(120) as line:
            held = {}
            for kind in SPOILS:
                held[kind] = line.post("--documents", 0, "--spoil", kind)["spoiled"]
            subjects = [one["subject"] for spoiled in held.values() for one in spoiled if one.get("subject")]
            line.agent.start()
            line.wait_equal(without=subjects)
            exceptions = line.agent.exceptions()
            for kind, spoiled in held.items():
                for one in spoiled:
                    found = [e for e in exceptions if e["key"] == one["subject"]]
                    self.assertEqual(len(found), 1, f"{kind}: {one} has not one exception; there are {exceptions}")
                    self.assertIn(SPOILS[kind], found[0]["text"])
            self.assertEqual(len(exceptions), len(subjects), exceptions)
            line.agent.stop()
            self.assertEqual(line.judge(without=subjects), [])


class BadProfile(unittest.TestCase):
    """A profile that names an absent column stops that feed alone, with an exception."""

    def test_absent_column(self):
        with pipeline.Pipeline(80) as line:
            with open(os.path.join(agents.ROOT, "config", "profiles", "jde.yaml"), encoding="utf-8") as file:
                text = file.read()
            broken = os.path.join(line.directory, "broken.yaml")
            with open(broken, "w", encoding="utf-8") as file:
                file.write(text.replace("ABALPH", "ABNOSUCH"))
            line.agent.settings["sources"][0]["profile"] = broken
            line.agent.write_config()
            customers = [subject for subject in line.expected() if "/customer/" in subject]
            line.agent.start()
            line.wait_equal(without=customers)
            texts = [e["text"] for e in line.agent.exceptions()]
            self.assertEqual(len(texts), 1, texts)
            self.assertIn("ABNOSUCH", texts[0])


class BadConfiguration(unittest.TestCase):
    """`run` refuses what `config check` refuses, with its place, and starts nothing."""

    def refused(self, change, *expected):
        with pipeline.Pipeline(None, subscriber=False) as line:
            change(line.agent)
            line.agent.write_config()
            done = subprocess.run([agents.program(), "run", "--config", line.agent.config_file], capture_output=True,
                                  text=True, timeout=60, env=line.agent.environment(), check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            for text in expected:
                self.assertIn(text, done.stderr)
            check = line.agent.command("config", "check", line.agent.config_file)
            self.assertEqual(check[0], 1)
            for text in expected:
                self.assertIn(text, check[1] + check[2])

    def test_unknown_key(self):
        self.refused(lambda agent: agent.set("uplink.hots", "x"), "twinpost.yaml:", "hots", "host")

    def test_wrong_type(self):
        self.refused(lambda agent: agent.set("uplink.port", "many"), "port", "65535")

    def test_missing_profile(self):
        def change(agent):
            agent.settings["sources"][0]["profile"] = "nosuch"
        self.refused(change, "nosuch")

    def test_missing_cloud_key(self):
        self.refused(lambda agent: agent.set("cloud.command_keys", ["/nowhere/cloud.pem"]),
                     "command_keys: /nowhere/cloud.pem cannot be read")

    def test_wrong_cloud_keys(self):
        with tempfile.TemporaryDirectory() as directory:
            private, rsa = (os.path.join(directory, name) for name in ("private.pem", "rsa.pem"))
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private],
                           check=True, capture_output=True)
            pair = subprocess.run(["openssl", "genrsa", "2048"], check=True, capture_output=True).stdout
            subprocess.run(["openssl", "rsa", "-pubout", "-out", rsa], input=pair, check=True, capture_output=True)
            self.refused(lambda agent: agent.set("cloud.command_keys", [private]), f"command_keys: {private}: this is a private key",
                         "openssl pkey -in KEY -pubout")
            self.refused(lambda agent: agent.set("cloud.receipt_keys", [rsa]), f"receipt_keys: {rsa}: not a public key of P-256")

    def test_secret_in_the_clear(self):
        def change(agent):
            agent.settings["sources"][0]["password"] = "hunter2secret"
        with self.subTest("it is not repeated"):
            with pipeline.Pipeline(None, subscriber=False) as line:
                change(line.agent)
                line.agent.write_config()
                code, out, error = line.agent.command("config", "check", line.agent.config_file)
                self.assertEqual(code, 1)
                self.assertNotIn("hunter2secret", out + error)
        self.refused(change, "password", "file:")


if __name__ == "__main__":
    unittest.main()
