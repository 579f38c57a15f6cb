"""contract_judge.py - what a consumer must make of each message, as plainly as it can be written.

Why:   the verdicts of the samples are written by hand; this judge comes to them by the rules of the contract alone.
Owns:  nothing outside its objects; whole trees stand in memory.
Rules: 1. Signatures are judged by openssl, hashes by hashlib; nothing is shared with what made the samples.
       2. Order for an event: bytes, id, duplicate or equivocation, gap, chain. For a checkpoint: signature, size, root, chain.
       3. What is wrong in itself (bytes, id, signature) is put aside, for anybody may have sent it; what contradicts what is
          held (leaf, chain, root) stops its source.
Faults: none are hidden: what it does not understand raises.
Runs in: tests.
Tests: tests/unit/test_contract_samples.py
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import zlib


def _hash(data):
    return hashlib.sha256(data).digest()


def merkle(leaves):
    """RFC 6962 root by pairing neighbours level by level; an odd last node moves up as it is."""
    level = list(leaves)
    while len(level) > 1:
        pairs = [_hash(b"\1" + level[at] + level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2:]
    return level[0]


def proven(leaf, index, size, path):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2)."""
    last, result = size - 1, leaf
    for node in path:
        if index % 2 or index == last:
            result = _hash(b"\1" + node + result)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            result = _hash(b"\1" + result + node)
        index, last = index // 2, last // 2
    return result


def parse(text):
    """The object of a canonical text, or None where the bytes are others than RFC 8785 would write."""
    try:
        value = json.loads(text, object_pairs_hook=lambda pairs: dict(pairs) if len(dict(pairs)) == len(pairs) else None)
    except ValueError:
        return None
    again = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return value if isinstance(value, dict) and again == text else None


def data_text(text):
    """The bytes of `data` as they stand in a canonical event."""
    start = text.index(',"data":') + len(',"data":')
    return text[start:text.index(',"datacontenttype":"application/json"', start)]


def spki(pem):
    """DER of a PEM public key."""
    return base64.b64decode("".join(line for line in pem.split("\n") if not line.startswith("-")))


class Note:
    """A signed note: text and its (name, key id, signature) lines."""

    def __init__(self, note):
        place = note.rindex("\n\n")
        self.text = note[:place + 1]
        self.lines = [re.fullmatch("\u2014 ([^ +]{1,100}) ([A-Za-z0-9+/]+=*)", line).groups() for line in
                      note[place + 2:].removesuffix("\n").split("\n")]

    def signers(self, keys):
        """The keys (DER) of these that signed it well; None where one of them is named and the signature is bad."""
        good = []
        for _, body in self.lines:
            raw = base64.b64decode(body, validate=True)
            for key in keys:
                if _hash(key)[:4] == raw[:4]:
                    if not openssl_verifies(key, self.text.encode(), raw[4:]):
                        return None
                    good.append(key)
        return good


def openssl_verifies(key, text, signature):
    """The openssl command's own answer."""
    with tempfile.TemporaryDirectory() as directory:
        paths = {name: os.path.join(directory, name) for name in ("key", "signature", "text")}
        for name, content in (("key", key), ("signature", signature), ("text", text)):
            with open(paths[name], "wb") as file:
                file.write(content)
        return subprocess.run(["openssl", "dgst", "-sha256", "-verify", paths["key"], "-keyform", "DER", "-signature",
                               paths["signature"], paths["text"]], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              check=False).returncode == 0


class Source:
    """What is held of one source."""

    def __init__(self, source, key):
        self.source, self.keys = source, [(0, key)]
        self.chains, self.leaves = [_hash(f"tp1/chain/v1\n{source}\n".encode())], []
        self.checkpoints, self.events, self.notes, self.replay, self.stopped = {}, {}, [], [], False

    def key_at(self, size):
        """The key that signs a checkpoint of this size."""
        return [key for since, key in self.keys if since <= size][-1]

    def report(self):
        """As in expected.json."""
        size = max(self.checkpoints, default=0)
        found = {"next": len(self.leaves) + 1, "chain": self.chains[-1].hex(), "checkpoint": size,
                 "root": base64.b64encode(self.checkpoints[size]).decode() if size else "", "stopped": self.stopped}
        return {**found, "replay": self.replay} if self.replay else found


