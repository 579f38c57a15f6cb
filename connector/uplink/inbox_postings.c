/*
 * inbox_postings.c - takes the cloud's own postings: read, numbered, handed on, receipted.
 *
 * Why:   see inbox.h, rule 6. A comparison stands on both ledgers being whole.
 * Owns:  struct inbox_postings: what memory holds of the sources, and the document in parts that is under way.
 * Rules: 1. A posting that was handed on is here; one that came and was refused is missing, like one that never
 *           came. Both stand in the state of their source, which is kept in the transaction of the posting, and read
 *           anew for each message: memory never knows more than the ledger.
 *        2. A document in parts is put together in memory. Its numbers are here when it is whole; what a restart takes
 *           of it is missing and comes again.
 *        3. The sender learns which numbers are here from receipts: one for every RECEIPT_MESSAGES messages of a
 *           source, RECEIPT_PERIOD_NS after the first that has none yet, and when the first gap opens or the last one
 *           closes. A receipt is made of what was committed before: whoever holds it may forget what it covers. A
 *           refused posting is answered at once, by its id.
 *        4. One exception for each source and kind of trouble; a stranger's sources end at POSTING_SOURCES_MAX.
 *        5. While the ledger takes nothing, a posting is passed over without an answer: it is missing, and comes again.
 * Faults: as in inbox.h.
 * Runs in: the core.
 * Tests: tests/unit/inbox_postings_test.c, tests/fuzz/posting_fuzz.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/compare/posting_sequence.h"
#include "connector/posting/validity.h"
#include "connector/uplink/inbox_state.h"

#define RECEIPT_MESSAGES    100
#define RECEIPT_PERIOD_NS   (60 * NS_PER_S)
#define GAPS_SHOWN          3
#define DATA_KEPT_BYTES     (256u * 1024u)
#define CANONICAL_BYTES_MAX (16u << 20)
#define SOURCE_NAME_BYTES   32
#define COMMAND_WORD        "posting" /* of the answers */

struct known_source {
	char name[POSTING_SOURCE_MAX + 1]; /* "": its text was damaged, and its place is not used again */
	int untold;                        /* messages since the last receipt */
	bool urgent;                       /* the next receipt does not wait */
	int64_t untold_since_ns;
	char last_id[POSTING_ID_MAX + 1];
	char stream[STORE_STREAM_NAME_MAX]; /* of the topic that it came on last */
};

/* A document in parts, as far as it has come. */
struct assembly {
	bool active;
	struct document document;
	struct posting_reader reader;
	char source[POSTING_SOURCE_MAX + 1];
	char subject[STORE_SUBJECT_MAX];
	int64_t revision;
	int64_t first; /* number of part 1 */
	int parts;
	int taken;
};

struct inbox_postings {
	struct canonical canonical;
	struct posting_reader reader;
	struct document document;
	struct assembly assembly;
	struct posting_event event;
	struct known_source *sources[POSTING_SOURCES_MAX]; /* by slot */
	int count;
	bool loaded;
	bool uncommitted;              /* messages were taken since the last commit */
	bool ledger_failed;            /* the message under way cannot be kept: rule 5 */
	struct posting_sequence state; /* of the message under way */
	struct buf data;
	struct buf text;
};

/* One message on its way through here. */
struct arrival {
	struct span stream;
	struct span payload;
	struct posting_event *event;
	struct known_source *source; /* NULL: not known */
	struct posting_sequence *state;
	int64_t first; /* numbers that it completes: first..event->sequence */
	uint8_t mark[POSTING_MARK_BYTES];
};

struct inbox_postings *inbox_postings_new(void)
{
	struct inbox_postings *postings = mem_alloc(sizeof *postings);
	canonical_init(&postings->canonical);
	posting_reader_init(&postings->reader, &postings->canonical);
	posting_reader_init(&postings->assembly.reader, &postings->canonical);
	document_init(&postings->document);
	document_init(&postings->assembly.document);
	buf_init(&postings->data, CANONICAL_BYTES_MAX);
	buf_init(&postings->text, POSTING_SEQUENCE_BYTES_MAX);
	return postings;
}

