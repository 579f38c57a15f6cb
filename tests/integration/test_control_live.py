"""test_control_live.py - what a person changes with the command line, on the real agent, a real broker and a real consumer.

Why:   the parts are tested each by itself; here an order of a person must arrive in the cloud, and be kept in the audit.
Shows: a replay and a resend go out; a changed key is followed by the consumer, which goes on cosigning; an exception in hand;
       who asked, as the kernel tells it; the chain of the audit, rebuilt with hashlib.
Runs in: tools/test (integration).
"""

import hashlib
import json
import os
import pwd
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import packs  # noqa: E402
import pipeline  # noqa: E402

QUICK = {"uplink.checkpoint_period": "1s", "uplink.heartbeat": "5s"}


class Changes(unittest.TestCase):
    """The command line's changing words."""

    def must(self, line, *words):
        code, out = line.agent.command(*words)[:2]
        self.assertEqual(code, 0, f"{words}: {out}")
        return out

    def receipts(self, line):
        return {s["name"]: s["receipt"] for s in line.agent.status()["queue"]["streams"]}

    def test_sending_again(self):
        """Replay and resend are queued, sent and over; every document is in the cloud once."""
        with pipeline.Pipeline(100, more=QUICK) as line:
            line.agent.start()
            line.wait_equal()
            stream = line.agent.status()["queue"]["streams"][0]["name"]
            out = self.must(line, "replay", stream, "1..3", "--why", "lost by the consumer")
            self.assertIn("3 events of stream", out)
            line.agent.wait("the replay is over", lambda: line.agent.status()["queue"]["replays"] == 0)
            self.must(line, "resend", "00000/customer/0/4001", "--why", "lost by the consumer")
            line.agent.wait("the resend is over", lambda: line.agent.status()["queue"]["replays"] == 0)
            code, out = line.agent.command("replay", stream, "999999999", "--why", "x")[:2]
            self.assertEqual(code, 4, out)
            self.assertEqual(line.judge(), [])

    def test_changing_the_key(self):
        """The public key is PEM that openssl reads; after a change the consumer follows and cosigns what comes next."""
        with pipeline.Pipeline(60, more=QUICK) as line, tempfile.TemporaryDirectory() as folder:
            line.agent.start()
            line.wait_equal()
            path = os.path.join(folder, "agent.pem")
            self.must(line, "key", "export-public", path)
            der = subprocess.run(["openssl", "pkey", "-pubin", "-in", path, "-outform", "DER"], check=True,
                                 capture_output=True).stdout
            before = json.loads(self.must(line, "key", "show", "--json"))
            self.assertEqual(hashlib.sha256(der).hexdigest(), before["sha256"])
            self.assertTrue(before["since"])
            after = json.loads(self.must(line, "key", "rotate", "--why", "yearly change", "--json"))
            self.assertEqual((after["old_sha256"], after["rotations"]), (before["sha256"], 1))
            self.assertNotEqual(after["sha256"], before["sha256"])
            had = self.receipts(line)
            line.post("--documents", "20")
            line.wait_equal()
            line.agent.wait("receipts under the new key",
                            lambda: any(size > had[name] for name, size in self.receipts(line).items()))
            line.agent.stop()
            line.agent.start()
            self.assertEqual(json.loads(self.must(line, "key", "show", "--json"))["sha256"], after["sha256"])

    def test_signing_a_comparison(self):
        """The agent signs a pack, which openssl verifies; who asked is in the audit; a cut that is ahead of the agent is not signed."""
        with pipeline.Pipeline(60, more=QUICK) as line, tempfile.TemporaryDirectory() as folder:
            line.agent.start()
            line.wait_equal()
            stream = line.agent.status()["queue"]["streams"][0]
            files = packs.result(5, True)
            run = json.loads(files["run.json"])
            for name, sequence in (("good", stream["acked_sequence"]), ("ahead", stream["next_sequence"] + 1000000)):
                run["cut"]["legacy"]["streams"] = [{"epoch": 0 if name == "good" else 4102444800, "name": stream["name"], "sequence": sequence}]
                packs.write(os.path.join(folder, name), {**files, "run.json": packs.canonical(run) + b"\n"})
            self.assertIn("breaks", self.must(line, "compare", "sign", os.path.join(folder, "good")))
            code, _, err = line.agent.command("compare", "sign", os.path.join(folder, "ahead"))[:3]
            self.assertEqual(code, 1)
            self.assertIn("than this agent has recorded", err)
            key, pack = os.path.join(folder, "agent.pem"), os.path.join(folder, "good.pack")
            self.must(line, "key", "export-public", key)
            self.must(line, "compare", "verify", pack, "--key", key)
            subprocess.run(["bash", os.path.join(ROOT, "docs", "compare", "verify", "verify-pack.sh"), pack, "--key", key], check=True,
                           capture_output=True)
            entry = json.loads(self.must(line, "audit", "--json"))["entries"][0]
            self.assertEqual(entry["action"], "comparison signed")
            self.assertEqual(entry["target"], f"run 000007 breaks manifest {packs.sha256(packs.read(pack)['MANIFEST'])}")

    def test_the_audit(self):
        """Who, what and why are kept over a restart, and the chain is what hashlib makes of it."""
        with pipeline.Pipeline(60, more=QUICK, cloud_options=["--reject", "5"]) as line:
            line.agent.start()
            line.wait_equal()
            line.agent.wait("an exception", lambda: line.agent.exceptions())
            one = str(line.agent.exceptions()[0]["id"])
            self.must(line, "exceptions", "ack", one, "--why", "asked the billing team")
            self.must(line, "exceptions", "note", one, "they mend it")
            line.agent.stop()
            line.agent.start()
            shown = json.loads(self.must(line, "exceptions", "show", one, "--json"))
            self.assertEqual(shown["note"], "they mend it")
            audit = json.loads(self.must(line, "audit", "--json"))
            name = pwd.getpwuid(os.getuid()).pw_name
            mine = [e for e in audit["entries"] if e["action"].startswith("exception")]
            self.assertEqual([e["who"] for e in mine], [f"{name} (uid {os.getuid()})"] * 2)
            link = hashlib.sha256(b"tp1/audit/v1\n").hexdigest()
            for entry in reversed(audit["entries"]):
                fields = [link, str(entry["id"])] + [entry[k] for k in ("at", "who", "action", "target", "why")]
                link = hashlib.sha256("".join(f + "\n" for f in fields).encode()).hexdigest()
                self.assertEqual(link, entry["hash"])
            self.assertEqual(link, audit["head"])
            self.assertTrue(self.must(line, "audit", "verify").startswith("good: "))


if __name__ == "__main__":
    unittest.main()
