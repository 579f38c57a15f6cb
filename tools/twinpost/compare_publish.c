/*
 * compare_publish.c - see compare_publish.h.
 *
 * Why:   see compare_publish.h.
 * Owns:  the page that is being filled.
 * Rules: as in compare_publish.h.
 * Faults: a damaged result, an agent that does not answer or refuses: told in the note.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli_compare.py
 */
#include "tools/twinpost/compare_publish.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/document.h"
#include "connector/posting/json_write.h"
#include "hal/hal.h"
#include "store_forward/store.h"
#include "tools/twinpost/report_figures.h"
#include "tools/twinpost/report_result.h"
#include "tools/twinpost/report_words.h"

#define PAGE_DIFFERENCES 100
#define PAGE_BYTES_MAX   (HAL_CONTROL_REQUEST_MAX - 16u)
#define CODE_CHARACTERS  60    /* of a code in a sentence */
#define ROUNDS_MAX       10000 /* of compare_end: more rows than any ledger keeps */

struct publishing {
	const struct result *result;
	char socket[256];
	const char *run;
	struct buf page; /* "[...", without its end */
	struct buf line;
	int count;
	struct compare_published *published;
};

/* ---- asking ---- */

/* Asks and releases, but for *answer where it is wanted. */
static bool ask(struct publishing *publishing, struct span request, struct answer *wanted)
{
	struct answer answer;
	client_ask(publishing->socket, request, &answer);
	bool good = answer.status == CLI_OK;
	if (!good)
		(void)snprintf(publishing->published->note, sizeof publishing->published->note, "%s",
		               answer.message);
	if (wanted && good)
		*wanted = answer;
	else
		answer_release(&answer);
	return good;
}

static void begin_request(struct json *json, const char *command, const char *run)
{
	json_object(json, NULL);
	json_put_integer(json, "v", 1);
	json_put_text(json, "cmd", command);
	json_put_text(json, "run", run);
}

/* ---- what is told besides ---- */

static void put_item(struct json *json, const char *key, const cJSON *item)
{
	char *text = item ? cJSON_PrintUnformatted(item) : NULL;
	json_put_raw(json, key, text ? span_of(text) : SPAN_LITERAL("{}"));
	cJSON_free(text);
}

/* All entities, types and periods together. */
static void put_counts(struct json *json, const cJSON *run)
{
	const cJSON *row, *status;
	cJSON *sums = cJSON_CreateObject();
	CHECK(sums != NULL);
	cJSON_ArrayForEach(row, member(run, "counts"))
	{
		cJSON_ArrayForEach(status, member(row, "statuses"))
		{
			cJSON *sum = cJSON_GetObjectItemCaseSensitive(sums, status->string);
			if (sum)
				cJSON_SetNumberValue(sum, sum->valuedouble + status->valuedouble);
			else
				CHECK(cJSON_AddNumberToObject(sums, status->string, status->valuedouble));
		}
	}
	put_item(json, "counts", sums);
	cJSON_Delete(sums);
}

static const char *net_of(const cJSON *totals, const char *currency)
{
	const cJSON *net;
	cJSON_ArrayForEach(net, member(totals, "net"))
	{
		if (strcmp(member_text(net, "currency"), currency) == 0)
			return member_text(net, "difference");
	}
	return "0";
}

static void put_totals(struct json *json, const cJSON *totals)
{
	const cJSON *gross;
	json_list(json, "totals");
	cJSON_ArrayForEach(gross, member(totals, "gross"))
	{
		const char *currency = member_text(gross, "currency");
		json_object(json, NULL);
		json_put_text(json, "currency", currency);
		json_put_text(json, "gross", member_text(gross, "difference"));
		json_put_text(json, "net", net_of(totals, currency));
		json_object_end(json);
	}
	json_list_end(json);
}

static bool tell_begin(struct publishing *publishing)
{
	const cJSON *run = publishing->result->run;
	const cJSON *verdict = member(run, "verdict");
	struct json json;
	struct buf request;
	buf_init(&request, 4u * HAL_CONTROL_REQUEST_MAX);
	json_init(&json, &request);
	begin_request(&json, "compare_begin", publishing->run);
	json_put_text(&json, "verdict", member_text(verdict, "name"));
	put_item(&json, "scope", member(run, "scope"));
	put_item(&json, "cut", member(run, "cut"));
	json_object(&json, "figures");
	put_counts(&json, run);
	put_totals(&json, member(run, "totals"));
	const cJSON *why = member(verdict, "why");
	if (why)
		put_item(&json, "why", why);
	json_object_end(&json);
	json_object_end(&json);
	bool good = ask(publishing, buf_span(&request), NULL);
	buf_release(&request);
	return good;
}

