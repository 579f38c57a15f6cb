"""command.py - one signed command and its result.

Why:   an operator of the cloud side asks the agent for something: a replay, a proof, a pause.
Owns:  one MQTT connection of its own, gone with the result.
Rules: 1. It listens on up/res before it sends; the id is fresh unless given, so a repetition with the same id does nothing twice.
       2. "accepted" is followed by "done" or "failed": it waits for that.
       3. A proof is checked here: signature, size and path (given the agent's key).
Faults: no result in time: exit 1 and the id, with which the same command can be repeated.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_consumer_cloud.py
"""

import json
import ssl
import sys
import time
import uuid

import paho.mqtt.client as mqtt

from . import mail, merkle, note, trust

_NUMBERS = ("from", "to", "epoch", "sequence", "size")


def body_of(words):
    """The body from MEMBER=VALUE words: numbers where the contract has them, lists from [...], else text."""
    body = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ValueError(f"{word} is not MEMBER=VALUE")
        body[name] = json.loads(value) if value.startswith("[") else int(value) if name in _NUMBERS else value
    return body


def check_proof(result, agent, key):
    """One sentence about an inclusion proof; ValueError if it is wrong."""
    found = note.parse(result["checkpoint"].encode("utf-8"))
    if note.judge(found, agent, [key]) != "good":
        raise ValueError("the checkpoint of the proof is not signed by the agent's key")
    _, size, root, _ = trust.read_checkpoint(found.text)
    path = [note.decode(one, 32) for one in result["proof"]]
    if size != result["size"] or not merkle.included(bytes.fromhex(result["leaf"]), result["index"], size, path, root):
        raise ValueError("the path does not lead from the leaf to the root")
    return f"proof: leaf {result['index'] + 1} is in the signed tree of {size}"


def send(options, signer):
    """Sends the command and prints its results; returns the exit code."""
    agent = f"{options.tenant}/{options.gateway}"
    number = options.id or f"c-{uuid.uuid4().hex}"
    payload = signer.sign(mail.command_text(agent, number, options.word, body_of(options.words), options.expires))
    results = []
    client = mqtt.Client(client_id=f"{options.client_id}-{uuid.uuid4().hex[:8]}",
                         protocol=mqtt.MQTTv5 if options.protocol == "5" else mqtt.MQTTv311)
    if options.ca:
        client.tls_set(options.ca, options.cert, options.key, cert_reqs=ssl.CERT_REQUIRED, tls_version=ssl.PROTOCOL_TLS_CLIENT)

    def heard(_client, _userdata, message):
        try:
            result = json.loads(message.payload)
        except ValueError:
            return
        if isinstance(result, dict) and result.get("id") == number:
            results.append(result)

    client.on_message = heard
    client.on_connect = lambda *_: client.subscribe(f"tp1/{agent}/up/res", qos=1)
    client.on_subscribe = lambda *_: client.publish(f"tp1/{agent}/dn/cmd", payload, qos=1)
    try:
        client.connect(options.host, options.port, keepalive=30)
    except OSError as error:
        print(f"sample-cloud: cannot connect to {options.host}:{options.port}: {error}", file=sys.stderr)
        return 1
    end, shown = time.monotonic() + options.wait, 0
    while time.monotonic() < end:
        client.loop(0.2)
        for result in results[shown:]:
            print(json.dumps(result, ensure_ascii=False, indent=2, sort_keys=True), flush=True)
            if result.get("state") != "accepted":
                client.disconnect()
                return finish(options, result, agent)
        shown = len(results)
    print(f"sample-cloud: no {'end' if results else 'result'} of {number} within {options.wait:g} s; "
          f"--id {number} asks again without doing it twice", file=sys.stderr)
    return 1


def finish(options, result, agent):
    """The exit code of a last result; a proof is checked."""
    if result.get("state") != "done":
        return 1
    if options.word == "proof.get" and options.agent_key:
        try:
            print(check_proof(result["result"], agent, note.PublicKey.of_file(options.agent_key)))
        except (ValueError, KeyError, TypeError, note.BadNote) as error:
            print(f"sample-cloud: {error}", file=sys.stderr)
            return 1
    return 0
