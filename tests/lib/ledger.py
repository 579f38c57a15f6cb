"""ledger.py - what the ERP holds, document by document, and what the cloud received: are they the same?

Why:   the tests' judgement must not lean on the agent's profile; this reads the ERP with SQL of its own and
       compares figure by figure.
Owns:  nothing.
Rules: 1. A document's figures: currency, amounts of all lines in both currencies (sorted), totals, voided or not.
       2. The ERP's amounts become decimals here by the currency's digits, not by the agent.
       3. compare() names every difference by its subject; an empty list means equal sets with equal figures.
Runs in: integration and crash tests, tools/demo.
Tests: the tests that use it
"""

import decimal
import json
import os
import sqlite3
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
if os.path.join(ROOT, "tools") not in sys.path:
    sys.path.insert(0, os.path.join(ROOT, "tools"))

from sample_erp import database as databases, master  # noqa: E402


def sample_erp(*arguments):
    """Runs tools/sample-erp and returns its JSON."""
    done = subprocess.run([os.path.join(ROOT, "tools", "sample-erp"), *map(str, arguments), "--json"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise AssertionError(f"sample-erp {arguments}: {done.stderr}")
    return json.loads(done.stdout)


def number(text, currency):
    """Minor units as text to a decimal; what is no number stays as it is (a spoiled row)."""
    try:
        value = decimal.Decimal(text.strip())
        return value.scaleb(-master.CURRENCIES.get(currency, ("", 2, 1))[1]) if value.is_finite() else text
    except decimal.InvalidOperation:
        return text


def _key(pair):
    return tuple((0, part) if isinstance(part, decimal.Decimal) else (1, str(part)) for part in pair)


def _local(company):
    return next((one.currency for one in master.COMPANIES if one.code == company), "")


def erp_documents(address, schema=None):
    """{subject: figures} of everything that the agent should have sent."""
    database = databases.connect(address, schema)
    documents = {}
    _journals(database, documents)
    _invoices(database, documents)
    _payments(database, documents)
    for customer, name in database.query(f"SELECT ABAN8, ABALPH FROM {database.prefix}F0101 WHERE ABAT1 = 'C  '"):
        documents[f"00000/customer/0/{customer}"] = {"name": name.rstrip(), "voided": False}
    return documents


def _journals(database, documents):
    rows = database.query(
        "SELECT g.GLKCO, g.GLDCT, g.GLODCT, g.GLDOC, g.GLCTRY, g.GLFY, g.GLCRRM, g.GLCRCD, g.GLLT, g.GLDCT, g.GLJELN, g.GLAA "
        f"FROM {database.prefix}F0911 g WHERE g.GLPOST = 'P' AND g.GLLT IN ('AA', 'CA') AND EXISTS (SELECT 1 FROM "
        f"{database.prefix}F0011 b WHERE b.ICICUT = g.GLICUT AND b.ICICU = g.GLICU AND b.ICIST = 'D')")
    lines = {}
    for row in rows:
        company, kind, original, document, century, year, mode, currency, ledger, _, line, amount = (cell.strip() for cell in row)
        subject = f"{company}/journal/{int(century) * 100 + int(year)}/{original if kind == 'AE' else kind}-{document}"
        place = lines.setdefault(subject, (currency, mode == "F", {}))[2]
        units = number(amount, currency if ledger == "CA" else _local(company))
        place.setdefault((kind, int(line)), {})[ledger] = units
    for subject, (currency, foreign, by_line) in lines.items():
        pairs = [(one.get("CA"), one.get("AA")) if foreign else (one.get("AA"), one.get("AA")) for one in by_line.values()]
        documents[subject] = {"currency": currency, "lines": sorted(pairs, key=_key), "voided": False}


def _invoices(database, documents):
    for row in database.query(
            "SELECT RPKCO, RPDCT, RPDOC, RPCTRY, RPFY, RPCRRM, RPCRCD, RPVOD, RPAN8, RPAG, RPACR, RPSTAM, RPCTAM, RPAAP, RPFAP "
            f"FROM {database.prefix}F03B11 WHERE RPPOST = 'D' AND RPDCT IN ('RI', 'RM')"):
        company, kind, document, century, year, mode, currency, void, customer, *amounts = (cell.strip() for cell in row)
        name, sign = ("credit_memo", -1) if kind == "RM" else ("invoice", 1)
        subject = f"{company}/{name}/{int(century) * 100 + int(year)}/{kind}-{document}"
        local = [sign * number(cell, _local(company)) for cell in amounts[0::2]]
        units = [sign * number(cell, currency) for cell in amounts[1::2]] if mode == "F" else local
        figures = documents.setdefault(subject, {"currency": currency, "customer": customer, "voided": bool(void), "lines": [],
                                                 "gross": decimal.Decimal(0), "tax": decimal.Decimal(0),
                                                 "open": decimal.Decimal(0)})
        figures["lines"].append((units[0], local[0]))
        figures["lines"].sort(key=_key)
        for place, figure in enumerate(("gross", "tax", "open")):
            figures[figure] += units[place]


def _payments(database, documents):
    subjects = {}
    for row in database.query("SELECT RYCO, RYPYID, RYCTRY, RYFY, RYCRRM, RYCRCD, RYVDGJ, RYPYR, RYCKAM, RYFCAM, RYAAP, RYFAP "
                              f"FROM {database.prefix}F03B13 WHERE RYPOST = 'D'"):
        company, document, century, year, mode, currency, void, payer, *amounts = (cell.strip() for cell in row)
        subject = f"{company}/payment/{int(century) * 100 + int(year)}/{document}"
        units = [number(cell, currency) for cell in amounts[1::2]] if mode == "F" else \
            [number(cell, currency) for cell in amounts[0::2]]
        documents[subject] = {"currency": currency, "payer": payer, "voided": void != "0", "amount": units[0],
                              "unapplied": units[1], "lines": []}
        subjects[document] = (subject, mode == "F", currency, company)
    for row in database.query(f"SELECT RZPYID, RZPAAP, RZPFAP FROM {database.prefix}F03B14"):
        document, amount, foreign_amount = (cell.strip() for cell in row)
        if document in subjects:
            subject, foreign, currency, company = subjects[document]
            local = -number(amount, _local(company))
            documents[subject]["lines"].append((-number(foreign_amount, currency) if foreign else local, local))
            documents[subject]["lines"].sort(key=_key)


def cloud_documents(path):
    """{subject: figures} of the latest revisions that the sample cloud holds."""
    documents = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30) as connection:
        rows = connection.execute("SELECT subject, kind, voided, data FROM documents").fetchall()
    for subject, kind, voided, text in rows:
        data = json.loads(text)
        if kind == "customer":
            documents[subject] = {"name": data["legal_name"], "voided": bool(voided)}
            continue
        key = {"payment": "applications"}.get(kind, "lines")
        unit, local = ("gross", "gross_local") if kind in ("invoice", "credit_memo") else ("amount", "amount_local")
        figures = {"currency": data["currency"], "voided": bool(voided), "lines": sorted(
            ((_decimal(line.get(unit)), _decimal(line.get(local, line.get(unit)))) for line in data.get(key, ())), key=_key)}
        if kind in ("invoice", "credit_memo"):
            figures["customer"] = data["customer"]
        if kind == "payment":
            figures["payer"] = data["payer"]
        for name in {"payment": ("amount", "unapplied"), "journal": ()}.get(kind, ("gross", "tax", "open")):
            figures[name] = _decimal(data.get(name, "0"))
        documents[subject] = figures
    return documents


def _decimal(text):
    return None if text is None else decimal.Decimal(text)


def compare(erp, cloud, without=(), limit=10):
    """Differences as sentences, the first `limit` of them; subjects in `without` (held by exceptions) must be absent."""
    without = set(without)
    problems = [f"{subject}: in the ERP, not in the cloud" for subject in sorted(set(erp) - set(cloud) - without)]
    problems += [f"{subject}: in the cloud, not in the ERP" for subject in sorted(set(cloud) - set(erp))]
    problems += [f"{subject}: should be held back and was sent" for subject in sorted(set(cloud) & without)]
    for subject in sorted(set(erp) & set(cloud) - without):
        if erp[subject]["voided"] and cloud[subject]["voided"]:
            continue
        for name, value in erp[subject].items():
            if cloud[subject].get(name) != value:
                problems.append(f"{subject}: {name}: ERP {value}, cloud {cloud[subject].get(name)}")
    return problems[:limit] + ([f"... and {len(problems) - limit} more"] if len(problems) > limit else [])


def difference(address, cloud, schema=None, without=()):
    """compare() of a database and a cloud file, ready for assertEqual(..., [])."""
    return compare(erp_documents(address, schema), cloud_documents(cloud), without)
