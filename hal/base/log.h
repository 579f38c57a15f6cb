/*
 * log.h - numbered events, one line each, for the journal and for machines.
 *
 * Why:   a person at two in the morning and a log collector read the same line.
 * Owns:  nothing; the sink is given by the program.
 * Rules: 1. Every line is one event of LOG_EVENTS: `<priority>number name key=value ...: sentence`.
 *        2. The object comes first (source=erp, stream=00001), the sentence last.
 *        3. Secrets have no printer: no function here takes a struct secret.
 *        4. Numbers are never reused; new events take new numbers.
 * Runs in: every process; children write to their standard error, which the core's supervisor inherits.
 * Tests: tests/unit/base_test.c
 */
#ifndef TWINPOST_LOG_H
#define TWINPOST_LOG_H

#include "hal/base/err.h"

/* Priorities of syslog(3), which the journal understands as the prefix <n>. */
enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* number, identifier, level, name */
#define LOG_EVENTS(X)                                                 \
	X(100, AGENT_STARTED, NOTICE, "agent-started")                \
	X(101, AGENT_STOPPED, NOTICE, "agent-stopped")                \
	X(102, AGENT_FAILED, ERROR, "agent-failed")                   \
	X(103, STATE_ENTERED, DEBUG, "state-entered")                 \
	X(110, CHILD_STARTED, INFO, "child-started")                  \
	X(111, CHILD_ENDED, INFO, "child-ended")                      \
	X(112, CHILD_KILLED, WARNING, "child-killed")                 \
	X(113, CHILD_SPOKE_BADLY, ERROR, "child-spoke-badly")         \
	X(114, CHILD_NOT_CONFINED, NOTICE, "child-not-confined")      \
	X(115, RULES_LOADED, NOTICE, "rules-loaded")                  \
	X(200, SOURCE_CONNECTED, NOTICE, "source-connected")          \
	X(201, SOURCE_FAILED, WARNING, "source-failed")               \
	X(202, SOURCE_CYCLE_DONE, DEBUG, "source-cycle-done")         \
	X(203, SOURCE_QUERY_STOPPED, ERROR, "source-query-stopped")   \
	X(204, SOURCE_NOT_READ_ONLY, WARNING, "source-not-read-only") \
	X(205, PULL_PAUSED, WARNING, "pull-paused")                   \
	X(206, PULL_RESUMED, NOTICE, "pull-resumed")                  \
	X(207, DOCUMENT_EXCLUDED, INFO, "document-excluded")          \
	X(300, UPLINK_CONNECTED, NOTICE, "uplink-connected")          \
	X(301, UPLINK_LOST, WARNING, "uplink-lost")                   \
	X(302, UPLINK_REFUSED, WARNING, "uplink-refused")             \
	X(303, UPLINK_VERSION, NOTICE, "uplink-version")              \
	X(304, INBOUND_DROPPED, WARNING, "inbound-dropped")           \
	X(305, COMMAND_TAKEN, NOTICE, "command-taken")                \
	X(306, COMMAND_REFUSED, WARNING, "command-refused")           \
	X(307, CHECKPOINT_MADE, DEBUG, "checkpoint-made")             \
	X(308, RECEIPT_TAKEN, INFO, "receipt-taken")                  \
	X(309, INBOUND_REFUSED, WARNING, "inbound-refused")           \
	X(310, KEY_MADE, NOTICE, "key-made")                          \
	X(311, KEY_ROTATED, NOTICE, "key-rotated")                    \
	X(400, STORE_OPENED, NOTICE, "store-opened")                  \
	X(401, STORE_SALVAGED, ERROR, "store-salvaged")               \
	X(402, STORE_FULL, ERROR, "store-full")                       \
	X(403, STORE_FAILED, ERROR, "store-failed")                   \
	X(404, STORE_MIGRATED, NOTICE, "store-migrated")              \
	X(405, STORE_PRUNED, INFO, "store-pruned")                    \
	X(500, EXCEPTION_RAISED, WARNING, "exception-raised")         \
	X(501, EXCEPTION_CLEARED, NOTICE, "exception-cleared")        \
	X(600, CONTROL_REFUSED, WARNING, "control-refused")           \
	X(700, CLOCK_STEPPED, WARNING, "clock-stepped")

enum log_event {
#define LOG_ENUM(number, name, level, text) LOG_##name = (number),
	LOG_EVENTS(LOG_ENUM)
#undef LOG_ENUM
};

#define LOG_LINE_MAX 2048

struct log {
	/* Gets one whole line without newline, already with its <n> prefix. */
	void (*sink)(void *self, enum log_level level, const char *line);
	void *self;
	enum log_level level; /* events above it are not written */
};

/* A log to standard error, for the program and its children. */
void log_init_stderr(struct log *log, enum log_level level);

/* log may be NULL: nothing is written. Control characters in the text are shown as '?'. */
void log_event(const struct log *log, enum log_event event, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
