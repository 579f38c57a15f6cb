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
	TAKES_OWNER = 64,
	TAKES_WHY = 128, /* and needs it */
	ALONE = 256,     /* the command's name alone is enough for it */
	TAKES_KEY = 512,
	TAKES_NAME = 1024,
	TAKES_OUTPUT = 2048,
	TAKES_RULES = 4096,
	TAKES_TAR = 8192,
	TAKES_FORMAT = 16384,
	TAKES_CUT = 32768, /* what is compared, and up to when */
	TAKES_ENTITY = 65536,
	TAKES_CAUSE = 131072,
	TAKES_STATE = 262144,
	TAKES_UNTIL = 524288,
	TAKES_SET = 1048576,     /* several at once, in two steps */
	TAKES_PREVIEW = 2097152, /* shown first, and then without a reason */
	TAKES_SIDE = 4194304,    /* what the ERP has posted */
};

#define WORDS_MAX          5
#define HELP_USAGE_COLUMNS 43

struct command {
	const char *name;
	const char *verb; /* its second word; NULL: it has none */
	enum cli_exit (*run)(const struct options *options);
	unsigned takes;
	int operands_min, operands_max;
	const char *usage;
	const char *summary;
	const char *help; /* sentences behind the usage */
};

static enum cli_exit run_help(const struct options *options);

