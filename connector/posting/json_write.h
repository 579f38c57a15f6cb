/*
 * json_write.h - writes JSON without white space, key by key.
 *
 * Why:   control answers and messages to the cloud are built straight into their buffer, without a tree of nodes.
 * Owns:  nothing; it writes into the caller's buffer.
 * Rules: 1. Commas are its own business. A key of NULL is an entry of a list; sorting keys is the caller's.
 *        2. Text that is not UTF-8 (raw values of an ERP) is written with '?' for each byte over 0x7f.
 * Runs in: the core.
 * Tests: tests/unit/control_test.c
 */
#ifndef TWINPOST_JSON_WRITE_H
#define TWINPOST_JSON_WRITE_H

#include "hal/base/bytes.h"

struct json {
	struct buf *out;
	bool comma; /* the next value in this object or list needs one before it */
};

void json_init(struct json *json, struct buf *out);
void json_object(struct json *json, const char *key);
void json_object_end(struct json *json);
void json_list(struct json *json, const char *key);
void json_list_end(struct json *json);
void json_put_text(struct json *json, const char *key, const char *text); /* NULL: null */
void json_put_span(struct json *json, const char *key, struct span text);
void json_put_integer(struct json *json, const char *key, int64_t value);
void json_put_count(struct json *json, const char *key, uint64_t value);
void json_put_boolean(struct json *json, const char *key, bool value);
/* JSON that was written before, as it is. */
void json_put_raw(struct json *json, const char *key, struct span value);
void json_put_null(struct json *json, const char *key);
/* RFC 3339 with milliseconds; 0 is null. */
void json_put_instant(struct json *json, const char *key, int64_t wall_ns);

#endif
