#!/usr/bin/python3
"""make_samples.py - writes docs/contract/samples: messages on the wire and what a consumer makes of each.

Usage: tests/lib/make_samples.py [DIRECTORY]   (default: docs/contract/samples)

Why:   a consumer can be tried against files before it ever meets an agent.
Owns:  all folders of the samples but history/, which holds what agents have sent and is never made again; the examples in
       docs/contract/asyncapi.yaml.
Rules: 1. The same files each time, byte for byte; a test compares them.
       2. Each verdict is written here by hand, beside the message; nothing here judges. The judge of the tests is
          tests/lib/contract_judge.py.
Faults: none; a wrong sample fails the tests.
Runs in: a shell, after a change of the contract.
Tests: tests/unit/test_contract_samples.py
"""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import make_examples  # noqa: E402
import p256  # noqa: E402
import sample_agent as agents  # noqa: E402
from sample_agent import NAME, Clock, Stream, base64_of, birth, canonical, command  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ASYNCAPI = os.path.join(ROOT, "docs", "contract", "asyncapi.yaml")
AGENT, NEXT, CLOUD = (p256.Key(f"twinpost sample key {name}") for name in ("agent", "agent-next", "cloud"))
STRANGER = p256.Key("twinpost sample key stranger")
BOOT = agents.sha256("boot 1").hex()[:32]
STATE = f"tp1/{NAME}/up/state"


class Case:
    """One file of messages with the verdict of each, and where the consumer stands at its end."""

    def __init__(self, about):
        self.about, self.messages, self.verdicts = about, [], []

    def add(self, topic, payload, verdict="accept", why=None, **more):
        """One message; more: retained, and for invalid ones what breaks."""
        self.messages.append({"topic": topic, "payload": payload, **({"retained": True} if more.pop("retained", 0) else {})})
        self.verdicts.append({"message": len(self.messages), "verdict": verdict, **({"why": why} if why else {}), **more})

    def event(self, stream, text, verdict="accept", why=None, kind="post"):
        """One event on its stream's topic."""
        self.add(stream.topic(kind), text, verdict, why)


def stands(stream, **more):
    """Where a consumer stands that has taken everything of a stream."""
    return {stream.source: {"next": stream.sequence + 1, "chain": stream.chain.hex(), "checkpoint": stream.checkpointed,
                            "root": base64_of(agents.tree_root(stream.leaves)) if stream.checkpointed else "", "stopped": False,
                            **more}}


def fresh(name="00000"):
    """A stream with a clock of its own."""
    return Stream(name, Clock(), AGENT)


HEADER = {"entity": "00001", "source_system": "jde", "year": 2025, "period": 7, "posting_date": "2025-07-31", "currency": "EUR"}


def payment(number, amount="61.97", **more):
    """A receipt without an application."""
    return {**HEADER, "type": "payment", "number": str(number), "payer": "4005", "amount": amount, "status": "received",
            "unapplied": amount, **more}


def customer(number, name="Orion"):
    """The smallest document of all."""
    return {"entity": "00000", "source_system": "jde", "type": "customer", "year": 0, "number": str(number), "legal_name": name}


def journal(number, *amounts):
    """A journal of one line for each amount, numbered from 1.0."""
    return {**HEADER, "type": "journal", "number": number, "ledger": "AA", "lines": [
        {"line": f"{place}.0", "account": f"1.{1100 + place}", "amount": amount} for place, amount in enumerate(amounts, 1)]}


def mapped(data):
    """A journal with the cloud's codes of company and accounts."""
    return {**data, "entity_mapped": "DE01", "lines": [
        {**line, "account_mapped": str(400000 + number)} for number, line in enumerate(data["lines"])]}


def invoice(number, net, tax, gross, still_open, kind="invoice", **more):
    """An invoice or credit memo of one line."""
    line = {"line": "001", "net": net, "tax": tax, "gross": gross, "open": still_open, "tax_code": "S19", "text": "Müller & Söhne"}
    return {**HEADER, "type": kind, "number": number, "customer": "4003", "due_date": "2025-08-14", "net": net, "tax": tax,
            "gross": gross, "open": still_open, "status": "open" if still_open != "0.00" else "paid", "lines": [line], **more}


