/*
 * inbox.h - what the cloud sends: receipts, outcomes, commands. Each is judged, stored and answered.
 *
 * Why:   the broker is not trusted, messages come late, twice and out of order, and whoever sent one must learn what
 *        became of it, because a PUBACK tells nothing.
 * Owns:  the public keys of the cloud, and its buffers.
 * Rules: 1. Everything happens in the caller's transaction; answers are mail of the same transaction.
 *        2. A receipt counts when its text is, byte for byte, that of a checkpoint of ours and a receipt key signed it.
 *        3. Outcomes move the state of a document as outcome.h says; a message with a known id is answered again and
 *           moves nothing.
 *        4. A command is done when command.h lets it; its answer is kept for its id.
 *        5. What cannot be read becomes an exception with its first bytes (a dead letter), never a crash.
 *        6. The cloud's own postings are taken in any order; what is missing is known and told until it has come.
 * Faults: any bytes from the broker; the store's errors go up.
 * Runs in: the core.
 * Tests: tests/unit/inbox_test.c, inbox_commands_test.c, inbox_postings_test.c,
 *        tests/integration/test_contract_live.py
 */
#ifndef TWINPOST_INBOX_H
#define TWINPOST_INBOX_H

#include "config/config.h"
#include "connector/compare/posting_read.h"
#include "hal/hal.h"
#include "store_forward/signature.h"
#include "store_forward/store.h"

struct inbox;

/* What commands ask of the agent. Each gives ERR_OK, or an error whose text says why it cannot be done. */
struct inbox_sink {
	void *self;
	enum err (*raise)(void *self, const struct store_exception *exception, struct err_info *info);
	/* Source "cloud"; rule "" means any. */
	enum err (*clear)(void *self, const char *rule, struct span key, struct err_info *info);
	/* Exactly one of source and stream is not empty. */
	enum err (*pause)(void *self, const char *source, const char *stream, bool resume,
	                  struct err_info *info);
	/* Reads the look-back of the source again, now. */
	enum err (*sweep)(void *self, const char *source, struct err_info *info);
	/* A birth is published soon. */
	void (*greet)(void *self);
	/* The outcome of a document of this source has moved. */
	enum err (*moved)(void *self, const char *source, struct span subject, int64_t revision,
	                  struct err_info *info);

	/* The three below go together; NULL: postings of the cloud are not taken. What they keep is of one transaction,
	 * which is committed before that of the store: the broker is answered when both are. A posting that is kept
	 * already can therefore come again, and the state of its source with it. Errors other than those named mean
	 * that nothing can be kept now: the posting is passed over, and comes again. */

	/* A whole document that the cloud has posted; event->content: its digest. ERR_CONFLICT: its subject and
	 * revision are kept with another content; nothing was changed, and info says so. The same content again is no
	 * error. */
	enum err (*posting)(void *self, const struct posting_event *event, const struct document *document,
	                    struct err_info *info);
	/* The state of a source (posting_sequence.h) under its name. ERR_NOT_FOUND: none is kept. */
	enum err (*posting_state)(void *self, const char *name, struct buf *out, struct err_info *info);
	enum err (*posting_keep)(void *self, const char *name, struct span state, struct err_info *info);
};

/* The public keys of cloud.command_keys and cloud.receipt_keys. */
struct cloud_keys {
	uint8_t command[CONFIG_CLOUD_KEYS_MAX][PUBLIC_KEY_BYTES];
	int command_count;
	uint8_t receipt[CONFIG_CLOUD_KEYS_MAX][PUBLIC_KEY_BYTES];
	int receipt_count;
};

struct inbox_counters {
	uint64_t receipts;
	uint64_t outcomes;
	uint64_t commands;
	uint64_t postings; /* taken; of a document in parts each counts */
	uint64_t postings_repeated;
	uint64_t refused; /* commands, receipts and messages that were not taken */
};

/* Borrows all its arguments for its life. */
struct inbox *inbox_new(struct hal *hal, const struct log *log, struct store *store,
                        const struct config *config, const struct cloud_keys *keys,
                        const struct inbox_sink *sink);
void inbox_free(struct inbox *inbox);

/* topic: what follows the gateway's name, "dn/cmd". An error is one of the store's. */
MUST_USE enum err inbox_message(struct inbox *inbox, struct span topic, struct span payload, bool retained,
                                struct err_info *info);
/* A replay that a command asked for has ended: its answer. */
MUST_USE enum err inbox_replayed(struct inbox *inbox, const char *command, bool whole, struct err_info *info);
/* Looks for documents without outcome in time; to be called every INBOX_SLA_PERIOD_NS. */
#define INBOX_SLA_PERIOD_NS (10 * NS_PER_S)
MUST_USE enum err inbox_check_sla(struct inbox *inbox, struct err_info *info);
/* When a receipt of the cloud's postings is to be sent (monotonic time; INT64_MAX: none is due), and sends those. */
int64_t inbox_receipts_due(const struct inbox *inbox);
MUST_USE enum err inbox_tell_receipts(struct inbox *inbox, struct err_info *info);
/* After a commit of ledger and store: what was taken before it can be receipted. */
void inbox_committed(struct inbox *inbox);
void inbox_counters(const struct inbox *inbox, struct inbox_counters *counters);

#endif
