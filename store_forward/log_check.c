/*
 * log_check.c - reads a write-ahead log frame by frame.
 *
 * Why:   see log_check.h.
 * Owns:  the file handle and one page of memory, for one call.
 * Layout: header, 32 bytes, big-endian: magic, version, page size, checkpoint, salt 1, salt 2, checksum 1 and 2 of the
 *         first 24 bytes. Then frames: page number, size of the database after a commit (0: none), salt 1, salt 2,
 *         checksum 1 and 2 over header, all frames before, the first 8 bytes and the page; then the page.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_log_test.c
 */
#include "store_forward/log_check.h"

#include <stdlib.h>
#include <string.h>

#include "hal/base/bytes.h"

#define HEADER_BYTES       32
#define FRAME_HEADER_BYTES 24
#define MAGIC              0x377F0682u /* with the last bit: checksums of big-endian words */
#define PAGE_BYTES_MIN     512
#define PAGE_BYTES_MAX     65536

struct log_reader {
	sqlite3_file *file;
	sqlite3_int64 size;
	uint8_t header[HEADER_BYTES];
	bool header_good;
	bool big_endian;
	uint32_t page_bytes;
	uint32_t sum[2];
	uint8_t *frame;
	uint8_t *last; /* the frame before it */
};

/* Frames behind the log's end that were written one after the other: each one's checksum goes on from the one
 * before. */
struct frame_run {
	bool begun;
	bool verified;        /* the last frame's page is the one that its checksum was made of */
	bool commit;          /* the last frame ends a transaction */
	bool has_computed;    /* the last frame is the first bad one */
	uint32_t computed[2]; /* what its checksum would be, were its page the right one */
	int commits;
};

static uint32_t big_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static uint32_t word(const struct log_reader *reader, const uint8_t *bytes)
{
	uint32_t value = big_u32(bytes);
	return reader->big_endian ? value : __builtin_bswap32(value);
}

static void add(struct log_reader *reader, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i + 8 <= len; i += 8) {
		reader->sum[0] += word(reader, bytes + i) + reader->sum[1];
		reader->sum[1] += word(reader, bytes + i + 4) + reader->sum[0];
	}
}

static bool sum_is(const struct log_reader *reader, const uint8_t *bytes)
{
	return reader->sum[0] == big_u32(bytes) && reader->sum[1] == big_u32(bytes + 4);
}

/* Does the frame's checksum go on from that one? */
static bool goes_on(struct log_reader *reader, uint32_t first, uint32_t second)
{
	reader->sum[0] = first;
	reader->sum[1] = second;
	add(reader, reader->frame, 8);
	add(reader, reader->frame + FRAME_HEADER_BYTES, reader->page_bytes);
	return sum_is(reader, reader->frame + 16);
}

/* SQLite writes a commit frame again until the disk's sector is full, where the disk does not say that it never
 * harms the neighbours of what it writes. Where the last frame's page is not to be trusted, page number and size
 * must do. */
static bool is_repeated(const struct log_reader *reader, const struct frame_run *run)
{
	return run->commit && memcmp(reader->frame, reader->last, 8) == 0 &&
	       (!run->verified || memcmp(reader->frame + FRAME_HEADER_BYTES,
	                                 reader->last + FRAME_HEADER_BYTES, reader->page_bytes) == 0);
}

/* A frame behind the log's end; same: of its generation. */
static void look_behind(struct log_reader *reader, bool same, struct frame_run *run, struct log_check *check)
{
	bool commit = big_u32(reader->frame + 4) != 0;
	const uint8_t *sum = reader->last + 16;
	bool linked = same && run->begun &&
	              (goes_on(reader, big_u32(sum), big_u32(sum + 4)) ||
	               (run->has_computed && goes_on(reader, run->computed[0], run->computed[1])));
	if (!linked)
		run->commits = 0;
	if (same && commit && !(linked && is_repeated(reader, run)))
		run->commits++;
	if (run->commits > check->commits_lost)
		check->commits_lost = run->commits;
	run->begun = same;
	run->verified = linked;
	run->commit = commit;
	run->has_computed = false;
}