class Judge:
    """A consumer that pins one agent's key and knows the cloud's."""

    def __init__(self, agent_pem, cloud_pem):
        self.pinned, self.cloud = spki(agent_pem), spki(cloud_pem)
        self.sources, self.boot = {}, None

    def judge(self, topic, payload, retained=False):
        """(verdict, reason or None)"""
        del retained
        kind = "/".join(topic.split("/")[3:5])
        if kind in ("up/post", "up/replay"):
            event = parse(payload)
            if event is None:
                return "reject-invalid", "bytes"
            if event["type"] == "com.twinpost.posting.batch.v1":
                return self.batch(event)
            return self.event(event, payload)
        if kind == "up/ckpt":
            return self.checkpoint(payload)
        if kind == "up/state":
            return self.state(parse(payload))
        if kind == "dn/cmd" or (kind == "dn/ack" and not payload.startswith("{")):
            return ("accept", None) if self.cloud in (Note(payload).signers([self.cloud]) or ()) else ("reject-tampered", "signature")
        if kind in ("dn/ack", "dn/post", "up/res", "up/metric", "up/exc", "up/cmp"):
            return ("accept", None) if parse(payload) is not None else ("reject-invalid", "bytes")
        raise AssertionError(f"no rule for {topic}")

    def stop(self, source, verdict, reason):
        """Nothing more of this source."""
        source.stopped = True
        return verdict, reason

    def of(self, name):
        """The state of a source."""
        return self.sources.setdefault(name, Source(name, self.pinned))

    def event(self, event, payload):
        """An event, held back or taken; takes what waited for it too."""
        source, sequence = self.of(event["source"]), int(event["sequence"])
        if source.stopped:
            return "stopped", None
        digest = _hash(data_text(payload).encode()).hex()
        part = event["part"] + "\n" if "part" in event else ""
        identity = _hash(f"tp1/id/v1\n{event['subject']}\n{event['revision']}\n{digest}\n{part}".encode()).hex()
        if event["id"] != identity[:32]:
            return "reject-tampered", "id"
        names = ("source", "sequence", "id", "type", "subject", "revision", "time", "dataschema")
        leaf = _hash(b"\0tp1/leaf/v1\n" + "".join(f"{event[name]}\n" for name in names).encode() + f"{digest}\n".encode())
        if sequence <= len(source.leaves):
            same = source.leaves[sequence - 1] == leaf
            return ("drop-duplicate", None) if same else self.stop(source, "stop-equivocation", None)
        if sequence > len(source.leaves) + 1:
            if not source.events:
                source.replay.append(f"{event['source'].split(':')[4]} {len(source.leaves) + 1}..{sequence - 1}")
            source.events[sequence] = (event, payload)
            return "hold-gap", None
        chain = _hash(b"\2" + source.chains[-1] + leaf)
        if chain.hex() != event["chainhash"]:
            return self.stop(source, "reject-tampered", "chain")
        source.leaves.append(leaf)
        source.chains.append(chain)
        if event["type"] == "com.twinpost.key.rotated.v1":
            self.rotate(source, sequence, Note(event["data"]["note"]))
        if sequence + 1 in source.events:
            self.event(*source.events.pop(sequence + 1))
        for note in [note for note in source.notes if int(note.split("\n")[1]) <= len(source.leaves)]:
            source.notes.remove(note)
            self.checkpoint(note)
        return "accept", None

    def rotate(self, source, sequence, note):
        """Both keys must have signed."""
        lines = dict(line.split(" ", 1) for line in note.text.split("\n")[1:] if line)
        old, new = source.keys[-1][1], base64.b64decode(lines["new"])
        assert _hash(old).hex() == lines["old"] and sorted(note.signers([old, new])) == sorted([old, new]), "a bad rotation"
        source.keys.append((sequence, new))

    def batch(self, batch):
        """Each of its events by itself."""
        lines = zlib.decompress(base64.b64decode(batch["data_base64"])).decode().removesuffix("\n").split("\n")
        verdicts = [self.event(parse(line), line) for line in lines]
        first, last = json.loads(lines[0])["sequence"], json.loads(lines[-1])
        identity = _hash(f"tp1/batch/v1\n{batch['source']}\n{first}\n{last['sequence']}\n{last['chainhash']}\n".encode()).hex()[:32]
        assert (batch["count"], batch["sequence"], batch["sequencelast"], batch["id"]) == (
            len(lines), first, last["sequence"], identity), "the batch's own members differ from its events"
        return verdicts[-1]

    def checkpoint(self, payload):
        """A checkpoint: to be cosigned where the verdict is accept."""
        note = Note(payload)
        name, size, root, *more = note.text.removesuffix("\n").split("\n")
        source, size = self.of(name), int(size)
        if source.stopped:
            return "stopped", None
        if not note.signers([source.key_at(size)]):
            return "reject-tampered", "signature"
        if size > len(source.leaves):
            source.notes.append(payload)
            return "hold-checkpoint", None
        root = base64.b64decode(root)
        if source.checkpoints.get(size, root) != root:
            return self.stop(source, "stop-equivocation", None)
        if merkle(source.leaves[:size]) != root:
            return self.stop(source, "reject-tampered", "root")
        chain = dict(line.split(" ", 1) for line in more)["chain"]
        if source.chains[size].hex() != chain:
            return self.stop(source, "reject-tampered", "chain")
        if size in source.checkpoints:
            return "drop-duplicate", None
        source.checkpoints[size] = root
        return "accept", None

    def state(self, state):
        """Birth, heartbeat, death."""
        if state["kind"] == "death":
            return ("accept", None) if state["boot"] == self.boot else ("drop-stale", None)
        if state["kind"] == "birth":
            note = Note(state["note"])
            if note.signers([self.pinned]) != [self.pinned]:
                return "reject-tampered", "signature"
            self.boot = state["boot"]
            for line in note.text.split("\n"):
                if line.startswith("previous "):
                    _, name, size, root = line.split(" ")
                    assert merkle(self.of(name).leaves[:int(size)]) == base64.b64decode(root), "another past"
        return "accept", None
