/*
 * control_key.c - the agent's signing key for people: what others pin, and changing it.
 *
 * Why:   a consumer trusts the public key that a person gave it; a person must be able to read it and to change it.
 * Owns:  nothing.
 * Rules: 1. The public key alone is shown; nothing here can reach the private one.
 *        2. When it was made and changed last is what the audit says: entries are never deleted.
 * Source: RFC 7468, section 13 (PEM of a SubjectPublicKeyInfo)
 * Faults: the store's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_change_test.c
 */
#include "firmware/control_commands.h"

#include "connector/uplink/notary.h"

#include <stdio.h>

#include "hal/base/base64.h"
#include "hal/keys.h"
#include "store_forward/audit.h"

#define PEM_COLUMNS   64
#define PEM_BYTES_MAX 512

struct key_history {
	int64_t since_ns; /* 0: the audit does not tell */
	int64_t rotations;
};

/* Entries come newest first: the first of either kind began the present key. */
static bool take_entry(void *self, const struct store_audit_entry *entry)
{
	struct key_history *history = self;
	bool rotated = span_equal(entry->action, SPAN_LITERAL(NOTARY_AUDIT_KEY_ROTATED));
	if (rotated)
		history->rotations++;
	if (history->since_ns == 0 &&
	    (rotated || span_equal(entry->action, SPAN_LITERAL(NOTARY_AUDIT_KEY_MADE))))
		history->since_ns = entry->at_ns;
	return true;
}

static void write_pem(struct span spki, struct json *json)
{
	struct buf base64, pem;
	buf_init(&base64, PEM_BYTES_MAX);
	buf_init(&pem, PEM_BYTES_MAX);
	base64_encode(&base64, spki.data, spki.len);
	buf_append_text(&pem, "-----BEGIN PUBLIC KEY-----\n");
	for (size_t at = 0; at < base64.len; at += PEM_COLUMNS) {
		size_t left = base64.len - at;
		buf_append(&pem, base64.data + at, left < PEM_COLUMNS ? left : PEM_COLUMNS);
		buf_append_char(&pem, '\n');
	}
	buf_append_text(&pem, "-----END PUBLIC KEY-----\n");
	CHECK(buf_ok(&pem));
	json_put_span(json, "pem", buf_span(&pem));
	buf_release(&base64);
	buf_release(&pem);
}

static struct span public_key(const struct control_view *view)
{
	const struct control_actions *actions = &view->actions;
	struct span key = actions->key_public ? actions->key_public(actions->self) : (struct span){NULL, 0};
	CHECK(key.len <= HAL_PUBLIC_KEY_MAX);
	return key;
}

enum err control_key_show(const struct control_view *view, const struct control_request *request,
                          struct json *json, struct err_info *info)
{
	(void)request;
	struct key_history history = {0, 0};
	char hex[DIGEST_HEX_SIZE];
	char name[CONFIG_NAME_MAX * 2 + 2];
	enum err err = control_need_store(view, info);
	if (err != ERR_OK)
		return err;
	struct span key = public_key(view);
	if (key.len == 0)
		return control_not_available("a signing key", info);
	err = store_audit_read(view->store, 0, take_entry, &history, info);
	if (err != ERR_OK)
		return err;
	struct digest hash = digest_of(&key, 1);
	digest_hex(&hash, hex);
	(void)snprintf(name, sizeof name, "%s/%s", view->config->tenant, view->config->gateway);
	json_put_text(json, "name", name);
	json_put_text(json, "algorithm", "ECDSA P-256 with SHA-256");
	json_put_text(json, "sha256", hex);
	json_put_instant(json, "since", history.since_ns);
	json_put_integer(json, "rotations", history.rotations);
	write_pem(key, json);
	return ERR_OK;
}

enum err control_key_rotate(const struct control_view *view, const struct control_request *request,
                            struct json *json, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	char target[DIGEST_HEX_SIZE + 16];
	char hex[DIGEST_HEX_SIZE];
	enum err err = control_need_store(view, info);
	if (err != ERR_OK)
		return err;
	struct span old = public_key(view);
	if (!actions->key_rotate || old.len == 0)
		return control_not_available("changing the signing key", info);
	struct digest hash = digest_of(&old, 1);
	digest_hex(&hash, hex);
	(void)snprintf(target, sizeof target, "key %s", hex);
	const struct control_change change = {NOTARY_AUDIT_KEY_ROTATED, span_of(target),
	                                      request->text[CONTROL_WHY]};
	err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	err = actions->key_rotate(actions->self, info);
	err = control_change_end(view, request, &change, err, info);
	if (err != ERR_OK)
		return err;
	json_put_text(json, "old_sha256", hex);
	return control_key_show(view, request, json, info);
}
