"""test_compare_planted.py - what was planted between two ledgers is found, nothing else is, and its cause is named.

Shows: 1. Every planted difference of every kind is found, with its status and its amount; nothing is invented; at least 95 % of
          the causes are named as they were planted, over all seeds.
       2. Clean ledgers: not one difference, `reconciled`.
       3. Rounding policies: each of twelve on either side is named from the documents alone; data that could come of two of them
          makes the judge abstain.
How:   tools/sample-cloud makes both sides and a manifest of what it planted, from code of its own.
Runs in: tools/test (integration); needs no server.
"""

import collections
import itertools
import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib")]

import compare_case as case  # noqa: E402
from sample_cloud import fields, planting, sheet  # noqa: E402

SEEDS = range(1, 9)
PAIRS = 3000
PLANT = "seed={seed},half_even=1," + ",".join(f"{kind}=8" for kind in planting.KINDS)
# The generator's kinds whose documents equal in sum.
EQUAL_IN_SUM = {"merged", "split"}
CAUSES_RIGHT_MIN = 0.95

MODES = {"half_up": "half-up signed", "half_even": "half-even", "half_away": "half-up symmetric", "half_down": "half-down signed",
         "truncate": "truncation", "floor": "floor"}
POLICIES = [(scope, mode) for scope in ("line", "total") for mode in MODES]
# Signed and symmetric part where a credit memo's tax is a half: one of eight hundred documents.
POLICY_PAIRS = 16000
ENTITIES = ("10", "20", "30", "40")


def units(text):
    """An amount without its point."""
    return int(text.replace(".", ""))


