#!/usr/bin/env python3
"""test_cli_mapping - `twinpost mapping check`, and the rules of a configuration, as a migration team meets them.

What is shown: what a good directory holds, as text and as JSON; that every problem of every file has its line; that a
misspelt file is told; that `config check` looks at the rules too.
Rules: numbers are counted by hand in the files that a test writes, and in config/examples/compare.
"""
import json
import os
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWINPOST = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")
HEADER = "entity,from,to,valid_from,valid_to,note\n"


class MappingTest(unittest.TestCase):
    """The command line with a folder of rules of the test's own."""

    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = self.temporary.name

    def tearDown(self):
        self.temporary.cleanup()

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())

    def run_cli(self, *arguments):
        done = subprocess.run([TWINPOST, *arguments], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, done.stderr

    def check(self, *more):
        return self.run_cli("mapping", "check", self.folder, *more)

    def test_good(self):
        """Kinds, rows, dates and entities of each file; the version; what is no file of rules is left alone."""
        self.write("account.csv", HEADER + "*,1,2,,2025-12-31,\n*,1,3,2026-01-01,,\n00070,1,4,2024-02-29,,\n")
        self.write("tax_code.CSV", b"\xef\xbb\xbfEntity;From;To;Valid_from;Valid_to\r\n;V7;=;;\r\n")
        self.write("tolerance.csv", "entity,currency,document_type,account,amount\n,EUR,,,0.05\n")
        for name in (".account.csv", "account.csv~", "account.xlsx", ".~lock.account.csv#"):
            self.write(name, "?")
        status, out, err = self.check()
        self.assertEqual((status, err), (0, ""))
        lines = [line.split() for line in out.splitlines()]
        self.assertRegex(out, rf"^{self.folder}: good, version [0-9a-f]{{16}}\n")
        self.assertEqual(lines[2:], [["account", "3", "2024-02-29", "2026-01-01", "all,", "00070"],
                                     ["tax_code", "1", "-", "-", "all"],
                                     ["tolerances:", "1,", "rules", "for", "attributes:", "0"]])
        status, out, err = self.check("--json")
        self.assertEqual((status, err), (0, ""))
        answer = json.loads(out)
        self.assertEqual(answer["mappings"][0], {"kind": "account", "rows": 3, "entities": ["*", "00070"],
                                                 "earliest": "2024-02-29", "latest": "2026-01-01"})
        self.assertEqual((answer["tolerances"], answer["attributes"], answer["problem_count"]), (1, 0, 0))
        version = answer["version"]
        self.write("tolerance.csv", "entity,currency,document_type,account,amount\n,EUR,,,0.06\n")
        self.assertNotEqual(json.loads(self.check("--json")[1])["version"], version)

    def test_many_entities(self):
        """More entities than a line holds are counted: seven of them are five and two more."""
        self.write("account.csv", HEADER + "".join(f"{i:05},1,2,,,\n" for i in range(7)))
        self.assertIn("00000, 00001, 00002, 00003, 00004 and 2 more\n", self.check()[1])

    def test_empty(self):
        """A folder without rules is good, and says what that means; one that is not there is not."""
        status, out, _ = self.check()
        self.assertEqual(status, 0)
        self.assertIn("no mappings: every code is the same on both sides\n", out)
        status, out, err = self.run_cli("mapping", "check", self.folder + "/none")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("/none cannot be read: No such file or directory", err)

    def test_problems(self):
        """All problems of all files, each with its line, by the files' names; exit status 1."""
        self.write("account.csv", HEADER + "*,1,,,,\n*,2,3,,,\n*,2,4,,,\n")
        self.write("acount.csv", HEADER)
        self.write("tax_code.csv", HEADER + '*,V"7,1,,,\n')
        self.write("customer.csv", HEADER + "*,\x1b[2Jx\x07,,,,\n")
        status, out, err = self.check()
        self.assertEqual((status, err), (1, ""))
        places = [line[len(self.folder) + 1:].split(": ")[0] for line in out.splitlines()]
        self.assertEqual(places, ["account.csv:2", "acount.csv", "customer.csv:2", "customer.csv:2", "tax_code.csv:2",
                                  "account.csv:4"])
        self.assertNotIn("\x1b", out)
        status, out, _ = self.check("--json")
        self.assertEqual(status, 1)
        answer = json.loads(out)
        self.assertEqual(answer["problem_count"], 6)
        self.assertEqual((answer["problems"][0]["file"], answer["problems"][0]["line"]), ("account.csv", 2))

    def test_examples(self):
        """The example is good, and what docs/mapping.md shows of it is what stands in its files."""
        folder = os.path.join(ROOT, "config", "examples", "compare")
        status, out, _ = self.run_cli("mapping", "check", folder)
        self.assertEqual(status, 0, out)
        with open(os.path.join(ROOT, "docs", "mapping.md"), encoding="utf-8") as file:
            page = file.read()
        for name in ("account", "tax_code", "tolerance", "attribute"):
            with open(os.path.join(folder, name + ".csv"), encoding="utf-8") as file:
                self.assertIn(f"```csv\n{file.read()}```\n", page)
        self.assertIn("account     8  2025-12-31  2026-01-01  all, 00070, 00200\n", page)
        self.assertRegex(out, r"account +8  2025-12-31  2026-01-01  all, 00070, 00200\n")

    def test_usage(self):
        for arguments in (["mapping"], ["mapping", "check"], ["mapping", "check", "a", "b"], ["mapping", "chek", "a"]):
            self.assertEqual(self.run_cli(*arguments)[0], 2)

    def test_config_check(self):
        """`config check` tells the problems of the rules by their own paths, a folder that is not there by the key's place."""
        text = ("tenant: acme\ngateway: plant-1\nstore: {path: %s/s.db}\nuplink: {host: h, ca_file: %s/ca.pem}\n"
                "sources:\n  - {name: erp, profile: jde, dsn: D}\ncompare:\n  rules: %s\n")
        self.write("ca.pem", "-----BEGIN CERTIFICATE-----\n")
        rules = os.path.join(self.folder, "rules")
        self.write("gw.yaml", text % (self.folder, self.folder, rules))
        command = ["config", "check", f"{self.folder}/gw.yaml", "--profiles", os.path.join(ROOT, "config", "profiles")]
        status, out, _ = self.run_cli(*command)
        self.assertEqual(status, 1)
        self.assertIn(f"gw.yaml:8:10: rules: {rules} cannot be read", out)
        os.mkdir(rules)
        self.write("rules/account.csv", HEADER)
        status, out, _ = self.run_cli(*command)
        self.assertEqual(status, 0, out)
        self.assertIn(f"  rules    {rules}\n", out)
        self.write("rules/account.csv", HEADER + "*,1,,,,\n")
        status, out, _ = self.run_cli(*command)
        self.assertEqual(status, 1)
        self.assertIn(f"{rules}/account.csv:2: to is empty", out)
        self.assertNotIn("good", out)


if __name__ == "__main__":
    unittest.main()
