/*
 * witness.c - keeps the leaves of each source, and holds every claim about them against each other.
 *
 * Why:   see witness.h.
 * Owns:  as in witness.h.
 * Rules: as in witness.h.
 * Runs in: tests.
 * Tests: tests/sim/witness_test.c, tests/sim/sim_test.c
 */
#include "tests/sim/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void witness_open(struct witness *witness, char *finding)
{
	*witness = (struct witness){.finding = finding};
}

void witness_close(struct witness *witness)
{
	for (int i = 0; i < witness->source_count; i++) {
		struct witness_source *source = &witness->sources[i];
		for (int k = 0; k < source->checkpoint_count; k++)
			free((char *)source->checkpoints[k].text.data);
		free(source->checkpoints);
		free(source->claims);
		free(source->controls);
		free(source->changes);
		free(source->leaves);
		free(source->chains);
	}
	witness->source_count = 0;
}

/* ---- keys ---- */

static int find_key(const struct witness *witness, struct span spki)
{
	for (int i = 0; i < witness->key_count; i++) {
		if (spki.len == WITNESS_SPKI_BYTES && memcmp(witness->keys[i], spki.data, spki.len) == 0)
			return i;
	}
	return -1;
}

bool witness_knows(const struct witness *witness, struct span spki)
{
	return find_key(witness, spki) >= 0;
}

void witness_pin(struct witness *witness, struct span spki)
{
	CHECK(spki.len == WITNESS_SPKI_BYTES);
	if (find_key(witness, spki) >= 0)
		return;
	CHECK(witness->key_count < WITNESS_KEYS_MAX);
	memcpy(witness->keys[witness->key_count++], spki.data, spki.len);
}

static struct span key_span(const struct witness *witness, int key)
{
	return (struct span){(const char *)witness->keys[key], WITNESS_SPKI_BYTES};
}

/* The value of the line that begins with this word; NULL data: there is none. */
static struct span line_of(struct span text, const char *word)
{
	size_t len = strlen(word);
	for (size_t at = 0; at < text.len;) {
		const char *end = memchr(text.data + at, '\n', text.len - at);
		size_t line = end ? (size_t)(end - text.data) - at : text.len - at;
		if (line >= len && memcmp(text.data + at, word, len) == 0)
			return (struct span){text.data + at + len, line - len};
		at += line + 1;
	}
	return (struct span){NULL, 0};
}

/* Rule 3: the old key and the new one have signed, and the old one is the one that was current. */
static void take_key(struct witness *witness, struct witness_source *source, const struct event *event)
{
	struct signed_note note;
	uint8_t spki[WITNESS_SPKI_BYTES];
	char old[2 * EVENT_HASH_BYTES + 1];
	const char *bytes = event_text(event->data, "note");
	if (!bytes || !signed_note_open(&note, span_of(bytes)) ||
	    line_of(note.text, "tp1/key/v1").data != note.text.data + 10 ||
	    signed_note_decode(line_of(note.text, "new "), spki, sizeof spki) != WITNESS_SPKI_BYTES) {
		sim_find(witness->finding, "%s %s: its note is none of a key", event->source,
		         event->sequence);
		return;
	}
	struct span new_key = {(const char *)spki, sizeof spki};
	int before = source->change_count > 0 ? source->changes[source->change_count - 1].key : -1;
	for (int i = 0; i < witness->key_count && before < 0; i++) {
		event_hash_hex(key_span(witness, i), old);
		if (span_equal(span_of(old), line_of(note.text, "old ")))
			before = i;
	}
	if (before < 0) {
		sim_find(witness->finding, "%s %s: the old key is not known", event->source, event->sequence);
		return;
	}
	event_hash_hex(key_span(witness, before), old);
	if (!span_equal(span_of(old), line_of(note.text, "old ")) || note.count != 2 ||
	    signed_note_verify(&note, key_span(witness, before)) != SIGNED_NOTE_GOOD ||
	    signed_note_verify(&note, new_key) != SIGNED_NOTE_GOOD)
		sim_find(witness->finding, "%s %s: the change of key is not signed by both", event->source,
		         event->sequence);
	witness_pin(witness, new_key);
	if (source->change_count == 0)
		source->first_key = before;
	source->changes =
	    mem_grow(source->changes, (size_t)(source->change_count + 1) * sizeof source->changes[0]);
	source->changes[source->change_count++] =
	    (struct witness_change){event->number, find_key(witness, new_key)};
	witness->rotations++;
}

