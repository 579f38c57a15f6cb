"""rule_files.py - sample mapping files: every code of a set of documents, and what the cloud calls it.

Why:   a comparison of real codes needs mappings, and nobody wants to write four hundred accounts by hand to try it.
Owns:  the files that it writes.
Rules: 1. Accounts, cost centres and tax codes are named one by one, in the cloud's own style; the rest stays by "*" and "=".
       2. The cloud's codes are as many as the legacy ones: no two become one.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import csv
import os

from . import mapping

_LISTED = {"account": "G", "cost_centre": "CC", "tax_code": "T"}


def codes_of(documents):
    """{kind: codes} of the lines and headers of legacy documents."""
    found = {kind: set() for kind in _LISTED}
    for data in documents:
        found["account"].update(data[name] for name in ("control_account", "bank_account") if name in data)
        for line in (line for section in ("lines", "tax_lines") for line in data.get(section, ())):
            for name, kind in (("account", "account"), ("cost_centre", "cost_centre"), ("tax_code", "tax_code"),
                               ("code", "tax_code")):
                if name in line:
                    found[kind].add(line[name])
    return found


def write(directory, codes):
    """Writes a file for each kind; codes as of codes_of()."""
    os.makedirs(directory, exist_ok=True)
    for kind in mapping.KINDS:
        with open(os.path.join(directory, f"{kind}.csv"), "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(mapping.COLUMNS)
            for code in sorted(codes.get(kind, ())):
                rows.writerow(("*", code, _LISTED[kind] + code.replace(".", "-"), "", "", ""))
            if kind not in _LISTED:
                rows.writerow(("*", "*", "=", "", "", "the cloud keeps these codes"))
