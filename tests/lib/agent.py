"""agent.py - one built agent under test: its folder and configuration, its processes, its command line.

Why:   every integration test needs the same: write a configuration, start, ask, kill a part, wait, stop.
Owns:  a temporary directory with the configuration, the store, the control socket and the log; one process tree.
Rules: 1. Processes are found by their parent and ended by pid.
       2. Waiting asks the agent's own status, with a bound; a wait that fails shows the log's last lines.
       3. Nothing of the machine's own configuration is used.
Faults: AgentError with the last lines of the log.
Runs in: integration and crash tests, tools/demo, tools/bench.
Tests: the tests that use it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import servers

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class AgentError(Exception):
    """The agent did not do what was asked."""


def program():
    """The built program: build/twinpost, or that of TWINPOST_BUILD."""
    return os.path.join(os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build")), "twinpost")


def yaml(value, indent=0):
    """A nested dict, list or scalar as block YAML. Texts are quoted: nothing in them can be taken for something else."""
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(f"{pad}{key}:{_inline_or_block(part, indent)}" for key, part in value.items())
    lines = []
    for part in value:
        text = yaml(part, indent + 1) if isinstance(part, dict) else f"{pad}  {_scalar(part)}\n"
        lines.append(f"{pad}- {text.lstrip()}")
    return "".join(lines)


def _inline_or_block(part, indent):
    if isinstance(part, (dict, list)) and part:
        return "\n" + yaml(part, indent + 1)
    return f" {_scalar(part)}\n"


def _scalar(part):
    if isinstance(part, bool):
        return "true" if part else "false"
    if isinstance(part, int):
        return str(part)
    return json.dumps(part, ensure_ascii=False)


class Agent:
    """An agent with one or more sources and one broker.

    sources: [{"name", "profile", "connection", ...}] as in the configuration. certificates: a directory of
    tools/certificates. more: further keys, dotted ("uplink.in_flight": 100).
    """

    def __init__(self, sources, broker_port, certificates, tenant="acme", gateway="gw1", user=None, more=None, directory=None):
        self.directory = directory or tempfile.mkdtemp(prefix="twinpost-agent-")
        self.own_directory = directory is None
        self.user = user
        self.process = None
        self.config_file = os.path.join(self.directory, "twinpost.yaml")
        self.store = os.path.join(self.directory, "store.db")
        self.log = os.path.join(self.directory, "agent.log")
        self.settings = {
            "tenant": tenant, "gateway": gateway, "store": {"path": self.store},
            "keys": {"directory": os.path.join(self.directory, "keys")},
            "control": {"socket": os.path.join(self.directory, "control.sock")},
            "uplink": {"host": servers.LOOPBACK, "port": broker_port, "ca_file": os.path.join(certificates, "ca.crt"),
                       "certificate_file": os.path.join(certificates, "client.crt"),
                       "key_file": os.path.join(certificates, "client.key")},
            "sources": [{"profile": "jde", **source} for source in sources],
        }
        for name, value in (more or {}).items():
            self.set(name, value)
        self.write_config()

    def set(self, name, value):
        """Sets a dotted key; None removes it. write_config() makes it count at the next start."""
        place = self.settings
        *path, last = name.split(".")
        for part in path:
            place = place.setdefault(part, {})
        if value is None:
            place.pop(last, None)
        else:
            place[last] = value

    def write_config(self):
        """Writes the configuration file."""
        with open(self.config_file, "w", encoding="utf-8") as file:
            file.write(yaml(self.settings))

    def environment(self, more=None):
        """Profiles come from the source tree, or from TWINPOST_PROFILES."""
        return {"TWINPOST_PROFILES": os.path.join(ROOT, "config", "profiles"), **os.environ, **(more or {})}

    # Life.

    def start(self, *arguments, environment=None, wait=True):
        """Starts the agent; waits until its control socket answers. Returns self."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([program(), "run", "--config", self.config_file, *arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True,
                                            env=self.environment(environment))
        if wait:
            self.wait("the agent answers on its control socket", self.status)
        return self

    def run(self, *arguments, seconds=120):
        """Runs the agent until it ends by itself (--until-idle, or a refusal); returns its exit status."""
        self.start(*arguments, wait=False)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AgentError(f"the agent did not end within {seconds} s\n{self.tail()}") from None

    def running(self):
        """Is the core there?"""
        return self.process is not None and self.process.poll() is None

    def stop(self, seconds=30):
        """An orderly end; returns the exit status."""
        if self.running():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                raise AgentError(f"the agent did not stop within {seconds} s\n{self.tail()}") from None
        return self.process.returncode if self.process else None

    def kill(self):
        """SIGKILL to the core; its children must end by themselves."""
        family = self.children()
        if self.running():
            self.process.kill()
            self.process.wait()
        servers.wait_for("the children of a killed core are gone",
                         lambda: not any(servers.alive(pid) for pid in family.values()))

    def close(self):
        """Kills what is left and removes the directory."""
        if self.running():
            for pid in [*self.children().values(), self.process.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.wait()
        if self.own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # Processes.

    def children(self):
        """{"source:erp": pid, "uplink:...": pid}: role and name stand on each child's command line."""
        if not self.running():
            return {}
        found = {}
        for pid in servers.children_of(self.process.pid):
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    words = file.read().decode("utf-8", "replace").split("\0")
                if "--child" in words and "--name" in words:
                    found[f"{words[words.index('--child') + 1]}:{words[words.index('--name') + 1]}"] = pid
        return found

    def child(self, role):
        """The pid of the first child with this role ("source", "uplink"); None: there is none."""
        return next((pid for name, pid in self.children().items() if name.startswith(role + ":")), None)

    def kill_child(self, role, number=signal.SIGKILL):
        """Sends a signal to a child; returns its pid, or None when there is none."""
        pid = self.child(role)
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        return pid

    def processes(self):
        """{"core": pid, role: pid}"""
        return {"core": self.process.pid, **self.children()}

    def cpu_seconds(self):
        """CPU seconds used so far per process, ended children counted with the core."""
        ticks = os.sysconf("SC_CLK_TCK")
        used = {}
        for name, pid in self.processes().items():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    fields = file.read().rpartition(")")[2].split()
                used[name] = sum(map(int, fields[11:13] if name != "core" else fields[11:15])) / ticks
        return used

    def pss_kib(self):
        """Proportional set size per process, KiB."""
        used = {}
        for name, pid in self.processes().items():
            with contextlib.suppress(OSError):
                with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
                    used[name] = next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        return used

    # Asking.

    def command(self, *arguments, check=False):
        """A command of the CLI against this agent: (exit status, standard output, standard error)."""
        done = subprocess.run([program(), *arguments, "--config", self.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=self.environment(), text=True, timeout=60, check=False)
        if check and done.returncode:
            raise AgentError(f"twinpost {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        return done.returncode, done.stdout, done.stderr

    def ask(self, command, **arguments):
        """One request on the control socket (docs/control-protocol.md): the whole answer; None while nobody answers."""
        request = json.dumps({"v": 1, "cmd": command, **arguments}) + "\n"
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(30)
                connection.connect(self.settings["control"]["socket"])
                connection.sendall(request.encode("utf-8"))
                with connection.makefile("r", encoding="utf-8") as answers:
                    line = answers.readline()
            return json.loads(line) if line.endswith("\n") else None
        except OSError:
            return None

    def status(self):
        """The data of the command `status`; None while the agent does not answer."""
        answer = self.ask("status")
        return answer["data"] if answer and answer.get("ok") else None

    def caught_up(self):
        """Is everything read once since the start, and nothing waiting for the broker?"""
        status = self.status()
        if not status or not status["uplink"] or status["queue"]["waiting"]:
            return None
        feeds = [feed for source in status["sources"] for feed in source["feeds"]]
        return status if feeds and all(feed["last_cycle"] and not feed["catching_up"] for feed in feeds) else None

    def exceptions(self):
        """The open exceptions, newest first."""
        return json.loads(self.command("exceptions", "--json", check=True)[1])["exceptions"]

    def tail(self, lines=25):
        """The log's last lines."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as file:
                return "".join(file.readlines()[-lines:])
        except OSError:
            return "(no log)"

    def wait(self, what, ask, seconds=60, pause=0.05):
        """Asks until the answer is true and returns it; AgentError with the log's end if the agent dies or time is over."""
        end = time.monotonic() + seconds
        while True:
            answer = ask()
            if answer:
                return answer
            if self.process is not None and not self.running():
                raise AgentError(f"{what}: the agent ended with {self.process.returncode}\n{self.tail()}")
            if time.monotonic() > end:
                raise AgentError(f"{what}: not within {seconds} s\n{self.tail()}")
            time.sleep(pause)
