/*
 * value.c - checks one value against its row of the key table and stores it.
 *
 * Why:   see value.h.
 * Owns:  nothing.
 * Rules: as in value.h; each problem says what is wrong and then what is allowed.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c
 */
#include "config/value.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/units.h"

#define ALLOWED_MAX 256
/* RFC 1035, section 2.3.4: 255 octets on the wire are 253 characters. */
#define HOST_BYTES_MAX 253

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

void value_show(struct span text, char shown[VALUE_SHOWN_SIZE])
{
	size_t room = VALUE_SHOWN_SIZE - sizeof "...";
	size_t len = text.len;
	if (len > room) {
		len = room;
		/* Not inside a character of several bytes. */
		while (len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
			len--;
	}
	for (size_t i = 0; i < len; i++)
		shown[i] = is_control(text.data[i]) ? '?' : text.data[i];
	memcpy(shown + len, len < text.len ? "..." : "", len < text.len ? 4 : 1);
}

/* Adds "<key> <wrong>; allowed is <what the table says>". */
static bool refuse(const struct value_place *place, const struct key *key, const char *wrong)
{
	struct buf allowed;
	buf_init(&allowed, ALLOWED_MAX);
	key_allowed(key, &allowed);
	config_problem_add(place->problems, place->line, place->column, "%s %s; allowed is %s",
	                   key_local_name(key), wrong, buf_cstr(&allowed));
	buf_release(&allowed);
	return false;
}

static bool refuse_shown(const struct value_place *place, const struct key *key, struct span text,
                         const char *why)
{
	char shown[VALUE_SHOWN_SIZE];
	char wrong[VALUE_SHOWN_SIZE + 128];
	value_show(text, shown);
	(void)snprintf(wrong, sizeof wrong, "is %s%s", text.len == 0 ? "empty" : shown, why);
	return refuse(place, key, wrong);
}

static bool contains_ignoring_case(struct span text, const char *lower)
{
	size_t length = strlen(lower);
	for (size_t i = 0; i + length <= text.len; i++) {
		size_t same = 0;
		while (same < length && tolower((unsigned char)text.data[i + same]) == lower[same])
			same++;
		if (same == length)
			return true;
	}
	return false;
}

bool value_names_secret(struct span name)
{
	static const char *const words[] = {"password", "passwd", "passphrase", "pwd",
	                                    "secret",   "token",  "apikey"};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (contains_ignoring_case(name, words[i]))
			return true;
	}
	return span_equal(name, SPAN_LITERAL("pass")) || span_equal(name, SPAN_LITERAL("Pass")) ||
	       span_equal(name, SPAN_LITERAL("PASS"));
}

static bool put_text(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	char wrong[64];
	if (text.len < (size_t)key->minimum)
		return refuse(place, key, "is empty");
	if (text.len > (size_t)key->maximum || !text_copy((char *)base + key->offset, key->size, text)) {
		(void)snprintf(wrong, sizeof wrong, "is %zu bytes long", text.len);
		return refuse(place, key, wrong);
	}
	return true;
}

static bool set_text(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (is_control(c))
			return refuse_shown(place, key, text, ", which has control characters in it");
		if (key->characters && !is_letter_or_digit(c) && !strchr(key->characters, c)) {
			/* A URL may hold a password: not shown. */
			if (contains_ignoring_case(text, "://") || memchr(text.data, '@', text.len))
				return refuse(
				    place, key,
				    "looks like a URL; write the bare name without scheme, user and port");
			return refuse_shown(place, key, text, "");
		}
	}
	return put_text(place, key, base, text);
}

static bool set_name(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c == '-' && i > 0);
		if (!good)
			return refuse_shown(place, key, text, "");
	}
	return put_text(place, key, base, text);
}

static bool set_number(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	int64_t value = 0;
	enum err err;
	if (key->type == KEY_INTEGER)
		err = integer_parse(&value, text);
	else
		err = key->type == KEY_DURATION ? duration_parse(&value, text) : size_parse(&value, text);
	int64_t bare;
	if (err == ERR_BAD_INPUT && integer_parse(&bare, text) == ERR_OK && bare > 0)
		return refuse_shown(place, key, text,
		                    key->type == KEY_DURATION
		                        ? ", which has no unit (ms, s, m, h, d)"
		                        : ", which has no unit (B, KiB, MiB, GiB, TiB)");
	if (err == ERR_BAD_INPUT && key->type == KEY_DURATION)
		return refuse_shown(place, key, text,
		                    ", which is no whole number with a unit (ms, s, m, h, d)");
	if (err == ERR_BAD_INPUT && key->type == KEY_SIZE)
		return refuse_shown(place, key, text,
		                    ", which is no whole number with a unit (B, KiB, MiB, GiB, TiB)");
	if (err == ERR_BAD_INPUT)
		return refuse_shown(place, key, text, ", which is no whole number");
	bool inside = value >= key->minimum && value <= key->maximum;
	if (err != ERR_OK || !(inside || (key->zero && value == 0)))
		return refuse_shown(place, key, text, "");
	int narrow = (int)value;
	if (key->size == sizeof narrow)
		memcpy((char *)base + key->offset, &narrow, sizeof narrow);
	else
		memcpy((char *)base + key->offset, &value, sizeof value);
	return true;
}

