/*
 * document.h - one whole canonical document: header and all its lines, as typed values.
 *
 * Why:   every ERP's rows become this form; validity, hashing, sending and comparing see nothing else.
 * Owns:  struct document owns its lines and its text arena; it is reused from document to document.
 * Rules: 1. The fields of each type are the tables below; their keys are the JSON keys of `data` in the event.
 *           The JSON schemas, the profile checker and the writer all read these tables.
 *        2. A field is absent (no key in the JSON) or has a value of its kind; empty text counts as absent.
 *        3. Amounts: debit positive, credit negative in journals; invoices and credit memos positive plus their type.
 *        4. Fields are added, at the end of their list (pack.h counts them), never renamed or narrowed (contract,
 *           Evolution).
 *        5. A code stands as the ERP has it; the cloud's code stands beside it as ..._mapped, where the rules map its
 *           kind (connector/compare/rules.h). Without that field the code is the same on both sides.
 * Source: canonical model of the project, section 2; names after ISO 20022, UBL 2.1 / EN 16931 and SAF-T 2.0.
 * Runs in: the core.
 * Tests: tests/unit/document_test.c
 */
#ifndef TWINPOST_DOCUMENT_H
#define TWINPOST_DOCUMENT_H

#include "connector/posting/date.h"
#include "connector/posting/decimal.h"

#define DOCUMENT_LINES_MAX      10000
#define DOCUMENT_TEXT_BYTES_MAX (4u * 1024u * 1024u)
#define DOCUMENT_FIELDS_MAX     48 /* of one section */

enum document_type {
	DOCUMENT_JOURNAL,
	DOCUMENT_INVOICE,
	DOCUMENT_CREDIT_MEMO,
	DOCUMENT_PAYMENT,
	DOCUMENT_CUSTOMER,
	DOCUMENT_USAGE,
	DOCUMENT_TYPE_COUNT
};

enum value_kind {
	VALUE_TEXT,
	VALUE_AMOUNT,  /* decimal with exactly the minor units of its currency */
	VALUE_DECIMAL, /* rate, quantity, price */
	VALUE_INTEGER, /* below 2^53 in magnitude */
	VALUE_DATE,
	VALUE_BOOLEAN,
};

/* Which currency an amount is in. */
enum value_currency { CURRENCY_NONE, CURRENCY_DOCUMENT, CURRENCY_LOCAL, CURRENCY_GROUP };

/* X(identifier, "key", kind, currency, required) */
#define HEADER_COMMON_FIELDS(X)                                                                    \
	X(ENTITY, "entity", TEXT, NONE, true)                /* company code, as the ERP has it */ \
	X(ENTITY_MAPPED, "entity_mapped", TEXT, NONE, false) /* as the cloud has it */             \
	X(SOURCE_SYSTEM, "source_system", TEXT, NONE, true)                                        \
	X(TYPE, "type", TEXT, NONE, true)                /* journal, invoice, ... */               \
	X(NUMBER, "number", TEXT, NONE, true)            /* unique in entity, type and year */     \
	X(YEAR, "year", INTEGER, NONE, true)             /* fiscal year; 0 for master data */      \
	X(LEGACY_TYPE, "legacy_type", TEXT, NONE, false) /* the ERP's own document type */         \
	X(LEGACY_TYPE_MAPPED, "legacy_type_mapped", TEXT, NONE, false)                             \
	X(PERIOD, "period", INTEGER, NONE, false)                                                  \
	X(DOCUMENT_DATE, "document_date", DATE, NONE, false)                                       \
	X(POSTING_DATE, "posting_date", DATE, NONE, false)                                         \
	X(ENTRY_DATE, "entry_date", DATE, NONE, false)                                             \
	X(CURRENCY, "currency", TEXT, NONE, false) /* of the document, ISO 4217 */                 \
	X(LOCAL_CURRENCY, "local_currency", TEXT, NONE, false)                                     \
	X(GROUP_CURRENCY, "group_currency", TEXT, NONE, false)                                     \
	X(EXCHANGE_RATE, "exchange_rate", DECIMAL, NONE, false)                                    \
	X(USER, "user", TEXT, NONE, false)                                                         \
	X(REFERENCE, "reference", TEXT, NONE, false)                                               \
	X(TEXT, "text", TEXT, NONE, false)                                                         \
	X(REVERSES, "reverses", TEXT, NONE, false) /* subject of the reversed document */          \
	X(REVERSED_BY, "reversed_by", TEXT, NONE, false)                                           \
	X(ORIGIN, "origin", TEXT, NONE, false) /* what a cloud document stands for: subjects */

