/*
 * compare_cut.c - see compare_cut.h.
 *
 * Why:   see compare_cut.h.
 * Owns:  see compare_cut.h.
 * Rules: as in compare_cut.h.
 * Faults: see compare_cut.h.
 * Runs in: the CLI.
 * Tests: see compare_cut.h.
 */
#include "tools/twinpost/compare_cut.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connector/compare/project.h"
#include "connector/posting/date.h"
#include "firmware/load.h"
#include "tools/twinpost/compare_copy.h"
#include "tools/twinpost/compare_decisions.h"
#include "tools/twinpost/compare_import.h"
#include "tools/twinpost/compare_result.h"
#include "tools/twinpost/rules_files.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

enum cli_exit compare_cut_complain(enum err err, const struct err_info *info)
{
	command_complain(info->text);
	return err == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED;
}

/* ---- what the configuration says ---- */

bool compare_cut_configuration(struct compare_cut *cut, const struct options *options)
{
	struct buf problems;
	struct err_info info;
	struct buf probe;
	*cut = (struct compare_cut){.options = options, .config = mem_alloc(sizeof *cut->config)};
	const char *path = options->config ? options->config : CLI_CONFIG_DEFAULT;
	/* The defaults are those of an empty file, whatever else that lacks. */
	buf_init(&problems, CLI_OUTPUT_MAX);
	buf_init(&probe, CONFIG_FILE_BYTES_MAX);
	bool there = file_read(path, &probe, &info) == ERR_OK;
	buf_release(&probe);
	bool good = true;
	cut->configured = there || options->config;
	if (cut->configured) {
		good = load_config(cut->config, path, file_read, &problems);
		if (!good)
			(void)fputs(buf_cstr(&problems), stderr);
	} else {
		config_defaults(cut->config);
	}
	buf_release(&problems);
	return good;
}