static const struct command commands[] = {
    {"status", NULL, command_status, TAKES_JSON | TAKES_WATCH, 0, 0, "status [--json] [--watch [SECONDS]]",
     "is it well, and what is it doing",
     "Exit status: 0 healthy, 3 degraded or still starting, 69 the agent is not running.\n"
     "--watch shows it again every 2 (or SECONDS) seconds in place; q or Ctrl-C ends it.\n"},
    {"queue", NULL, command_queue, TAKES_JSON | TAKES_LIMIT, 0, 1, "queue [STREAM] [--json] [--limit N]",
     "what waits for the broker",
     "Per stream its oldest first, 20 or N of them. A STREAM is the last level of a topic.\n"},
    {"trace", NULL, command_trace, TAKES_JSON, 1, 1, "trace SUBJECT [--json]",
     "everything that ever happened to one document",
     "A SUBJECT is entity/type/year/number, such as 00001/invoice/2024/RI-1001.\n"
     "Exit status: 4 if nothing is known of it.\n"},
    {"exceptions", "list", command_exceptions, TAKES_JSON | TAKES_ALL | TAKES_LIMIT | TAKES_OWNER | ALONE, 0,
     0, "exceptions [list] [--all] [--owner CLASS] [--limit N] [--json]",
     "what waits for a person's decision",
     "Newest first, 50 or N of them. --all shows the closed ones too; --owner those of technical,\n"
     "data_quality, mapping or policy alone. ID is the number in front of each.\n"},
    {"exceptions", "show", command_exceptions_show, TAKES_JSON, 1, 1, "exceptions show ID [--json]",
     "one of them, whole", ""},
    {"exceptions", "ack", command_exceptions_ack, TAKES_JSON | TAKES_WHY, 1, 1,
     "exceptions ack ID --why TEXT", "take it in hand",
     "It stays open until its cause has ended; others see who has it, and why. One that only tells of\n"
     "something that has happened, such as a refused command, is closed by this.\n"},
    {"exceptions", "note", command_exceptions_note, TAKES_JSON, 2, 2, "exceptions note ID TEXT",
     "write on it what was found out", "The TEXT is one word for the shell: put it in quotes.\n"},
    {"exceptions", "retry", command_exceptions_retry, TAKES_JSON | TAKES_WHY, 1, 1,
     "exceptions retry ID --why TEXT", "try it again now",
     "Reads its source again, or tries the held stream or the connection, without waiting.\n"},
    {"pull", NULL, command_pull, TAKES_JSON, 0, 1, "pull [SOURCE]",
     "read the ERP now instead of at the next poll", "All sources, or one.\n"},
    {"replay", NULL, command_replay, TAKES_JSON | TAKES_WHY, 2, 2, "replay STREAM FROM..TO --why TEXT",
     "send a range of a stream again",
     "FROM.. goes to the last one, FROM alone is one event. The original bytes go out on up/replay/STREAM;\n"
     "the live order is not disturbed. Exit status: 4 if a part of the range is not there.\n"},
    {"resend", NULL, command_resend, TAKES_JSON | TAKES_WHY, 1, 1, "resend SUBJECT --why TEXT",
     "send one document again", "Its newest revision, with all its parts, on up/replay/STREAM.\n"},
    /* As `run`: firmware_key_make() answers it, with no agent running. */
    {"key", "make", NULL, 0, 0, 0, "key make --config FILE", "make the signing key before the first start",
     "Prints the public key as PEM. Where there is a key already, it is left as it is and printed. Run it "
     "as\n"
     "the agent's user; the agent makes its key by itself at the first start otherwise.\n"},
    {"key", "show", command_key_show, TAKES_JSON, 0, 0, "key show [--json]",
     "the signing key's name and hash", ""},
    {"key", "rotate", command_key_rotate, TAKES_JSON | TAKES_WHY, 0, 0, "key rotate --why TEXT",
     "change the signing key",
     "Every stream tells it with an event that both keys have signed. The old key is forgotten.\n"},
    {"key", "export-public", command_key_export, 0, 0, 1, "key export-public [FILE]",
     "the public key as PEM, for those who pin it", "A FILE that exists is not written over.\n"},
    {"audit", "list", command_audit, TAKES_JSON | TAKES_LIMIT | ALONE, 0, 0,
     "audit [list] [--limit N] [--json]", "who changed what, when and why",
     "Newest first, 50 or N of them. Entries are never deleted.\n"},
    {"audit", "verify", command_audit_verify, TAKES_JSON, 0, 0, "audit verify [--json]",
     "whether the audit still fits together",
     "Walks the chain of hashes. Exit status: 1 if it is broken. Write the head down elsewhere to "
     "compare.\n"},
    {"compare", "run", command_compare_run,
     TAKES_CUT | TAKES_ENTITY | TAKES_RULES | TAKES_OUTPUT | TAKES_JSON, 0, 0,
     "compare run [--full] [--entity CODE] [--from PERIOD] [--to PERIOD]\n"
     "              [--legacy FILE] [--cloud FILE] [--ledger FILE] [--rules DIR] [--at DATE]\n"
     "              [--output RESULT] [--json]",
     "compare the two ledgers",
     "The agent's ledger as it is now; a side that --legacy or --cloud names comes from that CSV\n"
     "file instead, and with both no agent is needed. The RESULT is a folder; without --output it is the\n"
     "next number in compare.results. What fingerprints prove equal is not looked at, unless --full asks\n"
     "for it. A PERIOD is 2026-09; --at is the moment up to which ages count, a date or an instant. Exit\n"
     "status: 0 reconciled (also with warnings or documents on their way), 1 the ledgers differ, 5\n"
     "something is missing and nothing is said about the rest.\n"},
    {"compare", "show", command_compare_show, TAKES_JSON, 0, 1, "compare show [RESULT] [--json]",
     "a comparison in ten lines: verdict, causes, readiness",
     "RESULT is a folder, or the number of one in compare.results; without it the newest there. The same\n"
     "holds for diff, causes and export. Works without a running agent.\n"},
    {"compare", "diff", command_compare_diff, TAKES_JSON | TAKES_CAUSE | TAKES_ENTITY | TAKES_LIMIT, 0, 2,
     "compare diff [RESULT] [KEY | --cause C] [--entity E] [--limit N] [--json]",
     "the differences, one a line, or one of them in full",
     "Both numbers, both values, cloud minus ERP; 50 or N of them. A KEY begins with compare:, or, of a\n"
     "window of usage, with usage:, and stands in `compare exceptions` and in the report; after RESULT also\n"
     "the number or subject of a document will do.\n"},
    {"compare", "causes", command_compare_causes, TAKES_JSON, 0, 1, "compare causes [RESULT] [--json]",
     "why they differ: counts and values by cause", ""},
    {"compare", "export", command_compare_export, TAKES_OUTPUT, 0, 1,
     "compare export [RESULT] --output FOLDER", "all tables of a comparison as CSV files", ""},
    {"compare", "exceptions", command_compare_exceptions,
     TAKES_JSON | TAKES_STATE | TAKES_CAUSE | TAKES_ENTITY | TAKES_OWNER | TAKES_LIMIT, 0, 1,
     "compare exceptions [KEY | --state S] [--cause C] [--entity E]\n"
     "              [--owner CLASS] [--limit N] [--json]",
     "differences and what people have decided about them",
     "Newest first, 50 or N of them; those that are neither over nor accepted, or of one state: open,\n"
     "acknowledged, snoozed, accept_pending, accepted, fixed_by_booking, auto_resolved, all.\n"},
    {"compare", "accept", command_compare_accept,
     TAKES_JSON | TAKES_WHY | TAKES_CAUSE | TAKES_ENTITY | TAKES_SET, 0, 1,
     "compare accept KEY --why TEXT | compare accept [--cause C] [--entity E] --preview\n"
     "              | compare accept [--cause C] [--entity E] --token T --why TEXT",
     "a difference may stay as it is",
     "As long as it is what it is now: another status, cause or amount opens it again. Several at once:\n"
     "--preview shows how many and how much, and a token; --token accepts exactly those, or none if they\n"
     "have changed. With compare.four_eyes a second person must accept them too.\n"},
    {"compare", "reject", command_compare_reject, TAKES_JSON | TAKES_WHY | TAKES_CAUSE | TAKES_ENTITY, 0, 1,
     "compare reject KEY --why TEXT", "take an acceptance back",
     "Also the first person's of two. --cause C, --entity E: all of these.\n"},
    {"compare", "ack", command_compare_ack, TAKES_JSON | TAKES_WHY | TAKES_CAUSE | TAKES_ENTITY, 0, 1,
     "compare ack KEY --why TEXT", "take a difference in hand",
     "It stays open until a comparison does not find it any more; others see who has it. --cause C,\n"
     "--entity E: all of these.\n"},
    {"compare", "snooze", command_compare_snooze,
     TAKES_JSON | TAKES_WHY | TAKES_UNTIL | TAKES_CAUSE | TAKES_ENTITY, 0, 1,
     "compare snooze KEY --until DATE --why TEXT", "look at a difference again on a day",
     "The first comparison from that day on opens it again, and any that finds it changed. --cause C,\n"
     "--entity E: all of these.\n"},
    {"compare", "reopen", command_compare_reopen, TAKES_JSON | TAKES_WHY | TAKES_CAUSE | TAKES_ENTITY, 0, 1,
     "compare reopen KEY --why TEXT", "what was taken in hand or snoozed is open again", ""},
    {"compare", "replay", command_compare_replay,
     TAKES_CUT | TAKES_ENTITY | TAKES_RULES | TAKES_LIMIT | TAKES_JSON, 0, 0,
     "compare replay --rules DIR [--full] [--entity CODE] [--from PERIOD] [--to PERIOD]\n"
     "              [--legacy FILE] [--cloud FILE] [--ledger FILE] [--at DATE] [--limit N]\n"
     "              [--json]",
     "what other rules would clear, create and change",
     "Compares twice, by the rules in force and by those of DIR, the same documents up to the same moment,\n"
     "and changes nothing. Also how many documents would be posted again with other codes; what the cloud\n"
     "would make of them is not guessed. 20 or N differences of each kind are listed. Exit status: 0 none\n"
     "is created, 1 some are, 5 a comparison is incomplete.\n"},
    {"compare", "repost", command_compare_repost,
     TAKES_JSON | TAKES_WHY | TAKES_CAUSE | TAKES_ENTITY | TAKES_PREVIEW, 0, 1,
     "compare repost SUBJECT|--cause mapping [--entity E] [--preview] --why TEXT [--json]",
     "after a mapping was mended: post documents again",
     "With the codes by the rules in force, as their next revision, where a code has changed; --cause takes\n"
     "the ERP's documents of all open differences of the newest comparison that have it. --preview only\n"
     "tells. Exit status: 1 if some were refused.\n"},
    {"compare", "report", command_compare_report, TAKES_FORMAT | TAKES_OUTPUT, 0, 1,
     "compare report [RESULT] [--format FORMAT] --output PATH", "what a comparison found, for people to read",
     "RESULT as for show. FORMAT is html (one page with charts, the default), xlsx, json, "
     "or\n"
     "csv, for which PATH is a folder (csv-bom: with byte order marks, for spreadsheets). The same result\n"
     "gives the same bytes. Works without a running agent.\n"},
    {"compare", "sign", command_compare_sign, TAKES_KEY | TAKES_NAME | TAKES_OUTPUT | TAKES_RULES | TAKES_TAR,
     0, 1, "compare sign [RESULT] [--key FILE --name NAME] [--rules DIR] [--tar] [--output PACK]",
     "make a signed pack of a comparison",
     "RESULT as for show. The running agent signs, or with --key a private key of P-256\n"
     "in PEM, as NAME. With a PACK in place of RESULT, --key adds one more signature. The pack is\n"
     "RESULT.pack, or PACK; with --tar one file. What does not agree with itself is not signed.\n"},
    {"compare", "verify", command_compare_verify, TAKES_KEY, 1, 1, "compare verify PACK --key FILE",
     "whether a pack, or the proof of one document, holds",
     "FILE is the signer's public key in PEM, which came to you by another way than the pack. Each thing\n"
     "that is wrong is one line. Exit status: 1 if there is any.\n"},
    {"compare", "prove", command_compare_prove, TAKES_OUTPUT, 2, 2,
     "compare prove PACK SUBJECT [--output FILE]", "show one document of a pack without the others",
     "Where both sides have the SUBJECT it is the ERP's; cloud:SUBJECT asks for the other.\n"},
    {"config", NULL, command_config, TAKES_PROFILES | TAKES_MARKDOWN, 1, 2,
     "config check FILE | config explain [KEY]", "check a configuration file; explain its keys",
     "check tells every problem as FILE:line:column: what is wrong; what is allowed. It looks at the files,\n"
     "profiles and secrets that FILE names too. Exit status: 0 good, 1 problems. --profiles DIR: where bare\n"
     "names of profiles are looked up (else $TWINPOST_PROFILES, else the installed ones).\n"
     "explain lists all keys, or tells what KEY is for, its default and what is allowed.\n"},
    {"mapping", "check", command_mapping_check, TAKES_JSON, 1, 1, "mapping check DIR [--json]",
     "check the comparison's rules: mappings and tolerances",
     "DIR holds account.csv, tax_code.csv, tolerance.csv and so on. Tells what they hold and their version, "
     "or\n"
     "every problem as DIR/FILE:line: what is wrong; what is allowed. Exit status: 0 good, 1 problems. "
     "Works\n"
     "without a running agent.\n"},
    {"mapping", "gaps", command_mapping_gaps, TAKES_SIDE | TAKES_JSON, 0, 1,
     "mapping gaps [DIR] [--legacy FILE | --ledger FILE] [--json]",
     "codes that were posted on days without a row",
     "Looks through what the ERP has posted: the agent's ledger, or a CSV file. DIR is compare.rules "
     "without\n"
     "it. Documents that wait for a row are in no ledger yet: see exceptions --owner mapping. Exit status:\n"
     "1 if there are gaps.\n"},
    {"version", NULL, command_version, TAKES_JSON, 0, 0, "version [--json]",
     "version of this program and of the running agent", "Works without a running agent.\n"},
    {"help", NULL, run_help, 0, 0, 1, "help [COMMAND]", "this text, or that of one command", ""},
    /* firmware_run() answers it before the command line is read here; the row is for help. */
    {"run", NULL, NULL, 0, 0, 0, "run --config FILE [--until-idle]", "run the agent (the service does it)",
     "--until-idle ends it once every source was read to its end and everything is delivered.\n"},
};

