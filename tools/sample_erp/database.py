"""database.py - writes and reads the sample ERP in SQLite, PostgreSQL or MariaDB.

Why:   Debian's Python has a driver for SQLite alone; the servers are reached through their own command-line clients,
       which any machine that has the server also has.
Owns:  one connection (SQLite) or one client process that takes a stream of SQL (PostgreSQL, MariaDB).
Rules: 1. What is between begin() and commit() is one transaction; nothing is visible before.
       2. Rows are streamed; a client process never holds more than a batch.
       3. Values travel as literals that are escaped here; no name or value comes from outside but the database's address.
Faults: a client that fails raises DatabaseError with its own words.
Runs in: tools/sample-erp, tests/lib/ledger.py.
Tests: tests/unit/test_sample_erp.py; tests/integration for the servers.
"""

import os
import sqlite3
import subprocess
import tempfile
import time
import urllib.parse

from . import schema


class DatabaseError(Exception):
    """The database or its client refused; the text is theirs."""


class Sqlite:
    """An SQLite file."""

    dialect = "sqlite"
    prefix = ""

    def __init__(self, path):
        self.path = path
        self.connection = sqlite3.connect(path, timeout=60, isolation_level=None)
        self.connection.text_factory = lambda raw: raw.decode("utf-8", "replace")

    def exists(self):
        """Is there a sample ERP already?"""
        return bool(self.query("SELECT name FROM sqlite_master WHERE name = 'F0911'"))

    def query(self, sql):
        """All rows, every value as text or None."""
        try:
            return [tuple(value if value is None else str(value) for value in row)
                    for row in self.connection.execute(sql)]
        except sqlite3.Error as error:
            raise DatabaseError(f"{self.path}: {error}") from error

    def begin(self):
        """Opens a transaction that will write."""
        self.execute("BEGIN IMMEDIATE")

    def execute(self, sql):
        """One statement."""
        try:
            self.connection.execute(sql)
        except sqlite3.Error as error:
            raise DatabaseError(f"{self.path}: {error}") from error

    def write(self, rows_by_table):
        """Inserts rows; CHAR columns are padded as JD Edwards pads them."""
        for table, rows in rows_by_table.items():
            kinds = [kind for _, kind in schema.columns(table)]
            widths = [(place, int(kind[1:])) for place, kind in enumerate(kinds) if kind[0] == "c"]
            marks = ", ".join("?" * len(kinds))
            self.connection.executemany(f"INSERT INTO {table} VALUES ({marks})", _padded(rows, widths))

    def hold(self, seconds):
        """Keeps the transaction open for a while."""
        time.sleep(seconds)

    def commit(self):
        """Makes what was written visible."""
        self.execute("COMMIT")

    def bulk(self):
        """A new database that nobody reads yet need not be safe from a power cut."""
        self.execute("PRAGMA synchronous = OFF")
        self.execute("PRAGMA cache_size = -65536")

    def close(self):
        """Ends the connection."""
        self.connection.close()


def _padded(rows, widths):
    for row in rows:
        values = list(row)
        for place, width in widths:
            values[place] = values[place].ljust(width)
        yield values


class _Client:
    """A command-line client that takes SQL on its standard input until close()."""

    name = "client"

    def __init__(self):
        self.process = None
        self.errors = None

    def command(self):
        """The client's command line, for a stream of SQL."""
        raise NotImplementedError

    def environment(self):
        """The client's environment."""
        return dict(os.environ, LC_ALL="C.UTF-8")

    def send(self, text):
        """Feeds SQL to the client."""
        if self.process is None:
            self.errors = tempfile.TemporaryFile(mode="w+", encoding="utf-8")
            self.process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                            stderr=self.errors, env=self.environment(), text=True, encoding="utf-8",
                                            errors="surrogateescape")
        try:
            self.process.stdin.write(text)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.close()

    def execute(self, sql):
        """One statement; its failure may show at a later call or at close()."""
        self.send(sql + ";\n")

    def begin(self):
        """Opens a transaction."""
        self.send("BEGIN;\n")

    def commit(self):
        """Makes what was written visible: on return the database has done it."""
        self.send("COMMIT;\n")
        self.close()

    def close(self):
        """Ends the client; DatabaseError if it complained."""
        if self.process is None:
            return
        process, self.process = self.process, None
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.wait()
        self.errors.seek(0)
        words = self.errors.read().strip()
        self.errors.close()
        if process.returncode:
            raise DatabaseError(f"{self.name}: {words or f'ended with {process.returncode}'}")

    def bulk(self):
        """Nothing to prepare."""

    def ask(self, command):
        """Runs a client for one query; its rows split at tabs."""
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment(), text=True,
                              encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            raise DatabaseError(f"{self.name}: {done.stderr.strip()}")
        return [tuple(line.split("\t")) for line in done.stdout.split("\n") if line]


