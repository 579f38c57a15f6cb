"""test_usage_ways.py - usage three ways, from CSV files to usage.ndjson, run.json and the verdict.

Why:   between a document and a row stand mapping, sorting, scope and the ERP's lines; only a whole run shows them.
Rules: 1. Planted differences are worked out by hand; random windows are judged by ways(), which knows nothing of sorted
          merging: it looks at every day and every pair of windows.
       2. A partial run and a full one say the same.
Runs in: tools/test (unit).
"""

import collections
import csv
import datetime
import decimal
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build"))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"), os.path.join(ROOT, "tests", "unit")]

import test_report  # noqa: E402

COLUMNS = ("entity,type,year,number,source_system,period,posting_date,currency,customer,origin,meter,window_start,window_end,quantity,unit,"
           "record_count,service_start,service_end,terms,net,tax,gross,line.line,line.item,line.quantity,line.unit,line.net,"
           "line.revenue_start,line.revenue_end").split(",")
Entry = collections.namedtuple("Entry", "place entity customer meter start end quantity unit")
DAY = datetime.timedelta(days=1)


def day(text):
    """A date of 2026."""
    return datetime.date.fromisoformat(f"2026-{text}")


def document(number, kind, entity, posted, **more):
    """A row of a CSV file."""
    return {"entity": entity, "type": kind, "year": "2026", "number": str(number), "source_system": "x", "period": str(posted.month),
            "posting_date": str(posted), **{name.replace("line_", "line."): str(value) for name, value in more.items()}}


def usage(number, entry, **more):
    """A usage document."""
    return document(number, "usage", entry.entity, entry.end, customer=entry.customer, meter=entry.meter, window_start=entry.start,
                    window_end=entry.end, quantity=entry.quantity, unit=entry.unit, **more)


def invoice(number, entry, header=True, kind="invoice", posted=None):
    """An invoice of one line, with the service period in its header or its line."""
    period = {"service_start": entry.start, "service_end": entry.end} if header else \
             {"line_revenue_start": entry.start, "line_revenue_end": entry.end}
    return document(number, kind, entry.entity, posted or entry.end, customer=entry.customer, currency="EUR", terms="N30", net="0.00",
                    tax="0.00", gross="0.00", line_line="1", line_item=entry.meter, line_quantity=entry.quantity, line_unit=entry.unit,
                    line_net="0.00", **period)


def both(entries):
    """(legacy rows, cloud rows): sources and ERP on one side, billing with its origin on the other."""
    legacy, cloud, known = [], [], {}
    for number, entry in enumerate(entries, 1):
        if entry.place == "source":
            legacy.append(usage(f"U{number}", entry))
            known.setdefault(entry[1:6], f"{entry.entity}/usage/2026/U{number}")
    for number, entry in enumerate(entries, 1):
        if entry.place == "billing":
            cloud.append(usage(f"B{number}", entry, origin=known.get(entry[1:6], "")))
        elif entry.place == "erp":
            credit = entry.quantity < 0
            legacy.append(invoice(f"I{number}", entry._replace(quantity=abs(entry.quantity)), number % 2,
                                  "credit_memo" if credit else "invoice"))
    return legacy, cloud


