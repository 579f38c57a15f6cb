#!/usr/bin/env python3
"""test_report_formats - workbook, CSV and JSON of a result, hostile and damaged results, large and empty ones.

What is shown: each file is read back by another program's reader (openpyxl, csv, json) and compared cell by cell with the result; the
same result gives the same bytes at another time and place; nothing that an ERP holds becomes mark-up, a script or a formula; what is
damaged gives no report; 100,000 differences need hardly more memory than 60.
"""
import csv
import datetime
import io
import json
import os
import shutil
import stat
import subprocess
import sys
import zipfile
from decimal import Decimal

import html5lib
import make_compare_sample
import openpyxl
from report_case import SAMPLE, TWINPOST, ReportCase, plain, read

FORMATS = ("html", "xlsx", "csv", "csv-bom", "json")
# A spreadsheet runs what begins with one of these.
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def content(path):
    """Bytes of a file, or of each file of a folder."""
    if os.path.isdir(path):
        return {name: content(os.path.join(path, name)) for name in sorted(os.listdir(path))}
    with open(path, "rb") as file:
        return file.read()


def csv_rows(folder, name):
    with open(os.path.join(folder, name + ".csv"), encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


def workbook(path, **options):
    """openpyxl wants a name with its ending, or a file."""
    with open(path, "rb") as file:
        return openpyxl.load_workbook(io.BytesIO(file.read()), **options)


class WorkbookTest(ReportCase):
    def check_number(self, cell, amount, digits):
        self.assertEqual((cell.value, cell.data_type), (float(amount), "n"), cell.coordinate)
        places = "." + "0" * digits if digits else ""
        self.assertEqual(cell.number_format, f"#,##0{places};[Red]-#,##0{places}", cell.coordinate)

    def sheet_rows(self, book, name):
        sheet = book[name]
        heads = [cell.value for cell in sheet[1]]
        return [dict(zip(heads, row)) for row in sheet.iter_rows(min_row=2)]

    def test_cells(self):
        run, tables = read(SAMPLE)
        book = workbook(self.report(SAMPLE, "xlsx"))
        self.assertEqual(book.sheetnames, ["Summary", "Completeness", "Bridge", "Trial balances", "Tax", "Differences", "Causes", "Accepted",
                                           "Days", "Readiness"])
        digits = make_compare_sample.DIGITS
        found = self.sheet_rows(book, "Trial balances")
        self.assertEqual(len(found), len(tables["balances"]))
        for row, line in zip(found, tables["balances"]):
            self.assertEqual([row[head].value for head in ("Company", "Account, cloud", "Account, ERP", "Currency", "Period")],
                             [line[name] for name in ("entity", "account", "account_legacy", "currency", "period")])
            for head, side in (("ERP", "legacy"), ("Cloud", "cloud")):
                for part in ("debit", "credit", "balance"):
                    self.check_number(row[f"{head} {part}"], line[side][part], digits[line["currency"]])
                self.assertEqual(row[f"{head} lines"].value, line[side]["lines"])
            for name in ("difference", "explained", "unexplained"):
                self.check_number(row[name.capitalize()], line[name], digits[line["currency"]])
        found = self.sheet_rows(book, "Differences")
        self.assertEqual(len(found), len(tables["differences"]))
        for row, line in zip(found, tables["differences"]):
            self.assertEqual([row[head].value for head in ("Company", "Status", "State", "Cause", "Currency", "Key", "Age in days")],
                             [line[name] for name in ("entity", "status", "state", "cause", "currency", "key", "age_days")])
            for head, side in (("ERP", "legacy"), ("Cloud", "cloud")):
                if not line[side]:
                    self.assertEqual([row[f"{head} {part}"].value for part in ("number", "date", "amount")], [None, None, None])
                    continue
                self.assertEqual(row[f"{head} number"].value, line[side]["number"])
                date = row[f"{head} date"]
                self.assertEqual((date.value, date.number_format),
                                 (datetime.datetime.fromisoformat(line[side]["posting_date"]), "yyyy-mm-dd"))
                self.check_number(row[f"{head} amount"], line[side]["total"], digits[line["currency"]])
            for name in ("gross", "net"):
                self.check_number(row[name.capitalize()], line[name], digits[line["currency"]])
        self.assertEqual([row["Difference of tax"].value for row in self.sheet_rows(book, "Tax")],
                         [float(line["difference"]) for line in tables["tax"]])
        self.assertEqual([[row["Read from the ERP"].value, row["Booked"].value] for row in self.sheet_rows(book, "Completeness")],
                         [[line["extracted"], line["booked"]] for line in run["waterfall"]])
        self.assertEqual([(row["Cause"].value, row["Open"].value, row["Of all"].value) for row in self.sheet_rows(book, "Causes")],
                         [(line["cause"], line["count"], float(line["share_count"])) for line in run["causes"]])
        accepted = [line["accepted"] for line in tables["differences"] if "accepted" in line]
        self.assertEqual([(row["By"].value, row["Second person"].value, row["When"].value) for row in self.sheet_rows(book, "Accepted")],
                         [(entry["by"], entry["second"], datetime.datetime.fromisoformat(entry["at"][:19])) for entry in accepted])
        self.assertEqual([row["Date"].value for row in self.sheet_rows(book, "Days")],
                         [datetime.datetime.fromisoformat(line["date"]) for line in run["days"]])

    def test_layout(self):
        """Heads stay in sight and filter; columns are wide enough; created at the cut; no formula anywhere."""
        book = workbook(self.report(SAMPLE, "xlsx"))
        for sheet in book.worksheets:
            self.assertEqual(sheet.freeze_panes, "A2", sheet.title)
            self.assertEqual(sheet.page_setup.orientation, "landscape")
            if sheet.title != "Summary":
                self.assertEqual(sheet.auto_filter.ref, sheet.dimensions, sheet.title)
            for column in sheet.column_dimensions.values():
                self.assertGreaterEqual(column.width, 8)
            for row in sheet.iter_rows():
                self.assertEqual([cell.coordinate for cell in row if cell.data_type == "f"], [])
        self.assertEqual(book.properties.created, datetime.datetime(2026, 11, 21, 16, 8, 27))
        summary = {row[0].value: row[1].value for row in book["Summary"].iter_rows(min_row=2)}
        self.assertEqual((summary["Verdict"], summary["Open"], summary["Cut (UTC)"]),
                         ("Breaks", 54, datetime.datetime(2026, 11, 21, 16, 8, 27)))

    def test_more_digits_than_a_double(self):
        """A double holds 15 decimal digits (IEEE 754, binary64): what has more stands exactly in a text behind."""
        large = "90071992547409.93"  # 2^53 + 1 in cents: no double is this number
        debit = "123456789012345678"

        def change(run, tables):
            tables["balances"][0]["legacy"]["debit"] = large
            tables["balances"][30]["legacy"]["debit"] = debit

        book = workbook(self.report(self.changed(change), "xlsx"))
        rows = self.sheet_rows(book, "Trial balances")
        exact = "Exact, where over 15 digits"
        self.assertEqual([row[exact].value for row in rows if row[exact].value], [f"ERP debit {large}", f"ERP debit {debit}"])
        self.assertEqual((rows[0]["ERP debit"].value, rows[0]["ERP debit"].data_type), (float(large), "n"))


class TextTest(ReportCase):
    def test_csv(self):
        run, tables = read(SAMPLE)
        folder = self.report(SAMPLE, "csv")
        self.assertEqual(sorted(os.listdir(folder)), sorted(
            name + ".csv" for name in ("summary", "waterfall", "bridge", "balances", "tax", "differences", "causes", "accepted", "days",
                                       "readiness", "documents")))
        for name in os.listdir(folder):
            data = content(os.path.join(folder, name))
            self.assertTrue(data.endswith(b"\r\n") and data.count(b"\n") == data.count(b"\r\n"), name)
            self.assertEqual(len({len(row) for row in csv_rows(folder, name[:-4])}), 1, name)
        found = csv_rows(folder, "balances")
        self.assertEqual(found[0][:5], ["Company", "Account, cloud", "Account, ERP", "Currency", "Period"])
        self.assertEqual(found[1:], [[line["entity"], line["account"], line["account_legacy"], line["currency"], line["period"],
                                      *(str(line[side][part]) for side in ("legacy", "cloud")
                                        for part in ("lines", "debit", "credit", "balance")),
                                      line["difference"], line["explained"], line["unexplained"]] for line in tables["balances"]])
        found = [dict(zip(csv_rows(folder, "differences")[0], row)) for row in csv_rows(folder, "differences")[1:]]
        self.assertEqual([(row["Key"], row["Gross"], row["Net"], row["ERP number"], row["Cloud amount"]) for row in found],
                         [(line["key"], line["gross"], line["net"], (line["legacy"] or {}).get("number", ""),
                           (line["cloud"] or {}).get("total", "")) for line in tables["differences"]])
        self.assertEqual(csv_rows(folder, "documents")[1:],
                         [[line["side"], line["subject"], line["status"], line["pair"] or "", line["digest"]] for line in tables["documents"]])
        self.assertEqual(len(csv_rows(folder, "days")), len(run["days"]) + 1)

    def test_byte_order_mark(self):
        bare, marked = content(self.report(SAMPLE, "csv")), content(self.report(SAMPLE, "csv-bom", "marked"))
        self.assertEqual(marked, {name: b"\xef\xbb\xbf" + data for name, data in bare.items()})

    def test_json(self):
        run, tables = read(SAMPLE)
        text = content(self.report(SAMPLE, "json")).decode()
        self.assertEqual(json.loads(text), {"format": 1, "run": run, **tables})
        # Canonical, as the files it is made of.
        self.assertEqual(text, make_compare_sample.canonical({"format": 1, "run": run, **tables}) + "\n")


class AnyFormatTest(ReportCase):
    def test_same_bytes(self):
        """Another day, time zone, language and folder, the same bytes."""
        other = self.path("elsewhere")
        shutil.copytree(SAMPLE, other)
        for report_format in FORMATS:
            first = content(self.report(SAMPLE, report_format, "first-" + report_format))
            second = self.path("second-" + report_format)
            command = [TWINPOST, "compare", "report", other, "--format", report_format, "--output", second]
            if shutil.which("faketime"):
                command = ["faketime", "-f", "+400d", *command]
            subprocess.run(command, check=True, timeout=120, env={**os.environ, "TZ": "Asia/Tokyo", "LC_ALL": "de_DE.UTF-8"})
            self.assertEqual(first, content(second), report_format)

    HOSTILE = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', "&lt;b&amp;", "=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)",
               "\t=1", "line\nfeed,\r\"quoted\"", "\u202egnidaer", "bell\u0007\u0001\u007f\u0085", "]]>", "</table></style>", "%s%n%x", "名前 é 🙂",
               "n" * 10000]

    def hostile(self):
        def change(run, tables):
            self.assertLessEqual(len(self.HOSTILE), len(tables["differences"]))
            for line, text in zip([line for line in tables["differences"] if line["legacy"]], self.HOSTILE):
                line["legacy"]["number"] = text
                line["cause_text"] = line["entity"] = line["key"] = text
                line["state"] = line["state"] if line["state"] == "accepted" else text
            run["verdict"]["why"] = run["scope"]["entities"] = list(self.HOSTILE)
            run["causes"][0].update(cause=self.HOSTILE[0], text=self.HOSTILE[1], entities=self.HOSTILE)
            run["id"], run["rules"]["version"] = self.HOSTILE[2], self.HOSTILE[3]
            run["readiness"][0]["untested"] = run["readiness"][0]["why"] = list(self.HOSTILE)
            for line, text in zip([line for line in tables["differences"] if line["state"] == "accepted"], self.HOSTILE):
                line["accepted"]["reason"] = line["accepted"]["by"] = text
        return self.changed(change)

    def test_hostile_page(self):
        result = self.hostile()
        markup = self.html(result)
        page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(markup)
        self.assertEqual(len(list(page.iter("script"))), 1)
        self.assertEqual(len(list(page.iter("img"))), 0)
        self.assertEqual([name for element in page.iter() for name in element.attrib if name.startswith("on")], [])
        self.assertNotRegex(markup, "[\x01-\x08\x0b-\x1f\x7f\u0080-\u009f\u202e]")
        text = plain(markup)
        for shown in ("<script>alert(1)</script>", "&lt;b&amp;", "=cmd|' /C calc'!A0", "\ufffdgnidaer", "%s%n%x", "名前 é 🙂", "n" * 120 + "…"):
            self.assertIn(shown, text)
        self.assertNotIn("n" * 121, text)

    def test_hostile_workbook(self):
        book = workbook(self.report(self.hostile(), "xlsx"))
        values = []
        for sheet in book.worksheets:
            for row in sheet.iter_rows():
                self.assertEqual([cell.coordinate for cell in row if cell.data_type == "f"], [])
                values += [cell.value for cell in row if cell.data_type in ("s", "inlineStr")]
        for text in ("=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(1)", "\ufffd=1", "n" * 10000, "bell\ufffd\ufffd\ufffd\ufffd"):
            self.assertIn(text, values)

    def test_hostile_csv(self):
        """A text that would be run has an apostrophe in front; a negative amount has none."""
        folder = self.report(self.hostile(), "csv")
        for name in os.listdir(folder):
            for row in csv_rows(folder, name[:-4]):
                for cell in row:
                    if cell.startswith(FORMULA_STARTS):
                        self.assertRegex(cell, r"^-[0-9]+(\.[0-9]+)?$", name)
        rows = csv_rows(folder, "differences")
        numbers = [row[rows[0].index("ERP number")] for row in rows]
        for text in ("'=cmd|' /C calc'!A0", "'+1+1", "'-2+3", "'@SUM(1)", "line\ufffdfeed,\ufffd\"quoted\"", "n" * 10000):
            self.assertIn(text, numbers)

    def test_hostile_json(self):
        result = self.hostile()
        run, tables = read(result)
        self.assertEqual(json.loads(content(self.report(result, "json"))), {"format": 1, "run": run, **tables})

    def test_empty(self):
        """Nothing on either side is a result too."""
        def change(run, tables):
            for lines in tables.values():
                lines.clear()
            for name in ("ages", "bridge", "causes", "counts", "days", "histogram", "incomplete", "not_compared", "policies", "readiness"):
                run[name] = []
            run["coverage"]["strata"] = []
            run["accepted"]["count"] = 0
            run["totals"] = {"legacy": 0, "cloud": 0, "pairs": 0, "open": 0, "gross": [], "net": []}
            run["waterfall"] = [{name: 0 if name != "entity" else "" for name in run["waterfall"][0]}]
            run["verdict"] = {"name": "reconciled", "why": []}

        result = self.changed(change)
        markup = self.html(result)
        html5lib.HTMLParser(strict=True).parse(markup)
        self.assertIn("The two ledgers agree, document by document.", plain(markup))
        self.assertEqual(workbook(self.report(result, "xlsx", "book"))["Differences"].max_row, 1)
        self.assertEqual(len(csv_rows(self.report(result, "csv", "folder"), "differences")), 1)
        self.assertEqual(json.loads(content(self.report(result, "json", "text")))["differences"], [])


