/*
 * replay_command.c - the commands `replay` and `resend`: events sent again, as they were.
 *
 * Why:   a subscriber that lost something gets it again without anybody touching the store.
 * Owns:  the answer while it is shown.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store_forward/store.h"
#include "tools/twinpost/commands.h"

/* "5..9", "5.." (*to is 0) or "5" (*to is 5); false: none of them. */
static bool read_range(const char *text, int64_t *from, int64_t *to)
{
	const char *dots = strstr(text, "..");
	size_t length = dots ? (size_t)(dots - text) : strlen(text);
	*from = command_number(text, length, STORE_SEQUENCE_MAX);
	*to = *from;
	if (*from == 0 || !dots)
		return *from != 0;
	*to = 0;
	if (dots[2] == 0)
		return true;
	*to = command_number(dots + 2, strlen(dots + 2), STORE_SEQUENCE_MAX);
	return *to != 0;
}

static void render_replay(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	char events[WORDS_SIZE];
	int64_t from = member_integer(data, "from"), to = member_integer(data, "to");
	bool one = from == to;
	(void)terminal;
	count_words(member_integer(data, "events"), events);
	if (member_text(data, "subject")[0]) {
		buf_printf(out, "revision %" PRId64 " of ", member_integer(data, "revision"));
		terminal_text(member_text(data, "subject"), out);
		buf_append_text(out, ": ");
	}
	buf_printf(out, "%s %s of stream ", events, one ? "event" : "events");
	terminal_text(member_text(data, "stream"), out);
	buf_printf(out, one ? ", sequence %" PRId64 : ", sequences %" PRId64, from);
	if (!one)
		buf_printf(out, " to %" PRId64, to);
	buf_append_text(out, one ? ", is sent again, byte for byte, on\n  "
	                         : ", are sent again, byte for byte, on\n  ");
	terminal_text(member_text(data, "topic"), out);
	int64_t before = member_integer(data, "waiting") - 1;
	if (before > 0)
		buf_printf(out, "\nafter %" PRId64 " %s asked for earlier", before,
		           before == 1 ? "replay that was" : "replays that were");
	buf_append_text(out, "\nThe live events go on beside it.\n");
}

enum cli_exit command_replay(const struct options *options)
{
	int64_t from = 0, to = 0;
	const char *range = options->operands[1];
	if (!read_range(range, &from, &to))
		return command_misused(
		    "a range is FROM..TO, FROM.. or one sequence, such as 5..9, not \"%s\"", range);
	if (to != 0 && to < from)
		return command_misused("the range %s is the wrong way round; the lower sequence stands first",
		                       range);
	cJSON *arguments = command_arguments();
	command_add_text(arguments, "stream", options->operands[0]);
	command_add_number(arguments, "from", from);
	if (to != 0)
		command_add_number(arguments, "to", to);
	command_add_text(arguments, "why", options->why);
	return command_run(options, "replay", arguments, render_replay);
}

enum cli_exit command_resend(const struct options *options)
{
	cJSON *arguments = command_arguments();
	command_add_text(arguments, "subject", options->operands[0]);
	command_add_text(arguments, "why", options->why);
	return command_run(options, "resend", arguments, render_replay);
}
