/*
 * view_oracle.h - what two documents must agree in, worked out in another way: as sorted lines of text.
 *
 * Why:   views and pairs are held against something that shares no code with them.
 * Owns:  nothing.
 * Rules: 1. Codes stay (no rules), attributes are compared by default. Amounts have their currency's digits.
 *        2. Slow and simple: keys are texts, lines of one key are looked for one by one.
 * Runs in: the tests.
 */
#ifndef TWINPOST_VIEW_ORACLE_H
#define TWINPOST_VIEW_ORACLE_H

#include "connector/posting/document.h"

/* Replaces what is in `out`. Two documents are equal to the comparison if and only if these texts are. */
void view_oracle(const struct document *document, struct buf *out);

#endif
