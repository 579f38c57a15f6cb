"""event.py - one received event: parsed strictly, its canonical bytes, id, leaf and chain value recomputed; batches opened.

Why:   a subscriber must be able to prove what it holds with nothing but the contract and SHA-256.
Owns:  nothing.
Rules: 1. The payload is canonical JSON (RFC 8785 subset): making it again from its values gives the same bytes.
       2. H(data) is over the bytes of `data` as they stand in the payload.
       3. Unknown attributes, types and phases are allowed (they may be added); missing or ill-typed attributes are not.
Faults: BadEvent, with one sentence that says which rule is broken.
Source: CloudEvents 1.0.2; RFC 8785; RFC 6962 section 2.1 (domain separation); docs/contract, Proof.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_cloud.py
"""

import base64
import binascii
import hashlib
import json
import re
import zlib
from dataclasses import dataclass

BATCH_TYPE = "com.twinpost.posting.batch.v1"
INTEGER_END = 1 << 53  # integers of the contract are below
BATCH_BYTES_MAX = 16 << 20  # unpacked: a small message must not fill the memory

_REQUIRED = {"specversion": str, "id": str, "source": str, "type": str, "subject": str, "time": str,
             "datacontenttype": str, "dataschema": str, "sequence": str, "revision": int, "chainhash": str,
             "phase": str, "partitionkey": str, "traceparent": str, "profileversion": str, "data": dict}
_FORMS = {
    "specversion": r"1\.0",
    "id": r"[0-9a-f]{32}",
    "source": r"urn:twinpost:[a-z0-9-]+:[a-z0-9-]+:[a-z0-9-]+:[0-9]{1,15}",
    "type": r"com\.twinpost\.[a-z0-9_]+\.[a-z0-9_]+\.v[0-9]+",
    "subject": r"[^/\x00-\x1f]+/[a-z_]+/[0-9]+/[^/\x00-\x1f]+",
    "partitionkey": r"[^\x00-\x1f]+",
    "dataschema": r"[^\x00-\x1f]+",
    "time": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "datacontenttype": r"application/json",
    "sequence": r"\d{20}",
    "chainhash": r"[0-9a-f]{64}",
    "phase": r"[a-z0-9_-]+",
    "traceparent": r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
}
_FORMS = {name: re.compile(form) for name, form in _FORMS.items()}
_DOCUMENT = re.compile(r"com\.twinpost\.(journal|invoice|creditmemo|payment|customer|usage)\.(recorded|amended|voided)\.v1")
_PART = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")


def is_source(text):
    """Is it a source of the contract?"""
    return _FORMS["source"].fullmatch(text) is not None


class BadEvent(Exception):
    """The payload breaks the contract."""


@dataclass
class Event:
    """A checked event; chain is what the event claims, to be compared with chain_link()."""

    source: str
    stream: str
    sequence: int
    id: str
    type: str
    subject: str
    revision: int
    time: str
    dataschema: str
    phase: str
    data: dict
    data_bytes: bytes
    leaf: bytes
    chain: bytes
    part: int
    parts: int

    @property
    def voided(self):
        """Does the event void its document?"""
        return self.type.split(".")[3] == "voided"

    @property
    def word(self):
        """The document's word in the type, or "control" or "key"."""
        return self.type.split(".")[2]

    @property
    def known(self):
        """Is it a document that this consumer understands?"""
        return _DOCUMENT.fullmatch(self.type) is not None


def _no_float(text):
    raise BadEvent(f"a number that is no integer: {text}")


def _object(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise BadEvent(f"a key stands twice in {sorted(key for key, _ in pairs)}")
    return result


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_no_float, parse_constant=_no_float)


