/*
 * config_command.c - the command `config`: check a file, explain a key.
 *
 * Why:   a mistake is found before the agent starts, by the code that the agent starts with.
 * Owns:  what is printed, until it is.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "tools/twinpost/commands.h"

#define PIECE_BYTES (64u * 1024u)

enum err file_read(const char *path, struct buf *out, struct err_info *info)
{
	FILE *file = fopen(path, "rbe");
	if (!file) {
		enum err err = errno == ENOENT ? ERR_NOT_FOUND : errno == EACCES ? ERR_DENIED : ERR_IO;
		return err_set(info, err, "%s cannot be read: %s", path, strerror(errno));
	}
	size_t room;
	size_t got;
	/* The limit of some is 64 MiB, and few files are as large. */
	do {
		room = out->max - out->len < PIECE_BYTES ? out->max - out->len : PIECE_BYTES;
		uint8_t *to = buf_reserve(out, room);
		CHECK(to != NULL);
		got = fread(to, 1, room, file);
		buf_added(out, got);
	} while (got == room && room > 0);
	/* A folder opens, and fails only now. */
	int error = ferror(file) ? errno : 0;
	bool more = !error && got == room && fgetc(file) != EOF;
	(void)fclose(file);
	if (error)
		return err_set(info, ERR_IO, "%s cannot be read: %s", path, strerror(error));
	if (more)
		return err_set(info, ERR_TOO_LARGE, "%s is larger than %zu bytes, which no such file needs",
		               path, out->max);
	return ERR_OK;
}

static enum cli_exit explain(const struct options *options)
{
	const char *key = options->operand_count == 2 ? options->operands[1] : "";
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	enum err err = ERR_OK;
	if (options->markdown)
		config_markdown(&out);
	else if (options->keys)
		config_keys(&out);
	else
		err = config_explain(key, &out);
	if (err == ERR_OK)
		return command_print(&out) ? CLI_OK : CLI_FAILED;
	struct buf shown;
	buf_init(&shown, CLIENT_MESSAGE_SIZE);
	terminal_text(key, &shown);
	(void)fprintf(stderr, "twinpost: there is no key \"%s\"%s\n%s", buf_cstr(&shown),
	              out.len ? "; did you mean" : "; twinpost config explain lists all", buf_cstr(&out));
	buf_release(&shown);
	buf_release(&out);
	return CLI_NOT_FOUND;
}

enum cli_exit command_config(const struct options *options)
{
	const char *what = options->operands[0];
	bool checks = strcmp(what, "check") == 0;
	bool explains = strcmp(what, "explain") == 0;
	bool explains_only = options->markdown || options->keys;
	if (explains && !options->profiles)
		return explain(options);
	if (checks && options->operand_count == 2 && !explains_only)
		return check_file(options, options->operands[1]);
	command_complain("use it as: twinpost config check FILE, or: twinpost config explain [KEY]");
	return CLI_USAGE;
}
