"""strict_broker.py - a broker as strict as a hosted one: a real Mosquitto behind a proxy that enforces documented limits.

Why:   AWS IoT Core, Azure Event Grid, HiveMQ Cloud and EMQX Serverless cannot be had in a test; their limits can.
Owns:  a thread with an event loop and the proxied connections; gone after close().
Rules: 1. TLS ends here, with the client's certificate verified; behind it the packets go on to Mosquitto unchanged.
       2. Every packet of the client is read (CONNECT, SUBSCRIBE, PUBLISH). What breaks a limit is noted in `violations`
          and answered as the service documents: the connection is closed, with a DISCONNECT reason on MQTT 5, or the
          message gets no PUBACK ("throttled").
       3. The limits stand here with their source, apart from the product's own table (config/broker.c).
       4. Rates are counted over whole seconds of the event loop's clock, with the burst the services allow.
Faults: a packet that is not MQTT is a violation too.
Runs in: integration tests.
Tests: tests/integration/test_broker_profiles.py (each limit is also broken on purpose there)
"""

import asyncio
import ssl
import threading

CONNECT, PUBLISH, PUBACK, SUBSCRIBE = 1, 3, 4, 8

# session_expiry: seconds; publishes and bytes: per second and connection. None: no documented limit.
LIMITS = {
    # AWS General Reference, "AWS IoT Core endpoints and quotas", message broker and protocol limits.
    "aws-iot": {"packet": 128 * 1024, "topic_bytes": 256, "slashes": 7, "client_id": 128, "qos": 1, "will_qos": 1,
                "publishes": 100, "bytes": 512 * 1024, "in_flight": 100, "keepalive": 1200, "filters": 8,
                "alpn": "x-amzn-mqtt-ca", "over_rate": "throttle"},
    # Azure Event Grid, "Quotas and limits" (MQTT limits in the namespace) and "MQTT features support": retain where it is
    # not switched on, no QoS 2, 8 segments.
    "eventgrid": {"packet": 512 * 1024, "topic_bytes": 256, "slashes": 7, "client_id": 128, "qos": 1, "will_qos": 1,
                  "publishes": 1000, "bytes": 1024 * 1024, "in_flight": 1000, "in_flight_bytes": 64 * 1024,
                  "keepalive": 1160, "session_expiry": 8 * 3600, "retain": False, "over_rate": "close"},
    # HiveMQ Cloud, "Limits"; HiveMQ's default receive maximum is 10.
    "hivemq": {"packet": 5 * 1024 * 1024, "client_id": 65535, "topic_bytes": 65535, "in_flight": 10, "qos": 2, "will_qos": 2},
    # EMQX Cloud, "Serverless: quotas and limits".
    "emqx": {"packet": 1024 * 1024, "topic_bytes": 65535, "slashes": 127, "client_id": 65535, "qos": 2, "will_qos": 2,
             "publishes": 10, "over_rate": "throttle"},
}

PACKET_TOO_LARGE, RETAIN_NOT_SUPPORTED, QOS_NOT_SUPPORTED = 0x95, 0x9A, 0x9B
RATE_TOO_HIGH, QUOTA_EXCEEDED, TOPIC_INVALID, RECEIVE_MAXIMUM = 0x96, 0x97, 0x90, 0x93