static void forget_sources(struct inbox_postings *postings)
{
	for (int i = 0; i < postings->count; i++)
		free(postings->sources[i]);
	postings->count = 0;
	postings->loaded = false;
}

void inbox_postings_free(struct inbox_postings *postings)
{
	if (!postings)
		return;
	forget_sources(postings);
	posting_reader_release(&postings->reader);
	posting_reader_release(&postings->assembly.reader);
	document_release(&postings->document);
	document_release(&postings->assembly.document);
	buf_release(&postings->data);
	buf_release(&postings->text);
	free(postings);
}

void inbox_committed(struct inbox *inbox)
{
	if (inbox->postings)
		inbox->postings->uncommitted = false;
}

/* ---- sources ---- */

/* The text of a slot into postings->state. ERR_NOT_FOUND: the slot is free. */
static enum err read_slot(struct inbox *inbox, int slot, struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	char name[SOURCE_NAME_BYTES];
	(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, slot);
	enum err err = inbox->sink.posting_state(inbox->sink.self, name, &postings->text, info);
	postings->ledger_failed = err != ERR_OK && err != ERR_NOT_FOUND;
	if (err == ERR_OK && !posting_sequence_read(&postings->state, buf_span(&postings->text)))
		postings->state = (struct posting_sequence){.next = 1};
	return err;
}

static enum err load_sources(struct inbox *inbox, struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	enum err err = ERR_OK;
	while (!postings->loaded && postings->count < POSTING_SOURCES_MAX) {
		err = read_slot(inbox, postings->count, info);
		if (err != ERR_OK)
			break;
		struct known_source *source = mem_alloc(sizeof *source);
		CHECK(text_copy(source->name, sizeof source->name, span_of(postings->state.source)));
		postings->sources[postings->count++] = source;
	}
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	postings->loaded = true;
	return ERR_OK;
}

static int slot_of(const struct inbox_postings *postings, const char *name)
{
	int slot = 0;
	while (slot < postings->count && strcmp(postings->sources[slot]->name, name) != 0)
		slot++;
	return slot;
}

/* *source: of this name, its state in postings->state; NULL: there is none. */
static enum err find_source(struct inbox *inbox, const char *name, struct known_source **source,
                            struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	*source = NULL;
	for (int again = 0; again < 2; again++) {
		enum err err = load_sources(inbox, info);
		int slot = name[0] ? slot_of(postings, name) : postings->count;
		if (err != ERR_OK || slot == postings->count)
			return err;
		err = read_slot(inbox, slot, info);
		if (err != ERR_OK && err != ERR_NOT_FOUND)
			return err;
		if (err == ERR_OK && strcmp(postings->state.source, name) == 0) {
			*source = postings->sources[slot];
			return ERR_OK;
		}
		/* Rolled back, or another ledger: what it has is looked up again. */
		forget_sources(postings);
	}
	return ERR_OK;
}

static enum err keep_source(struct inbox *inbox, const struct known_source *source, struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	char name[SOURCE_NAME_BYTES];
	(void)snprintf(name, sizeof name, POSTING_SEQUENCE_NAME_FORMAT, slot_of(postings, source->name));
	buf_clear(&postings->text);
	posting_sequence_write(&postings->state, &postings->text);
	CHECK(buf_ok(&postings->text));
	enum err err = inbox->sink.posting_keep(inbox->sink.self, name, buf_span(&postings->text), info);
	postings->ledger_failed = err != ERR_OK;
	return err;
}

