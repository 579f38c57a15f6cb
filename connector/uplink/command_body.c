/*
 * command_body.c - reads the body of a command by one table of members.
 *
 * Why:   see command_body.h.
 * Owns:  nothing; names go into struct command.
 * Rules: 1. A member is a row of `members`; a command is a row of `commands`, which says what it takes and needs.
 *        2. null counts as not given, but a member that the command does not take is refused even so.
 * Faults: bad members are refused one by one with what is allowed.
 * Runs in: the core.
 * Tests: tests/unit/command_test.c, tests/fuzz/command_fuzz.c
 */
#include "connector/uplink/command_body.h"

#include <inttypes.h>
#include <string.h>

#include "connector/uplink/json_read.h"

enum member_kind { MEMBER_NAME, MEMBER_NUMBER, MEMBER_PERIOD, MEMBER_SUBJECTS };

enum member_slot { STREAM, SOURCE, EPOCH, FROM, TO, SEQUENCE, SIZE, PERIOD, SUBJECTS, MEMBER_COUNT };

struct member {
	const char *key;
	enum member_kind kind;
	size_t offset;
	int64_t max; /* of a number, from 1; of a name, its bytes */
};

#define AT(field) offsetof(struct command, field)
static const struct member members[MEMBER_COUNT] = {
    [STREAM] = {"stream", MEMBER_NAME, AT(stream), STORE_STREAM_NAME_MAX - 1},
    [SOURCE] = {"source", MEMBER_NAME, AT(source), CONFIG_NAME_MAX - 1},
    [EPOCH] = {"epoch", MEMBER_NUMBER, AT(epoch), JSON_INTEGER_MAX},
    [FROM] = {"from", MEMBER_NUMBER, AT(from), STORE_SEQUENCE_MAX},
    [TO] = {"to", MEMBER_NUMBER, AT(to), STORE_SEQUENCE_MAX},
    [SEQUENCE] = {"sequence", MEMBER_NUMBER, AT(sequence), STORE_SEQUENCE_MAX},
    [SIZE] = {"size", MEMBER_NUMBER, AT(size), STORE_SEQUENCE_MAX},
    [PERIOD] = {"period", MEMBER_PERIOD, AT(period), 0},
    [SUBJECTS] = {"subjects", MEMBER_SUBJECTS, AT(subjects), COMMAND_SUBJECTS_MAX},
};
#undef AT

#define BIT(slot) (1u << (slot))

struct command_spec {
	const char *word;
	unsigned takes; /* BIT() of its members, or-ed */
	unsigned needs;
	unsigned one_of; /* exactly one of these */
};

static const struct command_spec commands[] = {
    [COMMAND_REPLAY] = {"replay", BIT(STREAM) | BIT(EPOCH) | BIT(FROM) | BIT(TO),
                        BIT(STREAM) | BIT(FROM) | BIT(TO), 0},
    [COMMAND_RESEND] = {"resend", BIT(SUBJECTS), BIT(SUBJECTS), 0},
    [COMMAND_PAUSE] = {"pause", BIT(SOURCE) | BIT(STREAM), 0, BIT(SOURCE) | BIT(STREAM)},
    [COMMAND_RESUME] = {"resume", BIT(SOURCE) | BIT(STREAM), 0, BIT(SOURCE) | BIT(STREAM)},
    [COMMAND_DIGEST] = {"digest", BIT(STREAM), 0, 0},
    [COMMAND_SWEEP] = {"sweep", BIT(SOURCE) | BIT(PERIOD), BIT(SOURCE), 0},
    [COMMAND_STATE_GET] = {"state.get", 0, 0, 0},
    [COMMAND_PROOF_GET] = {"proof.get", BIT(STREAM) | BIT(SEQUENCE) | BIT(SIZE), BIT(STREAM) | BIT(SEQUENCE),
                           0},
};
#define COMMAND_COUNT ((int)(sizeof commands / sizeof commands[0]))

enum command_kind command_kind_find(struct span word)
{
	for (int kind = COMMAND_UNKNOWN + 1; kind < COMMAND_COUNT; kind++) {
		if (span_equal(span_of(commands[kind].word), word))
			return (enum command_kind)kind;
	}
	return COMMAND_UNKNOWN;
}

static enum err read_name(const struct member *member, const struct json_value *value, char *to,
                          struct err_info *info)
{
	size_t size = (size_t)member->max + 1;
	bool good = value->kind == JSON_TEXT && json_read_text(value, to, size) && to[0] != 0;
	for (const char *c = to; good && *c; c++)
		good = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '-';
	if (good)
		return ERR_OK;
	to[0] = 0;
	return err_set(info, ERR_BAD_INPUT, "%s must be a text of 1 to %" PRId64 " of [a-z0-9-]", member->key,
	               member->max);
}

static enum err read_number(const struct member *member, const struct json_value *value, int64_t *to,
                            struct err_info *info)
{
	int64_t number;
	if (!json_read_integer(value, &number) || number < 1 || number > member->max)
		return err_set(info, ERR_BAD_INPUT, "%s must be a whole number from 1 to %" PRId64,
		               member->key, member->max);
	*to = number;
	return ERR_OK;
}

/* 2026-11, as in control totals; 00 where documents have no period. */
static enum err read_period(const struct json_value *value, char to[8], struct err_info *info)
{
	bool good = value->kind == JSON_TEXT && json_read_text(value, to, 8) && strlen(to) == 7;
	for (int i = 0; good && i < 7; i++)
		good = i == 4 ? to[i] == '-' : to[i] >= '0' && to[i] <= '9';
	if (good)
		return ERR_OK;
	to[0] = 0;
	return err_set(info, ERR_BAD_INPUT, "period must be a text like 2026-11: fiscal year and period");
}

