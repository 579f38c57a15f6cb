/*
 * comparison.h - keeps the ledger: what the ERP posted, what the cloud posted, what waits, what became of it.
 *
 * Why:   a comparison at any moment needs both sides up to date, and must never hold up the postings themselves.
 * Owns:  the ledger, the projector, the reader of events.
 * Rules: 1. The legacy side is read from the outbox, committed rows alone, stream by stream from where the ledger says
 *           it is: what the ledger has not taken yet, retention does not delete.
 *        2. The cloud's postings are put in as they come, and are committed before the store's transaction that answers
 *           them.
 *        3. Each step does little (STEP_ROWS rows); a ledger that is behind is told by its marks.
 *        4. Trouble with the ledger is an exception, and the agent goes on without it: the comparison is incomplete,
 *           and says so.
 *        5. A ledger that takes another one's place says so (TEXT_BEGUN) until a person acknowledges that the cloud has
 *           posted everything again: before that no comparison is complete.
 * Faults: a damaged ledger is put aside, and a new one begins; what retention has deleted since is missing from it, and
 *        is told. A document whose sums overflow is left out, and told.
 * Runs in: the core.
 * Tests: tests/unit/comparison_test.c, tests/sim,
 *        tests/integration/test_compare_decisions.py, tests/integration/test_cloud_ledger.py
 */
#ifndef TWINPOST_COMPARISON_H
#define TWINPOST_COMPARISON_H

#include "connector/uplink/inbox.h"
#include "connector/uplink/record.h"
#include "store_forward/ledger_breaks.h"

struct comparison;

/* Borrows its arguments for its life; recorder: raises and clears. Trouble with the ledger is no error here: it is
 * raised as an exception by the first step. NULL: compare.enabled is no. */
struct comparison *comparison_new(struct hal *hal, const struct log *log, struct store *store,
                                  const struct config *config, struct recorder *recorder);
void comparison_free(struct comparison *comparison); /* NULL is allowed, here and below */

/* Other rules (NULL: none): sums are made again, step by step. */
void comparison_use_rules(struct comparison *comparison, const struct rules *rules);

/* A document that was read from a ledger of the cloud (sources.side: cloud). In the store's transaction: what keeps it
 * out, or breaks a rule, is raised. An error is one of the store's, or of a ledger that is not well: then the position
 * behind it is not to be kept. */
MUST_USE enum err comparison_document(struct comparison *comparison, const char *source,
                                      const struct document *document, struct err_info *info);
/* inbox_sink.posting, .posting_state, .posting_keep. */
enum err comparison_posting(struct comparison *comparison, const struct posting_event *event,
                            const struct document *document, struct err_info *info);
enum err comparison_state(struct comparison *comparison, const char *name, struct buf *out,
                          struct err_info *info);
enum err comparison_keep(struct comparison *comparison, const char *name, struct span state,
                         struct err_info *info);
/* The outcome of a document has moved. */
void comparison_moved(struct comparison *comparison, struct span subject, int64_t revision);

/* A document is in phase `legacy` and was never sent (excluded), or is not, or no longer; in the store's transaction.
 * false: the ledger is not well and has not noted it; the documents are to be read again. */
bool comparison_exclude(struct comparison *comparison, const char *subject, bool excluded);
/* The ledger has counted what another configuration excludes than the one with this digest; "none": it excludes
 * nothing. false as long as the ledger is not well. */
bool comparison_excludes_other(struct comparison *comparison, const char *digest);
/* Now it has counted this one's. */
void comparison_excludes_these(struct comparison *comparison, const char *digest);

/* Commits what the cloud has posted; before the store's commit. An error: documents were lost with the ledger's
 * transaction that the store counts as taken, so its own is to be rolled back. */
MUST_USE enum err comparison_before_commit(struct comparison *comparison, struct err_info *info);
void comparison_rolled_back(struct comparison *comparison);
/* Takes in what is new; outside of a transaction of the store. busy: rows stream in, so it takes little of the time.
 * *deadline is lowered while there is more to do. */
void comparison_step(struct comparison *comparison, int64_t now_ns, bool busy, int64_t *deadline);
/* In the store's transaction: raises and clears what the steps have found. */
MUST_USE enum err comparison_tell(struct comparison *comparison, struct err_info *info);
bool comparison_has_news(const struct comparison *comparison);
/* Everything that is committed is in the ledger, or the ledger is not well. */
bool comparison_caught_up(const struct comparison *comparison);
/* NULL: not well. */
struct ledger *comparison_ledger(const struct comparison *comparison);

/* A change of one's own to the ledger, outside of the steps; what they have open is committed first. ERR_AGAIN: the
 * ledger is not well. */
MUST_USE enum err comparison_change_begin(struct comparison *comparison, struct err_info *info);
/* Commits it; where err, which is handed on, is another than ERR_OK, nothing of it stands. */
MUST_USE enum err comparison_change_end(struct comparison *comparison, enum err err, struct err_info *info);

/* The run that the command line is telling; forgotten where the ledger is closed. */
struct comparison_told {
	struct breaks_run run;
	struct buf about; /* what is told of it besides, as it came */
};
struct comparison_told *comparison_told(struct comparison *comparison);

#endif
