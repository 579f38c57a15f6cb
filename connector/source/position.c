/*
 * position.c - the arithmetic of stamps and the text of a position.
 *
 * Why:   see position.h.
 * Owns:  nothing.
 * Rules: as in position.h.
 * Runs in: the core.
 * Tests: tests/unit/position_test.c
 */
#include "connector/source/position.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Seconds: some 34,000 years, so that sums with what a configuration allows stay far from 64 bits. */
#define INSTANT_MAX (INT64_C(1) << 40)

void position_init(struct position *position)
{
	*position = (struct position){.newest = NO_STAMP,
	                              .shown_at = NO_STAMP,
	                              .reread_at = NO_STAMP,
	                              .from = NO_STAMP,
	                              .clock = NO_STAMP,
	                              .seen = NO_STAMP};
}

void position_encode(const struct position *position, struct buf *out)
{
	buf_printf(out, "tp1 %" PRId64 " %" PRId64 " %d %" PRId64, position->newest, position->shown_at,
	           position->settled, position->reread_at);
	buf_printf(out, " %d %d %" PRId64 " %" PRId64 " %" PRId64 " ", position->reading, position->reread,
	           position->from, position->clock, position->seen);
	for (size_t i = 0; i < position->after_len; i++) {
		unsigned char c = (unsigned char)position->after[i];
		if (c <= ' ' || c == '%' || c >= 0x7f)
			buf_printf(out, "%%%02x", c);
		else
			buf_append_char(out, (char)c);
	}
}

static bool next_word(struct span *text, struct span *word)
{
	size_t len = 0;
	while (len < text->len && text->data[len] != ' ')
		len++;
	*word = (struct span){text->data, len};
	size_t step = len < text->len ? len + 1 : len;
	text->data += step;
	text->len -= step;
	return len > 0;
}

/* Whole 64-bit numbers; convert_integer() stops at 2^53. */
static bool next_number(struct span *text, int64_t *value)
{
	struct span word;
	uint64_t sum = 0;
	if (!next_word(text, &word) || word.len > 20)
		return false;
	bool negative = word.data[0] == '-';
	size_t i = negative;
	for (; i < word.len; i++) {
		if (word.data[i] < '0' || word.data[i] > '9' || sum > (UINT64_C(1) << 63) / 10)
			return false;
		sum = sum * 10 + (uint64_t)(word.data[i] - '0');
	}
	if (sum > (UINT64_C(1) << 63) - !negative || word.len == (size_t)negative)
		return false;
	*value = !negative ? (int64_t)sum : sum == UINT64_C(1) << 63 ? INT64_MIN : -(int64_t)sum;
	return true;
}

static bool decode_after(struct position *position, struct span text)
{
	position->after_len = 0;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t byte = (uint8_t)text.data[i];
		if (text.data[i] == '%') {
			if (i + 2 >= text.len || !hex_decode(&byte, 1, (struct span){text.data + i + 1, 2}))
				return false;
			i += 2;
		}
		if (position->after_len == sizeof position->after)
			return false;
		position->after[position->after_len++] = (char)byte;
	}
	return true;
}

static bool is_near(int64_t instant)
{
	return instant == NO_STAMP || (instant >= -INSTANT_MAX && instant <= INSTANT_MAX);
}

/* What the arithmetic below relies on. */
static bool is_sound(const struct position *position)
{
	return is_near(position->newest) && is_near(position->shown_at) && is_near(position->reread_at) &&
	       is_near(position->from) && is_near(position->clock) && is_near(position->seen) &&
	       (position->newest == NO_STAMP || position->shown_at != NO_STAMP) &&
	       (!position->reading || position->clock != NO_STAMP);
}

bool position_decode(struct position *position, struct span text)
{
	struct span word;
	int64_t settled = 0;
	int64_t reading = 0;
	int64_t reread = 0;
	position_init(position);
	bool good = next_word(&text, &word) && span_equal(word, SPAN_LITERAL("tp1")) &&
	            next_number(&text, &position->newest) && next_number(&text, &position->shown_at) &&
	            next_number(&text, &settled) && next_number(&text, &position->reread_at) &&
	            next_number(&text, &reading) && next_number(&text, &reread) &&
	            next_number(&text, &position->from) && next_number(&text, &position->clock) &&
	            next_number(&text, &position->seen) && decode_after(position, text);
	position->settled = settled == 1;
	position->reading = reading == 1;
	position->reread = reread == 1;
	good = good && is_sound(position);
	if (!good)
		position_init(position);
	return good;
}

