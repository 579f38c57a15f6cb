/*
 * pack_note.c - writes and reads the signed text of a comparison.
 *
 * Why:   see pack_note.h.
 * Owns:  nothing.
 * Rules: as in pack_note.h.
 * Faults: as in pack_note.h.
 * Runs in: the core, the CLI.
 * Tests: tests/unit/pack_note_test.c, tests/fuzz/note_fuzz.c
 */
#include "connector/compare/pack_note.h"

#include <inttypes.h>
#include <string.h>

#include "connector/posting/date.h"
#include "connector/uplink/note_text.h"

#define ORIGIN_END "/compare"
#define RULES_MAX  64
#define LETTERS    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

static const char *const verdict_names[PACK_VERDICT_COUNT] = {
#define PACK_VERDICT_NAME(identifier, name) name,
    PACK_VERDICTS(PACK_VERDICT_NAME)
#undef PACK_VERDICT_NAME
};

const char *pack_verdict_name(enum pack_verdict verdict)
{
	CHECK((unsigned)verdict < PACK_VERDICT_COUNT);
	return verdict_names[verdict];
}

bool pack_verdict_find(struct span name, enum pack_verdict *verdict)
{
	for (int i = 0; i < PACK_VERDICT_COUNT; i++) {
		if (span_equal(name, span_of(verdict_names[i]))) {
			*verdict = (enum pack_verdict)i;
			return true;
		}
	}
	return false;
}

/* All of [first-last] or of more, and at most so many. */
static bool is_made_of(struct span text, size_t max, const char *more)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!(c >= '0' && c <= '9') && (c == 0 || !strchr(more, c)))
			return false;
	}
	return text.len > 0 && text.len <= max;
}

bool pack_note_run_valid(struct span run)
{
	return is_made_of(run, PACK_RUN_MAX, LETTERS "._-") && run.data[0] != '.' && run.data[0] != '-';
}

bool pack_note_rules_valid(struct span version)
{
	return is_made_of(version, RULES_MAX, "abcdef");
}

bool pack_note_stream_valid(struct span name)
{
	return is_made_of(name, PACK_STREAM_NAME, LETTERS "._-:/");
}

bool pack_note_period_valid(struct span period)
{
	if (span_equal(period, SPAN_LITERAL("-")))
		return true;
	return period.len == 7 && period.data[4] == '-' && is_made_of((struct span){period.data, 4}, 4, "") &&
	       is_made_of((struct span){period.data + 5, 2}, 2, "");
}

/* ---- writing ---- */

void pack_note_put_stream(struct buf *out, int64_t epoch, int64_t sequence, struct span name)
{
	CHECK(epoch >= 0 && sequence >= 0 && pack_note_stream_valid(name));
	buf_printf(out, "stream %" PRId64 " %" PRId64 " ", epoch, sequence);
	note_put_line(out, "", name);
}

void pack_note_put_streams(struct buf *out, int64_t count, struct span lines)
{
	char hex[DIGEST_HEX_SIZE];
	if (count <= PACK_STREAMS_LISTED) {
		buf_append_span(out, lines);
		return;
	}
	struct digest digest = digest_of(&lines, 1);
	digest_hex(&digest, hex);
	note_put_line(out, "streams ", span_of(hex));
}

void pack_note_encode(struct buf *out, const struct pack_note *note)
{
	char manifest[DIGEST_HEX_SIZE];
	char cut[INSTANT_TEXT_SIZE];
	CHECK(note_gateway_valid(note->gateway) && pack_note_run_valid(note->run) &&
	      pack_note_rules_valid(note->rules));
	CHECK(pack_note_period_valid(note->from) && pack_note_period_valid(note->to));
	CHECK(note->size >= 0 && note->cloud_count >= 0 && note->cloud_sequence >= 0 &&
	      note->legacy_count >= 0 && note->stream_count >= 0);
	digest_hex(&note->manifest, manifest);
	instant_print(note->cut_ns, cut);
	buf_append_span(out, note->gateway);
	buf_printf(out, ORIGIN_END "\n%" PRId64 "\n", note->size);
	note_put_root(out, &note->root);
	note_put_line(out, "\nrun ", note->run);
	note_put_line(out, "verdict ", span_of(pack_verdict_name(note->verdict)));
	buf_append_text(out, "periods ");
	buf_append_span(out, note->from);
	note_put_line(out, " ", note->to);
	note_put_line(out, "cut ", span_of(cut));
	buf_printf(out, "cloud %" PRId64 " %" PRId64 "\n", note->cloud_count, note->cloud_sequence);
	buf_printf(out, "legacy %" PRId64 " %" PRId64 "\n", note->legacy_count, note->stream_count);
	buf_append_span(out, note->streams);
	note_put_line(out, "rules ", note->rules);
	note_put_line(out, "manifest ", span_of(manifest));
}

