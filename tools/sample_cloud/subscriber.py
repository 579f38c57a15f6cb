"""subscriber.py - the MQTT side: a persistent session at QoS 1 that acknowledges only what is durable.

Why:   a PUBACK promises that the message needs not come again; so it follows the commit, never precedes it.
Owns:  one paho client and its socket.
Rules: 1. paho 1.6 sends the PUBACK when on_message has returned. The subclass below keeps the packet ids instead and sends
          them after the book's commit: one commit for all that the socket held, so that safety does not cost speed.
       2. The session outlives the connection (MQTT 5: an expiry of a day; 3.1.1: clean session off).
       3. A lost connection is made again with a growing pause; nothing is lost by it.
Faults: broker away, TLS refused: said once on standard error, tried again until told to stop.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_cloud.py, tests/integration
"""

import select
import signal
import ssl
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

BATCH_MESSAGES = 500
PAUSE_MAX = 5.0
SESSION_SECONDS = 86400


class _Client(mqtt.Client):
    """A client that keeps PUBACKs back until release()."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.unacknowledged = []

    def _send_puback(self, mid):
        self.unacknowledged.append(mid)
        return mqtt.MQTT_ERR_SUCCESS

    def release(self):
        """Sends the PUBACKs of everything received so far."""
        kept, self.unacknowledged = self.unacknowledged, []
        for mid in kept:
            super()._send_puback(mid)


class Subscriber:
    """Receives into a book until told to stop, or until it holds enough."""

    def __init__(self, book, options):
        self.book = book
        self.options = options
        self.stopping = False
        self.fatal = False
        self.connected = False
        self.problem = None
        self.others = 0
        self.heard = time.monotonic()
        self.version = mqtt.MQTTv5 if options.protocol == "5" else mqtt.MQTTv311

    def client(self):
        """A fresh client for one connection; the session is the broker's."""
        if not hasattr(mqtt.Client, "_send_puback"):
            raise RuntimeError("this paho-mqtt has no _send_puback; version 1.6 is needed")
        more = {} if self.version == mqtt.MQTTv5 else {"clean_session": False}
        client = _Client(client_id=self.options.client_id, protocol=self.version, **more)
        if self.options.ca:
            client.tls_set(self.options.ca, self.options.cert, self.options.key, cert_reqs=ssl.CERT_REQUIRED,
                           tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.on_connect = self.on_connect
        client.on_subscribe = self.on_subscribe
        client.on_message = self.on_message
        client.on_disconnect = self.on_disconnect
        return client

    def topic(self):
        """All that this gateway publishes."""
        return f"tp1/{self.options.tenant}/{self.options.gateway}/up/#"

    def say(self, problem):
        """Says a problem once, not at every attempt."""
        if problem != self.problem and not self.stopping:
            print(f"sample-cloud: {problem}", file=sys.stderr, flush=True)
        self.problem = problem

    def on_connect(self, client, _userdata, _flags, reason, _properties=None):
        """CONNACK."""
        if reason != 0:
            self.say(f"the broker refused the connection: {mqtt.connack_string(reason)}")
            return
        self.connected = True
        self.problem = None
        client.subscribe(self.topic(), qos=1)

    def on_subscribe(self, *_):
        """SUBACK: from now on nothing passes by."""
        print(f"subscribed to {self.topic()}", flush=True)

    def on_disconnect(self, _client, _userdata, reason, _properties=None):
        """The connection is over."""
        self.connected = False
        if reason:
            self.say(f"connection lost: {mqtt.error_string(reason) if isinstance(reason, int) else reason}")

    def on_message(self, _client, _userdata, message):
        """One message: into the open transaction."""
        self.heard = time.monotonic()
        kind = message.topic.split("/")[4]
        if kind not in ("post", "replay"):
            self.others += 1
            return
        result = self.book.take(message.topic, message.payload)
        if result not in ("booked", "duplicate", "waiting"):
            print(f"sample-cloud: {result} on {message.topic}", file=sys.stderr, flush=True)
        if result in ("equivocation", "chain break"):
            self.fatal = True

    def read(self, client):
        """Reads what the socket holds, at most a batch; commits; acknowledges."""
        before = -1
        while len(client.unacknowledged) > before and len(client.unacknowledged) < BATCH_MESSAGES and not self.fatal:
            before = len(client.unacknowledged)
            if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                break
        self.book.commit()
        client.release()

    def enough(self):
        """Is there a reason to stop?"""
        if self.options.until is not None and self.book.documents >= self.options.until and not self.book.waiting:
            return True
        return self.options.idle is not None and time.monotonic() - self.heard > self.options.idle

    def connection(self):
        """One connection from beginning to end. Returns whether it was up."""
        client = self.client()
        more = {}
        if self.version == mqtt.MQTTv5:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = SESSION_SECONDS
            more = {"clean_start": False, "properties": properties}
        try:
            client.connect(self.options.host, self.options.port, keepalive=15, **more)
        except OSError as error:  # ssl.SSLError is one
            self.say(f"cannot connect to {self.options.host}:{self.options.port}: {error}")
            return False
        was_up = False
        while not (self.stopping or self.fatal or (was_up and self.enough())):
            socket = client.socket()
            if socket is None:
                break
            ready = [socket] if getattr(socket, "pending", lambda: 0)() else []
            if not ready:
                ready, _, _ = select.select([socket], [socket] if client.want_write() else [], [], 0.2)
            if ready:
                self.read(client)
            if client.want_write():
                client.loop_write()
            if client.loop_misc() != mqtt.MQTT_ERR_SUCCESS:
                break
            was_up = was_up or self.connected
        self.book.commit()
        client.disconnect()
        return was_up

    def run(self):
        """Receives until a signal, a fatal finding, or enough."""
        def stop(*_):
            self.stopping = True
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        pause = 0.1
        while not (self.stopping or self.fatal):
            was_up = self.connection()
            if was_up and self.enough():
                break
            pause = 0.1 if was_up else min(pause * 2, PAUSE_MAX)
            end = time.monotonic() + pause
            while time.monotonic() < end and not self.stopping:
                time.sleep(0.05)
