/*
 * log_check.h - finds a write-ahead log that is damaged in its middle.
 *
 * Why:   SQLite takes the first frame whose checksum is wrong for the log's end. That is right after a power cut, and
 *        wrong where a durable part has rotted: transactions that were committed, and may have been published, would
 *        be gone in silence, and their sequences given to other events.
 * Owns:  nothing.
 * Rules: 1. Every commit was synced before the next was begun (synchronous = EXTRA). So after the first bad frame a
 *           power cut leaves the end of one transaction at most. Behind that may lie what transactions left that failed
 *           (a write or a sync went wrong) and were written over by shorter ones: any number of them.
 *        2. What tells these from lost commits are the checksums, each of which goes on from the frame before: a
 *           transaction that failed has none after it that goes on from its end, because the next one began where it
 *           had begun. Two commits in one run of frames are damage: the second was begun when the first had been
 *           synced.
 *        3. Damage in the last transaction of all looks like a power cut; it cannot be told apart.
 * Source: SQLite file format, section 4 "The Write-Ahead Log" (4.1 format, 4.2 checksum algorithm).
 * Runs in: the core, at open.
 * Tests: tests/unit/store_log_test.c, tests/fuzz/kept_fuzz.c
 */
#ifndef TWINPOST_LOG_CHECK_H
#define TWINPOST_LOG_CHECK_H

#include <sqlite3.h>

#include "hal/base/err.h"

struct log_check {
	int frames_good;  /* up to the last one whose checksum holds */
	int commits_lost; /* behind it, of the same generation, in one run: the most of any run */
};

/* Reads the log of the connection's file through its VFS; an absent log has no frames. Call it before anything is
 * written. Returns SQLite's result code. */
int log_check_read(sqlite3 *db, struct log_check *check);

#endif