/* ---- reading ---- */

/* A decimal number, 0 too. */
static bool take_count(struct span text, int64_t *number)
{
	*number = 0;
	return span_equal(text, SPAN_LITERAL("0")) || note_decimal(text, number);
}

/* What stands before the first blank, and after it. */
static bool split(struct span text, struct span *head, struct span *rest)
{
	const char *blank = text.len > 0 ? memchr(text.data, ' ', text.len) : NULL;
	if (!blank)
		return false;
	*head = (struct span){text.data, (size_t)(blank - text.data)};
	*rest = (struct span){blank + 1, text.len - head->len - 1};
	return true;
}

static bool take_counts(struct span *text, const char *label, int64_t *first, int64_t *second)
{
	struct span value, head, rest;
	return note_take_labelled(text, label, &value) && split(value, &head, &rest) &&
	       take_count(head, first) && take_count(rest, second);
}

bool pack_note_take_stream(struct span *streams, int64_t *epoch, int64_t *sequence, struct span *name)
{
	struct span value, head, rest, number;
	struct span left = *streams;
	if (!note_take_labelled(&left, "stream ", &value) || !split(value, &head, &rest) ||
	    !split(rest, &number, name) || !take_count(head, epoch) || !take_count(number, sequence) ||
	    !pack_note_stream_valid(*name))
		return false;
	*streams = left;
	return true;
}

/* The lines between "legacy" and "rules". */
static bool take_streams(struct span *text, struct pack_note *note)
{
	int64_t epoch, sequence;
	struct span value, name;
	struct digest digest;
	const struct span begin = *text;
	if (note->stream_count > PACK_STREAMS_LISTED) {
		if (!note_take_labelled(text, "streams ", &value) ||
		    !hex_decode(digest.bytes, DIGEST_BYTES, value))
			return false;
	} else {
		for (int64_t i = 0; i < note->stream_count; i++) {
			if (!pack_note_take_stream(text, &epoch, &sequence, &name))
				return false;
		}
	}
	note->streams = (struct span){begin.data, begin.len - text->len};
	return true;
}

static bool take_origin(struct span *text, struct span *gateway)
{
	const struct span end = SPAN_LITERAL(ORIGIN_END);
	struct span line;
	if (!note_take_line(text, &line) || line.len <= end.len ||
	    memcmp(line.data + line.len - end.len, end.data, end.len) != 0)
		return false;
	*gateway = (struct span){line.data, line.len - end.len};
	return note_gateway_valid(*gateway);
}

static bool take_cut(struct span *text, int64_t *cut_ns)
{
	struct span value;
	return note_take_labelled(text, "cut ", &value) && instant_parse(cut_ns, value) == ERR_OK;
}

bool pack_note_decode(struct pack_note *note, struct span text)
{
	struct span size, root, verdict, periods, manifest;
	return take_origin(&text, &note->gateway) && note_take_line(&text, &size) &&
	       take_count(size, &note->size) && note_take_line(&text, &root) &&
	       note_root(root, &note->root) && note_take_labelled(&text, "run ", &note->run) &&
	       pack_note_run_valid(note->run) && note_take_labelled(&text, "verdict ", &verdict) &&
	       pack_verdict_find(verdict, &note->verdict) &&
	       note_take_labelled(&text, "periods ", &periods) && split(periods, &note->from, &note->to) &&
	       pack_note_period_valid(note->from) && pack_note_period_valid(note->to) &&
	       take_cut(&text, &note->cut_ns) &&
	       take_counts(&text, "cloud ", &note->cloud_count, &note->cloud_sequence) &&
	       take_counts(&text, "legacy ", &note->legacy_count, &note->stream_count) &&
	       take_streams(&text, note) && note_take_labelled(&text, "rules ", &note->rules) &&
	       pack_note_rules_valid(note->rules) && note_take_labelled(&text, "manifest ", &manifest) &&
	       hex_decode(note->manifest.bytes, DIGEST_BYTES, manifest) && text.len == 0;
}
