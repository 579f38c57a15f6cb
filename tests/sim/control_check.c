/*
 * control_check.c - adds up events, with whole numbers of minor units.
 *
 * Why:   see control_check.h.
 * Owns:  nothing.
 * Rules: as in control_check.h.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#include "tests/sim/control_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/erp_books.h"

/* Documents, currencies and periods of the simulated ERP are few. */
#define ENTRIES_MAX 400

struct entry {
	char document[24];
	char currency[4];
	char period[12];
	int64_t count;
	int64_t debit;
	int64_t credit;
};

struct sums {
	int64_t count;
	int entry_count;
	struct entry entries[ENTRIES_MAX];
};

/* The signed amounts of one event. */
struct amounts {
	int64_t debit;
	int64_t credit;
	bool any;
};

static void add(struct amounts *amounts, const char *text, int decimals, bool negate)
{
	if (!text)
		return;
	int64_t units = event_minor_units(text, decimals);
	CHECK(units != INT64_MIN);
	units = negate ? -units : units;
	amounts->debit += units > 0 ? units : 0;
	amounts->credit += units < 0 ? -units : 0;
	amounts->any = true;
}

static void add_event(struct amounts *amounts, const struct event *event, const char *document)
{
	const cJSON *line;
	int decimals = erp_decimals(span_of(event_text(event->data, "currency")));
	bool first = !event->part || strncmp(event->part, "1/", 2) == 0;
	if (strcmp(document, "journal") == 0) {
		cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(event->data, "lines"))
		    add(amounts, event_text(line, "amount"), decimals, false);
	} else if (first && (strcmp(document, "invoice") == 0 || strcmp(document, "creditmemo") == 0)) {
		add(amounts, event_text(event->data, "gross"), decimals, document[0] == 'c');
	} else if (first && strcmp(document, "payment") == 0) {
		add(amounts, event_text(event->data, "amount"), decimals, true);
	}
}

/* "invoice" of "com.twinpost.invoice.recorded.v1". */
static void document_of(const char *type, char document[24])
{
	const char *begin = type + strlen("com.twinpost.");
	size_t len = strcspn(begin, ".");
	CHECK(strncmp(type, "com.twinpost.", 13) == 0 && text_copy(document, 24, (struct span){begin, len}));
}

static int number_of(const cJSON *data, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(data, name);
	return cJSON_IsNumber(item) ? item->valueint : 0;
}

static int by_key(const void *left, const void *right)
{
	const struct entry *a = left;
	const struct entry *b = right;
	int order = strcmp(a->document, b->document);
	order = order ? order : strcmp(a->currency, b->currency);
	return order ? order : strcmp(a->period, b->period);
}

static void count(struct sums *sums, const struct event *event)
{
	struct amounts amounts = {.any = false};
	struct entry key = {.count = 0};
	if (!event_is_posting(event))
		return;
	sums->count++;
	document_of(event->type, key.document);
	add_event(&amounts, event, key.document);
	if (!amounts.any)
		return;
	CHECK(text_copy(key.currency, sizeof key.currency, span_of(event_text(event->data, "currency"))));
	(void)snprintf(key.period, sizeof key.period, "%04d-%02d", number_of(event->data, "year") % 10000,
	               number_of(event->data, "period") % 100);
	struct entry *entry = NULL;
	for (int i = 0; i < sums->entry_count && !entry; i++) {
		if (by_key(&sums->entries[i], &key) == 0)
			entry = &sums->entries[i];
	}
	if (!entry) {
		CHECK(sums->entry_count < ENTRIES_MAX);
		entry = &sums->entries[sums->entry_count++];
		*entry = key;
	}
	entry->count++;
	entry->debit += amounts.debit;
	entry->credit += amounts.credit;
}

static void print_amount(struct buf *out, const char *name, int64_t units, int decimals)
{
	char digits[32];
	int len = snprintf(digits, sizeof digits, "%0*lld", decimals + 1, (long long)units);
	buf_printf(out, "\"%s\":\"%.*s%s%s\",", name, len - decimals, digits, decimals ? "." : "",
	           digits + len - decimals);
}

static void print(struct sums *sums, int64_t first, int64_t last, struct buf *out)
{
	qsort(sums->entries, (size_t)sums->entry_count, sizeof sums->entries[0], by_key);
	buf_printf(out, "{\"count\":%lld,\"first\":%lld,\"last\":%lld,\"totals\":[", (long long)sums->count,
	           (long long)first, (long long)last);
	for (int i = 0; i < sums->entry_count; i++) {
		const struct entry *entry = &sums->entries[i];
		int decimals = erp_decimals(span_of(entry->currency));
		buf_printf(out, "%s{\"count\":%lld,", i > 0 ? "," : "", (long long)entry->count);
		print_amount(out, "credit", entry->credit, decimals);
		buf_printf(out, "\"currency\":\"%s\",", entry->currency);
		print_amount(out, "debit", entry->debit, decimals);
		buf_printf(out, "\"document\":\"%s\",\"period\":\"%s\"}", entry->document, entry->period);
	}
	buf_append_text(out, "]}");
}

void control_expect(sqlite3 *db, const char *source, int64_t first, int64_t last, struct buf *out)
{
	struct sums *sums = mem_alloc(sizeof *sums);
	sqlite3_stmt *rows;
	CHECK(sqlite3_prepare_v2(db,
	                         "SELECT payload FROM events WHERE source=?1 AND sequence BETWEEN ?2 AND ?3",
	                         -1, &rows, NULL) == SQLITE_OK);
	CHECK(sqlite3_bind_text(rows, 1, source, -1, SQLITE_TRANSIENT) == SQLITE_OK &&
	      sqlite3_bind_int64(rows, 2, first) == SQLITE_OK &&
	      sqlite3_bind_int64(rows, 3, last) == SQLITE_OK);
	while (sqlite3_step(rows) == SQLITE_ROW) {
		struct event event;
		CHECK(event_parse(&event, (struct span){sqlite3_column_blob(rows, 0),
		                                        (size_t)sqlite3_column_bytes(rows, 0)}));
		count(sums, &event);
		event_release(&event);
	}
	CHECK(sqlite3_finalize(rows) == SQLITE_OK);
	print(sums, first, last, out);
	free(sums);
}