class DamagedTest(ReportCase):
    def refused(self, result, *sentences, status=1):
        """No format gives a report, and standard error says why and what to do."""
        for report_format in FORMATS:
            path = self.path("refused-" + report_format)
            code, out, err = self.run_cli(result, "--format", report_format, "--output", path)
            self.assertEqual((code, out), (status, ""), err)
            for sentence in sentences:
                self.assertIn(sentence, err)
            left = [name for name in os.listdir(self.folder) if name.startswith("refused-") and not os.path.isdir(self.path(name))]
            self.assertEqual(left, [])

    def damaged(self, name, damage):
        folder = self.path("damaged")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(SAMPLE, folder)
        path = os.path.join(folder, name)
        data = damage(content(path))
        os.remove(path)
        if data is not None:
            with open(path, "wb") as file:
                file.write(data)
        return folder

    def test_tables(self):
        for name in ("balances", "tax", "differences", "documents"):
            file = name + ".ndjson"
            lines = len(content(os.path.join(SAMPLE, file)).splitlines())
            for damage, sentence in (
                    (lambda data: None, f"{file} cannot be read"),
                    (lambda data: b"", f"{file} has 0 lines, run.json says {lines}"),
                    (lambda data: data[:data.rindex(b"\n", 0, -1) + 1], f"{file} has {lines - 1} lines, run.json says {lines}"),
                    (lambda data: data[:-1], f"{file}:{lines}: the line is cut short"),
                    (lambda data: data[:-40] + b"\n", f"{file}:{lines}: this is no JSON object"),
                    (lambda data: b"[]\n" + data, f"{file}:1: this is no JSON object"),
                    (lambda data: data.replace(b"00001", b"00009", 1), f"{file} was changed: its SHA-256 is not that of run.json")):
                with self.subTest(f"{name}: {sentence}"):
                    self.refused(self.damaged(file, damage), sentence, "twinpost compare run")

    def test_run(self):
        self.refused(self.damaged("run.json", lambda data: None), "holds no run.json", "not finished", status=4)
        self.refused(self.damaged("run.json", lambda data: data[:1000]), "run.json is no JSON object")
        self.refused(self.damaged("run.json", lambda data: data.replace(b'"format":1', b'"format":2')), "is not of format 1")
        self.refused(self.damaged("run.json", lambda data: data.replace(b'"totals"', b'"total"')), "run.json has no totals")
        self.refused(self.damaged("run.json", lambda data: data.replace(b'"tax.ndjson"', b'"fax.ndjson"')), "does not name tax.ndjson")
        self.refused(self.path("nowhere"), "there is no result", status=4)

    def test_amounts(self):
        for table, place in (("differences", ("gross",)), ("differences", ("net",)), ("balances", ("cloud", "debit")), ("tax", ("rate",))):
            def change(run, tables):
                line = tables[table][2]
                for step in place[:-1]:
                    line = line[step]
                line[place[-1]] = "12,50"
            with self.subTest(f"{table} {place}"):
                self.refused(self.changed(change), f'{table}.ndjson:3: "12,50" is no amount')

    def test_command_line(self):
        self.assertEqual(self.run_cli(SAMPLE)[0], 2)
        code, _, err = self.run_cli(SAMPLE, "--format", "pdf", "--output", self.path("x"))
        self.assertEqual(code, 2)
        self.assertIn('there is no format "pdf"', err)
        code, _, err = self.run_cli(SAMPLE, "--format", "html", "--output", self.path("no/such/place"))
        self.assertEqual(code, 1)
        self.assertIn("cannot be written: No such file or directory", err)
        with open(self.path("old"), "w", encoding="utf-8") as file:
            file.write("old")
        self.report(SAMPLE, "html", "old")
        self.assertTrue(content(self.path("old")).startswith(b"<!DOCTYPE html>"))

    def test_no_file(self):
        """What is no file, such as a device, is not replaced by a report."""
        for report_format in ("html", "xlsx", "json"):
            path = self.path("pipe-" + report_format)
            os.mkfifo(path)
            code, out, err = self.run_cli(SAMPLE, "--format", report_format, "--output", path)
            self.assertEqual((code, out), (1, ""), err)
            self.assertIn(f"{path} is not a file; choose another --output", err)
            self.assertTrue(stat.S_ISFIFO(os.stat(path).st_mode))

    def test_full_disk(self):
        """/dev/full takes nothing: no report, and a sentence."""
        for report_format in ("html", "json", "xlsx"):
            path = self.path("full-" + report_format)
            os.symlink("/dev/full", path + ".new")
            code, _, err = self.run_cli(SAMPLE, "--format", report_format, "--output", path)
            self.assertEqual(code, 1, report_format)
            self.assertIn("cannot be written", err)
            self.assertFalse(os.path.lexists(path))
            self.assertFalse(os.path.lexists(path + ".new"))


