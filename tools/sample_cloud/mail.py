"""mail.py - what the cloud sends: receipts, outcomes, replay commands; kept until it is answered.

Why:   a receipt or an outcome that a crash swallowed would leave the agent waiting: what is to be sent is in the book's
       transaction, and goes out again until the broker (receipts, commands) or the agent (outcomes) has answered.
Owns:  tables outgoing, decisions (one for each subject and revision).
Rules: 1. RECEIVED when a document is whole and in sequence; BOOKED or REJECTED once a checkpoint covers it.
       2. A repetition has the same id and the same bytes.
       3. A gap that lasts is asked for with a signed command, once for each range, again after `again` seconds.
       4. While the agent is known to be dead nothing is asked: a command would expire unheard.
Faults: refused or failed answers are told; they do not stop anything.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_consumer_cloud.py
"""

import datetime
import hashlib
import json
import sys
import time
import uuid

from . import event as events

SCHEMA = """
CREATE TABLE IF NOT EXISTS outgoing(id TEXT PRIMARY KEY, topic TEXT, payload BLOB, until TEXT, made TEXT);
CREATE TABLE IF NOT EXISTS decisions(subject TEXT, revision INTEGER, source TEXT, stream TEXT, sequence INTEGER, state TEXT,
  document TEXT, due REAL, bookable INTEGER, PRIMARY KEY(subject, revision)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS decisions_open ON decisions(source, sequence) WHERE state = 'RECEIVED';
"""
OUTCOMES_MAX = 200
REPLAY_MAX = 5000
EXPIRY_SECONDS = 600
_CLASSES = ("mapping", "period", "master_data", "amount", "policy", "technical")


