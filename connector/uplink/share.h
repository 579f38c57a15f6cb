/*
 * share.h - which stream sends next when there is less room than there is to send.
 *
 * Why:   a backlog of master data must not hold up an invoice, and no stream may wait for good.
 * Owns:  nothing; the list of streams is the caller's and is borrowed from share_begin() to the last share_next().
 * Rules: 1. Where several classes have something to send, they send 16 (immediate), 4 (normal) and 1 (bulk) messages in
 *           a round, in this order; who has nothing gives its part to the others and saves nothing up. Who has no place
 *           (rule 3) saves one round at most.
 *        2. Streams of one class take turns, by their ids, also from one share_begin() to the next.
 *        3. Bulk holds at most 3/4 of the window, normal and bulk together at most 7/8, so that a stream of a higher
 *           class finds a place at once. From three places on, each class can always send one. Places are kept for
 *           classes only that the configuration has.
 *        4. Pure: no store, no clock, no memory of its own.
 * Runs in: the core.
 * Tests: tests/unit/share_test.c
 */
#ifndef TWINPOST_SHARE_H
#define TWINPOST_SHARE_H

#include "config/config.h"

#define SHARE_CLASSES CONFIG_STREAM_CLASS_COUNT
#define SHARE_ALL     ((1u << SHARE_CLASSES) - 1)

struct share_stream {
	int id; /* above 0; each once in the list, in rising order */
	enum config_stream_class class_;
	int64_t waiting; /* messages that may be sent now */
};

struct share {
	unsigned classes;            /* 1 << class: may occur */
	int64_t paid[SHARE_CLASSES]; /* by each class for what it sent; the least goes next */
	int turn[SHARE_CLASSES];     /* id of the stream that sent last */
	/* Of the present pass. */
	struct share_stream *streams;
	int count;
	int room;
	int limit;
	int held[SHARE_CLASSES];
	int active[SHARE_CLASSES]; /* streams with something to send */
	int part[SHARE_CLASSES];   /* of the room at the beginning of the pass, for each of them */
	int named;                 /* index that share_next() gave last; -1: none */
	int most;                  /* and how many with it */
};

/* classes: those that the streams of this configuration may have (1 << class each). */
void share_init(struct share *share, unsigned classes);
/* The classes of a configuration's rules, the built-in one among them. */
unsigned share_classes_of(const struct config *config);

/* A pass begins: limit places are in the window, room of them are free, held[class] are taken by each class. `waiting`
 * of the streams is counted down as they send. */
void share_begin(struct share *share, int limit, int room, const int held[SHARE_CLASSES],
                 struct share_stream *streams, int count);
/* Index of the stream that sends next, and in *most how many messages (1 or more) it may send in a row; -1: none may
 * send now. The same answer until share_sent(). */
int share_next(struct share *share, int *most);
/* The stream that share_next() named sent so many, 0 to *most. Fewer: it sends no more in this pass. */
void share_sent(struct share *share, int index, int sent);

/* The most places that a class, with those below it, may hold (rule 3). */
int share_places(const struct share *share, enum config_stream_class class_, int limit);

#endif
