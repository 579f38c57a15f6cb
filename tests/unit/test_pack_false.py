#!/usr/bin/env python3
"""test_pack_false.py - results whose figures or verdict do not follow from their rows: not signed, and not verified.

Why:   a false green is the worst that a comparison can say, and a signature under it makes it worse.
Rules: each result is refused by `compare sign`; then a forger signs it all the same (tests/lib/packs.py), and the verifiers refuse it.
Runs in: tools/test (unit); bash, sha256sum, openssl.
"""
import json
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import packs  # noqa: E402
from pack_case import AGENT, NAME, PackCase  # noqa: E402


class FalseResults(PackCase):
    """Figures that do not follow from the rows: not signed, and not verified where somebody signed them all the same."""

    def refuse(self, files, text, script=True):
        folder = self.place(files)
        status, out, err = self.sign(folder)
        self.assertEqual(status, 1, out + err)
        self.assertRegex(out + err, text)
        self.assertFalse(os.path.exists(folder + ".pack"))
        forged = self.place(packs.pack(files, [(NAME, AGENT)]))
        status, out, err = self.verify(forged)
        self.assertEqual(status, 1, out + err)
        self.assertRegex(out, text)
        if script:
            status, out, err = self.script(forged)
            self.assertEqual(status, 1, out + err)

    @staticmethod
    def changed(files, change):
        """run.json after a change to it, or to the rows, with the sums over its files made anew."""
        run = json.loads(files["run.json"])
        rows = {name: [json.loads(line) for line in files[f"{name}.ndjson"].splitlines()] for name in ("documents", "differences", "balances")}
        change(run, rows)
        made = {**files, **{f"{name}.ndjson": packs.lines(lines) for name, lines in rows.items()}}
        for file in run.get("files", []):
            file["sha256"] = packs.sha256(made[file["name"]])
        made["run.json"] = packs.canonical(run) + b"\n"
        return made

    def test_verdicts(self):
        """Every verdict that is better than the rows is refused; one that is worse is not."""
        open_ones, clean = packs.result(20, True), packs.result(20, every=0)
        for name in ("reconciled", "reconciled_with_pending", "reconciled_with_warnings"):
            files = self.changed(open_ones, lambda run, rows, name=name: run["verdict"].update(name=name))
            self.refuse(files, f"verdict {name} is REFUSED: 4 differences are open; it can be no better than breaks", name != "reconciled_with_warnings")
        for name in ("breaks", "incomplete", "reconciled_with_warnings", "reconciled_with_pending", "reconciled"):
            self.both_good(self.place(self.signed(self.changed(clean, lambda run, rows, name=name: run["verdict"].update(name=name)))))
        self.refuse(self.changed(clean, lambda run, rows: run["verdict"].update(name="fine")), "verdict.name", False)

    def test_thresholds(self):
        """Open differences within the thresholds, in number and in value, leave reconciled_with_warnings; over either they do not."""
        def change(share, value):
            def changes(run, rows):
                run["thresholds"] = {"documents_share": share, "value": value}
                run["verdict"]["name"] = "reconciled_with_warnings"
            return changes
        files = packs.result(100)  # 14 differ by a cent each
        self.both_good(self.place(self.signed(self.changed(files, change("0.14", "0.14")))))
        for share, value in (("0.139", "0.14"), ("0.14", "0.13"), ("0", "1"), ("1", "0")):
            self.refuse(self.changed(files, change(share, value)), "14 differences are open", False)

    def test_waterfall_canaries_incomplete(self):
        """A waterfall that does not add up, a canary that was not found or planted, a reason to be incomplete: incomplete alone."""
        files = packs.result(20, every=0)
        for text, script, change in (
                ("waterfall does not add up", True, lambda run, rows: run["waterfall"][0].update(booked=19)),
                ("waterfall does not add up", False, lambda run, rows: [row.update(booked=19, extracted=21) for row in run["waterfall"][:1]]),
                ("waterfall does not add up", True, lambda run, rows: run.update(waterfall=[])),
                ("planted difference", False, lambda run, rows: run["canaries"].update(found=0)),
                ("planted difference", False, lambda run, rows: run["canaries"].update(found=0, planted=0)),
                ("planted difference", False, lambda run, rows: run.pop("canaries")),
                ("run.json says that the comparison is incomplete", False,
                 lambda run, rows: run.update(incomplete=[{"reason": "cloud-gap", "text": "a gap"}]))):
            self.refuse(self.changed(files, change), f"verdict reconciled is REFUSED: .*{text}", script)

            def incomplete(run, rows, change=change):
                change(run, rows)
                run["verdict"]["name"] = "incomplete"
            self.assertEqual(self.verify(self.place(self.signed(self.changed(files, incomplete))))[0], 0, text)

    def test_counts(self):
        """Totals, counts and sums that are not those of the rows; rows that one list has and the other has not."""
        files = packs.result(20, True)
        for text, script, change in (
                ("totals.legacy is 22", True, lambda run, rows: run["totals"].update(legacy=22)),
                ("totals.cloud is 20", True, lambda run, rows: run["totals"].update(cloud=20)),
                ("totals.open is 3", False, lambda run, rows: run["totals"].update(open=3)),
                ("totals.gross of \"EUR\"", False, lambda run, rows: run["totals"]["gross"][0].update(difference="0.00")),
                ("totals.net leaves out a currency", False, lambda run, rows: run["totals"].update(net=[])),
                ("counts say 41 matched", False, lambda run, rows: run["counts"][0]["statuses"].update(matched=41)),
                ("counts say 1 different", False, lambda run, rows: run["counts"][0]["statuses"].update(different=1)),
                ("no count of a status", False, lambda run, rows: run["counts"][0]["statuses"].update(fine=1)),
                ("accepted.count is 1", False, lambda run, rows: run["accepted"].update(count=1)),
                ("is different and is not in differences.ndjson", False, lambda run, rows: rows["differences"].pop(0)),
                ("names a document that is not in documents.ndjson", True, lambda run, rows: rows["documents"].pop(6)),
                ("is missing_cloud, differences.ndjson has it as different", False,
                 lambda run, rows: rows["differences"][2].update(status="different")),
                ("lines 1 and 2 are of the same document", True, lambda run, rows: rows["documents"].insert(1, rows["documents"][0])),
                ("line 3 is no document of either side", True, lambda run, rows: rows["documents"][2].update(side="both")),
                ("line 1 is no difference", True, lambda run, rows: rows["differences"][0].update(status="Matched")),
                ("does not say by whom, when and why", False, lambda run, rows: rows["differences"][0].update(state="accepted")),
                ("no good amount", False, lambda run, rows: rows["differences"][0].update(gross="x")),
                ("balances.ndjson: line 1 does not add up", False, lambda run, rows: rows["balances"][0].update(difference="9.00")),
                ("balances.ndjson: line 1 does not add up", False, lambda run, rows: rows["balances"][0]["cloud"].update(debit="9.00")),
                ("bridge of \"EUR\" does not add up", False, lambda run, rows: run["bridge"][0]["steps"][1].update(value="1.00"))):
            self.refuse(self.changed(files, change), text, script)
        self.refuse({**files, "documents.ndjson": files["documents.ndjson"][:-1]}, "changed file: documents.ndjson|is cut", False)

    def test_pending_and_unexplained(self):
        """A document that waits leaves reconciled_with_pending at best; an unexplained balance or a residual leave breaks."""
        def waits(run, rows):
            for row in rows["documents"] + rows["differences"]:
                row.update(status={"missing_cloud": "waiting_cloud", "missing_legacy": "waiting_legacy"}.get(row["status"], row["status"]))
            run["counts"][0]["statuses"] = {"matched": 20, "waiting_cloud": 1, "waiting_legacy": 1}
            run["verdict"]["name"] = "reconciled_with_pending"
        files = self.changed(packs.result(20, True, every=0), waits)
        self.both_good(self.place(self.signed(files)))
        self.refuse(self.changed(files, lambda run, rows: run["verdict"].update(name="reconciled")), "REFUSED: 2 documents wait for the other side")
        files = packs.result(20, every=0)
        self.refuse(self.changed(files, lambda run, rows: rows["balances"][0].update(explained="-1.00", unexplained="1.00")), "unexplained", False)

        def residual(run, rows):
            run["bridge"][0]["residual"] = "-1.00"
            run["bridge"][0]["steps"][1]["value"] = "1.00"
        self.refuse(self.changed(files, residual), "residual", False)

    def test_accepted_and_tolerated(self):
        """What was accepted, or is within tolerance, leaves reconciled_with_warnings at best, also where something waits."""
        def tolerate(run, rows):
            pair = [row for row in rows["documents"] if row["status"] == "matched"][:1]
            pair += [row for row in rows["documents"] if row.get("pair") == pair[0]["subject"]]
            for row in pair:
                row.update(status="matched_within_tolerance")
            run["counts"][0]["statuses"].update(matched=run["counts"][0]["statuses"]["matched"] - 1, matched_within_tolerance=1)
        files = self.changed(packs.result(20, every=0), tolerate)
        for name in ("reconciled", "reconciled_with_pending"):
            self.refuse(self.changed(files, lambda run, rows, name=name: run["verdict"].update(name=name)),
                        f"verdict {name} is REFUSED: 2 documents are accepted or within tolerance")
        self.both_good(self.place(self.signed(self.changed(files, lambda run, rows: run["verdict"].update(name="reconciled_with_warnings")))))

    def test_results_that_are_none(self):
        """No run.json, no JSON, a later format, values that the note cannot hold; a pack in the place of a result."""
        files = packs.result(2)
        self.assertRegex(self.sign(self.place({"x": b"x"}))[2], "there is no run.json")
        self.assertRegex(self.sign(self.place({**files, "run.json": b"{\n"}))[2], "run.json: ")
        for text, change in (("format 2", lambda run: run.update(format=2)), ("id is missing", lambda run: run.update(id="a b")),
                             ("cut is missing", lambda run: run["cut"].update(at="2026-11-21")), ("rules.version", lambda run: run["rules"].update(version="x")),
                             ("cut is missing", lambda run: run["cut"]["legacy"]["streams"][0].update(name="a b")),
                             ("scope.from", lambda run: run["scope"].update({"from": "2026"}))):
            run = json.loads(files["run.json"])
            change(run)
            status, out, err = self.sign(self.place({**files, "run.json": packs.canonical(run)}))
            self.assertEqual(status, 1, out)
            self.assertRegex(err, text)
        self.assertRegex(self.sign(self.place({**files, "MANIFEST": b""}))[2], "there is a MANIFEST already")
        self.assertEqual(self.run_cli("compare", "sign", self.path("nowhere"), "--key", self.path("agent.pem"), "--name", NAME)[0], 4)


if __name__ == "__main__":
    unittest.main()