/* Digits, and a point with more of them; the value between the limits, the digits after the point not too many. */
static bool set_decimal(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	int64_t whole = 0;
	size_t i = 0;
	bool more = false; /* than the whole part */
	for (; i < text.len && text.data[i] >= '0' && text.data[i] <= '9' && whole <= key->maximum; i++)
		whole = 10 * whole + (text.data[i] - '0');
	bool good = i > 0 && whole >= key->minimum && whole <= key->maximum;
	size_t point = i;
	if (good && i < text.len && text.data[i] == '.') {
		for (i++; i < text.len && text.data[i] >= '0' && text.data[i] <= '9'; i++)
			more = more || text.data[i] != '0';
		good = i > point + 1 && i - point - 1 <= CONFIG_DECIMAL_DIGITS;
	}
	if (!good || i < text.len || (more && whole == key->maximum) ||
	    !text_copy((char *)base + key->offset, key->size, text))
		return refuse_shown(place, key, text, "");
	return true;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
	return days[month - 1] + (month == 2 && leap);
}

static bool set_date(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	bool good = text.len == sizeof "2026-10-01" - 1;
	int value = 0;
	for (size_t i = 0; good && i < text.len; i++) {
		bool digit = text.data[i] >= '0' && text.data[i] <= '9';
		good = i == 4 || i == 7 ? text.data[i] == '-' : digit;
		if (digit)
			value = 10 * value + (text.data[i] - '0');
	}
	int month = value / 100 % 100;
	good = good && value >= key->minimum && value <= key->maximum && month >= 1 && month <= 12 &&
	       value % 100 >= 1 && value % 100 <= days_of_month(value / 10000, month);
	if (!good)
		return refuse_shown(place, key, text, "");
	CHECK(key->size == sizeof value);
	memcpy((char *)base + key->offset, &value, sizeof value);
	return true;
}

static bool set_choice(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	for (const struct key_choice *choice = key->choices; choice->name; choice++) {
		if (!span_equal(text, span_of(choice->name)))
			continue;
		CHECK(key->size == sizeof choice->value);
		memcpy((char *)base + key->offset, &choice->value, sizeof choice->value);
		return true;
	}
	return refuse_shown(place, key, text, "");
}

/* The part of a reference behind its kind; false: it is not of that kind. */
static bool take_prefix(struct span *text, const char *prefix)
{
	size_t length = strlen(prefix);
	if (text->len < length || memcmp(text->data, prefix, length) != 0)
		return false;
	text->data += length;
	text->len -= length;
	return true;
}

static bool secret_name_good(enum secret_kind kind, struct span name)
{
	if (name.len == 0 || name.len >= SECRET_REFERENCE_MAX)
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (kind == SECRET_FILE ? is_control(c)
		                        : !is_letter_or_digit(c) && c != '_' &&
		                              (kind == SECRET_ENVIRONMENT || !strchr(".-", c)))
			return false;
	}
	/* A credential is a file's name below one folder: it may not lead out of it. */
	return kind != SECRET_CREDENTIAL || name.data[0] != '.';
}

static bool set_secret(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	enum secret_kind kind = SECRET_NONE;
	struct span name = text;
	if (take_prefix(&name, "file:"))
		kind = SECRET_FILE;
	else if (take_prefix(&name, "env:"))
		kind = SECRET_ENVIRONMENT;
	else if (take_prefix(&name, "credential:"))
		kind = SECRET_CREDENTIAL;
	if (kind == SECRET_NONE) {
		config_problem_add(
		    place->problems, place->line, place->column,
		    "%s holds a text (not shown here); secrets do not stand in this file: put it into a file "
		    "that only the agent can read and write file:/path here; allowed is file:/path, env:NAME "
		    "or credential:name",
		    key_local_name(key));
		return false;
	}
	struct secret_reference reference = {.kind = kind};
	if (!secret_name_good(kind, name) || !text_copy(reference.name, sizeof reference.name, name))
		return refuse(place, key,
		              kind == SECRET_FILE          ? "names no file behind file:"
		              : kind == SECRET_ENVIRONMENT ? "names no variable behind env:"
		                                           : "names no credential behind credential:");
	memcpy((char *)base + key->offset, &reference, sizeof reference);
	return true;
}

