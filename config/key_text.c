/*
 * key_text.c - finds keys by their names and says what they allow.
 *
 * Why:   the loader's messages, explain and the documentation use the same words.
 * Owns:  nothing.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/keys.h"

#include <inttypes.h>
#include <string.h>

#include "config/config.h"
#include "config/units.h"

const struct key *key_find(struct span name)
{
	for (int i = 0; i < key_count(); i++) {
		if (span_equal(span_of(key_at(i)->name), name))
			return key_at(i);
	}
	return NULL;
}

const char *key_local_name(const struct key *key)
{
	const char *dot = strrchr(key->name, '.');
	return dot ? dot + 1 : key->name;
}

bool key_is_in(const struct key *key, const char *section)
{
	size_t length = strlen(section);
	if (length == 0)
		return strchr(key->name, '.') == NULL;
	return strncmp(key->name, section, length) == 0 && key_local_name(key) == key->name + length + 1;
}

const struct key *key_in(const char *section, struct span local)
{
	for (int i = 0; i < key_count(); i++) {
		if (key_is_in(key_at(i), section) && span_equal(span_of(key_local_name(key_at(i))), local))
			return key_at(i);
	}
	return NULL;
}

bool key_is_section(const struct key *key)
{
	return key->type == KEY_MAP || key->type == KEY_LIST;
}

const char *key_type_text(const struct key *key)
{
	switch (key->type) {
	case KEY_NAME:
		return "name";
	case KEY_TEXT:
		return "text";
	case KEY_PATH:
		return "path";
	case KEY_INTEGER:
		return "integer";
	case KEY_DURATION:
		return "duration";
	case KEY_SIZE:
		return "size";
	case KEY_DECIMAL:
		return "decimal";
	case KEY_DATE:
		return "date";
	case KEY_CHOICE:
		return "choice";
	case KEY_SECRET:
		return "secret";
	case KEY_CONNECTION:
		return "connection string";
	case KEY_DSN:
		return "data source name";
	case KEY_STREAM:
		return "stream name";
	case KEY_NAMES:
		return "list of names";
	case KEY_PATHS:
		return "list of paths";
	case KEY_HOSTS:
		return "list of host:port";
	case KEY_PARAMETERS:
		return "mapping of texts";
	case KEY_MAP:
		return "section";
	case KEY_LIST:
		return "list";
	}
	check_failed("a key type of the list", __FILE__, __LINE__);
}

static void append_choices(const struct key *key, struct buf *out)
{
	for (const struct key_choice *choice = key->choices; choice->name; choice++) {
		if (choice != key->choices)
			buf_append_text(out, choice[1].name ? ", " : " or ");
		buf_append_text(out, choice->name);
	}
}

static void append_number(const struct key *key, int64_t value, struct buf *out)
{
	char text[UNITS_TEXT_SIZE];
	if (key->type == KEY_INTEGER) {
		buf_printf(out, "%" PRId64, value);
		return;
	}
	if (key->type == KEY_DURATION)
		duration_print(value, text);
	else
		size_print(value, text);
	buf_append_text(out, text);
}

static void append_text_rule(const struct key *key, struct buf *out)
{
	buf_printf(out, "%" PRId64 " to %" PRId64 " ", key->minimum, key->maximum);
	if (key->type == KEY_NAME) {
		buf_append_text(out, "of a-z, 0-9 and -, beginning with a letter or a digit");
	} else if (key->type == KEY_STREAM) {
		buf_printf(out, "of a-z, 0-9 and -, and {entity} once with at most %d besides it",
		           CONFIG_STREAM_BESIDE_MAX);
	} else if (key->characters) {
		buf_append_text(out, "letters, digits and");
		for (const char *c = key->characters; *c; c++)
			buf_printf(out, *c == ' ' ? " blank" : " %c", *c);
	} else {
		buf_append_text(out, "bytes of printable text");
	}
}

void key_allowed(const struct key *key, struct buf *out)
{
	switch (key->type) {
	case KEY_INTEGER:
	case KEY_DURATION:
	case KEY_SIZE:
		append_number(key, key->minimum, out);
		buf_append_text(out, " to ");
		append_number(key, key->maximum, out);
		if (key->zero)
			buf_append_text(out, ", or 0");
		break;
	case KEY_DECIMAL:
		buf_printf(out, "%" PRId64 " to %" PRId64 ", with at most %d digits after a point",
		           key->minimum, key->maximum, CONFIG_DECIMAL_DIGITS);
		break;
	case KEY_DATE:
		buf_printf(out, "a day of the years %" PRId64 " to %" PRId64 ", written 2026-10-01",
		           key->minimum / 10000, key->maximum / 10000);
		break;
	case KEY_CHOICE:
		append_choices(key, out);
		break;
	case KEY_SECRET:
		buf_append_text(out, "file:/path, env:NAME or credential:name");
		break;
	case KEY_NAMES:
	case KEY_PATHS:
	case KEY_HOSTS:
	case KEY_PARAMETERS:
	case KEY_LIST:
		buf_printf(out, "%" PRId64 " to %" PRId64 " entries", key->minimum, key->maximum);
		if (key->choices) {
			buf_append_text(out, " of ");
			append_choices(key, out);
		}
		break;
	case KEY_MAP:
		buf_append_text(out, "key: value lines");
		break;
	case KEY_CONNECTION:
		buf_printf(out, "Attribute=value;... of 1 to %" PRId64 " bytes, without a password",
		           key->maximum);
		break;
	default:
		append_text_rule(key, out);
		break;
	}
}

#define NEAR_LENGTH_MAX 40

/* Edits (insert, delete, replace, swap of neighbours) that make a of b: the optimal string alignment distance. */
static size_t distance(struct span a, struct span b)
{
	size_t rows[3][NEAR_LENGTH_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	for (size_t j = 0; j <= b.len; j++)
		above[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		row[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
			    a.data[i - 2] == b.data[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[b.len];
}

const struct key *key_nearest(const char *section, struct span local)
{
	if (local.len == 0 || local.len > NEAR_LENGTH_MAX)
		return NULL;
	const struct key *nearest = NULL;
	/* A third of the letters may be wrong, and never more than four. */
	size_t best = local.len / 3 + 1 < 4 ? local.len / 3 + 1 : 4;
	for (int i = 0; i < key_count(); i++) {
		if (section && !key_is_in(key_at(i), section))
			continue;
		struct span name = span_of(section ? key_local_name(key_at(i)) : key_at(i)->name);
		if (name.len > NEAR_LENGTH_MAX)
			continue;
		size_t edits = distance(local, name);
		/* Who stops half-way means the whole. */
		if (local.len >= 3 && local.len < name.len && memcmp(name.data, local.data, local.len) == 0)
			edits = 1;
		if (edits < best || (edits == best && !nearest)) {
			best = edits;
			nearest = key_at(i);
		}
	}
	return nearest;
}
