/*
 * fault_vfs.h - an SQLite VFS over the default one whose n-th operation fails.
 *
 * Why:   what a full or failing disk does must be tried at every operation, not where a real disk happens to fail.
 * Owns:  one registered VFS, "fault"; its counters are the test program's only one.
 * Rules: 1. Counted are writes, syncs, truncations and (where asked for) reads of every file of the store.
 *        2. From the n-th on, `length` operations fail with the given code; then the disk is well again.
 *        3. A failing write may have written its first half before.
 * Runs in: the test suite.
 * Tests: tests/unit/store_fault_test.c
 */
#ifndef TWINPOST_FAULT_VFS_H
#define TWINPOST_FAULT_VFS_H

#include <stdbool.h>

struct fault_plan {
	int at;     /* 1: the next operation; 0: none fails */
	int length; /* how many fail */
	int code; /* SQLITE_FULL, SQLITE_IOERR_WRITE, ...; syncs and reads get their own I/O code unless SQLITE_FULL */
	bool reads; /* reads count and fail too */
	bool half;  /* a failing write leaves its first half */
	bool syncs; /* syncs alone count and fail: what was written stays written */
	int seen;   /* operations counted so far */
	int failed;
};

/* Registers it on first use; the plan is the one that all files follow. */
struct fault_plan *fault_vfs_plan(void);
#define FAULT_VFS_NAME "fault"

#endif
