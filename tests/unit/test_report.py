#!/usr/bin/env python3
"""test_report - reports of a comparison are what the result directory says.

What is shown: the sample is what its script makes, keeps its schemas and adds up.
"""
import filecmp
import json
import os
import shutil
import subprocess
import tempfile
import unittest
from decimal import Decimal

import make_compare_sample

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOLS = os.path.join(ROOT, "tests", "contract_tools")
SCHEMAS = os.path.join(ROOT, "docs", "compare", "schemas")
SAMPLE = make_compare_sample.SAMPLE
INSTALLED = shutil.which("node") and os.path.isdir(os.path.join(TOOLS, "node_modules", "ajv"))
TABLES = {"balances": "balance", "tax": "tax", "differences": "difference", "documents": "document"}


def read(folder):
    """run.json, and the lines of each table."""
    with open(os.path.join(folder, "run.json"), encoding="utf-8") as file:
        run = json.load(file)
    tables = {}
    for name in TABLES:
        with open(os.path.join(folder, name + ".ndjson"), encoding="utf-8") as file:
            tables[name] = [json.loads(line) for line in file]
    return run, tables


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