#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const char help_end[] =
    "\n"
    "Options of every command:\n"
    "  --config FILE   configuration of the agent to ask (default " CLI_CONFIG_DEFAULT ")\n"
    "  --socket PATH   its control socket, instead of the one the configuration names\n"
    "What changes something takes --why TEXT, one line in quotes; it is kept in the audit with who and "
    "when.\n"
    "\n"
    "Exit status: 0 good, 1 problems, 2 wrong command line, 3 not healthy, 4 not found, 69 agent not "
    "running.\n"
    "More: man twinpost\n";

enum cli_exit command_misused(const char *format, const char *what)
{
	char message[CLIENT_MESSAGE_SIZE];
	struct buf text;
	buf_init(&text, CLIENT_MESSAGE_SIZE);
	terminal_lines(what, &text);
	if (text.len > 0)
		text.len--; /* the last line's end */
	(void)snprintf(message, sizeof message, format, buf_cstr(&text));
	command_complain(message);
	(void)fputs("try: twinpost help\n", stderr);
	buf_release(&text);
	return CLI_USAGE;
}

/* The row of the first word or two, and in *taken how many of them it took; NULL: there is none. */
static const struct command *find_command(const char *const *words, int count, int *taken)
{
	const struct command *alone = NULL;
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const struct command *command = &commands[i];
		if (strcmp(command->name, words[0]) != 0)
			continue;
		if (command->verb && count > 1 && strcmp(command->verb, words[1]) == 0) {
			*taken = 2;
			return command;
		}
		if (!command->verb || (command->takes & ALONE))
			alone = command;
	}
	*taken = 1;
	return alone;
}

