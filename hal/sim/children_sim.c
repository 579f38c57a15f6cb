/*
 * children_sim.c - the streams, lives and deaths of simulated children.
 *
 * Why:   see children_sim.h.
 * Owns:  per child its two streams and the role's object.
 * Rules: as in children_sim.h; and HAL_CHILD_EXITED comes after the last byte of its stream.
 * Faults: cut frames at a kill, garbage: they go through the same decoder as on Linux.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#include "hal/sim/children_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hal/frame.h"
#include "hal/sim/hal_sim.h"

/* A child that has this much undelivered is a mistake of the test. */
#define STREAM_BYTES_MAX (64u * 1024u * 1024u)
#define KILL_NS_MAX      (2 * NS_PER_MS) /* until a killed child is reported */

struct piece {
	struct piece *next;
	int64_t at_mono_ns;
	bool kept; /* flushed: it arrives even if the child dies */
	size_t len;
	uint8_t bytes[];
};

struct stream {
	struct piece *first;
	struct piece *last;
	size_t bytes;
	int64_t last_at_mono_ns;
	struct frame_decoder decoder;
};

struct sim_child {
	hal_child id; /* 0: the slot is free */
	struct hal_sim *sim;
	const struct sim_child_ops *ops;
	void *self;
	bool alive;
	bool dying; /* it exits or crashes when the op returns */
	bool hung;
	bool held;
	bool waiting; /* it holds; its decoder may hold whole frames */
	bool more;    /* a frame was handed to the core; its decoder may hold another */
	bool bad;
	int64_t wake_mono_ns; /* INT64_MAX: not asked for */
	int64_t terminate_mono_ns;
	int64_t exit_mono_ns;
	struct stream to_core;
	struct stream to_child;
	char how[ERR_TEXT_MAX + 64];
};

struct children_sim {
	struct hal_sim *sim;
	struct sim_child slots[HAL_CHILDREN_MAX];
	hal_child last_id;
	uint32_t turn;
	char how[ERR_TEXT_MAX + 64];
};

static void stream_init(struct stream *stream)
{
	*stream = (struct stream){.first = NULL};
	frame_decoder_init(&stream->decoder);
}

static void drop_first(struct stream *stream)
{
	struct piece *piece = stream->first;
	stream->bytes -= piece->len;
	stream->first = piece->next;
	if (!stream->first)
		stream->last = NULL;
	free(piece);
}

static void stream_release(struct stream *stream)
{
	while (stream->first)
		drop_first(stream);
	frame_decoder_release(&stream->decoder);
}

static void stream_put(struct hal_sim *sim, struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct piece *piece = mem_alloc(sizeof *piece + len);
	int64_t at = sim->mono_ns + sim_random_between(&sim->random, 0, sim->options.delay_ns_max);
	piece->at_mono_ns = at > stream->last_at_mono_ns ? at : stream->last_at_mono_ns;
	piece->len = len;
	memcpy(piece->bytes, bytes, len);
	stream->last_at_mono_ns = piece->at_mono_ns;
	stream->bytes += len;
	CHECK(stream->bytes <= STREAM_BYTES_MAX);
	if (stream->last)
		stream->last->next = piece;
	else
		stream->first = piece;
	stream->last = piece;
}

/* In one or two pieces, so that frames come in parts. */
static void stream_put_split(struct hal_sim *sim, struct stream *stream, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return;
	size_t first =
	    sim_random_one_in(&sim->random, 8) ? 1 + (size_t)sim_random_below(&sim->random, len) : len;
	stream_put(sim, stream, bytes, first);
	if (first < len)
		stream_put(sim, stream, bytes + first, len - first);
}

/* Moves bytes that have arrived into the decoder. false: none has. */
static bool stream_take(struct stream *stream, int64_t now)
{
	struct piece *piece = stream->first;
	if (!piece || piece->at_mono_ns > now)
		return false;
	size_t room;
	uint8_t *to = frame_decoder_space(&stream->decoder, &room);
	size_t len = piece->len < room ? piece->len : room;
	memcpy(to, piece->bytes, len);
	frame_decoder_received(&stream->decoder, len);
	if (len == piece->len) {
		drop_first(stream);
	} else {
		memmove(piece->bytes, piece->bytes + len, piece->len - len);
		piece->len -= len;
		stream->bytes -= len;
	}
	return true;
}

/* Death keeps what was flushed, and of the rest a part that ends anywhere. */
static void cut_stream(struct hal_sim *sim, struct stream *stream)
{
	size_t loose = 0;
	for (struct piece *piece = stream->first; piece; piece = piece->next)
		loose += piece->kept ? 0 : piece->len;
	if (loose == 0)
		return;
	size_t keep = (size_t)sim_random_below(&sim->random, loose + 1);
	struct piece **link = &stream->first;
	stream->last = NULL;
	stream->bytes = 0;
	while (*link) {
		struct piece *piece = *link;
		if (!piece->kept) {
			piece->len = piece->len < keep ? piece->len : keep;
			keep -= piece->len;
		}
		if (piece->len == 0) {
			*link = piece->next;
			free(piece);
			continue;
		}
		stream->bytes += piece->len;
		stream->last = piece;
		link = &piece->next;
	}
}

