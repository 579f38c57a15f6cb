"""usage.py - metered usage on both sides: what was counted and invoiced on the legacy side, what billing took.

Why:   a comparison of usage three ways needs windows whose differences are known.
Owns:  nothing.
Rules: 1. Customer n of a seed has one meter and three months; each window is counted, taken by billing and invoiced.
       2. Plants stand at customers 0, 1 and 2, so three customers have one each: a lost record (billing took less), a window
          that the source counted twice, a wrong unit in billing. With fewer customers the later ones are not planted.
       3. Prices are 0.01 a unit without tax; quantities have two digits.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_usage_ways.py
"""

import hashlib

from . import fields, posting
from .fields import text_of

METERS = (("transfer", "GB"), ("calls", "min"), ("storage", "TB"))
MONTHS = ((9, 30), (10, 31), (11, 30))
YEAR = 2026
COLUMNS = ["meter", "window_start", "window_end", "quantity", "unit", "record_count", "records_digest", "service_start", "service_end",
           "line.item", "line.quantity", "line.unit"]
# kind: (class of the row, cause and status of the documents)
KINDS = {"lost_record": ("billing_differs", "amount", "different"), "double_counted": ("overlap", "missing", "missing_cloud"),
         "wrong_unit": ("unit_differs", "data_quality", "different")}


def _document(kind, number, month, days, customer):
    last = f"{YEAR}-{month:02d}-{days}"
    return {"entity": "10", "type": kind, "year": YEAR, "number": number, "source_system": "sample", "period": month,
            "posting_date": last, "customer": customer}, f"{YEAR}-{month:02d}-01", last


def counted(seed, customer, month, days, again=""):
    """The metering source's document of customer `customer` (from 0)."""
    dice = hashlib.sha512(b"usage/%d/%d/%d" % (seed, customer, month)).digest()
    meter, unit = METERS[customer % len(METERS)]
    data, first, last = _document("usage", f"U-{customer:06d}-{month:02d}{again}", month, days, str(4000 + customer))
    return {**data, "meter": meter, "window_start": first, "window_end": last, "unit": unit, "record_count": 100 + dice[0],
            "quantity": text_of(int.from_bytes(dice[1:4], "big") + 1000, 2),
            "records_digest": hashlib.sha256(dice).hexdigest()}


def invoiced(usage, currency="EUR"):
    """The ERP's invoice of a window: one line at 0.01 a unit, rounded down."""
    amount = text_of(fields.units(usage["quantity"]) // 100, 2)
    data = {name: usage[name] for name in ("entity", "year", "source_system", "period", "posting_date", "customer")}
    return {**data, "type": "invoice", "number": "RU" + usage["number"][1:], "currency": currency, "terms": "N30", "net": amount,
            "tax": text_of(0, 2), "gross": amount, "service_start": usage["window_start"], "service_end": usage["window_end"],
            "lines": [{"line": "1", "item": usage["meter"], "quantity": usage["quantity"], "unit": usage["unit"], "net": amount,
                       "account": "4010"}]}


def _entry(plant, usage, billing):
    class_, cause, status = KINDS[plant]
    return {"kind": plant, "class": class_, "cause": cause, "status": status, "legacy": [fields.subject_of(usage)],
            "cloud": [fields.subject_of(billing)] if status == "different" else [], "entity": billing["entity"],
            "document_type": "usage", "period": f"{YEAR}-{billing['period']:02d}", "customer": billing["customer"],
            "meter": usage["meter"], "from": usage["window_start"], "to": usage["window_end"]}


def each(seed, customers, mapping):
    """Yields (legacy document, [cloud documents], line of the manifest or None)."""
    number = 0
    for customer in range(customers):
        for place, (month, days) in enumerate(MONTHS):
            usage = counted(seed, customer, month, days)
            invoice = invoiced(usage)
            plant = tuple(KINDS)[customer] if customer < len(KINDS) and place == customer else None
            posted = []
            for legacy in (usage, invoice):
                number += 1
                posted.append(posting.translate(legacy, f"{posting.PREFIXES[legacy['type']]}-U{number:06d}", mapping))
            billing = posted[0]
            again = counted(seed, customer, month, days, "-again")
            line = plant and _entry(plant, again if plant == "double_counted" else usage, billing)
            if plant == "lost_record":
                billing["quantity"] = fields.moved(billing["quantity"], -125)
                billing["record_count"] -= 1
            elif plant == "wrong_unit":
                billing["unit"] = "B"
            yield usage, [billing], line
            yield invoice, [posted[1]], None
            if plant == "double_counted":
                yield again, [], None
