"""cases.py - the cases: each plays a stream and says which MUSTs it tests.

Why:   one function reads as one story; its name is that of the sample that shows the same.
Rules: 1. Cases of a phase run at the same time, each on streams of its own; phases follow each other.
       2. A consumer may heal where it may also stop: where both are right, both pass.
Runs in: tools/conformance.
Tests: tests/unit/test_conformance.py: a consumer broken on purpose fails exactly its cases.
"""

import json
import time

import tp1

from .trial import FINAL

CASES = []  # (phase, name, musts, story)


def case(name, *musts, phase=1):
    """Registers a story."""
    def register(story):
        CASES.append((phase, name, musts, story))
        return story
    return register


@case("valid", "tp1-rcp-001", "tp1-out-001", "tp1-out-002", "tp1-seq-001")
def valid(trial):
    """Two checkpoints, the first of which comes after a later event; every type of document; an outcome for each."""
    stream = trial.stream()
    for data in (tp1.journal(1), tp1.invoice(2), tp1.invoice(3, kind="credit_memo"), tp1.payment(4, "12.345", "KWD")):
        trial.post(stream, stream.event({**data, "entity": stream.name}))
    trial.post(stream, stream.control())
    first = stream.checkpoint()
    trial.post(stream, *trial.events(stream, 1))
    trial.check(stream, first)
    yield trial.receipt(stream, first)
    trial.post(stream, stream.control())
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()))
    yield trial.told(stream, 5)
    for subject in {one["subject"] for one in trial.outcomes(stream)}:
        codes = [one["outcome"] for one in trial.outcomes(stream) if one["subject"] == subject]
        if "RECEIVED" in codes and any(code in FINAL for code in codes[:codes.index("RECEIVED")]):
            trial.fault("tp1-out-001", f"{subject}: RECEIVED came after a final outcome")


@case("many", "tp1-out-002")
def many(trial):
    """205 documents at once: no message holds more than 200 outcomes."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 205))
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()))
    yield trial.told(stream, 205)


@case("duplicate", "tp1-seq-002", "tp1-env-004", "tp1-rcp-003")
def duplicate(trial):
    """Every event twice, early and late; the checkpoint again: booked once, the receipt again."""
    stream = trial.stream()
    events = trial.events(stream, 3)
    trial.post(stream, events[0], events[0], events[1], events[2], *events)
    note = trial.check(stream, stream.checkpoint())
    yield trial.receipt(stream, note, "tp1-seq-002", "a duplicate with an equal leaf must not stop the stream")
    yield trial.told(stream, 3)
    trial.check(stream, note)
    yield trial.receipt(stream, note, "tp1-rcp-003", "the checkpoint came again, its receipt did not", 2)
    trial.post(stream, *events)
    yield from trial.settled()
    trial.booked_once(stream)


@case("gap", "tp1-seq-004", "tp1-seq-005", "tp1-chk-004", "tp1-cmd-001", "tp1-cmd-002", "tp1-cmd-003")
def gap(trial):
    """Sequence 3 and 4 are lost: asked for with a signed command, and the checkpoint is cosigned only then."""
    stream = trial.stream()
    events = trial.events(stream, 6)
    trial.post(stream, events[0], events[1], events[4], events[5])
    note = trial.check(stream, stream.checkpoint())
    yield (lambda: trial.asked(stream, 3, 4) or trial.receipts(stream, note)), "tp1-seq-005", "nobody asked for 3 and 4"
    if not trial.asked(stream, 3, 4):
        trial.fault("tp1-seq-004", "a checkpoint was cosigned over events that were never sent")
    yield trial.receipt(stream, note, "tp1-chk-004", "the gap was filled, the receipt did not come")
    yield trial.told(stream, 6)


@case("gap/tail", "tp1-chk-004", "tp1-seq-005")
def gap_tail(trial):
    """The last event is lost; only the checkpoint tells."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 3)[:2])
    note = trial.check(stream, stream.checkpoint())
    yield (lambda: trial.asked(stream, 3, 3)), "tp1-seq-005", "a checkpoint covers 3 events, 2 came, nobody asked for the third"
    yield trial.receipt(stream, note, "tp1-chk-004", "a checkpoint that was ahead was not kept")


