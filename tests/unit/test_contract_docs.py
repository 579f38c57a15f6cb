"""test_contract_docs.py - the contract's pages: their commands work, their links lead somewhere, their duties are numbered.

Why:   a command that fails on the first page is the last thing a new developer reads.
Rules: the shell blocks are run as they stand; only the broker's address and what waits for ever are replaced.
Runs in: tools/test (unit); one test starts a Mosquitto with mutual TLS.
"""

import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import paho.mqtt.client as mqtt

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONTRACT = os.path.join(ROOT, "docs", "contract")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))

import contract_judge as judges  # noqa: E402
import servers  # noqa: E402

PAGES = ("README.md", "events.md", "proof.md", "outcomes.md", "commands.md", "state.md", "brokers.md", "evolution.md", "musts.md",
         "postings.md", "comparisons.md",
         os.path.join("samples", "README.md"))
PREFIX = "tp1/acme/plant-1"


def page(name):
    """The text of a page."""
    with open(os.path.join(CONTRACT, name), encoding="utf-8") as file:
        return file.read()


def blocks(name, language):
    """The fenced blocks of a page in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.S | re.M)


def samples():
    """The messages of samples/valid."""
    return [json.loads(line) for line in page("samples/valid/messages.jsonl").splitlines()]


def shell(directory, script):
    """bash -e in a directory; its output."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=directory, capture_output=True, text=True, timeout=60,
                          check=False)
    if done.returncode != 0:
        raise AssertionError(f"exit {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done.stdout


class Listener:
    """A subscriber of dn/# that keeps what comes; a command is followed by the events of up/replay/00001."""

    def __init__(self, broker, certificates):
        self.messages = []
        self.client = mqtt.Client("test-listener") if not hasattr(mqtt, "CallbackAPIVersion") else mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION1, "test-listener")
        self.client.tls_set(os.path.join(certificates, "ca.crt"), os.path.join(certificates, "billing.crt"),
                            os.path.join(certificates, "billing.key"))
        self.client.on_message = self.take
        self.ready = False
        self.client.on_subscribe = lambda *_: setattr(self, "ready", True)
        self.client.connect(servers.LOOPBACK, broker.port)
        self.client.subscribe(f"{PREFIX}/dn/#", 1)
        self.client.loop_start()
        servers.wait_for("the listener", lambda: self.ready)

    def take(self, client, _data, message):
        """Keeps a message, and replays."""
        self.messages.append((message.topic, message.payload.decode()))
        if message.topic.endswith("dn/cmd"):
            for sample in samples():
                if sample["topic"] == f"{PREFIX}/up/post/00001" and "batch" not in json.loads(sample["payload"])["type"]:
                    client.publish(f"{PREFIX}/up/replay/00001", sample["payload"], 1)

    def retain(self, topic, payload):
        """Publishes for those who subscribe later."""
        self.client.publish(topic, payload, 1, True).wait_for_publish(20)

    def close(self):
        """Ends it."""
        self.client.disconnect()
        self.client.loop_stop()


