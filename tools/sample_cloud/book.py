"""book.py - what the cloud has received, in SQLite: events, streams, the latest revision of every document.

Why:   a document is booked once whatever is delivered twice, and every stream is proved gapless and untampered.
Owns:  tables events, waiting (behind a gap), streams, documents, revisions, blocks (of the tree), findings, counts.
Rules: 1. Idempotency key: subject + revision. The same again is dropped and counted; other content is a conflict.
       2. Per stream (a source with its epoch): sequence from 1 without gaps, chain value of each event recomputed.
       3. A sequence again with an equal leaf: a duplicate, dropped. With another leaf: EQUIVOCATION; the stream stops.
       4. Behind a gap events wait, unbooked, until it is filled. A document in parts is booked when it is whole.
       5. take() only writes into the open transaction: the subscriber commits before it acknowledges.
Faults: findings are kept, shown and make the verdict; they never disappear by going on.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_cloud.py
"""

import collections
import datetime
import decimal
import json
import os
import sqlite3

from . import event as events
from . import merkle

WAITING_MAX = 20000  # events behind gaps; further ones are dropped and must be asked for again
SCHEMA = """
CREATE TABLE events(source TEXT, sequence INTEGER, stream TEXT, id TEXT, type TEXT, subject TEXT, revision INTEGER,
  time TEXT, phase TEXT, payload BLOB, chain BLOB, received TEXT, leaf BLOB, PRIMARY KEY(source, sequence)) WITHOUT ROWID;
CREATE TABLE waiting(source TEXT, sequence INTEGER, payload BLOB, PRIMARY KEY(source, sequence)) WITHOUT ROWID;
CREATE TABLE streams(source TEXT PRIMARY KEY, stream TEXT, next INTEGER, chain BLOB, known INTEGER, stopped TEXT);
CREATE TABLE blocks(source TEXT, number INTEGER, root BLOB, PRIMARY KEY(source, number)) WITHOUT ROWID;
CREATE TABLE documents(subject TEXT PRIMARY KEY, revision INTEGER, id TEXT, kind TEXT, voided INTEGER, entity TEXT,
  currency TEXT, lines INTEGER, amount TEXT, source TEXT, sequence INTEGER, received TEXT, data TEXT);
CREATE TABLE revisions(subject TEXT, revision INTEGER, part INTEGER, parts INTEGER, id TEXT, source TEXT, sequence INTEGER,
  PRIMARY KEY(subject, revision, part)) WITHOUT ROWID;
CREATE TABLE findings(number INTEGER PRIMARY KEY, at TEXT, kind TEXT, source TEXT, sequence INTEGER, text TEXT);
CREATE TABLE counts(name TEXT PRIMARY KEY, value INTEGER);
"""

# Findings that no later message can heal.
FATAL = ("equivocation", "chain break")
FINDINGS = FATAL + ("stopped", "conflict", "bad event", "totals differ", "bad rotation")