/* The first word is no command, or its second is none of its verbs. */
static enum cli_exit no_command(const char *const *words, int count)
{
	char format[CLIENT_MESSAGE_SIZE];
	struct buf verbs;
	buf_init(&verbs, 256);
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		if (commands[i].verb && strcmp(commands[i].name, words[0]) == 0)
			buf_printf(&verbs, "%s%s", verbs.len ? ", " : "", commands[i].verb);
	}
	bool known = verbs.len > 0;
	const char *name = words[0];
	if (!known)
		(void)snprintf(format, sizeof format, "there is no command \"%%s\"");
	else if (count > 1)
		(void)snprintf(format, sizeof format, "%s has no \"%%s\"; it has %s", name, buf_cstr(&verbs));
	else
		(void)snprintf(format, sizeof format, "%%s needs one of: %s", buf_cstr(&verbs));
	buf_release(&verbs);
	return command_misused(format, known && count > 1 ? words[1] : name);
}

static void help_of_all(struct buf *out)
{
	buf_append_text(out, "twinpost: brings the postings of an ERP to the cloud, every one, once.\n\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		const char *usage = commands[i].usage;
		if (strlen(usage) > HELP_USAGE_COLUMNS)
			buf_printf(out, "  %s\n  %*s", usage, HELP_USAGE_COLUMNS, "");
		else
			buf_printf(out, "  %-*s", HELP_USAGE_COLUMNS, usage);
		buf_printf(out, " %s\n", commands[i].summary);
	}
	buf_append_text(out, help_end);
}

