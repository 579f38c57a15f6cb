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
import termios
import time
import unittest

from cli_case import ROOT, TWINPOST, CliCase, PlayedAgent

STATUS = {
    "version": "0.1.0", "tenant": "acme", "gateway": "plant-1", "config": "/etc/twinpost/twinpost.yaml",
    "now": "2024-02-29T09:30:05.000Z", "started": "2024-02-29T09:28:35.000Z", "uptime_s": 90, "paused": None,
    "sources": [{"name": "erp", "state": "idle", "paused": False, "dbms": "PostgreSQL 15.6", "driver": "psqlodbcw.so",
                 "problem": "", "retry_in_s": 0, "feeds": [
                     {"name": "journal", "stopped": False, "why": "", "documents": 12345, "rows": 54321,
                      "newest": "2024-02-29 10:00:00", "catching_up": False, "last_cycle": "2024-02-29T09:30:02.000Z",
                      "last_cycle_age_s": 3}]}],
    "uplink": {"state": "up", "host": "broker.example.com", "port": 8883, "mqtt": "5", "tls": "TLSv1.3", "problem": "",
               "retry_in_s": 0, "window": 16, "in_flight": 3, "sent": 12, "acked": 1234567, "connections": 1,
               "host_number": 1, "hosts": 1, "rate_messages": 0, "rate_bytes": 0},
    "cloud": {"commands": 0, "refused": 0, "outcomes": 0, "receipts": 0},
    "queue": {"streams": [{"name": "00001", "waiting": 1234, "bytes": 1048576, "acked_sequence": 6, "next_sequence": 1241,
                           "oldest": "2024-02-29T09:25:05.000Z", "oldest_age_s": 300, "class": "normal",
                           "keep_until": "puback", "checkpoint": 1024, "receipt": 768, "sla_s": 0, "late": 0}],
              "waiting": 1234, "bytes": 1048576, "oldest": "2024-02-29T09:25:05.000Z", "oldest_age_s": 300, "late": 0,
              "replays": 0},
    "store": {"path": "/var/lib/twinpost/store.db", "used": 1 << 30, "size_max": 4 << 30, "disk_free": 20 << 30,
              "full": False, "documents": 4711, "acked": 9},
    "exceptions": {"open": 0, "counted": 0, "acknowledged": 0, "by_owner": {"technical": 0, "data_quality": 0, "mapping": 0, "policy": 0}},
    "problems": [], "health": "healthy", "headline": "All sources are read and the broker takes the events"}


def changed(**members):
    return {**STATUS, **members}


