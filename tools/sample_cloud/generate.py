"""generate.py - both sides of a comparison as CSV files, of any size, without a broker.

Why:   tests and benchmarks of a comparison need a million pairs whose differences are known, in minutes.
Owns:  the files that it writes.
Rules: 1. Document n follows from seed and n alone, so that any of them can be made again without the others.
       2. Of twenty documents eight are journals, seven invoices, two credit memos, two payments, one is a customer; twenty
          in a row belong to one of four entities. Journals balance, nets and taxes add up.
       3. What is written holds no comma and no quote, except where a plant or a mapping brings one.
       4. Memory does not grow with the documents, except for their ranks where something is to be planted.
Faults: an unmapped code ends it: these rules were made for other documents.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import decimal
import functools
import hashlib
import json

from . import fields, planting, posting, rounding, sheet, usage
from .fields import text_of

# (entity, currency, its foreign currency, units of it for one of the foreign currency)
ENTITIES = (("10", "EUR", "USD", "0.92"), ("20", "USD", "EUR", "1.08"), ("30", "JPY", "USD", "151"), ("40", "KWD", "USD", "0.307"))
PLACES = {"EUR": 2, "USD": 2, "JPY": 0, "KWD": 3}
TAXES = (("V1", "19"), ("V2", "7"), ("V3", "8.25"), ("V4", "10"), ("V0", "0"))
ACCOUNTS = tuple(f"{group}{number:03d}" for group in (1, 2, 4, 5, 6) for number in range(10, 200, 10))
REVENUE = tuple(f"4{number:03d}" for number in range(10, 200, 10))
CENTRES = tuple(f"K{number}" for number in range(100, 140))
PERIODS = ((9, 30), (10, 31), (11, 30))
YEAR = 2026
_TYPES = ("journal", "invoice", "journal", "invoice", "credit_memo", "journal", "invoice", "payment", "journal", "invoice",
          "journal", "customer", "invoice", "journal", "credit_memo", "invoice", "journal", "payment", "invoice", "journal")
_PREFIXES = {"journal": "JE", "invoice": "RI", "credit_memo": "RM", "payment": "RC", "customer": "C"}
COLUMNS = [*fields.KEY, "voided", "source_system", "legacy_type", "period", "document_date", "posting_date", "currency",
           "local_currency", "exchange_rate", "reference", "origin", "customer", "due_date", "net", "tax", "gross", "amount",
           "payer", "unapplied", "legal_name", "tax_id", "country", "terms",
           "line.line", "line.account", "line.cost_centre", "line.tax_code", "line.tax_rate", "line.amount", "line.amount_local",
           "line.net", "line.net_local", "tax.code", "tax.rate", "tax.base", "tax.tax", "application.line", "application.invoice",
           "application.amount"]


def kind_and_subject(number):
    """(type, entity's place, the document's number, subject) of document `number`, from 0."""
    kind, place = _TYPES[number % 20], number // 20 % 4
    own = f"{_PREFIXES[kind]}-{number:07d}" if kind != "customer" else f"{number:07d}"
    year = 0 if kind == "customer" else YEAR
    return kind, place, own, f"{ENTITIES[place][0]}/{kind}/{year}/{own}"


class Source:
    """The legacy documents of a seed."""

    def __init__(self, seed, policies):
        self.seed = seed
        self.policies = {entity: rounding.of(policies, "legacy", entity) for entity, *_ in ENTITIES}
        self.rates = {code: decimal.Decimal(rate) for code, rate in TAXES}

    def document(self, number):
        """Document `number`."""
        kind, place, own, _ = kind_and_subject(number)
        entity, local, foreign, rate = ENTITIES[place]
        dice = int.from_bytes(hashlib.sha512(b"%d/%d" % (self.seed, number)).digest(), "big")
        dice, draw = divmod(dice, 3)
        period, days = PERIODS[draw]
        dice, draw = divmod(dice, days)
        data = {"entity": entity, "type": kind, "year": YEAR, "number": own, "source_system": "sample", "period": period,
                "legacy_type": own[:own.find("-")], "posting_date": f"{YEAR}-{period:02d}-{draw + 1:02d}",
                "document_date": f"{YEAR}-{period:02d}-{draw + 1:02d}"}
        if kind == "customer":
            return self.customer(data, own, dice, local)
        dice, draw = divmod(dice, 7)
        data["currency"] = foreign if draw == 0 else local
        data["local_currency"] = local
        if draw == 0:
            data["exchange_rate"] = rate
        if kind == "journal":
            return self.journal(data, dice, rate)
        return self.payment(data, dice, number) if kind == "payment" else self.invoice(data, dice, rate)

    @staticmethod
    def customer(data, own, dice, local):
        """Master data."""
        return {"entity": data["entity"], "type": "customer", "year": 0, "number": own, "source_system": "sample",
                "currency": local, "legal_name": f"Customer {dice % 999983} GmbH", "tax_id": f"DE{dice % 899999981 + 100000000}",
                "country": ("DE", "US", "JP", "KW")[dice % 4], "terms": ("N30", "N14", "N60")[dice % 3]}

    @staticmethod
    def local(value, data, rate):
        """An amount in the entity's currency, in its minor units; cut, as it is no tax."""
        foreign, own = PLACES[data["currency"]], PLACES[data["local_currency"]]
        return int((decimal.Decimal(value) * decimal.Decimal(rate)).scaleb(own - foreign))

    def journal(self, data, dice, rate):
        """Two to five lines that balance."""
        places, lines, rest, local_rest = PLACES[data["currency"]], [], 0, 0
        foreign = "exchange_rate" in data
        dice, count = divmod(dice, 4)
        for line in range(1, count + 3):
            dice, account = divmod(dice, len(ACCOUNTS))
            dice, centre = divmod(dice, len(CENTRES))
            dice, value = divmod(dice, 2000000)
            value = value + 1 if line < count + 2 else -rest
            rest += value
            one = {"line": str(line), "account": ACCOUNTS[account], "cost_centre": CENTRES[centre], "amount": text_of(value, places)}
            if foreign:
                local = self.local(value, data, rate) if line < count + 2 else -local_rest
                local_rest += local
                one["amount_local"] = text_of(local, PLACES[data["local_currency"]])
            lines.append(one)
        data["lines"] = lines
        return data

    def invoice(self, data, dice, rate):
        """One to four lines of one to three tax codes, tax by code."""
        places, sign, codes = PLACES[data["currency"]], -1 if data["type"] == "credit_memo" else 1, {}
        dice, count = divmod(dice, 4)
        dice, customer = divmod(dice, 300)
        dice, first = divmod(dice, len(TAXES))
        data["customer"] = str(4000 + (customer if customer > 100 else customer % 5))
        data["due_date"] = f"{YEAR}-{data['period'] + 1:02d}-{data['posting_date'][8:] if data['posting_date'][8:] < '31' else '30'}"
        lines, total = [], 0
        for line in range(1, count + 2):
            dice, account = divmod(dice, len(REVENUE))
            dice, centre = divmod(dice, len(CENTRES))
            dice, value = divmod(dice, 500000)
            dice, other = divmod(dice, 3)
            code, per_cent = TAXES[(first + (line > 1 and other)) % len(TAXES)]
            total += value + 1
            one = {"line": str(line), "account": REVENUE[account], "cost_centre": CENTRES[centre], "tax_code": code,
                   "tax_rate": per_cent, "net": text_of(value + 1, places)}
            if "exchange_rate" in data:
                one["net_local"] = text_of(self.local(value + 1, data, rate), PLACES[data["local_currency"]])
            codes.setdefault(code, (per_cent, []))[1].append(value + 1)
            lines.append(one)
        tax_lines, taxes, policy = [], 0, self.policies[data["entity"]]
        for code, (per_cent, nets) in codes.items():
            tax = policy.tax(nets, self.rates[code], sign)[0] if per_cent != "0" else 0
            taxes += tax
            tax_lines.append({"code": code, "rate": per_cent, "base": text_of(sum(nets), places), "tax": text_of(tax, places)})
        data["net"], data["tax"], data["gross"] = text_of(total, places), text_of(taxes, places), text_of(total + taxes, places)
        data["lines"], data["tax_lines"] = lines, tax_lines
        return data

    @staticmethod
    def payment(data, dice, number):
        """Money for one or two invoices of the same twenty documents, perhaps with a rest."""
        places, parts, total = PLACES[data["currency"]], [], 0
        invoices = [place for place in range(20) if _TYPES[place] == "invoice"]
        dice, count = divmod(dice, 2)
        dice, first = divmod(dice, len(invoices) - 1)
        for line in range(count + 1):
            dice, value = divmod(dice, 300000)
            total += value + 1
            subject = kind_and_subject(number - number % 20 + invoices[first + line])[3]
            parts.append({"line": str(line + 1), "invoice": subject, "amount": text_of(value + 1, places)})
        dice, rest = divmod(dice, 3)
        rest = dice % 1000 if rest == 0 else 0
        data["amount"], data["unapplied"] = text_of(total + rest, places), text_of(rest, places)
        data["payer"] = str(4000 + dice % 300)
        data["applications"] = parts
        return data


