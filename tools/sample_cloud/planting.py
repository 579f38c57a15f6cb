"""planting.py - known differences in the cloud's postings: which documents, what is changed, and the manifest that says so.

Why:   a comparison is judged by what it finds of what was planted, and by what it finds beside it.
Owns:  nothing; a Plan remembers which documents it has used.
Rules: 1. Deterministic for a seed and a set of legacy documents, in whatever order they came: all documents stand in the order
          of SHA-256(seed, subject), and each in turn takes the first kind of KINDS that is still wanted and fits it. So the
          choice needs the whole set: it is made when planting is asked for, not as documents arrive.
       2. A document carries one plant at most. What a rounding policy changes counts as one; voided documents carry none.
       3. Every plant changes something that a comparison of canonical documents must see. What could not be planted is said.
       4. `merged` and `split` change no amount: a comparison that sums exactly calls their documents matched, by aggregation.
       5. What a plant changes depends on seed, kind and subject alone, so that an amended document is changed alike.
Faults: ValueError for a kind or count that does not exist.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import datetime
import decimal
import hashlib
import random

from . import fields, posting
from .fields import digits, moved, text_of, units

# kind: (cause that a comparison should name, status of the documents); those that fit the fewest documents come first.
KINDS = {
    "master_data": ("master_data", "different"),
    "fx_rate": ("fx_rate", "different"),
    "split": ("aggregation", "matched"),
    "merged": ("aggregation", "matched"),
    "swapped_sign": ("data_quality", "different"),
    "wrong_tax_rate": ("tax", "different"),
    "wrong_tax_code": ("mapping", "different"),
    "wrong_account": ("mapping", "different"),
    "missing_legacy": ("missing", "missing_legacy"),
    "wrong_amount": ("amount", "different"),
    "wrong_cent": ("amount", "different"),
    "wrong_period": ("timing", "different"),
    "late": ("late_posting", "different"),
    "duplicate": ("duplicate", "duplicate"),
    "missing": ("missing", "missing_cloud"),
}
POLICY_KIND = "half_even"
ROUNDING = ("rounding", "different")
MERGED_MAX = 5
NO_MONEY = ("customer", "usage")
LOOK_AHEAD = 3000  # documents that are looked at for one collective invoice


def parse(text):
    """(seed, {kind: count}) of "seed=7,late=4,half_even=1"."""
    seed, counts = 1, {}
    for part in filter(None, (text or "").split(",")):
        name, _, value = part.partition("=")
        if not value.isdigit() or name not in ("seed", POLICY_KIND, *KINDS):
            raise ValueError(f"--plant {part}: it is seed=N, or one of {', '.join((POLICY_KIND, *KINDS))} with =N")
        if name == "seed":
            seed = int(value)
        else:
            counts[name] = counts.get(name, 0) + int(value)
    return seed, {kind: count for kind, count in counts.items() if count}


def rank(seed, subject):
    """Where a subject stands in the order of planting."""
    return int.from_bytes(hashlib.sha256(f"{seed}\n{subject}".encode("utf-8")).digest()[:16], "big")


def add_months(year, period, months):
    """(year, period) so many periods later, of twelve."""
    count = year * 12 + period - 1 + months
    return count // 12, count % 12 + 1


class Plant:
    """One planted difference: kind, legacy subjects, and what is needed to make it again."""

    def __init__(self, seed, kind, subjects):
        self.seed, self.kind, self.subjects = seed, kind, list(subjects)

    def random(self):
        """The numbers that this plant alone draws."""
        return random.Random(f"{self.seed}/{self.kind}/{self.subjects[0]}")


class Context:
    """What changes draw from: the codes that the cloud uses."""

    def __init__(self, accounts=(), tax_codes=()):
        self.accounts, self.tax_codes = sorted(accounts), sorted(tax_codes)

    @staticmethod
    def other(codes, used, draw):
        """A code that is not among the used ones, of the codes that there are."""
        free = [code for code in codes if code not in used]
        return draw.choice(free) if free else "X9"


# What each kind needs of a cloud document, and how it changes it. A change works in place and returns words for the manifest;
# None: the kind does not fit the document.


def _late(data, draw, _context):
    if "posting_date" not in data or "period" not in data or data["type"] in NO_MONEY:
        return None
    old = datetime.date.fromisoformat(data["posting_date"])
    new = old + datetime.timedelta(days=draw.randint(1, 5))
    data["posting_date"] = new.isoformat()
    months = (new.year - old.year) * 12 + new.month - old.month
    year, data["period"] = add_months(0, data["period"], months)
    data["year"] += year
    return f"posting_date {old} -> {new}" + (f", period -> {data['period']}" if months else "")


def _wrong_period(data, draw, _context):
    period = data.get("period", 0)
    if not 1 <= period <= 12 or data["type"] in NO_MONEY:
        return None
    data["period"] = {1: 2, 12: 11}.get(period) or period + draw.choice((-1, 1))
    return f"period {period} -> {data['period']}"


def _wrong_tax_code(data, draw, context):
    lines = data.get("lines", ())
    codes = sorted({line["tax_code"] for line in lines if "tax_code" in line
                    and units(line.get("net") or line.get("amount"))})
    sums = {code: sum(units(line.get("net") or line.get("amount")) for line in lines if line.get("tax_code") == code)
            for code in codes}
    codes = [code for code in codes if sums[code]]
    if not codes or data["type"] == "journal":
        return None
    code = draw.choice(codes)
    other = context.other(context.tax_codes, {line.get("tax_code") for line in lines}, draw)
    for section, name in (("lines", "tax_code"), ("tax_lines", "code")):
        for line in data.get(section, ()):
            if line.get(name) == code:
                line[name] = other
    return f"tax code {code} -> {other}"


def _wrong_account(data, draw, context):
    if data["type"] == "payment":
        return None
    lines = [line for line in data.get("lines", ()) if "account" in line and units(line.get("amount") or line.get("net"))]
    if not lines:
        return None
    line = draw.choice(lines)
    old = line["account"]
    line["account"] = context.other(context.accounts, {one.get("account") for one in data["lines"]}, draw)
    return f"line {line['line']}: account {old} -> {line['account']}"


def _wrong_tax_rate(data, draw, _context):
    """The tax of the first code that has some, at a fifth more or less."""
    codes = [line.get("tax_code") for line in data.get("lines", ()) if "tax" in line and units(line["tax"])]
    parts = [line for line in data.get("tax_lines", ()) if units(line["tax"])]
    if data["type"] not in ("invoice", "credit_memo") or not (codes or parts):
        return None
    code = parts[0]["code"] if parts else codes[0]
    factor = draw.choice((decimal.Decimal("0.8"), decimal.Decimal("1.2")))
    delta = 0
    for line in (line for line in data["lines"] if "tax" in line and line.get("tax_code") == code):
        one = int((units(line["tax"]) * factor).to_integral_value(decimal.ROUND_HALF_UP)) - units(line["tax"])
        delta += one
        for name in ("tax", "gross", "open"):
            if name in line and (name != "open" or units(line["open"])):
                line[name] = moved(line[name], one)
        _scale(line, "tax_rate", factor)
    for line in (line for line in parts if line["code"] == code):
        if not codes:
            delta += int((units(line["tax"]) * factor).to_integral_value(decimal.ROUND_HALF_UP)) - units(line["tax"])
        line["tax"] = moved(line["tax"], delta)
        _scale(line, "rate", factor)
    if not delta:
        return None
    _move_header(data, ("tax", "gross", "open"), delta)
    return f"tax of code {code} x {factor}"


def _scale(line, name, factor):
    if name in line:
        line[name] = str((decimal.Decimal(line[name]) * factor).normalize() + 0)


def _move_header(data, names, delta):
    for name in names:
        if name in data and (name != "open" or units(data["open"])):
            data[name] = moved(data[name], delta)


def _fx_rate(data, draw, _context):
    """Local amounts at a rate that is half to three per cent off."""
    if data.get("local_currency", data.get("currency")) == data.get("currency"):
        return None
    per_mille = draw.choice((-1, 1)) * draw.randint(5, 30)
    found = False
    for section in ("lines", "applications"):
        lines = data.get(section, ())
        for name in ("amount_local", "net_local", "tax_local"):
            values = [(line, units(line[name])) for line in lines if name in line]
            changes = [(value * per_mille + (500 if value > 0 else -500)) // 1000 if value else 0 for _, value in values]
            if data["type"] == "journal" and changes:
                changes[-1] -= sum(changes)
            for (line, _), change in zip(values, changes):
                line[name] = moved(line[name], change)
                if name != "amount_local" and "gross_local" in line:
                    line["gross_local"] = moved(line["gross_local"], change)
                found = found or (change != 0 and name != "tax_local")
            if name in data:
                data[name] = moved(data[name], sum(changes))
                if name != "amount_local" and "gross_local" in data:
                    data["gross_local"] = moved(data["gross_local"], sum(changes))
    if not found:
        return None
    if "exchange_rate" in data:
        factor = decimal.Decimal(1000 + per_mille) / 1000
        data["exchange_rate"] = f"{(decimal.Decimal(data['exchange_rate']) * factor).quantize(decimal.Decimal('0.0000001')):f}"
    return f"rate off by {per_mille} per mille"


def _change_amount(data, delta):
    """Moves one amount and all that adds it up; None where there is none that can be moved."""
    kind = data["type"]
    if kind == "journal":
        plus = next((line for line in data["lines"] if units(line["amount"]) > 0), None)
        key = plus and (plus["account"], plus.get("cost_centre"), plus.get("tax_code"))
        minus = next((line for line in data["lines"] if units(line["amount"]) < 0 and
                      (line["account"], line.get("cost_centre"), line.get("tax_code")) != key), None)
        if not plus or not minus:
            return None
        plus["amount"], minus["amount"] = moved(plus["amount"], delta), moved(minus["amount"], -delta)
        return f"lines {plus['line']} and {minus['line']}"
    if kind == "payment":
        line = data.get("applications", [None])[0]
        data["amount"] = moved(data["amount"], delta)
        if line:
            line["amount"] = moved(line["amount"], delta)
        elif "unapplied" in data:
            data["unapplied"] = moved(data["unapplied"], delta)
        return "the amount"
    line = next((line for line in data["lines"] if units(line["net"]) > abs(delta)), None)
    if not line:
        return None
    for name in ("net", "gross", "open"):
        if name in line and (name != "open" or units(line["open"])):
            line[name] = moved(line[name], delta)
    for part in data.get("tax_lines", ()):
        if part["code"] == line.get("tax_code"):
            part["base"] = moved(part["base"], delta)
            break
    _move_header(data, ("net", "gross", "open"), delta)
    return f"net of line {line['line']}"


def _wrong_cent(data, draw, _context):
    if data["type"] in NO_MONEY:
        return None
    return _change_amount(data, draw.choice((-1, 1)))


def _wrong_amount(data, _draw, _context):
    """Two neighbouring digits of a net or debit change places, as typists do."""
    name, lines = {"journal": ("amount", data.get("lines", ())), "payment": ("amount", [data]),
                   "customer": ("", ()), "usage": ("", ())}.get(data["type"], ("net", data.get("lines", ())))
    word = next((str(units(line[name])) for line in lines if units(line[name]) > 0), "")
    at = next((place for place in range(len(word) - 1) if word[place] != word[place + 1]), None)
    if at is None or len(word) < 3 or (at == 0 and word[1] == "0"):
        return None
    swapped = int(word[:at] + word[at + 1] + word[at] + word[at + 2:])
    return _change_amount(data, swapped - int(word))


def _swapped_sign(data, _draw, _context):
    if data["type"] != "journal":
        return None
    sums = {}
    for line in data["lines"]:
        key = (line["account"], line.get("cost_centre"), line.get("tax_code"))
        debit, credit = sums.get(key, (0, 0))
        value = units(line["amount"])
        sums[key] = (debit + max(value, 0), credit - min(value, 0))
    if all(debit == credit for debit, credit in sums.values()):
        return None  # the same sums stand in both columns
    for line in data["lines"]:
        for name in ("amount", "amount_local", "amount_group"):
            if name in line:
                line[name] = text_of(-units(line[name]), digits(line[name]))
    return "debits and credits changed sides"


def _master_data(data, draw, _context):
    if data["type"] != "customer":
        return None
    name = draw.choice([name for name in ("legal_name", "tax_id", "terms") if name in data])
    old = data[name]
    data[name] = {"terms": "N45" if old != "N45" else "N90", "legal_name": old + " Ltd."}.get(name) or _other_digit(old)
    return f"{name} {old} -> {data[name]}"


def _other_digit(text):
    """The text with another last character."""
    return text[:-1] + ("8" if text[-1] == "7" else "7")


def _missing_legacy(data, draw, _context):
    """A document that no legacy one stands behind: another's with other amounts and no word of where it came from."""
    if data["type"] not in ("invoice", "journal"):
        return None
    factor = draw.randint(2, 5)
    del data["origin"], data["reference"]
    for names, holder in ((("net", "tax", "gross", "open", "net_local", "tax_local", "gross_local"), data),
                          *((("amount", "amount_local", "net", "tax", "gross", "open", "net_local", "tax_local", "gross_local"),
                             line) for line in data["lines"]), *((("base", "tax"), line) for line in data.get("tax_lines", ()))):
        for name in names:
            if name in holder:
                holder[name] = text_of(units(holder[name]) * factor, digits(holder[name]))
    return "made by the cloud alone"


