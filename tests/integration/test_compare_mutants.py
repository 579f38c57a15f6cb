"""test_compare_mutants.py - a comparison that is broken on purpose never says green where ledgers differ.

Shows: each mutant of the comparison's sources, run over ledgers with one difference each, of every kind, comes to `breaks` or
       `incomplete` (or to no verdict at all); and which of its checks caught it.
How:   a mutant is one or several exact changes of the text of one source file: compiled alone, linked before the library, so that it
       takes the place of its original. A mutant whose text is not found, or that does not compile, is a failure: it tests nothing.
       Ledgers are read from files (in full), from a ledger that a sound program made (by its fingerprints), and, where the change
       touches what is stored, from one that the mutant made.
Runs in: tools/test (integration); needs the compiler and make. COMPARE_MUTANT=name runs one.
"""

import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(ROOT, "tools"), os.path.join(ROOT, "tests", "lib"), os.path.join(ROOT, "tests", "integration")]

import compare_case as case  # noqa: E402
import test_compare_property as random_ledgers  # noqa: E402
from sample_cloud import planting  # noqa: E402

RUN_SECONDS_MAX = 60
PAIRS = 120
JOBS = 2

RUN, GROUP, LEFTOVER, ITEMS, WRITE, SUMS = (f"connector/compare/{name}.c" for name in (
    "run", "run_group", "run_leftover", "run_items", "run_write", "run_sums"))
PAIR, VIEW, LINES, FORM, PROJECT = (f"connector/compare/{name}.c" for name in ("pair", "view", "view_lines", "view_form", "project"))
CHOOSE = "store_forward/ledger_choose.c"
STORED = (VIEW, LINES, FORM, PROJECT)

ADVANCE = ("	while (place->cursor && ledger_cursor_next(place->cursor, &document, &err, &info)) {\n",
           "	while (place->cursor && ledger_cursor_next(place->cursor, &document, &err, &info)) {\n		if ({})\n			continue;\n")
TAKE_GROUP = "		err = run_group(run, with_legacy ? held : NULL, info);"
MERGE = "	while (err == ERR_OK && (legacy->has || cloud->has)) {"
EQUAL = ("	return a->documents == b->documents && a->total == b->total &&\n"
         "	       fingerprint_equal(&a->fingerprint, &b->fingerprint);")
FORMS = "	if (pair->count == 0 && !legacy->adjusted && !cloud->adjusted && !forms_equal(legacy, cloud))"
NO_FORMS = (FORMS, "	if (false)")
ANY_PAIR = "	return run->pair.class_ == PAIR_MATCHED            ? RUN_MATCHED\n"


def advance(condition):
    """A batch of rows that is never seen."""
    return [(ADVANCE[0], ADVANCE[1].replace("{}", condition))]


