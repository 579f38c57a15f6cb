/*
 * err.h - the three kinds of failure, and how each is told.
 *
 * Why:   a bug, an operating failure and bad input want different treatment; mixing them loses data or hides bugs.
 * Owns:  nothing.
 * Rules: 1. A bug is a CHECK: it is on in production, prints where it failed and aborts; the supervisor restarts us.
 *        2. An operating failure is an `enum err`; its detail goes into the caller's `struct err_info`.
 *        3. Bad input from outside is a decoder's result (usually ERR_BAD_INPUT), never a CHECK.
 *        4. Whoever decides what to do logs; nobody logs and returns.
 * Runs in: every process.
 * Tests: tests/unit/base_test.c
 */
#ifndef TWINPOST_ERR_H
#define TWINPOST_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* name, text for people. The numbers are internal; nothing outside may depend on them. */
#define ERR_LIST(X)                                         \
	X(OK, "ok")                                         \
	X(AGAIN, "not now: try again after the next event") \
	X(GONE, "the other side is gone")                   \
	X(IO, "input/output error")                         \
	X(FULL, "no space left")                            \
	X(CORRUPT, "stored data is damaged")                \
	X(BAD_INPUT, "bad input")                           \
	X(TOO_LARGE, "over a limit")                        \
	X(OVERFLOW, "number out of range")                  \
	X(NOT_FOUND, "not found")                           \
	X(CONFLICT, "in conflict with what is stored")      \
	X(TIMEOUT, "deadline passed")                       \
	X(DENIED, "not allowed")                            \
	X(UNSUPPORTED, "not supported")                     \
	X(VERSION, "made by another version")

enum err {
#define ERR_ENUM(name, text) ERR_##name,
	ERR_LIST(ERR_ENUM)
#undef ERR_ENUM
	    ERR_COUNT
};

#define MUST_USE                __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

#define ERR_TEXT_MAX 512

/* The caller owns it, zeroed or not; it is written only on failure. The text is one sentence for a person:
 * what happened, where, what to do next. */
struct err_info {
	enum err code;
	char text[ERR_TEXT_MAX];
};

/* "bad_input" for ERR_BAD_INPUT, and the sentence of the list above. */
const char *err_name(enum err code);
const char *err_text(enum err code);

/* Fills *info (NULL allowed) and returns code, so that `return err_set(info, ERR_IO, "...")` reads well. */
enum err err_set(struct err_info *info, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);

/* Prints "bug: expression, file:line, message" to standard error and aborts. */
_Noreturn void check_failed(const char *expression, const char *file, int line);

#define CHECK(expression)                                              \
	do {                                                           \
		if (!(expression))                                     \
			check_failed(#expression, __FILE__, __LINE__); \
	} while (0)

/* For a place that cannot be reached; what says which. */
#define BUG(what) check_failed(what, __FILE__, __LINE__)

#endif
