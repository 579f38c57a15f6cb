/*
 * status_sql.c - see status_sql.h.
 *
 * Why:   see status_sql.h.
 * Owns:  nothing.
 * Rules: as in status_sql.h.
 * Runs in: the core.
 * Tests: tests/unit/status_writer_test.c, tests/integration/test_status_table.py
 */
#include "connector/source/status_sql.h"

#include <inttypes.h>
#include <stdio.h>

#include "connector/posting/date.h"

#define SQL_BYTES_MAX 512
/* No subject has fewer than three slashes. */
#define NOBODY "-"

static const struct {
	uint16_t params;
	const char *format;
} statements[STATUS_STATEMENTS] = {
    [STATUS_LOOK] = {2, "SELECT subject, revision, outcome, cloud_document, cloud_date, ledger, reason, "
                        "reason_class, text, updated FROM %s WHERE subject = ? AND revision >= ?"},
    [STATUS_UPDATE] = {11, "UPDATE %s SET revision = ?, outcome = ?, cloud_document = ?, cloud_date = ?, "
                           "ledger = ?, reason = ?, reason_class = ?, text = ?, updated = ? "
                           "WHERE subject = ? AND revision <= ?"},
    [STATUS_INSERT] = {10, "INSERT INTO %s (revision, outcome, cloud_document, cloud_date, ledger, reason, "
                           "reason_class, text, updated, subject) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
};

void status_prepare_encode(struct buf *out, enum status_statement statement, const char *table)
{
	char sql[SQL_BYTES_MAX];
	int len = snprintf(sql, sizeof sql, statements[statement].format, table);
	CHECK(len > 0 && (size_t)len < sizeof sql);
	const struct source_prepare message = {
	    .statement = (uint16_t)statement, .params = statements[statement].params, .sql = span_of(sql)};
	source_prepare_encode(out, &message);
}

static void look_encode(struct buf *out, uint32_t request, struct span subject, const char *revision)
{
	const struct source_execute message = {
	    .request = request,
	    .statement = STATUS_LOOK,
	    .param_count = statements[STATUS_LOOK].params,
	    .params = {{false, subject}, {true, span_of(revision)}},
	};
	source_execute_encode(out, &message);
}

void status_check_encode(struct buf *out, uint32_t request)
{
	look_encode(out, request, SPAN_LITERAL(NOBODY), "0");
}

void status_execute_encode(struct buf *out, enum status_statement statement, uint32_t request,
                           const struct store_outcome *outcome)
{
	char revision[24];
	char updated[INSTANT_TEXT_SIZE];
	(void)snprintf(revision, sizeof revision, "%" PRId64, outcome->revision);
	instant_print(outcome->received_ns, updated);
	if (statement == STATUS_LOOK) {
		look_encode(out, request, outcome->subject, revision);
		return;
	}
	/* INSERT takes all but the last. */
	const struct source_execute message = {
	    .request = request,
	    .statement = (uint16_t)statement,
	    .param_count = statements[statement].params,
	    .params = {{true, span_of(revision)},
	               {false, span_of(store_outcome_name((enum store_outcome_code)outcome->code))},
	               {false, outcome->document},
	               {false, outcome->date},
	               {false, outcome->ledger},
	               {false, outcome->reason},
	               {false, outcome->reason_class},
	               {false, outcome->text},
	               {false, span_of(updated)},
	               {false, outcome->subject},
	               {true, span_of(revision)}},
	};
	source_execute_encode(out, &message);
}
