/*
 * status_world.h - the writer of a status table with a real store and the ERP's database in memory, driven by hand.
 *
 * Why:   its tests speak of outcomes, rows and minutes, not of frames.
 * Owns:  the ERP's database, the store in a directory of its own, the writer.
 * Rules: 1. Each round is what the core does: events, a step, a commit. Time moves in pass() alone.
 *        2. The table takes texts of at most 20 characters.
 * Runs in: tests.
 */
#ifndef TWINPOST_TESTS_STATUS_WORLD_H
#define TWINPOST_TESTS_STATUS_WORLD_H

#include "connector/source/status_writer.h"
#include "store_forward/outcomes.h"
#include "tests/lib/memory_source.h"

#define STATUS_TABLE                                                                                     \
	"CREATE TABLE st (subject TEXT PRIMARY KEY, revision INTEGER NOT NULL, outcome TEXT NOT NULL,"   \
	" cloud_document TEXT, cloud_date TEXT, ledger TEXT, reason TEXT, reason_class TEXT, text TEXT " \
	"CHECK "                                                                                         \
	"(length(text) <= 20), updated TEXT)"
#define TOO_LONG "a text that the column does not take"

struct status_world {
	struct memory_source erp;
	struct config_source config;
	struct status_writer *writer;
	struct store *store;
	char directory[64];
	char path[96];
	bool begin_fails;
	bool lose_commits; /* every transaction is rolled back at its end */
	int rollbacks;
	int64_t due;
};

extern struct status_world world;

/* The table is there, the writer is new. */
int world_set_up(void **state);
int world_tear_down(void **state);
void make_writer(void);
/* The agent is started again: the child has ended with it. */
void restart_writer(void);

/* true: something happened. */
bool go_round(void);
/* Lets so many seconds pass, doing what becomes due. */
void pass(double seconds);

void begin(void);
void commit(void);
/* An outcome that moves, in the open transaction. */
void add_outcome(const char *subject, int64_t revision, enum store_outcome_code code, const char *document,
                 const char *text);
/* The same in a transaction of its own. */
void tell(const char *subject, int64_t revision, enum store_outcome_code code, const char *document,
          const char *text);

/* "subject/revision outcome document text;" of all rows, by subject. */
const char *table(void);
int64_t waiting(void); /* rows of the queue */
/* The text of an open exception; NULL: there is none. */
const char *exception(const char *rule, const char *key);
struct status_writer_status *status_now(void);

#endif