def instant(seconds=None):
    """An instant as the contract writes it."""
    moment = datetime.datetime.fromtimestamp(time.time() if seconds is None else seconds, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def command_text(target, number, word, body, seconds=EXPIRY_SECONDS):
    """The text of a command note."""
    return (f"tp1/cmd/v1\ntarget {target}\nid {number}\nexpires {instant(time.time() + seconds)}\ncommand {word}\n"
            f"body {events.canonical(body).decode()}\n").encode("utf-8")


class Mail:
    """What is to be said, in the book's database."""

    def __init__(self, book, agent, signer, reject=0, late=0.0, patience=2.0, again=60.0):
        self.book, self.agent, self.signer = book, agent, signer
        self.reject, self.late, self.patience, self.again = reject, late, patience, again
        book.connection.executescript(SCHEMA)
        self.told = {}     # stream: outcomes to be sent with the next message
        self.gaps = {}     # source: [since, last of the range asked for, when]
        if signer:
            book.listeners.append(self.event)

    @staticmethod
    def now():
        """The wall time."""
        return instant()

    @staticmethod
    def say(text):
        """For a person."""
        print(f"sample-cloud: {text}", file=sys.stderr, flush=True)

    def post(self, number, place, payload, until):
        """Something to publish: place is the topic behind dn/; until: "puback" or "answer"."""
        self.book.begin()
        self.book.run("INSERT OR REPLACE INTO outgoing VALUES (?, ?, ?, ?, ?)", number, f"tp1/{self.agent}/dn/{place}", payload,
                      until, self.now())

    # Outcomes.

    def event(self, event, result, whole):
        """After an event has entered the log: RECEIVED, or DUPLICATE where an older epoch had booked it."""
        if event.word in ("control", "key") or not whole or result == "conflict":
            return
        known = self.book.rows("SELECT state, document FROM decisions WHERE subject = ? AND revision = ?", event.subject,
                               event.revision)
        if known:
            if known[0][0] == "BOOKED":
                self.tell(event.stream, event.subject, event.revision, "DUPLICATE", document=known[0][1])
            return
        self.book.run("INSERT INTO decisions VALUES (?, ?, ?, ?, ?, 'RECEIVED', NULL, NULL, ?)", event.subject, event.revision,
                      event.source, event.stream, event.sequence, event.known)
        self.tell(event.stream, event.subject, event.revision, "RECEIVED")

    def proved(self, source, size):
        """A checkpoint covers these: they may be booked now, or after `late` seconds."""
        self.book.run("UPDATE decisions SET due = ? WHERE source = ? AND sequence <= ? AND state = 'RECEIVED' AND due IS NULL "
                      "AND bookable", time.time() + self.late, source, size)

    def decide(self):
        """Books or rejects what is due."""
        for subject, revision, stream in self.book.rows(
                "SELECT subject, revision, stream FROM decisions WHERE state = 'RECEIVED' AND due <= ? ORDER BY sequence LIMIT 1000",
                time.time()):
            self.book.begin()
            count = self.book.counts["decided"] = self.book.counts["decided"] + 1
            if self.reject and count % self.reject == 0:
                state, document = "REJECTED", None
                kind = _CLASSES[count // self.reject % len(_CLASSES)]
                more = {"class": kind, "reason": "Z001", "text": f"the sample cloud was told to reject this ({kind})"}
            else:
                state = "BOOKED"
                document = str(int(hashlib.sha256(f"{subject}\n{revision}".encode()).hexdigest()[:12], 16))
                more = {"document": document, "date": instant()[:10], "ledger": "0L"}
            self.book.run("UPDATE decisions SET state = ?, document = ? WHERE subject = ? AND revision = ?", state, document, subject,
                          revision)
            self.tell(stream, subject, revision, state, **more)

    def tell(self, stream, subject, revision, outcome, **more):
        """One outcome for the next message of its stream."""
        self.told.setdefault(stream, []).append({"subject": subject, "revision": revision, "outcome": outcome, "time": self.now(),
                                                 **more})

    def flush(self):
        """Makes messages of what is to be told; called before the commit, so that nothing of it can be lost."""
        for stream, outcomes in self.told.items():
            for place in range(0, len(outcomes), OUTCOMES_MAX):
                number = f"o-{uuid.uuid4().hex}"
                payload = events.canonical({"id": number, "outcomes": outcomes[place:place + OUTCOMES_MAX], "time": self.now()})
                self.post(number, f"ack/{stream}", payload, "answer")
        self.told = {}

    # Gaps.

    def ask(self, alive):
        """Asks for what is missing."""
        if not self.signer:
            return
        moment = time.monotonic()
        for source, state in self.book.streams.items():
            if state.stopped or state.known < state.next:
                self.gaps.pop(source, None)
                continue
            gap = self.gaps.setdefault(source, [moment, 0, 0.0])
            if not alive or moment - gap[0] < self.patience or (state.next <= gap[1] and moment - gap[2] < self.again):
                continue
            first = self.book.rows("SELECT min(sequence) FROM waiting WHERE source = ?", source)[0][0] or state.known + 1
            last = min(first - 1, state.next + REPLAY_MAX - 1)
            gap[1:] = last, moment
            number = f"r-{uuid.uuid4().hex}"
            text = command_text(self.agent, number, "replay", {"epoch": int(source.rsplit(":", 1)[1]), "from": state.next,
                                                               "stream": state.stream, "to": last})
            self.post(number, "cmd", self.signer.sign(text), "puback")

    # Answers.

    def answer(self, payload):
        """One message of up/res."""
        self.book.begin()
        try:
            result = json.loads(payload)
            number, state = result["id"], result["state"]
            refused = (result.get("result") or {}).get("refused")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            self.say(f"bad result: {error!r}")
            return "bad result"
        self.book.run("DELETE FROM outgoing WHERE id = ? AND until = 'answer'", number)
        if state in ("rejected", "failed"):
            self.say(f"{result.get('command')} {number}: {state}: {result.get('reason', '')} {result.get('text', '')}")
        if refused:
            self.say(f"outcomes {number}: refused: {refused}")
        return state
