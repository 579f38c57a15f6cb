"""packs.py - results of comparisons and signed packs, made by the pages and not by the product.

Why:   what the command line signs and verifies is compared with another implementation, byte for byte.
Rules: 1. result() gives a small comparison whose figures follow from its documents: of n pairs every seventh differs by a
          cent, and, with `alone`, one document of each side stands alone. {path: bytes}.
       2. pack() and proof() follow docs/compare/evidence.md: RFC 6962 by its recursive definition, signatures by p256.py.
       3. Keys and secrets come from labels: the same arguments give the same bytes.
Source: RFC 6962 section 2.1, RFC 5915 (private keys), docs/compare/evidence.md, docs/compare/result.md
Runs in: tests/lib/pack_case.py
"""
import base64
import hashlib
import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import p256  # noqa: E402

RULES = {"account": b"entity,from,to,valid_from,valid_to,note\n*,70.8080,4000,,,\n",
         "tolerance": b"entity,currency,document_type,account,amount,note\n*,EUR,*,*,0.00,\n"}
SECRET = hashlib.sha256(b"a pack's secret").hexdigest()
STATUSES = ["matched", "different", "missing_cloud", "missing_legacy"]


def canonical(value):
    """The canonical JSON of docs/compare/result.md."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sha256(data):
    """Its digest as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def money(cents):
    """-1.05"""
    return f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02}"


def lines(rows):
    """A file of one canonical object on each line."""
    return b"".join(canonical(row) + b"\n" for row in rows)


def rules_version(rules):
    """rules.h: count, then names with a zero and digests, in the order of the names."""
    data = bytes([len(rules)]) + b"".join(name.encode() + b"\0" + hashlib.sha256(rules[name]).digest() for name in sorted(rules))
    return sha256(data)[:16]


def statuses_of(pairs, alone, every):
    """[(number, status)]"""
    both = [(number, "different" if every and number % every == every - 1 else "matched") for number in range(pairs)]
    return both + ([(pairs, "missing_cloud"), (pairs + 1, "missing_legacy")] if alone else [])


def result(pairs, alone=False, every=7, rules=None, verdict=None):
    """The files of a result directory."""
    rules = RULES if rules is None else rules
    documents, differences, counts = {"legacy": [], "cloud": []}, [], {}
    sums = {"legacy": 0, "cloud": 0}
    for number, status in statuses_of(pairs, alone, every):
        subjects = {"legacy": f"00001/invoice/2026/RI-{number:07}", "cloud": f"00001/invoice/2026/INV-{number:07}"}
        totals = {"legacy": 10000, "cloud": 10001 if status == "different" else 10000}
        sides = [side for side in subjects if status != {"legacy": "missing_legacy", "cloud": "missing_cloud"}[side]]
        counts[status] = counts.get(status, 0) + 1
        for side in sides:
            sums[side] += totals[side]
            documents[side].append({"digest": sha256(f"{side}{number}".encode())[:32], "side": side, "status": status, "subject": subjects[side],
                                    "pair": subjects["cloud" if side == "legacy" else "legacy"] if len(sides) == 2 else None})
        if status != "matched":
            net = (totals["cloud"] if "cloud" in sides else 0) - (totals["legacy"] if "legacy" in sides else 0)
            view = {side: {"number": subjects[side][-11:], "period": "2026-09", "posting_date": "2026-09-03", "subject": subjects[side],
                           "total": money(totals[side])} if side in sides else None for side in subjects}
            differences.append({"age_days": 3, "cause": "amount", "cause_text": "the amounts \"differ\"", "currency": "EUR", "document_type": "invoice",
                                "entity": "00001", "fields": [], "gross": money(abs(net)), "key": f"compare:{number}", "net": money(net),
                                "period": "2026-09", "state": "open", "status": status, **view})
    return files_of(documents, differences, counts, sums, rules, verdict)


def files_of(documents, differences, counts, sums, rules, verdict):
    """The files, from the lists."""
    balance = {side: {"balance": money(total), "credit": "0.00", "debit": money(total), "lines": len(documents[side])}
               for side, total in sums.items()}
    difference = sums["cloud"] - sums["legacy"]
    gross = sum(round(float(row["gross"]) * 100) for row in differences)
    sides = {side: len(rows) for side, rows in documents.items()}
    waterfall = {"accepted_not_booked": 0, "booked": counts.get("matched", 0) + counts.get("different", 0), "excluded": 2, "held": 0,
                 "in_transit": counts.get("missing_cloud", 0), "rejected": 0, "extracted": sides["legacy"] + 2}
    files = {"balances.ndjson": lines([{"account": "4000", "account_legacy": "70.8080", "currency": "EUR", "difference": money(difference),
                                        "entity": "00001", "explained": money(difference), "period": "2026-09", "unexplained": "0.00", **balance}]),
             "differences.ndjson": lines(differences), "documents.ndjson": lines(documents["cloud"] + documents["legacy"]),
             "tax.ndjson": b""}
    run = {"accepted": {"count": 0}, "canaries": {"classes": ["wrong_cent"], "found": 1, "planted": 1}, "format": 1, "id": "000007", "incomplete": [],
           "bridge": [{"currency": "EUR", "residual": "0.00", "steps": [
               {"name": "legacy", "value": money(sums["legacy"])}, {"name": "amount", "value": money(difference)},
               {"name": "cloud", "value": money(sums["cloud"])}]}],
           "counts": [{"currency": "EUR", "document_type": "invoice", "entity": "00001", "period": "2026-09", "statuses": counts}] if counts else [],
           "cut": {"at": "2026-11-21T16:08:27.000Z", "cloud": {"count": sides["cloud"], "sequence": sides["cloud"] + 3},
                   "legacy": {"count": sides["legacy"], "streams": [{"epoch": 1795277244, "name": "00001", "sequence": sides["legacy"]}]}},
           "files": [{"bytes": len(data), "lines": data.count(b"\n"), "name": name, "sha256": sha256(data)} for name, data in sorted(files.items())],
           "rules": {"mappings": {"account": 1}, "tolerances": 1, "version": rules_version(rules)},
           "scope": {"entities": ["00001"], "from": "2026-09", "to": "2026-09", "types": ["invoice"]},
           "thresholds": {"documents_share": "0.001", "value": "0"},
           "totals": {**sides, "gross": [{"currency": "EUR", "difference": money(gross)}] if differences else [], "matched": counts.get("matched", 0),
                      "net": [{"currency": "EUR", "difference": money(difference)}] if differences else [], "open": len(differences),
                      "pairs": counts.get("matched", 0) + counts.get("different", 0)},
           "verdict": {"name": verdict or ("breaks" if differences else "reconciled"), "why": []},
           "waterfall": [{"entity": "", **waterfall}, {"entity": "00001", **waterfall}]}
    files["run.json"] = canonical(run) + b"\n"
    files.update({f"rules/{name}.csv": data for name, data in rules.items()})
    return files


