#!/usr/bin/env python3
"""make_compare_sample - makes the result directory tests/data/compare_sample, and larger or emptier ones for tests.

Why:   reports are tested and looked at with figures that a ledger could hold, all of which follow from one list of documents.
Rules: 1. Two ledgers are drawn from a fixed seed; the cloud's is the legacy one with planted differences of every cause.
          Every figure (balances, tax, bridge, waterfall, days, causes, histogram) is counted from these two lists.
       2. Canonical JSON, as docs/compare/result.md has it; the same arguments give the same bytes.
       3. Companies, codes and users are made up; users are roles.
Usage: make_compare_sample.py [FOLDER]   (default tests/data/compare_sample)
Tests: tests/unit/test_report.py compares what is checked in with what this makes.
"""
import collections
import datetime
import hashlib
import json
import os
import random
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.join(ROOT, "tests", "data", "compare_sample")

# ISO 4217 minor units.
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}
# entity: currency, tax code, legacy tax code, rate in percent, documents a month, size of an ordinary invoice in major units
ENTITIES = {"00001": ("EUR", "V7", "U7", 19, 118, 1800), "00050": ("JPY", "J10", "C10", 10, 74, 240000),
            "00070": ("KWD", "K5", "X5", 5, 42, 650)}
PERIODS = ["2026-08", "2026-09", "2026-10", "2026-11"]
LAST_DAY = {"2026-08": 31, "2026-09": 30, "2026-10": 31, "2026-11": 20}
CUT = "2026-11-21T16:08:27.000Z"
CUT_DAY = datetime.date(2026, 11, 21)
# account of the cloud, account of the ERP
RECEIVABLE, REVENUE, TAX, BANK, EXPENSE, ACCRUAL, SERVICE = (
    ("1200", "10.1210"), ("4000", "70.8080"), ("2200", "10.4433"), ("1000", "10.1110"), ("6200", "70.9123"),
    ("2400", "10.4110"), ("4100", "70.8090"))
CAUSE_TEXT = {
    "timing": "posted in the next period by the cloud; the amounts agree",
    "mapping": "account 70.8090 is mapped to 4000, the cloud books 4100",
    "master_data": "the customer's tax number or terms differ between the two master files",
    "rounding": "the cloud rounds each line half-up, the ERP rounds the total half-even",
    "fx_rate": "the cloud takes the rate of the document date, the ERP that of the posting date",
    "tax": "tax code V7 is mapped to the reduced rate of 7 % instead of 19 %",
    "aggregation": "several ERP invoices were posted as one collective invoice",
    "duplicate": "the same ERP document was posted twice by the cloud",
    "late_posting": "not yet posted by the cloud; within the days of grace",
    "data_quality": "the ERP's number was cut after ten characters on its way",
    "missing": "on one side only, after the days of grace",
    "amount": "the amounts differ and nothing known explains it",
    "unexplained": "no rule explains this difference",
}


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def amount(units, currency):
    digits = DIGITS[currency]
    text = str(abs(units)).rjust(digits + 1, "0")
    text = text[:-digits] + "." + text[-digits:] if digits else text
    return "-" + text if units < 0 else text


def major(units, currency):
    return units * 10 ** DIGITS[currency]


def share(part, whole):
    return f"{part / whole:.4f}" if whole else "0.0000"


