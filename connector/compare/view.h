/*
 * view.h - a document as the comparison sees it: mapped codes, sums by account, one digest.
 *
 * Why:   two ledgers number, order and split lines in their own ways; what must agree is what stands here.
 * Owns:  struct view owns its lines and texts; it is used again from document to document.
 * Rules: 1. Codes of a legacy document, of its lines too, are mapped by the rules of its own (raw) entity on its
 *           posting date, else its document date, else by the rows that are open at the end; those of a cloud document
 *           stay. Codes that are missing in the mapping stay raw and are listed (view->missing): such a document equals
 *           none of the cloud, even if that uses the raw code. Codes that are not compared are not mapped.
 *        2. Lines with the same key (kind, account, cost centre, tax code, entity if another company's) are one
 *           line: their debits and credits are added up, and stand in the order of their keys. Nothing else of a line
 *           counts, unless it is among the attributes. Amounts are those of the document's currency and of the local
 *           currency. Lines of zero are no lines.
 *        3. Invoices and credit memos: the lines' nets by (account, cost centre, tax code), tax lines by tax code as
 *           lines of account "tax" with their base, and net, tax and gross as amounts of the header. Without tax lines
 *           they are made of the lines' own tax; a tax line without tax counts only where no
 *           line has a tax code, or where its base is not the sum of the nets that have its code. A
 *           credit memo counts negative, so that periods add up. Payments: amount, and applications by invoice with
 *           discount, write-off and gain or loss. Customers: attributes alone.
 *           Usage: attributes alone, the quantity as a number of one form (12.50 is 12.5). It is no money: no currency,
 *           no amounts, no total.
 *        4. Local amounts that say nothing new are none: those of a document in local currency that equal its own; what
 *           is absent there is as the document has it.
 *        5. The fingerprint is the first 16 bytes of SHA-256 over identity and all that is compared by exact equality
 *           (entity, type, period, currency, compared attributes, amounts, lines), in a form where no two different
 *           views have the same bytes (every text with its length). Fingerprints add up modulo 2^128.
 *        6. Two views are equal for pair_compare() without tolerance if and only if their fingerprints of one identity
 *           are: a test proves it over random edits.
 *        7. An amount that is absent is not zero: where a document or a line must have it, that is ERR_BAD_INPUT; in a
 *           header it differs from one that is there.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c, view_form_test.c, pair_random_test.c; tests/fuzz/pair_fuzz.c
 */
#ifndef TWINPOST_VIEW_H
#define TWINPOST_VIEW_H

#include "connector/compare/rules.h"
#include "connector/posting/document.h"
#include "store_forward/ledger.h"

#define VIEW_VERSION     2 /* of what a view says of a document: another one makes all sums of a ledger anew */
#define VIEW_MISSING_MAX 8
#define VIEW_LINES_MAX   (2 * DOCUMENT_LINES_MAX) /* lines, and a tax line for each */

/* X(identifier, "name", compared unless attribute.csv says no): what is compared of a document beside the amounts that
 * every one has. Those from LINE_ENTITY to FX_GAIN_LOSS are parts of lines: without text in the view, and left out of
 * it where they are not compared. Their places are bits of the form: new ones come at the end. */
