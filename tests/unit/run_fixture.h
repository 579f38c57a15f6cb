/*
 * run_fixture.h - two small ledgers, and what a comparison of them says.
 *
 * Why:   the tests of the run speak of documents and verdicts, not of buffers.
 * Owns:  struct books: a temporary ledger, a projector, what was written.
 * Runs in: tests.
 * Tests: none.
 */
#ifndef TWINPOST_RUN_FIXTURE_H
#define TWINPOST_RUN_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "connector/compare/posting_read.h"
#include "connector/compare/project.h"
#include "connector/compare/run.h"

#define FIXTURE_DAY_NS (INT64_C(86400) * NS_PER_S)
#define FIXTURE_TODAY  20728 /* 2026-10-02 */

struct books {
	struct ledger *ledger;
	struct projector projector;
	struct canonical canonical;
	struct posting_reader reader;
	struct document document;
	struct buf files[RUN_FILE_COUNT];
	struct run_options options;
	struct run_outcome outcome;
	struct rules *rules;
	const char *accepted_key; /* the decision there is */
	char accepted_evidence[256];
};

static inline enum err fixture_line(void *self, enum run_file file, struct span line, struct err_info *info)
{
	struct books *books = self;
	(void)info;
	buf_append_span(&books->files[file], line);
	return ERR_OK;
}

static inline bool fixture_decision(void *self, struct span key, struct span evidence,
                                    struct run_decision *decision)
{
	struct books *books = self;
	if (!books->accepted_key || !span_equal(key, span_of(books->accepted_key)) ||
	    (books->accepted_evidence[0] && !span_equal(evidence, span_of(books->accepted_evidence))))
		return false;
	(void)snprintf(decision->state, sizeof decision->state, "accepted");
	(void)snprintf(decision->by, sizeof decision->by, "anna");
	(void)snprintf(decision->reason, sizeof decision->reason, "known");
	(void)snprintf(decision->at, sizeof decision->at, "2026-10-01T10:00:00.000Z");
	return true;
}

static inline void books_open(struct books *books, struct rules *rules)
{
	struct ledger_opening opening;
	struct err_info info;
	*books = (struct books){.rules = rules};
	assert_int_equal(ledger_open(NULL, "", LEDGER_TEMPORARY, &books->ledger, &opening, &info), ERR_OK);
	projector_init(&books->projector, books->ledger, rules);
	canonical_init(&books->canonical);
	posting_reader_init(&books->reader, &books->canonical);
	document_init(&books->document);
	for (int i = 0; i < RUN_FILE_COUNT; i++)
		buf_init(&books->files[i], 16u << 20);
	books->options = (struct run_options){.id = "000001",
	                                      .at_ns = FIXTURE_TODAY * FIXTURE_DAY_NS,
	                                      .canaries = true,
	                                      .grace_ns = {FIXTURE_DAY_NS, 2 * FIXTURE_DAY_NS},
	                                      .threshold_share = {1, 3},
	                                      .clean_days_needed = 31};
	assert_int_equal(ledger_begin(books->ledger, &info), ERR_OK);
	assert_int_equal(project_use_rules(&books->projector, rules, &info), ERR_OK);
}

static inline void books_close(struct books *books)
{
	projector_release(&books->projector);
	posting_reader_release(&books->reader);
	document_release(&books->document);
	for (int i = 0; i < RUN_FILE_COUNT; i++)
		buf_release(&books->files[i]);
	ledger_close(books->ledger);
	rules_free(books->rules);
}

