/*
 * compare_run.c - the command `compare run`: takes a cut, compares, writes the folder of the result.
 *
 * Why:   the migration team compares every day, and before it signs.
 * Owns:  the cut (compare_cut.h) and the result's folder while the command runs.
 * Rules: Exit status: 0 reconciled (also with warnings or pending documents), 1 breaks, 5 incomplete.
 * Faults: what is wrong with files or ledger is told with what to do; a result is whole or not there.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_compare.py, tests/integration/test_compare_planted.py, test_compare_property.py
 */
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/compare_decisions.h"
#include "tools/twinpost/compare_publish.h"
#include "tools/twinpost/compare_result.h"
#include "tools/twinpost/report_result.h"

#define PATH_SIZE 4200

struct command {
	struct compare_cut cut;
	char id[16];
	char path[PATH_SIZE];
};

static void count_line(struct buf *out, const char *label, int64_t count)
{
	char words[WORDS_SIZE];
	count_words(count, words);
	buf_printf(out, "  %-26s%s\n", label, words);
}

/* As `compare show` counts them: documents that are voided are in no figure. */
static void documents_line(const struct command *command, struct buf *out)
{
	struct result result;
	struct err_info info = {.text = ""};
	char legacy[WORDS_SIZE];
	char cloud[WORDS_SIZE];
	if (result_open(&result, command->path, &info) != ERR_OK)
		return;
	const cJSON *totals = member(result.run, "totals");
	count_words(member_integer(totals, "legacy"), legacy);
	count_words(member_integer(totals, "cloud"), cloud);
	buf_printf(out, "  %-26s%s in the ERP, %s in the cloud\n", "documents", legacy, cloud);
	result_close(&result);
}

static void render(const struct command *command, const struct run_outcome *outcome, struct buf *out)
{
	struct terminal terminal;
	terminal_init(&terminal);
	bool good = outcome->verdict >= RUN_RECONCILED_WITH_WARNINGS;
	terminal_style(&terminal, good ? STYLE_GOOD : STYLE_BAD, out);
	buf_append_text(out, run_verdict_name(outcome->verdict));
	terminal_style(&terminal, STYLE_PLAIN, out);
	if (outcome->why[0]) {
		buf_append_text(out, ": ");
		terminal_text(outcome->why, out);
	}
	buf_append_char(out, '\n');
	documents_line(command, out);
	for (int i = 0; i < RUN_STATUS_COUNT; i++) {
		if (outcome->statuses[i] > 0)
			count_line(out, run_status_name((enum run_status)i), outcome->statuses[i]);
	}
	if (outcome->usage_open > 0)
		count_line(out, "usage that differs", outcome->usage_open);
	if (outcome->usage_accepted > 0)
		count_line(out, "usage accepted", outcome->usage_accepted);
	if (outcome->skipped > 0)
		count_line(out, "proven by fingerprints", outcome->skipped);
	buf_printf(out, "  %-26s%s\n", "result", command->path);
}

static enum cli_exit exit_of(enum run_verdict verdict)
{
	return verdict == RUN_INCOMPLETE ? CLI_INCOMPLETE : verdict == RUN_BREAKS ? CLI_FAILED : CLI_OK;
}

/* 1 is a verdict: who has compared nothing must not say that the ledgers differ. */
static enum cli_exit nothing_said(enum cli_exit status)
{
	return status == CLI_FAILED ? CLI_INCOMPLETE : status;
}

static void print_json(const struct command *command, const struct run_outcome *outcome,
                       const struct compare_published *published)
{
	cJSON *object = cJSON_CreateObject();
	CHECK(object && cJSON_AddStringToObject(object, "verdict", run_verdict_name(outcome->verdict)) &&
	      cJSON_AddStringToObject(object, "why", outcome->why) &&
	      cJSON_AddStringToObject(object, "result", command->path) &&
	      cJSON_AddNumberToObject(object, "open", (double)outcome->open) &&
	      cJSON_AddNumberToObject(object, "accepted", (double)outcome->accepted) &&
	      cJSON_AddNumberToObject(object, "usage_open", (double)outcome->usage_open) &&
	      cJSON_AddNumberToObject(object, "usage_accepted", (double)outcome->usage_accepted));
	for (int i = 0; i < RUN_STATUS_COUNT; i++)
		CHECK(cJSON_AddNumberToObject(object, run_status_name((enum run_status)i),
		                              (double)outcome->statuses[i]) != NULL);
	if (published->told) {
		command_add_number(object, "exceptions_new", published->fresh);
		command_add_number(object, "exceptions_reopened", published->reopened);
		command_add_number(object, "exceptions_resolved", published->resolved);
		command_add_number(object, "exceptions_open", published->open);
	}
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

/* Exceptions are those of the agent's ledger as it is now. */
static bool tells_the_agent(const struct compare_cut *cut)
{
	return cut->agent && !cut->options->ledger && !cut->options->at && !cut->options->rules;
}

static enum cli_exit compare(struct command *command)
{
	struct err_info info = {.text = ""};
	struct compare_result *result = NULL;
	struct run_outcome outcome;
	struct compare_published published = {.told = false};
	enum err err = compare_result_begin(command->path, &result, &info);
	struct ledger *decided = command->cut.agent ? command->cut.agent : command->cut.ledger;
	struct comparing comparing = {result, compare_decisions_open(decided, command->cut.run.at_ns)};
	const struct run_sink sink = {&comparing, write_line, find_decision};
	if (err == ERR_OK)
		err = run_compare(command->cut.ledger, command->cut.rules, &command->cut.run, &sink, &outcome,
		                  &info);
	compare_decisions_close(comparing.decisions);
	if (err != ERR_OK) {
		compare_result_abandon(result);
		return nothing_said(compare_cut_complain(err, &info));
	}
	err = compare_result_finish(result, &info);
	if (err != ERR_OK)
		return nothing_said(compare_cut_complain(err, &info));
	if (tells_the_agent(&command->cut))
		compare_publish(command->cut.options, command->path, &published);
	if (command->cut.options->json) {
		print_json(command, &outcome, &published);
		return exit_of(outcome.verdict);
	}
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	render(command, &outcome, &out);
	if (tells_the_agent(&command->cut))
		compare_published_render(&published, &out);
	buf_printf(&out, "read it: twinpost compare show %s\n", command->path);
	return command_print(&out) ? exit_of(outcome.verdict) : CLI_FAILED;
}

static enum err choose_place(struct command *command, struct err_info *info)
{
	const struct options *options = command->cut.options;
	if (!options->output)
		return compare_result_next(command->cut.config->compare.results, command->id, command->path,
		                           info);
	const char *slash = strrchr(options->output, '/');
	(void)snprintf(command->id, sizeof command->id, "%.15s", slash ? slash + 1 : options->output);
	return text_copy(command->path, sizeof command->path, span_of(options->output))
	           ? ERR_OK
	           : err_set(info, ERR_TOO_LARGE, "the path of --output is too long");
}

enum cli_exit command_compare_run(const struct options *options)
{
	struct command command;
	struct err_info info = {.text = ""};
	enum cli_exit status = nothing_said(compare_cut_open(&command.cut, options));
	if (status == CLI_OK) {
		enum err err = choose_place(&command, &info);
		command.cut.run.id = command.id;
		status = err == ERR_OK ? compare(&command) : nothing_said(compare_cut_complain(err, &info));
	}
	compare_cut_close(&command.cut);
	return status;
}