#define VIEW_ATTRIBUTES(X)                                                                    \
	X(PERIOD, "period", true) /* the year alone where there is no period */               \
	X(POSTING_DATE, "posting_date", true)                                                 \
	X(DOCUMENT_DATE, "document_date", false)                                              \
	X(CURRENCY, "currency", true) /* always, of documents with amounts */                 \
	X(PARTY, "party", true)       /* customer of an invoice or of usage, payer; mapped */ \
	X(REFERENCE, "reference", false)                                                      \
	X(DUE_DATE, "due_date", false)                                                        \
	X(EXCHANGE_RATE, "exchange_rate", false)                                              \
	X(DOCUMENT_TYPE, "document_type", false) /* the ERP's own, mapped */                  \
	X(PAYABLE, "payable", false)             /* of invoices */                            \
	X(LEGAL_NAME, "legal_name", true)        /* customers, from here */                   \
	X(TAX_ID, "tax_id", true)                                                             \
	X(COUNTRY, "country", true)                                                           \
	X(TERMS, "terms", true)                                                               \
	X(CREDIT_HOLD, "credit_hold", false)                                                  \
	X(LINE_ENTITY, "line_entity", true) /* parts of lines, from here */                   \
	X(ACCOUNT, "account", true)         /* always, of journals */                         \
	X(COST_CENTRE, "cost_centre", true)                                                   \
	X(TAX_CODE, "tax_code", true)                                                         \
	X(LOCAL, "local", true) /* amounts in local currency, the header's too */             \
	X(TAX_LINES, "tax_lines", true)                                                       \
	X(TAX_BASE, "tax_base", true)                                                         \
	X(APPLICATIONS, "applications", true)                                                 \
	X(DISCOUNT, "discount", true)                                                         \
	X(WRITE_OFF, "write_off", true)                                                       \
	X(FX_GAIN_LOSS, "fx_gain_loss", true)                                                 \
	X(METER, "meter", true) /* usage, from here */                                        \
	X(WINDOW, "window", true)                                                             \
	X(QUANTITY, "quantity", true)                                                         \
	X(UNIT, "unit", true)                                                                 \
	X(RECORD_COUNT, "record_count", true)                                                 \
	X(RECORDS_DIGEST, "records_digest", true)                                             \
	X(STATUS, "status", true)        /* payments: returned, failed; else received */      \
	X(LEDGER, "ledger", false)       /* journals */                                       \
	X(UNAPPLIED, "unapplied", false) /* payments */

enum view_attribute {
#define VIEW_ATTRIBUTE_ENUM(identifier, name, compared) VIEW_##identifier,
	VIEW_ATTRIBUTES(VIEW_ATTRIBUTE_ENUM)
#undef VIEW_ATTRIBUTE_ENUM
	    VIEW_ATTRIBUTE_COUNT
};
/* Those with a text in the view. */
#define VIEW_TEXT_ATTRIBUTES (((UINT64_C(1) << VIEW_LINE_ENTITY) - 1) | ~((UINT64_C(1) << VIEW_METER) - 1))
const char *view_attribute_name(enum view_attribute attribute);
/* Can documents of this type have it? */
bool view_attribute_applies(enum view_attribute attribute, enum document_type type);
/* Do these rules (NULL: none) compare it? What the report says is not compared: applies, and not this. */
bool view_attribute_compared(const struct rules *rules, enum view_attribute attribute,
                             enum document_type type);

/* Fields that are compared by no rule, NULL at the end: "reason", "lines.text" (view_fields.c). */
const char *const *view_never_compared(enum document_type type);

/* Amounts of the header, in minor units of the document's currency. */
enum view_amount { VIEW_NET, VIEW_TAX, VIEW_GROSS, VIEW_AMOUNT_COUNT };

enum view_line_kind { VIEW_LINE_POSTING, VIEW_LINE_TAX, VIEW_LINE_APPLICATION };

/* X(identifier, "name of field"): what stands beside a line's amount. */
#define VIEW_BESIDES(X)                                       \
	X(BASE, "tax_base")     /* tax lines */               \
	X(DISCOUNT, "discount") /* applications, from here */ \
	X(WRITE_OFF, "write_off")                             \
	X(FX_GAIN_LOSS, "fx_gain_loss") /* in local currency */

enum view_beside {
#define VIEW_BESIDE_ENUM(identifier, name) VIEW_BESIDE_##identifier,
	VIEW_BESIDES(VIEW_BESIDE_ENUM)
#undef VIEW_BESIDE_ENUM
	    VIEW_BESIDE_COUNT
};
const char *view_beside_name(enum view_beside beside);

