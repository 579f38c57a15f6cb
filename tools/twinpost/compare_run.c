/*
 * compare_run.c - the command `compare run`: takes a cut, compares, writes the folder of the result.
 *
 * Why:   the migration team compares every day, and before it signs.
 * Owns:  the ledger (reading, or a temporary one of two files) and the result's folder while the command runs.
 * Rules: 1. Without files it reads the agent's ledger as it is at this moment; the agent goes on beside it.
 *        2. With --legacy and --cloud it needs neither agent nor configuration.
 *        3. Exit status: 0 reconciled (also with warnings or pending documents), 1 breaks, 5 incomplete.
 * Faults: what is wrong with files or ledger is told with what to do; a result is whole or not there.
 * Runs in: the CLI.
 * Tests: tests/unit/test_compare.py, tests/integration/test_compare_live.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"
#include "connector/compare/run.h"
#include "connector/posting/date.h"
#include "firmware/load.h"
#include "tools/twinpost/commands.h"
#include "tools/twinpost/compare_decisions.h"
#include "tools/twinpost/compare_import.h"
#include "tools/twinpost/compare_result.h"
#include "tools/twinpost/rules_files.h"

#define PATH_SIZE 4200
#define DAY_NS    (INT64_C(86400) * NS_PER_S)

struct command {
	const struct options *options;
	struct config *config; /* defaults where there is no file */
	struct rules *rules;
	struct ledger *ledger;
	struct run_options run;
	char id[16];
	char path[PATH_SIZE];
	char left_out[200];
	char gaps[300];
	date_days newest;
};

