/*
 * bytes.h - a growing byte buffer with a limit, and little-endian reading and writing for frames.
 *
 * Why:   frames and events are built and read many thousand times a second; one careful place does it.
 * Owns:  struct buf owns its memory; struct reader borrows what it reads.
 * Rules: 1. A buf never grows over its max: the append that would is refused whole, and the buf remembers it
 *           (buf_ok() is false from then on until buf_clear()), so a builder checks once at its end.
 *        2. A reader never reads past its end: the first short read makes it fail for good (reader_ok()),
 *           later reads give zero and empty, so a decoder checks once at its end.
 *        3. Integers are little-endian; a string or blob is u32 length + bytes.
 *        4. Memory that cannot be had is a bug's kind of end (CHECK): the box is out of memory.
 * Faults: over-long and short input are reported, never read.
 * Runs in: every process.
 * Tests: tests/unit/base_test.c, tests/fuzz
 */
#ifndef TWINPOST_BYTES_H
#define TWINPOST_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/base/err.h"

/* A borrowed run of bytes; not zero-terminated. data may be NULL only when len is 0. */
struct span {
	const char *data;
	size_t len;
};

#define SPAN_LITERAL(text) ((struct span){(text), sizeof(text) - 1})
struct span span_of(const char *text); /* of a zero-terminated string; NULL gives the empty span */
bool span_equal(struct span a, struct span b);
int span_compare(struct span a, struct span b); /* memcmp order, then the shorter first */
struct span span_trim(struct span s);           /* without leading and trailing blanks (0x20) */

struct buf {
	uint8_t *data;
	size_t len;
	size_t capacity;
	size_t max;
	bool refused;
};

void buf_init(struct buf *buf, size_t max); /* allocates nothing yet */
void buf_release(struct buf *buf);
void buf_clear(struct buf *buf); /* keeps the memory; forgets a refusal */
bool buf_ok(const struct buf *buf);
void buf_append(struct buf *buf, const void *data, size_t len);
void buf_append_span(struct buf *buf, struct span s); /* the bytes only, no length */
void buf_append_text(struct buf *buf, const char *text);
void buf_append_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3); /* at most 1023 bytes a call */
void buf_u8(struct buf *buf, uint8_t v);
void buf_u16(struct buf *buf, uint16_t v);
void buf_u32(struct buf *buf, uint32_t v);
void buf_u64(struct buf *buf, uint64_t v);
void buf_string(struct buf *buf, struct span s); /* u32 length + bytes */
/* Overwrites four bytes at offset, written before as a place holder. */
void buf_patch_u32(struct buf *buf, size_t offset, uint32_t v);
/* Removes the first n bytes. */
void buf_consume(struct buf *buf, size_t n);
/* Makes room for n more bytes and returns where they may be written, or NULL if over max;
 * buf_added() then says how many were. */
uint8_t *buf_reserve(struct buf *buf, size_t n);
void buf_added(struct buf *buf, size_t n);
struct span buf_span(const struct buf *buf);
/* Clears the buf, copies the texts into it and lets each of them point there, until the buf changes. Over its max is a
 * bug. */
void buf_keep(struct buf *buf, struct span *const texts[], size_t count);
/* Zero-terminates (the zero is not counted in len) and returns the text, valid until the next append. */
const char *buf_cstr(struct buf *buf);

struct reader {
	const uint8_t *next;
	const uint8_t *end;
	bool failed;
};

void reader_init(struct reader *reader, const void *data, size_t len);
bool reader_ok(const struct reader *reader);  /* nothing read past the end so far */
bool reader_end(const struct reader *reader); /* ok, and all was read */
size_t reader_left(const struct reader *reader);
uint8_t read_u8(struct reader *reader);
uint16_t read_u16(struct reader *reader);
uint32_t read_u32(struct reader *reader);
uint64_t read_u64(struct reader *reader);
struct span read_string(struct reader *reader);            /* borrowed from the input */
struct span read_bytes(struct reader *reader, size_t len); /* borrowed, exactly len */

void *mem_alloc(size_t size); /* zeroed; never NULL */
void *mem_grow(void *old, size_t size);
char *mem_copy_text(struct span s); /* zero-terminated copy, freed with free() */

/* Copies into a fixed array of size bytes, zero-terminated; false (and nothing copied but "") if it does not fit. */
MUST_USE bool text_copy(char *to, size_t size, struct span s);
/* Lower-case hex of len bytes into text, which holds 2 * len + 1. */
void hex_encode(char *text, const uint8_t *bytes, size_t len);
MUST_USE bool hex_decode(uint8_t *bytes, size_t len, struct span text);

#endif
