/*
 * test_store.c - see test_store.h.
 *
 * Why:   see test_store.h.
 * Owns:  the directory of one test.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#include "tests/lib/test_store.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

void test_store_must(struct test_store *test, enum err err, const char *what)
{
	if (err == ERR_OK)
		return;
	fprintf(stderr, "# %s: %s: %s\n", what, err_name(err), test->info.text);
	abort();
}

void test_store_begin(struct test_store *test)
{
	/* Memory where there is some: a test makes thousands of transactions, and none pulls the plug. */
	const char *base = getenv("TMPDIR");
	if (base == NULL)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	*test = (struct test_store){0};
	test_hal_init(&test->hal, 1);
	snprintf(test->directory, sizeof test->directory, "%.90s/twinpost-store-XXXXXX", base);
	if (mkdtemp(test->directory) == NULL)
		abort();
	snprintf(test->path, sizeof test->path, "%s/store.db", test->directory);
	test->options = (struct store_options){
	    .path = test->path,
	    .size_max = UINT64_C(1) << 40,
	    .retention_ns = 3600 * NS_PER_S,
	    .source_urn_prefix = TEST_STORE_PREFIX,
	};
}

void test_store_end(struct test_store *test)
{
	store_close(test->store);
	DIR *directory = opendir(test->directory);
	for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
		char path[512];
		snprintf(path, sizeof path, "%s/%s", test->directory, entry->d_name);
		if (entry->d_name[0] != '.')
			unlink(path);
	}
	if (directory != NULL)
		closedir(directory);
	rmdir(test->directory);
}

void test_store_open(struct test_store *test)
{
	test_store_must(
	    test, store_open(&test->hal.hal, NULL, &test->options, &test->store, &test->opening, &test->info),
	    "open");
}

void test_store_close(struct test_store *test)
{
	store_close(test->store);
	test->store = NULL;
}

void test_store_reopen(struct test_store *test)
{
	test_store_close(test);
	test_store_open(test);
}

void test_document_make(struct test_document *document, int n, int64_t revision, size_t bytes)
{
	snprintf(document->subject, sizeof document->subject, "00001/journal/2026/%d", 1000000 + n);
	memset(document->content.bytes, (int)(n % 251) + 1, DIGEST_BYTES);
	document->content.bytes[0] = (uint8_t)revision;
	CHECK(bytes <= sizeof document->event);
	for (size_t i = 0; i < bytes; i++)
		document->event[i] = (char)('a' + (i + (size_t)n * 7 + (size_t)revision) % 26);
	document->event_len = bytes;
}

enum err test_append(struct test_store *test, const struct store_stream *stream, int n, int64_t revision,
                     size_t bytes)
{
	struct test_document document;
	test_document_make(&document, n, revision, bytes);
	struct store_append append = {
	    .stream = stream->id,
	    .subject = span_of(document.subject),
	    .event = {document.event, document.event_len},
	    .leaf = document.content,
	    .source_name = SPAN_LITERAL("erp"),
	    .document = {.revision = revision,
	                 .content = document.content,
	                 .recorded_ns = test->hal.wall_ns + n},
	};
	return store_append(test->store, &append, &test->info);
}

const struct store_stream *test_stream(struct test_store *test, const char *name)
{
	const struct store_stream *stream = NULL;
	bool begun = !store_in_transaction(test->store);
	if (begun)
		test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test, store_stream_open(test->store, name, &stream, &test->info), "stream");
	if (begun)
		test_store_must(test, store_commit(test->store, &test->info), "commit");
	return stream;
}

void test_append_many(struct test_store *test, const char *stream, int first, int last, int64_t revision,
                      size_t bytes)
{
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	const struct store_stream *to = test_stream(test, stream);
	for (int n = first; n <= last; n++)
		test_store_must(test, test_append(test, to, n, revision, bytes), "append");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
}

void test_acknowledge(struct test_store *test, const char *stream, int64_t sequence, int64_t at_ns)
{
	const struct store_stream *of = test_stream(test, stream);
	test_store_must(test, store_begin(test->store, &test->info), "begin");
	test_store_must(test, store_acknowledge(test->store, of->id, sequence, at_ns, &test->info),
	                "acknowledge");
	test_store_must(test, store_commit(test->store, &test->info), "commit");
}

void test_file_read(struct test_file *file, const char *path)
{
	*file = (struct test_file){0};
	FILE *from = fopen(path, "rb");
	if (from == NULL)
		return;
	fseek(from, 0, SEEK_END);
	file->len = (size_t)ftell(from);
	rewind(from);
	file->bytes = malloc(file->len + 1);
	if (file->bytes == NULL || fread(file->bytes, 1, file->len, from) != file->len)
		abort();
	fclose(from);
}

void test_file_write(const struct test_file *file, const char *path)
{
	FILE *to = fopen(path, "wb");
	if (to == NULL || fwrite(file->bytes, 1, file->len, to) != file->len || fclose(to) != 0)
		abort();
}

void test_file_free(struct test_file *file)
{
	free(file->bytes);
	*file = (struct test_file){0};
}

void test_store_sql(struct test_store *test, const char *sql)
{
	sqlite3 *db = NULL;
	char *text = NULL;
	if (sqlite3_open(test->path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK) {
		fprintf(stderr, "# %s: %s\n", sql, text ? text : sqlite3_errmsg(db));
		abort();
	}
	sqlite3_close(db);
}
