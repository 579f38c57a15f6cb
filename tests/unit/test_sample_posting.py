"""test_sample_posting.py - the sample cloud's own postings: right without plants, wrong exactly where the manifest says.

Why:   a comparison is judged by these plants; a plant that is none, or a difference that was not planted, would be counted
       against it.
Rules: 1. Expected documents, mappings and roundings are written out by hand, or computed with fractions.Fraction.
       2. Differences are found here by a plain comparison of sums, which knows nothing of how plants are made.
Runs in: tools/test (unit); one test starts a Mosquitto; strict schemas need node (tests/contract_tools).
"""

import collections
import decimal
import fractions
import glob
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, part) for part in ("tools", "tests/lib", "tests/unit")]

import servers  # noqa: E402
import test_contract_schemas as contract  # noqa: E402
import test_sample_cloud as receiving  # noqa: E402
from sample_cloud import book as books  # noqa: E402
from sample_cloud import event as events  # noqa: E402
from sample_cloud import fields, generate, mapping, planting, posted, posting, rounding, sheet, warehouse  # noqa: E402

TOOL = os.path.join(ROOT, "tools", "sample-cloud")
PLANT = "seed=7,half_even=1," + ",".join(f"{kind}=2" for kind in planting.KINDS)


class Cloud:
    """A book with the first documents of generate.Source, and its postings."""

    def __init__(self, directory, count, order=None, rules=None):
        self.book = books.Book(os.path.join(directory, "cloud.db"), create=True)
        self.source, self.makers = generate.Source(5, {}), {}
        numbers = list(range(count))
        if order is not None:
            random.Random(order).shuffle(numbers)
        for number in numbers:
            self.take(number)
        self.book.commit()
        self.posted = posted.Posted(self.book, rules)

    def send(self, number, revision=1, change="recorded", **more):
        """take(), durable."""
        self.take(number, revision, change, **more)
        self.book.commit()

    def take(self, number, revision=1, change="recorded", **more):
        """One legacy document arrives, with some fields replaced."""
        data = {**self.source.document(number), **more}
        maker = self.makers.setdefault(data["entity"], receiving.Maker(f"urn:twinpost:acme:gw1:{data['entity']}:1700000000"))
        result = self.book.take(f"tp1/acme/gw1/up/post/{data['entity']}", maker.event(data, revision, change))
        if result != "booked":
            raise AssertionError(result)

    def number_of(self, kind):
        """A document of a type that carries no plant."""
        planted = {subject for line in self.posted.manifest() for subject in line["legacy"] + line.get("beside", [])}
        return next(number for number in range(300) if generate.kind_and_subject(number)[0] == kind
                    and generate.kind_and_subject(number)[3] not in planted)


def rule_files(directory, **files):
    """Mapping files of these rows."""
    for kind, rows in files.items():
        with open(os.path.join(directory, f"{kind}.csv"), "w", encoding="utf-8") as file:
            file.write("entity,from,to,valid_from,valid_to,note\n" + "".join(f"{row}\n" for row in rows))
    return directory


class FieldsTest(unittest.TestCase):
    """The tables of fields are those of the contract."""

    def test_fields_are_those_of_the_newest_schemas(self):
        """Header and sections of every type, in the schemas' order."""
        for kind in fields.TYPES:
            path = sorted(glob.glob(os.path.join(contract.SCHEMAS, f"{kind}-*.schema.json")))[-1]
            with open(path, encoding="utf-8") as file:
                members = json.load(file)["properties"]
            self.assertEqual(fields.HEADERS[kind], [name for name, member in members.items() if member.get("type") != "array"])
            self.assertEqual(fields.SECTIONS[kind], {name: list(member["items"]["properties"]) for name, member in members.items()
                                                     if member.get("type") == "array"})
            self.assertTrue(path.endswith(f"-{posted.SCHEMA_VERSION}.schema.json"))

    def test_amounts_and_subjects(self):
        """Minor units there and back; a subject's parts are percent-encoded by RFC 3986."""
        for text, count in (("0.05", 5), ("-0.05", -5), ("2696", 2696), ("-162.271", -162271), ("10.00", 1000)):
            self.assertEqual(fields.units(text), count)
            self.assertEqual(fields.text_of(count, fields.digits(text)), text)
        self.assertEqual(fields.moved("0.05", -10), "-0.05")
        self.assertEqual(fields.subject_of({"entity": "1/ü", "type": "journal", "year": 2026, "number": "A b~_-."}),
                         "1%2F%C3%BC/journal/2026/A%20b~_-.")


