"""test_mqtt_role.py - the real uplink child against a real Mosquitto over TLS, and against brokers that misbehave.

Why:   what libmosquitto and OpenSSL do in trouble is known only by doing it; each sentence a person may meet is read here.
Owns:  a private CA and its certificates, one Mosquitto with mutual TLS, further servers a test.
Rules: 1. The test plays the core (tests/lib/uplink_frames.py): no other part of the product takes part.
       2. Nothing sleeps for a result; what must not happen is shown by the next thing that must.
Runs in: integration tests.
"""

import os
import queue
import shutil
import socket
import struct
import subprocess
import sys
import time
import unittest

import paho.mqtt.client as paho

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import servers  # noqa: E402
import uplink_frames as uplink  # noqa: E402
from uplink_case import PROGRAM, TOPIC, Case, FakeBroker, Subscriber, certificate  # noqa: E402


class Publishing(Case):
    """What goes through."""

    def test_version_5(self):
        """A v5 connection: UP says TLS 1.3 and the broker's limits; a subscriber gets payload and properties."""
        subscriber = Subscriber(self.broker.port, self.certificates, "tp1/#")
        self.addCleanup(subscriber.close)
        up = self.up()
        self.assertEqual(up, uplink.Up(5, 0, 1000, 0, 1, "TLSv1.3"))
        self.child.publish(7, TOPIC, b'{"a":1}')
        self.assertEqual(self.child.answers(1), {7: 0})
        message = subscriber.next()
        self.assertEqual((message.topic, message.payload, message.qos, message.retain), (TOPIC, b'{"a":1}', 1, False))
        self.assertEqual(message.properties.ContentType, uplink.CONTENT_TYPE)
        self.assertEqual(message.properties.PayloadFormatIndicator, 1)
        # Another content type, none, and back: the kept property list follows.
        for number, content in enumerate(("application/octet-stream", "", uplink.CONTENT_TYPE)):
            self.child.publish(8 + number, TOPIC, content_type=content)
            self.assertEqual(self.child.answers(1), {8 + number: 0})
            properties = subscriber.next().properties
            self.assertEqual(getattr(properties, "ContentType", ""), content)
            self.assertEqual(hasattr(properties, "PayloadFormatIndicator"), "utf-8" in content)
        self.child.disconnect()
        self.is_down(uplink.ASKED, f"localhost:{self.broker.port}")

    def test_version_311(self):
        """A 3.1.1 connection: acks have reason 0; the window is opened wide."""
        subscriber = Subscriber(self.broker.port, self.certificates, "tp1/#", paho.MQTTv311)
        self.addCleanup(subscriber.close)
        up = self.up(version=4)
        self.assertEqual((up.version, up.receive_max, up.tls), (4, 65535, "TLSv1.3"))
        for token in range(1, 101):
            self.child.publish(token, TOPIC, str(token).encode())
        self.assertEqual(self.child.answers(100), {token: 0 for token in range(1, 101)})
        self.assertEqual([subscriber.next().payload for _ in range(100)], [b"%d" % t for t in range(1, 101)])

    def test_a_thousand_in_flight(self):
        """The largest window at once, large messages among them: each token is answered once."""
        self.up()
        for token in range(1, 1001):
            self.child.publish(token, TOPIC, b"x" * (60000 if token % 50 == 0 else 600))
        self.assertEqual(self.child.answers(1000), {token: 0x10 for token in range(1, 1001)})

    def test_no_subscriber(self):
        """MQTT 5 reason 0x10 comes through when nobody listens."""
        self.up()
        self.child.publish(1, "tp1/acme/gw1/up/post/nobody")
        self.assertEqual(self.child.answers(1), {1: 0x10})

    def test_qos_0(self):
        """QoS 0 is answered once it is handed to the network."""
        self.up()
        self.child.publish(1, TOPIC, qos=0)
        self.assertEqual(self.child.answers(1), {1: 0})

    def test_one_child_many_connections(self):
        """Fifty connections of one child, good and failed, leave no descriptor and no memory of the former."""
        self.up()
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        before = len(os.listdir(f"/proc/{self.child.process.pid}/fd"))
        for number in range(50):
            if number % 5 == 0:
                self.down(uplink.TLS, host="127.0.0.1", certificate="", key="")
                continue
            self.up(version=5 - number % 2)
            self.child.publish(number, TOPIC)
            self.assertEqual(list(self.child.answers(1)), [number])
            self.child.disconnect()
            self.is_down(uplink.ASKED)
            self.child.publish(1, TOPIC)  # of a connection that has ended: ignored
        self.assertEqual(len(os.listdir(f"/proc/{self.child.process.pid}/fd")), before)
        self.assertEqual(self.child.close(), 0)

    def test_last_will(self):
        """The will is published when the child dies, and not when it is asked to disconnect."""
        subscriber = Subscriber(self.broker.port, self.certificates, "tp1/acme/gw1/up/state")
        self.addCleanup(subscriber.close)
        will = ("tp1/acme/gw1/up/state", b"dead", 0)
        self.up(will=will)
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.up(will=will)
        self.child.publish(1, "tp1/acme/gw1/up/state", b"alive")
        self.child.answers(1)
        self.child.process.kill()
        self.assertEqual([subscriber.next().payload, subscriber.next().payload], [b"alive", b"dead"])

    def test_the_core_goes_or_speaks_nonsense(self):
        """The end of the core's socket ends the child with 0; nonsense from the core with 1, in and out of a connection."""
        self.up()
        self.assertEqual(self.child.close(), 0)
        for connected in (False, True):
            for kind, payload in ((99, b""), (uplink.CONNECT, b"x"), (uplink.PUBLISH, b"x")):
                with uplink.Child(PROGRAM) as child:
                    if connected:
                        child.connect(self.broker.port, self.certificates)
                        child.expect(uplink.UP)
                    child.send(kind, payload)
                    self.assertEqual(child.process.wait(20), 1)


