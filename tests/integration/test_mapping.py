"""test_mapping - real files of rules beside a running agent: what they lack holds documents, and mending them sends those.

SQLite as the ERP, Mosquitto as the broker; the rules are saved as a spreadsheet saves them.
"""
import contextlib
import json
import os
import sqlite3
import unittest

import pipeline

HEAD = "entity,from,to,valid_from,valid_to,note\n"
# Of all customers that the sample ERP has, one is mapped: the rest waits, with every invoice and payment of theirs.
ONE = HEAD + "*,{},K-1,,,\n"
ALL = ONE + "*,*,=,,,\n"


class Mapping(unittest.TestCase):
    """A missing mapping, bad files, and their mending, with nothing restarted."""

    def setUp(self):
        # Only what is asked for is read again: the re-reading of the look-back comes long after the test.
        self.line = self.enterContext(pipeline.Pipeline(120, source={"reread": "12h"}))
        self.rules = os.path.join(self.line.directory, "rules")
        os.mkdir(self.rules)
        self.line.agent.set("compare.rules", self.rules)
        self.line.agent.write_config()
        self.customers = sorted(subject for subject in self.line.expected() if "/customer/" in subject)
        self.one = self.customers[0].rsplit("/", 1)[1]
        # No posting is so old: every account of every journal is missing.
        self.save("account.csv", HEAD + "*,*,=,,1999-12-31,\n")

    def save(self, name, text):
        """As an editor does it: a new file in the place of the old one."""
        path = os.path.join(self.rules, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)

    def events(self):
        """All events that the cloud holds."""
        with contextlib.closing(sqlite3.connect(f"file:{self.line.cloud_file}?mode=ro", uri=True, timeout=30)) as database:
            return [json.loads(row[0]) for row in database.execute("SELECT payload FROM events")]

    def open_rules(self):
        """How many exceptions are open of each rule, of the newest."""
        found = {}
        for exception in self.line.agent.exceptions():
            found.setdefault(exception["rule"], []).append(exception)
        return found

    def test_missing_then_mended(self):
        """Held with file, code, company and date; a bad file changes nothing and is told; mended, all goes out, mapped."""
        agent = self.line.agent
        self.save("customer.csv", ONE.format(self.one))
        agent.start()
        agent.wait("everything was read", agent.caught_up)
        held = self.open_rules()
        self.assertEqual(list(held), ["mapping-missing"])
        self.assertTrue(all(one["owner"] == "mapping" for one in held["mapping-missing"]))
        self.assertRegex(held["mapping-missing"][0]["text"],
                         r"^(account|customer)\.csv has no row for .+ of entity \d{5} on \d{4}-\d\d-\d\d; "
                         r"add what is missing, and it is sent$")
        agent.wait("the one customer that is mapped is there", lambda: self.customers[0] in self.line.received())
        self.assertNotIn(self.customers[1], self.line.received())
        version = agent.status()["rules"]["version"]

        self.save("customer.csv", ALL.format(self.one) + "*,7,8,tomorrow,,\n")
        agent.wait("the bad file is told", lambda: "mapping-bad" in self.open_rules())
        self.assertIn("customer.csv:4: valid_from is tomorrow", self.open_rules()["mapping-bad"][0]["text"])
        self.assertEqual(agent.status()["rules"]["version"], version)

        self.save("customer.csv", ALL.format(self.one))
        self.save("account.csv", HEAD + "*,*,=,,,\n")
        agent.wait("nothing waits", lambda: agent.status()["exceptions"]["open"] == 0)
        self.line.wait_equal()
        self.assertNotEqual(agent.status()["rules"]["version"], version)
        self.assertEqual(agent.stop(), 0, agent.tail())
        self.assertEqual(self.line.judge(), [])
        self.expect_mapped(agent)

    def expect_mapped(self, agent):
        """Both codes in every document of a customer; the version that it was mapped by; each document once."""
        seen = set()
        for event in self.events():
            data = event["data"]
            if data.get("type") not in ("invoice", "credit_memo", "payment", "customer"):
                continue
            raw = {"customer": "number", "payment": "payer"}.get(data["type"], "customer")
            self.assertEqual(data[f"{raw}_mapped"], "K-1" if data[raw] == self.one else data[raw])
            self.assertRegex(event["mappingversion"], "^[0-9a-f]{16}$")
            self.assertNotIn((event["subject"], event["revision"], event.get("part")), seen, agent.tail())
            seen.add((event["subject"], event["revision"], event.get("part")))
        self.assertTrue(seen)

    def test_refused_at_the_start(self):
        """A wrong file, and no directory: the agent does not start, and says why, with every place."""
        agent = self.line.agent
        self.save("customer.csv", HEAD + "*,1,2,tomorrow,,\n*,1,,,,\n")
        self.assertEqual(agent.run(), 2)
        self.assertIn(f"{self.rules}/customer.csv:2: valid_from is tomorrow", agent.tail())
        self.assertIn(f"{self.rules}/customer.csv:3: ", agent.tail())
        agent.set("compare.rules", self.rules + "/none")
        agent.write_config()
        self.assertEqual(agent.run(), 2)
        self.assertIn("compare.rules: ", agent.tail())
        self.assertIn("No such file or directory", agent.tail())