class MappingTest(unittest.TestCase):
    """The rules of connector/compare/rules.h, read by hand."""

    def look(self, rows, *asked):
        with tempfile.TemporaryDirectory() as directory:
            rules = mapping.Mapping(rule_files(directory, account=rows))
            found = []
            for entity, code, date in asked:
                try:
                    found.append(rules.map("account", entity, code, date))
                except mapping.Unmapped:
                    found.append(None)
        return found

    def test_order_dates_and_signs(self):
        """Own entity and code, own "*", all and code, all "*"; dates within the row; "=" keeps."""
        rows = ["10,100,A,2026-01-01,2026-06-30,", "10,100,B,2026-07-01,,", "*,100,C,,,", "*,200,=,,,", ",300,D,,2026-06-30,",
                "20,*,E,,,", "*,*,F,,,"]
        self.assertEqual(self.look(rows, ("10", "100", "2026-06-30"), ("10", "100", "2026-07-01"), ("30", "100", "2026-07-01"),
                                   ("10", "200", "2026-01-01"), ("10", "300", "2026-06-30"), ("20", "100", "2026-01-01"),
                                   ("30", "999", "2026-01-01"), ("10", "", "2026-01-01")),
                         ["A", "B", "C", "200", "D", "E", "F", ""])

    def test_a_gap_stays_a_gap(self):
        """A code that is named on other dates is not "every other code"; one of an entity goes on to all entities' rows of it."""
        rows = ["10,100,A,2026-02-01,,", "*,*,F,,,", "10,200,B,2026-02-01,,", "*,200,G,,,", "*,300,H,2026-02-01,,"]
        self.assertEqual(self.look(rows, ("10", "100", "2026-01-31"), ("10", "200", "2026-01-31"), ("30", "300", "2026-01-31"),
                                   ("30", "100", "2026-01-31")), [None, "G", None, "F"])

    def test_bad_files(self):
        """Overlaps, dates, columns: each is told with file and line."""
        for rows, words in ((["*,1,A,,2026-01-31,", "*,1,B,2026-01-31,,"], "account.csv:3"), (["*,1,A,31.1.2026,,"], "account.csv:2"),
                            (["*,1,A,2026-02-01,2026-01-01,"], "account.csv:2"), (["*,,A,,,"], "account.csv:2"),
                            (["*,1,*,,,"], "account.csv:2")):
            with self.assertRaisesRegex(mapping.MappingError, words):
                self.look(rows)

    def test_a_document_whose_code_is_not_mapped_waits(self):
        """It is posted once the mapping is there, and nothing else waits for it."""
        with tempfile.TemporaryDirectory() as directory:
            rules = rule_files(directory, customer=["*,1,2,,,"])
            cloud = Cloud(directory, 20, rules=rules)
            held = [number for number in range(20) if generate.kind_and_subject(number)[0] not in ("journal",)]
            self.assertEqual(cloud.posted.round(), 20 - len(held))
            self.assertEqual(len(cloud.posted.waiting), len(held))
            cloud.posted = posted.Posted(cloud.book, rule_files(directory, customer=["*,*,=,,,"]))
            self.assertEqual(cloud.posted.round(), len(held))