class CliTest(CliCase):
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
        self.assertIn("Uplink      up at broker.example.com:8883, MQTT 5, TLSv1.3, 3 of 16 in flight, 1,234,567 delivered", out)
        self.assertIn("Streams     1,234 waiting (1.0 MiB), the oldest for 5 min\n", out)
        self.assertIn("\n\n  STREAM  CLASS   WAITING  OLDEST  GIVEN  CHECKPOINT  RECEIPT  LATE\n"
                      "  00001   normal    1,234  5 min   1,240       1,024      768     0\n", out)
        self.assertIn("Store       4,711 documents, 1.0 GiB of 4.0 GiB used (25 %), 20.0 GiB free on the disk\n", out)
        self.assertNotIn("\033", out)
        status, out, err = self.ask("status")
        self.assertEqual((status, err), (3, ""))
        self.assertTrue(out.startswith("degraded: 2 exceptions are open\n"), out)
        self.assertIn("  - 2 exceptions are open\n    See them with: twinpost exceptions\n", out)

    def test_status_of_the_contract(self):
        """The host of the list, the limits, what the cloud said, late outcomes and replays: told where there is something."""
        uplink = {**STATUS["uplink"], "host_number": 2, "hosts": 3, "rate_messages": 50, "rate_bytes": 1 << 20}
        queue = {**STATUS["queue"], "waiting": 0, "late": 2, "replays": 1}
        self.play(changed(uplink=uplink, queue=queue,
                          cloud={"commands": 7, "refused": 1, "outcomes": 1200, "receipts": 1},
                          exceptions={"open": 3, "counted": 3, "acknowledged": 1,
                                      "by_owner": {"technical": 0, "data_quality": 1, "mapping": 2, "policy": 0}}))
        out = self.ask("status")[1]
        self.assertIn("Uplink      up at broker.example.com:8883 (host 2 of 3), MQTT 5", out)
        self.assertIn("            limited to 50 messages/s and 1.0 MiB/s\n", out)
        self.assertIn("            from the cloud: 1,200 outcomes, 1 receipt, 7 commands; 1 refused: twinpost exceptions\n", out)
        self.assertIn("Streams     nothing waits: the broker has acknowledged everything; 2 without an outcome in time; "
                      "1 replay under way\n", out)
        self.assertIn("Exceptions  3 open: data_quality 1, mapping 2; 1 acknowledged\n", out)

    def test_status_of_rules(self):
        """The version of the rules and what is wrong with newer files; what phase legacy keeps."""
        rules = {"directory": "/etc/twinpost/rules", "version": "9f86d081884c7d65", "problem": ""}
        answers = iter([changed(rules=rules, recorded={"excluded": 1200}), changed(rules={**rules, "problem": "account.csv:2: bad"})])
        self.play(lambda request: next(answers))
        out = self.ask("status")[1]
        self.assertIn("Rules       version 9f86d081884c7d65 of /etc/twinpost/rules\n", out)
        self.assertIn("Excluded    1,200 times a document was read that is in phase legacy, and not sent\n", out)
        out = self.ask("status")[1]
        self.assertIn("Rules       version 9f86d081884c7d65 of /etc/twinpost/rules; the files there now are bad: "
                      "twinpost mapping check\n", out)
        self.assertNotIn("Excluded", out)

    def test_status_of_many_streams(self):
        """Ten streams are shown, those in which something waits or is late first; the rest is counted."""
        calm = {"waiting": 0, "oldest": None, "next_sequence": 1, "class": "bulk", "checkpoint": 0, "receipt": 0, "late": 0}
        streams = [{**calm, "name": f"c{n:02}"} for n in range(12)] + [{**calm, "name": "late", "late": 1}]
        self.play(changed(queue={**STATUS["queue"], "streams": streams}))
        out = self.ask("status")[1]
        names = re.findall(r"(?m)^  (late|c\d\d) ", out)
        self.assertEqual(names, ["late"] + [f"c{n:02}" for n in range(9)])
        self.assertIn("  ... and 3 more: twinpost status --json\n", out)

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
                (["exceptions", "list", "--owner", "mapping"], {"cmd": "exceptions", "owner": "mapping"}),
                (["exceptions", "show", "3"], {"cmd": "exception", "id": 3}),
                (["exceptions", "ack", "3", "--why", "asked Jürgen"],
                 {"cmd": "exception_ack", "id": 3, "why": "asked Jürgen"}),
                (["exceptions", "note", "3", "--", "-0.01 is rounding"],
                 {"cmd": "exception_note", "id": 3, "note": "-0.01 is rounding"}),
                (["exceptions", "retry", "4503599627370496", "--why=mended"],
                 {"cmd": "exception_retry", "id": 1 << 52, "why": "mended"}),
                (["replay", "00001", "5..9", "--why", "x"], {"cmd": "replay", "stream": "00001", "from": 5, "to": 9, "why": "x"}),
                (["replay", "00001", "5..", "--why", "x"], {"cmd": "replay", "stream": "00001", "from": 5, "why": "x"}),
                (["replay", "00001", "1099511627775", "--why", "x"],
                 {"cmd": "replay", "stream": "00001", "from": (1 << 40) - 1, "to": (1 << 40) - 1, "why": "x"}),
                (["resend", "a/b/1/c", "--why", "x"], {"cmd": "resend", "subject": "a/b/1/c", "why": "x"}),
                (["key", "show"], {"cmd": "key_show"}), (["key", "export-public"], {"cmd": "key_show"}),
                (["key", "rotate", "--why", "yearly"], {"cmd": "key_rotate", "why": "yearly"}),
                (["audit"], {"cmd": "audit"}), (["audit", "list", "--limit", "2"], {"cmd": "audit", "limit": 2}),
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
                {"at": "2024-02-29T09:25:05.000Z", "what": "recorded", "revision": 1, "stream": "00001", "sequence": 1240,
                 "checkpoint": {"size": 1280, "made": "2024-02-29T09:25:06.000Z", "receipted": "2024-02-29T09:25:07.000Z"}},
                {"at": "2024-02-29T09:25:05.000Z", "what": "amended", "revision": 2, "stream": "00001", "sequence": 1281,
                 "parts": 3, "checkpoint": {"size": 1290, "made": "2024-02-29T09:25:06.000Z", "receipted": None}},
                {"at": "2024-02-29T09:25:05.000Z", "what": "amended", "revision": 3, "stream": "00001", "sequence": 1291,
                 "checkpoint": None},
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
                         "      in checkpoint 1280, receipted 2024-02-29T09:25:07Z\n"
                         "  2024-02-29T09:25:05.000Z  amended, revision 2, stream 00001 sequences 1281 to 1283 in 3 parts\n"
                         "      in checkpoint 1290, not receipted yet\n"
                         "  2024-02-29T09:25:05.000Z  amended, revision 3, stream 00001 sequence 1291\n"
                         "      not in a checkpoint yet\n"
                         "  2024-02-29T09:26:05.000Z  exception\n"
                         "      the broker refused it\n")
        self.assertEqual(self.ask("exceptions")[1],
                         "[3] 00001/journal/2024/JE-1\n"
                         "    debits and credits differ by 0.01\n"
                         "    data_quality, journal-balance, source erp, open for 5 min (2024-02-29T09:25), seen 2 times\n"
                         "1 open in all; one of them: twinpost exceptions show ID\n")

    EXCEPTION = {"id": 3, "rule": "journal-balance", "source": "erp", "key": "00001/journal/2024/JE-1", "owner": "data_quality",
                 "text": "debits and credits differ by 0.01", "open": True, "first": "2024-02-29T09:25:05.000Z",
                 "last": "2024-02-29T09:25:05.000Z", "age_s": 300, "count": 1, "acknowledged": False}
    SHOWN = ("[3] 00001/journal/2024/JE-1\n    debits and credits differ by 0.01\n%s"
             "    data_quality, journal-balance, source erp, open for 5 min (2024-02-29T09:25)\n")

    def test_one_exception(self):
        """show says what can be done; one that is in hand says by whom; one that is closed asks for nothing."""
        agent = self.play(dict(self.EXCEPTION))
        self.assertEqual(self.ask("exceptions", "show", "3")[1], self.SHOWN % "" +
                         "take it in hand: twinpost exceptions ack 3 --why TEXT\n"
                         "try it again:    twinpost exceptions retry 3 --why TEXT\n")
        mark = {"acknowledged": True, "who": "anna (uid 1000)", "marked": "2024-02-29T09:30:05.000Z", "note": "asked Jürgen"}
        agent.answers = lambda request: {**self.EXCEPTION, **mark}
        by = "    acknowledged by anna (uid 1000), 2024-02-29T09:30Z: asked Jürgen\n"
        self.assertEqual(self.ask("exceptions", "show", "3")[1],
                         self.SHOWN % by + "try it again:    twinpost exceptions retry 3 --why TEXT\n")
        self.assertEqual(self.ask("exceptions", "ack", "3", "--why", "x")[1],
                         "exception 3 is acknowledged by anna (uid 1000); it stays open until its cause has ended\n")
        agent.answers = lambda request: {**self.EXCEPTION, **mark, "open": False}
        self.assertEqual(self.ask("exceptions", "ack", "3", "--why", "x")[1],
                         "exception 3 is acknowledged by anna (uid 1000); it told of something that is over, and is closed\n")
        agent.answers = lambda request: {**self.EXCEPTION, "source": "cloud"}
        self.assertEqual(self.ask("exceptions", "show", "3")[1].split("\n")[3:], ["take it in hand: twinpost exceptions ack 3 --why TEXT", ""])
        self.assertEqual(self.ask("exceptions", "note", "3", "x")[1], "the note of exception 3 is kept\n")
        agent.answers = lambda request: {**self.EXCEPTION, "open": False}
        self.assertTrue(self.ask("exceptions", "show", "3")[1].endswith("closed; first seen 5 min (2024-02-29T09:25)\n"))
        for tries, what, sentence in [("source", "erp", "source erp is being read again"),
                                      ("stream", "00001", "stream 00001 is tried now"),
                                      ("uplink", "h:1", "the connection to the broker is tried now")]:
            agent.answers = lambda request, t=tries, o=what: {"id": 3, "tries": t, "object": o}
            self.assertEqual(self.ask("exceptions", "retry", "3", "--why", "x")[1],
                             sentence + "; whether it helped: twinpost exceptions show 3\n")

    def test_replay(self):
        """What is sent again, and where."""
        topic = "tp1/acme/plant-1/up/replay/00001"
        agent = self.play({"replay": 1, "stream": "00001", "epoch": 1, "from": 5, "to": 9, "events": 5, "topic": topic,
                           "waiting": 1})
        self.assertEqual(self.ask("replay", "00001", "5..9", "--why", "x")[1],
                         f"5 events of stream 00001, sequences 5 to 9, are sent again, byte for byte, on\n  {topic}\n"
                         "The live events go on beside it.\n")
        agent.answers = lambda request: {"subject": "00001/invoice/2024/RI-1001", "revision": 2, "replay": 3,
                                         "stream": "00001", "epoch": 1, "from": 5, "to": 5, "events": 1, "topic": topic,
                                         "waiting": 3}
        self.assertEqual(self.ask("resend", "00001/invoice/2024/RI-1001", "--why", "x")[1],
                         "revision 2 of 00001/invoice/2024/RI-1001: 1 event of stream 00001, sequence 5, is sent again, "
                         f"byte for byte, on\n  {topic}\nafter 2 replays that were asked for earlier\n"
                         "The live events go on beside it.\n")

    PEM = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----\n"

    def test_key(self):
        """show has the hash; export-public gives PEM alone, and writes over no file."""
        key = {"name": "acme/plant-1", "algorithm": "ECDSA P-256 with SHA-256", "sha256": "5a7a", "since": None, "rotations": 0,
               "pem": self.PEM, "old_sha256": "0b0b"}
        self.play(key)
        self.assertEqual(self.ask("key", "show")[1],
                         "name       acme/plant-1\nalgorithm  ECDSA P-256 with SHA-256\nsha256     5a7a\n"
                         "since      not recorded\nrotations  0\n")
        self.assertEqual(self.ask("key", "export-public"), (0, self.PEM, ""))
        path = os.path.join(self.folder, "agent.pem")
        self.assertEqual(self.ask("key", "export-public", path), (0, "", ""))
        with open(path) as file:
            self.assertEqual(file.read(), self.PEM)
        status, out, err = self.ask("key", "export-public", path)
        self.assertEqual((status, out), (1, ""))
        self.assertIn("exists already and is not written over", err)
        status, _, err = self.ask("key", "export-public", os.path.join(self.folder, "no", "a.pem"))
        self.assertEqual(status, 1)
        self.assertIn("cannot be written: No such file or directory", err)
        out = self.ask("key", "rotate", "--why", "yearly")[1]
        self.assertIn("  old      0b0b\n  new      5a7a\n", out)
        self.assertIn("  twinpost key export-public FILE\n", out)

    def test_audit(self):
        """Who, what and why; verify exits 1 where the chain is broken, and says so on standard output."""
        agent = self.play({"entries": [{"id": 7, "at": "2024-02-29T09:25:05.000Z", "who": "anna (uid 1000)", "action": "replay",
                                        "target": "stream 00001 epoch 1 5..9", "why": "they lost a\u009bdisk", "hash": "ab"}],
                           "count": 7, "head": "ab", "more": True, "next": 7})
        self.assertEqual(self.ask("audit")[1],
                         "[7] 2024-02-29T09:25:05Z  replay, by anna (uid 1000)\n    stream 00001 epoch 1 5..9\n"
                         "    why: they lost a?disk\n... there are more (--limit N); 7 entries in all\n")
        agent.answers = lambda request: {"entries": [], "count": 0, "head": "ab", "more": False}
        self.assertEqual(self.ask("audit")[1], "Nobody has changed anything yet.\n")
        agent.answers = lambda request: {"good": True, "verified": 7, "count": 7, "head": "abcd", "problem": None}
        self.assertEqual(self.ask("audit", "verify"),
                         (0, "good: 7 entries, each fits the one before it\nhead abcd\n", ""))
        agent.answers = lambda request: {"good": False, "verified": 1, "count": 7, "head": "abcd", "problem": "entry 2 is forged"}
        self.assertEqual(self.ask("audit", "verify"),
                         (1, "broken: 1 of 7 entries fit: entry 2 is forged\n"
                          "Keep a copy of the store as it is, and find out who could write it.\nhead abcd\n", ""))
        self.assertEqual(self.ask("audit", "verify", "--json")[0], 1)

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
                (["--config", "x", "run"], "run must be the first word"),
                (["key"], "key needs one of: make, show, rotate, export-public"),
                (["exceptions", "shwo", "5"], 'exceptions has no "shwo"; it has list, show, ack, note, retry'),
                (["exceptions", "show"], "use it as: twinpost exceptions show ID"),
                (["exceptions", "show", "0"], 'shows, not "0"'), (["exceptions", "show", "4503599627370497"], "shows, not"),
                (["exceptions", "show", "99999999999999999999999"], "shows, not"),
                (["exceptions", "ack", "5"], "the reason is missing"), (["exceptions", "ack", "5", "--why", ""], "--why needs"),
                (["exceptions", "note", "5"], "use it as: twinpost exceptions note ID TEXT"),
                (["exceptions", "note", "5", "two", "words"], "use it as: twinpost exceptions note ID TEXT"),
                (["exceptions", "show", "5", "--owner", "policy"], "this command does not take --owner"),
                (["exceptions", "--why", "x"], "this command does not take --why"),
                (["replay", "00001", "9..5", "--why", "x"], "the range 9..5 is the wrong way round"),
                (["replay", "00001", "..5", "--why", "x"], "a range is FROM..TO, FROM.. or one sequence"),
                (["replay", "00001", "5...9", "--why", "x"], 'such as 5..9, not "5...9"'),
                (["replay", "00001", "1099511627776", "--why", "x"], "a range is FROM..TO"),
                (["replay", "00001", "5..9"], "the reason is missing"), (["replay", "00001", "--why", "x"], "use it as"),
                (["key", "rotate"], "the reason is missing"), (["audit", "verify", "--limit", "1"], "does not take --limit"),
                (["a", "b", "c", "d", "e", "f"], 'one word too many: "f"')]:
            status, out, err = self.run_cli(*arguments)
            self.assertEqual((status, out), (2, ""), arguments)
            self.assertIn(sentence, err)

    def test_help_and_version(self):
        """help, help of a command, --help behind it, version without an agent."""
        status, out, _ = self.run_cli("help")
        self.assertEqual(status, 0)
        for command in ("run", "status", "queue", "trace", "exceptions", "pull", "replay", "resend", "key", "audit", "config",
                        "mapping", "version", "help"):
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

    def on_terminal(self, arguments, keys=None, rows=0, **environment):
        """Runs it on a pseudo terminal of 80 columns; sends keys once something was shown. Exit status and output."""
        pid, terminal = pty.fork()
        if pid == 0:
            termios.tcsetwinsize(0, (rows, 80 if rows else 0))
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
            if keys and (b"Exceptions" in out or b"than the screen has" in out):
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

    def test_watch_on_a_small_screen(self):
        """Ten rows: nine lines, and the tenth says how many more there are; 24 hold all of it."""
        self.play(STATUS)
        _, out = self.on_terminal(["status", "--watch", "1"], b"q", rows=10)
        screen = out.split("\033[H", 1)[1].split("\033[J", 1)[0]
        lines = screen.replace("\033[K", "").split("\r\n")
        self.assertEqual(len(lines), 10)
        # The same on a terminal of this width, and the watch's own line with the blank one below it.
        whole = len(self.on_terminal(["status"], rows=24)[1].splitlines()) + 2
        self.assertEqual(lines[-1], f"... {whole - 9} lines more than the screen has")
        _, out = self.on_terminal(["status", "--watch", "1"], b"q", rows=24)
        self.assertNotIn("than the screen has", out)
        self.assertIn("  00001 ", out)

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
        for command in ("run", "status", "queue", "trace", "exceptions", "pull", "replay", "resend", "key show", "key rotate",
                        "key export-public", "audit", "config check", "mapping check", "compare run", "compare show", "compare diff", "compare causes", "compare exceptions", "compare accept",
                        "compare reject", "compare ack", "compare snooze", "compare reopen", "compare export", "compare report", "compare sign", "compare verify", "compare prove", "version", "help"):
            self.assertIn(f".It Cm {command}", page)
        for verb in ("show", "ack", "note", "retry", "verify"):
            self.assertRegex(page, rf"(?m)^\.It Cm (exceptions|audit) {verb}\b")

        for status in (0, 1, 2, 3, 4, 69):
            self.assertIn(f"\n.It {status}\n", page)

    # ---- completion ----

    def complete(self, line):
        """What bash offers behind the line."""
        words = line.split(" ")
        script = (f"source {ROOT}/tools/twinpost/completion.bash; COMP_WORDS=({' '.join(repr(w) for w in words)}); "
                  f"COMP_CWORD={len(words) - 1}; _twinpost; echo \"${{COMPREPLY[*]}}\"")
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, cwd=self.folder,
                              env={**os.environ, "PATH": os.path.dirname(TWINPOST) + ":" + os.environ["PATH"]})
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_completion(self):
        """Every command and verb of the help is offered, with its options; values of --why are nobody's to guess."""
        commands = re.findall(r"(?m)^  ([a-z]+) ?.* ", self.run_cli("help")[1].split("Options")[0])
        self.assertGreater(len(commands), 15)
        self.assertLessEqual(set(commands), set(self.complete("twinpost ")))
        for line, offered in [("twinpost exceptions a", ["ack"]), ("twinpost exceptions ack 3 --w", ["--why"]),
                              ("twinpost exceptions --owner p", ["policy"]), ("twinpost key r", ["rotate"]),
                              ("twinpost key rotate -", ["--json", "--why"]), ("twinpost audit v", ["verify"]),
                              ("twinpost audit verify -", ["--json"]), ("twinpost replay 00001 5.. -", ["--json", "--why"]),
                              ("twinpost resend x --why ", []), ("twinpost --why replay audit list -", ["--json", "--limit"]),
                              ("twinpost compare rep", ["replay", "repost", "report"]), ("twinpost compare accept --cause r", ["rounding"]), ("twinpost compare v", ["verify"]), ("twinpost compare sign r -", ["--key", "--name", "--output", "--rules", "--tar"]),
                              ("twinpost config check --p", ["--profiles"]), ("twinpost config ex", ["explain"])]:
            self.assertEqual(self.complete(line), offered, line)
        self.assertIn("sources.poll", self.complete("twinpost config explain "))


if __name__ == "__main__":
    unittest.main()
