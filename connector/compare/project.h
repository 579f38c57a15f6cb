/*
 * project.h - a document becomes a row of the ledger, with its sums.
 *
 * Why:   both sides' documents come in by several ways; one place makes of each what is compared.
 * Owns:  buffers and views, used again from document to document.
 * Rules: 1. All of it happens in the ledger's open transaction.
 *        2. The same content again changes nothing and is not counted as an arrival.
 *        3. A cloud document that names one legacy document has that one's subject as its identity. One that names none
 *           but has a reference takes the identity of the one legacy document of its kind and company with this
 *           number, whichever came first; where there are several, none is taken.
 *        4. A journal adds to the trial balance line by line; other documents add their total to an account of their
 *           kind ("invoices", "credit memos", "payments"), because the ERP's journals hold their revenue already; tax
 *           lines add base and tax to an account that begins with PROJECT_TAX_MARK, as the view has them.
 * Faults: a document that cannot be put in (sums over 64 bits, over-long codes) is ERR_OVERFLOW or ERR_TOO_LARGE, and
 *        is left out: the caller makes it known, and the comparison is incomplete.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/project_test.c
 */
#ifndef TWINPOST_PROJECT_H
#define TWINPOST_PROJECT_H

#include "connector/compare/view.h"
#include "store_forward/ledger.h"

/* \1 code \1 rate: debit is the base, credit the tax. */
#define PROJECT_TAX_MARK '\1'

struct projector {
	struct ledger *ledger;
	const struct rules *rules; /* NULL: codes stay */
	struct view view;
	struct view before; /* of what is taken out */
	struct document document;
	struct buf packed;
	struct buf texts;
	struct buf accounts; /* the texts of made-up accounts */
	struct ledger_balance *balances;
	int balance_capacity;
	uint64_t put;
	uint64_t unchanged;
};

void projector_init(struct projector *projector, struct ledger *ledger, const struct rules *rules);
void projector_release(struct projector *projector);

struct projection {
	enum ledger_side side;
	int64_t revision; /* 0: not known: 1, or one above that of the content before */
	int64_t recorded_ns;
	int phase;
	int outcome; /* of the document as it comes in; the one known stays where it is 0 */
	/* Of a row of another ledger: its number there, and when its first revision came; 0: it arrives now. */
	int64_t n, first_ns;
};
/* document->voided counts. ERR_CONFLICT: the cloud gives another content to a revision that is known; nothing was
 * changed. */
MUST_USE enum err project_document(struct projector *projector, const struct projection *projection,
                                   const struct document *document, struct err_info *info);
/* Goes on with documents that are of an older generation, at most limit; *done: all are of the present one. The rules
 * are the projector's. */
MUST_USE enum err project_regenerate(struct projector *projector, int limit, bool *done,
                                     struct err_info *info);
/* All of the ledger's sums are of these rules (NULL: none), and of views as this program makes them. */
bool project_is_of(const struct ledger *ledger, const struct rules *rules);
/* Begins a new generation where the ledger's sums are of other rules, or of other views. */
MUST_USE enum err project_use_rules(struct projector *projector, const struct rules *rules,
                                    struct err_info *info);

/* What a view adds to the accounts; the list is the projector's until its next call. */
int project_balances(struct projector *projector, const struct view *view, const struct document *document,
                     const struct ledger_balance **balances);
/* May journals have posted to it? Not to those of kinds of documents and of taxes (rule 4). */
bool project_is_account(struct span account);

#endif
