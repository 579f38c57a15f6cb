"""generate.py - makes business documents and the rows that a JD Edwards ERP keeps of them.

Why:   tests and the demo need any number of documents that are right by the ERP's own rules.
Owns:  the random numbers of one seed, the next numbers, and the invoices that are still open (at most POOL_MAX;
       older ones are written out as unpaid), so memory is bounded whatever the number of documents.
Rules: 1. Same seed, same options, same as-of date: same rows.
       2. Every journal balances, in both currencies; a pay item's gross = taxable + exempt + tax; the A/R offset (AE)
          of an invoice is there once its batch is posted.
       3. Amounts are integers in the minor units of their currency. No float touches an amount after its first draw.
       4. Posted batches count; open ones are extra and must not be sent.
Source: JD Edwards posting: F0011 batch, F0911 with AE offsets, F03B11, F03B13/F03B14.
Runs in: tools/sample-erp.
Tests: tests/unit/test_sample_erp.py
"""

import collections
import datetime
import random
from dataclasses import dataclass, field

from . import master, schema

POOL_MAX = 5000
ROWS_PER_FLUSH = 20000
HISTORY_DAYS = 548  # 18 months

_RP = {name: place for place, name in enumerate(schema.names("F03B11"))}


@dataclass
class Batch:
    """A batch header: what all rows of its documents repeat."""

    kind: str  # 'G ', 'IB', 'RB'
    number: int
    company: master.Company
    when: datetime.datetime
    user: str
    status: str = "D"
    documents: int = 0

    @property
    def posted(self):
        """Has it been posted to the general ledger?"""
        return self.status == "D"


@dataclass
class Line:
    """One journal line, in minor units of the document's and of the company's currency."""

    account: str
    unit: str
    object: str
    foreign: int
    domestic: int
    tax_code: str = ""
    offset: bool = False  # an AE row


@dataclass
class Document:
    """The part of a document that its ledger rows repeat."""

    kind: str  # 'JE', 'RI', 'RM', 'RC'
    number: int
    day: datetime.date
    currency: str
    lines: list = field(default_factory=list)
    party: int = 0
    text: str = ""
    remark: str = ""
    original: tuple = ("", 0, "")
    reversing: str = ""
    first_line: int = 0  # in tens


@dataclass
class OpenInvoice:
    """An invoice in the pool: its F03B11 rows can still change."""

    company: master.Company
    customer: int
    currency: str
    rows: list
    stored: bool = False  # the rows are in the database already: a change must be an UPDATE


def half_up(numerator, denominator):
    """Integer division, rounded half away from zero."""
    quotient, rest = divmod(abs(numerator), denominator)
    quotient += 2 * rest >= denominator
    return quotient if numerator >= 0 else -quotient


def convert(units, source, target, rate7):
    """Minor units of one currency in those of another, at a rate of 7 implied digits."""
    shift = master.CURRENCIES[target][1] - master.CURRENCIES[source][1]
    return half_up(units * rate7 * 10 ** max(shift, 0), 10 ** (7 + max(-shift, 0)))