# name: (file, [(text, what stands there instead)])
MUTANTS = {
    # What is read, and in which order.
    "drop a batch of both sides": (RUN, advance("document.identity.len > 0 && document.identity.data[document.identity.len - 1] % 4 == 0")),
    "drop a batch of the cloud": (RUN, advance("side == SIDE_CLOUD && document.n % 8 == 0")),
    "drop a batch of the ERP": (RUN, advance("side == SIDE_LEGACY && document.n % 8 == 0")),
    "drop all of the cloud that is alone": (RUN, advance("side == SIDE_CLOUD && document.identity.len == 0")),
    "swap the sides": (RUN, [("ledger_cursor_open(run->ledger, (enum ledger_side)side,", "ledger_cursor_open(run->ledger, (enum ledger_side)(1 - side),")]),
    "end the merge with the first side": (RUN, [(MERGE, MERGE.replace("||", "&&"))]),
    "end the merge early": (RUN, [(MERGE, "	int groups = 0;\n" + MERGE.replace("(err ==", "(groups++ < 40 && err =="))]),
    "read, and do not compare, a batch": (RUN, [(TAKE_GROUP, "		if (!with_legacy || held->document.n % 3 != 0)\n	" + TAKE_GROUP)]),
    "read, and do not compare, what the cloud has alone": (RUN, [(TAKE_GROUP, "		if (with_legacy)\n	" + TAKE_GROUP)]),
    "read, and do not compare, what the ERP has alone": (RUN, [(TAKE_GROUP, "		if (!with_legacy || run->group_count > 0)\n	" + TAKE_GROUP)]),
    "stop at the first of several of the cloud": (RUN, [("		run_copy(&run->group[run->group_count++], &cloud->row.document);\n		advance",
                                                         "		if (run->group_count == 0)\n			run_copy(&run->group[run->group_count++], &cloud->row.document);\n		advance")]),
    # Which cells are looked at.
    "compare counts alone": (RUN, [(EQUAL, "	return a->documents == b->documents;")]),
    "compare counts and totals": (RUN, [(EQUAL, "	return a->documents == b->documents && a->total == b->total;")]),
    "choose no cell": (RUN, [("		cell->selected = run->full || ", "		cell->selected = run->full && ")]),
    "every day is equal": (RUN, [("	if (sums_equal(&day->sums[SIDE_LEGACY], &day->sums[SIDE_CLOUD])) {", "	if (day->posting != 0) {")]),
    "two of one identity are equal": (CHOOSE, [("	    !fingerprint_equal(&twins->fingerprint[SIDE_LEGACY], &twins->fingerprint[SIDE_CLOUD]))", "	    false)")]),
    "a third of an identity is forgotten": (CHOOSE, [("	if (err == ERR_OK && !twins->unequal && (voided || twins->has[side]))", "	if (twins->has[side] && !twins->unequal)\n		return ERR_OK;\n	if (err == ERR_OK && !twins->unequal && voided)")]),
    "what stands alone is equal": (CHOOSE, [("	if (!twins->has[SIDE_LEGACY] || !twins->has[SIDE_CLOUD] ||\n", "	if (twins->has[SIDE_LEGACY] && twins->has[SIDE_CLOUD] &&\n")]),
    "nothing is in the scope": (RUN, [("	if (!named || (scope->types != 0", "	if (true || (scope->types != 0")]),
    # Pairs.
    "every pair is matched": (GROUP, [("	return run_pair_status(run);\n}\n\nstatic enum err take_pair", "	return RUN_MATCHED;\n}\n\nstatic enum err take_pair")]),
    "every difference is within tolerance": (GROUP, [("	                                                   : RUN_DIFFERENT;", "	                                                   : RUN_WITHIN_TOLERANCE;")]),
    "pairs by total alone": (GROUP, [("	if (!run->full && fingerprint_equal(&legacy->fingerprint, &cloud->fingerprint) && !canary)", "	if (legacy->total == cloud->total)")]),
    "pairs by total alone, but canaries": (GROUP, [("	if (!run->full && fingerprint_equal(&legacy->fingerprint, &cloud->fingerprint) && !canary)", "	if (legacy->total == cloud->total && !canary)")]),
    "duplicates are matched": (GROUP, [("		if (i != best)\n			err = run_keep(run, RUN_DUPLICATE, 1, NULL, &run->group[i].document, info);",
                                        "		if (i != best)\n			err = settle(run, NULL, &run->group[i].document, RUN_MATCHED, info);")]),
    "duplicates are forgotten": (GROUP, [("	for (int i = 0; i < run->group_count && err == ERR_OK; i++) {\n		if (i != best)", "	for (int i = 0; i < 0 && err == ERR_OK; i++) {\n		if (i != best)")]),
    "any two are parts of one": (GROUP, [("	return sum == wanted;", "	return true;")]),
    "missing in the cloud is matched": (GROUP, [("		                   : run_keep(run, RUN_MISSING_CLOUD, 0, row, NULL, info);", "		                   : settle(run, row, NULL, RUN_MATCHED, info);")]),
    "missing in the cloud is forgotten": (GROUP, [("		                   : run_keep(run, RUN_MISSING_CLOUD, 0, row, NULL, info);", "		                   : ERR_OK;")]),
    "missing in the ERP is matched": (GROUP, [("		err = run_keep(run, RUN_MISSING_LEGACY, 0, NULL, &run->group[i].document, info);", "		err = settle(run, NULL, &run->group[i].document, RUN_MATCHED, info);")]),
    "missing in the ERP is forgotten": (GROUP, [("	for (int i = 0; i < run->group_count && err == ERR_OK; i++)\n		err = run_keep(run, RUN_MISSING_LEGACY",
                                                 "	for (int i = 0; i < 0 && err == ERR_OK; i++)\n		err = run_keep(run, RUN_MISSING_LEGACY")]),
    "what is alone was voided": (GROUP, [("	if ((!legacy || legacy->voided) && (!cloud || cloud->voided)) {", "	if (!legacy || !cloud) {"),
                                         ("		return row->voided ? settle(run, row, NULL, RUN_MATCHED, info)", "		return row ? settle(run, row, NULL, RUN_MATCHED, info)")]),
    # What is left over.
    "missing waits for ever": (LEFTOVER, [("	    age >= run->options->grace_ns[other] || item->first_ns == 0)", "	    item->first_ns == 0)")]),
    "any amount is a counterpart": (LEFTOVER, [("	int64_t age = 0;", "	item->status = RUN_MATCHED;\n	return ledger_item_change(run->ledger, item, info);\n	int64_t age = 0;")]),
    "leftovers are taken away": (LEFTOVER, [("	int64_t age = 0;", "	return ledger_item_remove(run->ledger, item->id, info);\n	int64_t age = 0;")]),
    # What is told.
    "the first difference ends the list": (ITEMS, [("		found->err = write_difference(found, item, found->info);\n		return found->err == ERR_OK;",
                                                    "		found->err = ERR_OK;\n		return false;")]),
    "differences of nothing are none": (ITEMS, [("	if (is_difference((enum run_status)item->status)) {\n		found->err", "	if (amounts_of(found).net != 0 && is_difference((enum run_status)item->status)) {\n		found->err")]),
    "differences are none": (ITEMS, [("	return status != RUN_MATCHED && status != RUN_WITHIN_TOLERANCE;", "	return status == RUN_STATUS_COUNT;")]),
    "differences are told as matched": (ITEMS, [("		    tell_documents(run, item, accepted ? RUN_ACCEPTED : (enum run_status)item->status, info);", "		    tell_documents(run, item, RUN_MATCHED, info);")]),
    "everything was accepted": (ITEMS, [("	    !run->sink->decision(run->sink->self, span_of(key), span_of(evidence), decision))\n		*decision = (struct run_decision){.state = \"open\"};", "	    !run->sink->decision(run->sink->self, span_of(key), span_of(evidence), decision))\n		*decision = (struct run_decision){.state = \"accepted\"};")]),
    "canaries alone are looked at": (ITEMS, [("	bool whole = look_at(found, item);", "	if (!run_is_canary(item->entity))\n		return true;\n	bool whole = look_at(found, item);")]),
    "what differs does not break": (WRITE, [("	int64_t broken = s[RUN_DIFFERENT] + ", "	int64_t broken = ")]),
    "what is missing does not break": (WRITE, [("s[RUN_MISSING_CLOUD] + s[RUN_MISSING_LEGACY] + s[RUN_DUPLICATE] +", "s[RUN_DUPLICATE] +")]),
    "duplicates do not break": (WRITE, [(" + s[RUN_DUPLICATE] +", " +")]),
    "nothing breaks": (WRITE, [("	else if (broken > 0)\n		outcome->verdict = RUN_BREAKS;", "	else if (broken < 0)\n		outcome->verdict = RUN_BREAKS;")]),
    # The lanes.
    "no lane of amounts": (PAIR, [("		compare_header(&comparison);\n		compare_lines(&comparison);\n", ""), ("static void compare_header", "__attribute__((unused)) static void compare_header"), ("static void compare_lines", "__attribute__((unused)) static void compare_lines")]),
    "no lane of amounts, no forms": (PAIR, [("		compare_header(&comparison);\n		compare_lines(&comparison);\n", ""), NO_FORMS]),
    "no header, no forms": (PAIR, [("		compare_header(&comparison);\n", ""), NO_FORMS]),
    "no lines, no forms": (PAIR, [("		compare_lines(&comparison);\n", ""), NO_FORMS]),
    "no lane of attributes": (PAIR, [("	compare_attributes(&comparison);\n", "")]),
    "no lane of attributes, no forms": (PAIR, [("	compare_attributes(&comparison);\n", ""), NO_FORMS]),
    "no bases, no forms": (PAIR, [("	pair->amounts_compared = compare_bases(&comparison);", "	pair->amounts_compared = true;"), NO_FORMS]),
    "everything is tolerated": (PAIR, [("	return decimal_compare(value, tolerance) <= 0;", "	return decimal_compare(value, tolerance) <= 100;"), ("	if (!comparison->rules || units > INT64_MAX)\n		return false;", "	if (!comparison->rules || units > INT64_MAX)\n		return true;")]),
    "signs do not count": (PAIR, [("	if (amounts->legacy == amounts->cloud && !amounts->absent)", "	if (distance(amounts->legacy, 0) == distance(amounts->cloud, 0) && !amounts->absent)"), NO_FORMS]),
    "credits do not count": (PAIR, [("	amounts.legacy = legacy->credit;", "	amounts.legacy = cloud->credit;"), NO_FORMS]),
    "debits do not count": (PAIR, [("	amounts.legacy = legacy->debit;", "	amounts.legacy = cloud->debit;"), NO_FORMS]),
    "local amounts do not count": (PAIR, [("	if (comparison->compare_local)\n		compare_local(comparison, legacy, cloud, amounts);\n", ""), NO_FORMS]),
    "texts by length": (PAIR, [("	if (span_equal(legacy, cloud))\n		return true;", "	if (legacy.len == cloud.len)\n		return true;"), NO_FORMS]),
    "lines of one side alone are forgotten": (PAIR, [("		compare_line(comparison, order <= 0 ? &legacy->lines[i] : NULL,", "		if (order == 0)\n			compare_line(comparison, order <= 0 ? &legacy->lines[i] : NULL,"), NO_FORMS]),
    "the form alone": (PAIR, [(FORMS, "	pair->count = 0;\n	comparison.attribute_count = comparison.intolerable = 0;\n	if (false)")]),
    # What is compared at all.
    "cents are cut off": (VIEW, [("	*units = make->mirrored ? -amount.units : amount.units;", "	*units = (make->mirrored ? -amount.units : amount.units) / 100 * 100;")]),
    "amounts without sign": (VIEW, [("	*units = make->mirrored ? -amount.units : amount.units;", "	*units = amount.units < 0 ? -amount.units : amount.units;")]),
    "no period": (VIEW, [("	view->period = year * 100 + number;", "	number = 1;\n	view->period = year * 100 + number;")]),
    "no party": (VIEW, [("	texts[VIEW_PARTY] = party;", "	texts[VIEW_PARTY] = (struct span){NULL, 0};")]),
    "no posting date": (VIEW, [("	texts[VIEW_POSTING_DATE] = date_text(make, HEADER_POSTING_DATE);", "	texts[VIEW_POSTING_DATE] = (struct span){NULL, 0};")]),
    "customers without attributes": (VIEW, [("		take_customer_attributes(make);\n", "		(void)take_customer_attributes;\n")]),
    "nothing is compared that could be left out": (VIEW, [("				set |= ATTRIBUTE(i);", "				set |= i == VIEW_CURRENCY || i == VIEW_ACCOUNT ? ATTRIBUTE(i) : 0;")]),
    "one account": (LINES, [("	line->account = take_code(source, VIEW_ACCOUNT, MAPPING_ACCOUNT, JOURNAL_LINE_ACCOUNT);", "	line->account = SPAN_LITERAL(\"1\");")]),
    "one account of invoices": (LINES, [("	line->account = take_code(source, VIEW_ACCOUNT, MAPPING_ACCOUNT, INVOICE_LINE_ACCOUNT);", "	line->account = SPAN_LITERAL(\"1\");")]),
    "no cost centres": (LINES, [("MAPPING_COST_CENTRE, JOURNAL_LINE_COST_CENTRE);", "MAPPING_COST_CENTRE, JOURNAL_LINE_COST_CENTRE);\n	line->cost_centre = (struct span){NULL, 0};")]),
    "no cost centres of invoices": (LINES, [("MAPPING_COST_CENTRE, INVOICE_LINE_COST_CENTRE);", "MAPPING_COST_CENTRE, INVOICE_LINE_COST_CENTRE);\n	line->cost_centre = (struct span){NULL, 0};")]),
    "no tax codes of invoices": (LINES, [("	line->tax_code = take_code(source, VIEW_TAX_CODE, MAPPING_TAX_CODE, INVOICE_LINE_TAX_CODE);", ""), ("	                           of_line ? INVOICE_LINE_TAX_CODE : INVOICE_TAX_LINE_CODE);", "	                           of_line ? INVOICE_LINE_TAX_CODE : INVOICE_TAX_LINE_CODE);\n	line->tax_code = (struct span){NULL, 0};")]),
    "no taxes": (LINES, [("	set_units(units, &line->debit, &line->credit);\n	if (is_zero(line)) {\n		drop_line(view);\n		return ERR_OK;\n	}\n	line->account = SPAN_LITERAL(\"tax\");",
                          "	drop_line(view);\n	return ERR_OK;\n	line->account = SPAN_LITERAL(\"tax\");")]),
    "no applications": (LINES, [("	else if (type == DOCUMENT_PAYMENT && view_compares(make, VIEW_APPLICATIONS))", "	else if (type == DOCUMENT_CUSTOMER)")]),
    "debits and credits in one": (LINES, [("	*debit = units > 0 ? units : 0;\n	*credit = units < 0 ? units : 0;", "	*debit = units > 0 ? units : -units;\n	*credit = 0;")]),
    "forms without lines": (FORM, [("	for (int i = 0; i < view->line_count; i++)\n		at = put_line(at, &view->lines[i]);\n	view->form_len = (size_t)(at - start);",
                                    "	view->form_len = (size_t)(at - start);\n	for (int i = 0; i < view->line_count; i++)\n		at = put_line(at, &view->lines[i]);")]),
    "forms without amounts": (FORM, [("	return varint_put(at, varint_fold(units));", "	return varint_put(at, varint_fold(units ? 1 : 0));")]),
    "one fingerprint for all": (VIEW, [("	memcpy(fingerprint.bytes, digest.bytes, FINGERPRINT_BYTES);\n	return fingerprint;", "	memset(fingerprint.bytes, 1, FINGERPRINT_BYTES);\n	(void)digest;\n	return fingerprint;")]),
    "fingerprints of names": (VIEW, [("	    {length, sizeof length}, identity, {(const char *)view->text.data, view->form_len}};", "	    {length, sizeof length}, identity, {(const char *)view->text.data, 0}};")]),
    "any reference is an identity": (PROJECT, [("	if (err != ERR_OK || search->found != 1)\n		return err;\n	row->identity", "	if (err != ERR_OK || search->found < 1)\n		return err;\n	row->identity")]),
    "all was voided": (PROJECT, [("	    .voided = view->voided,", "	    .voided = view->posting % 2 == 0,")]),
    "documents of the cloud are put in twice over": (PROJECT, [("	bool is_new = err == ERR_NOT_FOUND;", "	bool is_new = err == ERR_NOT_FOUND;\n	if (row.side == SIDE_CLOUD && ledger_last(projector->ledger, SIDE_CLOUD) > 60)\n		return ERR_OK;")]),
    "no balances": (PROJECT, [("	if (view->voided) {\n		*balances = NULL;", "	if (view->line_count >= 0) {\n		*balances = NULL;"), ]),
    "no sums are proven": (SUMS, [("	tally_visit(run->balances, check_row, &check);", "	(void)check_row;")]),
}


