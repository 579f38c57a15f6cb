"""book.py - what the cloud has received, in SQLite: events, streams, the latest revision of every document.

Why:   a document is booked once whatever is delivered twice, and every stream is proved gapless and untampered.
Owns:  tables events, waiting (behind a gap), streams, documents, findings, counts.
Rules: 1. Idempotency key: subject + revision. The same again is dropped and counted; other content is a conflict.
       2. Per stream (a source with its epoch): sequence from 1 without gaps, chain value of each event recomputed.
       3. A sequence again with an equal leaf: a duplicate, dropped. With another leaf: EQUIVOCATION, for ever.
       4. Behind a gap events wait, unbooked, until it is filled.
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

SCHEMA = """
CREATE TABLE events(source TEXT, sequence INTEGER, stream TEXT, id TEXT, type TEXT, subject TEXT, revision INTEGER,
  time TEXT, phase TEXT, payload BLOB, chain BLOB, received TEXT, PRIMARY KEY(source, sequence)) WITHOUT ROWID;
CREATE TABLE waiting(source TEXT, sequence INTEGER, payload BLOB, PRIMARY KEY(source, sequence)) WITHOUT ROWID;
CREATE TABLE streams(source TEXT PRIMARY KEY, stream TEXT, next INTEGER, chain BLOB);
CREATE TABLE documents(subject TEXT PRIMARY KEY, revision INTEGER, id TEXT, kind TEXT, voided INTEGER, entity TEXT,
  currency TEXT, lines INTEGER, amount TEXT, source TEXT, sequence INTEGER, received TEXT, data TEXT);
CREATE TABLE revisions(subject TEXT, revision INTEGER, id TEXT, PRIMARY KEY(subject, revision)) WITHOUT ROWID;
CREATE TABLE findings(number INTEGER PRIMARY KEY, at TEXT, kind TEXT, source TEXT, sequence INTEGER, text TEXT);
CREATE TABLE counts(name TEXT PRIMARY KEY, value INTEGER);
"""

# Findings that no later message can heal.
FATAL = ("equivocation", "chain break")


def now():
    """The wall time as the book writes it."""
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def measure(data):
    """(currency, lines, amount) of a document: of journals the sum of debits, of others the gross amount."""
    kind = data["type"]
    if kind == "customer":
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
        self.streams = {source: [following, chain]
                        for source, following, chain in self.rows("SELECT source, next, chain FROM streams")}
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
            for source, (following, chain) in self.streams.items():
                self.run("UPDATE streams SET next = ?, chain = ? WHERE source = ?", following, chain, source)
            self.run("COMMIT")
            self.open = False

    def find(self, kind, source, sequence, text):
        """Notes a finding, once; returns its kind."""
        if not self.rows("SELECT 1 FROM findings WHERE kind = ? AND source = ? AND sequence = ?", kind, source, sequence):
            self.run("INSERT INTO findings(at, kind, source, sequence, text) VALUES (?, ?, ?, ?, ?)", now(), kind, source,
                     sequence, text)
        return kind

    def take(self, topic, payload):
        """One message of up/post or up/replay. Returns "booked", "duplicate", "waiting", or the kind of a finding."""
        self.begin()
        self.counts["messages"] += 1
        try:
            event = events.parse(payload)
            if topic.rsplit("/", 1)[-1] != event.stream:
                raise events.BadEvent(f"the topic {topic} is not of stream {event.stream}")
        except events.BadEvent as error:
            return self.find("bad event", topic, self.counts["messages"], f"{error}; {payload[:120]!r}")
        state = self.streams.get(event.source)
        if state is None:
            state = self.streams[event.source] = [1, events.chain_start(event.source)]
            self.run("INSERT INTO streams VALUES (?, ?, ?, ?)", event.source, event.stream, *state)
        if event.sequence < state[0]:
            return self.again(event, payload)
        if event.sequence > state[0]:
            return self.wait(event, payload)
        result = self.book(event, payload, state)
        while result not in FATAL and self.waiting:
            following = self.rows("SELECT payload FROM waiting WHERE source = ? AND sequence = ?", event.source, state[0])
            if not following:
                break
            self.run("DELETE FROM waiting WHERE source = ? AND sequence = ?", event.source, state[0])
            self.waiting -= 1
            later = self.book(events.parse(following[0][0]), following[0][0], state)
            result = later if later in FATAL else result
        return result

    def again(self, event, payload):
        """A sequence that was there before."""
        kept = self.rows("SELECT payload FROM events WHERE source = ? AND sequence = ?", event.source, event.sequence)[0][0]
        if kept == payload:
            self.counts["duplicates"] += 1
            return "duplicate"
        return self.find("equivocation", event.source, event.sequence,
                         f"sequence {event.sequence} was {events.parse(kept).subject} and is now {event.subject} "
                         f"revision {event.revision}")

    def wait(self, event, payload):
        """An event behind a gap."""
        kept = self.rows("SELECT payload FROM waiting WHERE source = ? AND sequence = ?", event.source, event.sequence)
        if kept and kept[0][0] != payload:
            return self.find("equivocation", event.source, event.sequence, "two contents behind a gap")
        if kept:
            self.counts["duplicates"] += 1
            return "duplicate"
        self.run("INSERT INTO waiting VALUES (?, ?, ?)", event.source, event.sequence, payload)
        self.waiting += 1
        return "waiting"

    def book(self, event, payload, state):
        """The next event of its stream: proves it, keeps it, and moves the document to its newest revision."""
        chain = events.chain_link(state[1], event.leaf)
        if chain != event.chain:
            return self.find("chain break", event.source, event.sequence,
                             f"sequence {event.sequence} carries chain {event.chain.hex()[:16]}..., recomputed "
                             f"{chain.hex()[:16]}...")
        received = now()
        self.run("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", event.source, event.sequence, event.stream,
                 event.id, event.type, event.subject, event.revision, event.time, event.phase, payload, chain, received)
        state[0], state[1] = event.sequence + 1, chain
        before = self.rows("SELECT id FROM revisions WHERE subject = ? AND revision = ?", event.subject, event.revision)
        if before:
            if before[0][0] != event.id:
                return self.find("conflict", event.source, event.sequence,
                                 f"{event.subject} revision {event.revision} came with two contents")
            self.counts["repeated documents"] += 1
            return "duplicate"
        self.run("INSERT INTO revisions VALUES (?, ?, ?)", event.subject, event.revision, event.id)
        self.keep_document(event, received)
        return "booked"

    def keep_document(self, event, received):
        """The document's latest revision."""
        found = self.rows("SELECT revision FROM documents WHERE subject = ?", event.subject)
        if found and found[0][0] > event.revision:
            return
        try:
            currency, lines, amount = measure(event.data)
        except (KeyError, decimal.InvalidOperation) as error:
            self.find("bad event", event.source, event.sequence, f"{event.subject}: no figures in its data: {error!r}")
            return
        self.documents += not found
        self.run("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", event.subject,
                 event.revision, event.id, event.data["type"], event.voided, event.data["entity"], currency, lines, amount,
                 event.source, event.sequence, received, event.data_bytes.decode("utf-8"))

    # What the book says.

    def gaps(self):
        """[(source, first missing, sequences received behind it)]"""
        return [(source, self.streams[source][0], behind) for source, behind in
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
            if event.revision >= seen.get(event.subject, (0,))[0]:
                seen[event.subject] = (event.revision, event.id)
            heads[source] = (sequence + 1, chain)
        for source, (following, chain) in self.streams.items():
            if heads.get(source, (1, events.chain_start(source))) != (following, chain):
                problems.append(f"head: {source} stands at {following}, its events do not lead there")
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
