/*
 * cli.c - reads the command line and hands on to a command.
 *
 * Why:   see cli.h.
 * Owns:  nothing.
 * Rules: 1. Options may stand anywhere; "--" ends them. One table names the commands, their options and operands.
 *        2. What is not understood is told with what is; nothing is guessed.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#include "tools/twinpost/cli.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/commands.h"

enum option_bits {
	TAKES_JSON = 1,
	TAKES_WATCH = 2,
	TAKES_LIMIT = 4,
	TAKES_ALL = 8,
	TAKES_PROFILES = 16,
	TAKES_MARKDOWN = 32,
};

struct command {
	const char *name;
	enum cli_exit (*run)(const struct options *options);
	unsigned takes;
	int operands_min, operands_max;
	const char *usage;
	const char *summary;
	const char *help; /* sentences behind the usage */
};

static enum cli_exit run_help(const struct options *options);

static const struct command commands[] = {
    {"status", command_status, TAKES_JSON | TAKES_WATCH, 0, 0, "status [--json] [--watch [SECONDS]]",
     "is it well, and what is it doing",
     "Exit status: 0 healthy, 3 degraded or still starting, 69 the agent is not running.\n"
     "--watch shows it again every 2 (or SECONDS) seconds in place; q or Ctrl-C ends it.\n"},
    {"queue", command_queue, TAKES_JSON | TAKES_LIMIT, 0, 1, "queue [STREAM] [--json] [--limit N]",
     "what waits for the broker",
     "Per stream its oldest first, 20 or N of them. A STREAM is the last level of a topic.\n"},
    {"trace", command_trace, TAKES_JSON, 1, 1, "trace SUBJECT [--json]",
     "everything that ever happened to one document",
     "A SUBJECT is entity/type/year/number, such as 00001/invoice/2024/RI-1001.\n"
     "Exit status: 4 if nothing is known of it.\n"},
    {"exceptions", command_exceptions, TAKES_JSON | TAKES_ALL | TAKES_LIMIT, 0, 0,
     "exceptions [--all] [--limit N] [--json]", "what waits for a person's decision",
     "Newest first, 50 or N of them. --all shows the closed ones too.\n"},
    {"pull", command_pull, TAKES_JSON, 0, 1, "pull [SOURCE]", "read the ERP now instead of at the next poll",
     "All sources, or one.\n"},
    {"config", command_config, TAKES_PROFILES | TAKES_MARKDOWN, 1, 2,
     "config check FILE | config explain [KEY]", "check a configuration file; explain its keys",
     "check tells every problem as FILE:line:column: what is wrong; what is allowed. It looks at the files,\n"
     "profiles and secrets that FILE names too. Exit status: 0 good, 1 problems. --profiles DIR: where bare\n"
     "names of profiles are looked up (else $TWINPOST_PROFILES, else the installed ones).\n"
     "explain lists all keys, or tells what KEY is for, its default and what is allowed.\n"},
    {"version", command_version, TAKES_JSON, 0, 0, "version [--json]",
     "version of this program and of the running agent", "Works without a running agent.\n"},
    {"help", run_help, 0, 0, 1, "help [COMMAND]", "this text, or that of one command", ""},
    /* firmware_run() answers it before the command line is read here; the row is for help. */
    {"run", NULL, 0, 0, 0, "run --config FILE [--until-idle]", "run the agent (the service does it)",
     "--until-idle ends it once every source was read to its end and everything is delivered.\n"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const char help_end[] =
    "\n"
    "Options of every command:\n"
    "  --config FILE   configuration of the agent to ask (default " CLI_CONFIG_DEFAULT ")\n"
    "  --socket PATH   its control socket, instead of the one the configuration names\n"
    "\n"
    "Exit status: 0 good, 1 problems, 2 wrong command line, 3 not healthy, 4 not found, 69 agent not "
    "running.\n"
    "More: man twinpost\n";

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	}
	return NULL;
}

static enum cli_exit usage_error(const char *format, const char *what)
{
	char message[CLIENT_MESSAGE_SIZE];
	struct buf text;
	buf_init(&text, CLIENT_MESSAGE_SIZE);
	terminal_text(what, &text);
	(void)snprintf(message, sizeof message, format, buf_cstr(&text));
	command_complain(message);
	(void)fputs("try: twinpost help\n", stderr);
	buf_release(&text);
	return CLI_USAGE;
}

static enum cli_exit run_help(const struct options *options)
{
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	if (options->operand_count == 1) {
		const struct command *command = find_command(options->operands[0]);
		if (!command) {
			buf_release(&out);
			return usage_error("there is no command \"%s\"", options->operands[0]);
		}
		buf_printf(&out, "twinpost %s\n  %s\n\n%s", command->usage, command->summary, command->help);
	} else {
		buf_append_text(&out,
		                "twinpost: brings the postings of an ERP to the cloud, every one, once.\n\n");
		for (size_t i = 0; i < COMMAND_COUNT; i++)
			buf_printf(&out, "  %-43s %s\n", commands[i].usage, commands[i].summary);
		buf_append_text(&out, help_end);
	}
	return command_print(&out) ? CLI_OK : CLI_FAILED;
}

/* ---- options ---- */

struct arguments {
	int count;
	char **values;
	int next;
	bool options_ended;
};

/* A whole number from 1 to maximum; 0: it is none. */
static long read_number(const char *text, long maximum)
{
	char *end = NULL;
	errno = 0;
	long value = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
	return end && *end == 0 && errno == 0 && value >= 1 && value <= maximum ? value : 0;
}

