"""test_contract.py - what the agent sends is what the contract says: strict schemas and the judge of the samples.

Why:   schemas and samples are worth something only while the agent keeps to them.
Rules: a listener of its own takes every message of the agent as it is on the wire; nothing of the sample cloud is used.
Runs in: tools/test (integration).
"""

import os
import sys
import unittest

import paho.mqtt.client as mqtt

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tests", "lib"), os.path.join(ROOT, "tests", "unit")]

import contract_judge  # noqa: E402
import servers  # noqa: E402
import test_contract_schemas as contract  # noqa: E402
from pipeline import Pipeline  # noqa: E402

DOCUMENTS = 60
KEYS = os.path.join(ROOT, "docs", "contract", "samples", "keys")


@unittest.skipUnless(contract.INSTALLED, "node or the packages of tests/contract_tools are not installed; run tools/setup --test")
class AgentTest(unittest.TestCase):
    """One run of the agent, with documents that are posted, edited and voided while it runs."""

    def listen(self, pipeline, messages):
        """A subscriber to everything below the gateway."""
        client = mqtt.Client("contract-listener")
        client.tls_set(*(os.path.join(pipeline.certificates, name) for name in ("ca.crt", "client.crt", "client.key")))
        client.on_message = lambda _client, _data, message: messages.append((message.topic, message.payload.decode()))
        ready = []
        client.on_subscribe = lambda *_: ready.append(True)
        client.connect(servers.LOOPBACK, pipeline.broker.port)
        client.subscribe("tp1/acme/gw1/#", 1)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        servers.wait_for("the listener", lambda: ready)

    def test_every_message(self):
        """Every message is valid by the strict twin of its schema; ids, leaves and chains are what the judge makes of them."""
        messages = []
        with Pipeline(DOCUMENTS, subscriber=False) as pipeline:
            self.listen(pipeline, messages)
            pipeline.agent.start()
            events = lambda: [payload for topic, payload in list(messages) if "/up/post/" in topic]  # noqa: E731
            pipeline.agent.wait("all documents", lambda: len(events()) >= DOCUMENTS)
            changed = pipeline.post("--documents", 20, "--edit", 3, "--void", 2)
            self.assertTrue(changed)
            pipeline.agent.wait("an edit and a void", lambda: any(".amended." in text for text in events()) and
                                any(".voided." in text for text in events()))
            pipeline.agent.stop()
        jobs = [(schema, True, value) for topic, payload in messages for schema, value in contract.parts_of(topic, payload)]
        self.assertGreater(len(jobs), 2 * DOCUMENTS)
        wrong = [(job, errors) for job, errors in zip(jobs, contract.check(jobs)["jobs"]) if errors]
        self.assertEqual(wrong[:3], [])
        pems = []
        for name in ("agent", "cloud"):
            with open(os.path.join(KEYS, f"{name}.pem"), encoding="utf-8") as file:
                pems.append(file.read())
        judge = contract_judge.Judge(*pems)
        verdicts = {judge.judge(topic, payload)[0] for topic, payload in messages if "/up/post/" in topic}
        self.assertLessEqual(verdicts, {"accept", "drop-duplicate", "hold-gap"})
        self.assertEqual([source for source in judge.sources.values() if source.stopped or source.events], [])


if __name__ == "__main__":
    unittest.main()
