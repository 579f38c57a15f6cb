/*
 * report_result.c - reads a result directory.
 *
 * Why:   see report_result.h.
 * Owns:  the open file and its line while it is read.
 * Rules: see report_result.h.
 * Runs in: the CLI.
 * Tests: tests/unit/test_report.py
 */
#include "tools/twinpost/report_result.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store_forward/digest.h"
#include "tools/twinpost/client.h"
#include "tools/twinpost/commands.h"

#define AGAIN "make the comparison again: twinpost compare run"

const char *result_table_name(enum result_table table)
{
	static const char *const names[] = {
#define RESULT_TABLE_NAME(identifier, name) name,
	    RESULT_TABLES(RESULT_TABLE_NAME)
#undef RESULT_TABLE_NAME
	};
	CHECK(table < RESULT_TABLE_COUNT);
	return names[table];
}

bool result_table_optional(enum result_table table)
{
	return table == RESULT_USAGE;
}

/* What every report reaches for. Their members are looked up as they are needed; absent ones count as empty. */
static enum err check_members(const struct result *result, struct err_info *info)
{
	static const struct {
		const char *name;
		bool list;
	} needed[] = {{"causes", true},    {"counts", true},      {"days", true},      {"files", true},
	              {"bridge", true},    {"waterfall", true},   {"readiness", true}, {"incomplete", true},
	              {"accepted", false}, {"canaries", false},   {"cut", false},      {"rules", false},
	              {"scope", false},    {"thresholds", false}, {"totals", false},   {"verdict", false}};
	for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++) {
		const cJSON *item = member(result->run, needed[i].name);
		if (needed[i].list ? !cJSON_IsArray(item) : !cJSON_IsObject(item))
			return err_set(info, ERR_CORRUPT, "%s/run.json has no %s; " AGAIN, result->folder,
			               needed[i].name);
	}
	for (int table = 0; table < RESULT_TABLE_COUNT; table++) {
		const cJSON *file = result_file(result, (enum result_table)table);
		if (!file && result_table_optional((enum result_table)table))
			continue;
		if (!file || strlen(member_text(file, "sha256")) != 2 * DIGEST_BYTES)
			return err_set(info, ERR_CORRUPT,
			               "%s/run.json does not name %s.ndjson with its hash; " AGAIN,
			               result->folder, result_table_name((enum result_table)table));
	}
	return ERR_OK;
}

static enum err open_run(struct result *result, const char *folder, struct err_info *info)
{
	struct buf path;
	*result = (struct result){.folder = folder};
	buf_init(&result->text, RESULT_RUN_BYTES_MAX);
	buf_init(&path, RESULT_LINE_BYTES_MAX);
	buf_append_text(&path, folder);
	buf_append_text(&path, "/run.json");
	enum err err = file_read(buf_cstr(&path), &result->text, info);
	buf_release(&path);
	if (err == ERR_NOT_FOUND && access(folder, F_OK) != 0)
		return err_set(info, err, "there is no result %s; name the folder that compare run made",
		               folder);
	if (err == ERR_NOT_FOUND)
		return err_set(info, err,
		               "%s holds no run.json: it is no result of a comparison, or one that was not "
		               "finished; " AGAIN,
		               folder);
	if (err != ERR_OK)
		return err;
	struct span text = buf_span(&result->text);
	struct digest digest = digest_of(&text, 1);
	digest_hex(&digest, result->run_sha256);
	while (result->text.len > 0 && result->text.data[result->text.len - 1] == '\n')
		result->text.len--;
	const char *end = NULL;
	result->run = cJSON_ParseWithOpts(buf_cstr(&result->text), &end, true);
	if (!cJSON_IsObject(result->run))
		return err_set(info, ERR_CORRUPT, "%s/run.json is no JSON object, from byte %zu on; " AGAIN,
		               folder, end ? (size_t)(end - (const char *)result->text.data) : 0);
	if (member_integer(result->run, "format") != 1)
		return err_set(info, ERR_VERSION,
		               "%s/run.json is not of format 1; show it with the twinpost that made it",
		               folder);
	return check_members(result, info);
}

enum err result_open(struct result *result, const char *folder, struct err_info *info)
{
	enum err err = open_run(result, folder, info);
	if (err != ERR_OK)
		result_close(result);
	return err;
}

void result_close(struct result *result)
{
	cJSON_Delete(result->run);
	buf_release(&result->text);
	*result = (struct result){0};
}