/* `data` as it stands in an event; days: how long ago it came. */
static inline void books_put(struct books *books, enum ledger_side side, const char *data, int days,
                             bool voided, int revision)
{
	struct err_info info = {.text = ""};
	const struct projection projection = {
	    .side = side, .revision = revision, .recorded_ns = (FIXTURE_TODAY - days) * FIXTURE_DAY_NS};
	enum err err = posting_read(&books->reader, span_of(data), &books->document, &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", data, info.text);
	books->document.voided = voided;
	err = project_document(&books->projector, &projection, &books->document, &info);
	if (err != ERR_OK)
		fail_msg("%s: %s", data, info.text);
}

/* An invoice of one line: net, tax of 19 % and gross in cents. */
static inline void books_invoice(struct books *books, enum ledger_side side, const char *number,
                                 const char *origin, const char *reference, const char *customer, int net,
                                 int tax, int days)
{
	char data[1600];
	char more[400] = "";
	if (origin)
		(void)snprintf(more, sizeof more, "\"origin\":\"%s\",", origin);
	if (reference)
		(void)snprintf(more + strlen(more), sizeof more - strlen(more), "\"reference\":\"%s\",",
		               reference);
	(void)snprintf(
	    data, sizeof data,
	    "{\"entity\":\"10\",\"source_system\":\"x\",\"type\":\"invoice\",\"number\":\"%s\",\"year\":2026,"
	    "\"period\":9,\"posting_date\":\"2026-09-%02d\",\"currency\":\"EUR\",%s\"customer\":\"%s\","
	    "\"due_date\":\"2026-10-30\",\"net\":\"%d.%02d\",\"tax\":\"%d.%02d\",\"gross\":\"%d.%02d\","
	    "\"lines\":[{\"line\":\"1\",\"account\":\"4000\",\"net\":\"%d.%02d\",\"tax_code\":\"A19\"}],"
	    "\"tax_lines\":[{\"code\":\"A19\",\"rate\":\"19\",\"base\":\"%d.%02d\",\"tax\":\"%d.%02d\"}]}",
	    number, 10 + days % 10, more, customer, net / 100, net % 100, tax / 100, tax % 100,
	    (net + tax) / 100, (net + tax) % 100, net / 100, net % 100, net / 100, net % 100, tax / 100,
	    tax % 100);
	books_put(books, side, data, days, false, 1);
}

/* The same invoice on both sides; the cloud's tax is `more` cents more. */
static inline void books_pair(struct books *books, int number, int net, int more)
{
	char legacy[16];
	char origin[64];
	char cloud[16];
	(void)snprintf(legacy, sizeof legacy, "RI-%d", number);
	(void)snprintf(cloud, sizeof cloud, "INV-%d", number);
	(void)snprintf(origin, sizeof origin, "10/invoice/2026/RI-%d", number);
	books_invoice(books, SIDE_LEGACY, legacy, NULL, NULL, "C1", net, 1900, 5);
	books_invoice(books, SIDE_CLOUD, cloud, origin, NULL, "C1", net, 1900 + more, 5);
}

static inline void books_compare(struct books *books)
{
	const struct run_sink sink = {books, fixture_line, fixture_decision};
	struct err_info info = {.text = ""};
	for (int i = 0; i < RUN_FILE_COUNT; i++)
		buf_clear(&books->files[i]);
	if (ledger_in_transaction(books->ledger))
		assert_int_equal(ledger_commit(books->ledger, &info), ERR_OK);
	assert_int_equal(
	    run_compare(books->ledger, books->rules, &books->options, &sink, &books->outcome, &info), ERR_OK);
}

/* Compares by fingerprints, then in full: the verdict and this file must be the same. */
static inline void books_compare_both(struct books *books, enum run_file file)
{
	struct buf partial;
	char why[sizeof books->outcome.why];
	buf_init(&partial, 16u << 20);
	books->options.full = false;
	books_compare(books);
	buf_append_span(&partial, buf_span(&books->files[file]));
	enum run_verdict verdict = books->outcome.verdict;
	memcpy(why, books->outcome.why, sizeof why);
	books->options.full = true;
	books_compare(books);
	assert_string_equal(buf_cstr(&books->files[file]), buf_cstr(&partial));
	if (verdict != books->outcome.verdict)
		fail_msg("by fingerprints %s (%s), in full %s (%s)", run_verdict_name(verdict), why,
		         run_verdict_name(books->outcome.verdict), books->outcome.why);
	buf_release(&partial);
}

static inline void books_again(struct books *books)
{
	struct err_info info;
	assert_int_equal(ledger_begin(books->ledger, &info), ERR_OK);
}

static inline void books_verdict(struct books *books, enum run_verdict wanted)
{
	if (books->outcome.verdict != wanted)
		fail_msg("verdict %s (%s), not %s\n%s\n%s", run_verdict_name(books->outcome.verdict),
		         books->outcome.why, run_verdict_name(wanted), buf_cstr(&books->files[RUN_FILE_RUN]),
		         buf_cstr(&books->files[RUN_FILE_DIFFERENCES]));
}

static inline bool books_says(struct books *books, enum run_file file, const char *text)
{
	return strstr(buf_cstr(&books->files[file]), text) != NULL;
}

#endif