static bool is_subject(const char *text)
{
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	}
	return text[0] != 0;
}

/* Resolved escapes are never longer than what they stand for, and the two quotes make room for the end. */
static enum err read_subjects(const struct json_value *list, struct command *command, struct err_info *info)
{
	struct json_walk walk;
	struct json_value value;
	size_t used = 0;
	command->subject_count = 0;
	if (list->kind != JSON_LIST)
		return err_set(info, ERR_BAD_INPUT, "subjects must be a list of 1 to %d texts",
		               COMMAND_SUBJECTS_MAX);
	json_walk_init(&walk, list);
	while (json_walk_next(&walk, NULL, &value)) {
		if (command->subject_count == COMMAND_SUBJECTS_MAX)
			return err_set(info, ERR_BAD_INPUT, "subjects holds more than %d",
			               COMMAND_SUBJECTS_MAX);
		char *to = command->names + used;
		CHECK(sizeof command->names - used > value.raw.len);
		if (value.kind != JSON_TEXT || !json_read_text(&value, to, STORE_SUBJECT_MAX + 1) ||
		    !is_subject(to))
			return err_set(info, ERR_BAD_INPUT,
			               "subjects: entry %d is not a text of 1 to %d bytes without control "
			               "characters",
			               command->subject_count + 1, STORE_SUBJECT_MAX);
		command->subjects[command->subject_count++] = span_of(to);
		used += strlen(to) + 1;
	}
	if (command->subject_count == 0)
		return err_set(info, ERR_BAD_INPUT, "subjects is empty");
	return ERR_OK;
}

static enum err read_member(enum member_slot slot, const struct json_value *value, struct command *command,
                            struct err_info *info)
{
	const struct member *member = &members[slot];
	char *at = (char *)command + member->offset;
	switch (member->kind) {
	case MEMBER_NAME:
		return read_name(member, value, at, info);
	case MEMBER_NUMBER:
		return read_number(member, value, (int64_t *)(void *)at, info);
	case MEMBER_PERIOD:
		return read_period(value, at, info);
	case MEMBER_SUBJECTS:
		return read_subjects(value, command, info);
	}
	BUG("unknown kind of member");
}

static enum err unknown_member(const struct command_spec *spec, const struct json_value *key,
                               struct err_info *info)
{
	char name[32];
	const char *shown = name;
	char takes[128] = "nothing";
	size_t len = 0;
	if (!json_read_text(key, name, sizeof name) || !is_subject(name))
		shown = "of a long or odd name";
	for (int slot = 0; slot < MEMBER_COUNT; slot++) {
		if (!(spec->takes & BIT(slot)))
			continue;
		struct span known = span_of(members[slot].key);
		CHECK(len + known.len + 3 < sizeof takes);
		if (len > 0) {
			memcpy(takes + len, ", ", 2);
			len += 2;
		}
		memcpy(takes + len, members[slot].key, known.len);
		len += known.len;
		takes[len] = 0;
	}
	return err_set(info, ERR_BAD_INPUT, "unknown member %s; %s takes %s", shown, spec->word, takes);
}

/* What members cannot say one by one. */
static enum err check_together(const struct command_spec *spec, unsigned given, const struct command *command,
                               struct err_info *info)
{
	for (int slot = 0; slot < MEMBER_COUNT; slot++) {
		if (spec->needs & ~given & BIT(slot))
			return err_set(info, ERR_BAD_INPUT, "%s is missing", members[slot].key);
	}
	unsigned chosen = given & spec->one_of;
	if (spec->one_of && (chosen == 0 || (chosen & (chosen - 1))))
		return err_set(info, ERR_BAD_INPUT, "either source or stream must be given, and not both");
	if (command->to < command->from)
		return err_set(info, ERR_BAD_INPUT, "to is below from");
	if (command->size > 0 && command->size < command->sequence)
		return err_set(info, ERR_BAD_INPUT, "size is below sequence: that tree does not hold it");
	return ERR_OK;
}

static void clear_members(struct command *command)
{
	command->stream[0] = 0;
	command->source[0] = 0;
	command->period[0] = 0;
	command->epoch = 0;
	command->from = 0;
	command->to = 0;
	command->sequence = 0;
	command->size = 0;
	command->subject_count = 0;
}

enum err command_body_read(struct command *command, struct err_info *info)
{
	struct json_value root;
	struct json_value key;
	struct json_value value;
	struct json_walk walk;
	unsigned given = 0;
	CHECK(command->kind > COMMAND_UNKNOWN && (int)command->kind < COMMAND_COUNT);
	const struct command_spec *spec = &commands[command->kind];
	clear_members(command);
	enum err err = json_open(&root, command->body, info);
	if (err != ERR_OK)
		return ERR_BAD_INPUT;
	if (root.kind != JSON_OBJECT)
		return err_set(info, ERR_BAD_INPUT, "the body is not a JSON object");
	json_walk_init(&walk, &root);
	while (json_walk_next(&walk, &key, &value)) {
		int slot = 0;
		while (slot < MEMBER_COUNT && !json_text_is(&key, members[slot].key))
			slot++;
		if (slot == MEMBER_COUNT || !(spec->takes & BIT(slot)))
			return unknown_member(spec, &key, info);
		if (value.kind == JSON_NULL)
			continue;
		err = read_member((enum member_slot)slot, &value, command, info);
		if (err != ERR_OK)
			return err;
		given |= BIT(slot);
	}
	return check_together(spec, given, command, info);
}
