/*
 * compare_read.c - the commands `compare show`, `diff`, `causes` and `export`: a result, read in a terminal.
 *
 * Why:   who asks "what is it today" wants ten lines, not a page with charts.
 * Owns:  the result while it is read.
 * Rules: 1. What is shown comes from the result's folder alone; no agent is asked.
 *        2. The verdict is the one that a report would show: a result at odds with itself is incomplete.
 *        3. RESULT is a folder, or the number of one in compare.results; without it, the newest there.
 * Faults: no such result, a damaged one: told with the file.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_compare.py
 */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/compare_result.h"
#include "tools/twinpost/report.h"
#include "tools/twinpost/report_figures.h"
#include "tools/twinpost/report_words.h"

#define PATH_SIZE    4200
#define KEY_PREFIX   "compare:"
#define USAGE_PREFIX "usage:" /* of the key of a window of usage */
#define DIFF_LIMIT   50
#define CAUSES_SHOWN 5
#define LABEL_WIDTH  26

/* ---- which result ---- */

static enum cli_exit open_result(const struct options *options, const char *word, struct result *result,
                                 char path[PATH_SIZE])
{
	struct err_info info = {.text = ""};
	enum cli_exit status = compare_cut_result(options, word, path);
	if (status != CLI_OK)
		return status;
	enum err err = result_open(result, path, &info);
	return err == ERR_OK ? CLI_OK : compare_cut_complain(err, &info);
}

/* ---- show ---- */

static void put_label(const char *label, struct buf *out)
{
	buf_printf(out, "  %-*s", LABEL_WIDTH, label);
}

static void put_count(const char *label, int64_t count, struct buf *out)
{
	char words[WORDS_SIZE];
	count_words(count, words);
	put_label(label, out);
	buf_printf(out, "%s\n", words);
}

static void show_verdict(const struct figures *figures, const struct terminal *terminal, struct buf *out)
{
	const cJSON *why;
	bool good = strncmp(figures->verdict, "reconciled", 10) == 0;
	terminal_style(terminal, good ? STYLE_GOOD : STYLE_BAD, out);
	terminal_text(figures->verdict, out);
	terminal_style(terminal, STYLE_PLAIN, out);
	buf_append_text(out, ", run ");
	terminal_text(member_text(figures->run, "id"), out);
	buf_append_text(out, ", cut ");
	terminal_start(member_text(member(figures->run, "cut"), "at"), 19, out);
	buf_append_text(out, "Z\n");
	for (int i = 0; i < figures->doubt_count; i++) {
		buf_append_text(out, "  does not fit together: ");
		terminal_wrapped(terminal, figures->doubts[i], LABEL_WIDTH, out);
	}
	cJSON_ArrayForEach(why, member(member(figures->run, "verdict"), "why"))
	{
		buf_append_text(out, "  - ");
		terminal_wrapped(terminal, cJSON_GetStringValue(why), 4, out);
	}
}

static void show_sums(const struct figures *figures, struct buf *out)
{
	for (size_t i = 0; i < figures->sum_count; i++) {
		const struct figures_sum *sum = &figures->sums[i];
		char text[DECIMAL_TEXT_MAX];
		char gross[AMOUNT_WORDS_SIZE], net[AMOUNT_WORDS_SIZE];
		(void)decimal_print(sum->gross, text);
		amount_words(text, gross);
		(void)decimal_print(sum->net, text);
		amount_words(text, net);
		put_label(i == 0 ? "open value" : "", out);
		buf_printf(out, "%s gross, %s net ", gross, net);
		terminal_text(sum->currency, out);
		buf_append_char(out, '\n');
	}
}

static void show_ages(const cJSON *run, const struct terminal *terminal, struct buf *out)
{
	const cJSON *age;
	const char *between = "";
	struct buf text;
	buf_init(&text, CLI_OUTPUT_MAX);
	put_label("age of what is open", out);
	cJSON_ArrayForEach(age, member(run, "ages"))
	{
		buf_append_text(&text, between);
		terminal_text(member_text(age, "bucket"), &text);
		buf_printf(&text, ": %" PRId64, member_integer(age, "count"));
		between = ", ";
	}
	terminal_wrapped(terminal, buf_cstr(&text), LABEL_WIDTH + 2, out);
	buf_release(&text);
}