#define JOURNAL_HEADER_FIELDS(X)               \
	HEADER_COMMON_FIELDS(X)                \
	X(LEDGER, "ledger", TEXT, NONE, false) \
	X(BATCH, "batch", TEXT, NONE, false)   \
	X(REVERSAL, "reversal", BOOLEAN, NONE, false)

#define JOURNAL_LINE_FIELDS(X)                                                         \
	X(LINE, "line", TEXT, NONE, true)                                              \
	X(ACCOUNT, "account", TEXT, NONE, true) /* as the ERP has it */                \
	X(ACCOUNT_MAPPED, "account_mapped", TEXT, NONE, false)                         \
	X(ACCOUNT_NAME, "account_name", TEXT, NONE, false)                             \
	X(AMOUNT, "amount", AMOUNT, DOCUMENT, true)                                    \
	X(AMOUNT_LOCAL, "amount_local", AMOUNT, LOCAL, false)                          \
	X(AMOUNT_GROUP, "amount_group", AMOUNT, GROUP, false)                          \
	X(ENTITY, "entity", TEXT, NONE, false) /* where a line is another company's */ \
	X(COST_CENTRE, "cost_centre", TEXT, NONE, false)                               \
	X(COST_CENTRE_MAPPED, "cost_centre_mapped", TEXT, NONE, false)                 \
	X(PROFIT_CENTRE, "profit_centre", TEXT, NONE, false)                           \
	X(SEGMENT, "segment", TEXT, NONE, false)                                       \
	X(TRADING_PARTNER, "trading_partner", TEXT, NONE, false)                       \
	X(TAX_CODE, "tax_code", TEXT, NONE, false)                                     \
	X(TAX_CODE_MAPPED, "tax_code_mapped", TEXT, NONE, false)                       \
	X(QUANTITY, "quantity", DECIMAL, NONE, false)                                  \
	X(UNIT, "unit", TEXT, NONE, false)                                             \
	X(PARTY, "party", TEXT, NONE, false)                                           \
	X(TEXT, "text", TEXT, NONE, false)

/* Invoices and credit memos share one table. */
#define INVOICE_HEADER_FIELDS(X)                                                                 \
	HEADER_COMMON_FIELDS(X)                                                                  \
	X(CUSTOMER, "customer", TEXT, NONE, true)                                                \
	X(CUSTOMER_MAPPED, "customer_mapped", TEXT, NONE, false)                                 \
	X(PAYER, "payer", TEXT, NONE, false)                                                     \
	X(DUE_DATE, "due_date", DATE, NONE, false)                                               \
	X(TERMS, "terms", TEXT, NONE, false)                                                     \
	X(SERVICE_START, "service_start", DATE, NONE, false)                                     \
	X(SERVICE_END, "service_end", DATE, NONE, false)                                         \
	X(NET, "net", AMOUNT, DOCUMENT, true)                                                    \
	X(TAX, "tax", AMOUNT, DOCUMENT, true)                                                    \
	X(GROSS, "gross", AMOUNT, DOCUMENT, true)                                                \
	X(NET_LOCAL, "net_local", AMOUNT, LOCAL, false)                                          \
	X(TAX_LOCAL, "tax_local", AMOUNT, LOCAL, false)                                          \
	X(GROSS_LOCAL, "gross_local", AMOUNT, LOCAL, false)                                      \
	X(PREPAID, "prepaid", AMOUNT, DOCUMENT, false)                                           \
	X(ROUNDING, "rounding", AMOUNT, DOCUMENT, false)                                         \
	X(PAYABLE, "payable", AMOUNT, DOCUMENT, false)                                           \
	X(OPEN, "open", AMOUNT, DOCUMENT, false) /* still unpaid */                              \
	X(STATUS, "status", TEXT, NONE, false)   /* open, paid, partly_paid, written_off */      \
	X(PRECEDING_INVOICE, "preceding_invoice", TEXT, NONE, false) /* subject; credit memos */ \
	X(REASON, "reason", TEXT, NONE, false)                                                   \
	X(CONTROL_ACCOUNT, "control_account", TEXT, NONE, false)                                 \
	X(BATCH, "batch", TEXT, NONE, false)

