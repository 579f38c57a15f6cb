/*
 * forward_state.h - what the files of the forwarding machine share.
 *
 * Why:   states and events (forward.c), connections (forward_connect.c), sending and answers (forward_send.c), and
 *        what the store and people are told (forward_tell.c) are subjects on one state.
 * Owns:  struct forward owns the child, the window and one frame buffer.
 * Rules: 1. The window is empty in every state but UP and ENDING.
 *        2. Only forward_tell.c writes to the store and raises exceptions; the others note what is due.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#ifndef TWINPOST_FORWARD_STATE_H
#define TWINPOST_FORWARD_STATE_H

#include "connector/uplink/backoff.h"
#include "connector/uplink/batch.h"
#include "connector/uplink/forward.h"
#include "connector/uplink/rate.h"
#include "connector/uplink/share.h"
#include "connector/uplink/uplink_protocol.h"
#include "connector/uplink/window.h"
#include "hal/base/sm.h"
#include "store_forward/mail.h"
#include "store_forward/replay.h"

#define FORWARD_NEVER INT64_MAX
#define FORWARD_CHILD "uplink" /* its name in the log */
/* The tokens of prompts of QoS 1 and 0: no lane has them. */
#define FORWARD_PROMPT_TOKEN   UINT64_MAX
#define FORWARD_PROMPT_TOKEN_0 (UINT64_MAX - 1)

/* How the child is being ended. */
enum forward_ending { FORWARD_END_ASKED, FORWARD_END_TERM, FORWARD_END_KILL };

/* What people are told of the connection as a whole. */
enum forward_outage { FORWARD_NO_OUTAGE, FORWARD_OUTAGE_DUE, FORWARD_OUTAGE_TOLD };

/* What people were told of a stream. */
struct forward_told {
	bool raised;
	enum window_hold hold;
	bool cleared_once; /* what an earlier run of the program left open is cleared at the first good ack */
	bool clear_due;
};

/* What is sent, one lane of the window each (forward_lane.c). */
struct forward_lane {
	int id;                            /* a stream's, WINDOW_LANE_MAIL or WINDOW_LANE_REPLAY */
	const struct store_stream *stream; /* NULL: mail or replay */
	enum config_stream_class class_;
	int64_t committed; /* up to it there is something to send */
	int64_t acked;     /* as the store knows it */
	int batch;         /* events a message, 1: none */
};

/* The replay that is under way. Its lane counts messages since the start of the program. */
struct forward_replay {
	bool active;
	bool cut;                /* retention or a new epoch has taken what was left of it */
	struct store_replay job; /* next: as it was when the lane stood at base */
	int64_t base;            /* of the lane, when the job began */
	int64_t done;            /* of the lane: what the store was told */
};

struct forward {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct forward_sink sink;
	const char *boot;
	struct sm sm;
	hal_child child;     /* 0: none */
	int64_t deadline_ns; /* of the state: next try, CONNACK, next signal */
	int64_t retry_ns;    /* after ENDING */
	enum forward_ending ending;
	bool stopping;
	int64_t stop_ns; /* the window's last chance */
	struct backoff backoff;
	uint8_t version; /* enum uplink_version of the next or present connection */
	int closes;      /* before CONNACK, in a row, with this version */
	bool spoke_5;    /* this broker has answered in MQTT 5 since the start */
	bool fell_back;  /* 3.1.1 only because of closes before CONNACK */
	int failures;    /* since the last UP */
	int64_t up_ns;
	int64_t down_ns; /* when it was not up for the first time since */
	char endpoint[CONFIG_PATH_MAX + 8];
	char tls[16];
	char problem[ERR_TEXT_MAX];
	int64_t ack_check_ns; /* no ack can be late before */
	/* To be told (forward_tell.c). */
	int64_t tell_ns; /* when; FORWARD_NEVER: nothing */
	enum forward_outage outage;
	bool outage_clear_due;
	bool outage_cleared_once;
	struct forward_told told[WINDOW_LANES_MAX + 1];
	uint64_t sent;
	uint64_t acked;
	uint64_t connections;
	struct buf frame;
	struct buf message; /* a payload that is made while sending */
	struct batch batch;
	struct rate rate;
	int64_t
	    rate_due_ns; /* when the rate lets something pass again; FORWARD_NEVER: it does not hold anything back */
	struct share share;
	struct share_stream share_streams[WINDOW_LANES_MAX];
	int lane_index[WINDOW_LANES_MAX];
	const struct config_stream_rule *rules[STORE_STREAMS_MAX + 1]; /* by id, found when first asked for */
	bool paused[STORE_STREAMS_MAX + 1];                            /* by id */
	struct forward_replay replay;
	int host;            /* 0: uplink.host; n: fallback_hosts[n - 1] */
	bool subscribes;     /* the next connection asks for dn/ */
	bool retains;        /* up/state is published with the retain flag */
	bool listens;        /* ... and the broker has granted it */
	bool greet_due;      /* UP since the sink was told */
	bool prompt_refused; /* since UP */
	uint64_t inbound;    /* messages taken from the broker */
	int untaken;         /* ... that are to be given back to the child still */
	uint64_t dropped;    /* messages that the child could not hand on */
	bool blocked;        /* the child's queue is full, or the rate is used up */
	bool rewind_due;     /* the broker has no memory of us: what it took lately is sent again */
	struct window window;
};

