"""world.py - the agent's side of the wire for conformance: publishes streams, hears the consumer, answers it, keeps the record.

Why:   a consumer is judged by nothing but its messages on dn/#, so that it can be in any language.
Owns:  one paho client; the record of all that was heard.
Rules: 1. A command is answered only when its signature is the consumer's and its form is right; each fault of form is a finding.
       2. An outcome message is answered on up/res unless a case wants to see it repeated.
       3. A fence is a small valid stream: its receipt shows that everything published before it was worked off.
       4. Nothing sleeps: every wait asks the record, with a bound.
Faults: findings are (must, text) by stream; the caller decides what they mean.
Runs in: tools/conformance.
Tests: tests/unit/test_conformance.py
"""

import datetime
import json
import queue
import re
import ssl
import time
from collections import defaultdict

import paho.mqtt.client as mqtt
import tp1

OUTCOMES_MAX = 200
ACK_BYTES_MAX = 256 * 1024
EXPIRY_DAYS_MAX = 7
_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class World:
    """One gateway, played."""

    def __init__(self, options, agent_key, cloud_key):
        self.options = options
        self.cloud_key = cloud_key  # a tp1.Key or anything with id and spki
        self.gateway = tp1.Gateway(options.tenant, options.gateway, agent_key)
        self.heard = queue.Queue()
        self.streams = {}                   # (stream name, epoch): Stream, for replays
        self.receipts = defaultdict(list)   # stream name: payloads
        self.outcomes = defaultdict(list)   # stream name: (message id, outcome), in order
        self.messages = defaultdict(list)   # stream name: (id, payload), each time it came
        self.replays = defaultdict(list)    # stream name: (from, to)
        self.findings = defaultdict(list)   # stream name: (must, text)
        self.known = {}                     # id: payload of outcome messages and commands
        self.mute = set()                   # stream names whose outcomes are not answered yet
        self.fences = 0
        self.client = mqtt.Client(f"conformance-{options.tenant}", protocol=mqtt.MQTTv5)
        if options.ca:
            self.client.tls_set(options.ca, options.cert, options.key, tls_version=ssl.PROTOCOL_TLS_CLIENT)
        self.client.on_connect = lambda *_: self.client.subscribe(self.gateway.topic("#", way="dn"), qos=1)
        self.client.on_message = lambda _client, _data, message: self.heard.put((message.topic, message.payload, message.retain))
        self.subscribed = False
        self.client.on_subscribe = self._on_subscribe
        self.client.max_inflight_messages_set(200)
        self.client.max_queued_messages_set(0)

    def _on_subscribe(self, *_):
        self.subscribed = True

    def open(self):
        """Connects and waits until nothing can be missed."""
        self.client.connect(self.options.host, self.options.port)
        self.client.loop_start()
        return self.wait(lambda: self.subscribed, 20)

    def close(self):
        """Ends the connection."""
        self.client.disconnect()
        self.client.loop_stop()

    def stream(self, name, epoch=1700000000):
        """A stream that can be replayed."""
        stream = self.gateway.stream(name, epoch)
        self.streams[name, epoch] = stream
        return stream

    def send(self, kind, payload, stream=None):
        """Publishes one message of the agent."""
        self.client.publish(self.gateway.topic(kind, stream), payload, qos=1)

    def result(self, command, number, state, **more):
        """A message on up/res."""
        self.send("res", tp1.canonical({"command": command, "id": number, "state": state, "time": tp1.instant(tp1.now()), **more}))

    # Hearing.

    def pump(self, seconds):
        """Takes what was heard, for at most this long."""
        try:
            while True:
                self._take(*self.heard.get(timeout=seconds))
                seconds = 0
        except queue.Empty:
            return

    def wait(self, ask, seconds):
        """Asks until it is true; whether it became so in time."""
        end = time.monotonic() + seconds
        while not ask():
            if time.monotonic() > end:
                return False
            self.pump(0.02)
        return True

    def _take(self, topic, payload, retained):
        levels = topic.split("/")
        kind, stream = levels[4], levels[5] if len(levels) > 5 else ""
        if kind == "cmd":
            self._command(payload, retained)
        elif kind == "ack" and payload.startswith(b"urn:"):
            self.receipts[stream].append(payload)
            if not self._signed(payload):
                self.findings[stream].append(("tp1-rcp-001", "a receipt without a good signature of the consumer's key"))
        elif kind == "ack":
            self._outcomes(stream, payload)

    def _signed(self, payload):
        try:
            return tp1.signed_by(payload, self.cloud_key)
        except ValueError:
            return False

    def _command(self, payload, retained):
        try:
            fields = tp1.command_of(payload)
            body = fields["body"]
            stream = str(body.get("stream", ""))
        except (ValueError, AttributeError, UnicodeError) as error:
            self.findings[""].append(("tp1-cmd-001", f"a command that is no command note: {error}"))
            return
        found = self.findings[stream]
        if not self._signed(payload):
            found.append(("tp1-cmd-001", f"command {fields['id']} is not signed by the consumer's key"))
            return
        if retained:
            found.append(("tp1-cmd-003", "a command came with the retain flag"))
        if self.known.setdefault(fields["id"], tp1.note_parts(payload)[0]) != tp1.note_parts(payload)[0]:
            found.append(("tp1-cmd-002", f"id {fields['id']} was used for another command"))
        expires = fields["expires"]
        days = (datetime.datetime.fromisoformat(expires[:-1] + "+00:00") - tp1.now()).total_seconds() / 86400 \
            if _INSTANT.fullmatch(expires) else None
        if days is None or not 0 < days <= EXPIRY_DAYS_MAX or not _ID.fullmatch(fields["id"]):
            found.append(("tp1-cmd-002", f"id {fields['id']} or expires {expires} is out of its bounds"))
        if fields["target"] != self.gateway.name:
            found.append(("tp1-cmd-001", f"target {fields['target']} is not this gateway"))
        if fields["command"] == "replay":
            self._replay(fields["id"], stream, body)

    def _replay(self, number, stream, body):
        first, last = body.get("from"), body.get("to")
        if not isinstance(first, int) or not isinstance(last, int) or not 1 <= first <= last:
            self.findings[stream].append(("tp1-seq-005", f"replay from {first} to {last} is no range"))
            self.result("replay", number, "rejected", reason="bad-body", text="from, to")
            return
        epochs = [epoch for name, epoch in self.streams if name == stream]
        source = self.streams.get((stream, body.get("epoch", max(epochs, default=0))))
        self.replays[stream].append((first, last))
        if not source or last > len(source.events):
            self.result("replay", number, "failed", text="there is no such range")
            return
        self.result("replay", number, "accepted")
        for event in source.events[first - 1:last]:
            self.send("replay", event, stream)
        self.result("replay", number, "done", result={"from": first, "to": last})

    def _outcomes(self, stream, payload):
        found = self.findings[stream]
        try:
            message = json.loads(payload)
            number, outcomes = message["id"], message["outcomes"]
            rows = [(one["subject"], one["revision"], one["outcome"]) for one in outcomes]
        except (ValueError, KeyError, TypeError) as error:
            found.append(("tp1-out-001", f"neither a receipt nor outcomes: {error!r}"))
            return
        if not isinstance(number, str) or not _ID.fullmatch(number) or self.known.setdefault(number, payload) != payload:
            found.append(("tp1-out-002", f"id {number} has another form or was used for other bytes"))
        if not 1 <= len(rows) <= OUTCOMES_MAX or len(payload) > ACK_BYTES_MAX:
            found.append(("tp1-out-002", f"{len(rows)} outcomes in {len(payload)} bytes"))
        again = any(known == number for known, _ in self.messages[stream])
        self.messages[stream].append((number, payload))
        if not again:
            self.outcomes[stream] += [(number, one) for one in outcomes]
        if stream not in self.mute:
            self.result("ack", number, "done", result={"late": 0, "refused": [], "repeated": 0, "taken": len(rows), "unknown": []})

    # Fences.

    def fence(self):
        """Publishes a small valid stream; the answer is asked until its receipt has come."""
        self.fences += 1
        name = f"fence-{self.fences}"
        stream = self.stream(name)
        self.send("post", stream.event(tp1.journal(1, entity=name)), name)
        self.send("ckpt", stream.checkpoint(), name)
        return lambda: bool(self.receipts[name])