/* A new one is kept at once: slots have no gaps. *out NULL: there is no room for it. */
static enum err add_source(struct inbox *inbox, const char *name, struct known_source **out,
                           struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	*out = NULL;
	/* Those that were added in a transaction that was lost. */
	while (postings->count > 0) {
		enum err err = read_slot(inbox, postings->count - 1, info);
		if (err == ERR_OK)
			break;
		if (err != ERR_NOT_FOUND)
			return err;
		free(postings->sources[--postings->count]);
	}
	if (postings->count == POSTING_SOURCES_MAX)
		return ERR_OK;
	*out = mem_alloc(sizeof **out);
	CHECK(text_copy((*out)->name, sizeof(*out)->name, span_of(name)));
	posting_sequence_init(&postings->state, span_of(name));
	postings->sources[postings->count++] = *out;
	return keep_source(inbox, *out, info);
}

/* ---- receipts ---- */

static void write_receipt(struct buf *out, const struct posting_sequence *state)
{
	buf_append_text(out, "{\"missing\":[");
	for (int i = 0; i < state->gap_count; i++)
		buf_printf(out, "%s{\"from\":%" PRId64 ",\"to\":%" PRId64 "}", i > 0 ? "," : "",
		           state->gaps[i].from, state->gaps[i].to);
	buf_printf(out, "],\"next\":%" PRId64 ",\"source\":", state->next);
	canonical_string(out, span_of(state->source));
	buf_printf(out, ",\"upto\":%" PRId64 "}", posting_sequence_upto(state));
}

/* Of postings->state. */
static enum err tell_receipt(struct inbox *inbox, struct known_source *source, struct err_info *info)
{
	buf_clear(&inbox->result);
	write_receipt(&inbox->result, &inbox->postings->state);
	const struct answer answer = {
	    .command = SPAN_LITERAL(COMMAND_WORD),
	    .id = span_of(source->last_id),
	    .state = ANSWER_DONE,
	    .result = buf_span(&inbox->result),
	    .time_ns = hal_wall_ns(inbox->hal),
	};
	CHECK(buf_ok(&inbox->result));
	buf_clear(&inbox->answer);
	command_result_write(&inbox->answer, &answer);
	source->untold = 0;
	source->urgent = false;
	return inbox_answer(inbox, info);
}

static void count_message(struct inbox *inbox, const struct arrival *arrival, bool urgent)
{
	struct known_source *source = arrival->source;
	if (arrival->event->id[0] == 0)
		return; /* no answer could name it */
	if (source->untold++ == 0)
		source->untold_since_ns = hal_mono_ns(inbox->hal);
	source->urgent = source->urgent || urgent || source->untold >= RECEIPT_MESSAGES;
	CHECK(text_copy(source->last_id, sizeof source->last_id, span_of(arrival->event->id)) &&
	      text_copy(source->stream, sizeof source->stream, arrival->stream));
}

static int64_t receipt_due(const struct known_source *source)
{
	if (source->untold == 0)
		return INT64_MAX;
	return source->urgent ? source->untold_since_ns : source->untold_since_ns + RECEIPT_PERIOD_NS;
}

int64_t inbox_receipts_due(const struct inbox *inbox)
{
	const struct inbox_postings *postings = inbox->postings;
	int64_t due = INT64_MAX;
	if (!postings || postings->uncommitted)
		return INT64_MAX;
	for (int i = 0; i < postings->count; i++) {
		if (receipt_due(postings->sources[i]) < due)
			due = receipt_due(postings->sources[i]);
	}
	return due;
}