/* causes: NULL: all. */
static int list_causes(const cJSON *run, int most, const struct terminal *terminal, int indent,
                       struct buf *out)
{
	static const char *const heads[] = {"CAUSE", "COUNT", "CUR", "GROSS", "NET", "OWNER", "TEXT"};
	const cJSON *cause;
	struct table table;
	int shown = 0;
	table_init(&table, 7, 1u << 1 | 1u << 3 | 1u << 4, heads);
	cJSON_ArrayForEach(cause, member(run, "causes"))
	{
		char count[WORDS_SIZE];
		char gross[AMOUNT_WORDS_SIZE], net[AMOUNT_WORDS_SIZE];
		if (shown++ >= most)
			continue;
		count_words(member_integer(cause, "count"), count);
		amount_words(member_text(cause, "gross"), gross);
		amount_words(member_text(cause, "net"), net);
		table_add(&table,
		          (const char *const[]){
			      member_text(cause, "cause"), count, member_text(cause, "currency"), gross, net,
			      words_owner(member_text(cause, "cause"), member_text(cause, "owner")),
			      member_text(cause, "text")});
	}
	table_finish(&table, terminal, indent, out);
	return shown;
}

static void show_readiness(const cJSON *run, const struct terminal *terminal, struct buf *out)
{
	static const char *const heads[] = {"COMPANY", "PHASE", "CLEAN DAYS", "NEEDED", "READY", "WHY NOT"};
	const cJSON *row;
	struct table table;
	if (cJSON_GetArraySize(member(run, "readiness")) == 0)
		return;
	table_init(&table, 6, 1u << 2 | 1u << 3, heads);
	cJSON_ArrayForEach(row, member(run, "readiness"))
	{
		char clean[WORDS_SIZE], needed[WORDS_SIZE];
		const char *why = cJSON_GetStringValue(cJSON_GetArrayItem(member(row, "why"), 0));
		count_words(member_integer(row, "clean_days"), clean);
		count_words(member_integer(row, "needed_days"), needed);
		table_add(&table,
		          (const char *const[]){member_text(row, "entity"), member_text(row, "phase"), clean,
		                                needed, member_true(row, "ready") ? "yes" : "no", why});
	}
	buf_append_char(out, '\n');
	table_finish(&table, terminal, 2, out);
}

static void render_show(const struct figures *figures, const char *path, struct buf *out)
{
	struct terminal terminal;
	const cJSON *run = figures->run;
	const cJSON *totals = member(run, "totals");
	char legacy[WORDS_SIZE], cloud[WORDS_SIZE];
	terminal_init(&terminal);
	show_verdict(figures, &terminal, out);
	count_words(member_integer(totals, "legacy"), legacy);
	count_words(member_integer(totals, "cloud"), cloud);
	put_label("documents", out);
	buf_printf(out, "%s in the ERP, %s in the cloud\n", legacy, cloud);
	put_count("open differences", figures->open_count, out);
	put_count("accepted", figures->accepted_count, out);
	if (figures->usage.seen > 0) {
		put_count("open windows of usage", figures->usage_broken, out);
		put_count("accepted usage", figures->usage_accepted, out);
	}
	show_sums(figures, out);
	show_ages(run, &terminal, out);
	if (cJSON_GetArraySize(member(run, "causes")) > 0) {
		buf_append_char(out, '\n');
		int causes = list_causes(run, CAUSES_SHOWN, &terminal, 2, out);
		if (causes > CAUSES_SHOWN)
			buf_printf(out, "  ... %d more: twinpost compare causes\n", causes - CAUSES_SHOWN);
	}
	show_readiness(run, &terminal, out);
	buf_append_text(out, "\nall of it: twinpost compare report ");
	terminal_text(path, out);
	buf_append_text(out, " --output report.html\n");
}

enum cli_exit command_compare_show(const struct options *options)
{
	char path[PATH_SIZE];
	struct result result;
	struct figures figures;
	struct err_info info = {.text = ""};
	enum cli_exit status =
	    open_result(options, options->operand_count > 0 ? options->operands[0] : NULL, &result, path);
	if (status != CLI_OK)
		return status;
	enum err err = figures_gather(&figures, &result, &REPORT_LIMITS_DEFAULT, &info);
	if (err != ERR_OK) {
		status = compare_cut_complain(err, &info);
	} else if (options->json) {
		command_print_json(result.run);
	} else {
		struct buf out;
		buf_init(&out, CLI_OUTPUT_MAX);
		render_show(&figures, path, &out);
		status = command_print(&out) ? CLI_OK : CLI_FAILED;
	}
	figures_release(&figures);
	result_close(&result);
	return status;
}

