"""uplink_frames.py - the core's side of the uplink protocol, for tests that drive the real uplink child.

Why:   a second implementation of hal/frame.h and connector/uplink/uplink_protocol.h, written from their comments.
Owns:  the child process and the socket to it.
Rules: 1. Every wait has a bound; a frame that does not come raises Silence with what the child wrote to standard error.
Runs in: integration tests.
"""

import collections
import os
import socket
import struct
import subprocess
import tempfile
import time

CONNECT, PUBLISH, DISCONNECT, TAKEN, UP, DOWN, ACKS, MESSAGE, DROPPED = 1, 2, 3, 4, 16, 17, 18, 19, 20
NETWORK, TLS, LOCAL, REFUSED, NO_CONNACK, BROKER, ASKED, VERSION, SUBSCRIBE = range(1, 10)
TOO_LARGE, TOPIC_TOO_LONG, NO_ROOM = range(1, 4)
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"

Up = collections.namedtuple("Up", "version session receive_max packet_max retain tls subscriptions", defaults=[()])
Message = collections.namedtuple("Message", "qos retain topic payload")
Dropped = collections.namedtuple("Dropped", "why count bytes topic")
Down = collections.namedtuple("Down", "kind reason text")


class Silence(Exception):
    """The child said nothing in time, or ended."""


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<I", len(data)) + data


def reference(value):
    """A secret's reference: None, or ("file" | "env" | "credential", name)."""
    kind, name = value or ("none", "")
    return bytes([["none", "file", "env", "credential"].index(kind)]) + text(name)


class Child:
    """One uplink child."""

    def __init__(self, program, environment=None, user=None):
        ours, theirs = socket.socketpair()
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program], stdin=theirs, stdout=self.errors, stderr=self.errors, user=user,
                                        env=dict(os.environ, **(environment or {})))
        theirs.close()
        self.socket = ours
        self.socket.settimeout(30)
        self.data = b""

    def close(self):
        """Closes our end and returns the child's exit status: it must end by itself."""
        self.socket.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.socket.close()
        self.errors.close()

    def words(self):
        self.errors.seek(0)
        return self.errors.read().decode("utf-8", "replace")

    def cpu_seconds(self):
        """Processor time of the child so far."""
        with open(f"/proc/{self.process.pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def send(self, kind, payload=b""):
        self.socket.sendall(struct.pack("<IBBH", len(payload), 1, kind, 0) + payload)

    def connect(self, port, certificates, host="localhost", version=5, client_id="acme-gw1", keepalive=30, timeout=10,
                ca="ca.crt", certificate="client.crt", key="client.key", key_password=None, alpn="", user="",
                password=None, will=("", b"", 0), session_expiry=0, receive_max=16, subscriptions=()):
        def path(name):
            return os.path.join(certificates, name) if name else ""
        self.send(CONNECT, b"".join([
            text(host), struct.pack("<HB", port, version), text(client_id),
            struct.pack("<HII", keepalive, session_expiry, timeout),
            text(path(ca)), text(path(certificate)), text(path(key)), reference(key_password), text(alpn), text(user),
            reference(password), text(will[0]), text(will[1]), bytes([will[2]]),
            struct.pack("<HB", receive_max, len(subscriptions)), *map(text, subscriptions)]))

    def publish(self, token, topic, payload=b"{}", qos=1, retain=0, content_type=CONTENT_TYPE):
        self.send(PUBLISH, struct.pack("<QBB", token, qos, retain) + text(topic) + text(content_type) + text(payload))

    def taken(self, count):
        self.send(TAKEN, struct.pack("<H", count))

    def disconnect(self):
        self.send(DISCONNECT)

    def frame(self, seconds=30):
        """The next frame as (type, payload)."""
        end = time.monotonic() + seconds
        while True:
            if len(self.data) >= 8:
                size, version, kind, zero = struct.unpack("<IBBH", self.data[:8])
                assert version == 1 and zero == 0 and size <= 512 * 1024, (size, version, zero)
                if len(self.data) >= 8 + size:
                    payload, self.data = self.data[8:8 + size], self.data[8 + size:]
                    return kind, payload
            self.socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self.socket.recv(1 << 20)
            except socket.timeout:
                raise Silence(f"no frame within {seconds} s\n{self.words()}") from None
            if not more:
                raise Silence(f"the child has ended\n{self.words()}")
            self.data += more

    def expect(self, wanted, seconds=30):
        """The next frame, which must be of that type, decoded."""
        kind, payload = self.frame(seconds)
        decoded = self.decoded(kind, payload)
        assert kind == wanted, decoded
        return decoded

    def decoded(self, kind, payload):
        return {UP: self.up, DOWN: self.down, ACKS: self.acks, MESSAGE: self.message, DROPPED: self.dropped}[kind](payload)

    @staticmethod
    def up(payload):
        head = struct.unpack("<BBHIBI", payload[:13])
        rest = payload[13 + head[5]:]
        assert len(rest) == 1 + rest[0]
        return Up(*head[:5], payload[13:13 + head[5]].decode(), tuple(rest[1:]))

    @staticmethod
    def message(payload):
        qos, retain, size = struct.unpack("<BBI", payload[:6])
        length, = struct.unpack("<I", payload[6 + size:10 + size])
        assert len(payload) == 10 + size + length
        return Message(qos, retain, payload[6:6 + size].decode(), payload[10 + size:])

    @staticmethod
    def dropped(payload):
        why, count, total, size = struct.unpack("<BIQI", payload[:17])
        assert len(payload) == 17 + size
        return Dropped(why, count, total, payload[17:].decode())

    @staticmethod
    def down(payload):
        kind, reason, size = struct.unpack("<BiI", payload[:9])
        assert len(payload) == 9 + size
        return Down(kind, reason, payload[9:].decode())

    @staticmethod
    def acks(payload):
        count, = struct.unpack("<H", payload[:2])
        assert len(payload) == 2 + 9 * count
        return [struct.unpack("<QB", payload[2 + 9 * i:11 + 9 * i]) for i in range(count)]

    def answers(self, count, seconds=30):
        """So many acks as {token: reason}."""
        found = {}
        while len(found) < count:
            found.update(self.expect(ACKS, seconds))
        return found
