/*
 * json_read.c - a checker of JSON by recursive descent, and a walker over what it let through.
 *
 * Why:   see json_read.h.
 * Owns:  the keys of each open object while it is checked: JSON_DEPTH_MAX * JSON_MEMBERS_MAX spans on the stack.
 * Rules: 1. The checker descends at most JSON_DEPTH_MAX levels, then refuses.
 *        2. The walker trusts the checker: it looks for quotes and brackets alone, and a surprise is a bug (CHECK).
 * Faults: as in json_read.h.
 * Runs in: the core.
 * Tests: tests/unit/json_read_test.c, tests/fuzz/outcome_fuzz.c
 */
#include "connector/uplink/json_read.h"

#include <string.h>

#include "connector/posting/canonical.h"

struct scan {
	const char *begin;
	const char *at;
	const char *end;
	int depth;
	enum err err;
	const char *why;
};

/* What ends a run of plain bytes: within a text (its end, an escape, a control character), and between texts. */
#define STOPS_TEXT  1
#define STOPS_VALUE 2
#define CONTROLS \
	STOPS_TEXT, STOPS_TEXT, STOPS_TEXT, STOPS_TEXT, STOPS_TEXT, STOPS_TEXT, STOPS_TEXT, STOPS_TEXT
static const uint8_t stops[256] = {
    CONTROLS,
    CONTROLS,
    CONTROLS,
    CONTROLS,
    ['"'] = STOPS_TEXT | STOPS_VALUE,
    ['\\'] = STOPS_TEXT,
    ['{'] = STOPS_VALUE,
    ['}'] = STOPS_VALUE,
    ['['] = STOPS_VALUE,
    [']'] = STOPS_VALUE,
};
#undef CONTROLS

static const char *pass_plain(const char *at, const char *end, uint8_t stop)
{
	while (at < end && !(stops[(unsigned char)*at] & stop))
		at++;
	return at;
}

