"""test_pipeline - every posting of a real ERP database arrives at a real subscriber, to the cent, each once.

PostgreSQL, MariaDB and SQLite through Debian's ODBC drivers; Mosquitto with mutual TLS; MQTT 5 and 3.1.1.
"""
import json
import unittest

import pipeline
import servers


class EveryDatabase(unittest.TestCase):
    """The same way from each database: first reading, new postings, edits, voids, reversals, late commits."""

    def the_way(self, database=None, protocol="5", more=None):
        with pipeline.Pipeline(400, database, protocol=protocol, more=more) as line:
            line.agent.start()
            line.wait_equal()
            line.post("--documents", 30)
            line.wait_equal()
            line.post("--documents", 10, "--edit", 6, "--void", 3, "--reverse", 2)
            line.wait_equal()
            line.post("--documents", 10, "--late", 3600)
            line.wait_equal()
            self.assertEqual(line.agent.stop(), 0, line.agent.tail())
            self.assertEqual(line.judge(), [])

    def test_sqlite(self):
        self.the_way()

    def test_sqlite_mqtt_311(self):
        self.the_way(protocol="3.1.1", more={"uplink.mqtt": "3.1.1"})

    def test_postgresql(self):
        with servers.Postgres() as database:
            self.the_way(database)

    def test_mariadb(self):
        with servers.Mariadb() as database:
            self.the_way(database)


class Unchanged(unittest.TestCase):
    """Reading again without a change sends nothing: the same revisions stand after many readings and a restart."""

    def test_nothing_twice(self):
        with pipeline.Pipeline(200, source={"poll": "1s", "reread": "1s"}) as line:
            line.agent.start()
            line.wait_equal()
            first = line.agent.status()
            line.agent.command("pull", check=True)

            def cycles():
                feeds = line.agent.status()["sources"][0]["feeds"]
                before = first["sources"][0]["feeds"]
                return all(now["last_cycle"] != then["last_cycle"] for now, then in zip(feeds, before))

            line.agent.wait("every feed was read again", cycles)
            line.agent.stop()
            line.agent.start()
            line.agent.wait("it is connected again", lambda: line.agent.status()["uplink"]["state"] == "up")
            again = line.agent.status()
            # The end of the first run closed its streams: one control event each.
            streams = len(first["queue"]["streams"])
            self.assertLessEqual(again["store"]["acked"], first["store"]["acked"] + streams)
            self.assertEqual(again["store"]["documents"], first["store"]["documents"])
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class CommandLine(unittest.TestCase):
    """status, queue, trace and exceptions of a running agent."""

    def test_trace_and_status(self):
        with pipeline.Pipeline(60) as line:
            line.agent.start()
            line.wait_equal()
            subject = sorted(line.received())[0]
            code, text, error = line.agent.command("trace", subject)
            self.assertEqual((code, error), (0, ""))
            self.assertIn("recorded", text)
            code, text, _ = line.agent.command("trace", subject, "--json")
            self.assertEqual(code, 0)
            self.assertIn("recorded", [step["what"] for step in json.loads(text)["lines"]])
            code, text, error = line.agent.command("trace", "no/such/2024/thing")
            self.assertEqual(code, 4)
            self.assertIn("no/such/2024/thing", error)
            code, text, _ = line.agent.command("status")
            self.assertEqual(code, 0)
            self.assertIn("erp", text)
            self.assertNotIn("\x1b", text)
            code, _, error = line.agent.command("frobnicate")
            self.assertEqual(code, 2)


if __name__ == "__main__":
    unittest.main()
