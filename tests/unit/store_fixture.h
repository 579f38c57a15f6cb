/*
 * store_fixture.h - set-up, tear-down and the short words of the store's unit tests.
 *
 * Why:   each of them begins with a store of its own and says begin, commit and must in every other line.
 * Owns:  the struct test_store in *state, from set_up() to tear_down().
 * Rules: 1. must() ends the program with what the store said; the other words call it.
 * Runs in: the unit tests.
 */
#ifndef TWINPOST_STORE_FIXTURE_H
#define TWINPOST_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/lib/test_store.h"

/* A directory and no store in it yet. */
static inline int set_up_empty(void **state)
{
	struct test_store *test = mem_alloc(sizeof *test);
	test_store_begin(test);
	*state = test;
	return 0;
}

/* An open store. */
static inline int set_up(void **state)
{
	int failed = set_up_empty(state);
	test_store_open(*state);
	return failed;
}

static inline int tear_down(void **state)
{
	test_store_end(*state);
	free(*state);
	return 0;
}

static inline void must(struct test_store *test, enum err err)
{
	test_store_must(test, err, "the store");
}

static inline void begin(struct test_store *test)
{
	must(test, store_begin(test->store, &test->info));
}

static inline void commit(struct test_store *test)
{
	must(test, store_commit(test->store, &test->info));
}

/* Rows deleted, in a transaction of its own. */
static inline int prune(struct test_store *test, int64_t now_ns, int limit)
{
	int deleted = -1;
	begin(test);
	must(test, store_prune(test->store, now_ns, limit, &deleted, &test->info));
	commit(test);
	return deleted;
}

#endif
