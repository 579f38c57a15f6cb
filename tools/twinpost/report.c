/*
 * report.c - reads a result, gathers its figures and writes them in a format; HTML and JSON themselves.
 *
 * Why:   see report.h.
 * Owns:  see report_write.h.
 * Rules: see report.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/twinpost/report_html.h"
#include "tools/twinpost/report_write.h"

#define TEXT_BYTES_MAX 65536

bool report_format_of(const char *name, enum report_format *format)
{
	static const char *const names[REPORT_FORMAT_COUNT] = {
#define REPORT_FORMAT_NAME(identifier, name, text) name,
	    REPORT_FORMATS(REPORT_FORMAT_NAME)
#undef REPORT_FORMAT_NAME
	};
	for (int i = 0; i < REPORT_FORMAT_COUNT; i++) {
		if (strcmp(names[i], name) == 0) {
			*format = (enum report_format)i;
			return true;
		}
	}
	return false;
}

/* ---- files ---- */

enum err report_file_open(struct report_file *file, const char *path, struct err_info *info)
{
	struct stat found;
	/* What is renamed over a device takes its place, also for everybody else. */
	if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
		return err_set(info, ERR_CONFLICT, "%s is not a file; choose another --output", path);
	size_t length = strlen(path);
	*file = (struct report_file){.path = mem_copy_text(span_of(path)), .beside = mem_alloc(length + 5)};
	memcpy(file->beside, path, length);
	memcpy(file->beside + length, ".new", 5);
	file->file = fopen(file->beside, "wbe");
	if (file->file)
		return ERR_OK;
	enum err err = errno == EACCES || errno == EROFS ? ERR_DENIED : errno == ENOSPC ? ERR_FULL : ERR_IO;
	err = err_set(info, err, "%s cannot be written: %s", path, strerror(errno));
	free(file->path);
	free(file->beside);
	return err;
}

enum err report_file_close(struct report_file *file, enum err err, struct err_info *info)
{
	bool bad = ferror(file->file) != 0;
	int error = bad ? errno : 0;
	if (fclose(file->file) != 0 && !bad) {
		bad = true;
		error = errno;
	}
	if (err == ERR_OK && !bad && rename(file->beside, file->path) != 0) {
		bad = true;
		error = errno;
	}
	if (err == ERR_OK && bad)
		err = err_set(info, error == ENOSPC ? ERR_FULL : ERR_IO, "%s cannot be written: %s",
		              file->path, error ? strerror(error) : "the disk may be full");
	if (err != ERR_OK)
		(void)unlink(file->beside);
	free(file->path);
	free(file->beside);
	return err;
}

/* ---- HTML ---- */

enum err report_write_html(const struct figures *figures, const struct report_limits *limits,
                           const char *path, struct err_info *info)
{
	struct report_file file;
	enum err err = report_file_open(&file, path, info);
	if (err != ERR_OK)
		return err;
	struct page page = {.file = file.file, .figures = figures, .run = figures->run, .limits = limits};
	buf_init(&page.text, TEXT_BYTES_MAX);
	html_page(&page);
	buf_release(&page.text);
	return report_file_close(&file, ERR_OK, info);
}

/* ---- JSON ---- */

static enum err copy_line(void *self, const struct result_line *line, struct err_info *info)
{
	FILE *file = self;
	(void)info;
	if (line->number > 1)
		(void)fputc(',', file);
	/* Parsing has left the text as it was. */
	(void)fwrite(line->text.data, 1, line->text.len, file);
	return ERR_OK;
}

enum err report_write_json(const struct figures *figures, const char *path, struct err_info *info)
{
	/* Keys in the order of canonical JSON. */
	static const struct {
		const char *before;
		enum result_table table;
	} lists[] = {{"{\"balances\":[", RESULT_BALANCES},
	             {"],\"differences\":[", RESULT_DIFFERENCES},
	             {"],\"documents\":[", RESULT_DOCUMENTS}};
	struct report_file file;
	enum err err = report_file_open(&file, path, info);
	if (err != ERR_OK)
		return err;
	for (size_t i = 0; i < sizeof lists / sizeof lists[0] && err == ERR_OK; i++) {
		(void)fputs(lists[i].before, file.file);
		err = result_visit(figures->result, lists[i].table, copy_line, file.file, info);
	}
	struct span run = buf_span(&figures->result->text);
	(void)fputs("],\"format\":1,\"run\":", file.file);
	(void)fwrite(run.data, 1, run.len, file.file);
	(void)fputs(",\"tax\":[", file.file);
	if (err == ERR_OK)
		err = result_visit(figures->result, RESULT_TAX, copy_line, file.file, info);
	(void)fputs("]}\n", file.file);
	return report_file_close(&file, err, info);
}

/* ---- all ---- */

enum err report_write_limited(const char *result_directory, enum report_format format, const char *path,
                              const struct report_limits *limits, struct err_info *info)
{
	struct result result;
	struct figures figures = {0};
	enum err err = result_open(&result, result_directory, info);
	if (err == ERR_OK)
		err = figures_gather(&figures, &result, limits, info);
	if (err == ERR_OK) {
		switch (format) {
		case REPORT_HTML:
			err = report_write_html(&figures, limits, path, info);
			break;
		case REPORT_XLSX:
			err = report_write_xlsx(&figures, limits, path, info);
			break;
		case REPORT_CSV:
		case REPORT_CSV_BOM:
			err = report_write_csv(&figures, format == REPORT_CSV_BOM, path, info);
			break;
		case REPORT_JSON:
			err = report_write_json(&figures, path, info);
			break;
		default:
			BUG("a format that there is not");
		}
	}
	figures_release(&figures);
	result_close(&result);
	return err;
}

enum err report_write(const char *result_directory, enum report_format format, const char *path,
                      struct err_info *info)
{
	struct report_limits limits = REPORT_LIMITS_DEFAULT;
	return report_write_limited(result_directory, format, path, &limits, info);
}
