/*
 * view_fields.c - the fields of documents that no rule compares.
 *
 * Why:   who reads "reconciled" must be able to read what was not looked at.
 * Owns:  nothing; the lists are part of what a comparison says about itself (run.json, never_compared).
 * Rules: 1. Not in the lists: what names a document or a line (number, line, origin), where it came from, and the
 *           cloud's codes that the agent sent along: the rules make them again.
 *        2. The lists are exact: a test edits every field of every type.
 * Runs in: the CLI.
 * Tests: tests/unit/view_fields_test.c
 */
#include "connector/compare/view.h"

#define COMMON     "entry_date", "group_currency", "user", "text", "reverses", "reversed_by"
#define NO_POSTING "document_date", "posting_date", "local_currency", "exchange_rate"
#define INVOICE                                                                                            \
	COMMON, "payer", "terms", "service_start", "service_end", "prepaid", "rounding", "open", "status", \
	    "preceding_invoice", "reason", "control_account", "batch", "lines.item", "lines.text",         \
	    "lines.quantity", "lines.unit", "lines.price", "lines.gross", "lines.tax_local",               \
	    "lines.gross_local", "lines.open", "lines.due_date", "lines.tax_rate", "lines.revenue_start",  \
	    "lines.revenue_end", "tax_lines.jurisdiction", "tax_lines.rate", NULL

static const char *const journal[] = {COMMON,

                                      "batch",
                                      "reversal",
                                      "lines.account_name",
                                      "lines.amount_group",
                                      "lines.profit_centre",
                                      "lines.segment",
                                      "lines.trading_partner",
                                      "lines.quantity",
                                      "lines.unit",
                                      "lines.party",
                                      "lines.text",
                                      NULL};
static const char *const invoice[] = {INVOICE};
static const char *const payment[] = {
    COMMON, "means", "value_date", "bank_account", "batch", "applications.item", NULL};
static const char *const customer[] = {COMMON,        NO_POSTING,        "period",     "address",  "city",
                                       "postal_code", "control_account", "valid_from", "valid_to", "status",
                                       NULL};
static const char *const usage[] = {COMMON, NO_POSTING, "currency", NULL};

static const char *const *const lists[DOCUMENT_TYPE_COUNT] = {
    [DOCUMENT_JOURNAL] = journal, [DOCUMENT_INVOICE] = invoice,   [DOCUMENT_CREDIT_MEMO] = invoice,
    [DOCUMENT_PAYMENT] = payment, [DOCUMENT_CUSTOMER] = customer, [DOCUMENT_USAGE] = usage,
};

const char *const *view_never_compared(enum document_type type)
{
	CHECK((unsigned)type < DOCUMENT_TYPE_COUNT);
	return lists[type];
}
