/*
 * inbox_state.h - what the files of the inbox share.
 *
 * Why:   receipts (inbox.c), outcomes (inbox_outcomes.c), commands (inbox_commands.c) and the cloud's postings
 *        (inbox_postings.c) are four subjects on one state.
 * Owns:  struct inbox owns its buffers.
 * Runs in: the core.
 * Tests: tests/unit/inbox_test.c, inbox_commands_test.c
 */
#ifndef TWINPOST_INBOX_STATE_H
#define TWINPOST_INBOX_STATE_H

#include "connector/uplink/answer.h"
#include "connector/uplink/inbox.h"
#include "connector/uplink/note.h"
#include "store_forward/outcomes.h"

struct inbox {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	const struct cloud_keys *keys;
	struct inbox_sink sink;
	struct inbox_counters counters;
	char target[2 * CONFIG_NAME_MAX + 2]; /* {tenant}/{gateway} */
	struct command command;
	struct outcome outcome;
	struct outcome_decision decision;
	struct store_outcome_copy known;
	struct ack_answer acks;
	struct buf answer;
	struct buf result;
	struct buf texts;
	struct inbox_postings *postings; /* NULL: they are not taken */
};

/* Refuses what came: counted, logged, and an exception of this rule and key. */
MUST_USE enum err inbox_refuse(struct inbox *inbox, const char *rule, struct span key, struct span raw,
                               const char *text, struct err_info *info);
/* Says of a note without a signature by a known key whose it is. keys: the setting names any. */
void inbox_unsigned(const struct inbox *inbox, const struct note *note, const char *setting, bool keys,
                    char text[ERR_TEXT_MAX]);
/* Raises an open exception of source "cloud". */
MUST_USE enum err inbox_raise(struct inbox *inbox, const char *rule, struct span key, enum store_owner owner,
                              const char *text, struct err_info *info);
/* The stream's name as the key of an exception. Strangers would fill the list: all of theirs are "?". */
struct span inbox_stream_key(const struct inbox *inbox, struct span stream);
/* Sends the answer that stands in inbox->answer on up/res. */
MUST_USE enum err inbox_answer(struct inbox *inbox, struct err_info *info);
/* The stream of this name; NULL: none. */
const struct store_stream *inbox_stream(const struct inbox *inbox, struct span name);

/* inbox_outcomes.c */
MUST_USE enum err inbox_outcomes(struct inbox *inbox, struct span stream, struct span payload,
                                 struct err_info *info);
/* inbox_commands.c */
MUST_USE enum err inbox_command(struct inbox *inbox, struct span payload, bool retained,
                                struct err_info *info);
/* inbox_postings.c */
MUST_USE enum err inbox_posting(struct inbox *inbox, struct span stream, struct span payload, bool retained,
                                struct err_info *info);
struct inbox_postings *inbox_postings_new(void);
void inbox_postings_free(struct inbox_postings *postings);

#endif
