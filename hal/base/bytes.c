/*
 * bytes.c - buffers, readers, spans and the few memory calls of the product.
 *
 * Why:   see bytes.h.
 * Owns:  the memory of each struct buf.
 * Rules: as in bytes.h; capacity doubles, so appending is O(1) on average.
 * Runs in: every process.
 * Tests: tests/unit/base_test.c
 */
#include "hal/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 256
#define PRINTF_MAX     1024

struct span span_of(const char *text)
{
	return text ? (struct span){text, strlen(text)} : (struct span){NULL, 0};
}

bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int span_compare(struct span a, struct span b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
	if (order != 0)
		return order;
	return a.len < b.len ? -1 : a.len > b.len;
}

struct span span_trim(struct span s)
{
	while (s.len > 0 && s.data[0] == ' ') {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && s.data[s.len - 1] == ' ')
		s.len--;
	return s;
}

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){.max = max};
}

void buf_release(struct buf *buf)
{
	free(buf->data);
	*buf = (struct buf){.max = buf->max};
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
	buf->refused = false;
}

bool buf_ok(const struct buf *buf)
{
	return !buf->refused;
}

/* Room for n more bytes and a closing zero. */
static bool make_room(struct buf *buf, size_t n)
{
	if (buf->refused || n > buf->max - buf->len) {
		buf->refused = true;
		return false;
	}
	size_t need = buf->len + n + 1;
	if (need > buf->capacity) {
		size_t capacity = buf->capacity ? buf->capacity : CAPACITY_FIRST;
		while (capacity < need)
			capacity *= 2;
		buf->data = mem_grow(buf->data, capacity);
		buf->capacity = capacity;
	}
	return true;
}

void buf_append(struct buf *buf, const void *data, size_t len)
{
	if (!make_room(buf, len) || len == 0)
		return;
	memcpy(buf->data + buf->len, data, len);
	buf->len += len;
}

void buf_append_span(struct buf *buf, struct span s)
{
	buf_append(buf, s.data, s.len);
}

void buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_append_char(struct buf *buf, char c)
{
	buf_append(buf, &c, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	char text[PRINTF_MAX];
	va_list args;
	va_start(args, format);
	int len = vsnprintf(text, sizeof text, format, args);
	va_end(args);
	CHECK(len >= 0);
	if ((size_t)len >= sizeof text)
		buf->refused = true;
	else
		buf_append(buf, text, (size_t)len);
}

static void append_little_endian(struct buf *buf, uint64_t v, size_t bytes)
{
	uint8_t out[8];
	for (size_t i = 0; i < bytes; i++)
		out[i] = (uint8_t)(v >> (8 * i));
	buf_append(buf, out, bytes);
}

void buf_u8(struct buf *buf, uint8_t v)
{
	append_little_endian(buf, v, 1);
}

void buf_u16(struct buf *buf, uint16_t v)
{
	append_little_endian(buf, v, 2);
}

void buf_u32(struct buf *buf, uint32_t v)
{
	append_little_endian(buf, v, 4);
}

void buf_u64(struct buf *buf, uint64_t v)
{
	append_little_endian(buf, v, 8);
}

void buf_string(struct buf *buf, struct span s)
{
	if (s.len > UINT32_MAX) {
		buf->refused = true;
		return;
	}
	buf_u32(buf, (uint32_t)s.len);
	buf_append_span(buf, s);
}

void buf_patch_u32(struct buf *buf, size_t offset, uint32_t v)
{
	if (buf->refused)
		return;
	CHECK(offset + 4 <= buf->len);
	for (size_t i = 0; i < 4; i++)
		buf->data[offset + i] = (uint8_t)(v >> (8 * i));
}

void buf_consume(struct buf *buf, size_t n)
{
	CHECK(n <= buf->len);
	buf->len -= n;
	if (buf->len > 0)
		memmove(buf->data, buf->data + n, buf->len);
}

uint8_t *buf_reserve(struct buf *buf, size_t n)
{
	return make_room(buf, n) ? buf->data + buf->len : NULL;
}

void buf_added(struct buf *buf, size_t n)
{
	CHECK(buf->len + n < buf->capacity);
	buf->len += n;
}

struct span buf_span(const struct buf *buf)
{
	return (struct span){(const char *)buf->data, buf->len};
}

void buf_keep(struct buf *buf, struct span *const texts[], size_t count)
{
	size_t at = 0;
	buf_clear(buf);
	for (size_t i = 0; i < count; i++)
		buf_append_span(buf, *texts[i]);
	CHECK(buf_ok(buf));
	/* Only now: the bytes move while the buf grows. */
	for (size_t i = 0; i < count; i++) {
		texts[i]->data = texts[i]->len > 0 ? (const char *)buf->data + at : NULL;
		at += texts[i]->len;
	}
}

const char *buf_cstr(struct buf *buf)
{
	if (!buf->data) {
		buf->data = mem_grow(NULL, CAPACITY_FIRST);
		buf->capacity = CAPACITY_FIRST;
	}
	buf->data[buf->len] = 0;
	return (const char *)buf->data;
}

void reader_init(struct reader *reader, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	*reader = (struct reader){.next = bytes, .end = len ? bytes + len : bytes};
}

bool reader_ok(const struct reader *reader)
{
	return !reader->failed;
}

bool reader_end(const struct reader *reader)
{
	return !reader->failed && reader->next == reader->end;
}

size_t reader_left(const struct reader *reader)
{
	return reader->failed || reader->next == reader->end ? 0 : (size_t)(reader->end - reader->next);
}

struct span read_bytes(struct reader *reader, size_t len)
{
	if (len > reader_left(reader)) {
		reader->failed = true;
		return (struct span){NULL, 0};
	}
	struct span s = {(const char *)reader->next, len};
	if (len > 0)
		reader->next += len;
	return s;
}

static uint64_t read_little_endian(struct reader *reader, size_t bytes)
{
	struct span s = read_bytes(reader, bytes);
	uint64_t v = 0;
	for (size_t i = 0; i < s.len; i++)
		v |= (uint64_t)(uint8_t)s.data[i] << (8 * i);
	return v;
}

uint8_t read_u8(struct reader *reader)
{
	return (uint8_t)read_little_endian(reader, 1);
}

uint16_t read_u16(struct reader *reader)
{
	return (uint16_t)read_little_endian(reader, 2);
}

uint32_t read_u32(struct reader *reader)
{
	return (uint32_t)read_little_endian(reader, 4);
}

uint64_t read_u64(struct reader *reader)
{
	return read_little_endian(reader, 8);
}

struct span read_string(struct reader *reader)
{
	return read_bytes(reader, read_u32(reader));
}

void *mem_alloc(size_t size)
{
	void *memory = calloc(1, size ? size : 1);
	CHECK(memory != NULL);
	return memory;
}

void *mem_grow(void *old, size_t size)
{
	void *memory = realloc(old, size ? size : 1);
	CHECK(memory != NULL);
	return memory;
}

char *mem_copy_text(struct span s)
{
	char *text = mem_alloc(s.len + 1);
	if (s.len > 0)
		memcpy(text, s.data, s.len);
	return text;
}

bool text_copy(char *to, size_t size, struct span s)
{
	CHECK(size > 0);
	if (s.len >= size) {
		to[0] = 0;
		return false;
	}
	if (s.len > 0)
		memcpy(to, s.data, s.len);
	to[s.len] = 0;
	return true;
}

void hex_encode(char *text, const uint8_t *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < len; i++) {
		text[2 * i] = digits[bytes[i] >> 4];
		text[2 * i + 1] = digits[bytes[i] & 15];
	}
	text[2 * len] = 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

bool hex_decode(uint8_t *bytes, size_t len, struct span text)
{
	if (text.len != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(text.data[2 * i]);
		int low = hex_value(text.data[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