def ways(entries):
    """What usage.ndjson should say of {(entity, customer, meter): entries}, by looking at every day and pair."""
    groups, rows = collections.defaultdict(list), []
    for entry in entries:
        groups[entry[1:4]].append(entry)
    for key, found in groups.items():
        days = {entry.start + DAY * n for entry in found for n in range((entry.end - entry.start).days + 1)}
        last = max(days)
        lost, at = [], min(days)
        while at <= last:
            if at not in days:
                if lost and lost[-1][1] == at - DAY:
                    lost[-1][1] = at
                else:
                    lost.append([at, at])
            at += DAY
        rows += [(*key, start, end, None, None, None, "gap") for start, end in lost]
        for start, end in {entry[4:6] for entry in found}:
            here = [entry for entry in found if entry[4:6] == (start, end)]
            each = {place: [entry for entry in here if entry.place == place] for place in ("source", "billing", "erp")}
            sums = {place: sum(entry.quantity for entry in some) if some else None for place, some in each.items()}
            twice = any(len(each[place]) > 1 for place in ("source", "billing")) or any(
                other.place == entry.place and other[4:6] < (start, end) and other.end >= start for entry in here for other in found)
            units = {entry.unit for entry in here}
            kind = ("overlap" if twice else "unit_differs" if len(units) > 1 else "missing_source" if not each["source"] else
                    "missing_billing" if not each["billing"] else "billing_differs" if sums["source"] != sums["billing"] else
                    "missing_erp" if not each["erp"] else "erp_differs" if sums["erp"] != sums["billing"] else "agree")
            if any(len({entry.unit for entry in some}) > 1 for some in each.values()):
                sums = None  # of several units: none is right
            rows.append((*key, start, end, *(sums[place] if sums else "?" for place in ("source", "billing", "erp")), kind))
    return sorted(rows, key=lambda row: row[:5])


def digest(row):
    """What docs/compare/result.md says of the digest of a row without several units at one place."""
    lines = [row["class"]]
    for place in ("source", "billing", "erp"):
        unit = row["units"].get(place, row["unit"])
        lines.append("-" if row[place] is None else f"{len(unit.encode())} {unit} {row[place]}")
    return hashlib.sha256("".join(line + "\n" for line in lines).encode()).hexdigest()


def taken(row):
    """A row that somebody has accepted."""
    return {**row, "state": "accepted", "accepted": {"at": "2026-12-01T10:00:00.000Z", "by": "anna <1>", "second": "bert", "reason": "a credit memo follows",
                                                     "status": row["class"]}}


