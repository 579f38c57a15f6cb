/*
 * answer.c - writes the answers on up/res.
 *
 * Why:   see answer.h.
 * Owns:  the lists of each struct ack_answer.
 * Rules: as in answer.h.
 * Faults: a full buffer refuses; buf_ok() tells.
 * Runs in: the core.
 * Tests: tests/unit/answer_test.c
 */
#include "connector/uplink/answer.h"

#include <inttypes.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"

static void append_instant(struct buf *out, int64_t time_ns)
{
	char time[INSTANT_TEXT_SIZE];
	instant_print(time_ns, time);
	buf_append_text(out, ",\"time\":\"");
	buf_append_text(out, time);
	buf_append_text(out, "\"}");
}

/* A sentence may have been cut in the middle of a character. */
static void append_sentence(struct buf *out, struct span text)
{
	char copy[ERR_TEXT_MAX];
	size_t len = text.len < sizeof copy ? text.len : sizeof copy;
	if (utf8_valid(text)) {
		canonical_string(out, text);
		return;
	}
	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)text.data[i] > 0x7f ? '?' : text.data[i];
	canonical_string(out, (struct span){copy, len});
}

void command_result_write(struct buf *out, const struct answer *answer)
{
	static const char *const states[] = {
#define ANSWER_STATE_NAME(name, text) text,
	    ANSWER_STATES(ANSWER_STATE_NAME)
#undef ANSWER_STATE_NAME
	};
	bool rejected = answer->state == ANSWER_REJECTED;
	CHECK((unsigned)answer->state < sizeof states / sizeof states[0]);
	CHECK(rejected == (answer->reason.len > 0));
	buf_append_text(out, "{\"command\":");
	canonical_string(out, answer->command);
	buf_append_text(out, ",\"id\":");
	canonical_string(out, answer->id);
	if (rejected) {
		buf_append_text(out, ",\"reason\":");
		canonical_string(out, answer->reason);
	} else {
		buf_append_text(out, ",\"result\":");
		buf_append_span(out, answer->result.len > 0 ? answer->result : SPAN_LITERAL("{}"));
	}
	buf_append_text(out, ",\"state\":\"");
	buf_append_text(out, states[answer->state]);
	buf_append_char(out, '"');
	if (answer->text.len > 0) {
		buf_append_text(out, ",\"text\":");
		append_sentence(out, answer->text);
	}
	append_instant(out, answer->time_ns);
}

void ack_answer_init(struct ack_answer *answer)
{
	*answer = (struct ack_answer){.taken = 0};
	buf_init(&answer->refused, ACK_LISTS_BYTES_MAX);
	buf_init(&answer->unknown, ACK_LISTS_BYTES_MAX);
}

void ack_answer_release(struct ack_answer *answer)
{
	buf_release(&answer->refused);
	buf_release(&answer->unknown);
	ack_answer_init(answer);
}

void ack_answer_clear(struct ack_answer *answer)
{
	buf_clear(&answer->refused);
	buf_clear(&answer->unknown);
	answer->taken = 0;
	answer->late = 0;
	answer->repeated = 0;
	answer->left_out = 0;
}

/* Keeps what was just appended to the list, from `from` on, unless the two are over their limit. */
static void settle_list(struct ack_answer *answer, struct buf *list, size_t from)
{
	if (buf_ok(list) && answer->refused.len + answer->unknown.len <= ACK_LISTS_BYTES_MAX)
		return;
	list->refused = false;
	list->len = from;
	answer->left_out++;
}

void ack_answer_refuse(struct ack_answer *answer, struct span subject, const char *why)
{
	struct buf *list = &answer->refused;
	size_t from = list->len;
	buf_append_text(list, from > 0 ? ",{\"subject\":" : "{\"subject\":");
	canonical_string(list, subject);
	buf_append_text(list, ",\"why\":");
	canonical_string(list, span_of(why));
	buf_append_char(list, '}');
	settle_list(answer, list, from);
}

void ack_answer_count(struct ack_answer *answer, const struct outcome *outcome, enum outcome_finding finding)
{
	struct buf *list = &answer->unknown;
	size_t from = list->len;
	switch (finding) {
	case OUTCOME_FOUND_REPEATED:
		answer->repeated++;
		return;
	case OUTCOME_FOUND_LATE:
		answer->late++;
		return;
	case OUTCOME_FOUND_OTHER_STREAM:
		ack_answer_refuse(answer, span_of(outcome->subject), OUTCOME_WHY_OTHER_STREAM);
		return;
	case OUTCOME_FOUND_UNKNOWN_SUBJECT:
		if (from > 0)
			buf_append_char(list, ',');
		canonical_string(list, span_of(outcome->subject));
		settle_list(answer, list, from);
		return;
	default:
		answer->taken++;
	}
}

void ack_result_write(struct buf *out, const struct ack_answer *answer, struct span id, int64_t time_ns)
{
	buf_append_text(out, "{\"command\":\"ack\",\"id\":");
	canonical_string(out, id);
	buf_printf(out, ",\"result\":{\"late\":%" PRId64, answer->late);
	if (answer->left_out > 0)
		buf_printf(out, ",\"left_out\":%" PRId64, answer->left_out);
	buf_append_text(out, ",\"refused\":[");
	buf_append_span(out, buf_span(&answer->refused));
	buf_printf(out, "],\"repeated\":%" PRId64 ",\"taken\":%" PRId64 ",\"unknown\":[", answer->repeated,
	           answer->taken);
	buf_append_span(out, buf_span(&answer->unknown));
	buf_append_text(out, "]},\"state\":\"done\"");
	append_instant(out, time_ns);
}
