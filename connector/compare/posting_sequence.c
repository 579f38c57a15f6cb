/*
 * posting_sequence.c - numbers, gaps and marks of one source.
 *
 * Why:   see posting_sequence.h.
 * Owns:  nothing.
 * Rules: as in posting_sequence.h.
 * Faults: as in posting_sequence.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_sequence_test.c
 */
#include "connector/compare/posting_sequence.h"

#include <inttypes.h>
#include <string.h>

void posting_sequence_init(struct posting_sequence *state, struct span source)
{
	*state = (struct posting_sequence){.next = 1};
	CHECK(text_copy(state->source, sizeof state->source, source));
}

/* The gap that holds it, or -1. */
static int find_gap(const struct posting_sequence *state, int64_t sequence)
{
	for (int i = 0; i < state->gap_count; i++) {
		if (sequence >= state->gaps[i].from && sequence <= state->gaps[i].to)
			return i;
	}
	return -1;
}

enum posting_seen posting_sequence_look(const struct posting_sequence *state, int64_t sequence,
                                        const uint8_t mark[POSTING_MARK_BYTES])
{
	if (sequence >= state->next || find_gap(state, sequence) >= 0)
		return POSTING_NEW;
	for (int i = 0; i < state->recent_count; i++) {
		if (state->recent[i].sequence == sequence)
			return memcmp(state->recent[i].mark, mark, POSTING_MARK_BYTES) == 0 ? POSTING_REPEATED
			                                                                    : POSTING_OTHER;
	}
	return POSTING_REPEATED;
}

static void remember(struct posting_sequence *state, int64_t sequence, const uint8_t mark[POSTING_MARK_BYTES])
{
	/* One that came again after rule 2 has a mark already. */
	for (int i = 0; i < state->recent_count; i++) {
		if (state->recent[i].sequence == sequence) {
			memcpy(state->recent[i].mark, mark, POSTING_MARK_BYTES);
			return;
		}
	}
	state->recent[state->recent_next].sequence = sequence;
	memcpy(state->recent[state->recent_next].mark, mark, POSTING_MARK_BYTES);
	state->recent_next = (state->recent_next + 1) % POSTING_RECENT_MAX;
	if (state->recent_count < POSTING_RECENT_MAX)
		state->recent_count++;
}

/* All from `next` up to it are missing. */
static void open_gap(struct posting_sequence *state, int64_t upto)
{
	struct posting_gap *last = state->gap_count > 0 ? &state->gaps[state->gap_count - 1] : NULL;
	if (last && (last->to == state->next - 1 || state->gap_count == POSTING_GAPS_MAX))
		last->to = upto;
	else
		state->gaps[state->gap_count++] = (struct posting_gap){state->next, upto};
	state->next = upto + 1;
}

static void drop_gap(struct posting_sequence *state, int index)
{
	state->gap_count--;
	memmove(&state->gaps[index], &state->gaps[index + 1],
	        (size_t)(state->gap_count - index) * sizeof state->gaps[0]);
}

/* Takes from..to out of the gap, which holds some of them. */
static void cut_gap(struct posting_sequence *state, int index, int64_t from, int64_t to)
{
	struct posting_gap *gap = &state->gaps[index];
	bool before = gap->from < from;
	bool after = gap->to > to;
	if (!before && !after) {
		drop_gap(state, index);
	} else if (before && after) {
		if (state->gap_count == POSTING_GAPS_MAX)
			return;
		memmove(gap + 1, gap, (size_t)(state->gap_count - index) * sizeof *gap);
		state->gap_count++;
		gap[0].to = from - 1;
		gap[1].from = to + 1;
	} else if (before) {
		gap->to = from - 1;
	} else {
		gap->from = to + 1;
	}
}

bool posting_sequence_take(struct posting_sequence *state, int64_t from, int64_t to,
                           const uint8_t mark[POSTING_MARK_BYTES])
{
	CHECK(from >= 1 && from <= to);
	bool opens = from > state->next;
	if (opens)
		open_gap(state, from - 1);
	for (int i = state->gap_count - 1; i >= 0; i--) {
		if (state->gaps[i].from <= to && state->gaps[i].to >= from)
			cut_gap(state, i, from, to);
	}
	if (to >= state->next)
		state->next = to + 1;
	remember(state, to, mark);
	return opens;
}

bool posting_sequence_miss(struct posting_sequence *state, int64_t sequence)
{
	CHECK(sequence >= 1);
	if (sequence < state->next)
		return false;
	open_gap(state, sequence);
	return true;
}

