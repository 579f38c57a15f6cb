"""merkle.py - the Merkle tree of a stream from blocks of 256 leaves, and inclusion proofs.

Why:   a checkpoint of any size must be compared with the own tree; blocks make that a few hashes, whatever the size.
Owns:  nothing.
Rules: node = H(0x01 | left | right); a tree splits at the largest power of two below its size (RFC 6962 section 2.1).
Runs in: tools/sample-cloud.
Tests: tests/unit/test_consumer_cloud.py
"""

import hashlib

BLOCK = 256


def node(left, right):
    """An inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def block(leaves):
    """Root of a full block."""
    level = list(leaves)
    while len(level) > 1:
        level = [node(level[place], level[place + 1]) for place in range(0, len(level), 2)]
    return level[0]


def root(blocks, rest=()):
    """Root over full blocks and the leaves behind them (fewer than a block)."""
    stack = []  # (leaves below, hash), sizes strictly falling
    for size, digest in [(BLOCK, one) for one in blocks] + [(1, leaf) for leaf in rest]:
        while stack and stack[-1][0] == size:
            digest = node(stack.pop()[1], digest)
            size *= 2
        stack.append((size, digest))
    if not stack:
        return hashlib.sha256().digest()
    digest = stack.pop()[1]
    while stack:
        digest = node(stack.pop()[1], digest)
    return digest


def included(leaf, index, size, proof, expected):
    """Does the proof lead from the leaf at index (from 0) in a tree of size to the root?"""
    if not 0 <= index < size:
        return False
    digest, end = leaf, size - 1
    for sibling in proof:
        if end == 0:
            return False
        if index & 1 or index == end:
            digest = node(sibling, digest)
            while index and not index & 1:
                index, end = index >> 1, end >> 1
        else:
            digest = node(digest, sibling)
        index, end = index >> 1, end >> 1
    return end == 0 and digest == expected