class Limits(Case):
    """What the broker refuses."""

    @classmethod
    def prepare(cls):
        acl = os.path.join(cls.certificates, "acl")
        with open(acl, "w", encoding="utf-8") as file:
            file.write("topic readwrite tp1/acme/gw1/up/post/00001\n")
        os.chmod(acl, 0o644)
        # Mosquitto 2.0.11 closes the connection after each refusal where max_queued_messages is 0 (unlimited).
        cls.lines = (f"acl_file {acl}", "max_packet_size 2000", "message_size_limit 1700", "max_queued_messages 9999")

    def test_not_authorised(self):
        """An access list's denial is 0x87 in MQTT 5; in 3.1.1 it looks like success, which no client can tell."""
        self.up()
        self.child.publish(1, "tp1/acme/gw1/up/post/00002")
        self.child.publish(2, TOPIC)
        self.assertEqual(self.child.answers(2), {1: 0x87, 2: 0x10})
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.up(version=4)
        self.child.publish(1, "tp1/acme/gw1/up/post/00002")
        self.assertEqual(self.child.answers(1), {1: 0})

    def test_packet_size(self):
        """Over the broker's Maximum Packet Size (2000) the child answers 0x95 itself; the connection lives. The largest
        packet that fits goes out: 1 + 2 (length 1997) + 2 + 26 (topic) + 2 (id) + 1 + 48 (properties: 2 + 3 + 43) + 1918."""
        self.assertEqual(self.up().packet_max, 2000)
        self.assertEqual((len(TOPIC), len(uplink.CONTENT_TYPE)), (26, 43))
        self.child.publish(1, TOPIC, b"x" * 1919)
        self.assertEqual(self.child.answers(1), {1: 0x95})
        self.child.publish(2, TOPIC, b"x" * 1918)
        # It fits a packet, but not the broker's limit for payloads: now it is the broker who says 0x95.
        self.assertEqual(self.child.answers(1), {2: 0x95})
        self.child.publish(3, TOPIC, b"x" * 1700)
        self.child.publish(4, TOPIC, b"x" * 1701)
        self.assertEqual(self.child.answers(2), {3: 0x10, 4: 0x95})


class Login(Case):
    """User names and passwords."""

    @classmethod
    def prepare(cls):
        users = os.path.join(cls.certificates, "users")
        subprocess.run([servers.find_program("mosquitto_passwd"), "-b", "-c", users, "gw1", "right"], check=True)
        os.chmod(users, 0o644)
        cls.lines = (f"password_file {users}", "allow_anonymous false")

    def setUp(self):
        environment = {"GOOD_PASSWORD": "right", "BAD_PASSWORD": "wrong"}
        self.child = uplink.Child(PROGRAM, environment)
        self.addCleanup(self.child.__exit__)

    def test_password(self):
        """The password comes from where it is referred to; a wrong one is REFUSED with the reason of either version."""
        for version in (5, 4):
            self.up(version=version, user="gw1", password=("env", "GOOD_PASSWORD"))
            self.child.disconnect()
            self.is_down(uplink.ASKED)
            down = self.down(uplink.REFUSED, "refuses the connection", "not authorised", "uplink.password",
                             version=version, user="gw1", password=("env", "BAD_PASSWORD"))
            self.assertEqual(down.reason, {5: 0x87, 4: 5}[version])
            self.assertNotIn("wrong", down.text)

    def test_password_is_not_there(self):
        """A reference that leads nowhere is LOCAL, and names the key and the place."""
        self.down(uplink.LOCAL, "uplink.password", "NO_SUCH", user="gw1", password=("env", "NO_SUCH"))