/* ---- the tree ---- */

static void node(const uint8_t left[EVENT_HASH_BYTES], const uint8_t right[EVENT_HASH_BYTES],
                 uint8_t out[EVENT_HASH_BYTES])
{
	uint8_t input[1 + 2 * EVENT_HASH_BYTES] = {1};
	memcpy(input + 1, left, EVENT_HASH_BYTES);
	memcpy(input + 1 + EVENT_HASH_BYTES, right, EVENT_HASH_BYTES);
	event_sha256((struct span){(const char *)input, sizeof input}, out);
}

static void tree_hash(const uint8_t (*leaves)[EVENT_HASH_BYTES], int64_t count, uint8_t out[EVENT_HASH_BYTES])
{
	uint8_t left[EVENT_HASH_BYTES];
	uint8_t right[EVENT_HASH_BYTES];
	int64_t split = 1;
	if (count <= 1) {
		if (count == 1)
			memcpy(out, leaves[0], EVENT_HASH_BYTES);
		else
			event_sha256((struct span){"", 0}, out);
		return;
	}
	while (split * 2 < count)
		split *= 2;
	tree_hash(leaves, split, left);
	tree_hash(leaves + split, count - split, right);
	node(left, right, out);
}

void witness_root(const struct witness_source *source, int64_t size, uint8_t root[EVENT_HASH_BYTES])
{
	CHECK(size >= 0 && size <= source->count);
	tree_hash((const uint8_t(*)[EVENT_HASH_BYTES])source->leaves, size, root);
}

bool witness_proves(const uint8_t leaf[EVENT_HASH_BYTES], int64_t index, int64_t size,
                    const uint8_t (*path)[EVENT_HASH_BYTES], int count, const uint8_t root[EVENT_HASH_BYTES])
{
	uint8_t hash[EVENT_HASH_BYTES];
	int64_t at = index;
	int64_t last = size - 1;
	if (index < 0 || index >= size)
		return false;
	memcpy(hash, leaf, EVENT_HASH_BYTES);
	for (int i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if (at % 2 == 1 || at == last) {
			node(path[i], hash, hash);
			while (at % 2 == 0 && at != 0) {
				at /= 2;
				last /= 2;
			}
		} else {
			node(hash, path[i], hash);
		}
		at /= 2;
		last /= 2;
	}
	return last == 0 && memcmp(hash, root, EVENT_HASH_BYTES) == 0;
}

/* ---- claims ---- */

struct witness_source *witness_find(struct witness *witness, const char *name)
{
	for (int i = 0; i < witness->source_count; i++) {
		if (strcmp(witness->sources[i].source, name) == 0)
			return &witness->sources[i];
	}
	return NULL;
}

static struct witness_source *find_or_make(struct witness *witness, const char *name)
{
	struct witness_source *source = witness_find(witness, name);
	if (source)
		return source;
	CHECK(witness->source_count < WITNESS_SOURCES_MAX);
	source = &witness->sources[witness->source_count++];
	*source = (struct witness_source){.first_key = -1};
	CHECK(text_copy(source->source, sizeof source->source, span_of(name)));
	return source;
}

static void hold_against(struct witness *witness, const struct witness_source *source,
                         const struct witness_claim *claim)
{
	uint8_t hash[EVENT_HASH_BYTES];
	if (claim->root)
		witness_root(source, claim->sequence, hash);
	else if (claim->sequence == 0)
		event_chain_start(source->source, hash);
	else
		memcpy(hash, source->chains[claim->sequence - 1], EVENT_HASH_BYTES);
	if (memcmp(hash, claim->hash, EVENT_HASH_BYTES) != 0)
		sim_find(witness->finding, "%s: the %s at %lld was said to be another than it is",
		         source->source, claim->root ? "root" : "chain", (long long)claim->sequence);
}