/* forward.c: begins to end the child. */
void forward_end_child(struct forward *forward, const char *why, int64_t now_ns);

/* forward_connect.c */
/* host: as in struct forward. */
void forward_choose_host(struct forward *forward, int host);
/* A connection, or the attempt, failed: window, back-off, version, host, problem. The state is the caller's. */
void forward_lost(struct forward *forward, int down_class, int reason, const char *text, int64_t now_ns);
/* ... and its child is not to be used again. */
void forward_lost_and_end(struct forward *forward, const char *text, int64_t now_ns);
/* Spawns a child where there is none, and tells it to connect. */
void forward_try_connect(struct forward *forward, int64_t now_ns);
void forward_take_up(struct forward *forward, const struct uplink_up *up, int64_t now_ns);
/* At least 1. */
static inline uint32_t forward_seconds(int64_t ns)
{
	return (uint32_t)(ns < NS_PER_S ? 1 : ns / NS_PER_S);
}

/* forward_send.c. false: the child answered what was never asked. */
MUST_USE bool forward_take_acks(struct forward *forward, const struct uplink_acks *acks, int64_t now_ns);

/* forward_lane.c */
int forward_lane_count(const struct forward *forward);
void forward_lane_at(struct forward *forward, int index, struct forward_lane *lane);
/* Sends up to so many messages of the lane, of which `waiting` events may be sent. */
MUST_USE enum err forward_lane_send(struct forward *forward, const struct forward_lane *lane,
                                    int64_t messages, int64_t waiting, int64_t now_ns, int *sent,
                                    struct err_info *info);
/* "tp1/{tenant}/{gateway}/{kind}", and "/{stream}" where it is not NULL. */
void forward_topic(const struct forward *forward, const char *kind, const char *stream,
                   char topic[UPLINK_TOPIC_BYTES_MAX + 1]);
const struct config_stream_rule *forward_rule(struct forward *forward, const struct store_stream *stream);

/* forward_replay.c */
/* Takes the oldest replay that waits, where none is under way. */
MUST_USE enum err forward_replay_begin(struct forward *forward, struct err_info *info);
/* In an open transaction: what was answered since; its end is told to the sink. */
MUST_USE enum err forward_replay_tell(struct forward *forward, struct err_info *info);
void forward_replay_rolled_back(struct forward *forward);

/* forward_prompt.c */
/* false: the token is no prompt's. */
bool forward_prompt_answer(struct forward *forward, uint64_t token, uint8_t reason);
void forward_prompt_death(struct forward *forward);

/* forward_tell.c */
/* Something is to be told at the latest at that moment. */
void forward_tell_at(struct forward *forward, int64_t at_ns);
MUST_USE enum err forward_tell(struct forward *forward, int64_t now_ns, struct err_info *info);
void forward_tell_again(struct forward *forward, int64_t at_ns);

#endif
