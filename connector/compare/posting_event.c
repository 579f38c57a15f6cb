/*
 * posting_event.c - reads the envelope of a posting.
 *
 * Why:   see posting_read.h.
 * Owns:  nothing.
 * Rules: 1. One row for each member: its key, whether it must be there, and its reader.
 *        2. All members are looked at, also behind the first bad one: whoever sent it is answered by its id.
 *        3. Texts take no control characters: they go into logs and on terminals.
 * Faults: as in posting_read.h.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/posting_read_test.c, tests/fuzz/posting_fuzz.c
 */
#include "connector/compare/posting_read.h"

#include <string.h>

#define TYPE_BYTES_MAX 96
#define PART_BYTES_MAX 9 /* 9999/9999 */

/* Texts of one line. */
static bool read_line(const struct json_value *json, char *to, size_t size)
{
	to[0] = 0;
	if (json->kind != JSON_TEXT || !json_read_text(json, to, size))
		return false;
	for (const char *c = to; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f) {
			to[0] = 0;
			return false;
		}
	}
	return to[0] != 0;
}

static bool is_id_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
	       c == '.' || c == '-';
}

static bool read_id(struct posting_event *event, const struct json_value *json)
{
	bool good = read_line(json, event->id, sizeof event->id);
	for (const char *c = event->id; *c && good; c++)
		good = is_id_byte(*c);
	if (!good)
		event->id[0] = 0;
	return good;
}

static bool read_source(struct posting_event *event, const struct json_value *json)
{
	return read_line(json, event->source, sizeof event->source) && !strchr(event->source, ' ');
}

static bool read_subject(struct posting_event *event, const struct json_value *json)
{
	return read_line(json, event->subject, sizeof event->subject);
}

static bool read_digits(const char **at, int64_t most, int64_t *number)
{
	const char *from = *at;
	int64_t sum = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		sum = 10 * sum + (**at - '0');
		if (sum > most)
			return false;
	}
	*number = sum;
	return *at > from;
}

static bool read_sequence(struct posting_event *event, const struct json_value *json)
{
	char text[21];
	const char *at = text;
	int64_t number = 0;
	if (!read_line(json, text, sizeof text) || !read_digits(&at, JSON_INTEGER_MAX, &number) || *at != 0)
		return false;
	event->sequence = number;
	return number > 0;
}

static bool read_revision(struct posting_event *event, const struct json_value *json)
{
	return json_read_integer(json, &event->revision) && event->revision > 0;
}

static bool read_time(struct posting_event *event, const struct json_value *json)
{
	char text[INSTANT_TEXT_SIZE];
	return read_line(json, text, sizeof text) && instant_parse(&event->time_ns, span_of(text)) == ERR_OK;
}

static bool read_phase(struct posting_event *event, const struct json_value *json)
{
	char text[64];
	if (!read_line(json, text, sizeof text))
		return false;
	for (int phase = CONFIG_PHASE_SHADOW; phase <= CONFIG_PHASE_CUTOVER; phase++) {
		if (strcmp(config_phase_name((enum config_phase)phase), text) != 0)
			continue;
		event->has_phase = true;
		event->phase = (enum config_phase)phase;
	}
	return true; /* enumerations are open */
}

static bool read_part(struct posting_event *event, const struct json_value *json)
{
	char text[PART_BYTES_MAX + 1];
	const char *at = text;
	int64_t part = 0;
	int64_t parts = 0;
	if (!read_line(json, text, sizeof text) || !read_digits(&at, PARTS_MAX, &part) || *at++ != '/' ||
	    !read_digits(&at, PARTS_MAX, &parts) || *at != 0 || part < 1 || part > parts)
		return false;
	event->part = (int)part;
	event->parts = (int)parts;
	return true;
}

static bool read_version(struct posting_event *event, const struct json_value *json)
{
	(void)event;
	return json_text_is(json, "1.0");
}

static bool read_data(struct posting_event *event, const struct json_value *json)
{
	event->data = *json;
	return json->kind == JSON_OBJECT;
}

/* The word up to the next point; false: there is none. */
static bool take_word(const char **at, struct span *word)
{
	const char *point = strchr(*at, '.');
	if (!point)
		return false;
	*word = (struct span){*at, (size_t)(point - *at)};
	*at = point + 1;
	return true;
}

static bool find_change(struct span word, enum envelope_change *change)
{
	static const struct {
		const char *word;
		enum envelope_change change;
	} changes[] = {
	    {"recorded", ENVELOPE_RECORDED}, {"amended", ENVELOPE_AMENDED}, {"voided", ENVELOPE_VOIDED}};
	for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
		if (span_equal(span_of(changes[i].word), word)) {
			*change = changes[i].change;
			return true;
		}
	}
	return false;
}