/* The value of "--name=value" or "--name value"; NULL: this is not --name. "" where it has none. */
static const char *take_value(struct arguments *arguments, const char *argument, const char *name)
{
	size_t length = strlen(name);
	if (strncmp(argument, name, length) != 0)
		return NULL;
	if (argument[length] == '=')
		return argument + length + 1;
	if (argument[length] != 0)
		return NULL;
	return arguments->next < arguments->count ? arguments->values[arguments->next++] : "";
}

static bool take_text_option(struct arguments *arguments, const char *argument, struct options *options,
                             bool *good)
{
	const struct {
		const char *name;
		const char **to;
	} texts[] = {{"--config", &options->config},
	             {"--socket", &options->socket},
	             {"--profiles", &options->profiles}};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *value = take_value(arguments, argument, texts[i].name);
		if (!value)
			continue;
		*texts[i].to = value;
		*good = value[0] != 0;
		if (!*good)
			(void)usage_error("%s needs a value", texts[i].name);
		return true;
	}
	return false;
}

static bool take_number_option(struct arguments *arguments, const char *argument, struct options *options,
                               bool *good)
{
	*good = true;
	if (strcmp(argument, "--watch") == 0) {
		options->watch = true;
		options->watch_s = 2;
		/* SECONDS may be left out: the next word is taken only if it is a number. */
		long seconds = arguments->next < arguments->count
		                   ? read_number(arguments->values[arguments->next], 3600)
		                   : 0;
		if (seconds > 0) {
			options->watch_s = seconds;
			arguments->next++;
		}
		return true;
	}
	if (strncmp(argument, "--watch=", 8) == 0) {
		options->watch = true;
		options->watch_s = read_number(argument + 8, 3600);
		*good = options->watch_s > 0;
		if (!*good)
			(void)usage_error("--watch takes 1 to 3600 seconds, not \"%s\"", argument + 8);
		return true;
	}
	const char *limit = take_value(arguments, argument, "--limit");
	if (!limit)
		return false;
	options->limit = read_number(limit, 1000);
	*good = options->limit > 0;
	if (!*good)
		(void)usage_error("--limit takes 1 to 1000, not \"%s\"", limit);
	return true;
}

static bool take_flag(const char *argument, struct options *options)
{
	const struct {
		const char *name;
		bool *to;
	} flags[] = {{"--json", &options->json},
	             {"--all", &options->all},
	             {"--markdown", &options->markdown},
	             {"--keys", &options->keys}};
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strcmp(argument, flags[i].name) == 0) {
			*flags[i].to = true;
			return true;
		}
	}
	return false;
}

/* Reads everything; words[] are what is no option. false: wrong, and told. */
static bool read_arguments(struct arguments *arguments, struct options *options, const char *words[4],
                           int *word_count)
{
	while (arguments->next < arguments->count) {
		const char *argument = arguments->values[arguments->next++];
		bool good = true;
		if (arguments->options_ended || argument[0] != '-' || argument[1] == 0) {
			if (*word_count == 4) {
				(void)usage_error("there is one word too many: \"%s\"", argument);
				return false;
			}
			words[(*word_count)++] = argument;
		} else if (strcmp(argument, "--") == 0) {
			arguments->options_ended = true;
		} else if (strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0) {
			/* `twinpost status --help` is `twinpost help status`. */
			if (*word_count > 0)
				words[1] = words[0];
			words[0] = "help";
			*word_count = *word_count > 0 ? 2 : 1;
			return true;
		} else if (strcmp(argument, "--version") == 0 || strcmp(argument, "-V") == 0) {
			words[0] = "version";
			*word_count = 1;
			return true;
		} else if (!take_flag(argument, options) &&
		           !take_text_option(arguments, argument, options, &good) &&
		           !take_number_option(arguments, argument, options, &good)) {
			(void)usage_error("unknown option %s", argument);
			return false;
		}
		if (!good)
			return false;
	}
	return true;
}

/* An option that the command does not take; NULL: none. */
static const char *foreign_option(const struct command *command, const struct options *options)
{
	const struct {
		bool given;
		unsigned bit;
		const char *name;
	} given[] = {
	    {options->json, TAKES_JSON, "--json"},
	    {options->watch, TAKES_WATCH, "--watch"},
	    {options->limit > 0, TAKES_LIMIT, "--limit"},
	    {options->all, TAKES_ALL, "--all"},
	    {options->profiles != NULL, TAKES_PROFILES, "--profiles"},
	    {options->markdown, TAKES_MARKDOWN, "--markdown"},
	    {options->keys, TAKES_MARKDOWN, "--keys"},
	};
	for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) {
		if (given[i].given && !(command->takes & given[i].bit))
			return given[i].name;
	}
	return NULL;
}

static enum cli_exit dispatch(int argc, char **argv)
{
	struct options options = {0};
	struct arguments arguments = {.count = argc, .values = argv, .next = 1};
	const char *words[4] = {NULL};
	int word_count = 0;
	if (!read_arguments(&arguments, &options, words, &word_count))
		return CLI_USAGE;
	if (word_count == 0) {
		(void)run_help(&options);
		return CLI_USAGE;
	}
	const struct command *command = find_command(words[0]);
	if (!command)
		return usage_error("there is no command \"%s\"", words[0]);
	if (!command->run)
		return usage_error("%s must be the first word, before any option", command->name);
	const char *foreign = foreign_option(command, &options);
	if (foreign)
		return usage_error("this command does not take %s", foreign);
	options.operand_count = word_count - 1;
	if (options.operand_count < command->operands_min || options.operand_count > command->operands_max)
		return usage_error("use it as: twinpost %s", command->usage);
	for (int i = 0; i < options.operand_count; i++)
		options.operands[i] = words[i + 1];
	return command->run(&options);
}

int cli_main(int argc, char **argv)
{
	return (int)dispatch(argc, argv);
}