def excluded_in_waterfall(agent):
    """What a comparison of this moment counts as excluded, of the row of all companies and of the others."""
    agent.command("compare", "run", "--full")
    rows = {row["entity"]: row for row in json.loads(agent.command("compare", "show", "--json")[1])["waterfall"]}
    total = rows.pop("")
    assert total["excluded"] == sum(row["excluded"] for row in rows.values()), rows
    return total["excluded"]


class Legacy(unittest.TestCase):
    """What phase legacy keeps here is counted, and is sent once the configuration says otherwise."""

    def test_excluded_then_sent(self):
        """Nothing leaves in legacy; then the invoices alone; then all. No document waits, and none comes twice."""
        with pipeline.Pipeline(100, source={"reread": "12h"}) as line:
            agent = line.agent
            for name, place in (("ledger", "ledger.db"), ("results", "results")):
                agent.set(f"compare.{name}", os.path.join(agent.directory, place))
            agent.set("phases", [{"entity": "*", "phase": "legacy"}])
            agent.write_config()
            agent.start()
            status = agent.wait("everything was read", agent.caught_up)
            self.assertGreaterEqual(status["recorded"]["excluded"], len(line.expected()))
            self.assertEqual((status["recorded"]["new"], status["exceptions"]["open"]), (0, 0))
            agent.wait("they are counted", lambda: excluded_in_waterfall(agent) == len(line.expected()))
            agent.stop()
            self.lose_ledger(agent, len(line.expected()))
            line.agent.set("phases", [{"entity": "*", "phase": "shadow", "documents": ["invoice"]},
                                      {"entity": "*", "phase": "legacy"}])
            agent.write_config()
            agent.start()
            others = [subject for subject in line.expected() if "/invoice/" not in subject]
            line.wait_equal(without=others)
            agent.wait("the others are counted", lambda: excluded_in_waterfall(agent) == len(others))
            agent.stop()
            self.assertEqual([subject for subject in line.received() if subject in others], [])
            agent.set("phases", [])
            agent.write_config()
            agent.start()
            line.wait_equal()
            agent.wait("none is excluded", lambda: excluded_in_waterfall(agent) == 0)
            agent.stop()
            self.assertEqual(line.judge(), [])

    def lose_ledger(self, agent, documents):
        """Another ledger has counted nothing: everything is read again, with the same configuration."""
        for name in os.listdir(agent.directory):
            if name.startswith("ledger.db"):
                os.unlink(os.path.join(agent.directory, name))
        agent.start()
        agent.wait("they are counted again", lambda: excluded_in_waterfall(agent) == documents)
        agent.stop()


if __name__ == "__main__":
    unittest.main()
