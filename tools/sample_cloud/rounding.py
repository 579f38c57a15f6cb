"""rounding.py - the family of policies by which billing systems round tax.

Why:   cents between two ledgers are mostly one policy against another; tests of their recovery need every member.
Owns:  nothing.
Rules: 1. A policy is a scope and a mode: `line` rounds the tax of each line, `total` that of each tax code's sum of nets.
       2. Modes: half_up (ties towards plus infinity), half_down (towards minus infinity), half_even, half_away (ties away from
          zero), half_zero (ties towards zero), truncate (towards zero), away (from zero), floor and ceiling (towards minus and
          plus infinity).
       3. A credit memo is computed on negative nets, as it lowers receivables; so signed modes differ from symmetric ones.
Source: Python's decimal, for which half_up is half_away and half_down is half_zero; the signed two are floor and ceiling of
       the value plus or minus a half.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import decimal

_ONE, _HALF = decimal.Decimal(1), decimal.Decimal("0.5")
_EXACT = decimal.Context(prec=60)
_MODES = {"half_even": (decimal.ROUND_HALF_EVEN, 0), "half_away": (decimal.ROUND_HALF_UP, 0),
          "half_zero": (decimal.ROUND_HALF_DOWN, 0), "half_up": (decimal.ROUND_FLOOR, _HALF),
          "half_down": (decimal.ROUND_CEILING, -_HALF), "truncate": (decimal.ROUND_DOWN, 0), "floor": (decimal.ROUND_FLOOR, 0),
          "ceiling": (decimal.ROUND_CEILING, 0), "away": (decimal.ROUND_UP, 0)}
SCOPES = ("line", "total")
MODES = tuple(_MODES)


class Policy:
    """One member: Policy("line:half_up")."""

    def __init__(self, text):
        self.scope, _, self.mode = text.partition(":")
        if self.scope not in SCOPES or self.mode not in _MODES:
            raise ValueError(f"no rounding policy: {text}; it is {' or '.join(SCOPES)}, a colon, and one of {', '.join(MODES)}")
        self.how, self.shift = _MODES[self.mode]

    def __str__(self):
        return f"{self.scope}:{self.mode}"

    def one(self, net, rate):
        """The tax of a net in minor units; rate is a Decimal, per cent."""
        exact = _EXACT.scaleb(_EXACT.multiply(decimal.Decimal(net), rate), -2)
        if self.shift:
            exact = _EXACT.add(exact, self.shift)
        return int(exact.quantize(_ONE, self.how, _EXACT))

    def tax(self, nets, rate, sign=1):
        """(tax of all nets of one code, [tax of each], None where the scope is the total)."""
        if self.scope == "total":
            return sign * self.one(sign * sum(nets), rate), None
        each = [sign * self.one(sign * net, rate) for net in nets]
        return sum(each), each


def parse(text):
    """{(side, entity or "")}: Policy} of "legacy=line:half_up,cloud=total:half_even,cloud/20=line:floor"."""
    found = {}
    for part in filter(None, (text or "").split(",")):
        name, _, policy = part.partition("=")
        side, _, entity = name.partition("/")
        if side not in ("legacy", "cloud"):
            raise ValueError(f"--rounding {part}: it begins with legacy= or cloud=, or legacy/ENTITY=")
        found[side, entity] = Policy(policy)
    return found


def of(policies, side, entity, usual="line:half_away"):
    """The policy of an entity on a side."""
    return policies.get((side, entity)) or policies.get((side, "")) or Policy(usual)
