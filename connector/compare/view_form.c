/*
 * view_form.c - the bytes of a view that are hashed, and the view's texts, in one buffer.
 *
 * Why:   see view.h, rule 5. The form holds most of the texts, so the view's spans point into it.
 * Owns:  nothing; the buffer is the view's.
 * Rules: 1. Unambiguous: what is there stands in flags before it, every text has its length, every list its count.
 *        2. Short: SHA-256 is what a view costs most.
 *        3. What is compared is part of it, so that sums made by other rules equal none of these.
 * Layout: version u8; type * 4 + missing codes * 2 + voided u8; set of compared attributes; entity; set of the compared
 *        attributes that are there, and their texts; set of amounts u8 (net, tax, gross, the same in local currency,
 *        local currency), the amounts, the local currency; number of lines, and each: flags u16 (low byte first), its
 *        texts in the order of the flags, its numbers. Sets, counts, lengths: varints; amounts: signed ones (varint.h).
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c, view_form_test.c
 */
#include <string.h>

#include "connector/compare/view_make.h"
#include "connector/posting/varint.h"

/* A text's length; the numbers before the lines. */
#define LENGTH_MAX 5
#define FIXED_MAX  (4 + 4 * VARINT_BYTES_MAX + (2 * VIEW_AMOUNT_COUNT) * VARINT_BYTES_MAX)

/* Flags of a line; bits 0 and 1 are its kind. */
#define LINE_ACCOUNT      (1u << 2)
#define LINE_COST_CENTRE  (1u << 3)
#define LINE_TAX_CODE     (1u << 4)
#define LINE_ENTITY       (1u << 5)
#define LINE_DEBIT        (1u << 6)
#define LINE_CREDIT       (1u << 7)
#define LINE_LOCAL        (1u << 8)
#define LINE_PARTIAL      (1u << 9)
#define LINE_BESIDE_FIRST 10
#define LINE_FLAG_BYTES   2

_Static_assert(LINE_BESIDE_FIRST + VIEW_BESIDE_COUNT <= 16, "a line's flags are 16 bits");

static size_t line_bytes_max(const struct view_line *line)
{
	size_t numbers = line->has_local ? 4 : 2;
	if (line->kind != VIEW_LINE_POSTING)
		numbers += VIEW_BESIDE_COUNT;
	return LINE_FLAG_BYTES + 4 * LENGTH_MAX + line->account.len + line->cost_centre.len +
	       line->tax_code.len + line->entity.len + numbers * VARINT_BYTES_MAX;
}

static size_t bytes_max(const struct view *view)
{
	size_t bytes = FIXED_MAX + LENGTH_MAX + view->entity.len + view->raw_entity.len + view->origin.len +
	               LENGTH_MAX + view->local_currency.len;
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++)
		bytes += LENGTH_MAX + view->attributes[i].len;
	for (int i = 0; i < VIEW_MISSING_MAX; i++)
		bytes += view->missing[i].code.len;
	for (int i = 0; i < view->line_count; i++)
		bytes += line_bytes_max(&view->lines[i]);
	return bytes;
}

/* The text without its length; the span points to where it stands now. */
static uint8_t *keep_text(uint8_t *at, struct span *text)
{
	if (text->len == 0) {
		*text = (struct span){NULL, 0};
		return at;
	}
	memcpy(at, text->data, text->len);
	text->data = (const char *)at;
	return at + text->len;
}

static uint8_t *put_text(uint8_t *at, struct span *text)
{
	return keep_text(varint_put(at, text->len), text);
}

static uint8_t *put_units(uint8_t *at, int64_t units)
{
	return varint_put(at, varint_fold(units));
}

static uint8_t *put_amounts(uint8_t *at, struct view *view)
{
	unsigned set = 0;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		set |= (unsigned)view->has_amount[i] << i;
		set |= (unsigned)view->has_local_amount[i] << (VIEW_AMOUNT_COUNT + i);
	}
	set |= (unsigned)view->has_local << (2 * VIEW_AMOUNT_COUNT);
	*at++ = (uint8_t)set;
	for (int i = 0; i < VIEW_AMOUNT_COUNT; i++) {
		if (view->has_amount[i])
			at = put_units(at, view->amounts[i]);
		if (view->has_local_amount[i])
			at = put_units(at, view->local_amounts[i]);
	}
	return view->has_local ? put_text(at, &view->local_currency) : at;
}

