"""posted.py - the cloud's own postings: made from the legacy documents in the book, kept, and queued for the agent.

Why:   a posting keeps its number and its subject for ever, whatever revision of the legacy document comes later.
Owns:  tables units, unit_members, postings, outbox, manifest, post_facts in the book's database.
Rules: 1. A unit is one legacy document, or those that a plant joins; it is posted as one or more slots, each with a number of
          its own that never changes. Numbers are given in the order of posting date and subject.
       2. Whole round in one transaction: postings, their events in the outbox, and what of the legacy side they cover.
       3. Sequences count from 1 without gaps in each source; a source is urn:cloud:{name}:{stream}:{epoch}.
       4. A changed posting is the next revision (amended); of a voided legacy document, and one that is no longer made, it is
          voided. What did not change is not posted again.
       5. Where outcomes are kept, only what was BOOKED is posted. Plants are given to documents that were never posted.
Faults: documents whose codes are not mapped wait; they are counted and told.
Source: CloudEvents 1.0.2; docs/contract: leaf and chain, for a source of the cloud's own.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py
"""

import decimal
import hashlib
import json
import time

from . import event as events
from . import fields, mail, mapping, planting, posting, rounding

SCHEMA = """
CREATE TABLE IF NOT EXISTS units(unit INTEGER PRIMARY KEY, kind TEXT, seed INTEGER);
CREATE TABLE IF NOT EXISTS unit_members(subject TEXT PRIMARY KEY, unit INTEGER, revision INTEGER) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unit_members_unit ON unit_members(unit);
CREATE TABLE IF NOT EXISTS postings(unit INTEGER, slot TEXT, number TEXT, subject TEXT, revision INTEGER, voided INTEGER,
  stream TEXT, data TEXT, PRIMARY KEY(unit, slot)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS postings_subject ON postings(subject);
CREATE TABLE IF NOT EXISTS outbox(source TEXT, sequence INTEGER, topic TEXT, payload BLOB, chain BLOB, acknowledged INTEGER,
  again INTEGER, PRIMARY KEY(source, sequence)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS outbox_open ON outbox(source, sequence) WHERE acknowledged = 0;
CREATE TABLE IF NOT EXISTS manifest(unit INTEGER PRIMARY KEY, line TEXT);
CREATE TABLE IF NOT EXISTS post_facts(name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
"""
SCHEMA_VERSION = "1.1"
AGAIN_MAX = 3


