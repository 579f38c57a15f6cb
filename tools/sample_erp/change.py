"""change.py - what happens to an ERP while an agent watches it: new postings, edits, voids, reversals, bad rows.

Why:   an agent must see every one of these; a test has to be able to cause each and to know what it caused.
Owns:  the table of spoiled documents' true rows (schema.SPOILED_TABLE), from which repair() puts them right.
Rules: 1. One post() is one transaction; with hold it stays open for a while, so that later stamps commit earlier.
       2. Every change stamps what it changes, as the ERP's programs do: the document's row, or the batch of a journal.
       3. Each bad row is one that a real ERP or its driver can deliver; a database that refuses it says so.
Runs in: tools/sample-erp.
Tests: tests/unit/test_sample_erp.py
"""

import collections
import datetime
import json
import random

from . import generate, master, schema
from .database import DatabaseError, literal

POOL_ROWS = 400  # newest open pay items that receipts may pay

_LEDGER = {name: place for place, name in enumerate(schema.names("F0911"))}


def typed(table, row):
    """A row of texts as the generator makes it: integers where the column holds them, blanks cut at the right."""
    return [int(value) if kind in ("i", "a") else value.rstrip() if kind[0] == "c" else value
            for value, (_, kind) in zip(row, schema.columns(table))]


def stamp(instant):
    """(CYYDDD, HHMMSS)"""
    return master.julian(instant), master.clock(instant)


