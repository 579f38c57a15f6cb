/*
 * cause_internal.h - what the files of the causes share: the book, the shape of a difference, facts.
 *
 * Why:   the reading of two views, the rules and the grouping are subjects of their own.
 * Owns:  see cause.h.
 * Rules: included by cause*.c alone.
 * Runs in: the core; the CLI.
 */
#ifndef TWINPOST_CAUSE_INTERNAL_H
#define TWINPOST_CAUSE_INTERNAL_H

#include "connector/compare/cause.h"

#define DELTAS_MAX 256 /* differing lines that are looked at one by one */
#define MOVES_MAX  16  /* different pairs A -> B in one document */

/* What is counted over documents. The first ones are parts of a line's key. */
enum fact_kind {
	FACT_ENTITY,
	FACT_ACCOUNT,
	FACT_COST_CENTRE,
	FACT_TAX_CODE,
	FACT_LINE_KINDS,
	FACT_PARTY = FACT_LINE_KINDS,
	FACT_DOCUMENT_TYPE,
	FACT_KINDS,
	FACT_CENTS = FACT_KINDS, /* taxes off by single units, without proof */
	FACT_CONTENT             /* presence differences, by their content */
};
const char *fact_word(enum fact_kind kind); /* "tax code" */
const char *fact_name(enum fact_kind kind); /* "tax_code" */

struct fact {
	uint64_t hash; /* 0: free */
	char *key;     /* kind, entity, from, to: each with its length */
	size_t key_len;
	int64_t documents;
	int64_t last; /* the document that counted last: one counts once */
};

/* Open addressing; capacity is a power of two. */
struct fact_table {
	struct fact *list;
	int count;
	int capacity;
	int max;
	int64_t refused;
};

void facts_release(struct fact_table *table);
/* document: its serial number, from 1 on. */
void facts_count(struct fact_table *table, enum fact_kind kind, struct span entity, struct span from,
                 struct span to, int64_t document);
int64_t facts_of(const struct fact_table *table, enum fact_kind kind, struct span entity, struct span from,
                 struct span to);
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len);
#define HASH_BEGIN UINT64_C(0xcbf29ce484222325)

/* A line that differs: cloud - legacy. */
struct delta {
	const struct view_line *legacy; /* NULL: only the cloud has it */
	const struct view_line *cloud;
	int64_t debit, credit, local, base;
	bool beside; /* another amount beside it differs */
	bool moved;
	int64_t size; /* |debit| + |credit|, clamped */
};

struct move {
	enum fact_kind kind;
	struct span from, to;
};

/* What is different between two views, without what is tolerated. */
struct shape {
	struct delta deltas[DELTAS_MAX];
	int kept;
	int delta_count;
	bool wild; /* numbers that cannot be subtracted, or more lines than are looked at */
	int64_t header[VIEW_AMOUNT_COUNT];
	int64_t header_local[VIEW_AMOUNT_COUNT];
	bool header_differs;
	bool header_local_differs;
	bool header_absent; /* one side has an amount that the other has not */
	bool local_absent;
	bool lines_differ;   /* in document currency */
	bool local_differs;  /* lines or header */
	uint64_t attributes; /* 1 << enum view_attribute: differ */
	bool type, voided, entity, currency;
	struct move moves[MOVES_MAX];
	int move_count;
	bool ambiguous; /* another choice of moves was as good before anything was learnt */
	bool all_moved; /* the moves are all that differs in the amounts */
};

/* A judgement of one entity and side, kept because documents of an entity come together. */
struct judged {
	bool known;
	char entity[CAUSE_CODE_MAX + 1];
	struct rounding_result result[SIDE_COUNT];
};

struct cause_groups_state;

struct cause_book {
	struct cause_options options;
	bool settled;
	int64_t documents; /* learnt or seen */
	struct fact_table moves;
	struct fact_table codes;
	struct shape shape;
	struct judged judged;
	struct cause_groups_state *groups;
};

/* Reads both views of the evidence into book->shape; moves chosen with what was learnt so far. */
void shape_read(struct cause_book *book, const struct cause_evidence *evidence);
struct span shape_part(const struct view_line *line, enum fact_kind kind);
/* The differing line with the greatest difference; NULL: none. */
const struct delta *shape_largest(const struct shape *shape);

/* "account 4000": the code as people quote it; a code is cut to what a sentence bears. */
int quoted(struct span code);
/* "-12.50", with the currency's digits. */
void print_minor(int64_t units, int digits, char text[DECIMAL_TEXT_MAX]);
int64_t clamped_add(int64_t a, int64_t b);
int64_t magnitude(int64_t a);

/* The rules; each true if it is the cause, and then *name is whole. */
bool cause_is_rounding(struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name);
/* Are there rates by line and policies for both sides, so that a tax can be proven wrong? */
bool cause_knows_policies(struct cause_book *book, const struct cause_evidence *evidence);
/* Of taxes that differ with the same nets, once it is not rounding. */
bool cause_is_tax(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name);
bool cause_is_fx_rate(const struct cause_book *book, const struct cause_evidence *evidence,
                      struct cause_name *name);
void cause_of_pair(struct cause_book *book, const struct cause_evidence *evidence, struct cause_name *name);
void cause_of_presence(struct cause_book *book, const struct cause_evidence *evidence,
                       struct cause_name *name);
/* Only taxes differ: net amounts and their lines agree. Also by single units for each component? */
bool shape_tax_only(const struct shape *shape);
bool shape_single_units(const struct shape *shape, const struct view *legacy, int64_t step);
/* Sets cause, owner, detail and text. Always true, so that `return named(...)` reads well. */
bool named(struct cause_name *name, enum cause cause, const char *detail, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* "kind|currency|total|date|party": what two documents without each other's name have in common. */
void content_of(const struct view *view, char text[CAUSE_DETAIL_MAX * 2]);

struct cause_groups_state *groups_new(void);
void groups_free(struct cause_groups_state *groups);

#endif
