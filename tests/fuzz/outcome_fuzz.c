/*
 * outcome_fuzz.c - any bytes as a message of outcomes: read, decided in every state, answered.
 *
 * Why:   whoever can publish on dn/ack chooses these bytes.
 * Owns:  nothing that outlives one input.
 * Rules: 1. What is read is within its limits and has no control character where none may be.
 *        2. The machine answers every outcome in every state; a state that is final is left by a correction alone.
 *        3. The answer, and a document of values written from what was read, are JSON by the agent's own reader.
 *        4. Every value that the walk finds is JSON by itself.
 *        5. Bytes that begin with '!' are put into a message as its list: outcomes are reached at once.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/uplink/answer.h"

#include <string.h>

#include "connector/posting/canonical.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
	CHECK(strlen(text) <= max && utf8_valid(span_of(text)));
}

static void check_outcome(const struct outcome *outcome)
{
	CHECK(outcome->code >= OUTCOME_RECEIVED && outcome->code <= OUTCOME_OTHER);
	CHECK(outcome->revision >= 1 && outcome->revision <= JSON_INTEGER_MAX && outcome->subject[0] != 0);
	check_text(outcome->subject, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->word, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->document, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->ledger, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->reason, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->reason_class, OUTCOME_FIELD_BYTES_MAX);
	check_text(outcome->text, OUTCOME_TEXT_BYTES_MAX);
	CHECK(outcome->date[0] == 0 || strlen(outcome->date) == 10);
}

static void decide_everywhere(const struct outcome *outcome, struct ack_answer *answer)
{
	for (int state = OUTCOME_NONE; state < OUTCOME_OTHER; state++) {
		for (int newest = 0; newest <= 1; newest++) {
			struct outcome_decision decision;
			const struct outcome_facts facts = {.sent = true,
			                                    .newest = outcome->revision + newest,
			                                    .state = (enum outcome_code)state,
			                                    .document = state ? SPAN_LITERAL("4711")
			                                                      : SPAN_LITERAL("")};
			outcome_decide(&facts, outcome, &decision);
			CHECK(decision.keep || !decision.moves);
			CHECK(!decision.raise || newest == 0);
			if (outcome_is_final(facts.state) && decision.moves)
				CHECK(outcome->corrects == facts.state);
			if (decision.raise)
				CHECK(utf8_valid(span_of(decision.text)) &&
				      !strpbrk(decision.text, "\n\r\t\x1b"));
			ack_answer_count(answer, outcome, decision.finding);
		}
	}
}

static void check_values(const struct json_value *holder, int depth)
{
	struct json_walk walk;
	struct json_value value;
	struct json_value again;
	CHECK(depth < JSON_DEPTH_MAX);
	json_walk_init(&walk, holder);
	while (json_walk_next(&walk, NULL, &value)) {
		CHECK(json_open(&again, value.raw, NULL) == ERR_OK && again.kind == value.kind);
		CHECK(span_equal(again.raw, value.raw));
		if (value.kind == JSON_OBJECT || value.kind == JSON_LIST)
			check_values(&value, depth + 1);
	}
}

static void read_message(struct span payload)
{
	struct outcome_message message;
	struct json_value root;
	struct err_info info;
	if (payload.len < 4096 && json_open(&root, payload, &info) == ERR_OK &&
	    (root.kind == JSON_OBJECT || root.kind == JSON_LIST))
		check_values(&root, 0);
	if (outcome_message_open(&message, payload, &info) != ERR_OK)
		return;
	struct ack_answer answer;
	struct outcome outcome;
	struct buf out;
	const char *why;
	int count = 0;
	ack_answer_init(&answer);
	buf_init(&out, 60000);
	for (;; count++) {
		enum outcome_next next = outcome_next(&message, &outcome, &why);
		if (next == OUTCOME_END)
			break;
		if (next == OUTCOME_REFUSED) {
			ack_answer_refuse(&answer, span_of(outcome.subject), why);
			continue;
		}
		check_outcome(&outcome);
		decide_everywhere(&outcome, &answer);
	}
	CHECK(count == message.count && count >= 1 && count <= OUTCOMES_MAX);
	ack_result_write(&out, &answer, span_of(message.id), message.time_ns);
	CHECK(buf_ok(&out) && json_open(&root, buf_span(&out), NULL) == ERR_OK);
	ack_answer_release(&answer);
	buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text;
	if (size == 0 || data[0] != '!') {
		read_message((struct span){(const char *)data, size});
		return 0;
	}
	buf_init(&text, size + 64);
	buf_append_text(&text, "{\"id\":\"m\",\"outcomes\":[");
	buf_append(&text, data + 1, size - 1);
	buf_append_text(&text, "]}");
	read_message(buf_span(&text));
	buf_release(&text);
	return 0;
}
