/*
 * notary.c - counts what was appended, and closes pieces of streams with a control event and a signed checkpoint.
 *
 * Why:   see notary.h.
 * Owns:  the totals of streams that have open pieces, and its buffers.
 * Rules: as in notary.h. Totals are read from the store when a stream is first touched after a start or a rollback.
 * Faults: totals that cannot be read are damage (the store is salvaged); the key store's errors go up.
 * Runs in: the core.
 * Tests: tests/unit/notary_test.c
 */
#include "connector/uplink/notary.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connector/uplink/birth_note.h"
#include "connector/uplink/checkpoint.h"
#include "connector/uplink/envelope.h"
#include "connector/uplink/key_note.h"
#include "connector/uplink/note.h"
#include "connector/uplink/totals.h"
#include "store_forward/audit.h"
#include "store_forward/mail.h"
#include "store_forward/meta.h"
#include "store_forward/signature.h"

#define PROFILE_VERSION "twinpost/1"
#define META_KEY        "signing.key" /* SHA-256 of the public key that is current */
/* Of a control event, around its data. */
#define CONTROL_ENVELOPE_BYTES 1500
#define NEVER                  INT64_MAX

/* A piece holds 255 events at most besides the parts of one document: sums of this much each always fit in 64 bits. */
#define SUM_SMALL_MAX (INT64_MAX / 512)

enum rotation {
	ROTATION_NONE,
	ROTATION_TOLD,     /* in the open transaction */
	ROTATION_COMMITTED /* the old key is still to be forgotten */
};

/* Of one stream; made when it is first touched. */
struct counted {
	struct totals totals;
	bool known; /* as in the store, or further */
	bool dirty;
};

struct notary {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct hal_keys *keys;
	char name[2 * CONFIG_NAME_MAX + 2]; /* {tenant}/{gateway} */
	struct counted *counted[STORE_STREAMS_MAX + 1];
	bool any_dirty;
	bool mail_waits; /* the mail had no room for a checkpoint, or what was handed to it is lost */
	enum rotation rotation;
	struct totals single; /* of the document that is appended now */
	bool large;           /* ... they are over SUM_SMALL_MAX */
	struct buf text;
	struct buf data;
	struct buf event;
};

/* ---- the key ---- */

static struct digest key_hash(const struct notary *notary, enum hal_key which)
{
	const struct span key = hal_keys_public(notary->keys, which);
	return digest_of(&key, 1);
}

static enum err note_key(struct notary *notary, const struct digest *hash, struct err_info *info)
{
	return store_meta_put(notary->store, META_KEY, (struct span){(const char *)hash->bytes, DIGEST_BYTES},
	                      info);
}

static enum err audit_key(struct notary *notary, const struct digest *hash, struct err_info *info)
{
	char target[DIGEST_HEX_SIZE + 4] = "key ";
	digest_hex(hash, target + 4);
	const struct store_audit_entry entry = {
	    .at_ns = hal_wall_ns(notary->hal),
	    .who = SPAN_LITERAL("agent"),
	    .action = SPAN_LITERAL(NOTARY_AUDIT_KEY_MADE),
	    .target = span_of(target),
	    .why = SPAN_LITERAL("the store's first start"),
	};
	return store_audit_add(notary->store, &entry, info);
}

/* The store says which key is current; a new store takes the one that is there. */
static enum err settle_key(struct notary *notary, struct err_info *info)
{
	struct buf known;
	struct digest hash = key_hash(notary, HAL_KEY_CURRENT);
	buf_init(&known, DIGEST_BYTES);
	enum err err = store_meta_get(notary->store, META_KEY, &known, info);
	if (err == ERR_NOT_FOUND) {
		err = store_begin(notary->store, info);
		if (err == ERR_OK)
			err = note_key(notary, &hash, info);
		if (err == ERR_OK)
			err = audit_key(notary, &hash, info);
		if (err == ERR_OK)
			err = store_commit(notary->store, info);
		else
			store_rollback(notary->store);
	} else if (err == ERR_OK && known.len == DIGEST_BYTES) {
		err = hal_keys_promote(notary->keys, known.data, info);
		if (err == ERR_NOT_FOUND)
			err = err_set(info, ERR_NOT_FOUND,
			              "the store was written with another signing key than the one in %s; "
			              "put that key's folder "
			              "back, or move the store away to begin anew",
			              notary->config->keys.directory);
	} else if (err == ERR_OK) {
		err = err_set(info, ERR_CORRUPT, "what the store says of the signing key is no hash");
	}
	buf_release(&known);
	return err;
}

