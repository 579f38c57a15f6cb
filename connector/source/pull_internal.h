/*
 * pull_internal.h - what the files of the pull machine share. Only they and their test include it.
 *
 * Why:   the machine has three subjects: its child's life (pull.c), its feeds (pull_feed.c), the units of a
 *        gate (pull_unit.c).
 * Owns:  as in pull.h.
 * Rules: 1. Requests are answered in the order they were sent: requests[0] is the one that rows belong to.
 *        2. A request that is `ignored` is still under way in the child; its rows are passed over.
 *        3. A feed's position in memory is the one of the open transaction; after a rollback it is read from
 *           the store.
 * Runs in: the core.
 * Tests: tests/unit/pull_test.c, tests/unit/pull_fault_test.c
 */
#ifndef TWINPOST_PULL_INTERNAL_H
#define TWINPOST_PULL_INTERNAL_H

#include "connector/source/assemble.h"
#include "connector/source/position.h"
#include "connector/source/pull.h"
#include "connector/source/statement.h"
#include "connector/uplink/backoff.h"
#include "hal/base/sm.h"
#include "hal/frame.h"

#define PULL_PIPELINE_MAX         4   /* requests under way at once: the child never waits for the core */
#define PULL_UNITS_MAX            512 /* units of one gate page */
#define PULL_UNIT_KEY_MAX         128
#define PULL_UNIT_STAMP_MAX       48
#define PULL_HELD_MAX             64 /* held units that are read again before the next re-reading */
#define PULL_HELD_RETRY_NS        (60 * NS_PER_S)
#define PULL_HELD_RETRY_DOUBLINGS 4
#define PULL_ROWS_PER_DOCUMENT    8 /* a guess: a page that is too small for a document grows */
#define PULL_ROWS_MIN             256
#define PULL_ROWS_MAX             8000 /* about 4 MB with a driver that holds whole results */
#define PULL_UNITS_SCANNED        4096 /* of the store, for held ones, in one step: a few milliseconds */
#define HELD_NOWHERE              INT64_MAX
#define PULL_STOPPED_RETRY_NS     (300 * NS_PER_S)
#define PULL_TRANSIENTS_MAX       10
#define PULL_STRIKES_MAX          3 /* a statement that hung or killed its child so often stops its feed */
#define PULL_DOWN_FAILURES        5 /* connections that failed in a row until a person is told */
#define PULL_TERM_NS              (2 * NS_PER_S)
#define PULL_WATCH_NS             (5 * NS_PER_S)
#define PULL_BUSY_NS              (10 * NS_PER_MS)
#define PULL_SLOTS                (1 + 2 * PROFILE_FEEDS_MAX)

_Static_assert(PULL_SLOTS <= SOURCE_STATEMENTS_MAX, "a slot for the clock and two for each feed");

enum request_kind { REQUEST_CLOCK, REQUEST_GATE, REQUEST_ROWS };

struct pull_request {
	uint32_t number;
	enum request_kind kind;
	int feed;
	int active; /* of REQUEST_ROWS behind a gate: index of the unit being read; -1: none */
	int limit;  /* rows asked for */
	bool ignored;
	uint32_t rows;
	/* Key of the last document that was finished; 0: none was. */
	size_t after_len;
	char after[PROFILE_KEY_BYTES_MAX];
};

/* A statement in the child. */
struct pull_slot {
	bool prepared;
	struct statement_shape shape;
	bool known; /* its columns came */
	uint16_t columns;
};

struct pull_unit {
	uint8_t key_len;
	uint8_t stamp_len;
	char key[PULL_UNIT_KEY_MAX];
	char stamp[PULL_UNIT_STAMP_MAX];
};

/* Units whose rows are being read with one statement, over one or more pages. */
struct pull_active {
	bool used;
	bool out;  /* a request for it is under way */
	int unit;  /* the first */
	int count; /* units that follow each other */
	int limit;
	int held; /* documents of all of them */
	uint32_t rows;
	size_t after_len;
	char after[PROFILE_KEY_BYTES_MAX];
};

struct pull_held {
	struct pull_unit unit;
	int tries;
	int64_t due_mono_ns;
};