STORED_WRONG = ("all-was-voided",)


def first(documents, kind, section=None):
    """The first of a kind that has such a line."""
    return next(one for one in documents if one["head"]["type"] == kind and (not section or any(row[0] == section for row in one["rows"])))


def field(kind, name, change):
    """A change of one field of the header."""
    def apply(cloud):
        head = first(cloud, kind)["head"]
        head[name] = change(head[name])
    return apply


def line_field(kind, section, name, change):
    """A change of one field of a line."""
    def apply(cloud):
        line = next(line for row, line in first(cloud, kind, section)["rows"] if row == section)
        line[name] = change(line.get(name, ""))
    return apply


def moved(cloud):
    """An amount from one line to another."""
    one = next(one for one in cloud if one["head"]["type"] == "journal" and len(one["rows"]) > 4)
    one["rows"][0][1]["amount"] += 100
    one["rows"][1][1]["amount"] -= 100


BY_HAND = {
    "cost centre": line_field("journal", "line", "cost_centre", lambda _: "K9"),
    "cost centre of an invoice": line_field("invoice", "line", "cost_centre", lambda _: "K9"),
    "tax code of an invoice's line": line_field("invoice", "line", "tax_code", lambda _: "V9"),
    "tax code of a tax line": line_field("invoice", "tax", "code", lambda _: "V9"),
    "tax of a tax line": line_field("invoice", "tax", "tax", lambda tax: tax + 1),
    "net of the header": field("invoice", "net", lambda net: net + 1),
    "tax of the header": field("invoice", "tax", lambda tax: tax + 1),
    "gross of the header": field("credit_memo", "gross", lambda gross: gross + 1),
    "customer": field("invoice", "customer", lambda code: code[:-1] + "9"),
    "payer": field("payment", "payer", lambda code: code[:-1] + "9"),
    "posting date": field("journal", "posting_date", lambda _: "2026-09-04"),
    "name": field("customer", "legal_name", lambda name: name[:-1] + "0"),
    "terms": field("customer", "terms", lambda _: "N31"),
    "amount of a payment": field("payment", "amount", lambda amount: amount + 1),
    "invoice of a payment": line_field("payment", "application", "invoice", lambda name: name[:-1] + "0"),
    "voided": field("journal", "voided", lambda _: "true"),
    "moved": moved,
}


