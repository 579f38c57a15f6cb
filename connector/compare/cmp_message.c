/*
 * cmp_message.c - lays out and writes the pages of a run.
 *
 * Why:   see cmp_message.h.
 * Owns:  nothing.
 * Rules: the layout is found by writing: the pages are counted with one pass before the first is given out.
 * Faults: as in cmp_message.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cmp_message_test.c
 */
#include "connector/compare/cmp_message.h"

#include <inttypes.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"

static void append_text(struct buf *out, const char *key, struct span text, bool *first)
{
	if (text.len == 0)
		return;
	buf_append_text(out, *first ? "\"" : ",\"");
	buf_append_text(out, key);
	buf_append_text(out, "\":");
	canonical_string(out, text);
	*first = false;
}

static void append_decimal(struct buf *out, const char *key, struct decimal value, bool *first)
{
	char text[DECIMAL_TEXT_MAX];
	size_t len = decimal_print(value, text);
	append_text(out, key, (struct span){text, len}, first);
}

static void append_texts(struct buf *out, const struct span *texts, int count)
{
	buf_append_char(out, '[');
	for (int i = 0; i < count; i++) {
		if (i > 0)
			buf_append_char(out, ',');
		canonical_string(out, texts[i]);
	}
	buf_append_char(out, ']');
}

static void append_difference(struct buf *out, const struct cmp_difference *difference)
{
	bool first = true;
	buf_append_char(out, '{');
	append_text(out, "cause", difference->cause, &first);
	append_text(out, "cloud", difference->cloud, &first);
	append_text(out, "currency", difference->currency, &first);
	append_text(out, "document_type", difference->document_type, &first);
	append_text(out, "entity", difference->entity, &first);
	append_decimal(out, "gross", difference->gross, &first);
	append_text(out, "key", difference->key, &first);
	append_text(out, "legacy", difference->legacy, &first);
	append_decimal(out, "net", difference->net, &first);
	append_text(out, "period", difference->period, &first);
	append_text(out, "status", difference->status, &first);
	append_text(out, "text", difference->text, &first);
	buf_append_char(out, '}');
}

static void append_counts(struct buf *out, const struct cmp_run *run)
{
	buf_append_text(out, "\"counts\":[");
	for (int i = 0; i < run->count_count; i++) {
		buf_printf(out, "%s{\"documents\":%" PRId64 ",\"status\":", i ? "," : "",
		           run->counts[i].documents);
		canonical_string(out, run->counts[i].status);
		buf_append_char(out, '}');
	}
	buf_append_char(out, ']');
}

static void append_cut(struct buf *out, const struct cmp_run *run)
{
	char at[INSTANT_TEXT_SIZE];
	instant_print(run->at_ns, at);
	buf_printf(out,
	           ",\"cut\":{\"at\":\"%s\",\"cloud\":{\"count\":%" PRId64 ",\"sequence\":%" PRId64
	           "},\"legacy\":{\"count\":%" PRId64 ",\"streams\":[",
	           at, run->cloud_count, run->cloud_sequence, run->legacy_count);
	for (int i = 0; i < run->stream_count; i++) {
		buf_printf(out, "%s{\"epoch\":%" PRId64 ",\"name\":", i ? "," : "", run->streams[i].epoch);
		canonical_string(out, run->streams[i].name);
		buf_printf(out, ",\"sequence\":%" PRId64 "}", run->streams[i].sequence);
	}
	buf_append_text(out, "]}}");
}

static void append_scope(struct buf *out, const struct cmp_run *run)
{
	bool first = false;
	buf_append_text(out, ",\"scope\":{\"entities\":");
	append_texts(out, run->entities, run->entity_count);
	append_text(out, "from", run->from, &first);
	append_text(out, "to", run->to, &first);
	buf_append_char(out, '}');
}

static void append_totals(struct buf *out, const struct cmp_run *run)
{
	buf_append_text(out, ",\"totals\":[");
	for (int i = 0; i < run->total_count; i++) {
		bool first = true;
		buf_append_text(out, i ? ",{" : "{");
		append_text(out, "currency", run->totals[i].currency, &first);
		append_decimal(out, "gross", run->totals[i].gross, &first);
		append_decimal(out, "net", run->totals[i].net, &first);
		buf_append_char(out, '}');
	}
	buf_append_char(out, ']');
}