@case("reordered", "tp1-seq-001", "tp1-seq-004", "tp1-chk-004")
def reordered(trial):
    """Later events first, the checkpoint before the control event that it covers."""
    stream = trial.stream()
    events = [*trial.events(stream, 6), stream.control()]
    note = stream.checkpoint()
    trial.post(stream, *(events[place] for place in (0, 2, 1, 4)))
    trial.check(stream, note)
    trial.post(stream, events[3], events[5], events[6], events[4])
    yield trial.receipt(stream, note, "tp1-seq-001", "events in another order than their sequence were not put right")
    yield trial.told(stream, 6)


@case("equivocation/event", "tp1-seq-003")
def equivocation_event(trial):
    """Sequence 3 again with other content, whose id and chain fit: nothing more of this source is cosigned."""
    stream, other = trial.stream(), tp1.Gateway(trial.world.gateway.tenant, trial.world.gateway.gateway)
    events = trial.events(stream, 3)
    lie = other.stream(stream.name)
    lie.events, lie.leaves, lie.chains = events[:2], stream.leaves[:2], stream.chains[:2]
    lie.chain = stream.chains[1]
    trial.post(stream, *events, lie.event(tp1.journal(99, entity=stream.name)))
    trial.check(stream, stream.checkpoint(), good=False)
    yield from trial.settled()


@case("equivocation/checkpoint", "tp1-chk-006")
def equivocation_checkpoint(trial):
    """A size that was cosigned comes with another root, signed: not cosigned, and nothing behind it."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 3))
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()))
    trial.check(stream, stream.checkpoint(3, root=tp1.sha256(b"lie")), good=False)
    trial.post(stream, *trial.events(stream, 1))
    trial.check(stream, stream.checkpoint(), good=False)
    yield from trial.settled()


def tampered_event(trial, change, must):
    """The second of three events is changed on the way: it is not taken; the true one may be asked for."""
    stream = trial.stream()
    events = trial.events(stream, 3)
    trial.post(stream, events[0], change(events[1]), events[2])
    note = trial.check(stream, stream.checkpoint())
    yield from trial.settled()
    if not trial.asked(stream, 2, 2):
        if trial.receipts(stream, note):
            trial.fault(must, "a checkpoint was cosigned though the event it covers was changed")
        if trial.outcomes(stream, "JE-2"):
            trial.fault(must, "a changed event was answered with an outcome")


@case("tampered/data", "tp1-chn-001")
def tampered_data(trial):
    """An account is changed; id, leaf and chain are left."""
    yield from tampered_event(trial, lambda event: event.replace(b"1.1000", b"1.1001"), "tp1-chn-001")


@case("tampered/id", "tp1-chn-001", "tp1-chn-002")
def tampered_id(trial):
    """An account is changed and the id made new: the chain shows it."""
    def change(event):
        value = json.loads(event)
        value["data"]["lines"][0]["account"] = "1.1001"
        digest = tp1.sha256(tp1.canonical(value["data"])).hex()
        value["id"] = tp1.sha256(f"tp1/id/v1\n{value['subject']}\n1\n{digest}\n".encode()).hex()[:32]
        value["traceparent"] = f"00-{value['id']}-{value['id'][:16]}-01"
        return tp1.canonical(value)
    yield from tampered_event(trial, change, "tp1-chn-002")


@case("tampered/time", "tp1-chn-002")
def tampered_time(trial):
    """The time of recording is changed: the id holds, the chain does not."""
    yield from tampered_event(trial, lambda event: event.replace(b'"time":"2026', b'"time":"2025'), "tp1-chn-002")


@case("tampered/chain", "tp1-chn-002")
def tampered_chain(trial):
    """chainhash is changed."""
    def change(event):
        value = json.loads(event)
        value["chainhash"] = value["chainhash"][::-1]
        return tp1.canonical(value)
    yield from tampered_event(trial, change, "tp1-chn-002")


@case("tampered/root", "tp1-chk-003", "tp1-rcp-002")
def tampered_root(trial):
    """Signed by the agent, but the root is not that of the events."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 3))
    trial.check(stream, stream.checkpoint(root=tp1.sha256(b"lie")), good=False)
    yield from trial.settled()