class Postgresql(_Client):
    """PostgreSQL through psql; rows go in by COPY."""

    dialect = "postgresql"
    name = "psql"

    def __init__(self, address, namespace=None):
        super().__init__()
        self.address = address
        self.namespace = namespace
        self.prefix = f"{namespace}." if namespace else ""

    def command(self):
        return ["psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", self.address]

    def exists(self):
        """Is there a sample ERP already?"""
        return self.query(f"SELECT to_regclass('{self.prefix}f0911') IS NOT NULL") == [("t",)]

    def query(self, sql):
        """All rows, every value as text."""
        return self.ask(["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d", self.address, "-c", sql])

    def write(self, rows_by_table):
        """Inserts rows by COPY. Generated values hold no tab or line end: a backslash is all that needs escaping."""
        for table, rows in rows_by_table.items():
            self.send(f"COPY {self.prefix}{table} FROM STDIN;\n")
            for start in range(0, len(rows), 5000):
                lines = ["\t".join(map(str, row)) for row in rows[start:start + 5000]]
                self.send("\n".join(lines).replace("\\", "\\\\") + "\n")
            self.send("\\.\n")

    def hold(self, seconds):
        """Keeps the transaction open for a while."""
        self.execute(f"SELECT pg_sleep({seconds})")


class Mariadb(_Client):
    """MariaDB through its client; rows go in by multi-row inserts."""

    dialect = "mariadb"
    name = "mariadb"

    def __init__(self, address, namespace=None):
        super().__init__()
        parts = urllib.parse.urlsplit(address)
        more = dict(urllib.parse.parse_qsl(parts.query))
        self.password = urllib.parse.unquote(parts.password or "")
        self.base = ["mariadb", "--no-defaults", "--default-character-set=utf8mb4",
                     f"--user={urllib.parse.unquote(parts.username or 'root')}"]
        if "socket" in more:
            self.base.append(f"--socket={more['socket']}")
        else:
            self.base += [f"--host={parts.hostname or '127.0.0.1'}", f"--port={parts.port or 3306}", "--protocol=tcp"]
        self.database = parts.path.strip("/")
        self.namespace = namespace
        self.prefix = f"{namespace}." if namespace else ""

    def environment(self):
        # The password is not shown in the list of processes.
        return dict(super().environment(), MYSQL_PWD=self.password)

    def command(self):
        return [*self.base, "--batch", self.database]

    def exists(self):
        """Is there a sample ERP already?"""
        place = f"'{self.namespace}'" if self.namespace else "database()"
        return bool(self.query("SELECT table_name FROM information_schema.tables "
                               f"WHERE table_schema = {place} AND table_name = 'F0911'"))

    def query(self, sql):
        """All rows, every value as text."""
        return self.ask([*self.base, "--batch", "--raw", "--skip-column-names", self.database, "-e", sql])

    def write(self, rows_by_table):
        """Inserts rows, 500 with a statement."""
        for table, rows in rows_by_table.items():
            for start in range(0, len(rows), 500):
                values = ",\n".join("(" + ",".join(map(literal, row)) + ")" for row in rows[start:start + 500])
                self.send(f"INSERT INTO {self.prefix}{table} VALUES {values};\n")

    def hold(self, seconds):
        """Keeps the transaction open for a while."""
        self.execute(f"DO SLEEP({seconds})")


def literal(value):
    """A value as an SQL literal of MariaDB."""
    if isinstance(value, int):
        return str(value)
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def connect(address, namespace=None):
    """Opens sqlite:PATH, postgresql://..., postgresql:CONNINFO or mariadb://..."""
    kind, colon, rest = address.partition(":")
    if namespace and not namespace.replace("_", "").isalnum():
        raise DatabaseError(f"--schema {namespace}: letters, digits and _ are allowed")
    if kind == "sqlite" and rest:
        if namespace:
            raise DatabaseError("--schema: SQLite has no schemas")
        return Sqlite(rest)
    if kind in ("postgresql", "postgres") and rest:
        return Postgresql(address if rest.startswith("//") else rest, namespace)
    if kind in ("mariadb", "mysql") and rest.startswith("//"):
        return Mariadb(address, namespace)
    raise DatabaseError(f"--database {address}{'' if colon else ':'} is not sqlite:PATH, postgresql://USER@HOST:PORT/NAME "
                        "or mariadb://USER@HOST:PORT/NAME")


def make_tables(database, force):
    """The empty tables; existing ones are replaced where force is set."""
    if database.exists():
        if not force:
            raise DatabaseError("the database holds a sample ERP already; --force replaces it")
        database.begin()
        for table in (*schema.TABLES, schema.SPOILED_TABLE):
            database.execute(f"DROP TABLE IF EXISTS {database.prefix}{table}")
        database.commit()
    database.bulk()
    database.begin()
    if database.prefix:
        kind = "SCHEMA" if database.dialect == "postgresql" else "DATABASE"
        database.execute(f"CREATE {kind} IF NOT EXISTS {database.namespace}")
    for table in schema.TABLES:
        database.execute(schema.create(database.dialect, table, database.prefix))
    database.commit()


def make_indexes(database):
    """The keys of the loaded tables, and fresh statistics."""
    for table in schema.TABLES:
        for statement in schema.indexes(database.dialect, table, database.prefix):
            database.execute(statement)
    if database.dialect == "mariadb":
        for table in schema.TABLES:
            database.execute(f"ANALYZE TABLE {database.prefix}{table}")
    else:
        database.execute("ANALYZE")
    database.close() if database.dialect != "sqlite" else None
