"""totals.py - what the ERP holds, per company and currency: documents, lines and sums.

Why:   the demo and the tests compare this with what the cloud received; so it is written in plain SQL apart from the
       agent's profile, and shares no code with it.
Owns:  nothing.
Rules: 1. Counted: journals of posted batches, posted invoices, credit memos and receipts, customers; voided ones apart.
       2. The amount is: of journals the sum of debits, of others their gross amount; in the document's currency and
          in its minor units. A sum of debits equals the sum of credits.
Runs in: tools/sample-erp.
Tests: tests/unit/test_sample_erp.py
"""

from . import master

# {a:COLUMN} is the amount as an exact number in the dialect; {p} the schema prefix.
_JOURNALS = """
SELECT company, currency, 'journal', COUNT(*), SUM(line_count), SUM(debit), 0 FROM (
  SELECT g.GLKCO AS company, g.GLCRCD AS currency,
         SUM(CASE WHEN g.GLLT = 'AA' THEN 1 ELSE 0 END) AS line_count,
         SUM(CASE WHEN g.GLLT = (CASE WHEN g.GLCRRM = 'F' THEN 'CA' ELSE 'AA' END) AND {aGLAA} > 0
             THEN {aGLAA} ELSE 0 END) AS debit
  FROM {p}F0911 g JOIN {p}F0011 b ON b.ICICUT = g.GLICUT AND b.ICICU = g.GLICU
  WHERE b.ICIST = 'D' AND g.GLPOST = 'P' AND g.GLLT IN ('AA', 'CA')
  GROUP BY g.GLKCO, CASE WHEN g.GLDCT = 'AE' THEN g.GLODCT ELSE g.GLDCT END, g.GLDOC, g.GLCTRY, g.GLFY, g.GLCRCD
) documents GROUP BY company, currency"""

_INVOICES = """
SELECT company, currency, kind, SUM(1 - voided), SUM(items * (1 - voided)), SUM(gross * (1 - voided)), SUM(voided) FROM (
  SELECT RPKCO AS company, RPCRCD AS currency, CASE WHEN RPDCT = 'RM' THEN 'credit_memo' ELSE 'invoice' END AS kind,
         COUNT(*) AS items, ABS(SUM(CASE WHEN RPCRRM = 'F' THEN {aRPACR} ELSE {aRPAG} END)) AS gross,
         MAX(CASE WHEN RPVOD = ' ' THEN 0 ELSE 1 END) AS voided
  FROM {p}F03B11 WHERE RPPOST = 'D' AND RPDCT IN ('RI', 'RM') GROUP BY RPKCO, RPDCT, RPDOC, RPCRCD
) documents GROUP BY company, currency, kind"""

_PAYMENTS = """
SELECT r.RYCO, r.RYCRCD, 'payment', SUM(CASE WHEN r.RYVDGJ = 0 THEN 1 ELSE 0 END),
       SUM(CASE WHEN r.RYVDGJ = 0 THEN COALESCE(a.items, 0) ELSE 0 END),
       SUM(CASE WHEN r.RYVDGJ <> 0 THEN 0 WHEN r.RYCRRM = 'F' THEN {aRYFCAM} ELSE {aRYCKAM} END),
       SUM(CASE WHEN r.RYVDGJ = 0 THEN 0 ELSE 1 END)
FROM {p}F03B13 r
LEFT JOIN (SELECT RZPYID, COUNT(*) AS items FROM {p}F03B14 GROUP BY RZPYID) a ON a.RZPYID = r.RYPYID
WHERE r.RYPOST = 'D' GROUP BY r.RYCO, r.RYCRCD"""

_CUSTOMERS = "SELECT '00000', '', 'customer', COUNT(*), 0, 0, 0 FROM {p}F0101 WHERE TRIM(ABAT1) = 'C'"


class _Names(dict):
    def __init__(self, database):
        super().__init__(p=database.prefix)
        self.cast = database.dialect == "sqlite"

    def __missing__(self, name):
        return f"CAST({name[1:]} AS INTEGER)" if self.cast else name[1:]


def amount_text(units, currency):
    """Minor units as a decimal number with the currency's decimals."""
    decimals = master.CURRENCIES.get(currency, ("", 2, 1))[1]
    sign, digits = ("-" if units < 0 else ""), str(abs(units)).rjust(decimals + 1, "0")
    return sign + (f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits)


def totals(database):
    """[{company, currency, type, documents, lines, amount, voided}], sorted."""
    rows = []
    for query in (_JOURNALS, _INVOICES, _PAYMENTS, _CUSTOMERS):
        for row in database.query(query.format_map(_Names(database))):
            company, currency, kind = (value.strip() for value in row[:3])
            documents, lines, amount, voided = (int(value or 0) for value in row[3:])
            if documents or voided:
                rows.append({"company": company, "currency": currency, "type": kind, "documents": documents,
                             "lines": lines, "amount": amount_text(amount, currency), "voided": voided})
    return sorted(rows, key=lambda row: (row["company"], row["currency"], row["type"]))


def table(rows):
    """The totals as text, aligned."""
    lines = [("company", "currency", "type", "documents", "lines", "amount", "voided")]
    lines += [tuple(str(row[name]) for name in lines[0]) for row in rows]
    lines.append(("", "", "all", str(sum(row["documents"] for row in rows)), str(sum(row["lines"] for row in rows)),
                  "", str(sum(row["voided"] for row in rows))))
    widths = [max(len(line[place]) for line in lines) for place in range(7)]
    shown = ["  ".join(cell.ljust(width) if place < 3 else cell.rjust(width)
                       for place, (cell, width) in enumerate(zip(line, widths))).rstrip() for line in lines]
    rule = "-" * max(len(line) for line in shown)
    return "\n".join([shown[0], rule, *shown[1:-1], rule, shown[-1]])
