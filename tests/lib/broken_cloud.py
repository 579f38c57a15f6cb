"""broken_cloud.py - the sample cloud with one fault built in: BROKEN=NAME in the environment says which.

Why:   a judge that has never said "broken" proves nothing: each fault must be found by the cases that are meant to find it.
Rules: a fault is one function replaced; everything else is tools/sample-cloud as it is.
Runs in: tests/unit/test_conformance.py: broken_cloud.py receive ...
"""

import importlib.machinery
import importlib.util
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tools"))

from sample_cloud import book, event, mail, note, subscriber, trust  # noqa: E402

FAULTS = {}


def fault(name, *cases, perhaps=()):
    """Registers a fault and the cases that must find it; no other case may, but those that chance (a kill's moment) decides."""
    def register(function):
        FAULTS[name] = (function, set(cases), set(perhaps))
        return function
    return register


@fault("no-outcomes", "valid", "many", "duplicate", "gap", "reordered", "parts", "batch", "unanswered", "restarted/new-epoch", "killed")
def no_outcomes():
    """Never says what became of a document."""
    mail.Mail.tell = lambda *_, **__: None


@fault("session-forgotten", "killed")
def session_forgotten():
    """Each connection begins with a clean session: what came meanwhile is lost to it."""
    real = subscriber.mqtt.Client.connect

    def connect(self, *arguments, **more):
        return real(self, *arguments, **{**more, "clean_start": True})
    subscriber.mqtt.Client.connect = connect


@fault("acknowledged-early", "killed")
def acknowledged_early():
    """Acknowledges what is not durable: nothing is written before it ends, and a kill takes all of it."""
    book.Book.commit = lambda self: None


@fault("duplicate-stops", "duplicate", "batch", perhaps=["killed"])
def duplicate_stops():
    """Takes a repetition for a lie."""
    book.Book.again = lambda self, one, payload: self.stop("equivocation", one.source, one.sequence, "again")


@fault("lies-are-duplicates", "equivocation/event")
def lies_are_duplicates():
    """Does not compare a repetition."""
    book.Book.again = lambda self, one, payload: "duplicate"


@fault("books-twice", "duplicate", "batch", perhaps=["killed"])
def books_twice():
    """A repeated event is booked again, under another number."""
    real = book.Book.again

    def again(self, one, payload):
        result = real(self, one, payload)
        if result == "duplicate" and one.known:
            MAILS[0].tell(one.stream, one.subject, one.revision, "BOOKED", document=f"again-{os.urandom(4).hex()}")
        return result
    book.Book.again = again


MAILS = []
_mail_init = mail.Mail.__init__


def _init(self, *arguments, **more):
    _mail_init(self, *arguments, **more)
    MAILS.append(self)


mail.Mail.__init__ = _init


@fault("never-asks", "gap", "gap/tail", "restarted/same-store")
def never_asks():
    """Waits behind a gap for ever."""
    mail.Mail.ask = lambda self, alive: None


@fault("unsigned-commands", "gap", "gap/tail", "tampered/data", "restarted/same-store")
def unsigned_commands():
    """Commands carry the signature of something else."""
    note.Signer.sign = lambda self, text: text + b"\n" + self.line(text + b"x")


@fault("endless-commands", "gap", "gap/tail", "tampered/data", "restarted/same-store")
def endless_commands():
    """Commands that are valid for a year."""
    real = mail.command_text
    mail.command_text = lambda target, number, word, body, seconds=0: real(target, number, word, body, 365 * 86400)


@fault("changed-data-taken", "tampered/data", "tampered/id", "tampered/time", "tampered/chain")
def changed_data_taken():
    """Believes id and chain as they stand."""
    ids, real, claimed = event._event, book.Book.book, [None, None]

    def read(attributes, text):
        claimed[0] = attributes.get("id")
        return ids(attributes, text)

    def enter(self, one, payload, state):
        claimed[1] = one.chain
        return real(self, one, payload, state)
    event._event = read
    event.event_id = lambda subject, revision, digest, part=None: claimed[0]
    event.chain_link = lambda previous, leaf: claimed[1]
    book.Book.book = enter


@fault("any-signature", "tampered/signature", "tampered/both-lines", "tampered/stranger", "rotated/old-key", "rotated/forged")
def any_signature():
    """Does not look at signatures."""
    note.judge = lambda *_: "good"


@fault("any-key", "tampered/stranger", "rotated/old-key", "rotated/forged")
def any_key():
    """A note without a known key's line passes."""
    real = note.judge
    note.judge = lambda *arguments: "good" if real(*arguments) == "unsigned" else real(*arguments)


@fault("one-line-is-enough", "tampered/both-lines")
def one_line_is_enough():
    """A bad line of the known key does not matter beside a good one."""
    def judge(found, name, keys):
        results = {key.verifies(found.text, signature) for signer, number, signature in found.signatures for key in keys
                   if (signer, number) == (name, key.id)}
        return "good" if True in results else "bad signature" if results else "unsigned"
    note.judge = judge


@fault("tree-not-compared", "tampered/root", "tampered/chain-line", "equivocation/checkpoint", "older")
def tree_not_compared():
    """Cosigns whatever the agent signed."""
    def compare(self, found, source, size, _root, _chain):
        self.mail.post(f"receipt {source} {size} {os.urandom(4).hex()}", f"ack/{source.split(':')[4]}", self.signer.cosign(found), "puback")
        self.mail.proved(source, size)
        return "cosigned"
    trust.Trust.compare = compare


@fault("chain-line-not-compared", "tampered/chain-line")
def chain_line_not_compared():
    """Compares the root alone."""
    real = trust.Trust.compare
    trust.Trust.compare = lambda self, found, source, size, root, chain: real(self, found, source, size, root, self.book.chain(source, size))


