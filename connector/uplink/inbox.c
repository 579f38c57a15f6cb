/*
 * inbox.c - sorts what comes from the cloud, and takes receipts.
 *
 * Why:   see inbox.h.
 * Owns:  see inbox.h.
 * Rules: as in inbox.h.
 * Faults: see inbox.h.
 * Runs in: the core.
 * Tests: tests/unit/inbox_test.c
 */
#include "connector/uplink/inbox.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/checkpoint.h"
#include "connector/uplink/inbox_state.h"
#include "connector/uplink/stream_name.h"
#include "store_forward/mail.h"

/* As much of a dead letter as a person needs to know it again. */
#define RAW_BYTES_MAX 512
/* Longer subjects are cut, so that the sentence around them fits. */
#define SUBJECT_SHOWN_MAX 256

struct inbox *inbox_new(struct hal *hal, const struct log *log, struct store *store,
                        const struct config *config, const struct cloud_keys *keys,
                        const struct inbox_sink *sink)
{
	struct inbox *inbox = mem_alloc(sizeof *inbox);
	inbox->hal = hal;
	inbox->log = log;
	inbox->store = store;
	inbox->config = config;
	inbox->keys = keys;
	inbox->sink = *sink;
	(void)snprintf(inbox->target, sizeof inbox->target, "%s/%s", config->tenant, config->gateway);
	ack_answer_init(&inbox->acks);
	buf_init(&inbox->answer, STORE_MAIL_BYTES_MAX);
	buf_init(&inbox->result, STORE_MAIL_BYTES_MAX);
	buf_init(&inbox->texts, 2 * STORE_NOTE_BYTES_MAX);
	inbox->postings = sink->posting ? inbox_postings_new() : NULL;
	return inbox;
}

void inbox_free(struct inbox *inbox)
{
	if (!inbox)
		return;
	ack_answer_release(&inbox->acks);
	buf_release(&inbox->answer);
	buf_release(&inbox->result);
	buf_release(&inbox->texts);
	inbox_postings_free(inbox->postings);
	free(inbox);
}

void inbox_counters(const struct inbox *inbox, struct inbox_counters *counters)
{
	*counters = inbox->counters;
}

enum err inbox_refuse(struct inbox *inbox, const char *rule, struct span key, struct span raw,
                      const char *text, struct err_info *info)
{
	char shown[RAW_BYTES_MAX + 1];
	size_t len = 0;
	int64_t wall = hal_wall_ns(inbox->hal);
	/* In one line: a character that is not of ASCII is one '?', the end of a line is a blank. */
	for (size_t i = 0; i < raw.len && len < RAW_BYTES_MAX; i++) {
		unsigned char c = (unsigned char)raw.data[i];
		if ((c & 0xC0) != 0x80)
			shown[len++] = c == '\n' ? ' ' : c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	inbox->counters.refused++;
	log_event(inbox->log, LOG_INBOUND_REFUSED, "rule=%s key=%.*s: %s", rule, (int)key.len, key.data,
	          text);
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = SPAN_LITERAL("cloud"),
	    .key = key,
	    .owner = STORE_OWNER_TECHNICAL,
	    .text = span_of(text),
	    .raw = {shown, len},
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	return inbox->sink.raise(inbox->sink.self, &exception, info);
}

enum err inbox_raise(struct inbox *inbox, const char *rule, struct span key, enum store_owner owner,
                     const char *text, struct err_info *info)
{
	int64_t wall = hal_wall_ns(inbox->hal);
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = SPAN_LITERAL("cloud"),
	    .key = key,
	    .owner = owner,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = wall,
	    .last_ns = wall,
	};
	return inbox->sink.raise(inbox->sink.self, &exception, info);
}

struct span inbox_stream_key(const struct inbox *inbox, struct span stream)
{
	return inbox_stream(inbox, stream) ? stream : SPAN_LITERAL("?");
}

void inbox_unsigned(const struct inbox *inbox, const struct note *note, const char *setting, bool keys,
                    char text[ERR_TEXT_MAX])
{
	char lines[256] = "";
	char id[2 * NOTE_KEY_ID_BYTES + 1];
	size_t used = 0;
	if (!keys) {
		(void)snprintf(text, ERR_TEXT_MAX, "it came and there is no key to verify it with: set %s",
		               setting);
		return;
	}
	for (int i = 0; i < note->count && used + 1 < sizeof lines; i++) {
		const struct note_signature *line = &note->signatures[i];
		if (span_equal(line->name, span_of(inbox->target)))
			continue; /* this agent's own */
		hex_encode(id, line->key_id, sizeof line->key_id);
		(void)snprintf(lines + used, sizeof lines - used, "%s%s by %.*s", used ? ", " : "", id,
		               (int)line->name.len, line->name.data);
		used = strlen(lines);
	}
	if (used == 0)
		(void)snprintf(text, ERR_TEXT_MAX,
		               "only this agent has signed it; the middleware must add its own line");
	else
		(void)snprintf(text, ERR_TEXT_MAX,
		               "no key of %s has signed it. It is signed with key %s; the id of a key file "
		               "is the first 8 digits "
		               "of: openssl pkey -pubin -in FILE -outform DER | sha256sum",
		               setting, lines);
}

