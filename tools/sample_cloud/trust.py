"""trust.py - what is signed: checkpoints judged and cosigned, key rotations, control totals, births, heartbeats and deaths.

Why:   the chain shows that nothing changed on the way; only a signature shows who said it, and only a receipt that it arrived.
Owns:  tables keys (of the agent), rotations, checkpoints, controls, facts (the boot that lives).
Rules: 1. A checkpoint ahead of what is here waits; it is judged when the leaves are there.
       2. Cosigned is only what carries a good signature and equals the own tree and chain at its size.
       3. A signed checkpoint that contradicts the own tree is EQUIVOCATION: the stream stops.
       4. From the sequence of a key event on, its new key alone signs in that stream; before it, the old one.
       5. A death whose boot is not that of the last birth changes nothing.
Faults: findings of the book; notes that prove nothing ("unsigned", "bad signature") are told and counted, not kept.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_consumer_cloud.py, tests/unit/test_mutations.py
"""

import json
import re
from decimal import Decimal, InvalidOperation

from . import event as events
from . import note as notes

SCHEMA = """
CREATE TABLE IF NOT EXISTS keys(number INTEGER PRIMARY KEY, digest TEXT UNIQUE, spki BLOB);
CREATE TABLE IF NOT EXISTS rotations(source TEXT, sequence INTEGER, old TEXT, fresh TEXT, PRIMARY KEY(source, sequence));
CREATE TABLE IF NOT EXISTS checkpoints(source TEXT, size INTEGER, note BLOB, state TEXT, at TEXT, PRIMARY KEY(source, size, note));
CREATE TABLE IF NOT EXISTS controls(source TEXT, sequence INTEGER, PRIMARY KEY(source, sequence));
CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value TEXT);
"""
HELD_MAX = 64  # checkpoints that wait, per source; the smallest goes first
_CHECKPOINT = re.compile(r"(urn:twinpost:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+:[0-9]{1,15})\n([1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n"
                         r"chain ([0-9a-f]{64})\ntime \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\n(?:[^\n]+\n)*")
_ROTATION = re.compile(r"tp1/key/v1\ngateway (\S+)\nold ([0-9a-f]{64})\nnew ([A-Za-z0-9+/]+=*)\ntime \S+\n")
_CITED = re.compile(r"^(?:stream|previous) (\S+) ([0-9]{1,16}) (\S+)$", re.M)
_SIGNS = {"invoice": ("gross", 1), "creditmemo": ("gross", -1), "payment": ("amount", -1)}


def read_checkpoint(text):
    """(source, size, root, chain) of a checkpoint's text."""
    found = _CHECKPOINT.fullmatch(text.decode("utf-8"))
    if not found:
        raise notes.BadNote("not the text of a checkpoint")
    return found[1], int(found[2]), notes.decode(found[3], 32), bytes.fromhex(found[4])


def values(event):
    """The signed amounts of an event that count into control totals."""
    if event.word == "journal":
        return [Decimal(line["amount"]) for line in event.data.get("lines", ())]
    if event.word not in _SIGNS or event.part > 1:
        return []
    field, sign = _SIGNS[event.word]
    return [sign * Decimal(event.data[field])]


