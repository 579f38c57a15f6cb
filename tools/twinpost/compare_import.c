/*
 * compare_import.c - see compare_import.h.
 *
 * Why:   see compare_import.h.
 * Owns:  nothing.
 * Rules: as in compare_import.h.
 * Faults: see compare_import.h.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_import_test.c
 */
#include "tools/twinpost/compare_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/csv_documents.h"

#define CHUNK_BYTES (256 * 1024)
#define DAY_NS      (INT64_C(86400) * NS_PER_S)

struct import {
	struct projector *projector;
	enum ledger_side side;
	const char *path;
	date_days *newest;
};

static enum err take(void *self, const struct document *document, int64_t revision, int64_t line,
                     struct err_info *info)
{
	struct import *import = self;
	const struct value *posting = &document->header[HEADER_POSTING_DATE];
	struct projection projection = {.side = import->side, .revision = revision};
	struct err_info why = {.text = ""};
	int64_t before = ledger_count(import->projector->ledger, import->side);
	if (posting->present) {
		projection.recorded_ns = (int64_t)posting->as.date * DAY_NS;
		if (posting->as.date > *import->newest)
			*import->newest = posting->as.date;
	}
	enum err err = project_document(import->projector, &projection, document, &why);
	/* Whatever it says, and of whatever revision: one of the two would be compared and the other lost. */
	if (err == ERR_OK && ledger_count(import->projector->ledger, import->side) == before)
		return err_set(info, ERR_CONFLICT, "%s", import->projector->view.subject);
	if (err == ERR_OK || err == ERR_CONFLICT)
		return err == ERR_OK ? ERR_OK : err_set(info, err, "%s", why.text);
	return err_set(info, err, "%.300s:%" PRId64 ": %s", import->path, line, why.text);
}

/* The problems of the file, each in a line of its own. */
static enum err problems(const char *path, const struct csv_documents *csv, struct err_info *info)
{
	const struct csv_problem *list = NULL;
	int kept = 0;
	int64_t count = csv_documents_problems(csv, &list, &kept);
	for (int i = 0; i < kept; i++)
		(void)fprintf(stderr, "%s:%" PRId64 ": %s%s%s\n", path, list[i].line, list[i].column,
		              list[i].column[0] ? ": " : "", list[i].text);
	return err_set(info, ERR_BAD_INPUT,
	               "%.300s: %" PRId64 " problem%s; nothing is compared before the file is whole", path,
	               count, count == 1 ? "" : "s");
}

static enum err read_all(FILE *file, const char *path, struct csv_documents *csv, struct err_info *info)
{
	const struct csv_problem *list = NULL;
	int kept = 0;
	char *chunk = mem_alloc(CHUNK_BYTES);
	enum err err = ERR_OK;
	size_t len;
	while (err == ERR_OK && (len = fread(chunk, 1, CHUNK_BYTES, file)) > 0)
		err = csv_documents_feed(csv, (struct span){chunk, len}, info);
	if (err == ERR_OK && ferror(file))
		err = err_set(info, ERR_IO, "%.300s cannot be read: %s", path, strerror(errno));
	if (err == ERR_OK)
		err = csv_documents_finish(csv, info);
	free(chunk);
	/* Without a problem of the file's it is a document that cannot be compared: told as it is. */
	return err == ERR_BAD_INPUT && csv_documents_problems(csv, &list, &kept) > 0
	           ? problems(path, csv, info)
	           : err;
}

enum err compare_import(struct projector *projector, enum ledger_side side, const char *path,
                        date_days *newest, struct err_info *info)
{
	struct import import = {projector, side, path, newest};
	FILE *file = fopen(path, "re");
	if (!file)
		return err_set(info, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%.300s cannot be read: %s",
		               path, strerror(errno));
	struct csv_documents *csv = csv_documents_open(take, &import);
	enum err err = read_all(file, path, csv, info);
	csv_documents_close(csv);
	(void)fclose(file);
	return err;
}