enum err inbox_answer(struct inbox *inbox, struct err_info *info)
{
	CHECK(buf_ok(&inbox->answer));
	/* Who gets no answer asks again; the answer is kept for its id. */
	if (store_mail_next_id(inbox->store) - store_mail_acked(inbox->store) > STORE_MAIL_ROWS_MAX)
		return ERR_OK;
	return store_mail_add(inbox->store, SPAN_LITERAL("up/res"), buf_span(&inbox->answer), info);
}

const struct store_stream *inbox_stream(const struct inbox *inbox, struct span name)
{
	for (int i = 0; i < store_stream_count(inbox->store); i++) {
		const struct store_stream *stream = store_stream_at(inbox->store, i);
		if (span_equal(span_of(stream->name), name))
			return stream;
	}
	return NULL;
}

/* ---- receipts ---- */

/* The epoch at the end of a source of ours; 0: it is none of this stream. */
static int64_t epoch_of(const struct inbox *inbox, const struct store_stream *stream, struct span source)
{
	char prefix[160];
	int len = snprintf(prefix, sizeof prefix, "urn:twinpost:%s:%s:%s:", inbox->config->tenant,
	                   inbox->config->gateway, stream->name);
	int64_t epoch = 0;
	if (source.len <= (size_t)len || source.len > (size_t)len + 18 ||
	    memcmp(source.data, prefix, (size_t)len) != 0)
		return 0;
	for (size_t i = (size_t)len; i < source.len; i++) {
		if (source.data[i] < '0' || source.data[i] > '9')
			return 0;
		epoch = epoch * 10 + (source.data[i] - '0');
	}
	return epoch;
}

static enum note_verdict verify_receipt(const struct inbox *inbox, const struct note *note)
{
	struct note_key keys[CONFIG_CLOUD_KEYS_MAX];
	uint32_t signers;
	for (int i = 0; i < inbox->keys->receipt_count; i++)
		keys[i] =
		    (struct note_key){.spki = {(const char *)inbox->keys->receipt[i], PUBLIC_KEY_BYTES}};
	return note_verify(note, keys, (size_t)inbox->keys->receipt_count, &signers);
}

/* A good receipt ends what was wrong with earlier ones; what else the stream has open is not its business. */
static enum err clear_receipts(struct inbox *inbox, struct span stream, struct err_info *info)
{
	static const char *const rules[] = {"receipt-unreadable", "receipt-mismatch", "receipt-unverified",
	                                    "receipt-bad-signature"};
	enum err err = ERR_OK;
	for (size_t i = 0; i < sizeof rules / sizeof rules[0] && err == ERR_OK; i++)
		err = inbox->sink.clear(inbox->sink.self, rules[i], stream, info);
	return err;
}

static enum err take_receipt(struct inbox *inbox, const struct store_stream *stream, const struct note *note,
                             struct span payload, struct err_info *info)
{
	struct checkpoint covered;
	struct store_checkpoint ours;
	struct note own;
	const struct span key = span_of(stream->name);
	if (!checkpoint_decode(&covered, note->text))
		return inbox_refuse(
		    inbox, "receipt-unreadable", key, payload,
		    "a receipt's text is no checkpoint; the middleware must return the note as it came",
		    info);
	int64_t epoch = epoch_of(inbox, stream, covered.source);
	enum err err = epoch == 0 ? ERR_NOT_FOUND
	                          : store_checkpoint_find(inbox->store, stream->id, epoch, covered.size,
	                                                  &ours, &inbox->texts, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	if (err == ERR_NOT_FOUND || ours.size != covered.size ||
	    note_decode(&own, ours.note) != NOTE_FAULT_NONE || !span_equal(own.text, note->text))
		return inbox_refuse(inbox, "receipt-mismatch", key, payload,
		                    "the middleware signed a checkpoint that this agent did not make, or one "
		                    "that is no longer "
		                    "kept: compare its stream with this one before anything is pruned",
		                    info);
	err = store_checkpoint_receipt(inbox->store, stream->id, epoch, covered.size, payload,
	                               hal_wall_ns(inbox->hal), info);
	if (err != ERR_OK)
		return err;
	inbox->counters.receipts++;
	log_event(inbox->log, LOG_RECEIPT_TAKEN, "stream=%s size=%" PRId64 ": cosigned", stream->name,
	          covered.size);
	return clear_receipts(inbox, key, info);
}

static enum err receipt(struct inbox *inbox, struct span name, struct span payload, struct err_info *info)
{
	struct note note;
	const struct store_stream *stream = inbox_stream(inbox, name);
	if (!stream)
		return inbox_refuse(inbox, "receipt-unknown-stream", SPAN_LITERAL("receipts"), payload,
		                    "a receipt came for a stream that this agent does not have", info);
	if (note_decode(&note, payload) != NOTE_FAULT_NONE)
		return inbox_refuse(inbox, "receipt-unreadable", name, payload,
		                    "a receipt is no signed note; the middleware must return the note as it "
		                    "came, with its line "
		                    "added",
		                    info);
	char text[ERR_TEXT_MAX];
	switch (verify_receipt(inbox, &note)) {
	case NOTE_GOOD:
		return take_receipt(inbox, stream, &note, payload, info);
	case NOTE_UNSIGNED:
		inbox_unsigned(inbox, &note, "cloud.receipt_keys", inbox->keys->receipt_count > 0, text);
		return inbox_refuse(inbox, "receipt-unverified", name, payload, text, info);
	default:
		return inbox_refuse(
		    inbox, "receipt-bad-signature", name, payload,
		    "the signature of a receipt does not fit its text: it was changed on its way, or the "
		    "middleware signs something else",
		    info);
	}
}

/* ---- sorting ---- */

/* Names of streams, ours or the cloud's: what else a topic may hold does not belong into a sentence. */
static bool is_stream_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.data[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return false;
	}
	return name.len > 0 && name.len < STORE_STREAM_NAME_MAX;
}