void witness_claim(struct witness *witness, const char *name, int64_t sequence, bool root,
                   const uint8_t hash[EVENT_HASH_BYTES])
{
	struct witness_source *source = find_or_make(witness, name);
	struct witness_claim claim = {.sequence = sequence, .root = root};
	memcpy(claim.hash, hash, EVENT_HASH_BYTES);
	if (sequence <= source->count) {
		hold_against(witness, source, &claim);
		return;
	}
	witness->claims_ahead++;
	source->claims =
	    mem_grow(source->claims, (size_t)(source->claim_count + 1) * sizeof source->claims[0]);
	source->claims[source->claim_count++] = claim;
}

static void settle_claims(struct witness *witness, struct witness_source *source)
{
	int kept = 0;
	for (int i = 0; i < source->claim_count; i++) {
		if (source->claims[i].sequence <= source->count)
			hold_against(witness, source, &source->claims[i]);
		else
			source->claims[kept++] = source->claims[i];
	}
	source->claim_count = kept;
}

void witness_event(struct witness *witness, const struct event *event, const uint8_t leaf[EVENT_HASH_BYTES],
                   const uint8_t chain[EVENT_HASH_BYTES])
{
	struct witness_source *source = find_or_make(witness, event->source);
	CHECK(event->number == source->count + 1);
	if (source->count == source->capacity) {
		source->capacity = source->capacity ? 2 * source->capacity : 256;
		source->leaves =
		    mem_grow(source->leaves, (size_t)source->capacity * sizeof source->leaves[0]);
		source->chains =
		    mem_grow(source->chains, (size_t)source->capacity * sizeof source->chains[0]);
	}
	memcpy(source->leaves[source->count], leaf, EVENT_HASH_BYTES);
	memcpy(source->chains[source->count], chain, EVENT_HASH_BYTES);
	source->count++;
	if (strcmp(event->type, EVENT_CONTROL_TYPE) == 0) {
		source->controls = mem_grow(source->controls,
		                            (size_t)(source->control_count + 1) * sizeof source->controls[0]);
		source->controls[source->control_count++] = event->number;
	} else if (strcmp(event->type, EVENT_KEY_TYPE) == 0) {
		take_key(witness, source, event);
	} else {
		source->last_posting = event->number;
	}
	settle_claims(witness, source);
}

/* ---- checkpoints ---- */

static bool is_signed_right(const struct witness *witness, const struct witness_source *source, int64_t size,
                            const struct signed_note *note)
{
	int key = source->first_key;
	for (int i = 0; i < source->change_count && source->changes[i].sequence <= size; i++)
		key = source->changes[i].key;
	if (note->count != 1)
		return false;
	if (key >= 0)
		return signed_note_verify(note, key_span(witness, key)) == SIGNED_NOTE_GOOD;
	/* No key event came in this source: it began with one of those that are known. */
	for (int i = 0; i < witness->key_count; i++) {
		if (signed_note_verify(note, key_span(witness, i)) == SIGNED_NOTE_GOOD)
			return true;
	}
	return false;
}

/* The text that this checkpoint must have, but for its time. */
static void expected_text(const struct witness_source *source, int64_t size, struct buf *out)
{
	uint8_t root[EVENT_HASH_BYTES];
	char chain[2 * EVENT_HASH_BYTES + 1];
	witness_root(source, size, root);
	hex_encode(chain, source->chains[size - 1], EVENT_HASH_BYTES);
	buf_printf(out, "%s\n%lld\n", source->source, (long long)size);
	signed_note_base64(out, (struct span){(const char *)root, sizeof root});
	buf_printf(out, "\nchain %s\ntime ", chain);
}

static bool is_instant(struct span text)
{
	static const char form[] = "0000-00-00T00:00:00.000Z";
	if (text.len != sizeof form - 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		bool digit = text.data[i] >= '0' && text.data[i] <= '9';
		if (form[i] == '0' ? !digit : text.data[i] != form[i])
			return false;
	}
	return true;
}

static const struct witness_checkpoint *find_checkpoint(const struct witness_source *source, int64_t size)
{
	for (int i = 0; i < source->checkpoint_count; i++) {
		if (source->checkpoints[i].size == size)
			return &source->checkpoints[i];
	}
	return NULL;
}

