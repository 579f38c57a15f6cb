"""test_mqtt_inbound.py - what comes from the broker: subscriptions, limits, and the credit that the core gives.

Why:   a core that takes nothing must neither let the child grow nor make it deaf; and a filter that the broker refuses must
       not stop what is sent.
Owns:  see tests/lib/uplink_case.py.
Rules: 1. The test plays the core: it gives TAKEN, or does not.
       2. Figures are written by hand from uplink_protocol.h: 64 messages, 1 MiB, 2 s, 256 KiB a message, 256 bytes of topic.
Runs in: integration tests.
"""

import os
import queue
import struct
import sys
import time
import unittest

import paho.mqtt.client as paho

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import servers  # noqa: E402
import uplink_case  # noqa: E402
import uplink_frames as uplink  # noqa: E402
from uplink_case import TOPIC, Case, FakeBroker, Subscriber, certificate  # noqa: E402

COMMANDS = "tp1/acme/gw1/dn/cmd"
ACKS = "tp1/acme/gw1/dn/ack/00001"
FILTERS = (COMMANDS, "tp1/acme/gw1/dn/ack/+")
KIB = 1024


class Inbound(Case):
    """Helpers of all classes."""

    lines = ("max_queued_messages 100000",)

    def publisher(self):
        """A client that publishes to the child."""
        client = Subscriber(self.broker.port, self.certificates, "nothing/for/us")
        self.addCleanup(client.close)
        return client

    def fake(self, handler):
        """A broker of our own making that grants subscriptions; handler(connection) goes on from there."""
        broker = FakeBroker(self.certificates, handler)
        self.addCleanup(broker.close)
        return broker.port

    def collect(self, messages, dropped=0, seconds=30):
        """So many messages, and DROPPED of so many more; acks and UP in between are passed over."""
        found, lost = [], []
        end = time.monotonic() + seconds
        while len(found) < messages or sum(one.count for one in lost) < dropped:
            kind, payload = self.child.frame(max(0.1, end - time.monotonic()))
            if kind == uplink.MESSAGE:
                found.append(self.child.message(payload))
            elif kind == uplink.DROPPED:
                lost.append(self.child.dropped(payload))
            else:
                self.assertIn(kind, (uplink.ACKS, uplink.UP), self.child.decoded(kind, payload))
        return found, lost

    def nothing_more(self, token):
        """Shows that no message waits: what is asked for now is answered first."""
        self.child.publish(token, "tp1/acme/gw1/up/post/nobody")
        self.assertEqual(self.child.expect(uplink.ACKS), [(token, 0x10)])