class Posted:
    """The postings of one book. rates: {legacy tax code: Decimal per cent} for documents that name none."""

    def __init__(self, book, rules=None, rates=None, name="sample"):
        self.book, self.mapping, self.rates, self.name = book, mapping.Mapping(rules), rates or {}, name
        book.connection.executescript(SCHEMA)
        self.policies, self.context = {}, planting.Context()
        self.waiting, self.plan = {}, None

    def fact(self, name, usual=None):
        """A fact that outlives the process; `usual` is kept where there is none yet."""
        found = self.book.rows("SELECT value FROM post_facts WHERE name = ?", name)
        if not found and usual is not None:
            self.book.run("INSERT INTO post_facts VALUES (?, ?)", name, str(usual))
            return str(usual)
        return found[0][0] if found else None

    # One round.

    def round(self, plant="", policies=None):
        """Posts what is new or changed in the book; returns how many events went into the outbox."""
        self.book.begin()
        for side, policy in (policies or {}).items():
            self.book.run("INSERT OR REPLACE INTO post_facts VALUES (?, ?)", f"policy/{side[1]}", str(policy))
        new = self.new()
        self.waiting, self.plan = {}, None
        self.choose(plant, new)
        self.load_policies()
        for subject in new:
            if not self.book.rows("SELECT 1 FROM unit_members WHERE subject = ?", subject):
                self.unit([subject], "", 0)
        changed = self.book.rows(
            "SELECT DISTINCT m.unit FROM unit_members m JOIN documents d ON d.subject = m.subject WHERE "
            f"d.revision <> m.revision AND {self.bookable()} ORDER BY m.unit")
        count = sum(self.post(unit) for unit, in changed)
        self.book.commit()
        return count

    def bookable(self):
        """SQL: is the latest revision of document d booked?"""
        if not self.book.rows("SELECT 1 FROM sqlite_master WHERE name = 'decisions'"):
            return "1=1"
        return ("EXISTS (SELECT 1 FROM decisions e WHERE e.subject = d.subject AND e.revision = d.revision "
                "AND e.state = 'BOOKED')")

    def new(self):
        """Legacy subjects that were never posted, in the order of their numbers."""
        rows = self.book.rows("SELECT d.subject, d.data FROM documents d WHERE NOT EXISTS (SELECT 1 FROM unit_members m WHERE "
                              f"m.subject = d.subject) AND {self.bookable()}")
        return [subject for _, subject in sorted((json.loads(data).get("posting_date", ""), subject) for subject, data in rows)]

    def unit(self, subjects, kind, seed):
        """A new unit of these legacy documents."""
        number = self.book.run("INSERT INTO units(kind, seed) VALUES (?, ?)", kind, seed).lastrowid
        for subject in subjects:
            self.book.run("INSERT INTO unit_members VALUES (?, ?, 0)", subject, number)

    # Planting.

    def choose(self, plant, new):
        """Gives plants to documents that were never posted."""
        seed, counts = planting.parse(plant)
        self.context = self.codes()
        if not counts:
            return
        entities = sorted(self.rounded(new), key=lambda entity: planting.rank(seed, entity)) if planting.POLICY_KIND in counts else []
        for entity in entities[:counts.get(planting.POLICY_KIND, 0)]:
            self.book.run("INSERT OR REPLACE INTO post_facts VALUES (?, 'line:half_even')", f"policy/{entity}")
        self.load_policies()
        self.plan = planting.Plan(seed, counts, self.context)
        known = {}

        def load(subject):
            if subject not in known:
                known[subject] = self.candidate(subject)
            return known[subject]
        for one in self.plan.choose(sorted(new, key=lambda subject: planting.rank(seed, subject)), load):
            self.unit(one.subjects, one.kind, seed)

    def rounded(self, subjects):
        """Entities that have a document whose tax another policy than their own would change."""
        policy, found = rounding.Policy(f"line:{planting.POLICY_KIND}"), set()
        for data in map(self.legacy, subjects):
            if data["entity"] not in found and posting.retax(data, policy, self.rates):
                found.add(data["entity"])
        return found

    def candidate(self, subject):
        """The cloud's translation of a document that may carry a plant, or None."""
        try:
            data, delta = self.translation(subject, "0")
        except mapping.Unmapped:
            return None
        return None if delta or self.voided(subject) else data

    def codes(self):
        """The codes that the cloud's documents use; kept, so that an amended document is changed alike."""
        kept = self.fact("codes")
        if kept:
            return planting.Context(*json.loads(kept))
        accounts, taxes = set(), set()
        for text, in self.book.run("SELECT data FROM documents"):
            data = json.loads(text)
            try:
                cloud = posting.translate(data, "0", self.mapping)
            except mapping.Unmapped:
                continue
            for line in cloud.get("lines", ()):
                accounts.update([line["account"]] if "account" in line else ())
                taxes.update([line["tax_code"]] if "tax_code" in line else ())
        context = planting.Context(accounts, taxes)
        if accounts or taxes:
            self.fact("codes", json.dumps([context.accounts, context.tax_codes]))
        return context

    def load_policies(self):
        """The cloud's rounding policies, of facts."""
        self.policies = {name.split("/", 1)[1]: rounding.Policy(value) for name, value in
                         self.book.rows("SELECT name, value FROM post_facts WHERE name LIKE 'policy/%'")}

    # Documents.

    def legacy(self, subject):
        """The data of a legacy document's latest revision."""
        return json.loads(self.book.rows("SELECT data FROM documents WHERE subject = ?", subject)[0][0])

    def voided(self, subject):
        """Is it voided in the ERP?"""
        return bool(self.book.rows("SELECT voided FROM documents WHERE subject = ?", subject)[0][0])

    def translation(self, subject, number):
        """(the cloud's document, difference of its tax)"""
        data = self.legacy(subject)
        policy, delta = self.policies.get(data["entity"]) or self.policies.get(""), 0
        if policy:
            data = planting.copy(data)
            delta = posting.retax(data, policy, self.rates)
        return posting.translate(data, number, self.mapping, subject), delta

    def number(self, unit, slot, kind):
        """The number of a slot: the one it has, or the next of its type."""
        found = self.book.rows("SELECT number FROM postings WHERE unit = ? AND slot = ?", unit, slot)
        if found:
            return found[0][0]
        last = int(self.fact(f"number/{kind}", 0)) + 1
        self.book.run("UPDATE post_facts SET value = ? WHERE name = ?", str(last), f"number/{kind}")
        return posting.own_number(kind, last)

    def post(self, unit):
        """Makes the documents of a unit and posts what differs from what was posted; returns the number of events."""
        subjects = [row[0] for row in self.book.rows("SELECT subject FROM unit_members WHERE unit = ? ORDER BY subject", unit)]
        kind, seed = self.book.rows("SELECT kind, seed FROM units WHERE unit = ?", unit)[0]
        live = [subject for subject in subjects if not self.voided(subject)] or subjects
        first = self.legacy(subjects[0])
        own = self.number(unit, "", first["type"]) if kind != "missing" else "0"
        try:
            parts = [self.translation(subject, own) for subject in live]
        except mapping.Unmapped as error:
            self.waiting[subjects[0]] = str(error)
            return 0
        self.book.run("DELETE FROM manifest WHERE unit = ?", unit)
        made = self.made(unit, kind, seed, live, parts)
        all_voided = all(self.voided(subject) for subject in subjects)
        stream = self.book.rows("SELECT source FROM documents WHERE subject = ?", subjects[0])[0][0].split(":")[4]
        count = sum(self.slot(unit, slot, data, all_voided, stream) for slot, data in made if data)
        for subject in subjects:
            self.book.run("UPDATE unit_members SET revision = (SELECT revision FROM documents d WHERE d.subject = "
                          "unit_members.subject) WHERE subject = ?", subject)
        return count

    def made(self, unit, kind, seed, subjects, parts):
        """[(slot, document or None)], with its line for the manifest."""
        if not kind:
            data, delta = parts[0]
            if delta:
                policy = self.policies.get(self.legacy(subjects[0])["entity"]) or self.policies[""]
                self.note(unit, planting.policy_entry(subjects[0], data, delta, ("as booked", str(policy))))
            return [("", data)]
        plant, originals = planting.Plant(seed, kind, subjects), [data for data, _ in parts]
        made, words = planting.make(plant, originals, lambda slot: self.number(unit, slot, originals[0]["type"]), self.context)
        if words is None:  # an amendment has taken away what the plant changed
            return [("", originals[0])]
        self.note(unit, planting.entry(plant, words, originals, made))
        return made

    def note(self, unit, line):
        """Keeps the manifest's line of a unit; a posting that exists keeps its subject."""
        kept = dict(self.book.rows("SELECT number, subject FROM postings WHERE unit = ?", unit))
        line["cloud"] = [kept.get(subject.rsplit("/", 1)[1], subject) for subject in line["cloud"]]
        self.book.run("INSERT OR REPLACE INTO manifest VALUES (?, ?)", unit, json.dumps(line))

    def manifest(self):
        """What was planted, in all rounds."""
        return [json.loads(line) for line, in self.book.rows("SELECT line FROM manifest ORDER BY unit")]

    def slot(self, unit, slot, data, voided, stream):
        """One posting: recorded, amended, voided, or nothing where it is as it was."""
        text, subject = events.canonical(data).decode("utf-8"), fields.subject_of(data)
        found = self.book.rows("SELECT data, voided, revision, subject FROM postings WHERE unit = ? AND slot = ?", unit, slot)
        if found and (found[0][0], found[0][1]) == (text, int(voided)):
            return 0
        if found:  # what identifies it stays, whatever year an amendment brings
            subject = found[0][3]
            data["year"] = int(subject.split("/")[2])
            text = events.canonical(data).decode("utf-8")
        revision = found[0][2] + 1 if found else 1
        self.book.run("INSERT OR REPLACE INTO postings VALUES (?, ?, ?, ?, ?, ?, ?, ?)", unit, slot, data["number"], subject,
                      revision, int(voided), stream, text)
        self.queue(stream, subject, revision, "voided" if voided else "amended" if found else "recorded", data, text)
        return 1

    def queue(self, stream, subject, revision, change, data, text):
        """The next event of a stream's source."""
        source = f"urn:cloud:{self.name}:{stream}:{self.fact('epoch', int(time.time()))}"
        last = self.book.rows("SELECT sequence, chain FROM outbox WHERE source = ? ORDER BY sequence DESC LIMIT 1", source)
        sequence, chain = (last[0][0] + 1, last[0][1]) if last else (1, events.chain_start(source))
        digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
        attributes = {
            "specversion": "1.0", "id": events.event_id(subject, revision, digest), "source": source,
            "type": f"com.twinpost.{data['type'].replace('_', '')}.{change}.v1", "subject": subject, "time": mail.instant(),
            "datacontenttype": "application/json", "dataschema": f"urn:twinpost:schema:{data['type']}:{SCHEMA_VERSION}",
            "sequence": f"{sequence:020d}", "revision": revision, "partitionkey": subject, "data": data}
        chain = events.chain_link(chain, events.leaf_hash(attributes, digest))
        attributes["chainhash"] = chain.hex()
        self.book.run("INSERT INTO outbox VALUES (?, ?, ?, ?, ?, 0, 0)", source, sequence, f"dn/post/{stream}",
                      events.canonical(attributes), chain)

    # What was posted.

    def documents(self):
        """Yields (data, voided, revision, subject) of every posting, by subject."""
        for text, voided, revision, subject in self.book.run(
                "SELECT data, voided, revision, subject FROM postings ORDER BY subject"):
            yield json.loads(text), bool(voided), revision, subject

    def legacy_documents(self):
        """The same of the legacy documents in the book."""
        for text, voided, revision, subject in self.book.run(
                "SELECT data, voided, revision, subject FROM documents ORDER BY subject"):
            yield json.loads(text), bool(voided), revision, subject

    def unsent(self):
        """Events that the broker has not acknowledged, in order."""
        return self.book.rows("SELECT source, sequence, topic, payload FROM outbox WHERE acknowledged = 0 "
                              "ORDER BY source, sequence")

    def acknowledged(self, source, sequence):
        """The broker has one; durable with the next commit."""
        self.book.begin()
        self.book.run("UPDATE outbox SET acknowledged = 1 WHERE source = ? AND sequence = ?", source, sequence)

    def missing(self, source, ranges):
        """The agent says what it has not: these go out again, each a few times at most, as it may have refused them."""
        self.book.begin()
        for first, last in ranges:
            self.book.run("UPDATE outbox SET acknowledged = 0, again = again + 1 WHERE source = ? AND sequence BETWEEN ? AND ? "
                          "AND acknowledged = 1 AND again < ?", source, first, last, AGAIN_MAX)


def sample_rates():
    """{tax code: Decimal per cent} of the sample ERP, whose documents name none."""
    from sample_erp import master
    return {code: decimal.Decimal(hundredths) / 100 for company in master.COMPANIES for code, hundredths in company.taxes}
