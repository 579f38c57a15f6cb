/*
 * csv_documents.h - documents from a CSV file, one after the other, as its bytes come.
 *
 * Why:   a side of a comparison may be a file of millions of rows; it is read in the memory of one document.
 * Owns:  struct csv_documents: the parser, the row and the document under way.
 * Rules: 1. The format is that of docs/compare/csv.md.
 *        2. A document is handed on when its last row is read, and only if none of its rows had a problem.
 *        3. A problem ends its document, not the file: the next ones are looked at too. What cannot be read on after
 *           ends the file: the header, quotes, text that is not UTF-8, a row without end.
 *        4. Amounts are brought to the digits of their currency where that changes no digit. Nothing else is changed,
 *           and no rule of validity is looked at.
 *        5. That a document comes again behind another one is for the receiver to notice, who keeps them all.
 * Faults: each problem with its line, its column and what to do; the first CSV_PROBLEMS_MAX are kept, all are counted.
 * Source: RFC 4180, by libcsv.
 * Runs in: the CLI.
 * Tests: tests/unit/csv_documents_test.c, tests/fuzz/csv_documents_fuzz.c
 */
#ifndef TWINPOST_CSV_DOCUMENTS_H
#define TWINPOST_CSV_DOCUMENTS_H

#include "connector/posting/document.h"

#define CSV_PROBLEMS_MAX            50
#define CSV_DOCUMENTS_COLUMNS_MAX   256
#define CSV_DOCUMENTS_ROW_BYTES_MAX (256u * 1024u)

struct csv_problem {
	int64_t line;    /* where its row begins; 0: the whole file */
	char column[48]; /* "": the whole row */
	char text[ERR_TEXT_MAX];
};

struct csv_documents;

/* One whole document, borrowed for the call; line: of its first row. ERR_CONFLICT: it came before, further up in the
 * file (info says what is known of that); it is told as a problem, and reading goes on. Other errors end it. */
typedef enum err (*csv_document_sink)(void *self, const struct document *document, int64_t revision,
                                      int64_t line, struct err_info *info);

struct csv_documents *csv_documents_open(csv_document_sink sink, void *self);
void csv_documents_close(struct csv_documents *csv); /* NULL is allowed */
/* The next bytes of the file, cut anywhere. ERR_BAD_INPUT: the file cannot be read on (told among the problems); else
 * the sink's error. After an error nothing more may be fed. */
MUST_USE enum err csv_documents_feed(struct csv_documents *csv, struct span bytes, struct err_info *info);
/* The end of the file: hands on the last document. ERR_BAD_INPUT: there were problems; info has the first one. */
MUST_USE enum err csv_documents_finish(struct csv_documents *csv, struct err_info *info);

int64_t csv_documents_count(const struct csv_documents *csv); /* handed on */
/* Problems found, and those that were kept (at most CSV_PROBLEMS_MAX). */
int64_t csv_documents_problems(const struct csv_documents *csv, const struct csv_problem **list, int *kept);

#endif
