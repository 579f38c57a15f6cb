/*
 * record.c - decides what a document means for the stream, and appends its event.
 *
 * Why:   see record.h.
 * Owns:  the recorder's buffers.
 * Rules: as in record.h.
 * Faults: store errors go up; everything else becomes an exception in the store.
 * Runs in: the core.
 * Tests: tests/unit/record_test.c
 */
#include "connector/uplink/record.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "connector/posting/validity.h"
#include "connector/uplink/envelope.h"
#include "connector/uplink/map_codes.h"
#include "connector/uplink/parts.h"
#include "connector/uplink/stream_name.h"
#include "connector/uplink/stream_policy.h"

/* DOCUMENT_TEXT_BYTES_MAX of text, each byte escaped at worst, and the names of the fields. */
#define DATA_BYTES_MAX (16u * 1024u * 1024u)
#define DAY_S          INT64_C(86400)

void recorder_init(struct recorder *recorder, struct hal *hal, const struct log *log, struct store *store,
                   const struct config *config, struct notary *notary)
{
	*recorder =
	    (struct recorder){.hal = hal, .log = log, .store = store, .config = config, .notary = notary};
	canonical_init(&recorder->canonical);
	buf_init(&recorder->data, DATA_BYTES_MAX);
	buf_init(&recorder->event, DATA_BYTES_MAX + STORE_EVENT_BYTES_MAX);
}

void recorder_release(struct recorder *recorder)
{
	buf_release(&recorder->data);
	buf_release(&recorder->event);
}

void recorder_set_rules(struct recorder *recorder, const struct rules *rules)
{
	recorder->rules = rules;
}

enum err recorder_exception(struct recorder *recorder, const struct store_exception *exception,
                            struct err_info *info)
{
	bool fresh = false;
	enum err err = store_exception_raise(recorder->store, exception, &fresh, info);
	if (err == ERR_OK && fresh) {
		log_event(recorder->log, LOG_EXCEPTION_RAISED,
		          "source=%.*s key=%.*s rule=%.*s owner=%s: %.*s", (int)exception->source.len,
		          exception->source.data, (int)exception->key.len, exception->key.data,
		          (int)exception->rule.len, exception->rule.data, store_owner_name(exception->owner),
		          (int)exception->text.len, exception->text.data);
	}
	return err;
}

enum err recorder_clear(struct recorder *recorder, struct span rule, struct span source, struct span key,
                        struct err_info *info)
{
	if (store_exceptions_open(recorder->store) == 0)
		return ERR_OK;
	int cleared = 0;
	enum err err = store_exception_clear(recorder->store, rule, source, key, hal_wall_ns(recorder->hal),
	                                     &cleared, info);
	if (err == ERR_OK && cleared > 0) {
		log_event(recorder->log, LOG_EXCEPTION_CLEARED,
		          "source=%.*s key=%.*s count=%d: it is well again", (int)source.len, source.data,
		          (int)key.len, key.data, cleared);
	}
	return err;
}

/* A document that waits: the exception's key is its subject. */
static enum err hold(struct recorder *recorder, const char *source, const char *subject, const char *rule,
                     enum store_owner owner, const char *text, struct err_info *info)
{
	recorder->held++;
	const struct store_exception exception = {
	    .rule = span_of(rule),
	    .source = span_of(source),
	    .key = span_of(subject),
	    .owner = owner,
	    .text = span_of(text),
	    .open = true,
	    .first_ns = hal_wall_ns(recorder->hal),
	    .last_ns = hal_wall_ns(recorder->hal),
	};
	return recorder_exception(recorder, &exception, info);
}

struct change {
	bool foreign;                           /* the subject was recorded from another source */
	char source[STORE_SOURCE_NAME_MAX + 1]; /* that one */
	bool any;
	enum envelope_change kind;
	int64_t revision;
	enum config_phase phase;
};

/* Compares with what was sent last of this subject. */
static enum err find_change(struct recorder *recorder, const char *source, const struct document *document,
                            const char *subject, const struct digest *content, struct change *change,
                            struct err_info *info)
{
	struct store_document known;
	enum err err = store_document_find(recorder->store, span_of(subject), &known, info);
	if (err == ERR_NOT_FOUND) {
		change->any = true;
		change->kind = document->voided ? ENVELOPE_VOIDED : ENVELOPE_RECORDED;
		change->revision = store_first_revision(recorder->store);
		return ERR_OK;
	}
	if (err != ERR_OK)
		return err;
	change->foreign = strcmp(known.source, source) != 0;
	(void)snprintf(change->source, sizeof change->source, "%s", known.source);
	change->any = known.voided != document->voided || !digest_equal(&known.content, content);
	change->kind = document->voided ? ENVELOPE_VOIDED : ENVELOPE_AMENDED;
	change->revision = known.revision + 1;
	return ERR_OK;
}

