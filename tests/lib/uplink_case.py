"""uplink_case.py - what tests of the real uplink child share: a Mosquitto with mutual TLS, a subscriber, brokers that misbehave.

Why:   the child is driven frame by frame (uplink_frames.py) against brokers that are real, and against bytes that no real one
       can be made to send.
Owns:  a private CA, one Mosquitto a class, one child a test; all gone afterwards.
Rules: 1. Nothing sleeps for a result; every wait has a bound.
Runs in: integration tests.
Tests: the tests that use it.
"""

import os
import queue
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import unittest

import paho.mqtt.client as paho

import servers
import uplink_frames as uplink

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build"))
PROGRAM = os.path.join(BUILD, "tests", "integration", "mqtt_role_test")
TOPIC = "tp1/acme/gw1/up/post/00001"
CONNECT, CONNACK, PUBLISH, PUBACK, SUBSCRIBE, SUBACK, PINGREQ, PINGRESP = 0x10, 0x20, 0x30, 0x40, 0x82, 0x90, 0xC0, 0xD0


def certificate(directory, *arguments):
    subprocess.run([os.path.join(ROOT, "tools", "certificates"), directory, *arguments], check=True,
                   stdout=subprocess.DEVNULL)


class Subscriber:
    """A paho client with mutual TLS that puts each message into a queue."""

    def __init__(self, port, certificates, topic, version=paho.MQTTv5, client_id=""):
        self.messages = queue.Queue()
        ready = threading.Event()
        self.client = paho.Client(client_id=client_id, protocol=version)
        self.client.tls_set(os.path.join(certificates, "ca.crt"), os.path.join(certificates, "client.crt"),
                            os.path.join(certificates, "client.key"))
        self.client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self.client.on_subscribe = lambda *_: ready.set()
        self.client.on_message = lambda _client, _data, message: self.messages.put(message)
        self.client.connect("localhost", port)
        self.client.loop_start()
        if not ready.wait(30):
            raise servers.ServerError("the subscriber was not ready within 30 s")

    def next(self):
        return self.messages.get(timeout=30)

    def publish(self, topic, payload, qos=1, retain=False):
        """Publishes and waits until the broker has it."""
        self.client.publish(topic, payload, qos=qos, retain=retain).wait_for_publish(30)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


class FakeBroker:
    """A TLS server of one handler(connection): what a broker should not do, or Mosquitto cannot be made to do."""

    def __init__(self, certificates, handler, tls12=False, alpn=()):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.path.join(certificates, "server.crt"), os.path.join(certificates, "server.key"))
        if tls12:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if alpn:
            context.set_alpn_protocols(alpn)
        self.context = context
        self.handler = handler
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                plain.settimeout(30)
                with self.context.wrap_socket(plain, server_side=True) as connection:
                    self.handler(connection)
            except OSError:
                pass
            finally:
                plain.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Case(unittest.TestCase):
    """One Mosquitto with mutual TLS and one child for all tests of a class."""

    lines = ()

    @classmethod
    def setUpClass(cls):
        cls.certificates = tempfile.mkdtemp(prefix="twinpost-ca-")
        os.chmod(cls.certificates, 0o755)
        certificate(cls.certificates)
        cls.prepare()
        cls.broker = servers.Mosquitto(certificates=cls.certificates, lines=cls.lines).start()

    @classmethod
    def prepare(cls):
        """More files, before the broker starts."""

    @classmethod
    def tearDownClass(cls):
        cls.broker.stop()
        shutil.rmtree(cls.certificates)

    def setUp(self):
        self.child = uplink.Child(PROGRAM)
        self.addCleanup(self.child.__exit__)

    def connect(self, **more):
        self.child.connect(more.pop("port", self.broker.port), self.certificates, **more)

    def up(self, **more):
        self.connect(**more)
        return self.child.expect(uplink.UP)

    def down(self, kind, *words, **more):
        """A connection that fails: with that class, and each of the words in its sentence."""
        self.connect(**more)
        return self.is_down(kind, *words)

    def is_down(self, kind, *words):
        down = self.child.expect(uplink.DOWN)
        self.assertEqual(down.kind, kind, down)
        for word in words:
            self.assertIn(word, down.text)
        return down


# Packets of MQTT by hand, for what a FakeBroker says and hears.

def exactly(connection, size):
    """So many bytes; OSError at the end of the connection."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise OSError("the child closed")
        data += more
    return data


def packet(connection):
    """The next packet as (first byte, rest)."""
    first, shift, size = exactly(connection, 1)[0], 0, 0
    while True:
        part = exactly(connection, 1)[0]
        size |= (part & 127) << shift
        shift += 7
        if part < 128:
            return first, exactly(connection, size)


def packed(first, rest):
    """A packet with its length."""
    size, length = len(rest), b""
    while True:
        size, part = divmod(size, 128)
        length += bytes([part | (128 if size else 0)])
        if not size:
            return bytes([first]) + length + rest


def publish_packet(topic, payload, number=0, version=5, retain=0):
    """A PUBLISH of QoS 1, or of QoS 0 where number is 0."""
    name = topic.encode()
    return packed(PUBLISH | (2 if number else 0) | retain,
                  struct.pack(">H", len(name)) + name + (struct.pack(">H", number) if number else b"")
                  + (b"\0" if version == 5 else b"") + payload)


def accept(connection, answers=(1,), version=5):
    """Takes CONNECT and SUBSCRIBE and grants what is given; returns the rest of each."""
    hello = packet(connection)[1]
    connection.sendall(b"\x20\x03\x00\x00\x00" if version == 5 else b"\x20\x02\x00\x00")
    first, wish = packet(connection)
    assert first == SUBSCRIBE, first
    connection.sendall(packed(SUBACK, wish[:2] + (b"\0" if version == 5 else b"") + bytes(answers)))
    return hello, wish
