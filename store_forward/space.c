/*
 * space.c - how much of the allowed and of the real disk is used.
 *
 * Why:   pulling pauses before the disk is full, so that what was pulled can still be acknowledged and pruned.
 * Owns:  the `full` mark: it comes at the limit and goes at 95 % of it, so that pulling does not flutter.
 * Rules: used = pages less free pages, and the log. The log's file keeps its size (about 16 MiB) between checkpoints.
 * Faults: as in store.h.
 * Runs in: the core.
 * Tests: tests/unit/store_test.c
 */
#include "store_forward/store_internal.h"

/* Log of a full store that is not worth a checkpoint. */
#define LOG_BYTES_KEPT (1024u * 1024u)

static enum err pragma_int(struct store *store, enum statement which, int64_t *value, struct err_info *info)
{
	sqlite3_stmt *statement = store_statement(store, which);
	bool more = false;
	enum err err = store_step(store, statement, &more, "measuring it", info);
	*value = err == ERR_OK && more ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_reset(statement);
	return err;
}

static uint64_t log_bytes(struct store *store)
{
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;
	if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK ||
	    file == NULL || file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK ||
	    size < 0)
		return 0;
	return (uint64_t)size;
}

/* The log keeps its size after a checkpoint, to be written from its front again. A full store needs that room. */
static void shrink_log(struct store *store)
{
	if (store->full && !store_in_transaction(store) && log_bytes(store) > LOG_BYTES_KEPT)
		(void)sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

enum err store_space(struct store *store, struct store_space *space, struct err_info *info)
{
	shrink_log(store);
	int64_t pages = 0;
	int64_t unused = 0;
	enum err err = pragma_int(store, STATEMENT_PAGE_COUNT, &pages, info);
	if (err == ERR_OK)
		err = pragma_int(store, STATEMENT_FREE_COUNT, &unused, info);
	if (err != ERR_OK)
		return err;
	*space = (struct store_space){.size_max = store->size_max};
	err = hal_disk_free(store->hal, store->path, &space->disk_free, info);
	if (err != ERR_OK)
		return err;
	uint64_t held = pages > unused ? (uint64_t)(pages - unused) : 0;
	space->used = held * store->page_bytes + log_bytes(store);
	uint64_t low = store->size_max / 100 * 95;
	uint64_t comfortable = store->disk_reserve + store->disk_reserve / 20;
	if (space->used >= store->size_max || space->disk_free < store->disk_reserve)
		store->full = true;
	else if (space->used <= low && space->disk_free >= comfortable)
		store->full = false;
	space->full = store->full;
	return ERR_OK;
}