class Subscribing(Inbound):
    """UP after SUBACK, and what it says."""

    def test_messages_of_both_versions(self):
        """The filters of CONNECT are granted; what is published there comes with topic, QoS and bytes as they are."""
        publisher = self.publisher()
        for version in (5, 4):
            up = self.up(version=version, subscriptions=FILTERS)
            self.assertEqual(up.subscriptions, (1, 1))
            publisher.publish(ACKS, b"\x00\xff{}", qos=1)
            publisher.publish(COMMANDS, b"", qos=0)
            publisher.publish("tp1/acme/gw2/dn/cmd", b"not for us")
            publisher.publish(COMMANDS, "ü".encode(), qos=1)
            self.assertEqual(self.collect(3)[0], [uplink.Message(1, 0, ACKS, b"\x00\xff{}"),
                                                  uplink.Message(0, 0, COMMANDS, b""),
                                                  uplink.Message(1, 0, COMMANDS, "ü".encode())])
            self.child.taken(3)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_retained_is_told(self):
        """What the broker kept comes with the retain flag; what is new comes without, whatever its publisher asked for."""
        publisher = self.publisher()
        publisher.publish(COMMANDS, b"kept", retain=True)
        self.addCleanup(publisher.publish, COMMANDS, b"", retain=True)
        self.up(subscriptions=FILTERS)
        self.assertEqual(self.collect(1)[0], [uplink.Message(1, 1, COMMANDS, b"kept")])
        publisher.publish(COMMANDS, b"new", retain=True)
        self.assertEqual(self.collect(1)[0], [uplink.Message(1, 0, COMMANDS, b"new")])

    def test_session_is_taken_up(self):
        """With a session that the broker kept, what came meanwhile is told, and the filters are subscribed all the same."""
        publisher = self.publisher()
        for version in (5, 4):
            more = {"version": version, "client_id": f"keeper-{version}", "session_expiry": 3600}
            self.assertEqual(self.up(subscriptions=FILTERS[:1], **more).session, 0)
            self.child.disconnect()
            self.is_down(uplink.ASKED)
            for number in range(3):
                publisher.publish(COMMANDS, b"%d" % number)
            self.connect(subscriptions=FILTERS, **more)
            ups, found = [], []
            while not ups or len(found) < 3:
                kind, payload = self.child.frame()
                (ups if kind == uplink.UP else found).append(self.child.decoded(kind, payload))
            self.assertEqual((ups[0].session, ups[0].subscriptions), (1, (1, 1)))
            self.assertEqual([message.payload for message in found], [b"0", b"1", b"2"])
            self.child.taken(3)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_refused_filters(self):
        """A refused filter is told in UP with the broker's code, in the order of CONNECT; messages flow both ways."""
        for version, code in ((5, 0x87), (4, 0x80)):
            wishes = queue.Queue()

            def handler(connection, version=version, code=code):
                wishes.put(uplink_case.accept(connection, (1, code), version)[1])
                connection.sendall(uplink_case.publish_packet(COMMANDS, b"go", 7, version))
                while connection.recv(4096):
                    pass

            up = self.up(port=self.fake(handler), version=version, subscriptions=FILTERS)
            self.assertEqual(up.subscriptions, (1, code))
            self.assertEqual(self.collect(1)[0][0].payload, b"go")
            # As MQTT has it: length, filter, options with QoS 1; after the packet id (and no properties).
            self.assertEqual(wishes.get(timeout=30)[3 if version == 5 else 2:],
                             b"".join(struct.pack(">H", len(name)) + name.encode() + b"\x01" for name in FILTERS))
            self.child.taken(1)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_malformed_filter(self):
        """A filter that MQTT does not know is answered 0x8F by the child; the broker is asked for the others alone."""
        up = self.up(subscriptions=("a/#/b", COMMANDS, "a+", "+/x/#"))
        self.assertEqual(up.subscriptions, (0x8F, 1, 0x8F, 1))
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.assertEqual(self.up(subscriptions=("#/a",)).subscriptions, (0x8F,))

    def test_fewer_answers_than_filters(self):
        """A SUBACK that is too short: what it does not name counts as refused."""
        def handler(connection):
            uplink_case.accept(connection, (1,))
            connection.recv(4096)
        self.assertEqual(self.up(port=self.fake(handler), subscriptions=FILTERS).subscriptions, (1, 0x80))

    def test_closes_on_subscribe(self):
        """A broker that closes on what it refuses: a class of its own, so that the core may do without; both versions."""
        for version, hello in ((5, b"\x20\x03\x00\x00\x00"), (4, b"\x20\x02\x00\x00")):
            def handler(connection, hello=hello):
                uplink_case.packet(connection)
                connection.sendall(hello)
                uplink_case.packet(connection)
            self.down(uplink.SUBSCRIBE, "while we subscribed to " + COMMANDS + " and others", "access list",
                      port=self.fake(handler), version=version, subscriptions=FILTERS)

    def test_no_suback(self):
        """No answer to SUBSCRIBE within the time of connecting."""
        def handler(connection):
            uplink_case.packet(connection)
            connection.sendall(b"\x20\x03\x00\x00\x00")
            while connection.recv(4096):
                pass
        self.down(uplink.NETWORK, "no SUBACK within 2 s", port=self.fake(handler), timeout=2, subscriptions=FILTERS)

    def test_options_of_connect(self):
        """Receive Maximum, Maximum Packet Size and session expiry are on the wire in MQTT 5; clean session in 3.1.1."""
        seen = queue.Queue()
        for version, expiry in ((5, 0), (5, 3600), (4, 0), (4, 3600)):
            port = self.fake(lambda connection, version=version: seen.put(uplink_case.accept(connection, (1,), version)[0]))
            self.up(port=port, version=version, session_expiry=expiry, receive_max=16, subscriptions=FILTERS[:1])
            hello = seen.get(timeout=30)
            self.child.expect(uplink.DOWN)
            self.assertEqual(hello[:7], b"\x00\x04MQTT" + bytes([version]))
            self.assertEqual(bool(hello[7] & 2), expiry == 0)
            if version == 5:
                properties = hello[11:11 + hello[10]]
                self.assertIn(b"\x21\x00\x10", properties)
                self.assertIn(b"\x27\x00\x10\x00\x00", properties)
                self.assertEqual(b"\x11" + struct.pack(">I", 3600) in properties, expiry > 0)


