/*
 * window.h - which messages are unanswered, how far each stream is acknowledged, and which streams hold.
 *
 * Why:   the decisions of forwarding, apart from its effects: no store, no child, no clock of its own.
 * Owns:  a fixed table of messages and one of streams; nothing is allocated after window_init().
 * Rules: 1. Per stream in sequence; a sequence is in the table at most once. The token of a message is
 *           stream << 40 | sequence. A message may carry a run of sequences (a batch): its token is the first one's,
 *           its answer stands for all.
 *        2. acked moves over a contiguous run of good answers only. An answered message keeps its place until
 *           the run reaches it, so one missing answer shuts the window instead of growing a list.
 *        3. A refused message holds its stream: what is unanswered of it is awaited, then one message at a
 *           time is tried (a probe) after a back-off; what came behind the refused message is sent again in
 *           order.
 *        4. A stream whose messages were unanswered when the connection ended, WINDOW_LOSSES times in a row
 *           without progress, is suspected of ending it (a broker of MQTT 3.1.1, and AWS IoT, close the
 *           connection on what they refuse): its probes go out while no other suspect's does, so that the
 *           culprit is found and the other streams flow.
 *        5. Bytes are bounded too: the child keeps a copy of all that is unanswered, and some brokers count them.
 *        6. Two lanes beside the streams follow the same rules: the mail (its ids are its sequences) and the replay
 *           (a count of what was sent again). A lane's number stands where a stream's id would.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#ifndef TWINPOST_WINDOW_H
#define TWINPOST_WINDOW_H

#include "connector/uplink/backoff.h"
#include "store_forward/store.h"

#define WINDOW_MESSAGES_MAX 1000
#define WINDOW_BYTES_MAX    (1024u * 1024u)
#define WINDOW_LOSSES       3
#define WINDOW_LANE_MAIL    (STORE_STREAMS_MAX + 1)
#define WINDOW_LANE_REPLAY  (STORE_STREAMS_MAX + 2)
#define WINDOW_LANES_MAX    (STORE_STREAMS_MAX + 2)

enum window_hold {
	WINDOW_FLOWS,
	WINDOW_REFUSED,       /* a person must act */
	WINDOW_NO_SUBSCRIBER, /* MQTT 5 reason 0x10 and uplink.no_subscriber: hold */
	WINDOW_TOO_LARGE,
	WINDOW_PASSING, /* quota and the like: passes by itself */
	WINDOW_SUSPECT, /* rule 4 */
};

struct window_message {
	int64_t sequence; /* the first of the run */
	int64_t sent_ns;
	uint32_t run; /* sequences in it */
	uint32_t bytes;
	bool answered;
	int next; /* of the same stream, or of the free list; -1: none */
};

struct window_stream {
	bool known;
	int64_t acked; /* every sequence up to it has a good answer */
	int64_t next;  /* to be sent */
	int first;     /* messages in sequence; -1: none */
	int last;
	int unanswered;
	int losses; /* rule 4 */
	enum window_hold hold;
	uint8_t reason;
	int tries; /* of the held message, the first included */
	bool probing;
	int64_t retry_ns;
	struct backoff backoff;
};

struct window {
	int limit;          /* messages, 1 to WINDOW_MESSAGES_MAX */
	uint64_t bytes_max; /* at most WINDOW_BYTES_MAX; a larger message goes alone */
	int count;          /* in the table: unanswered, or answered above a gap */
	int beside; /* unanswered messages that are not in the table and take a place of the broker's window too */
	uint64_t bytes;
	int free;
	bool suspect_probing;
	int64_t retry_min_ns;
	int64_t retry_max_ns;
	struct hal *hal; /* for the entropy of back-off */
	struct window_message messages[WINDOW_MESSAGES_MAX];
	struct window_stream streams[WINDOW_LANES_MAX + 1]; /* by id, then the lanes */
};

enum window_answer { WINDOW_UNKNOWN, WINDOW_GOOD, WINDOW_HELD };

void window_init(struct window *window, struct hal *hal, int64_t retry_min_ns, int64_t retry_max_ns);
uint64_t window_token(int stream, int64_t sequence);
/* Makes a stream known (no effect if it is): sequences up to acked have been answered before. */
void window_learn(struct window *window, int stream, int64_t acked);
/* Sends again from the sequence after `acked`, though later ones were answered before. Only while nothing of the stream
 * is in the table. */
void window_rewind(struct window *window, int stream, int64_t acked);
/* Goes on at `first`, because what is before it is no longer there to be sent; a hold of the stream ends, its message
 * is gone. false: something of the stream is in the table; its answers are awaited first. */
MUST_USE bool window_skip(struct window *window, int stream, int64_t first);
/* How many messages of the stream may be sent now, given that sequences up to committed exist: 0, 1 for a
 * probe, or all that there are. The window's own room is apart. */
int64_t window_sendable(const struct window *window, int stream, int64_t committed, int64_t now_ns);
/* Places that messages of the stream take now. */
int window_held(const struct window *window, int stream);
/* Messages that fit; 0 also when the bytes are used up. */
int window_room(const struct window *window);
/* Notes that `run` sequences from `next` of the stream were sent in one message. Only when window_sendable() and
 * window_room() said so; a probe is one sequence. */
void window_sent(struct window *window, int stream, int run, size_t bytes, int64_t now_ns);
/* Takes the answer to a token. hold WINDOW_FLOWS: good; else why it is refused. WINDOW_UNKNOWN: no such
 * message. */
enum window_answer window_take(struct window *window, uint64_t token, enum window_hold hold, uint8_t reason,
                               int64_t now_ns);
/* The connection has ended: nothing unanswered stands. blame: it ended by itself, so rule 4 applies, and
 *                           reason is what
 * the broker said (0: nothing). */
void window_lost(struct window *window, bool blame, uint8_t reason, int64_t now_ns);
/* When the oldest unanswered message was sent; INT64_MAX: there is none. */
int64_t window_oldest_ns(const struct window *window);

#endif