static enum err find_waiting(struct notary *notary, struct err_info *info);

enum err notary_new(const struct notary_options *options, struct notary **out, struct err_info *info)
{
	struct notary *notary = mem_alloc(sizeof *notary);
	notary->hal = options->hal;
	notary->log = options->log;
	notary->store = options->store;
	notary->config = options->config;
	notary->keys = options->keys;
	(void)snprintf(notary->name, sizeof notary->name, "%s/%s", options->config->tenant,
	               options->config->gateway);
	totals_init(&notary->single);
	buf_init(&notary->text, NOTE_BYTES_MAX);
	buf_init(&notary->data, STORE_EVENT_BYTES_MAX);
	buf_init(&notary->event, STORE_EVENT_BYTES_MAX);
	enum err err = settle_key(notary, info);
	if (err == ERR_OK)
		err = find_waiting(notary, info);
	if (err != ERR_OK) {
		notary_free(notary);
		return err;
	}
	*out = notary;
	return ERR_OK;
}

void notary_free(struct notary *notary)
{
	if (!notary)
		return;
	for (int i = 0; i <= STORE_STREAMS_MAX; i++) {
		if (notary->counted[i])
			totals_release(&notary->counted[i]->totals);
		free(notary->counted[i]);
	}
	totals_release(&notary->single);
	buf_release(&notary->text);
	buf_release(&notary->data);
	buf_release(&notary->event);
	free(notary);
}

/* Of what is said outside the streams: there a rotation counts when it is committed. */
static enum hal_key speaker(const struct notary *notary)
{
	return notary->rotation == ROTATION_COMMITTED ? HAL_KEY_NEXT : HAL_KEY_CURRENT;
}

struct span notary_public_key(const struct notary *notary)
{
	return hal_keys_public(notary->keys, speaker(notary));
}

/* ---- counting ---- */

static enum err find_counted(struct notary *notary, const struct store_stream *stream, struct counted **out,
                             struct err_info *info)
{
	struct counted *counted = notary->counted[stream->id];
	if (!counted) {
		counted = mem_alloc(sizeof *counted);
		totals_init(&counted->totals);
		notary->counted[stream->id] = counted;
	}
	*out = counted;
	if (counted->known)
		return ERR_OK;
	struct buf bytes;
	buf_init(&bytes, STORE_TOTALS_BYTES_MAX);
	enum err err = store_stream_totals_get(notary->store, stream->id, &bytes, info);
	if (err == ERR_OK && !totals_decode(&counted->totals, bytes.data, bytes.len))
		err = err_set(info, ERR_CORRUPT,
		              "the control totals of stream %s are not as they were written", stream->name);
	buf_release(&bytes);
	counted->known = err == ERR_OK;
	return err;
}

static void touch(struct notary *notary, struct counted *counted)
{
	counted->dirty = true;
	notary->any_dirty = true;
}

enum err notary_flush(struct notary *notary, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int id = 1; notary->any_dirty && id <= STORE_STREAMS_MAX && err == ERR_OK; id++) {
		struct counted *counted = notary->counted[id];
		if (!counted || !counted->dirty)
			continue;
		buf_clear(&notary->data);
		totals_encode(&counted->totals, &notary->data);
		err = store_stream_totals_put(notary->store, id, buf_span(&notary->data), info);
		counted->dirty = err != ERR_OK;
	}
	notary->any_dirty = err != ERR_OK;
	return err;
}

void notary_rolled_back(struct notary *notary)
{
	for (int id = 1; id <= STORE_STREAMS_MAX; id++) {
		if (notary->counted[id])
			notary->counted[id]->known = notary->counted[id]->dirty = false;
	}
	notary->any_dirty = false;
	notary->mail_waits = true;
	if (notary->rotation == ROTATION_TOLD)
		notary->rotation = ROTATION_NONE;
}