static enum err raise_gap(struct inbox *inbox, const struct posting_sequence *state, struct span stream,
                          struct err_info *info)
{
	char ranges[160] = "";
	char text[ERR_TEXT_MAX];
	int shown = state->gap_count < GAPS_SHOWN ? state->gap_count : GAPS_SHOWN;
	for (int i = 0; i < shown; i++) {
		const struct posting_gap *gap = &state->gaps[i];
		size_t used = strlen(ranges);
		if (gap->from == gap->to)
			(void)snprintf(ranges + used, sizeof ranges - used, "%s%" PRId64, i ? ", " : "",
			               gap->from);
		else
			(void)snprintf(ranges + used, sizeof ranges - used, "%s%" PRId64 " to %" PRId64,
			               i ? ", " : "", gap->from, gap->to);
	}
	(void)snprintf(
	    text, sizeof text,
	    "the cloud's postings %s%s of this source are missing: have the middleware publish them "
	    "again, unchanged, on dn/post/%.*s; until then no comparison is complete",
	    ranges, state->gap_count > shown ? " and more" : "", (int)stream.len, stream.data);
	return inbox_raise(inbox, "cloud-gap", span_of(state->source), STORE_OWNER_TECHNICAL, text, info);
}

/* What the ledger has is what counts: an exception may stand, or be gone, by a message whose transaction was lost in
 * the ledger alone. */
static enum err settle_gap(struct inbox *inbox, const struct known_source *source, struct err_info *info)
{
	const struct posting_sequence *state = &inbox->postings->state;
	if (state->gap_count > 0)
		return raise_gap(inbox, state, span_of(source->stream), info);
	return inbox->sink.clear(inbox->sink.self, "cloud-gap", span_of(state->source), info);
}

enum err inbox_tell_receipts(struct inbox *inbox, struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	int64_t now = hal_mono_ns(inbox->hal);
	enum err err = ERR_OK;
	for (int i = 0; postings && i < postings->count && err == ERR_OK; i++) {
		struct known_source *source = postings->sources[i];
		if (now < receipt_due(source))
			continue;
		/* Who gets none sends again, and is counted again. */
		if (read_slot(inbox, i, info) != ERR_OK ||
		    strcmp(postings->state.source, source->name) != 0) {
			source->untold = 0;
			continue;
		}
		err = tell_receipt(inbox, source, info);
		if (err == ERR_OK)
			err = settle_gap(inbox, source, info);
	}
	return err;
}

/* ---- what is missing, and what was refused ---- */

/* The number came, or is known of, and is not here. answered: the sender has learned so much already. */
static enum err note_missing(struct inbox *inbox, struct arrival *arrival, bool answered,
                             struct err_info *info)
{
	struct posting_sequence *state = arrival->state;
	bool first = state->gap_count == 0;
	bool opened = posting_sequence_miss(state, arrival->event->sequence);
	enum err err = keep_source(inbox, arrival->source, info);
	if (err == ERR_OK && opened)
		err = raise_gap(inbox, arrival->state, arrival->stream, info);
	count_message(inbox, arrival, opened && first && !answered);
	return err;
}

/* A dead letter, and the answer to it. reason: a word of the answers. */
static enum err refuse(struct inbox *inbox, const struct arrival *arrival, const char *rule,
                       const char *reason, const char *why, struct err_info *info)
{
	char text[ERR_TEXT_MAX];
	const struct posting_event *event = arrival->event;
	const struct span key =
	    arrival->source ? span_of(event->source) : inbox_stream_key(inbox, arrival->stream);
	if (event->sequence > 0)
		(void)snprintf(text, sizeof text, "the cloud's posting %s, sequence %" PRId64 ": %s",
		               event->id, event->sequence, why);
	else
		(void)snprintf(text, sizeof text, "a posting of the cloud on dn/post/%.*s: %s",
		               (int)(arrival->stream.len < 64 ? arrival->stream.len : 64),
		               arrival->stream.data, why);
	enum err err = inbox_refuse(inbox, rule, key, arrival->payload, text, info);
	if (err != ERR_OK || event->id[0] == 0)
		return err;
	const struct answer answer = {
	    .command = SPAN_LITERAL(COMMAND_WORD),
	    .id = span_of(event->id),
	    .state = ANSWER_REJECTED,
	    .reason = span_of(reason),
	    .text = span_of(text),
	    .time_ns = hal_wall_ns(inbox->hal),
	};
	buf_clear(&inbox->answer);
	command_result_write(&inbox->answer, &answer);
	return inbox_answer(inbox, info);
}

