/*
 * forward.h - the machine that sends the outbox: one uplink child, a window, back-off, fair shares.
 *
 * Why:   every event reaches the broker at least once and in order per stream, whatever the network does.
 * Owns:  the uplink child, the window of unanswered messages (in memory only: rebuilt from the store).
 * Rules: 1. Only committed rows are sent. Per stream in sequence, never more than one copy unanswered.
 *        2. The window is the smaller of in_flight and the broker's Receive Maximum, and 1 MiB of events.
 *        3. Streams take turns, by class and in turn (share.h), so that a backlog in one never starves another; the
 *           mail goes with the streams of the highest class, replays with the bulk ones. uplink.rate_* is kept
 *           (rate.h).
 *        4. acked_sequence moves over a contiguous run of good acks only; after a lost connection everything
 *           above it is sent again.
 *        5. A refused message (reason >= 0x80, or 0x10 with no_subscriber: hold) holds its stream, alone,
 *           with an exception that names the reason; it is tried again with back-off, and nothing is skipped.
 *           So does a message that ends the connection again and again (window.h, rule 4).
 *        6. Back-off: full jitter between 0 and min(retry_max, retry_min * 2^n); reset after a minute up or
 *           an ack. What a person must mend (certificates, files, refused login) waits 5 s more, and is an
 *           exception at once.
 *        7. mqtt: auto begins with version 5. A refusal of the version means 3.1.1 (kept until restart; a later
 *           refusal of 3.1.1 goes back). So do two closes before CONNACK, but not once MQTT 5 was up, and with
 *           5 tried once more after each lost connection: a proxy before a broker that starts closes too, and
 *           3.1.1 has no reasons.
 *        8. A deadline that passes (connecting, an ack) ends the child: SIGTERM, after 2 s SIGKILL, then
 *           back-off.
 *        9. Exceptions: uplink-refused, uplink-no-subscriber, uplink-too-large (key: the stream), uplink-down
 *           (key: the first host:port; after a minute, five tries, or at once by rule 6). All end by themselves. What
 *           goes beside the streams has the keys up/mail and up/replay.
 *       10. A connection on which the broker knows no session of ours (it is new, or has lost its memory) begins
 *           with what was acknowledged within uplink.resend before the last answer, however long ago that
 *           was, sent again: a PUBACK is no proof that it was passed on.
 *       11. uplink.fallback_hosts are tried in turn after a host that could not be reached; a connection that was up
 *           and ends is tried again at the same host first.
 *       12. What comes from the broker is handed to the sink inside a transaction and given back to the child when the
 *           sink has taken it. The contract, not the PUBACK, tells the sender what was kept.
 * Source: MQTT 5.0 (OASIS, 2019) sections 3.2.2.2, 3.4.2.1, 4.9; back-off: "Exponential Backoff And Jitter"
 *         (AWS, 2015).
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c, tests/sim, tests/integration
 */
#ifndef TWINPOST_FORWARD_H
#define TWINPOST_FORWARD_H

#include "config/config.h"
#include "hal/hal.h"
#include "store_forward/store.h"

struct forward;

enum forward_state { FORWARD_STOPPED, FORWARD_WAITING, FORWARD_CONNECTING, FORWARD_UP, FORWARD_ENDING };

#define FORWARD_HELD_MAX 16

/* For the streams that hold: which, at what, why (MQTT reason; 0: the connection ended each time), next
 *                            try. */
struct forward_held {
	int stream;
	int64_t sequence;
	uint8_t reason;
	int64_t retry_mono_ns;
};

struct forward_status {
	const char *state; /* "up", "connecting", "waiting" */
	char host[CONFIG_PATH_MAX];
	int port;
	int version; /* 5 or 4 (3.1.1); 0: not connected yet */
	char tls[16];
	char problem[ERR_TEXT_MAX]; /* why it is not up; empty: nothing is wrong */
	int64_t retry_mono_ns;
	int window;
	int in_flight;
	uint64_t sent; /* since start, with repeats */
	uint64_t acked;
	uint64_t connections;
	uint64_t inbound; /* messages taken from the broker since start */
	uint64_t dropped;
	bool listens; /* dn/ is subscribed */
	int held_count;
	struct forward_held held[FORWARD_HELD_MAX];
};

