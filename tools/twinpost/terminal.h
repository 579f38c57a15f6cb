/*
 * terminal.h - text for people: colour, width, columns, ages, sizes.
 *
 * Why:   every command prints in one plain style, and nothing an ERP holds can play tricks on a terminal.
 * Owns:  struct table owns its cells.
 * Rules: 1. Text from outside goes through terminal_text(): control characters become '?'.
 *        2. A width is counted in characters, not bytes. Only a terminal has a width; elsewhere nothing is cut.
 * Runs in: the CLI.
 * Tests: tests/unit/terminal_test.c, tests/unit/test_cli.py
 */
#ifndef TWINPOST_TERMINAL_H
#define TWINPOST_TERMINAL_H

#include "hal/base/bytes.h"

struct terminal {
	bool is_terminal;
	bool colour;
	int columns; /* INT_MAX: no limit */
};

/* Looks at standard output, NO_COLOR and TERM. */
void terminal_init(struct terminal *terminal);

enum terminal_style { STYLE_PLAIN, STYLE_BOLD, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_FAINT };
void terminal_style(const struct terminal *terminal, enum terminal_style style,
                    struct buf *out); /* PLAIN ends one */

/* Appends text without control characters; NULL is nothing. */
void terminal_text(const char *text, struct buf *out);
/* Each of its lines so: an agent's words may hold what an ERP or a broker said. */
void terminal_lines(const char *text, struct buf *out);
/* Its first characters alone: an instant without its fraction. */
void terminal_start(const char *text, int characters, struct buf *out);
/* The same as terminal_text(), in lines of the terminal's width, each after `indent` blanks; the first stands there
 * already. */
void terminal_wrapped(const struct terminal *terminal, const char *text, int indent, struct buf *out);

#define WORDS_SIZE 32
/* "3 s", "5 min", "2 h", "4 days". */
void age_words(int64_t seconds, char words[WORDS_SIZE]);
/* "999 B", "12.3 KiB", "4.0 GiB". */
void size_words(int64_t bytes, char words[WORDS_SIZE]);
/* "1,234,567". */
void count_words(int64_t count, char words[WORDS_SIZE]);
/* An amount with separators: "-117,168.99". What is too long or no amount stays as it is, cut to the size. */
#define AMOUNT_WORDS_SIZE 64
void amount_words(const char *amount, char words[AMOUNT_WORDS_SIZE]);

#define TABLE_COLUMNS_MAX 8
struct table {
	int columns;
	unsigned right; /* bit i: column i is right-aligned */
	int rows;
	char **cells; /* rows * columns */
};
/* The heads are the first row. */
void table_init(struct table *table, int columns, unsigned right, const char *const *heads);
void table_add(struct table *table, const char *const *cells); /* NULL and "" give "-" */
/* Each line begins with `indent` blanks; on a terminal the last column is cut at its edge. Releases the table. */
void table_finish(struct table *table, const struct terminal *terminal, int indent, struct buf *out);
void table_release(struct table *table); /* of one that is not shown; a zeroed one is allowed */

#endif