/* One "name=value" of a connection string; a value may stand in braces, "}}" inside them is one brace
 * (ODBC, SQLDriverConnect). */
static bool take_attribute(struct span *text, struct span *name, struct span *value)
{
	size_t i = 0;
	while (i < text->len && text->data[i] != '=' && text->data[i] != ';')
		i++;
	*name = span_trim((struct span){text->data, i});
	*value = (struct span){text->data + i, 0};
	bool has_value = i < text->len && text->data[i] == '=';
	if (has_value) {
		size_t from = ++i;
		bool braces = i < text->len && text->data[i] == '{';
		while (i < text->len && (braces || text->data[i] != ';')) {
			if (braces && text->data[i] == '}') {
				if (i + 1 < text->len && text->data[i + 1] == '}')
					i++;
				else
					braces = false;
			}
			i++;
		}
		*value = (struct span){text->data + from, i - from};
	}
	if (i < text->len)
		i++;
	text->data += i;
	text->len -= i;
	return has_value;
}

static bool set_connection(const struct value_place *place, const struct key *key, void *base,
                           struct span text)
{
	struct span rest = text;
	bool good = true;
	for (size_t i = 0; i < text.len; i++)
		good = good && !is_control(text.data[i]);
	if (!good)
		return refuse(place, key, "has control characters in it");
	while (rest.len > 0) {
		struct span name, value;
		bool has_value = take_attribute(&rest, &name, &value);
		if (name.len == 0 && !has_value)
			continue;
		if (!has_value || name.len == 0)
			return refuse(place, key, "is not of the form Attribute=value;Attribute=value");
		if (value_names_secret(name) || contains_ignoring_case(value, "password=") ||
		    contains_ignoring_case(value, "pwd=")) {
			config_problem_add(place->problems, place->line, place->column,
			                   "connection holds a password in its attribute %.*s (not shown "
			                   "here); secrets do not "
			                   "stand in this file: take it out and write password: file:/path "
			                   "beside connection",
			                   (int)(name.len < 32 ? name.len : 32), name.data);
			return false;
		}
	}
	return put_text(place, key, base, text);
}

static bool set_dsn(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	/* Checked by the rules of a text first, then kept behind "DSN=". */
	char name[CONFIG_TEXT_MAX];
	struct key plain = *key;
	plain.offset = 0;
	plain.size = sizeof name;
	if (!set_text(place, &plain, name, text))
		return false;
	(void)snprintf((char *)base + key->offset, key->size, "DSN=%s", name);
	return true;
}

static bool set_stream(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	struct span rest = text;
	int entities = 0;
	int beside = 0;
	while (rest.len > 0) {
		char c = rest.data[0];
		if (take_prefix(&rest, "{entity}")) {
			entities++;
			continue;
		}
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
			return refuse_shown(place, key, text, "");
		beside++;
		rest.data++;
		rest.len--;
	}
	if (entities > 1 || (entities == 1 && beside > CONFIG_STREAM_BESIDE_MAX))
		return refuse_shown(place, key, text, "");
	return put_text(place, key, base, text);
}

bool value_set(const struct value_place *place, const struct key *key, void *base, struct span text)
{
	switch (key->type) {
	case KEY_NAME:
		return set_name(place, key, base, text);
	case KEY_TEXT:
	case KEY_PATH:
		return set_text(place, key, base, text);
	case KEY_INTEGER:
	case KEY_DURATION:
	case KEY_SIZE:
		return set_number(place, key, base, text);
	case KEY_DECIMAL:
		return set_decimal(place, key, base, text);
	case KEY_DATE:
		return set_date(place, key, base, text);
	case KEY_CHOICE:
		return set_choice(place, key, base, text);
	case KEY_SECRET:
		return set_secret(place, key, base, text);
	case KEY_CONNECTION:
		return set_connection(place, key, base, text);
	case KEY_DSN:
		return set_dsn(place, key, base, text);
	case KEY_STREAM:
		return set_stream(place, key, base, text);
	case KEY_NAMES:
	case KEY_PATHS:
	case KEY_HOSTS:
	case KEY_PARAMETERS:
	case KEY_MAP:
	case KEY_LIST:
		break;
	}
	check_failed("a key with one value", __FILE__, __LINE__);
}

static bool is_list_name(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
			return false;
	}
	return text.len > 0 && text.len < CONFIG_NAME_MAX;
}

