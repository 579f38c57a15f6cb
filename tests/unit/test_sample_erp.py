"""test_sample_erp.py - the sample ERP: its documents are right by the ERP's own rules, on every database.

Why:   tests compare the agent with this database; a mistake in it would be searched in the agent.
Rules: the checks are plain SQL on the finished tables, not the generator's own sums.
Runs in: tools/test (unit); PostgreSQL and MariaDB are started for one test each.
"""

import datetime
import hashlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib")]

import servers  # noqa: E402
from sample_erp import change, database as databases, generate, master, totals  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "sample-erp")

# Each gives the keys of wrong documents: none is right. {a} marks amounts (TEXT on SQLite).
CHECKS = {
    "posted journals balance in both ledgers": """
        SELECT GLKCO, GLDOC FROM F0911 WHERE GLPOST = 'P'
        GROUP BY GLKCO, CASE WHEN GLDCT = 'AE' THEN GLODCT ELSE GLDCT END, GLDOC, GLLT HAVING SUM({a}(GLAA)) <> 0""",
    "a journal has at least two lines": """
        SELECT GLKCO, GLDOC FROM F0911 WHERE GLPOST = 'P' AND GLLT = 'AA'
        GROUP BY GLKCO, CASE WHEN GLDCT = 'AE' THEN GLODCT ELSE GLDCT END, GLDOC HAVING COUNT(*) < 2""",
    "every foreign line has its CA row and no domestic one has": """
        SELECT g.GLKCO, g.GLDOC FROM F0911 g WHERE g.GLLT = 'AA' AND (g.GLCRRM = 'F') <> EXISTS (SELECT 1 FROM F0911 c
        WHERE c.GLDCT = g.GLDCT AND c.GLDOC = g.GLDOC AND c.GLKCO = g.GLKCO AND c.GLDGJ = g.GLDGJ
        AND c.GLJELN = g.GLJELN AND c.GLEXTL = g.GLEXTL AND c.GLLT = 'CA')""",
    "gross is taxable, exempt and tax": """
        SELECT RPKCO, RPDOC FROM F03B11 WHERE {a}(RPAG) <> {a}(RPATXA) + {a}(RPATXN) + {a}(RPSTAM)
        OR {a}(RPACR) <> {a}(RPCTXA) + {a}(RPCTXN) + {a}(RPCTAM)""",
    "the offset of an invoice is its gross": """
        SELECT i.RPKCO, i.RPDOC FROM (SELECT RPKCO, RPDCT, RPDOC, SUM({a}(RPAG)) gross FROM F03B11 WHERE RPPOST = 'D'
        GROUP BY RPKCO, RPDCT, RPDOC) i JOIN F0911 g ON g.GLDCT = 'AE' AND g.GLODCT = i.RPDCT AND g.GLDOC = i.RPDOC
        AND g.GLKCO = i.RPKCO AND g.GLLT = 'AA' WHERE {a}(g.GLAA) <> i.gross""",
    "applications and unapplied make the receipt": """
        SELECT r.RYCO, r.RYPYID FROM F03B13 r LEFT JOIN (SELECT RZPYID, SUM({a}(RZPAAP)) paid, SUM({a}(RZPFAP)) foreign_paid
        FROM F03B14 GROUP BY RZPYID) z ON z.RZPYID = r.RYPYID WHERE {a}(RYCKAM) <> {a}(RYAAP) - COALESCE(z.paid, 0)
        OR {a}(RYFCAM) <> {a}(RYFAP) - COALESCE(z.foreign_paid, 0)""",
    "open amounts are gross less what was applied": """
        SELECT i.RPKCO, i.RPDOC FROM F03B11 i LEFT JOIN (SELECT RZDOC, RZDCT, RZSFX,
        SUM({a}(RZPAAP) - {a}(RZADSA) - {a}(RZAAAJ) - {a}(RZAGL)) paid FROM F03B14 GROUP BY RZDOC, RZDCT, RZSFX) z
        ON z.RZDOC = i.RPDOC AND z.RZDCT = i.RPDCT AND z.RZSFX = i.RPSFX
        WHERE i.RPVOD = ' ' AND {a}(i.RPAAP) <> {a}(i.RPAG) + COALESCE(z.paid, 0)""",
    "rows of open batches are not posted": """
        SELECT GLKCO, GLDOC FROM F0911 JOIN F0011 ON ICICUT = GLICUT AND ICICU = GLICU
        WHERE (ICIST = 'D') <> (GLPOST = 'P')""",
    "accounts exist": "SELECT GLKCO, GLDOC FROM F0911 WHERE GLAID NOT IN (SELECT GMAID FROM F0901)",
    "customers exist": "SELECT RPKCO, RPDOC FROM F03B11 WHERE RPAN8 NOT IN (SELECT ABAN8 FROM F0101 WHERE ABAT1 = 'C  ')",
}