class LargeTest(ReportCase):
    COUNT = 100000

    def large(self):
        """The sample with 100,000 open differences; each 1,000th is larger than all before it."""
        run, tables = read(SAMPLE)
        template = next(line for line in tables["differences"] if line["cause"] == "rounding" and line["currency"] == "EUR")
        template = {**template, "state": "open", "status": "different", "gross": "GROSS", "net": "GROSS", "key": "KEY"}
        template.pop("accepted", None)
        text = make_compare_sample.canonical({**template, "legacy": {**template["legacy"], "number": "KEY"}})

        def gross(number):
            return Decimal(number) if number % 1000 == 0 else Decimal("0.01")

        def lines():
            for number in range(1, self.COUNT + 1):
                yield text.replace("GROSS", f"{gross(number):.2f}").replace("KEY", f"RI-{number:06}")

        total = sum(gross(number) for number in range(1, self.COUNT + 1))
        sums = [{"currency": "EUR", "difference": f"{total:.2f}"}]
        run["totals"].update(open=self.COUNT, gross=sums, net=sums)
        run["accepted"]["count"] = 0
        folder = self.path("large")
        make_compare_sample.write(folder, {**tables, "differences": lines()}, lambda files: {**run, "files": files})
        return folder

    def memory(self, result, report_format, name):
        """The most memory in KiB that the program held at once, asked by a process of its own."""
        script = ("import resource,subprocess,sys; subprocess.run(sys.argv[1:], check=True); "
                  "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        done = subprocess.run([sys.executable, "-c", script, TWINPOST, "compare", "report", result, "--format", report_format, "--output",
                               self.path(name)], capture_output=True, text=True, check=True, timeout=600)
        return int(done.stdout)

    def test_memory_and_rows(self):
        large = self.large()
        for report_format in FORMATS:
            small_kib = self.memory(SAMPLE, report_format, "small-" + report_format)
            large_kib = self.memory(large, report_format, "large-" + report_format)
            # 100,000 lines are 70 MB: 16 MiB for buffers is far less, and far more than the 500 rows of a page need.
            self.assertLess(large_kib, small_kib + 16 * 1024, report_format)
        with open(self.path("large-html"), encoding="utf-8") as file:
            text = plain(file.read())
        self.assertIn("Verdict: Breaks", text)
        self.assertIn("500 of 100,000 open differences are shown here, the largest of each currency. 99,500 more are in the workbook (XLSX) "
                      "and in differences.csv.", text)
        # The hundred large ones from the largest down, then those of a cent in the order of the table.
        begin = text.index("Open differences in EUR (100,000)")
        expected = [f"RI-{number:06}" for number in (*range(100000, 0, -1000), 1, 2, 3)]
        places = [text.index(number + " ", begin) for number in expected]
        self.assertEqual(places, sorted(places))
        with zipfile.ZipFile(self.path("large-xlsx")) as archive:
            sheets = [archive.read(name).count(b"<row ") for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        self.assertEqual(max(sheets), self.COUNT + 1)
        self.assertEqual(len(csv_rows(self.path("large-csv"), "differences")), self.COUNT + 1)
