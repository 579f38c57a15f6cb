"""js_core.py - the reference consumer's core as a Python object: runs of messages in, verdicts out.

Owns:  one node process; gone after close().
Runs in: tests; node 18 or later (no package of npm).
"""

import base64
import json
import os
import shutil
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NODE = shutil.which("node") or shutil.which("nodejs")


class JsCore:
    """Asks the driver; each run begins with a fresh core."""

    def __init__(self, agent_key_pem, cloud_key_pem, tenant="acme", gateway="gw1"):
        self.options = {"tenant": tenant, "gateway": gateway, "agentKey": agent_key_pem.decode(),
                        "cloudKey": cloud_key_pem.decode(), "instance": "t"}
        self.process = subprocess.Popen([NODE, os.path.join(ROOT, "tests", "lib", "consumer_driver.mjs")], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        """One line of JSON out, one back."""
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, messages, **options):
        """messages: (topic, payload), (topic, payload, at), {"tick": ms}, {"published": id}."""
        coded = [one if isinstance(one, dict) else
                 {"topic": one[0], "payload": base64.b64encode(one[1]).decode(), "at": one[2] if len(one) > 2 else 0}
                 for one in messages]
        return self.ask({"options": {**self.options, **options}, "messages": coded})

    def close(self):
        """Ends the process."""
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()
