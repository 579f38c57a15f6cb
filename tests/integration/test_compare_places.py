"""test_compare_places - the same comparison, wherever the cloud's side comes from.

One agent's legacy side; the same postings of the sample cloud, with plants of every kind, once by MQTT (dn/post), once read from
PostgreSQL by the profile sample_cloud (side: cloud), once as a CSV file beside the agent's ledger. At the same cut the differences
and the documents are the same bytes; so they are with the legacy side as a file and the cloud's from the ledger.
"""
import contextlib
import json
import os
import sqlite3
import subprocess
import unittest

import pipeline
import servers

PLANTS = ("seed=7,half_even=1,wrong_tax_code=2,late=2,duplicate=2,missing=2,fx_rate=1,merged=2,wrong_period=2,master_data=2,"
          "wrong_cent=1,missing_legacy=2,wrong_account=2,swapped_sign=1,split=1,wrong_amount=1")
# Beyond every arrival: what is missing is missing in all three, whenever it came.
CUT = "2099-12-31"
MORE = {"compare.grace_cloud": "0s", "compare.grace_legacy": "0s", "uplink.checkpoint_period": "1s"}


class Places(unittest.TestCase):
    """MQTT, SQL and CSV."""

    def tool(self, *arguments):
        """Runs sample-cloud on the cloud's book."""
        subprocess.run(self.line.cloud_command(*arguments), check=True, stdout=subprocess.PIPE)

    def count(self, side):
        """Documents of a side in the agent's ledger."""
        path = os.path.join(self.line.agent.directory, "ledger.db")
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute("SELECT count(*) FROM documents WHERE side = ?", (side,)).fetchone()[0]
        return 0

    def wait_ledger(self, legacy, cloud):
        self.line.agent.wait("the ledger holds both sides", lambda: (self.count(0), self.count(1)) == (legacy, cloud), 60)

    def compare(self, name, *arguments):
        """A full run at the cut; {file: bytes}."""
        result = os.path.join(self.line.directory, name)
        status, out, err = self.line.agent.command("compare", "run", "--full", "--at", CUT, "--output", result, *arguments)
        self.assertEqual((status, err), (1, ""), out)
        files = {}
        for file in ("differences.ndjson", "documents.ndjson", "run.json"):
            with open(os.path.join(result, file), "rb") as opened:
                files[file] = opened.read()
        return files

    def same(self, one, other):
        for file in ("differences.ndjson", "documents.ndjson"):
            self.assertEqual(one[file].splitlines(), other[file].splitlines(), file)
        cuts = [json.loads(files["run.json"]) for files in (one, other)]
        self.assertEqual([cut["verdict"] for cut in cuts[:1]], [cut["verdict"] for cut in cuts[1:]])
        self.assertEqual(cuts[0]["cut"]["legacy"]["count"], cuts[1]["cut"]["legacy"]["count"])

    def test_three_places(self):
        database = self.enterContext(servers.Postgres(database="ledger"))
        self.line = line = self.enterContext(pipeline.Pipeline(300, more=MORE))
        legacy = len(line.expected())
        line.agent.start()
        line.wait_equal()
        line.agent.wait("every document is booked", lambda: self.booked() >= legacy)
        certificates = line.certificates
        self.tool("post", "--host", "localhost", "--port", str(line.broker.port), "--ca", f"{certificates}/ca.crt", "--cert",
                  f"{certificates}/client.crt", "--key", f"{certificates}/client.key", "--tenant", "acme", "--gateway", "gw1",
                  *line.key_options(), "--plant", PLANTS)
        with contextlib.closing(sqlite3.connect(f"file:{line.cloud_file}?mode=ro", uri=True)) as connection:
            cloud = connection.execute("SELECT count(*) FROM postings").fetchone()[0]
        self.wait_ledger(legacy, cloud)
        by_mqtt = self.compare("by-mqtt")
        self.assertGreater(len(by_mqtt["differences.ndjson"].splitlines()), 15)

        sheet = os.path.join(line.directory, "cloud.csv")
        self.tool("export", "--output", sheet)
        by_file = self.compare("by-file", "--cloud", sheet)
        self.same(by_mqtt, by_file)
        cut = json.loads(by_file["run.json"])["cut"]["legacy"]
        self.assertEqual(cut, json.loads(by_mqtt["run.json"])["cut"]["legacy"])

        self.tool("export", "--side", "legacy", "--output", os.path.join(line.directory, "legacy.csv"))
        self.same(by_mqtt, self.compare("other-file", "--legacy", os.path.join(line.directory, "legacy.csv")))

        self.assertEqual(line.agent.stop(), 0, line.agent.tail())
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                os.remove(os.path.join(line.agent.directory, "ledger.db" + end))
        self.tool("ledger", "--to", database.uri)
        line.agent.settings["sources"].append({"name": "billing", "profile": "sample_cloud", "side": "cloud",
                                               "connection": database.odbc(), **pipeline.QUICK_SOURCE})
        line.agent.write_config()
        line.agent.start()
        self.wait_ledger(legacy, cloud)
        self.acknowledge_beginning()
        self.same(by_mqtt, self.compare("by-sql"))
        self.assertEqual(line.agent.stop(), 0, line.agent.tail())

    def acknowledge_beginning(self):
        """The ledger was begun anew: until a person says that everything is there again, nothing is complete."""
        _, out, _ = self.line.agent.command("exceptions", "--json")
        ids = [one["id"] for one in json.loads(out)["exceptions"] if one["rule"] == "ledger-damaged"]
        self.assertEqual(len(ids), 1, out)
        status, _, err = self.line.agent.command("exceptions", "ack", str(ids[0]), "--why", "everything was posted again")
        self.assertEqual((status, err), (0, ""))
        path = os.path.join(self.line.agent.directory, "ledger.db")

        def taken():
            with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
                return not connection.execute("SELECT 1 FROM texts WHERE name = 'begun' AND length(value) > 0").fetchone()
        self.line.agent.wait("the ledger knows that it is whole", taken, 60)

    def booked(self):
        """Documents whose outcome is final."""
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{self.line.cloud_file}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute("SELECT count(DISTINCT subject) FROM decisions WHERE state = 'BOOKED'").fetchone()[0]
        return 0


if __name__ == "__main__":
    unittest.main()
