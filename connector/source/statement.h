/*
 * statement.h - from a profile's query to the SQL and the parameters of one request.
 *
 * Why:   one portable text serves every database; what differs, and what pages and stamps need, is put in
 *        here.
 * Owns:  nothing.
 * Rules: 1. Values travel as parameters only, never in the text.
 *        2. {after} is the lexicographic order of the key: a >= ? AND (a > ? OR (a = ? AND b > ?)); its first
 *           term is there for the index. On a first page, and {since} in a reading from the beginning: 1=1.
 *        3. The parameters come in the order of the markers.
 * Runs in: the core.
 * Tests: tests/unit/profile_test.c
 */
#ifndef TWINPOST_STATEMENT_H
#define TWINPOST_STATEMENT_H

#include "connector/source/profile.h"

/* How a database says "at most n rows". */
enum dialect { DIALECT_LIMIT, DIALECT_FETCH_FIRST, DIALECT_OFFSET_FETCH };

/* By the name that the driver gives (SQL_DBMS_NAME); one that is not known speaks SQL:2008 (FETCH FIRST). */
enum dialect dialect_of(struct span dbms);

/* Which form of the statement: it is prepared anew when this changes. */
struct statement_shape {
	bool since;
	bool after;
	int rows;
	int units; /* that {unit} stands for; 0 counts as 1 */
};

struct statement_values {
	struct span since[2];
	struct span unit[PROFILE_UNITS_MAX][PROFILE_KEYS_MAX];
	struct span after[PROFILE_KEYS_MAX];
};

/* Appends the SQL; *markers: how many ? it has. unit_keys: the gate's, for the rows behind it. */
void statement_text(const struct profile_query *query, enum dialect dialect, struct statement_shape shape,
                    struct buf *out, int *markers);
/* Fills params in the order of the markers; returns their number. unit_keys: the unit's part of the gate's
 * keys, NULL where there is no gate. The params borrow from values. */
int statement_params(const struct profile_query *query, const struct profile_key *unit_keys,
                     struct statement_shape shape, const struct statement_values *values,
                     struct source_param params[SOURCE_PARAMS_MAX]);

/* A key as one text: its values with 0x1f between. false: a value holds that byte, or they are too long. */
MUST_USE bool key_encode(const struct span *values, int count, char *text, size_t size, size_t *len);
/* The values of such a text, borrowed from it. false: not so many. */
MUST_USE bool key_decode(struct span text, struct span *values, int count);

#endif
