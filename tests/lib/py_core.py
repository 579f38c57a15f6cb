"""py_core.py - the sample cloud without a network: runs of messages in, verdicts, receipts and heads out.

Owns:  one database in memory for each run.
Runs in: tests; needs python3-cryptography.
"""

import os
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tools"))

from sample_cloud import book as books  # noqa: E402
from sample_cloud import mail as mails  # noqa: E402
from sample_cloud import note as notes  # noqa: E402
from sample_cloud import trust as trusts  # noqa: E402


class Mail(mails.Mail):
    """Says nothing aloud."""

    @staticmethod
    def say(text):
        """For a person; here for nobody."""


class Consumer:
    """One sample cloud; gap patience is nought, so that ask() asks."""

    def __init__(self, pinned, signer, path=":memory:", agent="acme/gw1", **options):
        self.book = books.Book(path, create=True)
        self.mail = Mail(self.book, agent, signer, **{"patience": 0.0, **options})
        self.trust = trusts.Trust(self.book, agent, pinned, signer, self.mail)

    def take(self, topic, payload):
        """The verdict of a message."""
        kind = topic.split("/")[4]
        if kind in ("post", "replay"):
            return self.book.take(topic, payload)
        if kind == "ckpt":
            return self.trust.checkpoint(topic, payload)
        return self.trust.state(payload) if kind == "state" else self.mail.answer(payload) if kind == "res" else None

    def settle(self):
        """What the subscriber does before each commit."""
        self.mail.decide()
        self.mail.flush()
        self.mail.ask(self.trust.alive)
        self.book.commit()

    def outgoing(self):
        """[(id, topic, payload)]"""
        return self.book.rows("SELECT id, topic, payload FROM outgoing ORDER BY rowid")

    def heads(self):
        """{source: (size, chain, root, stopped)}"""
        return {source: (state.next - 1, state.chain.hex(), self.book.root(source, state.next - 1).hex(), bool(state.stopped))
                for source, state in self.book.streams.items()}

    def close(self):
        """Ends it."""
        self.book.commit()
        self.book.connection.close()


def keys(agent, cloud):
    """(pinned, signer) of two tp1 keys."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(cloud.private_pem)
        file.flush()
        signer = notes.Signer(file.name, "cloud")
    return notes.PublicKey.of_der(agent.spki), signer
