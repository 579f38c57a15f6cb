/*
 * outcome.h - business outcomes from the cloud: reading their messages, and the machine of one revision's state.
 *
 * Why:   PUBACK says that a broker took an event; only an outcome says what the cloud's ledger did with it. Outcomes
 *        come late, twice, out of order, for strangers, and with lies: each case has one defined answer.
 * Owns:  struct outcome holds its texts; struct outcome_message borrows the payload.
 * Rules: 1. Reading: the message is checked whole, then each outcome by itself; a bad one is refused with its reason
 *           and the others go on.
 *        2. Deciding is pure: what is known, and what came in, give what is kept, where the state moves, and which
 *           exceptions begin or end. The machine is drawn in outcome_machine.c.
 *        3. Any order with any repeats of an honest history (RECEIVED, VALIDATED, BOOKED) ends BOOKED, and begins no
 *           exception.
 *        4. An unknown code, class or member is never an error of the message: enumerations are open.
 * Faults: any bytes at all: refused, never a CHECK.
 * Runs in: the core.
 * Tests: tests/unit/outcome_test.c, outcome_machine_test.c (against outcome_table.h), tests/fuzz/outcome_fuzz.c
 */
#ifndef TWINPOST_OUTCOME_H
#define TWINPOST_OUTCOME_H

#include "connector/uplink/json_read.h"
#include "store_forward/store.h"

#define OUTCOMES_MAX              200 /* of one message */
#define OUTCOME_MESSAGE_BYTES_MAX (256u * 1024u)
#define OUTCOME_ID_BYTES_MAX      64
#define OUTCOME_FIELD_BYTES_MAX   200 /* subject, document, ledger, reason, class, code */
#define OUTCOME_TEXT_BYTES_MAX    1000

_Static_assert(OUTCOME_FIELD_BYTES_MAX == STORE_SUBJECT_MAX, "every subject that was sent can be named");

/* The numbers are those of enum store_outcome_code, which the store keeps; they never change. */
enum outcome_code {
	OUTCOME_NONE = 0, /* queued or sent */
	OUTCOME_RECEIVED = 1,
	OUTCOME_VALIDATED = 2,
	OUTCOME_PARTIAL = 3,
	OUTCOME_BOOKED = 4,
	OUTCOME_REJECTED = 5,
	OUTCOME_DUPLICATE = 6,
	OUTCOME_OTHER = 7, /* a code that this version does not know */
};
const char *outcome_code_name(enum outcome_code code);  /* "BOOKED"; "" for OUTCOME_NONE */
enum outcome_code outcome_code_find(const char *name);  /* OUTCOME_OTHER: not known */
MUST_USE bool outcome_is_final(enum outcome_code code); /* BOOKED, REJECTED, DUPLICATE */

struct outcome {
	enum outcome_code code;
	enum outcome_code corrects; /* OUTCOME_NONE: not given */
	int64_t revision;
	int64_t at_ns;          /* when the cloud says it happened; 0: it does not say */
	enum store_owner owner; /* of the class: whose work a rejection is */
	char subject[OUTCOME_FIELD_BYTES_MAX + 1];
	char word[OUTCOME_FIELD_BYTES_MAX + 1]; /* the code as it came */
	char document[OUTCOME_FIELD_BYTES_MAX + 1];
	char date[11]; /* "2026-11-21" or "" */
	char ledger[OUTCOME_FIELD_BYTES_MAX + 1];
	char reason[OUTCOME_FIELD_BYTES_MAX + 1];
	char reason_class[OUTCOME_FIELD_BYTES_MAX + 1]; /* of REJECTED: one of the seven; else as it came */
	char text[OUTCOME_TEXT_BYTES_MAX + 1];
};

struct outcome_message {
	char id[OUTCOME_ID_BYTES_MAX + 1]; /* also set where opening failed, if it could be read; else "" */
	int64_t time_ns;                   /* 0: none */
	int count;
	struct json_walk walk;
};

/* ERR_BAD_INPUT, ERR_TOO_LARGE: nothing of it is taken; info says why. With an id it can still be answered. */
MUST_USE enum err outcome_message_open(struct outcome_message *message, struct span payload,
                                       struct err_info *info);

enum outcome_next { OUTCOME_END, OUTCOME_READ, OUTCOME_REFUSED };
/* The next outcome. OUTCOME_REFUSED: *why is a short static sentence, outcome->subject the subject or "". */
MUST_USE enum outcome_next outcome_next(struct outcome_message *message, struct outcome *outcome,
                                        const char **why);

/* ---- the machine ---- */

enum outcome_finding {
	OUTCOME_FOUND_NONE,           /* taken */
	OUTCOME_FOUND_REPEATED,       /* known already: nothing is kept */
	OUTCOME_FOUND_LATE,           /* a lower rank than the state: history only */
	OUTCOME_FOUND_CONFLICT,       /* final after another final, not named in corrects */
	OUTCOME_FOUND_DOUBLE_BOOKING, /* BOOKED with two documents */
	OUTCOME_FOUND_UNKNOWN_CODE,
	OUTCOME_FOUND_OLD_REVISION, /* taken; the exceptions are the newest revision's */
	OUTCOME_FOUND_UNKNOWN_SUBJECT,
	OUTCOME_FOUND_OTHER_STREAM, /* refused: not this topic's */
};
#define OUTCOME_WHY_OTHER_STREAM "other stream"

struct outcome_facts {
	bool sent;         /* this subject and revision were given out */
	bool other_stream; /* ... but on another stream than the topic's */
	int64_t newest;    /* the subject's newest revision */
	enum outcome_code
	    state; /* of this revision: the last outcome that moved it; OUTCOME_NONE: queued or sent */
	struct span document; /* of that outcome */
	struct span stream;   /* the topic's */
};

/* X(identifier, rule) - the exceptions that outcomes begin and end; all but the last have the subject for key. */
#define OUTCOME_RULES(X)                            \
	X(REJECTED, "outcome-rejected")             \
	X(PARTIAL, "outcome-partial")               \
	X(CONFLICT, "outcome-conflict")             \
	X(DOUBLE_BOOKING, "outcome-double-booking") \
	X(UNKNOWN_CODE, "outcome-unknown-code")     \
	X(UNKNOWN_SUBJECT, "outcome-unknown-subject") /* key: the stream */

enum outcome_rule {
#define OUTCOME_RULE_ENUM(name, text) OUTCOME_RULE_##name,
	OUTCOME_RULES(OUTCOME_RULE_ENUM)
#undef OUTCOME_RULE_ENUM
	    OUTCOME_RULE_COUNT
};
const char *outcome_rule_name(enum outcome_rule rule);
#define OUTCOME_RULE_BIT(rule) (1u << (rule))

struct outcome_decision {
	enum outcome_finding finding;
	bool keep;               /* into the history */
	bool moves;              /* the kept one is the state from now on */
	enum outcome_code state; /* after it */
	unsigned clear;          /* OUTCOME_RULE_BIT()s, key: the subject; done before the raise */
	bool raise;
	enum outcome_rule rule;  /* of the raise */
	enum store_owner owner;  /* of the raise */
	char text[ERR_TEXT_MAX]; /* of the raise: what happened, where, what to do */
};
void outcome_decide(const struct outcome_facts *facts, const struct outcome *outcome,
                    struct outcome_decision *decision);

#endif
