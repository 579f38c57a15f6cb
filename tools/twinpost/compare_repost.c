/*
 * compare_repost.c - the command `compare repost`: after a mapping was mended, documents go out again with other codes.
 *
 * Why:   a wrong row of a mapping is in hundreds of postings; the cloud can mend them once it is told.
 * Owns:  the subjects that are asked for, and what became of them, until it is printed.
 * Rules: 1. One SUBJECT, or with --cause the ERP's documents of all open differences of this cause, of the newest
 *           comparison.
 *        2. The agent decides about each; it is asked in pages, each of which is one commit. A page that fails ends the
 *           command, and what was posted before is told.
 *        3. Exit status: 0 each was posted or needed nothing, 1 some were refused.
 * Faults: the agent's refusals are told, each with its reason.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_repost.py, tests/integration/test_compare_repost.py
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/compare_cut.h"
#include "tools/twinpost/report_result.h"

#define PAGE_DOCUMENTS 100
/* The limit of a request's text. */
#define PAGE_BYTES     14000
#define SUBJECTS_BYTES (256u * 1024u * 1024u)
#define REFUSALS_SHOWN 20

struct repost {
	const struct options *options;
	struct buf subjects; /* one a line */
	int64_t found;
	int64_t asked, amended, unchanged, refused;
	cJSON *documents; /* array */
	char rules[32];
};

/* ---- which documents ---- */

static enum err add_difference(void *self, const struct result_line *line, struct err_info *info)
{
	struct repost *repost = self;
	const struct options *options = repost->options;
	const cJSON *difference = line->object;
	const cJSON *legacy = member(difference, "legacy");
	const cJSON *other;
	const char *subject = member_text(legacy, "subject");
	if (strcmp(member_text(difference, "cause"), options->cause) != 0 || !subject[0] ||
	    strcmp(member_text(difference, "state"), "accepted") == 0 ||
	    (options->entity && strcmp(member_text(difference, "entity"), options->entity) != 0))
		return ERR_OK;
	repost->found++;
	buf_append_text(&repost->subjects, subject);
	buf_append_char(&repost->subjects, '\n');
	cJSON_ArrayForEach(other, member(legacy, "others"))
	{
		if (cJSON_IsString(other))
			buf_printf(&repost->subjects, "%s\n", other->valuestring);
	}
	if (member_integer(legacy, "documents") > 1 + cJSON_GetArraySize(member(legacy, "others")))
		return err_set(
		    info, ERR_TOO_LARGE,
		    "%.200s stands together with more documents than a result names; post them again "
		    "one by one: twinpost compare repost SUBJECT",
		    subject);
	return buf_ok(&repost->subjects)
	           ? ERR_OK
	           : err_set(info, ERR_TOO_LARGE,
	                     "these are too many at once; take them by company: --entity");
}

static enum cli_exit read_differences(struct repost *repost)
{
	char path[COMPARE_PATH_SIZE];
	struct err_info info = {.text = ""};
	struct result result;
	enum cli_exit status = compare_cut_result(repost->options, NULL, path);
	if (status != CLI_OK)
		return status;
	enum err err = result_open(&result, path, &info);
	if (err != ERR_OK)
		return compare_cut_complain(err, &info);
	err = result_visit(&result, RESULT_DIFFERENCES, add_difference, repost, &info);
	result_close(&result);
	return err == ERR_OK ? CLI_OK : compare_cut_complain(err, &info);
}

/* ---- asking ---- */

/* The lines of the next page. */
static struct span take_page(struct span *rest)
{
	struct span page = {rest->data, 0};
	for (int lines = 0; lines < PAGE_DOCUMENTS && page.len < rest->len; lines++) {
		const char *end = memchr(rest->data + page.len, '\n', rest->len - page.len);
		CHECK(end != NULL);
		size_t len = (size_t)(end + 1 - rest->data);
		if (len > PAGE_BYTES && page.len > 0)
			break;
		page.len = len;
	}
	rest->data += page.len;
	rest->len -= page.len;
	return page;
}

static void add_answer(struct repost *repost, const cJSON *data)
{
	const cJSON *document;
	repost->asked += member_integer(data, "asked");
	repost->amended += member_integer(data, "amended");
	repost->unchanged += member_integer(data, "unchanged");
	repost->refused += member_integer(data, "refused");
	(void)snprintf(repost->rules, sizeof repost->rules, "%.31s", member_text(data, "rules"));
	cJSON_ArrayForEach(document, member(data, "documents"))
	{
		cJSON *copy = cJSON_Duplicate(document, true);
		CHECK(copy && cJSON_AddItemToArray(repost->documents, copy));
	}
}

