/*
 * parts.c - how many lines go into each part.
 *
 * Why:   see parts.h.
 * Owns:  the buffer in which a line is measured.
 * Rules: 1. What surrounds the lines has the same length in every part but the first, so it is measured once: data of n
 *           lines are that and the lines and the n - 1 commas between them.
 *        2. Large documents are rare: lines are measured by writing them, and once more for each pass.
 * Faults: as in parts.h.
 * Runs in: the core.
 * Tests: tests/unit/parts_test.c
 */
#include "connector/uplink/parts.h"

#include <stdio.h>
#include <string.h>

#include "store_forward/store.h"

#define EMPTY_DATA_BYTES 2 /* {} */

size_t parts_data_max(size_t event_max, size_t envelope_bytes)
{
	size_t around = envelope_bytes - EMPTY_DATA_BYTES + PART_MEMBER_BYTES;
	CHECK(envelope_bytes >= EMPTY_DATA_BYTES);
	return event_max > around ? event_max - around : 0;
}

/* Bytes of data with these lines. */
static size_t measure(struct parts *parts, int from, int lines, bool others)
{
	const struct canonical_part range = {parts->section, from, lines, others};
	buf_clear(&parts->line);
	canonical_write_part(parts->canonical, parts->document, &range, &parts->line);
	return buf_ok(&parts->line) ? parts->line.len : SIZE_MAX;
}

/* Bytes of the list's comma, key and brackets. (The header is never empty: a subject stands in it.) */
static size_t list_bytes(const struct parts *parts)
{
	return strlen(document_spec(parts->document->type)->sections[parts->section].key) +
	       sizeof ",\"\":[]" - 1;
}

/* Bytes of one line by itself; SIZE_MAX: over every limit. */
static size_t measure_line(struct parts *parts, int line)
{
	size_t whole = measure(parts, line, 1, false);
	return whole == SIZE_MAX ? SIZE_MAX : whole - parts->later;
}

/* Sets next to as many lines as fit from here; false: not even one. */
static bool fill_next(struct parts *parts)
{
	struct part *next = &parts->next;
	int count = parts->document->sections[parts->section].count;
	size_t used = next->index == 1 ? parts->first : parts->later;
	next->lines = 0;
	while (next->from + next->lines < count) {
		size_t line = measure_line(parts, next->from + next->lines);
		size_t comma = next->lines > 0 ? 1 : 0;
		if (line == SIZE_MAX || used > parts->data_max || line + comma > parts->data_max - used)
			break;
		used += line + comma;
		next->lines++;
	}
	return next->lines > 0;
}

static void begin(struct parts *parts, int count)
{
	parts->next = (struct part){.index = 1, .count = count};
}

static bool step(struct parts *parts)
{
	parts->next.from += parts->next.lines;
	parts->next.index++;
	return parts->next.from < parts->document->sections[parts->section].count;
}

static enum err count_parts(struct parts *parts, struct err_info *info)
{
	begin(parts, 0);
	do {
		if (parts->next.index > PARTS_MAX)
			return err_set(
			    info, ERR_TOO_LARGE,
			    "it would be over %d events: raise uplink.message_size_max as far as the broker "
			    "allows",
			    PARTS_MAX);
		if (!fill_next(parts))
			return err_set(
			    info, ERR_TOO_LARGE,
			    "entry %d of its %s does not fit into an event by itself, which has room for %zu "
			    "bytes of data: raise uplink.message_size_max as far as the broker allows",
			    parts->next.from + 1,
			    document_spec(parts->document->type)->sections[parts->section].key,
			    parts->data_max);
	} while (step(parts));
	return ERR_OK;
}

enum err parts_open(struct parts *parts, const struct canonical *canonical, const struct document *document,
                    size_t data_max, struct err_info *info)
{
	const struct document_spec *spec = document_spec(document->type);
	*parts = (struct parts){.canonical = canonical, .document = document, .data_max = data_max};
	parts->section = spec->sections[SECTION_LINES].key ? SECTION_LINES : SECTION_APPLICATIONS;
	buf_init(&parts->line, data_max < STORE_EVENT_BYTES_MAX ? STORE_EVENT_BYTES_MAX : data_max);
	if (!spec->sections[parts->section].key || document->sections[parts->section].count == 0)
		return err_set(info, ERR_TOO_LARGE,
		               "it is too large for one event, and has no lines to split: raise "
		               "uplink.message_size_max as "
		               "far as the broker allows");
	size_t header = measure(parts, 0, 0, false);
	size_t header_and_others = measure(parts, 0, 0, true);
	if (header_and_others > data_max || list_bytes(parts) > data_max - header_and_others)
		return err_set(info, ERR_TOO_LARGE,
		               "its header, and its lists other than %s, do not fit into one event, which "
		               "has room for %zu "
		               "bytes of data: raise uplink.message_size_max as far as the broker allows",
		               spec->sections[parts->section].key, data_max);
	parts->later = header + list_bytes(parts);
	parts->first = header_and_others + list_bytes(parts);
	enum err err = count_parts(parts, info);
	begin(parts, parts->next.index - 1);
	return err;
}

void parts_close(struct parts *parts)
{
	buf_release(&parts->line);
}

bool parts_next(struct parts *parts, struct part *part)
{
	if (parts->next.index > parts->next.count)
		return false;
	CHECK(fill_next(parts));
	*part = parts->next;
	(void)step(parts);
	return true;
}

void parts_write(const struct parts *parts, const struct part *part, struct buf *out)
{
	const struct canonical_part range = {parts->section, part->from, part->lines, part->index == 1};
	canonical_write_part(parts->canonical, parts->document, &range, out);
}

void part_print(const struct part *part, char text[PART_TEXT_SIZE])
{
	CHECK(part->index >= 1 && part->index <= part->count && part->count <= PARTS_MAX);
	(void)snprintf(text, PART_TEXT_SIZE, "%d/%d", part->index, part->count);
}