/* ---- differences ---- */

static bool send_page(struct publishing *publishing)
{
	struct json json;
	struct buf request;
	if (publishing->count == 0)
		return true;
	buf_append_char(&publishing->page, ']');
	buf_init(&request, 2u * HAL_CONTROL_REQUEST_MAX);
	json_init(&json, &request);
	begin_request(&json, "compare_differences", publishing->run);
	json_put_raw(&json, "differences", buf_span(&publishing->page));
	json_object_end(&json);
	bool good = ask(publishing, buf_span(&request), NULL);
	buf_release(&request);
	buf_clear(&publishing->page);
	publishing->count = 0;
	return good;
}

/* Words of an ERP may hold line ends; the agent takes none. */
static void put_sentence(struct json *json, const char *key, const char *text)
{
	struct buf plain;
	buf_init(&plain, RESULT_LINE_BYTES_MAX);
	terminal_text(text, &plain);
	json_put_text(json, key, buf_cstr(&plain));
	buf_release(&plain);
}

static void write_difference(struct publishing *publishing, const cJSON *difference)
{
	static const char *const same[] = {"cause", "content", "currency", "document_type", "entity",
	                                   "gross", "key",     "net",      "period"};
	const char *accepted = member_text(member(difference, "accepted"), "status");
	const char *owner = member_text(difference, "owner");
	struct json json;
	buf_clear(&publishing->line);
	json_init(&json, &publishing->line);
	json_object(&json, NULL);
	for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
		json_put_text(&json, same[i], member_text(difference, same[i]));
	json_put_text(&json, "cloud", member_text_of(difference, "cloud", "subject"));
	json_put_text(&json, "legacy", member_text_of(difference, "legacy", "subject"));
	json_put_text(&json, "owner", owner[0] ? owner : store_owner_name(STORE_OWNER_DATA_QUALITY));
	/* What it is behind the acceptance: that is the evidence. */
	json_put_text(&json, "status", accepted[0] ? accepted : member_text(difference, "status"));
	put_sentence(&json, "text", member_text(difference, "cause_text"));
	json_object_end(&json);
}

/* "12.5 GB"; "none" */
static void put_quantity(const cJSON *row, const char *place, struct buf *out)
{
	const char *unit = member_text_of(row, "units", place);
	if (cJSON_IsNull(member(row, place))) {
		buf_append_text(out, "none");
		return;
	}
	buf_printf(out, "%s ", member_text(row, place));
	words_text(unit[0] ? unit : member_text(row, "unit"), CODE_CHARACTERS, out);
}

static void put_usage_text(struct json *json, const cJSON *row)
{
	char buffer[WORDS_CODE_SIZE];
	struct buf text;
	buf_init(&text, RESULT_LINE_BYTES_MAX);
	buf_printf(&text, "%s: customer ", words_usage(member_text(row, "class"), buffer));
	words_text(member_text(row, "customer"), CODE_CHARACTERS, &text);
	buf_append_text(&text, ", meter ");
	words_text(member_text(row, "meter"), CODE_CHARACTERS, &text);
	buf_printf(&text, ", %s to %s; metered ", member_text(row, "from"), member_text(row, "to"));
	put_quantity(row, "source", &text);
	buf_append_text(&text, ", billing ");
	put_quantity(row, "billing", &text);
	buf_append_text(&text, ", invoiced ");
	put_quantity(row, "erp", &text);
	put_sentence(json, "text", buf_cstr(&text));
	buf_release(&text);
}

/* A window of usage as a difference without an amount: its class is status and cause, its digest the evidence. */
static void write_usage(struct publishing *publishing, const cJSON *row)
{
	struct json json;
	char period[8];
	(void)snprintf(period, sizeof period, "%.7s", member_text(row, "to"));
	buf_clear(&publishing->line);
	json_init(&json, &publishing->line);
	json_object(&json, NULL);
	json_put_text(&json, "cause", member_text(row, "class"));
	json_put_text(&json, "content", member_text(row, "digest"));
	json_put_text(&json, "currency", "");
	json_put_text(&json, "document_type", document_spec(DOCUMENT_USAGE)->name);
	json_put_text(&json, "entity", member_text(row, "entity"));
	json_put_text(&json, "gross", "0");
	json_put_text(&json, "key", member_text(row, "key"));
	json_put_text(&json, "net", "0");
	json_put_text(&json, "owner", member_text(row, "owner"));
	json_put_text(&json, "period", period);
	json_put_text(&json, "status", member_text(row, "class"));
	put_usage_text(&json, row);
	json_object_end(&json);
}

