/*
 * test_hal.h - a struct hal for unit tests: a clock that the test sets, entropy from a seed, the real disk.
 *
 * Why:   a unit test wants neither the world's clock nor children, and the store needs a disk.
 * Owns:  nothing but itself.
 * Rules: 1. Time stands still until the test moves it; hal_wait() moves the monotonic clock to its deadline at once.
 *        2. Entropy is the same for the same seed.
 *        3. Children cannot be spawned (ERR_FULL); there are no control requests.
 *        4. Signing keys are files on the real disk, as hal/linux keeps them.
 *        5. A rename or removal can be told to fail, the n-th from now.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#ifndef TWINPOST_TEST_HAL_H
#define TWINPOST_TEST_HAL_H

#include "hal/hal.h"

struct test_hal {
	struct hal hal; /* first */
	int64_t mono_ns;
	int64_t wall_ns;
	uint64_t seed;
	const char *vfs;    /* NULL: SQLite's default */
	bool disk_free_set; /* disk_free instead of what the file system says */
	uint64_t disk_free;
	int disk_calls_until_fail; /* renames and removals; 0: never */
};

/* Wall clock 2026-01-02 03:04:05 UTC, monotonic clock 1000 s. */
void test_hal_init(struct test_hal *test, uint64_t seed);

#endif