class Planted(unittest.TestCase):
    """Ledgers with known differences."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="twinpost-planted-")
        cls.rules = case.write_rules(os.path.join(cls.folder.name, "rules"))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def directory(self, name):
        """A folder of this test."""
        return os.path.join(self.folder.name, f"{self._testMethodName}-{name}")

    def find(self, line, differences):
        """The difference that a line of the manifest stands for; it is taken out. differences: {(legacy, cloud): object}"""
        legacy, cloud = line["legacy"], line["cloud"]
        keys = {"missing_cloud": [(legacy[0] if legacy else None, None)], "missing_legacy": [(None, cloud[0] if cloud else None)],
                "duplicate": [(None, subject) for subject in cloud]}.get(line["status"], [(legacy[0], cloud[0])] if legacy and cloud else [])
        found = [key for key in keys if key in differences]
        self.assertEqual(len(found), 1, f"not found: {line}")
        return differences.pop(found[0])

    def judge_manifest(self, manifest, result, confusion):
        """Everything that was planted is there, and nothing else."""
        differences = {}
        for one in result.differences():
            key = tuple(one[side] and one[side]["subject"] for side in ("legacy", "cloud"))
            self.assertNotIn(key, differences)
            differences[key] = one
        documents = result.documents()
        for line in manifest:
            if line["kind"] in EQUAL_IN_SUM:
                for side in ("legacy", "cloud"):
                    for subject in line[side]:
                        self.assertEqual(documents[side, subject][0], "matched", f"{line}")
                continue
            one = self.find(line, differences)
            self.assertEqual(one["status"], line["status"], f"{line}\n{one}")
            if line["document_type"] != "customer":
                self.assertEqual(abs(units(one["net"])), abs(units(line["delta"])), f"{line}\n{one}")
            confusion.add(line["cause"], one["cause"])
        self.assertEqual(list(differences.values()), [], "invented")

    def test_planted(self):
        """All of it is found, nothing is invented, the causes are right."""
        confusion, kinds = case.Confusion(), collections.Counter()
        for seed in SEEDS:
            with self.subTest(seed=seed):
                directory = self.directory(seed)
                rules = self.rules if seed % 2 else None
                manifest = case.generate(directory, PAIRS, seed, plant=PLANT.format(seed=seed), rules=rules)
                kinds.update(line["kind"] for line in manifest)
                result = case.compare_files(directory, rules=rules)
                self.assertEqual(result.verdict, "breaks", result.run["incomplete"])
                self.judge_manifest(manifest, result, confusion)
        right, whole = confusion.right
        print("\n".join("# " + row for row in confusion.table().splitlines()))
        print(f"# {right} of {whole} causes are named as they were planted ({100 * right / max(whole, 1):.2f} %)")
        self.assertGreaterEqual(set(kinds), set(planting.KINDS) | {"half_even"}, "a kind was never planted")
        self.assertGreaterEqual(right, CAUSES_RIGHT_MIN * whole, confusion.table())

    def test_by_sums(self):
        """A ledger that is compared by its fingerprints names the same differences and the same causes as in full."""
        for seed in (1, 2, 3):
            directory = self.directory(seed)
            case.generate(directory, 2 * PAIRS, seed, plant=PLANT.format(seed=seed))
            ledger = os.path.join(directory, "ledger.db")
            case.load(ledger, [(side, os.path.join(directory, f"{side}.csv")) for side in ("legacy", "cloud")])
            in_full, by_sums = (case.compare_ledger(directory, ledger, *words, name=name) for name, words in (("full", ["--full"]), ("sums", [])))
            self.assertGreater(by_sums.run["fingerprints"]["documents_skipped"], 0)
            self.assertEqual(*([(one["key"], one["status"], one["cause"]) for one in result.differences()] for result in (in_full, by_sums)))

    def test_clean(self):
        """Nothing differs: nothing is said."""
        for seed in (11, 12, 13):
            for rules in (None, self.rules):
                with self.subTest(seed=seed, rules=bool(rules)):
                    directory = self.directory(f"{seed}-{bool(rules)}")
                    case.generate(directory, 2000, seed, rules=rules)
                    result = case.compare_files(directory, rules=rules)
                    self.assertEqual((result.verdict, result.differences(), result.run["incomplete"]), ("reconciled", [], []))
                    documents = result.documents()
                    self.assertEqual((len(documents), set(status for status, _ in documents.values())), (4000, {"matched"}))

    def test_equal_in_sum(self):
        """Collective and split invoices alone: nothing differs either."""
        directory = self.directory("sum")
        manifest = case.generate(directory, 2000, 21, plant="seed=3,merged=20,split=20")
        result = case.compare_files(directory)
        self.assertEqual((len(manifest), result.verdict, result.differences()), (40, "reconciled", []))


class Policies(unittest.TestCase):
    """Rounding policies from documents alone."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="twinpost-policies-")

    def tearDown(self):
        self.folder.cleanup()

    def test_recovered(self):
        """Every pair of policies, four at a time: one for each entity."""
        # Each policy on each side against four others; COMPARE_POLICIES=all tries every pair.
        pairs = list(itertools.product(POLICIES, POLICIES)) if os.environ.get("COMPARE_POLICIES") == "all" else [
            (one, POLICIES[(at + step) % len(POLICIES)]) for step in (0, 1, 4, 7) for at, one in enumerate(POLICIES)]
        wrong, silent = [], []
        for at in range(0, len(pairs), len(ENTITIES)):
            here = dict(zip(ENTITIES, pairs[at:at + len(ENTITIES)]))
            text = ",".join(f"{side}/{entity}={scope}:{mode}" for entity, two in here.items()
                            for side, (scope, mode) in zip(("legacy", "cloud"), two))
            directory = os.path.join(self.folder.name, str(at))
            case.generate(directory, POLICY_PAIRS, at + 1, rounding=text)
            result = case.compare_files(directory)
            named = {(one["entity"], one["side"]): (one["verdict"], one["policy"]) for one in result.run["policies"]}
            for entity, two in here.items():
                for side, (scope, mode) in zip(("legacy", "cloud"), two):
                    got = named.get((entity, side))
                    # Two ledgers of one policy do not differ: nothing needs to be named, but nothing wrong may be.
                    if got != ("fits", f"{scope} {MODES[mode]}") and not (two[0] == two[1] and got is None):
                        (wrong if got and got[0] == "fits" else silent).append(f"{entity} {side} {scope} {mode} (pair {two}): {got}")
        print(f"# {len(pairs)} pairs of policies, {2 * len(pairs) - len(wrong) - len(silent)} of {2 * len(pairs)} named")
        self.assertEqual((wrong, silent), ([], []), "wrong; not named")

    def test_abstains(self):
        """Taxes that several policies give: no policy is named. 100.01 at 19 % is 19.0019: every half and truncation give 19.00."""
        directory = os.path.join(self.folder.name, "two")
        os.makedirs(directory)
        for side in ("legacy", "cloud"):
            with open(os.path.join(directory, f"{side}.csv"), "w", encoding="utf-8") as file:
                writer = sheet.Writer(file, ["entity", "type", "year", "number", "period", "posting_date", "currency", "origin",
                                             "customer", "net", "tax", "gross", "line.line", "line.account", "line.tax_code",
                                             "line.tax_rate", "line.net", "tax.code", "tax.rate", "tax.base", "tax.tax"])
                for number in range(1, 101):
                    cents = 10000 + 100 * number + 1
                    # The difference is the cloud's, of one cent at each tenth: no policy gives 19.01.
                    tax = cents * 19 // 100 + (side == "cloud" and number % 10 == 0)
                    net, text, gross = (fields.text_of(value, 2) for value in (cents, tax, cents + tax))
                    data = {"entity": "10", "type": "invoice", "year": 2026, "number": f"{side}-{number}", "period": 9,
                            "posting_date": "2026-09-10", "currency": "EUR", "customer": "C1", "net": net, "tax": text, "gross": gross,
                            "lines": [{"line": "1", "account": "4000", "tax_code": "V1", "tax_rate": "19", "net": net}],
                            "tax_lines": [{"code": "V1", "rate": "19", "base": net, "tax": text}]}
                    if side == "cloud":
                        data["origin"] = f"10/invoice/2026/legacy-{number}"
                    writer.write(data)
        result = case.compare_files(directory)
        self.assertEqual(len(result.differences()), 10)
        for one in result.run["policies"]:
            self.assertNotEqual(one["verdict"], "fits", one)
        self.assertNotIn("rounding", {one["cause"] for one in result.differences()})


if __name__ == "__main__":
    unittest.main()
