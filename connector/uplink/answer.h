/*
 * answer.h - what the agent answers on up/res: results of commands, and what became of a message of outcomes.
 *
 * Why:   the cloud knows from it what was done, and repeats what was not answered.
 * Owns:  struct ack_answer owns its two lists; everything else goes into the caller's buffer.
 * Rules: 1. Keys sorted, no white space (the RFC 8785 subset of canonical.h): the same answer has the same bytes.
 *        2. The lists of an ack together stay within ACK_LISTS_BYTES_MAX, so that an answer fits every broker; what is
 *           left out is counted in `left_out`.
 * Source: docs/contract.
 * Runs in: the core.
 * Tests: tests/unit/answer_test.c
 */
#ifndef TWINPOST_ANSWER_H
#define TWINPOST_ANSWER_H

#include "connector/uplink/command.h"
#include "connector/uplink/outcome.h"

/* X(identifier, state as in the answer) */
#define ANSWER_STATES(X)        \
	X(DONE, "done")         \
	X(ACCEPTED, "accepted") \
	X(FAILED, "failed")     \
	X(REJECTED, "rejected")

enum answer_state {
#define ANSWER_STATE_ENUM(name, text) ANSWER_##name,
	ANSWER_STATES(ANSWER_STATE_ENUM)
#undef ANSWER_STATE_ENUM
};

struct answer {
	struct span command; /* the word: "replay", or "ack" */
	struct span id;
	enum answer_state state;
	struct span reason; /* ANSWER_REJECTED only: command_reason_name() */
	struct span text;   /* of rejected and failed; empty: none. What is not UTF-8 in it becomes '?'. */
	struct span result; /* JSON with sorted keys, not of rejected; empty: {} */
	int64_t time_ns;
};
/* Appends it. Check buf_ok(out) after. */
void command_result_write(struct buf *out, const struct answer *answer);

#define ACK_LISTS_BYTES_MAX 58000 /* with the rest below the 60,000 bytes that every broker takes */

struct ack_answer {
	int64_t taken;
	int64_t late;
	int64_t repeated;
	int64_t left_out;   /* entries of the lists that had no room */
	struct buf refused; /* {"subject":...,"why":...},... */
	struct buf unknown; /* subjects */
};
void ack_answer_init(struct ack_answer *answer);
void ack_answer_release(struct ack_answer *answer);
void ack_answer_clear(struct ack_answer *answer);
/* Counts one outcome by what the machine found (outcome_decide()). */
void ack_answer_count(struct ack_answer *answer, const struct outcome *outcome, enum outcome_finding finding);
/* One that outcome_next() refused: as much of its subject as could be read, and why. */
void ack_answer_refuse(struct ack_answer *answer, struct span subject, const char *why);
/* Appends {"command":"ack",...}. Check buf_ok(out) after. */
void ack_result_write(struct buf *out, const struct ack_answer *answer, struct span id, int64_t time_ns);

#endif