class Trust(Case):
    """Certificates and keys: each trouble has its own sentence."""

    @classmethod
    def prepare(cls):
        directory = cls.certificates
        certificate(directory, "--server", "localhost", "--as", "expired", "--expired")
        certificate(directory, "--server", "localhost", "--as", "future", "--not-yet-valid")
        certificate(directory, "--server", "localhost", "--as", "stranger", "--other-ca")
        certificate(directory, "--server", "other.example,10.1.2.3", "--as", "named")
        certificate(directory, "--client", "twinpost", "--as", "client-expired", "--expired")
        certificate(directory, "--client", "twinpost", "--as", "client-stranger", "--other-ca")
        certificate(directory, "--client", "twinpost", "--as", "client-two")
        openssl = ["openssl", "ec", "-in", os.path.join(directory, "client.key"), "-aes256", "-passout", "pass:secret"]
        subprocess.run([*openssl, "-out", os.path.join(directory, "locked.key")], check=True, stderr=subprocess.DEVNULL)
        for name, text in (("empty", ""), ("words", "no certificate\n")):
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(text)

    def setUp(self):
        self.child = uplink.Child(PROGRAM, {"KEY_PASSWORD": "secret", "WRONG_PASSWORD": "guess"})
        self.addCleanup(self.child.__exit__)

    def with_server(self, name):
        self.broker.use_certificate(name)
        self.broker.restart()
        self.addCleanup(self.broker.restart)
        self.addCleanup(self.broker.use_certificate, "server")

    def test_server_expired(self):
        self.with_server("expired")
        self.down(uplink.TLS, "the broker's certificate", "CN = localhost", "has expired on 20", "the clock here says")

    def test_server_not_yet_valid(self):
        self.with_server("future")
        self.down(uplink.TLS, "the broker's certificate", "not yet valid: it begins on 20", "set the clock")

    def test_server_of_unknown_ca(self):
        self.with_server("stranger")
        self.down(uplink.TLS, "unknown CA", "CN = Some other CA", "uplink.ca_file", "/ca.crt")

    def test_wrong_host_name(self):
        """The name is checked against the certificate's, and an address against its addresses."""
        self.with_server("named")
        self.down(uplink.TLS, "wrong host name", "for other.example 10.1.2.3, not for localhost", "uplink.host")
        self.down(uplink.TLS, "wrong host name", "not for 127.0.0.1", host="127.0.0.1")

    def test_address_in_the_certificate(self):
        self.assertEqual(self.up(host="127.0.0.1").version, 5)

    def test_no_client_certificate(self):
        for version in (5, 4) * 10:
            self.down(uplink.TLS, "demands a client certificate", "uplink.certificate_file", version=version,
                      certificate="", key="")

    def test_client_certificate_refused(self):
        self.down(uplink.TLS, "does not know the CA of our certificate", certificate="client-stranger.crt",
                  key="client-stranger.key")
        self.down(uplink.TLS, "alert 45", "our certificate has expired on 20", certificate="client-expired.crt",
                  key="client-expired.key")

    def test_key_of_another_certificate(self):
        self.down(uplink.LOCAL, "uplink.key_file", "client-two.key is not the key of", "client.crt", key="client-two.key")

    def test_encrypted_key(self):
        self.up(key="locked.key", key_password=("env", "KEY_PASSWORD"))
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.down(uplink.LOCAL, "locked.key is encrypted", "uplink.key_password is not set", key="locked.key")
        down = self.down(uplink.LOCAL, "locked.key cannot be decrypted", "uplink.key_password is wrong", key="locked.key",
                         key_password=("env", "WRONG_PASSWORD"))
        self.assertNotIn("guess", down.text)
        self.down(uplink.LOCAL, "uplink.key_password", "NO_SUCH", key="locked.key", key_password=("env", "NO_SUCH"))

    def test_files(self):
        """Absent, empty and foreign files, each by its key of the configuration."""
        for what, key in (("ca", "ca_file"), ("certificate", "certificate_file"), ("key", "key_file")):
            self.down(uplink.LOCAL, f"uplink.{key}", "No such file", "/absent", **{what: "absent"})
            self.down(uplink.LOCAL, f"uplink.{key}", "/empty is empty", **{what: "empty"})
            self.down(uplink.LOCAL, f"uplink.{key}", "/words holds no", **{what: "words"})
        self.down(uplink.LOCAL, "uplink.key_file is not set", key="")

    def test_unreadable_file(self):
        """A key that the child's user may not read (it belongs to the one who made it)."""
        user = "nobody" if os.geteuid() == 0 else None
        if not user:
            os.chmod(os.path.join(self.certificates, "client-two.key"), 0)
        with uplink.Child(PROGRAM, user=user) as child:
            child.connect(self.broker.port, self.certificates, certificate="client-two.crt", key="client-two.key")
            down = child.expect(uplink.DOWN)
        self.assertEqual(down.kind, uplink.LOCAL, down)
        self.assertIn("uplink.key_file: cannot open", down.text)
        self.assertIn("Permission denied", down.text)

    def test_rotation(self):
        """Files that were replaced by rename are used by the next connection, without a new child."""
        self.down(uplink.LOCAL, "is not the key of", key="client-two.key")
        swapped = os.path.join(self.certificates, "rotated.key")
        shutil.copy(os.path.join(self.certificates, "client-two.key"), swapped)
        self.down(uplink.LOCAL, "is not the key of", key="rotated.key")
        shutil.copy(os.path.join(self.certificates, "client.key"), swapped + ".new")
        os.rename(swapped + ".new", swapped)
        self.assertEqual(self.up(key="rotated.key").version, 5)


