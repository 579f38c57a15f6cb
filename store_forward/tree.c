/*
 * tree.c - the Merkle tree of each stream, kept in tiles of 256 hashes.
 *
 * Why:   any event of an epoch can be proven to be in any checkpoint after it, also when retention has taken its row;
 *        and an append may not cost a row of its own for that.
 * Owns:  table tiles, and struct tree of each stream.
 * Layout: tile (level, n) holds the roots of the full subtrees (8 * level, 256 * n) and following, up to 256: those of
 *        level 0 are the leaves, one of level k + 1 is the root of a full tile of level k. (The tiles of C2SP
 *        tlog-tiles.) So the root of any full subtree is in a tile, or is made of at most 128 hashes of one.
 * Rules: 1. A full tile is written once, when it fills; the newest of each level, if it is not full, once for each
 *           commit in which it grew.
 *        2. In memory: the newest tile of each level, and the frontier. What a transaction overwrites there stands in
 *           `before` until it is committed: rollback reads nothing. Between transactions there is no `before`.
 *        3. The tiles are of the stream's present epoch alone, and hold next sequence - 1 leaves.
 * Faults: a missing, strange or changed tile is damage.
 * Runs in: the core.
 * Tests: tests/unit/store_proof_test.c, tests/unit/store_tile_test.c, tests/unit/store_salvage_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 16

_Static_assert(sizeof(struct digest) == DIGEST_BYTES, "hashes stand in a tile without gaps");
_Static_assert(TILE_BITS *TREE_LEVELS >= STORE_SEQUENCE_BITS, "a full tree has a place in the highest level");
_Static_assert(MERKLE_PEAKS > STORE_SEQUENCE_BITS, "the frontier holds every sequence");

struct tile_row {
	int stream;
	int64_t epoch;
	int level;
	int64_t n;
	struct span hashes;
};

static int64_t tile_checksum(const struct tile_row *row)
{
	struct row_sum sum = row_sum_begin(TABLE_TILE);
	row_sum_int(&sum, row->stream);
	row_sum_int(&sum, row->epoch);
	row_sum_int(&sum, row->level);
	row_sum_int(&sum, row->n);
	row_sum_span(&sum, row->hashes);
	return row_sum_end(&sum);
}

static bool tile_load(sqlite3_stmt *statement, struct tile_row *row)
{
	*row = (struct tile_row){
	    .stream = sql_column_small(statement, 0, STORE_STREAMS_MAX),
	    .epoch = sqlite3_column_int64(statement, 1),
	    .level = sql_column_small(statement, 2, TREE_LEVELS - 1),
	    .n = sqlite3_column_int64(statement, 3),
	    .hashes = sql_column_span(statement, 4),
	};
	return row->stream >= 1 && row->level >= 0 && row->n >= 0 && row->hashes.len > 0 &&
	       row->hashes.len % DIGEST_BYTES == 0 && row->hashes.len <= TILE_HASHES * DIGEST_BYTES &&
	       tile_checksum(row) == sqlite3_column_int64(statement, 5);
}

/* Hashes of a level, in all its tiles. */
static int64_t entries(int64_t size, int level)
{
	return size >> (TILE_BITS * level);
}

/* Hashes in the newest tile of a level, if it is not full. */
static int partial(int64_t size, int level)
{
	return (int)(entries(size, level) & (TILE_HASHES - 1));
}

static enum err tile_put(struct store *store, const struct stream *stream, int level, int64_t n, int count,
                         struct err_info *info)
{
	const struct tile_row row = {
	    .stream = stream->now.shown.id,
	    .epoch = stream->now.shown.epoch,
	    .level = level,
	    .n = n,
	    .hashes = {(const char *)stream->tree.tiles[level].hashes, (size_t)count * DIGEST_BYTES},
	};
	sqlite3_stmt *statement = store_statement(store, STATEMENT_TILE_PUT);
	sql_bind_int(statement, 1, row.stream);
	sql_bind_int(statement, 2, row.epoch);
	sql_bind_int(statement, 3, row.level);
	sql_bind_int(statement, 4, row.n);
	sql_bind_blob(statement, 5, row.hashes);
	sql_bind_int(statement, 6, tile_checksum(&row));
	return store_run(store, statement, "writing hashes", info);
}