enum cli_exit command_compare_causes(const struct options *options)
{
	char path[PATH_SIZE];
	struct result result;
	struct terminal terminal;
	struct buf out;
	enum cli_exit status =
	    open_result(options, options->operand_count > 0 ? options->operands[0] : NULL, &result, path);
	if (status != CLI_OK)
		return status;
	if (options->json) {
		command_print_json(member(result.run, "causes"));
		result_close(&result);
		return CLI_OK;
	}
	terminal_init(&terminal);
	buf_init(&out, CLI_OUTPUT_MAX);
	if (cJSON_GetArraySize(member(result.run, "causes")) == 0)
		buf_append_text(&out, "No difference is open.\n");
	else
		(void)list_causes(result.run, INT_MAX, &terminal, 0, &out);
	result_close(&result);
	return command_print(&out) ? CLI_OK : CLI_FAILED;
}

enum cli_exit command_compare_export(const struct options *options)
{
	char path[PATH_SIZE];
	struct err_info info = {.text = ""};
	if (!options->output)
		return command_misused("the export needs a place: --output %s", "FOLDER");
	enum cli_exit status =
	    compare_cut_result(options, options->operand_count > 0 ? options->operands[0] : NULL, path);
	if (status != CLI_OK)
		return status;
	enum err err = report_write(path, REPORT_CSV, options->output, &info);
	return err == ERR_OK ? CLI_OK : compare_cut_complain(err, &info);
}

/* ---- diff ---- */

struct listing {
	const struct options *options;
	const char *key;  /* also the number or the subject of a document; NULL: all that fit the options */
	const char *path; /* the result */
	char *first;      /* the first one's key, for the hint */
	struct table table;
	cJSON *list; /* --json */
	cJSON *one;  /* of the key */
	int64_t limit, shown, fitting;
};

static bool is_among(const cJSON *side, const char *name)
{
	const cJSON *other;
	cJSON_ArrayForEach(other, member(side, "others"))
	{
		if (cJSON_IsString(other) && strcmp(other->valuestring, name) == 0)
			return true;
	}
	return false;
}

static bool is_named(const cJSON *difference, const char *name)
{
	return strcmp(member_text(difference, "key"), name) == 0 ||
	       strcmp(member_text_of(difference, "legacy", "number"), name) == 0 ||
	       strcmp(member_text_of(difference, "cloud", "number"), name) == 0 ||
	       strcmp(member_text_of(difference, "legacy", "subject"), name) == 0 ||
	       strcmp(member_text_of(difference, "cloud", "subject"), name) == 0 ||
	       is_among(member(difference, "legacy"), name) || is_among(member(difference, "cloud"), name);
}

static bool fits(const struct listing *listing, const cJSON *difference)
{
	const struct options *options = listing->options;
	if (listing->key)
		return is_named(difference, listing->key);
	return (!options->cause || strcmp(member_text(difference, "cause"), options->cause) == 0) &&
	       (!options->entity || strcmp(member_text(difference, "entity"), options->entity) == 0);
}

static enum err list_one(void *self, const struct result_line *line, struct err_info *info)
{
	struct listing *listing = self;
	const cJSON *difference = line->object;
	if (!fits(listing, difference) || listing->fitting++ >= listing->limit)
		return ERR_OK;
	if (listing->shown++ == 0)
		listing->first = mem_copy_text(span_of(member_text(difference, "key")));
	if (listing->key && listing->one) {
		return err_set(info, ERR_CONFLICT,
		               "more than one difference has %s; say which by its key, such as %s",
		               listing->key, listing->first);
	} else if (listing->key) {
		listing->one = cJSON_Duplicate(difference, true);
		CHECK(listing->one != NULL);
	} else if (listing->list) {
		CHECK(cJSON_AddItemToArray(listing->list, cJSON_Duplicate(difference, true)));
	} else {
		bool open = strcmp(member_text(difference, "state"), "open") == 0;
		char legacy[AMOUNT_WORDS_SIZE], cloud[AMOUNT_WORDS_SIZE], net[AMOUNT_WORDS_SIZE];
		amount_words(member_text_of(difference, "legacy", "total"), legacy);
		amount_words(member_text_of(difference, "cloud", "total"), cloud);
		amount_words(member_text(difference, "net"), net);
		table_add(&listing->table,
		          (const char *const[]){member_text_of(difference, "legacy", "number"),
		                                member_text_of(difference, "cloud", "number"), legacy, cloud,
		                                net, member_text(difference, "currency"),
		                                member_text(difference, "cause"),
		                                member_text(difference, open ? "status" : "state")});
	}
	return ERR_OK;
}

static void put_others(const cJSON *side, struct buf *out)
{
	const cJSON *other;
	int64_t left = member_integer(side, "documents") - 1;
	const char *before = "; together with ";
	cJSON_ArrayForEach(other, member(side, "others"))
	{
		buf_append_text(out, before);
		terminal_text(cJSON_GetStringValue(other), out);
		before = ", ";
		left--;
	}
	if (left > 0)
		buf_printf(out, " and %" PRId64 " more", left);
}

