/*
 * exceptions_command.c - the command `exceptions`: what waits for a person, and what a person does about it.
 *
 * Why:   who looks at the list in the morning sees what somebody else has in hand already.
 * Owns:  the answer while it is shown.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"

/* As the protocol has it: below 2^53, so that a double holds it. */
#define ID_MAX (INT64_C(1) << 52)

static void render_mark(const cJSON *item, const struct terminal *terminal, struct buf *out)
{
	if (!member_text(item, "who")[0])
		return;
	buf_append_text(out, member_true(item, "acknowledged") ? "    acknowledged by " : "    note by ");
	terminal_text(member_text(item, "who"), out);
	buf_append_text(out, ", ");
	terminal_start(member_text(item, "marked"), 16, out);
	buf_append_text(out, "Z: ");
	terminal_wrapped(terminal, member_text(item, "note"), 8, out);
}

static void render_exception(const cJSON *item, const struct terminal *terminal, struct buf *out)
{
	char age[WORDS_SIZE];
	bool open = member_true(item, "open");
	bool fresh = open && !member_true(item, "acknowledged");
	buf_printf(out, "[%" PRId64 "] ", member_integer(item, "id"));
	terminal_style(terminal, fresh ? STYLE_WARNING : open ? STYLE_PLAIN : STYLE_FAINT, out);
	terminal_text(member_text(item, "key"), out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_text(out, "\n    ");
	terminal_wrapped(terminal, member_text(item, "text"), 4, out);
	if (member_text(item, "raw")[0]) {
		buf_append_text(out, "    read: ");
		terminal_wrapped(terminal, member_text(item, "raw"), 10, out);
	}
	render_mark(item, terminal, out);
	terminal_style(terminal, STYLE_FAINT, out);
	buf_append_text(out, "    ");
	terminal_text(member_text(item, "owner"), out);
	buf_append_text(out, ", ");
	terminal_text(member_text(item, "rule"), out);
	buf_append_text(out, ", source ");
	terminal_text(member_text(item, "source"), out);
	age_words(member_integer(item, "age_s"), age);
	buf_printf(out, ", %s %s (", open ? "open for" : "closed; first seen", age);
	terminal_start(member_text(item, "first"), 16, out);
	buf_append_char(out, ')');
	if (member_integer(item, "count") > 1)
		buf_printf(out, ", seen %" PRId64 " times", member_integer(item, "count"));
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
}

static void render_exceptions(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *item;
	char words[WORDS_SIZE];
	int64_t open = member_integer(data, "open");
	bool more = member_true(data, "more");
	int shown = cJSON_GetArraySize(member(data, "exceptions"));
	cJSON_ArrayForEach(item, member(data, "exceptions")) render_exception(item, terminal, out);
	count_words(open, words);
	if (open == 0)
		buf_append_text(out, "No exception is open.\n");
	else if (shown == 0 && !more)
		buf_printf(out, "None of this owner's; %s open in all\n", words);
	else
		buf_printf(out, "%s%s open in all; one of them: twinpost exceptions show ID\n",
		           more ? "... there are more (--limit N); " : "", words);
}

enum cli_exit command_exceptions(const struct options *options)
{
	cJSON *arguments = command_arguments();
	if (options->all)
		CHECK(cJSON_AddTrueToObject(arguments, "all") != NULL);
	if (options->owner)
		command_add_text(arguments, "owner", options->owner);
	command_add_limit(arguments, options);
	return command_run(options, "exceptions", arguments, render_exceptions);
}

/* NULL: the first operand is no id, and that was told. */
static cJSON *arguments_of(const struct options *options)
{
	const char *word = options->operands[0];
	int64_t id = command_number(word, strlen(word), ID_MAX);
	if (id == 0) {
		(void)command_misused(
		    "an exception's ID is the number that `twinpost exceptions` shows, not \"%s\"", word);
		return NULL;
	}
	cJSON *arguments = command_arguments();
	command_add_number(arguments, "id", id);
	return arguments;
}

static void render_one(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	int64_t id = member_integer(data, "id");
	render_exception(data, terminal, out);
	if (!member_true(data, "open"))
		return;
	if (!member_true(data, "acknowledged"))
		buf_printf(out, "take it in hand: twinpost exceptions ack %" PRId64 " --why TEXT\n", id);
	/* What the cloud or the store is the source of has nothing that could be read or sent again. */
	const char *source = member_text(data, "source");
	if (strcmp(source, "cloud") != 0 && strcmp(source, "store") != 0)
		buf_printf(out, "try it again:    twinpost exceptions retry %" PRId64 " --why TEXT\n", id);
}

enum cli_exit command_exceptions_show(const struct options *options)
{
	cJSON *arguments = arguments_of(options);
	return arguments ? command_run(options, "exception", arguments, render_one) : CLI_USAGE;
}

static void render_ack(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	(void)terminal;
	buf_printf(out, "exception %" PRId64 " is acknowledged by ", member_integer(data, "id"));
	terminal_text(member_text(data, "who"), out);
	buf_append_text(out, member_true(data, "open")
	                         ? "; it stays open until its cause has ended\n"
	                         : "; it told of something that is over, and is closed\n");
}

enum cli_exit command_exceptions_ack(const struct options *options)
{
	cJSON *arguments = arguments_of(options);
	if (!arguments)
		return CLI_USAGE;
	command_add_text(arguments, "why", options->why);
	return command_run(options, "exception_ack", arguments, render_ack);
}

static void render_note(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	(void)terminal;
	buf_printf(out, "the note of exception %" PRId64 " is kept\n", member_integer(data, "id"));
}

enum cli_exit command_exceptions_note(const struct options *options)
{
	cJSON *arguments = arguments_of(options);
	if (!arguments)
		return CLI_USAGE;
	command_add_text(arguments, "note", options->operands[1]);
	return command_run(options, "exception_note", arguments, render_note);
}

static void render_retry(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const char *tries = member_text(data, "tries");
	(void)terminal;
	if (strcmp(tries, "uplink") == 0) {
		buf_append_text(out, "the connection to the broker is tried now");
	} else {
		terminal_text(tries, out);
		buf_append_char(out, ' ');
		terminal_text(member_text(data, "object"), out);
		buf_append_text(out, strcmp(tries, "source") == 0 ? " is being read again" : " is tried now");
	}
	buf_printf(out, "; whether it helped: twinpost exceptions show %" PRId64 "\n",
	           member_integer(data, "id"));
}

enum cli_exit command_exceptions_retry(const struct options *options)
{
	cJSON *arguments = arguments_of(options);
	if (!arguments)
		return CLI_USAGE;
	command_add_text(arguments, "why", options->why);
	return command_run(options, "exception_retry", arguments, render_retry);
}
