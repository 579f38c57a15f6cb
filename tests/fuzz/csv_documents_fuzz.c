/*
 * csv_documents_fuzz.c - any bytes as a CSV file of documents.
 *
 * Why:   the files come from spreadsheets and export jobs.
 * Owns:  nothing that outlives one input.
 * Rules: 1. The file in one piece and in pieces gives the same documents and as many problems.
 *        2. What is handed on is UTF-8 and can be written as canonical JSON.
 *        3. Bytes that begin with '!' are rows below a header of many columns.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/compare/csv_documents.h"

#include "connector/posting/canonical.h"

#define HEADER                                                                                             \
	"entity,type,year,number,revision,voided,posting_date,currency,net,text,line.account,line.amount," \
	"tax.code,tax.base,application.amount\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct reading {
	struct canonical canonical;
	struct buf out;
};

static enum err take(void *self, const struct document *document, int64_t revision, int64_t line,
                     struct err_info *info)
{
	struct reading *reading = self;
	size_t from = reading->out.len;
	CHECK(revision >= 1 && line >= 2);
	canonical_write(&reading->canonical, document, &reading->out);
	CHECK(buf_ok(&reading->out));
	const struct span text = {(const char *)reading->out.data + from, reading->out.len - from};
	CHECK(utf8_valid(text));
	return text.len % 7 == 0 ? err_set(info, ERR_CONFLICT, "again") : ERR_OK;
}

static int64_t read_file(struct reading *reading, struct span file, size_t piece)
{
	const struct csv_problem *list;
	struct err_info info;
	int kept;
	enum err err = ERR_OK;
	struct csv_documents *csv = csv_documents_open(take, reading);
	buf_init(&reading->out, 256u << 20);
	for (size_t at = 0; at < file.len && err == ERR_OK; at += piece)
		err = csv_documents_feed(
		    csv, (struct span){file.data + at, file.len - at < piece ? file.len - at : piece}, &info);
	CHECK(err == ERR_OK || err == ERR_BAD_INPUT);
	err = csv_documents_finish(csv, &info);
	int64_t problems = csv_documents_problems(csv, &list, &kept);
	CHECK((err == ERR_OK) == (problems == 0) && kept <= problems);
	csv_documents_close(csv);
	return problems;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading whole;
	struct reading pieces;
	struct buf file;
	buf_init(&file, size + sizeof HEADER);
	if (size > 0 && data[0] == '!') {
		buf_append_text(&file, HEADER);
		buf_append(&file, data + 1, size - 1);
	} else {
		buf_append(&file, data, size);
	}
	canonical_init(&whole.canonical);
	canonical_init(&pieces.canonical);
	int64_t problems = read_file(&whole, buf_span(&file), file.len + 1);
	CHECK(read_file(&pieces, buf_span(&file), 1 + size % 13) == problems);
	CHECK(span_equal(buf_span(&whole.out), buf_span(&pieces.out)));
	buf_release(&whole.out);
	buf_release(&pieces.out);
	buf_release(&file);
	return 0;
}