# ---- the tree ----

def root_of(leaves):
    """MTH of RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def path_of(index, leaves):
    """PATH of RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if index < split:
        return path_of(index, leaves[:split]) + [root_of(leaves[split:])]
    return path_of(index - split, leaves[split:]) + [root_of(leaves[:split])]


def salt_of(secret, index):
    """Of the document at this place."""
    return sha256(f"tp1/compare/salt/v1\n{secret}\n{index}\n".encode())[:32]


def leaves_of(documents, secret):
    """Of the lines of documents.ndjson."""
    return [hashlib.sha256(b"\0tp1/compare/leaf/v1\n" + salt_of(secret, index).encode() + b"\n" + line + b"\n").digest()
            for index, line in enumerate(documents.splitlines())]


# ---- the pack ----

def private_pem(key):
    """RFC 5915, as `openssl ecparam -genkey` writes it."""
    der = (bytes.fromhex("30770201010420") + key.private.to_bytes(32, "big") + bytes.fromhex("a00a06082a8648ce3d030107a144034200") + key.spki[26:])
    return f"-----BEGIN EC PRIVATE KEY-----\n{base64.encodebytes(der).decode()}-----END EC PRIVATE KEY-----\n".encode()


def signature_line(text, name, key):
    """One line of a note."""
    return f"\u2014 {name} {base64.b64encode(hashlib.sha256(key.spki).digest()[:4] + key.sign(text)).decode()}\n".encode()


def manifest(files):
    """MANIFEST of these files."""
    return "".join(f"{sha256(files[name])}  {name}\n" for name in sorted(files) if name not in ("MANIFEST", "pack.note")).encode()


def statement(files, gateway):
    """The text of the note."""
    run = json.loads(files["run.json"])
    leaves = leaves_of(files["documents.ndjson"], files["pack.secret"].decode().strip())
    cut = run["cut"]
    streams = [f"stream {stream['epoch']} {stream['sequence']} {stream['name']}\n" for stream in cut["legacy"]["streams"]]
    listed = "".join(streams)
    if len(streams) > 100:
        listed = f"streams {sha256(listed.encode())}\n"
    return (f"{gateway}/compare\n{len(leaves)}\n{base64.b64encode(root_of(leaves)).decode()}\nrun {run['id']}\nverdict {run['verdict']['name']}\n"
            f"periods {run['scope'].get('from') or '-'} {run['scope'].get('to') or '-'}\ncut {cut['at']}\n"
            f"cloud {cut['cloud']['count']} {cut['cloud']['sequence']}\nlegacy {cut['legacy']['count']} {len(streams)}\n{listed}"
            f"rules {run['rules']['version']}\nmanifest {sha256(files['MANIFEST'])}\n").encode()


def pack(result_files, signers, gateway="acme/plant-1", secret=SECRET):
    """A pack of these files; signers are (name, p256.Key)."""
    files = {**result_files, "pack.secret": secret.encode() + b"\n"}
    leaves = leaves_of(files["documents.ndjson"], secret)
    files["documents.root"] = f"{len(leaves)}\n{base64.b64encode(root_of(leaves)).decode()}\n".encode()
    files["MANIFEST"] = manifest(files)
    text = statement(files, gateway)
    files["pack.note"] = text + b"\n" + b"".join(signature_line(text, name, key) for name, key in signers)
    return files


def proof(files, index):
    """The proof of the document at this place."""
    secret = files["pack.secret"].decode().strip()
    leaves = leaves_of(files["documents.ndjson"], secret)
    line = files["documents.ndjson"].splitlines()[index]
    path = ",".join(f'"{base64.b64encode(digest).decode()}"' for digest in path_of(index, leaves))
    return (b'{"document":' + line + f',"format":1,"index":{index},"path":[{path}],"salt":"{salt_of(secret, index)}"}}\n'.encode()
            + files["pack.note"])


def write(folder, files):
    """The files into a new folder."""
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    return folder


def read(folder):
    """{path: bytes}"""
    files = {}
    for top, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                files[os.path.relpath(os.path.join(top, name), folder)] = file.read()
    return files


def key(label):
    """A key pair of this label."""
    return p256.Key(label)
