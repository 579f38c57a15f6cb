/*
 * middleware.h - the model of the cloud's middleware: it cosigns checkpoints, says what became of documents, commands,
 * and believes no answer.
 *
 * Why:   the way back is a promise too: every message answered, nothing done twice, states as the machine of the
 *        contract has them, whatever is lost, repeated or late.
 * Owns:  the messages it sent, with their answers; its keys (one is a stranger's).
 * Rules: 1. What is not answered within a minute is sent again, with the same bytes; a repeated answer has the bytes
 *           of the first one, unless the agent's clock may have made it forget.
 *        2. A document is named in one unanswered message at a time, so that the order of answers is the order in which
 *           its outcomes were taken; the machine of states is worked out here by code of its own.
 *        3. What it paused it resumes at the end; what it was answered is held against what it received.
 *        4. Lies, forgeries and mistakes are drawn at a low rate, each with the answer that the contract gives for it.
 *        5. Births, heartbeats and deaths fit to each other, and to what came (witness.h, rule 1).
 *        6. What it books it posts on dn/post as a document of its own, and sends it until a receipt covers it. A
 *           receipt that covered a posting stands, unless the ledger was put aside or has more gaps than it can tell.
 *           What it books wrongly on purpose is known, and so is what the comparison must say of it (cloud_books.c).
 * Source: docs/contract.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_SIM_MIDDLEWARE_H
#define TWINPOST_SIM_MIDDLEWARE_H

#include "hal/keys_crypto.h"
#include "store_forward/store.h"
#include "tests/sim/broker_sim.h"
#include "tests/sim/subscriber.h"

#define MIDDLEWARE_OUTCOMES_MAX 24 /* of one message */
#define MIDDLEWARE_DEFERRED_MAX 64
#define MIDDLEWARE_PAUSED_MAX   32
#define MIDDLEWARE_ID_MAX       32
#define MIDDLEWARE_STREAMS_MAX  32 /* of the cloud's postings */
#define MIDDLEWARE_NAME_MAX     EVENT_STREAM_MAX

struct middleware_outcome {
	char subject[STORE_SUBJECT_MAX];
	int64_t revision;
	char code[16];
	char document[24];
	char corrects[16];
	bool stranger;     /* never sent */
	bool other_stream; /* of another stream than the topic's */
};

struct middleware_message {
	char id[MIDDLEWARE_ID_MAX];
	char command[16]; /* "ack", "replay", ... */
	char *topic;
	struct buf payload;
	bool retained;
	char reason[20];   /* it must be rejected with this; empty: it must be done */
	bool silent;       /* it must not be answered at all */
	bool answered;     /* for the first time */
	bool ended;        /* nothing more is to come of it */
	struct buf first;  /* the first answer */
	struct buf answer; /* the last one: of a replay it is another */
	bool reused;       /* its id was used for another text */
	int64_t sent_ns;
	int64_t expires_ns;   /* wall */
	uint64_t clock_steps; /* when it was made */
	/* Outcomes. */
	struct middleware_outcome *outcomes;
	int outcome_count;
	/* Commands: what they name. */
	char name[MIDDLEWARE_NAME_MAX];
	bool of_source; /* name is a source's, not a stream's */
	int64_t from;
	int64_t to;
	uint8_t *seen; /* replay: which of from..to came again */
};

struct middleware_deferred {
	int64_t due_ns;
	char *topic;
	struct buf payload;
};

struct middleware_pause {
	char
	    pause[MIDDLEWARE_ID_MAX]; /* the message that asked for it; another's answers mean nothing here */
	char resume[MIDDLEWARE_ID_MAX]; /* the last one; empty: none */
	char name[MIDDLEWARE_NAME_MAX];
	bool of_source;
	int64_t since_ns; /* the pause was answered; 0: not, or a resume was sent since */
	bool decided;     /* the pause was answered: a resume before that might overtake it */
	bool resumed;     /* the last resume was answered with done */
	bool resuming;
};

/* One document, or a part of one, as the cloud posts it. */
struct cloud_event {
	const char *subject; /* the cloud's own */
	const char *type;
	const char *part; /* NULL: the document is whole */
	int64_t revision;
	struct span data;
};

/* The cloud's own ledger, and its posting. */
struct middleware_cloud {
	bool posts; /* else the comparison has one side alone */
	bool equivocates;
	bool in_parts;
	bool maps;              /* its codes are those of rules_sim.h */
	uint64_t plants_one_in; /* documents: something is wrong on purpose; 0: never */
	int64_t next_number;
	bool open_gaps[MIDDLEWARE_STREAMS_MAX]; /* the last receipt told of some */
	bool many_gaps; /* a receipt had as many as it can have: they may cover what is there */
	bool put_aside; /* the ledger was: everything is posted again */
	/* For the marks. */
	uint64_t postings;
	uint64_t again;
	uint64_t parts;
	uint64_t gaps_opened;
	uint64_t gaps_closed;
	uint64_t contradicted;
	uint64_t refused;
	uint64_t repeated; /* told by the agent since its last start */
};

