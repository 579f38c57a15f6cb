"""test_contract_schemas.py - schemas, AsyncAPI document and samples, judged by the tools that others use.

Why:   the contract's machine-readable part is for Ajv and the AsyncAPI parser; if they refuse it, nobody can use it.
Rules: 1. Schemas of documents equal what build/schemas prints from the product's tables.
       2. Samples are judged by the open schemas, as shipped, and by strict twins (tests/contract_tools/check.js).
       3. What an agent ever sent is valid by the newest schema, and the newest samples are valid by the oldest one.
Runs in: tools/test (unit); needs node and tests/contract_tools/node_modules, which tools/setup --test installs.
"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CONTRACT = os.path.join(ROOT, "docs", "contract")
SCHEMAS = os.path.join(CONTRACT, "schemas")
TOOLS = os.path.join(ROOT, "tests", "contract_tools")
BUILD = os.environ.get("TWINPOST_BUILD", os.path.join(ROOT, "build"))
sys.dont_write_bytecode = True

DOCUMENTS = ("journal", "invoice", "credit_memo", "payment", "customer", "usage")
STATES = ("birth", "heartbeat", "death")


def text_of(*path):
    """A file below docs/contract."""
    with open(os.path.join(CONTRACT, *path), encoding="utf-8") as file:
        return file.read()


def schema_files():
    """All schemas."""
    return sorted(glob.glob(os.path.join(SCHEMAS, "*.schema.json")))


# A machine without the npm registry runs everything else.
INSTALLED = shutil.which("node") and os.path.isdir(os.path.join(TOOLS, "node_modules", "ajv"))


def versions_of():
    """{"event": ["urn:twinpost:schema:event:1.0", ...]}: the versions of each schema, oldest first."""
    found = {}
    for file in schema_files():
        name, version = os.path.basename(file).removesuffix(".schema.json").rsplit("-", 1)
        found.setdefault(name, []).append(([int(part) for part in version.split(".")], f"urn:twinpost:schema:{name}:{version}"))
    return {name: [urn for _, urn in sorted(urns)] for name, urns in found.items()}


def urn_of(schema):
    """The schema's id: itself, or the newest version of a name."""
    return schema if schema.startswith("urn:") else versions_of().get(schema, [f"urn:twinpost:schema:{schema}:1.0"])[-1]


