/*
 * cmp_message.h - what a comparison found, as messages for the cloud: up/cmp.
 *
 * Why:   the middleware's people see the same verdict as finance, and their programs can act on a difference.
 * Owns:  nothing; it borrows the run and writes into the caller's buffer.
 * Rules: 1. Canonical JSON: keys sorted, no white space, amounts as texts; the same run gives the same bytes.
 *        2. A run is one or more pages. The first has verdict, cut, scope, counts and totals; each has the run's id,
 *           its page and how many there are, and at most CMP_PAGE_DIFFERENCES differences.
 *        3. At most CMP_DIFFERENCES_MAX differences of a run are told; `left_out` says how many are not. The report has
 *           all of them.
 *        4. A page is within the limit given. What does not fit by itself is an error, never cut.
 * Source: docs/contract/comparisons.md, schemas/cmp-1.0.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cmp_message_test.c
 */
#ifndef TWINPOST_CMP_MESSAGE_H
#define TWINPOST_CMP_MESSAGE_H

#include "connector/posting/decimal.h"

#define CMP_PAGE_DIFFERENCES 100
#define CMP_DIFFERENCES_MAX  1000

struct cmp_stream {
	struct span name;
	int64_t epoch, sequence;
};

/* Sums of one currency: of the absolute differences, and of the signed ones (cloud - legacy). */
struct cmp_total {
	struct span currency;
	struct decimal gross, net;
};

struct cmp_count {
	struct span status; /* "matched", "different", ... */
	int64_t documents;
};

/* Texts that are empty are left out, but for key and status. */
struct cmp_difference {
	struct span key; /* stable over runs */
	struct span status, cause;
	struct span legacy, cloud; /* subjects */
	struct span entity, document_type, currency, period;
	struct span text; /* of the cause */
	struct decimal gross, net;
};

struct cmp_run {
	struct span id;
	struct span verdict;
	const struct span *why;
	int why_count;
	int64_t at_ns; /* of the cut */
	int64_t legacy_count, cloud_count, cloud_sequence;
	const struct cmp_stream *streams; /* of the cut, by name */
	int stream_count;
	const struct span *entities; /* of the scope; none: all */
	int entity_count;
	struct span from, to; /* periods; empty: open */
	const struct cmp_count *counts;
	int count_count;
	const struct cmp_total *totals; /* by currency */
	int total_count;
	const struct cmp_difference *differences; /* the worst first */
	int64_t difference_count;
};

struct cmp_pages {
	const struct cmp_run *run;
	size_t limit;
	int page; /* written so far */
	int pages;
	int64_t next; /* difference */
};

/* limit: bytes of a message. ERR_TOO_LARGE: the first page without differences, or one difference, does not fit. */
MUST_USE enum err cmp_pages_open(struct cmp_pages *pages, const struct cmp_run *run, size_t limit,
                                 struct err_info *info);
/* Appends the next page; false: there is no more. */
MUST_USE bool cmp_pages_next(struct cmp_pages *pages, struct buf *out);

#endif