@fault("ahead-is-dropped", "gap", "gap/tail", "reordered", "rotated", "restarted/same-store")
def ahead_is_dropped():
    """A checkpoint that is ahead is thrown away."""
    real = trust.Trust.checkpoint

    def checkpoint(self, topic, payload):
        result = real(self, topic, payload)
        if result == "held":
            self.book.run("DELETE FROM checkpoints WHERE state = 'held'")
        return result
    trust.Trust.checkpoint = checkpoint


@fault("older-is-dropped", "older")
def older_is_dropped():
    """A checkpoint below the last one is thrown away."""
    real, sizes = trust.Trust.compare, {}

    def compare(self, found, source, size, root, chain):
        if size < sizes.get(source, 0):
            return "held"
        sizes[source] = size
        return real(self, found, source, size, root, chain)
    trust.Trust.compare = compare


@fault("receipt-once", "duplicate")
def receipt_once():
    """Says nothing about a checkpoint that comes again."""
    real, seen = mail.Mail.post, set()

    def post(self, number, place, payload, until):
        if number not in seen:
            real(self, number, place, payload, until)
        if number.startswith("receipt"):
            seen.add(number)
    mail.Mail.post = post


@fault("never-rotates", "rotated", "rotated/old-key")
def never_rotates():
    """Stays with the pinned key."""
    trust.Trust.rotation = lambda self, one: None


@fault("old-key-lives", "rotated/old-key")
def old_key_lives():
    """All keys that were ever known may sign."""
    trust.Trust.keys_at = lambda self, source, size: list(self.keys.values())


@fault("any-death-kills", "restarted/same-store")
def any_death_kills():
    """Takes the last will of an earlier start for that of this one."""
    real = trust.Trust.death
    trust.Trust.death = lambda self, boot: real(self, self.boot)


@fault("long-messages", "many", perhaps=["killed"])
def long_messages():
    """Puts all outcomes into one message."""
    mail.OUTCOMES_MAX = 100000


@fault("never-repeats", "unanswered")
def never_repeats():
    """Says every outcome once."""
    real = subscriber.Subscriber.publish

    def publish(self, client):
        self.options.repeat = 1e9
        real(self, client)
    subscriber.Subscriber.publish = publish


@fault("other-bytes-again", "unanswered", perhaps=["killed"])
def other_bytes_again():
    """A repetition has a new time in it."""
    flush = mail.Mail.flush

    def change(self):
        flush(self)
        self.book.run("UPDATE outgoing SET payload = CAST(CAST(payload AS TEXT) || ' ' AS BLOB) WHERE until = 'answer'")
    mail.Mail.flush = change


@fault("parts-are-documents", "parts")
def parts_are_documents():
    """Answers each part as if it were the document."""
    real = mail.Mail.event

    def each(self, one, result, whole):
        if one.part < one.parts:
            self.tell(one.stream, one.subject, one.revision, "BOOKED", document=f"part-{one.part}")
        return real(self, one, result, whole)
    mail.Mail.event = each


@fault("batches-ignored", "batch")
def batches_ignored():
    """Does not know batches."""
    def members(payload):
        found = event.parse(payload)
        return [(found, payload)]
    event.members = members


@fault("strict-attributes", "evolution")
def strict_attributes():
    """Refuses an attribute it does not know."""
    real = event._check

    def check(attributes):
        if set(attributes) - set(event._REQUIRED) - {"part"}:
            raise event.BadEvent("an unknown attribute")
        real(attributes)
    event._check = check


@fault("books-the-unknown", "evolution")
def books_the_unknown():
    """Books documents of types it does not understand."""
    event.Event.known = property(lambda self: self.word not in ("control", "key"))


@fault("new-epoch-books-again", "restarted/new-epoch")
def new_epoch_books_again():
    """A document that an older epoch had is booked anew, under another number."""
    real = mail.Mail.tell

    def tell(self, stream, subject, revision, outcome, **more):
        if outcome == "DUPLICATE":
            outcome, more = "BOOKED", {"document": f"new-{os.urandom(4).hex()}"}
        real(self, stream, subject, revision, outcome, **more)
    mail.Mail.tell = tell


@fault("rubbish-kills", "invalid")
def rubbish_kills():
    """A message that is no note stops its stream."""
    real = trust.Trust.doubt

    def doubt(self, kind, text):
        if kind == "bad note":
            for source in self.book.streams:
                if source.split(":")[4] == "invalid":
                    self.book.streams[source].stopped = kind
        return real(self, kind, text)
    trust.Trust.doubt = doubt
    members = event.members

    def open_first(payload):
        try:
            return members(payload)
        except event.BadEvent:
            books = MAILS[0].book
            source = f"urn:twinpost:{MAILS[0].agent.replace('/', ':')}:invalid:1700000000"
            books.stream(source, "invalid").stopped = "rubbish"
            raise
    event.members = open_first


@fault("arrival-order", "gap", "gap/tail", "reordered", "restarted/same-store")
def arrival_order():
    """Does not wait for what is missing: what comes behind a gap is thrown away, and nobody is asked."""
    book.Book.wait = lambda self, one, payload: "waiting"
    mail.Mail.ask = lambda self, alive: None


def main():
    """sample-cloud with the fault."""
    FAULTS[os.environ["BROKEN"]][0]()
    loader = importlib.machinery.SourceFileLoader("sample_cloud_cli", os.path.join(ROOT, "tools", "sample-cloud"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("sample_cloud_cli", loader))
    loader.exec_module(module)
    return module.main()


if __name__ == "__main__":
    sys.exit(main())