CHANGES = {"late": _late, "wrong_period": _wrong_period, "wrong_tax_code": _wrong_tax_code, "wrong_account": _wrong_account,
           "wrong_tax_rate": _wrong_tax_rate, "fx_rate": _fx_rate, "wrong_cent": _wrong_cent, "wrong_amount": _wrong_amount,
           "swapped_sign": _swapped_sign, "master_data": _master_data, "missing_legacy": _missing_legacy}


def copy(data):
    """A document that may be changed."""
    return {name: [dict(line) for line in value] if isinstance(value, list) else value for name, value in data.items()}


def fits(kind, data):
    """May a kind that makes no change of fields take this document?"""
    if kind == "split":
        return data["type"] == "invoice" and not {"payable", "prepaid", "rounding"} & set(data) and all(
            units(part["gross"]) > 0 for part in posting.split(data, ("1", "2")) or [{"gross": "0"}])
    if kind == "merged":
        return data["type"] == "invoice" and not {"payable", "prepaid", "rounding"} & set(data)
    return data["type"] not in NO_MONEY


def make(plant, parts, numbers, context):
    """[(name of the slot, document or None)] and the words: what the cloud posts for the plant's legacy documents. parts are
    their translations; numbers(slot) gives an own number. No words: the plant does not fit them (any more)."""
    kind, draw = plant.kind, plant.random()
    if kind == "missing":
        return [("", None)], "not posted"
    if kind == "duplicate":
        return [("", parts[0]), ("again", {**copy(parts[0]), "number": numbers("again")})], "posted twice"
    if kind == "split":
        halves = posting.split(parts[0], (parts[0]["number"], numbers("split")))
        if not halves:
            return [("", parts[0])], None
        return [("", halves[0]), ("split", halves[1])], "posted as two documents"
    if kind == "merged":
        return [("", posting.merge(parts, parts[0]["number"]))], f"{len(parts)} documents posted as one"
    if kind == "missing_legacy":
        own = copy(parts[0])
        own["number"] = numbers("alone")
        words = _missing_legacy(own, draw, context)
        return [("", parts[0]), ("alone", own)], words
    own = copy(parts[0])
    words = CHANGES[kind](own, draw, context)
    return [("", own)], words


