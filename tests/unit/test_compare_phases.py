"""test_compare_phases - the phase of a company in a comparison is the configuration's, on the day of the cut.

Both sides are files of the sample cloud; companies 10 and 20 of the ERP are one company of the cloud. Expected phases are read from the
configuration that the test writes.
"""
import json
import os
import subprocess
import unittest

from cli_case import ROOT, CliCase

PHASES = """phases:
  - {entity: "10", phase: parallel}
  - {entity: "10", phase: cutover, from: 2027-01-01}
  - {entity: "20", phase: shadow}
  - {entity: "20", phase: parallel, from: 2027-01-01}
  - {entity: "30", phase: cutover, from: 2026-10-01}
  - {entity: "40", documents: [invoice], phase: parallel}
"""


class Phases(CliCase):
    def setUp(self):
        super().setUp()
        tool = os.path.join(ROOT, "tools", "sample-cloud")
        subprocess.run([tool, "rules", "--output", os.path.join(self.folder, "rules")], check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(self.folder, "rules", "entity.csv"), "w", encoding="utf-8") as file:
            file.write("entity,from,to,valid_from,valid_to,note\n*,10,C1,,,\n*,20,C1,,,\n*,*,=,,,\n")
        subprocess.run([tool, "generate", "--pairs", "200", "--seed", "1", "--rules", "rules", "--legacy", "legacy.csv", "--cloud",
                        "cloud.csv"], check=True, stdout=subprocess.DEVNULL, cwd=self.folder)

    def phases(self, name, at, *arguments):
        """{company of the cloud: phase} of a run."""
        status, out, err = self.run_cli("compare", "run", "--legacy", "legacy.csv", "--cloud", "cloud.csv", "--rules", "rules", "--at",
                                        at, "--output", name, *arguments)
        self.assertEqual((status, err), (0, ""), out)
        with open(os.path.join(self.folder, name, "run.json"), encoding="utf-8") as file:
            return {one["entity"]: one["phase"] for one in json.load(file)["readiness"]}

    def test_phases(self):
        """By day; of two companies that became one the less advanced; of kinds of documents too (unnamed ones are in shadow)."""
        config = os.path.join(self.folder, "c.yaml")
        with open(config, "w", encoding="utf-8") as file:
            file.write("tenant: a\ngateway: b\nuplink: {host: h, ca_file: ca.pem}\nsources:\n  - {name: erp, profile: jde, dsn: D}\n"
                       + PHASES)
        self.assertEqual(self.phases("one", "2026-12-31", "--config", config), {"C1": "shadow", "30": "cutover", "40": "shadow"})
        self.assertEqual(self.phases("two", "2027-01-01", "--config", config), {"C1": "parallel", "30": "cutover", "40": "shadow"})

    def test_without_configuration(self):
        """No phase is known: parallel is assumed, as two files are compared for nothing else."""
        self.assertEqual(set(self.phases("none", "2026-12-31").values()), {"parallel"})


if __name__ == "__main__":
    unittest.main()
