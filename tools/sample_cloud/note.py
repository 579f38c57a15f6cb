"""note.py - signed notes: taken apart strictly, judged against known keys, signed; the key files that belong to them.

Why:   checkpoints, births, key rotations, receipts and commands are all signed in this one format.
Owns:  nothing; make_key() writes two files.
Rules: 1. A line counts where its name and its key id are both known; a counting line that does not verify spoils the note.
       2. The signed bytes are the text with its last newline, without the empty line behind it.
       3. Only ECDSA on P-256 with SHA-256.
Faults: BadNote, with one sentence; BadKey for key files that are none.
Source: C2SP signed-note; RFC 4648 section 3.5 (canonical encoding).
Runs in: tools/sample-cloud; needs python3-cryptography.
Tests: tests/unit/test_consumer_cloud.py
"""

import base64
import binascii
import hashlib
import os
import re
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

NOTE_BYTES_MAX = 16384
LINES_MAX = 8
NAME_BYTES_MAX = 100
_LINE = re.compile("\u2014 ([^\\s+]+) ([A-Za-z0-9+/]+={0,2})")
_CONTROLS = re.compile("[\x00-\x09\x0b-\x1f\x7f]")


class BadNote(ValueError):
    """Not a note, or not the text it should be."""


class BadKey(ValueError):
    """A key file that holds no P-256 key."""


def decode(text, length=None):
    """The bytes of canonical base64."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadNote(f"no base64: {error}") from error
    if base64.b64encode(raw).decode() != text or (length is not None and len(raw) != length):
        raise BadNote("base64 with stray bits or of another length")
    return raw


@dataclass
class Note:
    """A note taken apart."""

    raw: bytes
    text: bytes
    signatures: list  # (name, key id, DER signature)


def parse(payload):
    """The note of a payload; BadNote if it is none."""
    text, found, rest = payload.rpartition(b"\n\n")
    if len(payload) > NOTE_BYTES_MAX or not found or not text:
        raise BadNote("over 16 KiB, or without text and signatures")
    try:
        lines, shown = rest.decode("utf-8").split("\n"), text.decode("utf-8")
    except UnicodeError as error:
        raise BadNote("not UTF-8") from error
    if lines.pop() != "" or not 1 <= len(lines) <= LINES_MAX or _CONTROLS.search(shown):
        raise BadNote("control characters, or not 1 to 8 signature lines")
    signatures = []
    for line in lines:
        match = _LINE.fullmatch(line)
        if not match or len(match[1].encode("utf-8")) > NAME_BYTES_MAX:
            raise BadNote("a line that is no signature")
        raw = decode(match[2])
        if len(raw) < 5:
            raise BadNote("a signature without bytes")
        signatures.append((match[1], raw[:4], raw[4:]))
    return Note(payload, text + b"\n", signatures)


class PublicKey:
    """One side's P-256 key."""

    def __init__(self, key):
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise BadKey("not a P-256 key")
        self.key = key
        self.spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.digest = hashlib.sha256(self.spki).hexdigest()
        self.id = bytes.fromhex(self.digest[:8])

    @classmethod
    def of_der(cls, der):
        """From a SubjectPublicKeyInfo."""
        try:
            return cls(serialization.load_der_public_key(der))
        except ValueError as error:
            raise BadKey("no public key") from error

    @classmethod
    def of_file(cls, path):
        """From a PEM file."""
        with open(path, "rb") as file:
            try:
                return cls(serialization.load_pem_public_key(file.read()))
            except ValueError as error:
                raise BadKey(f"{path} holds no public key in PEM") from error

    def verifies(self, text, signature):
        """Is it a signature over the text?"""
        try:
            self.key.verify(signature, text, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            return False
        return True


class Signer:
    """The cloud's own key and the name it signs with."""

    def __init__(self, path, name):
        self.name = name
        with open(path, "rb") as file:
            try:
                self.private = serialization.load_pem_private_key(file.read(), None)
            except (ValueError, TypeError) as error:
                raise BadKey(f"{path} holds no private key in PEM without a password") from error
        self.public = PublicKey(self.private.public_key())

    def line(self, text):
        """A signature line over the text."""
        raw = self.public.id + self.private.sign(text, ec.ECDSA(hashes.SHA256()))
        return f"\u2014 {self.name} {base64.b64encode(raw).decode()}\n".encode()

    def cosign(self, note):
        """The same note with one more line."""
        if len(note.signatures) >= LINES_MAX:
            raise BadNote("no room for another signature")
        return note.raw + self.line(note.text)

    def sign(self, text):
        """A new note."""
        return text + b"\n" + self.line(text)


def judge(note, name, keys):
    """"good", "unsigned" or "bad signature"."""
    result = "unsigned"
    for signer, number, signature in note.signatures:
        for key in keys:
            if (signer, number) == (name, key.id):
                if not key.verifies(note.text, signature):
                    return "bad signature"
                result = "good"
    return result


def make_key(path):
    """A new key: PATH (private, PEM, for its owner alone) and PATH.pub (public, PEM). Nothing is replaced."""
    private = ec.generate_private_key(ec.SECP256R1())
    secret = private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    public = private.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for name, content, mode in ((path, secret, 0o600), (f"{path}.pub", public, 0o644)):
        with os.fdopen(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