static enum cli_exit complain(enum err err, const struct err_info *info)
{
	command_complain(info->text);
	return err == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

/* ---- what the configuration says ---- */

static bool read_configuration(const struct options *options, struct config *config)
{
	struct buf problems;
	struct err_info info;
	struct buf probe;
	const char *path = options->config ? options->config : CLI_CONFIG_DEFAULT;
	/* The defaults are those of an empty file, whatever else that lacks. */
	buf_init(&problems, CLI_OUTPUT_MAX);
	buf_init(&probe, CONFIG_FILE_BYTES_MAX);
	bool there = file_read(path, &probe, &info) == ERR_OK;
	buf_release(&probe);
	bool good = true;
	if (there || options->config) {
		good = load_config(config, path, file_read, &problems);
		if (!good)
			(void)fputs(buf_cstr(&problems), stderr);
	} else {
		config_defaults(config);
	}
	buf_release(&problems);
	return good;
}

static bool read_rules(struct command *command)
{
	struct err_info info = {.text = ""};
	const char *directory =
	    command->options->rules ? command->options->rules : command->config->compare.rules;
	struct rules_problems *problems;
	if (directory[0] == 0)
		return true;
	problems = mem_alloc(sizeof *problems);
	enum err err = rules_read_directory(directory, &command->rules, problems, &info);
	if (err == ERR_BAD_INPUT) {
		struct buf text;
		buf_init(&text, CLI_OUTPUT_MAX);
		rules_problems_print(problems, directory, &text);
		(void)fputs(buf_cstr(&text), stderr);
		buf_release(&text);
	} else if (err != ERR_OK) {
		command_complain(info.text);
	}
	free(problems);
	return err == ERR_OK;
}

/* "2026-09" */
static bool read_period(const char *text, int32_t *period)
{
	int year = 0;
	int month = 0;
	if (!text)
		return true;
	if (strlen(text) != 7 || text[4] != '-')
		return false;
	year = (int)command_number(text, 4, 9999);
	month = (int)command_number(text + 5, 2, 99);
	*period = year * 100 + month;
	return year > 0 && month > 0 && month <= 16;
}

static bool read_scope(struct command *command)
{
	const struct options *options = command->options;
	struct run_scope *scope = &command->run.scope;
	if (!read_period(options->from, &scope->from) || !read_period(options->to, &scope->to)) {
		(void)command_misused(
		    "a period is written 2026-09, not \"%s\"",
		    options->from && !read_period(options->from, &scope->from) ? options->from : options->to);
		return false;
	}
	if (options->entity) {
		if (!text_copy(scope->entities[0], sizeof scope->entities[0], span_of(options->entity))) {
			(void)command_misused("the company \"%s\" is no code", options->entity);
			return false;
		}
		scope->entity_count = 1;
	}
	return true;
}

/* The cut's instant: --at, or now; of files the end of the newest posting date. */
static bool read_at(struct command *command)
{
	const char *at = command->options->at;
	date_days date = 0;
	struct timespec now;
	if (at && instant_parse(&command->run.at_ns, span_of(at)) == ERR_OK)
		return true;
	if (at && date_parse(&date, span_of(at)) == ERR_OK && strlen(at) == 10) {
		command->run.at_ns = ((int64_t)date + 1) * DAY_NS;
		return true;
	}
	if (at) {
		(void)command_misused(
		    "--at takes a date or an instant, 2026-09-30 or 2026-09-30T18:00:00.000Z, not \"%s\"",
		    at);
		return false;
	}
	if (command->options->legacy) {
		command->run.at_ns = ((int64_t)command->newest + 1) * DAY_NS;
		return true;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	/* Milliseconds are what is written down, so that --at can repeat it. */
	command->run.at_ns = ((int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS) * NS_PER_MS;
	return true;
}

/* ---- the two sides ---- */

static enum err import_files(struct command *command, struct err_info *info)
{
	struct ledger_opening opening;
	struct projector projector;
	command->newest = INT32_MIN;
	enum err err = ledger_open(NULL, "", LEDGER_TEMPORARY, &command->ledger, &opening, info);
	if (err != ERR_OK)
		return err;
	projector_init(&projector, command->ledger, command->rules);
	err = ledger_begin(command->ledger, info);
	if (err == ERR_OK)
		err = project_use_rules(&projector, command->rules, info);
	if (err == ERR_OK)
		err =
		    compare_import(&projector, SIDE_LEGACY, command->options->legacy, &command->newest, info);
	if (err == ERR_OK)
		err = compare_import(&projector, SIDE_CLOUD, command->options->cloud, &command->newest, info);
	if (err == ERR_OK)
		err = ledger_commit(command->ledger, info);
	projector_release(&projector);
	if (command->newest == INT32_MIN)
		command->newest = 0;
	return err;
}

static void add_incomplete(struct command *command, const char *reason, const char *text)
{
	int n = command->run.incomplete_count++;
	command->run.incomplete[n].reason = reason;
	command->run.incomplete[n].text = text;
}

/* What the agent knows to be missing from its ledger. */
static enum err look_for_gaps(struct command *command, struct err_info *info)
{
	int64_t left_out = 0;
	int64_t lost = 0;
	enum err err = ledger_mark(command->ledger, "left out", &left_out, info);
	if (err == ERR_OK)
		err = ledger_mark(command->ledger, "lost", &lost, info);
	if (err == ERR_OK && (left_out > 0 || lost > 0)) {
		(void)snprintf(command->left_out, sizeof command->left_out,
		               "%" PRId64 " documents could not be put into the ledger, and %" PRId64
		               " events were gone before it had them; see: twinpost exceptions",
		               left_out > 0 ? left_out : 0, lost > 0 ? lost : 0);
		add_incomplete(command, "documents-left-out", command->left_out);
	}
	if (err == ERR_OK && compare_cloud_gaps(command->ledger, command->gaps, sizeof command->gaps))
		add_incomplete(command, "cloud-gap", command->gaps);
	return err;
}

static enum err open_ledger(struct command *command, struct err_info *info)
{
	struct ledger_opening opening;
	const char *path =
	    command->options->ledger ? command->options->ledger : command->config->compare.ledger;
	enum err err = ledger_open(NULL, path, LEDGER_READ, &command->ledger, &opening, info);
	if (err == ERR_OK)
		err = ledger_begin(command->ledger, info);
	return err == ERR_OK ? look_for_gaps(command, info) : err;
}

/* ---- running ---- */

static void set_options(struct command *command)
{
	const struct config *config = command->config;
	struct run_options *run = &command->run;
	run->id = command->id;
	run->full = command->options->full || command->options->legacy;
	run->canaries = true;
	run->grace_ns[SIDE_CLOUD] = config->compare.grace_cloud_ns;
	run->grace_ns[SIDE_LEGACY] = config->compare.grace_legacy_ns;
	run->clean_days_needed = config->compare.clean_days;
	/* The configuration was checked: both are decimals. */
	CHECK(decimal_parse(&run->threshold_share, span_of(config->compare.threshold_share)) == ERR_OK);
	CHECK(decimal_parse(&run->threshold_value, span_of(config->compare.threshold_value)) == ERR_OK);
}

static void count_line(struct buf *out, const char *label, int64_t count)
{
	char words[WORDS_SIZE];
	count_words(count, words);
	buf_printf(out, "  %-26s%s\n", label, words);
}

static void render(const struct command *command, const struct run_outcome *outcome, struct buf *out)
{
	struct terminal terminal;
	char legacy[WORDS_SIZE];
	char cloud[WORDS_SIZE];
	terminal_init(&terminal);
	bool good = outcome->verdict >= RUN_RECONCILED_WITH_WARNINGS;
	terminal_style(&terminal, good ? STYLE_GOOD : STYLE_BAD, out);
	buf_append_text(out, run_verdict_name(outcome->verdict));
	terminal_style(&terminal, STYLE_PLAIN, out);
	if (outcome->why[0]) {
		buf_append_text(out, ": ");
		terminal_text(outcome->why, out);
	}
	count_words(ledger_count(command->ledger, SIDE_LEGACY), legacy);
	count_words(ledger_count(command->ledger, SIDE_CLOUD), cloud);
	buf_printf(out, "\n  %-26s%s in the ERP, %s in the cloud\n", "documents", legacy, cloud);
	for (int i = 0; i < RUN_STATUS_COUNT; i++) {
		if (outcome->statuses[i] > 0)
			count_line(out, run_status_name((enum run_status)i), outcome->statuses[i]);
	}
	if (outcome->skipped > 0)
		count_line(out, "proven by fingerprints", outcome->skipped);
	buf_printf(out, "  %-26s%s\n", "result", command->path);
	buf_printf(out, "read it: twinpost compare report %s --output report.html\n", command->path);
}

static enum cli_exit exit_of(enum run_verdict verdict)
{
	return verdict == RUN_INCOMPLETE ? CLI_INCOMPLETE : verdict == RUN_BREAKS ? CLI_FAILED : CLI_OK;
}

static void print_json(const struct command *command, const struct run_outcome *outcome)
{
	cJSON *object = cJSON_CreateObject();
	CHECK(object && cJSON_AddStringToObject(object, "verdict", run_verdict_name(outcome->verdict)) &&
	      cJSON_AddStringToObject(object, "why", outcome->why) &&
	      cJSON_AddStringToObject(object, "result", command->path) &&
	      cJSON_AddNumberToObject(object, "open", (double)outcome->open) &&
	      cJSON_AddNumberToObject(object, "accepted", (double)outcome->accepted));
	for (int i = 0; i < RUN_STATUS_COUNT; i++)
		CHECK(cJSON_AddNumberToObject(object, run_status_name((enum run_status)i),
		                              (double)outcome->statuses[i]) != NULL);
	command_print_json(object);
	cJSON_Delete(object);
}

/* What the run is given to write to and to ask. */
struct comparing {
	struct compare_result *result;
	struct compare_decisions *decisions;
};

static enum err write_line(void *self, enum run_file file, struct span line, struct err_info *info)
{
	struct comparing *comparing = self;
	return compare_result_line(comparing->result, file, line, info);
}

static bool find_decision(void *self, struct span key, struct span evidence, struct run_decision *decision)
{
	struct comparing *comparing = self;
	return compare_decisions_find(comparing->decisions, key, evidence, decision);
}

static enum cli_exit compare(struct command *command)
{
	struct err_info info = {.text = ""};
	struct compare_result *result = NULL;
	struct run_outcome outcome;
	enum err err = compare_result_begin(command->path, &result, &info);
	struct comparing comparing = {result, compare_decisions_open(command->ledger, command->run.at_ns)};
	const struct run_sink sink = {&comparing, write_line, find_decision};
	if (err == ERR_OK)
		err = run_compare(command->ledger, command->rules, &command->run, &sink, &outcome, &info);
	compare_decisions_close(comparing.decisions);
	if (err != ERR_OK) {
		compare_result_abandon(result);
		return complain(err, &info);
	}
	err = compare_result_finish(result, &info);
	if (err != ERR_OK)
		return complain(err, &info);
	if (command->options->json) {
		print_json(command, &outcome);
		return exit_of(outcome.verdict);
	}
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	render(command, &outcome, &out);
	return command_print(&out) ? exit_of(outcome.verdict) : CLI_FAILED;
}

static enum err choose_place(struct command *command, struct err_info *info)
{
	const struct options *options = command->options;
	if (!options->output)
		return compare_result_next(command->config->compare.results, command->id, command->path,
		                           info);
	const char *slash = strrchr(options->output, '/');
	(void)snprintf(command->id, sizeof command->id, "%.15s", slash ? slash + 1 : options->output);
	return text_copy(command->path, sizeof command->path, span_of(options->output))
	           ? ERR_OK
	           : err_set(info, ERR_TOO_LARGE, "the path of --output is too long");
}

static enum cli_exit prepare_and_compare(struct command *command)
{
	struct err_info info = {.text = ""};
	if (!read_configuration(command->options, command->config) || !read_rules(command))
		return CLI_FAILED;
	if (!read_scope(command))
		return CLI_USAGE;
	enum err err = command->options->legacy ? import_files(command, &info) : open_ledger(command, &info);
	if (err == ERR_OK)
		err = choose_place(command, &info);
	if (err != ERR_OK)
		return complain(err, &info);
	if (!read_at(command))
		return CLI_USAGE;
	set_options(command);
	return compare(command);
}

enum cli_exit command_compare_run(const struct options *options)
{
	struct command command = {.options = options, .config = mem_alloc(sizeof *command.config)};
	if (!options->legacy != !options->cloud) {
		free(command.config);
		return command_misused("%s needs the other file too: --legacy A.csv --cloud B.csv",
		                       options->legacy ? "--legacy" : "--cloud");
	}
	enum cli_exit status = prepare_and_compare(&command);
	ledger_close(command.ledger);
	rules_free(command.rules);
	free(command.config);
	return status;
}
