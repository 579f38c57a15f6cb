/*
 * report_page.h - writes HTML and SVG, with every text from outside escaped.
 *
 * Why:   one place turns figures and texts into mark-up, so that no name in an ERP can become a tag or a script.
 * Owns:  struct page owns its scratch buffer; the file is the caller's.
 * Rules: 1. Mark-up stands in the format alone; what is put into it is escaped by its letter. %r takes mark-up of the
 *           program's own.
 *        2. A text is cut after PAGE_TEXT_CHARACTERS; CSV and XLSX hold it whole.
 *        3. A failure to write is kept by the stream and asked for once, at the end.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#ifndef TWINPOST_REPORT_PAGE_H
#define TWINPOST_REPORT_PAGE_H

#include <stdio.h>

#include "tools/twinpost/report_figures.h"

#define PAGE_TEXT_CHARACTERS 120

struct page {
	FILE *file;
	const struct figures *figures;
	const cJSON *run;
	const struct report_limits *limits;
	struct buf text;
	int tables, charts; /* so far: for their ids */
};

void page_put(struct page *page, const char *markup);
/* Letters: %t text, %a amount as text, %m struct decimal, %n int64_t with separators, %i int, %p int in tenths (12.5),
 * %h share, %w date in words, %r mark-up, %%. */
void page_format(struct page *page, const char *format, ...);

/* A table within a region that scrolls sideways. classes: "" or CSS classes. The caption is a format of
 * page_format(). */
void page_table(struct page *page, const char *classes, const char *caption, ...);
/* "Company|#Debit": heads of columns, those of numbers behind a '#'. Opens the body. */
void page_heads(struct page *page, const char *heads);
void page_table_end(struct page *page);
/* <section id=..><h2>..</h2>; ended by </section>. */
void page_section(struct page *page, const char *id, const char *title);

/* "1 document", "1,234 documents": into words of a sentence. */
void page_plural(struct page *page, int64_t count, const char *one, const char *many);
/* A paragraph: there is nothing to show. */
void page_nothing(struct page *page, const char *sentence);

#endif
