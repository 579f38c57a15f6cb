"""test_conformance.py - the runner judged: both consumers pass every case; each fault built in is found by its cases alone.

Why:   a judge that lets everything pass, or nothing, is worth nothing.
Rules: the producer's hashes are compared with sha256sum, its signatures with openssl; trees with values worked out by hand.
Runs in: tools/test (unit); starts Mosquitto with mutual TLS; the JavaScript consumer needs node and its package mqtt.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib")]

import broken_cloud  # noqa: E402
import js_core  # noqa: E402
import servers  # noqa: E402
import tp1  # noqa: E402
from conformance_kit import cases  # noqa: E402

OPTIONS = ("receive --host {host} --port {port} --ca {ca} --cert {cert} --key {key} --tenant {tenant} --gateway {gateway} "
           "--agent-key {agent_key} --cloud-key {cloud_key} --database {state}/cloud.db --repeat 2 --patience 1")
CONSUMER = os.path.join(ROOT, "docs", "contract", "consumer")
TOGETHER = 6  # runs at the same time: they wait more than they work


def sha256sum(data):
    """H(data) by coreutils."""
    return bytes.fromhex(subprocess.run(["sha256sum"], input=data, stdout=subprocess.PIPE, check=True).stdout.split()[0].decode())


class ProducerTest(unittest.TestCase):
    """tests/lib/tp1.py against other tools."""

    def test_trees_by_hand(self):
        """Trees of 0 to 7 leaves, written out, hashed by sha256sum."""
        a, b, c, d, e, f, g = (bytes([n]) * 32 for n in range(7))

        def n(left, right):
            return sha256sum(b"\1" + left + right)
        self.assertEqual(tp1.tree_hash([]), sha256sum(b""))
        for leaves, root in (([a], a), ([a, b], n(a, b)), ([a, b, c], n(n(a, b), c)), ([a, b, c, d], n(n(a, b), n(c, d))),
                             ([a, b, c, d, e], n(n(n(a, b), n(c, d)), e)),
                             ([a, b, c, d, e, f, g], n(n(n(a, b), n(c, d)), n(n(e, f), g)))):
            self.assertEqual(tp1.tree_hash(leaves), root)
        self.assertEqual(tp1.inclusion([a, b, c, d, e, f, g], 4), [f, g, n(n(a, b), n(c, d))])

    def test_the_contracts_own_event(self):
        """The event that docs/contract shows from the agent itself: leaf and chain of the maker's formulas."""
        lines = ("tp1/leaf/v1\nurn:twinpost:acme:demo:00050:1795239650\n00000000000000000002\nc3c7707172bd1ad0025842109fb57aef\n"
                 "com.twinpost.invoice.recorded.v1\n00050/invoice/2025/RI-1001\n1\n2026-11-21T05:40:50.342Z\n"
                 "urn:twinpost:schema:invoice:1.0\naa2368c066532cdd4d17a7104d128ffad2aa5758cfcaa274f53604222298facd\n")
        leaf = tp1.sha256(b"\0", lines.encode())
        self.assertEqual(leaf.hex(), "92536a6ef3136f3858d717d2231d7c5dedc095abbb6954aa937daa803c587da6")
        before = bytes.fromhex("483498e5ad5249be4c4beddeb3893542b2e93bc12b50e8312dec8080050eaf91")
        self.assertEqual(tp1.sha256(b"\2", before, leaf).hex(), "8a375173a84449af06fa672425834b23ec8c84bb7f3f6b3c2899828fd4db895e")

    def test_openssl_accepts_its_notes(self):
        """`openssl dgst -verify` accepts a checkpoint; the key id is the hash of the DER key that openssl writes."""
        gateway = tp1.Gateway()
        stream = gateway.stream("00100")
        stream.event(tp1.journal(1))
        text, [(name, number, signature)] = tp1.note_parts(stream.checkpoint())
        with tempfile.TemporaryDirectory() as directory:
            for file, content in (("key", gateway.key.public_pem), ("sig", signature), ("text", text)):
                with open(os.path.join(directory, file), "wb") as out:
                    out.write(content)
            done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "sig", "text"], cwd=directory,
                                  stdout=subprocess.PIPE, text=True, check=True)
            der = subprocess.run(["openssl", "pkey", "-pubin", "-in", "key", "-outform", "DER"], cwd=directory, check=True,
                                 stdout=subprocess.PIPE).stdout
        self.assertEqual((done.stdout.strip(), name, number), ("Verified OK", "acme/gw1", sha256sum(der)[:4]))