void position_begin(struct position *position, const struct position_pace *pace, int64_t clock,
                    bool look_back)
{
	bool first = position->newest == NO_STAMP;
	/* A clock that went back makes a re-reading due too. */
	bool due = pace->reread_s > 0 && (position->reread_at == NO_STAMP || clock < position->reread_at ||
	                                  clock - position->reread_at >= pace->reread_s);
	position->reading = true;
	position->reread = due && !first;
	position->clock = clock;
	position->seen = NO_STAMP;
	position->after_len = 0;
	if (due)
		position->reread_at = clock;
	if (first)
		position->from = NO_STAMP;
	else if (position->reread || look_back)
		position->from = position->newest - pace->lookback_s;
	else if (position->settled)
		position->from = position->newest + 1;
	else
		position->from = position->newest - pace->overlap_s;
}

void position_widen(struct position *position)
{
	position->from = NO_STAMP;
	position->reread = true;
	position->reread_at = position->clock;
}

void position_see(struct position *position, int64_t stamp)
{
	if (stamp > position->seen)
		position->seen = stamp;
}

void position_end(struct position *position, const struct position_pace *pace)
{
	int64_t reached = position->seen < position->clock ? position->seen : position->clock;
	if (reached != NO_STAMP && reached > position->newest) {
		position->newest = reached;
		position->shown_at = position->clock;
		position->settled = false;
	} else if (position->newest != NO_STAMP && !position->settled) {
		bool covered =
		    position->from == NO_STAMP || position->from <= position->newest - pace->overlap_s;
		position->settled = covered && position->clock - position->shown_at > pace->overlap_s;
	}
	position->reading = false;
	position->reread = false;
	position->after_len = 0;
	/* So that two rests at the same place have the same text, and nothing is written. */
	position->from = NO_STAMP;
	position->clock = NO_STAMP;
	position->seen = NO_STAMP;
}

bool stamp_parse(enum stamp_form form, const struct span *columns, int64_t *seconds)
{
	date_days date = 0;
	bool present = true;
	int64_t day = 0;
	int64_t time = 0;
	if (form == STAMP_CYYDDD_HHMMSS) {
		if (!convert_integer(columns[0], &day) || date_from_cyyddd(&date, &present, day) != ERR_OK ||
		    !present || !convert_integer(columns[1], &time) || time < 0 || time > 240000)
			return false;
		*seconds = (int64_t)date * SECONDS_PER_DAY + time / 10000 * 3600 + time / 100 % 100 * 60 +
		           time % 100;
		return true;
	}
	struct span text = span_trim(columns[0]);
	if (text.len < 10 || date_parse(&date, (struct span){text.data, 10}) != ERR_OK)
		return false;
	int64_t part[3] = {0, 0, 0};
	for (size_t i = 0; i < 3 && text.len >= 13 + 3 * i; i++) {
		if (!convert_integer((struct span){text.data + 11 + 3 * i, 2}, &part[i]) || part[i] < 0)
			return false;
	}
	*seconds = (int64_t)date * SECONDS_PER_DAY + part[0] * 3600 + part[1] * 60 + part[2];
	return part[0] <= 24 && part[1] < 60 && part[2] <= 60;
}

void stamp_print(enum stamp_form form, int64_t seconds, char texts[2][24])
{
	int64_t day = seconds / SECONDS_PER_DAY;
	int64_t rest = seconds % SECONDS_PER_DAY;
	date_days first, last;
	CHECK(date_from_civil(&first, DATE_YEAR_MIN, 1, 1) == ERR_OK &&
	      date_from_civil(&last, DATE_YEAR_MAX, 12, 31) == ERR_OK);
	if (rest < 0) {
		rest += SECONDS_PER_DAY;
		day--;
	}
	/* A look-back may reach before the first date there is; nothing is stamped there. The hour 24 of the last day
	 * lies behind it: it is read again, which is harmless. */
	if (day > last)
		rest = SECONDS_PER_DAY - 1;
	date_days date = day < first ? first : day > last ? last : (date_days)day;
	if (form == STAMP_CYYDDD_HHMMSS) {
		(void)snprintf(texts[0], 24, "%" PRId64, date_to_cyyddd(date));
		(void)snprintf(texts[1], 24, "%d",
		               (int)(rest / 3600 * 10000 + rest / 60 % 60 * 100 + rest % 60));
		return;
	}
	char text[DATE_TEXT_SIZE];
	date_print(date, text);
	(void)snprintf(texts[0], 24, "%s %02d:%02d:%02d", text, (int)(rest / 3600), (int)(rest / 60 % 60),
	               (int)(rest % 60));
	texts[1][0] = 0;
}
