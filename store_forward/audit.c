/*
 * audit.c - see audit.h.
 *
 * Why:   see audit.h.
 * Owns:  table audit; HEAD_AUDIT: high is the last id, digest its hash.
 * Rules: 1. The rows are exactly 1 .. high.
 *        2. The row's checksum finds a flipped bit; the chain finds what was changed on purpose, and is walked only
 *           when asked: a change of that kind is told to a person, and is no reason to salvage.
 * Faults: a row that is not as it was written is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_audit_test.c
 */
#include "store_forward/audit.h"

#include <inttypes.h>
#include <stdio.h>

#include "store_forward/store_internal.h"

#define NS_PER_MS   INT64_C(1000000)
#define INSTANT_MAX 40

struct digest audit_start(void)
{
	const struct span parts[] = {SPAN_LITERAL("tp1/audit/v1\n")};
	return digest_of(parts, 1);
}

static int64_t audit_checksum(const struct store_audit_entry *entry)
{
	struct row_sum sum = row_sum_begin(TABLE_AUDIT);
	row_sum_int(&sum, entry->id);
	row_sum_int(&sum, entry->at_ns);
	row_sum_span(&sum, entry->who);
	row_sum_span(&sum, entry->action);
	row_sum_span(&sum, entry->target);
	row_sum_span(&sum, entry->why);
	row_sum_span(&sum, (struct span){(const char *)entry->digest.bytes, DIGEST_BYTES});
	return row_sum_end(&sum);
}

static bool text_plain(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c < 0x20 || c == 0x7F)
			return false;
	}
	return true;
}

static bool sizes_valid(const struct store_audit_entry *entry)
{
	return entry->who.len <= STORE_WHO_MAX && entry->action.len <= STORE_AUDIT_ACTION_MAX &&
	       entry->target.len <= STORE_AUDIT_TARGET_MAX && entry->why.len <= STORE_AUDIT_WHY_MAX;
}

static bool texts_valid(const struct store_audit_entry *entry)
{
	return entry->who.len > 0 && entry->action.len > 0 && text_plain(entry->who) &&
	       text_plain(entry->action) && text_plain(entry->target) && text_plain(entry->why);
}

bool audit_load(sqlite3_stmt *statement, struct store_audit_entry *entry)
{
	*entry = (struct store_audit_entry){
	    .id = sqlite3_column_int64(statement, 0),
	    .at_ns = sqlite3_column_int64(statement, 1),
	    .who = sql_column_span(statement, 2),
	    .action = sql_column_span(statement, 3),
	    .target = sql_column_span(statement, 4),
	    .why = sql_column_span(statement, 5),
	};
	return entry->id >= 1 && entry->at_ns >= 0 && sizes_valid(entry) && texts_valid(entry) &&
	       sql_column_digest(statement, 6, &entry->digest) &&
	       audit_checksum(entry) == sqlite3_column_int64(statement, 7);
}

enum err audit_put(struct store *store, const struct store_audit_entry *entry, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_AUDIT_PUT);
	sql_bind_int(statement, 1, entry->id);
	sql_bind_int(statement, 2, entry->at_ns);
	sql_bind_text(statement, 3, entry->who);
	sql_bind_text(statement, 4, entry->action);
	sql_bind_text(statement, 5, entry->target);
	sql_bind_text(statement, 6, entry->why);
	sql_bind_blob(statement, 7, (struct span){(const char *)entry->digest.bytes, DIGEST_BYTES});
	sql_bind_int(statement, 8, audit_checksum(entry));
	return store_run(store, statement, "writing the audit", info);
}

/* "2026-11-21T14:20:05.123Z". SQLite knows the calendar, exact for whole seconds. */
static enum err instant_text(struct store *store, int64_t at_ns, char text[INSTANT_MAX],
                             struct err_info *info)
{
	char seconds[INSTANT_MAX];
	int64_t ms = at_ns / NS_PER_MS;
	bool more = false;
	sqlite3_stmt *statement = store_statement(store, STATEMENT_AUDIT_CALENDAR);
	sql_bind_int(statement, 1, ms / 1000);
	enum err err = store_step(store, statement, &more, "asking for a date", info);
	if (err == ERR_OK) {
		CHECK(more && text_copy(seconds, sizeof seconds, sql_column_span(statement, 0)));
		snprintf(text, INSTANT_MAX, "%.20s.%03dZ", seconds, (int)(ms % 1000));
	}
	sqlite3_reset(statement);
	return err;
}

