"""test_cli_gaps - `twinpost mapping gaps`: rules held against what was posted.

Documents are a CSV file that the test writes; the gaps are counted by hand.
"""
import json
import os
import unittest

from cli_case import CliCase

HEAD = "entity,from,to,valid_from,valid_to,note\n"
COLUMNS = "entity,type,year,number,period,posting_date,currency,line.line,line.account,line.cost_centre,line.amount\n"


class Gaps(CliCase):
    """Three journals of two companies: account 100 on 5 January, 10 March and 2 April, 200 on the same days, 300 once.

    Codes: four accounts of a company, K1 in both, and the two companies.
    """

    def setUp(self):
        super().setUp()
        self.documents = os.path.join(self.folder, "legacy.csv")
        rows = [("10", 1, "2026-01-05", "100", "200"), ("10", 2, "2026-03-10", "100", "200"), ("10", 3, "2026-04-02", "100", "200"),
                ("20", 4, "2026-02-01", "300", "200")]
        with open(self.documents, "w", encoding="utf-8") as file:
            file.write(COLUMNS)
            for entity, number, date, debit, credit in rows:
                for line, account, amount in ((1, debit, "5.00"), (2, credit, "-5.00")):
                    file.write(f"{entity},journal,2026,{number},{int(date[5:7])},{date},EUR,{line},{account},K1,{amount}\n")

    def gaps(self, *arguments, **files):
        folder = os.path.join(self.folder, "rules")
        os.makedirs(folder, exist_ok=True)
        for name, rows in files.items():
            with open(os.path.join(folder, f"{name}.csv"), "w", encoding="utf-8") as file:
                file.write(HEAD + "".join(f"{row}\n" for row in rows))
        return self.run_cli("mapping", "gaps", folder, "--legacy", self.documents, *arguments)

    def test_none(self):
        """Every code has a row on its days; kinds without a file have no gaps."""
        status, out, err = self.gaps(account=["*,*,=,,,"])
        self.assertEqual((status, out, err), (0, "no gaps: every one of 8 codes that were posted has a row on its days\n", ""))

    def test_gaps(self):
        """Account 100 has rows to 28 February and from 1 April: the gap is March, within its first and last posting."""
        rows = ["*,100,A,,2026-02-28,", "*,100,B,2026-04-01,,", "*,200,=,,,", "20,300,C,2026-02-02,,"]
        status, out, err = self.gaps(account=rows)
        self.assertEqual((status, err), (1, ""))
        self.assertEqual(out.splitlines(), [
            "account 100 of entity 10 has no row from 2026-03-01 to 2026-03-31; it was posted 3 times from 2026-01-05 to "
            "2026-04-02: add a row to account.csv",
            "account 300 of entity 20 has no row from 2026-02-01 to 2026-02-01; it was posted 1 time from 2026-02-01 to "
            "2026-02-01: add a row to account.csv",
            "2 gaps, of 2 of 8 codes that were posted"])
        status, out, _ = self.gaps("--json", account=rows)
        answer = json.loads(out)
        self.assertEqual((status, answer["gap_count"], answer["codes_with_gaps"], answer["codes_seen"]), (1, 2, 2, 8))
        self.assertEqual(answer["gaps"][0], {"kind": "account", "entity": "10", "code": "100", "from": "2026-03-01",
                                             "to": "2026-03-31", "first_posted": "2026-01-05", "last_posted": "2026-04-02",
                                             "posted": 3})

    def test_wrong(self):
        """No rules, no ledger, bad rules: each is told."""
        status, _, err = self.run_cli("mapping", "gaps", "--legacy", self.documents)
        self.assertEqual(status, 2)
        self.assertIn("which rules? compare.rules is not set; name their folder: mapping gaps DIR", err)
        status, _, err = self.gaps(account=["*,1,,,,"])
        self.assertEqual(status, 1)
        self.assertIn("account.csv:2: ", err)
        os.remove(os.path.join(self.folder, "rules", "account.csv"))
        status, _, err = self.run_cli("mapping", "gaps", os.path.join(self.folder, "rules"), "--ledger", self.folder + "/none.db")
        self.assertEqual(status, 4, err)


if __name__ == "__main__":
    unittest.main()
