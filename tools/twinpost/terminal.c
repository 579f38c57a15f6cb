/*
 * terminal.c - colour, width, columns, ages and sizes.
 *
 * Why:   see terminal.h.
 * Owns:  the cells of a table until table_finish().
 * Runs in: the CLI.
 * Tests: tests/unit/terminal_test.c, tests/unit/test_cli.py
 */
#include "tools/twinpost/terminal.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define COLUMNS_LEAST 40

void terminal_init(struct terminal *terminal)
{
	const char *no_colour = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct winsize size;
	*terminal = (struct terminal){.is_terminal = isatty(STDOUT_FILENO) == 1, .columns = INT_MAX};
	if (!terminal->is_terminal)
		return;
	/* no-color.org: any value but an empty one counts. */
	terminal->colour = !(no_colour && no_colour[0]) && term && strcmp(term, "dumb") != 0;
	terminal->columns = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		terminal->columns = size.ws_col < COLUMNS_LEAST ? COLUMNS_LEAST : size.ws_col;
}

void terminal_style(const struct terminal *terminal, enum terminal_style style, struct buf *out)
{
	/* ECMA-48, select graphic rendition. */
	static const char *const codes[] = {"\033[0m",  "\033[1m",  "\033[32m",
	                                    "\033[33m", "\033[31m", "\033[2m"};
	if (terminal->colour)
		buf_append_text(out, codes[style]);
}

/* Bytes of the character at text, 1 where it is not UTF-8. */
static size_t character_length(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 1;
	for (size_t i = 1; i < length; i++) {
		if (((unsigned char)text[i] & 0xc0) != 0x80)
			return 1;
	}
	return length;
}

/* C0, DEL and, in UTF-8, C1 controls: what a terminal may obey. */
static bool is_control(const char *text)
{
	unsigned char first = (unsigned char)text[0];
	return first < 0x20 || first == 0x7f || (first == 0xc2 && ((unsigned char)text[1] & 0xe0) == 0x80) ||
	       (first >= 0x80 && character_length(text) == 1);
}

static void append_limited(const char *text, int columns, struct buf *out)
{
	for (int column = 0; *text && column < columns; column++) {
		size_t length = character_length(text);
		if (is_control(text))
			buf_append_char(out, '?');
		else
			buf_append(out, text, length);
		text += length;
	}
}

static int width_of(const char *text)
{
	int width = 0;
	for (; *text; text += character_length(text))
		width++;
	return width;
}

void terminal_text(const char *text, struct buf *out)
{
	if (text)
		append_limited(text, INT_MAX, out);
}

void terminal_lines(const char *text, struct buf *out)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = mem_copy_text((struct span){text, length});
		terminal_text(line, out);
		free(line);
		buf_append_char(out, '\n');
		text += length + (text[length] == '\n');
	}
}

void terminal_start(const char *text, int characters, struct buf *out)
{
	append_limited(text, characters, out);
}

void terminal_wrapped(const struct terminal *terminal, const char *text, int indent, struct buf *out)
{
	int room = terminal->columns == INT_MAX ? INT_MAX : terminal->columns - indent;
	int column = 0;
	while (text && *text) {
		size_t bytes = strcspn(text, " ");
		char *word = mem_copy_text((struct span){text, bytes});
		int width = width_of(word);
		if (column > 0 && column + 1 + width > room) {
			buf_printf(out, "\n%*s", indent, "");
			column = 0;
		} else if (column > 0) {
			buf_append_char(out, ' ');
			column++;
		}
		terminal_text(word, out);
		free(word);
		column += width;
		text += bytes;
		text += strspn(text, " ");
	}
	buf_append_char(out, '\n');
}

void age_words(int64_t seconds, char words[WORDS_SIZE])
{
	if (seconds < 120)
		(void)snprintf(words, WORDS_SIZE, "%" PRId64 " s", seconds);
	else if (seconds < 120 * 60)
		(void)snprintf(words, WORDS_SIZE, "%" PRId64 " min", seconds / 60);
	else if (seconds < 48 * 3600)
		(void)snprintf(words, WORDS_SIZE, "%" PRId64 " h", seconds / 3600);
	else
		(void)snprintf(words, WORDS_SIZE, "%" PRId64 " days", seconds / 86400);
}

