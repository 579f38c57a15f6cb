/*
 * salvage_copy.h - what the files of a salvage share: where it stands, and the walk around bad pages.
 *
 * Why:   see salvage_copy.c; nobody but salvage_copy.c and salvage_side.c includes this.
 * Owns:  see salvage_copy.c.
 * Rules: see salvage_copy.c.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_salvage_test.c, tests/unit/store_side_salvage_test.c
 */
#ifndef TWINPOST_SALVAGE_COPY_H
#define TWINPOST_SALVAGE_COPY_H

#include "store_forward/store_internal.h"

/* Rows of one table: as they were written, and not. */
struct rows_read {
	int64_t good;
	int64_t bad;
};

/* Rows kept of one stream. */
struct rows_kept {
	int64_t documents;
	int64_t amendments;
};

struct copy {
	sqlite3 *old;
	struct store *store;
	struct salvage_counts *counts;
	int64_t salvages; /* before this one */
	struct rows_read documents;
	struct rows_read amendments; /* rows of history */
	int64_t epoch_highest;       /* ever seen */
	int64_t revision_highest;
	struct stream_state *streams; /* the old ones that could be read, by new id - 1 */
	struct rows_kept *kept;       /* by new id - 1 */
	int stream_count;
	int new_ids[STORE_STREAMS_MAX + 1]; /* by old id; 0: not readable */
	bool version_1;                     /* the old file lacks what version 2 added */
	int uncommitted;
	int64_t audit_cut;   /* entries of the audit that did not fit */
	int64_t status_kept; /* rows of the status queue */
	int64_t status_last; /* the highest id of them */
};

/* Where a walk stands: a text (and the revision), or a number, as the table's key is. */
struct walk_key {
	int64_t number;
	size_t len;
	char text[STORE_SUBJECT_MAX + 1];
};

struct walk {
	const char *up;   /* from ?1 on */
	const char *down; /* below ?1, down to ?2 (with it where a key has several rows) */
	bool is_text;     /* of the key, which is the first column */
	bool is_side;     /* a table whose absence is no sign that nothing can be read */
	enum err (*row)(struct copy *copy, sqlite3_stmt *statement, struct err_info *info);
	sqlite3_stmt *up_statement;
	sqlite3_stmt *down_statement;
};

/* salvage_copy.c */
/* Gives every row that can be read to walk->row. */
MUST_USE enum err walk_table(struct copy *copy, struct walk *walk, struct err_info *info);
/* Commits and begins again once in a while, or now. */
MUST_USE enum err commit_sometimes(struct copy *copy, bool now, struct err_info *info);

/* Is what the query names there? An older file lacks tables and columns. */
bool salvage_has(const struct copy *copy, const char *query);

/* salvage_side.c */
/* The tables beside the streams, but for the entry of the audit. */
MUST_USE enum err salvage_side(struct copy *copy, struct err_info *info);
/* Adds the entry "store salvaged" to the audit. */
MUST_USE enum err salvage_noted(struct copy *copy, struct err_info *info);

#endif
