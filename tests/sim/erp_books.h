/*
 * erp_books.h - the simulated ERP's database: JD Edwards tables, the business that fills them, and what must
 * come of it.
 *
 * Why:   the agent reads real SQL from a real database; what it should have sent is worked out here, by other
 *        SQL.
 * Owns:  an SQLite database in memory, the changes that are committed late.
 * Rules: 1. Every business action is one transaction. One in a few is committed late: its rows, keys and
 *           stamps are of the moment it began, and appear up to LATE_S_MAX later, behind rows with higher
 *           keys and stamps.
 *        2. Journals balance, pay items add up: nothing here is refused by the validity rules.
 *        3. The ERP's clock is its own: it runs with simulated time, whatever the agent's box shows.
 * Source: JD Edwards tables and columns as in config/profiles/jde.yaml.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_ERP_BOOKS_H
#define TWINPOST_ERP_BOOKS_H

#include <sqlite3.h>

#include "hal/base/bytes.h"
#include "hal/sim/random_sim.h"

#define ERP_SUBJECT_MAX 80

/* What a document must look like at the subscriber, in minor units. */
struct erp_figures {
	char subject[ERP_SUBJECT_MAX];
	int64_t
	    lines; /* lines of a journal, invoice or credit memo; applications of a payment; 0: customer */
	int64_t
	    amount; /* journal: its debits in local currency; invoice, credit memo: gross; payment: amount */
	int64_t rest; /* invoice, credit memo: open; payment: unapplied */
	bool voided;
	char name[48]; /* customer */
};

struct erp_late {
	int64_t due_ns;
	char *sql;
	struct erp_late *next;
};

struct erp_books {
	sqlite3 *db;
	struct sim_random *random;
	int64_t (*now_ns)(void *self); /* the ERP's own time, since 1970 */
	void *self;
	struct erp_late *late;
	int64_t next_number; /* of everything that is numbered */
	/* What was counted, for the marks. */
	uint64_t actions;
	uint64_t committed_late;
};

void erp_books_open(struct erp_books *books, struct sim_random *random, int64_t (*now_ns)(void *self),
                    void *self);
void erp_books_close(struct erp_books *books);
/* One random action of business, now (or begun now and committed late). */
void erp_books_work(struct erp_books *books, bool may_be_late);
/* Commits what is due by now; all: also what is not due yet. */
void erp_books_commit_late(struct erp_books *books, bool all);
/* When the next late commit is due; INT64_MAX: none waits. */
int64_t erp_books_late_due(const struct erp_books *books);

typedef void (*erp_visitor)(void *self, const struct erp_figures *figures);
/* Every document that must have been sent, as it stands now. */
void erp_books_expect(const struct erp_books *books, erp_visitor visit, void *self);
/* Decimals of a currency of this ERP: USD and EUR 2, JPY 0, KWD 3. */
int erp_decimals(struct span currency);

#endif
