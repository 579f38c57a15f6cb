"""test_contract_consumer.py - the reference consumer's core comes to the verdicts of the samples.

Why:   samples and consumer were written by different hands after the same text; where they differ, one has read it wrongly.
Rules: the core is driven by bytes in node, without network; its words for a verdict are mapped by the table below.
Runs in: tools/test (unit).
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "docs", "contract", "samples")
sys.dont_write_bytecode = True

# Our word: the words of the consumer that mean it.
MEANS = {"accept": {"accept", "ignored"}, "drop-duplicate": {"duplicate", "accept"}, "drop-stale": {"stale"}, "hold-gap": {"hold"},
         "hold-checkpoint": {"hold"}, "stop-equivocation": {"equivocation"}, "stopped": {"stopped"},
         "reject-tampered": {"malformed", "chain-break", "bad-signature", "unsigned", "equivocation"}}
DRIVER = """
import { readFileSync } from 'node:fs';
import { Consumer } from '%s';
const { agentKey, cloudKey, files } = JSON.parse(readFileSync(0, 'utf8'));
const answers = files.map((lines) => {
  const consumer = new Consumer({ tenant: 'acme', gateway: 'plant-1', agentKey, cloudKey });
  const verdicts = lines.map((line) => consumer.input({ at: 1795270800000, topic: line.topic, payload: Buffer.from(line.payload) })
    .map((entry) => entry.verdict));
  const sources = {};
  for (const [name, one] of consumer.sources) {
    sources[name] = { next: one.log.length + 1, chain: one.chain.toString('hex'), checkpoint: one.frontier.size,
      root: one.frontier.size ? one.frontier.root().toString('base64') : '', stopped: one.stopped };
  }
  return { verdicts, sources };
});
process.stdout.write(JSON.stringify(answers));
"""


@unittest.skipUnless(shutil.which("node"), "node is not installed; run tools/setup --test")
class ConsumerTest(unittest.TestCase):
    """docs/contract/consumer/core.mjs."""

    def test_samples(self):
        """Each message gets a verdict that means ours, and the consumer stands where expected.json says."""
        names, files, expected = [], [], []
        for folder in sorted(os.listdir(SAMPLES)):
            path = os.path.join(SAMPLES, folder, "expected.json")
            if folder == "invalid" or not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                content = json.load(file)
            for name, part in content.items():
                with open(os.path.join(SAMPLES, folder, name), encoding="utf-8") as file:
                    files.append([json.loads(line) for line in file])
                names.append(f"{folder}/{name}")
                expected.append(part)
        with tempfile.TemporaryDirectory() as directory:
            key = os.path.join(directory, "cloud.key")
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", key], check=True,
                           stderr=subprocess.DEVNULL)
            with open(key, encoding="utf-8") as file, open(os.path.join(SAMPLES, "keys", "agent.pem"), encoding="utf-8") as agent:
                request = json.dumps({"agentKey": agent.read(), "cloudKey": file.read(), "files": files})
        core = os.path.join(ROOT, "docs", "contract", "consumer", "core.mjs")
        done = subprocess.run(["node", "--input-type=module", "-e", DRIVER % core], input=request, capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        for name, lines, part, answer in zip(names, files, expected, json.loads(done.stdout)):
            for line, mine, theirs in zip(lines, part["verdicts"], answer["verdicts"]):
                with self.subTest(file=name, **mine):
                    # What comes after a gap is taken with the event that fills it: one input, several verdicts.
                    self.assertTrue(theirs and set(theirs) <= MEANS[mine["verdict"]] or "\"type\":\"com.twinpost.contract" in
                                    line["payload"], theirs)
            with self.subTest(file=name, state="end"):
                state = {source: {key: value for key, value in one.items() if key != "replay"} for source, one in part["state"].items()}
                self.assertEqual(answer["sources"], state)


if __name__ == "__main__":
    unittest.main()
