/*
 * key_command.c - the command `key`: the agent's signing key, its public half for others, and changing it.
 *
 * Why:   what consumers pin must come from the box itself, by a person's hand.
 * Owns:  the answer while it is shown; the file that it writes.
 * Rules: a file that is there already is never written over: it may be the key that somebody has pinned.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/commands.h"

static void line(const char *name, const char *value, struct buf *out)
{
	buf_printf(out, "%-11s", name);
	terminal_text(value, out);
	buf_append_char(out, '\n');
}

static void render_key(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	char rotations[WORDS_SIZE];
	(void)terminal;
	const char *since = member_text(data, "since");
	count_words(member_integer(data, "rotations"), rotations);
	line("name", member_text(data, "name"), out);
	line("algorithm", member_text(data, "algorithm"), out);
	line("sha256", member_text(data, "sha256"), out);
	line("since", since[0] ? since : "not recorded", out);
	line("rotations", rotations, out);
}

enum cli_exit command_key_show(const struct options *options)
{
	return command_run(options, "key_show", NULL, render_key);
}

static void render_rotate(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	(void)terminal;
	buf_append_text(out,
	                "The signing key is changed; every stream tells it with an event that both keys have "
	                "signed.\n");
	line("  old", member_text(data, "old_sha256"), out);
	line("  new", member_text(data, "sha256"), out);
	buf_append_text(out, "Consumers that follow the streams move to it by themselves. For new ones:\n"
	                     "  twinpost key export-public FILE\n");
}

enum cli_exit command_key_rotate(const struct options *options)
{
	cJSON *arguments = command_arguments();
	command_add_text(arguments, "why", options->why);
	return command_run(options, "key_rotate", arguments, render_rotate);
}

static enum cli_exit write_file(const char *path, const char *pem)
{
	char message[CLIENT_MESSAGE_SIZE];
	FILE *file = fopen(path, "wxe");
	bool good = file && fputs(pem, file) != EOF;
	int error = errno;
	if (file && fclose(file) != 0 && good) {
		good = false;
		error = errno;
	}
	if (good)
		return CLI_OK;
	if (file)
		(void)remove(path);
	if (error == EEXIST)
		(void)snprintf(
		    message, sizeof message,
		    "%.500s exists already and is not written over; choose another name, or move it "
		    "away",
		    path);
	else
		(void)snprintf(message, sizeof message, "%.500s cannot be written: %s", path,
		               strerror(error));
	command_complain(message);
	return CLI_FAILED;
}

enum cli_exit command_key_export(const struct options *options)
{
	struct answer answer;
	struct buf out;
	enum cli_exit status = command_ask(options, "key_show", NULL, &answer);
	if (status != CLI_OK)
		return status;
	buf_init(&out, CLI_OUTPUT_MAX);
	terminal_lines(member_text(answer.data, "pem"), &out);
	if (options->operand_count == 1) {
		status = write_file(options->operands[0], buf_cstr(&out));
		buf_release(&out);
	} else {
		status = command_print(&out) ? CLI_OK : CLI_FAILED;
	}
	answer_release(&answer);
	return status;
}