class ConformanceTest(unittest.TestCase):
    """The runner and consumers, good and broken."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        subprocess.run([os.path.join(ROOT, "tools", "certificates"), cls.directory.name], check=True, stdout=subprocess.DEVNULL)
        cls.broker = servers.Mosquitto(certificates=cls.directory.name).start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.directory.cleanup()

    def run_it(self, command, tenant, *more, environment=None):
        """(exit status, output) of the runner; each tenant is a world of its own at the same broker."""
        place = self.directory.name
        done = subprocess.run(
            [os.path.join(ROOT, "tools", "conformance"), "--host", servers.LOOPBACK, "--port", str(self.broker.port), "--ca",
             f"{place}/ca.crt", "--cert", f"{place}/client.crt", "--key", f"{place}/client.key", "--tenant", tenant, "--command",
             command, "--log", *more], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=300,
            env={**os.environ, **(environment or {})})
        return done.returncode, done.stdout

    def passes(self, command, tenant):
        """All cases pass, and all were played."""
        status, output = self.run_it(command, tenant)
        self.assertEqual(status, 0, output)
        self.assertIn(f"# {len(cases.CASES)} cases passed, 0 failed", output)

    def test_sample_cloud_passes(self):
        """The Python consumer keeps every MUST."""
        self.passes(f"{ROOT}/tools/sample-cloud {OPTIONS} --client-id good-cloud", "good-cloud")

    @unittest.skipUnless(js_core.NODE and os.path.isdir(os.path.join(CONSUMER, "node_modules", "mqtt")),
                         "node or its package mqtt is not installed (npm ci in docs/contract/consumer)")
    def test_reference_consumer_passes(self):
        """The JavaScript consumer keeps every MUST."""
        self.passes(f"{js_core.NODE} {CONSUMER}/consumer.mjs", "good-js")

    def test_each_fault_is_found_by_its_cases_alone(self):
        """Every fault of broken_cloud.py fails exactly the cases it names."""
        def judge(name):
            command = f"/usr/bin/python3 {ROOT}/tests/lib/broken_cloud.py {OPTIONS} --client-id {name}"
            return name, self.run_it(command, name, "--bound", "8", "--repeat-bound", "8", environment={"BROKEN": name})
        with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
            for name, (status, output) in pool.map(judge, broken_cloud.FAULTS):
                with self.subTest(fault=name):
                    failed = set(re.findall(r"^not ok \d+ - (\S+)", output, re.M))
                    _, meant, perhaps = broken_cloud.FAULTS[name]
                    self.assertEqual((status, failed - (perhaps - meant)), (1, meant), output)

    def test_each_case_is_failed_by_some_fault(self):
        """No case passes whatever the consumer does."""
        found = set().union(*(meant for _, meant, _ in broken_cloud.FAULTS.values()))
        self.assertEqual({name for _, name, _, _ in cases.CASES} - found, set())

    def test_usage(self):
        """Help, the list, a wrong case, and a consumer that dies at once or never answers: exit codes and words."""
        tool = os.path.join(ROOT, "tools", "conformance")
        for words, status, text in ((["--help"], 0, "TP1_AGENT_KEY"), (["--list"], 0, "equivocation/event"),
                                    (["--case", "nonsense", "--command", "x"], 2, "no case nonsense")):
            done = subprocess.run([tool, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual((done.returncode, text in done.stdout), (status, True), done.stdout)
        status, output = self.run_it("false", "dead")
        self.assertEqual((status, "the consumer ended with 1" in output), (2, True), output)


if __name__ == "__main__":
    unittest.main()