struct forward_sink {
	void *self;
	enum err (*begin)(void *self,
	                  struct err_info *info); /* makes sure that a store transaction is open */
	enum err (*raise)(void *self, const struct store_exception *exception, struct err_info *info);
	/* Source "uplink"; rule "" means any. */
	enum err (*clear)(void *self, const char *rule, const char *key, struct err_info *info);
	/* A connection is up: what greets the subscribers is to be sent with forward_prompt(). */
	enum err (*greet)(void *self, struct err_info *info);
	/* A message of the broker, inside a transaction. topic: the part behind the gateway's name, from "dn/" on. */
	enum err (*inbound)(void *self, struct span topic, struct span payload, bool retained,
	                    struct err_info *info);
	/* Inside a transaction: the broker has acknowledged the stream up to stream->acked_sequence. */
	enum err (*acknowledged)(void *self, const struct store_stream *stream, struct err_info *info);
	/* Inside a transaction: this replay was sent whole, or cut short because the rest is no longer there. */
	enum err (*replayed)(void *self, const char *command, bool whole, struct err_info *info);
};

struct forward_options {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	const char *boot; /* of this start of the agent, for the will */
};

/* Borrows all its arguments for its life. */
struct forward *forward_new(const struct forward_options *options, const struct forward_sink *sink);
void forward_free(struct forward *forward); /* kills a living child */
/* Connects, watches deadlines, tells the store what was acknowledged. An error is one of the store's. */
MUST_USE enum err forward_step(struct forward *forward, int64_t now_mono_ns, int64_t *deadline,
                               struct err_info *info);
/* Sends committed rows as far as the window allows; rows of an open transaction are not touched. An error is
 * one of the store's (ERR_CORRUPT also where a row is missing). */
MUST_USE enum err forward_send(struct forward *forward, int64_t now_mono_ns, struct err_info *info);
/* When forward_step() is to be called at the latest, after forward_send(): a rate that is used up, and what was found
 * to be gone while sending, move it. */
int64_t forward_deadline(const struct forward *forward, int64_t now_mono_ns);
/* Sends nothing more of the stream, or goes on. In memory only. ERR_NOT_FOUND: there is no such stream. */
MUST_USE enum err forward_pause(struct forward *forward, const char *stream, bool resume,
                                struct err_info *info);
/* Tries a held stream now instead of after its back-off; stream NULL: the connection. */
void forward_try_now(struct forward *forward, const struct store_stream *stream, int64_t now_mono_ns);
/* Publishes on tp1/{tenant}/{gateway}/{kind} now, outside the window. false: not connected, or no room; nothing is
 * tried again. */
bool forward_prompt(struct forward *forward, const char *kind, struct span payload, uint8_t qos, bool retain);
/* Is there a connection, and room for one of QoS 1? For what is dear to make. */
bool forward_prompt_fits(const struct forward *forward);
bool forward_owns(const struct forward *forward, hal_child child);
MUST_USE enum err forward_event(struct forward *forward, const struct hal_child_event *event,
                                int64_t now_mono_ns, struct err_info *info);
/* What was told to the store since the last commit is told again, a second later. */
void forward_rolled_back(struct forward *forward, int64_t now_mono_ns);
/* Asks for an orderly end: no more is sent, DISCONNECT after the window is answered or the deadline is
 *                          over. */
void forward_stop(struct forward *forward, int64_t now_mono_ns);
bool forward_stopped(const struct forward *forward);
/* Nothing is unanswered, and nothing that was acknowledged before has still to be sent again. What was never sent is
 * the store's to tell. */
bool forward_idle(const struct forward *forward);
void forward_status(const struct forward *forward, struct forward_status *status);

#endif
