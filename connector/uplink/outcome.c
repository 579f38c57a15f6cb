/*
 * outcome.c - reads messages of outcomes, one outcome at a time.
 *
 * Why:   see outcome.h.
 * Owns:  nothing.
 * Rules: 1. One row for each text member: its key, its place, its limit, and the sentence of its refusal.
 *        2. null and "" count as not given.
 *        3. Texts of one line take no control characters, for they go into logs and on terminals; `text` may have any.
 * Faults: as in outcome.h.
 * Runs in: the core.
 * Tests: tests/unit/outcome_test.c, tests/fuzz/outcome_fuzz.c
 */
#include "connector/uplink/outcome.h"

#include <string.h>

#include "connector/posting/date.h"
#include "store_forward/outcomes.h"

/* What is read here is kept there. */
_Static_assert((int)OUTCOME_RECEIVED == (int)STORE_OUTCOME_RECEIVED &&
                   (int)OUTCOME_VALIDATED == (int)STORE_OUTCOME_VALIDATED &&
                   (int)OUTCOME_PARTIAL == (int)STORE_OUTCOME_PARTIAL &&
                   (int)OUTCOME_BOOKED == (int)STORE_OUTCOME_BOOKED &&
                   (int)OUTCOME_REJECTED == (int)STORE_OUTCOME_REJECTED &&
                   (int)OUTCOME_DUPLICATE == (int)STORE_OUTCOME_DUPLICATE &&
                   (int)OUTCOME_OTHER == (int)STORE_OUTCOME_OTHER,
               "a code has one number");
_Static_assert(OUTCOME_FIELD_BYTES_MAX <= STORE_OUTCOME_WORD_MAX &&
                   OUTCOME_TEXT_BYTES_MAX <= STORE_OUTCOME_TEXT_MAX,
               "what is taken can be kept");

static const char *const code_names[] = {
    [OUTCOME_NONE] = "",
    [OUTCOME_RECEIVED] = "RECEIVED",
    [OUTCOME_VALIDATED] = "VALIDATED",
    [OUTCOME_PARTIAL] = "PARTIAL",
    [OUTCOME_BOOKED] = "BOOKED",
    [OUTCOME_REJECTED] = "REJECTED",
    [OUTCOME_DUPLICATE] = "DUPLICATE",
    [OUTCOME_OTHER] = "OTHER",
};

const char *outcome_code_name(enum outcome_code code)
{
	CHECK((unsigned)code <= OUTCOME_OTHER);
	return code_names[code];
}

enum outcome_code outcome_code_find(const char *name)
{
	for (int code = OUTCOME_RECEIVED; code < OUTCOME_OTHER; code++) {
		if (strcmp(code_names[code], name) == 0)
			return (enum outcome_code)code;
	}
	return OUTCOME_OTHER;
}

bool outcome_is_final(enum outcome_code code)
{
	return code == OUTCOME_BOOKED || code == OUTCOME_REJECTED || code == OUTCOME_DUPLICATE;
}

/* The classes of a rejection, and whose work each is; the last is for all others. */
static const struct {
	const char *name;
	enum store_owner owner;
} classes[] = {
    {"mapping", STORE_OWNER_MAPPING},     {"period", STORE_OWNER_POLICY},
    {"policy", STORE_OWNER_POLICY},       {"master_data", STORE_OWNER_DATA_QUALITY},
    {"amount", STORE_OWNER_DATA_QUALITY}, {"technical", STORE_OWNER_TECHNICAL},
    {"other", STORE_OWNER_DATA_QUALITY},
};
#define CLASS_COUNT (sizeof classes / sizeof classes[0])

static void settle_class(struct outcome *outcome)
{
	size_t i = 0;
	while (i < CLASS_COUNT - 1 && strcmp(classes[i].name, outcome->reason_class) != 0)
		i++;
	outcome->owner = classes[i].owner;
	if (outcome->code == OUTCOME_REJECTED)
		CHECK(
		    text_copy(outcome->reason_class, sizeof outcome->reason_class, span_of(classes[i].name)));
}

/* ---- members ---- */

struct member {
	const char *key;
	size_t offset;
	size_t size;
	bool many_lines;
	const char *why;
};

#define FIELD_MEMBER(key, field)                                                          \
	{                                                                                 \
		key, offsetof(struct outcome, field), OUTCOME_FIELD_BYTES_MAX + 1, false, \
		    key " is not a text of at most 200 bytes on one line"                 \
	}
static const struct member members[] = {
    FIELD_MEMBER("subject", subject),
    FIELD_MEMBER("outcome", word),
    FIELD_MEMBER("document", document),
    FIELD_MEMBER("ledger", ledger),
    FIELD_MEMBER("reason", reason),
    FIELD_MEMBER("class", reason_class),
    {"text", offsetof(struct outcome, text), OUTCOME_TEXT_BYTES_MAX + 1, true,
     "text is not a text of at most 1000 bytes"},
};
#undef FIELD_MEMBER
_Static_assert(OUTCOME_FIELD_BYTES_MAX == 200 && OUTCOME_TEXT_BYTES_MAX == 1000,
               "the sentences name the limits");

