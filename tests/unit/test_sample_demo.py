"""test_sample_demo.py - the demo ends equal and leaves nothing behind, also when it is interrupted or a part dies.

Why:   it is the first thing that anybody sees of the product.
Rules: the part after setup and build is run (tools/demo.py), with few documents; its directories are found by their names.
Runs in: tools/test (unit); needs the built agent.
"""

import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import servers  # noqa: E402


class DemoTest(unittest.TestCase):
    """tools/demo.py."""

    def setUp(self):
        # A temporary directory of its own, which unprivileged servers may pass through.
        self.directory = tempfile.TemporaryDirectory(prefix="twinpost-test-demo-")
        self.addCleanup(self.directory.cleanup)
        os.chmod(self.directory.name, 0o755)

    def start(self, *arguments):
        """The demo, its temporary files in the test's directory."""
        return subprocess.Popen(["/usr/bin/python3", "-B", os.path.join(ROOT, "tools", "demo.py"), *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
                                env=dict(os.environ, TMPDIR=self.directory.name))

    def family(self, pid):
        """All descendants of a process."""
        found = servers.children_of(pid)
        for child in list(found):
            found += self.family(child)
        return found

    def test_ends_equal_and_leaves_nothing(self):
        """200 documents and 50 more: equal, intact, exit 0, plain text, no directory left."""
        demo = self.start("--documents", "200")
        out = demo.communicate(timeout=120)[0]
        self.assertEqual(demo.returncode, 0, out)
        self.assertIn("equal on both sides", out)
        self.assertIn("250 of 250 at the cloud", out)
        self.assertNotIn("≠", out)
        self.assertNotIn("\033", out)
        self.assertRegex(out, r"intact: 250 documents in \d+ events of 6 streams")
        self.assertEqual(os.listdir(self.directory.name), [])

    def test_interrupted(self):
        """SIGINT while it runs: exit 130, no process and no directory left."""
        demo = self.start("--documents", "20000")
        servers.wait_for("the agent runs", lambda: [pid for pid in self.family(demo.pid) if b"run\0--config" in cmdline(pid)])
        family = self.family(demo.pid)
        demo.send_signal(signal.SIGINT)
        out = demo.communicate(timeout=60)[0]
        self.assertEqual(demo.returncode, 130, out)
        self.assertFalse([pid for pid in family if servers.alive(pid)])
        self.assertEqual(os.listdir(self.directory.name), [])

    def test_a_part_dies(self):
        """The broker killed: exit 1, the reason and the logs' last lines, the logs kept, no process left."""
        demo = self.start("--documents", "20000")
        brokers = servers.wait_for("the agent runs", lambda: self.family(demo.pid) and [
            pid for pid in self.family(demo.pid) if b"run\0--config" in cmdline(pid)] and [
            pid for pid in self.family(demo.pid) if b"mosquitto.conf" in cmdline(pid)])
        family = self.family(demo.pid)
        os.kill(brokers[0], signal.SIGKILL)
        out = demo.communicate(timeout=60)[0]
        self.assertEqual(demo.returncode, 1, out)
        self.assertIn("failed: the broker ended", out)
        kept = re.search(r"the logs are kept in (\S+)", out)
        self.assertTrue(kept and os.path.isdir(kept.group(1)), out)
        self.assertFalse([pid for pid in family if servers.alive(pid)])

    def test_keep(self):
        """--keep: exit 0, everything runs on, and the printed commands work by the settings; the last of them ends all of it."""
        demo = self.start("--documents", "100", "--keep")
        out = demo.communicate(timeout=120)[0]
        self.assertEqual(demo.returncode, 0, out)
        begin = re.search(r"^    (cd \S+/middleware && \. \./settings)$", out, re.M).group(1)

        def run(command):
            return subprocess.run(["bash", "-c", f"{begin} && {command}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  timeout=120, check=False)
        pids = [int(pid) for pid in run('echo "$agent_pid $cloud_pid $broker_pid"').stdout.split()]
        self.addCleanup(end_all, pids)
        commands = re.findall(r"^    ((?:twinpost|erp|cloud|tail|stop_demo)\b.*?)(?:   *.*)?$", out.split(begin)[1], re.M)
        self.assertEqual(len(commands), 16, out)
        self.assertTrue(all(servers.alive(pid) for pid in pids))
        for command in commands[:-1]:
            if not command.startswith("tail"):
                done = run(command)
                self.assertIn(done.returncode, (0, 3), f"{command}: {done.stdout}")
        self.assertTrue(os.path.exists(run('echo "$agent_log"').stdout.strip()))
        self.assertIn("subscribe", run("type mosquitto_sub sample-erp verify.sh && echo subscribe").stdout)
        self.assertEqual(run(commands[-1]).returncode, 0)
        servers.wait_for("all of it ends", lambda: not any(servers.alive(pid) for pid in pids))
        servers.wait_for("the directories are gone", lambda: not glob.glob(os.path.join(self.directory.name, "*")))


def end_all(pids):
    """What still runs of the demo's processes is killed: a test that failed leaves none behind."""
    for pid in pids:
        if servers.alive(pid):
            os.kill(pid, signal.SIGKILL)


def cmdline(pid):
    """A process's command line, empty when it is gone."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    unittest.main()
