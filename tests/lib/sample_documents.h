/*
 * sample_documents.h - valid documents of every type, and what a test changes in them.
 *
 * Why:   many tests need a document that keeps every rule, to break one of them.
 * Owns:  the fixture is one struct document, made by sample_set_up and released by sample_tear_down.
 * Rules: every helper fails the test it is called in rather than return an error.
 * Runs in: the tests.
 */
#ifndef TWINPOST_SAMPLE_DOCUMENTS_H
#define TWINPOST_SAMPLE_DOCUMENTS_H

#include "connector/posting/validity.h"

int sample_set_up(void **state);
int sample_tear_down(void **state);
void sample_set_text(struct document *document, struct value *value, const char *text);
void sample_set_header(struct document *document, int slot, const char *text);
void sample_set_decimal(struct value *value, const char *text);
void sample_set_amount(struct document *document, int slot, const char *text);
void sample_set_integer(struct document *document, int slot, int64_t integer);
void sample_set_date(struct value *value, const char *text);
struct value *sample_line_at(struct document *document, enum document_section section, int index);
void sample_expect_valid(const struct document *document);
/* The finding has this rule, its owner of the list, and this text in its sentence. */
void sample_expect_broken(const struct document *document, const char *rule, const char *part);
void sample_begin(struct document *document, enum document_type type, const char *currency);
struct value *sample_add_journal_line(struct document *document, const char *amount, const char *local);
void sample_make_journal(struct document *document);
/* Two lines: 60.00 and 40.00 net at 19 per cent: 11.40 + 7.60 = 19.00 tax, 119.00 gross. */
void sample_make_invoice(struct document *document, enum document_type type);
void sample_make_payment(struct document *document);
void sample_make_customer(struct document *document);
/* 120.50 GB of meter "transfer" in September 2026, of 310 records. */
void sample_make_usage(struct document *document);

#endif