class TenMinutesTest(unittest.TestCase):
    """README.md, Ten minutes, against a real Mosquitto."""

    def test_in_order(self):
        """Subscribe, look, verify, acknowledge, replay: each command works, and what it sends is right by the judge."""
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([os.path.join(ROOT, "tools", "certificates"), directory, "--server", "localhost,127.0.0.1"], check=True,
                           stdout=subprocess.DEVNULL)
            subprocess.run([os.path.join(ROOT, "tools", "certificates"), directory, "--client", "billing", "--as", "billing"],
                           check=True, stdout=subprocess.DEVNULL)
            with open(os.path.join(directory, "agent.pem"), "w", encoding="utf-8") as file:
                file.write(page("samples/keys/agent.pem"))
            with servers.Mosquitto(certificates=directory) as broker:
                listener = Listener(broker, directory)
                try:
                    self.follow(directory, broker, listener)
                finally:
                    listener.close()

    def follow(self, directory, broker, listener):
        """Runs the blocks and looks at what they did."""
        events = [message for message in samples() if "/up/post/00001" in message["topic"]]
        note = next(message for message in samples() if "/up/ckpt/00001" in message["topic"])
        listener.retain(events[0]["topic"], events[0]["payload"])
        listener.retain(note["topic"], note["payload"])
        script = "".join(blocks("README.md", "bash"))
        self.assertIn("-h broker.example.com -p 8883", script)
        script = script.replace("-h broker.example.com -p 8883", f"-h {servers.LOOPBACK} -p {broker.port}")
        script = script.replace("-F '%t %p'", "-F '%t %p' -C 2 -W 20").replace("-q 1 -C 1", "-q 1 -W 20 -C 1")
        script = f"PATH=$PATH:{CONTRACT}/verify\n{script}"
        output = shell(directory, script)
        self.assertIn(f"{PREFIX}/up/post/00001 {events[0]['payload']}", output)
        self.assertIn('"subject": "00001/journal/2025/JE-1"', output)
        self.assertIn("Verified OK", output)
        self.assertIn("checkpoint: size 9, root and chain are those of the events; signed by acme/plant-1", output)
        servers.wait_for("three messages", lambda: len(listener.messages) == 3, explain=lambda: str(listener.messages))
        sent = {topic.removeprefix(f"{PREFIX}/") + (" {" if payload.startswith("{") else ""): payload for topic, payload in
                listener.messages}
        with open(os.path.join(directory, "cloud.pem"), encoding="utf-8") as file:
            cloud = judges.spki(file.read())
        receipt = judges.Note(sent["dn/ack/00001"])
        self.assertEqual(receipt.signers([judges.spki(page("samples/keys/agent.pem")), cloud]),
                         [judges.spki(page("samples/keys/agent.pem")), cloud])
        self.assertEqual(receipt.text, judges.Note(note["payload"]).text)
        command = judges.Note(sent["dn/cmd"])
        self.assertEqual(command.signers([cloud]), [cloud])
        self.assertRegex(command.text, r"\Atp1/cmd/v1\ntarget acme/plant-1\nid replay-\d+\nexpires \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z\n"
                                       r'command replay\nbody \{"from":1,"stream":"00001","to":9\}\n\Z')
        newest = next(json.loads(message["payload"]) for message in reversed(samples()[:11]) if ".journal." in message["payload"])
        self.assertEqual(json.loads(sent["dn/ack/00001 {"])["outcomes"],
                         [{"subject": newest["subject"], "revision": newest["revision"], "outcome": "BOOKED", "document": "4711",
                           "date": "2026-11-21"}])


class ShellTest(unittest.TestCase):
    """The other pages' shell blocks."""

    def test_event_by_hand(self):
        """proof.md: the block gives the figures that the page prints, for the event that events.md prints."""
        event = next(line for line in page("events.md").split("\n") if line.startswith('{"chainhash"'))
        expected = re.search(r"^(H\(data\) .*?)\n```", page("proof.md"), re.S | re.M).group(1)
        previous = re.search(r"^\$ (previous=[0-9a-f]{64})$", page("proof.md"), re.M).group(1)
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "event.json"), "w", encoding="utf-8") as file:
                file.write(event)
            self.assertEqual(shell(directory, previous + "\n" + blocks("proof.md", "bash")[0]).rstrip(), expected)
        self.assertIn("1,205 bytes", page("events.md"))
        self.assertEqual(len(event.encode()), 1205)

    def test_checkpoint_by_openssl(self):
        """proof.md: the second block verifies the sample's checkpoint, and not one that was changed."""
        note = next(message["payload"] for message in samples() if "/up/ckpt/" in message["topic"])
        for text, good in ((note, True), (note.replace("\n9\n", "\n8\n"), False)):
            with tempfile.TemporaryDirectory() as directory:
                for name, content in (("ckpt.note", text), ("agent.pem", page("samples/keys/agent.pem"))):
                    with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                        file.write(content)
                if good:
                    self.assertEqual(shell(directory, blocks("proof.md", "bash")[1]), "Verified OK\n")
                else:
                    self.assertRaises(AssertionError, shell, directory, blocks("proof.md", "bash")[1])
        shown = re.search(r"^    urn:twinpost:acme:plant-1:00001.*?^    time \S+$", page("proof.md"), re.S | re.M).group(0)
        self.assertEqual([line.split("  ")[0] for line in (line.strip() for line in shown.split("\n"))], note.split("\n")[:5])

    def test_command_by_openssl(self):
        """commands.md: the block makes a command that a judge with the public key accepts."""
        with tempfile.TemporaryDirectory() as directory:
            shell(directory, "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out cloud.key\n"
                             "openssl pkey -in cloud.key -pubout -out cloud.pem\n" + blocks("commands.md", "bash")[0])
            with open(os.path.join(directory, "command.note"), encoding="utf-8") as file:
                note = file.read()
            with open(os.path.join(directory, "cloud.pem"), encoding="utf-8") as file:
                judge = judges.Judge(page("samples/keys/agent.pem"), file.read())
            self.assertEqual(judge.judge(f"{PREFIX}/dn/cmd", note), ("accept", None))

    def test_batch_by_python(self):
        """events.md: the one-liner unpacks the sample's batch into whole events."""
        command = re.search(r"^\$ (sed -n '/posting.batch.*?)\n```", page("events.md"), re.S | re.M).group(1)
        lines = shell(CONTRACT, command.replace(" | cut -c1-100", "")).splitlines()
        self.assertEqual([json.loads(line)["sequence"] for line in lines], ["00000000000000000010", "00000000000000000011"])

    def test_json_blocks(self):
        """Every JSON block of every page is JSON."""
        count = 0
        for name in PAGES:
            for text in blocks(name, "json"):
                json.loads(text)
                count += 1
        self.assertGreaterEqual(count, 5)


