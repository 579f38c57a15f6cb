/*
 * pack_tar.c - the heads of a tar file: written in one form, read with suspicion.
 *
 * Why:   see pack_files.h. libarchive was not taken: what a pack needs is two numbers and a name in a block of 512
 *        bytes.
 * Owns:  nothing.
 * Rules: 1. Written: ustar, type '0', no owner's name, numbers in octal with leading zeros.
 *        2. Read: ustar of POSIX or GNU, regular files and folders, one folder on top; anything else is refused with
 *           the way out: unpack it with tar and verify the folder.
 * Source: POSIX.1-2017, pax, "ustar Interchange Format"
 * Faults: any bytes.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_files_test.c
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tools/twinpost/pack_files.h"

/* Fields: offset and length. */
#define NAME_LEN       100
#define MODE_AT        100
#define OWNER_AT       108
#define GROUP_AT       116
#define NUMBER_LEN     8
#define SIZE_AT        124
#define TIME_AT        136
#define LONG_LEN       12
#define SUM_AT         148
#define TYPE_AT        156
#define MAGIC_AT       257
#define DEVICE_AT      329
#define PREFIX_AT      345
#define SIZE_MAX_OCTAL (INT64_C(1) << 33) /* 11 octal digits */

static void put_octal(uint8_t *head, size_t at, int digits, int64_t value)
{
	char text[24];
	(void)snprintf(text, sizeof text, "%0*" PRIo64, digits, (uint64_t)value);
	memcpy(head + at, text, (size_t)digits + 1);
}

/* Over all bytes, those of the sum as blanks. */
static int64_t sum_of(const uint8_t *head)
{
	int64_t sum = 0;
	for (size_t i = 0; i < PACK_TAR_BLOCK; i++)
		sum += i >= SUM_AT && i < SUM_AT + NUMBER_LEN ? ' ' : head[i];
	return sum;
}

void pack_tar_head(struct buf *out, const char *folder, const struct pack_file *file, int64_t time_s)
{
	uint8_t head[PACK_TAR_BLOCK] = {0};
	char name[NAME_LEN + 1];
	CHECK((int64_t)file->bytes.len < SIZE_MAX_OCTAL && time_s >= 0 && time_s < SIZE_MAX_OCTAL);
	int len = snprintf(name, sizeof name, "%s/%s", folder, file->path);
	CHECK(len > 0 && len < (int)sizeof name);
	memcpy(head, name, (size_t)len);
	put_octal(head, MODE_AT, NUMBER_LEN - 1, 0644);
	put_octal(head, OWNER_AT, NUMBER_LEN - 1, 0);
	put_octal(head, GROUP_AT, NUMBER_LEN - 1, 0);
	put_octal(head, SIZE_AT, LONG_LEN - 1, (int64_t)file->bytes.len);
	put_octal(head, TIME_AT, LONG_LEN - 1, time_s);
	head[TYPE_AT] = '0';
	memcpy(head + MAGIC_AT, "ustar\00000", 8);
	put_octal(head, DEVICE_AT, NUMBER_LEN - 1, 0);
	put_octal(head, DEVICE_AT + NUMBER_LEN, NUMBER_LEN - 1, 0);
	/* Six digits, a zero byte, a blank: as tar has always written it. */
	put_octal(head, SUM_AT, NUMBER_LEN - 2, sum_of(head));
	head[SUM_AT + NUMBER_LEN - 1] = ' ';
	buf_append(out, head, sizeof head);
}

/* Octal digits up to a blank or a zero byte. */
static bool take_octal(const uint8_t *head, size_t at, size_t len, int64_t *value)
{
	size_t i = at;
	*value = 0;
	while (i < at + len && head[i] >= '0' && head[i] <= '7')
		*value = *value * 8 + (head[i++] - '0');
	return i > at && (i == at + len || head[i] == 0 || head[i] == ' ');
}

static bool is_zero(const uint8_t *block)
{
	for (size_t i = 0; i < PACK_TAR_BLOCK; i++) {
		if (block[i] != 0)
			return false;
	}
	return true;
}

static enum err refuse(const char *what, struct err_info *info)
{
	return err_set(info, ERR_BAD_INPUT,
	               "it is no tar file of a pack: %s; if tar reads it, unpack it and verify the folder",
	               what);
}

struct tar_entry {
	struct span name; /* without the folder on top; empty: the folder itself */
	int64_t size;
	bool folder;
};

static enum err read_head(const uint8_t *head, struct span *top, struct tar_entry *entry,
                          struct err_info *info)
{
	int64_t sum;
	if (!take_octal(head, SUM_AT, NUMBER_LEN, &sum) || sum != sum_of(head) ||
	    memcmp(head + MAGIC_AT, "ustar", 5) != 0)
		return refuse("a head is damaged", info);
	if (!take_octal(head, SIZE_AT, LONG_LEN, &entry->size))
		return refuse("a size is no number", info);
	char type = (char)head[TYPE_AT];
	entry->folder = type == '5';
	if ((type != '0' && !entry->folder) || (entry->folder && entry->size > 0) || head[PREFIX_AT] != 0)
		return refuse("it holds something else than plain files", info);
	struct span name = {(const char *)head, strnlen((const char *)head, NAME_LEN)};
	const char *slash = name.len > 0 ? memchr(name.data, '/', name.len) : NULL;
	if (!slash)
		return refuse("its files are not in one folder", info);
	struct span first = {name.data, (size_t)(slash - name.data)};
	if (top->len == 0 && pack_path_valid(first))
		*top = first;
	if (!span_equal(first, *top))
		return refuse("its files are not in one folder", info);
	entry->name = (struct span){slash + 1, name.len - first.len - 1};
	return ERR_OK;
}

enum err pack_files_open_tar(struct pack_files *files, struct span tar, struct err_info *info)
{
	struct span top = {NULL, 0};
	size_t at = 0;
	while (at + PACK_TAR_BLOCK <= tar.len && !is_zero((const uint8_t *)tar.data + at)) {
		struct tar_entry entry = {.size = 0};
		enum err err = read_head((const uint8_t *)tar.data + at, &top, &entry, info);
		if (err != ERR_OK)
			return err;
		at += PACK_TAR_BLOCK;
		if ((uint64_t)entry.size > tar.len - at)
			return refuse("it is cut", info);
		if (!entry.folder)
			err = pack_files_take(files, entry.name,
			                      (struct span){tar.data + at, (size_t)entry.size}, info);
		if (err != ERR_OK)
			return err;
		at += ((size_t)entry.size + PACK_TAR_BLOCK - 1) / PACK_TAR_BLOCK * PACK_TAR_BLOCK;
	}
	if (at + 2 * (size_t)PACK_TAR_BLOCK > tar.len)
		return refuse("its end is missing", info);
	for (; at < tar.len; at++) {
		if (tar.data[at] != 0)
			return refuse("something stands behind its end", info);
	}
	return ERR_OK;
}