static bool split(struct span topic, const char *kind, struct span *stream)
{
	size_t len = strlen(kind);
	if (topic.len <= len || memcmp(topic.data, kind, len) != 0)
		return false;
	*stream = (struct span){topic.data + len, topic.len - len};
	return true;
}

enum err inbox_message(struct inbox *inbox, struct span topic, struct span payload, bool retained,
                       struct err_info *info)
{
	struct span stream;
	if (span_equal(topic, SPAN_LITERAL("dn/cmd")))
		return inbox_command(inbox, payload, retained, info);
	if (split(topic, "dn/ack/", &stream)) {
		/* A receipt begins with the source, outcomes with a brace. */
		bool json = payload.len > 0 && payload.data[0] == '{';
		return json ? inbox_outcomes(inbox, stream, payload, info)
		            : receipt(inbox, stream, payload, info);
	}
	if (inbox->postings && split(topic, "dn/post/", &stream) && is_stream_name(stream))
		return inbox_posting(inbox, stream, payload, retained, info);
	return inbox_refuse(inbox, "inbound-unknown", SPAN_LITERAL("topics"), topic,
	                    "a message came on a topic that this version does not take", info);
}

/* ---- outcomes that do not come ---- */

/* "2 minutes", "1 hour", "4 days". */
static void sla_words(int64_t sla_ns, char *text, size_t size)
{
	int64_t count = sla_ns / (60 * NS_PER_S);
	const char *unit = "minute";
	if (count > 0 && count % (24 * 60) == 0) {
		count /= 24 * 60;
		unit = "day";
	} else if (count > 0 && count % 60 == 0) {
		count /= 60;
		unit = "hour";
	}
	(void)snprintf(text, size, "%" PRId64 " %s%s", count, unit, count == 1 ? "" : "s");
}

static bool name_oldest(void *self, const struct store_outbox_row *row)
{
	(void)snprintf(self, SUBJECT_SHOWN_MAX + 1, "%.*s", (int)row->subject.len, row->subject.data);
	return false;
}

static enum err overdue(struct inbox *inbox, const struct store_stream *stream, int64_t count, int64_t oldest,
                        int64_t sla_ns, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	char subject[SUBJECT_SHOWN_MAX + 1] = "";
	char time[48];
	enum err err =
	    store_outbox_range(inbox->store, stream->id, oldest, oldest, name_oldest, subject, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	sla_words(sla_ns, time, sizeof time);
	(void)snprintf(text, sizeof text,
	               "%" PRId64
	               " document%s of stream %s got no final outcome within %s; ask the middleware; "
	               "the oldest is sequence %" PRId64 "%s%s",
	               count, count == 1 ? "" : "s", stream->name, time, oldest,
	               subject[0] ? ", and what is known of it: twinpost trace " : "", subject);
	return inbox_raise(inbox, "outcome-overdue", span_of(stream->name), STORE_OWNER_TECHNICAL, text,
	                   info);
}

enum err inbox_check_sla(struct inbox *inbox, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < store_stream_count(inbox->store) && err == ERR_OK; i++) {
		const struct store_stream *stream = store_stream_at(inbox->store, i);
		const struct config_stream_rule *rule =
		    stream_name_rule(inbox->config, span_of(stream->name));
		int64_t upto = 0;
		int64_t count = 0;
		int64_t oldest = 0;
		if (rule->sla_ns == 0)
			continue;
		err = store_acknowledged_before(inbox->store, stream->id,
		                                hal_wall_ns(inbox->hal) - rule->sla_ns, &upto, info);
		if (err == ERR_OK)
			err = store_unsettled(inbox->store, stream->id, upto, &count, &oldest, info);
		if (err == ERR_OK && count > 0)
			err = overdue(inbox, stream, count, oldest, rule->sla_ns, info);
		else if (err == ERR_OK)
			err = inbox->sink.clear(inbox->sink.self, "outcome-overdue", span_of(stream->name),
			                        info);
	}
	return err;
}
