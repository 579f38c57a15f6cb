/*
 * pull.h - the machine that reads one ERP: opens its child, asks for pages, hands on whole documents.
 *
 * Why:   reading must survive hung drivers, late commits and restarts, and never lose its place.
 * Owns:  one source child, the positions of its feeds (durable as watermarks in the store), the assembler.
 * Rules: 1. Documents and the position that follows them are handed on in one store transaction.
 *        2. A page is asked again after any doubt; the register makes a second reading harmless.
 *        3. A feed whose statement fails stops alone, with an exception; the others go on.
 *        4. The core's deadline is the law: no frame for query_deadline while a request is out: SIGTERM, 2 s,
 *           SIGKILL, respawn with back-off and full jitter.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c, tests/sim
 */
#ifndef TWINPOST_PULL_H
#define TWINPOST_PULL_H

#include "config/config.h"
#include "connector/posting/document.h"
#include "connector/source/profile.h"
#include "hal/hal.h"
#include "store_forward/store.h"

struct pull;

/* Who takes documents. All calls happen inside a store transaction that the pull machine's owner opened
 * (begin) and will commit after pull_event() or pull_step() returns. */
struct pull_sink {
	void *self;
	/* A whole document as the profile made it; not yet checked by the validity rules. *held: it was not
	 * recorded but waits as an exception (raised by the sink). An error is one of the store's: the
	 * transaction is lost. */
	enum err (*document)(void *self, const struct config_source *source, struct document *document,
	                     bool *held, struct err_info *info);
	/* Raises an exception: a document that could not be made from its rows (subject or key, raw values),
	 * or a trouble of the source itself (source-down, source-query, profile-column). */
	enum err (*unreadable)(void *self, const struct config_source *source,
	                       const struct store_exception *exception, struct err_info *info);
	/* Makes sure that a store transaction is open. */
	enum err (*begin)(void *self, struct err_info *info);
};

enum pull_state { PULL_STOPPED, PULL_WAITING, PULL_OPENING, PULL_IDLE, PULL_READING, PULL_ENDING };

struct pull_feed_status {
	const char *name;
	bool stopped; /* its statement failed; why says how */
	char why[ERR_TEXT_MAX];
	uint64_t documents; /* handed on since start */
	uint64_t rows;
	char newest[32];       /* newest stamp seen, as the ERP's local time */
	bool catching_up;      /* a cycle is under way that began with unread pages */
	int64_t last_cycle_ns; /* wall time of the last whole reading, 0: none since start */
};

struct pull_status {
	const char *source;
	const char *state; /* "reading", "idle", "waiting", ... */
	bool paused;
	char dbms[64]; /* "PostgreSQL 15.18" once connected */
	char driver[64];
	char problem[ERR_TEXT_MAX]; /* why it is waiting; empty: nothing is wrong */
	int64_t retry_mono_ns;      /* when it tries again; 0: does not apply */
	int feed_count;
	struct pull_feed_status feeds[CONFIG_FEEDS_MAX];
};

/* Borrows all its arguments for its life. */
struct pull *pull_new(struct hal *hal, const struct log *log, struct store *store,
                      const struct config_source *source, const struct profile *profile,
                      const struct pull_sink *sink);
void pull_free(struct pull *pull); /* kills a living child */

/* Does what is due and returns the next deadline (monotonic). An error is one of the store's. */
MUST_USE enum err pull_step(struct pull *pull, int64_t now_mono_ns, int64_t *deadline, struct err_info *info);
/* Is this event from its child? */
bool pull_owns(const struct pull *pull, hal_child child);
/* Takes one event of its child. An error is one of the store's: the owner rolls back and calls
 * pull_rolled_back(). */
MUST_USE enum err pull_event(struct pull *pull, const struct hal_child_event *event, int64_t now_mono_ns,
                             struct err_info *info);
/* The store's transaction was rolled back: forget what was read since, read it again from the stored
 * position. */
void pull_rolled_back(struct pull *pull, int64_t now_mono_ns);
/* Paused: asks for nothing more; what is under way is taken. why is copied. */
void pull_pause(struct pull *pull, const char *why);
void pull_resume(struct pull *pull);
/* Reads every feed now instead of at its next poll. */
void pull_poke(struct pull *pull);
/* The same, and each reading goes over the whole look-back. */
void pull_sweep(struct pull *pull);
/* Tries again what is held, wherever it stands: a feed behind a gate reads the units that have held documents, by their
 * keys; another reads on from the oldest stamp that a held document has had since the start. For when what they waited
 * for is there: other rows of the ERP are not read anew. */
void pull_retry_held(struct pull *pull);
/* Reads every feed once from its beginning, however old its rows; a machine made anew has forgotten that. */
void pull_read_whole(struct pull *pull);
/* False while such a reading is due or under way. */
bool pull_whole_read(const struct pull *pull);
/* True when every feed has been read to its end at least once since start, or stopped, and nothing is under
 * way. */
bool pull_caught_up(const struct pull *pull);
/* True while a feed is stopped: what it reads is not caught up, and an exception says why. */
bool pull_has_stopped_feeds(const struct pull *pull);
/* True while rows stream in: the core then gathers larger transactions. */
bool pull_streaming(const struct pull *pull);
void pull_status(const struct pull *pull, struct pull_status *status);

#endif
