"""posting.py - a legacy document as the cloud books it: own number, own codes, tax by its own policy.

Why:   the cloud's side of a comparison must come from another hand than the agent's.
Owns:  nothing; documents are the `data` of the contract, amounts become integers while they are counted with.
Rules: 1. Every code is mapped on the legacy posting date, else the document date, else the last of dates (customers).
       2. `origin` holds the legacy subjects, `reference` the legacy number; what names another document names the legacy one.
       3. Lines are numbered anew from 1. Batches, users, ledgers, names of accounts and codes that the agent mapped
          stay behind.
       4. Tax is computed anew by the entity's policy where rate and nets are known; of lines without a tax of their own, the
          tax lines alone. A rate is the line's own, or that of its (legacy) tax code in `rates`.
Faults: mapping.Unmapped: the document cannot be booked.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import decimal

from . import fields
from .fields import digits, moved, text_of, units
from .mapping import Unmapped

SYSTEM = "sample-cloud"
PREFIXES = {"journal": "GL", "invoice": "INV", "credit_memo": "CM", "payment": "PAY", "customer": "CUS", "usage": "USE"}
_LEFT = {"source_system", "number", "user", "entry_date", "batch", "ledger", "lines", "tax_lines", "applications", "text"}
# (field, kind of code, types in which the document waits without a mapping; elsewhere the field is left out then)
_HEADER_CODES = (("customer", "customer", ("invoice", "credit_memo", "usage")), ("payer", "customer", ("payment",)),
                 ("control_account", "account", ()), ("bank_account", "account", ()))
_LINE_CODES = (("account", "account"), ("cost_centre", "cost_centre"), ("tax_code", "tax_code"), ("code", "tax_code"),
               ("entity", "entity"))
_LAST = "9999-12-31"


def own_number(kind, count):
    """The cloud's number of its so many-th document of a type."""
    return f"{PREFIXES[kind]}-{count:06d}"


def translate(data, number, mapping, subject=None):
    """The cloud's posting of one legacy document, with the tax as it is there."""
    entity, date = data["entity"], data.get("posting_date") or data.get("document_date") or _LAST
    cloud = {name: value for name, value in data.items() if name not in _LEFT and name[-7:] != "_mapped"}
    cloud["source_system"] = SYSTEM
    cloud["reference"] = data["number"]
    cloud["origin"] = subject or fields.subject_of(data)
    cloud["entity"] = mapping.map("entity", entity, entity, date)
    if "legacy_type" in data:
        cloud["legacy_type"] = mapping.map("document_type", entity, data["legacy_type"], date)
    for name, kind, strict in _HEADER_CODES:
        if name in data:
            try:
                cloud[name] = mapping.map(kind, entity, data[name], date)
            except Unmapped:
                if data["type"] in strict:
                    raise
                del cloud[name]
    # A customer's number is its code.
    cloud["number"] = mapping.map("customer", entity, data["number"], date) if data["type"] == "customer" else number
    for section in fields.SECTIONS[data["type"]]:
        if data.get(section):
            cloud[section] = [_line(line, place, entity, date, mapping) for place, line in enumerate(data[section], 1)]
    return cloud


def _line(line, place, entity, date, mapping):
    """One line, numbered and mapped."""
    own = {name: value for name, value in line.items() if name[-7:] != "_mapped" and name != "account_name"}
    if "line" in own:
        own["line"] = str(place)
    for name, kind in _LINE_CODES:
        if name in own:
            own[name] = mapping.map(kind, entity, own[name], date)
    return own


def retax(data, policy, rates):
    """The document with its tax computed anew, in place. rates: {tax code: Decimal per cent} of lines without one. Returns the
    difference of the tax in minor units; 0 where a rate is not known (nothing is changed then)."""
    if data["type"] not in ("invoice", "credit_memo"):
        return 0
    sign = -1 if data["type"] == "credit_memo" else 1
    codes = {}
    for line in data["lines"]:
        codes.setdefault(line.get("tax_code", ""), []).append(line)
    plan = []
    for code, lines in codes.items():
        rate = decimal.Decimal(lines[0]["tax_rate"]) if "tax_rate" in lines[0] else rates.get(code)
        if rate is None:
            return 0
        plan.append((code, lines, *policy.tax([units(line["net"]) for line in lines], rate, sign)))
    before = units(data["tax"])
    for code, lines, total, each in plan:
        _put_tax(data, code, lines, total, each)
    after = sum(total for _, _, total, _ in plan)
    for name in ("tax", "gross"):
        data[name] = moved(data[name], after - before)
    if "open" in data and data["open"] != text_of(0, digits(data["open"])):
        data["open"] = moved(data["open"], after - before)
    return after - before