@case("tampered/chain-line", "tp1-chk-003", "tp1-rcp-002")
def tampered_chain_line(trial):
    """Signed by the agent, but the chain is not that of the events."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 3))
    trial.check(stream, stream.checkpoint(chain=tp1.sha256(b"lie")), good=False)
    yield from trial.settled()


@case("tampered/signature", "tp1-chk-002", "tp1-rcp-002")
def tampered_signature(trial):
    """The text is changed after it was signed; and a true signature stands beside a false one of the same key."""
    stream, key = trial.stream(), trial.world.gateway.key
    trial.post(stream, *trial.events(stream, 3))
    note = stream.checkpoint()
    trial.check(stream, note.replace(b"T08:", b"T09:"), good=False)
    text, _ = tp1.note_parts(note)
    false = tp1.note("x\n", (trial.world.gateway.name, key)).split(b"\n\n")[1]
    trial.check(stream, note.replace(text, text[:-3] + b"1Z\n") + false, good=False)
    trial.check(stream, note.replace(b"Z\n\n", b"Z\nmore\n\n", 1) + false, good=False)
    yield from trial.settled()


@case("tampered/both-lines", "tp1-chk-002")
def tampered_both(trial):
    """A good line of the agent's key and a bad one of the same key: the note is bad."""
    stream, key = trial.stream(), trial.world.gateway.key
    trial.post(stream, *trial.events(stream, 3))
    trial.check(stream, stream.checkpoint() + tp1.note("x\n", (trial.world.gateway.name, key)).split(b"\n\n")[1], good=False)
    yield from trial.settled()


@case("tampered/stranger", "tp1-chk-001", "tp1-rcp-002")
def tampered_stranger(trial):
    """Signed by a key that nobody pinned, under the agent's name; then a stranger's line beside the agent's, which is good."""
    stream, strange = trial.stream(), trial.stream("-2")
    trial.post(stream, *trial.events(stream, 3))
    trial.check(stream, stream.checkpoint(key=tp1.Key()), good=False)
    trial.post(strange, *trial.events(strange, 3))
    witness = tp1.note("x\n", ("witness", tp1.Key())).split(b"\n\n")[1]
    yield trial.receipt(strange, trial.check(strange, strange.checkpoint() + witness), "tp1-chk-001",
                        "a line of an unknown key beside the agent's is to be ignored")
    yield from trial.settled()


@case("older", "tp1-chk-005")
def older(trial):
    """A checkpoint of a smaller size than the last one, not seen before: judged by the own tree at that size."""
    stream, lie = trial.stream(), trial.stream("-2")
    for one in (stream, lie):
        trial.post(one, *trial.events(one, 5))
        yield trial.receipt(one, trial.check(one, one.checkpoint()))
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint(3)), "tp1-chk-005", "a true checkpoint of 3 of 5 was not returned")
    trial.check(lie, lie.checkpoint(3, root=tp1.sha256(b"lie")), good=False)
    yield from trial.settled()


@case("rotated", "tp1-key-001")
def rotated(trial):
    """The old key signs until the key event, the new one from it on; a checkpoint may come before the key event."""
    stream, new = trial.stream(), tp1.Key()
    trial.post(stream, *trial.events(stream, 2))
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()))
    event = stream.rotate(new)
    note = trial.check(stream, stream.checkpoint(key=new))
    trial.post(stream, event)
    yield trial.receipt(stream, note, "tp1-key-001", "a checkpoint by the new key was not accepted after the rotation")


