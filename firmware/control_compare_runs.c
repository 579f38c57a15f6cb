/*
 * control_compare_runs.c - a run of the command line, told to the agent: begun, page by page, ended.
 *
 * Why:   the run is made beside the agent; the ledger has one writer, and that is the agent.
 * Owns:  nothing; what is told is kept with the comparison, one run at a time.
 * Rules: 1. A run that was begun is told until another one begins. A page is in the ledger whole or not at all, and
 *           may be sent again.
 *        2. What a run ended is told with its end alone; a run that breaks off ends nothing.
 *        3. The end is in the audit, with what it changed, and goes to the cloud.
 * Faults: the ledger's and the store's errors are handed on; the same request may be sent again.
 * Runs in: the core.
 * Tests: tests/unit/control_breaks_test.c
 */
#include "firmware/control_commands.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"
#include "connector/posting/decimal.h"
#include "connector/posting/validity.h"
#include "firmware/comparison.h"
#include "store_forward/audit.h"

/* ---- reading what is told ---- */

static struct span member_of(const cJSON *object, const char *name)
{
	return span_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name)));
}

/* "2026-09"; "": none. */
static bool read_period(struct span text, int32_t *period)
{
	*period = 0;
	if (text.len == 0)
		return true;
	if (text.len != 7 || text.data[4] != '-')
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (i != 4 && (text.data[i] < '0' || text.data[i] > '9'))
			return false;
		*period = i == 4 ? *period : *period * 10 + (text.data[i] - '0');
	}
	return *period > 0;
}

/* A list of codes, of `size` bytes each. */
static bool read_codes(const cJSON *list, char *codes, size_t size, int most, int *count)
{
	const cJSON *item;
	*count = 0;
	if (list && !cJSON_IsArray(list))
		return false;
	cJSON_ArrayForEach(item, list)
	{
		struct span code = span_of(cJSON_GetStringValue(item));
		if (*count == most || code.len == 0 || !text_copy(codes + (size_t)*count * size, size, code))
			return false;
		++*count;
	}
	return true;
}

static enum err read_scope(const cJSON *object, struct break_scope *scope, struct err_info *info)
{
	bool good = read_codes(cJSON_GetObjectItemCaseSensitive(object, "entities"), scope->entities[0],
	                       sizeof scope->entities[0], BREAKS_ENTITIES_MAX, &scope->entity_count) &&
	            read_codes(cJSON_GetObjectItemCaseSensitive(object, "types"), scope->types[0],
	                       sizeof scope->types[0], BREAKS_TYPES_MAX, &scope->type_count) &&
	            read_period(member_of(object, "from"), &scope->from) &&
	            read_period(member_of(object, "to"), &scope->to);
	return good ? ERR_OK
	            : err_set(info, ERR_BAD_INPUT,
	                      "scope has entities and types (lists of up to %d and %d codes), from and to "
	                      "(periods such as 2026-09)",
	                      BREAKS_ENTITIES_MAX, BREAKS_TYPES_MAX);
}

static bool is_plain(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
			return false;
	}
	return utf8_valid(text);
}

static bool read_amount(const cJSON *object, const char *name, struct span currency, int64_t *minor_units)
{
	struct decimal amount;
	int digits = currency_minor_units(currency);
	if (decimal_parse(&amount, member_of(object, name)) != ERR_OK ||
	    decimal_rescale(&amount, amount, (uint8_t)(digits < 0 ? 0 : digits)) != ERR_OK)
		return false;
	*minor_units = amount.units;
	return true;
}

static enum err read_difference(const cJSON *object, struct ledger_break *one, struct err_info *info)
{
	*one = (struct ledger_break){
	    .key = member_of(object, "key"),
	    .legacy = member_of(object, "legacy"),
	    .cloud = member_of(object, "cloud"),
	    .status = member_of(object, "status"),
	    .cause = member_of(object, "cause"),
	    .entity = member_of(object, "entity"),
	    .document_type = member_of(object, "document_type"),
	    .currency = member_of(object, "currency"),
	    .text = member_of(object, "text"),
	    .content = member_of(object, "content"),
	};
	const struct span texts[] = {one->key,     one->legacy, one->cloud,         one->status,   one->cause,
	                             one->content, one->entity, one->document_type, one->currency, one->text};
	bool good =
	    one->key.len > 0 && one->key.len <= BREAK_KEY_MAX && one->status.len > 0 && one->cause.len > 0;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		good = good && is_plain(texts[i]);
	if (!good || !read_period(member_of(object, "period"), &one->period) ||
	    !read_amount(object, "net", one->currency, &one->net) ||
	    !read_amount(object, "gross", one->currency, &one->gross))
		return err_set(
		    info, ERR_BAD_INPUT,
		    "a difference has key, status, cause, owner, net and gross (with the currency's "
		    "digits), and texts without control characters: \"%.*s\" does not",
		    (int)(one->key.len > 200 ? 0 : one->key.len), one->key.data);
	return control_owner(member_of(object, "owner"), &one->owner, info);
}

