/*
 * view.h - a document as the comparison sees it: mapped codes, sums by account, one digest.
 *
 * Why:   two ledgers number, order and split lines in their own ways; what must agree is what stands here.
 * Owns:  struct view owns its lines and texts; it is used again from document to document.
 * Rules: 1. Codes of a legacy document are mapped by the rules on its posting date; those of a cloud document stay.
 *           Codes that are missing in the mapping stay raw and are listed (view->missing).
 *        2. Lines with the same key (account, cost centre, tax code) are one line: their debits and credits are added
 *           up, and stand in the order of their keys. Nothing else of a line counts, unless it is among the attributes.
 *           Amounts are those of the document's currency, and, where both sides may have them, of the local currency.
 *        3. Invoices and credit memos: the lines' nets by (account, cost centre, tax code), tax lines by tax code as
 *           lines of account "tax", and net, tax and gross as amounts of the header. A credit memo counts negative, so
 *           that periods add up. Payments: amount, and applications by invoice. Customers: attributes alone.
 *        4. The fingerprint is the first 16 bytes of SHA-256 over identity and all that is compared by exact equality
 *           (entity, type, period, currency, compared attributes, amounts, lines), in a form where no two different
 *           views have the same bytes (every text with its length). Fingerprints add up modulo 2^128.
 *        5. Two views are equal for pair_compare() without tolerance if and only if their fingerprints of one identity
 *           are: a test proves it over random edits.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c
 */
#ifndef TWINPOST_VIEW_H
#define TWINPOST_VIEW_H

#include "connector/compare/rules.h"
#include "connector/posting/document.h"
#include "store_forward/ledger.h"

#define VIEW_MISSING_MAX 8
#define VIEW_LINES_MAX   DOCUMENT_LINES_MAX

/* X(identifier, "name", compared unless attribute.csv says no): attributes of a document beside its amounts. */
#define VIEW_ATTRIBUTES(X)                                                               \
	X(PERIOD, "period", true)                                                        \
	X(POSTING_DATE, "posting_date", true)                                            \
	X(DOCUMENT_DATE, "document_date", false)                                         \
	X(CURRENCY, "currency", true)                                                    \
	X(PARTY, "party", true) /* customer of an invoice, payer of a payment; mapped */ \
	X(REFERENCE, "reference", false)                                                 \
	X(DUE_DATE, "due_date", false)                                                   \
	X(EXCHANGE_RATE, "exchange_rate", false)                                         \
	X(DOCUMENT_TYPE, "document_type", false) /* the ERP's own, mapped */             \
	X(LEGAL_NAME, "legal_name", true)        /* customers, from here */              \
	X(TAX_ID, "tax_id", true)                                                        \
	X(COUNTRY, "country", true)                                                      \
	X(TERMS, "terms", true)                                                          \
	X(CREDIT_HOLD, "credit_hold", false)

enum view_attribute {
#define VIEW_ATTRIBUTE_ENUM(identifier, name, compared) VIEW_##identifier,
	VIEW_ATTRIBUTES(VIEW_ATTRIBUTE_ENUM)
#undef VIEW_ATTRIBUTE_ENUM
	    VIEW_ATTRIBUTE_COUNT
};
const char *view_attribute_name(enum view_attribute attribute);

/* Amounts of the header, in minor units of the document's currency. */
enum view_amount { VIEW_NET, VIEW_TAX, VIEW_GROSS, VIEW_AMOUNT_COUNT };

struct view_line {
	struct span account; /* mapped; "tax" for tax lines, the invoice's subject for applications */
	struct span cost_centre;
	struct span tax_code;
	int64_t debit;  /* minor units of the document's currency, >= 0 */
	int64_t credit; /* <= 0 */
	int64_t local;  /* debit + credit in local currency's minor units; has_local */
	bool has_local;
	int count; /* lines of the document in it */
};

struct view {
	enum ledger_side side;
	enum document_type type;
	bool voided;
	char subject[STORE_SUBJECT_MAX];
	char identity[STORE_SUBJECT_MAX]; /* legacy: the subject; cloud: origin, "" where it names none */
	int origins;        /* cloud: subjects in origin; over 1: it stands for several documents */
	struct span origin; /* cloud: all of them, separated by blanks */
	struct span entity; /* mapped */
	struct span raw_entity;
	int period;        /* year * 100 + period; 0: none */
	date_days posting; /* has_posting */
	bool has_posting;
	struct span currency, local_currency;
	int digits;        /* minor units of the currency; 0 where there is none */
	struct span party; /* mapped; "" where there is none */
	struct span reference;
	struct span attributes[VIEW_ATTRIBUTE_COUNT]; /* as text; empty: absent */
	int64_t amounts[VIEW_AMOUNT_COUNT]; /* net, tax, gross; payments: gross = amount; journals: 0 */
	int64_t
	    total; /* what one number says of it: journals the sum of debits, others gross, in minor units */
	struct view_line *lines;
	int line_count;
	struct {
		enum mapping_kind kind;
		struct span code;
	} missing[VIEW_MISSING_MAX];
	int missing_count;              /* all of them; the list holds the first */
	struct fingerprint fingerprint; /* with identity, or with "" where a cloud document names none */
	struct buf text;                /* the texts */
	int line_capacity;
};

void view_init(struct view *view);
void view_release(struct view *view);
/* ERR_OVERFLOW: sums that 64 bits do not hold; ERR_BAD_INPUT: no subject, or an amount with other than its currency's
 * digits (info says which). rules NULL: codes stay. */
MUST_USE enum err view_make(struct view *view, enum ledger_side side, const struct document *document,
                            const struct rules *rules, struct err_info *info);
/* The same fingerprint with another identity: what a cloud document has once it is known what it stands for. */
struct fingerprint view_fingerprint(const struct view *view, struct span identity);

#endif