static bool fail(struct scan *scan, enum err err, const char *why)
{
	scan->err = err;
	scan->why = why;
	return false;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_blanks(struct scan *scan)
{
	while (scan->at < scan->end && is_blank(*scan->at))
		scan->at++;
}

static bool next_is(const struct scan *scan, char c)
{
	return scan->at < scan->end && *scan->at == c;
}

static bool take(struct scan *scan, char c)
{
	if (!next_is(scan, c))
		return false;
	scan->at++;
	return true;
}

/* The value of four hex digits, or -1. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t value = 0;
	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = is_digit(c)              ? c - '0'
		            : (c >= 'a' && c <= 'f') ? c - 'a' + 10
		            : (c >= 'A' && c <= 'F') ? c - 'A' + 10
		                                     : -1;
		if (digit < 0)
			return -1;
		value = 16 * value + digit;
	}
	return value;
}

static bool is_high_surrogate(int32_t unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(int32_t unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The escape after its backslash. */
static bool check_escape(struct scan *scan)
{
	if (scan->at == scan->end)
		return fail(scan, ERR_BAD_INPUT, "the text does not end");
	char c = *scan->at++;
	if (c != 'u')
		return strchr("\"\\/bfnrt", c) && c != 0 ? true : fail(scan, ERR_BAD_INPUT, "no such escape");
	int32_t unit = hex4(scan->at, scan->end);
	if (unit < 0)
		return fail(scan, ERR_BAD_INPUT, "\\u needs four hex digits");
	scan->at += 4;
	if (unit == 0)
		return fail(scan, ERR_BAD_INPUT, "a NUL is not taken");
	if (is_low_surrogate(unit))
		return fail(scan, ERR_BAD_INPUT, "half of a surrogate pair");
	if (!is_high_surrogate(unit))
		return true;
	if (!take(scan, '\\') || !take(scan, 'u') || !is_low_surrogate(hex4(scan->at, scan->end)))
		return fail(scan, ERR_BAD_INPUT, "half of a surrogate pair");
	scan->at += 4;
	return true;
}

static bool check_text(struct scan *scan)
{
	if (!take(scan, '"'))
		return fail(scan, ERR_BAD_INPUT, "a text in quotes is due");
	for (;;) {
		scan->at = pass_plain(scan->at, scan->end, STOPS_TEXT);
		if (scan->at == scan->end)
			return fail(scan, ERR_BAD_INPUT, "the text does not end");
		if (take(scan, '"'))
			return true;
		if (!take(scan, '\\'))
			return fail(scan, ERR_BAD_INPUT, "a control character in a text must be escaped");
		if (!check_escape(scan))
			return false;
	}
}

static bool take_digits(struct scan *scan)
{
	const char *from = scan->at;
	while (scan->at < scan->end && is_digit(*scan->at))
		scan->at++;
	return scan->at > from;
}

static bool check_number(struct scan *scan)
{
	(void)take(scan, '-');
	if (!take(scan, '0') && !take_digits(scan))
		return fail(scan, ERR_BAD_INPUT, "a digit is due");
	if (take(scan, '.') && !take_digits(scan))
		return fail(scan, ERR_BAD_INPUT, "a digit is due after the point");
	if (take(scan, 'e') || take(scan, 'E')) {
		if (!take(scan, '+'))
			(void)take(scan, '-');
		if (!take_digits(scan))
			return fail(scan, ERR_BAD_INPUT, "a digit is due in the exponent");
	}
	/* "01" and "1a" end here: the caller finds no comma and no end. */
	return true;
}

static bool check_word(struct scan *scan, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
		return fail(scan, ERR_BAD_INPUT, "a value is due");
	scan->at += len;
	return true;
}

/* ---- escapes resolved, a byte at a time ---- */

struct plain {
	const char *at;
	const char *end;
	char bytes[4]; /* of the character under way */
	int count;
	int next;
};

/* Of a checked text with its quotes. */
static void plain_init(struct plain *plain, struct span raw)
{
	CHECK(raw.len >= 2 && raw.data[0] == '"' && raw.data[raw.len - 1] == '"');
	*plain = (struct plain){.at = raw.data + 1, .end = raw.data + raw.len - 1};
}

static void put_utf8(struct plain *plain, int32_t code)
{
	int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const int32_t lead[4] = {0x00, 0xc0, 0xe0, 0xf0};
	plain->count = more + 1;
	plain->next = 0;
	plain->bytes[0] = (char)(lead[more] | (code >> (6 * more)));
	for (int i = 1; i <= more; i++)
		plain->bytes[i] = (char)(0x80 | ((code >> (6 * (more - i))) & 0x3f));
}

static void resolve_escape(struct plain *plain)
{
	static const char short_forms[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	char c = *plain->at++;
	if (c != 'u') {
		const char *form = strchr(short_forms, c);
		CHECK(form && c != 0);
		put_utf8(plain, meanings[form - short_forms]);
		return;
	}
	int32_t code = hex4(plain->at, plain->end);
	plain->at += 4;
	if (is_high_surrogate(code)) {
		int32_t low = hex4(plain->at + 2, plain->end);
		CHECK(is_low_surrogate(low));
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
		plain->at += 6;
	}
	CHECK(code > 0);
	put_utf8(plain, code);
}

/* The next byte, or -1 at the end. */
static int plain_next(struct plain *plain)
{
	if (plain->next < plain->count)
		return (unsigned char)plain->bytes[plain->next++];
	if (plain->at >= plain->end)
		return -1;
	if (*plain->at != '\\')
		return (unsigned char)*plain->at++;
	plain->at++;
	resolve_escape(plain);
	return (unsigned char)plain->bytes[plain->next++];
}

static bool same_text(struct span a, struct span b)
{
	if (!memchr(a.data, '\\', a.len) && !memchr(b.data, '\\', b.len))
		return span_equal(a, b);
	struct plain left;
	struct plain right;
	int byte;
	plain_init(&left, a);
	plain_init(&right, b);
	do {
		byte = plain_next(&left);
		if (byte != plain_next(&right))
			return false;
	} while (byte >= 0);
	return true;
}

/* ---- objects and lists ---- */

static bool check_value(struct scan *scan);

/* The keys of one object so far. */
struct keys {
	struct span list[JSON_MEMBERS_MAX];
	int count;
	/* Each is greater than the one before, and has no escapes: then a key is compared with the last alone. */
	bool ascending;
};

static bool is_known_key(struct keys *keys, struct span key)
{
	int last = keys->count - 1;
	bool plain = memchr(key.data, '\\', key.len) == NULL;
	if (keys->ascending && plain && (last < 0 || span_compare(keys->list[last], key) < 0))
		return false;
	keys->ascending = false;
	for (int i = 0; i <= last; i++) {
		if (same_text(keys->list[i], key))
			return true;
	}
	return false;
}

static bool check_key(struct scan *scan, struct keys *keys)
{
	const char *from = scan->at;
	if (!check_text(scan))
		return false;
	const struct span key = {from, (size_t)(scan->at - from)};
	if (is_known_key(keys, key))
		return fail(scan, ERR_BAD_INPUT, "this key was there before");
	keys->list[keys->count++] = key;
	skip_blanks(scan);
	return take(scan, ':') ? true : fail(scan, ERR_BAD_INPUT, "a colon is due");
}

static bool check_object(struct scan *scan)
{
	struct keys keys;
	keys.count = 0;
	keys.ascending = true;
	skip_blanks(scan);
	if (take(scan, '}'))
		return true;
	for (;;) {
		if (keys.count == JSON_MEMBERS_MAX)
			return fail(scan, ERR_TOO_LARGE, "too many members in one object");
		skip_blanks(scan);
		if (!check_key(scan, &keys) || !check_value(scan))
			return false;
		skip_blanks(scan);
		if (take(scan, '}'))
			return true;
		if (!take(scan, ','))
			return fail(scan, ERR_BAD_INPUT, "a comma or } is due");
	}
}

static bool check_list(struct scan *scan)
{
	skip_blanks(scan);
	if (take(scan, ']'))
		return true;
	for (;;) {
		if (!check_value(scan))
			return false;
		skip_blanks(scan);
		if (take(scan, ']'))
			return true;
		if (!take(scan, ','))
			return fail(scan, ERR_BAD_INPUT, "a comma or ] is due");
	}
}

static bool check_value(struct scan *scan)
{
	skip_blanks(scan);
	if (scan->at == scan->end)
		return fail(scan, ERR_BAD_INPUT, "a value is due");
	switch (*scan->at) {
	case '{':
	case '[':
		if (scan->depth == JSON_DEPTH_MAX)
			return fail(scan, ERR_TOO_LARGE, "objects and lists are too deep in each other");
		scan->depth++;
		if (!(*scan->at++ == '{' ? check_object(scan) : check_list(scan)))
			return false;
		scan->depth--;
		return true;
	case '"':
		return check_text(scan);
	case 't':
		return check_word(scan, "true");
	case 'f':
		return check_word(scan, "false");
	case 'n':
		return check_word(scan, "null");
	default:
		return check_number(scan);
	}
}

static enum json_kind kind_of(char first)
{
	switch (first) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_LIST;
	case '"':
		return JSON_TEXT;
	case 't':
		return JSON_TRUE;
	case 'f':
		return JSON_FALSE;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

enum err json_open(struct json_value *root, struct span text, struct err_info *info)
{
	struct scan scan = {.begin = text.data, .at = text.data, .end = text.data + text.len};
	*root = (struct json_value){.kind = JSON_NONE};
	if (text.len == 0)
		return err_set(info, ERR_BAD_INPUT, "the JSON is empty");
	if (!utf8_valid(text))
		return err_set(info, ERR_BAD_INPUT, "the JSON is not UTF-8");
	skip_blanks(&scan);
	const char *from = scan.at;
	bool good = check_value(&scan);
	const char *to = scan.at;
	if (good)
		skip_blanks(&scan);
	if (good && scan.at < scan.end)
		good = fail(&scan, ERR_BAD_INPUT, "nothing may follow the value");
	if (!good)
		return err_set(info, scan.err, "the JSON is wrong at byte %zu: %s",
		               (size_t)(scan.at - scan.begin) + 1, scan.why);
	*root = (struct json_value){kind_of(*from), {from, (size_t)(to - from)}};
	return ERR_OK;
}

/* ---- walking what was checked ---- */

static void pass_blanks(struct json_walk *walk)
{
	while (walk->next < walk->end && is_blank(*walk->next))
		walk->next++;
}

/* From the opening quote to after the closing one. */
static const char *pass_text(const char *at, const char *end)
{
	for (at = pass_plain(at + 1, end, STOPS_TEXT); at < end && *at != '"';
	     at = pass_plain(at, end, STOPS_TEXT)) {
		CHECK(*at == '\\');
		at += 2;
	}
	CHECK(at < end);
	return at + 1;
}

/* To after the value that begins at `at`. */
static const char *pass_value(const char *at, const char *end)
{
	int depth = 0;
	if (*at != '"' && *at != '{' && *at != '[') {
		while (at < end && !is_blank(*at) && *at != ',' && *at != '}' && *at != ']')
			at++;
		return at;
	}
	do {
		at = pass_plain(at, end, STOPS_VALUE);
		CHECK(at < end);
		if (*at == '"') {
			at = pass_text(at, end);
			continue;
		}
		depth += *at == '{' || *at == '[' ? 1 : -1;
		at++;
	} while (depth > 0);
	return at;
}

void json_walk_init(struct json_walk *walk, const struct json_value *holder)
{
	CHECK(holder->kind == JSON_OBJECT || holder->kind == JSON_LIST);
	CHECK(holder->raw.len >= 2);
	*walk = (struct json_walk){.next = holder->raw.data + 1,
	                           .end = holder->raw.data + holder->raw.len - 1,
	                           .keyed = holder->kind == JSON_OBJECT};
}

static struct json_value take_value(struct json_walk *walk)
{
	pass_blanks(walk);
	CHECK(walk->next < walk->end);
	const char *from = walk->next;
	walk->next = pass_value(from, walk->end);
	return (struct json_value){kind_of(*from), {from, (size_t)(walk->next - from)}};
}

/* A holder that was entered ends at its bracket, whatever the end of the walk. */
static bool at_end(const struct json_walk *walk)
{
	return walk->next == walk->end || *walk->next == '}' || *walk->next == ']';
}

static void pass_comma(struct json_walk *walk)
{
	pass_blanks(walk);
	if (!at_end(walk))
		walk->next++;
}

bool json_walk_key(struct json_walk *walk, struct json_value *key, enum json_kind *kind)
{
	*key = (struct json_value){.kind = JSON_NONE};
	pass_blanks(walk);
	if (at_end(walk))
		return false;
	if (walk->keyed) {
		*key = take_value(walk);
		pass_blanks(walk);
		CHECK(walk->next < walk->end && *walk->next == ':');
		walk->next++;
		pass_blanks(walk);
	}
	CHECK(walk->next < walk->end);
	*kind = kind_of(*walk->next);
	return true;
}

struct json_value json_walk_value(struct json_walk *walk)
{
	struct json_value value = take_value(walk);
	pass_comma(walk);
	return value;
}

void json_walk_enter(struct json_walk *inner, const struct json_walk *walk)
{
	CHECK(walk->next < walk->end && (*walk->next == '{' || *walk->next == '['));
	*inner = (struct json_walk){.next = walk->next + 1, .end = walk->end, .keyed = *walk->next == '{'};
}

void json_walk_leave(struct json_walk *walk, const struct json_walk *inner)
{
	CHECK(inner->next < walk->end && at_end(inner));
	walk->next = inner->next + 1;
	pass_comma(walk);
}

bool json_walk_next(struct json_walk *walk, struct json_value *key, struct json_value *value)
{
	struct json_value name;
	enum json_kind kind;
	if (!json_walk_key(walk, &name, &kind))
		return false;
	*value = json_walk_value(walk);
	if (key)
		*key = name;
	return true;
}

struct json_value json_member(const struct json_value *object, const char *key)
{
	struct json_walk walk;
	struct json_value name;
	struct json_value value;
	json_walk_init(&walk, object);
	while (json_walk_next(&walk, &name, &value)) {
		if (json_text_is(&name, key))
			return value;
	}
	return (struct json_value){.kind = JSON_NONE};
}

bool json_text_plain(const struct json_value *value, struct span *text)
{
	CHECK(value->kind == JSON_TEXT && value->raw.len >= 2);
	*text = (struct span){value->raw.data + 1, value->raw.len - 2};
	return text->len == 0 || memchr(text->data, '\\', text->len) == NULL;
}

bool json_read_text(const struct json_value *value, char *to, size_t size)
{
	struct plain plain;
	struct span whole;
	size_t len = 0;
	CHECK(value->kind == JSON_TEXT && size > 0);
	if (json_text_plain(value, &whole))
		return text_copy(to, size, whole);
	plain_init(&plain, value->raw);
	for (int byte = plain_next(&plain); byte >= 0; byte = plain_next(&plain)) {
		if (len == size - 1) {
			to[0] = 0;
			return false;
		}
		to[len++] = (char)byte;
	}
	to[len] = 0;
	return true;
}

bool json_text_is(const struct json_value *value, const char *text)
{
	struct plain plain;
	struct span whole;
	if (value->kind != JSON_TEXT)
		return false;
	if (json_text_plain(value, &whole))
		return span_equal(whole, span_of(text));
	plain_init(&plain, value->raw);
	for (; *text; text++) {
		if (plain_next(&plain) != (unsigned char)*text)
			return false;
	}
	return plain_next(&plain) < 0;
}

bool json_read_integer(const struct json_value *value, int64_t *out)
{
	if (value->kind != JSON_NUMBER)
		return false;
	bool negative = value->raw.data[0] == '-';
	int64_t sum = 0;
	for (size_t i = negative; i < value->raw.len; i++) {
		if (!is_digit(value->raw.data[i]))
			return false;
		sum = 10 * sum + (value->raw.data[i] - '0');
		if (sum > JSON_INTEGER_MAX)
			return false;
	}
	*out = negative ? -sum : sum;
	return true;
}