/* What is in publishing->line. */
static enum err add_line(struct publishing *publishing, struct err_info *info)
{
	/* 200: the request around them. */
	bool full = publishing->count == PAGE_DIFFERENCES ||
	            publishing->page.len + publishing->line.len + 200 > PAGE_BYTES_MAX;
	if (full && !send_page(publishing))
		return err_set(info, ERR_GONE, "%.400s", publishing->published->note);
	buf_append_char(&publishing->page, publishing->count == 0 ? '[' : ',');
	buf_append_span(&publishing->page, buf_span(&publishing->line));
	publishing->count++;
	return ERR_OK;
}

static enum err add_difference(void *self, const struct result_line *line, struct err_info *info)
{
	struct publishing *publishing = self;
	write_difference(publishing, line->object);
	return add_line(publishing, info);
}

/* A row that agrees, or is not yet due, has no state. */
static enum err add_usage(void *self, const struct result_line *line, struct err_info *info)
{
	struct publishing *publishing = self;
	if (member_text(line->object, "state")[0] == 0)
		return ERR_OK;
	write_usage(publishing, line->object);
	return add_line(publishing, info);
}

/* ---- the end ---- */

static bool tell_end(struct publishing *publishing)
{
	struct compare_published *published = publishing->published;
	struct answer answer;
	struct json json;
	struct buf request;
	bool good = true;
	buf_init(&request, HAL_CONTROL_REQUEST_MAX);
	json_init(&json, &request);
	begin_request(&json, "compare_end", publishing->run);
	json_object_end(&json);
	for (int i = 0; good && !published->told && i < ROUNDS_MAX; i++) {
		good = ask(publishing, buf_span(&request), &answer);
		if (!good)
			break;
		published->told = member_true(answer.data, "done");
		published->fresh = member_integer(answer.data, "new");
		published->reopened = member_integer(answer.data, "reopened");
		published->resolved = member_integer(answer.data, "resolved");
		published->open = member_integer(answer.data, "open");
		published->many_new = member_true(answer.data, "many_new");
		answer_release(&answer);
	}
	buf_release(&request);
	return good;
}

void compare_publish(const struct options *options, const char *path, struct compare_published *published)
{
	struct publishing publishing = {.published = published};
	struct result result;
	struct err_info info = {.text = ""};
	*published = (struct compare_published){.told = false};
	if (!command_socket(options, publishing.socket))
		return;
	if (result_open(&result, path, &info) != ERR_OK) {
		(void)snprintf(published->note, sizeof published->note, "%s", info.text);
		return;
	}
	publishing.result = &result;
	publishing.run = member_text(result.run, "id");
	buf_init(&publishing.page, 2u * HAL_CONTROL_REQUEST_MAX);
	buf_init(&publishing.line, RESULT_LINE_BYTES_MAX);
	if (tell_begin(&publishing)) {
		enum err err = result_visit(&result, RESULT_DIFFERENCES, add_difference, &publishing, &info);
		if (err == ERR_OK)
			err = result_visit(&result, RESULT_USAGE, add_usage, &publishing, &info);
		if (err != ERR_OK)
			(void)snprintf(published->note, sizeof published->note, "%s", info.text);
		else if (send_page(&publishing))
			(void)tell_end(&publishing);
	}
	buf_release(&publishing.page);
	buf_release(&publishing.line);
	result_close(&result);
}

void compare_published_render(const struct compare_published *published, struct buf *out)
{
	char fresh[WORDS_SIZE], reopened[WORDS_SIZE], resolved[WORDS_SIZE], open[WORDS_SIZE];
	if (!published->told) {
		buf_append_text(out, "the agent was not told, its exceptions stay as they were: ");
		terminal_lines(published->note, out);
		return;
	}
	count_words(published->fresh, fresh);
	count_words(published->reopened, reopened);
	count_words(published->resolved, resolved);
	count_words(published->open, open);
	buf_printf(out, "  %-26s%s new, %s reopened, %s resolved; %s open\n", "exceptions", fresh, reopened,
	           resolved, open);
	if (published->many_new)
		buf_append_text(out, "  so many at once have one cause as a rule: twinpost compare causes\n");
}
