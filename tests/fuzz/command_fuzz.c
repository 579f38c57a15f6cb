/*
 * command_fuzz.c - any text as a command, judged with facts that the first byte draws.
 *
 * Why:   whoever can publish on dn/cmd chooses these bytes, signed or not.
 * Owns:  nothing that outlives one input.
 * Rules: 1. Nothing is done without a good signature and our target, nor when retained, nor when expired.
 *        2. Names, numbers and subjects of what is done are within their limits; a second judgement is the same.
 *        3. The answer that would be given is JSON by the agent's own reader.
 *        4. A first byte from WRAPPED on puts the rest, as a body, behind good lines: bodies are reached at once.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/uplink/answer.h"

#include <string.h>

#define NOW_NS (INT64_C(1795270805123) * 1000000)

#define WRAPPED 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_done(const struct command *command, const struct command_facts *facts)
{
	CHECK(command->decoded && !facts->retained && facts->signature == NOTE_GOOD);
	CHECK(span_equal(command->target, facts->target));
	CHECK(command->expires_ns > facts->now_ns &&
	      command->expires_ns - facts->now_ns <= COMMAND_AHEAD_NS_MAX);
	CHECK(command->kind != COMMAND_UNKNOWN);
	CHECK(memchr(command->stream, 0, sizeof command->stream) &&
	      memchr(command->source, 0, sizeof command->source));
	CHECK(command->from >= 0 && command->to >= command->from && command->to <= STORE_SEQUENCE_MAX);
	CHECK(command->subject_count >= 0 && command->subject_count <= COMMAND_SUBJECTS_MAX);
	for (int i = 0; i < command->subject_count; i++) {
		struct span subject = command->subjects[i];
		CHECK(subject.len > 0 && subject.len <= STORE_SUBJECT_MAX && subject.data >= command->names);
		CHECK(subject.data + subject.len < command->names + sizeof command->names);
	}
}

static void check_answer(const struct command *command, const struct command_verdict *verdict)
{
	struct buf out;
	struct json_value root;
	bool rejected = verdict->reason > COMMAND_AGAIN;
	const struct answer answer = {.command = command->word,
	                              .id = command->id,
	                              .state = rejected ? ANSWER_REJECTED : ANSWER_DONE,
	                              .reason = rejected ? span_of(command_reason_name(verdict->reason))
	                                                 : (struct span){NULL, 0},
	                              .text = span_of(verdict->text),
	                              .time_ns = NOW_NS};
	buf_init(&out, 8192);
	command_result_write(&out, &answer);
	CHECK(buf_ok(&out) && json_open(&root, buf_span(&out), NULL) == ERR_OK);
	buf_release(&out);
}

static void wrap(struct buf *text, uint8_t which, const uint8_t *body, size_t size)
{
	static const char *const words[] = {"replay", "resend", "pause",     "resume",
	                                    "digest", "sweep",  "state.get", "proof.get"};
	buf_append_text(text, "tp1/cmd/v1\ntarget a/b\nid x\nexpires 2026-11-22T00:00:00.000Z\ncommand ");
	buf_append_text(text, words[which % 8]);
	buf_append_text(text, "\nbody ");
	buf_append(text, body, size);
	buf_append_char(text, '\n');
}

static void judge(uint8_t first, struct span text)
{
	static struct command command;
	struct command_verdict verdict;
	struct command_verdict again;
	struct err_info info;
	struct digest digest = digest_of(&text, 1);
	/* Mostly all is well, so that the body is reached. */
	const struct command_facts facts = {
	    .retained = first == 1,
	    .signature = first < 6 && first > 1 ? (enum note_verdict)(first - 2) : NOTE_GOOD,
	    .target = SPAN_LITERAL("a/b"),
	    .now_ns = NOW_NS,
	    .earlier = first == 6 ? &digest : NULL};
	bool decoded = command_decode(&command, text, &info) == ERR_OK;
	CHECK(decoded == command.decoded && (decoded || info.code == ERR_BAD_INPUT));
	command_judge(&command, &facts, &verdict);
	command_judge(&command, &facts, &again);
	CHECK(verdict.reason == again.reason && strcmp(verdict.text, again.text) == 0);
	CHECK(!verdict.answer || (facts.signature == NOTE_GOOD && decoded));
	if (verdict.reason == COMMAND_DO)
		check_done(&command, &facts);
	if (verdict.answer)
		check_answer(&command, &verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text;
	if (size == 0)
		return 0;
	if (data[0] < WRAPPED) {
		judge(data[0], (struct span){(const char *)data + 1, size - 1});
		return 0;
	}
	buf_init(&text, size + 256);
	wrap(&text, data[0], data + 1, size - 1);
	judge(data[0], buf_span(&text));
	buf_release(&text);
	return 0;
}
