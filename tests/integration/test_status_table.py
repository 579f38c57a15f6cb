"""test_status_table.py - status tables on real SQLite, PostgreSQL and MariaDB, made by the scripts of docs/operate.md.

Why:   an administrator runs those scripts as they stand; the grants must be enough for the agent, and no more.
Owns:  the servers, a temporary directory.
Rules: tables, users and rights come from docs/operate.md; only password and host are put in.
Runs in: the integration tests.
"""
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import pipeline  # noqa: E402
import servers  # noqa: E402

PROGRAM = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "tests", "integration",
                       "status_table_test")
# Closing and opening braces, the separator, and what psqlODBC decodes where there are no braces.
PASSWORD = "p;w}d{=% +%41x"
TESTS = 6
SECONDS_MAX = 300


def script(name):
    """The SQL that docs/operate.md gives for a database, with the test's password and host."""
    with open(os.path.join(ROOT, "docs", "operate.md"), encoding="utf-8") as file:
        found = re.search(rf"^### {name}\n\n```sql\n(.*?)^```", file.read(), re.S | re.M)
    return found.group(1).replace("...", PASSWORD).replace("gateway.example.com", "127.0.0.1")


def narrow(sql):
    """The same table under another name, with 8 characters of text."""
    table = sql[:sql.index(";") + 1].replace("twinpost_status", "narrow_status")
    return re.sub(r"(\n  text +\w+)\(1000\)", r"\1(8)", table)


class StatusTable(unittest.TestCase):
    maxDiff = None

    def run_program(self, kind, **settings):
        environment = dict(os.environ, TWINPOST_ODBC_KIND=kind)
        environment.update({f"TWINPOST_{key.upper()}": value for key, value in settings.items()})
        done = subprocess.run([PROGRAM], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS_MAX, check=False)
        output = done.stdout.decode("utf-8", "replace")
        self.assertEqual(done.returncode, 0, output)
        # A run that tested nothing is no success.
        self.assertIn(f"ok {TESTS}", output)

    def test_sqlite(self):
        with tempfile.TemporaryDirectory() as directory:
            connection = servers.sqlite_odbc(os.path.join(directory, "staging.db"))
            subprocess.run([sys.executable, "-c",
                            "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])",
                            os.path.join(directory, "staging.db"), script("SQLite")], check=True)
            self.run_program("sqlite", odbc_admin=connection, status_connection=connection.rstrip(";"),
                             status_table="twinpost_status", status_denied="no_such_table")

    def test_postgresql(self):
        server = servers.Postgres()
        try:
            with open(os.path.join(server.data, "pg_hba.conf"), "r+", encoding="utf-8") as file:
                rest = file.read()
                file.seek(0)
                file.write("host all twinpost_writer,reader 127.0.0.1/32 scram-sha-256\n" + rest)
            server.start()
            server.psql(f"create schema staging; {script('PostgreSQL')}", server.database)
            server.psql(narrow(script("PostgreSQL")) + "grant select, insert, update on staging.narrow_status to "
                        "twinpost_writer; create table staging.denied (like staging.twinpost_status);"
                        "create table gl (amount numeric(18,2)); insert into gl values (12.50);"
                        f"create role reader login password '{PASSWORD}'; grant select on gl to reader", server.database)
            plain = (f"Driver={servers.odbc_driver('psqlodbcw.so')};Servername=127.0.0.1;Port={server.port};"
                     f"Database={server.database}")
            self.run_program("postgresql", odbc_admin=server.odbc(), odbc_connection=plain, odbc_user="reader",
                             odbc_password=PASSWORD, status_connection=plain, status_user="twinpost_writer",
                             status_password=PASSWORD, status_table="staging.twinpost_status",
                             status_narrow="staging.narrow_status", status_denied="staging.denied")
        finally:
            server.stop()

    def test_mariadb(self):
        server = servers.Mariadb()
        try:
            server.start()
            server.mariadb(f"create database staging; {script('MariaDB')}")
            server.mariadb(narrow(script("MariaDB")) + "grant select, insert, update on staging.narrow_status to "
                           "twinpost_writer@'127.0.0.1'; create table staging.denied like staging.twinpost_status;"
                           f"create table `{server.database}`.gl (amount decimal(18,2));"
                           f"insert into `{server.database}`.gl values (12.50);"
                           f"create user reader@'127.0.0.1' identified by '{PASSWORD}';"
                           f"grant select on `{server.database}`.* to reader@'127.0.0.1'")
            plain = f"Driver={servers.odbc_driver('libmaodbc.so')};Server=127.0.0.1;Port={server.port}"
            self.run_program("mariadb", odbc_admin=server.odbc(), odbc_connection=f"{plain};Database={server.database}",
                             odbc_user="reader", odbc_password=PASSWORD, status_connection=f"{plain};Database=staging",
                             status_user="twinpost_writer", status_password=PASSWORD,
                             status_table="staging.twinpost_status", status_narrow="staging.narrow_status",
                             status_denied="staging.denied")
        finally:
            server.stop()


class WholeWay(unittest.TestCase):
    """Agent, broker and cloud: what the cloud answers stands in the table of the ERP's database."""

    def booked(self, server):
        """Subjects that the table shows as booked."""
        return set(server.psql("select subject from staging.twinpost_status where outcome = 'BOOKED'",
                               server.database).split())

    def children(self, line):
        """{name of the child: its environment}."""
        found = {}
        for pid in servers.children_of(line.agent.process.pid):
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                name = file.read().decode().split("\0")[4]
            with open(f"/proc/{pid}/environ", "rb") as file:
                found[name] = file.read().decode("utf-8", "replace")
        return found

    def test_outcomes_reach_the_erp(self):
        """Every document is shown as booked; a right that is missing delays nothing, is told, and ends well; the
        password is given to the child that writes and to no other."""
        with servers.Postgres() as server:
            server.psql(f"create schema staging; {script('PostgreSQL')}", server.database)
            connection = (f"Driver={servers.odbc_driver('psqlodbcw.so')};Servername=127.0.0.1;Port={server.port};"
                          f"Database={server.database}")
            table = {"connection": connection, "user": "twinpost_writer", "password": "env:STATUS_PASSWORD",
                     "table": "staging.twinpost_status"}
            # The sample cloud books what is under a checkpoint.
            with pipeline.Pipeline(60, database=server, source={"status_table": table},
                                   more={"uplink.checkpoint_period": "1s"}) as line:
                line.agent.start(environment={"STATUS_PASSWORD": "a word of the test"})
                line.wait_equal()
                line.agent.wait("the table shows all as booked", lambda: self.booked(server) == line.received())
                children = self.children(line)
                self.assertIn("STATUS_PASSWORD=a word of the test", children["erp-status"])
                self.assertEqual([name for name, text in children.items() if "STATUS_PASSWORD" in text], ["erp-status"])
                server.psql("revoke insert, update on staging.twinpost_status from twinpost_writer", server.database)
                line.post("--documents", "10")
                line.wait_equal()
                line.agent.wait("the exception is there",
                                lambda: "status-table" in line.agent.command("exceptions")[1])
                server.psql("grant insert, update on staging.twinpost_status to twinpost_writer", server.database)
                line.agent.wait("the table shows all as booked", lambda: self.booked(server) == line.received())
                line.agent.wait("the exception has ended",
                                lambda: "status-table" not in line.agent.command("exceptions")[1])
                line.agent.stop()
                self.assertEqual(line.judge(), [])


if __name__ == "__main__":
    unittest.main()
