/*
 * ask.c - what the commands share: finding the socket, asking, printing; and the commands that only list.
 *
 * Why:   each command is a request, and a way to show its answer.
 * Owns:  the answer while it is shown.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/keys.h"
#include "tools/twinpost/commands.h"

#ifndef TWINPOST_VERSION
#error "TWINPOST_VERSION comes from the Makefile"
#endif

void command_complain(const char *message)
{
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	buf_append_text(&out, "twinpost: ");
	terminal_lines(message, &out);
	(void)fputs(buf_cstr(&out), stderr);
	buf_release(&out);
}

bool command_print(struct buf *out)
{
	bool good = buf_ok(out) && fputs(buf_cstr(out), stdout) != EOF && fflush(stdout) == 0;
	if (!good && errno != EPIPE)
		command_complain("the output could not be written");
	buf_release(out);
	return good;
}

void command_print_json(const cJSON *object)
{
	char *text = cJSON_Print(object);
	CHECK(text != NULL);
	(void)puts(text);
	cJSON_free(text);
}

/* ---- the socket ---- */

/* false: not readable or not good. loud: its problems are told. */
static bool socket_of_config(const char *file, bool loud, char path[256])
{
	struct buf text;
	struct err_info info;
	struct config *config = mem_alloc(sizeof *config);
	struct config_problems *problems = mem_alloc(sizeof *problems);
	buf_init(&text, CONFIG_FILE_BYTES_MAX);
	bool good = false;
	if (file_read(file, &text, &info) != ERR_OK) {
		if (loud)
			command_complain(info.text);
	} else if (!config_parse(config, file, buf_span(&text), problems)) {
		struct buf out;
		buf_init(&out, CLI_OUTPUT_MAX);
		config_problems_print(problems, file, &out);
		if (loud)
			(void)fputs(buf_cstr(&out), stderr);
		buf_release(&out);
	} else {
		good = text_copy(path, 256, span_of(config->control.socket));
	}
	buf_release(&text);
	free(problems);
	free(config);
	return good;
}

bool command_socket(const struct options *options, char path[256])
{
	if (options->socket) {
		if (text_copy(path, 256, span_of(options->socket)))
			return true;
		command_complain("the path of --socket is too long; allowed are 107 bytes");
		return false;
	}
	if (options->config)
		return socket_of_config(options->config, true, path);
	/* Who may not read the file may still open the socket. */
	if (socket_of_config(CLI_CONFIG_DEFAULT, false, path))
		return true;
	return text_copy(path, 256, span_of(key_find(SPAN_LITERAL("control.socket"))->fallback));
}

enum cli_exit command_ask(const struct options *options, const char *name, cJSON *arguments,
                          struct answer *answer)
{
	char path[256];
	cJSON *request = arguments ? arguments : cJSON_CreateObject();
	*answer = (struct answer){.status = CLI_FAILED};
	CHECK(request && cJSON_AddNumberToObject(request, "v", 1) &&
	      cJSON_AddStringToObject(request, "cmd", name));
	if (command_socket(options, path)) {
		char *line = cJSON_PrintUnformatted(request);
		CHECK(line != NULL);
		client_ask(path, span_of(line), answer);
		cJSON_free(line);
		if (answer->status != CLI_OK)
			command_complain(answer->message);
	}
	cJSON_Delete(request);
	return answer->status;
}

/* ---- asking and showing ---- */

cJSON *command_arguments(void)
{
	cJSON *arguments = cJSON_CreateObject();
	CHECK(arguments != NULL);
	return arguments;
}

void command_add_text(cJSON *arguments, const char *name, const char *text)
{
	CHECK(cJSON_AddStringToObject(arguments, name, text) != NULL);
}

void command_add_number(cJSON *arguments, const char *name, int64_t number)
{
	CHECK(cJSON_AddNumberToObject(arguments, name, (double)number) != NULL);
}

void command_add_limit(cJSON *arguments, const struct options *options)
{
	if (options->limit > 0)
		command_add_number(arguments, "limit", options->limit);
}

enum cli_exit command_show(const struct options *options, struct answer *answer, command_render render)
{
	struct terminal terminal;
	struct buf out;
	if (options->json) {
		command_print_json(answer->data);
	} else {
		terminal_init(&terminal);
		buf_init(&out, CLI_OUTPUT_MAX);
		render(answer->data, &terminal, &out);
		if (!command_print(&out))
			answer->status = CLI_FAILED;
	}
	enum cli_exit status = answer->status;
	answer_release(answer);
	return status;
}

enum cli_exit command_run(const struct options *options, const char *name, cJSON *arguments,
                          command_render render)
{
	struct answer answer;
	enum cli_exit status = command_ask(options, name, arguments, &answer);
	return status == CLI_OK ? command_show(options, &answer, render) : status;
}

/* ---- the lists ---- */

static void render_queue(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	static const char *const heads[] = {"STREAM", "SEQUENCE", "SIZE", "WAITS", "REVISION", "SUBJECT"};
	const cJSON *item;
	struct table table;
	char words[WORDS_SIZE];
	int64_t waiting = member_integer(data, "waiting");
	if (waiting == 0) {
		buf_append_text(out, "Nothing waits: the broker has acknowledged everything.\n");
		return;
	}
	table_init(&table, 6, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4, heads);
	cJSON_ArrayForEach(item, member(data, "documents"))
	{
		char sequence[WORDS_SIZE], size[WORDS_SIZE], age[WORDS_SIZE], revision[WORDS_SIZE];
		count_words(member_integer(item, "sequence"), sequence);
		size_words(member_integer(item, "bytes"), size);
		age_words(member_integer(item, "age_s"), age);
		count_words(member_integer(item, "revision"), revision);
		table_add(&table, (const char *const[]){member_text(item, "stream"), sequence, size, age,
		                                        revision, member_text(item, "subject")});
	}
	table_finish(&table, terminal, 0, out);
	count_words(waiting, words);
	buf_printf(out, "%s%s waiting in all\n", member_true(data, "more") ? "... " : "", words);
}

