/*
 * command.c - the lines of a command, and the order in which it is judged.
 *
 * Why:   see command.h.
 * Owns:  nothing.
 * Rules: 1. What each command takes in its body is command_body.c's table.
 *        2. Sentences name the box's own clock where a time decides: it is the clock that is wrong, as often as not.
 * Faults: as in command.h.
 * Runs in: the core.
 * Tests: tests/unit/command_test.c, tests/fuzz/command_fuzz.c
 */
#include "connector/uplink/command.h"

#include <stdio.h>
#include <string.h>

#include "connector/posting/date.h"
#include "connector/uplink/command_body.h"

const char *command_reason_name(enum command_reason reason)
{
	static const char *const names[COMMAND_REASON_COUNT] = {
#define COMMAND_REASON_NAME(name, text) text,
	    COMMAND_REASONS(COMMAND_REASON_NAME)
#undef COMMAND_REASON_NAME
	};
	CHECK((unsigned)reason < COMMAND_REASON_COUNT);
	return names[reason];
}

static bool is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* 1 to max of [A-Za-z0-9] and the marks. */
static bool is_made_of(struct span text, const char *marks, size_t max)
{
	for (size_t i = 0; i < text.len; i++) {
		if (!is_letter_or_digit(text.data[i]) && (!strchr(marks, text.data[i]) || text.data[i] == 0))
			return false;
	}
	return text.len > 0 && text.len <= max;
}

/* Takes the next line, which begins with this word and a blank (or is just the word), and gives what follows. */
static bool take_line(struct span *text, const char *word, bool bare, struct span *rest)
{
	const char *end = text->len > 0 ? memchr(text->data, '\n', text->len) : NULL;
	if (!end)
		return false;
	struct span line = {text->data, (size_t)(end - text->data)};
	text->data += line.len + 1;
	text->len -= line.len + 1;
	size_t len = strlen(word);
	if (line.len < len || memcmp(line.data, word, len) != 0)
		return false;
	*rest = (struct span){line.data + len, line.len - len};
	return bare == (rest->len == 0);
}

/* Times beyond what 64 bits of nanoseconds hold are still times: the one is past, the other too far ahead. */
static bool read_expiry(int64_t *expires_ns, struct span text)
{
	enum err err = instant_parse(expires_ns, text);
	if (err == ERR_OVERFLOW)
		*expires_ns = memcmp(text.data, "1970", 4) < 0 ? 0 : INT64_MAX;
	return err == ERR_OK || err == ERR_OVERFLOW;
}

enum err command_decode(struct command *command, struct span text, struct err_info *info)
{
	struct span rest = text;
	struct span nothing;
	struct span expires;
	command->decoded = false;
	command->target = (struct span){NULL, 0};
	command->id = (struct span){NULL, 0};
	command->word = (struct span){NULL, 0};
	command->body = (struct span){NULL, 0};
	command->kind = COMMAND_UNKNOWN;
	if (text.len > COMMAND_TEXT_BYTES_MAX)
		return err_set(info, ERR_BAD_INPUT, "the text is over %d bytes", COMMAND_TEXT_BYTES_MAX);
	if (!take_line(&rest, "tp1/cmd/v1", true, &nothing))
		return err_set(info, ERR_BAD_INPUT, "the first line is not tp1/cmd/v1");
	if (!take_line(&rest, "target ", false, &command->target) ||
	    !is_made_of(command->target, "-/", 2 * CONFIG_NAME_MAX))
		return err_set(info, ERR_BAD_INPUT, "the second line is not target {tenant}/{gateway}");
	if (!take_line(&rest, "id ", false, &command->id) ||
	    !is_made_of(command->id, "_.-", COMMAND_ID_BYTES_MAX))
		return err_set(info, ERR_BAD_INPUT, "the third line is not id and 1 to %d of [A-Za-z0-9_.-]",
		               COMMAND_ID_BYTES_MAX);
	if (!take_line(&rest, "expires ", false, &expires) || !read_expiry(&command->expires_ns, expires))
		return err_set(info, ERR_BAD_INPUT,
		               "the fourth line is not expires and an instant like 2026-11-21T14:20:05.123Z");
	if (!take_line(&rest, "command ", false, &command->word) ||
	    !is_made_of(command->word, "_.-", COMMAND_WORD_BYTES_MAX))
		return err_set(info, ERR_BAD_INPUT, "the fifth line is not command and one word");
	if (!take_line(&rest, "body ", false, &command->body))
		return err_set(info, ERR_BAD_INPUT, "the sixth line is not body and a JSON object");
	if (rest.len > 0)
		return err_set(info, ERR_BAD_INPUT, "there is something after the line of the body");
	command->digest = digest_of(&text, 1);
	command->kind = command_kind_find(command->word);
	command->decoded = true;
	return ERR_OK;
}