def newest(database):
    """The newest update stamp of the whole database."""
    found = database.query(" UNION ALL ".join(
        f"SELECT * FROM (SELECT {prefix}UPMJ, {prefix}UPMT FROM {database.prefix}{table} "
        f"ORDER BY {prefix}UPMJ DESC, {prefix}UPMT DESC LIMIT 1) {table}_newest"
        for table, prefix in (("F0011", "IC"), ("F03B11", "RP"), ("F03B13", "RY"), ("F0101", "AB"))))
    if not found:
        return datetime.datetime.combine(datetime.date.today(), datetime.time())
    day, time = max((int(day), int(time)) for day, time in found)
    return datetime.datetime.combine(master.civil(day), datetime.time(time // 10000, time // 100 % 100, time % 100))


def continued(database, seed, sink, **options):
    """A generator that goes on where the database stands: next numbers, customers, open invoices."""
    tops = (("JE", "F0911", "GLDOC", "GLDCT = 'JE'"), ("RI", "F03B11", "RPDOC", "RPDCT = 'RI'"),
            ("RM", "F03B11", "RPDOC", "RPDCT = 'RM'"), ("RC", "F03B13", "RYPYID", "1 = 1"),
            ("batch", "F0011", "ICICU", "1 = 1"), ("customer", "F0101", "ABAN8", "1 = 1"))
    counters = {name: int(value) + 1 for name, value in database.query(" UNION ALL ".join(
        f"SELECT '{name}', MAX({column}) FROM {database.prefix}{table} WHERE {where}" for name, table, column, where in tops))
                if value and value != "NULL"}
    seed = seed if seed is not None else sum(counters.values())
    generator = generate.Generator(seed, sink, counters, **options)
    by_currency = {company.currency: company for company in generator.companies}
    for number, currency in database.query(f"SELECT ABAN8, ABCRCD FROM {database.prefix}F0101 "
                                           "WHERE ABAT1 = 'C  ' ORDER BY ABAN8 LIMIT 5000"):
        if currency in by_currency:
            generator.customers[by_currency[currency].code].append(int(number))
    load_pool(database, generator)
    return generator


def load_pool(database, generator):
    """Gives the generator the newest unpaid invoices, so that new receipts can pay them."""
    companies = {company.code: company for company in generator.companies}
    amount = "CAST(RPAAP AS INTEGER)" if database.dialect == "sqlite" else "RPAAP"
    invoices = collections.OrderedDict()
    for row in database.query(f"SELECT * FROM {database.prefix}F03B11 WHERE RPDCT = 'RI' AND RPPOST = 'D' AND "
                              f"RPVOD = ' ' AND RPPST = 'A' AND {amount} > 0 ORDER BY RPDOC DESC, RPSFX LIMIT {POOL_ROWS}"):
        values = typed("F03B11", row)
        invoices.setdefault(values[0], []).append(values)
    for number, rows in reversed(invoices.items()):
        company, customer, currency = rows[0][2], rows[0][4], rows[0][15]
        if company in companies:
            invoice = generate.OpenInvoice(companies[company], customer, currency, rows, stored=True)
            generator.pool[company, customer, currency][number] = invoice
            generator.pool_order[number] = invoice
            generator.recent[company] = ("RI", number, company)


def write_updates(database, generator):
    """Open amounts of stored invoices that were paid since."""
    for invoice in generator.updates.values():
        for row in invoice.rows:
            values = dict(zip(schema.names("F03B11"), row))
            database.execute(
                f"UPDATE {database.prefix}F03B11 SET RPAAP = '{values['RPAAP']}', RPFAP = '{values['RPFAP']}', "
                f"RPPST = '{values['RPPST']}', RPUPMJ = {values['RPUPMJ']}, RPUPMT = {values['RPUPMT']} "
                f"WHERE RPDOC = {values['RPDOC']} AND RPDCT = '{values['RPDCT']}' AND RPKCO = '{values['RPKCO']}' "
                f"AND RPSFX = '{values['RPSFX']}'")


def post(database, arguments):
    """Everything that `sample-erp post` was asked for; returns what it did."""
    if not database.exists():
        raise DatabaseError("there is no sample ERP in this database; make one with: sample-erp create")
    last, now = newest(database), datetime.datetime.now().replace(microsecond=0)
    when = last - datetime.timedelta(seconds=arguments.late) if arguments.late else max(now, last)
    generator = continued(database, arguments.seed, database.write, domestic=arguments.domestic,
                          journal_lines=arguments.journal_lines, companies=arguments.company)
    generator.want_subjects = True
    chosen = choose(database, generator, arguments)
    database.begin()
    batches = 0
    while (left := arguments.documents - sum(generator.counts.values())) > 0:
        kind = generator.kind(left, arguments.only)
        company = None if kind == "G " else generator.company_with_customers()
        generator.fill(generator.batch(kind, when, company), min(left, max(10, arguments.documents // 3), 200))
        batches += 1
    result = {"documents": 0, "split": {}, "edited": [], "voided": [], "reversed": []}
    for document, company in chosen["reverse"]:
        result["reversed"].append(reverse(generator, document, company, when))
    for kind, row in chosen["void"]:
        result["voided"].append(void(database, generator, kind, row, when))
    generator.finish()
    for kind, row in chosen["edit"]:
        result["edited"].append(edit(database, kind, row, when, generator.next["JE"] + len(result["edited"])))
    write_updates(database, generator)
    if arguments.hold:
        database.hold(arguments.hold)
    database.commit()
    result["documents"], result["split"] = sum(generator.counts.values()), dict(generator.counts)
    result["subjects"] = generator.subjects
    result["stamp"] = when.isoformat(" ")
    result["spoiled"] = [spoil(database, kind, arguments.seed) for kind in arguments.spoil or ()]
    return result


def choose(database, generator, arguments):
    """Picks the existing documents to edit, void and reverse, before the transaction begins."""
    draw = random.Random(generator.random.random())
    amount = "CAST(RPAAP AS INTEGER) = CAST(RPAG AS INTEGER)" if database.dialect == "sqlite" else "RPAAP = RPAG"
    prefix, chosen = database.prefix, {"edit": [], "void": [], "reverse": []}
    journals = invoices = receipts = customers = []
    if arguments.edit or arguments.reverse:
        journals = database.query(
            f"SELECT DISTINCT g.GLKCO, g.GLDOC, g.GLCTRY, g.GLFY, g.GLICUT, g.GLICU FROM {prefix}F0911 g "
            f"JOIN {prefix}F0011 b ON b.ICICUT = g.GLICUT AND b.ICICU = g.GLICU WHERE b.ICIST = 'D' AND "
            f"g.GLDCT = 'JE' AND g.GLRE = ' ' AND g.GLDOC > {generator.next['JE'] - 5000} ORDER BY g.GLDOC")
    if arguments.edit or arguments.void:
        # Whole invoices only: no pay item paid, none voided.
        invoices = database.query(
            f"SELECT RPKCO, RPDOC, RPCTRY, RPFY FROM {prefix}F03B11 WHERE RPDCT = 'RI' AND RPPOST = 'D' "
            f"AND RPDOC > {generator.next['RI'] - 5000} GROUP BY RPKCO, RPDOC, RPCTRY, RPFY "
            f"HAVING MIN(CASE WHEN {amount} AND RPVOD = ' ' THEN 1 ELSE 0 END) = 1 ORDER BY RPDOC")
        receipts = database.query(
            f"SELECT RYCO, RYPYID, RYCTRY, RYFY FROM {prefix}F03B13 WHERE RYPOST = 'D' AND RYVDGJ = 0 AND NOT EXISTS "
            f"(SELECT 1 FROM {prefix}F03B14 WHERE RZPYID = RYPYID) ORDER BY RYPYID LIMIT 2000")
        customers = database.query(f"SELECT ABAN8, ABALPH FROM {prefix}F0101 WHERE ABAT1 = 'C  ' ORDER BY ABAN8 LIMIT 2000")
    for rows in (journals, invoices, receipts, customers):
        draw.shuffle(rows)
    chosen["reverse"] = take(arguments.reverse, [("", journals)], "reverse")
    chosen["reverse"] = [load(database, "JE", row[0], row[1]) for _, row in chosen["reverse"]]
    kinds = [("invoice", invoices), ("payment", receipts)]
    chosen["void"] = [(kind, (*row, load(database, "RI" if kind == "invoice" else "RC", row[0], row[1])))
                      for kind, row in take(arguments.void, kinds, "void")]
    # Fewer invoices after paying: an invoice that a new receipt pays is edited without harm.
    kinds = [("journal", journals), ("invoice", invoices), ("customer", customers)]
    chosen["edit"] = take(arguments.edit, kinds, "edit")
    for row in chosen["void"]:
        number = int(row[1][1])
        if row[0] == "invoice" and number in generator.pool_order:
            generator.leave_pool(number, generator.pool_order[number])
    return chosen


def take(count, kinds, what):
    """The next documents of the kinds, in turns; a document is taken once."""
    taken = []
    while len(taken) < count:
        able = [(kind, rows) for kind, rows in kinds if rows]
        if not able:
            raise DatabaseError(f"--{what}: the database holds {len(taken)} documents that can be, not {count}")
        for kind, rows in able[:count - len(taken)]:
            taken.append((kind, rows.pop()))
    return taken


def load(database, kind, company, number):
    """(document, company) of a posted document, from its ledger rows."""
    rows = [typed("F0911", row) for row in database.query(
        f"SELECT * FROM {database.prefix}F0911 WHERE GLKCO = '{company}' AND GLDOC = {number} AND "
        f"(GLDCT = '{kind}' OR (GLDCT = 'AE' AND GLODCT = '{kind}')) ORDER BY GLJELN, GLLT")]
    actual = [row for row in rows if row[_LEDGER["GLLT"]] == "AA"]
    foreign = {row[_LEDGER["GLJELN"]]: row[_LEDGER["GLAA"]] for row in rows if row[_LEDGER["GLLT"]] == "CA"}
    first = actual[0]
    document = generate.Document(kind, int(number), master.civil(first[_LEDGER["GLDGJ"]]), first[_LEDGER["GLCRCD"]],
                                 party=first[_LEDGER["GLAN8"]], text=first[_LEDGER["GLEXA"]])
    for row in actual:
        units = row[_LEDGER["GLAA"]]
        document.lines.append(generate.Line(row[_LEDGER["GLAID"]], row[_LEDGER["GLMCU"]], row[_LEDGER["GLOBJ"]],
                                            foreign.get(row[_LEDGER["GLJELN"]], units), units, row[_LEDGER["GLTXA1"]]))
    return document, next(one for one in master.COMPANIES if one.code == company)


def reverse(generator, document, company, when):
    """Posts the reversal of a document; returns the subject of the reversal."""
    batch = generator.batch("G ", when, company)
    generator.reversal(batch, document, generator.post_time(batch, 0))
    generator.close(batch)
    return generator.subjects[-1]


def void(database, generator, kind, row, when):
    """Voids an invoice or a receipt, with the reversing journal; returns its subject."""
    company, number, century, year, (document, owner) = row
    day, time = stamp(when)
    if kind == "invoice":
        database.execute(f"UPDATE {database.prefix}F03B11 SET RPVOD = 'V', RPAAP = '0', RPFAP = '0', RPPST = 'P', "
                         f"RPUPMJ = {day}, RPUPMT = {time} WHERE RPDCT = 'RI' AND RPDOC = {number} AND RPKCO = '{company}'")
    else:
        database.execute(f"UPDATE {database.prefix}F03B13 SET RYVDGJ = {day}, RYNFVD = 'V', RYVRE = '001', "
                         f"RYUPMJ = {day}, RYUPMT = {time} WHERE RYPYID = {number}")
    reverse(generator, document, owner, when)
    return f"{company}/{kind}/{int(century) * 100 + int(year)}/" + (f"RI-{number}" if kind == "invoice" else number)


def edit(database, kind, row, when, number):
    """Amends a document; returns its subject."""
    day, time = stamp(when)
    if kind == "customer":
        name = f"{row[1].rstrip()[:30]} ({number})".replace("'", "''")
        if database.dialect == "mariadb":
            name = name.replace("\\", "\\\\")
        database.execute(f"UPDATE {database.prefix}F0101 SET ABALPH = '{name}', ABUPMJ = {day}, ABUPMT = {time} "
                         f"WHERE ABAN8 = {row[0]}")
        return f"00000/customer/0/{row[0]}"
    company, document, century, year = row[:4]
    subject = f"{company}/{kind}/{int(century) * 100 + int(year)}/"
    if kind == "invoice":
        database.execute(f"UPDATE {database.prefix}F03B11 SET RPRMK = 'Corrected {number}', RPVR01 = 'PO-C{number}', "
                         f"RPDDJ = {day}, RPUPMJ = {day}, RPUPMT = {time} "
                         f"WHERE RPDCT = 'RI' AND RPDOC = {document} AND RPKCO = '{company}'")
        return f"{subject}RI-{document}"
    database.execute(f"UPDATE {database.prefix}F0911 SET GLEXA = 'Corrected {number}', GLEXR = 'Corrected {number}', "
                     f"GLUPMJ = {day}, GLUPMT = {time} WHERE GLDCT = 'JE' AND GLDOC = {document} AND GLKCO = '{company}'")
    database.execute(f"UPDATE {database.prefix}F0011 SET ICUPMJ = {day}, ICUPMT = {time} "
                     f"WHERE ICICUT = '{row[4]}' AND ICICU = {row[5]}")
    return f"{subject}JE-{document}"


def late_commits(database, seed):
    """One batch in twenty gets stamps an hour before its neighbours', as after a long posting run."""
    place = seed % 20
    database.begin()
    for table, prefix, batch in (("F0011", "IC", "ICICU"), ("F03B11", "RP", "RPICU"), ("F03B13", "RY", "RYICU")):
        database.execute(f"UPDATE {database.prefix}{table} SET {prefix}UPMT = {prefix}UPMT - 10000 "
                         f"WHERE {batch} % 20 = {place} AND {prefix}UPMT >= 90000")
    database.commit()
    return int(database.query(f"SELECT COUNT(*) FROM {database.prefix}F0011 WHERE ICICU % 20 = {place}")[0][0])


# Bad rows. A spoiler changes the ledger rows of one good journal; each row is a list in the order of the columns.

def _set(column, value):
    def change(rows):
        rows[0][_LEDGER[column]] = value
        return rows
    return change


def _set_all(column, value):
    def change(rows):
        for row in rows:
            row[_LEDGER[column]] = value
        return rows
    return change


def _unbalance(rows):
    rows[0][_LEDGER["GLAA"]] += 1
    return rows


# kind: (change, dialects that can hold it)
SPOILERS = {
    "nan-amount": (_set("GLAA", "NaN"), ("sqlite", "postgresql")),
    "text-amount": (_set("GLAA", "12,50 EUR"), ("sqlite",)),
    "forty-digits": (_set("GLAA", "1234567890" * 4), ("sqlite", "postgresql", "mariadb")),
    "bad-utf8": (_set("GLEXA", "to be replaced"), ("sqlite",)),
    "date-zero": (_set_all("GLDGJ", 0), ("sqlite", "postgresql", "mariadb")),
    "date-999999": (_set_all("GLDGJ", 999999), ("sqlite", "postgresql", "mariadb")),
    "unbalanced": (_unbalance, ("sqlite", "postgresql", "mariadb")),
    "two-megabyte-text": (_set("GLEXA", "Überlang " * 233017), ("sqlite", "postgresql", "mariadb")),
    "half-document": (lambda rows: rows[:len(rows) // 2], ("sqlite", "postgresql", "mariadb")),
}

_WIDEN = {  # the sample's own columns are too narrow for these
    ("forty-digits", "postgresql"): "ALTER TABLE {p}F0911 ALTER COLUMN GLAA TYPE NUMERIC(45,0)",
    ("forty-digits", "mariadb"): "ALTER TABLE {p}F0911 MODIFY GLAA NUMERIC(45,0) NOT NULL",
    ("two-megabyte-text", "postgresql"): "ALTER TABLE {p}F0911 ALTER COLUMN GLEXA TYPE TEXT",
    ("two-megabyte-text", "mariadb"): "ALTER TABLE {p}F0911 MODIFY GLEXA LONGTEXT NOT NULL",
}


def spoil(database, kind, seed=None):
    """Posts one bad journal; returns its kind, subject, key and batch."""
    change, able = SPOILERS[kind]
    if database.dialect not in able:
        raise DatabaseError(f"--spoil {kind}: {database.dialect} refuses such a value; possible on {', '.join(able)}")
    caught = {}
    generator = continued(database, seed, caught.update, domestic=True, journal_lines=4)
    generator.want_subjects = True
    batch = generator.batch("G ", max(newest(database), datetime.datetime.now().replace(microsecond=0)))
    document = generator.journal(batch)
    generator.close(batch)
    generator.flush()
    subject = generator.subjects[0]
    text = "LONGTEXT" if database.dialect == "mariadb" else "TEXT"
    database.execute(f"CREATE TABLE IF NOT EXISTS {database.prefix}{schema.SPOILED_TABLE} "
                     f"(SUBJECT VARCHAR(200), BODY {text})")
    if (kind, database.dialect) in _WIDEN:
        database.execute(_WIDEN[kind, database.dialect].format(p=database.prefix))
    body = json.dumps({"rows": caught["F0911"], "batch": [batch.kind, batch.number], "key": ["JE", document.number, batch.company.code]})
    database.begin()
    database.execute(f"INSERT INTO {database.prefix}{schema.SPOILED_TABLE} VALUES ('{subject}', {quoted(database, body)})")
    caught["F0911"] = change([list(row) for row in caught["F0911"]])
    database.write(caught)
    if kind == "bad-utf8":
        database.execute("UPDATE F0911 SET GLEXA = CAST(x'4dfc6c6c657220ff' AS TEXT) WHERE GLDCT = 'JE' AND "
                         f"GLDOC = {document.number} AND GLJELN = 10")
    database.commit()
    return {"kind": kind, "subject": subject, "number": document.number, "company": batch.company.code,
            "batch": [batch.kind, batch.number]}


def quoted(database, text):
    """An SQL literal of the dialect."""
    return literal(text) if database.dialect == "mariadb" else "'" + text.replace("'", "''") + "'"


def repair(database):
    """Puts every spoiled document right, with current stamps; returns their subjects."""
    try:
        found = database.query(f"SELECT SUBJECT, BODY FROM {database.prefix}{schema.SPOILED_TABLE}")
    except DatabaseError:
        return []  # nothing was ever spoiled
    day, time = stamp(max(newest(database), datetime.datetime.now()))
    database.begin()
    for _, body in found:
        saved = json.loads(body)
        kind, number, company = saved["key"]
        database.execute(f"DELETE FROM {database.prefix}F0911 WHERE GLDCT = '{kind}' AND GLDOC = {number} AND GLKCO = '{company}'")
        for row in saved["rows"]:
            row[_LEDGER["GLUPMJ"]], row[_LEDGER["GLUPMT"]] = day, time
        database.write({"F0911": saved["rows"]})
        database.execute(f"UPDATE {database.prefix}F0011 SET ICUPMJ = {day}, ICUPMT = {time} "
                         f"WHERE ICICUT = '{saved['batch'][0]}' AND ICICU = {saved['batch'][1]}")
    database.execute(f"DELETE FROM {database.prefix}{schema.SPOILED_TABLE}")
    database.commit()
    return [subject for subject, _ in found]