class Sizes(Inbound):
    """What is too large is told, and not passed on."""

    def test_payload(self):
        """256 KiB pass; a byte more does not, and is told with its topic and size; the next message comes as ever."""
        publisher = self.publisher()
        for version in (5, 4):
            self.up(version=version, subscriptions=FILTERS)
            publisher.publish(ACKS, b"x" * 256 * KIB)
            found, _ = self.collect(1)
            self.assertEqual((len(found[0].payload), found[0].payload.strip(b"x")), (256 * KIB, b""))
            publisher.publish(ACKS, b"x" * (256 * KIB + 1))
            publisher.publish(COMMANDS, b"after")
            found, lost = self.collect(1, 1)
            self.assertEqual(found[0].payload, b"after")
            self.assertEqual(lost, [uplink.Dropped(uplink.TOO_LARGE, 1, 256 * KIB + 1, ACKS)])
            self.child.taken(2)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_topic(self):
        """256 bytes of topic pass; one more is dropped and told cut off, at a whole character."""
        publisher = self.publisher()
        self.up(subscriptions=("long/#",))
        longest = "long/" + "t" * 251
        publisher.publish(longest, b"a")
        self.assertEqual(self.collect(1)[0][0].topic, longest)
        publisher.publish(longest[:-1] + "é", b"bc")
        self.assertEqual(self.collect(0, 1)[1], [uplink.Dropped(uplink.TOPIC_TOO_LONG, 1, 2, longest[:-1])])
        publisher.publish(longest + "t", b"d")
        self.assertEqual(self.collect(0, 1)[1], [uplink.Dropped(uplink.TOPIC_TOO_LONG, 1, 1, longest)])