static enum command_reason expired(const struct command *command, int64_t now_ns,
                                   struct command_verdict *verdict)
{
	char clock[INSTANT_TEXT_SIZE];
	instant_print(now_ns, clock);
	if (command->expires_ns <= now_ns) {
		(void)snprintf(verdict->text, sizeof verdict->text,
		               "it has expired: the box's clock shows %s; send it anew, with a new id",
		               clock);
		return COMMAND_EXPIRED;
	}
	if (command->expires_ns - (now_ns > 0 ? now_ns : 0) > COMMAND_AHEAD_NS_MAX) {
		(void)snprintf(
		    verdict->text, sizeof verdict->text,
		    "it expires more than 7 days from now: the box's clock shows %s; send it with an "
		    "earlier expires, or have the box's clock set",
		    clock);
		return COMMAND_EXPIRES_TOO_LATE;
	}
	return COMMAND_DO;
}

static enum command_reason tell(struct command_verdict *verdict, enum command_reason reason, const char *text)
{
	(void)snprintf(verdict->text, sizeof verdict->text, "%s", text);
	return reason;
}

static enum command_reason judge_origin(const struct command *command, const struct command_facts *facts,
                                        struct command_verdict *verdict)
{
	if (facts->retained)
		return tell(
		    verdict, COMMAND_RETAINED,
		    "it was published with the retain flag; clear it from the topic and publish without");
	if (facts->signature == NOTE_MALFORMED || !command->decoded)
		return tell(verdict, COMMAND_MALFORMED,
		            "it is not a signed note with the six lines of a command");
	if (facts->signature == NOTE_UNSIGNED)
		return tell(
		    verdict, COMMAND_UNSIGNED,
		    "no key of cloud.command_keys has signed it; compare the key ids of the two sides");
	if (facts->signature == NOTE_BAD_SIGNATURE)
		return tell(
		    verdict, COMMAND_BAD_SIGNATURE,
		    "the signature of a known key does not fit the text: it was changed on its way, or "
		    "signed over other bytes");
	if (!span_equal(command->target, facts->target))
		return tell(verdict, COMMAND_WRONG_TARGET, "it is for another gateway");
	return COMMAND_DO;
}

static enum command_reason judge(struct command *command, const struct command_facts *facts,
                                 struct command_verdict *verdict)
{
	enum command_reason reason = judge_origin(command, facts, verdict);
	if (reason != COMMAND_DO)
		return reason;
	if (facts->earlier && digest_equal(facts->earlier, &command->digest))
		return COMMAND_AGAIN;
	reason = expired(command, facts->now_ns, verdict);
	if (reason != COMMAND_DO)
		return reason;
	if (facts->earlier)
		return tell(verdict, COMMAND_ID_REUSED,
		            "another command had this id within the last 7 days; send it with a new id");
	if (command->kind == COMMAND_UNKNOWN)
		return tell(
		    verdict, COMMAND_UNKNOWN_COMMAND,
		    "this agent knows replay, resend, pause, resume, digest, sweep, state.get and proof.get");
	struct err_info info;
	if (command_body_read(command, &info) != ERR_OK)
		return tell(verdict, COMMAND_BAD_BODY, info.text);
	return COMMAND_DO;
}

void command_judge(struct command *command, const struct command_facts *facts,
                   struct command_verdict *verdict)
{
	verdict->text[0] = 0;
	verdict->reason = judge(command, facts, verdict);
	verdict->answer =
	    command->decoded && facts->signature == NOTE_GOOD && span_equal(command->target, facts->target);
	verdict->remember = verdict->reason == COMMAND_DO || verdict->reason == COMMAND_UNKNOWN_COMMAND ||
	                    verdict->reason == COMMAND_BAD_BODY;
	CHECK(verdict->answer || verdict->reason != COMMAND_DO);
}