def now():
    """The wall time as the book writes it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class StreamState:
    """Where a source stands: next sequence, chain value, leaves of the open block, what is known to exist, why it stopped."""

    def __init__(self, stream, following, chain, known=0, stopped=None):
        self.stream = stream
        self.next = following
        self.chain = chain
        self.known = known
        self.stopped = stopped
        self.leaves = []


def measure(data):
    """(currency, lines, amount) of a document: of journals the sum of debits, of others the gross amount."""
    kind = data["type"]
    if kind in ("customer", "usage"):
        return "", 0, "0"
    lines = data.get("applications" if kind == "payment" else "lines", ())
    if kind == "journal":
        amounts = [decimal.Decimal(line["amount"]) for line in lines]
        amount = sum((one for one in amounts if one > 0), decimal.Decimal(0))
    else:
        amount = decimal.Decimal(data["amount" if kind == "payment" else "gross"])
    return data.get("currency", ""), len(lines), str(amount)


class Book:
    """One database of received events."""

    def __init__(self, path, create=False):
        if not create and not os.path.exists(path):
            raise FileNotFoundError(path)
        self.connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        self.run("PRAGMA journal_mode = WAL")
        self.run("PRAGMA synchronous = FULL")
        if not self.rows("SELECT 1 FROM sqlite_master WHERE name = 'events'"):
            self.connection.executescript(f"BEGIN;{SCHEMA}COMMIT;")
        self.counts = collections.Counter(dict(self.rows("SELECT name, value FROM counts")))
        self.streams = {row[0]: StreamState(*row[1:]) for row in
                        self.rows("SELECT source, stream, next, chain, known, stopped FROM streams")}
        for source, state in self.streams.items():
            state.leaves = self.leaves(source, (state.next - 1) // merkle.BLOCK * merkle.BLOCK + 1, state.next - 1)
        self.listeners = []
        self.documents = self.rows("SELECT count(*) FROM documents")[0][0]
        self.waiting = self.rows("SELECT count(*) FROM waiting")[0][0]
        self.open = False

    def run(self, sql, *values):
        """One statement."""
        return self.connection.execute(sql, values)

    def rows(self, sql, *values):
        """All rows of a query."""
        return self.run(sql, *values).fetchall()

    def begin(self):
        """Opens the transaction that take() writes into."""
        if not self.open:
            self.run("BEGIN IMMEDIATE")
            self.open = True

    def commit(self):
        """Makes what was taken durable."""
        if self.open:
            for name, value in self.counts.items():
                self.run("INSERT INTO counts VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
            for source, state in self.streams.items():
                self.run("UPDATE streams SET next = ?, chain = ?, known = ?, stopped = ? WHERE source = ?", state.next,
                         state.chain, state.known, state.stopped, source)
            self.run("COMMIT")
            self.open = False

    def find(self, kind, source, sequence, text):
        """Notes a finding, once; returns its kind."""
        if not self.rows("SELECT 1 FROM findings WHERE kind = ? AND source = ? AND sequence = ?", kind, source, sequence):
            self.run("INSERT INTO findings(at, kind, source, sequence, text) VALUES (?, ?, ?, ?, ?)", now(), kind, source,
                     sequence, text)
        return kind

    def take(self, topic, payload):
        """One message of up/post or up/replay. Returns "booked", "duplicate", "waiting", or the kind of a finding; of a batch
        the finding among its members, or else what became of the first."""
        self.begin()
        self.counts["messages"] += 1
        try:
            found = events.members(payload)
            source, stream = found[0][0].source, found[0][0].stream
            if topic.split("/")[1:3] != source.split(":")[2:4] or topic.rsplit("/", 1)[-1] != stream:
                raise events.BadEvent(f"the topic {topic} is not of {source}")
        except events.BadEvent as error:
            return self.find("bad event", topic, self.counts["messages"], f"{error}; {payload[:120]!r}")
        state = self.stream(source, stream)
        results = [self.one(event, raw, state) for event, raw in found]
        return next((result for result in results if result in FINDINGS), results[0])

    def stream(self, source, stream):
        """The state of a source, opened if it is new."""
        state = self.streams.get(source)
        if state is None:
            state = self.streams[source] = StreamState(stream, 1, events.chain_start(source))
            self.run("INSERT INTO streams VALUES (?, ?, ?, ?, 0, NULL)", source, stream, state.next, state.chain)
        return state

    def one(self, event, payload, state):
        """One event of a stream: before, behind or at the next sequence."""
        if event.sequence < state.next:
            return self.again(event, payload)
        if state.stopped:
            return "stopped"
        state.known = max(state.known, event.sequence)
        if event.sequence > state.next:
            return self.wait(event, payload)
        result = self.book(event, payload, state)
        while result not in FATAL and self.waiting:
            following = self.rows("SELECT payload FROM waiting WHERE source = ? AND sequence = ?", event.source, state.next)
            if not following:
                break
            self.run("DELETE FROM waiting WHERE source = ? AND sequence = ?", event.source, state.next)
            self.waiting -= 1
            later = self.book(events.parse(following[0][0]), following[0][0], state)
            result = later if later in FINDINGS else result
        return result

    def stop(self, kind, source, sequence, text):
        """A finding that ends the stream for good."""
        self.streams[source].stopped = kind
        return self.find(kind, source, sequence, text)

    def again(self, event, payload):
        """A sequence that was there before."""
        kept = self.rows("SELECT payload FROM events WHERE source = ? AND sequence = ?", event.source, event.sequence)[0][0]
        if kept == payload or events.parse(kept).leaf == event.leaf:
            self.counts["duplicates"] += 1
            return "duplicate"
        return self.stop("equivocation", event.source, event.sequence,
                         f"sequence {event.sequence} was {events.parse(kept).subject} and is now {event.subject} "
                         f"revision {event.revision}")

    def wait(self, event, payload):
        """An event behind a gap."""
        kept = self.rows("SELECT payload FROM waiting WHERE source = ? AND sequence = ?", event.source, event.sequence)
        if kept and events.parse(kept[0][0]).leaf != event.leaf:
            return self.stop("equivocation", event.source, event.sequence, "two contents behind a gap")
        if kept:
            self.counts["duplicates"] += 1
            return "duplicate"
        if self.waiting >= WAITING_MAX:
            self.counts["dropped behind gaps"] += 1
            return "waiting"
        self.run("INSERT INTO waiting VALUES (?, ?, ?)", event.source, event.sequence, payload)
        self.waiting += 1
        return "waiting"

    def book(self, event, payload, state):
        """The next event of its stream: proves it, keeps it, and moves the document to its newest revision."""
        chain = events.chain_link(state.chain, event.leaf)
        if chain != event.chain:
            return self.stop("chain break", event.source, event.sequence,
                             f"sequence {event.sequence} carries chain {event.chain.hex()[:16]}..., recomputed "
                             f"{chain.hex()[:16]}...")
        received = now()
        self.run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", event.source, event.sequence, event.stream,
                 event.id, event.type, event.subject, event.revision, event.time, event.phase, payload, chain, received,
                 event.leaf)
        state.next, state.chain = event.sequence + 1, chain
        state.leaves.append(event.leaf)
        if len(state.leaves) == merkle.BLOCK:
            self.run("INSERT INTO blocks VALUES (?, ?, ?)", event.source, event.sequence // merkle.BLOCK, merkle.block(state.leaves))
            state.leaves = []
        result, whole = self.document(event, received) if event.known else ("booked", event.parts == 1)
        for listener in self.listeners:
            result = listener(event, result, whole) or result
        return result

    def document(self, event, received):
        """(result, is it whole now?) of an event that is a document or a part of one."""
        kept = self.rows("SELECT part, parts, id FROM revisions WHERE subject = ? AND revision = ?", event.subject, event.revision)
        same = [number for part, _, number in kept if part == event.part]
        if (same and same[0] != event.id) or any(parts != event.parts for _, parts, _ in kept):
            return self.find("conflict", event.source, event.sequence,
                             f"{event.subject} revision {event.revision} came with two contents"), False
        if same:
            self.counts["repeated documents"] += 1
            return "duplicate", len(kept) == event.parts
        self.run("INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?)", event.subject, event.revision, event.part, event.parts,
                 event.id, event.source, event.sequence)
        if len(kept) + 1 < event.parts:
            return "booked", False
        self.keep_document(event, received)
        return "booked", True

    def whole(self, event):
        """The data of a document: of one in parts, the first part's with the lines of all."""
        if event.parts == 1:
            return event.data
        parts = [events.parse(payload).data for payload, in self.rows(
            "SELECT e.payload FROM revisions r JOIN events e USING(source, sequence) WHERE r.subject = ? AND r.revision = ? "
            "ORDER BY r.part", event.subject, event.revision)]
        return {**parts[0], "lines": [line for part in parts for line in part.get("lines", ())]}

    def keep_document(self, event, received):
        """The document's latest revision."""
        found = self.rows("SELECT revision FROM documents WHERE subject = ?", event.subject)
        if found and found[0][0] > event.revision:
            return
        data = self.whole(event)
        try:
            currency, lines, amount = measure(data)
        except (KeyError, TypeError, decimal.InvalidOperation) as error:
            self.find("bad event", event.source, event.sequence, f"{event.subject}: no figures in its data: {error!r}")
            return
        self.documents += not found
        self.run("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", event.subject,
                 event.revision, event.id, data["type"], event.voided, data["entity"], currency, lines, amount,
                 event.source, event.sequence, received, events.canonical(data).decode("utf-8"))

    # The tree.

    def leaves(self, source, first, last):
        """Leaves of a range of sequences."""
        return [row[0] for row in self.rows("SELECT leaf FROM events WHERE source = ? AND sequence BETWEEN ? AND ? "
                                            "ORDER BY sequence", source, first, last)]

    def root(self, source, size):
        """Root of the own tree over the first size leaves, all of which are here."""
        full = size // merkle.BLOCK
        blocks = [row[0] for row in self.rows("SELECT root FROM blocks WHERE source = ? AND number <= ? ORDER BY number",
                                              source, full)]
        return merkle.root(blocks, self.leaves(source, full * merkle.BLOCK + 1, size))

    def chain(self, source, size):
        """Chain value after size events."""
        found = self.rows("SELECT chain FROM events WHERE source = ? AND sequence = ?", source, size)
        return found[0][0] if found else events.chain_start(source)

    # What the book says.

    def gaps(self):
        """[(source, first missing, sequences received behind it)]"""
        return [(source, self.streams[source].next, behind) for source, behind in
                self.rows("SELECT source, count(*) FROM waiting GROUP BY source")]

    def verdict(self):
        """(is all well?, one line)"""
        findings = self.rows("SELECT kind, source, sequence, text FROM findings ORDER BY number")
        problems = [f"{kind}: {source}: {text}" for kind, source, _, text in findings]
        problems += [f"gap: {source}: sequence {missing} is missing, {behind} wait behind it"
                     for source, missing, behind in self.gaps()]
        taken = self.rows("SELECT count(*) FROM events")[0][0]
        facts = (f"{self.documents:,} documents in {taken:,} events of {len(self.streams)} streams, "
                 f"{self.counts['duplicates']:,} duplicates dropped")
        if problems:
            return False, f"verdict: BROKEN: {'; '.join(problems[:5])} ({len(problems)} findings; {facts})"
        return True, f"verdict: intact: {facts}"

    def verify(self):
        """Proves the whole book again from the payloads alone; returns a list of problems."""
        problems, seen, heads = [], {}, {}
        for source, sequence, payload in self.run("SELECT source, sequence, payload FROM events ORDER BY source, sequence"):
            following, chain = heads.get(source, (1, events.chain_start(source)))
            try:
                event = events.parse(payload)
            except events.BadEvent as error:
                problems.append(f"bad event: {source} sequence {sequence}: {error}")
                continue
            chain = events.chain_link(chain, event.leaf)
            if (event.source, event.sequence) != (source, sequence) or sequence != following:
                problems.append(f"gap: {source}: {following} is missing before {sequence}")
            if chain != event.chain:
                problems.append(f"chain break: {source} sequence {sequence}")
            if event.known and event.part == event.parts and event.revision >= seen.get(event.subject, (0,))[0]:
                seen[event.subject] = (event.revision, event.id)
            heads[source] = (sequence + 1, chain)
        for source, state in self.streams.items():
            if heads.get(source, (1, events.chain_start(source))) != (state.next, state.chain):
                problems.append(f"head: {source} stands at {state.next}, its events do not lead there")
        kept = {subject: (revision, number) for subject, revision, number in
                self.rows("SELECT subject, revision, id FROM documents")}
        problems += [f"document: {subject} is not the latest revision received" for subject in sorted(set(kept) | set(seen))
                     if kept.get(subject) != seen.get(subject)]
        return problems

    def totals(self):
        """[{company, currency, type, documents, lines, amount, voided}], sorted; voided documents only counted."""
        sums = {}
        for entity, currency, kind, voided, lines, amount in self.run(
                "SELECT entity, currency, kind, voided, lines, amount FROM documents"):
            row = sums.setdefault((entity, currency, kind), [0, 0, decimal.Decimal(0), 0])
            if voided:
                row[3] += 1
            else:
                row[0] += 1
                row[1] += lines
                row[2] += decimal.Decimal(amount)
        return [{"company": entity, "currency": currency, "type": kind, "documents": row[0], "lines": row[1],
                 "amount": str(row[2]), "voided": row[3]} for (entity, currency, kind), row in sorted(sums.items())]

    def show(self, subject):
        """Everything received of one subject, as text; None if nothing was."""
        found = self.rows("SELECT revision, type, stream, sequence, time, received, phase, payload FROM events WHERE subject = ? "
                          "ORDER BY revision, sequence", subject)
        if not found:
            return None
        lines = [f"{kind}  revision {revision}  stream {stream}  sequence {sequence}  phase {phase}\n"
                 f"  recorded {time}  received {received}" for revision, kind, stream, sequence, time, received, phase, _ in found]
        data = json.loads(found[-1][-1])["data"]
        return "\n".join([*lines, json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True)])
