#!/usr/bin/env python3
"""test_cli_compare - comparisons at the command line: a result read in a terminal, decisions sent to an agent that this test plays.

What is shown: show, diff, causes and export say what tests/data/compare_sample holds; which result is meant without a name; what each
decision asks of the agent; previews and what was decided, in words.
Rules: expected figures are counted here from the lines of the sample.
"""
import collections
import json
import os
import shutil
import unittest
from decimal import Decimal

from cli_case import ROOT, CliCase

SAMPLE = os.path.join(ROOT, "tests", "data", "compare_sample")
KEY = "compare:00001/invoice/2026/RI-14218:2026-08"
ONE = {"id": 1, "key": KEY, "state": "snoozed", "status": "different", "cause": "tax", "owner": "mapping", "entity": "00001",
       "gross": "339.22", "net": "-339.22", "currency": "EUR", "text": "V7 is mapped to 7 %", "first_run": "000003",
       "due": "2026-11-23T00:00:00.000Z", "late": True, "reopened": 2, "until": "2026-12-31T00:00:00.000Z",
       "who": "anna (uid 1000)", "second": "bert (uid 1001)", "reason": "year \x1b[31mend", "at": "2026-11-21T16:08:27.000Z"}


class Case(CliCase):
    """What both kinds of commands need."""

    def differences(self):
        with open(os.path.join(SAMPLE, "differences.ndjson"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]


def shown(amount):
    """An amount as the terminal shows it."""
    return f"{Decimal(amount):,}"


class ReadTest(Case):
    def test_show(self):
        """Verdict, reasons, counts, sums by currency, five causes, readiness."""
        status, out, err = self.run_cli("compare", "show", SAMPLE)
        self.assertEqual((status, err), (0, ""))
        states = collections.Counter(d["state"] for d in self.differences())
        self.assertTrue(out.startswith("breaks, run 000012, cut 2026-11-21T16:08:27Z\n  - 40 documents differ\n"), out)
        self.assertRegex(out, rf"(?m)^  open differences +{len(self.differences()) - states['accepted']}$")
        self.assertRegex(out, rf"(?m)^  accepted +{states['accepted']}$")
        self.assertRegex(out, r"(?m)^  open value +60,689.50 gross, -9,522.66 net EUR$")
        self.assertRegex(out, r"(?m)^ +4,055,186 gross, -2,074,244 net JPY$")
        self.assertRegex(out, r"(?m)^  mapping +5 +EUR +35,067.80 +0.00 +Migration team ")
        self.assertIn("  ... 18 more: twinpost compare causes\n", out)
        self.assertRegex(out, r"(?m)^  00001 +parallel +10 +31 +no +10 of 31")
        self.assertEqual(json.loads(self.run_cli("compare", "show", SAMPLE, "--json")[1])["id"], "000012")

    def test_show_is_never_falsely_green(self):
        """A result whose figures deny its verdict is shown as incomplete."""

    def test_compared(self):
        """The verdict's first reason; a number that two differences have is not enough to name one."""
        files = [os.path.join(self.folder, name) for name in ("legacy.csv", "cloud.csv", "result")]
        for name, amount in zip(files, ("5.00", "6.00")):
            with open(name, "w", encoding="utf-8") as file:
                file.write("entity,type,year,number,period,posting_date,currency,origin,line.line,line.account,line.amount\n")
                for company in ("10", "20"):
                    origin = f"{company}/journal/2026/JE-1" if name == files[1] else ""
                    for line, account, value in ((1, "A", amount), (2, "B", "-" + amount)):
                        file.write(f"{company},journal,2026,JE-1,1,2026-01-05,EUR,{origin},{line},{account},{value}\n")
        status, out, _ = self.run_cli("compare", "run", "--legacy", files[0], "--cloud", files[1], "--output", files[2])
        self.assertEqual(status, 1)
        self.assertRegex(out, r"\Abreaks: 2 documents differ\n  documents +2 in the ERP, 2 in the cloud\n")
        self.assertTrue(out.endswith(f"\nread it: twinpost compare show {files[2]}\n"), out)
        status, out, err = self.run_cli("compare", "diff", files[2], "JE-1")
        self.assertEqual((status, out), (1, ""))
        self.assertIn("more than one difference has JE-1; say which by its key, such as compare:10/journal/2026/JE-1:2026-01", err)
        self.assertRegex(self.run_cli("compare", "diff", files[2], "20/journal/2026/JE-1")[1], r"\Acompare:20/journal/2026/JE-1:2026-01\n")

    def test_nothing_compared(self):
        """A file that cannot be read is no verdict: exit status 5, and no result is left."""
        files = [os.path.join(self.folder, name) for name in ("legacy.csv", "cloud.csv", "result")]
        for name in files[:2]:
            with open(name, "w", encoding="utf-8") as file:
                file.write("entity,type\n1,2,3\n")
        status, out, err = self.run_cli("compare", "run", "--legacy", files[0], "--cloud", files[1], "--output", files[2])
        self.assertEqual((status, out), (5, ""))
        self.assertIn("nothing is compared before the file is whole", err)
        self.assertFalse(os.path.exists(files[2]))

    def test_causes_and_export(self):
        """All causes of run.json in their order; the CSV files of a report."""
        with open(os.path.join(SAMPLE, "run.json"), encoding="utf-8") as file:
            causes = json.load(file)["causes"]
        lines = self.run_cli("compare", "causes", SAMPLE)[1].splitlines()[1:]
        self.assertEqual([line.split()[:5] for line in lines],
                         [[c["cause"], str(c["count"]), c["currency"], shown(c["gross"]), shown(c["net"])] for c in causes])
        out, reported = os.path.join(self.folder, "csv"), os.path.join(self.folder, "report")
        self.assertEqual(self.run_cli("compare", "export", SAMPLE, "--output", out)[0], 0)
        self.run_cli("compare", "report", SAMPLE, "--format", "csv", "--output", reported)
        self.assertEqual(sorted(os.listdir(out)), sorted(os.listdir(reported)))
        self.assertEqual(self.run_cli("compare", "export", SAMPLE)[0], 2)

    def test_which_result(self):
        """A number is one of compare.results, none is the newest; an empty folder says what to do."""
        results = os.path.join(self.folder, "results")
        config = os.path.join(self.folder, "c.yaml")
        with open(os.path.join(ROOT, "config", "examples", "minimal.yaml"), encoding="utf-8") as file:
            text = file.read()
        with open(config, "w", encoding="utf-8") as file:
            file.write(text + f"\ncompare:\n  results: {results}\n")
        os.mkdir(results)
        status, _, err = self.run_cli("--config", config, "compare", "show")
        self.assertEqual(status, 4)
        self.assertIn("make one: twinpost compare run", err)
        for number in ("000002", "000010"):
            shutil.copytree(SAMPLE, os.path.join(results, number))
        self.assertIn(f"report {results}/000010 ", self.run_cli("--config", config, "compare", "show")[1])
        self.assertIn(f"report {results}/000002 ", self.run_cli("--config", config, "compare", "show", "2")[1])
        self.assertEqual(self.run_cli("--config", config, "compare", "show", "3")[0], 4)


class DecideTest(Case):
    def test_requests(self):
        """Each command sends what the protocol documents."""
        agent = self.play({"differences": [], "counts": {}, "more": False, "key": KEY, "state": "accepted"})
        for arguments, request in [
                (["exceptions"], {"cmd": "compare_list"}),
                (["exceptions", "--state", "accepted", "--cause", "tax", "--entity", "00001", "--owner", "mapping", "--limit", "7"],
                 {"cmd": "compare_list", "state": "accepted", "cause": "tax", "entity": "00001", "owner": "mapping", "limit": 7}),
                (["exceptions", KEY], {"cmd": "compare_show", "key": KEY}),
                (["accept", KEY, "--why", "agreed"], {"cmd": "compare_accept", "key": KEY, "why": "agreed"}),
                (["accept", "--cause", "tax", "--preview"], {"cmd": "compare_accept", "cause": "tax", "preview": True}),
                (["accept", "--entity", "00001", "--token", "ab", "--why", "x"],
                 {"cmd": "compare_accept", "entity": "00001", "token": "ab", "why": "x"}),
                (["reject", KEY, "--why", "x"], {"cmd": "compare_reject", "key": KEY, "why": "x"}),
                (["ack", "--cause", "tax", "--why", "x"], {"cmd": "compare_ack", "cause": "tax", "why": "x"}),
                (["snooze", KEY, "--until", "2026-12-31", "--why", "x"],
                 {"cmd": "compare_snooze", "key": KEY, "until": "2026-12-31", "why": "x"}),
                (["reopen", KEY, "--why", "x"], {"cmd": "compare_reopen", "key": KEY, "why": "x"})]:
            self.assertEqual(self.ask("compare", *arguments)[0], 0, arguments)
            self.assertEqual(agent.requests[-1], {"v": 1, **request})

    def test_wrong_lines(self):
        """What cannot be meant is not asked."""
        for arguments, sentence in [
                (["accept", KEY], "the reason is missing"), (["accept", "--why", "x"], "say which: the KEY of one difference"),
                (["ack", KEY, "--cause", "tax", "--why", "x"], "say which: the KEY of one difference"),
                (["snooze", KEY, "--why", "x"], "until when? --until 2026-12-31"),
                (["reject", KEY, "--why", "x", "--preview"], "this command does not take --preview"),
                (["diff", SAMPLE, "--state", "open"], "this command does not take --state")]:
            status, out, err = self.run_cli("compare", *arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(sentence, err)

    def test_list_in_words(self):
        """A late one, decided by two; nothing of an ERP steers the terminal."""
        self.play({"differences": [ONE], "counts": {"open": 3, "snoozed": 1, "accepted": 0}, "more": True})
        self.assertEqual(self.ask("compare", "exceptions")[1],
                         f"{KEY}\n"
                         "    different, tax, 339.22 gross, -339.22 net EUR\n"
                         "    V7 is mapped to 7 %\n"
                         "    anna (uid 1000) and bert (uid 1001), 2026-11-21T16:08Z: year ?[31mend\n"
                         "    snoozed until 2026-12-31, mapping, was due 2026-11-23, since run 000003, reopened 2 times\n"
                         "... there are more (--limit N)\n"
                         "3 open, 1 snoozed\n")

    def test_preview_and_done(self):
        """How many, how much, the token; the same words for what was done."""
        answer = {"count": 1204, "becomes": {"accept_pending": 1200, "accepted": 4}, "token": "4f1c",
                  "currencies": [{"currency": "EUR", "count": 1204, "gross": "12.04", "net": "-0.30"}]}
        self.play(answer)
        self.assertEqual(self.ask("compare", "accept", "--cause", "rounding", "--preview")[1],
                         "1,200 would become accept_pending\n4 would become accepted\n  1,204: 12.04 gross, -0.30 net EUR\n"
                         "exactly these, as long as they are as they are now: --token 4f1c\n")
        self.assertEqual(self.ask("compare", "accept", "--cause", "rounding", "--token", "4f1c", "--why", "x")[1],
                         "1,200 are now accept_pending\n4 are now accepted\n  1,204: 12.04 gross, -0.30 net EUR\n")

    def test_numbers_that_are_none(self):
        """What no agent counts is no number here either: over 64 bits, or a text."""
        self.play({"differences": [], "counts": {"open": 1e300, "snoozed": "9", "accepted": 2}, "more": False,
                   "becomes": {"accepted": -1e300}, "token": "4f1c", "currencies": []})
        self.assertEqual(self.ask("compare", "exceptions")[1], "None of these.\n2 accepted\n")
        self.assertEqual(self.ask("compare", "accept", "--cause", "x", "--preview")[1].splitlines()[0], "0 would become accepted")

    def test_one_done(self):
        """A pending acceptance says that a second person is wanted."""
        self.play({**ONE, "state": "accept_pending"})
        self.assertEqual(self.ask("compare", "accept", KEY, "--why", "x")[1],
                         f"{KEY} is now accept_pending: a second person must accept it too\n")


if __name__ == "__main__":
    unittest.main()
