/*
 * pack_rows.c - counts documents and differences, and finds each on the other list.
 *
 * Why:   see pack_rows.h.
 * Owns:  the table of the differences' documents while they are compared.
 * Rules: as in pack_rows.h. A document is known by 16 bytes of a hash over side and subject: a table of millions stays
 *        small, and two that collide would only hide one finding.
 * Faults: as in pack_rows.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_pack.py
 */
#include "tools/twinpost/pack_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "store_forward/digest.h"
#include "tools/twinpost/pack_tree.h"

#define KEY_BYTES 16
#define SHOWN_MAX 200 /* bytes of a subject in a finding */

static const char *const status_names[PACK_STATUS_COUNT] = {
#define PACK_STATUS_NAME(identifier, name) name,
    PACK_STATUSES(PACK_STATUS_NAME)
#undef PACK_STATUS_NAME
};

static const char *const side_names[PACK_SIDES] = {"legacy", "cloud"};

const char *pack_status_name(enum pack_status status)
{
	CHECK((unsigned)status < PACK_STATUS_COUNT);
	return status_names[status];
}

bool pack_status_find(const struct json_value *text, enum pack_status *status)
{
	for (int i = 0; i < PACK_STATUS_COUNT && text->kind == JSON_TEXT; i++) {
		if (json_text_is(text, status_names[i])) {
			*status = (enum pack_status)i;
			return true;
		}
	}
	return false;
}

/* ---- money ---- */

bool pack_amount(const struct json_value *text, struct decimal *amount)
{
	char buffer[DECIMAL_TEXT_MAX + 8];
	return text->kind == JSON_TEXT && json_read_text(text, buffer, sizeof buffer) &&
	       decimal_parse(amount, span_of(buffer)) == ERR_OK;
}

bool pack_money_add(struct pack_money *money, const struct json_value *currency,
                    const struct json_value *amount)
{
	char name[8];
	struct decimal value;
	if (currency->kind != JSON_TEXT || !json_read_text(currency, name, sizeof name) ||
	    !pack_amount(amount, &value))
		return false;
	int i = 0;
	while (i < money->count && strcmp(money->list[i].currency, name) != 0)
		i++;
	if (i == PACK_CURRENCIES_MAX)
		return false;
	if (i == money->count) {
		money->list[i].sum = (struct decimal){0, 0};
		CHECK(text_copy(money->list[money->count++].currency, sizeof name, span_of(name)));
	}
	return decimal_add(&money->list[i].sum, money->list[i].sum, value) == ERR_OK;
}

struct decimal pack_money_of(const struct pack_money *money, const char *currency)
{
	for (int i = 0; i < money->count; i++) {
		if (strcmp(money->list[i].currency, currency) == 0)
			return money->list[i].sum;
	}
	return (struct decimal){0, 0};
}

/* ---- the table of what the differences name ---- */

struct entry {
	uint8_t key[KEY_BYTES];
	uint8_t status;
	bool found; /* in documents.ndjson */
	int64_t line;
};

struct table {
	struct entry *list;
	size_t count, capacity;
};

/* subject: as it stands in canonical JSON, which is one form for each text. */
static void key_of(enum pack_side side, const struct json_value *subject, uint8_t key[KEY_BYTES])
{
	const struct span parts[] = {span_of(side_names[side]), subject->raw};
	struct digest digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	memcpy(key, digest.bytes, KEY_BYTES);
}

static void table_add(struct table *table, enum pack_side side, const struct json_value *subject,
                      enum pack_status status, int64_t line)
{
	if (table->count == table->capacity) {
		table->capacity = table->capacity ? table->capacity * 2 : 256;
		table->list = mem_grow(table->list, table->capacity * sizeof *table->list);
	}
	struct entry *entry = &table->list[table->count++];
	*entry = (struct entry){.status = (uint8_t)status, .line = line};
	key_of(side, subject, entry->key);
}

static int by_key(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;
	return memcmp(left->key, right->key, KEY_BYTES);
}

