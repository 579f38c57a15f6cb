/*
 * report_fuzz.c - any bytes as the result of a comparison, shown as a report in each format.
 *
 * Why:   results are kept for years, copied about, and opened by a person whose browser and spreadsheet obey them.
 * Owns:  a folder, made once: the result and its reports.
 * Rules: 1. The input: run.json and the tables, apart by 0xff. A table that begins with '!' is made fit: run.json is
 *           given its lines, bytes and hash, so that its rows are reached.
 *        2. What is refused says why, and leaves no report behind.
 *        3. A report is the same bytes when it is made again. A page ends as a page, and no text of the result's is a
 *           tag of it; JSON is JSON.
 *        4. What the command line shows of it holds no character that a terminal obeys.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "store_forward/digest.h"
#include "tools/twinpost/cli.h"
#include "tools/twinpost/report.h"
#include "tools/twinpost/report_result.h"

#define PATH_SIZE  200
#define REPORT_MAX (16u << 20)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[64];
static FILE *printed;
static char result[100];
static char report[100];

/* ---- files ---- */

static void write_file(const char *name, struct span bytes)
{
	char path[PATH_SIZE];
	(void)snprintf(path, sizeof path, "%s/%s", result, name);
	FILE *file = fopen(path, "wbe");
	CHECK(file != NULL && fwrite(bytes.data, 1, bytes.len, file) == bytes.len && fclose(file) == 0);
}

static struct span take(struct span *rest)
{
	const char *end = rest->len > 0 ? memchr(rest->data, 0xff, rest->len) : NULL;
	size_t len = end ? (size_t)(end - rest->data) : rest->len;
	const struct span taken = {rest->data, len};
	*rest = (struct span){rest->data + len + (end != NULL), rest->len - len - (end != NULL)};
	return taken;
}

/* run.json names the table as it is. */
static void fit(cJSON *run, enum result_table table, struct span bytes)
{
	char name[32];
	char hex[DIGEST_HEX_SIZE];
	int64_t lines = 0;
	cJSON *file;
	for (size_t i = 0; i < bytes.len; i++)
		lines += bytes.data[i] == '\n';
	struct digest digest = digest_of(&bytes, 1);
	digest_hex(&digest, hex);
	(void)snprintf(name, sizeof name, "%s.ndjson", result_table_name(table));
	cJSON_ArrayForEach(file, cJSON_GetObjectItemCaseSensitive(run, "files"))
	{
		const char *found = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(file, "name"));
		if (!found || strcmp(found, name) != 0)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(file, "sha256");
		cJSON_DeleteItemFromObjectCaseSensitive(file, "lines");
		cJSON_DeleteItemFromObjectCaseSensitive(file, "bytes");
		CHECK(cJSON_AddStringToObject(file, "sha256", hex) &&
		      cJSON_AddNumberToObject(file, "lines", (double)lines) &&
		      cJSON_AddNumberToObject(file, "bytes", (double)bytes.len));
	}
}

static void write_result(struct span rest)
{
	struct span text = take(&rest);
	cJSON *run = cJSON_ParseWithLength(text.data, text.len);
	for (int table = 0; table < RESULT_TABLE_COUNT; table++) {
		char name[32];
		struct span bytes = take(&rest);
		bool fits = bytes.len > 0 && bytes.data[0] == '!';
		bytes.data += fits;
		bytes.len -= fits;
		if (fits && run)
			fit(run, (enum result_table)table, bytes);
		(void)snprintf(name, sizeof name, "%s.ndjson", result_table_name((enum result_table)table));
		write_file(name, bytes);
	}
	char *fitted = run ? cJSON_PrintUnformatted(run) : NULL;
	write_file("run.json", fitted ? span_of(fitted) : text);
	cJSON_free(fitted);
	cJSON_Delete(run);
}

/* ---- reports ---- */

static void remove_report(void)
{
	DIR *directory = opendir(report);
	const struct dirent *entry;
	while (directory && (entry = readdir(directory)) != NULL) {
		char path[PATH_SIZE + 256];
		(void)snprintf(path, sizeof path, "%s/%s", report, entry->d_name);
		if (entry->d_name[0] != '.')
			(void)unlink(path);
	}
	if (directory)
		(void)closedir(directory);
	(void)(rmdir(report) != 0 && unlink(report));
}