def canonical(value):
    """The RFC 8785 bytes of a value without floats; all keys of the contract are ASCII, so they sort by code point."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def data_span(text):
    """(start, end) of the value of the top-level key "data", without trusting the order of keys."""
    place = 1
    while True:
        key, place = _DECODER.raw_decode(text, place)
        place += 1  # the colon: canonical text has no white space
        _, end = _DECODER.raw_decode(text, place)
        if key == "data":
            return place, end
        if text[end] != ",":
            raise BadEvent("no data")
        place = end + 1


def leaf_hash(attributes, data_digest):
    """leaf = H(0x00 | lines); see the contract."""
    names = ("source", "sequence", "id", "type", "subject", "revision", "time", "dataschema")
    lines = ["tp1/leaf/v1", *(str(attributes[name]) for name in names), data_digest, ""]
    return hashlib.sha256(b"\x00" + "\n".join(lines).encode("utf-8")).digest()


def chain_start(source):
    """chain_0 of a stream."""
    return hashlib.sha256(f"tp1/chain/v1\n{source}\n".encode("utf-8")).digest()


def chain_link(previous, leaf):
    """chain_n from chain_{n-1} and leaf_n."""
    return hashlib.sha256(b"\x02" + previous + leaf).digest()


def event_id(subject, revision, data_digest, part=None):
    """The deterministic id."""
    lines = ["tp1/id/v1", subject, str(revision), data_digest, *([part] if part else []), ""]
    return hashlib.sha256("\n".join(lines).encode("utf-8")).hexdigest()[:32]


def _check(attributes):
    for name, kind in _REQUIRED.items():
        value = attributes.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise BadEvent(f"{name} is missing or of another type")
        if name in _FORMS and not _FORMS[name].fullmatch(value):
            raise BadEvent(f"{name} has another form: {value[:80]}")
    data, subject = attributes["data"], attributes["subject"].split("/")
    if not 1 <= attributes["revision"] < INTEGER_END or not 1 <= int(attributes["sequence"]) < INTEGER_END:
        raise BadEvent("revision or sequence out of its range")
    if attributes["partitionkey"] != attributes["subject"]:
        raise BadEvent("partitionkey is not the subject")
    if not _DOCUMENT.fullmatch(attributes["type"]):
        return
    if data.get("type") != subject[1] or str(data.get("year")) != subject[2]:
        raise BadEvent("subject and data name another type or year")
    if attributes["type"].split(".")[2] != subject[1].replace("_", ""):
        raise BadEvent("type and subject name another document type")


def _part(attributes):
    text = attributes.get("part")
    if text is None:
        return 1, 1
    found = _PART.fullmatch(text) if isinstance(text, str) else None
    if not found or int(found[1]) > int(found[2]):
        raise BadEvent(f"part has another form: {str(text)[:20]}")
    return int(found[1]), int(found[2])


def _attributes(payload):
    """(attributes, text) of canonical JSON; BadEvent of anything else."""
    try:
        text = payload.decode("utf-8")
        attributes, end = _DECODER.raw_decode(text)
        if not isinstance(attributes, dict) or end != len(text):
            raise BadEvent("not one JSON object")
        if canonical(attributes) != payload:
            raise BadEvent("the bytes are not canonical JSON")
    except (UnicodeError, ValueError, RecursionError) as error:
        raise BadEvent(f"not UTF-8 JSON: {error}") from error
    return attributes, text


def parse(payload):
    """The event of a payload; BadEvent if it breaks the contract."""
    return _event(*_attributes(payload))


def _event(attributes, text):
    _check(attributes)
    part, parts = _part(attributes)
    start, end = data_span(text)
    data_bytes = text[start:end].encode("utf-8")
    digest = hashlib.sha256(data_bytes).hexdigest()
    if attributes["id"] != event_id(attributes["subject"], attributes["revision"], digest, attributes.get("part")):
        raise BadEvent("id does not follow from subject, revision and data")
    if attributes["traceparent"][3:35] != attributes["id"]:
        raise BadEvent("traceparent does not carry the id")
    return Event(attributes["source"], attributes["source"].split(":")[4], int(attributes["sequence"]), attributes["id"],
                 attributes["type"], attributes["subject"], attributes["revision"], attributes["time"],
                 attributes["dataschema"], attributes["phase"], attributes["data"], data_bytes,
                 leaf_hash(attributes, digest), bytes.fromhex(attributes["chainhash"]), part, parts)


def members(payload):
    """[(event, its bytes)] of a payload: one event, or those of a batch; BadEvent if anything in it is wrong."""
    attributes, text = _attributes(payload)
    if attributes.get("type") != BATCH_TYPE:
        return [(_event(attributes, text), payload)]
    try:
        if attributes["contentencoding"] != "deflate":
            raise BadEvent("a batch of another encoding")
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(base64.b64decode(attributes["data_base64"], validate=True), BATCH_BYTES_MAX)
        if not unpacker.eof or unpacker.unused_data or not raw.endswith(b"\n"):
            raise BadEvent("the batch is cut, too large or has a tail")
        rows = raw[:-1].split(b"\n")
        found = [(parse(row), row) for row in rows]
        first, last = found[0][0], found[-1][0]
        named = (attributes["source"], attributes["sequence"], attributes["sequencelast"], attributes["count"])
    except (KeyError, TypeError, binascii.Error, zlib.error) as error:
        raise BadEvent(f"the batch does not open: {error!r}") from error
    if named != (first.source, f"{first.sequence:020d}", f"{last.sequence:020d}", len(rows)):
        raise BadEvent("the batch names other members than it holds")
    if any((one.source, one.sequence) != (first.source, first.sequence + place) for place, (one, _) in enumerate(found)):
        raise BadEvent("the members of the batch do not follow each other")
    lines = f"tp1/batch/v1\n{named[0]}\n{named[1]}\n{named[2]}\n{last.chain.hex()}\n"
    if attributes.get("id") != hashlib.sha256(lines.encode("utf-8")).hexdigest()[:32]:
        raise BadEvent("id does not follow from the batch")
    return found