static void keep_checkpoint(struct witness_source *source, int64_t size, struct span text)
{
	source->checkpoints = mem_grow(source->checkpoints, (size_t)(source->checkpoint_count + 1) *
	                                                        sizeof source->checkpoints[0]);
	int at = source->checkpoint_count++;
	for (; at > 0 && source->checkpoints[at - 1].size > size; at--)
		source->checkpoints[at] = source->checkpoints[at - 1];
	source->checkpoints[at] = (struct witness_checkpoint){size, {mem_copy_text(text), text.len}};
}

/* Rule 2. */
static bool fits(struct witness *witness, struct witness_source *source, int64_t size,
                 const struct signed_note *note)
{
	struct buf text;
	if (size < 1 || size > source->count) {
		sim_find(witness->finding, "%s: checkpoint of size %lld, where %lld events came",
		         source->source, (long long)size, (long long)source->count);
		return false;
	}
	if (!is_signed_right(witness, source, size, note)) {
		sim_find(witness->finding, "%s: the checkpoint of size %lld is not signed by its key alone",
		         source->source, (long long)size);
		return false;
	}
	buf_init(&text, SIGNED_NOTE_BYTES_MAX);
	expected_text(source, size, &text);
	struct span time = {note->text.data + text.len, note->text.len - text.len - 1};
	bool good = note->text.len > text.len && memcmp(note->text.data, text.data, text.len) == 0 &&
	            is_instant(time);
	buf_release(&text);
	if (!good)
		sim_find(witness->finding, "%s: the checkpoint of size %lld does not say what came: %.*s",
		         source->source, (long long)size, (int)note->text.len, note->text.data);
	return good;
}

bool witness_take_checkpoint(struct witness *witness, struct span topic, struct span payload)
{
	struct signed_note note;
	char name[EVENT_SOURCE_MAX];
	if (!signed_note_open(&note, payload)) {
		sim_find(witness->finding, "a checkpoint is no signed note");
		return false;
	}
	const char *end = memchr(note.text.data, '\n', note.text.len);
	struct span first = {note.text.data, (size_t)(end - note.text.data)};
	if (!text_copy(name, sizeof name, first) || !event_topic_fits(name, "up/ckpt", topic)) {
		sim_find(witness->finding, "checkpoint of %.*s on topic %.*s", (int)first.len, first.data,
		         (int)topic.len, topic.data);
		return false;
	}
	struct witness_source *source = find_or_make(witness, name);
	int64_t size = strtoll(end + 1, NULL, 10);
	const struct witness_checkpoint *earlier = find_checkpoint(source, size);
	if (earlier) {
		witness->repeated++;
		if (!span_equal(earlier->text, payload))
			sim_find(witness->finding, "%s: two checkpoints of size %lld", name, (long long)size);
		return false;
	}
	if (!fits(witness, source, size, &note))
		return false;
	witness->checkpoints++;
	keep_checkpoint(source, size, payload);
	return true;
}

static bool is_complete(const struct witness_source *source, char why[SIM_FINDING_MAX])
{
	int last = source->checkpoint_count - 1;
	int64_t covered = last >= 0 ? source->checkpoints[last].size : 0;
	int64_t control = source->control_count > 0 ? source->controls[source->control_count - 1] : 0;
	if (covered != source->count || control < source->last_posting || source->claim_count > 0)
		sim_find(why,
		         "%s: %lld events came, the last checkpoint covers %lld, the last control event is "
		         "%lld, %d claims are open",
		         source->source, (long long)source->count, (long long)covered, (long long)control,
		         source->claim_count);
	for (int i = 0; i < source->control_count; i++) {
		if (!find_checkpoint(source, source->controls[i]))
			sim_find(why, "%s: no checkpoint came for the control event %lld", source->source,
			         (long long)source->controls[i]);
	}
	return why[0] == 0;
}

bool witness_complete(const struct witness *witness, char why[SIM_FINDING_MAX])
{
	why[0] = 0;
	for (int i = 0; i < witness->source_count; i++) {
		if (!is_complete(&witness->sources[i], why))
			return false;
	}
	return true;
}