enum err audit_link(struct store *store, const struct digest *previous, const struct store_audit_entry *entry,
                    struct digest *digest, struct err_info *info)
{
	char before[DIGEST_HEX_SIZE];
	char id[24];
	char instant[INSTANT_MAX];
	enum err err = instant_text(store, entry->at_ns, instant, info);
	if (err != ERR_OK)
		return err;
	digest_hex(previous, before);
	snprintf(id, sizeof id, "%" PRId64, entry->id);
	const struct span newline = SPAN_LITERAL("\n");
	const struct span parts[] = {
	    {before, DIGEST_HEX_SIZE - 1},
	    newline,
	    span_of(id),
	    newline,
	    span_of(instant),
	    newline,
	    entry->who,
	    newline,
	    entry->action,
	    newline,
	    entry->target,
	    newline,
	    entry->why,
	    newline,
	};
	*digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	return ERR_OK;
}

enum err store_audit_add(struct store *store, const struct store_audit_entry *entry, struct err_info *info)
{
	const struct head_state *head = &store->side.heads[HEAD_AUDIT];
	enum err err = store_writable(store, info);
	if (err != ERR_OK)
		return err;
	if (!sizes_valid(entry))
		return err_set(
		    info, ERR_TOO_LARGE,
		    "an entry of the audit is too long: who %d, action %d, target %d, why %d bytes "
		    "at most",
		    STORE_WHO_MAX, STORE_AUDIT_ACTION_MAX, STORE_AUDIT_TARGET_MAX, STORE_AUDIT_WHY_MAX);
	if (!texts_valid(entry))
		return err_set(info, ERR_BAD_INPUT,
		               "an entry of the audit needs who and what, on one line each");
	struct store_audit_entry made = *entry;
	made.id = head->high + 1;
	made.at_ns = entry->at_ns > 0 ? entry->at_ns / NS_PER_MS * NS_PER_MS : 0;
	err = audit_link(store, &head->digest, &made, &made.digest, info);
	if (err == ERR_OK)
		err = audit_put(store, &made, info);
	if (err == ERR_OK) {
		struct head_state *moved = head_touch(store, HEAD_AUDIT);
		moved->high = made.id;
		moved->digest = made.digest;
	}
	return err;
}

static enum err audit_damaged(struct store *store, int64_t id, struct err_info *info)
{
	return store_row_damaged(store, info, "entry %" PRId64 " of the audit", id);
}

enum err store_audit_read(struct store *store, int64_t before, store_audit_visitor visit, void *self,
                          struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_AUDIT_NEWEST);
	sql_bind_int(statement, 1, before > 0 ? before : INT64_MAX);
	bool more = false;
	bool wanted = true;
	enum err err = store_step(store, statement, &more, "listing the audit", info);
	while (err == ERR_OK && more && wanted) {
		struct store_audit_entry entry;
		if (!audit_load(statement, &entry)) {
			err = audit_damaged(store, sqlite3_column_int64(statement, 0), info);
			break;
		}
		wanted = visit(self, &entry);
		if (wanted)
			err = store_step(store, statement, &more, "listing the audit", info);
	}
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

enum err store_audit_verify(struct store *store, int64_t *count, struct err_info *info)
{
	const struct head_state *head = &store->side.heads[HEAD_AUDIT];
	struct digest digest = audit_start();
	sqlite3_stmt *statement = store_statement(store, STATEMENT_AUDIT_ALL);
	bool more = false;
	*count = 0;
	enum err err = store_step(store, statement, &more, "reading the audit", info);
	while (err == ERR_OK && more) {
		struct store_audit_entry entry;
		if (!audit_load(statement, &entry)) {
			err = audit_damaged(store, *count + 1, info);
			break;
		}
		err = audit_link(store, &digest, &entry, &digest, info);
		if (err == ERR_OK && (entry.id != *count + 1 || !digest_equal(&digest, &entry.digest)))
			err = err_set(info, ERR_CORRUPT,
			              "entry %" PRId64 " of the audit does not fit the one before it: it was "
			              "changed, or entries were taken out",
			              *count + 1);
		if (err != ERR_OK)
			break;
		++*count;
		err = store_step(store, statement, &more, "reading the audit", info);
	}
	if (err == ERR_OK && (*count != head->high || !digest_equal(&digest, &head->digest)))
		err = err_set(info, ERR_CORRUPT,
		              "entry %" PRId64 " of the audit is missing, or what follows it", *count + 1);
	sqlite3_reset(statement);
	store_note_damage(store);
	return err;
}

int64_t store_audit_head(const struct store *store, struct digest *digest)
{
	*digest = store->side.heads[HEAD_AUDIT].digest;
	return store->side.heads[HEAD_AUDIT].high;
}