static enum cli_exit run_help(const struct options *options)
{
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	if (options->operand_count == 0)
		help_of_all(&out);
	for (size_t i = 0; i < COMMAND_COUNT && options->operand_count == 1; i++) {
		const struct command *command = &commands[i];
		if (strcmp(command->name, options->operands[0]) == 0)
			buf_printf(&out, "%stwinpost %s\n  %s\n%s%s", out.len ? "\n" : "", command->usage,
			           command->summary, command->help[0] ? "\n" : "", command->help);
	}
	if (out.len == 0) {
		buf_release(&out);
		return command_misused("there is no command \"%s\"", options->operands[0]);
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

int64_t command_number(const char *text, size_t length, int64_t maximum)
{
	int64_t value = 0;
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9' || value > maximum / 10)
			return 0;
		value = value * 10 + (text[i] - '0');
	}
	return value <= maximum ? value : 0;
}

static long read_number(const char *text, long maximum)
{
	return (long)command_number(text, strlen(text), maximum);
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
	             {"--profiles", &options->profiles},
	             {"--owner", &options->owner},
	             {"--why", &options->why},
	             {"--key", &options->key},
	             {"--name", &options->name},
	             {"--output", &options->output},
	             {"--legacy", &options->legacy},
	             {"--cloud", &options->cloud},
	             {"--ledger", &options->ledger},
	             {"--from", &options->from},
	             {"--to", &options->to},
	             {"--entity", &options->entity},
	             {"--at", &options->at},
	             {"--cause", &options->cause},
	             {"--state", &options->state},
	             {"--until", &options->until},
	             {"--token", &options->token},
	             {"--rules", &options->rules},
	             {"--format", &options->format}};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		const char *value = take_value(arguments, argument, texts[i].name);
		if (!value)
			continue;
		*texts[i].to = value;
		*good = value[0] != 0;
		if (!*good)
			(void)command_misused("%s needs a value", texts[i].name);
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
			(void)command_misused("--watch takes 1 to 3600 seconds, not \"%s\"", argument + 8);
		return true;
	}
	const char *limit = take_value(arguments, argument, "--limit");
	if (!limit)
		return false;
	options->limit = read_number(limit, 1000);
	*good = options->limit > 0;
	if (!*good)
		(void)command_misused("--limit takes 1 to 1000, not \"%s\"", limit);
	return true;
}