static char *read_report(size_t *len)
{
	struct stat state;
	*len = 0;
	if (stat(report, &state) != 0 || !S_ISREG(state.st_mode))
		return NULL;
	CHECK(state.st_size > 0 && state.st_size < (off_t)REPORT_MAX);
	FILE *file = fopen(report, "rbe");
	char *bytes = mem_alloc((size_t)state.st_size + 1);
	CHECK(file != NULL);
	*len = fread(bytes, 1, (size_t)state.st_size, file);
	CHECK(*len == (size_t)state.st_size && fclose(file) == 0);
	return bytes;
}

static int count_of(const char *text, const char *what)
{
	int count = 0;
	for (const char *at = strstr(text, what); at; at = strstr(at + 1, what))
		count++;
	return count;
}

static void check_page(const char *text, size_t len)
{
	static const char end[] = "</html>\n";
	CHECK(len > sizeof end && strlen(text) == len && strcmp(text + len - (sizeof end - 1), end) == 0);
	CHECK(count_of(text, "<fuzz") == 0 && count_of(text, "<html") == 1 && count_of(text, "</html") == 1);
	CHECK(count_of(text, "<img") == 0 && count_of(text, "=\"javascript:") == 0);
}

static void check_report(enum report_format format)
{
	static const struct report_limits limits = {5, 20};
	struct err_info info = {.text = ""};
	size_t len;
	size_t other_len;
	enum err err = report_write_limited(result, format, report, &limits, &info);
	char *bytes = read_report(&len);
	if (err != ERR_OK) {
		CHECK(info.text[0] && access(report, F_OK) != 0);
		return;
	}
	if (bytes && format == REPORT_HTML)
		check_page(bytes, len);
	if (bytes && format == REPORT_JSON) {
		cJSON *root = cJSON_ParseWithLength(bytes, len);
		CHECK(root != NULL);
		cJSON_Delete(root);
	}
	remove_report();
	if (bytes) {
		CHECK(report_write_limited(result, format, report, &limits, &info) == ERR_OK);
		char *other = read_report(&other_len);
		CHECK(other && other_len == len && memcmp(bytes, other, len) == 0);
		free(other);
		remove_report();
	}
	free(bytes);
}

/* ---- on the command line ---- */

static void check_shown(const char *verb)
{
	char *argv[] = {(char *)"twinpost", (char *)"compare", (char *)verb, result};
	FILE *const kept[] = {stdout, stderr};
	stdout = printed;
	stderr = printed;
	int status = cli_main(4, argv);
	stdout = kept[0];
	stderr = kept[1];
	CHECK(status >= CLI_OK && status <= CLI_INCOMPLETE && fflush(printed) == 0);
	long end = ftell(printed);
	CHECK(end > 0);
	rewind(printed);
	for (long i = 0; i < end; i++) {
		int c = fgetc(printed);
		CHECK((c >= 0x20 || c == '\n') && c != 0x7f);
	}
	rewind(printed);
	CHECK(ftruncate(fileno(printed), 0) == 0);
}

static void take_down(void)
{
	static const char *const names[] = {"run.json",         "balances.ndjson", "differences.ndjson",
	                                    "documents.ndjson", "tax.ndjson",      "usage.ndjson"};
	char path[PATH_SIZE];
	remove_report();
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/%s", result, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(result);
	(void)rmdir(folder);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	(void)snprintf(folder, sizeof folder, "%s/report-XXXXXX",
	               access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	CHECK(mkdtemp(folder) != NULL);
	(void)snprintf(result, sizeof result, "%s/result", folder);
	(void)snprintf(report, sizeof report, "%s/report", folder);
	CHECK(mkdir(result, 0700) == 0);
	CHECK((printed = fdopen(memfd_create("printed", MFD_CLOEXEC), "w+")) != NULL);
	return atexit(take_down);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const verbs[] = {"show", "causes", "diff"};
	write_result((struct span){(const char *)data, size});
	check_shown(verbs[size % 3]);
	check_report(REPORT_HTML);
	check_report(REPORT_JSON);
	/* Slower than the others, and of the same rows. */
	if (size % 8 == 0)
		check_report(REPORT_CSV);
	if (size % 8 == 1)
		check_report(REPORT_XLSX);
	return 0;
}