class Reader:
    """Takes fields out of one packet."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, count):
        """The next bytes; IndexError where there are too few."""
        if self.at + count > len(self.data):
            raise IndexError("short packet")
        self.at += count
        return self.data[self.at - count:self.at]

    def number(self, count):
        """A big-endian number of so many bytes."""
        return int.from_bytes(self.bytes(count), "big")

    def string(self):
        """A length and that many bytes."""
        return self.bytes(self.number(2))

    def variable(self):
        """A variable byte integer (MQTT 5, 1.5.5)."""
        value = shift = 0
        while True:
            byte = self.number(1)
            value |= (byte & 127) << shift
            shift += 7
            if not byte & 128:
                return value

    def properties(self):
        """MQTT 5 properties as {identifier: value}; user properties are counted under 38."""
        end = self.variable() + self.at
        found = {}
        while self.at < end:
            kind = self.number(1)
            if kind in (1, 23, 25, 36, 37, 40, 41, 42):
                found[kind] = self.number(1)
            elif kind in (19, 33, 34, 35):
                found[kind] = self.number(2)
            elif kind in (2, 17, 24, 39):
                found[kind] = self.number(4)
            elif kind == 11:
                found[kind] = self.variable()
            elif kind == 38:
                self.string(), self.string()
                found[38] = found.get(38, 0) + 1
            else:
                found[kind] = self.string()
        return found


class Violation(Exception):
    """A limit was broken: (what, MQTT 5 reason code, or None for a bare close)."""

    def __init__(self, what, reason=None):
        super().__init__(what)
        self.reason = reason


class Connection:
    """What is known of one client's connection, and the limits on it."""

    def __init__(self, limits, clock):
        self.limits, self.clock = limits, clock
        self.version = 4
        self.unanswered = {}
        self.second, self.publishes, self.bytes = 0, 0, 0
        self.publishes_in_second = []

    def limit(self, name, value, what, reason=None):
        """Raises where value is above the limit of that name."""
        allowed = self.limits.get(name)
        if allowed is not None and value > allowed:
            raise Violation(f"{what}: {value}, allowed {allowed}", reason)

    def connect(self, reader):
        """CONNECT: version, session, will, client identifier, keep alive."""
        reader.string()
        self.version = reader.number(1)
        flags = reader.number(1)
        self.limit("keepalive", reader.number(2), "keep alive")
        if self.version == 5:
            self.limit("session_expiry", reader.properties().get(17, 0), "session expiry", 0x87)
        self.limit("client_id", len(reader.string()), "client identifier", 0x85)
        if flags & 4:
            self.limit("will_qos", flags >> 3 & 3, "QoS of the will", QOS_NOT_SUPPORTED)
            if flags & 32 and self.limits.get("retain") is False:
                raise Violation("a retained will", RETAIN_NOT_SUPPORTED)
            if self.version == 5:
                reader.properties()
            self.topic(reader.string())

    def topic(self, topic):
        """Length and levels of a topic."""
        self.limit("topic_bytes", len(topic), "bytes of the topic", TOPIC_INVALID)
        self.limit("slashes", topic.count(b"/"), "slashes in the topic", TOPIC_INVALID)

    def publish(self, flags, reader, size):
        """PUBLISH. True: it goes on; False: it is throttled."""
        qos = flags >> 1 & 3
        self.limit("qos", qos, "QoS", QOS_NOT_SUPPORTED)
        if flags & 1 and self.limits.get("retain") is False:
            raise Violation("a retained message", RETAIN_NOT_SUPPORTED)
        self.topic(reader.string())
        if qos:
            self.unanswered[reader.number(2)] = size
            self.limit("in_flight", len(self.unanswered), "unanswered messages", RECEIVE_MAXIMUM)
            if len(self.unanswered) > 1:
                self.limit("in_flight_bytes", sum(self.unanswered.values()), "unanswered bytes", QUOTA_EXCEEDED)
        second = int(self.clock())
        if second != self.second:
            self.publishes_in_second.append(self.publishes)
            self.second, self.publishes, self.bytes = second, 0, 0
        self.publishes, self.bytes = self.publishes + 1, self.bytes + size
        try:
            # A second that begins in the middle of a burst of the one before: half a second's worth is allowed over.
            for name, value in (("publishes", self.publishes), ("bytes", self.bytes)):
                allowed = self.limits.get(name)
                if allowed is not None and value > allowed * 1.5:
                    raise Violation(f"{name} in a second: {value}, allowed {allowed}", RATE_TOO_HIGH)
        except Violation as broken:
            if self.limits.get("over_rate") == "throttle":
                broken.reason = "throttle"
            raise

    def subscribe(self, reader):
        """SUBSCRIBE: number of filters."""
        reader.number(2)
        if self.version == 5:
            reader.properties()
        count = 0
        while reader.at < len(reader.data):
            reader.string(), reader.number(1)
            count += 1
        self.limit("filters", count, "filters in a SUBSCRIBE", QUOTA_EXCEEDED)