struct middleware {
	struct subscriber *subscriber;
	struct broker_sim *broker;
	struct hal_sim *sim;
	struct key_pair *key;
	struct key_pair *stranger;
	bool active; /* else it only listens */
	struct middleware_cloud cloud;
	bool quiet; /* makes nothing new, ends what is under way */
	int64_t due_ns;
	int64_t receipts_due_ns; /* quiet: the last checkpoints are cosigned again */
	uint64_t next_id;
	uint64_t clock_steps; /* told by the world */
	struct middleware_message **messages;
	int message_count;
	int first_open; /* all before have ended */
	struct middleware_deferred deferred[MIDDLEWARE_DEFERRED_MAX];
	int deferred_count;
	struct middleware_pause paused[MIDDLEWARE_PAUSED_MAX];
	int paused_count;
	/* State. */
	char boot[40]; /* of the last birth */
	bool alive;
	uint8_t shown[WITNESS_SPKI_BYTES]; /* the key in the last birth; its key event may be under way yet */
	bool shown_any;
	bool birth_lost; /* the broker refused a state message since the last birth */
	/* For the marks. */
	uint64_t births;
	uint64_t heartbeats;
	uint64_t deaths;
	uint64_t receipts;
	uint64_t outcomes;
	uint64_t lies;
	uint64_t late;
	uint64_t repeats;
	uint64_t commands;
	uint64_t replays;
	uint64_t replays_failed;
	uint64_t resends;
	uint64_t proofs;
	uint64_t pauses;
	uint64_t forgeries;
	uint64_t rejected;
	uint64_t answers_again;
};

void middleware_open(struct middleware *middleware, struct hal_sim *sim, struct broker_sim *broker,
                     struct subscriber *subscriber);
void middleware_close(struct middleware *middleware);
/* DER SubjectPublicKeyInfo that the agent is to trust. */
struct span middleware_key(const struct middleware *middleware);

/* What is published beside postings; a listener of the broker. */
void middleware_hear(void *self, const struct uplink_publish *publish);
/* A posting came on this topic; the same. */
void middleware_posted(void *self, struct span topic);
/* The broker refused a state message; the same. */
void middleware_state_refused(void *self);

/* Does what is due; middleware->due_ns is when to come again. */
void middleware_step(struct middleware *middleware);
/* From now on nothing new: what was paused is resumed, the last checkpoints are cosigned. */
void middleware_calm(struct middleware *middleware);
/* true: everything is answered. Else *why says what is not. */
bool middleware_settled(const struct middleware *middleware, char why[SIM_FINDING_MAX]);
/* true: the agent's store says of each outcome, receipt and exception what was told here. */
bool middleware_agrees(struct middleware *middleware, struct store *store, char why[SIM_FINDING_MAX]);

/* ---- between its files ---- */

bool middleware_one_in(const struct middleware *middleware, uint64_t n);
int64_t middleware_between(const struct middleware *middleware, int64_t low, int64_t high);
void middleware_find(struct middleware *middleware, const char *format, ...) PRINTF_LIKE(2, 3);
sqlite3_stmt *middleware_ask(const struct middleware *middleware, const char *sql);
/* A new message, with an id and empty payload. */
struct middleware_message *middleware_message(struct middleware *middleware, const char *command);
void middleware_send(struct middleware *middleware, struct middleware_message *message);
void middleware_post(struct middleware *middleware, const char *topic, struct span payload, bool retain);
/* A random stream of those that postings came of; false: there is none. */
bool middleware_stream(const struct middleware *middleware, char stream[MIDDLEWARE_NAME_MAX]);
struct witness_source *middleware_source(struct middleware *middleware, const char *stream);

/* middleware_outcomes.c */
void middleware_say_outcomes(struct middleware *middleware);
void middleware_take_ack(struct middleware *middleware, struct middleware_message *message,
                         const cJSON *answer);
/* The states of these documents are no longer known. */
void middleware_forget_states(struct middleware *middleware, const struct middleware_message *message);
bool middleware_states_agree(struct middleware *middleware, struct store *store, char why[SIM_FINDING_MAX]);

/* middleware_commands.c */
void middleware_command(struct middleware *middleware);
void middleware_resume(struct middleware *middleware, struct middleware_pause *pause);
void middleware_take_result(struct middleware *middleware, struct middleware_message *message,
                            const cJSON *answer);

/* cloud_books.c */
void cloud_books_open(struct middleware *middleware);
/* Books documents that have come, at most limit. */
void cloud_books_step(struct middleware *middleware, int limit);
/* true: every document that came was looked at. */
bool cloud_books_done(const struct middleware *middleware);

/* middleware_postings.c */
void middleware_postings_open(struct middleware *middleware);
/* Puts an event of the cloud into its stream: everything from "phase" on but sequence and id. parts: those of one
 * document follow each other. */
void middleware_post_document(struct middleware *middleware, const char *stream,
                              const struct cloud_event *event);
void middleware_postings_step(struct middleware *middleware);
void middleware_take_receipt(struct middleware *middleware, struct span payload, const cJSON *answer);
/* The ledger begins anew: everything is to be posted again. */
void middleware_post_again(struct middleware *middleware);
bool middleware_postings_settled(const struct middleware *middleware, char why[SIM_FINDING_MAX]);

/* middleware_state.c */
void middleware_take_state(struct middleware *middleware, const struct uplink_publish *publish);

#endif