#define INVOICE_LINE_FIELDS(X)                                         \
	X(LINE, "line", TEXT, NONE, true)                              \
	X(ITEM, "item", TEXT, NONE, false)                             \
	X(TEXT, "text", TEXT, NONE, false)                             \
	X(QUANTITY, "quantity", DECIMAL, NONE, false)                  \
	X(UNIT, "unit", TEXT, NONE, false)                             \
	X(PRICE, "price", DECIMAL, NONE, false)                        \
	X(NET, "net", AMOUNT, DOCUMENT, true)                          \
	X(TAX, "tax", AMOUNT, DOCUMENT, false)                         \
	X(GROSS, "gross", AMOUNT, DOCUMENT, false)                     \
	X(NET_LOCAL, "net_local", AMOUNT, LOCAL, false)                \
	X(TAX_LOCAL, "tax_local", AMOUNT, LOCAL, false)                \
	X(GROSS_LOCAL, "gross_local", AMOUNT, LOCAL, false)            \
	X(OPEN, "open", AMOUNT, DOCUMENT, false)                       \
	X(DUE_DATE, "due_date", DATE, NONE, false)                     \
	X(TAX_CODE, "tax_code", TEXT, NONE, false)                     \
	X(TAX_CODE_MAPPED, "tax_code_mapped", TEXT, NONE, false)       \
	X(TAX_RATE, "tax_rate", DECIMAL, NONE, false) /* per cent */   \
	X(ACCOUNT, "account", TEXT, NONE, false)                       \
	X(ACCOUNT_MAPPED, "account_mapped", TEXT, NONE, false)         \
	X(COST_CENTRE, "cost_centre", TEXT, NONE, false)               \
	X(COST_CENTRE_MAPPED, "cost_centre_mapped", TEXT, NONE, false) \
	X(REVENUE_START, "revenue_start", DATE, NONE, false)           \
	X(REVENUE_END, "revenue_end", DATE, NONE, false)

#define INVOICE_TAX_FIELDS(X)                                \
	X(CODE, "code", TEXT, NONE, true)                    \
	X(CODE_MAPPED, "code_mapped", TEXT, NONE, false)     \
	X(JURISDICTION, "jurisdiction", TEXT, NONE, false)   \
	X(RATE, "rate", DECIMAL, NONE, false) /* per cent */ \
	X(BASE, "base", AMOUNT, DOCUMENT, true)              \
	X(TAX, "tax", AMOUNT, DOCUMENT, true)

#define PAYMENT_HEADER_FIELDS(X)                                                \
	HEADER_COMMON_FIELDS(X)                                                 \
	X(MEANS, "means", TEXT, NONE, false)                                    \
	X(VALUE_DATE, "value_date", DATE, NONE, false)                          \
	X(AMOUNT, "amount", AMOUNT, DOCUMENT, true)                             \
	X(AMOUNT_LOCAL, "amount_local", AMOUNT, LOCAL, false)                   \
	X(PAYER, "payer", TEXT, NONE, true)                                     \
	X(PAYER_MAPPED, "payer_mapped", TEXT, NONE, false)                      \
	X(UNAPPLIED, "unapplied", AMOUNT, DOCUMENT, false)                      \
	X(STATUS, "status", TEXT, NONE, false) /* received, returned, failed */ \
	X(BANK_ACCOUNT, "bank_account", TEXT, NONE, false)                      \
	X(BATCH, "batch", TEXT, NONE, false)

#define PAYMENT_APPLICATION_FIELDS(X)                                              \
	X(LINE, "line", TEXT, NONE, true)                                          \
	X(INVOICE, "invoice", TEXT, NONE, false) /* subject of the invoice paid */ \
	X(ITEM, "item", TEXT, NONE, false)       /* its pay item */                \
	X(AMOUNT, "amount", AMOUNT, DOCUMENT, true)                                \
	X(AMOUNT_LOCAL, "amount_local", AMOUNT, LOCAL, false)                      \
	X(DISCOUNT, "discount", AMOUNT, DOCUMENT, false)                           \
	X(WRITE_OFF, "write_off", AMOUNT, DOCUMENT, false)                         \
	X(FX_GAIN_LOSS, "fx_gain_loss", AMOUNT, LOCAL, false)

