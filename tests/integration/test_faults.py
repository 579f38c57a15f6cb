"""test_faults - broker, ERP, network, disk, clock and certificates fail, each in its own way; nothing is lost or doubled.

After each fault the documents at the subscriber are the ERP's, each once by subject and revision, gapless, chains intact.
"""
import os
import shutil
import subprocess
import tempfile
import time
import unittest

import ledger
import pipeline
import servers

# CPU share that an agent may take while it waits for something broken: a busy loop takes all of a core.
CPU_SHARE_MAX = 0.10
CPU_WATCH_SECONDS = 4
# The whole look-back is not read again meanwhile: what is measured is the waiting.
CALM = {"reread": "1h"}


def cpu_share(agent):
    """CPU seconds per second over a while, of all its processes."""
    before, begun = sum(agent.cpu_seconds().values()), time.monotonic()
    time.sleep(CPU_WATCH_SECONDS)  # the measure is over time; there is no condition to wait for
    return (sum(agent.cpu_seconds().values()) - before) / (time.monotonic() - begun)


class Broker(unittest.TestCase):
    def test_restarted_without_its_memory(self):
        """While the subscriber is away the broker takes events for it, then is restarted without its disk: what it had
        acknowledged is gone. The agent learns it from its own session, which is gone too, and sends it again."""
        with pipeline.Pipeline(800, more={"uplink.in_flight": 4}) as line:
            line.agent.start()
            line.wait_received(100)
            line.stop_cloud()
            line.post("--documents", 60)
            acked = line.agent.status()["store"]["acked"]
            line.agent.wait("the broker took events for the absent subscriber",
                            lambda: line.agent.status()["store"]["acked"] > acked + 20)
            self.assertLess(len(line.received()), line.agent.status()["store"]["acked"])
            line.broker.halt()
            line.broker.forget()
            line.broker.start()
            line.start_cloud()
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])

    def test_stopped_and_started(self):
        with pipeline.Pipeline(800, more={"uplink.in_flight": 4}, source=CALM) as line:
            line.agent.start()
            line.wait_received(50)
            line.broker.restart()
            line.wait_received(300)
            line.broker.halt()
            line.post("--documents", 40)
            line.agent.wait("status says that the uplink is down", lambda: line.agent.status()["uplink"]["state"] != "up")
            self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
            line.broker.start()
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class AccessList(unittest.TestCase):
    def test_one_stream_is_refused(self):
        """One entity's topic is not allowed: its stream waits with an exception, the others flow; then it is allowed."""
        folder = tempfile.mkdtemp(prefix="twinpost-acl-")
        self.addCleanup(shutil.rmtree, folder)
        os.chmod(folder, 0o755)
        acl = os.path.join(folder, "acl")

        def write(*rules):
            with open(acl + ".new", "w", encoding="utf-8") as file:
                file.write("\n".join(rules) + "\n")
            os.chmod(acl + ".new", 0o644)
            os.rename(acl + ".new", acl)

        write("topic read tp1/#", "topic write tp1/acme/gw1/up/post/00001")
        with pipeline.Pipeline(400, lines=[f"acl_file {acl}"], source=CALM) as line:
            line.agent.start()
            mine = [s for s in line.expected() if s.startswith("00001/")]
            line.wait_received(len(mine))
            found = line.agent.wait("each refused stream has its exception",
                                    lambda: [e for e in line.agent.exceptions() if e["rule"] == "uplink-refused"])
            self.assertIn("0x87", found[0]["text"])
            self.assertEqual({s.split("/")[0] for s in line.received()}, {"00001"})
            self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
            write("topic readwrite tp1/#")
            line.broker.process.send_signal(1)  # SIGHUP: it reads its access list again
            line.wait_equal()
            line.agent.wait("the exceptions have ended", lambda: not line.agent.exceptions())
            line.agent.stop()
            self.assertEqual(line.judge(), [])

    def test_nobody_subscribes(self):
        """Reason 0x10: the broker would throw it away; the agent waits until somebody listens."""
        with pipeline.Pipeline(150, subscriber=False) as line:
            line.agent.start()
            line.agent.wait("an exception says that nobody listens",
                            lambda: [e for e in line.agent.exceptions() if e["rule"] == "uplink-no-subscriber"])
            line.start_cloud()
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class Network(unittest.TestCase):
    def test_half_open(self):
        """Packets vanish, connections stay open: found by the acknowledgement's deadline, and sent again."""
        with pipeline.Pipeline(800, more={"uplink.in_flight": 8}, proxy=True, source=CALM) as line:
            line.agent.start()
            line.wait_received(80)
            line.proxy.stall()
            line.post("--documents", 20)
            line.agent.wait("the silence is noticed", lambda: line.agent.status()["uplink"]["state"] != "up")
            self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
            line.proxy.drop()
            line.proxy.resume()
            line.wait_equal()
            for _ in range(5):
                line.proxy.drop()
                line.post("--documents", 4)
                line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class Erp(unittest.TestCase):
    def test_restarted_and_frozen(self):
        with servers.Postgres() as database:
            with pipeline.Pipeline(1500, database, source={"query_deadline": "5s", **CALM}) as line:
                line.agent.start()
                line.wait_received(100)
                database.restart(crash=True)
                line.wait_equal()
                database.halt()
                line.agent.wait("status says that the source is down",
                                lambda: line.agent.status()["sources"][0]["state"] == "waiting")
                self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
                database.start()
                line.post("--documents", 20)
                line.wait_equal()
                first = line.agent.child("source")
                database.freeze()
                try:
                    line.agent.wait("a child that hangs is killed", lambda: line.agent.child("source") != first)
                finally:
                    database.thaw()
                line.post("--documents", 20)
                line.wait_equal()
                line.agent.stop()
                self.assertEqual(line.judge(), [])


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class Disk(unittest.TestCase):
    def small_disk(self, mebibytes):
        folder = tempfile.mkdtemp(prefix="twinpost-disk-")
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", folder], check=True)

        def away():
            subprocess.run(["umount", "-l", folder], check=True)
            os.rmdir(folder)
        self.addCleanup(away)
        return folder

    def test_full(self):
        """Another program fills the disk under the agent's feet: it pauses, says so, and goes on when there is room."""
        folder = self.small_disk(24)
        with pipeline.Pipeline(600, more={"store.path": os.path.join(folder, "store.db"), "store.disk_reserve": "1MiB",
                                          "store.size_max": "16MiB"}, source=CALM) as line:
            line.agent.start()
            line.wait_received(20)
            ballast = os.path.join(folder, "ballast")
            with open(ballast, "wb") as file:
                try:
                    while True:
                        file.write(b"x" * 65536)
                        file.flush()
                except OSError:
                    pass
            line.post("--documents", 200)
            line.agent.wait("status says that pulling is paused", lambda: line.agent.status()["paused"])
            self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
            os.unlink(ballast)
            line.wait_equal()
            line.agent.wait("the pause is over", lambda: not line.agent.status()["paused"])
            line.agent.stop()
            self.assertEqual(line.judge(), [])

    def test_size_limit(self):
        """The store reaches its own limit while the broker is away: pulling pauses, nothing is dropped."""
        with pipeline.Pipeline(None, more={"store.size_max": "16MiB", "store.retention": 0}) as line:
            ledger.sample_erp("create", "--database", line.address, "--documents", 18000, "--seed", 5)
            line.broker.halt()
            line.agent.start()
            line.agent.wait("status says that pulling is paused", lambda: line.agent.status()["paused"], 90)
            line.broker.start()
            line.wait_equal(seconds=180)
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class Clock(unittest.TestCase):
    """The wall clock is stepped back an hour, and to 1970, under a running agent (libfaketime, monotonic untouched)."""

    def test_stepped(self):
        library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
        if not os.path.exists(library):
            self.skipTest("libfaketime is not installed")
        with pipeline.Pipeline(200) as line:
            stamp = os.path.join(line.directory, "clock")

            def step(text):
                with open(stamp + ".new", "w", encoding="utf-8") as file:
                    file.write(text + "\n")
                os.rename(stamp + ".new", stamp)

            step("+0")
            line.agent.start(environment={"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": stamp, "FAKETIME_NO_CACHE": "1",
                                          "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
            line.wait_equal()
            for offset in ("-1h", "-56y", "+0"):
                step(offset)
                line.post("--documents", 20, "--edit", 2)
                line.wait_equal()
            self.assertIn("clock-stepped", line.agent.tail(400))
            line.agent.stop()
            self.assertEqual(line.judge(), [])


class Certificates(unittest.TestCase):
    """Each bad certificate: a clear sentence, retries with pauses, no busy loop; then the right one, and all arrives."""

    def bad_server(self, arguments, *words):
        with pipeline.Pipeline(100, subscriber=False, source=CALM) as line:
            line.make_certificates("--server", "localhost,127.0.0.1", "--as", "bad", *arguments)
            line.broker.use_certificate("bad")
            line.broker.restart()
            line.agent.start()
            problem = line.agent.wait("status names the problem", lambda: line.agent.status()["uplink"].get("problem"))
            for word in words:
                self.assertIn(word, problem)
            self.assertLess(cpu_share(line.agent), CPU_SHARE_MAX)
            line.broker.use_certificate("server")
            line.broker.restart()
            line.start_cloud()
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])

    def test_expired(self):
        self.bad_server(["--expired"], "expired")

    def test_not_yet_valid(self):
        self.bad_server(["--not-yet-valid"], "not yet valid")

    def test_unknown_authority(self):
        self.bad_server(["--other-ca"], "unknown CA")

    def test_wrong_name(self):
        with pipeline.Pipeline(50, subscriber=False) as line:
            line.make_certificates("--server", "other.example", "--as", "bad")
            line.broker.use_certificate("bad")
            line.broker.restart()
            line.agent.start()
            problem = line.agent.wait("status names the problem", lambda: line.agent.status()["uplink"].get("problem"))
            self.assertIn("localhost", problem)

    def test_own_certificate_is_missing(self):
        with pipeline.Pipeline(100) as line:
            key = os.path.join(line.certificates, "client.key")
            os.rename(key, key + ".away")
            line.agent.start()
            problem = line.agent.wait("status names the problem", lambda: line.agent.status()["uplink"].get("problem"))
            self.assertIn("client.key", problem)
            os.rename(key + ".away", key)
            line.wait_equal()
            line.agent.stop()
            self.assertEqual(line.judge(), [])


if __name__ == "__main__":
    unittest.main()