static bool take_flag(const char *argument, struct options *options)
{
	const struct {
		const char *name;
		bool *to;
	} flags[] = {
	    {"--json", &options->json}, {"--all", &options->all},   {"--markdown", &options->markdown},
	    {"--keys", &options->keys}, {"--full", &options->full}, {"--preview", &options->preview},
	    {"--tar", &options->tar}};
	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
		if (strcmp(argument, flags[i].name) == 0) {
			*flags[i].to = true;
			return true;
		}
	}
	return false;
}

/* Reads everything; words[] are what is no option. false: wrong, and told. */
static bool read_arguments(struct arguments *arguments, struct options *options, const char *words[WORDS_MAX],
                           int *word_count)
{
	while (arguments->next < arguments->count) {
		const char *argument = arguments->values[arguments->next++];
		bool good = true;
		if (arguments->options_ended || argument[0] != '-' || argument[1] == 0) {
			if (*word_count == WORDS_MAX) {
				(void)command_misused("there is one word too many: \"%s\"; a text of several "
				                      "words stands in quotes",
				                      argument);
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
			(void)command_misused("unknown option %s", argument);
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
	    {options->owner != NULL, TAKES_OWNER, "--owner"},
	    {options->why != NULL, TAKES_WHY, "--why"},
	    {options->key != NULL, TAKES_KEY, "--key"},
	    {options->name != NULL, TAKES_NAME, "--name"},
	    {options->output != NULL, TAKES_OUTPUT, "--output"},
	    {options->rules != NULL, TAKES_RULES, "--rules"},
	    {options->tar, TAKES_TAR, "--tar"},
	    {options->full, TAKES_CUT, "--full"},
	    {options->legacy != NULL, TAKES_CUT | TAKES_SIDE, "--legacy"},
	    {options->cloud != NULL, TAKES_CUT, "--cloud"},
	    {options->ledger != NULL, TAKES_CUT | TAKES_SIDE, "--ledger"},
	    {options->from != NULL, TAKES_CUT, "--from"},
	    {options->to != NULL, TAKES_CUT, "--to"},
	    {options->entity != NULL, TAKES_ENTITY, "--entity"},
	    {options->cause != NULL, TAKES_CAUSE, "--cause"},
	    {options->state != NULL, TAKES_STATE, "--state"},
	    {options->until != NULL, TAKES_UNTIL, "--until"},
	    {options->token != NULL, TAKES_SET, "--token"},
	    {options->preview, TAKES_SET | TAKES_PREVIEW, "--preview"},
	    {options->at != NULL, TAKES_CUT, "--at"},
	    {options->format != NULL, TAKES_FORMAT, "--format"},
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
	const char *words[WORDS_MAX] = {NULL};
	int word_count = 0;
	if (!read_arguments(&arguments, &options, words, &word_count))
		return CLI_USAGE;
	if (word_count == 0) {
		(void)run_help(&options);
		return CLI_USAGE;
	}
	int taken = 0;
	const struct command *command = find_command(words, word_count, &taken);
	/* `exceptions shwo 5`: what is no verb is no operand of the bare word either. */
	if (!command || (command->verb && taken == 1 && word_count > 1))
		return no_command(words, word_count);
	if (!command->run)
		return command_misused("%s must be the first word, before any option", command->name);
	const char *foreign = foreign_option(command, &options);
	if (foreign)
		return command_misused("this command does not take %s", foreign);
	options.operand_count = word_count - taken;
	if (options.operand_count < command->operands_min || options.operand_count > command->operands_max)
		return command_misused("use it as: twinpost %s", command->usage);
	if ((command->takes & TAKES_WHY) && !options.why && !options.preview)
		return command_misused(
		    "the reason is missing, it is kept in the audit; use it as: twinpost %s", command->usage);
	for (int i = 0; i < options.operand_count; i++)
		options.operands[i] = words[i + taken];
	return command->run(&options);
}

int cli_main(int argc, char **argv)
{
	return (int)dispatch(argc, argv);
}
