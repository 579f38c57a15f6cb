"""warehouse.py - the cloud's ledger as tables, for reading it by ODBC.

Why:   many clouds offer no messages but a ledger or a warehouse; it must say the same as what is published.
Owns:  tables cloud_documents, cloud_lines, cloud_tax_lines of the database it is given (SQLite or PostgreSQL).
Rules: 1. One row a document, with a column for each header field of any type; lines beside it by document_id and position.
       2. Amounts are NUMERIC(19,4); SQLite keeps them as TEXT, exact. Rates, prices and quantities are text, digit for digit.
       3. A document that did not change keeps its rows; another revision replaces them. One transaction a filling.
       4. changed_at is the database's own local time of that transaction, to the second.
Faults: what the database or psql says (sample_erp.database.DatabaseError).
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py, tests/integration/test_cloud_ledger.py
"""

from sample_erp import database as databases

from . import fields



def _own(names):
    """The fields that the cloud fills: its codes are the mapped ones."""
    return [name for name in dict.fromkeys(names) if not name.endswith("_mapped")]


TABLES = {
    "cloud_documents": ["document_id", "subject", "revision", "voided", "changed_at", *_own(fields.ALL_HEADERS)],
    "cloud_lines": ["document_id", "position", *_own(fields.ALL_LINES + fields.APPLICATIONS)],
    "cloud_tax_lines": ["document_id", "position", *_own(fields.TAX_LINES)],
}
# Words of SQL that are names of fields.
RESERVED = {"type": "document_type", "number": "document_number", "year": "fiscal_year", "user": "user_name", "text": "note",
            "open": "open_amount", "line": "line_number", "code": "tax_code"}
_DATABASES = ("sqlite", "postgresql", "postgres")


def column(name):
    """The column of a field."""
    return RESERVED.get(name, name)


def kind(name, dialect):
    """The SQL type of a column."""
    if name in ("document_id", "position", "revision", "year", "period", "voided", "record_count"):
        return "BIGINT" if name in ("document_id", "record_count") else "INTEGER"
    if name == "changed_at":
        return "TIMESTAMP(0)" if dialect == "postgresql" else "TEXT"
    if name in fields.AMOUNTS:
        return "NUMERIC(19,4)" if dialect == "postgresql" else "TEXT"
    if dialect == "sqlite":
        return "TEXT"
    return "DATE" if name in fields.DATES else "BOOLEAN" if name in fields.BOOLEANS else "VARCHAR(4000)"


def create(database):
    """The empty tables, where there are none."""
    for table, names in TABLES.items():
        parts = [f"{column(name)} {kind(name, database.dialect)}" for name in names]
        parts.append("PRIMARY KEY (document_id)" if table == "cloud_documents" else "PRIMARY KEY (document_id, position)")
        database.execute(f"CREATE TABLE IF NOT EXISTS {database.prefix}{table} ({', '.join(parts)})")


def rows_of(number, data, voided, revision, subject):
    """{table: rows} of one document; changed_at is set when all are there."""
    head = {**data, "document_id": number, "subject": subject, "revision": revision, "voided": int(voided), "changed_at": None}
    found = {"cloud_documents": [[_plain(head.get(name)) for name in TABLES["cloud_documents"]]], "cloud_lines": [],
             "cloud_tax_lines": []}
    for section, lines in ((section, data.get(section, ())) for section in fields.SECTIONS[data["type"]]):
        table = "cloud_tax_lines" if section == "tax_lines" else "cloud_lines"
        for position, line in enumerate(lines, 1):
            values = {**line, "document_id": number, "position": position}
            found[table].append([_plain(values.get(name)) for name in TABLES[table]])
    return found


def _plain(value):
    if value is True or value is False:
        return "true" if value else "false"
    return value


def _copy_field(value):
    if value is None:
        return "\\N"
    return str(value).replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def insert(database, table, rows):
    """Adds rows."""
    names = ", ".join(column(name) for name in TABLES[table])
    if database.dialect == "sqlite":
        marks = ", ".join("?" * len(TABLES[table]))
        database.connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
    elif rows:
        database.send(f"COPY {database.prefix}{table} ({names}) FROM STDIN;\n")
        database.send("".join("\t".join(map(_copy_field, row)) + "\n" for row in rows))
        database.send("\\.\n")


def fill(address, documents):
    """Brings the tables of a database up to date; returns how many documents were new or changed."""
    if address.split(":", 1)[0] not in _DATABASES:
        raise ValueError(f"--to {address}: it is sqlite:PATH or postgresql://USER@HOST:PORT/NAME")
    database = databases.connect(address)
    if database.dialect == "postgresql":
        database.execute("SET client_min_messages = warning")
    create(database)
    if database.dialect == "postgresql":
        database.close()  # the query below asks in a client of its own
    known = {subject: (int(number), int(revision)) for number, subject, revision in
             database.query(f"SELECT document_id, subject, revision FROM {database.prefix}cloud_documents")}
    last, changed, old = max([number for number, _ in known.values()], default=0), [], []
    for data, voided, revision, subject in documents:
        if known.get(subject, (0, 0))[1] == revision:
            continue
        if subject in known:
            old.append(known[subject][0])
        else:
            last += 1
        changed.append((known[subject][0] if subject in known else last, data, voided, revision, subject))
    write(database, old, changed)
    database.close()
    return len(changed)


def write(database, old, changed):
    """One transaction: replaced documents out, new ones in."""
    now = "localtimestamp(0)" if database.dialect == "postgresql" else "datetime('now', 'localtime')"
    database.begin()
    for table in TABLES:
        for start in range(0, len(old), 500):
            numbers = ", ".join(map(str, old[start:start + 500]))
            database.execute(f"DELETE FROM {database.prefix}{table} WHERE document_id IN ({numbers})")
    for start in range(0, len(changed), 1000):
        rows = {table: [] for table in TABLES}
        for one in changed[start:start + 1000]:
            for table, more in rows_of(*one).items():
                rows[table] += more
        for table, found in rows.items():
            insert(database, table, found)
    database.execute(f"UPDATE {database.prefix}cloud_documents SET changed_at = {now} WHERE changed_at IS NULL")
    database.commit()
