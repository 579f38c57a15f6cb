/*
 * err.c - names of failures, and the end of a process that found a bug.
 *
 * Why:   see err.h.
 * Owns:  nothing.
 * Rules: check_failed() never returns and allocates nothing.
 * Runs in: every process.
 * Tests: tests/unit/base_test.c
 */
#include "hal/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const names[ERR_COUNT] = {
    "ok",       "again",     "gone",     "io",      "full",   "corrupt",     "bad_input", "too_large",
    "overflow", "not_found", "conflict", "timeout", "denied", "unsupported", "version",
};

static const char *const texts[ERR_COUNT] = {
#define ERR_TEXT(name, text) text,
    ERR_LIST(ERR_TEXT)
#undef ERR_TEXT
};

const char *err_name(enum err code)
{
	CHECK((unsigned)code < ERR_COUNT);
	return names[code];
}

const char *err_text(enum err code)
{
	CHECK((unsigned)code < ERR_COUNT);
	return texts[code];
}

enum err err_set(struct err_info *info, enum err code, const char *format, ...)
{
	CHECK(code != ERR_OK);
	if (info) {
		va_list args;
		va_start(args, format);
		info->code = code;
		(void)vsnprintf(info->text, sizeof info->text, format, args);
		va_end(args);
	}
	return code;
}

void check_failed(const char *expression, const char *file, int line)
{
	(void)fprintf(stderr, "<2>bug: %s is false at %s:%d; please report it with the lines above\n",
	              expression, file, line);
	abort();
}