static void put_side(const char *label, const cJSON *side, const char *currency,
                     const struct terminal *terminal, struct buf *out)
{
	struct buf text;
	char total[AMOUNT_WORDS_SIZE];
	put_label(label, out);
	if (!cJSON_IsObject(side)) {
		buf_append_text(out, "-\n");
		return;
	}
	buf_init(&text, CLI_OUTPUT_MAX);
	amount_words(member_text(side, "total"), total);
	terminal_text(total, &text);
	buf_append_char(&text, ' ');
	terminal_text(currency, &text);
	buf_append_text(&text, ", ");
	terminal_text(member_text(side, "subject"), &text);
	buf_append_text(&text, ", number ");
	terminal_text(member_text(side, "number"), &text);
	buf_append_text(&text, ", posted ");
	terminal_text(member_text(side, "posting_date"), &text);
	buf_append_text(&text, ", period ");
	terminal_text(member_text(side, "period"), &text);
	put_others(side, &text);
	terminal_wrapped(terminal, buf_cstr(&text), LABEL_WIDTH + 2, out);
	buf_release(&text);
}

static void put_fields(const cJSON *fields, const struct terminal *terminal, struct buf *out)
{
	static const char *const heads[] = {"FIELD", "ACCOUNT", "TAX", "ERP", "CLOUD", "DELTA", "TOLERATED"};
	const cJSON *field;
	struct table table;
	if (cJSON_GetArraySize(fields) == 0)
		return;
	table_init(&table, 7, 1u << 3 | 1u << 4 | 1u << 5, heads);
	cJSON_ArrayForEach(field, fields)
	{
		table_add(&table,
		          (const char *const[]){member_text(field, "field"), member_text(field, "account"),
		                                member_text(field, "tax_code"), member_text(field, "legacy"),
		                                member_text(field, "cloud"), member_text(field, "delta"),
		                                member_true(field, "tolerated") ? "yes" : ""});
	}
	buf_append_char(out, '\n');
	table_finish(&table, terminal, 2, out);
}

static void put_pair(const char *label, const char *text, struct buf *out)
{
	if (!text[0])
		return;
	put_label(label, out);
	terminal_text(text, out);
	buf_append_char(out, '\n');
}

static void put_acceptance(const cJSON *accepted, struct buf *out)
{
	if (!accepted)
		return;
	put_pair("accepted by", member_text(accepted, "by"), out);
	put_pair("and by", member_text(accepted, "second"), out);
	put_pair("because", member_text(accepted, "reason"), out);
	put_pair("on", member_text(accepted, "at"), out);
}

static void put_quantity(const char *label, const cJSON *row, const char *place, struct buf *out)
{
	const char *unit = member_text_of(row, "units", place);
	const char *quantity = member_text(row, place);
	put_label(label, out);
	terminal_text(quantity[0] ? quantity : "-", out);
	if (quantity[0]) {
		buf_append_char(out, ' ');
		terminal_text(unit[0] ? unit : member_text(row, "unit"), out);
	}
	buf_append_char(out, '\n');
}

