/*
 * test_store.h - a store in a directory of its own, and the few calls that every test of it makes.
 *
 * Why:   the tests of the store differ in what they break, not in how they fill it.
 * Owns:  the directory, which test_store_end() removes.
 * Rules: 1. What is appended is made from its number: subject, event, content, chain can be made again to compare.
 *        2. A helper that cannot do its work ends the test program with what the store said.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#ifndef TWINPOST_TEST_STORE_H
#define TWINPOST_TEST_STORE_H

#include "store_forward/store.h"
#include "tests/lib/test_hal.h"

#define TEST_STORE_PREFIX "urn:twinpost:acme:gw-1"

struct test_store {
	struct test_hal hal;
	struct store_options options;
	struct store *store;
	struct store_opening opening;
	struct err_info info;
	char directory[128];
	char path[160];
};

/* A new directory, and no store in it yet. */
void test_store_begin(struct test_store *test);
void test_store_end(struct test_store *test);
/* Opens what is there; must go well. */
void test_store_open(struct test_store *test);
void test_store_close(struct test_store *test);
void test_store_reopen(struct test_store *test);
/* Ends the program with the text of info where err is not ERR_OK. */
void test_store_must(struct test_store *test, enum err err, const char *what);

/* The n-th document: subject "00001/journal/2026/{1000000+n}", an event of `bytes`, contents made of n and revision. */
struct test_document {
	char subject[64];
	struct digest content;
	char event[4096];
	size_t event_len;
};
void test_document_make(struct test_document *document, int n, int64_t revision, size_t bytes);
/* Appends it with the right chain in the open transaction. */
enum err test_append(struct test_store *test, const struct store_stream *stream, int n, int64_t revision,
                     size_t bytes);
/* The same in a transaction of its own, from first to last. */
void test_append_many(struct test_store *test, const char *stream, int first, int last, int64_t revision,
                      size_t bytes);
void test_acknowledge(struct test_store *test, const char *stream, int64_t sequence, int64_t at_ns);
const struct store_stream *test_stream(struct test_store *test,
                                       const char *name); /* makes it where it is missing */

/* A file's bytes, whole: for copies that are then damaged. */
struct test_file {
	uint8_t *bytes;
	size_t len;
};
void test_file_read(struct test_file *file, const char *path); /* absent: empty */
void test_file_write(const struct test_file *file, const char *path);
void test_file_free(struct test_file *file);
/* Runs SQL on the closed store, to make what the store itself never writes. */
void test_store_sql(struct test_store *test, const char *sql);

#endif
