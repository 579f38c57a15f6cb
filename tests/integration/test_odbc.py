"""test_odbc.py - the source child against real SQLite, PostgreSQL and MariaDB through their ODBC drivers.

Why:   starts the servers and runs odbc_role_test once for each; its results are this test's.
Owns:  the servers, a temporary directory.
Rules: the role logs in with a password full of what connection strings use for themselves.
Runs in: the integration tests.
"""
import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import servers  # noqa: E402

PROGRAM = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "tests", "integration",
                       "odbc_role_test")
# Closing and opening braces, the separator, and what psqlODBC decodes where there are no braces.
PASSWORD = "p;w}d{=% +%41x"
SECONDS_MAX = 300


class Odbc(unittest.TestCase):
    maxDiff = None

    def run_program(self, kind, **settings):
        environment = dict(os.environ, TWINPOST_ODBC_KIND=kind)
        environment.update({f"TWINPOST_ODBC_{key.upper()}": value for key, value in settings.items()})
        done = subprocess.run([PROGRAM], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=SECONDS_MAX, check=False)
        output = done.stdout.decode("utf-8", "replace")
        for line in output.splitlines():
            if "largest memory" in line or os.environ.get("TWINPOST_VERBOSE"):
                print(f"# {kind}: {line.lstrip('# ')}")
        self.assertEqual(done.returncode, 0, output)
        # A run that tested nothing is no success.
        self.assertIn("ok 15", output)

    def test_sqlite(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "erp.db")
            text = os.path.join(directory, "text.db")
            with open(text, "w", encoding="utf-8") as file:
                file.write("This is no database. " * 100)
            self.run_program("sqlite", connection=servers.sqlite_odbc(path).rstrip(";"), admin=servers.sqlite_odbc(path),
                             no_database=servers.sqlite_odbc(text))

    def test_postgresql(self):
        server = servers.Postgres()
        try:
            with open(os.path.join(server.data, "pg_hba.conf"), "r+", encoding="utf-8") as file:
                rest = file.read()
                file.seek(0)
                file.write("host all secured 127.0.0.1/32 scram-sha-256\n"
                           "host all 127.0.0.1 127.0.0.1/32 scram-sha-256\n" + rest)
            server.start()
            server.psql(f"create role secured login password '{PASSWORD}'")
            server.psql("create role \"127.0.0.1\" login password 'other'")
            server.psql("grant pg_read_all_data to secured")
            server.psql("create table told (company char(5), number integer, name varchar(40))", server.database)
            server.psql("grant insert, update, delete on told to secured", server.database)
            server.psql("create database latin encoding 'SQL_ASCII' locale 'C' template template0")
            plain = (f"Driver={servers.odbc_driver('psqlodbcw.so')};Servername=127.0.0.1;Port={server.port};"
                     f"Database=%s")
            self.run_program("postgresql", connection=plain % server.database, user="secured", password=PASSWORD,
                             admin=server.odbc(more=""), latin=plain % "latin",
                             latin_admin=(plain % "latin") + ";Username=twinpost", no_database=plain % "no_such_database",
                             no_server=(plain % "erp").replace(str(server.port), str(servers.free_port())))
        finally:
            server.stop()

    def test_mariadb(self):
        server = servers.Mariadb()
        try:
            server.start()
            server.mariadb(f"create user secured@'127.0.0.1' identified by '{PASSWORD}';"
                           f"grant select on `{server.database}`.* to secured@'127.0.0.1';"
                           f"create table `{server.database}`.told (company char(5), number integer, name varchar(40));"
                           f"grant insert, update, delete on `{server.database}`.told to secured@'127.0.0.1'")
            plain = (f"Driver={servers.odbc_driver('libmaodbc.so')};Server=127.0.0.1;Port={server.port};"
                     f"Database=%s")
            self.run_program("mariadb", connection=plain % server.database, user="secured", password=PASSWORD,
                             admin=server.odbc(), no_database=plain % "no_such_database",
                             no_server=(plain % "erp").replace(str(server.port), str(servers.free_port())))
        finally:
            server.stop()


if __name__ == "__main__":
    unittest.main()