class Pairs:
    """Documents 0 to count - 1 on both sides."""

    def __init__(self, count, seed, mapping, policies, plant="", metered=0):
        self.count, self.mapping, self.seed, self.metered = count, mapping, seed, metered
        plant_seed, counts = planting.parse(plant)
        self.source = Source(seed, policies)
        self.policies = {entity: rounding.of(policies, "cloud", entity, str(self.source.policies[entity]))
                         for entity, *_ in ENTITIES}
        if counts.get(planting.POLICY_KIND):
            ranked = sorted(self.policies, key=lambda entity: planting.rank(plant_seed, entity))
            for entity in ranked[:counts[planting.POLICY_KIND]]:
                self.policies[entity] = rounding.Policy(f"{self.source.policies[entity].scope}:half_even")
        self.apart = {entity: (str(self.source.policies[entity]), str(policy)) for entity, policy in self.policies.items()
                      if str(policy) != str(self.source.policies[entity])}
        self.plan = planting.Plan(plant_seed, counts, self.context())
        self.extra, self.lines, self.next = {}, [], count + 1
        self.members = {}  # legacy subject: the plant
        self.choose(plant_seed)

    def context(self):
        """The cloud's codes."""
        entity = ENTITIES[0][0]
        return planting.Context({self.mapping.map("account", entity, code, f"{YEAR}-09-01") for code in ACCOUNTS},
                                {self.mapping.map("tax_code", entity, code, f"{YEAR}-09-01") for code, _ in TAXES})

    def cloud(self, number, subject, legacy):
        """(the cloud's translation, difference of its tax)"""
        delta, apart = 0, legacy["entity"] in self.apart and "tax_lines" in legacy
        if apart:
            legacy = planting.copy(legacy)
            delta = posting.retax(legacy, self.policies[legacy["entity"]], self.source.rates)
        return posting.translate(legacy, posting.own_number(legacy["type"], number + 1), self.mapping, subject), delta

    def choose(self, seed):
        """Plants on the documents of lowest rank."""
        if not any(self.plan.wanted.values()):
            return
        ranks = sorted((planting.rank(seed, kind_and_subject(number)[3]), number) for number in range(self.count))
        places = {kind_and_subject(number)[3]: number for _, number in ranks}
        self.load = functools.lru_cache(maxsize=20000)(lambda subject: self.candidate(places[subject], subject))
        for plant in self.plan.choose(list(places), self.load):
            self.members.update((subject, (plant, places)) for subject in plant.subjects)

    def candidate(self, number, subject):
        """A document that may carry a plant, or None."""
        data, delta = self.cloud(number, subject, self.source.document(number))
        return None if delta else data

    def planted(self, plant, places):
        """The cloud's documents of a plant; its line goes into the manifest."""
        parts = [self.load(subject) for subject in plant.subjects]

        def numbers(_slot):
            self.next += 1
            return posting.own_number(parts[0]["type"], self.next)
        made, words = planting.make(plant, parts, numbers, self.plan.context)
        self.lines.append(planting.entry(plant, words, parts, made))
        return [data for _, data in made if data]

    def each(self):
        """Yields (legacy document, [cloud documents])."""
        for number in range(self.count):
            subject = kind_and_subject(number)[3]
            legacy = self.source.document(number)
            plant, places = self.members.get(subject, (None, None))
            if plant:
                yield legacy, self.planted(plant, places) if subject == plant.subjects[0] else []
                continue
            data, delta = self.cloud(number, subject, legacy)
            if delta:
                self.lines.append(planting.policy_entry(subject, data, delta, self.apart[legacy["entity"]]))
            yield legacy, [data]
        for legacy, clouds, line in usage.each(self.seed, self.metered, self.mapping):
            if line:
                self.lines.append(line)
            yield legacy, clouds

    def columns(self):
        """Those of the files: with usage also its own."""
        names = COLUMNS + (usage.COLUMNS if self.metered else [])
        return [name for name in names if "." not in name] + [name for name in names if "." in name]

    def write(self, legacy_path, cloud_path, manifest_path, repeat=False, copies=None):
        """Writes both sides and the manifest; copies: (legacy, cloud) files for the flat rows. Returns the counts."""
        with open(legacy_path, "w", encoding="utf-8", newline="") as legacy_file, \
                open(cloud_path, "w", encoding="utf-8", newline="") as cloud_file:
            legacy_sheet = sheet.Writer(legacy_file, self.columns(), repeat)
            cloud_sheet = sheet.Writer(cloud_file, self.columns(), repeat)
            for legacy, clouds in self.each():
                legacy_sheet.write(legacy)
                if copies:
                    mapped = posting.translate(legacy, legacy["number"], self.mapping)
                    copies[0].write(flat(mapped, fields.subject_of(legacy)))
                for data in clouds:
                    cloud_sheet.write(data)
                    if copies:
                        copies[1].write(flat(data, fields.subject_of(data)))
        return write_manifest(manifest_path, self.lines, self.plan)