static enum err refuse_and_miss(struct inbox *inbox, struct arrival *arrival, const char *rule,
                                const char *reason, const char *why, struct err_info *info)
{
	enum err err = refuse(inbox, arrival, rule, reason, why, info);
	bool missing = arrival->source && arrival->event->sequence > 0;
	return err == ERR_OK && missing ? note_missing(inbox, arrival, arrival->event->id[0] != 0, info)
	                                : err;
}

static enum err refuse_unreadable(struct inbox *inbox, struct arrival *arrival, const char *why,
                                  struct err_info *info)
{
	return refuse_and_miss(inbox, arrival, "cloud-unreadable", "malformed", why, info);
}

static enum err refuse_other(struct inbox *inbox, struct arrival *arrival, bool taken, const char *why,
                             struct err_info *info)
{
	arrival->state->conflicts++;
	if (!taken)
		return refuse_and_miss(inbox, arrival, POSTING_CONFLICT_RULE, "id-reused", why, info);
	enum err err = refuse(inbox, arrival, POSTING_CONFLICT_RULE, "id-reused", why, info);
	return err == ERR_OK ? keep_source(inbox, arrival->source, info) : err;
}

/* ---- a whole document ---- */

static void make_mark(struct arrival *arrival, const struct digest *content)
{
	char part[PART_TEXT_SIZE];
	char hex[DIGEST_HEX_SIZE];
	digest_hex(content, hex);
	part_print(&(struct part){.index = arrival->event->part, .count = arrival->event->parts}, part);
	const struct span parts[] = {span_of(arrival->event->id), SPAN_LITERAL("\n"), span_of(part),
	                             SPAN_LITERAL("\n"), span_of(hex)};
	const struct digest digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	memcpy(arrival->mark, digest.bytes, POSTING_MARK_BYTES);
}

static struct digest content_of(struct inbox_postings *postings, const struct document *document)
{
	buf_clear(&postings->data);
	canonical_write(&postings->canonical, document, &postings->data);
	const struct span data = buf_span(&postings->data);
	struct digest digest = digest_of(&data, 1);
	if (postings->data.capacity > DATA_KEPT_BYTES)
		buf_release(&postings->data);
	return digest;
}

static bool check_subject(const struct arrival *arrival, const struct document *document,
                          struct err_info *why)
{
	char subject[STORE_SUBJECT_MAX];
	if (document_subject(document, subject, sizeof subject, why) != ERR_OK)
		return false;
	if (strcmp(subject, arrival->event->subject) == 0)
		return true;
	(void)err_set(why, ERR_BAD_INPUT,
	              "subject is not %s, as entity, type, year and number of its data say", subject);
	return false;
}

/* What the cloud has booked is a fact, whether it is right or not: it is told, and taken. */
static enum err tell_validity(struct inbox *inbox, const struct posting_event *event,
                              const struct document *document, struct err_info *info)
{
	struct finding finding;
	char text[ERR_TEXT_MAX];
	if (validity_check(document, &finding))
		return event->revision == 1 ? ERR_OK
		                            : inbox->sink.clear(inbox->sink.self, "cloud-invalid",
		                                                span_of(event->subject), info);
	(void)snprintf(text, sizeof text, "%.40s: the cloud has booked a document in which %.400s",
	               finding.rule, finding.text);
	return inbox_raise(inbox, "cloud-invalid", span_of(event->subject), finding.owner, text, info);
}

