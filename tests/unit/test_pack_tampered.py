#!/usr/bin/env python3
"""test_pack_tampered.py - a good pack of a comparison with one thing changed: refused by both verifiers, each time.

Why:   whoever holds a pack has an interest in it.
Rules: files, lines, names, links, manifest, note, signatures, secret and root; with the old signature, and with a new one where a
       forger has the key.
Runs in: tools/test (unit); bash, sha256sum, openssl.
"""
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import packs  # noqa: E402
from pack_case import AGENT, NAME, STRANGER, PackCase  # noqa: E402


class TamperedPacks(PackCase):
    """Copies of one good pack, each with one thing changed."""

    def setUp(self):
        super().setUp()
        self.good = packs.pack(packs.result(9, True), [(NAME, AGENT)])

    def refuse(self, files, text, key="agent"):
        self.both_refuse(self.place(files), text, key)

    def test_each_file(self):
        """In every file: a byte changed at its begin, middle and end, a byte more, cut, empty, gone."""
        for name, data in self.good.items():
            places = {0, len(data) // 2, len(data) - 2} if data else set()
            copies = [data[:place] + bytes([data[place] ^ 1]) + data[place + 1:] for place in places]
            for copy in [*copies, data + b" ", data + b"\n", data[:-1], b""]:
                if copy != data:
                    status, out, err = self.verify(self.place({**self.good, name: copy}))
                    self.assertEqual(status, 1, (name, out, err))
            self.refuse({**self.good, name: data[:len(data) // 2] + b"\xff" + data[len(data) // 2:]}, "NOT GOOD")
            self.refuse({key: value for key, value in self.good.items() if key != name}, "missing file|is no file|rules: the files")

    def test_lines(self):
        """Lines of a file dropped, doubled, swapped; each changed file is named."""
        for name in ("documents.ndjson", "differences.ndjson", "MANIFEST"):
            rows = self.good[name].splitlines(True)
            for changed in (rows[1:], rows[:-1], rows + rows[-1:], [rows[1], rows[0], *rows[2:]]):
                self.refuse({**self.good, name: b"".join(changed)}, "changed file: " + name if name != "MANIFEST" else "MANIFEST|extra file")

    def test_strangers_in_the_folder(self):
        """Extra files, links, pipes, folders too deep, names that lead out: refused, none of them followed."""
        self.refuse({**self.good, "extra.txt": b"x"}, "extra file: extra.txt")
        self.refuse({**self.good, "rules/more.csv": b"x"}, "extra file: rules/more.csv")
        self.refuse({**self.good, ".hidden": b"x"}, "\\.hidden")
        self.refuse({**self.good, "a b": b"x"}, '"a b"')
        self.refuse({**self.good, "a/b/c": b"x"}, "a/b")
        folder = self.place({name: data for name, data in self.good.items() if name != "tax.ndjson"})
        os.symlink(self.write("tax", self.good["tax.ndjson"]), os.path.join(folder, "tax.ndjson"))
        self.both_refuse(folder, "tax.ndjson is a link")
        folder = self.place(self.good)
        os.mkfifo(os.path.join(folder, "pipe"))
        self.both_refuse(folder, "pipe is no file")

    def test_manifest_paths(self):
        """A manifest whose paths lead out, are absolute, twice, out of order, or of files that no manifest holds."""
        digest = packs.sha256(b"")
        manifest = self.good["MANIFEST"].decode()
        for line in ("../tax.ndjson", "/etc/passwd", "rules/../tax.ndjson", "./tax.ndjson", "a//b", "-c", "a\\b", ""):
            rows = sorted([*manifest.splitlines(), f"{digest}  {line}"], key=lambda row: row[66:])
            self.refuse(self.again({**self.good, "MANIFEST": ("\n".join(rows) + "\n").encode()}), "MANIFEST: line")
        rows = manifest.splitlines(True)
        for text in ("".join(rows[::-1]), manifest + rows[-1], manifest.replace("  run.json", " *run.json"), manifest.upper(), manifest[:-1]):
            self.refuse(self.again({**self.good, "MANIFEST": text.encode()}), "MANIFEST")
        for name in ("MANIFEST", "pack.note"):
            rows = sorted([*manifest.splitlines(), f"{digest}  {name}"], key=lambda row: row[66:])
            self.refuse(self.again({**self.good, "MANIFEST": ("\n".join(rows) + "\n").encode()}), "which no manifest holds|MANIFEST")

    def again(self, files, signers=((NAME, AGENT),), change=lambda text: text):
        """The same files with a note made anew: what somebody who has the key could do."""
        text = change(packs.statement(files, NAME).decode()).encode()
        return {**files, "pack.note": text + b"\n" + b"".join(packs.signature_line(text, *signer) for signer in signers)}

    def test_notes(self):
        """Other keys, other packs' signatures, bent signatures, texts that say something else than the files."""
        note = self.good["pack.note"]
        self.refuse(self.good, "not signed by the given key", "stranger")
        self.refuse(self.again(self.good, [(NAME, STRANGER)]), "not signed by the given key")
        other = packs.pack(packs.result(8), [(NAME, AGENT)])["pack.note"]
        self.refuse({**self.good, "pack.note": other}, 'the note says "')
        mixed = note[:note.index(b"\n\n") + 2] + other[other.index(b"\n\n") + 2:]
        self.refuse({**self.good, "pack.note": mixed}, "does not fit the text")
        self.refuse({**self.good, "pack.note": note.replace(b"\n\n", b"\n")}, "no signed note")
        for was, becomes in (("verdict breaks", "verdict reconciled"), ("run 000007", "run 000008"), ("cloud 10 13", "cloud 10 14"),
                             ("stream 1795277244 10", "stream 1795277244 11"), ("2026-11-21T", "2026-11-22T"), ("periods 2026-09", "periods 2026-08"),
                             (f"{NAME}/compare\n20\n", f"{NAME}/compare\n19\n"), ("rules ", "rules a"), ("manifest ", "manifest 0000")):
            text = packs.statement(self.good, NAME).decode()
            self.assertIn(was, text)
            changed = {**self.good, "pack.note": note.replace(was.encode(), becomes.encode())}
            self.refuse(changed, "does not fit the text")
            forged = self.again(self.good, change=lambda text, was=was, becomes=becomes: text.replace(was, becomes))
            status, out, _ = self.verify(self.place(forged))
            self.assertEqual(status, 1)
            self.assertRegex(out, 'the note says "|the note is not the note of a comparison')
        self.refuse(self.again(self.good, change=lambda text: text.replace("/compare", "/checkpoint")), "another form")
        self.refuse(self.again(self.good, change=lambda text: text + "more\n"), "another form")

    def test_secret_and_root(self):
        """Another secret, another root, with a manifest and a note that fit them."""
        for name, data in (("pack.secret", b"0" * 64 + b"\n"), ("pack.secret", b"x" * 64 + b"\n"), ("documents.root", b"20\n" + b"A" * 43 + b"=\n")):
            files = {**self.good, name: data}
            files["MANIFEST"] = packs.manifest(files)
            text = packs.statement(self.good, NAME).decode().replace(packs.sha256(self.good["MANIFEST"]), packs.sha256(files["MANIFEST"])).encode()
            files["pack.note"] = text + b"\n" + packs.signature_line(text, NAME, AGENT)
            self.refuse(files, "root|pack.secret")


if __name__ == "__main__":
    unittest.main()