/* The reading of everything that follows a start with open exceptions: what they ask for (a profile, a limit)
 * was perhaps put right meanwhile, and their rows may be older than any look-back. */
enum feed_full {
	FULL_NONE,
	FULL_DUE,     /* the next reading is it; one that a restart interrupted is first read to its end */
	FULL_RUNNING, /* begun since start */
	FULL_ENDED    /* at its end, in a transaction that may yet be lost */
};

enum feed_state {
	FEED_LOADING,   /* its position is read from the store, from due on */
	FEED_RESTING,   /* between readings, until due */
	FEED_CLOCK_OUT, /* the database's clock was asked for */
	FEED_READY,     /* the next page may be asked for */
	FEED_PAGE_OUT,
	FEED_UNITS,   /* the units of a gate page are being read */
	FEED_STOPPED, /* its statement failed; tried again when due */
};

struct pull_feed {
	const struct profile_feed *profile;
	struct assembler assembler;
	int16_t gate_columns[PROFILE_KEYS_MAX];
	enum feed_state state;
	int64_t due_mono_ns;
	struct position position;
	int limit;  /* rows of the next page (day_overlap) */
	bool again; /* poked while it was reading */
	bool first; /* its first reading since start */
	bool sweep; /* the next reading goes over the whole look-back */
	/* The clock at the beginning of the reading that looks back for `first`; NO_STAMP: none is under way. */
	int64_t look_clock;
	bool clear_due; /* its exceptions of an earlier failure may be open */
	enum feed_full full;
	/* The clock at the beginning of the reading from the beginning that this process began and that is under
	 * way; NO_STAMP: none. */
	int64_t whole_clock;
	/* Held documents are tried again: asked for, until a reading that began after it has ended. */
	bool retry;
	int64_t retry_clock; /* the clock at the beginning of that reading; NO_STAMP: it has not begun */
	/* Oldest stamps; HELD_NOWHERE: none. Of the rows of the open document; of held documents, as far as is known;
	 * the same when the reading began; of those held in this reading. Feeds without a gate alone. */
	int64_t row_stamp;
	int64_t held_from;
	int64_t held_before;
	int64_t held_seen;
	size_t retry_after_len; /* the last unit of the store that was looked at for it */
	char retry_after[PULL_UNIT_KEY_MAX];
	bool gate_bad; /* the reading met a gate row that cannot be used */
	int transients;
	int strikes;
	int64_t began_mono_ns;
	struct buf saved; /* the position's text as it was stored last */
	/* The gate's page. */
	struct pull_unit *units;
	int unit_count;
	int unit_next;
	int unit_rows; /* of one unit, on average lately */
	bool gate_full;
	size_t gate_after_len;
	char gate_after[PROFILE_KEY_BYTES_MAX];
	struct pull_active active[PULL_PIPELINE_MAX];
	struct pull_held held[PULL_HELD_MAX];
	int held_count;
	/* For status. */
	char why[ERR_TEXT_MAX];
	uint64_t documents;
	uint64_t rows;
	uint64_t cycles;
	int64_t last_cycle_ns;
};

struct pull {
	struct hal *hal;
	const struct log *log;
	struct store *store;
	const struct config_source *source;
	const struct profile *profile;
	const struct pull_sink *sink;
	struct position_pace pace;
	struct sm sm;
	char object[CONFIG_NAME_MAX + 8];
	bool paused;
	char paused_why[ERR_TEXT_MAX];
	/* The child. */
	hal_child child;
	bool opened;
	enum dialect dialect;
	struct span clock_sql;
	struct pull_slot slots[PULL_SLOTS];
	struct pull_request requests[PULL_PIPELINE_MAX];
	int request_count;
	uint32_t last_request;
	int64_t heard_mono_ns; /* last frame, or when the oldest request was sent to an idle child */
	int64_t stepped_mono_ns;
	int64_t term_mono_ns; /* 0: not asked to end */
	bool killed;
	bool strike_due; /* its end is held against the feed whose statement was under way */
	/* Trouble. */
	struct backoff backoff;
	struct backoff login_backoff;
	int failures;        /* in a row */
	bool down_due;       /* the exception source-down is to be raised */
	bool down_clear_due; /* it may be open and is to be cleared */
	int64_t retry_mono_ns;
	char problem[ERR_TEXT_MAX];
	char dbms[64];
	char driver[64];
	/* Feeds. */
	struct pull_feed *feeds;
	int feed_count;
	bool asked_open; /* whether exceptions were open at the start is known */
	int turn;        /* which feed is asked first for its next request */
	struct buf out;
	struct source_value *values; /* SOURCE_COLUMNS_MAX */
};

