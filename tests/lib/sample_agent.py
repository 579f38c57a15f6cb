"""sample_agent.py - the agent's side of the contract in Python: events, notes, checkpoints, states.

Why:   the samples must come from the contract's text, not from the code whose output they are to judge.
Owns:  nothing outside its objects.
Rules: 1. Written after docs/contract (proof.md, state.md, events.md) with hashlib and p256.py alone.
       2. The same calls give the same bytes: times come from a counter, keys from labels.
Faults: none; it is given good input.
Runs in: tests/lib/make_samples.py.
Tests: tests/unit/test_contract_samples.py
"""

import base64
import hashlib
import json
import zlib
from decimal import Decimal

TENANT, GATEWAY = "acme", "plant-1"
NAME = f"{TENANT}/{GATEWAY}"
WORD = {"credit_memo": "creditmemo"}
DOCUMENTS = ("journal", "invoice", "credit_memo", "payment", "customer", "usage")  # schemas in version 1.1, others in 1.0


def canonical(value):
    """RFC 8785 text; there are no floats and all keys are ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(data):
    """H of bytes or text."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).digest()


def base64_of(data):
    """Standard alphabet with padding, as text."""
    return base64.b64encode(data).decode()


def tree_root(leaves):
    """RFC 6962 section 2.1: the Merkle tree hash, where leaves are hashes already."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    return sha256(b"\1" + tree_root(leaves[:split]) + tree_root(leaves[split:]))


def tree_path(index, leaves):
    """RFC 6962 section 2.1.1: the inclusion proof of leaves[index]."""
    if len(leaves) == 1:
        return []
    split = 1 << ((len(leaves) - 1).bit_length() - 1)
    if index < split:
        return tree_path(index, leaves[:split]) + [tree_root(leaves[split:])]
    return tree_path(index - split, leaves[split:]) + [tree_root(leaves[:split])]


def signature_line(name, key, text):
    """One line of a signed note."""
    return f"\u2014 {name} {base64_of(sha256(key.spki)[:4] + key.sign(text.encode()))}\n"


def signed(text, *signers):
    """A note: text, an empty line, a line for each (name, key)."""
    return text + "\n" + "".join(signature_line(name, key, text) for name, key in signers)


class Clock:
    """Instants of a simulated morning, 250 ms apart."""

    def __init__(self):
        self.milliseconds = ((14 * 60 + 20) * 60 + 5) * 1000

    def now(self):
        """The next instant."""
        self.milliseconds += 250
        seconds, rest = divmod(self.milliseconds, 1000)
        return f"2026-11-21T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}Z"


class Stream:
    """One stream in one epoch: gives sequences, leaves, chain and checkpoints."""

    def __init__(self, name, clock, key, epoch=1795270800):
        self.name, self.epoch, self.clock, self.key = name, epoch, clock, key
        self.source = f"urn:twinpost:{TENANT}:{GATEWAY}:{name}:{epoch}"
        self.sequence, self.leaves, self.uncounted, self.counted_to = 0, [], [], 0
        self.chain = sha256(f"tp1/chain/v1\n{self.source}\n")
        self.checkpointed = 0

    def topic(self, kind, direction="up"):
        """tp1/acme/plant-1/up/post/00050"""
        return f"tp1/{NAME}/{direction}/{kind}/{self.name}"

    def append(self, kind, schema, subject, data, revision=1, part=None, more=None):
        """The text of the next event."""
        self.sequence += 1
        text, moment = canonical(data), self.clock.now()
        urn = f"urn:twinpost:schema:{schema}:{'1.1' if schema in DOCUMENTS else '1.0'}"
        digest = sha256(text).hex()
        identity = sha256(f"tp1/id/v1\n{subject}\n{revision}\n{digest}\n" + (f"{part}\n" if part else "")).hex()
        attributes = {"type": f"com.twinpost.{kind}.v1", "dataschema": urn, "subject": subject,
                      "source": self.source, "sequence": f"{self.sequence:020}", "revision": revision, "time": moment,
                      "id": identity[:32]}
        lines = ["tp1/leaf/v1"] + [str(attributes[name]) for name in (
            "source", "sequence", "id", "type", "subject", "revision", "time", "dataschema")] + [digest, ""]
        leaf = sha256(b"\0" + "\n".join(lines).encode())
        self.leaves.append(leaf)
        self.chain = sha256(b"\2" + self.chain + leaf)
        attributes.update(
            chainhash=self.chain.hex(), data=data, datacontenttype="application/json", partitionkey=subject, phase="shadow",
            profileversion="jde/1", specversion="1.0", traceparent=f"00-{identity[:32]}-{identity[32:48]}-01")
        attributes.update({"part": part} if part else {}, **(more or {}))
        return canonical(attributes)

    def document(self, data, change="recorded", revision=1, part=None, more=None):
        """The event of a document."""
        kind = data["type"]
        subject = f"{data['entity']}/{kind}/{data['year']}/{data['number']}"
        self.uncounted.append((WORD.get(kind, kind), data, part))
        return self.append(f"{WORD.get(kind, kind)}.{change}", kind, subject, data, revision, part, more)

    def control(self):
        """The control event over everything since the one before."""
        sums = {}
        for word, data, part in self.uncounted:
            if word == "journal":
                values = [line["amount"] for line in data["lines"]]
            elif word in ("customer", "usage") or (part and not part.startswith("1/")):
                continue
            else:
                sign = {"invoice": 1, "creditmemo": -1, "payment": -1}[word]
                values = [str(sign * Decimal(data["amount" if word == "payment" else "gross"]))]
            key = (word, data["currency"], f"{data['year']:04}-{data.get('period', 0):02}")
            zero = abs(Decimal(values[0]) * 0)  # in the minor units of the currency, without a sign
            entry = sums.setdefault(key, {"count": 0, "debit": zero, "credit": zero})
            entry["count"] += 1
            for value in map(Decimal, values):
                entry["debit" if value > 0 else "credit"] += abs(value)
        totals = [{"document": key[0], "currency": key[1], "period": key[2], "count": entry["count"],
                   "debit": str(entry["debit"]), "credit": str(entry["credit"])} for key, entry in sorted(sums.items())]
        data = {"count": len(self.uncounted), "first": self.counted_to + 1, "last": self.sequence, "totals": totals}
        self.uncounted, self.counted_to = [], self.sequence + 1  # the control event itself
        subject = f"{self.name}/control/{self.epoch}/{self.sequence + 1}"
        return self.append("control.recorded", "control", subject, data, more={"profileversion": "twinpost/1"})

    def rotate(self, new):
        """The event of a key rotation; what is signed after it is signed by the new key."""
        text = (f"tp1/key/v1\ngateway {NAME}\nold {sha256(self.key.spki).hex()}\nnew {base64_of(new.spki)}\n"
                f"time {self.clock.now()}\n")
        data = {"note": signed(text, (NAME, self.key), (NAME, new))}
        self.key = new
        subject = f"{self.name}/key/{self.epoch}/{self.sequence + 1}"
        return self.append("key.rotated", "key", subject, data, more={"profileversion": "twinpost/1"})

    def checkpoint(self, root=None, key=None):
        """The note over all leaves so far."""
        self.checkpointed = len(self.leaves)
        text = (f"{self.source}\n{len(self.leaves)}\n{base64_of(root or tree_root(self.leaves))}\nchain {self.chain.hex()}\n"
                f"time {self.clock.now()}\n")
        return signed(text, (NAME, key or self.key))

    def batch(self, events):
        """The last events of the stream in one message."""
        first, last = (f"{number:020}" for number in (self.sequence - len(events) + 1, self.sequence))
        packed = zlib.compress("".join(event + "\n" for event in events).encode(), 9)
        identity = sha256(f"tp1/batch/v1\n{self.source}\n{first}\n{last}\n{self.chain.hex()}\n").hex()[:32]
        return canonical({
            "contentencoding": "deflate", "count": len(events), "data_base64": base64_of(packed),
            "datacontenttype": "application/x-ndjson", "id": identity, "sequence": first, "sequencelast": last,
            "source": self.source, "specversion": "1.0", "subject": f"{self.name}/batch/{self.epoch}/{int(first)}",
            "time": self.clock.now(), "type": "com.twinpost.posting.batch.v1"})

    def state(self):
        """Its entry in a birth or heartbeat."""
        return {"chain": self.chain.hex(), "checkpoint": self.checkpointed, "sequence": self.sequence, "source": self.source,
                "stream": self.name}


def birth(clock, key, boot, streams, lines=(), kind="birth", **more):
    """The payload of a birth, or of another kind with the same members."""
    moment = clock.now()
    text = f"tp1/birth/v1\ngateway {NAME}\nboot {boot}\nkey {base64_of(key.spki)}\ntime {moment}\n" + "".join(lines)
    members = {"boot": boot, "kind": kind, "page": 1, "pages": 1, "streams": [stream.state() for stream in streams],
               "time": moment, "version": "0.3.0", **more}
    if kind == "birth":
        members["note"] = signed(text, (NAME, key))
    return canonical(members)


def command(identity, word, body, key, expires="2026-11-21T15:20:00.000Z", target=NAME, name="acme-cloud"):
    """A signed command."""
    text = f"tp1/cmd/v1\ntarget {target}\nid {identity}\nexpires {expires}\ncommand {word}\nbody {canonical(body)}\n"
    return signed(text, (name, key))