class WaysTest(unittest.TestCase):
    """Runs of twinpost compare."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.count = 0

    def path(self, name):
        """A path of the test's folder."""
        return os.path.join(self.folder.name, name)

    def write(self, name, rows):
        """A CSV file."""
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return self.path(name)

    def compare(self, legacy, cloud, *options, at="2026-12-31"):
        """(rows of usage.ndjson, run.json)"""
        return self.judge(self.write("l.csv", legacy), self.write("c.csv", cloud), *options, at=at)

    def judge(self, legacy, cloud, *options, at="2026-12-31"):
        """The same of two files."""
        self.count += 1
        output = self.path(f"result-{self.count}")
        done = subprocess.run([os.path.join(BUILD, "twinpost"), "compare", "run", "--legacy", legacy, "--cloud", cloud, "--output",
                               output, "--at", at, *options], capture_output=True, text=True, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr + done.stdout)
        with open(os.path.join(output, "usage.ndjson"), encoding="utf-8") as file:
            text = file.read()
        with open(os.path.join(output, "run.json"), encoding="utf-8") as file:
            return [json.loads(line) for line in text.splitlines()], json.load(file)

    def plain(self, rows):
        """Rows as ways() has them."""
        number = lambda text: None if text is None else decimal.Decimal(text)  # noqa: E731
        date = datetime.date.fromisoformat
        return [(row["entity"], row["customer"], row["meter"], date(row["from"]), date(row["to"]),
                 *(number(row[place]) for place in ("source", "billing", "erp")), row["class"]) for row in rows]

    def test_planted(self):
        """Three customers and September, October: all agree but for a lost record, a window counted twice, a wrong unit, an
        invoice that was not written and one of 0.5 too much; and by one lost window of all three a gap."""
        months = ((day("09-01"), day("09-30")), (day("10-01"), day("10-31")), (day("11-01"), day("11-30")))
        entries = [Entry(place, "10", customer, "gb", *month, decimal.Decimal("100.25"), "GB")
                   for customer in ("C1", "C2", "C3") for month in months for place in ("source", "billing", "erp")]
        change = lambda at, **more: entries.__setitem__(at, entries[at]._replace(**more))  # noqa: E731
        change(1, quantity=decimal.Decimal("99.00"))  # C1, September, billing: a record of 1.25 is lost
        entries.append(entries[3])  # C1, October: the source has it twice
        change(7, unit="MB")  # C1, November, billing
        change(11, quantity=decimal.Decimal("100.75"))  # C2, September, ERP
        for lost in (21, 22, 23):  # C3, October, all
            entries[lost] = None
        entries[17] = None  # C2, November, ERP
        rows, run = self.compare(*both([entry for entry in entries if entry]))
        self.assertEqual([(row["customer"], row["from"][5:7], row["source"], row["billing"], row["erp"], row["unit"], row["class"])
                          for row in rows if row["class"] != "agree"],
                         [("C1", "09", "100.25", "99", "100.25", "GB", "billing_differs"),
                          ("C1", "10", "200.5", "100.25", "100.25", "GB", "overlap"),
                          ("C1", "11", "100.25", "100.25", "100.25", "", "unit_differs"),
                          ("C2", "09", "100.25", "100.25", "100.75", "GB", "erp_differs"),
                          ("C2", "11", "100.25", "100.25", None, "GB", "missing_erp"),
                          ("C3", "10", None, None, None, "", "gap")])
        self.assertEqual(rows[2]["units"], {"billing": "MB", "erp": "GB", "source": "GB"})
        self.assertEqual(run["usage"], {"classes": {"agree": 3, "billing_differs": 1, "erp_differs": 1, "gap": 1, "missing_erp": 1,
                                                    "overlap": 1, "unit_differs": 1}, "rows": 9, "waiting": 0,
                                        "open": 6, "accepted": 0})
        # Who has to look; what an exception is known by, and what a decision about it is of.
        self.assertEqual([(row["class"], row["owner"]) for row in rows if "owner" in row],
                         [("billing_differs", "mapping"), ("overlap", "technical"), ("unit_differs", "mapping"), ("erp_differs", "policy"),
                          ("missing_erp", "technical"), ("gap", "technical")])
        for row in rows:
            agrees = row["class"] == "agree"
            self.assertEqual([name in row for name in ("key", "digest", "owner", "state", "accepted")], [not agrees] * 4 + [False])
            if not agrees:
                self.assertEqual(row["key"], f"usage:10/{row['customer']}/gb/{row['from']}..{row['to']}:{row['to'][:7]}")
                self.assertEqual((row["digest"], row["state"]), (digest(row), "open"))
        if test_report.INSTALLED:
            self.assertEqual(test_report.judge([("usage", row) for row in [*rows, taken(rows[0])]] + [("run", run)]), [])
        self.assertEqual(run["verdict"]["name"], "breaks")
        self.assertIn("6 windows of usage do not agree three ways", run["verdict"]["why"])

    def test_what_is_not_due_waits(self):
        """An invoice has 31 days from the end of its window (a cut is the end of its day); then it is a break. Other usage is not asked for."""
        entry = Entry("source", "10", "C1", "gb", day("09-01"), day("09-30"), decimal.Decimal("1"), "GB")
        books = both([entry, entry._replace(place="billing")])
        for at, waiting, verdict in (("2026-10-30", 1, "reconciled_with_pending"), ("2026-10-31", 0, "breaks")):
            rows, run = self.compare(*books, at=at)
            self.assertEqual([(row["class"], row["waiting"]) for row in rows], [("missing_erp", bool(waiting))])
            self.assertEqual((run["usage"]["waiting"], run["verdict"]["name"]), (waiting, verdict))

    def test_report(self):
        """Where there is usage: a part of the page that begins with what does not agree, a sheet and a CSV file; a verdict that is
        better than its rows is not believed. Without usage there is nothing of it."""
        month = (day("09-01"), day("09-30"))
        entries = [Entry(place, "10", customer, "gb", *month, decimal.Decimal("12.5") + (place == "erp" and customer == "C2"), "GB")
                   for customer in ("C1", "C2") for place in ("source", "billing", "erp")]
        self.compare(*both(entries))
        page = self.report("result-1", "html", "page.html")
        part = page[page.index('<section id="usage"'):]
        self.assertLess(part.index("the ERP invoiced another quantity"), part.index("<td>agrees"))
        self.assertIn("of 2, <strong>1 do not agree</strong>, 0 are not yet due", part)
        self.report("result-1", "csv", "tables")
        with open(self.path("tables/usage.csv"), encoding="utf-8", newline="") as file:
            self.assertEqual([line[1:] for line in csv.reader(file)][1:],
                             [["C1", "gb", "2026-09-01", "2026-09-30", "GB", "12.5", "12.5", "12.5", "agree", "no", *[""] * 6],
                              ["C2", "gb", "2026-09-01", "2026-09-30", "GB", "12.5", "12.5", "13.5", "erp_differs", "no", "open", *[""] * 4,
                               "usage:10/C2/gb/2026-09-01..2026-09-30:2026-09"]])
        self.report("result-1", "xlsx", "book.xlsx")
        with zipfile.ZipFile(self.path("book.xlsx")) as book:
            self.assertIn(b'name="Usage"', book.read("xl/workbook.xml"))
        self.change("result-1", lambda run: run["verdict"].update(name="reconciled"))
        self.assertIn("but 1 windows of usage do not agree", self.report("result-1", "html", "green.html"))
        without = [entry for entry in entries if entry.place == "erp"]
        legacy, _ = both(without)
        self.compare(legacy, [{**row, "origin": f"10/invoice/2026/{row['number']}", "number": "C" + row["number"]} for row in legacy])
        self.assertNotIn("three ways", self.report("result-2", "html", "none.html"))
        self.report("result-2", "csv", "others")
        self.assertFalse(os.path.exists(self.path("others/usage.csv")))

    def usage_breaks_alone(self):
        """Rows and run.json of books whose documents agree; the ERP invoiced C2 one more than the others have."""
        month = (day("09-01"), day("09-30"))
        entries = [Entry(place, "10", customer, "gb", *month, decimal.Decimal(12 + (place == "erp" and customer == "C2")), "GB")
                   for customer in ("C1", "C2") for place in ("source", "billing", "erp")]
        legacy, cloud = both(entries)
        cloud += [{**row, "number": "C" + row["number"], "origin": f"10/invoice/2026/{row['number']}"} for row in legacy if row["type"] == "invoice"]
        return self.compare(legacy, cloud)

    def retell(self, folder, rows, change):
        """A result with other rows of usage, and another run.json, which names their digest."""
        path = os.path.join(self.path(folder), "usage.ndjson")
        text = "".join(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in rows).encode()
        with open(path, "wb") as file:
            file.write(text)

        def all_of_it(run):
            change(run)
            for file in run["files"]:
                if file["name"] == "usage.ndjson":
                    file.update(bytes=len(text), lines=len(rows), sha256=hashlib.sha256(text).hexdigest())
        self.change(folder, all_of_it)

    def test_first_page(self):
        """A window of usage alone is open: the first page says so, and does not say that nothing is."""
        rows, run = self.usage_breaks_alone()
        self.assertEqual((run["verdict"]["name"], run["totals"]["open"], run["usage"]["open"]), ("breaks", 0, 1))
        page = self.report("result-1", "html", "page.html")
        self.assertIn("do not agree yet: 1 window of usage is open.", page)
        self.assertIn("No document is open. Of the usage, 1 window does not agree three ways.", page)
        self.assertNotIn("Nothing is open", page)
        self.assertIn("1 open windows of usage: who has to look", page)
        self.assertIn("<td>open<br><span class=\"minor\">Controller</span></td>", page)
        self.assertIn("1 window of usage does not agree three ways", run["readiness"][0]["why"])
        self.assertFalse(run["readiness"][0]["ready"])

    def test_diff(self):
        """A window by its key; another key is told as not there."""
        rows, _ = self.usage_breaks_alone()
        twinpost = lambda *words: subprocess.run([os.path.join(BUILD, "twinpost"), "compare", "diff", self.path("result-1"), *words],  # noqa: E731
                                                 capture_output=True, text=True, check=False)
        done = twinpost(rows[1]["key"])
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in ("usage:10/C2/gb/2026-09-01..2026-09-30:2026-09", "  status                    erp_differs", "  metered                   12 GB",
                     "  invoiced by the ERP       13 GB"):
            self.assertIn(line + "\n", done.stdout)
        self.assertEqual(json.loads(twinpost(rows[1]["key"], "--json").stdout), rows[1])
        done = twinpost("usage:10/C1/gb/2026-09-01..2026-09-30:2026-09")
        self.assertEqual((done.returncode, done.stdout), (4, ""), done.stderr)
        self.assertIn("has no difference usage:10/C1/gb", done.stderr)

    def test_accepted(self):
        """An accepted window in report and pack: who, when and why; a verdict, a count or an acceptance that does not follow from the
        rows is not believed and not signed."""
        rows, _ = self.usage_breaks_alone()
        accepted = [rows[0], taken(rows[1])]
        warns = lambda run: (run["usage"].update(open=0, accepted=1), run["verdict"].update(  # noqa: E731
            name="reconciled_with_warnings", why=["1 usage window was accepted"]))
        self.keys()
        self.retell("result-1", accepted, warns)
        page = self.report("result-1", "html", "page.html")
        self.assertIn("Verdict: Reconciled with warnings", page)
        self.assertIn("<td>accepted: a credit memo follows<br><span class=\"minor\">anna &lt;1&gt; and bert, 1 December 2026, 10:00 UTC</span></td>", page)
        self.assertIn("0 are not yet due, 1 do not agree and were accepted", page)
        self.assertIn("1 windows of usage that do not agree were accepted", page)
        self.assertIn("Nothing is open.", page)
        self.assertEqual(self.sign("result-1", "good.pack"), (0, self.sign("result-1", "again.pack")[1].replace("again", "good")))
        self.assertEqual(self.script("good.pack")[0], 0)
        strip = lambda name: [rows[0], {**accepted[1], "accepted": {**accepted[1]["accepted"], name: ""}}]  # noqa: E731
        forged = (
            (accepted, lambda run: run["verdict"].update(name="reconciled"), "1 windows of usage do not agree and were accepted"),
            (accepted, lambda run: run["usage"].update(open=1), "open"),
            (accepted, lambda run: run["usage"].update(accepted=0), "accepted"),
            (rows, lambda run: None, "1 windows of usage do not agree"),
            (strip("by"), lambda run: None, "1 windows of usage do not agree"),
            (strip("at"), lambda run: None, "1 windows of usage do not agree"),
            (strip("reason"), lambda run: None, "1 windows of usage do not agree"),
            ([rows[0], {**rows[1], "state": "accepted"}], lambda run: None, "1 windows of usage do not agree"),
            ([rows[0], {**accepted[1], "state": "open"}], lambda run: None, "1 windows of usage do not agree"),
        )
        for number, (lines, change, why) in enumerate(forged):
            with self.subTest(number):
                self.retell("result-1", lines, lambda run: (warns(run), change(run)))
                self.assertIn("Verdict: Incomplete", self.report("result-1", "html", "page.html"))
                code, text = self.sign("result-1", f"bad-{number}.pack")
                self.assertEqual(code, 1)
                self.assertIn(why, text)

    def test_script(self):
        """The script of the pack's pages refuses a green verdict over usage that is open, and plain green over what was accepted."""
        rows, _ = self.usage_breaks_alone()
        self.keys()
        self.assertEqual(self.sign("result-1", "breaks.pack")[0], 0)
        self.assertEqual(self.script("breaks.pack")[0], 0)
        for number, (lines, name, why) in enumerate((
                (rows, "reconciled_with_warnings", "1 windows of usage do not agree"),
                ([rows[0], taken(rows[1])], "reconciled", "windows of usage do not agree and were accepted"))):
            place = self.path(f"forged-{number}.pack")
            shutil.copytree(self.path("breaks.pack"), place)
            with open(os.path.join(place, "usage.ndjson"), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(row, sort_keys=True, separators=(",", ":")) + "\n" for row in lines)
            self.change(place, lambda run, name=name: run["verdict"].update(name=name))
            code, text = self.script(os.path.basename(place))
            self.assertEqual(code, 1)
            self.assertIn(f"verdict {name} is REFUSED: {why}", text)

    def script(self, pack):
        """(exit status, what verify-pack.sh said)"""
        done = subprocess.run([os.path.join(ROOT, "docs", "compare", "verify", "verify-pack.sh"), self.path(pack), "--key", self.path("public.pem")],
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def keys(self):
        """A key to sign with, and its other half."""
        for words in (("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", self.path("key.pem")),
                      ("pkey", "-in", self.path("key.pem"), "-pubout", "-out", self.path("public.pem"))):
            subprocess.run(["openssl", *words], check=True, capture_output=True)

    def test_generated(self):
        """What the sample cloud makes of five customers: its three plants are found as what they are, and nothing else."""
        tool, names = os.path.join(ROOT, "tools", "sample-cloud"), [self.path(name) for name in ("l.csv", "c.csv", "m.jsonl")]
        subprocess.run([tool, "generate", "--pairs", "200", "--usage", "5", "--legacy", names[0], "--cloud", names[1], "--manifest",
                        names[2]], check=True, stdout=subprocess.PIPE)
        with open(names[2], encoding="utf-8") as file:
            manifest = [json.loads(line) for line in file]
        self.assertEqual([line["kind"] for line in manifest], ["double_counted", "lost_record", "wrong_unit"])
        rows, run = self.judge(names[0], names[1])
        self.assertEqual(sorted((row["customer"], row["meter"], row["from"], row["to"], row["class"]) for row in rows if row["class"] != "agree"),
                         sorted((line["customer"], line["meter"], line["from"], line["to"], line["class"]) for line in manifest))
        self.assertEqual((len(rows), run["usage"]["classes"]["agree"]), (15, 12))
        with open(os.path.join(self.path(f"result-{self.count}"), "differences.ndjson"), encoding="utf-8") as file:
            found = [json.loads(line) for line in file]
        self.assertEqual(sorted((line["legacy"]["subject"], line["status"], line["cause"]) for line in found),
                         sorted((line["legacy"][0], line["status"], line["cause"]) for line in manifest))

    def test_pack(self):
        """A pack takes usage.ndjson along, and finds a changed one; a verdict that is better than its rows is not signed."""
        month = (day("09-01"), day("09-30"))
        entries = [Entry(place, "10", "C1", "gb", *month, decimal.Decimal(12 + (place == "erp")), "GB")
                   for place in ("source", "billing", "erp")]
        legacy, cloud = both(entries)
        cloud.append({**legacy[-1], "number": "C1", "origin": f"10/invoice/2026/{legacy[-1]['number']}"})
        _, run = self.compare(legacy, cloud)
        self.assertEqual((run["verdict"]["name"], run["totals"]["open"]), ("breaks", 0))
        self.keys()
        self.assertEqual(self.sign("result-1", "good.pack")[0], 0)
        verify = [os.path.join(BUILD, "twinpost"), "compare", "verify", self.path("good.pack"), "--key", self.path("public.pem")]
        self.assertEqual(subprocess.run(verify, capture_output=True, check=False).returncode, 0)
        with open(self.path("good.pack/usage.ndjson"), "a", encoding="utf-8") as file:
            file.write("{}\n")
        done = subprocess.run(verify, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("usage.ndjson", done.stdout + done.stderr)
        self.change("result-1", lambda run: run["verdict"].update(name="reconciled"))
        code, text = self.sign("result-1", "green.pack")
        self.assertEqual(code, 1)
        self.assertIn("1 windows of usage do not agree; it can be no better than breaks", text)

    def sign(self, folder, pack):
        """(exit status, what was said)"""
        done = subprocess.run([os.path.join(BUILD, "twinpost"), "compare", "sign", self.path(folder), "--key", self.path("key.pem"), "--name",
                               "acme/box", "--output", self.path(pack)], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def report(self, folder, form, name):
        """The text of a report, where it is text."""
        done = subprocess.run([os.path.join(BUILD, "twinpost"), "compare", "report", self.path(folder), "--format", form, "--output",
                               self.path(name)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        if form != "html":
            return ""
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def change(self, folder, change):
        """Another run.json."""
        path = os.path.join(self.path(folder), "run.json")
        with open(path, encoding="utf-8") as file:
            run = json.load(file)
        change(run)
        with open(path, "w", encoding="utf-8") as file:
            file.write(json.dumps(run, sort_keys=True, separators=(",", ":")) + "\n")

    def test_arrears(self):
        """September is invoiced in October: in the scope of September it agrees, October has nothing; other items and voided
        invoices do not count."""
        entry = Entry("source", "10", "C1", "gb", day("09-01"), day("09-30"), decimal.Decimal("1"), "GB")
        legacy, cloud = both([entry, entry._replace(place="billing")])
        legacy += [invoice("I1", entry, posted=day("10-05")), invoice("I2", entry._replace(meter="fee"), posted=day("10-05"))]
        for scope in ((), ("--from", "2026-09", "--to", "2026-09")):
            rows, _ = self.compare(legacy, cloud, *scope)
            self.assertEqual([row["class"] for row in rows], ["agree"])
        rows, run = self.compare(legacy, cloud, "--from", "2026-10", "--to", "2026-10")
        self.assertEqual(rows, [])

    def test_random_windows(self):
        """Windows of one to ten days in two months, quantities and units off at times, at all three places."""
        seen = collections.Counter()
        for seed in range(25):
            draw = random.Random(seed)
            entries = []
            for customer in ("C1", "C2"):
                for meter in ("gb", "sms"):
                    at = day("09-01") + DAY * draw.randint(0, 5)
                    for _ in range(draw.randint(1, 7)):
                        end = at + DAY * draw.randint(0, 9)
                        value = decimal.Decimal(draw.randint(0, 300)).scaleb(-draw.randint(0, 2))
                        for place in ("source", "billing", "erp"):
                            if draw.random() < 0.12:
                                continue
                            own = value + (draw.choice((1, -1)) if draw.random() < 0.1 else 0)
                            unit = "MB" if draw.random() < 0.05 else "GB"
                            if place == "erp" and draw.random() < 0.3 and own > 1:
                                entries += [Entry(place, "10", customer, meter, at, end, part, unit) for part in (own + 1, decimal.Decimal(-1))]
                            else:
                                own = abs(own) if place == "erp" else own
                                entries += [Entry(place, "10", customer, meter, at, end, own, unit)] * (2 if draw.random() < 0.03 else 1)
                        at = draw.choice((end + DAY, end + DAY, end + DAY, end + 3 * DAY, end, at))
            meters = {entry[1:4:2] for entry in entries if entry.place != "erp"}
            expected = ways([entry for entry in entries if entry[1:4:2] in meters])
            legacy, cloud = both(entries)
            if not legacy or not cloud:
                continue
            rows, run = self.compare(legacy, cloud)
            full, _ = self.compare(legacy, cloud, "--full")
            self.assertEqual(rows, full)
            got = [tuple("?" if want == "?" else have for want, have in zip(right, row)) for right, row in zip(expected, self.plain(rows))]
            self.assertEqual((got, len(rows)), (expected, len(expected)), f"seed {seed}")
            seen.update(row["class"] for row in rows)
            self.assertEqual(run["usage"]["classes"], dict(collections.Counter(row["class"] for row in rows)))
        self.assertEqual(len(seen), 9, seen)


if __name__ == "__main__":
    unittest.main()