class Document:
    def __init__(self, entity, kind, number, day, lines, tax=None):
        self.entity, self.kind, self.number, self.day = entity, kind, number, day
        self.currency = ENTITIES[entity][0]
        self.lines = lines      # [(account pair, minor units: debit positive)]
        self.tax = tax          # (code, legacy code, rate, base, tax) or None
        self.subject = f"{entity}/{kind}/2026/{number}"
        self.period = day[:7]

    @property
    def total(self):
        """Journals and payments: the sum of debits; invoices: gross; credit memos: gross, negative."""
        debits = sum(units for _, units in self.lines if units > 0)
        return -debits if self.kind == "credit_memo" else debits

    def copy(self, number):
        return Document(self.entity, self.kind, number, self.day, list(self.lines), self.tax)

    def side(self):
        return {"number": self.number, "period": self.period, "posting_date": self.day, "subject": self.subject,
                "total": amount(self.total, self.currency)}

    def digest(self):
        parts = [self.subject, self.period, self.day, self.lines, self.tax]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def draw_ledger(draw):
    documents, number = [], collections.Counter()
    for entity, (currency, code, legacy_code, rate, monthly, size) in ENTITIES.items():
        for period in PERIODS:
            count = monthly if period != "2026-11" else monthly * 2 // 3
            days = sorted(draw.randrange(1, LAST_DAY[period] + 1) for _ in range(count))
            for day in days:
                date = datetime.date.fromisoformat(f"{period}-{day:02}")
                if date.weekday() >= 5 and day > 2:
                    date -= datetime.timedelta(days=date.weekday() - 4)
                kind = draw.choices(["invoice", "payment", "journal", "credit_memo"], [58, 24, 12, 6])[0]
                number[entity, kind] += 1
                name = {"invoice": "RI-", "payment": "PY-", "journal": "JE-", "credit_memo": "RM-"}[kind]
                name += str({"00001": 14200, "00050": 4100, "00070": 880}[entity] + number[entity, kind])
                net = major(size, currency) * draw.randrange(20, 320) // 100 + draw.randrange(0, 100)
                service = draw.random() < 0.3
                documents.append(make_document(entity, kind, name, date.isoformat(), net, service, (code, legacy_code, rate)))
    return documents


