"""subscriber.py - the MQTT side: a persistent session at QoS 1 that acknowledges only what is durable, and sends the mail.

Why:   a PUBACK promises that the message needs not come again; so it follows the commit, never precedes it.
Owns:  one paho client and its socket.
Rules: 1. paho 1.6 sends the PUBACK when on_message has returned. The subclass below keeps the packet ids instead and sends
          them after the book's commit: one commit for all that the socket held, so that safety does not cost speed.
       2. The session outlives the connection (MQTT 5: an expiry of a day; 3.1.1: clean session off).
       3. A lost connection is made again with a growing pause; nothing is lost by it.
       4. Mail goes out after the commit that made it, and again after a reconnection or `repeat` seconds, until it is answered.
Faults: broker away, TLS refused: said once on standard error, tried again until told to stop.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_cloud.py, tests/integration
"""

import contextlib
import select
import signal
import ssl
import sys
import time

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from . import book as books

BATCH_MESSAGES = 500
LOOK_SECONDS = 0.1   # how often clocks are looked at: gaps, late decisions, repetitions
REPORTS_MAX = 100    # lines for each kind of finding; the book keeps all
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

    def __init__(self, book, options, trust=None, mail=None):
        self.book = book
        self.options = options
        self.trust = trust
        self.mail = mail
        self.sent = {}  # id of an outgoing message: when it was published
        self.mids = {}  # packet id: id of the message
        self.stopping = False
        self.fatal = False
        self.connected = False
        self.problem = None
        self.others = 0
        self.reported = {}
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
        client.on_publish = self.on_publish
        self.sent, self.mids = {}, {}
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
        result = self.take(message.topic, message.payload)
        if result is None:
            self.others += 1
        elif result in books.FINDINGS and self.reported.get(result, 0) < REPORTS_MAX:
            self.reported[result] = self.reported.get(result, 0) + 1
            print(f"sample-cloud: {result} on {message.topic}", file=sys.stderr, flush=True)
        # One who only judges ends at once; one who answers goes on with the streams that are sound.
        self.fatal = self.fatal or (result in books.FATAL and not self.mail)

    def take(self, topic, payload):
        """What becomes of a message; None for a kind that is not for us."""
        kind = topic.split("/")[4]
        if kind in ("post", "replay"):
            return self.book.take(topic, payload)
        if kind == "ckpt" and self.trust:
            return self.trust.checkpoint(topic, payload)
        if kind == "state" and self.trust:
            return self.trust.state(payload)
        if kind == "res" and self.mail:
            return self.mail.answer(payload)
        return None

    def on_publish(self, _client, _userdata, mid):
        """PUBACK: receipts and commands are done, outcomes wait for their answer."""
        number = self.mids.pop(mid, None)
        if number:
            self.book.begin()
            self.book.run("DELETE FROM outgoing WHERE id = ? AND until = 'puback'", number)

    def commit(self, client=None):
        """Makes durable what was taken and what is to be said about it; then says it."""
        if self.mail:
            self.mail.decide()
            self.mail.flush()
            self.mail.ask(not self.trust or self.trust.alive)
        self.book.commit()
        if self.mail and client and self.connected:
            self.publish(client)

    def publish(self, client):
        """Publishes what was not, or was not answered in time."""
        moment = time.monotonic()
        rows = self.book.rows("SELECT id, topic FROM outgoing ORDER BY rowid")
        self.sent = {number: self.sent[number] for number, _ in rows if number in self.sent}
        for number, topic in rows:
            if moment - self.sent.get(number, -1e9) >= self.options.repeat:
                payload = self.book.rows("SELECT payload FROM outgoing WHERE id = ?", number)[0][0]
                self.mids[client.publish(topic, payload, qos=1).mid] = number
                self.sent[number] = moment

    def read(self, client):
        """Reads what the socket holds, at most a batch; commits; acknowledges."""
        before = -1
        while len(client.unacknowledged) > before and len(client.unacknowledged) < BATCH_MESSAGES and not self.fatal:
            before = len(client.unacknowledged)
            if client.loop_read() != mqtt.MQTT_ERR_SUCCESS:
                break
        self.commit(client)
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
        try:
            was_up = self.serve(client)
        except OSError as error:  # paho lets an end of TLS through that comes while it writes
            self.say(f"connection lost: {error}")
            was_up = self.connected
        self.connected = False
        self.commit()
        with contextlib.suppress(OSError):
            client.disconnect()
        return was_up

    def serve(self, client):
        """Reads, commits and answers until the connection ends, or there is enough. Returns whether it was up."""
        was_up, looked = False, 0.0
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
            if self.mail and time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                self.commit(client)
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