/* com.twinpost.{document}.{change}.v1; any other text is of another kind. */
static bool read_type(struct posting_event *event, const struct json_value *json)
{
	static const char head[] = "com.twinpost.";
	char text[TYPE_BYTES_MAX];
	struct span document;
	struct span change;
	if (!read_line(json, text, sizeof text))
		return false;
	const char *at = text + sizeof head - 1;
	if (strncmp(text, head, sizeof head - 1) != 0 || !take_word(&at, &document) ||
	    !take_word(&at, &change) || strcmp(at, "v1") != 0 || !find_change(change, &event->change))
		return true;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		if (span_equal(span_of(document_spec((enum document_type)type)->event_name), document)) {
			event->known = true;
			event->type = (enum document_type)type;
		}
	}
	return true;
}

/* ---- members ---- */

struct member {
	const char *key;
	size_t key_len;
	bool required;
	bool (*read)(struct posting_event *event, const struct json_value *json);
	const char *why;
};

/* In the order in which they stand in a canonical event. */
#define MEMBER(key, required, read, why)                  \
	{                                                 \
		key, sizeof(key) - 1, required, read, why \
	}
static const struct member members[] = {
    MEMBER("data", true, read_data, "must be an object"),
    MEMBER("id", true, read_id, "must be a text of 1 to 64 of [A-Za-z0-9_.-]"),
    MEMBER("part", false, read_part, "must be a text like \"1/3\", 9999 at most"),
    MEMBER("phase", false, read_phase, "must be a text of one line"),
    MEMBER("revision", true, read_revision, "must be a whole number from 1 on"),
    MEMBER("sequence", true, read_sequence, "must be a text of up to 20 digits, from 1 on"),
    MEMBER("source", true, read_source, "must be a text of 1 to 160 bytes without blanks"),
    MEMBER("specversion", true, read_version, "must be \"1.0\""),
    MEMBER("subject", true, read_subject, "must be a text of 1 to 199 bytes on one line"),
    MEMBER("time", true, read_time, "must be like \"2026-11-21T14:20:05.123Z\""),
    MEMBER("type", true, read_type, "must be a text like \"com.twinpost.invoice.recorded.v1\""),
};
#undef MEMBER
#define MEMBER_COUNT (sizeof members / sizeof members[0])
_Static_assert(POSTING_SOURCE_MAX == 160 && POSTING_ID_MAX == 64 && STORE_SUBJECT_MAX == 200 &&
                   PARTS_MAX == 9999,
               "the sentences name the limits");

static enum err refuse(size_t index, const char *why, struct err_info *info)
{
	return err_set(info, ERR_BAD_INPUT, "%s %s", members[index].key, why);
}

/* Looks from `next` on, then at those before; MEMBER_COUNT: none of ours. */
static size_t find_member(const struct json_value *key, size_t next)
{
	struct span name;
	bool plain = json_text_plain(key, &name);
	for (size_t i = 0, at = next; i < MEMBER_COUNT; i++, at++) {
		if (at >= MEMBER_COUNT)
			at = 0;
		if (plain && (name.len != members[at].key_len || name.data[0] != members[at].key[0]))
			continue;
		if (json_text_is(key, members[at].key))
			return at;
	}
	return MEMBER_COUNT;
}

/* The first bad one in the order of the table is told. */
static enum err read_members(struct posting_event *event, const struct json_value *root,
                             struct err_info *info)
{
	struct json_walk walk;
	struct json_value key;
	struct json_value value;
	unsigned seen = 0;
	unsigned bad = 0;
	size_t next = 0;
	json_walk_init(&walk, root);
	while (json_walk_next(&walk, &key, &value)) {
		size_t i = find_member(&key, next);
		if (i == MEMBER_COUNT)
			continue;
		next = i + 1;
		seen |= 1u << i;
		if (!members[i].read(event, &value))
			bad |= 1u << i;
	}
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (members[i].required && !(seen & 1u << i))
			return refuse(i, "is missing", info);
		if (bad & 1u << i)
			return refuse(i, members[i].why, info);
	}
	return ERR_OK;
}

enum err posting_event_read(struct posting_event *event, struct span message, struct err_info *info)
{
	struct json_value root;
	*event = (struct posting_event){.part = 1, .parts = 1};
	if (message.len > POSTING_EVENT_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE, "a posting has %zu bytes; at most %u are taken",
		               message.len, POSTING_EVENT_BYTES_MAX);
	enum err err = json_open(&root, message, info);
	if (err != ERR_OK)
		return err;
	if (root.kind != JSON_OBJECT)
		return err_set(info, ERR_BAD_INPUT, "a posting is one JSON object");
	return read_members(event, &root, info);
}
