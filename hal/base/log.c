/*
 * log.c - writes one numbered event as one line.
 *
 * Why:   see log.h.
 * Owns:  nothing.
 * Rules: a line is never longer than LOG_LINE_MAX; what does not fit is cut, with "..." at its end.
 * Runs in: every process.
 * Tests: tests/unit/base_test.c
 */
#include "hal/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct event_text {
	int number;
	enum log_level level;
	const char *name;
};

static const struct event_text events[] = {
#define LOG_TEXT(number, name, level, text) {number, LOG_LEVEL_##level, text},
    LOG_EVENTS(LOG_TEXT)
#undef LOG_TEXT
};

static const struct event_text *find(enum log_event event)
{
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		if (events[i].number == (int)event)
			return &events[i];
	}
	BUG("log event outside the list");
}

static void to_stderr(void *self, enum log_level level, const char *line)
{
	(void)self;
	(void)level;
	(void)fprintf(stderr, "%s\n", line);
}

void log_init_stderr(struct log *log, enum log_level level)
{
	*log = (struct log){.sink = to_stderr, .self = NULL, .level = level};
}

void log_event(const struct log *log, enum log_event event, const char *format, ...)
{
	const struct event_text *text = find(event);
	if (!log || !log->sink || text->level > log->level)
		return;
	char line[LOG_LINE_MAX];
	int used = snprintf(line, sizeof line, "<%d>%d %s ", (int)text->level, text->number, text->name);
	CHECK(used > 0 && (size_t)used < sizeof line);
	va_list args;
	va_start(args, format);
	int more = vsnprintf(line + used, sizeof line - (size_t)used, format, args);
	va_end(args);
	CHECK(more >= 0);
	if ((size_t)(used + more) >= sizeof line)
		memcpy(line + sizeof line - 4, "...", 4);
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	}
	log->sink(log->self, text->level, line);
}