static bool refuse_entry(const struct value_place *place, const struct key *key, struct span text,
                         const char *allowed)
{
	char shown[VALUE_SHOWN_SIZE];
	value_show(text, shown);
	config_problem_add(place->problems, place->line, place->column,
	                   "%s has the entry \"%s\"; allowed are %s", key_local_name(key), shown, allowed);
	return false;
}

static bool set_list_name(const struct value_place *place, const struct key *key, char *to, struct span text)
{
	bool known = key->choices == NULL;
	for (const struct key_choice *choice = key->choices; choice && choice->name; choice++)
		known = known || span_equal(text, span_of(choice->name));
	if (known && is_list_name(text) && text_copy(to, CONFIG_NAME_MAX, text))
		return true;
	struct buf allowed;
	buf_init(&allowed, ALLOWED_MAX);
	for (const struct key_choice *choice = key->choices; choice && choice->name; choice++)
		buf_printf(&allowed, "%s%s",
		           choice == key->choices ? ""
		           : choice[1].name       ? ", "
		                                  : " and ",
		           choice->name);
	if (!key->choices)
		buf_printf(&allowed, "names of 1 to %d of a-z, 0-9, _ and -", CONFIG_NAME_MAX - 1);
	(void)refuse_entry(place, key, text, buf_cstr(&allowed));
	buf_release(&allowed);
	return false;
}

static bool set_list_path(const struct value_place *place, const struct key *key, char *to, struct span text)
{
	bool good = text.len > 0;
	for (size_t i = 0; i < text.len; i++)
		good = good && !is_control(text.data[i]);
	if (good && text_copy(to, CONFIG_PATH_MAX, text))
		return true;
	return refuse_entry(place, key, text, "paths of 1 to 255 bytes of printable text");
}

/* Name, or address (of IPv6 in brackets), and port. */
static bool set_list_host(const struct value_place *place, const struct key *key, struct config_host *to,
                          struct span text)
{
	size_t colon = text.len;
	while (colon > 0 && text.data[colon - 1] != ':')
		colon--;
	struct span name = {text.data, colon > 0 ? colon - 1 : 0};
	struct span port_text = {text.data + colon, text.len - colon};
	bool brackets = name.len > 2 && name.data[0] == '[' && name.data[name.len - 1] == ']';
	if (brackets)
		name = (struct span){name.data + 1, name.len - 2};
	bool good = name.len > 0 && name.len <= HOST_BYTES_MAX;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		good = good && (is_letter_or_digit(c) || strchr(brackets ? ":." : ".-_", c));
	}
	int64_t port = 0;
	good = good && integer_parse(&port, port_text) == ERR_OK && port >= 1 && port <= 65535;
	if (!good || !text_copy(to->host, sizeof to->host, name))
		return refuse_entry(place, key, text, "host:port, such as broker2.example.com:8883");
	to->port = (int)port;
	return true;
}

bool value_set_entry(const struct value_place *place, const struct key *key, void *to, struct span text)
{
	if (key->type == KEY_NAMES)
		return set_list_name(place, key, to, text);
	if (key->type == KEY_PATHS)
		return set_list_path(place, key, to, text);
	CHECK(key->type == KEY_HOSTS);
	return set_list_host(place, key, to, text);
}

bool value_set_parameter(const struct value_place *place, struct config_parameter *to, struct span name,
                         struct span text)
{
	char shown[VALUE_SHOWN_SIZE];
	value_show(name, shown);
	if (!is_list_name(name)) {
		config_problem_add(
		    place->problems, place->line, place->column,
		    "\"%s\" is no name for a parameter; allowed are 1 to %d of a-z, 0-9, _ and -", shown,
		    CONFIG_NAME_MAX - 1);
		return false;
	}
	if (value_names_secret(name)) {
		config_problem_add(
		    place->problems, place->line, place->column,
		    "the parameter %s looks like a secret (not shown here); secrets do not stand in this "
		    "file; "
		    "the database's password belongs into password: file:/path beside parameters",
		    shown);
		return false;
	}
	bool good = text.len < sizeof to->value;
	for (size_t i = 0; i < text.len; i++)
		good = good && !is_control(text.data[i]);
	if (!good) {
		config_problem_add(place->problems, place->line, place->column,
		                   "the parameter %s is %zu bytes long or has control characters; allowed "
		                   "are 0 to %zu bytes of "
		                   "printable text",
		                   shown, text.len, sizeof to->value - 1);
		return false;
	}
	return text_copy(to->name, sizeof to->name, name) && text_copy(to->value, sizeof to->value, text);
}
