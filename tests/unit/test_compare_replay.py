"""test_compare_replay - `twinpost compare replay`: two comparisons of one cut, by the rules in force and by others.

Both sides are files that the sample cloud generates by rules of its own, with some plants. In force, or tried, is a copy of these rules
with one row that leads an account elsewhere. Which documents have that account is counted here, from the files.
"""
import csv
import json
import os
import shutil
import subprocess
import unittest

from cli_case import ROOT, CliCase

ACCOUNT = "4100"


class Replay(CliCase):
    def setUp(self):
        super().setUp()
        self.good, self.wrong = (os.path.join(self.folder, name) for name in ("good", "wrong"))
        tool = os.path.join(ROOT, "tools", "sample-cloud")
        subprocess.run([tool, "rules", "--output", self.good], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([tool, "generate", "--pairs", "400", "--seed", "1", "--rules", self.good, "--legacy", "legacy.csv", "--cloud",
                        "cloud.csv", "--plant", "seed=7,wrong_tax_code=3,wrong_cent=1,missing=2", "--manifest", "manifest"],
                       check=True, stdout=subprocess.DEVNULL, cwd=self.folder)
        shutil.copytree(self.good, self.wrong)
        with open(os.path.join(self.good, "account.csv"), encoding="utf-8") as file:
            text = file.read()
        self.assertIn(f"\n*,{ACCOUNT},G4100,,,\n", text)
        with open(os.path.join(self.wrong, "account.csv"), "w", encoding="utf-8") as file:
            file.write(text.replace(f"\n*,{ACCOUNT},G4100,,,\n", f"\n*,{ACCOUNT},G9999,,,\n"))
        with open(os.path.join(self.folder, "manifest"), encoding="utf-8") as file:
            self.missing = {one for line in map(json.loads, file) if line.get("kind") == "missing" for one in line["legacy"]}
        self.using = self.documents_with(ACCOUNT)

    def documents_with(self, account):
        """Subjects of the ERP that have the account on a line."""
        found, last = set(), None
        with open(os.path.join(self.folder, "legacy.csv"), encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                last = "/".join(row[name] for name in ("entity", "type", "year", "number"))
                if row.get("line.account") == account:
                    found.add(last)
        return found

    def replay(self, in_force, tried, *arguments):
        config = os.path.join(self.folder, "c.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("tenant: a\ngateway: b\nuplink: {host: h, ca_file: ca.pem}\nsources:\n  - {name: erp, profile: jde, dsn: D}\n"
                       f"compare:\n  grace_cloud: 0s\n  grace_legacy: 0s\n  rules: {in_force}\n")
        return self.run_cli("compare", "replay", "--rules", tried, "--config", config, "--legacy", "legacy.csv", "--cloud",
                            "cloud.csv", *arguments)

    def test_only_clears(self):
        """The mended row clears what it caused and nothing else; the plants stay; exit status 0; the same bytes again."""
        status, out, err = self.replay(self.wrong, self.good, "--json", "--limit", "1000")
        self.assertEqual((status, err), (0, ""), out)
        answer = json.loads(out)
        self.assertGreater(len(self.using), 20)
        cleared = {one["subject"] for one in answer["cleared"]["differences"]}
        self.assertLessEqual(cleared, self.using)
        self.assertEqual(answer["cleared"]["count"] + answer["changed"]["count"], len(self.using - self.missing), out)
        self.assertEqual(answer["created"], {"causes": [], "count": 0, "differences": []})
        self.assertEqual({one["before"]["cause"] for one in answer["cleared"]["differences"]}, {"mapping"})
        self.assertEqual(answer["after"]["open"], 6)
        self.assertEqual(answer["before"]["open"] - answer["after"]["open"], answer["cleared"]["count"])
        self.assertEqual(answer["repost"]["documents"], len(self.using))
        self.assertEqual(answer["repost"]["of_cleared"], answer["cleared"]["count"])
        self.assertEqual(self.replay(self.wrong, self.good, "--json", "--limit", "1000")[1], out)
        status, out, _ = self.replay(self.wrong, self.good, "--limit", "2")
        self.assertEqual(status, 0)
        self.assertIn(f"cleared: {answer['cleared']['count']}\n    mapping, ", out)
        self.assertIn(f"      ... and {answer['cleared']['count'] - 2} more (--limit N)\n", out)
        self.assertIn(f"to be posted again: {len(self.using)}; 0 of the created", out)

    def test_creates(self):
        """The wrong row tried: as many are created as the other way round are cleared, all of documents that would go out again."""
        cleared = json.loads(self.replay(self.wrong, self.good, "--json")[1])["cleared"]["count"]
        status, out, err = self.replay(self.good, self.wrong, "--json")
        self.assertEqual((status, err), (1, ""), out)
        answer = json.loads(out)
        self.assertEqual((answer["cleared"]["count"], answer["created"]["count"], answer["repost"]["of_created"]), (0, cleared, cleared))
        self.assertEqual(len(answer["created"]["differences"]), min(20, cleared))

    def test_missing_row(self):
        """Without a row nothing of these documents can be posted again, and that is told."""
        with open(os.path.join(self.wrong, "account.csv"), encoding="utf-8") as file:
            lines = [line for line in file if f",{ACCOUNT}," not in line]
        with open(os.path.join(self.wrong, "account.csv"), "w", encoding="utf-8") as file:
            file.writelines(lines)
        status, out, _ = self.replay(self.good, self.wrong, "--json")
        answer = json.loads(out)
        self.assertEqual((status, answer["repost"]["documents"], answer["repost"]["without_row"]), (1, 0, len(self.using)))

    def test_same_and_wrong(self):
        """The same rules change nothing; no rules, bad rules and an empty side are told."""
        status, out, _ = self.replay(self.good, self.good, "--json")
        self.assertEqual((status, json.loads(out)["repost"]["documents"]), (0, 0))
        status, _, err = self.run_cli("compare", "replay", "--legacy", "legacy.csv", "--cloud", "cloud.csv")
        self.assertEqual(status, 2)
        self.assertIn("which rules are tried? --rules DIR", err)
        with open(os.path.join(self.wrong, "tax_code.csv"), "a", encoding="utf-8") as file:
            file.write("*,X,Y,tomorrow,,\n")
        status, _, err = self.replay(self.good, self.wrong)
        self.assertEqual(status, 1)
        self.assertRegex(err, r"tax_code\.csv:\d+: valid_from is tomorrow")
        with open(os.path.join(self.folder, "cloud.csv"), encoding="utf-8") as file:
            head = file.readline()
        with open(os.path.join(self.folder, "cloud.csv"), "w", encoding="utf-8") as file:
            file.write(head)
        self.assertEqual(self.replay(self.good, self.good)[0], 5)


if __name__ == "__main__":
    unittest.main()
