"""sheet.py - documents of one side as a CSV file, written and read.

Why:   CSV is what a comparison can read without a broker and a person without a program.
Owns:  nothing; the caller opens the files.
Rules: those of docs/compare/csv.md, by number of its list "Rows".
Faults: SheetError with the line and what is wrong.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import csv
import re

from . import fields

_QUOTED = re.compile(r'[",\r\n]')
_SECTIONS = {prefix: section for section, prefix in fields.PREFIXES.items()}


class SheetError(Exception):
    """The file breaks a rule."""


def quoted(text):
    """A field of RFC 4180."""
    return '"' + text.replace('"', '""') + '"' if _QUOTED.search(text) else text


def plain(value):
    """A value of a document as the text of a field, not yet quoted."""
    if value is True or value is False:
        return "true" if value else "false"
    return value if isinstance(value, str) else str(value)


def all_columns():
    """Every column that a document can fill."""
    lines = [("line.", fields.ALL_LINES), ("tax.", fields.TAX_LINES), ("application.", fields.APPLICATIONS)]
    return ["voided", "revision", *fields.ALL_HEADERS, *(prefix + name for prefix, names in lines for name in names)]


class Writer:
    """Rows of documents. repeat: the whole header in every row, or only the identity."""

    def __init__(self, file, columns=None, repeat=True):
        self.columns = columns or all_columns()
        self.file, self.repeat = file, repeat
        self.header = [name for name in self.columns if "." not in name]
        if list(self.columns[:len(self.header)]) != self.header:
            raise ValueError("the columns of the header come first")
        rest = self.columns[len(self.header):]
        self.tails = {}
        for section, prefix in fields.PREFIXES.items():
            self.tails[section] = [column[len(prefix):] if column.startswith(prefix) else None for column in rest]
        self.empty = "," * len(rest)
        file.write(",".join(self.columns) + "\n")

    def rows(self, data, voided=False, revision=1):
        """The rows of one document as text."""
        more = {"voided": "true" if voided else "", "revision": str(revision) if revision > 1 else ""}
        search = _QUOTED.search
        cells = []
        for name in self.header:
            value = data.get(name)
            value = more.get(name, "") if value is None else plain(value)
            cells.append(quoted(value) if value and search(value) else value)
        head = ",".join(cells)
        if not self.repeat:
            cells = [cell if name in fields.KEY else "" for name, cell in zip(self.header, cells)]
        later, found = ",".join(cells), []
        for section in fields.SECTIONS[data["type"]]:
            names = self.tails[section]
            for line in data.get(section, ()):
                parts = [head if not found else later]
                for name in names:
                    value = line.get(name, "") if name else ""
                    parts.append(quoted(value) if value and search(value) else value)
                found.append(",".join(parts))
        return "\n".join(found) + "\n" if found else f"{head}{self.empty}\n"

    def write(self, data, voided=False, revision=1):
        """One document."""
        self.file.write(self.rows(data, voided, revision))


def _value(name, text, line):
    try:
        if name in fields.INTEGERS:
            return int(text)
    except ValueError:
        raise SheetError(f"line {line}: {name} is no integer: {text}") from None
    if name in fields.BOOLEANS:
        if text not in ("true", "false"):
            raise SheetError(f"line {line}: {name} is neither true nor false: {text}")
        return text == "true"
    return text


def _places(columns):
    """{section or "": [(field, place)]} of the columns."""
    known, places = set(all_columns()), {}
    for place, column in enumerate(columns):
        if column not in known or column in columns[:place]:
            raise SheetError(f"line 1: no such column, or twice: {column}")
        prefix = column[:column.find(".") + 1]
        places.setdefault(_SECTIONS.get(prefix, ""), []).append((column[len(prefix):], place))
    missing = [name for name in fields.KEY if name not in columns]
    if missing:
        raise SheetError(f"line 1: no column {missing[0]}")
    return places


def read(file):
    """Yields (data, voided, revision) of a file that was opened with newline=""."""
    first = file.readline().lstrip("\ufeff").rstrip("\r\n")
    separator = ";" if ";" in first and "," not in first else ","
    columns = next(csv.reader([first], delimiter=separator))
    places, seen, document, header = _places(columns), set(), None, None
    key_places = [columns.index(name) for name in fields.KEY]
    rows = csv.reader(file, delimiter=separator, strict=True)
    for row in rows:
        line = rows.line_num + 1
        if not row:
            continue
        if len(row) != len(columns):
            raise SheetError(f"line {line}: {len(row)} fields instead of {len(columns)}")
        key = tuple(row[place] for place in key_places)
        if not all(key) or key[1] not in fields.TYPES:
            raise SheetError(f"line {line}: no identity, or no such type: {'/'.join(key)}")
        if header is None or key != tuple(header[place] for place in key_places):
            if document:
                yield document
            if key in seen:
                raise SheetError(f"line {line}: {'/'.join(key)} stands in two places")
            seen.add(key)
            header, document = row, _begin(row, places[""], line)
        else:
            for name, place in places[""]:
                if row[place] not in ("", header[place]):
                    raise SheetError(f"line {line}: {name} is {row[place]}, in the first row {header[place] or 'empty'}")
        _lines(document[0], row, places, line)
    if document:
        yield document


def _begin(row, places, line):
    """(data, voided, revision) from the first row of a document."""
    data = {name: _value(name, row[place], line) for name, place in places if row[place]}
    voided, revision = data.pop("voided", False), data.pop("revision", 1)
    others = set(data) - set(fields.HEADERS[data["type"]])
    if others:
        raise SheetError(f"line {line}: a {data['type']} has no {sorted(others)[0]}")
    return data, voided, revision


def _lines(data, row, places, line):
    """The lines that one row makes."""
    for section, columns in places.items():
        values = {name: row[place] for name, place in columns if row[place]} if section else {}
        if not values:
            continue
        others = set(values) - set(fields.SECTIONS[data["type"]].get(section, ()))
        if others:
            raise SheetError(f"line {line}: a {data['type']} has no {fields.PREFIXES[section]}{sorted(others)[0]}")
        data.setdefault(section, []).append(values)
