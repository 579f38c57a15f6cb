"""tp1.py - a producer of the contract tp1: keys, notes, events, control and key events, checkpoints, births, batches, commands.

Why:   consumers are judged by streams that do not come from the agent: this maker is written from the contract's formats alone
       and shares no code with the agent, with the sample cloud or with the reference consumer.
Owns:  nothing outside memory.
Rules: 1. Everything it makes is valid; a broken stream is made by the caller, from valid bytes.
       2. The Merkle tree is the recursive definition of RFC 6962 section 2.1, not the frontier that consumers use.
       3. Amounts are Decimal; times run on by one second from a fixed instant.
Faults: ValueError of what is no note (note_parts, command_of); InvalidSignature becomes False.
Source: C2SP signed-note and tlog-checkpoint; RFC 6962 sections 2.1 and 2.1.1; RFC 1950; docs/contract.
Runs in: tests, tools/conformance; needs python3-cryptography.
Tests: tests/unit/test_conformance.py checks it against openssl and known trees.
"""

import base64
import datetime
import hashlib
import json
import zlib
from decimal import Decimal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ENVELOPE = "application/json"
BIRTHDAY = datetime.datetime(2026, 11, 21, 8, 0, 0, tzinfo=datetime.timezone.utc)


def sha256(*parts):
    """H of the joined parts."""
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    """Canonical JSON of values without floats and with ASCII keys."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def instant(moment):
    """An instant as the contract writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def now():
    """The wall time."""
    return datetime.datetime.now(datetime.timezone.utc)


class Key:
    """An ECDSA P-256 key pair."""

    def __init__(self, private=None):
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        public = self.private.public_key()
        self.spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public_pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.id = sha256(self.spki)[:4]

    @property
    def private_pem(self):
        """PKCS 8, not encrypted."""
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption())

    def sign(self, text):
        """A DER signature over the bytes."""
        return self.private.sign(text, ec.ECDSA(hashes.SHA256()))