/* The entry of this document with this status, else any of it; NULL: there is none. */
static struct entry *table_find(const struct table *table, enum pack_side side,
                                const struct json_value *subject, enum pack_status status)
{
	struct entry wanted;
	if (subject->kind != JSON_TEXT || table->count == 0)
		return NULL;
	key_of(side, subject, wanted.key);
	struct entry *entry = bsearch(&wanted, table->list, table->count, sizeof wanted, by_key);
	while (entry && entry > table->list && memcmp(entry[-1].key, wanted.key, KEY_BYTES) == 0)
		entry--;
	for (struct entry *e = entry; e && e < table->list + table->count; e++) {
		if (memcmp(e->key, wanted.key, KEY_BYTES) != 0)
			break;
		if (e->status == status)
			return e;
	}
	return entry;
}

/* ---- differences.ndjson ---- */

static bool has_text(const struct json_value *object, const char *name)
{
	struct json_value value = json_member(object, name);
	return value.kind == JSON_TEXT && value.raw.len > 2;
}

static void add_amounts(struct pack_rows *rows, const struct json_value *row, bool open, bool work,
                        int64_t line, struct pack_findings *findings)
{
	struct json_value currency = json_member(row, "currency");
	struct json_value gross = json_member(row, "gross");
	struct json_value net = json_member(row, "net");
	struct decimal value;
	bool good = pack_amount(&gross, &value) && decimal_sign(value) >= 0;
	if (good && open)
		good = pack_money_add(&rows->gross, &currency, &gross);
	if (good && work)
		good = pack_money_add(&rows->work_gross, &currency, &gross) &&
		       pack_money_add(&rows->work_net, &currency, &net);
	if (!good)
		pack_found(findings,
		           "differences.ndjson: line %" PRId64 " has no good amount in gross or net", line);
	rows->open += open;
	rows->work += work;
}

/* Counts what is open; tells what is wrong with an acceptance. */
static void judge_state(struct pack_rows *rows, const struct json_value *row, enum pack_status status,
                        int64_t line, struct pack_findings *findings)
{
	struct json_value state = json_member(row, "state");
	struct json_value accepted = json_member(row, "accepted");
	bool is_accepted = status == PACK_STATUS_ACCEPTED || json_text_is(&state, "accepted");
	bool waiting = status == PACK_STATUS_WAITING_CLOUD || status == PACK_STATUS_WAITING_LEGACY;
	bool closed =
	    is_accepted || json_text_is(&state, "fixed_by_booking") || json_text_is(&state, "auto_resolved");
	if (is_accepted && (accepted.kind != JSON_OBJECT || !has_text(&accepted, "by") ||
	                    !has_text(&accepted, "reason") || !has_text(&accepted, "at"))) {
		pack_found(findings,
		           "differences.ndjson: line %" PRId64
		           " is accepted and does not say by whom, when and "
		           "why",
		           line);
	}
	add_amounts(rows, row, !is_accepted && !waiting, !closed, line, findings);
}

static bool read_difference(struct pack_rows *rows, struct table *table, struct span text, int64_t line,
                            struct pack_findings *findings)
{
	struct json_value row;
	enum pack_status status;
	int sides = 0;
	if (json_open(&row, text, NULL) != ERR_OK || row.kind != JSON_OBJECT)
		return false;
	struct json_value name = json_member(&row, "status");
	if (!pack_status_find(&name, &status) || status == PACK_STATUS_MATCHED)
		return false;
	for (int side = 0; side < PACK_SIDES; side++) {
		struct json_value document = json_member(&row, side_names[side]);
		if (document.kind != JSON_OBJECT)
			continue;
		struct json_value subject = json_member(&document, "subject");
		if (subject.kind != JSON_TEXT)
			return false;
		table_add(table, (enum pack_side)side, &subject, status, line);
		sides++;
	}
	rows->differences[status]++;
	judge_state(rows, &row, status, line, findings);
	return sides > 0;
}

static void read_differences(struct pack_rows *rows, struct table *table, struct span text,
                             struct pack_findings *findings)
{
	struct span line;
	bool cut;
	int64_t number = 0;
	while (pack_take_line(&text, &line, &cut)) {
		number++;
		if (!read_difference(rows, table, line, number, findings)) {
			pack_found(findings,
			           "differences.ndjson: line %" PRId64 " is no difference of two documents",
			           number);
		}
	}
	if (cut)
		pack_found(findings, "differences.ndjson is cut: its last line has no end");
	if (table->count > 0)
		qsort(table->list, table->count, sizeof *table->list, by_key);
}