struct children_sim *children_sim_new(struct hal_sim *sim)
{
	struct children_sim *children = mem_alloc(sizeof *children);
	children->sim = sim;
	return children;
}

static void end_life(struct sim_child *child)
{
	if (child->alive && child->self)
		child->ops->end(child->self);
	child->alive = false;
	child->self = NULL;
}

static void free_slot(struct sim_child *child)
{
	end_life(child);
	stream_release(&child->to_core);
	stream_release(&child->to_child);
	*child = (struct sim_child){.id = 0};
}

void children_sim_reset(struct children_sim *children)
{
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		if (children->slots[i].id != 0)
			free_slot(&children->slots[i]);
	}
}

void children_sim_free(struct children_sim *children)
{
	children_sim_reset(children);
	free(children);
}

static struct children_sim *children_of(struct hal *hal)
{
	return ((struct hal_sim *)(void *)hal)->children;
}

static struct sim_child *find(struct children_sim *children, hal_child id)
{
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		if (children->slots[i].id == id)
			return &children->slots[i];
	}
	return NULL;
}

/* The process is gone; the core is told later, when the stream has run out. */
static void die(struct sim_child *child, bool cut)
{
	struct hal_sim *sim = child->sim;
	end_life(child);
	child->dying = false;
	if (cut)
		cut_stream(sim, &child->to_core);
	child->exit_mono_ns = sim->mono_ns + sim_random_between(&sim->random, 0, KILL_NS_MAX);
	while (child->to_child.first)
		drop_first(&child->to_child);
}

static void after_op(struct sim_child *child)
{
	if (child->dying)
		die(child, true);
}

enum err children_sim_spawn(struct hal *hal, enum hal_role role, const char *name, hal_child *child_id,
                            struct err_info *info)
{
	struct children_sim *children = children_of(hal);
	struct hal_sim *sim = children->sim;
	struct sim_child *child = find(children, 0);
	if (!child)
		return err_set(info, ERR_FULL, "starting child %s: %d children live already", name,
		               HAL_CHILDREN_MAX);
	if (!sim->roles[role] || hal_sim_is_off(sim))
		return err_set(info, ERR_IO, "starting child %s: refused", name);
	*child = (struct sim_child){.id = ++children->last_id,
	                            .sim = sim,
	                            .ops = sim->roles[role],
	                            .alive = true,
	                            .wake_mono_ns = INT64_MAX,
	                            .terminate_mono_ns = INT64_MAX};
	stream_init(&child->to_core);
	stream_init(&child->to_child);
	*child_id = child->id;
	child->self = child->ops->start(sim->worlds[role], child, name);
	CHECK(child->self != NULL);
	after_op(child);
	return ERR_OK;
}

enum err children_sim_send(struct hal *hal, hal_child id, uint8_t type, const void *payload, size_t len)
{
	struct children_sim *children = children_of(hal);
	struct sim_child *child = find(children, id);
	if (!child || !child->alive)
		return ERR_GONE;
	if (hal_sim_is_off(children->sim))
		return ERR_OK; /* it leads nowhere */
	if (child->to_child.bytes + len + FRAME_HEADER_BYTES > HAL_CHILD_QUEUE_MAX)
		return ERR_AGAIN;
	struct buf frame;
	buf_init(&frame, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	frame_encode(&frame, type, payload, len);
	stream_put_split(children->sim, &child->to_child, frame.data, frame.len);
	buf_release(&frame);
	return ERR_OK;
}

void children_sim_signal(struct hal *hal, hal_child id, enum hal_signal signal)
{
	struct sim_child *child = find(children_of(hal), id);
	if (!child || !child->alive)
		return;
	if (signal == HAL_SIGNAL_KILL) {
		(void)snprintf(child->how, sizeof child->how, "killed by signal 9");
		die(child, true);
	} else if (child->terminate_mono_ns == INT64_MAX) {
		child->terminate_mono_ns = child->sim->mono_ns;
	}
}

static bool next_of(struct children_sim *children, struct sim_child *child, struct hal_child_event *event)
{
	int64_t now = children->sim->mono_ns;
	while (!child->bad) {
		struct err_info info;
		struct frame frame;
		enum err err = frame_decoder_next(&child->to_core.decoder, &frame, &info);
		if (err == ERR_OK) {
			child->more = true;
			*event = (struct hal_child_event){.kind = HAL_CHILD_FRAME,
			                                  .child = child->id,
			                                  .type = frame.type,
			                                  .payload = frame.payload,
			                                  .len = frame.len};
			return true;
		}
		if (err == ERR_BAD_INPUT) {
			child->bad = true;
			if (child->alive)
				die(child, false);
			(void)snprintf(child->how, sizeof child->how, "sent what is no frame: %.400s",
			               info.text);
			while (child->to_core.first)
				drop_first(&child->to_core);
			break;
		}
		if (!stream_take(&child->to_core, now))
			break;
	}
	child->more = false;
	if (child->alive || child->to_core.first || child->exit_mono_ns > now)
		return false;
	memcpy(children->how, child->how, sizeof children->how);
	*event = (struct hal_child_event){.kind = HAL_CHILD_EXITED, .child = child->id, .how = children->how};
	free_slot(child);
	return true;
}

bool children_sim_next(struct hal *hal, struct hal_child_event *event)
{
	struct children_sim *children = children_of(hal);
	if (hal_sim_is_off(children->sim))
		return false;
	for (uint32_t i = 0; i < HAL_CHILDREN_MAX; i++) {
		uint32_t slot = (children->turn + i) % HAL_CHILDREN_MAX;
		if (children->slots[slot].id != 0 && next_of(children, &children->slots[slot], event)) {
			children->turn = slot + 1;
			return true;
		}
	}
	return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* When the child itself next does something. */
static int64_t child_due(const struct sim_child *child)
{
	if (!child->alive || child->hung)
		return INT64_MAX;
	int64_t due = earlier(child->wake_mono_ns, child->terminate_mono_ns);
	if (!child->held && child->waiting)
		return earlier(due, child->sim->mono_ns);
	if (!child->held && child->to_child.first)
		due = earlier(due, child->to_child.first->at_mono_ns);
	return due;
}

/* When something of the child next reaches the core. */
static int64_t core_due(const struct sim_child *child)
{
	if (child->more)
		return 0;
	if (child->to_core.first)
		return child->to_core.first->at_mono_ns;
	return child->alive ? INT64_MAX : child->exit_mono_ns;
}

int64_t children_sim_due(const struct children_sim *children)
{
	int64_t due = INT64_MAX;
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		const struct sim_child *child = &children->slots[i];
		if (child->id != 0)
			due = earlier(due, earlier(child_due(child), core_due(child)));
	}
	return due;
}

bool children_sim_ready(const struct children_sim *children)
{
	for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
		const struct sim_child *child = &children->slots[i];
		if (child->id != 0 && core_due(child) <= children->sim->mono_ns)
			return true;
	}
	return false;
}

