"""test_compare_decisions - differences of a running agent: told by `compare run`, decided by people, remembered by the next run.

Why:   the parts are tested each by itself; here the same evidence must be made by the run, kept by the agent, and found again.
Shows: every difference is one exception; accepted ones are accepted in the next result, and only as long as they are the same; what was
       accepted by cause is what the preview showed; each decision is in the audit; the cloud gets up/cmp. Windows of usage that do not
       agree are exceptions as differences are, each for itself, and only as they were seen.
Runs in: tools/test (integration).
"""

import csv
import json
import os
import unittest

import pipeline


class Case(unittest.TestCase):
    """An ERP whose cloud posts nothing: every document is missing there."""

    def setUp(self):
        self.line = pipeline.Pipeline(40, more={"compare.grace_cloud": "0s", "compare.grace_legacy": "0s"})
        self.addCleanup(self.line.close)
        agent = self.line.agent
        for name, place in (("ledger", "ledger.db"), ("results", "results")):
            agent.set(f"compare.{name}", os.path.join(agent.directory, place))
        agent.write_config()
        agent.start()
        self.line.wait_equal()
        agent.wait("the ledger has every document", lambda: self.compare()["missing_cloud"] > 0 and self.compare()["exceptions_new"] == 0)

    def command(self, *words, status=0):
        code, out, err = self.line.agent.command("compare", *words)
        self.assertEqual(code, status, f"{words}: {out}{err}")
        return out

    def compare(self, *words):
        return json.loads(self.line.agent.command("compare", "run", "--json", *words)[1])

    def listed(self, *words):
        return json.loads(self.command("exceptions", "--limit", "1000", "--json", *words))

    def accept_cause(self, cause):
        """Accepts all of a cause, by its preview."""
        preview = json.loads(self.command("accept", "--cause", cause, "--preview", "--json"))
        self.command("accept", "--cause", cause, "--token", preview["token"], "--why", "a test")
        return preview["count"]


class Decisions(Case):
    """Differences of documents."""

    def test_decided_and_remembered(self):
        first = self.compare()
        open_ones = self.listed()
        self.assertEqual(len(open_ones["differences"]), first["open"])
        self.assertEqual(first["exceptions_open"], first["open"])
        self.assertEqual({one["status"] for one in open_ones["differences"]}, {"missing_cloud"})
        one = open_ones["differences"][0]
        self.command("accept", one["key"], "--why", "comes next month")
        again = self.compare()
        self.assertEqual((again["accepted"], again["open"], again["exceptions_reopened"]), (1, first["open"] - 1, 0))
        shown = json.loads(self.command("diff", one["key"], "--json"))
        self.assertEqual((shown["status"], shown["accepted"]["reason"]), ("accepted", "comes next month"))

        # By cause: what the preview shows, and nothing else.
        cause = one["cause"]
        preview = json.loads(self.command("accept", "--cause", cause, "--preview", "--json"))
        same_cause = [d for d in self.listed("--cause", cause)["differences"]]
        self.assertEqual(preview["count"], len(same_cause))
        self.command("ack", same_cause[0]["key"], "--why", "mine")
        self.command("accept", "--cause", cause, "--token", preview["token"], "--why", "all of them", status=1)
        preview = json.loads(self.command("accept", "--cause", cause, "--preview", "--json"))
        self.command("accept", "--cause", cause, "--token", preview["token"], "--why", "all of them")
        last = self.compare()
        self.assertEqual(last["accepted"], 1 + preview["count"])

        # Taken back, it is open again; snoozed, it is in the next result.
        self.command("reject", one["key"], "--why", "it did not come")
        self.command("snooze", one["key"], "--until", "2099-01-01", "--why", "x", status=1)
        self.assertEqual(self.compare()["accepted"], preview["count"])
        audit = json.loads(self.line.agent.command("audit", "--json", "--limit", "1000")[1])["entries"]
        actions = [entry["action"] for entry in audit]
        self.assertEqual((actions.count("difference accepted"), actions.count("acceptance taken back")), (2, 1))
        self.assertIn(f"cause {cause}, company any: {preview['count']} differences, sha256 {preview['token']}",
                      [entry["target"] for entry in audit])
        self.assertEqual(self.line.agent.command("audit", "verify")[0], 0)

    def test_scope_and_many(self):
        """A narrower run ends nothing outside of it; one of another moment tells the agent nothing."""
        before = self.listed()
        company = before["differences"][0]["entity"]
        told = json.loads(self.line.agent.command("compare", "run", "--entity", company, "--json")[1])
        self.assertEqual((told["exceptions_resolved"], told["exceptions_open"]), (0, before["counts"]["open"]))
        self.assertNotIn("exceptions_new", json.loads(self.line.agent.command("compare", "run", "--at", "2020-01-01", "--json")[1]))


