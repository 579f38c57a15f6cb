"""compare_case.py - pairs of ledgers as CSV files, `twinpost compare run` over them, and what its result says.

Why:   planted, property, mutant tests and the bench judge the same command; each of them in a few lines.
Owns:  nothing; files go where the caller says.
Rules: 1. A run is told its moment (CUT), long after every posting: nothing waits.
       2. Where a run by files is judged it is the command as people use it; other programs (mutants) come by `program`.
Faults: a run that fails otherwise than by its verdict raises RunError with what it said.
Runs in: tests/integration/test_compare_*.py, tools/bench/compare.
"""

import collections
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")))
PROGRAM = os.path.join(BUILD, "twinpost")
LOADER = os.path.join(BUILD, "load_ledger")
SAMPLE_CLOUD = os.path.join(ROOT, "tools", "sample-cloud")
CUT = "2027-06-30"
GREEN = ("reconciled", "reconciled_with_pending", "reconciled_with_warnings")
EXITS = {0: GREEN, 1: ("breaks",), 5: ("incomplete",)}


class RunError(Exception):
    """The command did not come to a verdict."""


def lines(path):
    """The objects of an .ndjson file."""
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Result:
    """A result directory."""

    def __init__(self, path, status):
        self.path, self.status = path, status
        with open(os.path.join(path, "run.json"), encoding="utf-8") as file:
            self.run = json.load(file)

    @property
    def verdict(self):
        """Its name."""
        return self.run["verdict"]["name"]

    @property
    def green(self):
        """Could somebody sign this?"""
        return self.verdict in GREEN

    @property
    def reasons(self):
        """Why it is incomplete, by name."""
        return [one["reason"] for one in self.run["incomplete"]]

    def differences(self):
        """differences.ndjson."""
        return lines(os.path.join(self.path, "differences.ndjson"))

    def documents(self):
        """{(side, subject): (status, counterpart)} of documents.ndjson; each stands there once."""
        found = {}
        for one in lines(os.path.join(self.path, "documents.ndjson")):
            key = one["side"], one["subject"]
            if key in found:
                raise RunError(f"{key} stands twice in documents.ndjson")
            found[key] = one["status"], one["pair"]
        return found

    def bytes_of(self, name):
        """One of its files."""
        with open(os.path.join(self.path, name), "rb") as file:
            return file.read()


def generate(directory, pairs, seed, *more, plant="", rounding="", rules=None):
    """Writes legacy.csv and cloud.csv; returns the lines of the manifest (what was not planted is not among them)."""
    os.makedirs(directory, exist_ok=True)
    manifest = os.path.join(directory, "manifest.jsonl")
    options = ["--plant", plant] * bool(plant) + ["--rounding", rounding] * bool(rounding)
    options += ["--rules", rules] if rules else []
    subprocess.run([sys.executable, SAMPLE_CLOUD, "generate", "--pairs", str(pairs), "--seed", str(seed), *options, "--legacy",
                    os.path.join(directory, "legacy.csv"), "--cloud", os.path.join(directory, "cloud.csv"), "--manifest", manifest,
                    *more], check=True, stdout=subprocess.DEVNULL)
    return [line for line in lines(manifest) if "not_planted" not in line]


def write_rules(directory):
    """The sample rules, that map the generated codes."""
    subprocess.run([sys.executable, SAMPLE_CLOUD, "rules", "--output", directory], check=True, stdout=subprocess.DEVNULL)
    return directory


def judge(output, words, program=PROGRAM, **more):
    """`compare run` with these words; the Result."""
    done = subprocess.run([program, "compare", "run", "--output", output, "--at", CUT, "--json", *words], text=True, cwd=ROOT,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)
    if done.returncode not in EXITS or not os.path.exists(os.path.join(output, "run.json")):
        raise RunError(f"{' '.join(words)}: exit status {done.returncode}: {done.stderr[-1000:]}")
    result = Result(output, done.returncode)
    if result.verdict not in EXITS[done.returncode]:
        raise RunError(f"{result.verdict} with exit status {done.returncode}")
    return result


def compare_files(directory, *words, name="result", program=PROGRAM, rules=None):
    """The two files of generate()."""
    return judge(os.path.join(directory, name), ["--legacy", os.path.join(directory, "legacy.csv"), "--cloud",
                                                 os.path.join(directory, "cloud.csv"), *(["--rules", rules] if rules else []), *words],
                 program)


def load(ledger, steps, rules=None):
    """Documents into a ledger file, as an agent would keep it; steps: [("legacy", path), ...]."""
    subprocess.run([LOADER, ledger, rules or "-", *(f"{side}={path}" for side, path in steps)], check=True)


def compare_ledger(directory, ledger, *words, name="result", program=PROGRAM, rules=None):
    """A ledger file."""
    return judge(os.path.join(directory, name), ["--ledger", ledger, *(["--rules", rules] if rules else []), *words], program)


class Confusion:
    """How often each planted cause was named what."""

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, planted, named):
        """One difference."""
        self.counts[planted, named] += 1

    @property
    def right(self):
        """(how many were named right, how many there are)"""
        return sum(count for (planted, named), count in self.counts.items() if planted == named), sum(self.counts.values())

    def table(self):
        """Rows: what was planted; columns: what it was called."""
        planted, named = (sorted({key[place] for key in self.counts}) for place in (0, 1))
        wide = max(map(len, planted + ["planted"])) + 2
        out = ["planted".ljust(wide) + "".join(name.rjust(len(name) + 2) for name in named)]
        for row in planted:
            out.append(row.ljust(wide) + "".join(str(self.counts[row, name] or ".").rjust(len(name) + 2) for name in named))
        return "\n".join(out)