static int64_t told(const struct cmp_run *run)
{
	return run->difference_count < CMP_DIFFERENCES_MAX ? run->difference_count : CMP_DIFFERENCES_MAX;
}

/* What follows the differences. first: of page 1. */
static void append_tail(struct buf *out, const struct cmp_run *run, bool first, int page, int pages)
{
	buf_append_text(out, "],\"id\":");
	canonical_string(out, run->id);
	if (first)
		buf_printf(out, ",\"left_out\":%" PRId64, run->difference_count - told(run));
	buf_printf(out, ",\"page\":%d,\"pages\":%d", page, pages);
	if (first) {
		append_scope(out, run);
		append_totals(out, run);
		buf_append_text(out, ",\"verdict\":{\"name\":");
		canonical_string(out, run->verdict);
		buf_append_text(out, ",\"why\":");
		append_texts(out, run->why, run->why_count);
		buf_append_char(out, '}');
	}
	buf_append_char(out, '}');
}

/* The most that it can take, so that counting and writing lay the pages out alike: pages are at most one more than
 * differences, which has no more digits. SIZE_MAX: over the limit. */
static size_t tail_bytes(const struct cmp_pages *pages, bool first)
{
	struct buf tail;
	buf_init(&tail, pages->limit);
	append_tail(&tail, pages->run, first, CMP_DIFFERENCES_MAX, CMP_DIFFERENCES_MAX);
	size_t bytes = buf_ok(&tail) ? tail.len : SIZE_MAX;
	buf_release(&tail);
	return bytes;
}

/* The page with the differences from `from` on, as many as fit; how many there are. -1: not even what is around
 * them. */
static int64_t write_page(const struct cmp_pages *pages, int page, int64_t from, struct buf *out)
{
	const struct cmp_run *run = pages->run;
	size_t start = out->len;
	int64_t count = 0;
	size_t tail = tail_bytes(pages, page == 1);
	buf_append_char(out, '{');
	if (page == 1) {
		append_counts(out, run);
		append_cut(out, run);
		buf_append_char(out, ',');
	}
	buf_append_text(out, "\"differences\":[");
	if (!buf_ok(out) || tail > pages->limit || out->len - start > pages->limit - tail)
		return -1;
	while (from + count < told(run) && count < CMP_PAGE_DIFFERENCES) {
		size_t before = out->len;
		if (count > 0)
			buf_append_char(out, ',');
		append_difference(out, &run->differences[from + count]);
		if (!buf_ok(out) || out->len - start > pages->limit - tail) {
			out->len = before;
			out->refused = false;
			break;
		}
		count++;
	}
	append_tail(out, run, page == 1, page, pages->pages);
	return count;
}

enum err cmp_pages_open(struct cmp_pages *pages, const struct cmp_run *run, size_t limit,
                        struct err_info *info)
{
	struct buf page;
	int64_t from = 0;
	enum err err = ERR_OK;
	*pages = (struct cmp_pages){.run = run, .limit = limit};
	buf_init(&page, 2 * limit + 1024);
	do {
		buf_clear(&page);
		int64_t count = write_page(pages, pages->pages + 1, from, &page);
		pages->pages++;
		if (count < 0)
			err = err_set(info, ERR_TOO_LARGE,
			              "the result of comparison %.*s, without its differences, is over %zu "
			              "bytes: raise "
			              "uplink.message_size_max as far as the broker allows",
			              (int)run->id.len, run->id.data, limit);
		else if (count == 0 && from < told(run) && pages->pages > 1)
			err = err_set(info, ERR_TOO_LARGE,
			              "difference %" PRId64
			              " of comparison %.*s does not fit into %zu bytes: raise "
			              "uplink.message_size_max as far as the broker allows",
			              from + 1, (int)run->id.len, run->id.data, limit);
		from += count > 0 ? count : 0;
	} while (err == ERR_OK && from < told(run));
	buf_release(&page);
	return err;
}

bool cmp_pages_next(struct cmp_pages *pages, struct buf *out)
{
	if (pages->page == pages->pages)
		return false;
	size_t start = out->len;
	int64_t count = write_page(pages, pages->page + 1, pages->next, out);
	CHECK(count >= 0 && (!buf_ok(out) || out->len - start <= pages->limit));
	pages->next += count;
	pages->page++;
	return true;
}