/* ---- the commands ---- */

static enum err know_verdict(struct span verdict, bool *incomplete, struct err_info *info)
{
	static const char *const verdicts[] = {"incomplete", "breaks", "reconciled_with_warnings",
	                                       "reconciled_with_pending", "reconciled"};
	*incomplete = span_equal(verdict, span_of(verdicts[0]));
	for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
		if (span_equal(verdict, span_of(verdicts[i])))
			return ERR_OK;
	}
	return err_set(info, ERR_BAD_INPUT, "verdict \"%.*s\" is none", (int)verdict.len, verdict.data);
}

/* What is told beside the differences, for the cloud. */
static enum err keep_about(const struct control_request *request, struct buf *about, struct err_info *info)
{
	static const enum control_argument parts[] = {CONTROL_CUT, CONTROL_FIGURES, CONTROL_SCOPE};
	static const char *const names[] = {"cut", "figures", "scope"};
	struct json json;
	buf_clear(about);
	json_init(&json, about);
	json_object(&json, NULL);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char *text =
		    request->given[parts[i]] ? cJSON_PrintUnformatted(request->json[parts[i]]) : NULL;
		if (text)
			json_put_raw(&json, names[i], span_of(text));
		cJSON_free(text);
	}
	json_put_span(&json, "verdict", request->text[CONTROL_VERDICT]);
	json_object_end(&json);
	return buf_ok(about) && utf8_valid(buf_span(about))
	           ? ERR_OK
	           : err_set(info, ERR_BAD_INPUT, "cut, figures and scope are no UTF-8, or over their limit");
}

enum err control_compare_begin(const struct control_view *view, const struct control_request *request,
                               struct json *json, struct err_info *info)
{
	struct breaks_run *run = mem_alloc(sizeof *run);
	struct ledger *ledger = NULL;
	enum err err = control_ledger(view, &ledger, info);
	if (err == ERR_OK)
		err = know_verdict(request->text[CONTROL_VERDICT], &run->incomplete, info);
	if (err == ERR_OK)
		err = read_scope(request->json[CONTROL_SCOPE], &run->scope, info);
	if (err == ERR_OK &&
	    instant_parse(&run->at_ns, member_of(request->json[CONTROL_CUT], "at")) != ERR_OK)
		err = err_set(info, ERR_BAD_INPUT,
		              "cut has no instant \"at\" such as 2026-09-30T18:00:00.000Z");
	if (err == ERR_OK) {
		comparison_told(view->comparison)->run.run[0] = 0;
		err = keep_about(request, &comparison_told(view->comparison)->about, info);
	}
	if (err == ERR_OK)
		err = comparison_change_begin(view->comparison, info);
	if (err == ERR_OK) {
		CHECK(text_copy(run->run, sizeof run->run, request->text[CONTROL_RUN]));
		err = breaks_run_begin(comparison_ledger(view->comparison), run, info);
		err = comparison_change_end(view->comparison, err, info);
	}
	if (err == ERR_OK) {
		comparison_told(view->comparison)->run = *run;
		json_put_text(json, "run", run->run);
	}
	free(run);
	return err;
}

/* The run of the request is the one that was begun. */
static enum err told_of(const struct control_view *view, const struct control_request *request,
                        struct comparison_told **told, struct err_info *info)
{
	struct ledger *ledger = NULL;
	enum err err = control_ledger(view, &ledger, info);
	if (err != ERR_OK)
		return err;
	*told = comparison_told(view->comparison);
	return span_equal(span_of((*told)->run.run), request->text[CONTROL_RUN])
	           ? ERR_OK
	           : err_set(
			 info, ERR_CONFLICT,
			 "run %.*s is not being told: another one was begun, or the agent has started anew; "
			 "compare again",
			 (int)request->text[CONTROL_RUN].len, request->text[CONTROL_RUN].data);
}