/* Handed on: the numbers are here. */
static enum err note_taken(struct inbox *inbox, struct arrival *arrival, struct err_info *info)
{
	struct posting_sequence *state = arrival->state;
	bool gaps = state->gap_count > 0;
	bool opened = posting_sequence_take(state, arrival->first, arrival->event->sequence, arrival->mark);
	bool closed = gaps && state->gap_count == 0;
	inbox->counters.postings += (uint64_t)(arrival->event->sequence - arrival->first + 1);
	enum err err = keep_source(inbox, arrival->source, info);
	if (err == ERR_OK && opened)
		err = raise_gap(inbox, arrival->state, arrival->stream, info);
	if (err == ERR_OK && closed)
		err = inbox->sink.clear(inbox->sink.self, "cloud-gap", span_of(state->source), info);
	if (err == ERR_OK && closed)
		err = inbox->sink.clear(inbox->sink.self, "cloud-unreadable", span_of(state->source), info);
	count_message(inbox, arrival, closed || (opened && !gaps));
	return err;
}

static enum err note_repeated(struct inbox *inbox, const struct arrival *arrival)
{
	inbox->counters.postings_repeated++;
	count_message(inbox, arrival, false);
	return ERR_OK;
}

static enum err look(struct inbox *inbox, struct arrival *arrival, bool *new, struct err_info *info)
{
	enum posting_seen seen =
	    posting_sequence_look(arrival->state, arrival->event->sequence, arrival->mark);
	*new = seen == POSTING_NEW;
	if (seen == POSTING_REPEATED)
		return note_repeated(inbox, arrival);
	if (seen == POSTING_OTHER)
		return refuse_other(
		    inbox, arrival, true,
		    "this sequence came before with another id or content; ask the middleware which "
		    "of the two it has booked",
		    info);
	return ERR_OK;
}

/* looked: its number was looked up already. */
static enum err take_document(struct inbox *inbox, struct arrival *arrival, struct document *document,
                              bool looked, struct err_info *info)
{
	struct posting_event *event = arrival->event;
	struct err_info why = {.text = ""};
	bool new = true;
	document->voided = event->change == ENVELOPE_VOIDED;
	validity_settle_amounts(document);
	event->content = content_of(inbox->postings, document);
	enum err err = ERR_OK;
	if (!looked) {
		make_mark(arrival, &event->content);
		err = look(inbox, arrival, &new, info);
	}
	if (err != ERR_OK || !new)
		return err;
	if (!check_subject(arrival, document, &why))
		return refuse_unreadable(inbox, arrival, why.text, info);
	err = inbox->sink.posting(inbox->sink.self, event, document, &why);
	if (err == ERR_CONFLICT)
		return refuse_other(inbox, arrival, false, why.text, info);
	inbox->postings->ledger_failed = err != ERR_OK;
	if (err != ERR_OK)
		return err_set(info, err, "%s", why.text);
	err = tell_validity(inbox, event, document, info);
	return err == ERR_OK ? note_taken(inbox, arrival, info) : err;
}

/* ---- parts ---- */

/* Is it of the document under way? */
static bool belongs(const struct assembly *assembly, const struct posting_event *event)
{
	return assembly->active && strcmp(assembly->source, event->source) == 0 &&
	       strcmp(assembly->subject, event->subject) == 0 && assembly->revision == event->revision &&
	       assembly->parts == event->parts && assembly->document.type == event->type &&
	       event->sequence == assembly->first + event->part - 1;
}

static void begin_assembly(struct assembly *assembly, const struct posting_event *event)
{
	assembly->active = true;
	assembly->first = event->sequence;
	assembly->revision = event->revision;
	assembly->parts = event->parts;
	assembly->taken = 0;
	CHECK(text_copy(assembly->source, sizeof assembly->source, span_of(event->source)));
	CHECK(text_copy(assembly->subject, sizeof assembly->subject, span_of(event->subject)));
	posting_read_begin(&assembly->reader, &assembly->document, event->type, event->parts);
}