/* ---- events of our own ---- */

/* Appends an event of no document: its data stands in notary->data. */
static enum err append_own(struct notary *notary, const struct store_stream *stream, const char *kind,
                           enum envelope_change change, struct err_info *info)
{
	char subject[STORE_SUBJECT_MAX];
	struct digest chain;
	const struct span data = buf_span(&notary->data);
	CHECK(buf_ok(&notary->data));
	(void)snprintf(subject, sizeof subject, "%s/%s/%" PRId64 "/%" PRId64, stream->name, kind,
	               stream->epoch, stream->next_sequence);
	const struct envelope envelope = {
	    .source = span_of(stream->source),
	    .sequence = stream->next_sequence,
	    .kind = {kind, kind, ENVELOPE_OWN_SCHEMA_VERSION},
	    .change = change,
	    .subject = span_of(subject),
	    .revision = 1,
	    .recorded_ns = hal_wall_ns(notary->hal),
	    .phase = CONFIG_PHASE_SHADOW,
	    .profile_version = SPAN_LITERAL(PROFILE_VERSION),
	    .data = data,
	    .data_digest = digest_of(&data, 1),
	};
	struct store_append row = {
	    .stream = stream->id,
	    .subject = span_of(subject),
	    .unregistered = true,
	    .document = {.revision = 1, .content = envelope.data_digest, .recorded_ns = envelope.recorded_ns},
	};
	buf_clear(&notary->event);
	envelope_write(&envelope, &stream->chain, &notary->event, &row.leaf, &chain);
	CHECK(buf_ok(&notary->event));
	row.event = buf_span(&notary->event);
	enum err err = store_append(notary->store, &row, info);
	if (err == ERR_OK)
		CHECK(digest_equal(&stream->chain, &chain));
	return err;
}

/* What was appended since the last control event, or nothing where no document was. */
static enum err append_control(struct notary *notary, const struct store_stream *stream,
                               struct err_info *info)
{
	struct counted *counted;
	enum err err = find_counted(notary, stream, &counted, info);
	if (err != ERR_OK || counted->totals.count == 0)
		return err;
	buf_clear(&notary->data);
	totals_write(&counted->totals, stream->next_sequence - 1, &notary->data);
	err = append_own(notary, stream, "control", ENVELOPE_RECORDED, info);
	if (err == ERR_OK) {
		totals_begin(&counted->totals, stream->next_sequence);
		touch(notary, counted);
	}
	return err;
}

/* ---- checkpoints ---- */

static enum err checkpoint(struct notary *notary, const struct store_stream *stream, struct err_info *info)
{
	struct checkpoint covered = {
	    .source = span_of(stream->source),
	    .size = stream->next_sequence - 1,
	    .chain = stream->chain,
	    .time_ns = hal_wall_ns(notary->hal),
	};
	struct buf note;
	store_tree_root(notary->store, stream->id, &covered.root);
	buf_clear(&notary->text);
	checkpoint_encode(&notary->text, &covered);
	CHECK(buf_ok(&notary->text));
	buf_init(&note, NOTE_BYTES_MAX);
	enum err err = note_sign(&note, buf_span(&notary->text), span_of(notary->name), notary->keys,
	                         notary->rotation == ROTATION_NONE ? HAL_KEY_CURRENT : HAL_KEY_NEXT, info);
	if (err == ERR_OK) {
		const struct store_checkpoint row = {
		    .stream = stream->id,
		    .size = covered.size,
		    .root = covered.root,
		    .note = buf_span(&note),
		    .made_ns = covered.time_ns,
		};
		err = store_checkpoint_add(notary->store, &row, info);
	}
	if (err == ERR_OK)
		log_event(notary->log, LOG_CHECKPOINT_MADE, "stream=%s size=%" PRId64 ": signed",
		          stream->name, covered.size);
	buf_release(&note);
	return err;
}

static bool is_uncovered(const struct store_stream *stream)
{
	return stream->next_sequence - 1 > stream->checkpoint_size;
}