def make_document(entity, kind, name, day, net, service, tax):
    revenue = SERVICE if service else REVENUE
    duty = (net * tax[2] + 50) // 100
    if kind == "payment":
        return Document(entity, kind, name, day, [(BANK, net + duty), (RECEIVABLE, -net - duty)])
    if kind == "journal":
        return Document(entity, kind, name, day, [(EXPENSE, net // 3), (ACCRUAL, -(net // 3))])
    sign = -1 if kind == "credit_memo" else 1
    lines = [(RECEIVABLE, sign * (net + duty)), (revenue, -sign * net), (TAX, -sign * duty)]
    return Document(entity, kind, name, day, lines, (*tax, sign * net, sign * duty))


# ---- planted differences ----

class Difference:
    def __init__(self, cause, status, legacy, cloud, fields, state="open"):
        self.cause, self.status, self.state = cause, status, state
        self.legacy, self.cloud, self.fields = legacy, cloud, fields
        self.accepted = None

    @property
    def document(self):
        return self.legacy or self.cloud

    @property
    def net(self):
        return (self.cloud.total if self.cloud else 0) - (self.legacy.total if self.legacy else 0)

    @property
    def gross(self):
        if not self.legacy or not self.cloud:
            return abs(self.net)
        amounts = [(account, abs(delta)) for lane, _, account, _, _, delta in self.fields if lane == "amount"]
        header = [delta for account, delta in amounts if not account]
        return sum(header) if header else sum(delta for _, delta in amounts)

    def line(self):
        document = self.document
        currency = document.currency
        day = datetime.date.fromisoformat(document.day)
        fields = []
        for lane, name, account, legacy, cloud, delta in self.fields:
            field = {"account": account, "field": name, "lane": lane}
            if lane == "amount":
                field.update(legacy=amount(legacy, currency), cloud=amount(cloud, currency), delta=amount(delta, currency))
            else:
                field.update(legacy=legacy, cloud=cloud)
            fields.append(field)
        line = {"age_days": (CUT_DAY - day).days, "cause": self.cause, "cause_text": CAUSE_TEXT[self.cause],
                "cloud": self.cloud.side() if self.cloud else None, "currency": currency, "document_type": document.kind,
                "entity": document.entity, "fields": fields, "gross": amount(self.gross, currency),
                "key": f"compare:{document.subject}:{document.period}", "legacy": self.legacy.side() if self.legacy else None,
                "net": amount(self.net, currency), "period": document.period, "state": self.state, "status": self.status}
        if self.accepted:
            line["accepted"] = self.accepted
        return line


def shifted(document, shifts):
    """The cloud's document, with these minor units added to lines by their place."""
    cloud = document.copy("INV-" + document.number.split("-")[1])
    for place, units in shifts.items():
        account, old = cloud.lines[place]
        cloud.lines[place] = (account, old + units)
    if cloud.tax:
        code, legacy_code, rate, base, tax = cloud.tax
        cloud.tax = (code, legacy_code, rate, base - shifts.get(1, 0), tax - shifts.get(2, 0))
    return cloud


def amount_field(name, account, legacy, cloud):
    return ("amount", name, account, legacy, cloud, cloud - legacy)


def plant_amounts(cause, document, units, place=2):
    """The line and the receivable differ by so many minor units."""
    sign = -1 if document.kind == "credit_memo" else 1
    cloud = shifted(document, {0: sign * units, place: -sign * units})
    name = "tax" if place == 2 else "net"
    account = document.lines[place][0][0]
    fields = [amount_field("gross", "", document.total, cloud.total),
              amount_field(name, account, abs(document.lines[place][1]), abs(cloud.lines[place][1]))]
    return Difference(cause, "different", document, cloud, fields)


def plant_mapping(document):
    cloud = document.copy("INV-" + document.number.split("-")[1])
    cloud.lines[1] = (REVENUE if document.lines[1][0] is SERVICE else SERVICE, document.lines[1][1])
    net = abs(document.lines[1][1])
    fields = [amount_field("credit", document.lines[1][0][0], net, 0), amount_field("credit", cloud.lines[1][0][0], 0, net)]
    return Difference("mapping", "different", document, cloud, fields)


def plant_attribute(cause, document, name, legacy, cloud_text):
    cloud = document.copy("INV-" + document.number.split("-")[1])
    if name == "period":
        cloud.period, cloud.day = cloud_text, cloud_text + "-01"
    return Difference(cause, "different", document, cloud, [("attribute", name, "", legacy, cloud_text, 0)])


def plant_pairs(of, cloud):
    """Differences of documents that stand on both sides: [(Difference)], put into `cloud`."""
    planted = []
    for number, document in enumerate(of("invoice", 16)):
        planted.append(plant_amounts("rounding", document, [1, 1, -1, 1][number % 4]))
    planted += [plant_mapping(document) for document in of("invoice", 8)]
    for document in of("invoice", 5, "00001"):
        planted.append(plant_amounts("tax", document, -(abs(document.lines[2][1]) * 12 // 19)))
    for document in of("payment", 4, last_days=True):
        later = PERIODS[PERIODS.index(document.period) + 1]
        planted.append(plant_attribute("timing", document, "period", document.period, later))
    for number, document in enumerate(of("invoice", 3)):
        name, legacy, changed = [("tax_id", "DE129273398", "DE129273389"), ("terms", "30 days net", "14 days net")][number % 2]
        planted.append(plant_attribute("master_data", document, name, legacy, changed))
    for document in of("payment", 3, "00070"):
        planted.append(plant_amounts("fx_rate", document, abs(document.lines[0][1]) // 900 + 1, place=1))
    for document in of("invoice", 3):
        planted.append(plant_attribute("data_quality", document, "reference", "PO-2026-004711-B", "PO-2026-00"))
    for document in of("invoice", 3):
        planted.append(plant_amounts("amount", document, major({"EUR": 40, "JPY": 12500, "KWD": 9}[document.currency], document.currency),
                                     place=1))
    planted += [plant_amounts("unexplained", document, major({"EUR": 7, "JPY": 3100, "KWD": 2}[document.currency], document.currency) + 31, place=1) for document in of("journal", 2)]
    for difference in planted:
        cloud[difference.legacy.subject] = difference.cloud
    return planted


def plant_alone(of, cloud, draw):
    """Differences of documents that one side lacks, or has twice."""
    planted = []
    for document in of("invoice", 4):
        planted.append(Difference("missing", "missing_cloud", document, None, []))
        del cloud[document.subject]
    for document in of("invoice", 1) + of("payment", 1):
        extra = document.copy(document.number.replace("-", "-9"))
        extra.subject = f"{extra.entity}/{extra.kind}/2026/{extra.number}"
        extra.lines = [(account, units // 2) for account, units in extra.lines[:1]] + [(extra.lines[1][0], -(extra.lines[0][1] // 2))]
        extra.tax = None
        planted.append(Difference("missing", "missing_legacy", None, extra, []))
        cloud[extra.subject] = extra
    for document in of("payment", 4, latest=True):
        planted.append(Difference("late_posting", "waiting_cloud", document, None, []))
        del cloud[document.subject]
    for document in of("invoice", 2):
        twice = cloud[document.subject].copy(cloud[document.subject].number + "-2")
        planted.append(Difference("duplicate", "duplicate", None, twice, []))
        cloud[document.subject + "#2"] = twice
    for document in of("invoice", 2, "00050"):
        planted.append(Difference("aggregation", "ambiguous", document, None, []))
        del cloud[document.subject]
    draw.shuffle(planted)
    return planted


def decide(planted):
    """Some were looked at, and some accepted: by whom and why."""
    reasons = ["below the limit of EUR 0.05 per document agreed for the parallel run",
               "cents of the new rounding; agreed with the auditors on 2026-10-02",
               "customer master is cleaned in the cloud alone; no effect on postings"]
    accepted = [d for d in planted if d.cause in ("rounding", "master_data")][:7]
    for number, difference in enumerate(accepted):
        difference.accepted = {"at": f"2026-11-{9 + number:02}T09:{12 + number}:00.000Z", "by": "controller.eu",
                               "reason": reasons[2 if difference.cause == "master_data" else number % 2],
                               "second": "group.accounting", "status": difference.status}
        difference.state, difference.status = "accepted", "accepted"
    rest = [d for d in planted if not d.accepted]
    for number, difference in enumerate(rest):
        difference.state = "acknowledged" if number % 5 == 1 else "snoozed" if number % 11 == 3 else "open"


class Ledgers:
    """Both ledgers and what was planted in them."""

    def __init__(self, seed=4):
        draw = random.Random(seed)
        self.legacy = draw_ledger(draw)
        self.cloud = {d.subject: d.copy({"invoice": "INV-", "payment": "PAY-", "journal": "GL-", "credit_memo": "CRN-"}[d.kind]
                                        + d.number.split("-")[1]) for d in self.legacy}
        free = list(self.legacy)
        draw.shuffle(free)

        def of(kind, count, entity=None, last_days=False, latest=False):
            fits = [d for d in free if d.kind == kind and entity in (None, d.entity)
                    and (not last_days or (int(d.day[8:]) >= 24 and d.period < "2026-10"))
                    and (not latest or d.day >= "2026-11-17") and (latest or d.day < "2026-11-16")]
            assert len(fits) >= count, (kind, count, entity)
            for document in fits[:count]:
                free.remove(document)
            return fits[:count]

        self.differences = plant_pairs(of, self.cloud)
        decide(self.differences)
        self.differences += plant_alone(of, self.cloud, draw)
        self.differences.sort(key=lambda d: (d.document.entity, d.document.period, d.document.subject, d.status))
        self.by_legacy = {d.legacy.subject: d for d in self.differences if d.legacy}
        self.by_cloud = {id(d.cloud): d for d in self.differences if d.cloud}


# ---- figures ----

def sides():
    return {"legacy": collections.Counter(), "cloud": collections.Counter()}


def balances(ledgers):
    cells = collections.defaultdict(sides)
    for side, documents in (("legacy", ledgers.legacy), ("cloud", ledgers.cloud.values())):
        for document in documents:
            for account, units in document.lines:
                cell = cells[document.entity, account, document.currency, document.period][side]
                cell["debit" if units > 0 else "credit"] += units
                cell["lines"] += 1
    unexplained = collections.Counter()
    for difference in ledgers.differences:
        if difference.cause in ("unexplained", "amount"):
            for document, sign in ((difference.cloud, 1), (difference.legacy, -1)):
                for account, units in document.lines:
                    unexplained[document.entity, account, document.currency, document.period] += sign * units
    for key in sorted(cells):
        entity, (account, raw), currency, period = key
        line = {"account": account, "account_legacy": raw, "currency": currency, "entity": entity, "period": period}
        balance = {}
        for side, cell in cells[key].items():
            balance[side] = cell["debit"] + cell["credit"]
            line[side] = {"balance": amount(balance[side], currency), "credit": amount(cell["credit"], currency),
                          "debit": amount(cell["debit"], currency), "lines": cell["lines"]}
        difference = balance["cloud"] - balance["legacy"]
        line.update(difference=amount(difference, currency), unexplained=amount(unexplained[key], currency),
                    explained=amount(difference - unexplained[key], currency))
        yield line


def taxes(ledgers):
    cells = collections.defaultdict(sides)
    for side, documents in (("legacy", ledgers.legacy), ("cloud", ledgers.cloud.values())):
        for document in documents:
            if document.tax:
                code, _, rate, base, tax = document.tax
                cell = cells[document.entity, document.period, code, str(rate), document.currency][side]
                cell.update(base=base, tax=tax, documents=1)
    for key in sorted(cells):
        entity, period, code, rate, currency = key
        line = {"code": code, "currency": currency, "entity": entity, "period": period, "rate": rate,
                "difference": amount(cells[key]["cloud"]["tax"] - cells[key]["legacy"]["tax"], currency)}
        for side, cell in cells[key].items():
            line[side] = {"base": amount(cell["base"], currency), "documents": cell["documents"], "tax": amount(cell["tax"], currency)}
        yield line


def documents(ledgers):
    lines = []
    for document in ledgers.legacy:
        difference = ledgers.by_legacy.get(document.subject)
        cloud = ledgers.cloud.get(document.subject)
        lines.append({"digest": document.digest(), "pair": cloud.subject if cloud else None, "side": "legacy",
                      "status": difference.status if difference else "matched", "subject": document.subject})
    for name, document in ledgers.cloud.items():
        difference = ledgers.by_cloud.get(id(document))
        alone = difference and not difference.legacy
        lines.append({"digest": document.digest(), "pair": None if alone else name, "side": "cloud",
                      "status": difference.status if difference else "matched", "subject": document.subject})
    return sorted(lines, key=lambda line: (line["side"], line["subject"]))


def statuses(ledgers):
    """[(document, status)]: a pair once, a document of one side once."""
    for document in ledgers.legacy:
        difference = ledgers.by_legacy.get(document.subject)
        yield document, difference.status if difference else "matched"
    for difference in ledgers.differences:
        if not difference.legacy:
            yield difference.cloud, difference.status


def counts(ledgers):
    cells = collections.defaultdict(collections.Counter)
    for document, status in statuses(ledgers):
        cells[document.entity, document.kind, document.period, document.currency][status] += 1
    return [{"currency": currency, "document_type": kind, "entity": entity, "period": period, "statuses": dict(cell)}
            for (entity, kind, period, currency), cell in sorted(cells.items())]


def days(ledgers):
    cells = collections.defaultdict(lambda: [0, collections.Counter(), collections.Counter()])
    for document, status in statuses(ledgers):
        cell = cells[document.day]
        cell[0] += 1
        if status != "matched":
            cell[1][status] += 1
    for difference in ledgers.differences:
        if difference.cause in ("unexplained", "amount"):
            cells[difference.document.day][2][difference.document.currency] += difference.gross
    clean = {"matched", "accepted", "waiting_cloud", "waiting_legacy"}
    return [{"classes": dict(classes), "clean": set(classes) <= clean, "date": day, "documents": count,
             "unexplained": [{"currency": currency, "value": amount(units, currency)} for currency, units in sorted(values.items())]}
            for day, (count, classes, values) in sorted(cells.items())]


def causes(ledgers):
    cells = collections.defaultdict(list)
    for difference in ledgers.differences:
        if not difference.accepted:
            cells[difference.cause, difference.document.currency].append(difference)
    all_count = sum(len(cell) for cell in cells.values())
    of_currency = collections.Counter()
    for (_, currency), cell in cells.items():
        of_currency[currency] += sum(d.gross for d in cell)
    lines = []
    for (cause, currency), cell in sorted(cells.items()):
        gross = sum(d.gross for d in cell)
        lines.append({"cause": cause, "count": len(cell), "currency": currency, "entities": sorted({d.document.entity for d in cell}),
                      "examples": [d.document.subject for d in cell[:3]], "gross": amount(gross, currency),
                      "net": amount(sum(d.net for d in cell), currency), "share_count": share(len(cell), all_count),
                      "share_value": share(gross, of_currency[currency]), "text": CAUSE_TEXT[cause]})
    return sorted(lines, key=lambda line: (-line["count"], line["cause"], line["currency"]))


def bridge(ledgers):
    lines = []
    for currency in sorted(DIGITS):
        steps = collections.Counter()
        for difference in ledgers.differences:
            if difference.document.currency == currency:
                name = difference.cause if difference.legacy and difference.cloud else difference.status
                steps[name] += difference.net
        start = sum(d.total for d in ledgers.legacy if d.currency == currency)
        end = sum(d.total for d in ledgers.cloud.values() if d.currency == currency)
        named = [{"name": name, "value": amount(units, currency)} for name, units in sorted(steps.items()) if units]
        lines.append({"currency": currency, "residual": amount(end - start - sum(steps.values()), currency),
                      "steps": [{"name": "legacy", "value": amount(start, currency)}, *named,
                                {"name": "cloud", "value": amount(end, currency)}]})
    return lines


def waterfall(ledgers):
    """What is excluded or held never became a document of the ledger; every other stands in `documents`."""
    lines = []
    for entity, excluded, held in (("", 17, 3), ("00001", 9, 2), ("00050", 5, 1), ("00070", 3, 0)):
        fate = collections.Counter(excluded=excluded, held=held)
        refused = set()
        for document in ledgers.legacy:
            difference = ledgers.by_legacy.get(document.subject)
            status = difference.status if difference else "matched"
            # The first of a company that the cloud lacks was refused by it.
            name = {"missing_cloud": "in_transit", "waiting_cloud": "in_transit", "ambiguous": "accepted_not_booked"}.get(status, "booked")
            if status == "missing_cloud" and document.entity not in refused:
                name = "rejected"
                refused.add(document.entity)
            if entity in ("", document.entity):
                fate[name] += 1
        line = {name: fate[name] for name in ("accepted_not_booked", "booked", "excluded", "held", "in_transit", "rejected")}
        lines.append({**line, "entity": entity, "extracted": sum(line.values())})
    return lines


def ages(ledgers):
    buckets = collections.OrderedDict([("0-1 days", 0), ("2-7 days", 0), ("8-30 days", 0), ("over 30 days", 0)])
    for difference in ledgers.differences:
        if not difference.accepted:
            age = difference.line()["age_days"]
            buckets["0-1 days" if age < 2 else "2-7 days" if age < 8 else "8-30 days" if age < 31 else "over 30 days"] += 1
    return [{"bucket": bucket, "count": count} for bucket, count in buckets.items()]


def histogram(ledgers):
    cells = collections.Counter()
    for difference in ledgers.differences:
        if difference.legacy and difference.cloud and difference.net:
            cells[difference.document.currency, difference.net] += 1
    return [{"count": count, "currency": currency, "minor_units": units} for (currency, units), count in sorted(cells.items())]


def readiness(ledgers):
    lines = []
    every_day = days(ledgers)
    for entity, (currency, *_rest) in ENTITIES.items():
        bad = {d.document.day for d in ledgers.differences if d.document.entity == entity and d.status not in ("accepted", "waiting_cloud")}
        clean = 0
        for line in reversed(every_day):
            if line["date"] in bad:
                break
            clean += 1
        mine = [d for d in ledgers.differences if d.document.entity == entity and d.cause in ("unexplained", "amount")]
        count = sum(1 for d in ledgers.legacy if d.entity == entity)
        lines.append({"clean_days": clean, "confidence": {"bound": f"{3 / count:.4f}", "documents": count, "level": "0.95"},
                      "coverage": {"00001": "0.998", "00050": "0.991", "00070": "0.964"}[entity], "entity": entity, "needed_days": 31,
                      "phase": {"00001": "parallel", "00050": "parallel", "00070": "shadow"}[entity], "ready": False,
                      "unexplained": [{"currency": currency, "value": amount(sum(d.gross for d in mine), currency)}],
                      "untested": {"00001": ["credit memos in foreign currency"], "00050": ["contracts with mid-term changes"],
                                   "00070": ["year-end closing", "reversed payments"]}[entity],
                      "why": [f"{clean} of 31 clean days in a row"] + (["unexplained value"] if mine else [])})
    return lines


def totals(ledgers):
    pending = [d for d in ledgers.differences if not d.accepted]
    sums = {"gross": collections.Counter(), "net": collections.Counter()}
    for difference in pending:
        sums["gross"][difference.document.currency] += difference.gross
        sums["net"][difference.document.currency] += difference.net
    amounts = {name: [{"currency": currency, "difference": amount(sums[name][currency], currency)} for currency in sorted(DIGITS)]
               for name in sums}
    matched = sum(1 for _, status in statuses(ledgers) if status == "matched")
    pairs = matched + sum(1 for d in ledgers.differences if d.legacy and d.cloud)
    return {"cloud": len(ledgers.cloud), "legacy": len(ledgers.legacy), "matched": matched, "open": len(pending), "pairs": pairs, **amounts}


def run_of(ledgers, files):
    figures = totals(ledgers)
    different = sum(1 for d in ledgers.differences if d.status == "different")
    missing = sum(1 for d in ledgers.differences if d.status.startswith("missing"))
    streams = [{"epoch": 1795277244, "name": entity, "sequence": 21 * number + sum(1 for d in ledgers.legacy if d.entity == entity)}
               for number, entity in enumerate(ENTITIES, 1)]
    classes = ["wrong_cent", "missing", "duplicate", "wrong_period", "wrong_account", "wrong_tax_code", "swapped_sides"]
    return {
        "accepted": {"count": sum(1 for d in ledgers.differences if d.accepted)}, "ages": ages(ledgers), "bridge": bridge(ledgers),
        "canaries": {"classes": classes, "found": 7, "planted": 7}, "causes": causes(ledgers), "counts": counts(ledgers),
        "coverage": {"strata": [{"cloud": 52, "legacy": 52, "name": "credit memos"}, {"cloud": 0, "legacy": 0, "name": "foreign currency"},
                                {"cloud": 111, "legacy": 112, "name": "month end"}, {"cloud": 0, "legacy": 0, "name": "year end"}]},
        "cut": {"at": CUT, "cloud": {"count": figures["cloud"], "sequence": figures["cloud"] + 40},
                "legacy": {"count": figures["legacy"], "streams": streams}},
        "days": days(ledgers), "files": files, "fingerprints": {"cells": 84, "documents_skipped": 0, "equal": 23}, "format": 1,
        "histogram": histogram(ledgers), "id": "000012", "incomplete": [],
        "not_compared": [{"attribute": "reference", "document_type": "payment"}, {"attribute": "due_date", "document_type": "invoice"},
                         {"attribute": "exchange_rate", "document_type": "journal"}],
        "policies": [{"entity": "00001", "evidence": 812, "policy": "total half-even", "side": "legacy", "verdict": "fits"},
                     {"entity": "00001", "evidence": 812, "policy": "line half-up", "side": "cloud", "verdict": "fits"},
                     {"entity": "00050", "evidence": 3, "policy": "", "side": "cloud", "verdict": "two fit"}],
        "readiness": readiness(ledgers), "rules": {"mappings": {"account": 120, "customer": 640, "tax_code": 9}, "tolerances": 2,
                                                   "version": "ab12c0ffee451d07"},
        "scope": {"entities": list(ENTITIES), "from": PERIODS[0], "to": PERIODS[-1], "types": ["credit_memo", "invoice", "journal", "payment"]},
        "thresholds": {"documents_share": "0.001", "value": "0"}, "totals": figures,
        "verdict": {"name": "breaks", "why": [f"{different} documents differ", f"{missing} documents are on one side only",
                                              "2 documents were posted twice", "2 documents have several candidates"]},
        "waterfall": waterfall(ledgers)}


def write(folder, tables, make_run):
    """tables: {name: lines}; make_run(files) gives run.json, written last."""
    os.makedirs(folder, exist_ok=True)
    files = []
    for name in sorted(tables):
        path = os.path.join(folder, name + ".ndjson")
        digest, count, size = hashlib.sha256(), 0, 0
        with open(path, "wb") as file:
            for line in tables[name]:
                data = (line if isinstance(line, str) else canonical(line)).encode() + b"\n"
                file.write(data)
                digest.update(data)
                count, size = count + 1, size + len(data)
        files.append({"bytes": size, "lines": count, "name": name + ".ndjson", "sha256": digest.hexdigest()})
    with open(os.path.join(folder, "run.json"), "w", encoding="utf-8") as file:
        file.write(canonical(make_run(files)) + "\n")


def make_sample(folder):
    ledgers = Ledgers()
    tables = {"balances": balances(ledgers), "tax": taxes(ledgers), "documents": documents(ledgers),
              "differences": [difference.line() for difference in ledgers.differences]}
    write(folder, tables, lambda files: run_of(ledgers, files))


if __name__ == "__main__":
    make_sample(sys.argv[1] if len(sys.argv) > 1 else SAMPLE)
