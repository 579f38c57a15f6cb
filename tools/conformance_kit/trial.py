"""trial.py - one case being played: what it sends, what it waits for, what it finds wrong.

Why:   cases read as stories; the bookkeeping is here.
Owns:  the streams of its case, named after it.
Rules: 1. A case is a generator: it yields (predicate, must, text) and goes on when the predicate holds; after the bound the text
          becomes a finding of that must and the case ends.
       2. A receipt for anything but a checkpoint that the case declared good is a finding, whenever it comes.
Runs in: tools/conformance.
Tests: tests/unit/test_conformance.py
"""

import tp1

FINAL = ("BOOKED", "REJECTED", "DUPLICATE")


class Trial:
    """One case in one world."""

    def __init__(self, world, name, musts, story):
        self.world, self.name, self.musts = world, name, musts
        self.label = name.replace("/", "-")
        self.streams = []
        self.good = set()
        self.faults = []
        self.ended = False
        self.waits = None
        self.began = 0.0
        self.story = story(self)

    def stream(self, suffix="", epoch=1700000000):
        """A stream of this case."""
        stream = self.world.stream(self.label + suffix, epoch)
        self.streams.append(stream)
        return stream

    def events(self, stream, count, first=1):
        """count more journals; they are made, not sent."""
        return [stream.event(tp1.journal(first + len(stream.events), entity=stream.name)) for _ in range(count)]

    def post(self, stream, *events):
        """Sends events on the stream's topic."""
        for event in events:
            self.world.send("post", event, stream.name)

    def check(self, stream, note, good=True):
        """Sends a checkpoint; a good one may be cosigned."""
        if good:
            self.good.add(tp1.note_parts(note)[0])
        self.world.send("ckpt", note, stream.name)
        return note

    def fault(self, must, text):
        """A finding."""
        self.faults.append((must, text))

    # What a case can wait for.

    def receipts(self, stream, note):
        """How many receipts of the note came."""
        return sum(1 for payload in self.world.receipts[stream.name] if payload.startswith(note) and payload != note)

    def receipt(self, stream, note, must="tp1-rcp-001", text="no receipt of a good checkpoint", count=1):
        """Waits for the note, cosigned."""
        return (lambda: self.receipts(stream, note) >= count), must, text

    def settled(self):
        """Waits until everything sent so far was worked off: two fences, one behind the other."""
        for _ in range(2):
            yield self.world.fence(), "tp1-rcp-001", "the consumer does not answer a valid stream any more"

    def outcomes(self, stream, number=None):
        """Outcomes of a stream, or of one document in it."""
        return [one for _, one in self.world.outcomes[stream.name] if number is None or one["subject"].endswith(f"/{number}")]

    def told(self, stream, count, codes=FINAL):
        """Waits for outcomes with these codes for this many documents."""
        def ask():
            return len({(one["subject"], one["revision"]) for one in self.outcomes(stream) if one["outcome"] in codes}) >= count
        return ask, "tp1-out-001", f"not {count} documents with an outcome among {', '.join(codes)}"

    def asked(self, stream, first, last):
        """Was the range asked for (perhaps in several commands, perhaps with more around it)?"""
        missing = set(range(first, last + 1))
        for one, end in self.world.replays[stream.name]:
            missing -= set(range(one, end + 1))
        return not missing

    def booked_once(self, stream):
        """A finding for each document with two final outcomes that name different documents."""
        numbers = {}
        for one in self.outcomes(stream):
            if one["outcome"] == "BOOKED":
                numbers.setdefault((one["subject"], one["revision"]), set()).add(one.get("document"))
        for (subject, revision), documents in numbers.items():
            if len(documents) > 1:
                self.fault("tp1-env-004", f"{subject} revision {revision} was booked as {sorted(map(str, documents))}")

    # The end.

    def judge(self):
        """Findings that hold for every case, once it has ended."""
        for name in {stream.name for stream in self.streams}:
            self.faults += self.world.findings[name]
            for payload in self.world.receipts[name]:
                text = tp1.note_parts(payload)[0]
                if text not in self.good:
                    self.fault("tp1-rcp-002", f"cosigned what must not be: size {text.decode().splitlines()[1]} of {name}")
            for one in self.world.outcomes[name]:
                if not one[1]["subject"].startswith(f"{name}/"):
                    self.fault("tp1-out-001", f"an outcome of {one[1]['subject']} on the topic of {name}")
        return self.faults
