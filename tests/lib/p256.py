"""p256.py - ECDSA on P-256 with SHA-256, deterministic: signs the samples of the contract.

Why:   samples must come out the same each time they are made, and from another implementation than the agent's.
Owns:  nothing; keys are derived from a label and are for samples alone.
Rules: 1. Nonces after RFC 6979 section 3.2, so that the same text gives the same signature.
       2. Not for secrets: its time depends on the key.
Source: FIPS 186-4 appendix D.1.2.3 (curve), RFC 6979, RFC 5480 (SubjectPublicKeyInfo), RFC 3279 section 2.2.3 (signature).
Runs in: tests/lib/make_samples.py.
Tests: tests/unit/test_contract_samples.py (known answers of RFC 6979 appendix A.2.5; openssl accepts what it signs)
"""

import base64
import hashlib
import hmac
import textwrap

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
     0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)
# SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING } up to the point.
SPKI_HEAD = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")


def _add(a, b):
    """The sum of two points; None is the point at infinity."""
    if a is None or b is None:
        return a or b
    if a[0] == b[0]:
        if (a[1] + b[1]) % P == 0:
            return None
        slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P)
    else:
        slope = (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P


def _multiply(scalar, point):
    total = None
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point = _add(point, point)
        scalar >>= 1
    return total


def _nonces(private, digest):
    """The candidates for k, RFC 6979 section 3.2."""
    seed = private.to_bytes(32, "big") + (int.from_bytes(digest, "big") % N).to_bytes(32, "big")
    key, value = bytes(32), b"\1" * 32
    for mark in (b"\0", b"\1"):
        key = hmac.digest(key, value + mark + seed, "sha256")
        value = hmac.digest(key, value, "sha256")
    while True:
        value = hmac.digest(key, value, "sha256")
        candidate = int.from_bytes(value, "big")
        if 0 < candidate < N:
            yield candidate
        key = hmac.digest(key, value + b"\0", "sha256")
        value = hmac.digest(key, value, "sha256")


def _der_integer(number):
    body = number.to_bytes(number.bit_length() // 8 + 1, "big")
    return bytes((2, len(body))) + body


class Key:
    """A key pair made from a label, or from a private number."""

    def __init__(self, label=None, private=None):
        self.private = private or int.from_bytes(hashlib.sha256(label.encode()).digest(), "big") % (N - 1) + 1
        x, y = _multiply(self.private, G)
        self.spki = SPKI_HEAD + b"\4" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def pair(self, text):
        """(r, s) over the bytes of text."""
        digest = hashlib.sha256(text).digest()
        number = int.from_bytes(digest, "big")
        for nonce in _nonces(self.private, digest):
            r = _multiply(nonce, G)[0] % N
            s = pow(nonce, -1, N) * (number + r * self.private) % N
            if r and s:
                return r, s
        raise AssertionError("no nonce")

    def sign(self, text):
        """The DER form of the signature."""
        body = b"".join(map(_der_integer, self.pair(text)))
        return bytes((0x30, len(body))) + body

    def pem(self):
        """The public key as PEM."""
        lines = "\n".join(textwrap.wrap(base64.b64encode(self.spki).decode(), 64))
        return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