static void reserve(struct tile *tile, int count)
{
	if (count <= tile->capacity)
		return;
	int capacity = tile->capacity > 0 ? tile->capacity : CAPACITY_FIRST;
	while (capacity < count)
		capacity *= 2;
	CHECK(capacity <= TILE_HASHES);
	tile->hashes = mem_grow(tile->hashes, (size_t)capacity * sizeof *tile->hashes);
	tile->capacity = capacity;
}

static void swap_tiles(struct tile *tile)
{
	struct digest *hashes = tile->hashes;
	int capacity = tile->capacity;
	tile->hashes = tile->before;
	tile->capacity = tile->capacity_before;
	tile->before = hashes;
	tile->capacity_before = capacity;
}

/* Adds the newest hash of a level; n counts it already. */
static enum err tile_add(struct store *store, struct stream *stream, int level, const struct digest *hash,
                         struct err_info *info)
{
	struct tile *tile = &stream->tree.tiles[level];
	int64_t index = entries(stream->tree.peaks.size, level) - 1;
	int place = (int)(index & (TILE_HASHES - 1));
	reserve(tile, place + 1);
	tile->hashes[place] = *hash;
	if (place < TILE_HASHES - 1)
		return ERR_OK;
	enum err err = tile_put(store, stream, level, index >> TILE_BITS, TILE_HASHES, info);
	if (err == ERR_OK && !tile->turned) {
		swap_tiles(tile);
		tile->turned = true;
	}
	return err;
}

enum err tree_append(struct store *store, struct stream *stream, const struct digest *leaf,
                     struct err_info *info)
{
	struct digest completed[MERKLE_PEAKS];
	CHECK(stream->dirty);
	int top = merkle_append(&stream->tree.peaks, leaf, completed);
	enum err err = ERR_OK;
	for (int level = 0; level * TILE_BITS <= top && err == ERR_OK; level++)
		err = tile_add(store, stream, level, &completed[level * TILE_BITS], info);
	return err;
}

enum err tree_flush(struct store *store, struct stream *stream, struct err_info *info)
{
	const struct tree *tree = &stream->tree;
	int64_t size = tree->peaks.size;
	enum err err = ERR_OK;
	CHECK(size == stream->now.shown.next_sequence - 1);
	for (int level = 0; level < TREE_LEVELS && err == ERR_OK; level++) {
		int count = partial(size, level);
		if (count > 0 && entries(size, level) != entries(tree->committed, level))
			err = tile_put(store, stream, level, entries(size, level) >> TILE_BITS, count, info);
	}
	return err;
}

/* Many streams with two tiles each would be much memory; a tile turns once in 256 events. */
static void forget_before(struct tile *tile)
{
	free(tile->before);
	tile->before = NULL;
	tile->capacity_before = 0;
	tile->turned = false;
}

void tree_committed(struct stream *stream)
{
	struct tree *tree = &stream->tree;
	tree->committed = tree->peaks.size;
	for (int level = 0; level < TREE_LEVELS; level++)
		forget_before(&tree->tiles[level]);
}

/* The frontier from the newest tiles, the highest level first. */
static void build_peaks(struct tree *tree)
{
	tree->peaks.size = 0;
	for (int level = TREE_LEVELS - 1; level >= 0; level--)
		for (int i = 0; i < partial(tree->committed, level); i++)
			merkle_append_subtree(&tree->peaks, level * TILE_BITS, &tree->tiles[level].hashes[i]);
	CHECK(tree->peaks.size == tree->committed);
}

void tree_rolled_back(struct stream *stream)
{
	struct tree *tree = &stream->tree;
	for (int level = 0; level < TREE_LEVELS; level++) {
		if (tree->tiles[level].turned)
			swap_tiles(&tree->tiles[level]);
		forget_before(&tree->tiles[level]);
	}
	build_peaks(tree);
}

