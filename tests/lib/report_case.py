"""report_case - results of comparisons for the tests of reports: the sample, and changed ones that are whole again.

Why:   a changed table needs its lines and hash in run.json, or it is refused as damaged; most tests want it read.
Runs in: tests/unit/test_report*.py
"""
import copy
import html
import json
import os
import re
import subprocess
import tempfile
import unittest
from decimal import Decimal

import make_compare_sample

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWINPOST = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")
SAMPLE = make_compare_sample.SAMPLE
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


def shown(amount):
    """As a person reads it: thousands separators and a true minus."""
    return f"{Decimal(amount):,}".replace("-", "\u2212")


def plain(markup):
    """The words of a page, blanks made one."""
    text = re.sub(r"<(script|style)\b.*?</\1>", " ", markup, flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", text)))


class ReportCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def path(self, name):
        return os.path.join(self.folder, name)

    def run_cli(self, *arguments, **environment):
        done = subprocess.run([TWINPOST, "compare", "report", *arguments], capture_output=True, text=True, timeout=300,
                              env={**os.environ, **environment}, check=False, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def report(self, result, report_format, name="report", **environment):
        """Path of the report, which must succeed without a word."""
        path = self.path(name)
        self.assertEqual(self.run_cli(result, "--format", report_format, "--output", path, **environment), (0, "", ""))
        return path

    def html(self, result):
        with open(self.report(result, "html"), encoding="utf-8") as file:
            return file.read()

    def changed(self, change, name="changed"):
        """A result like the sample after change(run, tables), with hashes that fit again."""
        run, tables = read(SAMPLE)
        run, tables = copy.deepcopy(run), copy.deepcopy(tables)
        change(run, tables)
        make_compare_sample.write(self.path(name), tables, lambda files: {**run, "files": files})
        return self.path(name)
