"""test_mutations_js.py - 10,000 random mutations of a valid run against the reference consumer's core.

Why:   see tests/lib/mutations.py; the seed of a failure is in its words. Other seeds than the Python consumer's.
Runs in: tools/test (unit), under 60 s; needs node.
"""

import base64
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import js_core  # noqa: E402
import mutations  # noqa: E402

PLAIN = {"accept", "duplicate", "ignored"}


@unittest.skipUnless(js_core.NODE, "node is not installed")
class MutationTest(unittest.TestCase):
    """The JavaScript consumer."""

    def setUp(self):
        self.recording = mutations.Recording()
        self.core = js_core.JsCore(self.recording.agent.public_pem, self.recording.cloud.private_pem)
        self.addCleanup(self.core.close)
        self.places = {message: place for place, message in enumerate(self.recording.messages)}
        self.core.ask({"record": [self.coded(message) for message in self.recording.messages]})

    @staticmethod
    def coded(message):
        """A message as the driver reads it."""
        return {"topic": message[0], "payload": base64.b64encode(message[1]).decode()}

    def answer(self, messages):
        """What a fresh core makes of the messages."""
        found = self.core.ask({"brief": True, "options": self.core.options,
                               "messages": [self.places[message] if message in self.places else self.coded(message)
                                            for message in messages]})
        return (bool(set(found["verdicts"]) - PLAIN), {text.encode() for text in found["receipts"]},
                {source: tuple(head) for source, head in found["heads"].items()})

    def test_the_run_is_valid(self):
        """Without a mutation: nothing is named, every receipt comes."""
        named, texts, heads = self.answer(self.recording.messages)
        self.assertEqual((named, texts), (False, self.recording.texts))
        self.assertEqual({source: chain for source, (_, chain) in heads.items()}, self.recording.heads)

    def test_ten_thousand_mutations(self):
        """Each is named or has done nothing; nothing wrong is ever held or cosigned."""
        counts = mutations.run(self.recording, self.answer, 1000001)
        for kind, judgement in sorted(counts):
            print(f"# {kind:<7} {judgement:<16} {counts[kind, judgement]:5}")
        self.assertEqual(sum(counts.values()), mutations.COUNT)
        self.assertGreater(sum(count for (_, judgement), count in counts.items() if judgement == "named"), 8000)


if __name__ == "__main__":
    unittest.main()
