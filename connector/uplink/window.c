/*
 * window.c - keeps the table of window.h.
 *
 * Why:   see window.h.
 * Owns:  see window.h.
 * Rules: messages are found from the front of their stream's list: answers come nearly always in order, so
 *        that is one step.
 * Faults: tokens that were never sent are told, not believed.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#include "connector/uplink/window.h"

#include <string.h>

#define SEQUENCE_BITS 40
#define NONE          (-1)

uint64_t window_token(int stream, int64_t sequence)
{
	CHECK(stream > 0 && stream <= WINDOW_LANES_MAX && sequence > 0 && sequence <= STORE_SEQUENCE_MAX);
	return (uint64_t)stream << SEQUENCE_BITS | (uint64_t)sequence;
}

static void check_stream(const struct window *window, const struct window_stream *stream)
{
	CHECK(stream->known && stream->next > stream->acked && stream->unanswered >= 0);
	CHECK((stream->first == NONE) == (stream->last == NONE));
	CHECK(stream->first != NONE || stream->unanswered == 0);
	CHECK(window->count >= 0 && window->count <= WINDOW_MESSAGES_MAX);
}

void window_init(struct window *window, struct hal *hal, int64_t retry_min_ns, int64_t retry_max_ns)
{
	memset(window, 0, sizeof *window);
	window->limit = 1;
	window->bytes_max = WINDOW_BYTES_MAX;
	window->hal = hal;
	window->retry_min_ns = retry_min_ns;
	window->retry_max_ns = retry_max_ns;
	for (int i = 0; i < WINDOW_MESSAGES_MAX; i++)
		window->messages[i].next = i + 1 < WINDOW_MESSAGES_MAX ? i + 1 : NONE;
}

void window_learn(struct window *window, int stream, int64_t acked)
{
	CHECK(stream > 0 && stream <= WINDOW_LANES_MAX && acked >= 0);
	struct window_stream *entry = &window->streams[stream];
	if (entry->known)
		return;
	*entry = (struct window_stream){
	    .known = true, .acked = acked, .next = acked + 1, .first = NONE, .last = NONE};
	backoff_init(&entry->backoff, window->retry_min_ns, window->retry_max_ns);
}

void window_rewind(struct window *window, int stream, int64_t acked)
{
	struct window_stream *entry = &window->streams[stream];
	CHECK(entry->known && entry->first == NONE && acked >= 0 && acked <= entry->acked);
	entry->acked = acked;
	entry->next = acked + 1;
}

int64_t window_sendable(const struct window *window, int stream, int64_t committed, int64_t now_ns)
{
	const struct window_stream *entry = &window->streams[stream];
	int64_t waiting = committed - entry->next + 1;
	if (waiting <= 0)
		return 0;
	if (entry->hold == WINDOW_FLOWS)
		return waiting;
	bool due = entry->unanswered == 0 && now_ns >= entry->retry_ns;
	return due && !(entry->hold == WINDOW_SUSPECT && window->suspect_probing);
}

int window_held(const struct window *window, int stream)
{
	int held = 0;
	const struct window_stream *entry = &window->streams[stream];
	for (int slot = entry->known ? entry->first : NONE; slot != NONE; slot = window->messages[slot].next)
		held++;
	return held;
}

int window_room(const struct window *window)
{
	int taken = window->count + window->beside;
	if (taken >= window->limit || (window->count > 0 && window->bytes >= window->bytes_max))
		return 0;
	return window->limit - taken;
}

void window_sent(struct window *window, int stream, int run, size_t bytes, int64_t now_ns)
{
	struct window_stream *entry = &window->streams[stream];
	int slot = window->free;
	CHECK(entry->known && slot != NONE && window->count + window->beside < window->limit);
	CHECK(run > 0 && (entry->hold == WINDOW_FLOWS || (entry->unanswered == 0 && run == 1)));
	struct window_message *message = &window->messages[slot];
	window->free = message->next;
	*message = (struct window_message){.sequence = entry->next,
	                                   .sent_ns = now_ns,
	                                   .run = (uint32_t)run,
	                                   .bytes = (uint32_t)bytes,
	                                   .next = NONE};
	if (entry->last == NONE)
		entry->first = slot;
	else
		window->messages[entry->last].next = slot;
	entry->last = slot;
	entry->next += run;
	entry->unanswered++;
	window->count++;
	window->bytes += bytes;
	if (entry->hold != WINDOW_FLOWS) {
		entry->probing = true;
		window->suspect_probing = window->suspect_probing || entry->hold == WINDOW_SUSPECT;
	}
	check_stream(window, entry);
}

/* Takes the message after `before` (NONE: the first) out of the stream's list. */
static void take_out(struct window *window, struct window_stream *stream, int before)
{
	int slot = before == NONE ? stream->first : window->messages[before].next;
	struct window_message *message = &window->messages[slot];
	if (before == NONE)
		stream->first = message->next;
	else
		window->messages[before].next = message->next;
	if (stream->last == slot)
		stream->last = before;
	if (!message->answered)
		stream->unanswered--;
	window->count--;
	window->bytes -= message->bytes;
	message->next = window->free;
	window->free = slot;
}

static void advance(struct window *window, struct window_stream *stream)
{
	while (stream->first != NONE) {
		const struct window_message *message = &window->messages[stream->first];
		if (!message->answered || message->sequence != stream->acked + 1)
			break;
		stream->acked += message->run;
		stream->losses = 0;
		take_out(window, stream, NONE);
	}
}