class Mutants(unittest.TestCase):
    """Compiled once each, run over all ledgers."""

    @classmethod
    def setUpClass(cls):
        # Thousands of results are synchronised to the disk: in memory that is quick.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        cls.folder = tempfile.TemporaryDirectory(prefix="twinpost-mutants-", dir=memory)
        cls.cases, cls.clean = [], []
        for kind in [*planting.KINDS, planting.POLICY_KIND]:
            plant = f"seed=5,{kind}=1"
            directory = os.path.join(cls.folder.name, "ledgers", kind)
            manifest = case.generate(directory, 4 * PAIRS if kind == planting.POLICY_KIND else PAIRS, 9, plant=plant)
            (cls.clean if {line["status"] for line in manifest} == {"matched"} else cls.cases).append(directory)
        for name, change in BY_HAND.items():
            directory = os.path.join(cls.folder.name, "ledgers", name.replace(" ", "-"))
            os.makedirs(directory)
            legacy, cloud = cls.random(60)
            change(cloud)
            random_ledgers.write(os.path.join(directory, "legacy.csv"), legacy)
            random_ledgers.write(os.path.join(directory, "cloud.csv"), cloud)
            cls.cases.append(directory)
        directory = os.path.join(cls.folder.name, "ledgers", "clean")
        case.generate(directory, PAIRS, 9)
        cls.clean.append(directory)
        for directory in cls.cases + cls.clean:
            cls.load(directory, case.LOADER, "ledger.db")

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @staticmethod
    def random(count):
        """The same ledger on both sides, nothing voided."""
        legacy, cloud = [], []
        documents = random_ledgers.Documents(77)
        for number in range(1, count + 1):
            one = documents.make(number)
            one["head"]["voided"] = ""
            other = random_ledgers.copied(one)
            other["head"].update(number=f"G{number}", origin=f"{one['head']['entity']}/{one['head']['type']}/2026/L{number}")
            legacy.append(one)
            cloud.append(other)
        return legacy, cloud

    @staticmethod
    def load(directory, loader, name):
        """Both sides into a ledger file; False: the loader failed."""
        path = os.path.join(directory, name)
        done = subprocess.run([loader, path, "-", f"legacy={directory}/legacy.csv", f"cloud={directory}/cloud.csv"],
                              stderr=subprocess.PIPE, timeout=RUN_SECONDS_MAX, check=False)
        return done.returncode == 0

    def commands(self, target, source):
        """What make would do to make a target from this source, without doing it."""
        out = subprocess.run(["make", "-n", "-W", source, f"BUILD={os.path.relpath(case.BUILD, ROOT)}", target], cwd=ROOT, text=True,
                             stdout=subprocess.PIPE, check=True).stdout
        return [line for line in out.splitlines() if not line.startswith(("mkdir", "rm ", "ar "))]

    def setUp(self):
        build = os.path.relpath(case.BUILD, ROOT)
        sample = self.commands(f"{build}/connector/compare/run.o", RUN)[-1]
        self.assertIn(f"-c {RUN} ", sample)
        self.compiling = sample.replace(f"-c {RUN} -o {build}/connector/compare/run.o", "").replace("-MMD -MP", "") + " -w -O1"
        self.linking = {program: self.commands(f"{build}/{program}", f"{build}/{main}")[-1] for program, main in (
            ("twinpost", "tools/twinpost/main.o"), ("load_ledger", "tools/bench/load_ledger.o"))}

    def build(self, name):
        """Compiles and links one; {program: path}."""
        source, changes = MUTANTS[name]
        folder = os.path.join(self.folder.name, re.sub(r"\W+", "-", name))
        os.makedirs(folder)
        with open(os.path.join(ROOT, source), encoding="utf-8") as file:
            text = file.read()
        for old, new in changes:
            self.assertEqual(text.count(old), 1, f"mutant \"{name}\": this text is not in {source} once:\n{old}")
            text = text.replace(old, new)
        mutated = os.path.join(folder, "mutant.c")
        with open(mutated, "w", encoding="utf-8") as file:
            file.write(text)
        made = subprocess.run(f"{self.compiling} -c {mutated} -o {folder}/mutant.o", shell=True, cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(made.returncode, 0, f"mutant \"{name}\" does not compile:\n{made.stdout}")
        programs = {}
        for program, line in self.linking.items():
            if program == "load_ledger" and source not in STORED:
                continue
            programs[program] = os.path.join(folder, program)
            build = os.path.relpath(case.BUILD, ROOT)
            line = line.replace(f"-o {build}/{program} ", f"-o {programs[program]} {folder}/mutant.o ")
            subprocess.run(line, shell=True, cwd=ROOT, check=True)
        return programs

    def outcome(self, directory, program, words, name):
        """(green?, what was said)"""
        try:
            result = case.judge(os.path.join(directory, name), words, program, timeout=RUN_SECONDS_MAX)
        except (case.RunError, subprocess.TimeoutExpired, OSError) as error:
            return False, "no verdict: " + type(error).__name__
        return result.green, result.verdict if result.verdict != "incomplete" else " ".join(sorted(set(result.reasons)))

    def runs(self, directory, programs, label):
        """All ways in which a mutant looks at one ledger."""
        program = programs["twinpost"]
        files = ["--legacy", os.path.join(directory, "legacy.csv"), "--cloud", os.path.join(directory, "cloud.csv")]
        found = {"files": self.outcome(directory, program, files, f"{label}-files"),
                 "ledger": self.outcome(directory, program, ["--ledger", os.path.join(directory, "ledger.db")], f"{label}-ledger")}
        if "load_ledger" in programs:
            # What was stored wrong, in its sums as in its rows, only a full run can know.
            full = ["--full"] if label in STORED_WRONG else []
            if self.load(directory, programs["load_ledger"], f"{label}.db"):
                found["own ledger"] = self.outcome(directory, program, ["--ledger", os.path.join(directory, f"{label}.db"), *full], f"{label}-own")
            else:
                found["own ledger"] = False, "not loaded"
        return found

    def test_originals(self):
        """The program itself finds each of the differences, in every way, and is green where there is none."""
        programs = {"twinpost": case.PROGRAM, "load_ledger": case.LOADER}
        for directory in self.cases + self.clean:
            wanted = "breaks" if directory in self.cases else "reconciled"
            for way, (_, said) in self.runs(directory, programs, "original").items():
                self.assertEqual((os.path.basename(directory), way, said), (os.path.basename(directory), way, wanted))

    def judge(self, name):
        """(the mutant, ledgers on which it was green, what caught it, clean ledgers that it calls otherwise)"""
        programs = self.build(name)
        label = re.sub(r"\W+", "-", name)
        green, caught, alarms = [], collections.Counter(), 0
        for directory in self.cases + self.clean:
            for way, (is_green, said) in self.runs(directory, programs, label).items():
                if directory in self.clean:
                    alarms += not is_green
                elif is_green:
                    green.append(f"{os.path.basename(directory)} ({way}): {said}")
                else:
                    caught[said] += 1
        return name, green, caught, alarms

    def test_mutants(self):
        """None is green where there is a difference."""
        only = os.environ.get("COMPARE_MUTANT")
        names = [name for name in MUTANTS if not only or name == only]
        survivors = []
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            for name, green, caught, alarms in pool.map(self.judge, names):
                said = ", ".join(f"{text} {count}" for text, count in caught.most_common(6))
                print(f"# {name}: {said}; clean ledgers called otherwise {alarms}" + (f"; GREEN {len(green)}" if green else ""), flush=True)
                if green:
                    survivors.append(f"{name}: {len(green)}: {green[:4]}")
        print(f"# {len(names)} mutants, {len(self.cases)} ledgers with a difference, {len(self.clean)} without")
        self.assertEqual(survivors, [], "green where there is a difference")
        if not only:
            self.assertGreaterEqual(len(names), 25)


if __name__ == "__main__":
    unittest.main()