static enum err close_piece(struct notary *notary, const struct store_stream *stream, struct err_info *info)
{
	if (!is_uncovered(stream))
		return ERR_OK;
	enum err err = append_control(notary, stream, info);
	if (err == ERR_OK)
		err = checkpoint(notary, stream, info);
	/* One without a control event may cover what is acknowledged already: nothing more would call for it. */
	if (err == ERR_OK && stream->acked_sequence >= stream->checkpoint_size)
		err = notary_mail(notary, stream, info);
	return err;
}

enum err notary_prepare(struct notary *notary, const struct store_stream *stream,
                        const struct document *document, struct err_info *info)
{
	struct counted *counted;
	struct totals *single = &notary->single;
	totals_begin(single, 1);
	notary->large = false;
	enum err err = totals_add(single, document, NULL, 1, info);
	if (err != ERR_OK)
		return ERR_OVERFLOW; /* the sentence is that of totals_add() */
	const struct totals_entry *sums = single->entry_count > 0 ? &single->entries[0] : NULL;
	notary->large = sums && (sums->debit > SUM_SMALL_MAX || sums->credit > SUM_SMALL_MAX);
	if (!notary->large)
		return ERR_OK;
	err = find_counted(notary, stream, &counted, info);
	return err == ERR_OK && counted->totals.count > 0 ? close_piece(notary, stream, info) : err;
}

enum err notary_document(struct notary *notary, const struct store_stream *stream,
                         const struct document *document, const struct part *part, int64_t sequence,
                         struct err_info *info)
{
	struct counted *counted;
	size_t room = (size_t)notary->config->uplink.message_bytes_max;
	enum err err = find_counted(notary, stream, &counted, info);
	if (err != ERR_OK)
		return err;
	err = totals_add(&counted->totals, document, part, sequence, info);
	CHECK(err == ERR_OK); /* notary_prepare() and totals_full() have kept room */
	touch(notary, counted);
	if (part && part->index < part->count)
		return ERR_OK; /* nothing comes between the parts of a document */
	bool full =
	    totals_full(&counted->totals, room > CONTROL_ENVELOPE_BYTES ? room - CONTROL_ENVELOPE_BYTES : 1);
	if (full || notary->large ||
	    stream->next_sequence - 1 - stream->checkpoint_size >= NOTARY_LEAVES_MAX - 1)
		return close_piece(notary, stream, info);
	return ERR_OK;
}

static bool mail_is_full(const struct notary *notary)
{
	return store_mail_next_id(notary->store) - store_mail_acked(notary->store) > STORE_MAIL_ROWS_MAX;
}

/* Monotonic time is not in the store: the age of the oldest leaf is taken from the wall clock. A leaf that lies in the
 * future is due: the clock was set back, and nobody knows how long it would have to stand. */
static int64_t due_in(const struct notary *notary, const struct store_stream *stream)
{
	int64_t period = notary->config->uplink.checkpoint_period_ns;
	if (!is_uncovered(stream) || stream->first_uncovered_ns == 0)
		return NEVER;
	int64_t age = hal_wall_ns(notary->hal) - stream->first_uncovered_ns;
	return age < 0 || age >= period ? 0 : period - age;
}

bool notary_due(const struct notary *notary, int64_t now_ns, int64_t *deadline)
{
	int64_t soonest = notary->mail_waits && !mail_is_full(notary) ? 0 : NEVER;
	for (int i = 0; i < store_stream_count(notary->store); i++) {
		int64_t due = due_in(notary, store_stream_at(notary->store, i));
		soonest = due < soonest ? due : soonest;
	}
	*deadline = soonest == NEVER ? NEVER : now_ns + soonest;
	return soonest == 0;
}

enum err notary_close_due(struct notary *notary, bool all, struct err_info *info)
{
	bool mail = notary->mail_waits && !mail_is_full(notary);
	enum err err = ERR_OK;
	if (mail)
		notary->mail_waits = false;
	for (int i = 0; i < store_stream_count(notary->store) && err == ERR_OK; i++) {
		const struct store_stream *stream = store_stream_at(notary->store, i);
		if (all || due_in(notary, stream) == 0)
			err = close_piece(notary, stream, info);
		if (err == ERR_OK && mail)
			err = notary_mail(notary, stream, info);
	}
	return err;
}