static enum err take_part(struct inbox *inbox, struct arrival *arrival, struct err_info *info)
{
	struct assembly *assembly = &inbox->postings->assembly;
	const struct posting_event *event = arrival->event;
	struct err_info why = {.text = ""};
	const struct digest content = digest_of(&event->data.raw, 1);
	bool new;
	make_mark(arrival, &content);
	enum err err = look(inbox, arrival, &new, info);
	if (err != ERR_OK || !new)
		return err;
	bool ours = belongs(assembly, event);
	if (ours && event->part <= assembly->taken && assembly->taken < assembly->parts)
		return note_repeated(inbox, arrival);
	if (event->part == 1)
		begin_assembly(assembly, event);
	else if (!ours || event->part > assembly->taken + 1)
		/* The parts before it were lost with a restart or a connection: it is as if it had not come. */
		return note_missing(inbox, arrival, false, info);
	/* The last one may come again after a transaction that was rolled back. */
	if (event->part > assembly->taken) {
		err = posting_read_add(&assembly->reader, &event->data, &why);
		assembly->taken = event->part;
	}
	if (err != ERR_OK) {
		assembly->active = false;
		return refuse_unreadable(inbox, arrival, why.text, info);
	}
	if (assembly->taken < assembly->parts)
		return ERR_OK;
	arrival->first = assembly->first;
	return take_document(inbox, arrival, &assembly->document, true, info);
}

static enum err take_event(struct inbox *inbox, struct arrival *arrival, struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	const struct posting_event *event = arrival->event;
	struct err_info why = {.text = ""};
	arrival->first = event->sequence;
	if (event->parts > 1)
		return take_part(inbox, arrival, info);
	posting_read_begin(&postings->reader, &postings->document, event->type, 1);
	enum err err = posting_read_add(&postings->reader, &event->data, &why);
	if (err == ERR_OK)
		err = posting_read_finish(&postings->reader, &why);
	if (err != ERR_OK)
		return refuse_unreadable(inbox, arrival, why.text, info);
	return take_document(inbox, arrival, &postings->document, false, info);
}

/* ERR_OK, or what the ledger or the store failed with. */
static enum err take_message(struct inbox *inbox, struct arrival *arrival, bool retained,
                             struct err_info *info)
{
	struct posting_event *event = arrival->event;
	struct err_info why = {.text = ""};
	bool good = posting_event_read(event, arrival->payload, &why) == ERR_OK;
	if (retained)
		return refuse(
		    inbox, arrival, "cloud-retained", "retained",
		    "it was retained; postings are published without the retain flag, and the broker must "
		    "forget this one",
		    info);
	enum err err = find_source(inbox, event->source, &arrival->source, info);
	if (err == ERR_OK && good && !arrival->source)
		err = add_source(inbox, event->source, &arrival->source, info);
	if (err != ERR_OK)
		return err;
	if (!good)
		return refuse_unreadable(inbox, arrival, why.text, info);
	if (!arrival->source)
		return refuse(
		    inbox, arrival, "cloud-source-limit", "refused",
		    "there are 64 sources of postings already, more than an agent keeps: one source for each "
		    "ledger or company is meant, not one for each run",
		    info);
	if (!event->known)
		return refuse_and_miss(
		    inbox, arrival, "cloud-unreadable", "refused",
		    "its type is none that this version takes: "
		    "com.twinpost.{journal,invoice,creditmemo,payment,customer,usage}.{recorded,amended,"
		    "voided}.v1",
		    info);
	return take_event(inbox, arrival, info);
}
_Static_assert(POSTING_SOURCES_MAX == 64, "the sentence names the limit");

enum err inbox_posting(struct inbox *inbox, struct span stream, struct span payload, bool retained,
                       struct err_info *info)
{
	struct inbox_postings *postings = inbox->postings;
	struct arrival arrival = {
	    .stream = stream, .payload = payload, .event = &postings->event, .state = &postings->state};
	postings->uncommitted = true;
	postings->ledger_failed = false;
	enum err err = take_message(inbox, &arrival, retained, info);
	return postings->ledger_failed ? ERR_OK : err;
}
