"""test_compare_repost - a wrong row of a mapping, found late: replayed, mended, posted again, amended by the cloud, clean.

The sample cloud books by the same files of rules as the agent, so that a wrong row is wrong on both sides and nobody sees it in a
comparison. Once it is mended, the cloud's postings are wrong; posting the ERP's documents again makes the cloud amend them.
"""
import contextlib
import json
import os
import sqlite3
import subprocess
import unittest

import pipeline

HEAD = "entity,from,to,valid_from,valid_to,note\n"
SAME = HEAD + "*,*,=,,,\n"
MORE = {"compare.grace_cloud": "0s", "compare.grace_legacy": "0s", "uplink.checkpoint_period": "1s"}


class Repost(unittest.TestCase):
    """From the wrong mapping to the clean run, with nothing touched in the ERP."""

    def setUp(self):
        self.line = self.enterContext(pipeline.Pipeline(150, source={"reread": "12h"}, more=MORE))
        self.agent = self.line.agent
        self.rules, self.tried = (os.path.join(self.line.directory, name) for name in ("rules", "tried"))
        for folder in (self.rules, self.tried):
            os.mkdir(folder)
        self.save(self.rules, SAME)
        self.agent.set("compare.rules", self.rules)
        self.agent.set("compare.results", os.path.join(self.line.directory, "results"))
        self.agent.write_config()

    def save(self, folder, text):
        path = os.path.join(folder, "account.csv")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)

    def rows(self, path, sql):
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute(sql).fetchall()
        return []

    def cloud(self, sql):
        return self.rows(self.line.cloud_file, sql)

    def ledger(self, sql):
        return self.rows(os.path.join(self.agent.directory, "ledger.db"), sql)

    def post(self):
        """The cloud posts what is booked and new, by the rules."""
        certificates = self.line.certificates
        subprocess.run(self.line.cloud_command(
            "post", "--host", "localhost", "--port", str(self.line.broker.port), "--ca", f"{certificates}/ca.crt", "--cert",
            f"{certificates}/client.crt", "--key", f"{certificates}/client.key", "--tenant", "acme", "--gateway", "gw1",
            *self.line.key_options(), "--rules", self.rules), check=True, stdout=subprocess.PIPE)

    def run_json(self, wanted, *arguments):
        status, out, err = self.agent.command(*arguments, "--json")
        self.assertEqual(status, wanted, out + err)
        return json.loads(out)

    def wait_booked(self, revision, count):
        self.agent.wait("the cloud has booked them", lambda: self.cloud(
            f"SELECT count(DISTINCT subject) FROM decisions WHERE state = 'BOOKED' AND revision = {revision}") == [(count,)])

    def test_mended_and_posted_again(self):
        documents = len(self.line.expected())
        self.agent.start()
        self.line.wait_equal()
        self.wait_booked(1, documents)
        self.post()
        self.agent.wait("the ledger has both", lambda: self.ledger("SELECT count(*) FROM documents") == [(2 * documents,)])
        self.assertIn("reconciled", self.run_json(0, "compare", "run")["verdict"])

        account = self.used_account()
        mended = SAME + f"*,{account},400111,,,\n"
        self.save(self.tried, mended)
        wrong = len([1 for (data,) in self.cloud("SELECT data FROM postings") if self.uses(data, account)])
        self.assertGreater(wrong, 2)
        tried = self.run_json(1, "compare", "replay", "--rules", self.tried)
        self.assertEqual((tried["cleared"]["count"], tried["created"]["count"]), (0, wrong))
        self.assertEqual((tried["repost"]["documents"], tried["repost"]["of_created"]), (wrong, wrong))

        version = self.agent.status()["rules"]["version"]
        self.save(self.rules, mended)
        self.agent.wait("the rules are in force", lambda: self.agent.status()["rules"]["version"] != version)
        self.assertEqual(self.run_json(1, "compare", "run")["different"], wrong)
        shown = self.run_json(0, "compare", "repost", "--cause", "mapping", "--preview")
        self.assertEqual((shown["amended"], shown["unchanged"], shown["refused"]), (wrong, 0, 0))
        self.assertEqual(self.cloud("SELECT count(*) FROM documents WHERE revision = 2"), [(0,)])
        done = self.run_json(0, "compare", "repost", "--cause", "mapping", "--why", "account mended")
        self.assertEqual((done["amended"], done["unchanged"], done["refused"]), (wrong, 0, 0))
        audit = self.run_json(0, "audit")["entries"]
        self.assertEqual((audit[0]["action"], audit[0]["why"]), ("repost", "account mended"))

        self.wait_booked(2, wrong)
        self.post()
        self.agent.wait("the ledger has the amended ones", lambda: self.ledger(
            "SELECT side, count(*) FROM documents WHERE revision = 2 GROUP BY side ORDER BY side") == [(0, wrong), (1, wrong)])
        self.assertIn("reconciled", self.run_json(0, "compare", "run")["verdict"])
        one = done["documents"][0]["subject"]
        self.assertEqual(self.run_json(0, "compare", "repost", one, "--why", "again")["unchanged"], 1)
        again = self.run_json(1, "compare", "repost", "00001/invoice/1999/none", "--why", "again")
        self.assertIn("sent no such document", again["documents"][0]["why"])
        self.assertEqual(self.run_json(0, "compare", "replay", "--rules", self.tried)["created"]["count"], 0)
        self.assertEqual(self.agent.stop(), 0, self.agent.tail())
        self.assertEqual(self.line.judge(), [])

    def uses(self, data, account):
        return any(line.get("account") == account for line in json.loads(data).get("lines", ()))

    def used_account(self):
        """The account of the most lines."""
        found = {}
        for (data,) in self.cloud("SELECT data FROM documents"):
            for line in json.loads(data).get("lines", ()):
                if "account" in line:
                    found[line["account"]] = found.get(line["account"], 0) + 1
        return max(sorted(found), key=found.get)


if __name__ == "__main__":
    unittest.main()
