#!/usr/bin/env python3
"""test_cli - the command line as a person and a script meet it, against an agent that this test plays.

What is shown: exit statuses, what goes to standard output and what to standard error, that nothing from outside can steer
a terminal, that every way of not reaching the agent says what to try, and `config check` with real files.
"""
import json
import os
import pty
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWINPOST = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")

STATUS = {
    "version": "0.1.0", "tenant": "acme", "gateway": "plant-1", "config": "/etc/twinpost/twinpost.yaml",
    "now": "2024-02-29T09:30:05.000Z", "started": "2024-02-29T09:28:35.000Z", "uptime_s": 90, "paused": None,
    "sources": [{"name": "erp", "state": "idle", "paused": False, "dbms": "PostgreSQL 15.6", "driver": "psqlodbcw.so",
                 "problem": "", "retry_in_s": 0, "feeds": [
                     {"name": "journal", "stopped": False, "why": "", "documents": 12345, "rows": 54321,
                      "newest": "2024-02-29 10:00:00", "catching_up": False, "last_cycle": "2024-02-29T09:30:02.000Z",
                      "last_cycle_age_s": 3}]}],
    "uplink": {"state": "up", "host": "broker.example.com", "port": 8883, "mqtt": "5", "tls": "TLSv1.3", "problem": "",
               "retry_in_s": 0, "window": 16, "in_flight": 3, "sent": 12, "acked": 1234567, "connections": 1},
    "queue": {"streams": [{"name": "00001", "waiting": 1234, "bytes": 1048576, "acked_sequence": 6, "next_sequence": 1241,
                           "oldest": "2024-02-29T09:25:05.000Z", "oldest_age_s": 300}],
              "waiting": 1234, "bytes": 1048576, "oldest": "2024-02-29T09:25:05.000Z", "oldest_age_s": 300},
    "store": {"path": "/var/lib/twinpost/store.db", "used": 1 << 30, "size_max": 4 << 30, "disk_free": 20 << 30,
              "full": False, "documents": 4711, "acked": 9},
    "exceptions": {"open": 0, "counted": 0, "by_owner": {"technical": 0, "data_quality": 0, "mapping": 0, "policy": 0}},
    "problems": [], "health": "healthy", "headline": "All sources are read and the broker takes the events"}


def changed(**members):
    return {**STATUS, **members}


class PlayedAgent:
    """Listens on a socket and answers every line with what `answers` gives for its command: an object is the data, bytes are
    sent as they are, None closes the connection, "silence" keeps it open."""

    def __init__(self, path, answers):
        self.requests = []
        self.answers = answers
        self.open = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            line = connection.makefile("rb").readline()
            request = json.loads(line)
            self.requests.append(request)
            answer = self.answers(request)
            if isinstance(answer, dict):
                answer = json.dumps({"v": 1, "ok": True, "data": answer}).encode() + b"\n"
            if answer == "silence":
                self.open.append(connection)
                continue
            if answer:
                connection.sendall(answer)
            connection.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()
        for connection in self.open:
            connection.close()


class CliTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.socket = os.path.join(self.folder, "s")

    def play(self, answers):
        agent = PlayedAgent(self.socket, answers if callable(answers) else lambda request: answers)
        self.addCleanup(agent.close)
        return agent

    def run_cli(self, *arguments, **environment):
        env = {k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "TWINPOST_PROFILES")}
        done = subprocess.run([TWINPOST, *arguments], capture_output=True, text=True, timeout=60, env={**env, **environment},
                              stdin=subprocess.DEVNULL, cwd=self.folder)
        return done.returncode, done.stdout, done.stderr

    def ask(self, *arguments):
        return self.run_cli("--socket", self.socket, *arguments)

    def test_status(self):
        """Exit 0 and 3; the headline first; what is wrong with what to do; no escape sequence in a pipe."""
        agent = self.play(lambda request: STATUS if len(agent.requests) == 1 else changed(
            health="degraded", headline="2 exceptions are open",
            problems=[{"code": "exceptions-open", "object": "exceptions", "text": "2 exceptions are open",
                       "hint": "See them with: twinpost exceptions"}]))
        status, out, err = self.ask("status")
        self.assertEqual((status, err), (0, ""))
        self.assertTrue(out.startswith("healthy: All sources are read and the broker takes the events\n"
                                       "acme/plant-1, twinpost 0.1.0, up 90 s since 2024-02-29T09:28:35Z\n"), out)
        self.assertIn("  up at broker.example.com:8883, MQTT 5, TLSv1.3, 3 of 16 in flight, 1,234,567 delivered", out)
        self.assertIn("  1,234 waiting, the oldest for 5 min\n", out)
        self.assertIn("  4,711 documents, 1.0 GiB of 4.0 GiB used (25 %), 20.0 GiB free on the disk\n", out)
        self.assertNotIn("\033", out)
        status, out, err = self.ask("status")
        self.assertEqual((status, err), (3, ""))
        self.assertTrue(out.startswith("degraded: 2 exceptions are open\n"), out)
        self.assertIn("  - 2 exceptions are open\n    See them with: twinpost exceptions\n", out)

    def test_json_is_the_answer(self):
        """--json prints the data of the answer, whole; the exit status is the same."""
        self.play(changed(health="starting"))
        status, out, _ = self.ask("status", "--json")
        self.assertEqual(status, 3)
        self.assertEqual(json.loads(out), changed(health="starting"))

    def test_requests(self):
        """Each command sends what the protocol documents."""
        agent = self.play({"documents": [], "waiting": 0, "more": False, "exceptions": [], "open": 0, "lines": [],
                           "subject": "a/b/1/c", "sources": []})
        for arguments, request in [
                (["queue"], {"cmd": "queue"}),
                (["queue", "00001", "--limit", "5"], {"cmd": "queue", "stream": "00001", "limit": 5}),
                (["trace", "a/b/1/c"], {"cmd": "trace", "subject": "a/b/1/c"}),
                (["--limit=7", "exceptions", "--all"], {"cmd": "exceptions", "all": True, "limit": 7}),
                (["pull"], {"cmd": "pull"}),
                (["pull", "--", "erp"], {"cmd": "pull", "source": "erp"})]:
            self.assertEqual(self.ask(*arguments)[0], 0, arguments)
            self.assertEqual(agent.requests[-1], {"v": 1, **request})

    def test_lists(self):
        """queue, trace and exceptions in words."""
        self.play(lambda request: {
            "queue": {"documents": [{"stream": "00001", "sequence": 1240, "subject": "00001/invoice/2024/RI-1001",
                                     "revision": 1, "bytes": 612, "recorded": "2024-02-29T09:25:05.000Z", "age_s": 300}],
                      "waiting": 1234, "more": True},
            "trace": {"subject": "00001/invoice/2024/RI-1001", "more": False, "lines": [
                {"at": "2024-02-29T09:25:05.000Z", "what": "recorded", "revision": 1, "stream": "00001", "sequence": 1240},
                {"at": "2024-02-29T09:26:05.000Z", "what": "exception", "text": "the broker refused it"}]},
            "exceptions": {"exceptions": [
                {"id": 3, "rule": "journal-balance", "source": "erp", "key": "00001/journal/2024/JE-1",
                 "owner": "data_quality", "text": "debits and credits differ by 0.01", "open": True,
                 "first": "2024-02-29T09:25:05.000Z", "last": "2024-02-29T09:25:05.000Z", "age_s": 300, "count": 2}],
                "open": 1, "more": False}}[request["cmd"]])
        self.assertEqual(self.ask("queue")[1],
                         "STREAM  SEQUENCE   SIZE  WAITS  REVISION  SUBJECT\n"
                         "00001      1,240  612 B  5 min         1  00001/invoice/2024/RI-1001\n"
                         "... 1,234 waiting in all\n")
        self.assertEqual(self.ask("trace", "x")[1],
                         "00001/invoice/2024/RI-1001\n"
                         "  2024-02-29T09:25:05.000Z  recorded, revision 1, stream 00001 sequence 1240\n"
                         "  2024-02-29T09:26:05.000Z  exception\n"
                         "      the broker refused it\n")
        self.assertEqual(self.ask("exceptions")[1],
                         "00001/journal/2024/JE-1\n"
                         "    debits and credits differ by 0.01\n"
                         "    data_quality, journal-balance, source erp, open for 5 min (2024-02-29T09:25), seen 2 times\n"
                         "1 open\n")

    def test_no_escape_sequences_from_outside(self):
        """An ERP's text with escape, C1 and carriage return reaches the terminal as question marks."""
        nasty = "a\033]0;owned\007b\u009b31mc\rd"
        self.play({"exceptions": [{"id": 1, "rule": "r", "source": "s", "key": nasty, "owner": "o", "text": nasty,
                                   "raw": nasty, "open": True, "first": nasty, "age_s": 0, "count": 1}],
                   "open": 1, "more": False})
        out = self.ask("exceptions")[1]
        self.assertFalse(re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", out), repr(out))
        self.assertIn("a?]0;owned?b?31mc?d", out)

    def test_errors_of_the_agent(self):
        """not_found is 4, others 1; the sentence goes to standard error alone."""
        agent = self.play(STATUS)
        agent.code = "a\033[2J\nb"
        agent.answers = lambda request: json.dumps({"v": 1, "ok": False, "error": agent.code}).encode() + b"\n"
        self.assertEqual(self.ask("trace", "x"), (1, "", "twinpost: a?[2J\nb\n"))
        agent.answers = lambda request: json.dumps({"v": 1, "ok": False, "code": agent.code, "error": "no such thing"}
                                                   ).encode() + b"\n"
        for agent.code, expected in (("not_found", 4), ("store", 1), ("bad_request", 1)):
            self.assertEqual(self.ask("trace", "x"), (expected, "", "twinpost: no such thing\n"))

    def test_agent_not_running(self):
        """No socket, one that nobody listens at, one that closes without an answer: 69, and what to try."""
        status, out, err = self.ask("status")
        self.assertEqual((status, out), (69, ""))
        self.assertIn(f"the agent is not running: there is no socket {self.socket}", err)
        self.assertIn("try: systemctl status twinpost", err)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.socket)
        listener.close()
        status, _, err = self.ask("queue")
        self.assertEqual(status, 69)
        self.assertIn("nobody listens", err)
        os.unlink(self.socket)
        self.play(lambda request: None)
        status, _, err = self.ask("status")
        self.assertEqual(status, 69)
        self.assertIn("closed the connection without an answer", err)

    def test_strange_answers(self):
        """What is no answer of version 1 is told, never shown as data."""
        for answer in (b"hello\n", b"{}\n", b'{"v":2,"ok":true,"data":{}}\n', b'{"v":1,"ok":true,"data":[]}\n', b"\n",
                       b"\xff\xfe\n"):
            if os.path.exists(self.socket):
                os.unlink(self.socket)
            agent = PlayedAgent(self.socket, lambda request: answer)
            status, out, err = self.ask("status")
            agent.close()
            self.assertEqual((status, out), (1, ""), answer)
            self.assertTrue(err.startswith("twinpost: "), err)

    def test_agent_silent(self):
        """An agent that takes the request and says nothing: 69 within 10 s and a bit."""
        self.play("silence")
        began = time.monotonic()
        status, _, err = self.ask("status")
        self.assertEqual(status, 69)
        self.assertIn("did not answer within 10 s", err)
        self.assertLess(time.monotonic() - began, 20)

    def test_usage(self):
        """Every wrong command line: 2, one sentence, and where to read on."""
        for arguments, sentence in [
                (["stat"], 'there is no command "stat"'), (["status", "--wach"], "unknown option --wach"),
                (["status", "x"], "use it as: twinpost status"), (["trace"], "use it as: twinpost trace SUBJECT"),
                (["pull", "--all"], "this command does not take --all"), (["queue", "--limit", "0"], "--limit takes 1 to 1000"),
                (["queue", "--limit", "1001"], "--limit takes 1 to 1000"), (["queue", "--limit"], "--limit takes 1 to 1000"),
                (["status", "--watch=0"], "--watch takes 1 to 3600"), (["--socket"], "--socket needs a value"),
                (["config", "chek", "x"], "use it as: twinpost config check FILE"), (["config", "check"], "use it as"),
                (["--config", "x", "run"], "run must be the first word")]:
            status, out, err = self.run_cli(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(sentence, err)

    def test_help_and_version(self):
        """help, help of a command, --help behind it, version without an agent."""
        status, out, _ = self.run_cli("help")
        self.assertEqual(status, 0)
        for command in ("run", "status", "queue", "trace", "exceptions", "pull", "config", "version", "help"):
            self.assertRegex(out, rf"(?m)^  {command}\b")
            self.assertEqual(self.run_cli("help", command)[0], 0)
        self.assertEqual(self.run_cli("queue", "--help")[1], self.run_cli("help", "queue")[1])
        self.assertEqual(self.run_cli()[0], 2)
        status, out, err = self.ask("version")
        self.assertEqual((status, err), (0, ""))
        self.assertRegex(out, r"^twinpost \d+\.\d+\.\d+\n$")
        self.play({"version": "9.9.9"})
        self.assertIn("running agent 9.9.9\n", self.ask("version")[1])
        self.assertEqual(json.loads(self.ask("version", "--json")[1])["agent"], {"version": "9.9.9"})

    def test_socket_of_the_configuration(self):
        """--config finds the socket; a bad file tells its problems and exits 1."""
        self.play(STATUS)
        path = self.write("gw.yaml", self.good_configuration() + f"control:\n  socket: {self.socket}\n")
        self.assertEqual(self.run_cli("--config", path, "status")[0], 0)
        path = self.write("bad.yaml", "tenant: ACME\n")
        status, _, err = self.run_cli("status", "--config", path)
        self.assertEqual(status, 1)
        self.assertIn(f"{path}:1:9: tenant is ACME", err)
        status, _, err = self.run_cli("status", "--config", path + ".no")
        self.assertEqual(status, 1)
        self.assertIn("cannot be read: No such file or directory", err)

    # ---- config ----

    def write(self, name, text, mode=0o640):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        os.chmod(path, mode)
        return path

    def good_configuration(self):
        certificate = self.write("c.pem", "-----BEGIN CERTIFICATE-----\n")
        key = self.write("k.pem", "-----BEGIN PRIVATE KEY-----\n", 0o600)
        password = self.write("p", "secret\n", 0o600)
        return (f"tenant: acme\ngateway: plant-1\nstore:\n  path: {self.folder}/store.db\nuplink:\n  host: localhost\n"
                f"  ca_file: {certificate}\n  certificate_file: {certificate}\n  key_file: {key}\nsources:\n  - name: erp\n"
                f"    profile: jde\n    dsn: JDE\n    user: reader\n    password: file:{password}\n")

    def check(self, text, *more):
        path = self.write("gw.yaml", text)
        return self.run_cli("config", "check", path, "--profiles", os.path.join(ROOT, "config", "profiles"), *more)

    def test_check_good(self):
        status, out, err = self.check(self.good_configuration())
        self.assertEqual((status, err), (0, ""), out)
        self.assertTrue(out.startswith(f"{self.folder}/gw.yaml: good\n"), out)
        self.assertIn("  source   erp, profile ", out)

    def test_check_world(self):
        """Each file that is absent, open to everyone, empty or of another kind: its own line, with its place."""
        good = self.good_configuration()
        for change, line, sentence in [
                (lambda: os.unlink(f"{self.folder}/c.pem"), "7:12: ca_file: ", "cannot be read: No such file or directory"),
                (lambda: self.write("c.pem", "DER"), "8:21: certificate_file: ", 'holds no "-----BEGIN CERTIFICATE-----"'),
                (lambda: os.chmod(f"{self.folder}/k.pem", 0o644), "9:13: key_file: ", "can be read by everyone"),
                (lambda: os.chmod(f"{self.folder}/p", 0o604), "15:15: password: ", "can be read by everyone"),
                (lambda: self.write("p", "\n"), "15:15: password: ", "holds 0 bytes; allowed are 1 to 1024"),
                (lambda: self.write("p", "x" * 1025), "15:15: password: ", "holds 1025 bytes; allowed are 1 to 1024")]:
            self.good_configuration()
            change()
            status, out, _ = self.check(good)
            self.assertEqual(status, 1, out)
            self.assertRegex(out, "(?m)^" + re.escape(f"{self.folder}/gw.yaml:{line}") + ".*" + re.escape(sentence))
        self.good_configuration()
        for addition, line, sentence in [
                ("    zone: Europe/Nowhere\n", "16:11: zone: ", "there is no time zone Europe/Nowhere"),
                ("    encoding: klingon\n", "16:15: encoding: ", "klingon is no character set known here"),
                ("    documents: [journal, payslip]\n", "16:16: documents: ", "has no payslip")]:
            status, out, _ = self.check(good + addition)
            self.assertEqual(status, 1, out)
            self.assertIn(f"gw.yaml:{line}", out)
            self.assertIn(sentence, out)

    def test_check_notes(self):
        """What cannot be seen from here is a note and no problem; a secret's text is never shown."""
        good = self.good_configuration()
        text = re.sub("password: file:.*", "password: credential:erp", good)
        status, out, _ = self.check(text)
        self.assertEqual(status, 0, out)
        self.assertIn("gw.yaml:15:15: note: password: the credential erp cannot be seen from here", out)
        text = re.sub("password: file:.*", "password: env:NOT_SET_ANYWHERE", good)
        status, out, _ = self.check(text)
        self.assertEqual(status, 0, out)
        self.assertIn("note: password: the variable NOT_SET_ANYWHERE is not set here", out)
        status, out, err = self.check(re.sub("password: file:.*", "password: hunter2", good))
        self.assertEqual(status, 1)
        self.assertNotIn("hunter2", out + err)

    def test_explain(self):
        status, out, _ = self.run_cli("config", "explain", "uplink.in_flight")
        self.assertEqual(status, 0)
        self.assertIn("  default  16\n  allowed  1 to 1000\n", out)
        status, out, err = self.run_cli("config", "explain", "inflight")
        self.assertEqual((status, out), (4, ""))
        keys = self.run_cli("config", "explain", "--keys")[1].split()
        self.assertIn("sources.poll", keys)
        self.assertEqual([line.split()[0] for line in self.run_cli("config", "explain")[1].splitlines()], keys)

    # ---- the terminal ----

    def on_terminal(self, arguments, keys=None, **environment):
        """Runs it on a pseudo terminal of 80 columns; sends keys once something was shown. Exit status and output."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm", **environment})
            os.execv(TWINPOST, [TWINPOST, "--socket", self.socket, *arguments])
        out = b""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                got = os.read(terminal, 65536)
            except OSError:
                break
            if not got:
                break
            out += got
            if keys and b"Exceptions" in out:
                if isinstance(keys, bytes):
                    os.write(terminal, keys)
                else:
                    os.kill(pid, keys)
                keys = None
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.decode()

    def test_colour(self):
        """Colour on a terminal, none with NO_COLOR or on a dumb one."""
        self.play(STATUS)
        self.assertIn("\033[32mhealthy\033[0m", self.on_terminal(["status"])[1])
        self.assertNotIn("\033[", self.on_terminal(["status"], NO_COLOR="1")[1])
        self.assertNotIn("\033[", self.on_terminal(["status"], TERM="dumb")[1])

    def test_watch(self):
        """In place, no blanking of the screen; q and SIGTERM end it and put the terminal back."""
        self.play(STATUS)
        for keys in (b"q", b"\x03", signal.SIGTERM):
            status, out = self.on_terminal(["status", "--watch", "1"], keys)
            self.assertEqual(status, 0)
            self.assertTrue(out.startswith("\033[?1049h\033[?25l\033[H"), repr(out[:40]))
            self.assertTrue(out.endswith("\033[?25h\033[?1049l"), repr(out[-40:]))
            self.assertNotIn("\033[2J", out)

    def test_watch_in_a_pipe(self):
        """--watch --json in a pipe: a line a round; it ends when the reader goes."""
        self.play(STATUS)
        process = subprocess.Popen([TWINPOST, "--socket", self.socket, "status", "--watch", "1", "--json"],
                                   stdout=subprocess.PIPE)
        self.assertEqual(json.loads(process.stdout.readline()), STATUS)
        self.assertEqual(json.loads(process.stdout.readline()), STATUS)
        process.stdout.close()
        self.assertIn(process.wait(timeout=30), (0, -signal.SIGPIPE))

    def test_manual(self):
        """The manual page has every exit status and command of the help."""
        with open(os.path.join(ROOT, "docs", "twinpost.1")) as file:
            page = file.read()
        for command in ("run", "status", "queue", "trace", "exceptions", "pull", "config check", "version", "help"):
            self.assertIn(f".It Cm {command}", page)
        for status in (0, 1, 2, 3, 4, 69):
            self.assertIn(f"\n.It {status}\n", page)


if __name__ == "__main__":
    unittest.main()
