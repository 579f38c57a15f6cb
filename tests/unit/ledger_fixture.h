/*
 * ledger_fixture.h - a ledger in a directory of its own, with documents made of a number.
 *
 * Why:   the tests of the ledger differ in what they ask, not in how they fill it.
 * Owns:  struct book: the directory, the ledger and the texts of the document last made.
 * Rules: 1. A helper that cannot do its work fails the test it is called in.
 *        2. The document of a number is always the same: side, entity, period, total, balances follow from it.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_LEDGER_FIXTURE_H
#define TWINPOST_LEDGER_FIXTURE_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "store_forward/ledger.h"
#include "tests/lib/test_store.h"

#define MADE_BALANCES 3

struct book {
	struct test_store place; /* for its directory and hal alone: no store is opened */
	char path[192];
	struct ledger *ledger;
	struct ledger_opening opening;
	struct err_info info;
	struct buf texts;
};

/* A document and what it adds. The texts are its own. */
struct made {
	struct ledger_document document;
	struct ledger_balance balances[MADE_BALANCES];
	char identity[64], subject[64], key[32], packed[64];
};

static inline void book_must(struct book *book, enum err err)
{
	if (err != ERR_OK)
		fail_msg("%s: %s", err_name(err), book->info.text);
}

static inline enum err book_try(struct book *book, enum ledger_mode mode)
{
	return ledger_open(&book->place.hal.hal, book->path, mode, &book->ledger, &book->opening,
	                   &book->info);
}

static inline void book_open(struct book *book)
{
	book_must(book, book_try(book, LEDGER_WRITE));
}

static inline void book_close(struct book *book)
{
	ledger_close(book->ledger);
	book->ledger = NULL;
}

static inline int book_set_up(void **state)
{
	struct book *book = calloc(1, sizeof *book);
	assert_non_null(book);
	test_store_begin(&book->place);
	(void)snprintf(book->path, sizeof book->path, "%s/ledger.db", book->place.directory);
	buf_init(&book->texts, LEDGER_PACKED_MAX + 4096);
	book_open(book);
	*state = book;
	return 0;
}

static inline int book_tear_down(void **state)
{
	struct book *book = *state;
	book_close(book);
	buf_release(&book->texts);
	test_store_end(&book->place);
	free(book);
	return 0;
}

static inline void book_begin(struct book *book)
{
	book_must(book, ledger_begin(book->ledger, &book->info));
}

static inline void book_commit(struct book *book)
{
	book_must(book, ledger_commit(book->ledger, &book->info));
}

/* A small random number that follows from a and b. */
static inline uint32_t mixed(uint32_t a, uint32_t b)
{
	uint32_t x = a * 2654435761u ^ (b + 1) * 40503u;
	x ^= x >> 15;
	x *= 2246822519u;
	return x ^ x >> 13;
}

static inline struct span own(char *to, size_t size, const char *format, int n)
{
	int len = snprintf(to, size, format, n);
	return (struct span){to, (size_t)len};
}

/* version: another content of the same document. */
static inline void make(struct made *made, int n, int version)
{
	static const char *const entities[] = {"00001", "00070", "A1"};
	static const char *const currencies[] = {"EUR", "JPY"};
	static const char *const accounts[] = {"4000", "4400", "\1A19\1", "1200"};
	uint32_t r = mixed((uint32_t)n, (uint32_t)version);
	enum ledger_side side = n % 2 ? SIDE_CLOUD : SIDE_LEGACY;
	memset(made, 0, sizeof *made);
	made->document = (struct ledger_document){
	    .side = side,
	    .identity = own(made->identity, sizeof made->identity, "e/t/2026/%05d", n / 2),
	    .subject = own(made->subject, sizeof made->subject,
	                   side == SIDE_CLOUD ? "e/t/2026/C%05d" : "e/t/2026/%05d", n / 2),
	    .revision = version,
	    .recorded_ns = 1000 + n,
	    .total = (int64_t)(r % 100000),
	    .posting = 20000 + n % 40,
	    .period = 202601 + (int)(r % 3),
	    .type = n % 5 == 0,
	    .phase = 2,
	    .origins = side == SIDE_CLOUD,
	    .voided = r % 11 == 0,
	    .entity = span_of(entities[r % 3]),
	    .currency = span_of(currencies[r / 3 % 2]),
	    .party = SPAN_LITERAL("4242"),
	};
	if (side == SIDE_LEGACY)
		made->document.key = own(made->key, sizeof made->key, "%05d", n / 2);
	made->document.packed = own(made->packed, sizeof made->packed, "packed %d", n * 100 + version);
	for (int i = 0; i < FINGERPRINT_BYTES; i++)
		made->document.fingerprint.bytes[i] = (uint8_t)mixed(r, (uint32_t)i);
	for (int i = 0; i < MADE_BALANCES; i++)
		made->balances[i] =
		    (struct ledger_balance){.account = span_of(accounts[(r + (uint32_t)i) % 4]),
		                            .lines = 1 + (int)(r % 3),
		                            .debit = (int64_t)(r % 5000),
		                            .credit = -(int64_t)(r % 300)};
}

static inline void book_put(struct book *book, int n, int version)
{
	struct made made;
	make(&made, n, version);
	book_must(book, ledger_put(book->ledger, &made.document, made.balances, MADE_BALANCES, &book->info));
}

static inline void book_find(struct book *book, const struct made *made, struct ledger_document *document)
{
	book_must(book, ledger_find(book->ledger, made->document.side, made->document.identity,
	                            made->document.subject, document, &book->texts, &book->info));
}

static inline void book_take(struct book *book, int n, int version)
{
	struct made made;
	struct ledger_document document;
	make(&made, n, version);
	book_find(book, &made, &document);
	book_must(book, ledger_take(book->ledger, &document, made.balances, MADE_BALANCES, &book->info));
}

/* What stands in the file. */
static inline struct buf book_bytes(const struct book *book)
{
	struct buf bytes;
	FILE *file = fopen(book->path, "rb");
	buf_init(&bytes, 16u << 20);
	assert_non_null(file);
	for (int c; (c = fgetc(file)) != EOF;)
		buf_append_char(&bytes, (char)c);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

/* For sqlite3_progress_handler(): nothing comes to its end. */
static inline int book_stop(void *self)
{
	(void)self;
	return 1;
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, book_set_up, book_tear_down)

#endif
