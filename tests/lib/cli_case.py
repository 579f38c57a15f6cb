"""cli_case - the command line against an agent that a test plays.

Why:   what the command line asks, and what it makes of an answer, is shown without a running agent.
Runs in: tests/unit/test_cli*.py
"""
import json
import os
import socket
import subprocess
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TWINPOST = os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")


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


class CliCase(unittest.TestCase):
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
