/*
 * control_compare_decide.c - what people decide about differences: one, or all of a cause or a company.
 *
 * Why:   who accepts a difference signs for it; that must be tellable, and hold for what was seen, and nothing else.
 * Owns:  nothing.
 * Rules: 1. Store and ledger are two files. The audit is committed first: a decision that holds is always in it. One
 *           that is in it and could not be written into the ledger does not hold, and the answer says so.
 *        2. Accepting by cause or company needs the token of a preview: the digest of every key, evidence and state. A
 *           set that has changed since is refused.
 *        3. compare.four_eyes: the second person is another user of the box than the first.
 * Faults: the store's and the ledger's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_breaks_test.c
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/posting/date.h"
#include "firmware/comparison.h"
#include "store_forward/audit.h"

#define DAY_NS (INT64_C(86400) * NS_PER_S)

struct decision {
	const struct control_view *view;
	const struct control_request *request;
	struct break_act act;
	struct ledger *ledger;
	const char *action; /* as the audit has it */
};

/* A day, from its begin in UTC, or an instant. */
static enum err read_until(struct decision *decision, struct err_info *info)
{
	struct span text = decision->request->text[CONTROL_UNTIL];
	int64_t *until = &decision->act.until_ns;
	date_days day = 0;
	if (instant_parse(until, text) != ERR_OK) {
		if (text.len != DATE_TEXT_SIZE - 1 || date_parse(&day, text) != ERR_OK)
			return err_set(info, ERR_BAD_INPUT,
			               "until \"%.*s\" is no day; it is written 2026-12-31", (int)text.len,
			               text.data);
		*until = day * DAY_NS;
	}
	if (*until <= decision->act.at_ns || *until - decision->act.at_ns > BREAK_SNOOZE_DAYS * DAY_NS)
		return err_set(info, ERR_BAD_INPUT, "until must lie ahead, at most %d days",
		               BREAK_SNOOZE_DAYS);
	return ERR_OK;
}

static enum err begin(struct decision *decision, struct err_info *info)
{
	const struct control_view *view = decision->view;
	const struct control_request *request = decision->request;
	bool several = request->given[CONTROL_CAUSE] || request->given[CONTROL_ENTITY];
	decision->act.who = request->who;
	decision->act.why = request->text[CONTROL_WHY];
	decision->act.at_ns = hal_wall_ns(view->hal);
	decision->act.four_eyes = view->config->compare.four_eyes == CONFIG_YES;
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = control_ledger(view, &decision->ledger, info);
	if (err == ERR_OK && request->given[CONTROL_KEY] == several)
		err = err_set(info, ERR_BAD_INPUT,
		              "say which: the key of one difference, or a cause, a company or both");
	if (err == ERR_OK && request->given[CONTROL_KEY] &&
	    (request->given[CONTROL_PREVIEW] || request->given[CONTROL_TOKEN]))
		err = err_set(info, ERR_BAD_INPUT, "preview and token are for a cause or a company");
	if (err == ERR_OK && !request->given[CONTROL_WHY] && request->number[CONTROL_PREVIEW] == 0)
		err = err_set(info, ERR_BAD_INPUT, "compare_accept needs the argument why");
	if (err == ERR_OK && decision->act.event == BREAK_SNOOZE)
		err = read_until(decision, info);
	return err;
}

/* Rule 1: what stands in the audit, and then the ledger. */
static enum err note(struct decision *decision, struct span target, struct err_info *info)
{
	const struct control_change change = {decision->action, target, decision->act.why};
	enum err err = control_change_begin(decision->view, info);
	return err == ERR_OK ? control_change_end(decision->view, decision->request, &change, ERR_OK, info)
	                     : err;
}

static enum err not_kept(enum err err, struct err_info *info)
{
	char why[ERR_TEXT_MAX];
	if (err == ERR_OK)
		return ERR_OK;
	(void)snprintf(why, sizeof why, "%.300s", info->text);
	return err_set(info, ERR_IO,
	               "the audit has it, but the ledger could not be written, so it does not hold: %s", why);
}

/* ---- one ---- */

static enum err apply_one(struct decision *decision, struct ledger_break *one, struct err_info *info)
{
	enum err err = comparison_change_begin(decision->view->comparison, info);
	if (err != ERR_OK)
		return err;
	err = ledger_break_act(comparison_ledger(decision->view->comparison), one, &decision->act, info);
	return comparison_change_end(decision->view->comparison, err, info);
}

static enum err decide_one(struct decision *decision, struct json *json, struct err_info *info)
{
	char target[STORE_AUDIT_TARGET_MAX + 1];
	struct ledger_break one;
	struct buf texts;
	enum break_state next = BREAK_OPEN;
	buf_init(&texts, BREAK_ROW_BYTES_MAX);
	enum err err =
	    ledger_break_find(decision->ledger, decision->request->text[CONTROL_KEY], &one, &texts, info);
	if (err == ERR_OK)
		err = break_decide(&one, &decision->act, &next, info);
	if (err == ERR_OK) {
		(void)snprintf(target, sizeof target, "%.*s: %.*s", (int)one.key.len, one.key.data,
		               (int)one.evidence.len, one.evidence.data);
		if (next == BREAK_ACCEPT_PENDING)
			decision->action = "difference accepted, first of two";
		err = note(decision, span_of(target), info);
		if (err == ERR_OK)
			err = not_kept(apply_one(decision, &one, info), info);
	}
	if (err == ERR_OK)
		control_write_break(decision->view, &one, json);
	buf_release(&texts);
	return err;
}