void size_words(int64_t bytes, char words[WORDS_SIZE])
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	if (bytes < 1024) {
		(void)snprintf(words, WORDS_SIZE, "%" PRId64 " B", bytes);
		return;
	}
	double value = (double)bytes / 1024;
	size_t unit = 0;
	/* 1023.95 would print as 1024.0. */
	for (; value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]; unit++)
		value /= 1024;
	(void)snprintf(words, WORDS_SIZE, "%.1f %s", value, units[unit]);
}

void count_words(int64_t count, char words[WORDS_SIZE])
{
	char digits[WORDS_SIZE];
	int len = snprintf(digits, sizeof digits, "%" PRId64, count);
	int to = 0;
	for (int i = 0; i < len && to + 2 < WORDS_SIZE; i++) {
		words[to++] = digits[i];
		int left = len - 1 - i;
		if (left > 0 && left % 3 == 0 && digits[i] != '-')
			words[to++] = ',';
	}
	words[to] = 0;
}

void amount_words(const char *amount, char words[AMOUNT_WORDS_SIZE])
{
	size_t sign = amount[0] == '-';
	size_t digits = strspn(amount + sign, "0123456789");
	const char *fraction = amount + sign + digits;
	size_t to = sign;
	(void)snprintf(words, AMOUNT_WORDS_SIZE, "%s", amount);
	if (strlen(amount) + digits / 3 >= AMOUNT_WORDS_SIZE || (fraction[0] && fraction[0] != '.'))
		return;
	for (size_t i = 0; i < digits; i++) {
		words[to++] = amount[sign + i];
		if (i + 1 < digits && (digits - 1 - i) % 3 == 0)
			words[to++] = ',';
	}
	(void)snprintf(words + to, AMOUNT_WORDS_SIZE - to, "%s", fraction);
}

void table_init(struct table *table, int columns, unsigned right, const char *const *heads)
{
	CHECK(columns > 0 && columns <= TABLE_COLUMNS_MAX);
	*table = (struct table){.columns = columns, .right = right};
	table_add(table, heads);
}

void table_add(struct table *table, const char *const *cells)
{
	size_t count = (size_t)(table->rows + 1) * (size_t)table->columns;
	table->cells = mem_grow(table->cells, count * sizeof *table->cells);
	for (int i = 0; i < table->columns; i++) {
		const char *cell = cells[i] && cells[i][0] ? cells[i] : "-";
		table->cells[table->rows * table->columns + i] = mem_copy_text(span_of(cell));
	}
	table->rows++;
}

static void append_row(const struct table *table, int row, const int *widths, int columns, struct buf *out)
{
	for (int i = 0; i < table->columns; i++) {
		const char *cell = table->cells[row * table->columns + i];
		bool right = (table->right >> i & 1) != 0;
		bool last = i == table->columns - 1;
		int blanks = widths[i] - width_of(cell);
		if (i > 0)
			buf_append_text(out, "  ");
		if (right)
			buf_printf(out, "%*s", blanks, "");
		bool cut = last && width_of(cell) > columns && columns > 3;
		append_limited(cell, cut ? columns - 3 : last ? columns : INT_MAX, out);
		if (cut)
			buf_append_text(out, "...");
		if (!right && !last)
			buf_printf(out, "%*s", blanks, "");
		columns -= widths[i] + 2;
	}
}

void table_finish(struct table *table, const struct terminal *terminal, int indent, struct buf *out)
{
	int widths[TABLE_COLUMNS_MAX] = {0};
	for (int i = 0; i < table->rows * table->columns; i++) {
		int width = width_of(table->cells[i]);
		if (width > widths[i % table->columns])
			widths[i % table->columns] = width;
	}
	for (int row = 0; row < table->rows; row++) {
		buf_printf(out, "%*s", indent, "");
		if (row == 0)
			terminal_style(terminal, STYLE_FAINT, out);
		append_row(table, row, widths,
		           terminal->columns == INT_MAX ? INT_MAX : terminal->columns - indent, out);
		if (row == 0)
			terminal_style(terminal, STYLE_PLAIN, out);
		buf_append_char(out, '\n');
	}
	table_release(table);
}

void table_release(struct table *table)
{
	for (int i = 0; i < table->rows * table->columns; i++)
		free(table->cells[i]);
	free(table->cells);
	*table = (struct table){0};
}