/* ---- documents.ndjson ---- */

bool pack_document_read(struct span line, struct json_value *document, enum pack_side *side,
                        enum pack_status *status)
{
	if (json_open(document, line, NULL) != ERR_OK || document->kind != JSON_OBJECT)
		return false;
	struct json_value where = json_member(document, "side");
	struct json_value what = json_member(document, "status");
	struct json_value subject = json_member(document, "subject");
	struct json_value pair = json_member(document, "pair");
	bool legacy = where.kind == JSON_TEXT && json_text_is(&where, side_names[PACK_LEGACY]);
	*side = legacy ? PACK_LEGACY : PACK_CLOUD;
	return (legacy || (where.kind == JSON_TEXT && json_text_is(&where, side_names[PACK_CLOUD]))) &&
	       pack_status_find(&what, status) && subject.kind == JSON_TEXT &&
	       (pair.kind == JSON_TEXT || pair.kind == JSON_NULL);
}

static void judge_document(struct pack_rows *rows, const struct table *table, struct table *all,
                           struct span text, int64_t line, struct pack_findings *findings)
{
	struct json_value document;
	enum pack_side side;
	enum pack_status status;
	if (!pack_document_read(text, &document, &side, &status)) {
		pack_found(findings, "documents.ndjson: line %" PRId64 " is no document of either side",
		           line);
		return;
	}
	struct json_value subject = json_member(&document, "subject");
	struct json_value pair = json_member(&document, "pair");
	table_add(all, side, &subject, status, line);
	rows->documents[side][status]++;
	if (pair.kind == JSON_TEXT)
		rows->paired[side][status]++;
	struct entry *own = table_find(table, side, &subject, status);
	if (own)
		own->found = true;
	const struct entry *entry = own;
	/* Of several that stand against one, the row names the one. */
	if (!entry)
		entry = table_find(table, side == PACK_LEGACY ? PACK_CLOUD : PACK_LEGACY, &pair, status);
	int shown = subject.raw.len < SHOWN_MAX ? (int)subject.raw.len : SHOWN_MAX;
	bool settled = status == PACK_STATUS_MATCHED || status == PACK_STATUS_WITHIN;
	if (!entry && !settled) {
		pack_found(findings, "documents.ndjson: %s %.*s is %s and is not in differences.ndjson",
		           side_names[side], shown, subject.raw.data, status_names[status]);
	} else if (own && own->status != status) {
		pack_found(findings, "documents.ndjson: %s %.*s is %s, differences.ndjson has it as %s",
		           side_names[side], shown, subject.raw.data, status_names[status],
		           status_names[own->status]);
	}
}

/* Whatever the order of the lines: no document may be counted twice. */
static void judge_twice(struct table *all, struct pack_findings *findings)
{
	if (all->count > 0)
		qsort(all->list, all->count, sizeof *all->list, by_key);
	for (size_t i = 1; i < all->count; i++) {
		const struct entry *one = &all->list[i - 1];
		const struct entry *other = &all->list[i];
		if (memcmp(one->key, other->key, KEY_BYTES) == 0) {
			pack_found(findings,
			           "documents.ndjson: lines %" PRId64 " and %" PRId64
			           " are of the same document",
			           one->line < other->line ? one->line : other->line,
			           one->line < other->line ? other->line : one->line);
		}
	}
}

void pack_rows_read(struct pack_rows *rows, struct span documents, struct span differences,
                    struct pack_findings *findings)
{
	struct table table = {.list = NULL};
	struct table all = {.list = NULL};
	struct span line;
	bool cut;
	int64_t number = 0;
	memset(rows, 0, sizeof *rows);
	read_differences(rows, &table, differences, findings);
	while (pack_take_line(&documents, &line, &cut))
		judge_document(rows, &table, &all, line, ++number, findings);
	if (cut)
		pack_found(findings, "documents.ndjson is cut: its last line has no end");
	judge_twice(&all, findings);
	for (size_t i = 0; i < table.count; i++) {
		if (!table.list[i].found) {
			pack_found(findings,
			           "differences.ndjson: line %" PRId64 " names a document that is not in "
			           "documents.ndjson",
			           table.list[i].line);
		}
	}
	free(all.list);
	free(table.list);
}
