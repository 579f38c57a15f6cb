"""mutations.py - a recorded valid run, random mutations of it, and what must hold of a consumer's answer to each.

Why:   cases that somebody thought of are few; ten thousand that nobody thought of show what was overlooked.
Rules: 1. A run: two streams with every document type, parts, a batch, control events, a key event and six checkpoints; behind it,
          untouched, the next checkpoint and a heartbeat of each.
       2. A mutation touches events and checkpoints: flip a bit, drop, swap two, double with a change, cut, splice with another.
       3. Noticed: a verdict that is no plain acceptance; or, for a checkpoint that vanished, a receipt that the agent misses.
       4. What is not noticed must have done nothing: the same logs at the end, and only attributes that the leaf does not cover
          differ from what was sent.
       5. Whatever comes, no receipt for a text that the agent did not sign, and no log but a beginning of the true one.
Runs in: tests/unit/test_mutations.py, tests/unit/test_mutations_js.py
"""

import collections
import json
import random

import tp1

COUNT = 10000
KINDS = ("flip", "drop", "swap", "double", "cut", "splice")
# Not in the leaf; of a batch nothing is but its members.
UNCOVERED = {"phase", "profileversion", "mappingversion", "traceparent", "datacontenttype", "partitionkey", "specversion"}
BATCH_UNCOVERED = UNCOVERED | {"time", "subject", "data_base64", "contentencoding"}


class Recording:
    """The valid run: messages, and what holds at its end."""

    def __init__(self):
        self.agent, self.cloud, new = tp1.Key(), tp1.Key(), tp1.Key()
        gateway = tp1.Gateway(key=self.agent)
        self.streams = [gateway.stream("00100"), gateway.stream("00200")]
        self.messages, self.texts = [], set()
        for part in range(3):
            for stream in self.streams:
                self.section(stream, part, new)
        self.mutable = len(self.messages)
        for stream in self.streams:
            self.post(stream, stream.event(tp1.payment(99, entity=stream.name)))
            self.checkpoint(stream, new)
        self.messages.append((gateway.topic("state"), gateway.heartbeat()))
        self.heads = {stream.source: stream.chain.hex() for stream in self.streams}
        self.chains = {stream.source: [chain.hex() for chain in stream.chains] for stream in self.streams}

    def post(self, stream, *events):
        """Events on the stream's topic."""
        self.messages += [(stream.topic, event) for event in events]

    def checkpoint(self, stream, key):
        """Control event and checkpoint."""
        self.post(stream, stream.control())
        note = stream.checkpoint(key=key)
        self.texts.add(tp1.note_parts(note)[0])
        self.messages.append((stream.gateway.topic("ckpt", stream.name), note))

    def section(self, stream, part, new):
        """One of three stretches of a stream."""
        entity = {"entity": stream.name}
        if part == 0:
            self.post(stream, *[stream.event({**data, **entity}) for data in (tp1.journal(1), tp1.invoice(2), tp1.customer(3))])
        elif part == 1:
            self.post(stream, *stream.parts({**tp1.journal(4, lines=5), **entity}, 2), stream.rotate(new))
        else:
            first = len(stream.events) + 1
            for number in range(5, 8):
                stream.event({**tp1.journal(number, "3.00"), **entity})
            self.post(stream, stream.batch(first, len(stream.events)))
        self.checkpoint(stream, new if part else self.agent)


class Mutation:
    """One change of the run: the messages it makes of it."""

    def __init__(self, recording, seed):
        self.recording = recording
        self.random = random.Random(seed)
        self.kind = self.random.choice(KINDS)
        self.place = self.random.randrange(recording.mutable)
        self.original = recording.messages[self.place]
        self.changed = None
        self.messages = list(recording.messages)
        getattr(self, self.kind)()

    def bent(self, payload):
        """A copy with one bit flipped."""
        at = self.random.randrange(len(payload))
        return payload[:at] + bytes([payload[at] ^ 1 << self.random.randrange(8)]) + payload[at + 1:]

    def put(self, payload):
        """Another payload at the place."""
        self.changed = payload
        self.messages[self.place] = (self.original[0], payload)

    def flip(self):
        """One bit."""
        self.put(self.bent(self.original[1]))

    def drop(self):
        """The message is lost."""
        del self.messages[self.place]

    def swap(self):
        """Two messages change places."""
        other = self.random.randrange(self.recording.mutable)
        self.messages[self.place], self.messages[other] = self.messages[other], self.messages[self.place]

    def double(self):
        """It comes again later, with a bit flipped."""
        self.changed = self.bent(self.original[1])
        self.messages.insert(self.random.randint(self.place + 1, self.recording.mutable), (self.original[0], self.changed))

    def cut(self):
        """Its end is missing."""
        self.put(self.original[1][:self.random.randrange(len(self.original[1]))])

    def splice(self):
        """The beginning of it and the end of another one, or all of another one, on its topic."""
        other = self.recording.messages[self.random.randrange(self.recording.mutable)][1]
        if self.random.random() < 0.5:
            self.put(other)
        else:
            at = self.random.randrange(min(len(other), len(self.original[1])))
            self.put(self.original[1][:at] + other[at:])

    def differing(self):
        """Attributes of what was sent that differ now; None where it is no JSON object any more."""
        try:
            one, other = json.loads(self.original[1]), json.loads(self.changed)
            return {name for name in one if one[name] != other.get(name)}
        except (ValueError, TypeError, AttributeError):
            return None


def judge(mutation, named, texts, heads):
    """"named", "receipt missing", or why it did no harm; raises AssertionError where something is wrong.

    named: was there a verdict other than acceptance? texts: of the receipts; heads: {source: (size, chain)}."""
    recording = mutation.recording
    if not texts <= recording.texts:
        raise AssertionError("cosigned a text that the agent did not sign")
    for source, (size, chain) in heads.items():
        if size and recording.chains[source][size - 1] != chain:
            raise AssertionError(f"holds another log of {source} at {size}")
    if named:
        return "named"
    if {source: chain for source, (_, chain) in heads.items()} != recording.heads:
        raise AssertionError("something is missing at the end and nothing was said")
    if texts != recording.texts:
        if mutation.kind != "drop" and mutation.changed is None:
            raise AssertionError("a receipt is missing though nothing was lost")
        return "receipt missing"
    if mutation.changed is None:
        return "order alone"
    if mutation.changed == mutation.original[1] or mutation.changed in {payload for _, payload in recording.messages}:
        return "a repetition"
    differing = mutation.differing()
    batch = b"posting.batch" in mutation.original[1]
    allowed = BATCH_UNCOVERED if batch else UNCOVERED | ({"chainhash"} if mutation.kind == "double" else set())
    if differing is None or not differing <= allowed:
        raise AssertionError(f"a change of {differing} was not noticed")
    return "not covered"


def run(recording, answer, first_seed, count=COUNT):
    """Plays count mutations: answer(messages) gives judge()'s last three arguments. Returns a Counter of (kind, judgement)."""
    counts = collections.Counter()
    for seed in range(first_seed, first_seed + count):
        mutation = Mutation(recording, seed)
        try:
            counts[mutation.kind, judge(mutation, *answer(mutation.messages))] += 1
        except AssertionError as error:
            raise AssertionError(f"seed {seed}, {mutation.kind} at {mutation.place}: {error}") from error
    return counts