class Network(Case):
    """What the network and the broker's end look like."""

    def test_nobody_there(self):
        port = servers.free_port()
        self.down(uplink.NETWORK, f"localhost:{port}: connection refused", "uplink.port", port=port)
        self.down(uplink.NETWORK, "no.such.name.invalid:8883: the host name is not found", port=8883,
                  host="no.such.name.invalid")

    def test_port_without_tls(self):
        with servers.Mosquitto() as plain:
            self.down(uplink.NETWORK, "closed during the TLS handshake: no TLS on this port", "8883", port=plain.port)
        talker = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(talker.close)
        self.connect(port=talker.getsockname()[1])
        with talker.accept()[0] as connection:
            connection.sendall(b"SSH-2.0-not a broker\r\n")
            self.is_down(uplink.TLS, "does not speak TLS", "8883")

    def test_broker_stops(self):
        """An orderly stop, a kill: DOWN with class and words, and a later connection works. What was unanswered is not
        answered."""
        self.up()
        self.broker.halt()
        # Mosquitto 2.0 says 0x8B or just closes.
        down = self.child.expect(uplink.DOWN)
        self.assertIn(down.kind, (uplink.BROKER, uplink.NETWORK), down)
        self.broker.start()
        self.up()
        self.broker.freeze()
        self.child.publish(1, TOPIC)
        self.broker.kill()
        self.is_down(uplink.NETWORK, "the connection was lost")
        self.broker.start()
        self.up()

    def test_taken_over(self):
        """Another client with our id: Mosquitto 2.0.11 just closes; the sentence names the possibility."""
        self.up(client_id="twin")
        other = Subscriber(self.broker.port, self.certificates, "tp1/#", client_id="twin")
        self.addCleanup(other.close)
        self.is_down(uplink.NETWORK, "closed by the broker", "does another client use our client_id?")

    def test_stalled_handshake(self):
        """Packets dropped while connecting: the child says so at the time limit and uses no processor meanwhile."""
        with servers.Proxy(self.broker.port) as proxy:
            proxy.stall()
            begun, used = time.monotonic(), self.child.cpu_seconds()
            self.down(uplink.NETWORK, "no TLS handshake within 3 s", port=proxy.port, timeout=3)
            self.assertGreater(time.monotonic() - begun, 2.5)
            self.assertLess(self.child.cpu_seconds() - used, 0.2)
            # And it can be asked to give up.
            self.connect(port=proxy.port, timeout=30)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_half_open(self):
        """Packets dropped on a connection that is up and idle: keep alive ends it, within twice its time; no processor
        used."""
        with servers.Proxy(self.broker.port) as proxy:
            self.up(port=proxy.port, keepalive=5)
            proxy.stall()
            begun, used = time.monotonic(), self.child.cpu_seconds()
            self.is_down(uplink.NETWORK, "does not answer any more (keep alive)")
            self.assertLess(time.monotonic() - begun, 15)
            self.assertLess(self.child.cpu_seconds() - used, 0.2)

    def test_reset(self):
        with servers.Proxy(self.broker.port) as proxy:
            self.up(port=proxy.port)
            proxy.drop()
            self.is_down(uplink.NETWORK, "the connection was lost")

    def fake(self, handler, **more):
        broker = FakeBroker(self.certificates, handler, **more)
        self.addCleanup(broker.close)
        return broker.port

    def test_closes_before_connack(self):
        """As RabbitMQ 3.10 does on MQTT 5: the class says that the version may be the cause."""
        port = self.fake(lambda connection: connection.recv(4096))
        for version, name in ((5, "MQTT 5"), (4, "MQTT 3.1.1")):
            self.down(uplink.NO_CONNACK, "closed the connection before its CONNACK", name, port=port, version=version)

    def test_refuses_the_version(self):
        """0x84 in a CONNACK of MQTT 5, and 1 in one of MQTT 3.1.1, also as an answer to MQTT 5."""
        answers = {5: b"\x20\x03\x00\x84\x00", 4: b"\x20\x02\x00\x01"}
        for asked in (5, 4):
            for form in (5, 4) if asked == 5 else (4,):
                def handler(connection, answer=answers[form]):
                    connection.recv(4096)
                    connection.sendall(answer)
                    connection.recv(4096)
                self.down(uplink.VERSION, "protocol version", "uplink.mqtt", port=self.fake(handler), version=asked)

    def test_words_of_the_broker(self):
        """The reason string of a CONNACK and the reason of a DISCONNECT reach the person (libmosquitto 2.0 throws the
        string of a DISCONNECT away)."""
        def refuse(connection):
            connection.recv(4096)
            words = b"come back tomorrow"
            properties = b"\x1f" + struct.pack(">H", len(words)) + words
            connection.sendall(bytes([0x20, 3 + len(properties), 0, 0x88, len(properties)]) + properties)
            connection.recv(4096)
        self.assertEqual(self.down(uplink.REFUSED, "0x88, server unavailable (come back tomorrow)",
                                   port=self.fake(refuse)).reason, 0x88)

        def end(connection):
            connection.recv(4096)
            connection.sendall(b"\x20\x03\x00\x00\x00")
            connection.recv(4096)
            connection.sendall(bytes([0xE0, 2, 0x8E, 0]))
        self.up(port=self.fake(end))
        self.child.publish(1, TOPIC)
        self.assertEqual(self.is_down(uplink.BROKER, "0x8e, session taken over; give each gateway a client_id").reason,
                         0x8E)

    def test_silent_broker(self):
        """TLS, and then nothing: no CONNACK in time."""
        def handler(connection):
            while connection.recv(4096):
                pass
        self.down(uplink.NETWORK, "no CONNACK within 2 s", port=self.fake(handler), timeout=2)

    def test_rubbish_instead_of_mqtt(self):
        def handler(connection):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        down = self.down(uplink.NO_CONNACK, "CONNACK", port=self.fake(handler))
        self.assertEqual(down.reason, -1)

    def test_tls_12_and_limits_of_connack(self):
        """A broker that has TLS 1.2 at most; Receive Maximum 7, Maximum Packet Size 5000, no retain."""
        def handler(connection):
            connection.recv(4096)
            properties = b"\x21\x00\x07" + b"\x27" + struct.pack(">I", 5000) + b"\x25\x00"
            connection.sendall(bytes([0x20, 3 + len(properties), 0, 0, len(properties)]) + properties)
            connection.recv(4096)
        self.assertEqual(self.up(port=self.fake(handler, tls12=True)), uplink.Up(5, 0, 7, 5000, 0, "TLSv1.2"))

    def test_alpn(self):
        """The protocol of uplink.alpn is offered, and refused where the broker has another."""
        seen = queue.Queue()

        def handler(connection):
            seen.put(connection.selected_alpn_protocol())
            connection.recv(4096)
        port = self.fake(handler, alpn=["x-amzn-mqtt-ca"])
        self.down(uplink.NO_CONNACK, port=port, alpn="x-amzn-mqtt-ca")
        self.assertEqual(seen.get(timeout=30), "x-amzn-mqtt-ca")
        self.down(uplink.NO_CONNACK, port=port)
        self.assertIsNone(seen.get(timeout=30))

    def test_last_words_are_heard(self):
        """The broker says DISCONNECT and closes with RST while we publish: its reason is heard, not our failed write."""
        def handler(connection):
            connection.recv(4096)
            connection.sendall(b"\x20\x03\x00\x00\x00")
            connection.recv(100)
            connection.sendall(b"\xe0\x02\x95\x00")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        port = self.fake(handler)
        for _ in range(20):
            self.up(port=port)
            for token in range(1, 200):
                self.child.publish(token, TOPIC, b"x" * 3000)
            self.is_down(uplink.BROKER, "0x95, packet too large")


if __name__ == "__main__":
    unittest.main()
