"""servers.py - real PostgreSQL, MariaDB, Mosquitto and RabbitMQ for tests, and a TCP proxy that misbehaves on request.

Why:   the product is proved against the servers it will meet, not against imitations.
Owns:  a temporary directory and the processes of each server; all gone after stop().
Rules: 1. Free loopback ports and directories of their own; the machine's services are never touched.
       2. As root, a server runs as an unprivileged user; as an ordinary user, as that user.
       3. Processes are ended by pid, never by name.
       4. Nothing sleeps for a result: each wait asks the server itself, with a bound.
Faults: a server that does not answer in time raises ServerError with the last lines of its log.
Runs in: integration tests, tools/demo, tools/bench.
Tests: tests/unit/test_sample_servers.py
"""

import contextlib
import json
import os
import pwd
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

WAIT_SECONDS = 60


def _loopback():
    """"localhost", or its address where no name service knows it: a bare root has no /etc/hosts."""
    try:
        socket.getaddrinfo("localhost", 1)
        return "localhost"
    except OSError:
        return "127.0.0.1"


# What clients call this machine; certificates of tools/certificates hold both.
LOOPBACK = _loopback()


class ServerError(Exception):
    """A server did not do what was asked; the text says which, what and its last words."""


def free_port():
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what, ask, seconds=WAIT_SECONDS, pause=0.05, explain=None):
    """Asks until the answer is true and returns it; ServerError after the bound."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise ServerError(f"{what}: not within {seconds} s" + (f"\n{explain()}" if explain else ""))
        time.sleep(pause)


def children_of(pid):
    """Process ids of the direct children of a process."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with contextlib.suppress(OSError):
            with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as stat:
                # The command name may hold blanks and brackets: the fields begin after the last bracket.
                if int(stat.read().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry))
    return found


def alive(pid):
    """Does the process exist and is it not a zombie?"""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except OSError:
        return False


