/*
 * audit_command.c - the command `audit`: who did what to the agent, when and why; and whether it still fits together.
 *
 * Why:   after the migration somebody asks who had this sent again, and the answer must be believed.
 * Owns:  the answer while it is shown.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"

static void render_entry(const cJSON *item, const struct terminal *terminal, struct buf *out)
{
	buf_printf(out, "[%" PRId64 "] ", member_integer(item, "id"));
	terminal_start(member_text(item, "at"), 19, out);
	buf_append_text(out, "Z  ");
	terminal_style(terminal, STYLE_BOLD, out);
	terminal_text(member_text(item, "action"), out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_text(out, ", by ");
	terminal_text(member_text(item, "who"), out);
	buf_append_char(out, '\n');
	if (member_text(item, "target")[0]) {
		buf_append_text(out, "    ");
		terminal_wrapped(terminal, member_text(item, "target"), 4, out);
	}
	if (member_text(item, "why")[0]) {
		buf_append_text(out, "    why: ");
		terminal_wrapped(terminal, member_text(item, "why"), 9, out);
	}
}

static void render_audit(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *item;
	char words[WORDS_SIZE];
	int64_t count = member_integer(data, "count");
	cJSON_ArrayForEach(item, member(data, "entries")) render_entry(item, terminal, out);
	count_words(count, words);
	if (count == 0)
		buf_append_text(out, "Nobody has changed anything yet.\n");
	else
		buf_printf(out, "%s%s %s in all\n",
		           member_true(data, "more") ? "... there are more (--limit N); " : "", words,
		           count == 1 ? "entry" : "entries");
}

enum cli_exit command_audit(const struct options *options)
{
	cJSON *arguments = command_arguments();
	command_add_limit(arguments, options);
	return command_run(options, "audit", arguments, render_audit);
}

static void render_verify(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	bool good = member_true(data, "good");
	char count[WORDS_SIZE], verified[WORDS_SIZE];
	count_words(member_integer(data, "count"), count);
	count_words(member_integer(data, "verified"), verified);
	terminal_style(terminal, good ? STYLE_GOOD : STYLE_BAD, out);
	buf_append_text(out, good ? "good" : "broken");
	terminal_style(terminal, STYLE_PLAIN, out);
	if (good) {
		buf_printf(out, ": %s %s, each fits the one before it\n", count,
		           strcmp(count, "1") == 0 ? "entry" : "entries");
	} else {
		buf_printf(out, ": %s of %s entries fit: ", verified, count);
		terminal_wrapped(terminal, member_text(data, "problem"), 8, out);
		buf_append_text(out, "Keep a copy of the store as it is, and find out who could write it.\n");
	}
	buf_append_text(out, "head ");
	terminal_text(member_text(data, "head"), out);
	buf_append_char(out, '\n');
}

enum cli_exit command_audit_verify(const struct options *options)
{
	struct answer answer;
	enum cli_exit status = command_ask(options, "audit_verify", NULL, &answer);
	if (status != CLI_OK)
		return status;
	bool good = member_true(answer.data, "good");
	status = command_show(options, &answer, render_verify);
	return status == CLI_OK && !good ? CLI_FAILED : status;
}
