"""test_cli_repost - `twinpost compare repost`: what it asks the agent for, in which pages, and what it makes of the answers.

The agent is played; the differences are of a comparison that `twinpost compare run` made of two files of the test.
"""
import json
import os
import unittest

from cli_case import CliCase

COLUMNS = "entity,type,year,number,period,posting_date,currency,origin,line.line,line.account,line.amount\n"
HEAD = "entity,from,to,valid_from,valid_to,note\n"


class Repost(CliCase):
    """250 journals whose accounts became another code than the cloud has, and one that is 1.00 off."""

    def compared(self):
        for side in ("legacy", "cloud"):
            with open(os.path.join(self.folder, f"{side}.csv"), "w", encoding="utf-8") as file:
                file.write(COLUMNS)
                for number in range(251):
                    cloud = side == "cloud"
                    account = "100" if not cloud else "WRONG" if number else "A"
                    amount = "6.00" if cloud and not number else "5.00"
                    origin = f"10/journal/2026/{number:03}" if cloud else ""
                    for line, code, value in ((1, account, amount), (2, "A" if cloud else "100", "-" + amount)):
                        file.write(f"{'20' if number > 247 else '10'},journal,2026,{'G' if cloud else ''}{number:03},1,2026-01-05,"
                                   f"EUR,{origin.replace('10/', '20/') if number > 247 else origin},{line},{code},{value}\n")
        return self.compare()

    def collective(self, count):
        """Of so many journals the cloud has made one, with another account; and another one alone."""
        names = [f"10/journal/2026/{number:03}" for number in range(count)]
        with open(os.path.join(self.folder, "legacy.csv"), "w", encoding="utf-8") as file:
            file.write(COLUMNS)
            for number in range(count + 1):
                file.write("".join(f"10,journal,2026,{number:03},1,2026-01-05,EUR,,{line},100,{amount}\n" for line, amount in ((1, 5), (2, -5))))
        with open(os.path.join(self.folder, "cloud.csv"), "w", encoding="utf-8") as file:
            file.write(COLUMNS)
            for number, origin, amount in (("G1", " ".join(names), 5 * count), ("G2", f"10/journal/2026/{count:03}", 5)):
                file.write(f"10,journal,2026,{number},1,2026-01-05,EUR,{origin},1,WRONG,{amount}\n"
                           f"10,journal,2026,{number},1,2026-01-05,EUR,{origin},2,A,{-amount}\n")
        return names, self.compare()

    def compare(self):
        os.mkdir(os.path.join(self.folder, "rules"))
        with open(os.path.join(self.folder, "rules", "account.csv"), "w", encoding="utf-8") as file:
            file.write(HEAD + "*,*,A,,,\n")
        config = os.path.join(self.folder, "c.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("tenant: a\ngateway: b\nuplink: {host: h, ca_file: ca.pem}\nsources:\n  - {name: erp, profile: jde, dsn: D}\n"
                       f"compare:\n  results: {self.folder}/results\n  rules: {self.folder}/rules\n")
        status, out, err = self.ask("compare", "run", "--legacy", "legacy.csv", "--cloud", "cloud.csv", "--config", config)
        self.assertEqual((status, err), (1, ""), out)
        with open(os.path.join(self.folder, "results", "000001", "differences.ndjson"), encoding="utf-8") as file:
            self.differences = [json.loads(line) for line in file]
        return config

    def answers(self, request):
        if request["cmd"] != "compare_repost":
            return None
        subjects = request["text"].splitlines()
        return {"asked": len(subjects), "amended": len(subjects) - 1, "unchanged": 0, "refused": 1, "preview": "preview" in request,
                "rules": "ab" * 8, "documents": [{"subject": one, "result": "refused" if one == subjects[0] else "amended",
                                                  "revision": 2, "why": "account.csv has no row"} for one in subjects]}

    def test_pages(self):
        """All of the cause and no other, at most 100 a request, each with the reason; refusals are told, exit status 1."""
        config = self.compared()
        wanted = [one["legacy"]["subject"] for one in self.differences if one["cause"] == "mapping"]
        self.assertEqual(len(wanted), 250)
        agent = self.play(self.answers)
        status, out, err = self.ask("compare", "repost", "--cause", "mapping", "--why", "mended", "--config", config)
        self.assertEqual((status, err), (1, ""))
        self.assertEqual([len(request["text"].splitlines()) for request in agent.requests], [100, 100, 50])
        self.assertEqual([one for request in agent.requests for one in request["text"].splitlines()], wanted)
        self.assertEqual({request["why"] for request in agent.requests}, {"mended"})
        self.assertIn("were posted again with other codes, as their next revision: 247\n", out)
        self.assertIn(f"refused: 3\n  {wanted[0]}: account.csv has no row\n", out)
        del agent.requests[:]
        status, out, _ = self.ask("compare", "repost", "--cause", "mapping", "--entity", "20", "--preview", "--json", "--config", config)
        self.assertEqual([(request["text"], request["preview"], "why" in request) for request in agent.requests],
                         [("".join(f"20/journal/2026/{number}\n" for number in (248, 249, 250)), True, False)])
        self.assertEqual((json.loads(out)["asked"], json.loads(out)["amended"]), (3, 2))
        del agent.requests[:]
        status, out, _ = self.ask("compare", "repost", "--cause", "rounding", "--why", "x", "--config", config)
        self.assertEqual((status, out, agent.requests),
                         (0, "the newest comparison has no such difference; nothing to post again\n", []))

    def test_what_stands_together(self):
        """Every document that the cloud has booked as one is posted again; more than a result names are refused, by name."""
        names, config = self.collective(3)
        self.assertEqual([one["cause"] for one in self.differences], ["mapping"] * 2)
        agent = self.play(self.answers)
        self.ask("compare", "repost", "--cause", "mapping", "--why", "mended", "--config", config)
        self.assertEqual([sorted(request["text"].splitlines()) for request in agent.requests], [sorted(names + ["10/journal/2026/003"])])
        status, out, err = self.ask("compare", "diff", "000001", names[2], "--config", config)
        self.assertEqual((status, err), (0, ""))
        self.assertIn(f"; together with {names[1]}, {names[2]} cloud ", " ".join(out.split()))

    def test_too_many_stand_together(self):
        """Where not all are known, none is posted again."""
        names, config = self.collective(102)
        agent = self.play(self.answers)
        status, _, err = self.ask("compare", "repost", "--cause", "mapping", "--why", "mended", "--config", config)
        self.assertNotEqual(status, 0)
        self.assertIn(f"{names[0]} stands together with more documents than a result names", err)
        self.assertEqual(agent.requests, [])

    def test_a_page_fails(self):
        """What was posted before the page that failed is told, and the failure is the exit status."""
        config = self.compared()
        agent = self.play(lambda request: self.answers(request) if len(agent.requests) < 2 else None)
        status, out, err = self.ask("compare", "repost", "--cause", "mapping", "--why", "mended", "--config", config)
        self.assertNotEqual(status, 0)
        self.assertIn("other codes, as their next revision: 99\n", out)
        self.assertNotEqual(err, "")

    def test_words_of_the_agent(self):
        """Nothing that it says steers the terminal."""
        self.play({"asked": 1, "amended": 0, "unchanged": 1, "refused": 0, "preview": True, "rules": "ab\x1b[2J\nall is well", "documents": []})
        status, out, err = self.ask("compare", "repost", "x/y/1/z", "--preview")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("\nrules in force: ab?[2J?all is well\n", out)

    def test_usage(self):
        """One or the other, and a reason, or a preview."""
        for words in (["x/y/1/z", "--cause", "mapping"], []):
            status, _, err = self.ask("compare", "repost", "--why", "x", *words)
            self.assertEqual(status, 2)
            self.assertIn("say which: one SUBJECT, or --cause mapping", err)
        status, _, err = self.ask("compare", "repost", "x/y/1/z")
        self.assertEqual(status, 2)
        self.assertIn("the reason is missing", err)


if __name__ == "__main__":
    unittest.main()
