/*
 * rounding.h - which rounding policy a ledger's taxes follow: found by fitting every known one to what it printed.
 *
 * Why:   a migration team that sees a thousand differences of one cent wants one sentence: the cloud rounds the total
 *        half-even, the ERP each line half-up. And a wrong cent that no policy explains must not hide among them.
 * Owns:  struct rounding_sheet owns its lines; struct rounding_fits owns what it has counted, ROUNDING_FITS_MAX pairs
 *        of entity and side at most (more are refused and counted).
 * Rules: 1. A policy is level x step x mode. Level: each line is rounded and the roundings are added up, or the exact
 *           sum of a tax code is rounded once. Step: to 1, 5 (cash rounding of CHF, SEK) or 100 (whole units of HUF,
 *           TWD) minor units. Mode: the list below, signed ones (towards an infinity) and symmetric ones (by
 *           magnitude) apart.
 *        2. Arithmetic is exact: rate and net are integers, products have 128 bits. What does not fit is no
 *           observation.
 *        3. An observation either is reproduced by a policy to the minor unit, with every line's tax that is known
 *           where the level is line, or contradicts it. One that contradicts all is foreign: it is not about
 *           rounding.
 *        4. A policy stands if its contradictions are within the allowance (parts per million of the observations,
 *           rounded down; 0 unless the caller says otherwise). Within an allowance, one is beaten all the same by one
 *           that explains ROUNDING_DECISIVE more of the observations that tell the two apart, 20 to 1: errors do not
 *           fall on halves by chance.
 *        5. FITS: what stands is one class. Two policies are of one class where what would tell them apart is not
 *           posed by any document seen: signed or symmetric without a negative fraction, line or total without two
 *           fractions under one tax code, the half-... modes without a rate that can give a half (20 % never does).
 *           ABSTAINS: two classes or more, or fewer than ROUNDING_EVIDENCE_MIN observations with a fraction. NONE: no
 *           policy stands.
 *        6. Amounts of credit memos count negative, as in a view, so that signed and symmetric can be told apart.
 * Sources: IEEE 754-2019, 4.3 (roundTiesToEven, roundTiesToAway, roundTowardZero, -Positive, -Negative); General
 *          Decimal Arithmetic (half-up there is symmetric); ISO 4217 (minor units). Oracle Fusion Tax, "Tax Amount
 *          Rounding" (level header or line; rule up, down, nearest; minimum accountable unit); SAP Knowledge Base
 *          3267065 (condition at item against header), 3373026 (header's tax distributed to items), 2432269
 *          (commercial rounding); SAP Convergent Charging TAX_ROUNDING_MODE (nearest, truncate, raise); Odoo (round
 *          per line, round globally; cash rounding up, down, half-up); EN 16931-1 BR-CO-17 (tax of a category = base
 *          x rate, rounded to two decimals: total level; the mode is left open, validators differ); HMRC VATREC12030
 *          (half a penny up; others if fair).
 * Runs in: the core; the CLI.
 * Tests: tests/unit/rounding_test.c, rounding_sheet_test.c
 */
#ifndef TWINPOST_ROUNDING_H
#define TWINPOST_ROUNDING_H

#include "connector/compare/view.h"

#define ROUNDING_FITS_MAX        1024 /* pairs of entity and side */
#define ROUNDING_SHEET_CODES     16   /* tax codes and rates of one document */
#define ROUNDING_MASKS_MAX       4096 /* kinds of answers kept for one entity and side */
#define ROUNDING_DECISIVE        5
#define ROUNDING_EVIDENCE_MIN    8
#define ROUNDING_EVIDENCE_ENOUGH 2000 /* with a fraction; 19 % gives twenty halves in so many */
#define ROUNDING_PPM             1000000
#define ROUNDING_ALLOWANCE_PPM   0 /* what rounding_judge() is to be given where nothing else is known */

enum rounding_level { ROUNDING_LINE, ROUNDING_TOTAL, ROUNDING_LEVEL_COUNT };

/* X(identifier, "name", "name where signed and symmetric are one"). In twos: signed, then its symmetric twin. */
#define ROUNDING_MODES(X)                                                                    \
	X(HALF_UP, "half-up signed", "half-up")          /* a half goes towards +infinity */ \
	X(HALF_AWAY, "half-up symmetric", "half-up")     /* a half goes away from zero */    \
	X(HALF_LOW, "half-down signed", "half-down")     /* a half goes towards -infinity */ \
	X(HALF_ZERO, "half-down symmetric", "half-down") /* a half goes towards zero */      \
	X(FLOOR, "floor", "truncation")                  /* towards -infinity */             \
	X(TRUNCATE, "truncation", "truncation")          /* towards zero */                  \
	X(CEILING, "ceiling", "round-up")                /* towards +infinity */             \
	X(AWAY, "round-up symmetric", "round-up")        /* away from zero */                \
	X(HALF_EVEN, "half-even", "half-even")           /* a half goes to the even one */

enum rounding_mode {
#define ROUNDING_MODE_ENUM(identifier, name, together) ROUNDING_##identifier,
	ROUNDING_MODES(ROUNDING_MODE_ENUM)
#undef ROUNDING_MODE_ENUM
	    ROUNDING_MODE_COUNT
};