/* ---- several ---- */

static void write_set(const struct break_set *set, const char *token, struct json *json)
{
	json_put_integer(json, "count", set->count);
	json_object(json, "becomes");
	for (int i = 0; i < BREAK_STATE_COUNT; i++) {
		if (set->becomes[i] > 0)
			json_put_integer(json, break_state_name((enum break_state)i), set->becomes[i]);
	}
	json_object_end(json);
	json_list(json, "currencies");
	for (int i = 0; i < set->currency_count; i++) {
		struct span code = span_of(set->currencies[i].code);
		json_object(json, NULL);
		json_put_integer(json, "count", set->currencies[i].count);
		json_put_span(json, "currency", code);
		control_put_amount(json, "gross", set->currencies[i].gross, code);
		control_put_amount(json, "net", set->currencies[i].net, code);
		json_object_end(json);
	}
	json_list_end(json);
	json_put_text(json, "token", token);
}

static enum err apply_set(struct decision *decision, const struct digest *digest, struct err_info *info)
{
	const struct control_request *request = decision->request;
	enum err err = comparison_change_begin(decision->view->comparison, info);
	if (err != ERR_OK)
		return err;
	err = ledger_breaks_act(comparison_ledger(decision->view->comparison), request->text[CONTROL_CAUSE],
	                        request->text[CONTROL_ENTITY], &decision->act, digest, info);
	return comparison_change_end(decision->view->comparison, err, info);
}

static enum err check_token(const struct decision *decision, const char *token, struct err_info *info)
{
	const struct control_request *request = decision->request;
	if (!request->given[CONTROL_TOKEN])
		return decision->act.event != BREAK_ACCEPT
		           ? ERR_OK
		           : err_set(
				 info, ERR_BAD_INPUT,
				 "accepting several needs the token of a preview: ask with --preview first");
	return span_equal(request->text[CONTROL_TOKEN], span_of(token))
	           ? ERR_OK
	           : err_set(
			 info, ERR_CONFLICT,
			 "these differences have changed since the preview; nothing was done, look again");
}

static struct span named_or_any(struct span name)
{
	return name.len > 0 ? name : SPAN_LITERAL("any");
}

static enum err decide_set(struct decision *decision, const struct break_set *set, struct json *json,
                           struct err_info *info)
{
	const struct control_request *request = decision->request;
	struct span cause = named_or_any(request->text[CONTROL_CAUSE]);
	struct span entity = named_or_any(request->text[CONTROL_ENTITY]);
	char target[STORE_AUDIT_TARGET_MAX + 1];
	char token[DIGEST_HEX_SIZE];
	digest_hex(&set->digest, token);
	enum err err = ERR_OK;
	if (request->number[CONTROL_PREVIEW] == 0) {
		err = check_token(decision, token, info);
		(void)snprintf(target, sizeof target,
		               "cause %.*s, company %.*s: %" PRId64 " differences, sha256 %s", (int)cause.len,
		               cause.data, (int)entity.len, entity.data, set->count, token);
		if (set->becomes[BREAK_ACCEPT_PENDING] > 0)
			decision->action = "difference accepted, first of two";
		if (err == ERR_OK)
			err = note(decision, span_of(target), info);
		if (err == ERR_OK)
			err = not_kept(apply_set(decision, &set->digest, info), info);
	}
	if (err == ERR_OK)
		write_set(set, token, json);
	return err;
}

static enum err decide_several(struct decision *decision, struct json *json, struct err_info *info)
{
	const struct control_request *request = decision->request;
	struct break_set *set = mem_alloc(sizeof *set);
	enum err err = ledger_breaks_gather(decision->ledger, request->text[CONTROL_CAUSE],
	                                    request->text[CONTROL_ENTITY], &decision->act, set, info);
	if (err == ERR_OK && set->count == 0)
		err = err_set(info, ERR_NOT_FOUND,
		              "there is no difference of this cause and company to which that can be done");
	if (err == ERR_OK)
		err = decide_set(decision, set, json, info);
	free(set);
	return err;
}

static enum err decide(const struct control_view *view, const struct control_request *request,
                       enum break_event event, const char *action, struct json *json, struct err_info *info)
{
	struct decision decision = {
	    .view = view, .request = request, .act = {.event = event}, .action = action};
	enum err err = begin(&decision, info);
	if (err != ERR_OK)
		return err;
	return request->given[CONTROL_KEY] ? decide_one(&decision, json, info)
	                                   : decide_several(&decision, json, info);
}

enum err control_compare_ack(const struct control_view *view, const struct control_request *request,
                             struct json *json, struct err_info *info)
{
	return decide(view, request, BREAK_ACK, "difference acknowledged", json, info);
}

enum err control_compare_snooze(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	return decide(view, request, BREAK_SNOOZE, "difference snoozed", json, info);
}

enum err control_compare_accept(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	return decide(view, request, BREAK_ACCEPT, "difference accepted", json, info);
}

enum err control_compare_reject(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	return decide(view, request, BREAK_REJECT, "acceptance taken back", json, info);
}

enum err control_compare_reopen(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	return decide(view, request, BREAK_REOPEN, "difference reopened", json, info);
}
