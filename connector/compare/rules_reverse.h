/*
 * rules_reverse.h - which of the ERP's codes become a code of the cloud: a mapping read from its end.
 *
 * Why:   a balance has the cloud's account; who signs it knows the ERP's, and asks which of them stand behind it.
 * Owns:  struct rules_reverse owns an index of one kind's rows by their target; it borrows the rules.
 * Rules: 1. A code is listed where, on at least one day of the interval, a company of the ERP becomes this company of
 *           the cloud and the code becomes this one in it, by the row that counts that day: rules_map() decides, and
 *           no order of rows is known here. A code whose row is overridden on all these days is not listed.
 *        2. "*" is listed for a row whose `from` is "*": every code that no other row names. What comes to the code by
 *           such a row is not listed by name. Where a "*" keeps codes ("="), the code itself is listed.
 *        3. Where entity.csv brings every other company here ("*"), these are all that it does not name: those with
 *           rows of their own, and one without.
 *        4. Without a file of the kind, or without rules, every code stays: it is its own and only one.
 *        5. Codes stand in the order of their bytes, separated by blanks; over RULES_REVERSE_MAX the rest is "...". For
 *           people: a code with a blank in it is not told apart from two.
 * Faults: none; nothing is listed of a code to which nothing is mapped.
 * Runs in: the CLI.
 * Tests: tests/unit/rules_reverse_test.c
 */
#ifndef TWINPOST_RULES_REVERSE_H
#define TWINPOST_RULES_REVERSE_H

#include "connector/compare/rules.h"

#define RULES_REVERSE_MAX 16 /* codes that are listed: what a cell of a table can hold */

struct rules_reverse;

/* The rules (NULL: none) are finished, and stay while it is in use. kind: any but MAPPING_ENTITY, whose reverse is part
 * of all others. Takes time in the number of rows, once. */
struct rules_reverse *rules_reverse_new(const struct rules *rules, enum mapping_kind kind);
void rules_reverse_free(struct rules_reverse *reverse); /* NULL is allowed */
/* Appends the list for a company and code of the cloud, and the days first..last (INT32_MIN, INT32_MAX: open); nothing
 * for an empty code. Takes time in the rows with this target, for each company that becomes this one, whatever else the
 * files hold. */
void rules_reverse_list(const struct rules_reverse *reverse, struct span entity, struct span code,
                        date_days first, date_days last, struct buf *out);

#endif