bool compare_cut_rules(const char *directory, struct rules **rules)
{
	struct err_info info = {.text = ""};
	struct rules_problems *problems = mem_alloc(sizeof *problems);
	enum err err = rules_read_directory(directory, rules, problems, &info);
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

enum cli_exit compare_cut_begin(struct compare_cut *cut, const struct options *options)
{
	if (!compare_cut_configuration(cut, options))
		return CLI_FAILED;
	const char *directory = options->rules ? options->rules : cut->config->compare.rules;
	return directory[0] == 0 || compare_cut_rules(directory, &cut->rules) ? CLI_OK : CLI_FAILED;
}

void compare_cut_close(struct compare_cut *cut)
{
	ledger_close(cut->agent);
	ledger_close(cut->temporary);
	rules_free(cut->rules);
	free(cut->config);
}

/* ---- which result ---- */

static bool is_number(const char *word)
{
	return command_number(word, strlen(word), 999999) > 0;
}

enum cli_exit compare_cut_result(const struct options *options, const char *word,
                                 char path[COMPARE_PATH_SIZE])
{
	struct err_info info = {.text = ""};
	struct compare_cut cut;
	if (word && !is_number(word)) {
		(void)snprintf(path, COMPARE_PATH_SIZE, "%s", word);
		return CLI_OK;
	}
	enum cli_exit status = CLI_OK;
	if (!compare_cut_configuration(&cut, options)) {
		status = CLI_FAILED;
	} else if (word) {
		(void)snprintf(path, COMPARE_PATH_SIZE, "%s/%06" PRId64, cut.config->compare.results,
		               command_number(word, strlen(word), 999999));
	} else {
		enum err err = compare_result_newest(cut.config->compare.results, path, &info);
		status = err == ERR_OK ? CLI_OK : compare_cut_complain(err, &info);
	}
	compare_cut_close(&cut);
	return status;
}

/* ---- scope ---- */

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

static bool read_scope(struct compare_cut *cut)
{
	const struct options *options = cut->options;
	struct run_scope *scope = &cut->run.scope;
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
static bool read_at(struct compare_cut *cut)
{
	const char *at = cut->options->at;
	date_days date = 0;
	struct timespec now;
	if (at && instant_parse(&cut->run.at_ns, span_of(at)) == ERR_OK)
		return true;
	if (at && date_parse(&date, span_of(at)) == ERR_OK && strlen(at) == 10) {
		cut->run.at_ns = ((int64_t)date + 1) * DAY_NS;
		return true;
	}
	if (at) {
		(void)command_misused(
		    "--at takes a date or an instant, 2026-09-30 or 2026-09-30T18:00:00.000Z, not \"%s\"",
		    at);
		return false;
	}
	if (!cut->agent) {
		cut->run.at_ns = ((int64_t)(cut->newest == INT32_MIN ? 0 : cut->newest) + 1) * DAY_NS;
		return true;
	}
	(void)clock_gettime(CLOCK_REALTIME, &now);
	/* Milliseconds are what is written down, so that --at can repeat it. */
	cut->run.at_ns = ((int64_t)now.tv_sec * 1000 + now.tv_nsec / NS_PER_MS) * NS_PER_MS;
	return true;
}

/* ---- the two sides ---- */

static const char *file_of(const struct compare_cut *cut, enum ledger_side side)
{
	return side == SIDE_LEGACY ? cut->options->legacy : cut->options->cloud;
}

static enum err fill_side(struct compare_cut *cut, struct projector *projector, enum ledger_side side,
                          struct err_info *info)
{
	const char *file = file_of(cut, side);
	if (file)
		return compare_import(projector, side, file, &cut->newest, info);
	enum err err = compare_copy_side(projector, cut->agent, side, info);
	return err == ERR_OK && side == SIDE_LEGACY ? compare_copy_marks(projector->ledger, cut->agent, info)
	                                            : err;
}

/* The sides whose bit is set, in a temporary ledger. */
static enum err fill_sides(struct compare_cut *cut, const struct rules *rules, unsigned sides,
                           struct ledger **ledger, struct err_info *info)
{
	struct ledger_opening opening;
	struct projector projector;
	enum err err = ledger_open(NULL, "", LEDGER_TEMPORARY, ledger, &opening, info);
	if (err != ERR_OK)
		return err;
	projector_init(&projector, *ledger, rules);
	err = ledger_begin(*ledger, info);
	if (err == ERR_OK)
		err = project_use_rules(&projector, rules, info);
	for (unsigned side = 0; side < SIDE_COUNT && err == ERR_OK; side++)
		err =
		    sides & (1u << side) ? fill_side(cut, &projector, (enum ledger_side)side, info) : ERR_OK;
	if (err == ERR_OK)
		err = ledger_commit(*ledger, info);
	projector_release(&projector);
	return err;
}

enum err compare_cut_copy(struct compare_cut *cut, const struct rules *rules, struct ledger **ledger,
                          struct err_info *info)
{
	return fill_sides(cut, rules, 1u << SIDE_LEGACY | 1u << SIDE_CLOUD, ledger, info);
}

enum err compare_cut_file(struct compare_cut *cut, enum ledger_side side, struct err_info *info)
{
	CHECK(file_of(cut, side) != NULL);
	return fill_sides(cut, cut->rules, 1u << side, &cut->temporary, info);
}

enum err compare_cut_agent(struct compare_cut *cut, struct err_info *info)
{
	struct ledger_opening opening;
	const char *path = cut->options->ledger ? cut->options->ledger : cut->config->compare.ledger;
	enum err err = ledger_open(NULL, path, LEDGER_READ, &cut->agent, &opening, info);
	if (err == ERR_NOT_FOUND) {
		struct err_info found = *info;
		return err_set(info, err, "%s; without an agent, name files: --legacy FILE, --cloud FILE",
		               found.text);
	}
	return err == ERR_OK ? ledger_begin(cut->agent, info) : err;
}

static void add_incomplete(struct compare_cut *cut, const char *reason, const char *text)
{
	int n = cut->run.incomplete_count++;
	cut->run.incomplete[n].reason = reason;
	cut->run.incomplete[n].text = text;
}

/* Did the ledger take another one's place? (firmware/comparison.h, rule 5) */
static enum err look_for_beginning(struct compare_cut *cut, struct err_info *info)
{
	struct buf text;
	buf_init(&text, 64);
	enum err err = ledger_text(cut->agent, LEDGER_TEXT_BEGUN, &text, info);
	if (err == ERR_OK && text.len > 0)
		add_incomplete(cut, "ledger-begun-anew",
		               "the agent had to begin its ledger anew; once the middleware has posted "
		               "everything again, acknowledge the exception: twinpost exceptions");
	buf_release(&text);
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

struct left_out {
	const struct compare_cut *cut;
	int64_t count;
};

/* A side that comes from a file lacks nothing that the agent does. */
static bool count_left_out(void *self, const struct ledger_held *held)
{
	struct left_out *left_out = self;
	bool file = span_equal(held->source, span_of(ledger_side_name(SIDE_CLOUD)))
	                ? left_out->cut->options->cloud != NULL
	                : left_out->cut->options->legacy != NULL;
	left_out->count += span_equal(held->rule, SPAN_LITERAL(LEDGER_LEFT_OUT)) && !file;
	return true;
}

/* What the agent knows to be missing from its ledger. */
static enum err look_for_gaps(struct compare_cut *cut, struct err_info *info)
{
	struct left_out left_out = {.cut = cut};
	int64_t lost = 0;
	enum err err = ledger_helds(cut->agent, count_left_out, &left_out, info);
	if (err == ERR_OK)
		err = ledger_mark(cut->agent, "lost", &lost, info);
	if (err == ERR_OK && left_out.count > 0) {
		(void)snprintf(
		    cut->left_out, sizeof cut->left_out,
		    "%" PRId64
		    " document%s could not be put into the ledger; correct where it was posted what "
		    "the exceptions ledger-document tell: twinpost exceptions",
		    left_out.count, left_out.count == 1 ? "" : "s");
		add_incomplete(cut, "documents-left-out", cut->left_out);
	}
	if (err == ERR_OK && lost > 0 && !cut->options->legacy) {
		(void)snprintf(
		    cut->lost, sizeof cut->lost,
		    "%" PRId64 " events of the ERP were deleted by the retention before the ledger had them; "
		    "compare with a file of the ERP's documents (--legacy), which needs none of them",
		    lost);
		add_incomplete(cut, "events-lost", cut->lost);
	}
	if (err == ERR_OK && !cut->options->cloud)
		err = look_for_beginning(cut, info);
	if (err == ERR_OK && !cut->options->cloud &&
	    compare_cloud_gaps(cut->agent, cut->gaps, sizeof cut->gaps))
		add_incomplete(cut, "cloud-gap", cut->gaps);
	return err;
}

static enum err open_sides(struct compare_cut *cut, struct err_info *info)
{
	bool copy = cut->options->legacy || cut->options->cloud;
	enum err err = ERR_OK;
	cut->newest = INT32_MIN;
	if (!cut->options->legacy || !cut->options->cloud) {
		err = compare_cut_agent(cut, info);
		if (err == ERR_OK)
			err = look_for_gaps(cut, info);
	}
	copy = copy || (err == ERR_OK && !project_is_of(cut->agent, cut->rules));
	if (err == ERR_OK && copy)
		err = compare_cut_copy(cut, cut->rules, &cut->temporary, info);
	cut->ledger = copy ? cut->temporary : cut->agent;
	return err;
}

/* ---- phases ---- */

/* How far a company is on its way: legacy, shadow, parallel, cutover. */
static int progress_of(enum config_phase phase)
{
	static const enum config_phase order[] = {CONFIG_PHASE_LEGACY, CONFIG_PHASE_SHADOW,
	                                          CONFIG_PHASE_PARALLEL, CONFIG_PHASE_CUTOVER};
	int place = 0;
	while (order[place] != phase)
		place++;
	return place;
}

struct phase_search {
	const struct compare_cut *cut;
	struct span cloud; /* the company's code there */
	int date;
	bool found;
	enum config_phase least;
};

/* A company of the ERP, if it is this one of the cloud. */
static void look_at_entity(struct phase_search *search, struct span entity)
{
	const struct compare_cut *cut = search->cut;
	struct span mapped = entity;
	if ((cut->rules && !rules_map(cut->rules, MAPPING_ENTITY, entity, entity, cut->day, &mapped)) ||
	    !span_equal(mapped, search->cloud))
		return;
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		enum config_phase phase =
		    config_phase_of(cut->config, entity,
		                    span_of(document_spec((enum document_type)type)->name), search->date)
			->phase;
		if (!search->found || progress_of(phase) < progress_of(search->least))
			search->least = phase;
		search->found = true;
	}
}

static bool look_at_row(void *self, const struct mapping_row *row)
{
	if (!span_equal(row->from, SPAN_LITERAL("*")))
		look_at_entity(self, row->from);
	return true;
}

/* run_options.phase_of: rule 4. Which companies of the ERP are the cloud's is asked of the rules, by every code that
 * they or the phases name; where none of these is, its own code is. */
static const char *phase_of(void *self, struct span entity)
{
	const struct compare_cut *cut = self;
	int year, month, day;
	date_to_civil(cut->day, &year, &month, &day);
	struct phase_search search = {.cut = cut, .cloud = entity, .date = 10000 * year + 100 * month + day};
	if (cut->rules)
		rules_visit(cut->rules, MAPPING_ENTITY, look_at_row, &search);
	for (int i = 0; i < cut->config->phase_count; i++)
		look_at_entity(&search, span_of(cut->config->phases[i].entity));
	if (!search.found)
		look_at_entity(&search, entity);
	return search.found ? config_phase_name(search.least) : "unknown";
}

/* ---- the whole ---- */

static void set_options(struct compare_cut *cut)
{
	const struct config *config = cut->config;
	struct run_options *run = &cut->run;
	run->full = cut->options->full || cut->temporary;
	run->canaries = true;
	run->grace_ns[SIDE_CLOUD] = config->compare.grace_cloud_ns;
	run->grace_ns[SIDE_LEGACY] = config->compare.grace_legacy_ns;
	run->clean_days_needed = config->compare.clean_days;
	/* The configuration was checked: both are decimals. */
	CHECK(decimal_parse(&run->threshold_share, span_of(config->compare.threshold_share)) == ERR_OK);
	CHECK(decimal_parse(&run->threshold_value, span_of(config->compare.threshold_value)) == ERR_OK);
	if (cut->configured) {
		run->phase_of = phase_of;
		run->self = cut;
	}
}

enum cli_exit compare_cut_open(struct compare_cut *cut, const struct options *options)
{
	struct err_info info = {.text = ""};
	enum cli_exit status = compare_cut_begin(cut, options);
	if (status != CLI_OK)
		return status;
	if (!read_scope(cut))
		return CLI_USAGE;
	enum err err = open_sides(cut, &info);
	if (err != ERR_OK)
		return compare_cut_complain(err, &info);
	if (!read_at(cut))
		return CLI_USAGE;
	/* The instant is the end of what is compared: midnight belongs to the day before. */
	cut->day = (date_days)((cut->run.at_ns - 1) / DAY_NS);
	set_options(cut);
	return CLI_OK;
}
