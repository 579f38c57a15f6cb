/*
 * join.h - several documents of one kind as one: a collective invoice, a summarised receivable.
 *
 * Why:   one side may post in one document what the other posts in several; their sums are what can be compared.
 * Owns:  nothing.
 * Rules: 1. Lines of every list are appended; amounts of the header are added up, exactly, and so are quantity and
 *           number of records of usage.
 *        2. All else of the header stays that of the first document. What the documents do not have in common is not a
 *           matter of this function.
 * Runs in: the CLI.
 * Tests: tests/unit/join_test.c
 */
#ifndef TWINPOST_JOIN_H
#define TWINPOST_JOIN_H

#include "connector/posting/document.h"

/* ERR_BAD_INPUT: of another type or currency; ERR_TOO_LARGE: too many lines; ERR_OVERFLOW: a sum. */
MUST_USE enum err document_join(struct document *to, const struct document *other, struct err_info *info);

#endif
