/*
 * rules.h - what the migration team writes in CSV files: mappings, tolerances, and what is compared.
 *
 * Why:   legacy codes become cloud codes by tables that finance people keep in a spreadsheet; a comparison must say by
 *        which version of them it was made.
 * Owns:  struct rules owns every text; it never changes once rules_finish() was called.
 * Rules: 1. One file for each kind of mapping (account.csv, cost_centre.csv, tax_code.csv, customer.csv, entity.csv,
 *           document_type.csv), and tolerance.csv, attribute.csv. A kind without a file: codes are the same on both
 *           sides.
 *        2. A mapping's row: entity,from,to,valid_from,valid_to,note. entity "*" (or empty): all; one's own entity goes
 *           first. from "*": every code that no other row of it names; to "=": the code stays. Both dates are within
 *           the row; an empty one is open. The order: own entity and code, own entity and "*", all entities and code,
 *           all entities and "*"; a code that a row names on other dates is no "every other code".
 *        3. Two rows of one entity and code whose dates overlap are an error of the files, told with both lines.
 *        4. A code that no row covers on the document's posting date is missing: never guessed, never passed on.
 *        5. The version is a digest of names and bytes of all files, so that the same files are the same version.
 *        6. A tolerance is an amount of money, per document, the first row that matches; none: zero.
 * Faults: not CSV (RFC 4180), not UTF-8, unknown columns, bad dates and amounts: each with file, line and what to do.
 * Source: RFC 4180 (CSV), read by libcsv; a semicolon as separator is recognised by the first line, as spreadsheets of
 *        many countries write it.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rules_test.c, rules_csv_test.c, rules_tolerance_test.c, tests/fuzz/rules_fuzz.c
 */
#ifndef TWINPOST_RULES_H
#define TWINPOST_RULES_H

#include "connector/posting/document.h"
#include "store_forward/digest.h"

#define RULES_CANARY_ENTITY \
	"~canary" /* of documents that a comparison makes for itself: nothing is missing for it */
#define RULES_FILE_BYTES_MAX (16u * 1024u * 1024u)
#define RULES_MAPPINGS_MAX   500000 /* rows of all kinds */
#define RULES_TOLERANCES_MAX 1000
#define RULES_ATTRIBUTES_MAX 256
#define RULES_CODE_MAX       128
#define RULES_PROBLEMS_MAX   50
#define RULES_VERSION_SIZE   17 /* 16 hex digits and the end */

/* X(identifier, "name of file and of field") */
#define MAPPING_KINDS(X)                      \
	X(ACCOUNT, "account")                 \
	X(COST_CENTRE, "cost_centre")         \
	X(TAX_CODE, "tax_code")               \
	X(CUSTOMER, "customer") /* parties */ \
	X(ENTITY, "entity")                   \
	X(DOCUMENT_TYPE, "document_type") /* the ERP's own type, legacy_type */

enum mapping_kind {
#define MAPPING_KIND_ENUM(identifier, name) MAPPING_##identifier,
	MAPPING_KINDS(MAPPING_KIND_ENUM)
#undef MAPPING_KIND_ENUM
	    MAPPING_KIND_COUNT
};
const char *mapping_kind_name(enum mapping_kind kind);

struct rules;

struct rules_problem {
	char file[32];
	int line; /* 0: of the whole file */
	char text[ERR_TEXT_MAX];
};

struct rules_problems {
	struct rules_problem list[RULES_PROBLEMS_MAX];
	int count; /* told */
	int total; /* found */
};

struct rules *rules_new(void);
void rules_free(struct rules *rules); /* NULL is allowed */
/* One file: name without ".csv". false: it has problems, or the name is none of rule 1 (told in *problems). */
MUST_USE bool rules_add(struct rules *rules, const char *name, struct span text,
                        struct rules_problems *problems);
/* After the last file: looks for overlaps, gives the version. false: problems. Rules without any file are finished
 * with this alone: every code stays, nothing is tolerated. */
MUST_USE bool rules_finish(struct rules *rules, struct rules_problems *problems);
const char *rules_version(const struct rules *rules); /* 16 hex digits */
int64_t rules_count(const struct rules *rules,
                    enum mapping_kind kind);                       /* rows; 0 also where there is no file */
bool rules_has(const struct rules *rules, enum mapping_kind kind); /* was there a file? */
int rules_tolerance_count(const struct rules *rules);
int rules_attribute_count(const struct rules *rules);

/* Maps a code on a date. true: *mapped is borrowed from the rules, or is `code` itself. false: it is missing. An empty
 * code stays empty; a code of RULES_CANARY_ENTITY that no row maps stays as it is. */
MUST_USE bool rules_map(const struct rules *rules, enum mapping_kind kind, struct span entity,
                        struct span code, date_days on, struct span *mapped);

/* What a document may differ by: an amount in major units; zero where no row matches. Entity and account are the
 * cloud's codes; an empty account stands for the whole document. */
struct decimal rules_tolerance(const struct rules *rules, struct span entity, struct span currency,
                               enum document_type type, struct span account);
/* Is this attribute of the type compared? attribute.csv (document_type,attribute,compare) decides with yes or no;
 * otherwise `fallback`. */
MUST_USE bool rules_compares(const struct rules *rules, enum document_type type, struct span attribute,
                             bool fallback);

/* Which legacy codes, dates apart, have rows: for looking for gaps against what was posted. Visits rows of one kind in
 * the order of entity, code, valid_from. */
struct mapping_row {
	struct span entity, from, to, note;
	date_days valid_from, valid_to; /* INT32_MIN, INT32_MAX where open */
	int line;
};
typedef bool (*mapping_visitor)(void *self, const struct mapping_row *row);
void rules_visit(const struct rules *rules, enum mapping_kind kind, mapping_visitor visit, void *self);

#endif
