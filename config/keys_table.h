/*
 * keys_table.h - how the rows of the key table are written, and the parts it has.
 *
 * Why:   one table in several files, each of a readable length.
 * Owns:  nothing.
 * Rules: only keys.c and the files with a part of the table include this.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#ifndef TWINPOST_KEYS_TABLE_H
#define TWINPOST_KEYS_TABLE_H

#include "config/config.h"
#include "config/keys.h"

#define MS  INT64_C(1000000)
#define S   (1000 * MS)
#define M   (60 * S)
#define H   (60 * M)
#define D   (24 * H)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

/* Where the value goes: a member of the configuration, or of an entry of a list. */
#define IN(type, member) .offset = offsetof(type, member), .size = sizeof((type *)0)->member
#define AT(member)       IN(struct config, member)
/* A text's length: at least one byte, at most what its array holds with a closing zero. */
#define LENGTH(bytes) .minimum = 1, .maximum = (bytes)-1
/* A list of single values: where its first entry is, and where their number goes. */
#define ENTRIES(type, member, count_member)                                     \
	.offset = offsetof(type, member), .size = sizeof((type *)0)->member[0], \
	.count_offset = offsetof(type, count_member)

extern const struct key keys_uplink[];
extern const int keys_uplink_count;
extern const struct key keys_sources[];
extern const int keys_sources_count;
extern const struct key keys_streams[];
extern const int keys_streams_count;
extern const struct key keys_compare[];
extern const int keys_compare_count;

#endif