def run(*arguments):
    """tools/sample-erp with --json; its result."""
    done = subprocess.run([TOOL, *map(str, arguments), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


class SqliteTest(unittest.TestCase):
    """The sample ERP in an SQLite file."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = os.path.join(self.directory.name, "erp.db")
        self.address = f"sqlite:{self.path}"

    def tearDown(self):
        self.directory.cleanup()

    def digest(self):
        """A hash over all rows, without SQLite's own statistics."""
        with sqlite3.connect(self.path) as connection:
            text = "\n".join(line for line in connection.iterdump() if "sqlite_stat" not in line)
        return hashlib.sha256(text.encode()).hexdigest()

    def check(self):
        """All CHECKS."""
        with sqlite3.connect(self.path) as connection:
            connection.create_function("units", 1, int)
            for name, sql in CHECKS.items():
                self.assertEqual(connection.execute(sql.format(a="units")).fetchall()[:3], [], name)

    def test_same_seed_same_rows(self):
        """Seed and as-of date fix every row; another seed gives others."""
        digests = []
        for seed in (7, 7, 8):
            run("create", "--database", self.address, "--documents", 300, "--seed", seed, "--as-of", "2025-06-01", "--force")
            digests.append(self.digest())
        self.assertEqual(digests[0], digests[1])
        self.assertNotEqual(digests[0], digests[2])

    def test_documents_follow_the_rules_of_the_erp(self):
        """Exactly N documents, all CHECKS hold, all types and companies are there, also after changes."""
        for documents, seed in ((1, 1), (2, 2), (7, 3), (3000, 4)):
            result = run("create", "--database", self.address, "--documents", documents, "--seed", seed, "--force")
            self.assertEqual(result["documents"], documents)
            rows = run("totals", "--database", self.address)
            self.assertEqual(sum(row["documents"] + row["voided"] for row in rows), documents)
            self.check()
        self.assertEqual({row["type"] for row in rows}, {"journal", "invoice", "credit_memo", "payment", "customer"})
        self.assertEqual({row["company"] for row in rows}, {"00000"} | {company.code for company in master.COMPANIES})
        self.assertTrue({"JPY", "KWD"} <= {row["currency"] for row in rows})
        result = run("post", "--database", self.address, "--documents", 200, "--edit", 9, "--void", 6, "--reverse", 5)
        self.assertEqual([len(result[name]) for name in ("edited", "voided", "reversed")], [9, 6, 5])
        self.assertEqual(len(set(result["edited"] + result["voided"])), 15)
        self.check()
        after = run("totals", "--database", self.address)
        self.assertEqual(sum(row["documents"] + row["voided"] for row in after), documents + result["documents"])

    def test_stamps(self):
        """History ends before the as-of date; new postings are the newest; late ones lie before the newest."""
        run("create", "--database", self.address, "--documents", 500, "--as-of", "2025-06-01")
        database = databases.Sqlite(self.path)
        before = change.newest(database)
        self.assertLess(before, datetime.datetime(2025, 6, 1))
        result = run("post", "--database", self.address, "--documents", 5)
        self.assertGreater(datetime.datetime.fromisoformat(result["stamp"]), before)
        newest = change.newest(database)
        result = run("post", "--database", self.address, "--documents", 5, "--late", 90)
        self.assertEqual(newest - datetime.datetime.fromisoformat(result["stamp"]), datetime.timedelta(seconds=90))
        self.assertEqual(change.newest(database), newest)

    def test_spoil_and_repair(self):
        """Every kind of bad row is there, told by its subject, alone in being bad, and put right by repair."""
        run("create", "--database", self.address, "--documents", 200)
        subjects = [run("post", "--database", self.address, "--documents", 0, "--spoil", kind)["spoiled"][0]["subject"]
                    for kind in sorted(change.SPOILERS)]
        self.assertEqual(len(set(subjects)), len(change.SPOILERS))
        with sqlite3.connect(self.path) as connection:
            found = {name: connection.execute(f"SELECT COUNT(*) FROM F0911 WHERE {where}").fetchone()[0] for name, where in {
                "nan": "GLAA = 'NaN'", "text": "GLAA LIKE '%EUR'", "forty": "length(GLAA) = 40", "utf8": "hex(GLEXA) LIKE '4DFC%'",
                "zero": "GLDGJ = 0", "day 999": "GLDGJ = 999999", "2 MB": "length(CAST(GLEXA AS BLOB)) > 2097152"}.items()}
        self.assertEqual(found, {"nan": 1, "text": 1, "forty": 1, "utf8": 1, "zero": 4, "day 999": 4, "2 MB": 1})
        self.assertEqual(sorted(run("repair", "--database", self.address)["repaired"]), sorted(subjects))
        self.check()
        self.assertEqual(run("repair", "--database", self.address)["repaired"], [])

    def test_bench_shape(self):
        """--only journals --journal-lines 4 --domestic: nothing but journals of exactly four lines."""
        run("create", "--database", self.address, "--documents", 1000, "--only", "journals", "--journal-lines", 4, "--domestic")
        with sqlite3.connect(self.path) as connection:
            self.assertEqual(connection.execute("SELECT COUNT(*), COUNT(DISTINCT GLDOC) FROM F0911").fetchone(), (4000, 1000))
            self.assertEqual(connection.execute("SELECT COUNT(*) FROM F0101").fetchone(), (0,))
        self.check()

    def test_refusals(self):
        """An existing database, a missing one and a bad address: exit 1 and one clear line."""
        run("create", "--database", self.address, "--documents", 10)
        for arguments, words in ((("create", "--database", self.address), "--force replaces it"),
                                 (("post", "--database", f"{self.address}.other"), "there is no sample ERP"),
                                 (("totals", "--database", "oracle:x"), "is not sqlite:PATH"),
                                 (("totals", "--database", self.address, "--schema", "x"), "SQLite has no schemas")):
            done = subprocess.run([TOOL, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(words, done.stderr)
            self.assertEqual(done.stderr.count("\n"), 1)

    def test_rounding_and_conversion(self):
        """Half away from zero, worked by hand: 1.005 at 19 % and 100 yen at 0.0061587 euros."""
        self.assertEqual([generate.half_up(value, 2) for value in (3, -3, 4, -4, 1, -1)], [2, -2, 2, -2, 1, -1])
        # 100 JPY * 0.0061587 = 0.61587 EUR = 62 cents; 1000 EUR cents at 162.37 = 1623.7 = 1624 yen
        self.assertEqual(generate.convert(100, "JPY", "EUR", 61587), 62)
        self.assertEqual(generate.convert(-1000, "EUR", "JPY", 1623700000), -1624)
        self.assertEqual(generate.convert(12345, "KWD", "USD", 32489514), 4011)  # 12.345 * 3.2489514 = 40.1083
        self.assertEqual([totals.amount_text(-5, "EUR"), totals.amount_text(5, "JPY"), totals.amount_text(-1234, "KWD")],
                         ["-0.05", "5", "-1.234"])


class ServerTest(unittest.TestCase):
    """The same database in PostgreSQL and MariaDB."""

    def one(self, address, spoiled, count, schema):
        """Same seed: same totals as SQLite; changes and bad rows work; a late commit stays unseen until its end."""
        with tempfile.TemporaryDirectory() as directory:
            local = f"sqlite:{directory}/erp.db"
            for place, more in ((local, ()), (address, ("--schema", schema))):
                run("create", "--database", place, *more, "--documents", 1500, "--seed", 5, "--as-of", "2025-06-01")
            self.assertEqual(run("totals", "--database", address, "--schema", schema), run("totals", "--database", local))
        place = ("--database", address, "--schema", schema)
        result = run("post", *place, "--documents", 100, "--edit", 3, "--void", 2, "--reverse", 2)
        rows = run("totals", *place)
        self.assertEqual(sum(row["documents"] + row["voided"] for row in rows), 1500 + result["documents"])
        for kind in spoiled:
            run("post", *place, "--documents", 0, "--spoil", kind)
        run("repair", *place)
        before = count()
        slow = subprocess.Popen([TOOL, "post", *place, "--documents", "20", "--only", "journals", "--hold", "3"],
                                stdout=subprocess.DEVNULL)
        servers.wait_for("the held rows are written", lambda: count(committed=False) or slow.poll() is not None)
        self.assertIsNone(slow.poll())
        self.assertEqual(count(), before)
        self.assertEqual(slow.wait(30), 0)
        self.assertGreater(count(), before)

    def test_postgresql(self):
        """PostgreSQL."""
        with servers.Postgres() as server:
            def count(committed=True):
                if committed:
                    return int(server.psql("select count(distinct gldoc) from proddta.f0911"))
                return server.psql("select 1 from pg_stat_activity where query like '%pg_sleep%' and pid <> pg_backend_pid()")
            self.one(server.uri, ("nan-amount", "forty-digits", "two-megabyte-text", "half-document"), count,
                     "proddta")

    def test_mariadb(self):
        """MariaDB."""
        with servers.Mariadb() as server:
            def count(committed=True):
                if committed:
                    return int(server.mariadb("select count(distinct GLDOC) from PRODDTA.F0911"))
                return server.mariadb("select 1 from information_schema.processlist where info like 'DO SLEEP%'")
            self.one(server.uri, ("forty-digits", "date-999999", "two-megabyte-text"), count, "PRODDTA")


class CommandLineTest(unittest.TestCase):
    """The parser."""

    def test_negative_number_is_refused(self):
        """--documents -1: exit 2."""
        self.assertEqual(subprocess.run([TOOL, "create", "--database", "sqlite:/nowhere/x", "--documents", "-1"],
                                        stderr=subprocess.DEVNULL, check=False).returncode, 2)


if __name__ == "__main__":
    unittest.main()
