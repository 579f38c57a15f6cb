"""test_broker_profiles.py - the agent keeps the limits of hosted brokers, each enforced by tests/lib/strict_broker.py.

Why:   a hosted broker closes the connection, or drops the message, on what Mosquitto takes.
Shows: the strict broker objects to each thing it claims to forbid (by a client that does it on purpose); the agent with
       uplink.broker set never gives it a reason, and everything arrives.
Runs in: tools/test (integration).
"""

import os
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import pipeline  # noqa: E402
import servers  # noqa: E402
import strict_broker  # noqa: E402


class StrictBrokerTest(unittest.TestCase):
    """What the services forbid, done on purpose."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="twinpost-strict-")
        cls.certificates = cls.folder.name
        subprocess.run([os.path.join(ROOT, "tools", "certificates"), cls.certificates], check=True, stdout=subprocess.DEVNULL)
        cls.broker = servers.Mosquitto(certificates=cls.certificates).start()

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        cls.folder.cleanup()

    def client(self, strict, alpn=None, will=None, keepalive=30, expiry=0, name="gw"):
        """An MQTT 5 client and the event of its connection."""
        client = mqtt.Client(client_id=name, protocol=mqtt.MQTTv5)
        context = ssl.create_default_context(cafile=f"{self.certificates}/ca.crt")
        context.load_cert_chain(f"{self.certificates}/client.crt", f"{self.certificates}/client.key")
        if alpn:
            context.set_alpn_protocols([alpn])
        client.tls_set_context(context)
        if will:
            client.will_set("tp1/acme/gw1/up/state", b"gone", **will)
        client.max_inflight_messages_set(1000)
        up = threading.Event()
        client.on_connect = lambda *_: up.set()
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = expiry
        client.connect("localhost", strict.port, keepalive, clean_start=True, properties=properties)
        client.loop_start()
        self.addCleanup(client.loop_stop)
        self.addCleanup(client.disconnect)
        return client, up

    def breaks(self, profile, what, act, limits=None, **how):
        """The act is noted as a violation that names `what`, and the connection ends."""
        with strict_broker.StrictBroker(profile, self.broker.port, self.certificates, limits=limits) as strict:
            client, up = self.client(strict, **how)
            if act:
                self.assertTrue(up.wait(10))
                act(client)
            # The broker is asked: where the end meets it while it writes, paho's thread dies without a word.
            servers.wait_for("the connection ends", lambda: strict.peaks)
            self.assertIn(what, " | ".join(strict.violations))

    def test_sizes_and_topics(self):
        """A packet, a topic, its levels over the limit."""
        alpn = {"alpn": "x-amzn-mqtt-ca"}
        self.breaks("aws-iot", "bytes of a packet", lambda c: c.publish("a", b"x" * 131072, 1), **alpn)
        self.breaks("aws-iot", "bytes of the topic", lambda c: c.publish("a" * 257, b"x", 1), **alpn)
        self.breaks("aws-iot", "slashes", lambda c: c.publish("a/b/c/d/e/f/g/h/i", b"x", 1), **alpn)

    def test_what_is_not_spoken(self):
        """QoS 2, a retained message, a retained will, a long session, a slow keep alive, no ALPN."""
        self.breaks("eventgrid", "QoS: 2", lambda c: c.publish("a", b"x", 2))
        self.breaks("eventgrid", "a retained message", lambda c: c.publish("a", b"x", 1, retain=True))
        self.breaks("eventgrid", "a retained will", None, will={"qos": 1, "retain": True})
        self.breaks("eventgrid", "session expiry", None, expiry=8 * 3600 + 1)
        self.breaks("eventgrid", "keep alive", None, keepalive=1161)
        self.breaks("aws-iot", "QoS of the will", None, will={"qos": 2}, alpn="x-amzn-mqtt-ca")
        with strict_broker.StrictBroker("aws-iot", self.broker.port, self.certificates) as strict:
            with self.assertRaises(OSError):
                context = ssl.create_default_context(cafile=f"{self.certificates}/ca.crt")
                context.load_cert_chain(f"{self.certificates}/client.crt", f"{self.certificates}/client.key")
                with servers.socket.create_connection(("127.0.0.1", strict.port)) as raw:
                    with context.wrap_socket(raw, server_hostname="localhost") as tls:
                        if tls.recv(1) == b"":
                            raise OSError("closed")
            self.assertIn("ALPN None", " ".join(strict.violations))

    def test_rates_and_windows(self):
        """More unanswered messages than allowed; more in a second than allowed."""
        def many(count):
            return lambda client: [client.publish("a", b"x" * 100, 1) for _ in range(count)]
        self.breaks("eventgrid", "unanswered messages", many(200), limits={"in_flight": 0, "publishes": None})
        self.breaks("eventgrid", "publishes in a second", many(2500),
                    limits={"in_flight": None, "in_flight_bytes": None, "publishes": 100})


class AgentTest(unittest.TestCase):
    """The agent behind each strict broker: everything arrives, and no limit is broken."""

    def through(self, profile, documents, more=None, breaks=None):
        """A whole run; breaks: the agent is told nothing of the broker and must be seen to break a limit."""
        with pipeline.Pipeline(documents, more={"uplink.in_flight": None, "uplink.checkpoint_period": "2s",
                                                "uplink.heartbeat": "5s", **(more or {})}) as line:
            with strict_broker.StrictBroker(profile, line.broker.port, line.certificates) as strict:
                line.agent.set("uplink.port", strict.port)
                if not breaks:
                    line.agent.set("uplink.broker", profile)
                line.agent.write_config()
                line.agent.start()
                if breaks:
                    line.agent.wait(f"{profile} objects", lambda: strict.violations)
                    self.assertIn(breaks, " | ".join(strict.violations))
                    return
                line.wait_equal()
                line.agent.wait("the last answers are taken", lambda: line.agent.caught_up())
                line.agent.stop()
                self.assertEqual(strict.violations, [])
                self.assertEqual(line.judge(), [])
                limit = strict_broker.LIMITS[profile].get("publishes")
                if limit:
                    self.assertLessEqual(max(strict.peaks), limit * 1.5)

    def test_aws_iot(self):
        """100 publishes a second, 100 unanswered, ALPN."""
        self.through("aws-iot", 300, {"uplink.alpn": "x-amzn-mqtt-ca"})

    def test_eventgrid(self):
        """64 KB unanswered, nothing retained, no long session."""
        self.through("eventgrid", 300)

    def test_hivemq(self):
        """10 unanswered."""
        self.through("hivemq", 300)

    def test_emqx(self):
        """10 publishes a second: of the serverless plan alone, so the site says it."""
        self.through("emqx", 60, {"uplink.rate_messages": 10})

    def test_a_site_that_does_not_say_its_broker(self):
        """Without uplink.broker the same agent does break a limit: the runs above could fail."""
        self.through("eventgrid", 300, breaks="session expiry")
        self.through("hivemq", 300, {"uplink.in_flight": 100}, breaks="unanswered messages")


if __name__ == "__main__":
    unittest.main()
