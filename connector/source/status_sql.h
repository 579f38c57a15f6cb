/*
 * status_sql.h - the three statements that a status table is written with, as frames for a source child.
 *
 * Why:   what is said to the database stands in one place, beside the columns that docs/operate.md promises.
 * Owns:  nothing.
 * Rules: 1. Values are bound, never written into the text; the table is named by [A-Za-z0-9_.] alone (config).
 *        2. Only what every database of docs/operate.md knows is used.
 * Runs in: the core.
 * Tests: tests/unit/status_writer_test.c, tests/integration/test_status_table.py
 */
#ifndef TWINPOST_STATUS_SQL_H
#define TWINPOST_STATUS_SQL_H

#include "connector/source/source_protocol.h"
#include "store_forward/outcomes.h"

/* Their numbers in the child. */
enum status_statement {
	STATUS_LOOK,   /* rows of the subject with this revision or a newer one */
	STATUS_UPDATE, /* the row of the subject, where its revision is not newer */
	STATUS_INSERT,
	STATUS_STATEMENTS
};

void status_prepare_encode(struct buf *out, enum status_statement statement, const char *table);
void status_execute_encode(struct buf *out, enum status_statement statement, uint32_t request,
                           const struct store_outcome *outcome);
/* STATUS_LOOK for a subject that nobody has: it fails where the table or a column is missing, and finds nothing. */
void status_check_encode(struct buf *out, uint32_t request);

#endif