enum cli_exit command_queue(const struct options *options)
{
	cJSON *arguments = command_arguments();
	if (options->operand_count == 1)
		command_add_text(arguments, "stream", options->operands[0]);
	command_add_limit(arguments, options);
	return command_run(options, "queue", arguments, render_queue);
}

/* The checkpoint that covers a revision, for a line that may have one. */
static void render_checkpoint(const cJSON *line, struct buf *out)
{
	const cJSON *checkpoint = member(line, "checkpoint");
	if (!checkpoint)
		return;
	buf_append_text(out, "      ");
	if (!cJSON_IsObject(checkpoint)) {
		buf_append_text(out, "not in a checkpoint yet\n");
		return;
	}
	buf_printf(out, "in checkpoint %" PRId64 ", ", member_integer(checkpoint, "size"));
	if (member_text(checkpoint, "receipted")[0]) {
		buf_append_text(out, "receipted ");
		terminal_start(member_text(checkpoint, "receipted"), 19, out);
		buf_append_text(out, "Z\n");
	} else {
		buf_append_text(out, "not receipted yet\n");
	}
}

static void render_traced(const cJSON *line, const struct terminal *terminal, struct buf *out)
{
	const char *what = member_text(line, "what");
	int64_t sequence = member_integer(line, "sequence"), parts = member_integer(line, "parts");
	buf_append_text(out, "  ");
	terminal_text(member_text(line, "at"), out);
	buf_append_text(out, "  ");
	terminal_style(terminal, strcmp(what, "exception") == 0 ? STYLE_WARNING : STYLE_PLAIN, out);
	terminal_text(what, out);
	terminal_style(terminal, STYLE_PLAIN, out);
	if (member_integer(line, "revision") > 0)
		buf_printf(out, ", revision %" PRId64, member_integer(line, "revision"));
	if (member_text(line, "stream")[0]) {
		buf_append_text(out, ", stream ");
		terminal_text(member_text(line, "stream"), out);
		if (parts > 1)
			buf_printf(out, " sequences %" PRId64 " to %" PRId64 " in %" PRId64 " parts",
			           sequence, sequence + parts - 1, parts);
		else
			buf_printf(out, " sequence %" PRId64, sequence);
	}
	buf_append_char(out, '\n');
	if (member_text(line, "text")[0]) {
		buf_append_text(out, "      ");
		terminal_wrapped(terminal, member_text(line, "text"), 6, out);
	}
	render_checkpoint(line, out);
}

static void render_trace(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *line;
	terminal_style(terminal, STYLE_BOLD, out);
	terminal_text(member_text(data, "subject"), out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
	cJSON_ArrayForEach(line, member(data, "lines")) render_traced(line, terminal, out);
	if (member_true(data, "more"))
		buf_append_text(out, "  ... there is more\n");
}

enum cli_exit command_trace(const struct options *options)
{
	cJSON *arguments = command_arguments();
	command_add_text(arguments, "subject", options->operands[0]);
	return command_run(options, "trace", arguments, render_trace);
}

static void render_pull(const cJSON *data, const struct terminal *terminal, struct buf *out)
{
	const cJSON *item;
	(void)terminal;
	cJSON_ArrayForEach(item, member(data, "sources"))
	{
		const char *problem = member_text(item, "problem");
		terminal_text(member_text(item, "name"), out);
		if (problem[0]) {
			buf_append_text(out, ": is read once it can be reached: ");
			terminal_text(problem, out);
			buf_append_char(out, '\n');
		} else {
			buf_append_text(out, member_true(item, "paused")
			                         ? ": is read once it is no longer paused\n"
			                         : ": is being read\n");
		}
	}
}

enum cli_exit command_pull(const struct options *options)
{
	cJSON *arguments = command_arguments();
	if (options->operand_count == 1)
		command_add_text(arguments, "source", options->operands[0]);
	return command_run(options, "pull", arguments, render_pull);
}

enum cli_exit command_version(const struct options *options)
{
	char path[256];
	struct answer answer = {.status = CLI_UNAVAILABLE};
	enum cli_exit status = CLI_OK;
	/* The agent's version is an extra: nothing is said where it does not run. */
	if (command_socket(options, path))
		client_ask(path, SPAN_LITERAL("{\"v\":1,\"cmd\":\"version\"}"), &answer);
	if (options->json) {
		cJSON *object = command_arguments();
		command_add_text(object, "version", TWINPOST_VERSION);
		cJSON *agent = answer.data ? cJSON_Duplicate(answer.data, true) : cJSON_CreateNull();
		CHECK(agent && cJSON_AddItemToObject(object, "agent", agent));
		command_print_json(object);
		cJSON_Delete(object);
	} else {
		struct buf out;
		buf_init(&out, CLI_OUTPUT_MAX);
		buf_printf(&out, "twinpost %s\n", TWINPOST_VERSION);
		if (answer.data) {
			buf_append_text(&out, "running agent ");
			terminal_text(member_text(answer.data, "version"), &out);
			buf_append_char(&out, '\n');
		}
		status = command_print(&out) ? CLI_OK : CLI_FAILED;
	}
	answer_release(&answer);
	return status;
}
