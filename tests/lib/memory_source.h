/*
 * memory_source.h - a hal whose only child is a source child in memory, which answers from an SQLite
 * database.
 *
 * Why:   the pull machine's tests run real SQL on a real database, with a clock and with faults that they
 *        hold in hand.
 * Owns:  the database connection, the prepared statements, the frames that wait.
 * Rules: 1. Nothing happens but in child_next(): one request is carried out when all frames before it were
 *           taken.
 *        2. strftime() of the database gives `clock`, so that the ERP's time is the test's.
 * Runs in: tests.
 */
#ifndef TWINPOST_TESTS_MEMORY_SOURCE_H
#define TWINPOST_TESTS_MEMORY_SOURCE_H

#include <sqlite3.h>

#include "connector/source/source_protocol.h"
#include "hal/hal.h"

#define MEMORY_QUEUE_MAX 4096

struct memory_frame {
	uint8_t type;
	size_t len;
	uint8_t *payload;
};

struct memory_source {
	struct hal hal; /* first */
	sqlite3 *db;
	int64_t mono_ns;
	int64_t wall_ns;
	uint64_t random;
	char clock[32]; /* the database's local time */
	/* Faults. */
	bool hang;     /* requests are taken and never answered */
	bool stubborn; /* SIGTERM is not obeyed */
	bool refuse_login;
	bool refuse_spawn;
	int die_in;         /* the child ends at the so many-th request from now; 0: it does not */
	int transient_in;   /* that request fails as transient */
	bool transient_all; /* every request does */
	int rows_per_frame; /* 0: 50 */
	/* What was seen. */
	hal_child child; /* 0: none lives */
	int spawned;
	int terminated;
	int killed;
	int executed; /* statements, without the clock's */
	char last_sql[SOURCE_SQL_BYTES_MAX];
	char name[HAL_CHILD_NAME_MAX]; /* of the child that was started last */
	bool changes;                  /* it was opened for changes; without, it runs none */
	/* The child. */
	sqlite3_stmt *statements[SOURCE_STATEMENTS_MAX];
	char errors[SOURCE_STATEMENTS_MAX][256];
	bool described[SOURCE_STATEMENTS_MAX];
	struct memory_frame asked[MEMORY_QUEUE_MAX];
	int asked_count;
	struct memory_frame answers[MEMORY_QUEUE_MAX];
	int answer_count;
	int answer_next;
	bool exit_due;
	struct memory_frame current;
};

void memory_source_init(struct memory_source *source, const char *database);
void memory_source_release(struct memory_source *source);
/* The child says this, whatever it is, before anything else. */
void memory_source_say(struct memory_source *source, uint8_t type, const void *payload, size_t len);
/* Runs SQL on the ERP's database; a failure ends the test. */
void memory_source_sql(struct memory_source *source, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