class Plan:
    """Which documents carry which plant."""

    def __init__(self, seed, counts, context):
        self.seed, self.context = seed, context
        self.wanted = {kind: count for kind, count in counts.items() if kind in KINDS}
        self.entities = counts.get(POLICY_KIND, 0)
        self.plants, self.used = [], set()

    def missing(self, lines):
        """{kind: how many could not be planted}; lines: the manifest."""
        rounded = {line["entity"] for line in lines if line["kind"] == POLICY_KIND}
        short = {**self.wanted, POLICY_KIND: max(self.entities - len(rounded), 0)}
        return {kind: count for kind, count in short.items() if count}

    def choose(self, ranked, load):
        """Walks subjects in the order of rank(); load(subject) gives the cloud's translation, or None for a document that must
        stay as it is. Returns the plants, in the order of their first subject."""
        for at, subject in enumerate(ranked):
            if not any(self.wanted.values()):
                break
            data = load(subject) if subject not in self.used else None
            if data is None:
                continue
            kind = next((kind for kind in KINDS if self.wanted.get(kind) and
                         self.try_kind(kind, subject, data, ranked, at, load)), None)
            if kind:
                self.wanted[kind] -= 1
        self.plants.sort(key=lambda plant: plant.subjects[0])
        return self.plants

    def try_kind(self, kind, subject, data, ranked, at, load):
        """Plants a kind on this document (and those that it needs beside it), if it fits."""
        plant = Plant(self.seed, kind, [subject])
        if kind in CHANGES:
            if CHANGES[kind](copy(data), plant.random(), self.context) is None:
                return False
        elif not fits(kind, data):
            return False
        if kind == "merged":
            plant.subjects += self.companions(data, plant.random().randint(1, MERGED_MAX - 1), ranked, at, load)
            if len(plant.subjects) < 2:
                return False
            plant.subjects.sort()
        self.used.update(plant.subjects)
        self.plants.append(plant)
        return True

    def companions(self, data, count, ranked, at, load):
        """Subjects further on that can stand in one collective invoice: those of the same customer first."""
        same, others = [], []
        for subject in ranked[at + 1:at + 1 + LOOK_AHEAD]:
            other = load(subject) if subject not in self.used else None
            if other is None or not fits("merged", other) or any(
                    other.get(name) != data.get(name) for name in ("entity", "currency", "year", "period", "local_currency")):
                continue
            (same if other["customer"] == data["customer"] else others).append(subject)
            if len(same) == count:
                break
        return (same or others)[:count]