/* A window of usage. */
static void render_usage(const cJSON *row, struct buf *out)
{
	char buffer[WORDS_CODE_SIZE];
	struct terminal terminal;
	terminal_init(&terminal);
	terminal_style(&terminal, STYLE_BOLD, out);
	terminal_text(member_text(row, "key"), out);
	terminal_style(&terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
	put_pair("status", member_text(row, "class"), out);
	put_pair("state", member_text(row, "state"), out);
	put_pair("", words_usage(member_text(row, "class"), buffer), out);
	put_pair("company", member_text(row, "entity"), out);
	put_pair("customer", member_text(row, "customer"), out);
	put_pair("meter", member_text(row, "meter"), out);
	put_pair("from", member_text(row, "from"), out);
	put_pair("to", member_text(row, "to"), out);
	put_quantity("metered", row, "source", out);
	put_quantity("billing", row, "billing", out);
	put_quantity("invoiced by the ERP", row, "erp", out);
	put_acceptance(member(row, "accepted"), out);
}

static void render_one(const cJSON *one, struct buf *out)
{
	struct terminal terminal;
	const char *currency = member_text(one, "currency");
	char amount[AMOUNT_WORDS_SIZE];
	terminal_init(&terminal);
	terminal_style(&terminal, STYLE_BOLD, out);
	terminal_text(member_text(one, "key"), out);
	terminal_style(&terminal, STYLE_PLAIN, out);
	buf_append_char(out, '\n');
	put_pair("status", member_text(one, "status"), out);
	put_pair("state", member_text(one, "state"), out);
	put_pair("cause", member_text(one, "cause"), out);
	put_label("", out);
	terminal_wrapped(&terminal, member_text(one, "cause_text"), LABEL_WIDTH + 2, out);
	put_side("ERP", member(one, "legacy"), currency, &terminal, out);
	put_side("cloud", member(one, "cloud"), currency, &terminal, out);
	amount_words(member_text(one, "gross"), amount);
	put_pair("gross", amount, out);
	amount_words(member_text(one, "net"), amount);
	put_pair("net", amount, out);
	put_acceptance(member(one, "accepted"), out);
	put_fields(member(one, "fields"), &terminal, out);
}

static void put_hint(const struct listing *listing, struct buf *out)
{
	buf_append_text(out, "one in full: twinpost compare diff ");
	terminal_text(listing->path, out);
	buf_append_char(out, ' ');
	terminal_text(listing->first, out);
	buf_append_char(out, '\n');
}

static bool is_usage_key(const char *word)
{
	return word && strncmp(word, USAGE_PREFIX, sizeof USAGE_PREFIX - 1) == 0;
}

/* A window has one row, and no two have one key. */
static enum err find_usage(void *self, const struct result_line *line, struct err_info *info)
{
	struct listing *listing = self;
	(void)info;
	if (listing->one || strcmp(member_text(line->object, "key"), listing->key) != 0)
		return ERR_OK;
	listing->one = cJSON_Duplicate(line->object, true);
	CHECK(listing->one != NULL);
	return ERR_OK;
}

static enum cli_exit print_listing(struct listing *listing)
{
	struct terminal terminal;
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	terminal_init(&terminal);
	if (listing->one && is_usage_key(listing->key)) {
		render_usage(listing->one, &out);
	} else if (listing->one) {
		render_one(listing->one, &out);
	} else {
		table_finish(&listing->table, &terminal, 0, &out);
		if (listing->fitting == 0) {
			buf_clear(&out);
			buf_append_text(&out, "There is no such difference.\n");
		} else if (listing->fitting > listing->shown) {
			buf_printf(&out, "... %" PRId64 " more (--limit N)\n",
			           listing->fitting - listing->shown);
		}
		if (listing->fitting > 0)
			put_hint(listing, &out);
	}
	return command_print(&out) ? CLI_OK : CLI_FAILED;
}

static enum cli_exit run_listing(struct listing *listing, const struct result *result)
{
	static const char *const heads[] = {"ERP",   "CLOUD", "ERP VALUE", "CLOUD VALUE",
	                                    "DELTA", "CUR",   "CAUSE",     "STATUS"};
	struct err_info info = {.text = ""};
	bool json = listing->options->json;
	if (json && !listing->key)
		listing->list = cJSON_CreateArray();
	else if (!listing->key)
		table_init(&listing->table, 8, 1u << 2 | 1u << 3 | 1u << 4, heads);
	bool usage = is_usage_key(listing->key);
	enum err err = result_visit(result, usage ? RESULT_USAGE : RESULT_DIFFERENCES,
	                            usage ? find_usage : list_one, listing, &info);
	if (err == ERR_OK && listing->key && !listing->one)
		err = err_set(&info, ERR_NOT_FOUND, "this comparison has no difference %s", listing->key);
	enum cli_exit status = CLI_OK;
	if (err != ERR_OK) {
		table_release(&listing->table);
		status = compare_cut_complain(err, &info);
	} else if (json) {
		command_print_json(listing->key ? listing->one : listing->list);
	} else {
		status = print_listing(listing);
	}
	cJSON_Delete(listing->one);
	cJSON_Delete(listing->list);
	free(listing->first);
	return status;
}

enum cli_exit command_compare_diff(const struct options *options)
{
	char path[PATH_SIZE];
	const char *run = NULL;
	struct listing listing = {.options = options,
	                          .limit = options->limit > 0 ? options->limit : DIFF_LIMIT};
	struct result result;
	for (int i = 0; i < options->operand_count; i++) {
		bool key = strncmp(options->operands[i], KEY_PREFIX, sizeof KEY_PREFIX - 1) == 0 ||
		           is_usage_key(options->operands[i]);
		*(key || run ? &listing.key : &run) = options->operands[i];
	}
	enum cli_exit status = open_result(options, run, &result, path);
	if (status != CLI_OK)
		return status;
	listing.path = path;
	status = run_listing(&listing, &result);
	result_close(&result);
	return status;
}