void tree_free(struct stream *stream)
{
	for (int level = 0; level < TREE_LEVELS; level++) {
		free(stream->tree.tiles[level].hashes);
		free(stream->tree.tiles[level].before);
	}
	stream->tree = (struct tree){.committed = 0};
}

/* The next row must be tile n of this level, with as many hashes as the head's count makes it have. */
static enum err next_tile(struct store *store, struct stream *stream, int level, int64_t n,
                          struct err_info *info)
{
	sqlite3_stmt *statement = store->statements[STATEMENT_TILE_ALL];
	const struct store_stream *shown = &stream->now.shown;
	int64_t left = entries(shown->next_sequence - 1, level) - n * TILE_HASHES;
	int count = left < TILE_HASHES ? (int)left : TILE_HASHES;
	struct tile_row row;
	bool more = false;
	enum err err = store_step(store, statement, &more, "reading the hashes", info);
	if (err == ERR_OK &&
	    (!more || !tile_load(statement, &row) || row.stream != shown->id || row.epoch != shown->epoch ||
	     row.level != level || row.n != n || row.hashes.len != (size_t)count * DIGEST_BYTES))
		err = store_row_damaged(store, info, "tile %" PRId64 " of level %d of stream %s", n, level,
		                        shown->name);
	if (err == ERR_OK && count < TILE_HASHES) {
		reserve(&stream->tree.tiles[level], count);
		memcpy(stream->tree.tiles[level].hashes, row.hashes.data, row.hashes.len);
	}
	return err;
}

enum err trees_load(struct store *store, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, STATEMENT_TILE_ALL);
	enum err err = ERR_OK;
	for (int i = 0; i < store->stream_count && err == ERR_OK; i++) {
		struct stream *stream = store->streams[i];
		stream->tree.committed = stream->now.shown.next_sequence - 1;
		for (int level = 0; level < TREE_LEVELS && err == ERR_OK; level++) {
			int64_t tiles =
			    (entries(stream->tree.committed, level) + TILE_HASHES - 1) >> TILE_BITS;
			for (int64_t n = 0; n < tiles && err == ERR_OK; n++)
				err = next_tile(store, stream, level, n, info);
		}
		if (err == ERR_OK)
			build_peaks(&stream->tree);
	}
	bool more = false;
	if (err == ERR_OK)
		err = store_step(store, statement, &more, "reading the hashes", info);
	if (err == ERR_OK && more)
		err = store_row_damaged(store, info, "the hashes: a tile of no stream, or its stream,");
	sqlite3_reset(statement);
	return err;
}

/* One tile, as it was read last: a proof takes up to eight subtrees from each. */
struct tree_reader {
	struct store *store;
	struct stream *stream;
	int level;
	int64_t n;
	int count; /* 0: nothing read yet */
	struct digest hashes[TILE_HASHES];
};

static enum err read_tile(struct tree_reader *reader, int level, int64_t n, struct err_info *info)
{
	const struct store_stream *shown = &reader->stream->now.shown;
	sqlite3_stmt *statement = store_statement(reader->store, STATEMENT_TILE_GET);
	sql_bind_int(statement, 1, shown->id);
	sql_bind_int(statement, 2, shown->epoch);
	sql_bind_int(statement, 3, level);
	sql_bind_int(statement, 4, n);
	struct tile_row row;
	bool more = false;
	enum err err = store_step(reader->store, statement, &more, "reading hashes", info);
	if (err == ERR_OK && (!more || !tile_load(statement, &row)))
		err = store_row_damaged(reader->store, info, "tile %" PRId64 " of level %d of stream %s", n,
		                        level, shown->name);
	if (err == ERR_OK) {
		reader->level = level;
		reader->n = n;
		reader->count = (int)(row.hashes.len / DIGEST_BYTES);
		memcpy(reader->hashes, row.hashes.data, row.hashes.len);
	}
	sqlite3_reset(statement);
	return err;
}