class Credit(Inbound):
    """At most 64 messages and 1 MiB that the core has not taken."""

    def test_sixty_four(self):
        """200 messages: 64 come, and no more before the core has taken some; then all come in order and none is lost."""
        publisher = self.publisher()
        for version in (5, 4):
            self.up(version=version, subscriptions=FILTERS)
            numbers = []
            for number in range(200):
                publisher.client.publish(COMMANDS, b"%d" % number, qos=1)
            found, lost = self.collect(64)
            self.assertEqual(lost, [])
            for take in (64, 1, 63, 64):
                numbers += [int(message.payload) for message in found]
                self.child.taken(take)
                found, lost = self.collect(min(take, 200 - len(numbers)))
                self.assertEqual(lost, [])
            numbers += [int(message.payload) for message in found]
            self.assertEqual(numbers, list(range(200)))
            self.child.taken(8)
            self.child.disconnect()
            self.is_down(uplink.ASKED)

    def test_one_mib(self):
        """Messages of 256 KiB: the fourth with its topic would be over 1 MiB, so three come; each taken makes room for one."""
        publisher = self.publisher()
        self.up(subscriptions=FILTERS)
        for number in range(6):
            publisher.client.publish(COMMANDS, b"%d" % number + b"x" * (256 * KIB - 1), qos=1)
        numbers = []
        for _ in range(4):
            found, _ = self.collect(3 if not numbers else 1)
            numbers += [int(message.payload[:1]) for message in found]
            self.child.taken(1)
        self.assertEqual(numbers, list(range(6)))
        self.nothing_more(1)

    def flood(self, count, unanswered=0, then=None):
        """A broker that takes so many messages of ours unanswered, and then sends so many at once."""
        def handler(connection):
            uplink_case.accept(connection)
            for _ in range(unanswered):
                uplink_case.packet(connection)
            connection.sendall(b"".join(uplink_case.publish_packet(COMMANDS, b"%d" % number, number % 60000 + 1)
                                        for number in range(count)))
            if then:
                then(connection)
            while connection.recv(65536):
                pass
        return self.fake(handler)

    def test_many_unanswered_of_ours(self):
        """With 900 of ours in flight the library would read 900 packets in one call: it still stops at 64."""
        self.up(port=self.flood(600, unanswered=900), subscriptions=FILTERS[:1])
        for token in range(900):
            self.child.publish(token, TOPIC)
        numbers = []
        while len(numbers) < 600:
            found, lost = self.collect(min(64, 600 - len(numbers)))
            self.assertEqual(lost, [])
            numbers += [int(message.payload) for message in found]
            self.child.taken(len(found))
        self.assertEqual(numbers, list(range(600)))

    def test_nobody_takes(self):
        """A core that takes nothing: after the pause acks pass and keep alive goes on (two PINGREQ of 5 s), what has no room is
        counted, and hardly any processor is used. With the first TAKEN messages come again."""
        pings = queue.Queue()

        def then(connection):
            ended = 0
            while ended < 2:
                first, body = uplink_case.packet(connection)
                if first == uplink_case.PINGREQ:
                    ended += 1
                    connection.sendall(bytes([uplink_case.PINGRESP, 0]))
                    pings.put(ended)
                elif first & 0xF0 == uplink_case.PUBLISH:
                    size, = struct.unpack(">H", body[:2])
                    connection.sendall(bytes([uplink_case.PUBACK, 2]) + body[2 + size:4 + size])
            connection.sendall(uplink_case.publish_packet(COMMANDS, b"last", 59999))
        self.up(port=self.flood(100, then=then), keepalive=5, subscriptions=FILTERS[:1])
        self.assertEqual([int(message.payload) for message in self.collect(64)[0]], list(range(64)))
        used, begun = self.child.cpu_seconds(), time.monotonic()
        self.child.publish(1, TOPIC)
        found, lost = [], 0
        kinds = set()
        while lost < 36 or uplink.ACKS not in kinds:
            kind, payload = self.child.frame()
            kinds.add(kind)
            if kind == uplink.DROPPED:
                one = self.child.dropped(payload)
                self.assertEqual((one.why, one.topic), (uplink.NO_ROOM, COMMANDS))
                lost += one.count
            else:
                self.assertEqual((kind, self.child.decoded(kind, payload)), (uplink.ACKS, [(1, 0)]))
        self.assertGreater(time.monotonic() - begun, 1.5)
        self.assertEqual(lost, 36)
        self.child.taken(64)
        for number in (1, 2):
            self.assertEqual(pings.get(timeout=30), number)
        self.assertLess(self.child.cpu_seconds() - used, 0.3)
        self.assertEqual([message.payload for message in self.collect(1)[0]], [b"last"])
        self.assertEqual(found, [])

    def test_over_connections(self):
        """What was told before a DOWN is taken after it, and still fills the room of the next connection."""
        publisher = self.publisher()
        self.up(subscriptions=FILTERS)
        for number in range(60):
            publisher.client.publish(COMMANDS, b"%d" % number, qos=1)
        self.collect(60)
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.up(subscriptions=FILTERS)
        for number in range(60, 70):
            publisher.client.publish(COMMANDS, b"%d" % number, qos=1)
        self.assertEqual([int(message.payload) for message in self.collect(4)[0]], [60, 61, 62, 63])
        self.child.taken(60)
        self.assertEqual([int(message.payload) for message in self.collect(6)[0]], list(range(64, 70)))
        self.child.disconnect()
        self.is_down(uplink.ASKED)
        self.child.taken(10)
        # The eleventh was never given: the core is not to be trusted with anything else.
        self.child.taken(1)
        self.assertEqual(self.child.process.wait(20), 1)

    def test_malformed_taken(self):
        """TAKEN of nothing, of more than there may be, and of a wrong length end the child with 1."""
        for payload in (struct.pack("<H", 0), struct.pack("<H", 65), b"", b"\x01", b"\x01\x00\x00"):
            with uplink.Child(uplink_case.PROGRAM) as child:
                child.send(uplink.TAKEN, payload)
                self.assertEqual(child.process.wait(20), 1)


