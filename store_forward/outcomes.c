/*
 * outcomes.c - see outcomes.h.
 *
 * Why:   see outcomes.h.
 * Owns:  table outcomes, by subject and order of arrival: subjects rise within entity, type and year.
 * Rules: the number of an outcome is one above the highest of its subject, so that order survives what is deleted.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_outcomes_test.c
 */
#include "store_forward/outcomes.h"

#include <inttypes.h>
#include <string.h>

#include "store_forward/store_internal.h"

const char *store_outcome_name(enum store_outcome_code code)
{
	static const char *const names[] = {"",       "RECEIVED", "VALIDATED", "PARTIAL",
	                                    "BOOKED", "REJECTED", "DUPLICATE", "OTHER"};
	CHECK(code >= STORE_OUTCOME_RECEIVED && code <= STORE_OUTCOME_OTHER);
	return names[code];
}

/* NULL: it may be kept. */
static const char *outcome_fault(const struct store_outcome *outcome)
{
	const struct span words[] = {outcome->document, outcome->date,         outcome->ledger,
	                             outcome->reason,   outcome->reason_class, outcome->message};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (words[i].len > STORE_OUTCOME_WORD_MAX)
			return "a word of it is too long";
	}
	return outcome->subject.len > STORE_SUBJECT_MAX     ? "its subject is too long"
	       : outcome->text.len > STORE_OUTCOME_TEXT_MAX ? "its text is too long"
	                                                    : NULL;
}

static bool outcome_named(const struct store_outcome *outcome)
{
	return outcome->subject.len > 0 && outcome->revision > 0 && outcome->code >= STORE_OUTCOME_RECEIVED &&
	       outcome->code <= STORE_OUTCOME_OTHER;
}

static int64_t outcome_checksum(const struct outcome_row *row)
{
	const struct store_outcome *shown = &row->shown;
	struct row_sum sum = row_sum_begin(TABLE_OUTCOME);
	row_sum_span(&sum, shown->subject);
	row_sum_int(&sum, row->n);
	row_sum_int(&sum, shown->revision);
	row_sum_int(&sum, shown->code);
	row_sum_int(&sum, shown->moved);
	row_sum_span(&sum, shown->document);
	row_sum_span(&sum, shown->date);
	row_sum_span(&sum, shown->ledger);
	row_sum_span(&sum, shown->reason);
	row_sum_span(&sum, shown->reason_class);
	row_sum_span(&sum, shown->text);
	row_sum_span(&sum, shown->message);
	row_sum_int(&sum, shown->at_ns);
	row_sum_int(&sum, shown->received_ns);
	return row_sum_end(&sum);
}

bool outcome_load(sqlite3_stmt *statement, struct outcome_row *row)
{
	int code = sql_column_small(statement, 3, STORE_OUTCOME_OTHER);
	int moved = sql_column_small(statement, 4, 1);
	*row = (struct outcome_row){
	    .n = sqlite3_column_int64(statement, 1),
	    .shown = {.subject = sql_column_span(statement, 0),
	              .revision = sqlite3_column_int64(statement, 2),
	              .code = code > 0 ? (uint8_t)code : 0,
	              .moved = moved == 1,
	              .document = sql_column_span(statement, 5),
	              .date = sql_column_span(statement, 6),
	              .ledger = sql_column_span(statement, 7),
	              .reason = sql_column_span(statement, 8),
	              .reason_class = sql_column_span(statement, 9),
	              .text = sql_column_span(statement, 10),
	              .message = sql_column_span(statement, 11),
	              .at_ns = sqlite3_column_int64(statement, 12),
	              .received_ns = sqlite3_column_int64(statement, 13)},
	};
	return row->n >= 1 && moved >= 0 && outcome_named(&row->shown) &&
	       outcome_fault(&row->shown) == NULL &&
	       outcome_checksum(row) == sqlite3_column_int64(statement, 14);
}

enum err outcome_put(struct store *store, const struct outcome_row *row, struct err_info *info)
{
	const struct store_outcome *shown = &row->shown;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTCOME_PUT);
	sql_bind_text(statement, 1, shown->subject);
	sql_bind_int(statement, 2, row->n);
	sql_bind_int(statement, 3, shown->revision);
	sql_bind_int(statement, 4, shown->code);
	sql_bind_int(statement, 5, shown->moved);
	sql_bind_text(statement, 6, shown->document);
	sql_bind_text(statement, 7, shown->date);
	sql_bind_text(statement, 8, shown->ledger);
	sql_bind_text(statement, 9, shown->reason);
	sql_bind_text(statement, 10, shown->reason_class);
	sql_bind_text(statement, 11, shown->text);
	sql_bind_text(statement, 12, shown->message);
	sql_bind_int(statement, 13, shown->at_ns);
	sql_bind_int(statement, 14, shown->received_ns);
	sql_bind_int(statement, 15, outcome_checksum(row));
	return store_run(store, statement, "keeping an outcome", info);
}