#define ROUNDING_STEPS        3 /* 1, 5, 100 minor units */
#define ROUNDING_POLICY_COUNT (ROUNDING_LEVEL_COUNT * ROUNDING_STEPS * ROUNDING_MODE_COUNT)

struct rounding_policy {
	enum rounding_level level;
	int step; /* 1, 5, 100 */
	enum rounding_mode mode;
};

/* A set of policies, 1 << index; indices run from 0 to ROUNDING_POLICY_COUNT - 1. */
typedef uint64_t rounding_set;

struct rounding_policy rounding_policy_at(int index);
int rounding_index(struct rounding_policy policy);

struct rounding_line {
	int64_t net;         /* minor units */
	struct decimal rate; /* per cent */
	int64_t tax;         /* has_tax */
	bool has_tax;
};

/* One tax code of one document. */
struct rounding_observation {
	const struct rounding_line *lines;
	int count;
	int64_t tax; /* what the ledger printed for the code */
};

/* The tax by this policy; ERR_OVERFLOW: over 64 bits. The lines' own taxes are not looked at. */
MUST_USE enum err rounding_apply(struct rounding_policy policy, const struct rounding_line *lines, int count,
                                 int64_t *tax);
/* All policies that reproduce it. ERR_OVERFLOW as above. */
MUST_USE enum err rounding_explains(const struct rounding_observation *observation, rounding_set *set);

/* What an invoice or credit memo says: its lines by tax code and rate, and what was printed for each. */
struct rounding_group {
	struct span code; /* the document's own, borrowed from it */
	struct decimal rate;
	int first, count; /* of the sheet's lines */
	int64_t tax;
};

struct rounding_sheet {
	struct rounding_group groups[ROUNDING_SHEET_CODES];
	int group_count;
	bool whole; /* the groups are all of the document's tax: nothing was left out */
	struct rounding_line *lines;
	int line_count;
	int line_capacity;
};

void rounding_sheet_init(struct rounding_sheet *sheet);
void rounding_sheet_release(struct rounding_sheet *sheet);
/* Other types than invoice and credit memo give an empty sheet. A code is left out (whole is false then) if its rate
 * is not known, if several tax lines have it (jurisdictions), if the base is not the sum of the lines, or if an
 * amount does not fit. The sheet borrows from the document. */
void rounding_sheet_read(struct rounding_sheet *sheet, const struct document *document);
struct rounding_observation rounding_sheet_at(const struct rounding_sheet *sheet, int group);

struct rounding_fits;

struct rounding_fits *rounding_fits_new(void);
void rounding_fits_free(struct rounding_fits *fits); /* NULL is allowed */
/* Every document, also those that agree: they are the evidence. `key` is the entity, or whatever shares a policy.
 * false: it is no observation (overflow, or ROUNDING_FITS_MAX keys are there). */
bool rounding_observe(struct rounding_fits *fits, struct span key, enum ledger_side side,
                      const struct rounding_observation *observation);
void rounding_observe_sheet(struct rounding_fits *fits, struct span key, enum ledger_side side,
                            const struct rounding_sheet *sheet);

enum rounding_verdict { ROUNDING_FITS, ROUNDING_ABSTAINS, ROUNDING_NONE };
const char *rounding_verdict_name(enum rounding_verdict verdict); /* "fits", "abstains", "none" */

#define ROUNDING_NAME_MAX 160

struct rounding_result {
	enum rounding_verdict verdict;
	rounding_set stand; /* the policies that stand; NONE: empty */
	int classes;
	int best;               /* index of the one with the fewest contradictions */
	int64_t observations;   /* all of them */
	int64_t evidence;       /* those with a fraction to round */
	int64_t contradictions; /* of the best, foreign ones among them */
	int64_t foreign;
	char policy[ROUNDING_NAME_MAX]; /* "line half-up"; the classes with " or " between */
	char text[ERR_TEXT_MAX];        /* one sentence: what is known, and what would tell more */
};

/* false: nothing was observed of this key and side; *result is ABSTAINS then, with nothing seen. */
bool rounding_judge(const struct rounding_fits *fits, struct span key, enum ledger_side side,
                    int allowance_ppm, struct rounding_result *result);
/* Would more observations still help? For a caller that has more documents than it wants to open: those that differ all
 * count, and of those that agree as many as this asks for. Without any that agree the differing ones mislead: taxes on
 * which half-up and half-even differ do not tell half-even from truncation. */
bool rounding_wants(const struct rounding_fits *fits, struct span key, enum ledger_side side);
/* How many observations of this key and side are explained by a policy of `by` and by none of `not_by`. */
int64_t rounding_witnesses(const struct rounding_fits *fits, struct span key, enum ledger_side side,
                           rounding_set by, rounding_set not_by);

/* Keys and sides in order (key, then legacy before cloud), for the report. */
int rounding_fits_count(const struct rounding_fits *fits);
void rounding_fits_at(const struct rounding_fits *fits, int index, struct span *key, enum ledger_side *side);
int64_t rounding_fits_refused(const struct rounding_fits *fits);

#endif
