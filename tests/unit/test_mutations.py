"""test_mutations.py - 10,000 random mutations of a valid run against the sample cloud.

Why:   see tests/lib/mutations.py; the seed of a failure is in its words: mutations.Mutation(recording, SEED) makes it again.
Rules: parsing and signatures are remembered by their bytes (they have no state), so that the time goes into decisions.
Runs in: tools/test (unit), under 60 s.
"""

import functools
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import mutations  # noqa: E402
import py_core  # noqa: E402
import tp1  # noqa: E402
from sample_cloud import event as events  # noqa: E402
from sample_cloud import note as notes  # noqa: E402

PLAIN = {"booked", "duplicate", "cosigned", "noted", None}


class MutationTest(unittest.TestCase):
    """The Python consumer."""

    def setUp(self):
        self.recording = mutations.Recording()
        self.pinned, self.signer = py_core.keys(self.recording.agent, self.recording.cloud)
        for owner, name in ((events, "members"), (events, "parse"), (notes.PublicKey, "verifies"), (notes.PublicKey, "of_der"),
                            (notes.Signer, "line")):
            real = owner.__dict__[name]
            quick = functools.lru_cache(maxsize=2000)(getattr(owner, name))
            setattr(owner, name, staticmethod(quick) if isinstance(real, classmethod) else quick)
            self.addCleanup(setattr, owner, name, real)

    def answer(self, messages):
        """What a fresh consumer makes of the messages."""
        consumer = py_core.Consumer(self.pinned, self.signer)
        verdicts = {consumer.take(topic, payload) for topic, payload in messages}
        texts = {tp1.note_parts(payload)[0] for number, _, payload in consumer.outgoing() if number.startswith("receipt")}
        heads = {source: (state.next - 1, state.chain.hex()) for source, state in consumer.book.streams.items()}
        consumer.close()
        return bool(verdicts - PLAIN), texts, heads

    def test_the_run_is_valid(self):
        """Without a mutation: nothing is named, every receipt comes."""
        named, texts, heads = self.answer(self.recording.messages)
        self.assertEqual((named, texts), (False, self.recording.texts))
        self.assertEqual({source: chain for source, (_, chain) in heads.items()}, self.recording.heads)

    def test_ten_thousand_mutations(self):
        """Each is named or has done nothing; nothing wrong is ever held or cosigned."""
        counts = mutations.run(self.recording, self.answer, 1)
        for kind, judgement in sorted(counts):
            print(f"# {kind:<7} {judgement:<16} {counts[kind, judgement]:5}")
        self.assertEqual(sum(counts.values()), mutations.COUNT)
        self.assertGreater(sum(count for (_, judgement), count in counts.items() if judgement == "named"), 8000)


if __name__ == "__main__":
    unittest.main()