/* pull.c */
/* Ends the child, for a reason that a person can read; it is started again after a pause. */
void pull_fail(struct pull *pull, bool login, int64_t now, const char *why);
/* Raises an exception of this source. */
MUST_USE enum err pull_raise(struct pull *pull, const char *rule, struct span key, const char *text,
                             struct err_info *info);
MUST_USE enum err pull_clear(struct pull *pull, struct span key, struct err_info *info);

/* pull_request.c */
/* Sends as many requests as may be under way. An error is one of the store's. */
MUST_USE enum err pull_schedule(struct pull *pull, int64_t now, struct err_info *info);
/* Sends one request of this kind; false: the child takes no more now. */
bool pull_send(struct pull *pull, struct pull_feed *feed, enum request_kind kind, int active, int64_t now);

/* pull_feed.c */
void feed_init(struct pull *pull, struct pull_feed *feed, const struct profile_feed *profile);
void feed_release(struct pull_feed *feed);
/* What it read is doubtful: it begins again at its stored position, not before `due`. A stopped feed stays
 * stopped. */
void feed_restart(struct pull *pull, struct pull_feed *feed, int64_t due);
/* The store's transaction was lost: as feed_restart(), and what was cleared or looked for in it is so again.
 * */
void feed_rolled_back(struct pull *pull, struct pull_feed *feed, int64_t now);
/* Its held documents are tried again with the next reading. */
void feed_retry_held(struct pull_feed *feed);
/* The reading under way is the one that tries them. */
bool feed_retries(const struct pull_feed *feed);
/* Its statement cannot be run: it stops, with an exception of this rule. */
MUST_USE enum err feed_stop(struct pull *pull, struct pull_feed *feed, const char *rule, const char *why,
                            int64_t now, struct err_info *info);
/* Reads or keeps the position. */
MUST_USE enum err feed_load(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info);
MUST_USE enum err feed_save(struct pull *pull, struct pull_feed *feed, struct err_info *info);
/* Finds the feed's columns in the answer. false: why says which is missing and what there is. */
MUST_USE bool feed_columns(struct pull_feed *feed, bool gate, const struct source_columns *columns,
                           const char *path, char why[ERR_TEXT_MAX]);
/* One row, and the end, of the request at the head. */
MUST_USE enum err feed_row(struct pull *pull, struct pull_request *request, struct err_info *info);
MUST_USE enum err feed_done(struct pull *pull, struct pull_request *request, int64_t now,
                            struct err_info *info);
/* All pages of a reading were handed on. */
MUST_USE enum err feed_end(struct pull *pull, struct pull_feed *feed, int64_t now, struct err_info *info);
/* The open document of the request at the head is whole: hands it on. */
MUST_USE enum err feed_document(struct pull *pull, struct pull_request *request, struct err_info *info);
int feed_rows_limit(const struct pull *pull);

/* pull_unit.c */
MUST_USE enum err unit_row(struct pull *pull, struct pull_feed *feed, struct err_info *info);
MUST_USE enum err unit_gate_done(struct pull *pull, struct pull_feed *feed, struct pull_request *request,
                                 int64_t now, struct err_info *info);
MUST_USE enum err unit_rows_done(struct pull *pull, struct pull_feed *feed, struct pull_active *active,
                                 int64_t now, struct err_info *info);
/* A reading from the beginning met no bad row of the gate: ends their exceptions. */
MUST_USE enum err unit_gate_good(struct pull *pull, struct pull_feed *feed, struct err_info *info);
/* The next units to ask for: an index of feed->active, or -1. */
int unit_next(struct pull *pull, struct pull_feed *feed);
/* How many units the statement has places for that reads so many: 1, 4 or 12, at most max. */
int unit_places(int count, int max);

#endif
