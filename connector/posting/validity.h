/*
 * validity.h - the rules a document must keep before it is sent.
 *
 * Why:   a document that does not balance must not reach the cloud; it waits as an exception with an owner.
 * Owns:  nothing.
 * Rules: 1. Each rule has an id that never changes; the list below is the one list (docs/operate.md is made after it).
 *        2. Rules are tried in the order of the list, and the first broken one is the finding: a later rule may rely on
 *           the earlier ones (sums are only made of amounts whose currency and digits are right).
 *        3. Sums are exact and checked; nothing is rounded here, and the only tolerance is that of invoice-tax-rate.
 *        4. Payments: an application's `amount` is the part of the money received that was applied to the invoice;
 *           `discount` and `write_off` settle the invoice beside it and are no part of the payment, so
 *           amount = sum of application amounts + unapplied.
 * Source: canonical model section 3; EN 16931 business rules BR-CO-10, -13 to -17 and -25 for invoices; ISO 4217.
 * Runs in: the core.
 * Tests: tests/unit/validity_test.c, validity_invoice_test.c, currency_test.c
 */
#ifndef TWINPOST_VALIDITY_H
#define TWINPOST_VALIDITY_H

#include "connector/posting/document.h"
#include "store_forward/store.h"

/* X(identifier, id, owner, what must hold) */
#define VALIDITY_RULES(X)                                                                                   \
	X(FIELD_REQUIRED, "field-required", MAPPING, "every required field of header and lines is there")   \
	X(TYPE_NAME, "type-name", MAPPING, "the field type names the document's type")                      \
	X(LINES_MISSING, "lines-missing", DATA_QUALITY,                                                     \
	  "a journal has two lines or more, an invoice one or more")                                        \
	X(INTEGER_RANGE, "integer-range", DATA_QUALITY,                                                     \
	  "integers are below 2^53, as every JSON reader holds them")                                       \
	X(CURRENCY_MISSING, "currency-missing", MAPPING,                                                    \
	  "the currency of every amount is named in the header")                                            \
	X(CURRENCY_UNKNOWN, "currency-unknown", MAPPING,                                                    \
	  "currencies are codes of ISO 4217 with known minor units")                                        \
	X(AMOUNT_DIGITS, "amount-digits", DATA_QUALITY,                                                     \
	  "amounts have exactly the minor units of their currency")                                         \
	X(PERIOD_RANGE, "period-range", DATA_QUALITY,                                                       \
	  "the period is 1 to 16, the year is 0 (none) or 1900 to 2199, the posting date at most one year " \
	  "from it")                                                                                        \
	X(POSTING_DATE, "posting-date", DATA_QUALITY, "a document of a fiscal year has a posting date")     \
	X(DATE_ORDER, "date-order", DATA_QUALITY,                                                           \
	  "no service, revenue, validity or usage period ends before it starts")                            \
	X(USAGE_RECORDS, "usage-records", DATA_QUALITY,                                                     \
	  "the number of usage records is not negative, and their digest is a SHA-256 in lower case hex")   \
	X(AMOUNT_OVERFLOW, "amount-overflow", DATA_QUALITY, "sums fit in 64 bits")                          \
	X(JOURNAL_BALANCE, "journal-balance", DATA_QUALITY,                                                 \
	  "debits equal credits in the document's currency")                                                \
	X(JOURNAL_BALANCE_LOCAL, "journal-balance-local", DATA_QUALITY,                                     \
	  "debits equal credits in local currency")                                                         \
	X(INVOICE_SIGN, "invoice-sign", DATA_QUALITY,                                                       \
	  "net and gross of an invoice or credit memo are not negative")                                    \
	X(INVOICE_NET, "invoice-net", DATA_QUALITY, "the lines' net amounts add up to the net")             \
	X(INVOICE_TAX, "invoice-tax", DATA_QUALITY,                                                         \
	  "tax of lines, and of tax lines, where given, adds up to the tax")                                \
	X(INVOICE_GROSS, "invoice-gross", DATA_QUALITY, "gross = net + tax")                                \
	X(INVOICE_PAYABLE, "invoice-payable", DATA_QUALITY,                                                 \
	  "payable = gross - prepaid + rounding, where given")                                              \
	X(INVOICE_TAX_RATE, "invoice-tax-rate", DATA_QUALITY,                                               \
	  "the tax of a tax line is base x rate, within 0.01 (or one minor unit, if that is more) for "     \
	  "every line "                                                                                     \
	  "of its tax code, and has its sign")                                                              \
	X(INVOICE_DUE, "invoice-due", DATA_QUALITY,                                                         \
	  "an invoice with something to pay has a due date or terms")                                       \
	X(PAYMENT_APPLIED, "payment-applied", DATA_QUALITY,                                                 \
	  "applied amounts and the unapplied rest, where given, add up to the payment")

/* The list, for documentation and for the CLI. */
struct validity_rule {
	const char *id;
	enum store_owner owner;
	const char *text;
};
const struct validity_rule *validity_rules(size_t *count);

/* One broken rule. Text is one sentence with the figures: "debits 100.00 and credits 99.99 EUR differ by 0.01". */
struct finding {
	const char *rule; /* "journal-balance", "amount-digits", ...: static */
	enum store_owner owner;
	char text[ERR_TEXT_MAX];
};

/* true: valid. false: *finding is the first rule broken, in the order of the list. */
MUST_USE bool validity_check(const struct document *document, struct finding *finding);

/* Brings every amount to exactly the minor units of its currency where that changes no digit (12.5 EUR and
 * 12.5000 EUR become 12.50 EUR); the others stay as they are, for amount-digits to find. Whoever makes documents from
 * rows calls it once the document is whole, for only then all its currencies are known. */
void validity_settle_amounts(struct document *document);

/* Minor units (digits after the point) of an ISO 4217 currency; -1: no such code, or none with a minor unit. */
int currency_minor_units(struct span code);

#endif