def usage(meter, quantity, unit):
    """July of one meter, of 310 records."""
    data = {**HEADER, "type": "usage", "number": f"4003-{meter}-2025-07", "customer": "4003", "meter": meter, "quantity": quantity,
            "unit": unit, "window_start": "2025-07-01", "window_end": "2025-07-31", "record_count": 310,
            "records_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
    del data["currency"]
    return data


def valid():
    """One of everything, in the order of a first day."""
    case = Case("one of everything that a consumer may meet, all good")
    clock = Clock()
    customers, stream = Stream("00000", clock, AGENT), Stream("00001", clock, AGENT)
    case.add(STATE, birth(clock, AGENT, BOOT, []), retained=True)
    case.event(customers, customers.document({
        "entity": "00000", "source_system": "jde", "type": "customer", "year": 0, "number": "4003", "legal_name": "Müller & Söhne GmbH",
        "country": "DE", "credit_hold": False}))
    case.event(stream, stream.document(mapped(journal("JE-1", "100.00", "-100.00")), more={"mappingversion": "9f86d081884c7d65"}),
               why="the cloud's codes beside those of the ERP")
    case.event(stream, stream.document(invoice("RI-1", "100.00", "19.00", "119.00", "119.00")))
    case.event(stream, stream.document(payment(4012, "119.00", unapplied="0.00", applications=[
        {"line": "1", "invoice": "00001/invoice/2025/RI-1", "item": "001", "amount": "119.00"}])))
    case.event(stream, stream.document(invoice("RI-1", "100.00", "19.00", "119.00", "0.00"), "amended", 2), why="the whole new state")
    case.event(stream, stream.document(invoice("RM-1", "10.00", "1.90", "11.90", "11.90", "credit_memo",
                                               preceding_invoice="00001/invoice/2025/RI-1")))
    case.event(stream, stream.document(payment(4013), "voided"), why="voided is the first that is heard of it")
    whole = journal("JE-2", "60.00", "40.00", "-100.00")
    for number, lines in enumerate((whole["lines"][:2], whole["lines"][2:]), 1):
        case.event(stream, stream.document({**whole, "lines": lines}, part=f"{number}/2"))
    case.event(stream, stream.control())
    first = stream.checkpoint()
    case.add(stream.topic("ckpt"), first, why="cosign and return it")
    case.add(stream.topic("ack", "dn"), first + agents.signature_line("acme-cloud", CLOUD, first[:first.rindex("\n\n") + 1]),
             why="the receipt, as the consumer sends it")
    case.add(stream.topic("post"), stream.batch([stream.document(payment(number)) for number in (4014, 4015)]),
             why="two events in one message")
    case.event(stream, stream.document(usage("transfer", "120.50", "GB")), why="a quantity, no money: in no totals")
    unknown = stream.append("contract.recorded", "contract", "00001/contract/2025/K-1", {"type": "contract", "number": "K-1"},
                            more={"phase": "rehearsal", "colour": "blue"})
    stream.uncounted.append(("customer", {}, None))
    case.event(stream, unknown, why="type, phase and attribute that the consumer does not know: keep it, book nothing")
    case.event(stream, stream.control())
    second = stream.checkpoint()
    case.add(stream.topic("ckpt"), second, why="cosign and return it")
    case.add(STATE, birth(clock, AGENT, BOOT, [customers, stream], kind="heartbeat"))
    everyday(case, stream, clock, second)
    case.add(STATE, canonical({"boot": "0" * 32, "kind": "death", "reason": "lost", "time": clock.now()}), "drop-stale",
             "another boot than that of the last birth", retained=True)
    case.add(STATE, canonical({"boot": BOOT, "kind": "death", "reason": "stopped", "time": clock.now()}), retained=True)
    return {"messages": (case, {**stands(customers), **stands(stream)})}


def everyday(case, stream, clock, note):
    """Metric, exception, outcomes, commands and their answers."""
    case.add(f"tp1/{NAME}/up/metric", canonical({"counters": {"acknowledged": 12, "duplicates": 0}, "time": clock.now()}))
    case.add(f"tp1/{NAME}/up/exc", canonical({
        "class": "data_quality", "count": 1, "exception": 7, "key": "00001/journal/2025/JE-9", "owner": "finance", "rule": "journal-balance",
        "since": clock.now(), "source": "erp", "state": "open", "text": "debits 100.00 and credits 99.99 EUR differ by 0.01",
        "time": clock.now()}))
    case.add(stream.topic("ack", "dn"), canonical({"id": "out-1", "outcomes": [
        {"subject": "00001/journal/2025/JE-1", "revision": 1, "outcome": "BOOKED", "document": "4711", "date": "2026-11-21",
         "ledger": "0L", "time": clock.now()},
        {"subject": "00001/invoice/2025/RI-1", "revision": 2, "outcome": "REJECTED", "reason": "F5-117", "class": "mapping",
         "text": "tax code S19 has no mapping"}], "time": clock.now()}))
    res = f"tp1/{NAME}/up/res"
    case.add(res, canonical({"command": "ack", "id": "out-1", "result": {"late": 0, "refused": [], "repeated": 0, "taken": 2,
                                                                         "unknown": []}, "state": "done", "time": clock.now()}))
    dn = f"tp1/{NAME}/dn/cmd"
    case.add(dn, command("cmd-1", "proof.get", {"sequence": 3, "stream": "00001"}, CLOUD))
    leaves = stream.leaves
    case.add(res, canonical({"command": "proof.get", "id": "cmd-1", "result": {
        "checkpoint": note, "index": 2, "leaf": leaves[2].hex(), "proof": [base64_of(node) for node in agents.tree_path(2, leaves)],
        "size": len(leaves)}, "state": "done", "time": clock.now()}))
    case.add(dn, command("cmd-2", "replay", {"from": 1, "stream": "00001", "to": 2}, CLOUD, "2026-11-21T14:20:00.000Z"),
             why="well-formed; the agent refuses it, for it has expired")
    case.add(res, canonical({"command": "replay", "id": "cmd-2", "reason": "expired", "state": "rejected",
                             "text": "it expired at 2026-11-21T14:20:00.000Z", "time": clock.now()}))
    bodies = [("resend", {"subjects": ["00001/journal/2025/JE-1"]}), ("pause", {"source": "erp"}), ("resume", {"stream": "00001"}),
              ("digest", {}), ("sweep", {"period": "7", "source": "erp"}), ("state.get", {})]
    for number, (word, body) in enumerate(bodies, 3):
        case.add(dn, command(f"cmd-{number}", word, body, CLOUD))
    compared(case, stream, clock)


def compared(case, stream, clock):
    """The cloud's own posting of RI-1, its receipt, and what a comparison found."""
    source = "urn:acme-billing:ledger:1"
    lines = [{"line": "1", "account": "400100", "net": "100.00", "tax": "18.99", "gross": "118.99", "tax_code": "A19"}]
    data = {"entity": "10", "source_system": "billing", "type": "invoice", "number": "INV-000001", "year": 2025, "period": 7,
            "posting_date": "2025-07-31", "currency": "EUR", "origin": "00001/invoice/2025/RI-1", "reference": "RI-1",
            "customer": "C-4003", "due_date": "2025-08-14", "net": "100.00", "tax": "18.99", "gross": "118.99", "lines": lines}
    subject = "10/invoice/2025/INV-000001"
    case.add(stream.topic("post", "dn"), canonical({
        "specversion": "1.0", "type": "com.twinpost.invoice.recorded.v1", "source": source, "sequence": f"{1:020d}", "id": "p-1",
        "subject": subject, "revision": 1, "time": clock.now(), "data": data}), why="the cloud's own posting, as the consumer sends it")
    case.add(f"tp1/{NAME}/up/res", canonical({"command": "posting", "id": "p-1", "result": {
        "missing": [], "next": 2, "source": source, "upto": 1}, "state": "done", "time": clock.now()}))
    case.add(f"tp1/{NAME}/up/cmp", canonical({
        "counts": [{"documents": 1, "status": "different"}, {"documents": 100, "status": "matched"}],
        "cut": {"at": clock.now(), "cloud": {"count": 101, "sequence": 101},
                "legacy": {"count": 101, "streams": [{"epoch": stream.epoch, "name": "00001", "sequence": 4}]}},
        "differences": [{
            "cause": "rounding", "cloud": subject, "currency": "EUR", "document_type": "invoice", "entity": "10", "gross": "0.01",
            "key": "compare:00001/invoice/2025/RI-1:2025-07", "legacy": "00001/invoice/2025/RI-1", "net": "-0.01", "period": "2025-07",
            "status": "different", "text": "the cloud rounds the tax down"}],
        "id": "000012", "left_out": 0, "page": 1, "pages": 1, "scope": {"entities": ["10"], "from": "2025-07", "to": "2025-07"},
        "totals": [{"currency": "EUR", "gross": "0.01", "net": "-0.01"}],
        "verdict": {"name": "breaks", "why": ["1 document differs"]}}))


def gap():
    """Sequence 2 comes late, by a replay that the consumer asked for."""
    stream, case = fresh(), Case("sequence 2 is missing, is asked for, and comes on up/replay")
    events = [stream.document(customer(number)) for number in (1, 2, 3)]
    note = stream.checkpoint()
    case.event(stream, events[0])
    case.event(stream, events[2], "hold-gap", "2 is missing: ask for a replay of 2..2")
    case.add(stream.topic("ckpt"), note, "hold-checkpoint", "covers 3 events, of which 1 can be proved")
    case.event(stream, events[1], "accept", "fills the gap: 3 and the checkpoint are taken with it", kind="replay")
    return {"messages": (case, stands(stream, replay=["00000 2..2"]))}


def duplicate():
    """The same bytes again, alone and in a replay; an old checkpoint again."""
    stream, case = fresh(), Case("what came once comes again")
    first = stream.document(customer(1))
    note = stream.checkpoint()
    second = stream.document(customer(2))
    for text, verdict in ((first, "accept"), (second, "accept"), (first, "drop-duplicate")):
        case.event(stream, text, verdict)
    case.add(stream.topic("ckpt"), note, "accept", "size 1 is below what is held: verified against the tree at that size")
    case.add(stream.topic("ckpt"), note, "drop-duplicate", "the same checkpoint: return the same receipt again")
    case.event(stream, second, "drop-duplicate", kind="replay")
    return {"messages": (case, stands(stream, checkpoint=1, root=base64_of(stream.leaves[0])))}


def tampered():
    """One thing changed on the way, in each file another. What is wrong in itself is put aside, what contradicts stops."""
    found = {}

    def start(about, stopped=True):
        stream, case = fresh(), Case(about)
        case.event(stream, stream.document(customer(1)))
        return stream, case, stands(stream, stopped=stopped)

    stream, case, end = start("a name was changed on the way", False)
    case.event(stream, stream.document(customer(2)).replace("Orion", "Onion"), "reject-tampered", "id")
    found["data"] = case, end
    stream, case, end = start("a date of recording was changed on the way: the id holds, leaf and chain do not")
    text = stream.document(customer(2))
    case.event(stream, text.replace('"time":"2026-11-21', '"time":"2026-11-22'), "reject-tampered", "chain")
    found["time"] = case, end
    stream, case, end = start("one event was taken out and the later ones were numbered anew")
    stream.document(customer(2))
    text = stream.document(customer(3)).replace("0000000000000000003", "0000000000000000002")
    case.event(stream, text, "reject-tampered", "chain")
    found["renumbered"] = case, end
    stream, case, end = start("a checkpoint whose root is not that of the events")
    case.add(stream.topic("ckpt"), stream.checkpoint(root=agents.sha256("other")), "reject-tampered", "root")
    found["root"] = case, end
    stream, case, end = start("a checkpoint signed by a key that nobody pinned, under the agent's name", False)
    case.add(stream.topic("ckpt"), stream.checkpoint(key=STRANGER), "reject-tampered", "signature: no known key signed it")
    found["stranger"] = case, end
    stream, case, end = start("a checkpoint whose text was changed after it was signed", False)
    case.add(stream.topic("ckpt"), stream.checkpoint().replace("time 2026-11-21", "time 2026-11-20"), "reject-tampered", "signature")
    found["signature"] = case, end
    return found


def equivocation():
    """Two truths for one place: the agent, or one who holds its key, tells two stories."""
    found = {}
    stream, other = fresh(), fresh()
    case = Case("the same sequence with another document, each with a chain of its own that fits")
    case.event(stream, stream.document(customer(1)))
    case.event(stream, other.document(customer(1, "Onion")), "stop-equivocation", "sequence 1 again, another leaf")
    case.event(stream, stream.document(customer(2)), "stopped", "nothing of this source is taken until a person has looked")
    found["event"] = case, stands(stream, next=2, chain=json.loads(case.messages[0]["payload"])["chainhash"], stopped=True)
    stream, case = fresh(), Case("the same size with another root, both signed by the agent's key")
    case.event(stream, stream.document(customer(1)))
    case.add(stream.topic("ckpt"), stream.checkpoint())
    case.add(stream.topic("ckpt"), stream.checkpoint(root=agents.sha256("other")), "stop-equivocation", "size 1 again, another root")
    found["checkpoint"] = case, stands(stream, stopped=True)
    return found


def reordered():
    """Order of arrival is not order of sequence."""
    stream, case = fresh(), Case("a lost connection: later events first, then the missing one, then those once more")
    events = [stream.document(customer(number)) for number in (1, 2, 3)]
    case.event(stream, events[1], "hold-gap")
    case.event(stream, events[2], "hold-gap")
    case.event(stream, events[0], "accept", "2 and 3 are taken with it")
    case.event(stream, events[1], "drop-duplicate")
    case.event(stream, events[2], "drop-duplicate")
    return {"messages": (case, stands(stream, replay=["00000 1..1"]))}


def restarted():
    """The agent starts again: once with its store, once without."""
    found = {}
    stream, case = fresh(), Case("the agent starts again with its store: another boot, the same streams; the old death comes late")
    case.add(STATE, birth(stream.clock, AGENT, BOOT, [stream]), retained=True)
    case.event(stream, stream.document(customer(1)))
    boot = agents.sha256("boot 2").hex()[:32]
    case.add(STATE, birth(stream.clock, AGENT, boot, [stream]), retained=True)
    case.add(STATE, canonical({"boot": BOOT, "kind": "death", "reason": "lost", "time": stream.clock.now()}), "drop-stale",
             "the boot before", retained=True)
    case.event(stream, stream.document(customer(2)))
    found["same-store"] = case, stands(stream)
    stream, case = fresh(), Case("the store was lost: a higher epoch begins at 1, its birth cites the last checkpoint of the old one")
    case.event(stream, stream.document(customer(1)))
    case.add(stream.topic("ckpt"), stream.checkpoint())
    new = Stream("00000", stream.clock, AGENT, stream.epoch + 90)
    old = f"previous {stream.source} 1 {base64_of(stream.leaves[0])}\n"
    first = new.document(customer(1))
    case.add(STATE, birth(stream.clock, AGENT, boot, [new], [old]), retained=True)
    case.event(new, first, "accept", "same subject, revision and id as in the old epoch: booked once")
    found["new-epoch"] = case, {**stands(stream), **stands(new)}
    return found


def rotated():
    """The signing key is changed."""
    found = {}
    stream, case = fresh(), Case("the key is changed at sequence 2: what is signed later is signed by the new key alone")
    case.event(stream, stream.document(customer(1)))
    case.add(stream.topic("ckpt"), stream.checkpoint(), why="signed by the old key")
    case.event(stream, stream.rotate(NEXT), "accept", "both keys signed it: pin the new one")
    case.add(stream.topic("ckpt"), stream.checkpoint(), why="signed by the new key")
    found["messages"] = case, stands(stream)
    stream, case = fresh(), Case("after the change a checkpoint comes with the old key's signature")
    case.event(stream, stream.rotate(NEXT))
    end = stands(stream)
    case.add(stream.topic("ckpt"), stream.checkpoint(key=AGENT), "reject-tampered", "signature: the old key signs no more")
    found["old-key"] = case, end
    return found


def invalid():
    """Messages that break a schema, each in one place; and some that only look odd."""
    stream, case = fresh("00001"), Case("each message stands alone; `breaks` names the schema, the keyword and the place")
    topic = stream.topic("post")

    def event(schema, keyword, at, change, verdict="reject-invalid"):
        members = json.loads(fresh("00001").document(payment(1) if schema == "payment" else customer(1)))
        change(members)
        case.add(topic, canonical(members), verdict, breaks=f"{schema} {keyword} {at}")

    def data(name, value):
        return lambda event: event["data"].update({name: value})

    event("event", "required", "sequence", lambda event: event.pop("sequence"))
    event("event", "pattern", "/sequence", lambda event: event.update(sequence="1"))
    event("event", "pattern", "/time", lambda event: event.update(time="2026-11-21T14:20:05Z"))
    event("payment", "required", "currency", lambda event: event["data"].pop("currency"))
    event("payment", "type", "/amount", data("amount", 61.97))
    event("payment", "pattern", "/amount", data("amount", "6.197e1"))
    event("payment", "type", "/text", data("text", None))
    event("payment", "maximum", "/period", data("period", 17))
    event("payment", "format", "/posting_date", data("posting_date", "2025-02-30"))
    event("payment", "dependentRequired", "local_currency", data("amount_local", "61.97"))
    one = fresh("00001")
    case.add(topic, one.document(journal("JE-1", "1.00")), "reject-invalid", breaks="event minItems /data/lines")
    text = fresh().document(customer(1))
    case.add(topic, text.replace('":"', '": "', 1), "reject-invalid", breaks="bytes: white space")
    case.add(topic, text.replace('{"chainhash"', '{"id":"","chainhash"', 1), "reject-invalid", breaks="bytes: a key stands twice")
    event("event", "strict", "/colour", lambda event: event.update(colour="blue"), "accept")
    state = json.loads(birth(Clock(), AGENT, BOOT, []))
    state.pop("note")
    case.add(STATE, canonical(state), "reject-invalid", breaks="state-birth required note")
    case.add(stream.topic("ack", "dn"), '{"id":"out-1","outcomes":[]}', "reject-invalid", breaks="ack minItems /outcomes")
    case.add(f"tp1/{NAME}/dn/cmd", command("cmd-1", "replay", {"from": 1, "stream": "00001"}, CLOUD), "reject-invalid",
             breaks="command-replay required to")
    return {"messages": (case, {})}


CASES = {"valid": valid, "invalid": invalid, "gap": gap, "duplicate": duplicate, "tampered": tampered, "equivocation": equivocation,
         "reordered": reordered, "restarted": restarted, "rotated": rotated}


def files():
    """{path: text} of all samples."""
    made = {f"keys/{name}.pem": key.pem() for name, key in (("agent", AGENT), ("agent-next", NEXT), ("cloud", CLOUD))}
    for folder, make in CASES.items():
        expected = {}
        for name, (case, end) in make().items():
            made[f"{folder}/{name}.jsonl"] = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in case.messages)
            expected[f"{name}.jsonl"] = {"about": case.about, "verdicts": case.verdicts, "state": end}
        parts = []
        for name, content in expected.items():
            verdicts = ",\n".join("      " + json.dumps(line, ensure_ascii=False) for line in content["verdicts"])
            state = json.dumps(content["state"], indent=2, ensure_ascii=False).replace("\n", "\n    ")
            parts.append(f'  "{name}": {{\n    "about": {json.dumps(content["about"], ensure_ascii=False)},\n    "verdicts": [\n'
                         f'{verdicts}\n    ],\n    "state": {state}\n  }}')
        made[f"{folder}/expected.json"] = "{\n" + ",\n".join(parts) + "\n}\n"
    return made


def asyncapi(made):
    """The text of asyncapi.yaml with these samples as its examples."""
    lines = (made["valid/messages.jsonl"] + made["rotated/messages.jsonl"]).splitlines()
    with open(ASYNCAPI, encoding="utf-8") as file:
        return make_examples.refresh(file.read(), [json.loads(line) for line in lines])


def main():
    """Writes them, and in the tree also the examples of asyncapi.yaml."""
    top = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "docs", "contract", "samples")
    made = files()
    if len(sys.argv) < 2:
        text = asyncapi(made)
        with open(ASYNCAPI, "w", encoding="utf-8") as file:
            file.write(text)
    for path, text in made.items():
        os.makedirs(os.path.dirname(os.path.join(top, path)), exist_ok=True)
        with open(os.path.join(top, path), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
