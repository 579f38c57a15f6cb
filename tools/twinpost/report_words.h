/*
 * report_words.h - the words and numbers of a report, as people in finance read them.
 *
 * Why:   every format calls the same thing by the same name, and nothing an ERP holds can play tricks on a reader.
 * Owns:  nothing; it appends to the caller's buffer, or returns static text.
 * Rules: 1. Text from outside goes through words_text(): what is no UTF-8, control characters and those that turn the
 *           direction of writing become U+FFFD.
 *        2. Amounts and counts have thousands separators and a true minus (U+2212); the digits are those of the result.
 *        3. A code that is not known is shown as it stands, with blanks for underscores.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_WORDS_H
#define TWINPOST_REPORT_WORDS_H

#include "connector/posting/decimal.h"

#define WORDS_ALL SIZE_MAX

/* At most `characters` of it, then an ellipsis. */
void words_text(const char *text, size_t characters, struct buf *out);
/* "-1234.50" becomes "−1,234.50"; what is no amount stays text. */
void words_amount(const char *amount, struct buf *out);
void words_decimal(struct decimal amount, struct buf *out);
void words_count(int64_t count, struct buf *out);
/* "0.9984" becomes "99.84 %"; what is no number stays text. */
void words_share(const char *share, struct buf *out);
/* "2026-11-21T16:08:27.000Z" becomes "21 November 2026, 16:08 UTC", "2026-11-21" the date; else as it stands. */
void words_date(const char *iso, struct buf *out);

/* What a code is called; buffers hold codes that are not known. */
#define WORDS_CODE_SIZE       200
#define WORDS_CODE_CHARACTERS 40
/* Class of a row of usage. */
const char *words_usage(const char *class_, char buffer[WORDS_CODE_SIZE]);
const char *words_status(const char *status, char buffer[WORDS_CODE_SIZE]);
const char *words_cause(const char *cause, char buffer[WORDS_CODE_SIZE]);
const char *words_state(const char *state, char buffer[WORDS_CODE_SIZE]);
const char *words_step(const char *step, char buffer[WORDS_CODE_SIZE]); /* of a bridge */
const char *words_code(const char *code, char buffer[WORDS_CODE_SIZE]); /* blanks for underscores */
const char *words_verdict(const char *verdict);

/* Who looks after a cause (`owner`: technical, data_quality, mapping, policy; another: as is usual for the cause), and
 * what to do about it. */
const char *words_owner(const char *cause, const char *owner);
const char *words_action(const char *cause);
/* Is somebody to do something, or does it end by itself? */
bool words_waits(const char *status);

#endif