static enum err read_subtree(void *self, int level, int64_t index, struct digest *hash, struct err_info *info)
{
	struct tree_reader *reader = self;
	const struct tree *tree = &reader->stream->tree;
	int inner = level % TILE_BITS;
	int tile_level = level / TILE_BITS;
	int64_t first = index << inner;
	int64_t n = first >> TILE_BITS;
	int place = (int)(first & (TILE_HASHES - 1));
	CHECK(tile_level < TREE_LEVELS && ((index + 1) << level) <= tree->peaks.size);
	if (n == entries(tree->peaks.size, tile_level) >> TILE_BITS) {
		*hash = merkle_fold(&tree->tiles[tile_level].hashes[place], inner);
		return ERR_OK;
	}
	enum err err = ERR_OK;
	if (reader->count == 0 || reader->level != tile_level || reader->n != n)
		err = read_tile(reader, tile_level, n, info);
	if (err == ERR_OK && reader->count != TILE_HASHES)
		err = store_row_damaged(reader->store, info, "tile %" PRId64 " of level %d of stream %s", n,
		                        tile_level, reader->stream->now.shown.name);
	if (err == ERR_OK)
		*hash = merkle_fold(&reader->hashes[place], inner);
	return err;
}

static enum err check_size(const struct stream *stream, int64_t size, struct err_info *info)
{
	if (size >= 0 && size <= stream->tree.peaks.size)
		return ERR_OK;
	return err_set(info, ERR_NOT_FOUND, "stream %s has %" PRId64 " events, not %" PRId64,
	               stream->now.shown.name, stream->tree.peaks.size, size);
}

static enum err check_sequence(const struct stream *stream, int64_t sequence, int64_t size,
                               struct err_info *info)
{
	if (sequence >= 1 && sequence <= size)
		return ERR_OK;
	return err_set(info, ERR_NOT_FOUND,
	               "sequence %" PRId64 " is not among the first %" PRId64 " of stream %s", sequence, size,
	               stream->now.shown.name);
}

void store_tree_root(const struct store *store, int stream_id, struct digest *root)
{
	const struct stream *stream = stream_of(store, stream_id);
	CHECK(stream != NULL);
	*root = merkle_root(&stream->tree.peaks);
}

enum err store_tree_root_at(struct store *store, int stream_id, int64_t size, struct digest *root,
                            struct err_info *info)
{
	struct tree_reader reader = {.store = store, .stream = stream_of(store, stream_id)};
	CHECK(reader.stream != NULL);
	enum err err = check_size(reader.stream, size, info);
	if (err == ERR_OK)
		err = merkle_root_at(size, read_subtree, &reader, root, info);
	store_note_damage(store);
	return err;
}

enum err store_leaf(struct store *store, int stream_id, int64_t sequence, struct digest *leaf,
                    struct err_info *info)
{
	struct tree_reader reader = {.store = store, .stream = stream_of(store, stream_id)};
	CHECK(reader.stream != NULL);
	enum err err = check_sequence(reader.stream, sequence, reader.stream->tree.peaks.size, info);
	if (err == ERR_OK)
		err = read_subtree(&reader, 0, sequence - 1, leaf, info);
	store_note_damage(store);
	return err;
}

enum err store_proof(struct store *store, int stream_id, int64_t sequence, int64_t size,
                     struct digest path[STORE_PROOF_MAX], int *count, struct err_info *info)
{
	struct tree_reader reader = {.store = store, .stream = stream_of(store, stream_id)};
	CHECK(reader.stream != NULL);
	*count = 0;
	enum err err = check_size(reader.stream, size, info);
	if (err == ERR_OK)
		err = check_sequence(reader.stream, sequence, size, info);
	if (err == ERR_OK)
		err = merkle_inclusion(sequence - 1, size, read_subtree, &reader, path, count, info);
	store_note_damage(store);
	return err;
}