class Trust:
    """Judges what is signed; hangs itself into the book."""

    def __init__(self, book, agent, pinned, signer, mail):
        self.book, self.agent, self.signer, self.mail = book, agent, signer, mail
        book.connection.executescript(SCHEMA)
        if pinned:
            book.run("INSERT OR IGNORE INTO keys(digest, spki) VALUES (?, ?)", pinned.digest, pinned.spki)
        self.keys = {digest: notes.PublicKey.of_der(spki) for digest, spki in
                     book.rows("SELECT digest, spki FROM keys ORDER BY number")}
        facts = dict(book.rows("SELECT name, value FROM facts"))
        self.boot, self.alive = facts.get("boot"), facts.get("alive", "1") == "1"
        self.sums = {}  # per source: [events counted, {triple: [count, debit, credit]}, sequence of the last control event]
        book.listeners.append(self.event)

    # Events of the log that concern trust.

    def event(self, event, result, _whole):
        """After an event has entered the log."""
        if event.word == "control":
            finding = self.control(event)
        elif event.word == "key":
            finding = self.rotation(event)
        else:
            finding = self.count(event)
        worse = self.held(event.source)
        return worse or finding or result

    def running(self, source, before):
        """The sums since the last control event; made again from the log after a restart."""
        if source not in self.sums:
            last = self.book.rows("SELECT max(sequence) FROM controls WHERE source = ?", source)[0][0] or 0
            self.sums[source] = [0, {}, last]
            for payload, in self.book.rows("SELECT payload FROM events WHERE source = ? AND sequence > ? AND sequence < ? "
                                           "ORDER BY sequence", source, last, before):
                self.count(events.parse(payload))
        return self.sums[source]

    def count(self, event):
        """One document, or a part of one, into the sums."""
        if event.word == "key":  # in the log that is read again
            return None
        row = self.running(event.source, event.sequence)
        row[0] += 1
        try:
            amounts = values(event)
            triple = (event.word, event.data.get("currency", ""), f"{event.data['year']:04d}-{event.data.get('period', 0):02d}") \
                if amounts else None
        except (KeyError, TypeError, ValueError, InvalidOperation):
            return None  # the book has said already that it has no figures
        if amounts:
            sums = row[1].setdefault(triple, [0, amounts[0] * 0, amounts[0] * 0])
            sums[0] += 1
            sums[1] += sum(one for one in amounts if one > 0)
            sums[2] -= sum(one for one in amounts if one < 0)
        return None

    def control(self, event):
        """Compares the agent's totals with the own ones."""
        count, sums, last = self.running(event.source, event.sequence)
        own = {"count": count, "first": last + 1, "last": event.sequence - 1,
               "totals": [{"count": number, "credit": f"{abs(credit):f}", "currency": currency, "debit": f"{abs(debit):f}",
                           "document": document, "period": period}
                          for (document, currency, period), (number, debit, credit) in sorted(sums.items())]}
        self.sums[event.source] = [0, {}, event.sequence]
        self.book.run("INSERT INTO controls VALUES (?, ?)", event.source, event.sequence)
        if all(event.data.get(name) == value for name, value in own.items()):
            return None
        return self.book.find("totals differ", event.source, event.sequence, f"the agent counted {event.data}, we {own}"[:400])

    def rotation(self, event):
        """The move to a new key, if both keys signed it."""
        try:
            note = notes.parse(str(event.data.get("note")).encode("utf-8"))
            found = _ROTATION.fullmatch(note.text.decode("utf-8"))
            if not found or found[1] != self.agent or found[2] not in self.keys:
                raise notes.BadNote("not a move away from a known key of this gateway")
            fresh = notes.PublicKey.of_der(notes.decode(found[3]))
            for key in (self.keys[found[2]], fresh):
                if notes.judge(note, self.agent, [key]) != "good":
                    raise notes.BadNote("not signed by both keys")
        except (notes.BadNote, notes.BadKey, UnicodeError) as error:
            return self.book.find("bad rotation", event.source, event.sequence, str(error))
        if fresh.digest not in self.keys:
            self.keys[fresh.digest] = fresh
            self.book.run("INSERT INTO keys(digest, spki) VALUES (?, ?)", fresh.digest, fresh.spki)
        self.book.run("INSERT INTO rotations VALUES (?, ?, ?, ?)", event.source, event.sequence, found[2], fresh.digest)
        return None

    def keys_at(self, source, size):
        """The keys that may sign a checkpoint of this size."""
        moves = self.book.rows("SELECT sequence, old, fresh FROM rotations WHERE source = ? ORDER BY sequence", source)
        done = [fresh for sequence, _, fresh in moves if sequence <= size]
        if done:
            return [self.keys[done[-1]]]
        return [self.keys[moves[0][1]]] if moves else list(self.keys.values())

    # Checkpoints.

    def checkpoint(self, topic, payload):
        """One message of up/ckpt. Returns "cosigned", "verified", "held", or what is wrong."""
        self.book.begin()
        try:
            note = notes.parse(payload)
            source, size, root, chain = read_checkpoint(note.text)
            if topic.split("/")[1:3] != source.split(":")[2:4] or topic.rsplit("/", 1)[-1] != source.split(":")[4]:
                raise notes.BadNote(f"on the topic {topic}")
            if f"{source.split(':')[2]}/{source.split(':')[3]}" != self.agent:
                raise notes.BadNote("of another gateway")
        except (notes.BadNote, UnicodeError) as error:
            return self.doubt("bad note", str(error))
        state = self.book.stream(source, source.split(":")[4])
        if state.stopped:
            return "stopped"
        ahead = size >= state.next
        judged = notes.judge(note, self.agent, list(self.keys.values()) if ahead else self.keys_at(source, size))
        if judged == "bad signature" or (judged == "unsigned" and not ahead):
            return self.doubt(judged, f"checkpoint of {size} of {source}")
        if not ahead:
            return self.compare(note, source, size, root, chain)
        if judged == "good":
            state.known = max(state.known, size)
        self.book.run("DELETE FROM checkpoints WHERE (source, size) IN (SELECT source, size FROM checkpoints WHERE source = ? AND "
                      "state = 'held' ORDER BY size DESC LIMIT -1 OFFSET ?) AND state = 'held'", source, HELD_MAX - 1)
        self.book.run("INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?, 'held', ?)", source, size, payload, self.mail.now())
        return "held"

    def doubt(self, kind, text):
        """A note that proves nothing: counted and told; anybody who can publish can send one, so it does not break the book."""
        self.book.counts[kind] += 1
        self.mail.say(f"{kind}: {text}")
        return kind

    def held(self, source):
        """Judges the checkpoints that waited for what is here now."""
        state, worst = self.book.streams[source], None
        for size, payload in self.book.rows("SELECT size, note FROM checkpoints WHERE source = ? AND state = 'held' AND size < ? "
                                            "ORDER BY size", source, state.next):
            self.book.run("DELETE FROM checkpoints WHERE source = ? AND size = ? AND note = ?", source, size, payload)
            note = notes.parse(payload)
            judged = notes.judge(note, self.agent, self.keys_at(source, size))
            result = self.compare(note, *read_checkpoint(note.text)) if judged == "good" else \
                self.doubt(judged, f"checkpoint of {size} of {source}")
            if result == "equivocation":
                return result
            worst = worst or (None if result in ("cosigned", "verified") else result)
        return worst

    def compare(self, note, source, size, root, chain):
        """A checkpoint whose signature is good, against the own tree."""
        for what, theirs, own in (("root", root, self.book.root(source, size)), ("chain", chain, self.book.chain(source, size))):
            if theirs != own:
                return self.book.stop("equivocation", source, size,
                                      f"the signed {what} of {size} is {theirs.hex()[:16]}..., ours is {own.hex()[:16]}...")
        self.book.run("INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?, 'good', ?)", source, size, note.raw, self.mail.now())
        if not self.signer:
            self.mail.proved(source, size)
            return "verified"
        try:
            receipt = self.signer.cosign(note)
        except notes.BadNote as error:
            return self.doubt("bad note", str(error))
        stream = source.split(":")[4]
        self.mail.post(f"receipt {source} {size}", f"ack/{stream}", receipt, "puback")
        self.mail.proved(source, size)
        return "cosigned"

    # State.

    def state(self, payload):
        """One message of up/state. Returns "noted", "stale", or what is wrong."""
        self.book.begin()
        try:
            state = json.loads(payload)
            kind, boot = state["kind"], state["boot"]
            if kind == "death":
                return self.death(boot)
            streams = [(one["source"], one["stream"], int(one["sequence"]), one["chain"]) for one in state["streams"]]
            if kind == "birth" and state.get("page", 1) == 1:
                judged = self.birth(state)
                if judged != "good":
                    return judged
            for source, stream, sequence, chain in streams:
                self.compare_state(source, stream, sequence, chain)
        except (notes.BadNote, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            return self.doubt("bad state", repr(error))
        return "noted"

    def death(self, boot):
        """The last will or an orderly end."""
        if boot != self.boot:
            return "stale"
        self.fact("alive", "0")
        self.alive = False
        return "noted"

    def birth(self, state):
        """A birth must be signed; the trees it cites must be ours."""
        note = notes.parse(state["note"].encode("utf-8"))
        judged = notes.judge(note, self.agent, list(self.keys.values()))
        if judged != "good":
            return self.doubt(judged, "birth")
        text = note.text.decode("utf-8")
        if not text.startswith(f"tp1/birth/v1\ngateway {self.agent}\nboot {state['boot']}\n"):
            raise notes.BadNote("the signed birth is another one")
        self.boot, self.alive = state["boot"], True
        self.fact("boot", self.boot)
        self.fact("alive", "1")
        for source, size, root in _CITED.findall(text):
            known = self.book.streams.get(source)
            if known and int(size) < known.next and self.book.root(source, int(size)) != notes.decode(root, 32):
                return self.book.stop("equivocation", source, int(size), f"the birth cites another root of {size}")
        return "good"

    def compare_state(self, source, stream, sequence, chain):
        """What the agent has sent against what is here."""
        if not events.is_source(source) or source.split(":")[2:5] != [*self.agent.split("/"), stream]:
            raise ValueError(f"{source} is no source of {stream}")
        if not 0 <= sequence < events.INTEGER_END:
            raise ValueError(f"sequence {sequence}")
        state = self.book.stream(source, stream)
        state.known = max(state.known, sequence)
        if 0 < sequence < state.next and self.book.chain(source, sequence).hex() != chain:
            self.doubt("state differs", f"{source}: the chain of {sequence}")

    def fact(self, name, value):
        """Keeps a fact over restarts."""
        self.book.run("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    # Proof of the whole.

    def verify(self):
        """Judges every kept checkpoint again: signature, root and chain; returns a list of problems."""
        problems = []
        for source, size, payload in self.book.rows("SELECT source, size, note FROM checkpoints WHERE state = 'good' "
                                                    "ORDER BY source, size"):
            note = notes.parse(payload)
            if notes.judge(note, self.agent, self.keys_at(source, size)) != "good":
                problems.append(f"checkpoint: {source} size {size}: its signature is not good")
            if read_checkpoint(note.text)[1:] != (size, self.book.root(source, size), self.book.chain(source, size)):
                problems.append(f"checkpoint: {source} size {size}: another tree than the events make")
        return problems
