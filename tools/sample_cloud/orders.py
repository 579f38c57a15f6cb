"""orders.py - the commands of sample-cloud that make the cloud's side of a comparison: post, export, ledger, rules, generate.

Why:   one tool is a whole cloud; its receiving half and its posting half are told apart here.
Owns:  nothing.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import contextlib
import os
import sys
import time

from . import book as books
from . import generate as pairs
from . import mapping, posted, rounding, rule_files, sheet, warehouse

FOLLOW_SECONDS = 1.0
_PLANT = ("differences to plant, such as seed=7,half_even=1,late=4,merged=3; half_even: so many entities round half-even. Chosen by the "
          "order of SHA-256(seed, subject) among documents never posted before, so when all have arrived")
_ROUNDING = "policies, such as legacy=line:half_up,cloud=total:half_even,cloud/20=line:floor (an entity's own); line or total with " \
            + ", ".join(rounding.MODES)


def _posted(arguments):
    return posted.Posted(books.Book(arguments.database), getattr(arguments, "rules", None), posted.sample_rates(),
                         getattr(arguments, "cloud_name", "sample"))


def post(arguments):
    """Book what was received: make the cloud's own postings, with planted differences, and publish them for the agent."""
    one = _posted(arguments)
    policies = {key: policy for key, policy in rounding.parse(arguments.rounding).items() if key[0] == "cloud"}
    count = one.round(arguments.plant, policies)
    if arguments.manifest:
        planted = pairs.write_manifest(arguments.manifest, one.manifest(), one.plan)
        print("planted: " + (", ".join(f"{kind} {number}" for kind, number in planted.items()) or "nothing"))
    for subject, why in list(one.waiting.items())[:5]:
        print(f"sample-cloud: {subject} waits: {why}", file=sys.stderr)
    print(f"{count} postings made, {len(one.waiting)} documents wait for a mapping", flush=True)
    if arguments.offline:
        return 0
    from . import publisher
    looked = [time.monotonic()]

    def more():
        if arguments.follow and time.monotonic() - looked[0] > FOLLOW_SECONDS:
            looked[0] = time.monotonic()
            one.round()
        return arguments.follow
    sent = publisher.Publisher(one, arguments).run(more)
    print(f"{len(one.unsent())} postings are not acknowledged", flush=True)
    return 0 if sent or arguments.follow else 1


def export(arguments):
    """Write the documents of one side as CSV (docs/compare/csv.md)."""
    one = _posted(arguments)
    documents = one.documents() if arguments.side == "cloud" else one.legacy_documents()
    with contextlib.ExitStack() as stack:
        file = sys.stdout if arguments.output == "-" else stack.enter_context(
            open(arguments.output, "w", encoding="utf-8", newline=""))
        writer = sheet.Writer(file)
        for data, voided, revision, _ in documents:
            writer.write(data, voided, revision)
    return 0


def ledger(arguments):
    """Bring the tables cloud_documents, cloud_lines and cloud_tax_lines of a database up to date with the postings."""
    print(f"{warehouse.fill(arguments.to, _posted(arguments).documents())} documents written")
    return 0


def rules(arguments):
    """Write sample mapping files for the codes of what was received, or of what `generate` makes."""
    if arguments.database:
        codes = rule_files.codes_of(data for data, *_ in _posted(arguments).legacy_documents())
    else:
        codes = {"account": pairs.ACCOUNTS + pairs.REVENUE, "cost_centre": pairs.CENTRES,
                 "tax_code": tuple(code for code, _ in pairs.TAXES)}
    rule_files.write(arguments.output, {kind: set(found) for kind, found in codes.items()})
    print(", ".join(f"{kind} {len(set(found))}" for kind, found in codes.items()))
    return 0


def generate(arguments):
    """Write both sides of N pairs as CSV, without a broker: the same documents for the same seed."""
    made = pairs.Pairs(arguments.pairs, arguments.seed, mapping.Mapping(arguments.rules), rounding.parse(arguments.rounding),
                       arguments.plant, arguments.usage)
    with contextlib.ExitStack() as stack:
        copies = None
        if arguments.copy_to:
            os.makedirs(arguments.copy_to, exist_ok=True)
            copies = [stack.enter_context(open(os.path.join(arguments.copy_to, f"{side}_lines.copy"), "w", encoding="utf-8"))
                      for side in ("legacy", "cloud")]
            with open(os.path.join(arguments.copy_to, "load.sql"), "w", encoding="utf-8") as file:
                for side in ("legacy", "cloud"):
                    file.write(pairs.FLAT_SQL.format(name=f"{side}_lines") + f"\n\\copy {side}_lines FROM '{side}_lines.copy'\n")
        planted = made.write(arguments.legacy, arguments.cloud, arguments.manifest, arguments.repeat_header, copies)
    print(", ".join(f"{kind} {number}" for kind, number in planted.items()) or "nothing planted")
    return 0


def add(commands, connection_options):
    """The commands and their options."""
    made = {function.__name__: commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
            for function in (post, export, ledger, rules, generate)}
    for name, one in made.items():
        one.set_defaults(function={"post": post, "export": export, "ledger": ledger, "rules": rules, "generate": generate}[name])
    for name in ("post", "export", "ledger"):
        made[name].add_argument("--database", required=True, metavar="FILE", help="SQLite file of `run`")
    connection_options(made["post"])
    for name in ("post", "generate"):
        made[name].add_argument("--rules", metavar="DIR", help="mapping files: account.csv, cost_centre.csv, ...; without: codes stay")
        made[name].add_argument("--plant", default="", metavar="LIST", help=_PLANT)
        made[name].add_argument("--rounding", default="", metavar="LIST", help=_ROUNDING)
        made[name].add_argument("--manifest", metavar="FILE", help="JSON Lines: what was planted, its cause and status, and what was not")
    made["post"].add_argument("--offline", action="store_true", help="make the postings; do not publish them")
    made["post"].add_argument("--follow", action="store_true", help="go on posting what arrives, until stopped")
    made["export"].add_argument("--side", choices=("cloud", "legacy"), default="cloud")
    made["export"].add_argument("--output", default="-", metavar="FILE", help="CSV file; - is standard output")
    made["ledger"].add_argument("--to", required=True, metavar="URL", help="sqlite:PATH or postgresql://USER@HOST:PORT/NAME")
    made["rules"].add_argument("--database", default="", metavar="FILE", help="SQLite file of `run`; without: codes of `generate`")
    made["rules"].add_argument("--output", required=True, metavar="DIR")
    one = made["generate"]
    one.set_defaults(database="")
    one.add_argument("--pairs", type=int, required=True, metavar="N", help="documents of the legacy side")
    one.add_argument("--usage", type=int, default=0, metavar="N", help="also usage of N customers in three months, and its invoices; of "
                     "the first three a lost record, a window counted twice and a wrong unit are planted")
    one.add_argument("--seed", type=int, default=1, help="of the documents; --plant has its own")
    one.add_argument("--legacy", required=True, metavar="FILE")
    one.add_argument("--cloud", required=True, metavar="FILE")
    one.add_argument("--repeat-header", action="store_true", help="the whole header in every row, not the identity alone")
    one.add_argument("--copy-to", metavar="DIR", help="also legacy_lines.copy, cloud_lines.copy and load.sql for psql: flat rows with "
                     "the cloud's codes and amounts in minor units")