class Outbound(Inbound):
    """Retained messages, the orderly end, and the names of other hosts."""

    def test_retained_publish_and_will(self):
        """A retained message, and a retained will, are there for one who comes later."""
        topic = "tp1/acme/gw1/up/state"
        publisher = self.publisher()
        self.addCleanup(publisher.publish, topic, b"", retain=True)
        for version in (5, 4):
            self.up(version=version, will=(topic, b"dead", 1))
            self.child.publish(1, topic, b"alive", retain=1)
            self.child.answers(1)
            late = Subscriber(self.broker.port, self.certificates, topic)
            self.addCleanup(late.close)
            message = late.next()
            self.assertEqual((message.payload, message.retain, message.qos), (b"alive", True, 1))
            self.child.process.kill()
            self.assertEqual((late.next().payload, self.child.process.wait(20)), (b"dead", -9))
            later = Subscriber(self.broker.port, self.certificates, topic)
            self.addCleanup(later.close)
            message = later.next()
            self.assertEqual((message.payload, message.retain), (b"dead", True))
            self.child = uplink.Child(uplink_case.PROGRAM)
            self.addCleanup(self.child.__exit__)

    def test_disconnect_flushes(self):
        """What was given before DISCONNECT reaches the broker before it: 12 MB, and a last word of either QoS; no will."""
        topic = "tp1/acme/gw1/up/state"
        subscriber = Subscriber(self.broker.port, self.certificates, "tp1/#", paho.MQTTv311)
        self.addCleanup(subscriber.close)
        for version, qos in ((5, 1), (4, 0)):
            self.up(version=version, will=(topic, b"lost", 0))
            for token in range(200):
                self.child.publish(token, TOPIC, b"%d:" % token + b"x" * 60000)
            self.child.publish(200, topic, b"stopped", qos=qos)
            self.child.disconnect()
            got = [subscriber.next().payload for _ in range(201)]
            self.assertEqual([int(payload.partition(b":")[0]) for payload in got[:200]], list(range(200)))
            self.assertEqual(got[200], b"stopped")
            kind = uplink.ACKS
            while kind == uplink.ACKS:
                kind, payload = self.child.frame()
            self.assertEqual(self.child.decoded(kind, payload).kind, uplink.ASKED)
        subscriber.publish("tp1/end", b"end")
        self.assertEqual(subscriber.next().payload, b"end")

    def test_each_host_is_verified_by_its_own_name(self):
        """One child, two hosts, each with a certificate for its own name alone: each is good under its name and refused under
        the other's."""
        certificate(self.certificates, "--server", "localhost", "--as", "by-name")
        certificate(self.certificates, "--server", "127.0.0.1", "--as", "by-address")
        by_name = servers.Mosquitto(certificates=self.certificates, server="by-name")
        by_address = servers.Mosquitto(certificates=self.certificates, server="by-address")
        with by_name, by_address:
            for host, broker, other in (("localhost", by_name, by_address), ("127.0.0.1", by_address, by_name)) * 2:
                self.up(host=host, port=broker.port)
                self.child.disconnect()
                self.is_down(uplink.ASKED, f"{host}:{broker.port}")
                self.down(uplink.TLS, f"{host}:{other.port}", "uplink.host", host=host, port=other.port)


if __name__ == "__main__":
    unittest.main()
