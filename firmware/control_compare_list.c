/*
 * control_compare_list.c - exceptions of comparisons, listed and shown.
 *
 * Why:   who looks in the morning sees what is new, what is late, and what somebody else has in hand.
 * Owns:  nothing.
 * Rules: 1. Pages by id, the newest first: "next" is the `before` of the next page. One answer looks at SCANNED_MAX
 *           rows at most.
 *        2. Without a state those are shown that are neither over nor accepted.
 * Faults: the ledger's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_breaks_test.c
 */
#include "firmware/control_commands.h"

#include <stdio.h>

#include "connector/posting/decimal.h"
#include "connector/posting/validity.h"
#include "firmware/comparison.h"

#define BREAKS_LIMIT 50
#define SCANNED_MAX  10000

enum err control_ledger(const struct control_view *view, struct ledger **ledger, struct err_info *info)
{
	if (!view->comparison)
		return err_set(info, ERR_UNSUPPORTED, "this agent does not compare: compare.enabled is no");
	*ledger = comparison_ledger(view->comparison);
	return *ledger ? ERR_OK
	               : err_set(info, ERR_AGAIN, "the ledger is not well; see: twinpost exceptions");
}

void control_put_amount(struct json *json, const char *key, int64_t minor_units, struct span currency)
{
	char text[DECIMAL_TEXT_MAX];
	int digits = currency_minor_units(currency);
	(void)decimal_print((struct decimal){minor_units, (uint8_t)(digits < 0 ? 0 : digits)}, text);
	json_put_text(json, key, text);
}

static bool has_decision(const struct ledger_break *one)
{
	return one->who.len > 0;
}

void control_write_break(const struct control_view *view, const struct ledger_break *one, struct json *json)
{
	char period[16] = "";
	bool waits = one->state == BREAK_OPEN || one->state == BREAK_ACKNOWLEDGED ||
	             one->state == BREAK_ACCEPT_PENDING;
	if (one->period > 0)
		(void)snprintf(period, sizeof period, "%04d-%02d", (int)(one->period / 100) % 10000,
		               (int)(one->period % 100));
	json_put_integer(json, "id", one->id);
	json_put_span(json, "key", one->key);
	json_put_text(json, "state", break_state_name(one->state));
	json_put_span(json, "status", one->status);
	json_put_span(json, "cause", one->cause);
	json_put_text(json, "owner", store_owner_name(one->owner));
	json_put_span(json, "entity", one->entity);
	json_put_span(json, "document_type", one->document_type);
	json_put_text(json, "period", period);
	json_put_span(json, "legacy", one->legacy);
	json_put_span(json, "cloud", one->cloud);
	json_put_span(json, "currency", one->currency);
	control_put_amount(json, "net", one->net, one->currency);
	control_put_amount(json, "gross", one->gross, one->currency);
	json_put_span(json, "text", one->text);
	json_put_span(json, "evidence", one->evidence);
	json_put_span(json, "first_run", one->first_run);
	json_put_span(json, "last_run", one->last_run);
	json_put_instant(json, "opened", one->opened_ns);
	json_put_instant(json, "changed", one->changed_ns);
	json_put_instant(json, "closed", one->closed_ns);
	json_put_instant(json, "due", one->due_ns);
	json_put_boolean(json, "late", waits && one->due_ns < hal_wall_ns(view->hal));
	json_put_integer(json, "age_s", control_age_s(view, one->opened_ns));
	json_put_integer(json, "reopened", one->reopened);
	if (one->state == BREAK_SNOOZED)
		json_put_instant(json, "until", one->until_ns);
	if (!has_decision(one))
		return;
	json_put_span(json, "who", one->who);
	if (one->second.len > 0)
		json_put_span(json, "second", one->second);
	json_put_span(json, "reason", one->reason);
	json_put_instant(json, "at", one->at_ns);
}

