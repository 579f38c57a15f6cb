/*
 * run_canary.h - what the two files of the canaries share: which there are, and the struct.
 *
 * Why:   making the documents and judging what was found of them are subjects of their own.
 * Owns:  nothing.
 * Rules: as in run_canary.c.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c
 */
#ifndef TWINPOST_RUN_CANARY_H
#define TWINPOST_RUN_CANARY_H

#include "connector/compare/run_internal.h"

#define CANARY_ROWS_MAX   32
#define CANARY_PACKED_MAX 1024
#define CANARY_DATE       20000 /* 2024-10-04 */
#define CANARY_PERIOD     10
#define CANARY_YEAR       2024
#define CANARY_AMOUNT_MAX (INT64_MAX / 1000)

/* X(identifier, "name", status): journals, by their presence and by their lines. */
#define CANARIES_OF_PRESENCE(X)                          \
	X(EQUAL, "equal", RUN_MATCHED)                   \
	X(WRONG_AMOUNT, "wrong_amount", RUN_DIFFERENT)   \
	X(MISSING, "missing", RUN_MISSING_CLOUD)         \
	X(UNKNOWN, "missing_legacy", RUN_MISSING_LEGACY) \
	X(DUPLICATE, "duplicate", RUN_DUPLICATE)         \
	X(WRONG_PERIOD, "wrong_period", RUN_DIFFERENT)   \
	X(WRONG_ACCOUNT, "wrong_account", RUN_DIFFERENT) \
	X(SWAPPED, "swapped_sides", RUN_DIFFERENT)       \
	X(MOVED, "amount_between_lines", RUN_DIFFERENT)

/* X(identifier, "name", type, attribute without which it cannot be seen, lane, "field that differs"): one field each,
 * so that every lane of every type of document is gone through. */
#define CANARIES_OF_FIELDS(X)                                                                 \
	X(CENTRE, "cost_centre", JOURNAL, COST_CENTRE, AMOUNT, "debit")                       \
	X(LOCAL, "local_amount", JOURNAL, LOCAL, AMOUNT, "local")                             \
	X(POSTING_DATE, "posting_date", JOURNAL, POSTING_DATE, ATTRIBUTE, "posting_date")     \
	X(HEADER_TAX, "tax_of_the_header", INVOICE, CURRENCY, AMOUNT, "tax")                  \
	X(TAX_LINE, "tax_of_a_code", INVOICE, TAX_LINES, AMOUNT, "debit")                     \
	X(TAX_CODE, "tax_code", INVOICE, TAX_CODE, AMOUNT, "debit")                           \
	X(INVOICE_ACCOUNT, "account_of_an_invoice", INVOICE, ACCOUNT, AMOUNT, "debit")        \
	X(INVOICE_CENTRE, "cost_centre_of_an_invoice", INVOICE, COST_CENTRE, AMOUNT, "debit") \
	X(CUSTOMER, "customer", INVOICE, PARTY, ATTRIBUTE, "party")                           \
	X(PAYMENT, "amount_of_a_payment", PAYMENT, CURRENCY, AMOUNT, "gross")                 \
	X(PAYER, "payer", PAYMENT, PARTY, ATTRIBUTE, "party")                                 \
	X(APPLICATION, "invoice_of_a_payment", PAYMENT, APPLICATIONS, AMOUNT, "debit")        \
	X(NAME, "master_data", CUSTOMER, LEGAL_NAME, ATTRIBUTE, "legal_name")

enum canary {
#define CANARY_ENUM(identifier, name, status) CANARY_##identifier,
	CANARIES_OF_PRESENCE(CANARY_ENUM)
#undef CANARY_ENUM
#define CANARY_ENUM(identifier, name, type, attribute, lane, field) CANARY_##identifier,
	    CANARIES_OF_FIELDS(CANARY_ENUM)
#undef CANARY_ENUM
		CANARY_COUNT
};
#define CANARY_FIRST_FIELD CANARY_CENTRE

struct canary_row {
	struct ledger_document document;
	char identity[64];
	char subject[64];
	uint8_t packed[CANARY_PACKED_MAX];
};

/* Codes of two kinds each, as the legacy side has them, and as the rules make them the cloud's. */
enum canary_code { CANARY_CODE_CENTRE, CANARY_CODE_TAX, CANARY_CODE_CUSTOMER, CANARY_CODE_KINDS };

struct canaries {
	struct canary_row rows[SIDE_COUNT][CANARY_ROWS_MAX];
	int order[SIDE_COUNT][CANARY_ROWS_MAX]; /* by identity, then subject */
	int counts[SIDE_COUNT];
	bool planted[CANARY_COUNT];
	bool found[CANARY_COUNT];
	int64_t amount;                   /* more than any tolerance of it */
	char entity[LEDGER_CODE_MAX + 1]; /* as the rules map it */
	char accounts[SIDE_COUNT][3][LEDGER_CODE_MAX + 1];
	char codes[SIDE_COUNT][CANARY_CODE_KINDS][2][LEDGER_CODE_MAX + 1];
};

/* run_canary_make.c: plants all that the rules let be seen. */
void canaries_make(struct canaries *canaries, const struct rules *rules);

#endif