/* Where the header is damaged the page size is the store's own, and the salts are the first frame's. */
static void read_header(struct log_reader *reader, uint32_t page_bytes)
{
	uint32_t magic = big_u32(reader->header);
	uint32_t size = big_u32(reader->header + 8);
	reader->big_endian = (magic & 1) != 0;
	add(reader, reader->header, 24);
	reader->header_good = (magic & ~1u) == MAGIC && sum_is(reader, reader->header + 24) &&
	                      size >= PAGE_BYTES_MIN && size <= PAGE_BYTES_MAX && (size & (size - 1)) == 0;
	reader->page_bytes = reader->header_good ? size : page_bytes;
}

static int read_frames(struct log_reader *reader, struct log_check *check)
{
	sqlite3_int64 frame_bytes = FRAME_HEADER_BYTES + (sqlite3_int64)reader->page_bytes;
	bool good = reader->header_good;
	struct frame_run run = {.begun = false};
	uint8_t salts[8];
	memcpy(salts, reader->header + 16, sizeof salts);
	for (sqlite3_int64 at = HEADER_BYTES; at + frame_bytes <= reader->size; at += frame_bytes) {
		int rc = reader->file->pMethods->xRead(reader->file, reader->frame, (int)frame_bytes, at);
		if (rc != SQLITE_OK)
			return rc;
		if (!reader->header_good && at == HEADER_BYTES)
			memcpy(salts, reader->frame + 8, sizeof salts);
		bool same = memcmp(salts, reader->frame + 8, sizeof salts) == 0;
		bool was_good = good;
		good = good && goes_on(reader, reader->sum[0], reader->sum[1]) && same;
		check->frames_good += good;
		uint32_t computed[2] = {reader->sum[0], reader->sum[1]};
		if (!good)
			look_behind(reader, same, &run, check);
		if (was_good && !good) {
			run.has_computed = true;
			memcpy(run.computed, computed, sizeof computed);
		}
		uint8_t *frame = reader->frame;
		reader->frame = reader->last;
		reader->last = frame;
	}
	return SQLITE_OK;
}

static int read_log(struct log_reader *reader, uint32_t page_bytes, struct log_check *check)
{
	int rc = reader->file->pMethods->xFileSize(reader->file, &reader->size);
	if (rc != SQLITE_OK || reader->size < HEADER_BYTES)
		return rc;
	rc = reader->file->pMethods->xRead(reader->file, reader->header, HEADER_BYTES, 0);
	if (rc != SQLITE_OK)
		return rc;
	read_header(reader, page_bytes);
	size_t frame_bytes = FRAME_HEADER_BYTES + (size_t)reader->page_bytes;
	reader->frame = mem_alloc(frame_bytes);
	reader->last = mem_alloc(frame_bytes);
	rc = read_frames(reader, check);
	if (rc == SQLITE_OK && !reader->header_good) {
		/* Which order of bytes its checksums have stood in the header. */
		reader->big_endian = !reader->big_endian;
		rc = read_frames(reader, check);
	}
	free(reader->frame);
	free(reader->last);
	return rc;
}

static uint32_t page_bytes_of(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int bytes = 0;
	if (sqlite3_prepare_v2(db, "PRAGMA page_size", -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		bytes = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return bytes >= PAGE_BYTES_MIN && bytes <= PAGE_BYTES_MAX ? (uint32_t)bytes : PAGE_BYTES_MIN;
}

int log_check_read(sqlite3 *db, struct log_check *check)
{
	struct log_reader reader = {0};
	sqlite3_vfs *vfs = NULL;
	int exists = 0;
	*check = (struct log_check){0};
	const char *path = sqlite3_db_filename(db, "main");
	CHECK(sqlite3_file_control(db, "main", SQLITE_FCNTL_VFS_POINTER, &vfs) == SQLITE_OK && vfs != NULL);
	CHECK(path != NULL);
	const char *log = sqlite3_filename_wal(path);
	int rc = vfs->xAccess(vfs, log, SQLITE_ACCESS_EXISTS, &exists);
	if (rc != SQLITE_OK || !exists)
		return rc;
	reader.file = mem_alloc((size_t)vfs->szOsFile);
	rc = vfs->xOpen(vfs, log, reader.file, SQLITE_OPEN_READONLY | SQLITE_OPEN_WAL, NULL);
	if (rc == SQLITE_OK)
		rc = read_log(&reader, page_bytes_of(db), check);
	if (reader.file->pMethods != NULL)
		(void)reader.file->pMethods->xClose(reader.file);
	free(reader.file);
	return rc;
}
