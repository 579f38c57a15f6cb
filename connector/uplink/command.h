/*
 * command.h - a signed command from the cloud: its text read, and the verdict whether it is done.
 *
 * Why:   a broker, or who took it over, must not be able to command; every command is judged in one place and order.
 * Owns:  struct command holds its own copy of what the body names; target, id, word and body borrow the text.
 * Rules: 1. The text is six lines, in this order, nothing else:
 *               tp1/cmd/v1 | target {tenant}/{gateway} | id {id} | expires {instant} | command {word} | body {JSON}
 *        2. Judging is pure: no clock, no store, no key. The order of the checks is that of COMMAND_REASONS, and the
 *           first that fails is the reason.
 *        3. A command that was done before (same id, same text) is never done again. It is told from a misused id, and
 *           that before its expiry is looked at: who asks again after it wants the result, not the news that the
 *           question is old.
 *        4. A member of the body that is not known is refused: half of what a signer meant must not be done.
 *        5. Only what the cloud signed for this gateway gets an answer; strangers learn nothing.
 * Faults: any text at all: a reason, never a CHECK.
 * Runs in: the core.
 * Tests: tests/unit/command_test.c, tests/fuzz/command_fuzz.c
 */
#ifndef TWINPOST_COMMAND_H
#define TWINPOST_COMMAND_H

#include "config/config.h"
#include "connector/uplink/note.h"
#include "store_forward/digest.h"
#include "store_forward/store.h"

#define COMMAND_TEXT_BYTES_MAX NOTE_BYTES_MAX
#define COMMAND_ID_BYTES_MAX   64
#define COMMAND_WORD_BYTES_MAX 32
#define COMMAND_SUBJECTS_MAX   200
/* How far ahead a command may expire, and how long its id and result are remembered. */
#define COMMAND_AHEAD_NS_MAX (INT64_C(7) * 86400 * 1000000000)

enum command_kind {
	COMMAND_UNKNOWN,
	COMMAND_REPLAY,
	COMMAND_RESEND,
	COMMAND_PAUSE,
	COMMAND_RESUME,
	COMMAND_DIGEST,
	COMMAND_SWEEP,
	COMMAND_STATE_GET,
	COMMAND_PROOF_GET,
};

struct command {
	bool decoded;         /* the six lines are there; the rest means nothing without it */
	struct span target;   /* {tenant}/{gateway} */
	struct span id;       /* 1..64 of [A-Za-z0-9_.-] */
	int64_t expires_ns;   /* beyond 2199: INT64_MAX; before 1970: 0 */
	struct span word;     /* "proof.get" */
	struct span body;     /* the JSON as it stands */
	struct digest digest; /* H(text): what tells a repeated command from a misused id */
	enum command_kind kind;
	/* Of the body, filled where the verdict is COMMAND_DO; "" and 0: not given. */
	char stream[STORE_STREAM_NAME_MAX];
	char source[CONFIG_NAME_MAX];
	int64_t epoch;
	int64_t from;
	int64_t to;
	int64_t sequence;
	int64_t size;
	char period[8]; /* "2026-11" */
	int subject_count;
	struct span subjects[COMMAND_SUBJECTS_MAX]; /* into names */
	char names[COMMAND_TEXT_BYTES_MAX];
};

/* Reads the lines; ERR_BAD_INPUT: not these, info says which. The text stays the caller's and is borrowed. The body is
 * not looked at yet. */
MUST_USE enum err command_decode(struct command *command, struct span text, struct err_info *info);

/* X(identifier, reason as in the answer) */
#define COMMAND_REASONS(X)                      \
	X(DO, "")                               \
	X(AGAIN, "")                            \
	X(RETAINED, "retained")                 \
	X(MALFORMED, "malformed")               \
	X(UNSIGNED, "unsigned")                 \
	X(BAD_SIGNATURE, "bad-signature")       \
	X(WRONG_TARGET, "wrong-target")         \
	X(EXPIRED, "expired")                   \
	X(EXPIRES_TOO_LATE, "expires-too-late") \
	X(ID_REUSED, "id-reused")               \
	X(UNKNOWN_COMMAND, "unknown-command")   \
	X(BAD_BODY, "bad-body")                 \
	X(REFUSED, "refused") /* by who does it */

enum command_reason {
#define COMMAND_REASON_ENUM(name, text) COMMAND_##name,
	COMMAND_REASONS(COMMAND_REASON_ENUM)
#undef COMMAND_REASON_ENUM
	    COMMAND_REASON_COUNT
};
const char *command_reason_name(enum command_reason reason); /* "id-reused" */

struct command_facts {
	bool retained;               /* the message came with the retain flag */
	enum note_verdict signature; /* note_open() over the command keys */
	struct span target;          /* ours */
	int64_t now_ns;              /* wall time */
	/* H(text) of the command that had this id within COMMAND_AHEAD_NS_MAX and was remembered; NULL: none. */
	const struct digest *earlier;
};

struct command_verdict {
	enum command_reason
	    reason;    /* COMMAND_DO: do it; COMMAND_AGAIN: give the stored answer again; else refused */
	bool answer;   /* on up/res; else it is only logged and counted */
	bool remember; /* id, digest and answer are to be stored */
	char text[ERR_TEXT_MAX]; /* of a refusal: one sentence */
};

/* command as command_decode() left it, also where that refused. */
void command_judge(struct command *command, const struct command_facts *facts,
                   struct command_verdict *verdict);

#endif