class PagesTest(unittest.TestCase):
    """Links, duties, and words that belong to one place."""

    def test_links(self):
        """Each relative link of each page is a file or a folder."""
        for name in PAGES:
            for target in re.findall(r"\]\(([^)#:]+)\)", page(name)):
                path = os.path.normpath(os.path.join(CONTRACT, os.path.dirname(name), target))
                self.assertTrue(os.path.exists(path), f"{name}: {target}")

    def test_every_page_is_linked(self):
        """README.md names every page."""
        linked = set(re.findall(r"\]\(([^)#:]+)\)", page("README.md")))
        found = {os.path.basename(path) for path in glob.glob(os.path.join(CONTRACT, "*.md"))} - {"README.md"}
        self.assertEqual(found - linked, set())

    def test_duties(self):
        """musts.md: ids are unique and in order within their family; each names a sample that is there."""
        rows = re.findall(r"^\| `(tp1-[a-z]{3})-(\d{3})` \| ([^|]+) \| \[\w+\]\((\w+\.md)\) \| ([^|]+) \|$", page("musts.md"), re.M)
        self.assertEqual(len(rows), page("musts.md").count("| `tp1-"))
        numbers = {}
        for family, number, _, _, _ in rows:
            numbers.setdefault(family, []).append(int(number))
        for family, found in numbers.items():
            self.assertEqual(found, list(range(1, len(found) + 1)), family)
        for family, number, _, _, cases in rows:
            for case in re.findall(r"`([^`]+)`", cases):
                path = os.path.join(CONTRACT, "samples", case)
                self.assertTrue(os.path.isdir(path) or os.path.exists(path + ".jsonl"), f"{family}-{number}: {case}")

    def test_refusals_and_outcomes_are_those_of_the_schemas(self):
        """The lists in the pages hold the words of the schemas, in their order."""
        def known(schema, *path):
            part = json.loads(page(f"schemas/{schema}-1.0.schema.json"))
            for key in path:
                part = part[key]
            return part["anyOf"][0]["enum"]
        self.assertEqual(re.findall(r"^\| `([a-z-]+)` \| ", page("commands.md").split("the first that fails")[1], re.M),
                         known("res", "properties", "reason"))
        outcomes = ("properties", "outcomes", "items", "properties")
        line = next(line for line in page("outcomes.md").split("\n") if line.startswith("| `outcome`"))
        self.assertEqual(re.findall(r"`([A-Z]+)`", line), known("ack", *outcomes, "outcome"))
        line = next(line for line in page("outcomes.md").split("\n") if line.startswith("| `class`"))
        self.assertEqual(re.findall(r"`([a-z_]+)`", line)[1:], known("ack", *outcomes, "class"))
        commands = {os.path.basename(path).removeprefix("command-").removesuffix("-1.0.schema.json")
                    for path in glob.glob(os.path.join(CONTRACT, "schemas", "command-*"))}
        rows = page("commands.md").split("| command | body")[1].split("\n\n")[0]
        self.assertEqual({word for row in re.findall(r"^\| (`[^|]+`) \|", rows, re.M) for word in re.findall(r"`([a-z.]+)`", row)},
                         commands)


if __name__ == "__main__":
    unittest.main()