const cJSON *result_file(const struct result *result, enum result_table table)
{
	const cJSON *file;
	const char *name = result_table_name(table);
	cJSON_ArrayForEach(file, member(result->run, "files"))
	{
		const char *found = member_text(file, "name");
		size_t length = strlen(name);
		if (strncmp(found, name, length) == 0 && strcmp(found + length, ".ndjson") == 0)
			return file;
	}
	return NULL;
}

/* ---- one table ---- */

struct reading {
	const struct result *result;
	const char *name;
	result_visitor visit;
	void *self;
	struct digest_stream *digest;
	int64_t lines;
};

static enum err read_line(struct reading *reading, char *text, size_t length, struct err_info *info)
{
	reading->lines++;
	digest_stream_add(reading->digest, (struct span){text, length});
	if (length > RESULT_LINE_BYTES_MAX || text[length - 1] != '\n')
		return err_set(info, ERR_CORRUPT, "%s/%s.ndjson:%lld: the line is %s; " AGAIN,
		               reading->result->folder, reading->name, (long long)reading->lines,
		               length > RESULT_LINE_BYTES_MAX ? "longer than any may be" : "cut short");
	text[--length] = 0;
	const char *end = NULL;
	cJSON *object = cJSON_ParseWithOpts(text, &end, true);
	if (!cJSON_IsObject(object) || strlen(text) != length) {
		cJSON_Delete(object);
		return err_set(info, ERR_CORRUPT, "%s/%s.ndjson:%lld: this is no JSON object; " AGAIN,
		               reading->result->folder, reading->name, (long long)reading->lines);
	}
	struct result_line line = {object, {text, length}, reading->lines};
	enum err err = reading->visit(reading->self, &line, info);
	cJSON_Delete(object);
	return err;
}

static enum err read_all(struct reading *reading, FILE *file, struct err_info *info)
{
	char *text = NULL;
	size_t room = 0;
	enum err err = ERR_OK;
	errno = 0;
	for (ssize_t got = getline(&text, &room, file); got > 0 && err == ERR_OK;
	     got = getline(&text, &room, file)) {
		err = read_line(reading, text, (size_t)got, info);
		errno = 0;
	}
	if (err == ERR_OK && ferror(file))
		err = err_set(info, ERR_IO, "%s/%s.ndjson cannot be read: %s", reading->result->folder,
		              reading->name, strerror(errno));
	free(text);
	return err;
}

static enum err check_whole(const struct reading *reading, const cJSON *entry, const struct digest *digest,
                            struct err_info *info)
{
	char hex[DIGEST_HEX_SIZE];
	digest_hex(digest, hex);
	if (reading->lines != member_integer(entry, "lines"))
		return err_set(info, ERR_CORRUPT, "%s/%s.ndjson has %lld lines, run.json says %lld; " AGAIN,
		               reading->result->folder, reading->name, (long long)reading->lines,
		               (long long)member_integer(entry, "lines"));
	if (strcmp(hex, member_text(entry, "sha256")) != 0)
		return err_set(info, ERR_CORRUPT,
		               "%s/%s.ndjson was changed: its SHA-256 is not that of run.json; " AGAIN,
		               reading->result->folder, reading->name);
	return ERR_OK;
}

enum err result_visit(const struct result *result, enum result_table table, result_visitor visit, void *self,
                      struct err_info *info)
{
	struct reading reading = {result, result_table_name(table), visit, self, NULL, 0};
	struct buf path;
	if (!result_file(result, table) && result_table_optional(table))
		return ERR_OK;
	buf_init(&path, RESULT_LINE_BYTES_MAX);
	buf_append_text(&path, result->folder);
	buf_printf(&path, "/%s.ndjson", reading.name);
	FILE *file = fopen(buf_cstr(&path), "rbe");
	enum err err = ERR_OK;
	if (!file)
		err = err_set(info, errno == ENOENT ? ERR_CORRUPT : ERR_IO, "%s cannot be read: %s; " AGAIN,
		              buf_cstr(&path), strerror(errno));
	buf_release(&path);
	if (!file)
		return err;
	reading.digest = digest_stream_new();
	err = read_all(&reading, file, info);
	(void)fclose(file);
	struct digest digest = digest_stream_finish(reading.digest);
	return err == ERR_OK ? check_whole(&reading, result_file(result, table), &digest, info) : err;
}