def verifies(spki, text, signature):
    """Is the DER signature one of the key?"""
    try:
        serialization.load_der_public_key(spki).verify(signature, text, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def note(text, *signers):
    """A signed note: signers are (name, Key)."""
    body = text.encode("utf-8")
    lines = [f"\u2014 {name} {base64.b64encode(key.id + key.sign(body)).decode()}\n" for name, key in signers]
    return (text + "\n" + "".join(lines)).encode("utf-8")


def note_parts(payload):
    """(text bytes, [(name, key id, signature)]) of a note; ValueError if it is none."""
    text, found, rest = payload.rpartition(b"\n\n")
    if not found:
        raise ValueError("no empty line")
    signatures = []
    for line in rest.decode("utf-8").splitlines():
        dash, name, code = line.split(" ")
        raw = base64.b64decode(code, validate=True)
        if dash != "\u2014" or len(raw) < 5:
            raise ValueError(f"no signature line: {line}")
        signatures.append((name, raw[:4], raw[4:]))
    return text + b"\n", signatures


def signed_by(payload, key):
    """Does the note carry a good signature of the key?"""
    text, signatures = note_parts(payload)
    return any(number == key.id and verifies(key.spki, text, signature) for _, number, signature in signatures)


# The tree.

def tree_hash(leaves):
    """MTH of RFC 6962 over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    if not leaves:
        return sha256()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1", tree_hash(leaves[:half]), tree_hash(leaves[half:]))


def inclusion(leaves, index):
    """PATH of RFC 6962 section 2.1.1."""
    if len(leaves) <= 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return inclusion(leaves[:half], index) + [tree_hash(leaves[half:])]
    return inclusion(leaves[half:], index - half) + [tree_hash(leaves[:half])]


# Documents to send.

def journal(number, amount="10.00", currency="EUR", entity="00100", lines=2, period=7):
    """A journal that balances."""
    value = Decimal(amount)
    rows = [{"account": f"1.{1000 + n}", "amount": str(value), "line": f"{n + 1}.0"} for n in range(lines - 1)]
    rows.append({"account": "1.6110", "amount": str(-value * (lines - 1)), "line": f"{lines}.0"})
    return {"currency": currency, "entity": entity, "lines": rows, "number": f"JE-{number}", "period": period,
            "posting_date": "2025-07-31", "source_system": "jde", "type": "journal", "year": 2025}


def invoice(number, gross="119.00", currency="EUR", entity="00100", kind="invoice", period=7):
    """An invoice or credit memo without tax."""
    return {"currency": currency, "customer": "4003", "entity": entity, "gross": gross,
            "lines": [{"line": "001", "net": gross}], "net": gross, "number": f"RI-{number}", "period": period,
            "posting_date": "2025-07-31", "source_system": "jde", "tax": str(Decimal(gross) * 0), "type": kind, "year": 2025}


def payment(number, amount="50.00", currency="EUR", entity="00100"):
    """A payment received."""
    return {"amount": amount, "currency": currency, "entity": entity, "number": f"RC-{number}", "payer": "4003", "period": 7,
            "posting_date": "2025-07-31", "source_system": "jde", "type": "payment", "unapplied": amount, "year": 2025}


def customer(number, entity="00000"):
    """Master data."""
    return {"entity": entity, "legal_name": "Müller & Søn", "number": str(number), "source_system": "jde", "type": "customer",
            "year": 0}


def usage(number, quantity="12.50", entity="00100"):
    """What a meter counted in July."""
    return {"customer": "4003", "entity": entity, "meter": "transfer", "number": f"U-{number}", "period": 7,
            "posting_date": "2025-07-31", "quantity": quantity, "record_count": 3, "source_system": "jde", "type": "usage",
            "unit": "GB", "window_end": "2025-07-31", "window_start": "2025-07-01", "year": 2025}


def _signed_values(data, part):
    kind = data["type"]
    if kind == "journal":
        return [Decimal(line["amount"]) for line in data["lines"]]
    if kind in ("customer", "usage") or part > 1:
        return []
    return [{"invoice": 1, "credit_memo": -1, "payment": -1}[kind] * Decimal(data["amount" if kind == "payment" else "gross"])]


class Gateway:
    """An agent: its names, its key and its boot."""

    def __init__(self, tenant="acme", name="gw1", key=None):
        self.name = f"{tenant}/{name}"
        self.tenant, self.gateway = tenant, name
        self.key = key or Key()
        self.boot = "0" * 31 + "1"
        self.streams = []

    def stream(self, name, epoch=1700000000):
        """A new stream."""
        self.streams.append(Stream(self, name, epoch))
        return self.streams[-1]

    def topic(self, kind, stream=None, way="up"):
        """A topic of this gateway."""
        return f"tp1/{self.name}/{way}/{kind}" + (f"/{stream}" if stream else "")

    def _states(self, streams):
        return [{"chain": one.chain.hex(), "checkpoint": one.covered, "sequence": len(one.events), "source": one.source,
                 "stream": one.name} for one in streams]

    def birth(self, streams=None, previous=(), more=None):
        """A birth message; previous: (older Stream, size)."""
        streams = self.streams if streams is None else streams
        moment = instant(now())
        lines = ["tp1/birth/v1", f"gateway {self.name}", f"boot {self.boot}",
                 f"key {base64.b64encode(self.key.spki).decode()}", f"time {moment}"]
        for one in streams:
            if one.covered:
                lines.append(f"stream {one.source} {one.covered} {base64.b64encode(one.root(one.covered)).decode()}")
        for old, size in previous:
            lines.append(f"previous {old.source} {size} {base64.b64encode(old.root(size)).decode()}")
        text = note("\n".join(lines) + "\n", (self.name, self.key)).decode()
        return canonical({"boot": self.boot, "kind": "birth", "note": text, "page": 1, "pages": 1,
                          "streams": self._states(streams), "time": moment, "version": "0.3.0", **(more or {})})

    def heartbeat(self, streams=None):
        """A heartbeat of these streams."""
        return canonical({"boot": self.boot, "kind": "heartbeat", "page": 1, "pages": 1,
                          "streams": self._states(self.streams if streams is None else streams), "time": instant(now()),
                          "version": "0.3.0"})

    def death(self, boot=None, reason="lost"):
        """A last will or an orderly end."""
        return canonical({"boot": boot or self.boot, "kind": "death", "reason": reason, "time": instant(now())})


class Stream:
    """One source: its events as bytes, their leaves, the chain, and what the last control event covered."""

    def __init__(self, gateway, name, epoch):
        self.gateway, self.name, self.epoch = gateway, name, epoch
        self.source = f"urn:twinpost:{gateway.tenant}:{gateway.gateway}:{name}:{epoch}"
        self.topic = gateway.topic("post", name)
        self.events, self.leaves, self.chains = [], [], []
        self.chain = sha256(f"tp1/chain/v1\n{self.source}\n".encode())
        self.covered = 0        # size of the last checkpoint
        self.controlled = 0     # sequence of the last control event
        self.since = []         # (data, part) of the events after it

    def event(self, data, revision=1, change="recorded", part=None, more=None, kind=None, version="v1"):
        """The next event of a document."""
        word = kind or data["type"].replace("_", "")
        subject = f"{data['entity']}/{data['type']}/{data['year']}/{data['number']}"
        self.since.append((data, int(part.split("/")[0]) if part else 1))
        return self._append(f"com.twinpost.{word}.{change}.{version}", f"urn:twinpost:schema:{data['type']}:1.1", subject,
                            revision, data, part, "jde/1", more)

    def _append(self, kind, schema, subject, revision, data, part=None, profile="twinpost/1", more=None):
        sequence = f"{len(self.events) + 1:020d}"
        moment = instant(BIRTHDAY + datetime.timedelta(seconds=len(self.events)))
        digest = sha256(canonical(data)).hex()
        number = sha256(f"tp1/id/v1\n{subject}\n{revision}\n{digest}\n".encode(),
                        f"{part}\n".encode() if part else b"").hex()[:32]
        lines = ("tp1/leaf/v1", self.source, sequence, number, kind, subject, revision, moment, schema, digest)
        self.leaves.append(sha256(b"\0", "".join(f"{line}\n" for line in lines).encode()))
        self.chain = sha256(b"\2", self.chain, self.leaves[-1])
        self.chains.append(self.chain)
        event = {"chainhash": self.chain.hex(), "data": data, "datacontenttype": ENVELOPE, "dataschema": schema, "id": number,
                 "partitionkey": subject, "phase": "shadow", "profileversion": profile, "revision": revision,
                 "sequence": sequence, "source": self.source, "specversion": "1.0", "subject": subject, "time": moment,
                 "traceparent": f"00-{number}-{number[:16]}-01", "type": kind, **(more or {})}
        if part:
            event["part"] = part
        self.events.append(canonical(event))
        return self.events[-1]

    def parts(self, data, count, revision=1):
        """The events of a document in parts, its lines shared out evenly."""
        size = -(-len(data["lines"]) // count)
        return [self.event({**data, "lines": data["lines"][n * size:(n + 1) * size]}, revision, part=f"{n + 1}/{count}")
                for n in range(count)]

    def totals(self):
        """The control totals of the events since the last control event."""
        sums = {}
        for data, part in self.since:
            values = _signed_values(data, part)
            if values:
                key = (data["type"].replace("_", ""), data["currency"], f"{data['year']:04d}-{data.get('period', 0):02d}")
                row = sums.setdefault(key, [0, Decimal(0), Decimal(0)])
                row[0] += 1
                row[1] += sum((v for v in values if v > 0), values[0] * 0)
                row[2] -= sum((v for v in values if v < 0), values[0] * 0)
        return [{"count": n, "credit": str(abs(credit)), "currency": currency, "debit": str(abs(debit)), "document": document,
                 "period": period} for (document, currency, period), (n, debit, credit) in sorted(sums.items())]

    def control(self, override=None):
        """The control event of what came since the last one."""
        sequence = len(self.events) + 1
        data = {"count": len(self.since), "first": self.controlled + 1, "last": sequence - 1, "totals": self.totals(),
                **(override or {})}
        self.since, self.controlled = [], sequence
        return self._append("com.twinpost.control.recorded.v1", "urn:twinpost:schema:control:1.0",
                            f"{self.name}/control/{self.epoch}/{sequence}", 1, data)

    def rotate(self, new, old=None, signers=None):
        """The key event from the gateway's key to another; the gateway's own key is moved by the caller."""
        old = old or self.gateway.key
        sequence = len(self.events) + 1
        text = (f"tp1/key/v1\ngateway {self.gateway.name}\nold {sha256(old.spki).hex()}\n"
                f"new {base64.b64encode(new.spki).decode()}\ntime {instant(BIRTHDAY)}\n")
        signed = note(text, *[(self.gateway.name, key) for key in signers or (old, new)])
        return self._append("com.twinpost.key.rotated.v1", "urn:twinpost:schema:key:1.0",
                            f"{self.name}/key/{self.epoch}/{sequence}", 1, {"note": signed.decode()})

    def root(self, size=None):
        """Root of the first size leaves."""
        return tree_hash(self.leaves[:size])

    def checkpoint(self, size=None, key=None, root=None, chain=None, name=None):
        """The checkpoint of a size (all); root and chain replace the true ones."""
        size = len(self.leaves) if size is None else size
        self.covered = max(self.covered, min(size, len(self.leaves)))
        root = root or self.root(size)
        chain = chain or self.chains[size - 1]
        text = (f"{self.source}\n{size}\n{base64.b64encode(root).decode()}\nchain {chain.hex()}\n"
                f"time {instant(BIRTHDAY + datetime.timedelta(seconds=size))}\n")
        return note(text, (name or self.gateway.name, key or self.gateway.key))

    def batch(self, first, last):
        """The batch of the events first..last."""
        packed = zlib.compress(b"".join(event + b"\n" for event in self.events[first - 1:last]))
        one, end = f"{first:020d}", f"{last:020d}"
        number = sha256(f"tp1/batch/v1\n{self.source}\n{one}\n{end}\n{self.chains[last - 1].hex()}\n".encode()).hex()[:32]
        return canonical({"contentencoding": "deflate", "count": last - first + 1,
                          "data_base64": base64.b64encode(packed).decode(), "datacontenttype": "application/x-ndjson",
                          "id": number, "sequence": one, "sequencelast": end, "source": self.source, "specversion": "1.0",
                          "subject": f"{self.name}/batch/{self.epoch}/{first}", "time": instant(BIRTHDAY),
                          "type": "com.twinpost.posting.batch.v1"})


def proof_of(stream, sequence, size=None):
    """The result of proof.get."""
    size = size or stream.covered
    leaves = stream.leaves[:size]
    return {"checkpoint": stream.checkpoint(size).decode(), "index": sequence - 1, "leaf": leaves[sequence - 1].hex(),
            "proof": [base64.b64encode(node).decode() for node in inclusion(leaves, sequence - 1)], "size": size}


def command_of(payload):
    """The members of a command note, body parsed; ValueError if it is malformed."""
    text, signatures = note_parts(payload)
    lines = text.decode("utf-8").split("\n")
    if len(lines) != 7 or lines[0] != "tp1/cmd/v1" or lines[6]:
        raise ValueError("no command")
    fields = {}
    for line, name in zip(lines[1:6], ("target", "id", "expires", "command", "body")):
        word, _, value = line.partition(" ")
        if word != name:
            raise ValueError(f"{name} is missing")
        fields[name] = value
    fields["body"] = json.loads(fields["body"])
    return {**fields, "signatures": signatures}
