#!/usr/bin/python3
"""demo.py - the demo after the build: starts everything, shows it, compares both ends, posts more, cleans up.

Why:   see tools/demo.
Owns:  a temporary directory, a Mosquitto, an agent, a sample cloud; ended by pid and removed, also on Ctrl-C and failure.
Rules: 1. Exit 0 only if everything that the ERP holds is at the cloud with equal figures and the chain is intact.
       2. On failure the logs' last lines are shown, and the logs are kept.
       3. Colour and redrawn lines only on a terminal.
Runs in: a shell, as root (the broker then runs as an unprivileged user) or as an ordinary user.
Tests: tests/unit/test_sample_demo.py
"""

import argparse
import collections
import contextlib
import decimal
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

TOOLS = os.path.dirname(os.path.realpath(__file__))
ROOT = os.path.dirname(TOOLS)
sys.path[:0] = [TOOLS, os.path.join(ROOT, "tests", "lib")]

import agent as agents  # noqa: E402
import ledger  # noqa: E402
import servers  # noqa: E402

TENANT, GATEWAY = "acme", "demo"
WAIT_SECONDS = 300
TERMINAL = sys.stdout.isatty()
# Of each cause a few, so that every one can be seen in the report.
PLANTS = ("seed=7,wrong_tax_code=3,late=4,duplicate=3,missing=5,fx_rate=2,merged=3,wrong_period=4,master_data=3,"
          "wrong_cent=1,missing_legacy=2,wrong_account=3,swapped_sign=1,split=2,wrong_amount=2")


class Failure(Exception):
    """The demo cannot go on; the text says why."""


def colour(text, code):
    """Text in colour on a terminal, plain elsewhere."""
    return f"\033[{code}m{text}\033[0m" if TERMINAL and not os.environ.get("NO_COLOR") else text


def say(label, text):
    """One aligned line."""
    print(f"  {label:<14}{text}", flush=True)


class Progress:
    """A line that is redrawn on a terminal, and printed now and then elsewhere."""

    def __init__(self, label):
        self.label = label
        self.printed = 0.0
        self.last = None

    def show(self, text, final=False):
        """Shows the text, if it is time to."""
        now = time.monotonic()
        if TERMINAL:
            print(f"\r  {self.label:<14}{text}\033[K", end="\n" if final else "", flush=True)
        elif final or (now - self.printed >= 5 and text != self.last):
            say(self.label, text)
            self.printed, self.last = now, text


