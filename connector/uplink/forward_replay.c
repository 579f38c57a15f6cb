/*
 * forward_replay.c - what is sent again on request: one replay after the other, over its own lane.
 *
 * Why:   a subscriber with a gap gets the original bytes on up/replay/{stream}; the live order is not disturbed.
 * Owns:  the place of the replay in the lane; the replay itself is the store's.
 * Rules: 1. Its progress is told to the store with the acknowledgements, so that a restart goes on where it was.
 *        2. One is begun when its command is committed.
 *        3. What retention has taken meanwhile, or a new epoch has ended, cuts it short, and the sink is told so.
 * Runs in: the core.
 * Tests: tests/unit/forward_lane_test.c
 */
#include "connector/uplink/forward_state.h"

enum err forward_replay_begin(struct forward *forward, struct err_info *info)
{
	struct forward_replay *replay = &forward->replay;
	/* One of an open transaction may yet be taken back. */
	if (replay->active || store_replay_count(forward->store) == 0 || store_in_transaction(forward->store))
		return ERR_OK;
	enum err err = store_replay_first(forward->store, &replay->job, info);
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	window_learn(&forward->window, WINDOW_LANE_REPLAY, replay->done);
	replay->base = forward->window.streams[WINDOW_LANE_REPLAY].acked;
	replay->done = replay->base;
	replay->cut = false;
	replay->active = true;
	return ERR_OK;
}

static enum err end(struct forward *forward, bool whole, struct err_info *info)
{
	struct forward_replay *replay = &forward->replay;
	enum err err = store_replay_end(forward->store, replay->job.id, info);
	if (err == ERR_OK)
		err = forward->sink.replayed(forward->sink.self, replay->job.command, whole, info);
	if (err == ERR_OK)
		replay->active = false;
	return err;
}

enum err forward_replay_tell(struct forward *forward, struct err_info *info)
{
	struct forward_replay *replay = &forward->replay;
	const struct window_stream *lane = &forward->window.streams[WINDOW_LANE_REPLAY];
	if (!replay->active)
		return ERR_OK;
	enum err err = ERR_OK;
	if (lane->acked > replay->done) {
		err = store_replay_advance(forward->store, replay->job.id,
		                           replay->job.next + lane->acked - replay->base, info);
		if (err == ERR_OK)
			replay->done = lane->acked;
	}
	bool whole = replay->done - replay->base == replay->job.to - replay->job.next + 1;
	if (err == ERR_OK && (whole || (replay->cut && lane->unanswered == 0)))
		err = end(forward, whole, info);
	return err;
}

void forward_replay_rolled_back(struct forward *forward)
{
	/* The store is told again. One that had ended in the lost transaction is begun again: some go out twice. */
	forward->replay.done = forward->replay.base;
}
