/*
 * forward_state.h - what the files of the forwarding machine share.
 *
 * Why:   connecting (forward.c), sending and answers (forward_send.c) and what the store and people are told
 *        (forward_tell.c) are three subjects on one state.
 * Owns:  struct forward owns the child, the window and one frame buffer.
 * Rules: 1. The window is empty in every state but UP and ENDING.
 *        2. Only forward_tell.c writes to the store and raises exceptions; the others note what is due.
 * Runs in: the core.
 * Tests: tests/unit/forward_test.c
 */
#ifndef TWINPOST_FORWARD_STATE_H
#define TWINPOST_FORWARD_STATE_H

#include "connector/uplink/backoff.h"
#include "connector/uplink/forward.h"
#include "connector/uplink/uplink_protocol.h"
#include "connector/uplink/window.h"
#include "hal/base/sm.h"

#define FORWARD_NEVER INT64_MAX

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

struct forward {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config *config;
	struct forward_sink sink;
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
	int turn;        /* index of the stream that is served first */
	bool blocked;    /* the child's queue is full */
	bool rewind_due; /* the broker has no memory of us: what it took lately is sent again */
	struct window window;
};

/* forward.c: ends a connection that failed: window, back-off, version, problem. The state is the caller's. */
void forward_lost(struct forward *forward, int down_class, int reason, const char *text, int64_t now_ns);
/* forward.c: begins to end the child. */
void forward_end_child(struct forward *forward, const char *why, int64_t now_ns);

/* forward_send.c. false: the child answered what was never asked. */
MUST_USE bool forward_take_acks(struct forward *forward, const struct uplink_acks *acks, int64_t now_ns);

/* forward_tell.c */
/* Something is to be told at the latest at that moment. */
void forward_tell_at(struct forward *forward, int64_t at_ns);
MUST_USE enum err forward_tell(struct forward *forward, int64_t now_ns, struct err_info *info);
void forward_tell_again(struct forward *forward, int64_t at_ns);

#endif
