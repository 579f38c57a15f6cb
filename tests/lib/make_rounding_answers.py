"""make_rounding_answers.py - writes tests/unit/rounding_answers.h: taxes by every rounding policy, from Python's decimal.

Why:   the fit of rounding policies is tried against answers that do not come from its own arithmetic.
Owns:  tests/unit/rounding_answers.h.
Rules: 1. Modes of decimal are taken as they are (ROUND_HALF_UP and ROUND_HALF_DOWN are symmetric there); the two signed
          ones are floor(x + 1/2) and ceiling(x - 1/2).
       2. Rows: edges by hand, then random ones of a fixed seed. Running it again gives the same bytes.
Runs in: by hand, after a change of it: python3 tests/lib/make_rounding_answers.py
"""
import decimal
import os
import random
from decimal import Decimal

decimal.getcontext().prec = 60
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HALF = Decimal("0.5")
# In the order of ROUNDING_MODES.
MODES = [
    lambda x: (x + HALF).to_integral_value(decimal.ROUND_FLOOR),
    lambda x: x.to_integral_value(decimal.ROUND_HALF_UP),
    lambda x: (x - HALF).to_integral_value(decimal.ROUND_CEILING),
    lambda x: x.to_integral_value(decimal.ROUND_HALF_DOWN),
    lambda x: x.to_integral_value(decimal.ROUND_FLOOR),
    lambda x: x.to_integral_value(decimal.ROUND_DOWN),
    lambda x: x.to_integral_value(decimal.ROUND_CEILING),
    lambda x: x.to_integral_value(decimal.ROUND_UP),
    lambda x: x.to_integral_value(decimal.ROUND_HALF_EVEN),
]
STEPS = [1, 5, 100]

# Nets in minor units. 50 x 19 % = 9.50, 150 x 19 % = 28.50, 250 x 7 % = 17.50, 350 x 7 % = 24.50, 1000 x 0.25 % = 2.50.
EDGES = [
    ("19", [50]), ("19", [150]), ("19", [-50]), ("19", [-150]), ("7", [250]), ("7", [350]), ("7", [-250]), ("7", [-350]),
    ("0.25", [1000]), ("0.25", [-1400]), ("10", [5]), ("10", [15]), ("10", [-5]), ("10", [-15]), ("19", [0]), ("0", [12345]),
    ("19", [50, 50]), ("19", [50, -50]), ("19", [150, 150, 150]), ("19", [-50, -50]), ("20", [1]), ("20", [-1]), ("20", [2, 2]),
    ("20", [3, 3]), ("5.5", [100]), ("5.5", [300]), ("8.875", [4000]), ("8.875", [-4000]), ("100", [7]), ("-19", [50]),
    ("19", [922337203685477]), ("12.345678901234", [10**13 + 1]), ("10", [25]), ("10", [75]), ("10", [-25]), ("10", [-75]),
    ("10", [500]), ("10", [1500]), ("10", [-500]), ("10", [-1500]), ("10", [25, 25]), ("10", [500, 500, 500]),
]


def rows():
    draw = random.Random(4217)
    # Twelve digits after the point are the most that a rate has; 12.345678901234 is one of them.
    yield from EDGES
    for _ in range(34):
        rate = draw.choice(["19", "7", "21", "5.5", "8.1", "10", "22", "6.25"])
        count = draw.choice([1, 1, 2, 3, 5])
        yield rate, [draw.randint(-30000, 90000) for _ in range(count)]


def answers(rate, nets):
    parts = [Decimal(net) * Decimal(rate) / 100 for net in nets]
    for level in ("line", "total"):
        for step in STEPS:
            for mode in MODES:
                over = parts if level == "line" else [sum(parts)]
                yield int(sum(mode(part / step) * step for part in over))


def wrapped(numbers, width):
    line = ""
    for number in numbers:
        piece = f"{number}, "
        if line and len(line) + len(piece) > width:
            yield line.rstrip()
            line = ""
        line += piece
    yield line.rstrip()


def main():
    out = ["""/*
 * rounding_answers.h - taxes by every rounding policy, as Python's decimal module works them out.
 *
 * Why:   see tests/lib/make_rounding_answers.py, which writes this file.
 * Owns:  nothing.
 * Rules: answers stand in the order of rounding_index(); nets and answers are minor units.
 * Runs in: the tests.
 */
#ifndef TWINPOST_ROUNDING_ANSWERS_H
#define TWINPOST_ROUNDING_ANSWERS_H

#include <stdint.h>

#define ROUNDING_ANSWER_LINES_MAX 5
#define ROUNDING_ANSWER_POLICIES  54

struct rounding_answer {
	const char *rate; /* per cent */
	int count;
	int64_t nets[ROUNDING_ANSWER_LINES_MAX];
	int64_t taxes[ROUNDING_ANSWER_POLICIES];
};

/* clang-format off */
static const struct rounding_answer rounding_answers[] = {"""]
    for rate, nets in rows():
        out.append(f'    {{"{rate}", {len(nets)}, {{{", ".join(map(str, nets))}}}, {{')
        out += ["     " + line for line in wrapped(answers(rate, nets), 108)]
        out.append("    }},")
    out.append("};\n/* clang-format on */\n\n#endif")
    with open(os.path.join(ROOT, "tests", "unit", "rounding_answers.h"), "w", encoding="utf-8") as file:
        file.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