/* What one document's events have in common. */
struct posting {
	const char *source;
	const char *subject;
	const struct document *document;
	const struct store_stream *stream;
	struct envelope envelope; /* but for sequence, part and data */
	struct store_append row;  /* but for event, leaf and part */
};

/* Writes the event of what stands in recorder->data, as the next of its stream. */
static void write_event(struct recorder *recorder, struct posting *posting, const struct part *part,
                        struct digest *chain)
{
	char words[PART_TEXT_SIZE];
	const struct span data = buf_span(&recorder->data);
	posting->envelope.sequence = posting->stream->next_sequence;
	posting->envelope.data = data;
	posting->envelope.data_digest = part ? digest_of(&data, 1) : posting->row.document.content;
	posting->envelope.part = (struct span){NULL, 0};
	if (part) {
		part_print(part, words);
		posting->envelope.part = span_of(words);
	}
	buf_clear(&recorder->event);
	envelope_write(&posting->envelope, &posting->stream->chain, &recorder->event, &posting->row.leaf,
	               chain);
}

/* Appends the event that was written last. */
static enum err append_event(struct recorder *recorder, struct posting *posting, const struct part *part,
                             const struct digest *chain, struct err_info *info)
{
	posting->row.event = buf_span(&recorder->event);
	posting->row.part = part ? part->index : 1;
	posting->row.parts = part ? part->count : 1;
	enum err err = store_append(recorder->store, &posting->row, info);
	if (err != ERR_OK)
		return err;
	CHECK(digest_equal(&posting->stream->chain,
	                   chain)); /* the event's text says what the store goes on with */
	if (!recorder->notary)
		return ERR_OK;
	return notary_document(recorder->notary, posting->stream, posting->document, part,
	                       posting->envelope.sequence, info);
}

/* The document is too large for one event. The whole of it was counted before the first part is appended. */
static enum err append_parts(struct recorder *recorder, struct posting *posting, size_t limit, bool *held,
                             struct err_info *info)
{
	struct parts parts;
	struct part part;
	struct digest chain;
	struct err_info why;
	size_t around = recorder->event.len - recorder->data.len + 2;
	enum err err =
	    parts_open(&parts, &recorder->canonical, posting->document, parts_data_max(limit, around), &why);
	if (err != ERR_OK) {
		parts_close(&parts);
		*held = true;
		return hold(recorder, posting->source, posting->subject, "event-too-large",
		            STORE_OWNER_TECHNICAL, why.text, info);
	}
	while (err == ERR_OK && parts_next(&parts, &part)) {
		buf_clear(&recorder->data);
		parts_write(&parts, &part, &recorder->data);
		write_event(recorder, posting, &part, &chain);
		CHECK(buf_ok(&recorder->data) && buf_ok(&recorder->event) && recorder->event.len <= limit);
		err = append_event(recorder, posting, &part, &chain, info);
	}
	parts_close(&parts);
	return err;
}

