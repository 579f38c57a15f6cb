/*
 * retention.c - deletes outbox rows once acknowledged, and exceptions once cleared, when their window has passed.
 *
 * Why:   the cloud may ask for a replay for a while; after that the box needs the space.
 * Owns:  the `pruned` mark and the policy of each stream.
 * Rules: 1. Per stream from its oldest row on, so that what remains is a run without gaps; and no further than the
 *           stream's policy allows: what a receipt covers, what is settled. Where outcomes are not awaited, what is
 *           deleted is settled by that.
 *        2. A time of acknowledgement in the future (the clock was wrong then, or is now) is replaced by now: its
 *           window begins again. Time that is wrong may lengthen the window or end it early; it never touches a row
 *           that was not acknowledged.
 *        3. Acknowledgements of rows that are gone are joined, not deleted: see acks.c.
 * Faults: as in store.h.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

/* A clock that is corrected by less than this does not begin windows again. */
#define FUTURE_NS (3600 * NS_PER_S)

/* Of the table of acknowledgements, in one call. */
#define ACKS_LOOKED_MAX 256

static bool awaits_outcomes(const struct stream *stream)
{
	return stream->sla || stream->when == STORE_PRUNE_BOOKED;
}

/* The last sequence that the stream's policy lets go. */
static int64_t policy_end(const struct stream *stream)
{
	int64_t end = stream->now.shown.acked_sequence;
	if (stream->when == STORE_PRUNE_COSIGNED && stream->now.shown.receipt_size < end)
		end = stream->now.shown.receipt_size;
	if (awaits_outcomes(stream) && stream->now.settled < end)
		end = stream->now.settled;
	return stream->hold < end ? stream->hold : end;
}

void store_stream_policy(struct store *store, int stream_id, enum store_prune_when when, bool sla)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	stream->when = when;
	stream->sla = sla;
}

void store_stream_hold(struct store *store, int stream_id, int64_t sequence)
{
	struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	stream->hold = sequence;
}

/* The last sequence that may go now, at least `pruned`. */
static enum err prune_end(struct store *store, struct stream *stream, int64_t now_ns, int64_t limit,
                          int64_t *end, struct err_info *info)
{
	struct stream_state *now = &stream->now;
	int64_t allowed = policy_end(stream);
	*end = now->pruned;
	while (*end < allowed && *end - now->pruned < limit) {
		struct ack_row row;
		enum err err = ack_find(store, now->shown.id, now->shown.epoch, *end + 1, &row, info);
		if (err == ERR_NOT_FOUND) /* acknowledged in this very transaction */
			return ERR_OK;
		if (err != ERR_OK)
			return err;
		if (row.at > now_ns && row.at - now_ns > FUTURE_NS) {
			row.at = now_ns;
			err = ack_put(store, &row, info);
			if (err != ERR_OK)
				return err;
		}
		/* The difference may overflow only for times that no clock shows. */
		int64_t age = 0;
		if (__builtin_sub_overflow(now_ns, row.at, &age) || age < store->retention_ns)
			return ERR_OK;
		*end = row.last < allowed ? row.last : allowed;
	}
	if (*end - now->pruned > limit)
		*end = now->pruned + limit;
	return ERR_OK;
}

static enum err prune_stream(struct store *store, struct stream *stream, int64_t now_ns, int limit,
                             int *deleted, struct err_info *info)
{
	int64_t end = 0;
	enum err err = prune_end(store, stream, now_ns, limit, &end, info);
	if (err != ERR_OK || end == stream->now.pruned)
		return err;
	CHECK(end <= stream->now.shown.acked_sequence);
	sqlite3_stmt *statement = store_statement(store, STATEMENT_OUTBOX_DELETE);
	sql_bind_int(statement, 1, outbox_key(stream->now.shown.id, stream->now.pruned + 1));
	sql_bind_int(statement, 2, outbox_key(stream->now.shown.id, end));
	err = store_run(store, statement, "deleting what the retention allows", info);
	if (err != ERR_OK)
		return err;
	stream_touch(stream);
	*deleted += (int)(end - stream->now.pruned);
	stream->now.pruned = end;
	return awaits_outcomes(stream) ? ERR_OK : settle_up_to(store, stream, end, info);
}

int64_t store_outbox_first(const struct store *store, int stream_id)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	return stream->now.pruned + 1;
}

enum err store_prune(struct store *store, int64_t now_ns, int limit, int *deleted, struct err_info *info)
{
	CHECK(limit >= 0);
	*deleted = 0;
	enum err err = store_writable(store, info);
	for (int i = 0; i < store->stream_count && err == ERR_OK && *deleted < limit; i++)
		err = prune_stream(store, store->streams[i], now_ns, limit - *deleted, deleted, info);
	if (err == ERR_OK)
		err = exceptions_prune(store, now_ns, limit - *deleted, deleted, info);
	if (err == ERR_OK)
		err = checkpoints_prune(store, now_ns, limit - *deleted, deleted, info);
	if (err == ERR_OK)
		err = acks_join(store, now_ns, limit < ACKS_LOOKED_MAX ? limit : ACKS_LOOKED_MAX, info);
	return err;
}