#define CUSTOMER_HEADER_FIELDS(X)                                                  \
	HEADER_COMMON_FIELDS(X)                                                    \
	X(NUMBER_MAPPED, "number_mapped", TEXT, NONE, false) /* of the customer */ \
	X(LEGAL_NAME, "legal_name", TEXT, NONE, true)                              \
	X(TAX_ID, "tax_id", TEXT, NONE, false)                                     \
	X(ADDRESS, "address", TEXT, NONE, false)                                   \
	X(CITY, "city", TEXT, NONE, false)                                         \
	X(POSTAL_CODE, "postal_code", TEXT, NONE, false)                           \
	X(COUNTRY, "country", TEXT, NONE, false) /* ISO 3166-1 alpha-2 */          \
	X(TERMS, "terms", TEXT, NONE, false)                                       \
	X(CONTROL_ACCOUNT, "control_account", TEXT, NONE, false)                   \
	X(VALID_FROM, "valid_from", DATE, NONE, false)                             \
	X(VALID_TO, "valid_to", DATE, NONE, false)                                 \
	X(CREDIT_HOLD, "credit_hold", BOOLEAN, NONE, false)                        \
	X(STATUS, "status", TEXT, NONE, false)

/* What a meter counted of one customer in one window, added up before it leaves the box: one row in place of thousands
 * of records, and the digest that proves which ones they were. */
#define USAGE_HEADER_FIELDS(X)                                                     \
	HEADER_COMMON_FIELDS(X)                                                    \
	X(CUSTOMER, "customer", TEXT, NONE, true)                                  \
	X(CUSTOMER_MAPPED, "customer_mapped", TEXT, NONE, false)                   \
	X(METER, "meter", TEXT, NONE, true)                                        \
	X(WINDOW_START, "window_start", DATE, NONE, true) /* first day */          \
	X(WINDOW_END, "window_end", DATE, NONE, true)     /* last day, included */ \
	X(QUANTITY, "quantity", DECIMAL, NONE, true)                               \
	X(UNIT, "unit", TEXT, NONE, true)                                          \
	X(RECORD_COUNT, "record_count", INTEGER, NONE, false)                      \
	X(RECORDS_DIGEST, "records_digest", TEXT, NONE, false) /* SHA-256, in hex */

/* Slots: HEADER_ENTITY .. are the same in every type; JOURNAL_LEDGER, INVOICE_NET, JOURNAL_LINE_AMOUNT, ... */
#define FIELD_SLOT_HEADER(identifier, key, kind, currency, required) HEADER_##identifier,
enum header_field { HEADER_COMMON_FIELDS(FIELD_SLOT_HEADER) HEADER_COMMON_COUNT };
#define FIELD_SLOT_JOURNAL(identifier, key, kind, currency, required) JOURNAL_##identifier,
enum journal_field { JOURNAL_HEADER_FIELDS(FIELD_SLOT_JOURNAL) JOURNAL_COUNT };
#define FIELD_SLOT_JOURNAL_LINE(identifier, key, kind, currency, required) JOURNAL_LINE_##identifier,
enum journal_line_field { JOURNAL_LINE_FIELDS(FIELD_SLOT_JOURNAL_LINE) JOURNAL_LINE_COUNT };
#define FIELD_SLOT_INVOICE(identifier, key, kind, currency, required) INVOICE_##identifier,
enum invoice_field { INVOICE_HEADER_FIELDS(FIELD_SLOT_INVOICE) INVOICE_COUNT };
#define FIELD_SLOT_INVOICE_LINE(identifier, key, kind, currency, required) INVOICE_LINE_##identifier,
enum invoice_line_field { INVOICE_LINE_FIELDS(FIELD_SLOT_INVOICE_LINE) INVOICE_LINE_COUNT };
#define FIELD_SLOT_INVOICE_TAX(identifier, key, kind, currency, required) INVOICE_TAX_LINE_##identifier,
enum invoice_tax_field { INVOICE_TAX_FIELDS(FIELD_SLOT_INVOICE_TAX) INVOICE_TAX_LINE_COUNT };
#define FIELD_SLOT_PAYMENT(identifier, key, kind, currency, required) PAYMENT_##identifier,
enum payment_field { PAYMENT_HEADER_FIELDS(FIELD_SLOT_PAYMENT) PAYMENT_COUNT };
#define FIELD_SLOT_APPLICATION(identifier, key, kind, currency, required) PAYMENT_APPLICATION_##identifier,
enum payment_application_field {
	PAYMENT_APPLICATION_FIELDS(FIELD_SLOT_APPLICATION) PAYMENT_APPLICATION_COUNT
};
#define FIELD_SLOT_CUSTOMER(identifier, key, kind, currency, required) CUSTOMER_##identifier,
enum customer_field { CUSTOMER_HEADER_FIELDS(FIELD_SLOT_CUSTOMER) CUSTOMER_COUNT };
#define FIELD_SLOT_USAGE(identifier, key, kind, currency, required) USAGE_##identifier,
enum usage_field { USAGE_HEADER_FIELDS(FIELD_SLOT_USAGE) USAGE_COUNT };

