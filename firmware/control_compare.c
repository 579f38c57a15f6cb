/*
 * control_compare.c - the agent's signature under a comparison.
 *
 * Why:   the key that signs the streams' checkpoints says whose box compared; it never leaves the core, so the
 *        command line hands the text in.
 * Owns:  nothing.
 * Rules: 1. Only a text of the form of pack_note.h is signed, of this gateway, and in that one form: nothing else
 *           that the key signs begins as it does.
 *        2. A cut that is ahead of what this agent has recorded is not signed: a stream that it does not know, an
 *           epoch that it has not opened, a sequence that it has not given.
 *        3. Who asked stands in the audit, with run, verdict and the manifest's digest, in the transaction that is
 *           committed before the answer.
 *        4. Whether the verdict follows from the rows is not seen here: who verifies a pack finds out.
 * Faults: the store's and the key's errors are handed on.
 * Runs in: the core.
 * Tests: tests/unit/control_compare_test.c
 */
#include "firmware/control_commands.h"

#include <inttypes.h>
#include <stdio.h>

#include "connector/compare/pack_note.h"
#include "connector/uplink/note.h"

#define AUDIT_SIGNED "comparison signed"

static enum err ahead(struct span name, struct err_info *info)
{
	return err_set(
	    info, ERR_CONFLICT,
	    "the comparison says more of stream %.*s than this agent has recorded; it is not signed. "
	    "Of files or of another agent: sign with a key of your own (--key)",
	    (int)name.len, name.data);
}

/* Rule 2. Streams beyond those that are listed stand in the text with a digest alone. */
static enum err check_streams(const struct control_view *view, const struct pack_note *note,
                              struct err_info *info)
{
	struct span lines = note->streams;
	struct span name;
	int64_t epoch, sequence;
	while (pack_note_take_stream(&lines, &epoch, &sequence, &name)) {
		const struct store_stream *stream = control_find_stream(view, name);
		if (!stream || epoch > stream->epoch ||
		    (epoch == stream->epoch && sequence >= stream->next_sequence))
			return ahead(name, info);
	}
	return ERR_OK;
}

static enum err check_text(const struct control_view *view, struct span text, struct pack_note *note,
                           struct err_info *info)
{
	char gateway[CONFIG_NAME_MAX * 2 + 2];
	if (text.len > PACK_NOTE_TEXT_MAX || !pack_note_decode(note, text))
		return err_set(info, ERR_BAD_INPUT,
		               "the text has not the form of a comparison's; nothing is signed");
	(void)snprintf(gateway, sizeof gateway, "%s/%s", view->config->tenant, view->config->gateway);
	if (!span_equal(note->gateway, span_of(gateway)))
		return err_set(info, ERR_BAD_INPUT,
		               "the text is of %.*s, this agent is %s; nothing is signed",
		               (int)note->gateway.len, note->gateway.data, gateway);
	return check_streams(view, note, info);
}

enum err control_compare_sign(const struct control_view *view, const struct control_request *request,
                              struct json *json, struct err_info *info)
{
	const struct control_actions *actions = &view->actions;
	const struct span text = request->text[CONTROL_TEXT];
	char target[PACK_RUN_MAX + DIGEST_HEX_SIZE + 80];
	char manifest[DIGEST_HEX_SIZE];
	struct pack_note said;
	struct buf note;
	enum err err = control_need_store(view, info);
	if (err == ERR_OK)
		err = check_text(view, text, &said, info);
	if (err != ERR_OK)
		return err;
	if (!actions->sign)
		return control_not_available("signing a comparison", info);
	digest_hex(&said.manifest, manifest);
	(void)snprintf(target, sizeof target, "run %.*s %s manifest %s", (int)said.run.len, said.run.data,
	               pack_verdict_name(said.verdict), manifest);
	const struct control_change change = {AUDIT_SIGNED, span_of(target), request->text[CONTROL_WHY]};
	err = control_change_begin(view, info);
	if (err != ERR_OK)
		return err;
	buf_init(&note, NOTE_BYTES_MAX);
	err = actions->sign(actions->self, text, &note, info);
	err = control_change_end(view, request, &change, err, info);
	if (err == ERR_OK) {
		json_put_span(json, "note", buf_span(&note));
		json_put_span(json, "run", said.run);
		json_put_text(json, "verdict", pack_verdict_name(said.verdict));
	}
	buf_release(&note);
	return err;
}
