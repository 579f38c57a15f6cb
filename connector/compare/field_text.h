/*
 * field_text.h - a field's value from its text, as the contract writes values.
 *
 * Why:   JSON and CSV hold the same texts; one place says which are values.
 * Owns:  nothing.
 * Rules: 1. A text that is taken is one that the contract's schemas take; what it stands for is exact.
 *        2. Decimals keep the digits they came with.
 * Source: docs/contract/events.md ("The data"); docs/compare/csv.md ("Values").
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_read_test.c, csv_documents_test.c
 */
#ifndef TWINPOST_FIELD_TEXT_H
#define TWINPOST_FIELD_TEXT_H

#include "connector/posting/document.h"

/* Of every kind but VALUE_TEXT. NULL: *value is set, and present. Else why it is none: "is no date like ...". */
MUST_USE const char *field_text_read(enum value_kind kind, struct span text, struct value *value);

#endif
