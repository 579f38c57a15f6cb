"""make_examples.py - puts samples into docs/contract/asyncapi.yaml as the examples of its messages.

Why:   examples are samples, word for word; whoever changes a sample should not copy by hand.
Owns:  the lines below `examples:` of each message of the document's components; the rest is written by hand.
Rules: an object is written as JSON, which YAML reads; a note as a literal block.
Faults: a message without a rule here, or a rule without a sample, raises.
Runs in: tests/lib/make_samples.py.
Tests: tests/unit/test_contract_samples.py (nothing to change), tests/unit/test_contract_schemas.py (examples are valid)
"""

import json
import re

# Message of the document: kind of topic, and what stands in the sample taken (the first one).
PICK = {
    "journal": ("up/post", ".journal.recorded."), "invoice": ("up/post", ".invoice.amended."),
    "creditMemo": ("up/post", ".creditmemo.recorded."), "payment": ("up/post", ".payment.voided."),
    "customer": ("up/post", ".customer.recorded."), "usage": ("up/post", ".usage.recorded."), "control": ("up/post", ".control.recorded."),
    "keyRotated": ("up/post", ".key.rotated."), "batch": ("up/post", ".posting.batch."), "checkpoint": ("up/ckpt", "urn:"),
    "birth": ("up/state", '"birth"'), "heartbeat": ("up/state", '"heartbeat"'), "death": ("up/state", '"stopped"'),
    "metric": ("up/metric", "{"), "exception": ("up/exc", "{"), "result": ("up/res", "{"), "receipt": ("dn/ack", "urn:"),
    "outcomes": ("dn/ack", "{"), "command": ("dn/cmd", "tp1/cmd"),
    "cloudPosting": ("dn/post", "{"), "comparison": ("up/cmp", "{"), "postingReceipt": ("up/res", '"posting"'),
}


def example(payload):
    """The lines of one example."""
    if payload.startswith("{"):
        text = json.dumps(json.loads(payload), indent=2, ensure_ascii=False)
        head = "        - payload: "
    else:
        text, head = payload.removesuffix("\n"), "        - payload: |\n            "
    return (head + text.replace("\n", "\n            ")).replace("\n            \n", "\n\n")


def refresh(document, messages):
    """The document's text with the examples of all its messages made anew; messages: [{topic, payload}]."""
    mark = "\n  messages:\n"
    place = document.index(mark, document.index("\ncomponents:")) + len(mark)
    head, components = document[:place], document[place:]
    parts = []
    for block in re.split(r"(?m)^(?=    \w+:$)", components):
        if not block:
            continue
        kind, word = PICK[block.strip().split(":")[0]]
        payload = next(message["payload"] for message in messages
                       if "/".join(message["topic"].split("/")[3:5]) == kind and word in message["payload"])
        parts.append(block[:block.index("      examples:\n")] + "      examples:\n" + example(payload) + "\n")
    return head + "".join(parts)