/* Builds the event and appends it, in parts where it must be, or holds the document. */
static enum err append(struct recorder *recorder, const char *source, const char *profile_version,
                       const struct document *document, const char *subject, const struct digest *content,
                       const struct change *change, bool *held, struct err_info *info)
{
	struct span entity = document_text(document, &document->header[HEADER_ENTITY]);
	char name[STORE_STREAM_NAME_MAX];
	const struct config_stream_rule *rule =
	    config_stream_of(recorder->config, entity, span_of(document_spec(document->type)->name));
	stream_name(rule->name, entity, name);
	const struct store_stream *stream;
	enum err err = store_stream_open(recorder->store, name, &stream, info);
	if (err == ERR_TOO_LARGE) {
		/* The document's fault, or the site's: the other streams go on. */
		*held = true;
		return hold(recorder, source, subject, "stream-limit", STORE_OWNER_TECHNICAL, info->text,
		            info);
	}
	if (err != ERR_OK)
		return err;
	stream_policy(recorder->store, stream->id, rule);
	err = recorder->notary ? notary_prepare(recorder->notary, stream, document, info) : ERR_OK;
	if (err == ERR_OVERFLOW) {
		*held = true;
		return hold(recorder, source, subject, "amount-overflow", STORE_OWNER_DATA_QUALITY,
		            info->text, info);
	}
	if (err != ERR_OK)
		return err;
	int64_t now = hal_wall_ns(recorder->hal);
	struct posting posting = {
	    .source = source,
	    .subject = subject,
	    .document = document,
	    .stream = stream,
	    .envelope = {.source = span_of(stream->source),
	                 .kind = envelope_kind_of(document->type),
	                 .change = change->kind,
	                 .subject = span_of(subject),
	                 .revision = change->revision,
	                 .recorded_ns = now,
	                 .phase = change->phase,
	                 .profile_version = span_of(profile_version),
	                 .mapping_version = span_of(recorder->rules ? rules_version(recorder->rules) : "")},
	    .row = {.stream = stream->id,
	            .subject = span_of(subject),
	            .source_name = span_of(source),
	            .document = {.revision = change->revision,
	                         .content = *content,
	                         .voided = document->voided,
	                         .recorded_ns = now}},
	};
	struct digest chain;
	write_event(recorder, &posting, NULL, &chain);
	size_t limit = (size_t)recorder->config->uplink.message_bytes_max;
	if (buf_ok(&recorder->event) && recorder->event.len <= limit)
		err = append_event(recorder, &posting, NULL, &chain, info);
	else
		err = append_parts(recorder, &posting, limit, held, info);
	if (err == ERR_OK && !*held) {
		uint64_t *counter =
		    change->kind == ENVELOPE_RECORDED ? &recorder->recorded : &recorder->amended;
		++*counter;
	}
	return err;
}

/* A document that has no subject cannot be told from others; what is known of it becomes the key. */
static enum err hold_nameless(struct recorder *recorder, const char *source, const struct document *document,
                              const char *why, struct err_info *info)
{
	char key[STORE_SUBJECT_MAX];
	struct span number = document_text(document, &document->header[HEADER_NUMBER]);
	(void)snprintf(key, sizeof key, "?/%s/?/%.*s", document_spec(document->type)->name,
	               (int)(number.len < 100 ? number.len : 100), number.data ? number.data : "");
	return hold(recorder, source, key, "subject-incomplete", STORE_OWNER_DATA_QUALITY, why, info);
}

/* Two ERPs that use the same company code would take turns at amending each other's postings. */
static enum err hold_foreign(struct recorder *recorder, const char *source, const char *subject,
                             const char *other, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	(void)snprintf(
	    text, sizeof text,
	    "source %s gave a document of this name before: two sources that hold the same company "
	    "need two agents with gateway names of their own",
	    other);
	return hold(recorder, source, subject, "subject-of-another-source", STORE_OWNER_TECHNICAL, text,
	            info);
}

/* The date that phase and mapping go by; *dated: it is of the document itself. */
static date_days date_of(struct recorder *recorder, const struct document *document, bool *dated)
{
	const struct value *date = &document->header[HEADER_POSTING_DATE];
	if (!date->present)
		date = &document->header[HEADER_DOCUMENT_DATE];
	*dated = date->present;
	return date->present ? date->as.date : (date_days)(hal_wall_ns(recorder->hal) / NS_PER_S / DAY_S);
}

static const struct config_phase_rule *phase_of(struct recorder *recorder, const struct document *document,
                                                date_days on)
{
	int year, month, day;
	date_to_civil(on, &year, &month, &day);
	return config_phase_of(recorder->config, document_text(document, &document->header[HEADER_ENTITY]),
	                       span_of(document_spec(document->type)->name),
	                       10000 * year + 100 * month + day);
}

static enum err tell_excluded(struct recorder *recorder, const char *subject, bool excluded,
                              struct err_info *info)
{
	return recorder->excluding ? recorder->excluding(recorder->excluding_self, subject, excluded, info)
	                           : ERR_OK;
}