@case("rotated/old-key", "tp1-key-002")
def rotated_old(trial):
    """After the key event the old key signs no more, and before it the new one did not."""
    stream, early, new = trial.stream(), trial.stream("-2"), tp1.Key()
    for one in (stream, early):
        trial.post(one, *trial.events(one, 2), one.rotate(new))
    trial.check(stream, stream.checkpoint(), good=False)
    trial.check(early, early.checkpoint(2, key=new), good=False)
    yield from trial.settled()


@case("rotated/forged", "tp1-key-001")
def rotated_forged(trial):
    """Rotations that lack a signature, or come from another key: what the new key signs is not cosigned."""
    agent, new = trial.world.gateway.key, tp1.Key()
    for number, signers in enumerate(((agent,), (new,), (tp1.Key(), new))):
        stream = trial.stream(f"-{number}")
        trial.post(stream, *trial.events(stream, 1), stream.rotate(new, signers=signers))
        trial.check(stream, stream.checkpoint(key=new), good=False)
    yield from trial.settled()


@case("parts", "tp1-prt-001")
def parts(trial):
    """A document in three parts: no outcome before the last is here, one booking then."""
    stream = trial.stream()
    events = stream.parts(tp1.journal(1, entity=stream.name, lines=7), 3)
    trial.post(stream, *events[:2])
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint(2)))
    yield from trial.settled()
    if any(one["outcome"] in FINAL for one in trial.outcomes(stream)):
        trial.fault("tp1-prt-001", "a document was settled with a part of it missing")
    trial.post(stream, events[2], stream.control())
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()))
    yield trial.told(stream, 1)
    yield from trial.settled()
    trial.booked_once(stream)


@case("batch", "tp1-bat-001", "tp1-env-004")
def batch(trial):
    """Batches, cut again at other places: their members count as if they had come alone."""
    stream = trial.stream()
    trial.events(stream, 7)
    trial.post(stream, stream.batch(1, 4), stream.batch(3, 6), stream.events[6])
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()), "tp1-bat-001", "the members of a batch were not taken")
    if trial.world.replays[stream.name]:
        trial.fault("tp1-bat-001", "what had come in a batch was asked for again")
    yield trial.told(stream, 7)
    yield from trial.settled()
    trial.booked_once(stream)


@case("evolution", "tp1-evo-001", "tp1-evo-002")
def evolution(trial):
    """Unknown attribute, field, phase, type, version, topic, line in a checkpoint: all accepted, the unknown type not booked."""
    stream = trial.stream()
    data = {**tp1.journal(1, entity=stream.name), "ext": {"a": ["b", 1, True]}, "added": "x"}
    trial.post(stream, stream.event(data, more={"zone": "x", "phase": "afterwards"}))
    trial.post(stream, stream.event(tp1.journal(2, entity=stream.name), kind="accrual", change="released", version="v2"))
    trial.world.send("news", b"\xffwhatever", stream.name)
    trial.world.send("state", tp1.canonical({"kind": "mood", "boot": "0" * 32, "mood": "good"}))
    text, _ = tp1.note_parts(stream.checkpoint())
    note = tp1.note(text.decode() + "weather fine\n", (trial.world.gateway.name, trial.world.gateway.key))
    yield trial.receipt(stream, trial.check(stream, note), "tp1-evo-001", "what is new and unknown must be let through")
    yield from trial.settled()
    if any(one["outcome"] == "BOOKED" for one in trial.outcomes(stream, "JE-2")):
        trial.fault("tp1-evo-002", "a document of an unknown type was booked")


@case("invalid", "tp1-env-003")
def invalid(trial):
    """Rubbish between good events disturbs nothing and is answered by nothing."""
    stream = trial.stream()
    events = trial.events(stream, 2)
    for rubbish in (b"", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 30000, events[0][:-1], events[1].replace(b',"id"', b', "id"')):
        trial.post(stream, rubbish)
        trial.world.send("ckpt", rubbish, stream.name)
        trial.world.send("res", rubbish)
        trial.world.send("state", rubbish)
    trial.post(stream, *events)
    yield trial.receipt(stream, trial.check(stream, stream.checkpoint()), "tp1-env-003", "a broken message stopped a good stream")