class Usage(Case):
    """The cloud's side is a file of usage that nobody has metered: each window is missing_source, a break at once."""

    def windows(self, *windows):
        """A comparison with these windows on the cloud's side: (customer, last day of September, quantity)."""
        path = os.path.join(self.line.directory, "cloud.csv")
        columns = ("entity", "type", "year", "number", "source_system", "period", "posting_date", "customer", "meter", "window_start", "window_end",
                   "quantity", "unit", "record_count")
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
            writer.writeheader()
            for customer, last, quantity in windows:
                end = f"2025-09-{last}"
                writer.writerow({"entity": "10", "type": "usage", "year": 2025, "number": f"U{customer}", "source_system": "x", "period": 9,
                                 "posting_date": end, "customer": customer, "meter": "g/b", "window_start": "2025-09-01", "window_end": end,
                                 "quantity": quantity, "unit": "GB"})
        return self.compare("--cloud", path)

    def states(self):
        """{customer: state} of usage, over or not."""
        return {one["key"].split("/")[1]: one["state"] for one in self.listed("--state", "all")["differences"] if one["key"].startswith("usage:")}

    def rows(self):
        """usage.ndjson of the newest comparison."""
        folder = os.path.join(self.line.agent.directory, "results")
        with open(os.path.join(folder, max(os.listdir(folder)), "usage.ndjson"), encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def test_decided_and_remembered(self):
        books = [("C1", 30, 100), ("C2", 30, 100)]
        key = "usage:10/{}/g%2Fb/2025-09-01..2025-09-30:2025-09".format
        first = self.windows(*books)
        self.assertEqual((first["verdict"], first["usage_open"], first["usage_accepted"]), ("breaks", 2, 0))
        self.assertEqual(self.states(), {"C1": "open", "C2": "open"})
        self.assertGreater(self.accept_cause("missing"), 40)  # all documents, those of the usage among them
        said = self.windows(*books)
        self.assertEqual((said["verdict"], said["open"], said["usage_open"]), ("breaks", 0, 2))

        self.command("accept", key("C1"), "--why", "metered by hand")
        said = self.windows(*books)
        self.assertEqual((said["verdict"], said["usage_open"], said["usage_accepted"]), ("breaks", 1, 1))
        self.assertEqual(self.states(), {"C1": "accepted", "C2": "open"})
        self.assertEqual([(row["state"], row.get("accepted", {}).get("reason")) for row in self.rows()],
                         [("accepted", "metered by hand"), ("open", None)])
        shown = self.command("exceptions", key("C2"))
        self.assertIn("missing_source, without an amount\n    not metered: customer C2, meter g/b, 2025-09-01 to 2025-09-30; metered none,", shown)

        # By cause: the other one.
        self.assertEqual(self.accept_cause("missing_source"), 1)
        said = self.windows(*books)
        self.assertEqual((said["verdict"], said["usage_open"], said["usage_accepted"], said["exceptions_open"]),
                         ("reconciled_with_warnings", 0, 2, 0))
        full = json.loads(self.line.agent.command("compare", "run", "--json", "--full", "--cloud", os.path.join(self.line.directory, "cloud.csv"))[1])
        self.assertEqual((full["verdict"], full["usage_accepted"]), ("reconciled_with_warnings", 2))

        # Another quantity: what was accepted is not what there is. The document without an amount is as it was.
        said = self.windows(("C1", 30, "100.00"), ("C2", 30, "100.01"))
        self.assertEqual((said["verdict"], said["open"], said["usage_open"], said["exceptions_reopened"]), ("breaks", 0, 1, 1))
        self.assertEqual(self.states(), {"C1": "accepted", "C2": "open"})
        self.command("ack", key("C2"), "--why", "asked the metering")
        self.command("reject", key("C1"), "--why", "it was not by hand")
        said = self.windows(*books)
        self.assertEqual((said["verdict"], said["usage_open"]), ("breaks", 2))
        self.assertEqual(self.states(), {"C1": "open", "C2": "open"})

        # Other days are another window; the one of before is over, and with it nothing stays accepted.
        self.command("accept", key("C1"), "--why", "a test")
        said = self.windows(("C1", 29, 100))
        self.assertEqual((said["verdict"], said["usage_open"], said["usage_accepted"]), ("breaks", 1, 0))
        states = [(one["key"], one["state"]) for one in self.listed("--state", "all")["differences"] if one["key"].startswith("usage:")]
        self.assertEqual(sorted(states), [("usage:10/C1/g%2Fb/2025-09-01..2025-09-29:2025-09", "open"), (key("C1"), "auto_resolved"),
                                          (key("C2"), "auto_resolved")])
        self.assertEqual(self.windows(*books)["usage_accepted"], 0)
        self.assertEqual(self.line.agent.command("audit", "verify")[0], 0)

    def test_scope_and_many(self):
        """A run of other periods ends nothing; over 200 new windows are one exception more, and end nothing."""
        self.windows(("C1", 30, 1))
        path = os.path.join(self.line.directory, "cloud.csv")
        self.assertEqual(self.compare("--cloud", path, "--from", "2025-10")["usage_open"], 0)
        self.assertEqual(self.states(), {"C1": "open"})
        said = self.windows(*((f"D{number}", 30, 1) for number in range(150)))  # 150 documents and 150 windows
        self.assertEqual((said["usage_open"], said["exceptions_resolved"]), (150, 0))
        self.assertEqual(len(self.states()), 151)
        self.assertIn("compare:many-new", {one["key"] for one in self.listed()["differences"]})


if __name__ == "__main__":
    unittest.main()
