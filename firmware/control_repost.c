/*
 * control_repost.c - documents that a person has posted again after a mapping was mended.
 *
 * Why:   the ERP's document is right and was sent with the cloud's wrong codes; nobody should have to touch it there.
 * Owns:  nothing.
 * Rules: 1. `text` names the documents, one subject a line, REPOST_MAX at most: one request does little, and one
 *           commit has all of it.
 *        2. What is sent is what was sent last, as the ledger has it, with the mapped codes by the rules in force, as
 *           the next revision (amended). A ledger that is behind is seen by the register's digest: then the document
 *           is refused, and so is one with a code that has no row, and one that the cloud leads.
 *        3. Where no code changes, nothing is sent, and that is told. If nothing of the request changes, nothing is
 *           written either.
 *        4. With preview nothing is written and no reason is needed.
 * Faults: the store's and the ledger's errors are handed on; then nothing of the request has been sent.
 * Runs in: the core.
 * Tests: tests/unit/control_repost_test.c, tests/integration/test_compare_repost.py
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/posting/pack.h"
#include "firmware/comparison.h"
#include "store_forward/audit.h"

#define REPOST_MAX 100

struct one {
	struct span subject; /* of the request's text */
	struct recorder_again again;
};

struct repost {
	const struct control_view *view;
	struct ledger *ledger;
	struct one *list;
	int count;
	int results[AGAIN_REFUSED + 1];
	struct document document;
	struct buf texts;
};

/* ---- what is asked ---- */

static enum err add_subject(struct repost *repost, struct span subject, struct err_info *info)
{
	if (repost->count == REPOST_MAX)
		return err_set(info, ERR_BAD_INPUT, "at most %d documents are taken at once", REPOST_MAX);
	if (subject.len == 0 || subject.len > STORE_SUBJECT_MAX)
		return err_set(info, ERR_BAD_INPUT,
		               "text is one subject a line: entity/type/year/number, such as "
		               "00001/invoice/2024/RI-1001");
	for (int i = 0; i < repost->count; i++) {
		if (span_equal(repost->list[i].subject, subject))
			return ERR_OK; /* named twice: once is enough */
	}
	repost->list[repost->count++].subject = subject;
	return ERR_OK;
}

static enum err read_subjects(struct repost *repost, struct span text, struct err_info *info)
{
	enum err err = ERR_OK;
	while (text.len > 0 && err == ERR_OK) {
		size_t len = 0;
		while (len < text.len && text.data[len] != '\n')
			len++;
		err = add_subject(repost, (struct span){text.data, len}, info);
		len += len < text.len;
		text = (struct span){text.data + len, text.len - len};
	}
	return err;
}

/* ---- one document ---- */

static enum err take_one(struct repost *repost, struct one *one, bool preview, struct err_info *info)
{
	const struct control_actions *actions = &repost->view->actions;
	struct store_document known;
	struct ledger_document row;
	enum err err = store_document_find(repost->view->store, one->subject, &known, info);
	if (err == ERR_OK)
		err = ledger_find(repost->ledger, SIDE_LEGACY, one->subject, one->subject, &row,
		                  &repost->texts, info);
	if (err == ERR_NOT_FOUND) {
		one->again = (struct recorder_again){.result = AGAIN_REFUSED};
		(void)snprintf(one->again.why, sizeof one->again.why,
		               "this agent has sent no such document, or its ledger does not have it yet");
		return ERR_OK;
	}
	if (err == ERR_OK)
		err = document_unpack(&repost->document, row.packed, info);
	if (err != ERR_OK)
		return err;
	repost->document.voided = row.voided;
	return actions->document_again(actions->self, known.source, &repost->document, preview, &one->again,
	                               info);
}

static enum err take_all(struct repost *repost, bool preview, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i <= AGAIN_REFUSED; i++)
		repost->results[i] = 0;
	for (int i = 0; i < repost->count && err == ERR_OK; i++) {
		err = take_one(repost, &repost->list[i], preview, info);
		repost->results[repost->list[i].again.result]++;
	}
	return err;
}

static enum err send(struct repost *repost, const struct control_request *request, struct err_info *info)
{
	char target[STORE_AUDIT_TARGET_MAX + 1];
	const struct span first = repost->list[0].subject;
	const struct span last = repost->list[repost->count - 1].subject;
	if (repost->count == 1)
		(void)snprintf(target, sizeof target, "%.*s", (int)first.len, first.data);
	else
		(void)snprintf(target, sizeof target, "%d of %d documents, %.*s to %.*s",
		               repost->results[AGAIN_AMENDED], repost->count, (int)first.len, first.data,
		               (int)last.len, last.data);
	const struct control_change change = {"repost", span_of(target), request->text[CONTROL_WHY]};
	enum err err = control_change_begin(repost->view, info);
	if (err != ERR_OK)
		return err;
	err = take_all(repost, false, info);
	return control_change_end(repost->view, request, &change, err, info);
}

/* ---- the answer ---- */

static void write_answer(const struct repost *repost, bool preview, struct json *json)
{
	static const char *const names[] = {"unchanged", "amended", "refused"};
	json_put_integer(json, "asked", repost->count);
	for (int i = 0; i <= AGAIN_REFUSED; i++)
		json_put_integer(json, names[i], repost->results[i]);
	json_put_boolean(json, "preview", preview);
	const struct rules *rules = repost->view->recorder ? repost->view->recorder->rules : NULL;
	json_put_text(json, "rules", rules ? rules_version(rules) : "");
	json_list(json, "documents");
	for (int i = 0; i < repost->count; i++) {
		const struct one *one = &repost->list[i];
		json_object(json, NULL);
		json_put_span(json, "subject", one->subject);
		json_put_text(json, "result", names[one->again.result]);
		json_put_integer(json, "revision", one->again.revision);
		if (one->again.result == AGAIN_REFUSED)
			json_put_text(json, "why", one->again.why);
		json_object_end(json);
	}
	json_list_end(json);
}

enum err control_compare_repost(const struct control_view *view, const struct control_request *request,
                                struct json *json, struct err_info *info)
{
	bool preview = request->given[CONTROL_PREVIEW] && request->number[CONTROL_PREVIEW];
	struct repost repost = {.view = view, .list = mem_alloc(REPOST_MAX * sizeof repost.list[0])};
	document_init(&repost.document);
	buf_init(&repost.texts, LEDGER_PACKED_MAX + 4096);
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = control_ledger(view, &repost.ledger, info);
	if (err == ERR_OK && !view->actions.document_again)
		err = control_not_available("posting documents again", info);
	if (err == ERR_OK && !preview && !request->given[CONTROL_WHY])
		err = err_set(info, ERR_BAD_INPUT, "compare_repost needs the argument why, or preview");
	if (err == ERR_OK && !preview && view->pause_reason && view->pause_reason[0])
		err =
		    err_set(info, ERR_CONFLICT, "nothing is recorded at the moment: %s", view->pause_reason);
	if (err == ERR_OK)
		err = read_subjects(&repost, request->text[CONTROL_TEXT], info);
	if (err == ERR_OK)
		err = take_all(&repost, true, info);
	if (err == ERR_OK && !preview && repost.results[AGAIN_AMENDED] > 0)
		err = send(&repost, request, info);
	if (err == ERR_OK)
		write_answer(&repost, preview, json);
	buf_release(&repost.texts);
	document_release(&repost.document);
	free(repost.list);
	return err;
}