/* Of a held stream: answers above the refused message count for nothing, they are sent again after it. */
static void forget_answered(struct window *window, struct window_stream *stream)
{
	int before = NONE;
	int slot = stream->first;
	while (slot != NONE) {
		int next = window->messages[slot].next;
		if (window->messages[slot].answered)
			take_out(window, stream, before);
		else
			before = slot;
		slot = next;
	}
	if (stream->unanswered == 0)
		stream->next = stream->acked + 1;
}

static void end_probe(struct window *window, struct window_stream *stream)
{
	if (stream->probing && stream->hold == WINDOW_SUSPECT)
		window->suspect_probing = false;
	stream->probing = false;
}

static void hold_stream(struct window *window, struct window_stream *stream, enum window_hold hold,
                        uint8_t reason, int64_t now_ns)
{
	bool again = stream->probing;
	end_probe(window, stream);
	if (stream->hold != WINDOW_FLOWS && !again)
		return; /* the first refusal is told; later ones of the same window follow from it */
	stream->hold = hold;
	stream->reason = reason;
	stream->tries++;
	stream->retry_ns = now_ns + backoff_next(&stream->backoff, window->hal);
}

static void release_hold(struct window *window, struct window_stream *stream)
{
	end_probe(window, stream);
	stream->hold = WINDOW_FLOWS;
	stream->reason = 0;
	stream->tries = 0;
	backoff_reset(&stream->backoff);
}

bool window_skip(struct window *window, int stream, int64_t first)
{
	struct window_stream *entry = &window->streams[stream];
	CHECK(entry->known && entry->next < first);
	if (entry->first != NONE)
		return false;
	release_hold(window, entry);
	entry->losses = 0;
	entry->acked = first - 1;
	entry->next = first;
	check_stream(window, entry);
	return true;
}

/* The slot before the message of a sequence, in *before, and the message's own slot; NONE: not there. */
static int find(const struct window *window, const struct window_stream *stream, int64_t sequence,
                int *before)
{
	*before = NONE;
	for (int slot = stream->first; slot != NONE; slot = window->messages[slot].next) {
		if (window->messages[slot].sequence == sequence)
			return window->messages[slot].answered ? NONE : slot;
		*before = slot;
	}
	return NONE;
}

enum window_answer window_take(struct window *window, uint64_t token, enum window_hold hold, uint8_t reason,
                               int64_t now_ns)
{
	uint64_t id = token >> SEQUENCE_BITS;
	if (id == 0 || id > WINDOW_LANES_MAX || !window->streams[id].known)
		return WINDOW_UNKNOWN;
	struct window_stream *stream = &window->streams[id];
	int before;
	int slot = find(window, stream, (int64_t)(token & STORE_SEQUENCE_MAX), &before);
	if (slot == NONE)
		return WINDOW_UNKNOWN;
	if (hold == WINDOW_FLOWS) {
		window->messages[slot].answered = true;
		stream->unanswered--;
		advance(window, stream);
		if (stream->probing)
			release_hold(window, stream);
	} else {
		take_out(window, stream, before);
		hold_stream(window, stream, hold, reason, now_ns);
	}
	if (stream->hold != WINDOW_FLOWS)
		forget_answered(window, stream);
	check_stream(window, stream);
	return hold == WINDOW_FLOWS ? WINDOW_GOOD : WINDOW_HELD;
}

static void lose_stream(struct window *window, struct window_stream *stream, bool blame, uint8_t reason,
                        int64_t now_ns)
{
	if (stream->first == NONE)
		return;
	bool waited = stream->unanswered > 0;
	while (stream->first != NONE)
		take_out(window, stream, NONE);
	stream->next = stream->acked + 1;
	if (waited && blame)
		stream->losses++;
	if (stream->probing) {
		/* Of a refused stream this says nothing new; of a suspect it is the proof. */
		bool proof = blame && stream->hold == WINDOW_SUSPECT;
		int tries = stream->tries;
		hold_stream(window, stream, stream->hold, proof ? reason : stream->reason, now_ns);
		stream->tries = proof ? stream->tries : tries;
	} else if (stream->hold == WINDOW_FLOWS && stream->losses >= WINDOW_LOSSES) {
		stream->hold = WINDOW_SUSPECT;
		stream->reason = reason;
		stream->retry_ns = now_ns;
	}
	check_stream(window, stream);
}

void window_lost(struct window *window, bool blame, uint8_t reason, int64_t now_ns)
{
	for (int id = 1; id <= WINDOW_LANES_MAX; id++) {
		if (window->streams[id].known)
			lose_stream(window, &window->streams[id], blame, reason, now_ns);
	}
	window->beside = 0;
	CHECK(window->count == 0 && window->bytes == 0 && !window->suspect_probing);
}

int64_t window_oldest_ns(const struct window *window)
{
	int64_t oldest = INT64_MAX;
	for (int id = 1; id <= WINDOW_LANES_MAX && window->count > 0; id++) {
		const struct window_stream *stream = &window->streams[id];
		if (!stream->known)
			continue;
		/* In a stream the messages were sent in order: the first unanswered one is its oldest. */
		for (int slot = stream->first; slot != NONE; slot = window->messages[slot].next) {
			const struct window_message *message = &window->messages[slot];
			if (message->answered)
				continue;
			oldest = message->sent_ns < oldest ? message->sent_ns : oldest;
			break;
		}
	}
	return oldest;
}