FLAT = ("subject", "origin", "entity", "document_type", "period", "posting_date", "currency", "party", "account", "cost_centre",
        "tax_code", "amount", "amount_local")
FLAT_SQL = ("CREATE TABLE {name}(subject TEXT, origin TEXT, entity TEXT, document_type TEXT, period INTEGER, posting_date DATE, "
            "currency TEXT, party TEXT, account TEXT, cost_centre TEXT, tax_code TEXT, amount BIGINT, amount_local BIGINT);")


def flat(data, subject):
    """The lines of a document as rows for COPY (text format), with the cloud's codes on both sides, amounts in minor units, credit
    memos negative. Tax lines have the account `tax`, applications that of their invoice; a customer has one row."""
    sign = -1 if data["type"] == "credit_memo" else 1
    period = data["year"] * 100 + data["period"] if "period" in data else "\\N"
    head = "\t".join(map(str, (subject, data.get("origin", ""), data["entity"], data["type"], period,
                               data.get("posting_date", "\\N"), data.get("currency", ""),
                               data.get("customer") or data.get("payer") or data.get("legal_name", ""))))
    rows = [(line.get("account", ""), line.get("cost_centre", ""), line.get("tax_code", ""), line.get("net") or line["amount"],
             line.get("net_local") or line.get("amount_local")) for line in data.get("lines", ())]
    rows += [("tax", "", line["code"], line["tax"], None) for line in data.get("tax_lines", ())]
    rows += [(line.get("invoice", ""), "", "", line["amount"], line.get("amount_local")) for line in data.get("applications", ())]
    if not rows:
        rows = [("", "", "", data.get("amount", "0"), None)]
    return "".join(f"{head}\t{account}\t{centre}\t{code}\t{sign * fields.units(amount)}\t"
                   f"{sign * fields.units(local) if local else chr(92) + 'N'}\n" for account, centre, code, amount, local in rows)


def write_manifest(path, lines, plan):
    """JSON Lines of what was planted, sorted, and of what could not be; returns {kind: lines}."""
    counts, texts = {}, []
    for line in sorted(lines, key=lambda line: (line["kind"], line["legacy"] or line["cloud"])):
        counts[line["kind"]] = counts.get(line["kind"], 0) + 1
        texts.append(json.dumps(line, sort_keys=True, ensure_ascii=False))
    for kind, count in sorted(plan.missing(lines).items()) if plan else ():
        counts[f"not planted: {kind}"] = count
        texts.append(json.dumps({"kind": kind, "not_planted": count, "why": "no further document fits it"}, sort_keys=True))
    if path:
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(f"{text}\n" for text in texts)
    return counts
