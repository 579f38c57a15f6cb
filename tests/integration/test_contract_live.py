"""test_contract_live.py - the contract on the real agent and a real broker: receipts, outcomes, commands, parts, batches, streams.

Why:   each side has its own tests; here the agent and an independent consumer (tools/sample_cloud) must agree.
Shows: every event ends under a checkpoint that the consumer verified and cosigned and the agent accepted; every document ends
       with the outcome that the consumer gave; every command is answered as docs/contract/commands.md says.
Runs in: tools/test (integration).
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import pipeline  # noqa: E402

QUICK = {"uplink.checkpoint_period": "1s", "uplink.heartbeat": "5s"}


def store(line, sql):
    """Rows of the stopped agent's store."""
    with contextlib.closing(sqlite3.connect(f"file:{line.agent.store}?mode=ro", uri=True)) as database:
        return database.execute(sql).fetchall()


def state(line, sql):
    """Rows of the cloud's database."""
    with contextlib.closing(sqlite3.connect(f"file:{line.cloud_file}?mode=ro", uri=True, timeout=30)) as database:
        return database.execute(sql).fetchall()


class Receipts(unittest.TestCase):
    """Checkpoints and outcomes go round."""

    def test_everything_is_cosigned_and_booked(self):
        """All leaves are under a cosigned checkpoint; every document is BOOKED, also after an amendment."""
        with pipeline.Pipeline(400, more=QUICK) as line:
            line.agent.start()
            line.wait_equal()
            line.post("--documents", "20")
            line.wait_equal()
            booked = lambda: line.agent.command("trace", "00000/customer/0/4001")[1].count("BOOKED") > 0  # noqa: E731
            line.agent.wait("a customer is booked", booked)
            line.agent.stop()
            line.agent.start()
            line.agent.wait("the last checkpoints are cosigned", lambda: self.covered(line))
            line.agent.stop()
            self.assertEqual(line.judge(), [])
            documents = {row[0] for row in store(line, "SELECT subject FROM register")}
            final = {row[0] for row in store(line, "SELECT subject FROM outcomes WHERE code = 4 AND moved = 1")}
            self.assertEqual(documents - final, set())
            self.assertEqual(store(line, "SELECT rule, key, text FROM exceptions WHERE open = 1"), [])

    @staticmethod
    def covered(line):
        """Has every stream a receipt for all of its leaves?"""
        found = []
        code, text = line.command("digest")
        if code == 0:
            found = json.loads(text[text.index("{"):])["result"]["streams"]
        with contextlib.closing(sqlite3.connect(f"file:{line.cloud_file}?mode=ro", uri=True, timeout=30)) as database:
            cosigned = dict(database.execute("SELECT source, max(size) FROM checkpoints GROUP BY source"))
        return found and all(cosigned.get(entry["source"]) == entry["size"] for entry in found)

    def test_rejections_become_work(self):
        """Every fifth document is rejected: an exception each, with the class's owner; others are booked."""
        with pipeline.Pipeline(100, more=QUICK, cloud_options=["--reject", "5"]) as line:
            line.agent.start()
            line.wait_equal()
            line.agent.wait("rejections are exceptions",
                            lambda: sum(e["rule"] == "outcome-rejected" for e in line.agent.exceptions()) >= 10)
            rules = {e["owner"] for e in line.agent.exceptions() if e["rule"] == "outcome-rejected"}
            self.assertTrue(rules <= {"technical", "data_quality", "mapping", "policy"} and len(rules) >= 2, rules)


class Commands(unittest.TestCase):
    """Signed commands, over the broker."""

    def test_each_command(self):
        """digest, proof.get, replay, resend, pause and resume, sweep, state.get; and what is refused."""
        with pipeline.Pipeline(300, more=QUICK) as line:
            line.agent.start()
            line.wait_equal()
            stream = line.agent.status()["queue"]["streams"][0]["name"]
            subject = state(line, "SELECT subject FROM documents ORDER BY subject LIMIT 1")[0][0]
            self.works(line, "digest")
            line.agent.wait("a checkpoint covers the first event",
                            lambda: line.command("proof.get", f"stream={stream}", "sequence=1")[0] == 0)
            self.works(line, "replay", f"stream={stream}", "from=1", "to=5")
            self.works(line, "resend", f"subjects=[\"{subject}\"]")
            self.works(line, "pause", f"stream={stream}")
            self.works(line, "resume", f"stream={stream}")
            self.works(line, "pause", "source=erp")
            self.works(line, "resume", "source=erp")
            self.works(line, "sweep", "source=erp")
            self.works(line, "state.get")
            self.fails(line, "replay", f"stream={stream}", "from=1", "to=900000", says="sequences up to")
            self.fails(line, "replay", "stream=nowhere", "from=1", "to=2", says="there is no stream")
            self.fails(line, "format", says="unknown-command")
            self.fails(line, "digest", says="expired", expires=-5)
            self.assertEqual(line.judge(), [])

    def works(self, line, name, *members):
        """Done."""
        code, text = line.command(name, *members)
        self.assertEqual(code, 0, f"{name} {members}: {text}\n{line.agent.tail()}")

    def fails(self, line, name, *members, says, **options):
        """Answered, and not done."""
        code, text = line.command(name, *members, **options)
        self.assertNotEqual(code, 0)
        self.assertIn(says, text)

    def test_a_foreign_key_commands_nothing(self):
        """A command of a key that the agent does not know gets no answer, leaves an exception and a counter."""
        with pipeline.Pipeline(20, more=QUICK) as line:
            line.agent.start()
            line.wait_equal()
            own = line.cloud_key
            line.cloud_key = os.path.join(line.directory, "other.key")
            subprocess.run([os.path.join(ROOT, "tools", "sample-cloud"), "key", line.cloud_key], check=True,
                           stdout=subprocess.DEVNULL)
            code, _ = line.command("pause", "source=erp", wait=3)
            self.assertNotEqual(code, 0)
            self.assertIn(("command-refused", "unsigned"),
                          [(e["rule"], e["key"]) for e in line.agent.exceptions()])
            line.cloud_key = own
            self.assertEqual(line.command("digest")[0], 0)


class Shapes(unittest.TestCase):
    """Streams by rule, batches, documents in parts."""

    def run_with(self, documents=200, **more):
        """A whole run under such a configuration; returns the pipeline's topics."""
        with pipeline.Pipeline(documents, more={**QUICK, **more}) as line:
            line.agent.start()
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])
            return line, store(line, "SELECT name FROM streams ORDER BY name"), store(
                line, "SELECT max(parts) FROM register")[0][0]

    def test_streams_by_rule(self):
        """Payments and credit memos on streams of their own, with a class."""
        _, names, _ = self.run_with(streams=[
            {"documents": ["payment"], "name": "{entity}-payments", "class": "immediate"},
            {"documents": ["customer"], "name": "masters", "class": "bulk"}])
        names = [name for (name,) in names]
        self.assertIn("masters", names)
        self.assertTrue(any(name.endswith("-payments") for name in names), names)

    def test_batches(self):
        """Many events a message: the same documents, the same proof."""
        self.run_with(600, streams=[{"batch": 50}])

    def test_parts(self):
        """A small limit: large documents come in parts, and are whole at the cloud."""
        _, _, parts = self.run_with(300, **{"uplink.message_size_max": "2KiB"})
        self.assertGreater(parts, 1)


if __name__ == "__main__":
    unittest.main()
