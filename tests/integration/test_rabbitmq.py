"""test_rabbitmq.py - every posting arrives through RabbitMQ 3.10 as it does through Mosquitto.

Why:   it is the broker that many sites have: MQTT 3.1.1 alone, topics translated into AMQP's, a closed connection as its
       answer to MQTT 5.
Owns:  one RabbitMQ a test, on ports and directories of its own.
Rules: 1. The verdict is that of tests/lib/pipeline.py: the same documents to the cent, each once, gapless, chain intact.
Runs in: integration tests.
"""

import os
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import pipeline  # noqa: E402
import servers  # noqa: E402
import uplink_frames as uplink  # noqa: E402
from uplink_case import PROGRAM, Subscriber  # noqa: E402

import paho.mqtt.client as paho  # noqa: E402


class EveryPosting(unittest.TestCase):
    """The whole way, with uplink.mqtt: auto."""

    def test_the_way(self):
        """400 documents, further ones, edits and voids; a broker that is killed and comes again; the agent speaks 3.1.1."""
        with pipeline.Pipeline(400, protocol="3.1.1", broker=servers.RabbitMq) as line:
            line.agent.start()
            line.wait_equal()
            status = line.agent.status()["uplink"]
            self.assertEqual(status["state"], "up")
            self.assertIn("trying the other", open(line.agent.log, encoding="utf-8").read())
            self.assertIn("mqtt=3.1.1", open(line.agent.log, encoding="utf-8").read())
            line.post("--documents", 30)
            line.broker.restart(crash=True)
            line.post("--documents", 20, "--edit", 6, "--void", 3, "--reverse", 2)
            line.wait_equal()
            self.assertEqual(line.agent.stop(), 0, line.agent.tail())
            self.assertEqual(line.judge(), [])


class Child(unittest.TestCase):
    """The uplink child alone."""

    @classmethod
    def setUpClass(cls):
        cls.directory = tempfile.TemporaryDirectory()
        os.chmod(cls.directory.name, 0o755)
        subprocess.run([os.path.join(ROOT, "tools", "certificates"), cls.directory.name], check=True)
        cls.broker = servers.RabbitMq(cls.directory.name).start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.directory.cleanup()

    def setUp(self):
        self.child = uplink.Child(PROGRAM)
        self.addCleanup(self.child.__exit__)

    def connect(self, **more):
        self.child.connect(self.broker.port, self.directory.name, **more)

    def subscriber(self, topic):
        client = Subscriber(self.broker.port, self.directory.name, topic, paho.MQTTv311)
        self.addCleanup(client.close)
        return client

    def test_version_5(self):
        """MQTT 5 is answered by a close before CONNACK."""
        self.connect(version=5)
        self.assertEqual(self.child.expect(uplink.DOWN).kind, uplink.NO_CONNACK)

    def test_both_directions(self):
        """Topics of the contract go through both ways unchanged; acks have reason 0; a will with retain is taken."""
        subscriber = self.subscriber("tp1/acme/gw1/up/#")
        self.connect(version=4, subscriptions=("tp1/acme/gw1/dn/cmd", "tp1/acme/gw1/dn/ack/+"),
                     will=("tp1/acme/gw1/up/state", b"dead", 1))
        self.assertEqual(self.child.expect(uplink.UP).subscriptions, (1, 1))
        self.child.publish(1, "tp1/acme/gw1/up/post/00001", b'{"a":1}')
        self.child.publish(2, "tp1/acme/gw1/up/metric", b"{}", qos=0)
        self.child.publish(3, "tp1/acme/gw1/up/state", b"birth", retain=1)
        self.assertEqual(self.child.answers(3), {1: 0, 2: 0, 3: 0})
        self.assertEqual({(message.topic, message.payload) for message in (subscriber.next() for _ in range(3))},
                         {("tp1/acme/gw1/up/post/00001", b'{"a":1}'), ("tp1/acme/gw1/up/metric", b"{}"),
                          ("tp1/acme/gw1/up/state", b"birth")})
        subscriber.publish("tp1/acme/gw1/dn/ack/00100", b"ack")
        message = self.child.expect(uplink.MESSAGE)
        self.assertEqual(message, uplink.Message(1, 0, "tp1/acme/gw1/dn/ack/00100", b"ack"))
        self.child.process.kill()
        self.assertEqual(subscriber.next().payload, b"dead")

    def test_refusals(self):
        """A topic filter that is not allowed, among one that is; then a message that is not allowed: the broker closes."""
        self.connect(version=4, subscriptions=("tp1/acme/gw1/dn/cmd", "denied/commands"))
        down = self.child.expect(uplink.DOWN)
        self.assertEqual(down.kind, uplink.SUBSCRIBE, down)
        self.connect(version=4, subscriptions=("tp1/acme/gw1/dn/cmd",))
        self.child.expect(uplink.UP)
        self.child.publish(1, "denied/post")
        down = self.child.expect(uplink.DOWN)
        self.assertEqual(down.kind, uplink.NETWORK, down)

    def test_session(self):
        """A session is kept for us, and what came meanwhile is told."""
        subscriber = self.subscriber("nothing/for/us")
        more = {"version": 4, "session_expiry": 3600, "subscriptions": ("tp1/acme/gw1/dn/cmd",), "client_id": "keeper"}
        self.connect(**more)
        self.assertEqual(self.child.expect(uplink.UP).session, 0)
        self.child.disconnect()
        self.assertEqual(self.child.expect(uplink.DOWN).kind, uplink.ASKED)
        subscriber.publish("tp1/acme/gw1/dn/cmd", b"meanwhile")
        self.connect(**more)
        found = {}
        while len(found) < 2:
            kind, payload = self.child.frame()
            found[kind] = self.child.decoded(kind, payload)
        self.assertEqual((found[uplink.UP].session, found[uplink.MESSAGE].payload), (1, b"meanwhile"))


if __name__ == "__main__":
    unittest.main()
