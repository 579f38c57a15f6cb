"""mapping.py - legacy codes to cloud codes, by the CSV files that the agent's comparison reads too.

Why:   the cloud books with codes of its own; this reading of the files shares nothing with the agent's, so that a
       misreading on either side shows as a difference.
Owns:  nothing outside its objects.
Rules: 1. One file for each kind; a kind without a file keeps its codes. Columns entity,from,to,valid_from,valid_to,note.
       2. A document's own entity goes before entity "*" (or empty), which stands for all of them.
       3. Of one entity: the rows that name the code, else those of `from` "*". A code that an entity's own row names on other
          dates goes on to the rows for all entities that name it, never to their "*": it is no "every other code".
       4. Both dates are within the row, an empty one is open. A code that no row covers on the date is missing.
       5. `to` "=": the code stays. An empty code stays empty.
Faults: MappingError names file and line: unknown columns, bad dates, overlaps. Unmapped names kind, code and date.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import csv
import datetime
import os

KINDS = ("account", "cost_centre", "tax_code", "customer", "entity", "document_type")
COLUMNS = ("entity", "from", "to", "valid_from", "valid_to", "note")
_FIRST, _LAST = "0000-00-00", "9999-99-99"


class MappingError(Exception):
    """A file is not as it must be."""


class Unmapped(Exception):
    """No row covers a code: the document cannot be booked."""


def _date(text, usual, place):
    if not text:
        return usual
    try:
        return datetime.date.fromisoformat(text).isoformat()
    except ValueError:
        raise MappingError(f"{place}: {text} is no date such as 2026-09-30") from None


class Mapping:
    """The files of one directory; None: every code stays."""

    def __init__(self, directory=None):
        self.rows = {}   # kind: {entity: {code: [(valid_from, valid_to, to)]}}
        self.known = {}  # (kind, entity, code, date): mapped, to look each up once
        for kind in KINDS if directory else ():
            path = os.path.join(directory, f"{kind}.csv")
            if os.path.exists(path):
                self.rows[kind] = self.load(path)

    @staticmethod
    def load(path):
        """One file."""
        with open(path, encoding="utf-8-sig", newline="") as file:
            text = file.read()
        first = text.split("\n", 1)[0]
        found, name = {}, os.path.basename(path)
        rows = csv.DictReader(text.splitlines(), delimiter=";" if ";" in first and "," not in first else ",")
        if set(rows.fieldnames or ()) - set(COLUMNS) or not {"from", "to"} <= set(rows.fieldnames or ()):
            raise MappingError(f"{name}:1: the columns are {','.join(COLUMNS)}")
        for row in rows:
            place = f"{name}:{rows.line_num}"
            valid = (_date(row.get("valid_from"), _FIRST, place), _date(row.get("valid_to"), _LAST, place))
            if not row["from"] or row["to"] in ("", "*") or valid[0] > valid[1]:
                raise MappingError(f"{place}: from and a code (or =) to must be there, and valid_to not before valid_from")
            of_code = found.setdefault(row.get("entity") or "*", {}).setdefault(row["from"], [])
            if any(valid[0] <= other[1] and other[0] <= valid[1] for other in of_code):
                raise MappingError(f"{place}: {row['from']} overlaps with another row of it")
            of_code.append((*valid, row["to"]))
        return found

    def map(self, kind, entity, code, date):
        """The cloud's code; Unmapped where no row covers it."""
        if kind not in self.rows or not code:
            return code
        key = (kind, entity, code, date)
        found = self.known.get(key)
        if found is None:
            if len(self.known) > 200000:
                self.known.clear()
            found = self.known[key] = self.look(kind, entity, code, date)
        return found

    def look(self, kind, entity, code, date):
        """map() without memory."""
        named = False
        for codes in (self.rows[kind].get(scope, {}) for scope in (entity, "*")):
            rows = codes.get(code, ())
            named = named or bool(rows)
            for first, last, to in rows or (() if named else codes.get("*", ())):
                if first <= date <= last:
                    return code if to == "=" else to
        raise Unmapped(f"{kind} {code} of entity {entity} has no row on {date}")
