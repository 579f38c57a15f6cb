/*
 * json_read.h - reads the JSON that comes from the cloud: checked whole first, then walked where it lies.
 *
 * Why:   commands and outcomes come from outside; 256 KiB of hostile text must cost neither memory nor exactness. cJSON
 *        is no base for that: it makes a node of 64 bytes for each value, turns integers into doubles, and takes
 *        control characters, NUL, bad UTF-8 and doubled keys (docs/decisions/0005-inbound-json.md).
 * Owns:  nothing; every value is a borrowed run of the caller's bytes. Nothing is allocated.
 * Rules: 1. json_open() checks all of the text; what it lets through is walked without further doubt, and walking
 *           anything else is a bug of the caller.
 *        2. The grammar is that of RFC 8259, less what RFC 7493 (I-JSON) forbids: text is UTF-8, an object has each
 *           key once (compared after escapes are resolved), no half of a surrogate pair.
 *        3. No NUL, raw or as \u0000: texts become C strings.
 *        4. At most JSON_DEPTH_MAX objects and lists in each other, JSON_MEMBERS_MAX members in one object.
 *        5. An integer is written without fraction and exponent, and is below 2^53 in magnitude (RFC 7493, 2.2).
 * Faults: any bytes at all: refused with the place and a sentence.
 * Source: RFC 8259, RFC 7493.
 * Runs in: the core.
 * Tests: tests/unit/json_read_test.c, tests/fuzz/outcome_fuzz.c, tests/fuzz/command_fuzz.c
 */
#ifndef TWINPOST_JSON_READ_H
#define TWINPOST_JSON_READ_H

#include "hal/base/bytes.h"

#define JSON_DEPTH_MAX   8
#define JSON_MEMBERS_MAX 64
#define JSON_INTEGER_MAX ((INT64_C(1) << 53) - 1)

enum json_kind {
	JSON_NONE, /* no such member */
	JSON_OBJECT,
	JSON_LIST,
	JSON_TEXT,
	JSON_NUMBER,
	JSON_TRUE,
	JSON_FALSE,
	JSON_NULL,
};

struct json_value {
	enum json_kind kind;
	struct span raw; /* as it stands, with its quotes or brackets */
};

/* Checks the whole text and gives its one value. ERR_BAD_INPUT: not JSON by the rules above; ERR_TOO_LARGE: too deep,
 * or too many members; info says at which byte. */
MUST_USE enum err json_open(struct json_value *root, struct span text, struct err_info *info);

/* Goes over the members of an object or the entries of a list, in their order. */
struct json_walk {
	const char *next;
	const char *end;
	bool keyed;
};
void json_walk_init(struct json_walk *walk, const struct json_value *holder);
/* false: no more. key may be NULL; of a list's entries it is JSON_NONE. */
MUST_USE bool json_walk_next(struct json_walk *walk, struct json_value *key, struct json_value *value);
/* The same in steps, so that a value that is walked itself is not passed over before: after its key each value is taken
 * (json_walk_value()), or entered, walked to its end with inner, and left. kind: of the value. */
MUST_USE bool json_walk_key(struct json_walk *walk, struct json_value *key, enum json_kind *kind);
struct json_value json_walk_value(struct json_walk *walk);
void json_walk_enter(struct json_walk *inner, const struct json_walk *walk);
void json_walk_leave(struct json_walk *walk, const struct json_walk *inner);

/* The member of this key, or one of kind JSON_NONE. */
struct json_value json_member(const struct json_value *object, const char *key);
/* The text without its escapes, zero-terminated; false: it is longer than size - 1 bytes, and to is "". */
MUST_USE bool json_read_text(const struct json_value *value, char *to, size_t size);
/* The text where it lies, if it has no escapes. */
MUST_USE bool json_text_plain(const struct json_value *value, struct span *text);
/* Is the text this one, its escapes resolved? */
bool json_text_is(const struct json_value *value, const char *text);
/* false: not a number, not whole (rule 5), or out of range; *out stays. */
MUST_USE bool json_read_integer(const struct json_value *value, int64_t *out);

#endif
