/*
 * compare_copy.c - see compare_copy.h.
 *
 * Why:   see compare_copy.h.
 * Owns:  nothing.
 * Rules: as in compare_copy.h.
 * Faults: see compare_copy.h.
 * Runs in: the CLI.
 * Tests: see compare_copy.h.
 */
#include "tools/twinpost/compare_copy.h"

#include "connector/posting/pack.h"

#define MARK_STREAMS "stream "

static enum err copy_one(struct projector *to, const struct ledger_document *row, struct document *document,
                         struct err_info *info)
{
	struct err_info why = {.text = ""};
	const struct projection projection = {
	    .side = row->side,
	    .revision = row->revision,
	    .recorded_ns = row->recorded_ns,
	    .phase = row->phase,
	    .outcome = row->outcome,
	    .n = row->n,
	    .first_ns = row->first_ns,
	};
	enum err err = document_unpack(document, row->packed, &why);
	document->voided = row->voided;
	if (err == ERR_OK)
		err = project_document(to, &projection, document, &why);
	return err == ERR_OK ? ERR_OK
	                     : err_set(info, err, "%.*s of the %s side: %.300s", (int)row->subject.len,
	                               row->subject.data, ledger_side_name(row->side), why.text);
}

enum err compare_copy_side(struct projector *to, struct ledger *from, enum ledger_side side,
                           struct err_info *info)
{
	struct ledger_cursor *cursor = NULL;
	struct ledger_document row;
	struct document document;
	document_init(&document);
	enum err err = ledger_cursor_open(from, side, true, true, &cursor, info);
	while (err == ERR_OK && ledger_cursor_next(cursor, &row, &err, info))
		err = copy_one(to, &row, &document, info);
	ledger_cursor_close(cursor);
	document_release(&document);
	return err;
}

struct copying {
	struct ledger *to;
	enum err err;
	struct err_info *info;
};

static bool copy_mark(void *self, const char *name, int64_t value)
{
	struct copying *copying = self;
	copying->err = ledger_set_mark(copying->to, name, value, copying->info);
	return copying->err == ERR_OK;
}

static bool copy_held(void *self, const struct ledger_held *held)
{
	struct copying *copying = self;
	copying->err = ledger_hold(copying->to, held, true, copying->info);
	return copying->err == ERR_OK;
}

enum err compare_copy_marks(struct ledger *to, struct ledger *from, struct err_info *info)
{
	struct copying copying = {.to = to, .info = info};
	enum err err = ledger_marks(from, MARK_STREAMS, copy_mark, &copying, info);
	if (err == ERR_OK && copying.err == ERR_OK)
		err = ledger_helds(from, copy_held, &copying, info);
	return err == ERR_OK ? copying.err : err;
}
