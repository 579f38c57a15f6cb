"""pipeline.py - the whole way for a test: sample ERP, agent, broker with mutual TLS, sample cloud.

Why:   every test of the product as a whole needs the same parts and asks the same question at its end.
Owns:  a temporary directory, one broker, one database, one agent, one subscriber; all gone after close().
Rules: 1. The judgement is always the same: the documents at the subscriber are the ERP's, each once by subject and revision,
          sequences gapless, chains intact (judge()).
       2. Waiting asks the parts themselves, with a bound.
Faults: PipelineError with the last lines of the part that failed.
Runs in: integration and crash tests, tools/bench.
Tests: the tests that use it.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile

import agent as agents
import ledger
import servers

ROOT = agents.ROOT
# Short pauses, so that a test's faults are over quickly; the product's defaults are longer.
QUICK = {"uplink.in_flight": 200, "uplink.retry_min": "100ms", "uplink.retry_max": "1s", "uplink.connect_timeout": "5s",
         "uplink.ack_timeout": "5s", "uplink.keepalive": "5s"}
QUICK_SOURCE = {"poll": "1s", "reread": "3s", "lookback": "2d", "overlap": "10s", "query_deadline": "10s"}


class PipelineError(Exception):
    """A part of the pipeline did not do what was asked."""


class Pipeline:
    """database: None for SQLite, or a started servers.Postgres or servers.Mariadb. broker: None for a Mosquitto, or a function
    of the certificates' directory that gives another server, not yet started. keys: the cloud knows the agent's key and has one
    of its own: it judges checkpoints, cosigns them, sends outcomes and may command."""

    def __init__(self, documents=300, database=None, seed=1, subscriber=True, more=None, source=None, lines=(), protocol="5",
                 proxy=False, broker=None, keys=True, cloud_options=()):
        self.stack = contextlib.ExitStack()
        self.directory = tempfile.mkdtemp(prefix="twinpost-pipeline-")
        self.stack.callback(shutil.rmtree, self.directory, True)
        self.protocol = protocol
        self.cloud = None
        self.cloud_file = os.path.join(self.directory, "cloud.db")
        self.cloud_log = os.path.join(self.directory, "cloud.log")
        self.certificates = os.path.join(self.directory, "certificates")
        self.make_certificates()
        self.broker = self.stack.enter_context(broker(self.certificates) if broker else
                                               servers.Mosquitto(certificates=self.certificates, lines=lines))
        self.proxy = self.stack.enter_context(servers.Proxy(self.broker.port)) if proxy else None
        if database is None:
            path = os.path.join(self.directory, "erp.db")
            self.address, connection = f"sqlite:{path}", servers.sqlite_odbc(path)
        else:
            self.address, connection = database.uri, database.odbc()
        if documents is not None:
            ledger.sample_erp("create", "--database", self.address, "--documents", documents, "--seed", seed)
        self.agent = agents.Agent([{"name": "erp", "connection": connection, **QUICK_SOURCE, **(source or {})}],
                                  self.proxy.port if proxy else self.broker.port, self.certificates,
                                  more={**QUICK, **(more or {})})
        self.keys, self.cloud_options = keys, list(cloud_options)
        if keys:
            self.make_keys()
        self.stack.callback(self.agent.close)
        self.stack.callback(self.stop_cloud)
        if subscriber:
            self.start_cloud()

    def make_certificates(self, *arguments):
        """Runs tools/certificates on the pipeline's directory."""
        done = subprocess.run([os.path.join(ROOT, "tools", "certificates"), self.certificates, *arguments],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise PipelineError(f"certificates: {done.stdout}")

    def make_keys(self):
        """The agent's key, known to the cloud before the first start, and the cloud's, known to the agent."""
        self.agent_key = os.path.join(self.directory, "agent.pub")
        self.cloud_key = os.path.join(self.directory, "cloud.key")
        subprocess.run([os.path.join(ROOT, "tools", "sample-cloud"), "key", self.cloud_key], check=True,
                       stdout=subprocess.DEVNULL)
        for name in ("cloud.command_keys", "cloud.receipt_keys"):
            self.agent.set(name, [self.cloud_key + ".pub"])
        self.agent.write_config()
        done = subprocess.run([agents.program(), "key", "make", "--config", self.agent.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise PipelineError(f"key make: {done.stderr}")
        with open(self.agent_key, "w", encoding="ascii") as file:
            file.write(done.stdout)

    def close(self):
        """Ends everything."""
        self.stack.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # The ERP.

    def post(self, *arguments):
        """New postings or changes: the arguments of `sample-erp post`; returns its JSON."""
        return ledger.sample_erp("post", "--database", self.address, *arguments)

    def expected(self):
        """{subject: figures} that the ERP holds now."""
        return ledger.erp_documents(self.address)

    # The cloud.

    def cloud_command(self, *arguments):
        return [os.path.join(ROOT, "tools", "sample-cloud"), *arguments, "--database", self.cloud_file]

    def start_cloud(self):
        """Starts the subscriber and waits until the broker knows its subscription."""
        before = self.cloud_text().count("subscribed to")
        with open(self.cloud_log, "ab") as log:
            self.cloud = subprocess.Popen(
                self.cloud_command("run", "--port", str(self.broker.port), "--host", "localhost",
                                   "--ca", f"{self.certificates}/ca.crt", "--cert", f"{self.certificates}/client.crt",
                                   "--key", f"{self.certificates}/client.key", "--tenant", "acme", "--gateway", "gw1",
                                   "--protocol", self.protocol, *self.key_options(), *self.cloud_options),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

        def subscribed():
            if self.cloud.poll() is not None:
                raise PipelineError(f"the sample cloud ended at its start\n{self.cloud_text()[-1500:]}")
            return self.cloud_text().count("subscribed to") > before

        servers.wait_for("the sample cloud is subscribed", subscribed, explain=self.cloud_text)

    def key_options(self):
        """The keys, as options of sample-cloud."""
        return ["--agent-key", self.agent_key, "--cloud-key", self.cloud_key] if self.keys else []

    def command(self, name, *members, wait=30, **options):
        """Sends a signed command; returns (exit status, what sample-cloud printed)."""
        more = [part for key, value in options.items() for part in (f"--{key}", str(value))]
        done = subprocess.run(
            [os.path.join(ROOT, "tools", "sample-cloud"), "command", "--port", str(self.broker.port), "--host", "localhost",
             "--ca", f"{self.certificates}/ca.crt", "--cert", f"{self.certificates}/client.crt",
             "--key", f"{self.certificates}/client.key", "--tenant", "acme", "--gateway", "gw1", "--protocol", self.protocol,
             *self.key_options(), "--wait", str(wait), *more, name, *members],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    def cloud_text(self):
        with contextlib.suppress(OSError):
            with open(self.cloud_log, encoding="utf-8", errors="replace") as file:
                return file.read()
        return ""

    def stop_cloud(self):
        if self.cloud and self.cloud.poll() is None:
            self.cloud.send_signal(signal.SIGTERM)
            try:
                self.cloud.wait(20)
            except subprocess.TimeoutExpired:
                self.cloud.kill()
                self.cloud.wait()

    def received(self):
        """Subjects that the cloud holds."""
        with contextlib.suppress(sqlite3.Error):
            with contextlib.closing(sqlite3.connect(f"file:{self.cloud_file}?mode=ro", uri=True, timeout=30)) as database:
                return {row[0] for row in database.execute("SELECT subject FROM documents")}
        return set()

    # Waiting and judging.

    def wait_received(self, count, seconds=60):
        """Until the cloud holds so many subjects."""
        self.agent.wait(f"the cloud holds {count} documents", lambda: len(self.received()) >= count, seconds)

    def wait_equal(self, without=(), seconds=90):
        """Until the cloud holds what the ERP holds, figure by figure."""
        expected = self.expected()

        def equal():
            if len(self.received()) < len(expected) - len(set(without)):
                return False
            return not ledger.compare(expected, ledger.cloud_documents(self.cloud_file), without)

        try:
            self.agent.wait("the cloud holds what the ERP holds", equal, seconds, pause=0.2)
        except agents.AgentError as error:
            found = ledger.compare(expected, ledger.cloud_documents(self.cloud_file), without)
            raise PipelineError("\n".join(found) + f"\n{error}\n{self.cloud_text()[-1500:]}") from None

    def judge(self, without=()):
        """The verdict: a list of what is wrong, empty when all is right."""
        wrong = ledger.compare(self.expected(), ledger.cloud_documents(self.cloud_file), without)
        done = subprocess.run(self.cloud_command("verify"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode:
            wrong.append(f"sample-cloud verify: {done.stdout[-1500:]}")
        return wrong
