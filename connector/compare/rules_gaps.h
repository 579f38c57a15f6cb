/*
 * rules_gaps.h - which codes were posted on dates for which no row of the mappings counts.
 *
 * Why:   a gap is told before documents wait for it: against what was posted, not against what a table might mean.
 * Owns:  struct rules_gaps owns its list, which borrows the codes of what was seen.
 * Rules: 1. A gap is a run of days within a code's first and last posting date on which rules_map() finds nothing. On
 *           some of its days nothing may have been posted: it is where a row is missing, not how many documents wait.
 *        2. Kinds without a file have no gaps: their codes are the same on both sides.
 *        3. The list is in the order of what was seen, and by date; it holds the first RULES_GAPS_MAX, all are counted.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_gaps_test.c
 */
#ifndef TWINPOST_RULES_GAPS_H
#define TWINPOST_RULES_GAPS_H

#include "connector/compare/rules.h"

#define RULES_GAPS_MAX 10000

/* A legacy code, as it was posted. */
struct rules_seen {
	enum mapping_kind kind;
	struct span entity, code;
	date_days first, last; /* posting dates */
	int64_t count;         /* postings with it */
};

struct rules_gap {
	struct rules_seen seen;
	date_days from, to; /* both without a row */
};

struct rules_gaps {
	struct rules_gap *list;
	size_t kept, capacity;
	int64_t gaps;  /* all of them */
	int64_t codes; /* codes of an entity with at least one */
};

void rules_gaps_init(struct rules_gaps *gaps);
void rules_gaps_release(struct rules_gaps *gaps);
/* Adds the gaps of what was seen. */
void rules_gaps_find(struct rules_gaps *gaps, const struct rules *rules, const struct rules_seen *seen,
                     size_t count);
/* "account 4711 of entity 00001 has no row from 2026-01-01 to 2026-03-31; it was posted 12 times from 2026-01-05 to
 * 2026-06-30: add a row to account.csv", without an end of line. */
void rules_gap_text(const struct rules_gap *gap, struct buf *out);

#endif