/* One or two numbers of a subject's rows; *more: there was a row at all. */
static enum err numbers_of(struct store *store, enum statement which, struct span subject, int64_t numbers[2],
                           struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, which);
	sql_bind_text(statement, 1, subject);
	bool more = false;
	enum err err = store_step(store, statement, &more, "counting outcomes", info);
	for (int i = 0; i < 2; i++)
		numbers[i] = err == ERR_OK && more && i < sqlite3_column_count(statement)
		                 ? sqlite3_column_int64(statement, i)
		                 : 0;
	sqlite3_reset(statement);
	return err;
}

static enum err make_room(struct store *store, struct span subject, struct err_info *info)
{
	int64_t oldest[2];
	enum err err = numbers_of(store, STATEMENT_OUTCOME_OLDEST, subject, oldest, info);
	if (err != ERR_OK)
		return err;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTCOME_DELETE);
	sql_bind_text(statement, 1, subject);
	sql_bind_int(statement, 2, oldest[0]);
	return store_run(store, statement, "making room for an outcome", info);
}

enum err store_outcome_add(struct store *store, const struct store_outcome *outcome, struct err_info *info)
{
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	const char *fault = outcome_fault(outcome);
	if (!outcome_named(outcome))
		return err_set(info, ERR_BAD_INPUT, "an outcome needs a subject, a revision and a code");
	if (fault != NULL)
		return err_set(info, ERR_TOO_LARGE, "the outcome of %.*s: %s",
		               (int)(outcome->subject.len < STORE_SUBJECT_MAX ? outcome->subject.len
		                                                              : STORE_SUBJECT_MAX),
		               outcome->subject.data, fault);
	int64_t known[2];
	err = numbers_of(store, STATEMENT_OUTCOME_COUNT, outcome->subject, known, info);
	if (err == ERR_OK && known[0] >= STORE_OUTCOMES_MAX)
		err = make_room(store, outcome->subject, info);
	if (err == ERR_OK)
		err = outcome_put(store, &(struct outcome_row){known[1] + 1, *outcome}, info);
	return err;
}

static struct span keep(struct store_outcome_copy *out, size_t *used, struct span text)
{
	CHECK(text.len <= sizeof out->bytes - *used);
	if (text.len == 0)
		return (struct span){NULL, 0};
	struct span kept = {out->bytes + *used, text.len};
	memcpy(out->bytes + *used, text.data, text.len);
	*used += text.len;
	return kept;
}

static void copy_outcome(struct store_outcome_copy *out, const struct store_outcome *outcome)
{
	size_t used = 0;
	out->shown = *outcome;
	out->shown.subject = keep(out, &used, outcome->subject);
	out->shown.document = keep(out, &used, outcome->document);
	out->shown.date = keep(out, &used, outcome->date);
	out->shown.ledger = keep(out, &used, outcome->ledger);
	out->shown.reason = keep(out, &used, outcome->reason);
	out->shown.reason_class = keep(out, &used, outcome->reason_class);
	out->shown.text = keep(out, &used, outcome->text);
	out->shown.message = keep(out, &used, outcome->message);
}

static enum err outcome_damaged(struct store *store, struct span subject, struct err_info *info)
{
	return store_row_damaged(store, info, "an outcome of %.*s",
	                         (int)(subject.len < STORE_SUBJECT_MAX ? subject.len : STORE_SUBJECT_MAX),
	                         subject.len ? subject.data : "");
}

enum err store_outcome_state(struct store *store, struct span subject, int64_t revision,
                             struct store_outcome_copy *out, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTCOME_STATE);
	sql_bind_text(statement, 1, subject);
	sql_bind_int(statement, 2, revision);
	bool more = false;
	struct outcome_row row;
	enum err err = store_step(store, statement, &more, "looking up an outcome", info);
	if (err == ERR_OK && !more)
		err = err_set(info, ERR_NOT_FOUND,
		              "the cloud has given no outcome of this revision (%" PRId64 ")", revision);
	else if (err == ERR_OK && !outcome_load(statement, &row))
		err = outcome_damaged(store, subject, info);
	else if (err == ERR_OK)
		copy_outcome(out, &row.shown);
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_outcomes_of(struct store *store, struct span subject, store_outcome_visitor visit, void *self,
                           struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTCOME_OF);
	sql_bind_text(statement, 1, subject);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "listing outcomes", info);
	while (err == ERR_OK && more && wanted) {
		struct outcome_row row;
		if (!outcome_load(statement, &row)) {
			err = outcome_damaged(store, subject, info);
			break;
		}
		wanted = visit(self, &row.shown);
		if (wanted)
			err = store_step(store, statement, &more, "listing outcomes", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}
