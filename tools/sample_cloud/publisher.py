"""publisher.py - publishes the outbox to the agent: in order, at QoS 1, until the broker has acknowledged everything.

Why:   the cloud's side of a comparison must be as complete as the legacy side: no posting is lost by a restart of either.
Owns:  one paho client and its socket.
Rules: 1. Events of a source go out in sequence; at most WINDOW are unacknowledged.
       2. After a lost connection or a restart all that is unacknowledged goes out again, the oldest first.
       3. The agent's receipts (up/res, command `posting`) name what it has not: that goes out again too.
       4. An acknowledgement is committed before further ones are awaited; a crash repeats events, it loses none.
Faults: broker away: said once, tried again until told to stop.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import json
import signal
import ssl
import sys
import time

import paho.mqtt.client as mqtt

WINDOW = 100
PAUSE_MAX = 5.0


class Publisher:
    """Sends what is in the outbox of a posted.Posted."""

    def __init__(self, posted, options):
        self.posted, self.options = posted, options
        self.stopping, self.connected, self.problem = False, False, None
        self.flying, self.behind = {}, []  # packet id: (source, sequence); events that wait for the window

    def client(self):
        """A client of one connection."""
        version = mqtt.MQTTv5 if self.options.protocol == "5" else mqtt.MQTTv311
        client = mqtt.Client(client_id=self.options.client_id + "-post", protocol=version)
        client.max_inflight_messages_set(WINDOW)
        if self.options.ca:
            client.tls_set(self.options.ca, self.options.cert, self.options.key, cert_reqs=ssl.CERT_REQUIRED,
                           tls_version=ssl.PROTOCOL_TLS_CLIENT)
        client.on_connect, client.on_disconnect, client.on_publish = self.on_connect, self.on_disconnect, self.on_publish
        client.on_message = self.on_message
        self.flying = {}
        return client

    def say(self, problem):
        """Says a problem once."""
        if problem != self.problem:
            print(f"sample-cloud: {problem}", file=sys.stderr, flush=True)
        self.problem = problem

    def on_connect(self, client, _userdata, _flags, reason, _properties=None):
        """CONNACK: everything unacknowledged from the oldest on."""
        self.connected = reason == 0
        if self.connected:
            client.subscribe(f"tp1/{self.options.tenant}/{self.options.gateway}/up/res", qos=1)
            self.problem, self.behind = None, self.posted.unsent()
        else:
            self.say(f"the broker refused the connection: {mqtt.connack_string(reason)}")

    def on_disconnect(self, _client, _userdata, reason, _properties=None):
        """The connection is over."""
        self.connected = False
        if reason:
            self.say("connection lost")

    def on_publish(self, _client, _userdata, mid):
        """PUBACK."""
        found = self.flying.pop(mid, None)
        if found:
            self.posted.acknowledged(*found)

    def on_message(self, _client, _userdata, message):
        """An answer of the agent; those to commands and outcomes are for others."""
        try:
            answer = json.loads(message.payload)
            if answer["command"] == "posting" and answer["state"] == "done":
                result = answer["result"]
                self.posted.missing(result["source"], [(int(gap["from"]), int(gap["to"])) for gap in result["missing"]])
            elif answer["command"] == "posting":
                self.say(f"a posting was refused: {answer.get('reason')} {answer.get('text')}")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            self.say(f"an answer that cannot be read: {error!r}")

    def feed(self, client):
        """Fills the window."""
        while self.behind and len(self.flying) < WINDOW:
            source, sequence, topic, payload = self.behind.pop(0)
            place = f"tp1/{self.options.tenant}/{self.options.gateway}/{topic}"
            self.flying[client.publish(place, payload, qos=1).mid] = (source, sequence)

    def connection(self, more):
        """One connection until everything is acknowledged and more() has nothing to add."""
        client = self.client()
        try:
            client.connect(self.options.host, self.options.port, keepalive=15)
        except OSError as error:
            self.say(f"cannot connect to {self.options.host}:{self.options.port}: {error}")
            return False
        while not self.stopping and client.socket() is not None:
            if client.loop(0.1) != mqtt.MQTT_ERR_SUCCESS:
                break
            self.posted.book.commit()
            if not self.connected:
                continue
            if not self.behind and not self.flying:
                if not more():
                    client.disconnect()
                    return True
                self.behind = self.posted.unsent()
            self.feed(client)
        self.connected = False
        self.posted.book.commit()
        return self.stopping

    def run(self, more=lambda: False):
        """Publishes until everything is acknowledged and more() is false, or until told to stop. more() may add to the outbox."""
        def stop(*_):
            self.stopping = True
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        pause = 0.1
        while not self.connection(more) and not self.stopping:
            end = time.monotonic() + pause
            while time.monotonic() < end and not self.stopping:
                time.sleep(0.05)
            pause = min(pause * 2, PAUSE_MAX)
        return not self.posted.unsent()
