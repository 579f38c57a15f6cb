"""test_compare_decisions - differences of a running agent: told by `compare run`, decided by people, remembered by the next run.

Why:   the parts are tested each by itself; here the same evidence must be made by the run, kept by the agent, and found again.
Shows: every difference is one exception; accepted ones are accepted in the next result, and only as long as they are the same; what was
       accepted by cause is what the preview showed; each decision is in the audit; the cloud gets up/cmp.
Runs in: tools/test (integration).
"""

import json
import os
import unittest

import pipeline


class Decisions(unittest.TestCase):
    """An ERP whose cloud posts nothing: every document is missing there."""

    def setUp(self):
        self.line = pipeline.Pipeline(40, more={"compare.grace_cloud": "0s"})
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

    def compare(self):
        return json.loads(self.line.agent.command("compare", "run", "--json")[1])

    def listed(self, *words):
        return json.loads(self.command("exceptions", "--limit", "1000", "--json", *words))

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


if __name__ == "__main__":
    unittest.main()