/* The lists a document may hold; the section's key in the JSON. */
enum document_section { SECTION_LINES, SECTION_TAX_LINES, SECTION_APPLICATIONS, SECTION_COUNT };

struct field_spec {
	const char *key;
	enum value_kind kind;
	enum value_currency currency;
	bool required;
};

struct section_spec {
	const char *key; /* "lines"; NULL where the type has no such section */
	const struct field_spec *fields;
	int field_count;
	int lines_min; /* 2 for a journal, 1 for an invoice, 0 for a payment's applications */
};

struct document_spec {
	const char *name;       /* "credit_memo": as in `type` of the data */
	const char *event_name; /* "creditmemo": as in the CloudEvents type */
	const struct field_spec *header;
	int header_count;
	struct section_spec sections[SECTION_COUNT];
};

const struct document_spec *document_spec(enum document_type type);
/* The type of this name; false: none. */
MUST_USE bool document_type_find(enum document_type *type, struct span name);
/* The slot of this key in the section (-1: header), or -1. */
int document_field_find(enum document_type type, int section, struct span key);

struct value {
	bool present;
	union {
		struct decimal decimal; /* VALUE_AMOUNT, VALUE_DECIMAL */
		int64_t integer;
		date_days date;
		bool boolean;
		struct {
			uint32_t offset; /* into the document's text arena */
			uint32_t len;
		} text;
	} as;
};

struct line_list {
	struct value *values; /* line i begins at i * stride */
	int stride;
	int count;
	int capacity; /* in values, not lines: the stride changes with the type */
};

struct document {
	enum document_type type;
	bool voided; /* the ERP voided it: its event is .voided */
	struct value header[DOCUMENT_FIELDS_MAX];
	struct line_list sections[SECTION_COUNT];
	struct buf text;
};

void document_init(struct document *document);
void document_release(struct document *document);
/* Empties it for a new document of this type; keeps the memory, but not what an uncommonly large one took. */
void document_begin(struct document *document, enum document_type type);
/* A new line, all its fields absent; NULL: DOCUMENT_LINES_MAX reached. Pointers to other lines of the list end here.
 * Asking for a section that the type does not have is a bug. */
struct value *document_add_line(struct document *document, enum document_section section);
const struct value *document_line(const struct document *document, enum document_section section, int index);
/* Copies text into the arena; the empty span makes it absent. ERR_TOO_LARGE: the arena is full. */
MUST_USE enum err document_set_text(struct document *document, struct value *value, struct span text);
struct span document_text(const struct document *document, const struct value *value);

/* {entity}/{type}/{year}/{number} from the header, each part with the bytes outside [A-Za-z0-9._~-] percent-encoded
 * (RFC 3986, section 2.1), so that a subject always has four parts. ERR_BAD_INPUT: a part is absent, or the year is
 * outside 0..9999; ERR_TOO_LARGE: over 199 bytes, or over size with its end. text is "" then. */
MUST_USE enum err document_subject(const struct document *document, char *text, size_t size,
                                   struct err_info *info);

#endif