static void terminate(struct sim_child *child)
{
	child->terminate_mono_ns = INT64_MAX;
	if (child->ops->terminate) {
		child->ops->terminate(child->self);
	} else {
		(void)snprintf(child->how, sizeof child->how, "killed by signal 15");
		child->dying = true;
	}
}

/* The earliest of what is due in the child. */
static void run_child(struct sim_child *child)
{
	int64_t due = child_due(child);
	if (due == child->terminate_mono_ns) {
		terminate(child);
	} else if (due == child->wake_mono_ns) {
		child->wake_mono_ns = INT64_MAX;
		child->ops->wake(child->self);
	} else {
		CHECK(child->waiting || stream_take(&child->to_child, due));
		child->waiting = false;
		struct frame frame;
		while (!child->dying && !child->hung && !child->held &&
		       frame_decoder_next(&child->to_child.decoder, &frame, NULL) == ERR_OK)
			child->ops->frame(child->self, frame.type, frame.payload, frame.len);
		child->waiting = child->held;
	}
	after_op(child);
}

void children_sim_run(struct children_sim *children)
{
	for (;;) {
		struct sim_child *first = NULL;
		for (int i = 0; i < HAL_CHILDREN_MAX; i++) {
			struct sim_child *child = &children->slots[i];
			if (child->id != 0 && child_due(child) <= children->sim->mono_ns &&
			    (!first || child_due(child) < child_due(first)))
				first = child;
		}
		if (!first)
			return;
		run_child(first);
	}
}

void sim_child_send(struct sim_child *child, uint8_t type, const void *payload, size_t len)
{
	struct buf frame;
	buf_init(&frame, FRAME_HEADER_BYTES + FRAME_PAYLOAD_MAX);
	frame_encode(&frame, type, payload, len);
	sim_child_send_raw(child, frame.data, frame.len);
	buf_release(&frame);
}

void sim_child_send_raw(struct sim_child *child, const void *bytes, size_t len)
{
	if (!child->dying)
		stream_put_split(child->sim, &child->to_core, bytes, len);
}

void sim_child_flush(struct sim_child *child)
{
	for (struct piece *piece = child->to_core.first; piece; piece = piece->next)
		piece->kept = true;
}

void sim_child_exit(struct sim_child *child, int status)
{
	sim_child_flush(child);
	child->dying = true;
	(void)snprintf(child->how, sizeof child->how, "exit status %d", status);
}

void sim_child_crash(struct sim_child *child, int signal)
{
	child->dying = true;
	(void)snprintf(child->how, sizeof child->how, "killed by signal %d", signal);
}

void sim_child_hang(struct sim_child *child)
{
	child->hung = true;
}

void sim_child_hold(struct sim_child *child, bool hold)
{
	child->held = hold;
}

void sim_child_wake_at(struct sim_child *child, int64_t mono_ns)
{
	CHECK(child->ops->wake != NULL);
	child->wake_mono_ns = mono_ns;
}

int64_t sim_child_now(const struct sim_child *child)
{
	return child->sim->mono_ns;
}

struct sim_random *sim_child_random(struct sim_child *child)
{
	return &child->sim->random;
}