class Server:
    """One server process: the part that all of them share."""

    name = "server"
    users = ("nobody",)  # as root: the first of these that exists

    def __init__(self, port=None):
        self.port = port or free_port()
        self.user = None
        if os.geteuid() == 0:
            self.user = next(user for user in self.users if _user_exists(user))
        self.directory = tempfile.mkdtemp(prefix=f"twinpost-{self.name}-")
        self.log = os.path.join(self.directory, "log")
        self.process = None
        self.give(self.directory)

    def give(self, path):
        """Lets the server's user own a path."""
        os.chmod(path, 0o755 if os.path.isdir(path) else 0o600)
        if self.user:
            account = pwd.getpwnam(self.user)
            os.chown(path, account.pw_uid, account.pw_gid)

    def as_user(self, command):
        """The command, run as the server's user."""
        if not self.user:
            return command
        group = str(pwd.getpwnam(self.user).pw_gid)
        return ["setpriv", f"--reuid={self.user}", f"--regid={group}", "--clear-groups", "--", *command]

    def run(self, command, **more):
        """Runs a helper command to its end as the server's user."""
        done = subprocess.run(self.as_user(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
                              text=True, check=False, **more)
        if done.returncode:
            raise ServerError(f"{self.name}: {command[0]} ended with {done.returncode}\n{done.stdout[-2000:]}")
        return done.stdout

    def tail(self):
        """The last lines of the server's log."""
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return "".join(log.readlines()[-15:])
        except OSError:
            return "(no log)"

    def command(self):
        """The server's command line."""
        raise NotImplementedError

    def answers(self):
        """Does the server serve requests?"""
        raise NotImplementedError

    def start(self):
        """Starts the server and waits until it answers. Returns self."""
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.as_user(self.command()), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd="/", start_new_session=True)

        def ready():
            if self.process.poll() is not None:
                raise ServerError(f"{self.name} ended with {self.process.returncode} at its start\n{self.tail()}")
            return self.answers()

        wait_for(f"{self.name} on port {self.port} answers", ready, explain=self.tail)
        return self

    def running(self):
        """Is the process there?"""
        return self.process is not None and self.process.poll() is None

    def end(self, number, seconds=30):
        """Sends a signal and waits for the end; SIGKILL after the bound."""
        if not self.running():
            return
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def halt(self):
        """An orderly stop that keeps the data."""
        self.end(signal.SIGTERM)

    def kill(self):
        """SIGKILL, as a power cut would: the server and its children."""
        if not self.running():
            return
        family = [self.process.pid, *children_of(self.process.pid)]
        for pid in family:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for(f"{self.name}'s processes are gone", lambda: not any(alive(pid) for pid in family))

    def restart(self, crash=False):
        """Stops (or kills) and starts again on the same port with the same data."""
        if crash:
            self.kill()
        else:
            self.halt()
        return self.start()

    def freeze(self):
        """SIGSTOP: the server is there, and answers nothing."""
        for pid in [self.process.pid, *children_of(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):  # a worker that has just ended
                os.kill(pid, signal.SIGSTOP)

    def thaw(self):
        """Ends freeze()."""
        for pid in [self.process.pid, *children_of(self.process.pid)]:
            with contextlib.suppress(ProcessLookupError):  # a worker that has just ended
                os.kill(pid, signal.SIGCONT)

    def stop(self):
        """Ends the server and removes its directory."""
        self.halt()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        return self if self.running() else self.start()

    def __exit__(self, *_):
        self.stop()


def _user_exists(user):
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def find_program(name, *places):
    """The path of a program that may not be on PATH; ServerError when it is nowhere."""
    for place in (*places, "/usr/sbin", "/usr/bin"):
        path = os.path.join(place, name)
        if os.access(path, os.X_OK):
            return path
    found = shutil.which(name)
    if not found:
        raise ServerError(f"{name} is not installed; run tools/setup --test")
    return found


class Postgres(Server):
    """PostgreSQL with one superuser "twinpost" and no password; `database` is created on start."""

    name = "postgresql"
    users = ("postgres", "nobody")

    def __init__(self, port=None, database="erp", settings=()):
        super().__init__(port)
        self.database = database
        self.settings = settings
        self.data = os.path.join(self.directory, "data")
        places = sorted((f"/usr/lib/postgresql/{version}/bin" for version in os.listdir("/usr/lib/postgresql")),
                        reverse=True) if os.path.isdir("/usr/lib/postgresql") else []
        self.bin = os.path.dirname(find_program("initdb", *places))
        self.run([f"{self.bin}/initdb", "-D", self.data, "-U", "twinpost", "--auth=trust", "--encoding=UTF8",
                  "--locale=C.UTF-8", "--no-sync"])

    @property
    def uri(self):
        """For psql and tools/sample-erp."""
        return f"postgresql://twinpost@127.0.0.1:{self.port}/{self.database}"

    def odbc(self, user="twinpost", more="ReadOnly=1;UseDeclareFetch=1;Fetch=1000"):
        """An ODBC connection string by the driver's path."""
        return (f"Driver={odbc_driver('psqlodbcw.so')};Servername=127.0.0.1;Port={self.port};"
                f"Database={self.database};Username={user};{more}")

    def command(self):
        settings = [part for setting in self.settings for part in ("-c", setting)]
        return [f"{self.bin}/postgres", "-D", self.data, "-p", str(self.port), "-k", self.directory,
                "-c", "listen_addresses=127.0.0.1", *settings]

    def psql(self, sql, database=None):
        """Runs SQL and returns psql's unaligned output."""
        return subprocess.run(
            [f"{self.bin}/psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port),
             "-U", "twinpost", "-d", database or self.database, "-c", sql],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True).stdout

    def answers(self):
        try:
            known = self.psql(f"select 1 from pg_database where datname = '{self.database}'", "postgres")
            if not known.strip():
                self.psql(f'create database "{self.database}"', "postgres")
            return True
        except subprocess.CalledProcessError:
            return False

    def halt(self):
        self.end(signal.SIGINT)  # "fast": sessions are ended, data is flushed


class Mariadb(Server):
    """MariaDB with user "twinpost" without a password; `database` is created on start."""

    name = "mariadb"
    users = ("mysql", "nobody")

    def __init__(self, port=None, database="erp", settings=()):
        super().__init__(port)
        self.database = database
        self.settings = settings
        self.data = os.path.join(self.directory, "data")
        self.socket = os.path.join(self.directory, "socket")
        self.run([find_program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}",
                  "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])

    @property
    def uri(self):
        """For tools/sample-erp."""
        return f"mariadb://twinpost@127.0.0.1:{self.port}/{self.database}"

    def odbc(self, user="twinpost", more=""):
        """An ODBC connection string by the driver's path."""
        return (f"Driver={odbc_driver('libmaodbc.so')};Server=127.0.0.1;Port={self.port};"
                f"Database={self.database};Uid={user};CharSet=utf8mb4;{more}")

    def command(self):
        return [find_program("mariadbd"), "--no-defaults", f"--datadir={self.data}", f"--port={self.port}",
                f"--socket={self.socket}", "--bind-address=127.0.0.1", f"--pid-file={self.directory}/pid",
                "--character-set-server=utf8mb4", "--skip-name-resolve", *self.settings]

    def mariadb(self, sql, database=""):
        """Runs SQL as root and returns the tab-separated rows."""
        command = [find_program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root", "--batch",
                   "--skip-column-names", "--default-character-set=utf8mb4", "-e", sql]
        return subprocess.run(command + ([database] if database else []), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=True).stdout

    def answers(self):
        try:
            self.mariadb(f"create database if not exists `{self.database}`;"
                         "create user if not exists twinpost@'127.0.0.1';"
                         "grant all on *.* to twinpost@'127.0.0.1'")
            return True
        except subprocess.CalledProcessError:
            return False


class Mosquitto(Server):
    """Mosquitto; with certificates (a directory of tools/certificates) it demands mutual TLS."""

    name = "mosquitto"
    users = ("mosquitto", "nobody")

    def __init__(self, port=None, certificates=None, server="server", persistence=True, lines=()):
        super().__init__(port)
        self.certificates = certificates
        config = [f"listener {self.port} 127.0.0.1", "allow_anonymous true", "log_dest stderr",
                  # Its defaults drop messages for a slow or absent subscriber after 1000.
                  "max_queued_messages 1000000", "max_inflight_messages 1000"]
        if persistence:
            # 1 s: a kill then loses what a broker that keeps its promise would have on its disk.
            config += ["persistence true", f"persistence_location {self.directory}/", "autosave_interval 1"]
        if certificates:
            for source, name in (("ca.crt", "ca.crt"), (f"{server}.crt", "server.crt"), (f"{server}.key", "server.key")):
                shutil.copy(os.path.join(certificates, source), os.path.join(self.directory, name))
                self.give(os.path.join(self.directory, name))
            config += [f"cafile {self.directory}/ca.crt", f"certfile {self.directory}/server.crt",
                       f"keyfile {self.directory}/server.key", "require_certificate true"]
        self.config = os.path.join(self.directory, "mosquitto.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("\n".join([*config, *lines]) + "\n")
        self.give(self.config)

    def use_certificate(self, name):
        """Another server certificate from the same directory; a restart makes it effective."""
        for end in ("crt", "key"):
            target = os.path.join(self.directory, f"server.{end}")
            shutil.copy(os.path.join(self.certificates, f"{name}.{end}"), target)
            self.give(target)

    def forget(self):
        """Removes what the stopped broker kept on disk: its sessions, queued and retained messages."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.directory, "mosquitto.db"))

    def command(self):
        return [find_program("mosquitto"), "-c", self.config]

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False


class Epmd(Server):
    """The Erlang port mapper on a port of its own: nodes of RabbitMQ find each other by it."""

    name = "epmd"
    users = ("rabbitmq", "nobody")

    def command(self):
        return [find_program("epmd"), "-port", str(self.port), "-address", "127.0.0.1"]

    def answers(self):
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        return False


class RabbitMq(Server):
    """RabbitMQ 3.10: one node with the MQTT plugin on a TLS port that demands a client certificate.

    The certificate's common name is the user: "twinpost", who may do everything. Queues of subscriptions are mirrored to all
    nodes of a cluster by policy; alone that means nothing. cluster: the names of all its nodes; epmd: the one they share.
    """

    name = "rabbitmq"
    users = ("rabbitmq", "nobody")
    DEFINITIONS = {
        "vhosts": [{"name": "/"}],
        "users": [{"name": "twinpost", "password_hash": "", "hashing_algorithm": "rabbit_password_hashing_sha256", "tags": ""}],
        "permissions": [{"user": "twinpost", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
        # Everything but denied/#, for tests of refusal (the plugin makes the slashes of MQTT dots).
        "topic_permissions": [{"user": "twinpost", "vhost": "/", "exchange": "amq.topic", "write": "^(?!denied)",
                               "read": "^(?!denied)"}],
        # The MQTT plugin of 3.10 has classic queues for QoS 1: mirroring is what keeps them when their node stops.
        "policies": [{"vhost": "/", "name": "mirrored", "pattern": "^mqtt-subscription-", "apply-to": "queues", "priority": 0,
                      "definition": {"ha-mode": "all", "ha-sync-mode": "automatic"}}],
    }

    def __init__(self, certificates, port=None, server="server", node=None, epmd=None, cluster=(), cookie=None, lines=()):
        super().__init__(port)
        self.node = node or f"twinpost{self.port}@127.0.0.1"
        self.own_epmd = epmd is None
        self.epmd = epmd or Epmd()
        self.cookie = cookie or secrets.token_hex(10)
        self.control_port = free_port()
        self.before = 0
        places = ("ca.crt", f"{server}.crt", f"{server}.key")
        for source, name in zip(places, ("ca.crt", "server.crt", "server.key")):
            shutil.copy(os.path.join(certificates, source), os.path.join(self.directory, name))
            self.give(os.path.join(self.directory, name))
        config = ["listeners.tcp = none", "mqtt.listeners.tcp = none", f"mqtt.listeners.ssl.1 = 127.0.0.1:{self.port}",
                  f"ssl_options.cacertfile = {self.directory}/ca.crt", f"ssl_options.certfile = {self.directory}/server.crt",
                  f"ssl_options.keyfile = {self.directory}/server.key", "ssl_options.verify = verify_peer",
                  "ssl_options.fail_if_no_peer_cert = true", "mqtt.allow_anonymous = false", "mqtt.ssl_cert_login = true",
                  "ssl_cert_login_from = common_name", f"load_definitions = {self.directory}/definitions.json",
                  "log.console = true", "log.console.level = info", "log.file = false", "disk_free_limit.absolute = 50MB"]
        if cluster:
            config += ["cluster_formation.peer_discovery_backend = classic_config",
                       *(f"cluster_formation.classic_config.nodes.{place} = {name}" for place, name in enumerate(cluster, 1))]
        for name, text in (("rabbitmq.conf", "\n".join([*config, *lines]) + "\n"), ("plugins", "[rabbitmq_mqtt].\n"),
                           ("definitions.json", json.dumps(self.DEFINITIONS)), (".erlang.cookie", self.cookie),
                           ("environment", "")):
            path = os.path.join(self.directory, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            self.give(path)
        os.chmod(os.path.join(self.directory, ".erlang.cookie"), 0o400)

    def environment(self):
        """NAME=VALUE of everything that would otherwise be the machine's own: directories, ports, names."""
        place = self.directory
        loopback = "-kernel inet_dist_use_interface {127,0,0,1}"
        return [f"{name}={value}" for name, value in {
            "HOME": place, "PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LANG": "C.UTF-8",
            "ERL_EPMD_PORT": self.epmd.port, "ERL_CRASH_DUMP": "/dev/null",
            "RABBITMQ_NODENAME": self.node, "RABBITMQ_USE_LONGNAME": "true", "RABBITMQ_DIST_PORT": free_port(),
            "RABBITMQ_CONF_ENV_FILE": f"{place}/environment", "RABBITMQ_CONFIG_FILE": f"{place}/rabbitmq",
            "RABBITMQ_ADVANCED_CONFIG_FILE": f"{place}/advanced", "RABBITMQ_ENABLED_PLUGINS_FILE": f"{place}/plugins",
            "RABBITMQ_MNESIA_BASE": f"{place}/mnesia", "RABBITMQ_LOG_BASE": f"{place}/logs", "RABBITMQ_LOGS": "-",
            "RABBITMQ_GENERATED_CONFIG_DIR": f"{place}/schema", "RABBITMQ_SCHEMA_DIR": f"{place}/schema",
            "RABBITMQ_PID_FILE": f"{place}/pid", "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"-start_epmd false {loopback}", "RABBITMQ_CTL_ERL_ARGS": loopback,
            "RABBITMQ_CTL_DIST_PORT_MIN": self.control_port, "RABBITMQ_CTL_DIST_PORT_MAX": self.control_port,
        }.items()]

    def command(self):
        # With ALLOW_INPUT the script becomes the Erlang machine instead of waiting for it: our child is the server itself.
        return ["/usr/bin/env", "-i", *self.environment(), find_program("rabbitmq-server", "/usr/lib/rabbitmq/bin"), "-noinput"]

    def control(self, *arguments):
        """Runs rabbitmqctl on this node; returns its output."""
        return self.run(["/usr/bin/env", "-i", *self.environment(), find_program("rabbitmqctl", "/usr/lib/rabbitmq/bin"),
                         "--quiet", *arguments])

    def started(self):
        """How often it has said that it is complete."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            return log.read().count("Server startup complete")

    def answers(self):
        return self.started() > self.before

    def start(self):
        if not self.epmd.running():
            self.epmd.start()
        with open(self.log, "ab"):
            self.before = self.started()
        return super().start()

    def stop(self):
        super().stop()
        if self.own_epmd:
            self.epmd.stop()


class RabbitMqCluster:
    """Three nodes of RabbitMq in one cluster; certificates as for RabbitMq. nodes[i].port is where MQTT is spoken."""

    def __init__(self, certificates, count=3):
        self.epmd = Epmd()
        cookie = secrets.token_hex(10)
        ports = [free_port() for _ in range(count)]
        names = [f"twinpost{port}@127.0.0.1" for port in ports]
        self.nodes = [RabbitMq(certificates, port=port, node=name, epmd=self.epmd, cluster=names, cookie=cookie)
                      for port, name in zip(ports, names)]

    def start(self):
        """Starts the first, then the others side by side, which join it. Returns self."""
        self.nodes[0].start()
        failed = []

        def one(node):
            try:
                node.start()
            except ServerError as error:
                failed.append(error)

        threads = [threading.Thread(target=one, args=(node,)) for node in self.nodes[1:]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]
        return self

    def stop_node(self, place):
        """An orderly stop of one node; its data stay."""
        self.nodes[place].halt()

    def start_node(self, place):
        """Starts a stopped node; it joins the others again."""
        self.nodes[place].start()

    def stop(self):
        """Ends all nodes and removes their directories."""
        for node in self.nodes:
            node.kill()
            node.stop()
        self.epmd.stop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()


def odbc_driver(file):
    """The path of an ODBC driver of this machine's Debian packages."""
    for architecture in ("x86_64-linux-gnu", "aarch64-linux-gnu"):
        path = f"/usr/lib/{architecture}/odbc/{file}"
        if os.path.exists(path):
            return path
    raise ServerError(f"the ODBC driver {file} is not installed; run tools/setup --test")


def sqlite_odbc(path, more=""):
    """An ODBC connection string for an SQLite file."""
    return f"Driver={odbc_driver('libsqlite3odbc.so')};Database={path};{more}"


class Proxy:
    """A TCP proxy on a loopback port: passes bytes, or stalls them, or cuts connections.

    stall() keeps every connection open and lets no byte through in either direction, new connections included: what
    a peer sees when packets are dropped on the way (half-open). drop() closes at once with RST.
    """

    def __init__(self, target_port, port=None):
        self.target = ("127.0.0.1", target_port)
        self.listener = socket.create_server(("127.0.0.1", port or 0))
        self.port = self.listener.getsockname()[1]
        self.stalled = False
        self.refusing = False
        self.bytes_passed = 0
        self.accepted = 0
        self.selector = selectors.DefaultSelector()
        self.pairs = {}
        self.wake_read, self.wake_write = socket.socketpair()
        self.orders = []
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.selector.register(self.wake_read, selectors.EVENT_READ)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _order(self, order):
        done = threading.Event()
        self.orders.append((order, done))
        with contextlib.suppress(OSError):  # obeyed already, and the proxy is closed
            self.wake_write.send(b"x")
        done.wait(WAIT_SECONDS)

    def stall(self):
        """From now on no byte passes; connections stay open."""
        self._order("stall")

    def resume(self):
        """Ends stall() and refuse(): what was waiting passes now."""
        self._order("resume")

    def drop(self):
        """Cuts every connection with RST; new ones are accepted."""
        self._order("drop")

    def refuse(self):
        """Cuts every connection and every new one until resume()."""
        self._order("refuse")

    def close(self):
        """Ends the proxy and its connections."""
        self._order("close")
        self.thread.join(WAIT_SECONDS)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _cut(self, end):
        other = self.pairs.pop(end, None)
        for one in (end, other):
            if one is None:
                continue
            self.pairs.pop(one, None)
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(one)
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            one.close()

    def _accept(self):
        end, _ = self.listener.accept()
        self.accepted += 1
        if self.refusing:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
            end.close()
            return
        try:
            other = socket.create_connection(self.target, 5)
        except OSError:
            end.close()
            return
        for one, two in ((end, other), (other, end)):
            self.pairs[one] = two
            if not self.stalled:
                self.selector.register(one, selectors.EVENT_READ)

    def _pass(self, end):
        other = self.pairs.get(end)
        if other is None:
            return
        try:
            data = end.recv(65536)
            if data:
                other.settimeout(30)
                other.sendall(data)
                self.bytes_passed += len(data)
        except OSError:
            data = b""
        if not data:
            self._cut(end)

    def _obey(self, order):
        if order == "stall" and not self.stalled:
            self.stalled = True
            for end in self.pairs:
                self.selector.unregister(end)
        if order == "resume":
            if self.stalled:
                for end in self.pairs:
                    self.selector.register(end, selectors.EVENT_READ)
            self.stalled = self.refusing = False
        if order in ("drop", "refuse", "close"):
            for end in list(self.pairs):
                self._cut(end)
        if order == "refuse":
            self.refusing = True
        return order != "close"

    def _run(self):
        going = True
        while going:
            for key, _ in self.selector.select():
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj is self.wake_read:
                    self.wake_read.recv(64)
                else:
                    self._pass(key.fileobj)
            while self.orders:
                order, done = self.orders.pop(0)
                going = self._obey(order) and going
                done.set()
        self.selector.close()
        for one in (self.listener, self.wake_read, self.wake_write):
            one.close()