def _put_tax(data, code, lines, total, each):
    """The tax of one code into its lines (the last one takes what a total leaves) and its tax lines."""
    taxed = [line for line in lines if "tax" in line]
    if taxed:
        old = [units(line["tax"]) for line in taxed]
        new = each if each is not None else [*old[:-1], total - sum(old[:-1])]
        for line, was, now in zip(taxed, old, new):
            for name in ("tax", "gross", "open"):
                if name in line and (name != "open" or units(line["open"])):
                    line[name] = moved(line[name], now - was)
    parts = [line for line in data.get("tax_lines", ()) if line["code"] == code]
    if parts:
        parts[-1]["tax"] = moved(parts[-1]["tax"], total - sum(units(line["tax"]) for line in parts))


def total(data):
    """What one number says of a document, in minor units: of journals the sum of debits, of others the gross amount."""
    kind = data["type"]
    if kind == "journal":
        return sum(max(units(line["amount"]), 0) for line in data["lines"])
    name = {"payment": "amount", "customer": "", "usage": ""}.get(kind, "gross")
    return units(data[name]) if name else 0


def merge(parts, number):
    """One collective document of several of one type, currency and period: sums in the header, all their lines."""
    last = max(parts, key=lambda data: (data.get("posting_date", ""), data["origin"]))
    whole = {name: value for name, value in last.items() if name not in ("lines", "tax_lines", "reference", "preceding_invoice")}
    whole["number"] = number
    whole["origin"] = " ".join(data["origin"] for data in parts)
    for name in ("customer", "payer"):
        if name in whole and len({data.get(name) for data in parts}) > 1:
            whole[name] = "COLLECTIVE"
    for name in ("net", "tax", "gross", "open", "net_local", "tax_local", "gross_local", "prepaid", "rounding", "payable"):
        values = [data.get(name) for data in parts]
        whole.pop(name, None)
        if None not in values:
            whole[name] = text_of(sum(map(units, values)), digits(values[0]))
    whole["lines"] = [{**line, "line": str(place)} for place, line in
                      enumerate((line for data in parts for line in data["lines"]), 1)]
    sums = {}
    for line in (line for data in parts for line in data.get("tax_lines", ())):
        key = (line["code"], line.get("jurisdiction"), line.get("rate"))
        kept = sums.get(key)
        sums[key] = dict(line) if kept is None else {**kept, "base": moved(kept["base"], units(line["base"])),
                                                     "tax": moved(kept["tax"], units(line["tax"]))}
    if sums:
        whole["tax_lines"] = list(sums.values())
    return whole


def split(data, numbers):
    """Two documents of one invoice, by the tax codes of its lines; None where it has only one code."""
    codes = list(dict.fromkeys(line.get("tax_code", "") for line in data["lines"]))
    if len(codes) < 2:
        return None
    parts = []
    for own, number in ((codes[:1], numbers[0]), (codes[1:], numbers[1])):
        part = {**data, "number": number, "lines": [], "tax_lines": []}
        part["lines"] = [{**line, "line": str(place)} for place, line in
                         enumerate((line for line in data["lines"] if line.get("tax_code", "") in own), 1)]
        part["tax_lines"] = [dict(line) for line in data.get("tax_lines", ()) if line["code"] in own]
        parts.append(part)
    taxes = "tax_lines" if data.get("tax_lines") else "lines"
    for name, section, field in (("net", "lines", "net"), ("tax", taxes, "tax"), ("open", "lines", "open"),
                                 ("net_local", "lines", "net_local"), ("tax_local", "lines", "tax_local")):
        for part in parts:
            values = [line[field] for line in part[section] if field in line]
            if name in data and len(values) == len(part[section]):
                part[name] = text_of(sum(map(units, values)), digits(data[name]))
            elif name in data and name in ("open", "net_local", "tax_local"):
                part.pop(name)
    for part in parts:
        part["gross"] = text_of(units(part["net"]) + units(part["tax"]), digits(data["gross"]))
        if "gross_local" in part:
            if "net_local" in part and "tax_local" in part:
                part["gross_local"] = text_of(units(part["net_local"]) + units(part["tax_local"]), digits(data["gross_local"]))
            else:
                del part["gross_local"]
        if not part["tax_lines"]:
            del part["tax_lines"]
    return parts