static unsigned line_flags(const struct view_line *line)
{
	unsigned flags = (unsigned)line->kind;
	flags |= line->account.len > 0 ? LINE_ACCOUNT : 0;
	flags |= line->cost_centre.len > 0 ? LINE_COST_CENTRE : 0;
	flags |= line->tax_code.len > 0 ? LINE_TAX_CODE : 0;
	flags |= line->entity.len > 0 ? LINE_ENTITY : 0;
	flags |= line->debit != 0 ? LINE_DEBIT : 0;
	flags |= line->credit != 0 ? LINE_CREDIT : 0;
	flags |= line->has_local ? LINE_LOCAL : 0;
	flags |= line->local_partial ? LINE_PARTIAL : 0;
	for (int i = 0; i < VIEW_BESIDE_COUNT; i++)
		flags |= line->beside[i] != 0 ? 1u << (LINE_BESIDE_FIRST + i) : 0;
	return flags;
}

static uint8_t *put_line(uint8_t *at, struct view_line *line)
{
	unsigned flags = line_flags(line);
	*at++ = (uint8_t)flags;
	*at++ = (uint8_t)(flags >> 8);
	if (flags & LINE_ACCOUNT)
		at = put_text(at, &line->account);
	if (flags & LINE_COST_CENTRE)
		at = put_text(at, &line->cost_centre);
	if (flags & LINE_TAX_CODE)
		at = put_text(at, &line->tax_code);
	if (flags & LINE_ENTITY)
		at = put_text(at, &line->entity);
	if (flags & LINE_DEBIT)
		at = put_units(at, line->debit);
	if (flags & LINE_CREDIT)
		at = put_units(at, line->credit);
	if (flags & LINE_LOCAL) {
		at = put_units(at, line->local_debit);
		at = put_units(at, line->local_credit);
	}
	for (int i = 0; i < VIEW_BESIDE_COUNT; i++) {
		if (line->beside[i] != 0)
			at = put_units(at, line->beside[i]);
	}
	return at;
}

/* What is not hashed but kept. */
static uint8_t *keep_others(uint8_t *at, struct view *view, uint64_t hashed)
{
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		if (!(hashed >> i & 1))
			at = keep_text(at, &view->attributes[i]);
	}
	view->currency = view->attributes[VIEW_CURRENCY];
	view->party = view->attributes[VIEW_PARTY];
	view->reference = view->attributes[VIEW_REFERENCE];
	at = keep_text(at, &view->raw_entity);
	at = keep_text(at, &view->origin);
	if (!view->has_local)
		at = keep_text(at, &view->local_currency);
	for (int i = 0; i < VIEW_MISSING_MAX; i++)
		at = keep_text(at, &view->missing[i].code);
	return at;
}

void view_form_write(struct view *view)
{
	size_t room = bytes_max(view);
	uint8_t *start = buf_reserve(&view->text, room);
	uint8_t *at = start;
	CHECK(start != NULL && view->text.len == 0);
	*at++ = VIEW_VERSION;
	*at++ = (uint8_t)((unsigned)view->type * 4 + (view->missing_count > 0 ? 2 : 0) + view->voided);
	at = varint_put(at, view->compared);
	at = put_text(at, &view->entity);
	uint64_t set = 0;
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++)
		set |= (uint64_t)(view->attributes[i].len > 0) << i;
	set &= view->compared & VIEW_TEXT_ATTRIBUTES;
	at = varint_put(at, set);
	for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
		if (set >> i & 1)
			at = put_text(at, &view->attributes[i]);
	}
	at = put_amounts(at, view);
	at = varint_put(at, (uint64_t)view->line_count);
	for (int i = 0; i < view->line_count; i++)
		at = put_line(at, &view->lines[i]);
	view->form_len = (size_t)(at - start);
	at = keep_others(at, view, set);
	CHECK((size_t)(at - start) <= room);
	buf_added(&view->text, (size_t)(at - start));
}