/* ---- mail ---- */

struct mailing {
	struct notary *notary;
	const struct store_stream *stream;
	int64_t size; /* the last one that was copied */
	struct buf note;
};

static bool take_note(void *self, const struct store_checkpoint *checkpoint)
{
	struct mailing *mailing = self;
	mailing->size = checkpoint->size;
	buf_clear(&mailing->note);
	buf_append_span(&mailing->note, checkpoint->note);
	return false; /* one at a time: the visitor may change nothing in the store */
}

static bool note_waits(void *self, const struct store_checkpoint *checkpoint)
{
	struct notary *notary = self;
	(void)checkpoint;
	notary->mail_waits = true;
	return false;
}

/* At a start: what an earlier run could not hand on. */
static enum err find_waiting(struct notary *notary, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < store_stream_count(notary->store) && err == ERR_OK && !notary->mail_waits; i++) {
		const struct store_stream *stream = store_stream_at(notary->store, i);
		err = store_checkpoint_unmailed(notary->store, stream->id, stream->acked_sequence, note_waits,
		                                notary, info);
	}
	return err;
}

enum err notary_mail(struct notary *notary, const struct store_stream *stream, struct err_info *info)
{
	struct mailing mailing = {.notary = notary, .stream = stream};
	char topic[STORE_MAIL_TOPIC_MAX];
	enum err err;
	(void)snprintf(topic, sizeof topic, "up/ckpt/%s", stream->name);
	buf_init(&mailing.note, NOTE_BYTES_MAX);
	do {
		mailing.size = 0;
		/* They stay where they are until there is room: notary_due() looks for it. */
		if (mail_is_full(notary)) {
			notary->mail_waits = true;
			err = ERR_OK;
			break;
		}
		err = store_checkpoint_unmailed(notary->store, stream->id, stream->acked_sequence, take_note,
		                                &mailing, info);
		if (err == ERR_OK && mailing.size > 0)
			err = store_mail_add(notary->store, span_of(topic), buf_span(&mailing.note), info);
		if (err == ERR_OK && mailing.size > 0)
			err = store_checkpoint_mailed(notary->store, stream->id, mailing.size, info);
	} while (err == ERR_OK && mailing.size > 0);
	buf_release(&mailing.note);
	return err;
}

/* ---- birth and rotation ---- */

static bool add_birth_line(struct buf *text, bool previous, struct span source, int64_t size,
                           const struct digest *root)
{
	const struct birth_line line = {.previous = previous, .source = source, .size = size, .root = *root};
	return birth_note_line(text, &line);
}

/* The last checkpoint of the stream, and of the epoch before, as lines of the birth. */
static enum err birth_stream(struct notary *notary, const struct store_stream *stream, struct buf *texts,
                             bool *room, struct err_info *info)
{
	struct store_checkpoint last;
	char source[sizeof stream->source];
	*room = true;
	enum err err = store_checkpoint_find(notary->store, stream->id, 0, 0, &last, texts, info);
	if (err == ERR_OK)
		*room = add_birth_line(&notary->text, false, span_of(stream->source), last.size, &last.root);
	if (err != ERR_OK && err != ERR_NOT_FOUND)
		return err;
	err = store_checkpoint_previous(notary->store, stream->id, &last, texts, info);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	(void)snprintf(source, sizeof source, "urn:twinpost:%s:%s:%s:%" PRId64, notary->config->tenant,
	               notary->config->gateway, stream->name, last.epoch);
	if (*room)
		*room = add_birth_line(&notary->text, true, span_of(source), last.size, &last.root);
	return ERR_OK;
}