/* Nothing of it is sent; told in the log at 1, 10, 100, ..., for a reading may hold a million of them. */
static enum err exclude(struct recorder *recorder, const char *source, const char *subject,
                        struct err_info *info)
{
	struct store_document known;
	enum err err = store_document_find(recorder->store, span_of(subject), &known, info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	bool never_sent = err == ERR_NOT_FOUND;
	err = tell_excluded(recorder, subject, never_sent, info);
	if (err != ERR_OK)
		return err;
	uint64_t count = ++recorder->excluded;
	while (count % 10 == 0)
		count /= 10;
	if (count == 1)
		log_event(recorder->log, LOG_DOCUMENT_EXCLUDED,
		          "source=%s document=%s count=%" PRIu64 ": in phase legacy nothing is sent", source,
		          subject, recorder->excluded);
	return recorder_clear(recorder, (struct span){NULL, 0}, span_of(source), span_of(subject), info);
}

/* The cloud leads already. What was voided before the cloud ever heard of it is no loss. */
static enum err hold_late(struct recorder *recorder, const char *source, const char *subject,
                          const struct document *document, const struct config_phase_rule *rule, date_days on,
                          bool *held, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	char date[DATE_TEXT_SIZE];
	struct store_document known;
	struct span entity = document_text(document, &document->header[HEADER_ENTITY]);
	enum err err = store_document_find(recorder->store, span_of(subject), &known, info);
	if (err == ERR_NOT_FOUND && document->voided)
		return recorder_clear(recorder, (struct span){NULL, 0}, span_of(source), span_of(subject),
		                      info);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	*held = true;
	date_print(on, date);
	(void)snprintf(text, sizeof text,
	               "posted in the ERP after the cut-over of %s of %.*s on %04d-%02d-%02d, under the date "
	               "%s; post it in the cloud, or move the date (phases.from)",
	               document_spec(document->type)->name, (int)(entity.len < 64 ? entity.len : 64),
	               entity.data, rule->from / 10000, rule->from / 100 % 100, rule->from % 100, date);
	return hold(recorder, source, subject, "legacy-after-cutover", STORE_OWNER_POLICY, text, info);
}

/* Validity, then the cloud's codes; *held: one of them keeps it here. */
static enum err prepare(struct recorder *recorder, const char *source, const char *subject,
                        struct document *document, date_days on, bool *held, struct err_info *info)
{
	struct finding finding;
	struct map_gaps gaps = {.count = 0};
	char text[ERR_TEXT_MAX];
	*held = true;
	if (!validity_check(document, &finding))
		return hold(recorder, source, subject, finding.rule, finding.owner, finding.text, info);
	enum err err = recorder->rules ? map_codes(document, recorder->rules, on, &gaps) : ERR_OK;
	if (err == ERR_OK && gaps.count > 0) {
		map_gaps_print(&gaps, document, on, text);
		return hold(recorder, source, subject, "mapping-missing", STORE_OWNER_MAPPING, text, info);
	}
	buf_clear(&recorder->data);
	if (err == ERR_OK)
		canonical_write(&recorder->canonical, document, &recorder->data);
	if (err != ERR_OK || !buf_ok(&recorder->data))
		return hold(recorder, source, subject, "event-too-large", STORE_OWNER_TECHNICAL,
		            "it is over 16 MiB, more than the agent takes; look at the document in the ERP",
		            info);
	*held = false;
	return ERR_OK;
}

enum err recorder_document(struct recorder *recorder, const char *source, const char *profile_version,
                           struct document *document, bool *held, struct err_info *info)
{
	char subject[STORE_SUBJECT_MAX];
	struct err_info why;
	bool dated;
	*held = false;
	if (document_subject(document, subject, sizeof subject, &why) != ERR_OK) {
		*held = true;
		return hold_nameless(recorder, source, document, why.text, info);
	}
	date_days on = date_of(recorder, document, &dated);
	const struct config_phase_rule *rule = phase_of(recorder, document, on);
	if (rule->phase == CONFIG_PHASE_LEGACY)
		return exclude(recorder, source, subject, info);
	enum err err = tell_excluded(recorder, subject, false, info);
	if (err != ERR_OK)
		return err;
	if (rule->phase == CONFIG_PHASE_CUTOVER && dated)
		return hold_late(recorder, source, subject, document, rule, on, held, info);
	err = prepare(recorder, source, subject, document, on, held, info);
	if (err != ERR_OK || *held)
		return err;
	const struct span data = buf_span(&recorder->data);
	const struct digest content = digest_of(&data, 1);
	struct change change = {.any = false, .phase = rule->phase};
	err = find_change(recorder, source, document, subject, &content, &change, info);
	if (err != ERR_OK)
		return err;
	if (change.foreign) {
		*held = true;
		return hold_foreign(recorder, source, subject, change.source, info);
	}
	if (change.any && rule->phase == CONFIG_PHASE_CUTOVER)
		return hold_late(recorder, source, subject, document, rule, on, held, info);
	if (!change.any)
		recorder->unchanged++;
	else
		err = append(recorder, source, profile_version, document, subject, &content, &change, held,
		             info);
	if (err != ERR_OK || *held)
		return err;
	return recorder_clear(recorder, (struct span){NULL, 0}, span_of(source), span_of(subject), info);
}

/* ---- once more, by other rules ---- */

static enum err refuse(struct recorder_again *again, const char *format, ...) PRINTF_LIKE(2, 3);

static enum err refuse(struct recorder_again *again, const char *format, ...)
{
	va_list args;
	again->result = AGAIN_REFUSED;
	va_start(args, format);
	(void)vsnprintf(again->why, sizeof again->why, format, args);
	va_end(args);
	return ERR_OK;
}

/* The digest of the document's data; false: it is too large. */
static bool content_of(struct recorder *recorder, const struct document *document, struct digest *content)
{
	buf_clear(&recorder->data);
	canonical_write(&recorder->canonical, document, &recorder->data);
	const struct span data = buf_span(&recorder->data);
	if (buf_ok(&recorder->data))
		*content = digest_of(&data, 1);
	return buf_ok(&recorder->data);
}

/* Is it, byte by byte, what was sent last? Then nothing but the mapped codes can change. */
static bool is_as_sent(struct recorder *recorder, const struct document *document,
                       const struct store_document *known)
{
	struct digest content;
	return content_of(recorder, document, &content) && digest_equal(&content, &known->content);
}

static enum err map_again(struct recorder *recorder, struct document *document, date_days on,
                          struct recorder_again *again, struct err_info *info)
{
	struct map_gaps gaps = {.count = 0};
	char text[ERR_TEXT_MAX];
	if (!recorder->rules)
		return refuse(again, "no rules are in force (compare.rules)");
	enum err err = map_codes(document, recorder->rules, on, &gaps);
	if (err != ERR_OK)
		return refuse(again, "it is over the limits of a document with its mapped codes");
	if (gaps.count == 0)
		return ERR_OK;
	(void)info;
	map_gaps_print(&gaps, document, on, text);
	return refuse(again, "%s", text);
}

enum err recorder_document_again(struct recorder *recorder, const char *profile_version,
                                 struct document *document, bool preview, struct recorder_again *again,
                                 struct err_info *info)
{
	char subject[STORE_SUBJECT_MAX];
	struct err_info why = {.text = ""};
	struct store_document known;
	struct digest content;
	bool dated;
	bool held = false;
	*again = (struct recorder_again){.result = AGAIN_UNCHANGED};
	if (document_subject(document, subject, sizeof subject, &why) != ERR_OK)
		return refuse(again, "%s", why.text);
	enum err err = store_document_find(recorder->store, span_of(subject), &known, info);
	if (err == ERR_NOT_FOUND)
		return refuse(again, "it was never sent");
	if (err != ERR_OK)
		return err;
	again->revision = known.revision;
	date_days on = date_of(recorder, document, &dated);
	const struct config_phase_rule *rule = phase_of(recorder, document, on);
	if (rule->phase == CONFIG_PHASE_CUTOVER)
		return refuse(again, "the cloud leads since its cut-over; mend it there");
	if (rule->phase == CONFIG_PHASE_LEGACY)
		return refuse(again, "in phase legacy nothing is sent");
	if (known.voided || document->voided)
		return ERR_OK;
	if (!is_as_sent(recorder, document, &known))
		return refuse(again,
		              "it is not what was sent last as revision %" PRId64
		              "; ask again when the ledger has taken that in",
		              known.revision);
	err = map_again(recorder, document, on, again, info);
	if (err != ERR_OK || again->result == AGAIN_REFUSED)
		return err;
	if (!content_of(recorder, document, &content))
		return refuse(again, "it is over 16 MiB with its mapped codes");
	if (digest_equal(&content, &known.content))
		return ERR_OK;
	again->result = AGAIN_AMENDED;
	if (preview)
		return ERR_OK;
	const struct change change = {
	    .any = true, .kind = ENVELOPE_AMENDED, .revision = known.revision + 1, .phase = rule->phase};
	err = append(recorder, known.source, profile_version, document, subject, &content, &change, &held,
	             info);
	if (err == ERR_OK && held)
		return refuse(again, "it is too large now, or its stream is full; see: twinpost exceptions");
	again->revision = change.revision;
	return err;
}
