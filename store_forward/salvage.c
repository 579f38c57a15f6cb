/*
 * salvage.c - replaces a damaged store by a new one with what could be read; the damaged one is kept aside.
 *
 * Why:   a damaged buffer file must not stop the agent for ever, and must not be thrown away either.
 * Owns:  <path>.salvage while it is being filled, <path>.damaged-<seconds> for good.
 * Rules: 1. The damaged file stays at its place, and unchanged, until the new one is complete and closed. Then three
 *           renames: file, its log, the new file. Whenever the power fails, the next open goes on or begins again:
 *             path there,  .salvage there: the salvage was not complete: its leavings are removed, it begins again
 *             path absent, .salvage there: the renames were under way: they are finished
 *        2. The log of the damaged file never stays beside the new one: SQLite would replay it into it.
 *        3. Until it is complete the new file says that it is not, in its identity row.
 * Faults: no space, or no right to write: told, and the damaged file stands as it was.
 * Runs in: the core, at open.
 * Tests: tests/unit/store_salvage_test.c
 */
#include "store_forward/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NAME_MAX_BYTES 320

struct salvage_names {
	char fresh[NAME_MAX_BYTES];
	char fresh_log[NAME_MAX_BYTES];
	char fresh_journal[NAME_MAX_BYTES];
	char log[NAME_MAX_BYTES];
	char damaged[256]; /* as in struct store_opening */
	char damaged_log[NAME_MAX_BYTES];
};

/* A name of the damaged file that is not taken. */
static void salvage_names(const struct store_file_options *file, struct salvage_names *names)
{
	const char *path = file->path;
	snprintf(names->fresh, sizeof names->fresh, "%s.salvage", path);
	snprintf(names->fresh_log, sizeof names->fresh_log, "%s.salvage-wal", path);
	snprintf(names->fresh_journal, sizeof names->fresh_journal, "%s.salvage-journal", path);
	snprintf(names->log, sizeof names->log, "%s-wal", path);
	int64_t seconds = hal_wall_ns(file->hal) / NS_PER_S;
	do {
		snprintf(names->damaged, sizeof names->damaged, "%s.damaged-%" PRId64, path, seconds++);
		snprintf(names->damaged_log, sizeof names->damaged_log, "%s-wal", names->damaged);
	} while (hal_disk_exists(file->hal, names->damaged) ||
	         hal_disk_exists(file->hal, names->damaged_log));
}

static enum err remove_leavings(struct hal *hal, const struct salvage_names *names, struct err_info *info)
{
	enum err err = hal_disk_remove(hal, names->fresh, info);
	if (err == ERR_OK)
		err = hal_disk_remove(hal, names->fresh_log, info);
	if (err == ERR_OK)
		err = hal_disk_remove(hal, names->fresh_journal, info);
	return err;
}

/* The log that the damaged file leaves behind, then the new file in its place. */
static enum err finish_renames(const struct store_file_options *file, const struct salvage_names *names,
                               struct err_info *info)
{
	enum err err = ERR_OK;
	if (hal_disk_exists(file->hal, names->log))
		err = hal_disk_rename(file->hal, names->log, names->damaged_log, info);
	if (err == ERR_OK)
		err = hal_disk_rename(file->hal, names->fresh, file->path, info);
	return err;
}

enum err salvage_resume(const struct store_file_options *file, struct store_opening *opening,
                        struct err_info *info)
{
	struct salvage_names names;
	salvage_names(file, &names);
	if (!hal_disk_exists(file->hal, names.fresh))
		return ERR_OK;
	if (hal_disk_exists(file->hal, file->path))
		return remove_leavings(file->hal, &names, info);
	opening->salvaged = true;
	/* Which it was among those that lie there is not known any more. */
	snprintf(opening->damaged_path, sizeof opening->damaged_path, "%.230s.damaged-*", file->path);
	snprintf(opening->text, sizeof opening->text, "its salvage was interrupted, and is finished now");
	return finish_renames(file, &names, info);
}

/* The new file, filled and closed. */
static enum err build(const struct store_file_options *file, const struct salvage_names *names, sqlite3 *old,
                      struct salvage_counts *counts, struct err_info *info)
{
	struct store_file_options fresh = *file;
	struct store_opening unused = {0};
	struct store *store = NULL;
	fresh.path = names->fresh;
	enum err err = remove_leavings(file->hal, names, info);
	if (err == ERR_OK)
		err = store_open_file(&fresh, &store, &unused, info);
	if (err != ERR_OK)
		return err;
	snprintf(store->identity.damage, sizeof store->identity.damage, "its salvage was not finished");
	err = identity_put(store, info);
	if (err == ERR_OK)
		err = salvage_copy(old, store, counts, info);
	store_close(store);
	/* A log that is still there holds what the file does not. */
	if (err == ERR_OK && hal_disk_exists(file->hal, names->fresh_log))
		err = err_set(info, ERR_IO, "%s could not be completed; check the disk", names->fresh);
	return err;
}

static void tell(struct store_opening *opening, const struct salvage_counts *counts)
{
	char found[160];
	snprintf(found, sizeof found, "%.150s", opening->text);
	opening->documents_kept = counts->documents;
	opening->rows_lost = counts->rows_lost;
	if (counts->unreadable)
		snprintf(opening->text, sizeof opening->text,
		         "%s; nothing could be read, how much was lost is not known", found);
	else
		snprintf(opening->text, sizeof opening->text,
		         "%s; %" PRIu64 " not acknowledged are read again", found, counts->dropped);
}

enum err store_salvage(const struct store_file_options *file, struct store_opening *opening,
                       struct err_info *info)
{
	struct salvage_names names;
	struct salvage_counts counts;
	struct err_info why;
	sqlite3 *old = NULL;
	salvage_names(file, &names);
	enum err err = store_connect(file->hal, file->path, &old, &why);
	if (err != ERR_OK && err != ERR_CORRUPT)
		return err_set(info, err, "%s", why.text);
	err = build(file, &names, old, &counts, info);
	sqlite3_close(old); /* leaves its log as it is */
	if (err == ERR_OK)
		err = hal_disk_rename(file->hal, file->path, names.damaged, info);
	if (err != ERR_OK) {
		enum err left = remove_leavings(file->hal, &names, &why);
		if (left != ERR_OK)
			log_event(file->log, LOG_STORE_FAILED, "store=%s: %s", file->path, why.text);
		return err;
	}
	err = finish_renames(file, &names, info);
	if (err != ERR_OK)
		return err;
	tell(opening, &counts);
	memcpy(opening->damaged_path, names.damaged, sizeof opening->damaged_path);
	return ERR_OK;
}
