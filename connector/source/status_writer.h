/*
 * status_writer.h - the machine that writes the cloud's outcomes into a table of the ERP's database.
 *
 * Why:   people who live in the ERP see there what became of a document. Opt-in: sources.status_table.
 * Owns:  one source child, opened for changes, with a connection and an account of its own.
 * Rules: 1. Never the reading connection: its account stays without a right to write.
 *        2. What is to be written waits in the store (status_queue.h) and leaves it when the database has it: at least
 *           once, and writing a row again changes nothing.
 *        3. A subject has one row, the state of its newest revision: a row of a newer one is left alone.
 *        4. Nothing here delays a document: trouble is back-off with jitter and the exception status-table (key: the
 *           source), and the rows wait.
 *        5. A row that the database refuses while it takes others (a text too long for its column) is passed over,
 *           with the exception status-table-row (key: the subject), so that it does not hold up the others.
 *        6. The core's deadline is the law: SIGTERM, 2 s, SIGKILL.
 * Runs in: the core.
 * Tests: tests/unit/status_writer_test.c, tests/integration/test_status_table.py
 */
#ifndef TWINPOST_STATUS_WRITER_H
#define TWINPOST_STATUS_WRITER_H

#include "config/config.h"
#include "hal/hal.h"
#include "store_forward/store.h"

struct status_writer;

/* What the machine asks of its owner. All changes of the store are made in a transaction that begin() opened and the
 * owner commits after status_writer_step() or status_writer_event() has returned. */
struct status_writer_sink {
	void *self;
	/* Makes sure that a store transaction is open. */
	enum err (*begin)(void *self, struct err_info *info);
	enum err (*raise)(void *self, const struct store_exception *exception, struct err_info *info);
	/* Clears what stands under this rule and key, where there is anything. */
	enum err (*clear)(void *self, const char *rule, const char *key, struct err_info *info);
};

struct status_writer_status {
	const char *source;
	const char *state;          /* "waiting", "ready", "writing", ... */
	char problem[ERR_TEXT_MAX]; /* empty: nothing is wrong */
	int64_t waiting;            /* rows of the queue */
	uint64_t written;           /* since start */
	uint64_t passed_over;       /* since start; rule 5 */
};

/* Does the source of this name have a status table? For who adds to the queue. */
bool status_writer_wanted(const struct config *config, struct span source);
/* The name of the child: no source has it (config/cross.c). */
void status_writer_child_name(const struct config_source *source, char name[HAL_CHILD_NAME_MAX]);

/* Borrows all its arguments but the sink for its life. */
struct status_writer *status_writer_new(struct hal *hal, const struct log *log, struct store *store,
                                        const struct config_source *source,
                                        const struct status_writer_sink *sink);
void status_writer_free(struct status_writer *writer); /* kills a living child */

/* Does what is due and returns the next deadline (monotonic). An error is one of the store's. */
MUST_USE enum err status_writer_step(struct status_writer *writer, int64_t now_ns, int64_t *deadline,
                                     struct err_info *info);
/* Is this event from its child? */
bool status_writer_owns(const struct status_writer *writer, hal_child child);
/* Takes one event of its child. An error is one of the store's: the owner rolls back and calls
 * status_writer_rolled_back(). */
MUST_USE enum err status_writer_event(struct status_writer *writer, const struct hal_child_event *event,
                                      int64_t now_ns, struct err_info *info);
/* The store's transaction was lost: what it took out of the queue is there again and is written again. */
void status_writer_rolled_back(struct status_writer *writer, int64_t now_ns);
/* Nothing waits to be written, or it cannot be written now. */
bool status_writer_idle(const struct status_writer *writer);
void status_writer_status(const struct status_writer *writer, struct status_writer_status *status);

#endif