class Schedule:
    """Instants over the working hours of 18 months, in order, ending before midnight of the as-of date."""

    def __init__(self, as_of):
        days = (as_of - datetime.timedelta(days=count) for count in range(HISTORY_DAYS, 0, -1))
        self.days = [day for day in days if day.weekday() < 5]

    def at(self, fraction):
        """The instant at this part (0 to 1) of the history: 08:00 to 18:00 on working days."""
        seconds = int(min(max(fraction, 0.0), 0.999999) * len(self.days) * 36000)
        day = self.days[seconds // 36000]
        return datetime.datetime.combine(day, datetime.time(8)) + datetime.timedelta(seconds=seconds % 36000)


class Generator:
    """Makes documents until told otherwise; `sink(table, rows)` takes what is finished."""

    def __init__(self, seed, sink, counters=None, domestic=False, journal_lines=0, companies=None):
        self.random = random.Random(seed)
        self.sink = sink
        self.rows = collections.defaultdict(list)
        self.row_count = 0
        self.next = {"JE": 10001, "RI": 1001, "RM": 501, "RC": 4001, "batch": 5001, "customer": 4001,
                     **(counters or {})}
        self.domestic = domestic
        self.journal_lines = journal_lines
        self.companies = [c for c in master.COMPANIES if not companies or c.code in companies]
        self.weights = [company.weight for company in self.companies]
        _, self.accounts = master.account_rows()
        self.customers = collections.defaultdict(list)  # company code: customer numbers
        self.pool = collections.defaultdict(dict)  # (company code, customer, currency): {invoice number: OpenInvoice}
        self.pool_order = collections.OrderedDict()  # oldest first, to bound the pool
        self.recent = {}  # company code: its last posted invoice
        self.reversals = collections.defaultdict(collections.deque)  # company code: documents to reverse
        self.updates = {}  # OpenInvoices that were stored before and have changed
        self.counts = collections.Counter()
        self.subjects = []  # of posted documents, only where wanted
        self.want_subjects = False

    # Rows on their way out.

    def emit(self, table, row):
        """Keeps a row for the next flush."""
        self.rows[table].append(row)
        self.row_count += 1

    def flush(self):
        """Hands all kept rows to the sink, in one call."""
        if self.row_count:
            self.sink(self.rows)
        self.rows = collections.defaultdict(list)
        self.row_count = 0

    def finish(self):
        """Writes out the pool and flushes."""
        for invoice in self.pool_order.values():
            if not invoice.stored:
                for row in invoice.rows:
                    self.emit("F03B11", tuple(row))
        self.pool_order.clear()
        self.pool.clear()
        self.flush()

    def count(self, kind, subject):
        """Notes a document that the agent should send."""
        self.counts[kind] += 1
        if self.want_subjects:
            self.subjects.append(subject)

    def take(self, name):
        """The next number of a series."""
        number = self.next[name]
        self.next[name] = number + 1
        return number

    # Master data.

    def master_data(self):
        """Companies, currencies, accounts."""
        for company in master.COMPANIES:
            self.emit("F0010", (company.code, company.name, company.currency))
        for code, (name, decimals, _) in master.CURRENCIES.items():
            self.emit("F0013", (code, name, str(decimals)))
        for number, company, unit, account, name in master.account_rows()[0]:
            self.emit("F0901", (number, company, unit, account, "", name, ""))

    def party(self, when, kind="C"):
        """A customer (or vendor) of the address book."""
        number = self.take("customer")
        company = self.random.choices(self.companies, self.weights)[0]
        for without in self.companies:  # each company gets one before any gets two
            company = company if self.customers[without.code] or kind != "C" else without
        names = master.CUSTOMERS
        name = names[(number - 4001) % len(names)]
        if number - 4001 >= len(names):
            name = f"{name[:32]} {(number - 4001) // len(names) + 1}"
        name = f"{name[:24]}, {self.random.choice(master.TOWNS)}" if self.random.random() < 0.3 else name
        tax = f"{company.currency[:2]}{self.random.randrange(10 ** 8, 10 ** 9)}"
        self.emit("F0101", (number, name, kind, tax, master.unit(company, ""), self.random.choice(master.USERS),
                            master.julian(when), master.clock(when), company.currency))
        if kind == "C":
            self.customers[company.code].append(number)
            self.count("customer", f"00000/customer/0/{number}")
        return number

    # Batches and ledger rows.

    def batch(self, kind, when, company=None, status="D"):
        """A new batch; close() writes its header."""
        company = company or self.random.choices(self.companies, self.weights)[0]
        return Batch(kind, self.take("batch"), company, when, self.random.choice(master.USERS), status)

    def close(self, batch):
        """The batch header, stamped when the posting ended."""
        self.emit("F0011", (batch.kind, batch.number, batch.status, master.julian(batch.when), batch.user, "",
                            master.julian(batch.when), master.clock(batch.when)))

    def post_time(self, batch, days_back):
        """Moves the batch's clock on a little; returns the document's posting date."""
        batch.documents += 1
        if batch.documents % 5 == 0:
            batch.when += datetime.timedelta(seconds=1)
        return batch.when.date() - datetime.timedelta(days=days_back)

    def ledger(self, batch, document):
        """The F0911 rows of a document: AA, and CA where it is in a foreign currency."""
        company = batch.company
        century, year, period = master.fiscal(company, document.day)
        day, stamp, time = master.julian(document.day), master.julian(batch.when), master.clock(batch.when)
        foreign = document.currency != company.currency
        code = company.code
        middle = ("P" if batch.posted else "", batch.kind, batch.number, stamp, stamp, time, code)
        period_part = (document.party, century, year, period, "F" if foreign else "D", document.currency,
                       company.currency)
        end = (day, batch.user, batch.user, "R09801", stamp, time)
        texts = (document.text, document.remark, "", "", "")
        number = document.first_line
        for line in document.lines:
            number += 10
            if line.offset:
                kind, original = "AE", (document.kind, document.number, code)
            else:
                kind, original = document.kind, document.original
            key = (kind, document.number, code, day, number)
            account = (f"{line.unit.strip()}.{line.object}", line.account, line.unit, line.object, "", "", "")
            tail = texts + original + (line.tax_code, "V" if line.tax_code else "", document.reversing) + end
            self.emit("F0911", key + ("AA", "") + middle + account + period_part
                      + (line.domestic, line.foreign if foreign else 0, 0, "") + tail)
            if foreign:
                self.emit("F0911", key + ("CA", "") + middle + account + period_part
                          + (line.foreign, 0, 0, "") + tail)
        if batch.posted:
            self.count("journal", f"{code}/journal/{century * 100 + year}/{document.kind}-{document.number}")

    def line(self, company, account, foreign, domestic, unit="", **more):
        """A journal line on one of the company's accounts."""
        return Line(self.accounts[company.code, unit, account], master.unit(company, unit), account, foreign,
                    domestic, **more)

    def currency(self, company):
        """The currency of the next document: one in six is foreign."""
        if not self.domestic and self.random.random() < 1 / 6:
            return self.random.choice(company.foreign)
        return company.currency

    def rate7(self, company, currency):
        """A rate near the usual one, 7 implied digits."""
        return int(master.rate(currency, company.currency) * (0.97 + 0.06 * self.random.random()) * 10 ** 7) or 1

    def amount(self, currency):
        """An everyday amount between about 5 and 20,000 euros, in minor units."""
        euros = 10 ** (0.7 + 3.6 * self.random.random())
        name, decimals, per_euro = master.CURRENCIES[currency]
        return max(1, int(euros * per_euro * 10 ** decimals)) if name else 1

    # Journals.

    def journal(self, batch):
        """A journal entry by hand, 2 to 12 lines (average 4); sometimes it reverses an earlier document."""
        company = batch.company
        draw = self.random.random
        day = self.post_time(batch, int(4 * draw()) if draw() < 0.1 else 0)
        waiting = self.reversals[company.code]
        if waiting and batch.posted and not self.journal_lines:
            return self.reversal(batch, waiting.popleft(), day)
        document = Document("JE", self.take("JE"), day, self.currency(company),
                            text=self.random.choice(master.TEXTS), remark=f"Ref {int(draw() * 10 ** 6):06d}")
        count = self.journal_lines or self.random.choice((2, 2, 2, 3, 3, 4, 4, 4, 5, 6, 7, 12))
        debits = max(1, count // 2)
        parts = [self.amount(document.currency) for _ in range(count - 1)]
        amounts = parts[:debits] + [-part for part in parts[debits:]]
        last = -sum(amounts)
        if last == 0:  # no line of nothing
            amounts[0] += 1
            last -= 1
        amounts.append(last)
        foreign = document.currency != company.currency
        rate7 = self.rate7(company, document.currency) if foreign else 0
        rest = 0
        for place, units in enumerate(amounts):
            local = convert(units, document.currency, company.currency, rate7) if foreign else units
            if place == count - 1:
                local = -rest
            rest += local
            document.lines.append(self.line(company, master.GENERAL[int(draw() * len(master.GENERAL))], units, local,
                                            unit=master.UNITS[int(draw() * len(master.UNITS))]))
        self.ledger(batch, document)
        if batch.posted and draw() < 0.02:
            waiting.append(document)
        return document

    def reversal(self, batch, document, day):
        """A journal entry that equals the negated original."""
        lines = [Line(line.account, line.unit, line.object, -line.foreign, -line.domestic, line.tax_code)
                 for line in document.lines]
        back = Document("JE", self.take("JE"), max(day, document.day), document.currency, lines, document.party,
                        document.text, f"Reversal of {document.kind}-{document.number}",
                        (document.kind, document.number, batch.company.code), "R")
        self.ledger(batch, back)
        return back

    # Invoices and credit memos.

    def pay_item(self, batch, company, currency, rate7):
        """(taxable, exempt, tax, code) of one pay item in document currency and the same in company currency."""
        code, per_cent = self.random.choice(company.taxes)
        net = self.amount(currency)
        values = (net, 0, half_up(net * per_cent, 10000)) if per_cent else (0, net, 0)
        local = values
        if currency != company.currency:
            local = tuple(convert(value, currency, company.currency, rate7) for value in values)
        return values, local, code

    def invoice(self, batch, credit=False):
        """An invoice (RI) or credit memo (RM) of 1 to 4 pay items, with its journal."""
        company = batch.company
        customers = self.customers[company.code]
        if not customers:
            return None
        day = self.post_time(batch, 0)
        currency = self.currency(company)
        foreign = currency != company.currency
        rate7 = self.rate7(company, currency) if foreign else 0
        kind, sign = ("RM", -1) if credit else ("RI", 1)
        number, customer = self.take(kind), self.random.choice(customers)
        before = self.recent.get(company.code) if credit else None
        terms, days = self.random.choice(master.TERMS)
        century, year, period = master.fiscal(company, day)
        voided = batch.posted and not credit and self.random.random() < 0.01
        document = Document(kind, number, day, currency, party=customer, text=f"{'Credit' if credit else 'Invoice'} {number}")
        totals, taxes, rows = [0, 0], {}, []
        for item in range(1, self.random.choice((1, 1, 2, 2, 3, 4)) + 1):
            values, local, code = self.pay_item(batch, company, currency, rate7)
            gross, gross_local = sign * sum(values), sign * sum(local)
            due = day + datetime.timedelta(days=days + 30 * (item - 1))
            rows.append([
                number, kind, company.code, f"{item:03d}", customer, customer, company.code, master.julian(day),
                master.julian(day), master.julian(due), master.julian(day), century, year, period,
                "F" if foreign else "D", currency, company.currency, f"{rate7 // 10 ** 7}.{rate7 % 10 ** 7:07d}" if foreign else "0",
                gross_local, 0 if voided else gross_local, *(sign * value for value in local),
                gross if foreign else 0, gross if foreign and not voided else 0,
                *(sign * value if foreign else 0 for value in values), code, "E" if code.endswith("00") else "V",
                terms, "P" if voided else "A", "D" if batch.posted else "", "V" if voided else "",
                "", f"PO-{number % 9973:04d}", self.random.choice(master.ITEMS), *(before or ("", 0, "")), "TRD",
                self.accounts[company.code, "", "1210"], master.unit(company, ""), batch.kind, batch.number,
                batch.user, master.julian(batch.when), master.clock(batch.when)])
            net, net_local = values[0] + values[1], local[0] + local[1]
            document.lines.append(self.line(company, self.random.choice(master.REVENUE), -sign * net,
                                            -sign * net_local, tax_code=code))
            tax = taxes.setdefault(code, [0, 0])
            tax[0] += sign * values[2]
            tax[1] += sign * local[2]
            totals[0] += gross
            totals[1] += gross_local
        document.lines += [self.line(company, "2310", -tax[0], -tax[1], tax_code=code)
                           for code, tax in taxes.items() if tax[0] or tax[1]]
        if batch.posted:
            document.lines.append(self.line(company, "1210", *totals, offset=True))
            self.count("credit_memo" if credit else "invoice",
                       f"{company.code}/{'credit_memo' if credit else 'invoice'}/{century * 100 + year}/{kind}-{number}")
        self.ledger(batch, document)
        if voided:
            self.reversals[company.code].append(document)
        self.keep_open(batch, OpenInvoice(company, customer, currency, rows), number, credit or voided)
        return document

    def keep_open(self, batch, invoice, number, final):
        """Posted invoices wait in the pool for their receipts; all others are written out."""
        if final or not batch.posted:
            for row in invoice.rows:
                self.emit("F03B11", tuple(row))
            return
        self.recent[invoice.company.code] = ("RI", number, invoice.company.code)
        self.pool[invoice.company.code, invoice.customer, invoice.currency][number] = invoice
        self.pool_order[number] = invoice
        if len(self.pool_order) > POOL_MAX:
            old, gone = self.pool_order.popitem(last=False)
            self.leave_pool(old, gone)

    def leave_pool(self, number, invoice):
        """An invoice leaves the pool: its rows are final."""
        self.pool_order.pop(number, None)
        key = (invoice.company.code, invoice.customer, invoice.currency)
        self.pool[key].pop(number, None)
        if not self.pool[key]:
            del self.pool[key]
        if not invoice.stored:
            for row in invoice.rows:
                self.emit("F03B11", tuple(row))

    # Receipts.

    def apply(self, batch, number, invoice, receipt_rate7):
        """Applications (F03B14 values) to the open pay items of one invoice; the last may be paid in part."""
        applications = []
        company, foreign = invoice.company, invoice.currency != invoice.company.currency
        for row in invoice.rows:
            open_local, open_foreign = row[_RP["RPAAP"]], row[_RP["RPFAP"]]
            open_units = open_foreign if foreign else open_local
            if open_units <= 0:
                continue
            part, discount, written_off = open_units, 0, 0
            chance = self.random.random()
            if chance < 0.15 and open_units > 10:
                part = open_units // 3
            elif not foreign and chance < 0.25:
                discount = open_units * 2 // 100
            elif not foreign and chance < 0.28:
                written_off = min(open_units // 50, 100)
            whole = part == open_units
            local = part
            if foreign:
                local = open_local if whole else half_up(open_local * part, open_units)
            paid = part - discount - written_off
            paid_local = convert(paid, invoice.currency, company.currency, receipt_rate7) if foreign else paid
            applications.append((row, paid, paid_local, discount, written_off, local))
            row[_RP["RPAAP"]] = open_local - local
            row[_RP["RPFAP"]] = open_foreign - part if foreign else 0
            row[_RP["RPPST"]] = "P" if whole else "A"
            row[_RP["RPUPMJ"]], row[_RP["RPUPMT"]] = master.julian(batch.when), master.clock(batch.when)
            if not whole:
                break
        if invoice.stored:
            self.updates[number] = invoice
        if all(not row[_RP["RPAAP"]] and not row[_RP["RPFAP"]] for row in invoice.rows):
            self.leave_pool(number, invoice)
        return applications

    def payable(self, batch, company):
        """(customer, currency, up to three of the customer's open invoices); none for one receipt in twenty."""
        keys = [key for key in self.pool if key[0] == company.code] if batch.posted else []
        if not keys or self.random.random() < 0.05:
            return self.random.choice(self.customers[company.code]), self.currency(company), []
        _, customer, currency = key = self.random.choice(keys)
        invoices = list(self.pool[key].items())
        return customer, currency, invoices[:self.random.choice((1, 1, 2, 3))]

    def receipt(self, batch):
        """A customer's receipt, applied to open invoices fully, partly or not at all, with its journal."""
        company = batch.company
        if not self.customers[company.code]:
            return None
        day = self.post_time(batch, 0)
        number = self.take("RC")
        customer, currency, invoices = self.payable(batch, company)
        foreign = currency != company.currency
        rate7 = self.rate7(company, currency) if foreign else 10 ** 7
        applications = [one for invoice in invoices for one in self.apply(batch, *invoice, rate7)]
        unapplied = self.amount(currency) if not applications or self.random.random() < 0.08 else 0
        unapplied_local = convert(unapplied, currency, company.currency, rate7)
        paid = sum(one[1] for one in applications) + unapplied
        paid_local = sum(one[2] for one in applications) + unapplied_local
        voided = not applications and batch.posted and self.random.random() < 0.2
        stamp = (master.julian(batch.when), master.clock(batch.when))
        for place, (row, part, local, discount, written_off, whole) in enumerate(applications, 1):
            gain = whole - local if foreign else 0
            self.emit("F03B14", (number, place, customer, row[_RP["RPDOC"]], row[_RP["RPDCT"]], row[_RP["RPKCO"]],
                                 row[_RP["RPSFX"]], company.code, master.julian(day), -local, -part if foreign else 0,
                                 discount, written_off, gain, "D") + stamp)
        century, year, period = master.fiscal(company, day)
        bank = self.accounts[company.code, "", "1110"]
        self.emit("F03B13", (
            number, f"CK{number:08d}", customer, customer, company.code, master.julian(day), master.julian(day),
            century, year, period, "F" if foreign else "D", currency, company.currency,
            f"{rate7 // 10 ** 7}.{rate7 % 10 ** 7:07d}" if foreign else "0", paid_local, paid if foreign else 0,
            unapplied_local, unapplied if foreign else 0, "D" if batch.posted else "",
            master.julian(day) if voided else 0, "V" if voided else "", "001" if voided else "", bank,
            "Receipt – Zahlung", batch.kind, batch.number, batch.user) + stamp)
        document = Document("RC", number, day, currency, party=customer, text=f"Receipt {number}")
        document.lines = self.receipt_lines(company, applications, (paid, paid_local), (unapplied, unapplied_local), foreign)
        if not batch.posted:
            document.lines = [line for line in document.lines if not line.offset]
        self.ledger(batch, document)
        if batch.posted:
            self.count("payment", f"{company.code}/payment/{century * 100 + year}/{number}")
        if voided:
            self.reversals[company.code].append(document)
        return document

    def receipt_lines(self, company, applications, paid, unapplied, foreign):
        """Bank, discount, write-off and gain or loss against receivables and unapplied receipts (AE)."""
        discount = sum(one[3] for one in applications)
        written_off = sum(one[4] for one in applications)
        settled = sum(one[1] + one[3] + one[4] for one in applications)
        settled_local = sum(one[5] for one in applications)
        lines = [self.line(company, "1110", *paid)]
        if discount:
            lines.append(self.line(company, "6810", discount, discount))
        if written_off:
            lines.append(self.line(company, "6850", written_off, written_off))
        gain = settled_local - sum(one[2] for one in applications)
        if foreign and gain:
            lines.append(self.line(company, "6890", 0, gain))
        if applications:
            lines.append(self.line(company, "1210", -settled, -settled_local, offset=True))
        if unapplied[0]:
            lines.append(self.line(company, "2350", -unapplied[0], -unapplied[1], offset=True))
        return lines

    # The whole.

    def fill(self, batch, limit):
        """Documents into a batch, at most about `limit` canonical ones; returns how many canonical ones it made."""
        before = sum(self.counts.values())
        made = 0
        while (sum(self.counts.values()) - before if batch.posted else made) < limit:
            left = limit - (sum(self.counts.values()) - before if batch.posted else made)
            if batch.kind == "G " or left < 2:
                self.journal(batch)
            elif batch.kind == "IB":
                self.invoice(batch, credit=self.random.random() < 0.08)
            else:
                self.receipt(batch)
            made += 1
        self.close(batch)
        if self.row_count > ROWS_PER_FLUSH:
            self.flush()
        return sum(self.counts.values()) - before

    def kind(self, left, only):
        """The kind of the next batch, among those whose documents are wanted."""
        if left < 2 or only == "journals" or not any(self.customers.values()):
            return "G "
        if only in ("invoices", "payments"):
            return {"invoices": "IB", "payments": "RB"}[only]
        return self.random.choices(("G ", "IB", "RB"), (30, 45, 25))[0]

    def company_with_customers(self):
        """A company for invoices or receipts."""
        able = [company for company in self.companies if self.customers[company.code]]
        return self.random.choices(able, [company.weight for company in able])[0]

    def history(self, documents, as_of, only=None):
        """A whole database: master data, and documents over 18 months before the as-of date."""
        schedule = Schedule(as_of)
        self.master_data()
        if only != "journals":
            for place in range(min(max(5, documents * 3 // 100), 5000, documents)):
                self.party(schedule.at(place / 50000))
            for place in range(3):
                self.party(schedule.at(0.1 * place), "V")
        batches = 0
        while (left := documents - sum(self.counts.values())) > 0:
            fraction = 1 - left / documents
            kind = self.kind(left, only)
            company = None if kind == "G " else self.company_with_customers()
            if batches < len(self.companies) and (kind == "G " or self.customers[self.companies[batches].code]):
                company = self.companies[batches]  # so that every company is there in a small database too
            size = min(left, self.random.randrange(25, 201), max(10, documents // 25))
            self.fill(self.batch(kind, schedule.at(fraction), company), size)
            batches += 1
            if batches % 12 == 0 and not self.journal_lines:
                status = self.random.choice((" ", "A", "E"))
                self.fill(self.batch(kind, schedule.at(fraction), company, status), self.random.randrange(3, 12))
        self.finish()