class RoundingTest(unittest.TestCase):
    """Every mode on values that tell them apart."""

    def test_modes(self):
        """Tax of +-5 and +-15 at 10 %, of 14 and 16: halves and others, by hand."""
        nets = (5, 15, -5, -15, 14, 16, -14, -16)
        expected = {"half_up": (1, 2, 0, -1, 1, 2, -1, -2), "half_down": (0, 1, -1, -2, 1, 2, -1, -2),
                    "half_even": (0, 2, 0, -2, 1, 2, -1, -2), "half_away": (1, 2, -1, -2, 1, 2, -1, -2),
                    "half_zero": (0, 1, 0, -1, 1, 2, -1, -2), "truncate": (0, 1, 0, -1, 1, 1, -1, -1),
                    "floor": (0, 1, -1, -2, 1, 1, -2, -2), "ceiling": (1, 2, 0, -1, 2, 2, -1, -1),
                    "away": (1, 2, -1, -2, 2, 2, -2, -2)}
        self.assertEqual(set(expected), set(rounding.MODES))
        for mode, taxes in expected.items():
            one = rounding.Policy(f"line:{mode}")
            self.assertEqual(tuple(one.one(net, decimal.Decimal(10)) for net in nets), taxes, mode)

    def test_scopes(self):
        """Three nets of 5 at 10 %: 3 by line, 2 (1.5 rounded) by total; a credit memo half-up: -1.5 becomes -1."""
        self.assertEqual(rounding.Policy("line:half_up").tax([5, 5, 5], decimal.Decimal(10)), (3, [1, 1, 1]))
        self.assertEqual(rounding.Policy("total:half_up").tax([5, 5, 5], decimal.Decimal(10)), (2, None))
        self.assertEqual(rounding.Policy("total:half_up").tax([5, 5, 5], decimal.Decimal(10), -1), (1, None))
        with self.assertRaises(ValueError):
            rounding.Policy("line:banker")

    def test_generated_taxes_follow_the_policies(self):
        """Both sides' tax of every code is what fractions give: legacy line half-even, cloud total floor; entity 20 total ceiling."""
        pairs = generate.Pairs(2000, 1, mapping.Mapping(), rounding.parse(
            "legacy=line:half_even,cloud=total:floor,cloud/20=total:ceiling"))
        modes = {"line": round, "total": lambda exact: exact.numerator // exact.denominator,
                 "20": lambda exact: -(-exact.numerator // exact.denominator)}
        seen = 0
        for legacy, clouds in pairs.each():
            for side, data in (("line", legacy), ("20" if legacy["entity"] == "20" else "total", clouds[0])):
                sign = -1 if data["type"] == "credit_memo" else 1
                for tax in data.get("tax_lines", ()):
                    exact = [sign * fractions.Fraction(fields.units(line["net"])) * fractions.Fraction(line["tax_rate"]) / 100
                             for line in data["lines"] if line["tax_code"] == tax["code"]]
                    exact = exact if side == "line" else [sum(exact)]
                    self.assertEqual(fields.units(tax["tax"]), sign * sum(map(modes[side], exact)), data["number"])
                    seen += 1
                if "tax_lines" in data:
                    self.assertEqual(sum(fields.units(tax["tax"]) for tax in data["tax_lines"]), fields.units(data["tax"]))
                    self.assertEqual(fields.units(data["net"]) + fields.units(data["tax"]), fields.units(data["gross"]))
        self.assertGreater(seen, 2000)


INVOICE = {"entity": "00001", "source_system": "jde", "type": "invoice", "number": "RI-7", "year": 2026, "legacy_type": "RI",
           "period": 9, "posting_date": "2026-09-30", "currency": "EUR", "user": "MK", "batch": "IB-1", "customer": "4003",
           "customer_mapped": "x", "terms": "N30", "control_account": "1.1210", "net": "10.05", "tax": "1.01", "gross": "11.06",
           "open": "11.06",
           "lines": [{"line": "001", "net": "10.05", "tax": "1.01", "gross": "11.06", "open": "11.06", "tax_code": "V10",
                      "tax_code_mapped": "x", "cost_centre": "50"}]}


class TranslationTest(unittest.TestCase):
    """One legacy document, and what the cloud books, by hand."""

    def test_an_invoice(self):
        """Mapped codes, own number, origin and reference; what is the ERP's own stays behind."""
        with tempfile.TemporaryDirectory() as directory:
            rules = mapping.Mapping(rule_files(directory, entity=["*,00001,DE01,,,"], customer=["00001,4003,C-4003,,,"],
                                               tax_code=["*,V10,A10,,,"], document_type=["*,*,INV,,,"], account=["*,9,9,,,"]))
            self.assertEqual(posting.translate(INVOICE, "INV-000001", rules), {
                "entity": "DE01", "source_system": "sample-cloud", "type": "invoice", "number": "INV-000001", "year": 2026,
                "legacy_type": "INV", "period": 9, "posting_date": "2026-09-30", "currency": "EUR", "reference": "RI-7",
                "origin": "00001/invoice/2026/RI-7", "customer": "C-4003", "terms": "N30", "net": "10.05", "tax": "1.01",
                "gross": "11.06", "open": "11.06",
                "lines": [{"line": "1", "net": "10.05", "tax": "1.01", "gross": "11.06", "open": "11.06", "tax_code": "A10",
                           "cost_centre": "50"}]})

    def test_tax_by_another_policy(self):
        """10.05 at 10 % is 1.005: half-even gives 1.00, and every sum follows; without a rate nothing changes."""
        data = planting.copy(INVOICE)
        self.assertEqual(posting.retax(data, rounding.Policy("line:half_even"), {"V10": decimal.Decimal(10)}), -1)
        line = data["lines"][0]
        self.assertEqual([data[name] for name in ("net", "tax", "gross", "open")], ["10.05", "1.00", "11.05", "11.05"])
        self.assertEqual([line[name] for name in ("net", "tax", "gross", "open")], ["10.05", "1.00", "11.05", "11.05"])
        data = planting.copy(INVOICE)
        self.assertEqual(posting.retax(data, rounding.Policy("line:half_even"), {}), 0)
        self.assertEqual(data, INVOICE)


class SheetTest(unittest.TestCase):
    """The CSV form."""

    def test_round_trip(self):
        """What is written is read again, with any text, in both forms; and by Python's own csv reader."""
        documents = [(generate.Source(2, {}).document(number), number % 3 == 0, number % 2 + 1) for number in range(60)]
        documents[0][0]["text"] = 'a "b", c\nd; é'
        documents[1][0]["lines"][0]["text"] = " , "
        for repeat in (True, False):
            file = io.StringIO(newline="")
            writer = sheet.Writer(file, repeat=repeat)
            for data, voided, revision in documents:
                writer.write(data, voided, revision)
            file.seek(0)
            self.assertEqual([one for one in sheet.read(file)], documents)

    def test_the_page_s_example(self):
        """docs/compare/csv.md shows one invoice of three lines and two tax lines."""
        with open(os.path.join(ROOT, "docs", "compare", "csv.md"), encoding="utf-8") as file:
            text = file.read().split("```\n")[1]
        (data, voided, revision), = sheet.read(io.StringIO(text))
        self.assertEqual((voided, revision, len(data["lines"]), len(data["tax_lines"])), (False, 1, 3, 2))
        self.assertEqual(sum(fields.units(line["net"]) for line in data["lines"]), fields.units(data["net"]))
        self.assertEqual(sum(fields.units(line["tax"]) for line in data["tax_lines"]), fields.units(data["tax"]))
        self.assertEqual((data["year"], data["period"], data["customer"]), (2026, 9, "C-4003"))

    def test_separator_mark_and_line_ends(self):
        """Semicolons, a byte order mark, CRLF, an empty line, no end."""
        text = "\ufeffentity;type;year;number;legal_name\r\n1;customer;0;7;\"a; b\"\r\n\r\n1;customer;0;8;c,d"
        self.assertEqual([data["legal_name"] for data, *_ in sheet.read(io.StringIO(text, newline=""))], ["a; b", "c,d"])

    def test_errors(self):
        """Each rule broken once, told with the line."""
        head = "entity,type,year,number,net,line.line,tax.code\n"
        for text, words in (("entity,type,year\n", "no column number"), ("entity,type,year,number,nett\n", "nett"),
                            ("entity,type,year,number,net,net\n", "net"), (head + "1,invoice,2026,7,1,1\n", "line 2: 6 fields"),
                            (head + "1,invoice,,7,1,1,\n", "line 2: no identity"), (head + "1,bill,2026,7,1,1,\n", "line 2.*bill"),
                            (head + "1,invoice,x,7,1,1,\n", "line 2: year"), (head + "1,journal,2026,7,1,1,\n", "journal has no net"),
                            (head + "1,journal,2026,7,,1,V\n", "journal has no tax.code"),
                            (head + "1,invoice,2026,7,1,1,\n1,invoice,2026,7,2,2,\n", "line 3: net is 2"),
                            (head + "1,invoice,2026,7,1,1,\n1,invoice,2026,8,1,1,\n1,invoice,2026,7,1,2,\n", "line 4.*two places")):
            with self.assertRaisesRegex(sheet.SheetError, words):
                list(sheet.read(io.StringIO(text)))


def sums(data):
    """What must agree between a legacy document (mapped) and what the cloud posted for it."""
    found = collections.Counter()
    for line in data.get("lines", ()):
        key = (line.get("account", ""), line.get("cost_centre", ""), line.get("tax_code", ""))
        value = fields.units(line.get("amount") or line.get("net"))
        found[(*key, "debit" if value > 0 else "credit")] += value
        found[(*key, "local")] += fields.units(line.get("amount_local") or line.get("net_local") or "0")
    for line in data.get("tax_lines", ()):
        found["tax", line["code"]] += fields.units(line["tax"])
    for line in data.get("applications", ()):
        found["application", line["invoice"]] += fields.units(line["amount"])
        found["application", line["invoice"], "local"] += fields.units(line.get("amount_local", "0"))
    for name in ("net", "tax", "gross", "amount"):
        found[name] += fields.units(data.get(name, "0"))
    return {key: value for key, value in found.items() if value}


def attributes(data):
    """Attributes that must agree."""
    return [data.get(name) for name in ("type", "entity", "year", "period", "posting_date", "currency", "customer", "payer",
                                        "legal_name", "tax_id", "country", "terms")]


def differing(legacy, clouds):
    """({legacy subjects that are not matched one to one}, {cloud subjects without origin}) of {subject: data} and [data]."""
    by_origin, alone = collections.defaultdict(list), set()
    for data in clouds:
        if "origin" not in data:
            alone.add(fields.subject_of(data))
        for subject in data.get("origin", "").split():
            by_origin[subject].append(data)
    wrong = set()
    for subject, data in legacy.items():
        found = by_origin[subject]
        if len(found) != 1 or sums(found[0]) != sums(data) or attributes(found[0]) != attributes(data):
            wrong.add(subject)
    return wrong, alone


class PlantTest(unittest.TestCase):
    """Exactly what the manifest says differs."""

    def generated(self, directory, *more, pairs=3000):
        names = {name: os.path.join(directory, name) for name in ("legacy.csv", "cloud.csv", "m.jsonl")}
        subprocess.run([TOOL, "generate", "--pairs", str(pairs), "--seed", "3", "--legacy", names["legacy.csv"], "--cloud",
                        names["cloud.csv"], "--manifest", names["m.jsonl"], *more], check=True, stdout=subprocess.PIPE)
        sides = []
        for name in ("legacy.csv", "cloud.csv"):
            with open(names[name], encoding="utf-8", newline="") as file:
                sides.append([data for data, *_ in sheet.read(file)])
        with open(names["m.jsonl"], encoding="utf-8") as file:
            return {fields.subject_of(data): data for data in sides[0]}, sides[1], [json.loads(line) for line in file]

    def judge(self, legacy, clouds, manifest, each):
        """Counts, no document twice, and the differences found are those planted."""
        subjects = [subject for line in manifest for subject in line["legacy"] + line.get("beside", [])]
        self.assertEqual(len(subjects), len(set(subjects)))
        counts = collections.Counter(line["kind"] for line in manifest)
        self.assertEqual({kind: counts[kind] for kind in planting.KINDS}, dict.fromkeys(planting.KINDS, each))
        wrong, alone = differing(legacy, clouds)
        self.assertEqual(wrong, {subject for line in manifest for subject in line["legacy"]})
        self.assertEqual(alone, {subject for line in manifest if line["kind"] == "missing_legacy" for subject in line["cloud"]})
        posted_subjects = [fields.subject_of(data) for data in clouds]
        self.assertEqual(len(posted_subjects), len(set(posted_subjects)))
        self.assertLessEqual({subject for line in manifest for subject in line["cloud"]}, set(posted_subjects))
        by_subject = {fields.subject_of(data): data for data in clouds}
        for line in manifest:
            before = sum(posting.total(legacy[subject]) for subject in line["legacy"])
            after = sum(posting.total(by_subject[subject]) for subject in line["cloud"])
            self.assertEqual(after - before, fields.units(line["delta"]), line)
            if line["kind"] in ("merged", "split"):
                self.assertEqual(after, before)

    def test_clean_sides_have_no_difference(self):
        """Not one without plants."""
        with tempfile.TemporaryDirectory() as directory:
            legacy, clouds, manifest = self.generated(directory)
            self.assertEqual((differing(legacy, clouds), manifest), ((set(), set()), []))
            self.assertEqual({data["type"] for data in clouds}, set(fields.TYPES) - {"usage"})
            self.assertEqual({data["currency"] for data in clouds}, {"EUR", "USD", "JPY", "KWD"})
            self.assertEqual(len({data["period"] for data in clouds if "period" in data}), 3)

    def test_generated_plants(self):
        """Three of every kind and one entity half-even: all are found, nothing else is; the same again with repeated headers."""
        plant = PLANT.replace("=2", "=3")
        with tempfile.TemporaryDirectory() as directory:
            first = self.generated(directory, "--plant", plant)
            self.judge(*first, 3)
            self.assertGreater(sum(line["kind"] == "half_even" for line in first[2]), 5)
            self.assertEqual(len({line["entity"] for line in first[2] if line["kind"] == "half_even"}), 1)
            self.assertEqual(self.generated(directory, "--plant", plant, "--repeat-header"), first)
            other = self.generated(directory, "--plant", plant.replace("seed=7", "seed=8"))
            self.assertNotEqual(other[2], first[2])

    def test_what_does_not_fit_is_said(self):
        """Twenty documents have one customer: of five plants of master data four are not planted."""
        with tempfile.TemporaryDirectory() as directory:
            _, _, manifest = self.generated(directory, "--plant", "seed=1,master_data=5", pairs=20)
            self.assertEqual([line.get("not_planted") for line in manifest], [None, 4])
            _, _, manifest = self.generated(directory, "--plant", "seed=1,half_even=4", pairs=20)
            rounded = {line["entity"] for line in manifest if "not_planted" not in line}
            self.assertEqual(4 - len(rounded), sum(line.get("not_planted", 0) for line in manifest))
        done = subprocess.run([TOOL, "generate", "--pairs", "1", "--legacy", "/dev/null", "--cloud", "/dev/null", "--plant", "late"],
                              stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--plant late", done.stderr)

    def test_posted_plants_do_not_depend_on_the_order_of_arrival(self):
        """The same documents in two orders: the same postings and manifest, exactly the planted differences."""
        found = []
        for order in (None, 11):
            with tempfile.TemporaryDirectory() as directory:
                cloud = Cloud(directory, 1000, order)
                cloud.posted.round(PLANT)
                legacy = {subject: data for data, _, _, subject in cloud.posted.legacy_documents()}
                found.append((legacy, [data for data, *_ in cloud.posted.documents()], cloud.posted.manifest()))
                self.assertEqual(cloud.posted.plan.missing(cloud.posted.manifest()), {})
        self.assertEqual(found[0], found[1])
        self.judge(*found[0], 2)

    @unittest.skipUnless(contract.INSTALLED, "node packages are not installed: tools/setup --test")
    def test_postings_are_valid_by_the_strict_schemas(self):
        """Every posting with a plant and some without, by the strict twins of the newest schemas."""
        with tempfile.TemporaryDirectory() as directory:
            cloud = Cloud(directory, 300)
            cloud.posted.round(PLANT)
            jobs = [(f"urn:twinpost:schema:{data['type']}:{posted.SCHEMA_VERSION}", True, data)
                    for data, *_ in cloud.posted.documents()]
            answer = contract.check(jobs)
            self.assertEqual([(job[2]["number"], errors) for job, errors in zip(jobs, answer["jobs"]) if errors], [])


class PostedTest(unittest.TestCase):
    """Revisions, the outbox, the ledger tables."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.cloud = Cloud(self.directory.name, 60)

    def tearDown(self):
        self.cloud.book.connection.close()
        self.directory.cleanup()

    def test_amended_and_voided(self):
        """The same subject with the next revision; what did not change is not posted again."""
        one = self.cloud.posted
        self.assertEqual(one.round(), 60)
        self.assertEqual(one.round(), 0)
        before = {subject: revision for _, _, revision, subject in one.documents()}
        self.cloud.send(0, 2, "amended", text="news")
        self.assertEqual(one.round(), 0)  # its text is no part of a posting
        self.cloud.send(0, 3, "amended", posting_date="2026-11-30")
        self.cloud.send(1, 2, "voided")
        self.assertEqual(one.round(), 2)
        after = {subject: (revision, voided) for _, voided, revision, subject in one.documents()}
        self.assertEqual(set(before), set(after))
        self.assertEqual(sorted(value for value in after.values() if value != (1, False)), [(2, False), (2, True)])

    def test_the_outbox_is_a_chain_without_gaps(self):
        """Sequences from 1 in each source, chain and id by the contract, also in a new process."""
        self.cloud.posted.round()
        self.cloud.send(1, 2, "voided")
        again = posted.Posted(self.cloud.book)
        again.round()
        heads, kinds = {}, set()
        for source, sequence, topic, payload in again.unsent():
            event = json.loads(payload)
            self.assertEqual(events.canonical(event), payload)
            last, chain = heads.get(source, (0, events.chain_start(source)))
            digest = events.hashlib.sha256(events.canonical(event["data"])).hexdigest()
            chain = events.chain_link(chain, events.leaf_hash(event, digest))
            self.assertEqual((sequence, event["sequence"], event["chainhash"]), (last + 1, f"{sequence:020d}", chain.hex()))
            self.assertEqual(event["id"], events.event_id(event["subject"], event["revision"], digest))
            self.assertRegex(source, r"^urn:cloud:sample:(10|20|30|40):[0-9]+$")
            self.assertEqual((topic, event["source"]), (f"dn/post/{source.split(':')[3]}", source))
            heads[source] = (sequence, chain)
            kinds.add(event["type"])
        self.assertEqual(sum(last for last, _ in heads.values()), 61)
        self.assertEqual(len([kind for kind in kinds if kind.endswith(".voided.v1")]), 1)

    def test_only_what_was_booked_is_posted(self):
        """With outcomes: no rejected document, and an amended one when its new revision is booked."""
        self.cloud.book.connection.executescript(posted.mail.SCHEMA)
        for number in range(20):
            self.cloud.book.run("INSERT INTO decisions(subject, revision, state) VALUES (?, 1, ?)",
                                generate.kind_and_subject(number)[3], "REJECTED" if number % 2 else "BOOKED")
        self.assertEqual(self.cloud.posted.round(), 10)

    def test_export_and_tables_say_the_same(self):
        """CSV and SQLite tables hold every posting; a later filling replaces what changed."""
        one, path = self.cloud.posted, os.path.join(self.directory.name, "ledger.db")
        one.round("seed=1,late=2,duplicate=1")
        count = len(list(one.documents()))
        self.assertEqual(warehouse.fill(f"sqlite:{path}", one.documents()), count)
        self.assertEqual(warehouse.fill(f"sqlite:{path}", one.documents()), 0)
        self.cloud.send(0, 2, "amended", posting_date="2026-11-30")
        one.round()
        self.assertEqual(warehouse.fill(f"sqlite:{path}", one.documents()), 1)
        csv_path = os.path.join(self.directory.name, "cloud.csv")
        subprocess.run([TOOL, "export", "--database", os.path.join(self.directory.name, "cloud.db"), "--output", csv_path], check=True)
        with open(csv_path, encoding="utf-8", newline="") as file:
            self.assertEqual([(data, voided, revision) for data, voided, revision in sheet.read(file)],
                             [(data, voided, revision) for data, voided, revision, _ in one.documents()])
        rows = sqlite3.connect(path).execute(
            "SELECT d.subject, d.document_type, (SELECT count(*) FROM cloud_lines l WHERE l.document_id = d.document_id), "
            "(SELECT group_concat(t.tax, ' ') FROM cloud_tax_lines t WHERE t.document_id = d.document_id), d.gross "
            "FROM cloud_documents d ORDER BY d.subject").fetchall()
        self.assertEqual(rows, [(subject, data["type"], len(data.get("lines") or data.get("applications") or ()),
                                 " ".join(line["tax"] for line in data.get("tax_lines", ())) or None, data.get("gross"))
                                for data, _, _, subject in one.documents()])

    def test_publishing_goes_on_after_a_restart(self):
        """Killed while it publishes and started again: every sequence arrives, in order of first arrival."""
        try:
            import paho.mqtt.client as mqtt
        except ImportError:
            self.skipTest("python3-paho-mqtt is not installed: tools/setup --demo")
        path = os.path.join(self.directory.name, "cloud.db")
        self.cloud.posted.round()
        self.cloud.book.connection.close()
        seen = collections.defaultdict(list)
        with servers.Mosquitto() as broker:
            client = mqtt.Client("agent", clean_session=False)
            client.on_message = lambda _client, _data, message: seen[message.topic].append(
                int(json.loads(message.payload)["sequence"]))
            client.connect("127.0.0.1", broker.port)
            client.subscribe("tp1/acme/gw1/dn/post/#", qos=1)
            client.loop_start()
            command = [TOOL, "post", "--database", path, "--tenant", "acme", "--gateway", "gw1", "--port", str(broker.port)]
            first = subprocess.Popen([*command, "--follow"], stdout=subprocess.DEVNULL)
            servers.wait_for("the first posting", lambda: seen)
            first.kill()
            first.wait()
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            self.assertIn("0 postings are not acknowledged", done.stdout)
            servers.wait_for("all postings", lambda: sum(len(set(found)) for found in seen.values()) == 60)
            for found in seen.values():
                self.assertEqual(sorted(set(found)), list(dict.fromkeys(found)))
            self.asked_again(client, command, seen)
            client.loop_stop()

    def asked_again(self, client, command, seen):
        """What a receipt of the agent says is missing goes out again."""
        topic, before = "tp1/acme/gw1/dn/post/10", {name: len(found) for name, found in seen.items()}
        follower = subprocess.Popen([*command, "--follow"], stdout=subprocess.DEVNULL)
        source = sqlite3.connect(command[3]).execute("SELECT source FROM outbox WHERE topic = 'dn/post/10'").fetchone()[0]
        receipt = {"command": "posting", "id": "x", "state": "done", "time": "2026-11-21T00:00:00.000Z", "result": {
            "source": source, "next": 9, "upto": 1, "missing": [{"from": 2, "to": 3}, {"from": 5, "to": 5}]}}

        def came():
            client.publish("tp1/acme/gw1/up/res", json.dumps(receipt), qos=1)
            return set(seen[topic][before[topic]:]) >= {2, 3, 5}
        servers.wait_for("what was missing", came, pause=0.2)
        follower.terminate()
        self.assertEqual(follower.wait(), 0)
        self.assertEqual(set(seen[topic][before[topic]:]), {2, 3, 5})
        self.assertEqual({name: len(found) for name, found in seen.items() if name != topic},
                         {name: count for name, count in before.items() if name != topic})


if __name__ == "__main__":
    unittest.main()
