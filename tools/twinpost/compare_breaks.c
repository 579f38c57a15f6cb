/*
 * compare_breaks.c - the commands `compare exceptions`, `accept`, `reject`, `ack`, `snooze`, `reopen`.
 *
 * Why:   people decide about differences where they read them.
 * Owns:  the answer while it is shown.
 * Rules: 1. Each is one request to the agent, which alone decides whether it is allowed.
 *        2. Several are accepted in two steps: --preview shows them and a token, --token accepts those.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_compare.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"

/* ---- the list ---- */

static void put_decision(const cJSON *item, const struct terminal *terminal, struct buf *out)
{
	if (!member_text(item, "who")[0])
		return;
	buf_append_text(out, "    ");
	terminal_text(member_text(item, "who"), out);
	if (member_text(item, "second")[0]) {
		buf_append_text(out, " and ");
		terminal_text(member_text(item, "second"), out);
	}
	buf_append_text(out, ", ");
	terminal_start(member_text(item, "at"), 16, out);
	buf_append_text(out, "Z: ");
	terminal_wrapped(terminal, member_text(item, "reason"), 8, out);
}

/* Of usage, and of what stands for many, there is none. */
static void put_money(const cJSON *item, struct buf *out)
{
	char words[AMOUNT_WORDS_SIZE];
	if (member_text(item, "currency")[0] == 0) {
		buf_append_text(out, "without an amount");
		return;
	}
	amount_words(member_text(item, "gross"), words);
	terminal_text(words, out);
	buf_append_text(out, " gross, ");
	amount_words(member_text(item, "net"), words);
	terminal_text(words, out);
	buf_append_text(out, " net ");
	terminal_text(member_text(item, "currency"), out);
}

static void render_break(const cJSON *item, const struct terminal *terminal, struct buf *out)
{
	const char *state = member_text(item, "state");
	bool late = member_true(item, "late");
	terminal_style(terminal, late ? STYLE_WARNING : STYLE_BOLD, out);
	terminal_text(member_text(item, "key"), out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_text(out, "\n    ");
	terminal_text(member_text(item, "status"), out);
	buf_append_text(out, ", ");
	if (strcmp(member_text(item, "cause"), member_text(item, "status")) != 0) {
		terminal_text(member_text(item, "cause"), out);
		buf_append_text(out, ", ");
	}
	put_money(item, out);
	buf_append_text(out, "\n    ");
	terminal_wrapped(terminal, member_text(item, "text"), 4, out);
	put_decision(item, terminal, out);
	terminal_style(terminal, STYLE_FAINT, out);
	buf_append_text(out, "    ");
	terminal_text(state, out);
	if (member_text(item, "until")[0]) {
		buf_append_text(out, " until ");
		terminal_start(member_text(item, "until"), 10, out);
	}
	buf_append_text(out, ", ");
	terminal_text(member_text(item, "owner"), out);
	buf_append_text(out, late ? ", was due " : ", due ");
	terminal_start(member_text(item, "due"), 10, out);
	buf_append_text(out, ", since run ");
	terminal_text(member_text(item, "first_run"), out);
	if (member_integer(item, "reopened") > 0)
		buf_printf(out, ", reopened %" PRId64 " times", member_integer(item, "reopened"));
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
}

static void render_breaks(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *item;
	const cJSON *counts = member(data, "counts");
	const char *between = "";
	int shown = cJSON_GetArraySize(member(data, "differences"));
	cJSON_ArrayForEach(item, member(data, "differences")) render_break(item, terminal, out);
	if (shown == 0)
		buf_append_text(out, "None of these.\n");
	if (member_true(data, "more"))
		buf_append_text(out, "... there are more (--limit N)\n");
	cJSON_ArrayForEach(item, counts)
	{
		if (item_integer(item) < 1)
			continue;
		buf_printf(out, "%s%" PRId64 " ", between, item_integer(item));
		terminal_text(item->string, out);
		between = ", ";
	}
	buf_append_text(out, between[0] ? "\n" : "");
}

static void add_choice(cJSON *arguments, const struct options *options)
{
	if (options->cause)
		command_add_text(arguments, "cause", options->cause);
	if (options->entity)
		command_add_text(arguments, "entity", options->entity);
}

enum cli_exit command_compare_exceptions(const struct options *options)
{
	cJSON *arguments = command_arguments();
	if (options->operand_count == 1) {
		command_add_text(arguments, "key", options->operands[0]);
		return command_run(options, "compare_show", arguments, render_break);
	}
	if (options->state)
		command_add_text(arguments, "state", options->state);
	if (options->owner)
		command_add_text(arguments, "owner", options->owner);
	add_choice(arguments, options);
	command_add_limit(arguments, options);
	return command_run(options, "compare_list", arguments, render_breaks);
}

/* ---- decisions ---- */

static void render_money(const cJSON *data, struct buf *out)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, member(data, "currencies"))
	{
		char count[WORDS_SIZE];
		count_words(member_integer(item, "count"), count);
		buf_printf(out, "  %s: ", count);
		put_money(item, out);
		buf_append_char(out, '\n');
	}
}

static void render_becomes(const cJSON *data, const char *would, struct buf *out)
{
	const cJSON *item;
	cJSON_ArrayForEach(item, member(data, "becomes"))
	{
		char count[WORDS_SIZE];
		count_words(item_integer(item), count);
		buf_printf(out, "%s %s ", count, would);
		terminal_text(item->string, out);
		buf_append_char(out, '\n');
	}
}

static void render_preview(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	(void)terminal;
	render_becomes(data, "would become", out);
	render_money(data, out);
	buf_append_text(out, "exactly these, as long as they are as they are now: --token ");
	terminal_text(member_text(data, "token"), out);
	buf_append_char(out, '\n');
}

static void render_decided(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	if (!member(data, "key")) {
		render_becomes(data, "are now", out);
		render_money(data, out);
		return;
	}
	(void)terminal;
	terminal_text(member_text(data, "key"), out);
	buf_append_text(out, " is now ");
	terminal_text(member_text(data, "state"), out);
	buf_append_text(out, strcmp(member_text(data, "state"), "accept_pending") == 0
	                         ? ": a second person must accept it too\n"
	                         : "\n");
}

static enum cli_exit decide(const struct options *options, const char *command)
{
	bool several = options->cause || options->entity;
	if (several == (options->operand_count == 1))
		return command_misused("say which: the KEY of one difference, or %s",
		                       "--cause C, --entity E or both");
	cJSON *arguments = command_arguments();
	if (options->operand_count == 1)
		command_add_text(arguments, "key", options->operands[0]);
	add_choice(arguments, options);
	if (options->why)
		command_add_text(arguments, "why", options->why);
	if (options->until)
		command_add_text(arguments, "until", options->until);
	if (options->token)
		command_add_text(arguments, "token", options->token);
	if (options->preview)
		CHECK(cJSON_AddTrueToObject(arguments, "preview") != NULL);
	return command_run(options, command, arguments, options->preview ? render_preview : render_decided);
}

enum cli_exit command_compare_accept(const struct options *options)
{
	return decide(options, "compare_accept");
}

enum cli_exit command_compare_reject(const struct options *options)
{
	return decide(options, "compare_reject");
}

enum cli_exit command_compare_ack(const struct options *options)
{
	return decide(options, "compare_ack");
}

enum cli_exit command_compare_snooze(const struct options *options)
{
	if (!options->until)
		return command_misused("until when? %s", "--until 2026-12-31");
	return decide(options, "compare_snooze");
}

enum cli_exit command_compare_reopen(const struct options *options)
{
	return decide(options, "compare_reopen");
}
