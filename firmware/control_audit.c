/*
 * control_audit.c - who did what to the agent and why, and whether the record still fits together.
 *
 * Why:   what people ordered must be shown to those who ask after the migration.
 * Owns:  nothing.
 * Rules: 1. Newest first, paged by id as exceptions are.
 *        2. A chain that does not fit is an answer, not a failure of reading: it says at which entry.
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_change_test.c
 */
#include "firmware/control_commands.h"

#include "store_forward/audit.h"

#define AUDIT_LIMIT 50

struct audit_list {
	struct json *json;
	int64_t left;
	int64_t last_id;
	bool more;
};

static bool add_entry(void *self, const struct store_audit_entry *entry)
{
	struct audit_list *list = self;
	struct json *json = list->json;
	char hex[DIGEST_HEX_SIZE];
	if (list->left == 0 || json->out->len > CONTROL_LIST_BYTES_MAX) {
		list->more = true;
		return false;
	}
	list->left--;
	list->last_id = entry->id;
	digest_hex(&entry->digest, hex);
	json_object(json, NULL);
	json_put_integer(json, "id", entry->id);
	json_put_instant(json, "at", entry->at_ns);
	json_put_span(json, "who", entry->who);
	json_put_span(json, "action", entry->action);
	json_put_span(json, "target", entry->target);
	json_put_span(json, "why", entry->why);
	json_put_text(json, "hash", hex);
	json_object_end(json);
	return true;
}

static void write_head(const struct control_view *view, struct json *json)
{
	struct digest head;
	char hex[DIGEST_HEX_SIZE];
	json_put_integer(json, "count", store_audit_head(view->store, &head));
	digest_hex(&head, hex);
	json_put_text(json, "head", hex);
}

enum err control_audit(const struct control_view *view, const struct control_request *request,
                       struct json *json, struct err_info *info)
{
	struct audit_list list = {.json = json, .left = AUDIT_LIMIT};
	enum err err = control_need_store(view, info);
	if (err != ERR_OK)
		return err;
	if (request->given[CONTROL_LIMIT])
		list.left = request->number[CONTROL_LIMIT];
	json_list(json, "entries");
	err = store_audit_read(view->store, request->number[CONTROL_BEFORE], add_entry, &list, info);
	json_list_end(json);
	write_head(view, json);
	json_put_boolean(json, "more", list.more);
	if (list.more)
		json_put_integer(json, "next", list.last_id);
	return err;
}

enum err control_audit_verify(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info)
{
	int64_t count = 0;
	(void)request;
	enum err err = control_need_store(view, info);
	if (err != ERR_OK)
		return err;
	err = store_audit_verify(view->store, &count, info);
	if (err != ERR_OK && err != ERR_CORRUPT)
		return err;
	json_put_boolean(json, "good", err == ERR_OK);
	json_put_integer(json, "verified", count);
	json_put_text(json, "problem", err == ERR_OK ? NULL : info->text);
	write_head(view, json);
	return ERR_OK;
}