@case("unanswered", "tp1-out-003")
def unanswered(trial):
    """Outcomes without an answer on up/res come again, equal byte for byte, until they are answered."""
    stream = trial.stream()
    trial.world.mute.add(stream.name)
    trial.post(stream, *trial.events(stream, 2))
    trial.check(stream, stream.checkpoint())
    yield (lambda: trial.world.messages[stream.name]), "tp1-out-001", "no outcomes"
    began = time.monotonic()

    def repeated():
        numbers = [number for number, _ in trial.world.messages[stream.name]]
        return len(numbers) > len(set(numbers))
    yield repeated, "tp1-out-003", f"not repeated within {trial.world.options.repeat_bound:g} s", trial.world.options.repeat_bound
    trial.world.mute.discard(stream.name)
    for number in {number for number, _ in trial.world.messages[stream.name]}:
        trial.world.result("ack", number, "done", result={"refused": [], "taken": 1})
    trial.repeat_seconds = time.monotonic() - began


@case("restarted/same-store", "tp1-sta-001", phase=2)
def restarted(trial):
    """The agent starts again: its birth, then the last will of the start before. A gap after it is still asked for."""
    stream, gateway = trial.stream(), trial.world.gateway
    trial.world.send("state", gateway.birth(streams=[]))
    events = trial.events(stream, 4)
    trial.post(stream, *events[:2])
    old, gateway.boot = gateway.boot, "0" * 31 + "2"
    trial.world.send("state", gateway.birth(streams=[]))
    trial.world.send("state", gateway.death(boot=old))
    trial.post(stream, events[3])
    note = trial.check(stream, stream.checkpoint())
    yield (lambda: trial.asked(stream, 3, 3)), "tp1-sta-001", "a stale death silenced the consumer: nobody asked for 3"
    yield trial.receipt(stream, note)


@case("restarted/new-epoch", "tp1-seq-006", "tp1-env-004", phase=3)
def new_epoch(trial):
    """The store was lost: a higher epoch begins at 1 and repeats a document; the birth cites the old tree."""
    old, gateway = trial.stream(), trial.world.gateway
    trial.post(old, *trial.events(old, 3))
    yield trial.receipt(old, trial.check(old, old.checkpoint()))
    yield trial.told(old, 3)
    new = trial.stream(epoch=1800000000)
    gateway.boot = "0" * 31 + "3"
    trial.world.send("state", gateway.birth(streams=[new], previous=[(old, 3)]))
    trial.post(new, *trial.events(new, 2), new.event(tp1.journal(9, entity=new.name)))
    yield trial.receipt(new, trial.check(new, new.checkpoint()), "tp1-seq-006", "a new epoch was not taken from 1")
    yield trial.told(new, 4)
    yield from trial.settled()
    trial.booked_once(new)


@case("killed", "tp1-env-001", "tp1-env-002", phase=4)
def killed(trial):
    """Killed in the middle of a stream and started again: nothing that it acknowledged is lost, what came meanwhile waits."""
    stream = trial.stream()
    trial.post(stream, *trial.events(stream, 150))
    yield (lambda: trial.outcomes(stream)), "tp1-out-001", "no outcomes"
    trial.world.kill()
    trial.post(stream, *trial.events(stream, 150))
    note = trial.check(stream, stream.checkpoint())
    trial.world.start()
    yield trial.receipt(stream, note, "tp1-env-001", "after a kill and a restart the stream did not go on", 1)
    for first, last in trial.world.replays[stream.name]:
        trial.fault("tp1-env-002", f"{first} to {last} had been acknowledged or were queued, and were asked for again")
    yield trial.told(stream, 300)
    trial.booked_once(stream)