def entry(plant, words, legacy, made):
    """One line of the manifest. legacy: the cloud's translations before the plant, made: what was posted."""
    cause, status = KINDS[plant.kind]
    first = legacy[0]
    documents = [data for _, data in made if data]
    before, after = sum(map(posting.total, legacy)), sum(map(posting.total, documents))
    line = {"kind": plant.kind, "cause": cause, "status": status, "legacy": plant.subjects,
            "cloud": [fields.subject_of(data) for data in documents], "what": words, "entity": first["entity"],
            "document_type": first["type"], "delta": _amount(after - before, first), "currency": first.get("currency", "")}
    if plant.kind == "missing_legacy":
        line["legacy"], line["cloud"], line["beside"] = [], line["cloud"][1:], plant.subjects
    if first.get("period"):
        line["period"] = f"{first['year']}-{first['period']:02d}"
    return line


def policy_entry(subject, data, delta, policies):
    """The manifest's line of a document whose tax the cloud's policy changes."""
    return {"kind": POLICY_KIND if "half_even" in policies[1] else "rounding", "cause": ROUNDING[0], "status": ROUNDING[1],
            "legacy": [subject], "cloud": [fields.subject_of(data)], "what": f"tax {policies[0]} -> {policies[1]}",
            "entity": data["entity"], "document_type": data["type"], "delta": _amount(delta, data),
            "currency": data["currency"], "period": f"{data['year']}-{data['period']:02d}"}


def _amount(delta, data):
    sample = data.get("gross") or data.get("amount") or (data["lines"][0]["amount"] if data.get("lines") else "0")
    return text_of(delta, digits(sample))

