#!/usr/bin/env python3
"""test_report - the sample result and the HTML report: what it says is what the result says, and everyone can read it.

What is shown: the sample is what its script makes, keeps its schemas and adds up; the page is well-formed for a strict parser
(html5lib), holds together for those who do not see it (headings, captions, scopes, names of pictures, contrast by WCAG 2.1), loads
nothing, and its figures are those of the result; a result at odds with itself is never shown as good; results of real runs keep the schemas.
"""
import base64
import collections
import filecmp
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from decimal import Decimal

import html5lib
import make_compare_sample
from report_case import ROOT, SAMPLE, TABLES, TWINPOST, ReportCase, plain, read, shown

TOOLS = os.path.join(ROOT, "tests", "contract_tools")
SCHEMAS = os.path.join(ROOT, "docs", "compare", "schemas")
INSTALLED = shutil.which("node") and os.path.isdir(os.path.join(TOOLS, "node_modules", "ajv"))


def judge(values):
    """Ajv's errors of [(schema's name, value)], by the schemas as they stand and by strict twins."""
    schemas = [os.path.join(SCHEMAS, name) for name in sorted(os.listdir(SCHEMAS))]
    jobs = [{"schema": f"urn:twinpost:schema:compare-{name}:1", "strict": strict, "value": value}
            for name, value in values for strict in (False, True)]
    done = subprocess.run(["node", os.path.join(TOOLS, "check.js")], input=json.dumps({"schemas": schemas, "jobs": jobs}),
                          capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    return [errors for errors in [*answer["metaschema"].values(), *answer["jobs"]] if errors]


class SampleTest(unittest.TestCase):
    def test_made_by_its_script(self):
        with tempfile.TemporaryDirectory() as folder:
            make_compare_sample.make_sample(folder)
            names = sorted(os.listdir(folder))
            self.assertEqual(names, sorted(os.listdir(SAMPLE)))
            self.assertEqual(filecmp.cmpfiles(folder, SAMPLE, names, shallow=False), (names, [], []))

    @unittest.skipUnless(INSTALLED, "needs node and the packages of tests/contract_tools: tools/setup --test")
    def test_schemas(self):
        run, tables = read(SAMPLE)
        values = [("run", run)] + [(TABLES[name], line) for name, lines in tables.items() for line in lines]
        values.append(("report", {"format": 1, "run": run, **tables}))
        self.assertEqual(judge(values), [])
        self.assertEqual(len(judge([("run", {**run, "format": 2})])), 2, "the schema refuses what is wrong")

    def test_adds_up(self):
        """What docs/compare/result.md says must hold."""
        run, tables = read(SAMPLE)
        fates = ["excluded", "held", "in_transit", "rejected", "booked", "accepted_not_booked"]
        for row in run["waterfall"]:
            self.assertEqual(row["extracted"], sum(row[name] for name in fates), row)
        for name in fates:
            self.assertEqual(run["waterfall"][0][name], sum(row[name] for row in run["waterfall"][1:]), name)
        for bridge in run["bridge"]:
            steps = [Decimal(step["value"]) for step in bridge["steps"]]
            self.assertEqual((sum(steps[:-1]), Decimal(bridge["residual"])), (steps[-1], 0))
        for line in tables["balances"]:
            difference = Decimal(line["cloud"]["balance"]) - Decimal(line["legacy"]["balance"])
            self.assertEqual(difference, Decimal(line["difference"]), line)
            self.assertEqual(difference, Decimal(line["explained"]) + Decimal(line["unexplained"]), line)
        still = [line for line in tables["differences"] if line["state"] != "accepted"]
        self.assertEqual((run["totals"]["open"], run["accepted"]["count"]), (len(still), len(tables["differences"]) - len(still)))
        for entry in run["totals"]["gross"]:
            of_currency = [Decimal(line["gross"]) for line in still if line["currency"] == entry["currency"]]
            self.assertEqual(sum(of_currency), Decimal(entry["difference"]), entry)


HTML = "{http://www.w3.org/1999/xhtml}"
SVG = "{http://www.w3.org/2000/svg}"


def words(element):
    return re.sub(r"\s+", " ", "".join(element.itertext())).strip()


def rows(table):
    """Texts of the cells of each row of the bodies."""
    return [[words(cell) for cell in row if cell.tag in (HTML + "th", HTML + "td")]
            for body in table.iter(HTML + "tbody") for row in body.iter(HTML + "tr")]


def contrast(first, second):
    """WCAG 2.1, 1.4.3: contrast ratio of two colours #rgb or #rrggbb."""
    def luminance(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


class HtmlTest(ReportCase):
    def page(self, result=SAMPLE):
        markup = self.html(result)
        return markup, html5lib.HTMLParser(strict=True).parse(markup)

    def table(self, page, caption):
        found = [table for table in page.iter(HTML + "table") if words(table.find(HTML + "caption")) == caption]
        self.assertEqual(len(found), 1, caption)
        return rows(found[0])

    def check_form(self, markup, page):
        """What holds for every page, whatever it says."""
        ids = [element.get("id") for element in page.iter() if element.get("id")]
        self.assertEqual([name for name, count in collections.Counter(ids).items() if count > 1], [])
        levels = [int(element.tag[-1]) for element in page.iter() if re.fullmatch(re.escape(HTML) + "h[1-6]", str(element.tag))]
        self.assertEqual((levels[0], levels.count(1)), (1, 1))
        self.assertTrue(all(after - before <= 1 for before, after in zip(levels, levels[1:])), levels)
        for tag in ("header", "main", "nav", "footer"):
            self.assertEqual(len(list(page.iter(HTML + tag))), 1, tag)
        for table in page.iter(HTML + "table"):
            self.assertTrue(words(table.find(HTML + "caption")))
            for head in table.iter(HTML + "th"):
                self.assertIn(head.get("scope"), ("col", "row", "colgroup", "rowgroup"))
                self.assertTrue(words(head), words(table.find(HTML + "caption")))
        for picture in page.iter(SVG + "svg"):
            if picture.get("aria-hidden") != "true":
                self.assertEqual(picture.get("role"), "img")
                self.assertTrue(words(picture.find(SVG + "title")) and words(picture.find(SVG + "desc")))
        for element in page.iter():
            for name in (element.get("aria-labelledby") or "").split():
                self.assertIn(name, ids)
            self.assertFalse(element.get("src"))
            link = element.get("href")
            self.assertTrue(link is None or (link.startswith("#") and link[1:] in ids), link)
        self.assertEqual(len(list(page.iter(HTML + "script"))), 1)
        self.assertNotRegex(markup, r"(?i)https?:|url\(|@import|javascript:| on[a-z]+=")
        script = re.search(r"<script>(.*?)</script>", markup, re.S).group(1)
        policy = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        self.assertIn(f"default-src &#39;none&#39;; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-{policy}&#39;", markup)

    def test_form(self):
        markup, page = self.page()
        self.check_form(markup, page)
        self.assertEqual(page.get("lang"), "en")
        # Waterfall 1; bridges, histograms and unexplained values one a currency; causes one a currency and one of all; ages, days, map.
        pictures = 1 + 3 * 3 + (3 + 1) + 3
        self.assertEqual(len([p for p in page.iter(SVG + "svg") if p.get("role") == "img"]), pictures)

    def test_contrast(self):
        """Text 4.5:1, marks of charts 3:1, on paper and on what lies below them, in both schemes."""
        markup = self.html(SAMPLE)
        schemes = re.findall(r":root\{(?:color-scheme:light dark;)?(--[^}]*)\}", markup)
        self.assertEqual(len(schemes), 2)
        for scheme in schemes:
            colours = dict(re.findall(r"--(\w+):(#[0-9a-f]+)", scheme))
            for text in ("ink", "soft", "bad", "warn", "good", "erp"):
                for ground in ("paper", "wash"):
                    self.assertGreaterEqual(contrast(colours[text], colours[ground]), 4.5, (text, ground))
            for text, ground in (("bad", "badwash"), ("warn", "warnwash"), ("good", "goodwash"), ("ink", "badwash"), ("soft", "badwash")):
                self.assertGreaterEqual(contrast(colours[text], colours[ground]), 4.5, (text, ground))
            for mark in ("erp", "cloud", "different", "missing_cloud", "missing_legacy", "duplicate", "ambiguous", "waiting", "accepted",
                         "strong"):
                self.assertGreaterEqual(contrast(colours[mark], colours["paper"]), 3, mark)

    def test_first_page(self):
        run, tables = read(SAMPLE)
        _, page = self.page()
        first = [section for section in page.iter(HTML + "section") if section.get("id") == "verdict"][0]
        text = words(first)
        self.assertIn("Verdict: Breaks", text)
        self.assertEqual(words(first.find(HTML + "h1")), "The two ledgers do not agree yet: 54 documents are open.")
        keys = [[words(part) for part in pair] for pair in first.find(HTML + "dl").iter(HTML + "div")]
        self.assertEqual(keys, [["Documents in the ERP", "857"], ["Documents in the cloud", "851"], ["Pairs that agree", "800"],
                                ["Open", "54"], ["Accepted", "7"]])
        opened = collections.Counter(line["currency"] for line in tables["differences"] if line["state"] != "accepted")
        gross = {entry["currency"]: entry["difference"] for entry in run["totals"]["gross"]}
        net = {entry["currency"]: entry["difference"] for entry in run["totals"]["net"]}
        self.assertEqual(self.table(page, "Sums of documents and their differences, by currency"),
                         [[bridge["currency"], str(opened[bridge["currency"]]), shown(gross[bridge["currency"]]),
                           shown(net[bridge["currency"]]), shown(bridge["steps"][0]["value"]), shown(bridge["steps"][-1]["value"])]
                          for bridge in run["bridge"]])
        for why in run["verdict"]["why"]:
            self.assertIn(why, text)
        # 54 of 857, cut after hundredths of a percent.
        self.assertIn("Open items are 6.30 % of the ERP's documents; the threshold is 0.1 %", text)
        actions = self.table(page, "Open documents by cause, most first")
        counts = collections.Counter()
        for entry in run["causes"]:
            counts[entry["cause"]] += entry["count"]
        self.assertEqual([int(row[1]) for row in actions], sorted(counts.values(), reverse=True)[:6])
        self.assertEqual(actions[0][:3], ["Rounding", "9", "Controller"])

    def test_differences(self):
        """Every open difference, with both numbers and both values, largest of its currency first."""
        _, tables = read(SAMPLE)
        _, page = self.page()
        for currency in ("EUR", "JPY", "KWD"):
            lines = [(number, line) for number, line in enumerate(tables["differences"])
                     if line["currency"] == currency and line["state"] != "accepted"]
            lines.sort(key=lambda pair: (-Decimal(pair[1]["gross"]), -abs(Decimal(pair[1]["net"])), pair[0]))
            found = self.table(page, f"Open differences in {currency} ({len(lines)})")
            self.assertEqual(len(found), len(lines))
            for cells, (_, line) in zip(found, lines):
                for cell, side in zip(cells, ("legacy", "cloud")):
                    self.assertEqual(cell, line[side]["number"] + line[side]["posting_date"] if line[side] else "none")
                totals = [shown(line[side]["total"]) if line[side] else "none" for side in ("legacy", "cloud")]
                self.assertEqual(cells[2:6], [*totals, shown(line["gross"]), shown(line["net"])])
                for field in line["fields"]:
                    values = [shown(field[side]) if field["lane"] == "amount" else field[side] for side in ("legacy", "cloud")]
                    self.assertIn(f"{values[0]} \u2192 {values[1]}", cells[6])
                self.assertEqual(cells[10], str(line["age_days"]))

    def test_tables(self):
        """Waterfall, bridge, trial balances, tax, accepted ones, readiness, manifest: every figure of the result."""
        run, tables = read(SAMPLE)
        _, page = self.page()
        fates = ["extracted", "excluded", "held", "in_transit", "rejected", "accepted_not_booked", "booked"]
        self.assertEqual(self.table(page, "Documents read from the ERP, by company"),
                         [[row["entity"] or "All companies", *(str(row[fate]) for fate in fates)]
                          for row in run["waterfall"][1:] + run["waterfall"][:1]])
        for bridge in run["bridge"]:
            amounts = [row[1] for row in self.table(page, f"Bridge in {bridge['currency']}")]
            self.assertEqual(amounts, [shown(step["value"]) for step in bridge["steps"]] + [shown(bridge["residual"])])
        found = [row for row in self.table(page, "Accounts by company, currency and period") if len(row) > 1]
        self.assertEqual(found, [[line["account"], line["account_legacy"], line["period"],
                                  *(shown(line[side][part]) for side in ("legacy", "cloud") for part in ("debit", "credit", "balance")),
                                  shown(line["difference"]), shown(line["explained"]), shown(line["unexplained"])]
                                 for line in tables["balances"]])
        for row in self.table(page, "Sums of the trial balances, by company and currency"):
            mine = [line for line in tables["balances"] if [line["entity"], line["currency"]] == row[:2]]
            self.assertEqual(row[4:8], [shown(sum(Decimal(line[side][part]) for line in mine))
                                        for side in ("legacy", "cloud") for part in ("debit", "credit")])
            self.assertEqual(row[9], shown(sum(abs(Decimal(line["unexplained"])) for line in mine)))
        found = [row[-1] for currency in ("EUR", "JPY", "KWD") for row in self.table(page, f"Tax in {currency}")]
        self.assertEqual(found, [shown(line["difference"]) for line in tables["tax"]])
        accepted = [row for currency, count in (("EUR", 5), ("JPY", 1), ("KWD", 1))
                    for row in self.table(page, f"Accepted differences in {currency} ({count})")]
        self.assertEqual(sorted(row[6] for row in accepted),
                         sorted(line["accepted"]["reason"] for line in tables["differences"] if "accepted" in line))
        self.assertEqual({row[7] for row in accepted}, {"controller.eugroup.accounting"})
        self.assertEqual([row[:4] for row in self.table(page, "Readiness by company")],
                         [[entry["entity"], entry["phase"], "not ready", f"{entry['clean_days']} of 31"] for entry in run["readiness"]])
        with open(os.path.join(SAMPLE, "run.json"), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual([row[3] for row in self.table(page, "Files of the result")],
                         [digest] + [entry["sha256"] for entry in run["files"]])

    def test_accounts_of_the_erp(self):
        """Equal codes are said, not repeated; several stand in their cell; a balance of no account has none."""
        def change(_, tables):
            for line, legacy in zip(tables["balances"], (tables["balances"][0]["account"], "10.1110 10.1120 ...", "")):
                line["account_legacy"] = legacy
        markup, page = self.page(self.changed(change))
        found = [row[1] for row in self.table(page, "Accounts by company, currency and period") if len(row) > 1]
        self.assertEqual(found[:3], ["same", "10.1110 10.1120 ...", ""])
        self.assertNotIn("same", found[3:])
        self.assertIn('<td class="codes">10.1110 10.1120 ...</td>', markup)

    def test_verdicts(self):
        """One sentence for each rung; only what is good looks good."""
        def calm(run, tables, verdict):
            run["verdict"] = {"name": verdict, "why": []}
            run["causes"] = []
            tables["differences"] = [line for line in tables["differences"] if line["state"] == "accepted" and verdict.endswith("warnings")]
            run["accepted"]["count"] = len(tables["differences"])
            run["totals"].update(open=0, gross=[], net=[])

        def pending(run, tables, verdict="reconciled_with_pending"):
            waiting = [line for line in tables["differences"] if line["status"] == "waiting_cloud"]
            calm(run, tables, verdict)
            tables["differences"] += waiting
            for which in ("gross", "net"):
                sums = collections.Counter()
                for line in waiting:
                    sums[line["currency"]] += Decimal(line[which])
                run["totals"][which] = [{"currency": currency, "difference": str(value)} for currency, value in sums.items()]
            run["totals"]["open"] = len(waiting)

        def incomplete(run, tables):
            run["verdict"]["name"] = "incomplete"
            run["incomplete"] = [{"reason": "cloud-gap", "text": "events 41 to 60 of the cloud are missing"}]

        cases = [(lambda run, tables: calm(run, tables, "reconciled"), "good", "The two ledgers agree, document by document."),
                 (lambda run, tables: calm(run, tables, "reconciled_with_warnings"), "warn", "The two ledgers agree, with reservations."),
                 (pending, "warn", "The two ledgers agree so far; 4 documents are still on their way."),
                 (lambda run, tables: pending(run, tables, "reconciled_with_warnings"), "warn",
                  "The two ledgers agree, with reservations. 4 documents are still on their way."),
                 (incomplete, "bad", "This comparison is not complete: do not rely on it.")]
        for number, (change, colour, sentence) in enumerate(cases):
            markup, page = self.page(self.changed(change, f"verdict{number}"))
            self.check_form(markup, page)
            self.assertIn(f'<p class="flag {colour}">', markup)
            self.assertEqual(words(next(page.iter(HTML + "h1"))), sentence)
        self.assertIn("events 41 to 60 of the cloud are missing", plain(markup))

    def test_never_falsely_green(self):
        """Each rule of docs/compare/result.md broken: incomplete, with a sentence why, in HTML and in the other formats."""
        def setting(*path):
            def change(run, tables):
                place = {"run": run, **tables}
                for step in path[:-2]:
                    place = place[step]
                place[path[-2]] = path[-1]
            return change

        def missing_line(run, tables):
            del tables["differences"][0]

        def unlisted_document(run, tables):
            tables["documents"] = [line for line in tables["documents"] if line["subject"] != "00001/invoice/2026/RI-14201"]

        cases = {
            "Of 877 documents read from the ERP (company all), 876 are accounted for.":
                setting("run", "waterfall", 0, "booked", read(SAMPLE)[0]["waterfall"][0]["booked"] - 1),
            "The companies' documents (excluded) add up to 16, not to 17.": 
                setting("run", "waterfall", 1, {**read(SAMPLE)[0]["waterfall"][1], "excluded": 8,
                                                "extracted": read(SAMPLE)[0]["waterfall"][1]["extracted"] - 1}),
            "It does not say what became of all documents that were read from the ERP.": setting("run", "waterfall", []),
            "The bridge from the ERP to the cloud in EUR does not add up.": setting("run", "bridge", 0, "steps", 1, "value", "0.01"),
            "The bridge from the ERP to the cloud in JPY does not add up.": setting("run", "bridge", 1, "residual", "1"),
            "54 open items are told, 53 are listed.": missing_line,
            "53 open items are told, 54 are listed.": setting("run", "totals", "open", 53),
            "6 accepted differences are told, 7 are listed.": setting("run", "accepted", "count", 6),
            "857 documents of the ERP were compared, 856 are listed.": unlisted_document,
            "The gross difference in EUR is told as 0.00, but": setting("run", "totals", "gross", 0, "difference", "0.00"),
            "The net difference in KWD is told as 0.000, but": setting("run", "totals", "net", 2, "difference", "0.000"),
            "Line 1 of the trial balance does not add up.": setting("balances", 0, "explained", "0.01"),
            "Of 7 differences that were planted as a trial, 6 were found.": setting("run", "canaries", "found", 6),
            "No known difference was planted": setting("run", "canaries", {"planted": 0, "found": 0, "classes": []}),
            "It ends with no verdict that is known.": setting("run", "verdict", "name", "splendid"),
            'The verdict is "Reconciled", but 54 items are open.': setting("run", "verdict", "name", "reconciled"),
            'The verdict is "Reconciled with pending items", but 50 items are open.': setting("run", "verdict", "name", "reconciled_with_pending"),
            'The verdict is "Reconciled", but 7 differences were accepted.': setting("run", "verdict", "name", "reconciled"),
            'The verdict is "Reconciled with pending items", but 7 differences were accepted.':
                setting("run", "verdict", "name", "reconciled_with_pending"),
            'The verdict is "Breaks", but parts were not compared.': setting("run", "incomplete", [{"reason": "x", "text": "y"}]),
        }
        for number, (sentence, change) in enumerate(cases.items()):
            with self.subTest(sentence):
                result = self.changed(change, f"odd{number}")
                text = plain(self.html(result))
                self.assertIn(sentence, text)
                self.assertIn("Verdict: Incomplete", text)
                self.assertIn("do not rely on it", text)
                with open(os.path.join(self.report(result, "csv", f"csv{number}"), "summary.csv"), encoding="utf-8") as file:
                    self.assertIn("Verdict,Incomplete\n", file.read())
        self.assertNotIn("Incomplete", plain(self.html(self.changed(lambda run, tables: None))))


class RealTest(ReportCase):
    """What `compare run` makes of two small ledgers, whole and in part: by the schemas, and without a doubt of its own."""

    def run_twinpost(self, *arguments):
        done = subprocess.run([TWINPOST, "compare", "run", "--legacy", self.path("erp.csv"), "--cloud", self.path("cloud.csv"), *arguments],
                              capture_output=True, text=True, timeout=300, check=False)
        self.assertIn(done.returncode, (0, 1), done.stderr)

    def test_results(self):
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tools", "sample-cloud"), "generate", "--pairs", "600", "--legacy",
                        self.path("erp.csv"), "--cloud", self.path("cloud.csv"), "--plant", "seed=7,half_even=1,late=4,merged=3"],
                       check=True, timeout=300, capture_output=True)
        values = []
        for number, scope in enumerate(([], ["--full"], ["--entity", "20"], ["--entity", "20", "--from", "2026-09"])):
            result = self.path(f"result{number}")
            self.run_twinpost("--output", result, *scope)
            run, tables = read(result)
            values += [("run", run)] + [(TABLES[name], line) for name, lines in tables.items() for line in lines[:50]]
            text = plain(self.html(result))
            self.assertNotIn("Incomplete", text, scope)
            listed = collections.Counter(line["side"] for line in tables["documents"])
            self.assertIn(f"Documents in the ERP {listed['legacy']} Documents in the cloud {listed['cloud']}", text)
            self.assertEqual(run["verdict"]["name"] == "reconciled", "Verdict: Reconciled " in text)
        if INSTALLED:
            self.assertEqual(judge(values), [])