def check(jobs, asyncapi=None):
    """The answer of check.js; jobs: [(schema's name, strict, value)] or urns."""
    urns = [{"schema": urn_of(name), "strict": strict, "value": value} for name, strict, value in jobs]
    request = json.dumps({"schemas": schema_files(), "jobs": urns, "asyncapi": asyncapi})
    done = subprocess.run(["node", os.path.join(TOOLS, "check.js")], input=request, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def note_text(note):
    """The signed text of a note."""
    return note[:note.rindex("\n\n") + 1]


def parts_of(topic, payload):
    """[(schema, value)] by which a message is judged; a note alone has none but the pattern in asyncapi.yaml."""
    kind = "/".join(topic.split("/")[3:5])
    if kind == "dn/cmd":
        lines = dict(line.split(" ", 1) for line in note_text(payload).split("\n")[1:] if line)
        return [(f"command-{lines['command']}", json.loads(lines["body"]))]
    if not payload.startswith("{"):
        return []
    value = json.loads(payload)
    if kind in ("up/post", "up/replay"):
        if value["type"] == "com.twinpost.posting.batch.v1":
            return [("batch", value)]
        known = os.path.join(SCHEMAS, "-".join(value["dataschema"].split(":")[3:5]) + ".schema.json")
        return [("event", value)] + ([(value["dataschema"], value["data"])] if os.path.exists(known) else [])
    if kind == "up/state":
        return [(f"state-{value['kind']}", value)]
    if kind == "dn/post":
        return [("cloud", value), (f"urn:twinpost:schema:{value['data']['type']}:1.1", value["data"])]
    found = [(kind.split("/")[1], value)]
    if value.get("command") == "proof.get" and value.get("state") == "done":
        found.append(("proof", value["result"]))
    if value.get("command") == "posting" and value.get("state") == "done":
        found.append(("posting", value["result"]))
    return found


def messages(*path):
    """The messages of a samples file."""
    return [json.loads(line) for line in text_of("samples", *path).splitlines()]


def sample_files(skip=("invalid",)):
    """[(folder, file)] of all message files made by the script."""
    paths = sorted(glob.glob(os.path.join(CONTRACT, "samples", "*", "*.jsonl")))
    return [tuple(path.split(os.sep)[-2:]) for path in paths if path.split(os.sep)[-2] not in skip]


class GeneratorTest(unittest.TestCase):
    """The schemas of documents."""

    def program(self, *arguments):
        """build/schemas."""
        return subprocess.run([os.path.join(BUILD, "schemas"), *arguments], capture_output=True, text=True, check=False)

    def test_files_are_what_the_tables_say(self):
        """Each file equals the program's output; the names are those of the six types in version 1.1."""
        self.assertEqual(self.program().stdout.split(), [f"{name}-1.1" for name in DOCUMENTS])
        for name in DOCUMENTS:
            done = self.program(name)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, text_of("schemas", f"{name}-1.1.schema.json"), f"{name}: run make schemas")

    def test_usage(self):
        """Another type, or two: exit 2."""
        for arguments in (("contract",), ("journal", "invoice"), ("creditmemo",)):
            done = self.program(*arguments)
            self.assertEqual((done.returncode, done.stdout), (2, ""))
            self.assertIn("usage: schemas", done.stderr)

    def test_a_full_disk_is_told(self):
        """What cannot be written: exit 1, not a cut schema that looks well."""
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([os.path.join(BUILD, "schemas"), "journal"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("cannot write", done.stderr)

    def test_documentation_lists_the_same_fields(self):
        """The tables of events.md hold each field once, with kind, whether it is always there, and meaning, as the schema."""
        tables = documented_tables()
        for name in DOCUMENTS:
            schema = json.loads(text_of("schemas", f"{name}-1.1.schema.json"))
            page = "invoice" if name == "credit_memo" else name
            sections = {key: part for key, part in schema["properties"].items() if part.get("type") == "array"}
            header = dict(tables["header"], **tables[page])
            self.assertEqual(fields_of(schema, sections), header, name)
            for key, part in sections.items():
                self.assertEqual(fields_of(part["items"], ()), tables[f"{page} {key}"], f"{name} {key}")


KINDS = {"amount": "amount", "amount_local": "amount in `local_currency`", "amount_group": "amount in `group_currency`",
         "currency": "text", "year": "integer", "period": "integer"}


def fields_of(schema, sections):
    """{field: (kind, always, meaning)} of a schema. A header's currency is required where amounts are, not always."""
    found = {}
    for key, part in schema["properties"].items():
        if key not in sections:
            form = part.get("$ref", "#/$defs/text").rsplit("/", 1)[1]
            always = "yes" if key in schema["required"] and key != "currency" else ""
            found[key] = (KINDS.get(form, form), always, part["description"])
    return found


def documented_tables():
    """{"header", "journal", "journal lines", ...: {field: (kind, always, meaning)}} of events.md."""
    tables, title = {}, None
    for line in text_of("events.md").split("\n"):
        if line.startswith("Header of every type"):
            title = "header"
        elif match := re.match(r"\*\*(\w+)\*\*", line):
            title = match.group(1)
        elif match := re.match(r"`(\w+)` of an? (\w+):", line):
            title = f"{match.group(2)} {match.group(1)}"
        elif title and (match := re.match(r"\| `(\w+)` \| ([^|]+) \|([^|]*)\| (.+) \|$", line)):
            tables.setdefault(title, {})[match.group(1)] = (match.group(2), match.group(3).strip(), match.group(4))
        elif line.startswith("## ") and tables:
            title = None
    return tables


@unittest.skipUnless(INSTALLED, "node or the packages of tests/contract_tools are not installed; run tools/setup --test")
class SchemasTest(unittest.TestCase):
    """All schemas and samples, by Ajv."""

    def test_schemas_themselves(self):
        """Each file is valid by the metaschema of 2020-12; its $id is its name; it refers to itself alone."""
        answer = check([])
        self.assertEqual({file: errors for file, errors in answer["metaschema"].items() if errors}, {})
        self.assertGreaterEqual(len(answer["metaschema"]), 25)
        for file in schema_files():
            with open(file, encoding="utf-8") as opened:
                text = opened.read()
            name, version = os.path.basename(file).removesuffix(".schema.json").rsplit("-", 1)
            self.assertEqual(json.loads(text)["$id"], f"urn:twinpost:schema:{name}:{version}")
            self.assertEqual(set(re.findall(r'"\$ref": "(.)', text)) - {"#"}, set(), file)

    def test_samples_are_valid(self):
        """Every message of every folder but invalid/, by the open schema and, where nothing is unknown in it, by the strict."""
        jobs, places = [], []
        for folder, file in sample_files():
            for number, message in enumerate(messages(folder, file), 1):
                for schema, value in parts_of(message["topic"], message["payload"]):
                    strict = "colour" not in message["payload"] and '"reason":"expired"' not in message["payload"] or schema == "res"
                    for twin in (False, True) if strict else (False,):
                        jobs.append((schema, twin, value))
                        places.append((folder, file, number, schema, twin))
        answer = check(jobs)["jobs"]
        self.assertEqual([(place, errors) for place, errors in zip(places, answer) if errors], [])
        used = {schema for schema, _, _ in jobs}
        # key is the data of an event in rotated/; every schema has a sample, in its newest version
        self.assertEqual({urns[-1] for urns in versions_of().values()} - {urn_of(name) for name in used}, set())

    def test_unknown_members_pass_the_open_and_fail_the_strict(self):
        """An attribute and a phase that nobody knows yet: consumers take them, the strict twin names both."""
        event = next(json.loads(message["payload"]) for message in messages("valid", "messages.jsonl")
                     if '"colour"' in message["payload"])
        open_errors, strict_errors = check([("event", False, event), ("event", True, event)])["jobs"]
        self.assertEqual(open_errors, [])
        self.assertEqual({(error["keyword"], error["at"]) for error in strict_errors},
                         {("additionalProperties", ""), ("enum", "/phase"), ("enum", "/type")})

    def test_invalid_ones_fail_for_the_reason_named(self):
        """Each message of invalid/ breaks the keyword at the place that `breaks` names, and nothing else."""
        expected = json.loads(text_of("samples", "invalid", "expected.json"))["messages.jsonl"]["verdicts"]
        for message, verdict in zip(messages("invalid", "messages.jsonl"), expected):
            with self.subTest(verdict):
                schema, keyword, place = verdict["breaks"].split(" ", 2)
                parts = dict(parts_of(message["topic"], message["payload"]))
                if schema == "bytes:":
                    continue
                value = parts.get(schema, parts.get(urn_of(schema)))
                open_errors, strict_errors = check([(schema, False, value), (schema, True, value)])["jobs"]
                if keyword == "strict":
                    self.assertEqual((open_errors, len(strict_errors)), ([], 1))
                    self.assertEqual(f"/{strict_errors[0]['params']['additionalProperty']}", place)
                    continue
                found = {(error["keyword"], error["params"].get("missingProperty", error["at"])) for error in open_errors}
                self.assertEqual(found - {("if", "")}, {(keyword, place)})

    def test_limits_at_their_edges(self):
        """200 outcomes pass and 201 fail; so do 64 and 65 characters of an id; so do 0, 1 and 200, 201 subjects of resend."""
        outcome = {"subject": "1/journal/2025/1", "revision": 1, "outcome": "BOOKED"}
        cases = [("ack", {"id": "a" * 64, "outcomes": [outcome] * 200}, []), ("ack", {"id": "a", "outcomes": [outcome] * 201}, ["maxItems"]),
                 ("ack", {"id": "a" * 65, "outcomes": [outcome]}, ["pattern"]), ("ack", {"id": "", "outcomes": [outcome]}, ["pattern"]),
                 ("command-resend", {"subjects": []}, ["minItems"]), ("command-resend", {"subjects": ["1/a/1/1"] * 200}, []),
                 ("command-resend", {"subjects": ["1/a/1/1"] * 201}, ["maxItems"]),
                 ("command-pause", {}, ["oneOf", "required", "required"]), ("command-pause", {"source": "erp", "stream": "1"}, ["oneOf"]),
                 ("command-replay", {"stream": "a" * 63, "from": 1, "to": 1}, []),
                 ("command-replay", {"stream": "a" * 64, "from": 0, "to": 2**53}, ["maxLength", "maximum", "minimum"])]
        answers = check([(schema, False, value) for schema, value, _ in cases])["jobs"]
        for (schema, value, expected), errors in zip(cases, answers):
            self.assertEqual(sorted(error["keyword"] for error in errors), expected, (schema, str(value)[:80]))

    def test_evolution(self):
        """Every version's history is valid by the newest schemas, and today's samples by the oldest of each."""
        ordered, jobs = versions_of(), []
        name_of = lambda schema: urn_of(schema).split(":")[3]  # noqa: E731
        history = sorted(glob.glob(os.path.join(CONTRACT, "samples", "history", "*", "*.jsonl")))
        self.assertTrue(history)
        for path in history:
            for message in messages(os.path.relpath(path, os.path.join(CONTRACT, "samples"))):
                jobs += [(ordered[name_of(schema)][-1], False, value)
                         for schema, value in parts_of(message["topic"], message["payload"])]
        for folder, file in sample_files():
            for message in messages(folder, file):
                jobs += [(ordered[name_of(schema)][0], False, value)
                         for schema, value in parts_of(message["topic"], message["payload"])]
        self.assertEqual([error for error in check(jobs)["jobs"] if error], [])


TOPICS = {"tp1/{tenant}/{gateway}/up/post/{stream}", "tp1/{tenant}/{gateway}/up/replay/{stream}",
          "tp1/{tenant}/{gateway}/up/ckpt/{stream}", "tp1/{tenant}/{gateway}/up/state", "tp1/{tenant}/{gateway}/up/metric",
          "tp1/{tenant}/{gateway}/up/exc", "tp1/{tenant}/{gateway}/up/res", "tp1/{tenant}/{gateway}/dn/ack/{stream}",
          "tp1/{tenant}/{gateway}/dn/cmd", "tp1/{tenant}/{gateway}/dn/post/{stream}", "tp1/{tenant}/{gateway}/up/cmp"}


@unittest.skipUnless(INSTALLED, "node or the packages of tests/contract_tools are not installed; run tools/setup --test")
class AsyncApiTest(unittest.TestCase):
    """asyncapi.yaml, by AsyncAPI's own parser."""

    def test_document(self):
        """No error and no warning; a channel for each topic; a consumer receives what goes up and sends what goes down."""
        answer = check([], os.path.join(CONTRACT, "asyncapi.yaml"))["asyncapi"]
        self.assertEqual([(found["code"], found["message"], found["path"]) for found in answer["diagnostics"] if found["severity"] < 2], [])
        self.assertEqual(set(answer["channels"]), TOPICS)
        actions = dict(answer["operations"])
        self.assertEqual({action for name, action in actions.items() if name.startswith(("take", "watch"))}, {"receive"})
        self.assertEqual({action for name, action in actions.items() if name.startswith(("return", "tell", "command"))}, {"send"})
        self.assertEqual(len(actions), sum(name.startswith(("take", "watch", "return", "tell", "command")) for name in actions))

    def test_examples(self):
        """Every message has an example that its schema takes and that is a sample of samples/valid, word for word."""
        answer = check([], os.path.join(CONTRACT, "asyncapi.yaml"))["asyncapi"]
        payloads = [message["payload"] for folder in ("valid", "rotated") for message in messages(folder, "messages.jsonl")]
        samples = payloads + [json.loads(payload) for payload in payloads if payload.startswith("{")]
        self.assertGreaterEqual(len(answer["examples"]), 12)
        for message in answer["examples"]:
            self.assertGreaterEqual(message["count"], 1, message["message"])
            self.assertEqual([errors for errors in message["errors"] if errors], [], message["message"])
            for payload in message["payloads"]:
                self.assertIn(payload, samples, message["message"])


if __name__ == "__main__":
    unittest.main()
