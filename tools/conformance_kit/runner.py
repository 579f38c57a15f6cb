"""runner.py - starts broker and consumer, plays the cases phase by phase, prints what held and what did not.

Why:   one command judges any consumer.
Owns:  a temporary directory with certificates, keys and the consumer's state; the processes it started; all gone at the end.
Rules: 1. The consumer is ready when it has returned the receipt of a first small stream.
       2. All cases of a phase run at the same time; a phase ends when all have ended and two fences have come back.
       3. The consumer is killed only if this runner started it.
Faults: a consumer that never gets ready: exit 2 with the last lines of its output.
Runs in: tools/conformance.
Tests: tests/unit/test_conformance.py
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time

import servers
import tp1

from . import cases
from .trial import Trial
from .world import World

READY_SECONDS = 30
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class NotReady(Exception):
    """The consumer does not answer at all."""


class Consumer:
    """The process under test."""

    def __init__(self, command, settings, directory):
        self.words = [word.format(**settings) for word in shlex.split(command)]
        self.environment = {**os.environ, **{f"TP1_{name.upper()}": str(value) for name, value in settings.items()}}
        self.log = os.path.join(directory, "consumer.log")
        self.process = None

    def start(self):
        """Starts it (again)."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                                            start_new_session=True)

    def kill(self):
        """As a power cut would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """An orderly end, or else the other."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    def tail(self):
        """Its last words."""
        with contextlib.suppress(OSError):
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-20:])
        return ""


class PinnedKey:
    """The public key of a consumer that has its own private one."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.spki = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=file.read(), stdout=subprocess.PIPE,
                                       check=True).stdout
        self.id = tp1.sha256(self.spki)[:4]


class Run:
    """Everything of one judgement."""

    def __init__(self, options):
        self.options = options
        self.stack = contextlib.ExitStack()
        self.directory = tempfile.mkdtemp(prefix="twinpost-conformance-")
        self.stack.callback(shutil.rmtree, self.directory, True)
        self.consumer = None
        self.results = []  # (name, musts, faults, seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def prepare(self):
        """Broker, keys, world, consumer."""
        options = self.options
        if not options.port:
            subprocess.run([os.path.join(ROOT, "tools", "certificates"), self.directory], check=True, stdout=subprocess.DEVNULL)
            broker = self.stack.enter_context(servers.Mosquitto(certificates=self.directory))
            options.host, options.port = servers.LOOPBACK, broker.port
            options.ca, options.cert, options.key = (os.path.join(self.directory, name)
                                                     for name in ("ca.crt", "client.crt", "client.key"))
        keys = options.keys or self.directory
        os.makedirs(keys, exist_ok=True)
        agent, cloud = tp1.Key(), tp1.Key()
        for name, content in (("agent.pub", agent.public_pem), ("cloud.key", cloud.private_pem), ("cloud.pub", cloud.public_pem)):
            with open(os.path.join(keys, name), "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                file.write(content)
        world = World(options, agent, PinnedKey(options.cloud_public) if options.cloud_public else cloud)
        self.stack.callback(world.close)
        if not world.open():
            raise NotReady(f"no subscription at the broker {options.host}:{options.port}")
        if options.command:
            state = os.path.join(self.directory, "state")
            os.makedirs(state)
            self.consumer = Consumer(options.command, {
                "host": options.host, "port": options.port, "ca": options.ca or "", "cert": options.cert or "",
                "key": options.key or "", "tenant": options.tenant, "gateway": options.gateway, "state": state,
                "agent_key": os.path.join(keys, "agent.pub"), "cloud_key": os.path.join(keys, "cloud.key"), "cloud_name": "cloud",
                "repeat_ms": options.repeat_ms}, self.directory)
            self.consumer.start()
            self.stack.callback(self.consumer.stop)
            world.kill, world.start = self.consumer.kill, self.consumer.start
        else:
            print(f"# start your consumer now; its keys are {keys}/agent.pub (to pin) and {keys}/cloud.key", flush=True)
        self.ready(world)
        return world

    def ready(self, world):
        """Waits for the receipt of a first stream, sent again until then."""
        stream = world.stream("ready")
        event, note = stream.event(tp1.journal(1, entity="ready")), stream.checkpoint()
        end = time.monotonic() + (READY_SECONDS if self.consumer else 600)
        while True:
            world.send("post", event, "ready")
            world.send("ckpt", note, "ready")
            if world.wait(lambda: world.receipts["ready"], 0.5):
                return
            if self.consumer and self.consumer.process.poll() is not None:
                raise NotReady(f"the consumer ended with {self.consumer.process.returncode}\n{self.consumer.tail()}")
            if time.monotonic() > end:
                raise NotReady(f"no receipt of a first valid stream\n{self.consumer.tail() if self.consumer else ''}")

    def wanted(self, phase):
        """The cases of a phase that were asked for."""
        chosen = [one for one in cases.CASES if one[0] == phase and (not self.options.case or one[1] in self.options.case)]
        return [one for one in chosen if self.consumer or one[1] != "killed"]

    def run(self):
        """Plays everything. Returns the number of cases that failed."""
        world = self.prepare()
        for phase in sorted({one[0] for one in cases.CASES}):
            trials = [Trial(world, name, musts, story) for _, name, musts, story in self.wanted(phase)]
            self.play(world, trials)
        return sum(1 for _, _, faults, _ in self.results if faults)

    def play(self, world, trials):
        """Cases at the same time: each goes on when what it waits for is there."""
        began = time.monotonic()
        for trial in trials:
            self.step(trial)
        while not all(trial.ended for trial in trials):
            world.pump(0.02)
            for trial in trials:
                while not trial.ended and (trial.waits[0]() or time.monotonic() > trial.waits[3]):
                    if not trial.waits[0]():
                        trial.fault(*trial.waits[1:3])
                        self.end(trial, began)
                    else:
                        self.step(trial, began)
        for _ in range(2 if trials else 0):
            if not world.wait(world.fence(), self.options.bound):
                trials[-1].fault("tp1-rcp-001", "the consumer does not answer a valid stream any more")
        for trial in trials:
            self.results.append((trial.name, trial.musts, list(dict.fromkeys(trial.judge())), trial.seconds))

    def step(self, trial, began=None):
        """Goes on with a story to its next wait or its end."""
        try:
            predicate, must, text, *bound = next(trial.story)
            trial.waits = (predicate, must, text, time.monotonic() + (bound[0] if bound else self.options.bound))
        except StopIteration:
            self.end(trial, began or time.monotonic())

    @staticmethod
    def end(trial, began):
        """The story is over."""
        trial.ended, trial.seconds = True, time.monotonic() - began

    def report(self):
        """The results, readable by a person and by what reads TAP."""
        for number, (name, musts, faults, seconds) in enumerate(self.results, 1):
            print(f"{'not ok' if faults else 'ok'} {number} - {name} ({', '.join(musts)}) ({seconds:.1f} s)")
            for must, text in faults:
                print(f"#   {must}: {text}")
        print(f"1..{len(self.results)}\n")
        broken = {must for _, _, faults, _ in self.results for must, _ in faults}
        width = max((len(must) for _, musts, _, _ in self.results for must in musts), default=0)
        for must in sorted({must for _, musts, _, _ in self.results for must in musts} | broken):
            names = [name for name, musts, _, _ in self.results if must in musts]
            print(f"# {must:<{width}}  {'BROKEN' if must in broken else 'kept':<6}  {', '.join(names)}")
        print(f"# {sum(1 for one in self.results if not one[2])} cases passed, {sum(1 for one in self.results if one[2])} failed")