static enum err see_page(struct ledger *ledger, struct breaks_run *run, const cJSON *page, int64_t now_ns,
                         struct err_info *info)
{
	const cJSON *item;
	enum err err = ERR_OK;
	cJSON_ArrayForEach(item, page)
	{
		struct ledger_break one;
		if (err == ERR_OK)
			err = read_difference(item, &one, info);
		if (err == ERR_OK)
			err = breaks_run_see(ledger, run, &one, now_ns, info);
	}
	return err;
}

enum err control_compare_differences(const struct control_view *view, const struct control_request *request,
                                     struct json *json, struct err_info *info)
{
	struct comparison_told *told = NULL;
	enum err err = told_of(view, request, &told, info);
	if (err == ERR_OK)
		err = comparison_change_begin(view->comparison, info);
	if (err != ERR_OK)
		return err;
	struct breaks_run *before = mem_alloc(sizeof *before);
	*before = told->run;
	err = see_page(comparison_ledger(view->comparison), &told->run, request->json[CONTROL_DIFFERENCES],
	               hal_wall_ns(view->hal), info);
	err = comparison_change_end(view->comparison, err, info);
	if (err != ERR_OK && told->run.run[0] != 0)
		told->run = *before;
	if (err == ERR_OK)
		json_put_integer(json, "seen", told->run.counts.seen);
	free(before);
	return err;
}

static enum err conclude(const struct control_view *view, const struct control_request *request,
                         struct comparison_told *told, int *pages, struct err_info *info)
{
	const struct breaks_counts *counts = &told->run.counts;
	char target[STORE_AUDIT_TARGET_MAX + 1];
	(void)snprintf(target, sizeof target,
	               "run %s: %" PRId64 " differences, %" PRId64 " new, %" PRId64 " reopened, %" PRId64
	               " over",
	               told->run.run, counts->seen, counts->fresh, counts->reopened, counts->resolved);
	const struct control_change change = {"comparison told", span_of(target), {NULL, 0}};
	enum err err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	err = control_compare_publish(view, told, pages, info);
	return control_change_end(view, request, &change, err, info);
}

static enum err write_end(const struct control_view *view, const struct comparison_told *told,
                          struct json *json, struct err_info *info)
{
	int64_t counts[BREAK_STATE_COUNT];
	enum err err = ledger_breaks_count(comparison_ledger(view->comparison), counts, info);
	json_put_integer(json, "seen", told->run.counts.seen);
	json_put_integer(json, "new", told->run.counts.fresh);
	json_put_integer(json, "reopened", told->run.counts.reopened);
	json_put_integer(json, "resolved", told->run.counts.resolved);
	json_put_integer(json, "left_out", told->run.counts.left_out);
	json_put_boolean(json, "many_new", told->run.many_told);
	json_put_integer(json, "open",
	                 counts[BREAK_OPEN] + counts[BREAK_ACKNOWLEDGED] + counts[BREAK_SNOOZED] +
	                     counts[BREAK_ACCEPT_PENDING]);
	json_put_integer(json, "accepted", counts[BREAK_ACCEPTED]);
	return err;
}

enum err control_compare_end(const struct control_view *view, const struct control_request *request,
                             struct json *json, struct err_info *info)
{
	struct comparison_told *told = NULL;
	bool done = false;
	int pages = 0;
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = told_of(view, request, &told, info);
	if (err == ERR_OK)
		err = comparison_change_begin(view->comparison, info);
	if (err != ERR_OK)
		return err;
	struct breaks_run *before = mem_alloc(sizeof *before);
	*before = told->run;
	err = breaks_run_end(comparison_ledger(view->comparison), &told->run, hal_wall_ns(view->hal), &done,
	                     info);
	err = comparison_change_end(view->comparison, err, info);
	if (err != ERR_OK && told->run.run[0] != 0)
		told->run = *before;
	free(before);
	if (err == ERR_OK && done)
		err = conclude(view, request, told, &pages, info);
	if (err != ERR_OK)
		return err;
	json_put_boolean(json, "done", done);
	if (!done)
		return ERR_OK;
	json_put_integer(json, "messages", pages);
	err = write_end(view, told, json, info);
	told->run.run[0] = 0;
	return err;
}