async def read_packet(stream):
    """One packet: (first byte, body, all its bytes); None at the end."""
    head = await stream.readexactly(1)
    size = shift = 0
    raw = head
    while True:
        byte = await stream.readexactly(1)
        raw += byte
        size |= (byte[0] & 127) << shift
        shift += 7
        if not byte[0] & 128:
            break
    body = await stream.readexactly(size) if size else b""
    return head[0], body, raw + body


class StrictBroker:
    """The proxy. target: port of a Mosquitto with mutual TLS; certificates: folder of tools/certificates."""

    def __init__(self, profile, target, certificates, client="client", limits=None):
        self.limits = dict(LIMITS[profile], **(limits or {}))
        self.target, self.certificates, self.client = target, certificates, client
        self.violations, self.connections, self.alpn = [], 0, []
        self.peaks = []
        self.loop = asyncio.new_event_loop()
        started = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self.thread.start()
        started.wait()

    def _tls(self, purpose, name):
        context = ssl.create_default_context(purpose, cafile=f"{self.certificates}/ca.crt")
        context.load_cert_chain(f"{self.certificates}/{name}.crt", f"{self.certificates}/{name}.key")
        return context

    def _run(self, started):
        asyncio.set_event_loop(self.loop)
        server_side = self._tls(ssl.Purpose.CLIENT_AUTH, "server")
        server_side.verify_mode = ssl.CERT_REQUIRED
        if self.limits.get("alpn"):
            server_side.set_alpn_protocols([self.limits["alpn"]])
        self.server = self.loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=server_side))
        self.port = self.server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        self.connections += 1
        chosen = writer.get_extra_info("ssl_object").selected_alpn_protocol()
        self.alpn.append(chosen)
        if self.limits.get("alpn") and chosen != self.limits["alpn"]:
            self.violations.append(f"ALPN {chosen}, needed {self.limits['alpn']}")
            writer.close()
            return
        connection = Connection(self.limits, self.loop.time)
        behind = None
        try:
            behind = await asyncio.open_connection("127.0.0.1", self.target, server_hostname="localhost",
                                                   ssl=self._tls(ssl.Purpose.SERVER_AUTH, self.client))
            both = [asyncio.ensure_future(way) for way in (self._forth(connection, reader, writer, behind[1]),
                                                          self._back(connection, behind[0], writer))]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            for way in both:
                way.cancel()
            await asyncio.gather(*both, return_exceptions=True)
        except OSError:
            pass
        finally:
            self.peaks.append(max(connection.publishes_in_second + [connection.publishes]))
            for end in (writer, behind[1] if behind else None):
                if end:
                    end.close()

    async def _forth(self, connection, reader, writer, behind):
        """Client to broker, each packet judged."""
        while True:
            head, body, raw = await read_packet(reader)
            try:
                self._judge(connection, head, Reader(body), len(raw))
            except (Violation, IndexError) as broken:
                self.violations.append(str(broken))
                reason = getattr(broken, "reason", None)
                if reason == "throttle":
                    continue
                if reason and connection.version == 5 and head >> 4 != CONNECT:
                    writer.write(bytes([0xE0, 1, reason]))
                    await writer.drain()
                raise ConnectionError(str(broken)) from broken
            behind.write(raw)
            await behind.drain()

    @staticmethod
    def _judge(connection, head, reader, size):
        kind = head >> 4
        connection.limit("packet", size, "bytes of a packet", PACKET_TOO_LARGE)
        if kind == CONNECT:
            connection.connect(reader)
        elif kind == PUBLISH:
            connection.publish(head & 15, reader, size)
        elif kind == SUBSCRIBE:
            connection.subscribe(reader)

    @staticmethod
    async def _back(connection, behind, writer):
        """Broker to client; answers are noted."""
        while True:
            head, body, raw = await read_packet(behind)
            if head >> 4 == PUBACK:
                connection.unanswered.pop(int.from_bytes(body[:2], "big"), None)
            writer.write(raw)
            await writer.drain()

    def close(self):
        """Ends the proxy and its connections."""
        async def end():
            self.server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.loop.stop()
        asyncio.run_coroutine_threadsafe(end(), self.loop)
        self.thread.join(10)
        self.loop.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
