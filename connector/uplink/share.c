/*
 * share.c - weighted round robin over classes, and plain round robin over the streams of one.
 *
 * Why:   see share.h.
 * Owns:  nothing.
 * Rules: each class pays for a message what makes 16, 4 and 1 messages cost the same. The one that has paid least
 *        sends next, the higher of equal ones. Nobody falls behind the one that has paid most by more than a round, and
 *        who has nothing to send pays along: so neither an absence nor a want of places can be saved up.
 * Source: stride scheduling (Waldspurger and Weihl, 1995), in runs of a round as in deficit round robin (Shreedhar
 *         and Varghese, 1996), with messages for bytes.
 * Runs in: the core.
 * Tests: tests/unit/share_test.c
 */
#include "connector/uplink/share.h"

#define ROUND 16 /* what a class pays in a round */

/* For one message. */
static const int prices[SHARE_CLASSES] = {
    [CONFIG_STREAM_IMMEDIATE] = ROUND / 16,
    [CONFIG_STREAM_NORMAL] = ROUND / 4,
    [CONFIG_STREAM_BULK] = ROUND / 1,
};

void share_init(struct share *share, unsigned classes)
{
	CHECK(classes != 0 && (classes & ~SHARE_ALL) == 0);
	*share = (struct share){.classes = classes, .named = -1};
}

unsigned share_classes_of(const struct config *config)
{
	unsigned classes = 1u << CONFIG_STREAM_NORMAL;
	for (int i = 0; i < config->stream_count; i++)
		classes |= 1u << config->streams[i].class_;
	return classes;
}

static int at_least_one(int places)
{
	return places > 1 ? places : 1;
}

static int smaller(int a, int b)
{
	return a < b ? a : b;
}

int share_places(const struct share *share, enum config_stream_class class_, int limit)
{
	bool immediate = share->classes & 1u << CONFIG_STREAM_IMMEDIATE;
	bool normal = share->classes & 1u << CONFIG_STREAM_NORMAL;
	int above = (int)immediate + (int)normal;
	switch (class_) {
	case CONFIG_STREAM_BULK:
		/* One place for each class above it is kept, also where the quarter is less. */
		return above == 0 ? limit
		                  : at_least_one(smaller(limit - limit / 4 - (limit % 4 > 0), limit - above));
	case CONFIG_STREAM_NORMAL:
		return !immediate ? limit
		                  : at_least_one(smaller(limit - limit / 8 - (limit % 8 > 0), limit - 1));
	default:
		return limit;
	}
}

/* Places that the class may still take: its own limit, and those of the classes above it that it counts in. */
static int room_of(const struct share *share, int class_)
{
	int room = share->room;
	int together = 0;
	for (int i = SHARE_CLASSES - 1; i >= 0; i--) {
		together += share->held[i];
		if (i <= class_) {
			int places =
			    share_places(share, (enum config_stream_class)i, share->limit) - together;
			room = smaller(room, places);
		}
	}
	return room > 0 ? room : 0;
}

/* The rule of this file, at the beginning of a pass and after each sending. */
static void settle(struct share *share)
{
	int64_t most = 0, least = INT64_MAX;
	for (int i = 0; i < SHARE_CLASSES; i++)
		most = share->paid[i] > most ? share->paid[i] : most;
	for (int i = 0; i < SHARE_CLASSES; i++) {
		if (share->active[i] == 0)
			continue;
		if (share->paid[i] < most - ROUND)
			share->paid[i] = most - ROUND;
		least = share->paid[i] < least ? share->paid[i] : least;
	}
	if (least == INT64_MAX)
		least = most;
	for (int i = 0; i < SHARE_CLASSES; i++) {
		if (share->active[i] == 0 && share->paid[i] < least)
			share->paid[i] = least;
	}
}

void share_begin(struct share *share, int limit, int room, const int held[SHARE_CLASSES],
                 struct share_stream *streams, int count)
{
	CHECK(limit >= 1 && room >= 0 && room <= limit && count >= 0);
	share->streams = streams;
	share->count = count;
	share->room = room;
	share->limit = limit;
	share->named = -1;
	for (int i = 0; i < SHARE_CLASSES; i++) {
		share->held[i] = held[i];
		share->active[i] = 0;
	}
	for (int i = 0; i < count; i++) {
		CHECK(streams[i].id > (i > 0 ? streams[i - 1].id : 0) && streams[i].waiting >= 0);
		CHECK(share->classes & 1u << streams[i].class_);
		share->active[streams[i].class_] += streams[i].waiting > 0;
	}
	for (int i = 0; i < SHARE_CLASSES; i++)
		share->part[i] =
		    share->active[i] > 0 ? at_least_one(room_of(share, i) / share->active[i]) : 0;
	settle(share);
}

static bool may_send(const struct share *share, int class_)
{
	return share->active[class_] > 0 && room_of(share, class_) > 0;
}

/* The class whose turn it is; -1: none may send. *round: how many messages until it has paid as much as the next one
 * that may; where it has, a whole round. */
static int next_class(const struct share *share, int64_t *round)
{
	int first = -1, second = -1;
	for (int i = 0; i < SHARE_CLASSES; i++) {
		if (!may_send(share, i))
			continue;
		if (first < 0 || share->paid[i] < share->paid[first]) {
			second = first;
			first = i;
		} else if (second < 0 || share->paid[i] < share->paid[second]) {
			second = i;
		}
	}
	int64_t behind = second < 0 ? 0 : share->paid[second] - share->paid[first];
	if (first >= 0 && second < 0)
		*round = share->room;
	else if (first >= 0)
		*round = behind > 0 ? (behind + prices[first] - 1) / prices[first] : ROUND / prices[first];
	return first;
}

/* The stream of the class after the one that sent last. */
static int next_stream(const struct share *share, int class_)
{
	int first = -1;
	for (int i = 0; i < share->count; i++) {
		const struct share_stream *stream = &share->streams[i];
		if ((int)stream->class_ != class_ || stream->waiting == 0)
			continue;
		if (stream->id > share->turn[class_])
			return i;
		if (first < 0)
			first = i;
	}
	CHECK(first >= 0);
	return first;
}

int share_next(struct share *share, int *most)
{
	int64_t round = 0;
	int class_ = next_class(share, &round);
	if (class_ < 0)
		return -1;
	int index = next_stream(share, class_);
	/* Runs spare reading: each stream's even part of the room, as far as the round goes while others wait too. */
	int run = smaller(share->part[class_], room_of(share, class_));
	run = round < run ? (int)round : run;
	share->named = index;
	share->most = share->streams[index].waiting < run ? (int)share->streams[index].waiting : run;
	*most = share->most;
	return index;
}

void share_sent(struct share *share, int index, int sent)
{
	CHECK(index >= 0 && index == share->named && sent >= 0 && sent <= share->most);
	struct share_stream *stream = &share->streams[index];
	int class_ = (int)stream->class_;
	CHECK(sent <= stream->waiting && sent <= room_of(share, class_));
	share->named = -1;
	stream->waiting = sent < share->most ? 0 : stream->waiting - sent;
	if (stream->waiting == 0)
		share->active[class_]--;
	share->turn[class_] = stream->id;
	share->paid[class_] += (int64_t)sent * prices[class_];
	share->held[class_] += sent;
	share->room -= sent;
	settle(share);
}