enum err notary_birth(struct notary *notary, const char *boot, struct buf *note, struct err_info *info)
{
	struct birth_note birth = {
	    .gateway = span_of(notary->name), .boot = span_of(boot), .time_ns = hal_wall_ns(notary->hal)};
	const struct span key = notary_public_key(notary);
	struct buf texts;
	bool room = true;
	enum err err = ERR_OK;
	CHECK(key.len == sizeof birth.key);
	memcpy(birth.key, key.data, sizeof birth.key);
	buf_clear(&notary->text);
	buf_init(&texts, 2 * STORE_NOTE_BYTES_MAX);
	birth_note_begin(&notary->text, &birth);
	for (int i = 0; i < store_stream_count(notary->store) && err == ERR_OK && room; i++)
		err = birth_stream(notary, store_stream_at(notary->store, i), &texts, &room, info);
	buf_release(&texts);
	if (err == ERR_OK)
		err = note_sign(note, buf_span(&notary->text), span_of(notary->name), notary->keys,
		                speaker(notary), info);
	return err;
}

enum err notary_sign(struct notary *notary, struct span text, struct buf *note, struct err_info *info)
{
	return note_sign(note, text, span_of(notary->name), notary->keys, speaker(notary), info);
}

/* The note of the rotation, signed by both keys. */
static enum err make_key_note(struct notary *notary, struct buf *note, struct err_info *info)
{
	struct key_note change = {.gateway = span_of(notary->name), .time_ns = hal_wall_ns(notary->hal)};
	const struct span next = hal_keys_public(notary->keys, HAL_KEY_NEXT);
	CHECK(next.len == sizeof change.new_key);
	change.old = key_hash(notary, HAL_KEY_CURRENT);
	memcpy(change.new_key, next.data, sizeof change.new_key);
	buf_clear(&notary->text);
	key_note_encode(&notary->text, &change);
	CHECK(buf_ok(&notary->text));
	enum err err = note_sign(note, buf_span(&notary->text), span_of(notary->name), notary->keys,
	                         HAL_KEY_CURRENT, info);
	if (err == ERR_OK)
		err = note_add_signature(note, span_of(notary->name), notary->keys, HAL_KEY_NEXT, info);
	return err;
}

enum err notary_rotate(struct notary *notary, struct err_info *info)
{
	struct buf note;
	if (notary->rotation == ROTATION_TOLD)
		return err_set(info, ERR_CONFLICT, "a new signing key is being told of already");
	enum err err = notary->rotation == ROTATION_COMMITTED ? notary_rotated(notary, info) : ERR_OK;
	if (err != ERR_OK)
		return err;
	buf_init(&note, NOTE_BYTES_MAX);
	err = hal_keys_prepare(notary->keys, info);
	if (err == ERR_OK)
		err = make_key_note(notary, &note, info);
	for (int i = 0; i < store_stream_count(notary->store) && err == ERR_OK; i++) {
		/* What the old key is to cover it covers now; the event and what follows is the new one's. */
		err = close_piece(notary, store_stream_at(notary->store, i), info);
		if (err != ERR_OK)
			break;
		buf_clear(&notary->data);
		buf_append_text(&notary->data, "{\"note\":");
		canonical_string(&notary->data, buf_span(&note));
		buf_append_char(&notary->data, '}');
		err = append_own(notary, store_stream_at(notary->store, i), "key", ENVELOPE_ROTATED, info);
	}
	if (err == ERR_OK) {
		struct digest hash = key_hash(notary, HAL_KEY_NEXT);
		err = note_key(notary, &hash, info);
	}
	if (err == ERR_OK)
		notary->rotation = ROTATION_TOLD;
	buf_release(&note);
	return err;
}

enum err notary_rotated(struct notary *notary, struct err_info *info)
{
	char hex[DIGEST_HEX_SIZE];
	if (notary->rotation == ROTATION_NONE)
		return ERR_OK;
	notary->rotation = ROTATION_COMMITTED;
	struct digest hash = key_hash(notary, HAL_KEY_NEXT);
	enum err err = hal_keys_promote(notary->keys, hash.bytes, info);
	if (err != ERR_OK)
		return err;
	notary->rotation = ROTATION_NONE;
	digest_hex(&hash, hex);
	log_event(notary->log, LOG_KEY_ROTATED, "key=%s: signs from now on", hex);
	return ERR_OK;
}