struct view_line {
	struct span account; /* mapped; "tax" for tax lines, the invoice's subject for applications */
	struct span cost_centre;
	struct span tax_code;
	struct span entity; /* mapped; empty: the document's own */
	enum view_line_kind kind;
	int count;      /* lines of the document in it */
	int64_t debit;  /* minor units of the document's currency, >= 0 */
	int64_t credit; /* <= 0 */
	int64_t local;  /* debit + credit in local currency's minor units; has_local */
	int64_t local_debit, local_credit;
	bool has_local;
	bool local_partial;                /* lines without it are in it, too */
	int64_t beside[VIEW_BESIDE_COUNT]; /* 0: absent too */
};

/* The order in which lines stand: by their keys. 0: one key. */
int view_line_order(const struct view_line *a, const struct view_line *b);

struct view {
	enum ledger_side side;
	enum document_type type;
	bool voided;
	char subject[STORE_SUBJECT_MAX];
	char identity
	    [STORE_SUBJECT_MAX]; /* legacy: the subject; cloud: origin, "" where it names none or several */
	int origins;             /* cloud: subjects in origin; over 1: it stands for several documents */
	struct span origin;      /* cloud: all of them, separated by blanks */
	struct span entity;      /* mapped */
	struct span raw_entity;
	int period;        /* year * 100 + period; 0: none */
	date_days posting; /* has_posting */
	bool has_posting;
	date_days
	    on; /* codes were mapped for: posting date, else document date, else INT32_MAX: the last row that is open */
	struct span currency, local_currency;
	int digits;        /* minor units of the currency; 0 where there is none */
	int local_digits;  /* the same of the local currency */
	struct span party; /* mapped; "" where there is none */
	struct span reference;
	uint64_t compared;                            /* bit i: attribute i is compared */
	struct span attributes[VIEW_ATTRIBUTE_COUNT]; /* as text; empty: absent */
	int64_t amounts[VIEW_AMOUNT_COUNT]; /* net, tax, gross; payments: gross = amount; journals: 0 */
	int64_t local_amounts[VIEW_AMOUNT_COUNT];
	bool has_amount[VIEW_AMOUNT_COUNT];
	bool has_local_amount[VIEW_AMOUNT_COUNT];
	bool has_local; /* an amount in local currency is compared, of the header or of a line */
	int64_t
	    total; /* what one number says of it: journals the sum of debits, others gross, in minor units */
	struct view_line *lines;
	int line_count;
	struct {
		enum mapping_kind kind;
		struct span code;
	} missing[VIEW_MISSING_MAX];
	int missing_count;              /* all of them; the list holds the first, each once */
	struct fingerprint fingerprint; /* with identity, or with "" where a cloud document names none */
	struct buf text; /* what was hashed after the identity (form_len bytes), then the other texts */
	size_t form_len;
	/* Attributes were taken from the other side, for a sum of documents that disagree in them: the form is not that
	 * of this view any more. Set by who did that; view_make() clears it. */
	bool adjusted;
	int line_capacity;
	/* What the rules compare of each type, remembered from document to document. */
	struct {
		const struct rules *rules;
		char version[RULES_VERSION_SIZE];
		bool known;
		uint64_t types[DOCUMENT_TYPE_COUNT];
	} comparing;
};

void view_init(struct view *view);
void view_release(struct view *view);
/* ERR_OVERFLOW: sums that 64 bits do not hold; ERR_BAD_INPUT: no subject, a line without its amount, an amount without
 * a known currency or with more digits than that has, a period outside 1 to 99, or an origin that is no subject (info
 * says which). rules NULL: codes stay. The view is empty then. */
MUST_USE enum err view_make(struct view *view, enum ledger_side side, const struct document *document,
                            const struct rules *rules, struct err_info *info);
/* The same fingerprint with another identity: what a cloud document has once it is known what it stands for. */
struct fingerprint view_fingerprint(const struct view *view, struct span identity);

#endif