class Demo:
    """Everything that the demo starts."""

    def __init__(self, documents, keep):
        self.documents = documents
        self.keep = keep
        self.directory = tempfile.mkdtemp(prefix="twinpost-demo-")
        os.chmod(self.directory, 0o755)
        self.certificates = os.path.join(self.directory, "certificates")
        self.erp_file = os.path.join(self.directory, "erp.db")
        self.erp = f"sqlite:{self.erp_file}"
        self.cloud_file = os.path.join(self.directory, "cloud.db")
        self.cloud_log = os.path.join(self.directory, "cloud.log")
        self.broker = self.agent = self.cloud = None

    # Beginning.

    def tool(self, name, *arguments):
        """Runs one of the tools; its output."""
        done = subprocess.run([os.path.join(TOOLS, name), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode:
            raise Failure(f"tools/{name} {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout.strip()

    def prepare(self):
        """Certificates, broker, ERP, cloud."""
        self.tool("certificates", self.certificates)
        say("certificates", "a private CA, a server's and a client's certificate (EC P-256)")
        self.broker = servers.Mosquitto(certificates=self.certificates).start()
        say("broker", f"Mosquitto on 127.0.0.1:{self.broker.port}, mutual TLS"
            + (f", as user {self.broker.user}" if self.broker.user else ""))
        result = json.loads(self.tool("sample-erp", "create", "--database", self.erp, "--documents", self.documents, "--json"))
        split = ", ".join(f"{kind} {count:,}" for kind, count in sorted(result["split"].items(), key=lambda one: -one[1]))
        say("sample ERP", f"{result['documents']:,} documents, shaped like JD Edwards, in SQLite by its ODBC driver")
        say("", split)
        self.prepare_agent()
        with open(self.cloud_log, "w", encoding="utf-8") as log:
            self.cloud = subprocess.Popen(
                [os.path.join(TOOLS, "sample-cloud"), "run", "--host", servers.LOOPBACK, "--port", str(self.broker.port),
                 "--ca", f"{self.certificates}/ca.crt", "--cert", f"{self.certificates}/client.crt",
                 "--key", f"{self.certificates}/client.key", "--tenant", TENANT, "--gateway", GATEWAY,
                 "--database", self.cloud_file, *self.key_options()], stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        servers.wait_for("the sample cloud subscribes", self.cloud_subscribed)
        say("sample cloud", f"subscribed to tp1/{TENANT}/{GATEWAY}/up/#; it cosigns checkpoints and answers each document")

    def cloud_subscribed(self):
        """Has the subscriber said so?"""
        with open(self.cloud_log, encoding="utf-8") as log:
            if "subscribed" in log.read():
                return True
        if self.cloud.poll() is not None:
            raise Failure("the sample cloud ended at its start")
        return False

    def key_options(self):
        """The signing keys, as options of sample-cloud."""
        return ["--agent-key", self.agent_key, "--cloud-key", self.cloud_key]

    def prepare_agent(self):
        """The product's configuration, and the keys of both sides."""
        source = {"name": "erp", "connection": servers.sqlite_odbc(self.erp_file), "poll": "1s"}
        directory = os.path.join(self.directory, "agent")
        os.mkdir(directory)
        self.agent_key = os.path.join(self.directory, "agent.pub")
        self.cloud_key = os.path.join(self.directory, "cloud.key")
        self.tool("sample-cloud", "key", self.cloud_key)
        keys = [self.cloud_key + ".pub"]
        self.agent = agents.Agent([source], self.broker.port, self.certificates, TENANT, GATEWAY, directory=directory,
                                  more={"cloud.command_keys": keys, "cloud.receipt_keys": keys,
                                        "uplink.checkpoint_period": "2s", "compare.grace_cloud": "0s",
                                        "compare.grace_legacy": "0s"})
        done = subprocess.run([agents.program(), "key", "make", "--config", self.agent.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise Failure(done.stderr.strip())
        with open(self.agent_key, "w", encoding="ascii") as file:
            file.write(done.stdout)
        say("keys", "the agent's signing key, made and sealed on the box; the cloud's own (ECDSA P-256)")

    # Watching.

    def received(self):
        """(documents, events) at the cloud now."""
        with contextlib.closing(sqlite3.connect(f"file:{self.cloud_file}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM events)").fetchone()

    def alive(self):
        """Failure if a part has died."""
        for name, process in (("agent", self.agent.process), ("broker", self.broker.process), ("sample cloud", self.cloud)):
            if process.poll() is not None:
                raise Failure(f"the {name} ended with status {process.returncode}")

    def watch(self, label, wanted):
        """Shows progress until the cloud holds this many documents; returns the seconds it took."""
        progress, begun = Progress(label), time.monotonic()
        while True:
            self.alive()
            documents, _ = self.received()
            status = self.agent.status()
            seconds = time.monotonic() - begun
            bar = "#" * (24 * min(documents, wanted) // max(wanted, 1))
            text = f"[{bar:<24}] {documents:,} of {wanted:,} at the cloud"
            text += f", {status['queue']['waiting']:,} queued" if status else ""
            if documents >= wanted:
                progress.show(f"{text}, {seconds:.1f} s", final=True)
                return seconds
            if seconds > WAIT_SECONDS:
                progress.show(text, final=True)
                raise Failure(f"only {documents:,} of {wanted:,} documents arrived within {WAIT_SECONDS} s")
            progress.show(text)
            time.sleep(0.2)

    # Comparing.

    def totals(self):
        """Both sides' totals: {(company, currency): [documents, lines, sum]}."""
        sides = []
        for command in (("sample-erp", self.erp), ("sample-cloud", self.cloud_file)):
            side = collections.defaultdict(lambda: [0, 0, decimal.Decimal(0)])
            for row in json.loads(self.tool(command[0], "totals", "--database", command[1], "--json")):
                place = side[row["company"], row["currency"]]
                place[0] += row["documents"] + row["voided"]
                place[1] += row["lines"]
                place[2] += decimal.Decimal(row["amount"])
            sides.append(side)
        return sides

    def settle(self):
        """Waits, with a bound, for amendments that follow new documents (a receipt changes what its invoice has open)."""
        end = time.monotonic() + 15
        while time.monotonic() < end and not (self.agent.caught_up() and not ledger.difference(self.erp, self.cloud_file)):
            self.alive()
            time.sleep(0.2)

    def table(self, erp, cloud):
        """Both sides' totals, one line for each company and currency."""
        head = ("company", "currency", "documents", "cloud", "lines", "cloud", "sum in the ERP", "sum at the cloud", "")
        rows = []
        for key in sorted(set(erp) | set(cloud)):
            pairs = [f"{side[key][place]:,}" for place in (0, 1) for side in (erp, cloud)]
            sums = [f"{side[key][2]:,}" if key[1] else "" for side in (erp, cloud)]
            rows.append((*key, *pairs, *sums, "=" if erp[key] == cloud[key] else "≠"))
        pairs = [f"{sum(part[place] for part in side.values()):,}" for place in (0, 1) for side in (erp, cloud)]
        rows.append(("all", "", *pairs, "", "", "=" if erp == cloud else "≠"))
        widths = [max(len(row[place]) for row in (head, *rows)) for place in range(len(head))]
        print()
        for number, row in enumerate((head, *rows)):
            cells = [cell.ljust(width) if place < 2 else cell.rjust(width)
                     for place, (cell, width) in enumerate(zip(row, widths))]
            cells[-1] = colour(cells[-1], "32" if row[-1] == "=" else "31;1")
            print(("    " + "  ".join(cells)).rstrip())
            if number in (0, len(rows) - 1):
                print("    " + "-" * (sum(widths) + 2 * len(widths) - 2))
        print("    sums: debits of journals, gross of invoices, credit memos and receipts;"
              " customers stand under 00000\n")

    def compare(self, table):
        """Shows what both sides hold and returns whether all is equal."""
        self.settle()
        erp, cloud = self.totals()
        if table or erp != cloud:
            self.table(erp, cloud)
        problems = ledger.difference(self.erp, self.cloud_file)
        for problem in problems:
            say("", colour(problem, "31"))
        text = colour("no difference", "32") if not problems and erp == cloud else colour("DIFFERENT", "31;1")
        say("compared", f"{sum(side[0] for side in erp.values()):,} documents figure by figure: {text}")
        verdict = subprocess.run([os.path.join(TOOLS, "sample-cloud"), "verify", "--database", self.cloud_file],
                                 stdout=subprocess.PIPE, text=True, check=False)
        say("proof", verdict.stdout.strip().split("\n")[-1].replace("verdict: ", ""))
        return erp == cloud and not problems and verdict.returncode == 0

    def receipts(self):
        """Waits until every event is under a checkpoint that the cloud has cosigned, and every document has its outcome."""
        end, row = time.monotonic() + WAIT_SECONDS, None
        while time.monotonic() < end:
            self.alive()
            with contextlib.closing(sqlite3.connect(f"file:{self.cloud_file}?mode=ro", uri=True, timeout=10)) as connection:
                row = connection.execute(
                    "SELECT (SELECT count(*) FROM checkpoints), (SELECT total(size) FROM (SELECT max(size) AS size FROM "
                    "checkpoints GROUP BY source)), (SELECT count(*) FROM events), (SELECT count(*) FROM documents), "
                    "(SELECT count(DISTINCT subject) FROM decisions WHERE state = 'BOOKED'), "
                    "(SELECT count(*) FROM outgoing)").fetchone()
            answered = row[4]
            if row[1] == row[2] and answered >= row[3] and row[5] == 0:
                say("checkpoints", f"{row[0]:,} signed by the agent, verified and cosigned by the cloud; they cover all {row[2]:,} events")
                say("outcomes", f"{answered:,} documents booked by the cloud, and every answer taken by the agent")
                return
            time.sleep(0.2)
        raise Failure(f"checkpoints cover {row[1]:,.0f} of {row[2]:,} events after {WAIT_SECONDS} s")

    def post_more(self):
        """50 more postings while the agent runs."""
        before, _ = self.received()
        result = json.loads(self.tool("sample-erp", "post", "--database", self.erp, "--documents", 50, "--json"))
        say("post 50 more", f"{', '.join(result['subjects'][:3])}, ...")
        self.watch("arriving", before + result["documents"])

    # The two ledgers.

    def twinpost(self, *arguments, good=(0,)):
        """Runs the product's command line; its output."""
        done = subprocess.run([agents.program(), *arguments, "--config", self.agent.config_file], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode not in good:
            raise Failure(f"twinpost {' '.join(arguments[:2])} failed: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def ledger_counts(self):
        """(documents of the ERP, documents of the cloud) in the agent's ledger."""
        path = os.path.join(self.directory, "agent", "ledger.db")
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as connection:
            return tuple(connection.execute("SELECT count(*) FROM documents WHERE side = ?", (side,)).fetchone()[0]
                         for side in (0, 1))

    def post_cloud(self):
        """The cloud books for itself what it received, with differences planted in it; the manifest of those."""
        manifest = os.path.join(self.directory, "planted.jsonl")
        self.tool("sample-cloud", "post", "--database", self.cloud_file, "--host", servers.LOOPBACK, "--port",
                  self.broker.port, "--ca", f"{self.certificates}/ca.crt", "--cert", f"{self.certificates}/client.crt",
                  "--key", f"{self.certificates}/client.key", "--tenant", TENANT, "--gateway", GATEWAY,
                  *self.key_options(), "--plant", PLANTS, "--manifest", manifest)
        with open(manifest, encoding="utf-8") as file:
            planted = [line for line in map(json.loads, file) if line.get("status")]
        with contextlib.closing(sqlite3.connect(f"file:{self.cloud_file}?mode=ro", uri=True, timeout=10)) as connection:
            postings = connection.execute("SELECT count(*) FROM postings").fetchone()[0]
        say("cloud posts", f"{postings:,} documents of its own numbers, {len(planted)} of them with a planted difference")
        servers.wait_for("the agent's ledger holds the cloud's postings", lambda: self.ledger_counts()[1] >= postings,
                         seconds=WAIT_SECONDS)
        return planted

    def compare_ledgers(self):
        """The comparison itself: what was planted against what was found. True if all was found and nothing invented."""
        planted = self.post_cloud()
        begun = time.monotonic()
        outcome = json.loads(self.twinpost("compare", "run", "--json", good=(0, 1)))
        seconds = time.monotonic() - begun
        legacy, cloud = self.ledger_counts()
        with open(os.path.join(outcome["result"], "differences.ndjson"), encoding="utf-8") as file:
            found = [json.loads(line) for line in file]
        with open(os.path.join(outcome["result"], "run.json"), encoding="utf-8") as file:
            run = json.load(file)
        say("compared", f"{legacy:,} documents of the ERP with {cloud:,} of the cloud in {seconds:.1f} s;"
            f" {run['fingerprints']['documents_skipped']:,} proven equal by fingerprints alone")
        rows, complete = self.recovered(planted, found)
        print()
        for number, row in enumerate((("planted", "", "found", "cause named", "by cause as planted"), *rows)):
            print(f"    {row[0]:<20}{row[1]:>4}{row[2]:>8}  {row[3]:<28}{row[4]:>20}".rstrip())
            if number == 0:
                print("    " + "-" * 80)
        print()
        report = os.path.join(ROOT, "build", "demo-report.html")  # stays when the demo is gone
        with contextlib.suppress(FileNotFoundError):
            os.remove(report)
        self.twinpost("compare", "report", outcome["result"], "--output", report)
        say("verdict", f"{outcome['verdict']}: {outcome['open']} open differences, {len(planted)} were planted")
        say("report", report)
        self.evidence()
        return complete

    def evidence(self):
        """The signed pack of the comparison, verified with openssl and sha256sum alone."""
        pack = os.path.join(self.directory, "pack")
        # What is to be signed lists every document, also those that fingerprints prove equal.
        result = json.loads(self.twinpost("compare", "run", "--full", "--json", good=(0, 1)))["result"]
        self.twinpost("compare", "sign", result, "--output", pack)
        script = os.path.join(ROOT, "docs", "compare", "verify", "verify-pack.sh")
        done = subprocess.run([script, pack, "--key", self.agent_key], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode:
            raise Failure(f"the pack does not verify: {done.stderr.strip() or done.stdout.strip()}")
        say("evidence", "a pack signed by the agent; verify-pack.sh (openssl, sha256sum) agrees with it")

    @staticmethod
    def recovered(planted, found):
        """Rows of the table of kinds, and whether everything planted was found and nothing else."""
        by_subject = {}
        for line in found:
            for side in ("legacy", "cloud"):
                if line[side]:
                    by_subject[line[side]["subject"]] = line
        kinds = collections.defaultdict(lambda: [0, 0, collections.Counter(), 0])
        explained = set()
        for one in planted:
            kind = kinds[one["kind"]]
            kind[0] += 1
            lines = [by_subject[subject] for subject in (*one["legacy"], *one["cloud"]) if subject in by_subject]
            explained.update(line["key"] for line in lines)
            # What is posted as one, or in parts, with exact sums is no difference.
            seen = not lines if one["status"] == "matched" else any(line["status"] == one["status"] for line in lines)
            kind[1] += seen
            kind[2].update({lines[0]["cause"]} if lines else {"sums agree"} if seen else ())
            kind[3] += (lines[0]["cause"] == one["cause"]) if lines else seen
        rows = [(name.replace("_", " "), kind[0], kind[1], ", ".join(sorted(kind[2])), f"{kind[3]} of {kind[0]}")
                for name, kind in sorted(kinds.items())]
        invented = [line for line in found if line["key"] not in explained]
        if invented:
            rows.append(("nothing planted", 0, len(invented), "invented", ""))
        return rows, not invented and all(row[1] == row[2] for row in rows)

    # Ending.

    def settings(self):
        """Writes the folder `middleware`: what docs/contract/README.md works with, and short names for the commands."""
        folder = os.path.join(self.directory, "middleware")
        os.mkdir(folder)
        self.tool("certificates", self.certificates, "--client", "billing", "--as", "billing")
        for origin, name in ((f"{self.certificates}/ca.crt", "ca.crt"), (f"{self.certificates}/billing.crt", "billing.crt"),
                             (f"{self.certificates}/billing.key", "billing.key"), (self.agent_key, "agent.pem"),
                             (self.cloud_key, "cloud.key"), (self.cloud_key + ".pub", "cloud.pem")):
            shutil.copy(origin, os.path.join(folder, name))
        database = os.path.join(self.directory, "cloud.db")
        text = f"""# Settings of this demo, for bash: the middleware's side as in docs/contract/README.md, and short names. Use it as:
#   cd {folder} && . ./settings
where=(-V 5 -h {servers.LOOPBACK} -p {self.broker.port} --cafile ca.crt --cert billing.crt --key billing.key)
agent={TENANT}/{GATEWAY} stream=00001
export PATH="$PATH:{ROOT}/docs/contract/verify:{TOOLS}" TWINPOST_PROFILES={ROOT}/config/profiles
# The reference consumer: node {ROOT}/docs/contract/consumer/consumer.mjs
export TP1_HOST={servers.LOOPBACK} TP1_PORT={self.broker.port} TP1_CA={folder}/ca.crt TP1_CERT={folder}/billing.crt
export TP1_KEY={folder}/billing.key TP1_TENANT={TENANT} TP1_GATEWAY={GATEWAY} TP1_STATE={folder}/state
export TP1_AGENT_KEY={folder}/agent.pem TP1_CLOUD_KEY={folder}/cloud.key
agent_pid={self.agent.process.pid} cloud_pid={self.cloud.pid} broker_pid={self.broker.process.pid}
agent_log={self.agent.log}
twinpost() {{ {agents.program()} "$@" --config {self.agent.config_file}; }}
erp() {{ local verb=$1; shift; sample-erp "$verb" --database {self.erp} "$@"; }}
cloud() {{
    local verb=$1; shift
    case $verb in
    command) sample-cloud command --host {servers.LOOPBACK} --port {self.broker.port} --ca "$TP1_CA" --cert "$TP1_CERT" \\
        --key "$TP1_KEY" --tenant {TENANT} --gateway {GATEWAY} --agent-key "$TP1_AGENT_KEY" --cloud-key "$TP1_CLOUD_KEY" "$@" ;;
    *) sample-cloud "$verb" --database {database} "$@" ;;
    esac
}}
stop_demo() {{
    kill "$agent_pid" "$cloud_pid" "$broker_pid" 2>/dev/null
    timeout 20 tail --pid "$agent_pid" -f /dev/null
    cd / && rm -rf {self.directory} {self.broker.directory}
}}
"""
        with open(os.path.join(folder, "settings"), "w", encoding="utf-8") as file:
            file.write(text)
        return folder

    def commands(self):
        """What to try while it runs."""
        folder = self.settings()
        with contextlib.closing(sqlite3.connect(self.cloud_file)) as connection:
            subject = connection.execute("SELECT subject FROM documents WHERE kind = 'invoice' ORDER BY subject LIMIT 1").fetchone()
        subject = subject[0] if subject else "00001/journal/2024/JE-1"
        print(f"\n  Left running. In bash, and in as many shells as you like:\n\n    cd {folder} && . ./settings\n")
        for command, text in (
                ("twinpost status", "how the agent is; --watch goes on showing it"),
                (f"twinpost trace {subject}", "one document's life"),
                ("twinpost queue", "what waits"),
                ("erp post --documents 50 --edit 5 --void 2", "post and change more"),
                ("erp post --documents 0 --spoil unbalanced", "a bad one; then:"),
                ("twinpost exceptions", "what waits for a person"),
                ("twinpost compare show", "the newest comparison in ten lines"),
                ("twinpost compare diff", "its differences; with a KEY one in full"),
                ("twinpost compare exceptions", "what people have to decide about them"),
                ("erp totals", "what the ERP holds"),
                ("cloud totals", "what the cloud holds"),
                ("cloud verify", "prove it"),
                ("cloud command replay stream=00001 from=1 to=3", "a signed command"),
                ("cloud command proof.get stream=00001 sequence=2", "another"),
                ("tail -f $agent_log", "the agent's log"),
                ("stop_demo", "ends and removes all of it")):
            print(f"    {command:<50}{text}")
        print("\n  As a consumer of your own: docs/contract/README.md, Ten minutes\n")

    def last_words(self):
        """The ends of all logs, after a failure."""
        logs = [("sample cloud", self.cloud_log), ("broker", self.broker.log if self.broker else ""),
                ("agent", self.agent.log if self.agent else "")]
        for name, path in logs:
            with contextlib.suppress(OSError):
                with open(path, encoding="utf-8", errors="replace") as file:
                    lines = file.readlines()[-12:]
                if lines:
                    print(f"\n  last lines of the {name}'s log ({path}):", file=sys.stderr)
                    print("".join("    " + line for line in lines).rstrip(), file=sys.stderr)
        print(f"\n  the logs are kept in {self.directory}", file=sys.stderr)

    def end(self, keep_logs):
        """Stops what was started, in the order of the way, and removes it."""
        for part in (self.agent.process if self.agent else None, self.cloud):
            if part is not None and part.poll() is None:
                part.terminate()
                try:
                    part.wait(20)
                except subprocess.TimeoutExpired:
                    part.kill()
                    part.wait()
        if self.agent:
            self.agent.close()
        if self.broker:
            self.broker.halt()
            if not keep_logs:
                self.broker.stop()
        if not keep_logs:
            shutil.rmtree(self.directory, ignore_errors=True)

    def run(self):
        """The whole demo; True if all was equal."""
        begun = time.monotonic()
        self.prepare()
        self.agent.start()
        seconds = self.watch("agent", self.documents)
        say("", f"{self.documents / max(seconds, 0.001):,.0f} documents a second, from the ERP's rows to the cloud's books")
        equal = self.compare(table=True)
        self.post_more()
        equal = self.compare(table=False) and equal
        self.receipts()
        equal = self.compare_ledgers() and equal
        text = colour("equal", "32;1") if equal else colour("NOT EQUAL", "31;1")
        say("result", f"{text} on both sides but for what was planted, in {time.monotonic() - begun:.0f} s")
        return equal


def main():
    """Runs the demo and cleans up; returns the exit code."""
    parser = argparse.ArgumentParser(prog="demo")
    parser.add_argument("--documents", type=int, default=2000, metavar="N")
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    if arguments.documents < 1:
        parser.error("--documents takes 1 or more")

    def interrupted(number, _frame):
        raise KeyboardInterrupt(number)
    # Also where the shell that started us ignores it, as for a command in the background.
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    signal.signal(signal.SIGHUP, interrupted)
    demo, equal, kept = Demo(arguments.documents, arguments.keep), False, False
    try:
        equal = demo.run()
        if arguments.keep:
            demo.commands()
            kept = True
        if not equal:
            demo.last_words()
        return 0 if equal else 1
    except KeyboardInterrupt:
        print("\n  interrupted; cleaning up", file=sys.stderr)
        equal = True  # nothing is wrong: no logs are kept
        return 130
    except (Failure, servers.ServerError, agents.AgentError, ledger.databases.DatabaseError, sqlite3.Error, OSError) as error:
        print(f"\n  {colour('failed', '31;1')}: {error}", file=sys.stderr)
        demo.last_words()
        return 1
    finally:
        if not kept:
            demo.end(keep_logs=not equal)


if __name__ == "__main__":
    sys.exit(main())