struct break_list {
	const struct control_view *view;
	const struct control_request *request;
	struct json *json;
	bool of_state, all, of_owner;
	enum break_state state;
	enum store_owner owner;
	int64_t left, scanned, last_id;
	bool more;
};

static bool is_wanted(const struct break_list *list, const struct ledger_break *one)
{
	const struct control_request *request = list->request;
	bool live = one->state < BREAK_ACCEPTED;
	if (list->of_state ? one->state != list->state : !list->all && !live)
		return false;
	if (list->of_owner && one->owner != list->owner)
		return false;
	if (request->given[CONTROL_CAUSE] && !span_equal(one->cause, request->text[CONTROL_CAUSE]))
		return false;
	return !request->given[CONTROL_ENTITY] || span_equal(one->entity, request->text[CONTROL_ENTITY]);
}

static bool add_break(void *self, const struct ledger_break *one)
{
	struct break_list *list = self;
	bool wanted = is_wanted(list, one);
	if (list->scanned == SCANNED_MAX || list->json->out->len > CONTROL_LIST_BYTES_MAX ||
	    (wanted && list->left == 0)) {
		list->more = true;
		return false;
	}
	list->scanned++;
	list->last_id = one->id;
	if (!wanted)
		return true;
	list->left--;
	json_object(list->json, NULL);
	control_write_break(list->view, one, list->json);
	json_object_end(list->json);
	return true;
}

static enum err read_filter(struct break_list *list, struct err_info *info)
{
	const struct control_request *request = list->request;
	struct span state = request->text[CONTROL_STATE];
	enum err err = ERR_OK;
	list->all = span_equal(state, SPAN_LITERAL("all"));
	list->of_state = request->given[CONTROL_STATE] && !list->all;
	if (list->of_state && !break_state_of(state, &list->state))
		return err_set(info, ERR_BAD_INPUT,
		               "state \"%.*s\" is none; allowed are open, acknowledged, snoozed, "
		               "accept_pending, accepted, fixed_by_booking, auto_resolved, all",
		               (int)state.len, state.data);
	list->of_owner = request->given[CONTROL_OWNER];
	if (list->of_owner)
		err = control_owner(request->text[CONTROL_OWNER], &list->owner, info);
	return err;
}

static void write_counts(const int64_t counts[BREAK_STATE_COUNT], struct json *json)
{
	json_object(json, "counts");
	for (int i = 0; i < BREAK_STATE_COUNT; i++)
		json_put_integer(json, break_state_name((enum break_state)i), counts[i]);
	json_object_end(json);
}

enum err control_compare_list(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info)
{
	struct break_list list = {.view = view, .request = request, .json = json, .left = BREAKS_LIMIT};
	int64_t counts[BREAK_STATE_COUNT];
	struct ledger *ledger = NULL;
	enum err err = control_ledger(view, &ledger, info);
	if (err == ERR_OK)
		err = read_filter(&list, info);
	if (err == ERR_OK)
		err = ledger_breaks_count(ledger, counts, info);
	if (err != ERR_OK)
		return err;
	if (request->given[CONTROL_LIMIT])
		list.left = request->number[CONTROL_LIMIT];
	json_list(json, "differences");
	err = ledger_breaks(ledger, request->number[CONTROL_BEFORE], add_break, &list, info);
	json_list_end(json);
	write_counts(counts, json);
	json_put_boolean(json, "more", list.more);
	if (list.more)
		json_put_integer(json, "next", list.last_id);
	return err;
}

enum err control_compare_show(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info)
{
	struct ledger_break one;
	struct ledger *ledger = NULL;
	struct buf texts;
	enum err err = control_ledger(view, &ledger, info);
	if (err != ERR_OK)
		return err;
	buf_init(&texts, BREAK_ROW_BYTES_MAX);
	err = ledger_break_find(ledger, request->text[CONTROL_KEY], &one, &texts, info);
	if (err == ERR_OK)
		control_write_break(view, &one, json);
	buf_release(&texts);
	return err;
}