int64_t posting_sequence_upto(const struct posting_sequence *state)
{
	return state->gap_count > 0 ? state->gaps[0].from - 1 : state->next - 1;
}

/* ---- text ---- */

void posting_sequence_write(const struct posting_sequence *state, struct buf *out)
{
	buf_printf(out, "source %s\nnext %" PRId64 "\nconflicts %" PRId64 "\n", state->source, state->next,
	           state->conflicts);
	for (int i = 0; i < state->gap_count; i++)
		buf_printf(out, "gap %" PRId64 " %" PRId64 "\n", state->gaps[i].from, state->gaps[i].to);
	/* The oldest first: read again, they go in the same order. */
	int oldest = state->recent_count < POSTING_RECENT_MAX ? 0 : state->recent_next;
	for (int i = 0; i < state->recent_count; i++) {
		int at = (oldest + i) % POSTING_RECENT_MAX;
		char mark[2 * POSTING_MARK_BYTES + 1];
		hex_encode(mark, state->recent[at].mark, POSTING_MARK_BYTES);
		buf_printf(out, "recent %" PRId64 " %s\n", state->recent[at].sequence, mark);
	}
}

/* "word rest\n" from the front; false: there is no whole line. */
static bool take_line(struct span *text, struct span *word, struct span *rest)
{
	const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
	if (!end)
		return false;
	size_t len = (size_t)(end - text->data);
	const char *blank = memchr(text->data, ' ', len);
	if (!blank)
		return false;
	*word = (struct span){text->data, (size_t)(blank - text->data)};
	*rest = (struct span){blank + 1, (size_t)(end - blank) - 1};
	*text = (struct span){end + 1, text->len - len - 1};
	return true;
}

static bool take_number(struct span *text, int64_t *number)
{
	size_t at = 0;
	int64_t sum = 0;
	for (; at < text->len && text->data[at] >= '0' && text->data[at] <= '9'; at++) {
		sum = 10 * sum + (text->data[at] - '0');
		if (sum > JSON_INTEGER_MAX + 1)
			return false;
	}
	if (at == 0 || (at < text->len && text->data[at] != ' '))
		return false;
	*number = sum;
	size_t taken = at < text->len ? at + 1 : at;
	*text = (struct span){text->data + taken, text->len - taken};
	return true;
}

static bool read_gap(struct posting_sequence *state, struct span rest)
{
	struct posting_gap gap;
	int64_t before = state->gap_count > 0 ? state->gaps[state->gap_count - 1].to + 1 : 0;
	if (state->gap_count == POSTING_GAPS_MAX || !take_number(&rest, &gap.from) ||
	    !take_number(&rest, &gap.to) || rest.len > 0 || gap.from <= before || gap.to < gap.from ||
	    gap.to >= state->next)
		return false;
	state->gaps[state->gap_count++] = gap;
	return true;
}

static bool read_recent(struct posting_sequence *state, struct span rest)
{
	int64_t sequence;
	uint8_t mark[POSTING_MARK_BYTES];
	if (state->recent_count == POSTING_RECENT_MAX || !take_number(&rest, &sequence) ||
	    !hex_decode(mark, sizeof mark, rest))
		return false;
	remember(state, sequence, mark);
	return true;
}

bool posting_sequence_read(struct posting_sequence *state, struct span text)
{
	struct span word;
	struct span rest;
	*state = (struct posting_sequence){.next = 1};
	if (!take_line(&text, &word, &rest) || !span_equal(word, SPAN_LITERAL("source")) || rest.len == 0 ||
	    memchr(rest.data, 0, rest.len) || !text_copy(state->source, sizeof state->source, rest))
		return false;
	if (!take_line(&text, &word, &rest) || !span_equal(word, SPAN_LITERAL("next")) ||
	    !take_number(&rest, &state->next) || rest.len > 0 || state->next < 1)
		return false;
	if (!take_line(&text, &word, &rest) || !span_equal(word, SPAN_LITERAL("conflicts")) ||
	    !take_number(&rest, &state->conflicts) || rest.len > 0)
		return false;
	while (text.len > 0) {
		if (!take_line(&text, &word, &rest))
			return false;
		bool good = span_equal(word, SPAN_LITERAL("gap"))      ? read_gap(state, rest)
		            : span_equal(word, SPAN_LITERAL("recent")) ? read_recent(state, rest)
		                                                       : false;
		if (!good)
			return false;
	}
	return true;
}