static bool is_one_line(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static bool is_given(const struct json_value *value)
{
	return value->kind != JSON_NONE && value->kind != JSON_NULL;
}

/* false: to is "". */
static bool read_text(const struct json_value *value, char *to, size_t size, bool many_lines)
{
	to[0] = 0;
	if (!is_given(value))
		return true;
	if (value->kind == JSON_TEXT && json_read_text(value, to, size) && (many_lines || is_one_line(to)))
		return true;
	to[0] = 0;
	return false;
}

static bool read_instant(const struct json_value *value, int64_t *at_ns)
{
	char text[INSTANT_TEXT_SIZE];
	*at_ns = 0;
	return read_text(value, text, sizeof text, false) &&
	       (text[0] == 0 || instant_parse(at_ns, span_of(text)) == ERR_OK);
}

/* 2026-11-21 and no other form. */
static bool read_date(const struct json_value *value, char text[DATE_TEXT_SIZE])
{
	date_days date;
	return read_text(value, text, DATE_TEXT_SIZE, false) &&
	       (text[0] == 0 ||
	        (strlen(text) == DATE_TEXT_SIZE - 1 && date_parse(&date, span_of(text)) == ERR_OK));
}

static bool read_corrects(const struct json_value *value, enum outcome_code *corrects)
{
	char word[OUTCOME_FIELD_BYTES_MAX + 1];
	*corrects = OUTCOME_NONE;
	if (!read_text(value, word, sizeof word, false))
		return false;
	if (word[0] != 0)
		*corrects = outcome_code_find(word);
	return true;
}

/* NULL: all is well. */
static const char *read_outcome(const struct json_value *object, struct outcome *outcome)
{
	if (object->kind != JSON_OBJECT)
		return "an outcome is not an object";
	for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
		struct json_value value = json_member(object, members[i].key);
		if (!read_text(&value, (char *)outcome + members[i].offset, members[i].size,
		               members[i].many_lines))
			return members[i].why;
	}
	struct json_value revision = json_member(object, "revision");
	struct json_value date = json_member(object, "date");
	struct json_value time = json_member(object, "time");
	struct json_value corrects = json_member(object, "corrects");
	if (outcome->subject[0] == 0)
		return "subject is missing";
	if (!json_read_integer(&revision, &outcome->revision) || outcome->revision < 1)
		return "revision is not a whole number from 1 on";
	if (outcome->word[0] == 0)
		return "outcome is missing";
	if (!read_date(&date, outcome->date))
		return "date is not like 2026-11-21";
	if (!read_instant(&time, &outcome->at_ns))
		return "time is not like 2026-11-21T14:20:05.123Z";
	if (!read_corrects(&corrects, &outcome->corrects))
		return "corrects is not a text";
	outcome->code = outcome_code_find(outcome->word);
	settle_class(outcome);
	return NULL;
}

/* ---- messages ---- */

static bool is_id(const char *id)
{
	for (const char *c = id; *c; c++) {
		bool good = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
		            (*c >= '0' && *c <= '9') || *c == '_' || *c == '.' || *c == '-';
		if (!good)
			return false;
	}
	return id[0] != 0;
}

static bool read_id(const struct json_value *root, char id[OUTCOME_ID_BYTES_MAX + 1])
{
	struct json_value value = json_member(root, "id");
	if (read_text(&value, id, OUTCOME_ID_BYTES_MAX + 1, false) && is_id(id))
		return true;
	id[0] = 0;
	return false;
}

enum err outcome_message_open(struct outcome_message *message, struct span payload, struct err_info *info)
{
	struct json_value root;
	struct json_value value;
	*message = (struct outcome_message){.count = 0};
	if (payload.len > OUTCOME_MESSAGE_BYTES_MAX)
		return err_set(info, ERR_TOO_LARGE,
		               "a message of outcomes has %zu bytes; at most %u are taken", payload.len,
		               OUTCOME_MESSAGE_BYTES_MAX);
	enum err err = json_open(&root, payload, info);
	if (err != ERR_OK)
		return err;
	if (root.kind != JSON_OBJECT)
		return err_set(info, ERR_BAD_INPUT, "a message of outcomes is one JSON object");
	if (!read_id(&root, message->id))
		return err_set(info, ERR_BAD_INPUT, "id must be a text of 1 to %d of [A-Za-z0-9_.-]",
		               OUTCOME_ID_BYTES_MAX);
	value = json_member(&root, "time");
	if (!read_instant(&value, &message->time_ns))
		return err_set(info, ERR_BAD_INPUT, "time is not like 2026-11-21T14:20:05.123Z");
	struct json_value list = json_member(&root, "outcomes");
	if (list.kind != JSON_LIST)
		return err_set(info, ERR_BAD_INPUT, "outcomes must be a list");
	json_walk_init(&message->walk, &list);
	while (json_walk_next(&message->walk, NULL, &value)) {
		if (message->count == OUTCOMES_MAX)
			return err_set(info, ERR_TOO_LARGE, "outcomes holds more than %d", OUTCOMES_MAX);
		message->count++;
	}
	if (message->count == 0)
		return err_set(info, ERR_BAD_INPUT, "outcomes is empty");
	json_walk_init(&message->walk, &list);
	return ERR_OK;
}

enum outcome_next outcome_next(struct outcome_message *message, struct outcome *outcome, const char **why)
{
	struct json_value value;
	*outcome = (struct outcome){.code = OUTCOME_NONE};
	if (!json_walk_next(&message->walk, NULL, &value))
		return OUTCOME_END;
	*why = read_outcome(&value, outcome);
	return *why ? OUTCOME_REFUSED : OUTCOME_READ;
}