static enum cli_exit ask_page(struct repost *repost, struct span page)
{
	const struct options *options = repost->options;
	struct answer answer;
	cJSON *arguments = command_arguments();
	char *text = mem_copy_text(page);
	command_add_text(arguments, "text", text);
	free(text);
	if (options->why)
		command_add_text(arguments, "why", options->why);
	if (options->preview)
		CHECK(cJSON_AddTrueToObject(arguments, "preview") != NULL);
	enum cli_exit status = command_ask(options, "compare_repost", arguments, &answer);
	if (status == CLI_OK)
		add_answer(repost, answer.data);
	answer_release(&answer);
	return status;
}

/* ---- what became of it ---- */

static void render_refusals(const struct repost *repost, struct buf *out)
{
	const cJSON *document;
	int64_t shown = 0;
	cJSON_ArrayForEach(document, repost->documents)
	{
		if (strcmp(member_text(document, "result"), "refused") != 0 || shown == REFUSALS_SHOWN)
			continue;
		shown++;
		buf_append_text(out, "  ");
		terminal_text(member_text(document, "subject"), out);
		buf_append_text(out, ": ");
		terminal_text(member_text(document, "why"), out);
		buf_append_char(out, '\n');
	}
	if (repost->refused > shown)
		buf_printf(out, "  ... and %" PRId64 " more; --json shows all\n", repost->refused - shown);
}

static void render(const struct repost *repost, struct buf *out)
{
	bool preview = repost->options->preview;
	char amended[WORDS_SIZE], unchanged[WORDS_SIZE], refused[WORDS_SIZE];
	if (repost->found == 0) {
		buf_append_text(out, "the newest comparison has no such difference; nothing to post again\n");
		return;
	}
	count_words(repost->amended, amended);
	count_words(repost->unchanged, unchanged);
	count_words(repost->refused, refused);
	buf_printf(out, "%s posted again with other codes%s: %s\n", preview ? "would be" : "were",
	           preview ? "" : ", as their next revision", amended);
	buf_printf(out, "have the same codes by these rules: %s\n", unchanged);
	buf_printf(out, "refused: %s\n", refused);
	render_refusals(repost, out);
	buf_append_text(out, "rules in force: ");
	terminal_text(repost->rules[0] ? repost->rules : "none", out);
	buf_append_char(out, '\n');
	if (!preview && repost->amended > 0)
		buf_append_text(out, "what the cloud makes of it is seen by the next twinpost compare run\n");
}

static void print_json(const struct repost *repost)
{
	cJSON *object = command_arguments();
	command_add_number(object, "asked", repost->asked);
	command_add_number(object, "amended", repost->amended);
	command_add_number(object, "unchanged", repost->unchanged);
	command_add_number(object, "refused", repost->refused);
	command_add_text(object, "rules", repost->rules);
	CHECK(cJSON_AddBoolToObject(object, "preview", repost->options->preview) != NULL);
	cJSON *copy = cJSON_Duplicate(repost->documents, true);
	CHECK(copy && cJSON_AddItemToObject(object, "documents", copy));
	command_print_json(object);
	cJSON_Delete(object);
}

static enum cli_exit show(const struct repost *repost)
{
	struct buf out;
	buf_init(&out, CLI_OUTPUT_MAX);
	if (repost->options->json)
		print_json(repost);
	else
		render(repost, &out);
	if (!command_print(&out))
		return CLI_FAILED;
	return repost->refused > 0 ? CLI_FAILED : CLI_OK;
}

enum cli_exit command_compare_repost(const struct options *options)
{
	struct repost repost = {.options = options};
	if ((options->cause != NULL) == (options->operand_count == 1))
		return command_misused("say which: one SUBJECT, or %s", "--cause mapping");
	buf_init(&repost.subjects, SUBJECTS_BYTES);
	repost.documents = cJSON_CreateArray();
	CHECK(repost.documents != NULL);
	enum cli_exit status = CLI_OK;
	if (options->cause) {
		status = read_differences(&repost);
	} else {
		repost.found = 1;
		buf_printf(&repost.subjects, "%s\n", options->operands[0]);
	}
	struct span rest = buf_span(&repost.subjects);
	while (status == CLI_OK && rest.len > 0)
		status = ask_page(&repost, take_page(&rest));
	/* What was posted before a page failed is told too. */
	if (status == CLI_OK || repost.asked > 0) {
		enum cli_exit shown = show(&repost);
		status = status == CLI_OK ? shown : status;
	}
	cJSON_Delete(repost.documents);
	buf_release(&repost.subjects);
	return status;
}
