/*
 * keys_sim.c - files and seal of the signing keys on the simulated disk.
 *
 * Why:   see keys_sim.h.
 * Owns:  nothing; a file that is being made is closed before return.
 * Rules: as in keys_sim.h. A directory is a beginning of names here: there is nothing to make.
 * Faults: the power is off, or fails in the middle; the disk is full or gives an error.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c, tests/contract/hal_sim_keys_test.c
 */
#include "hal/sim/keys_sim.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "hal/keys_sealed.h"
#include "hal/sim/hal_sim.h"

static struct hal_sim *sim_of(struct hal *hal)
{
	return (struct hal_sim *)(void *)hal; /* hal is the first member */
}

static enum err directory(struct hal *hal, const char *path, struct err_info *info)
{
	return hal_sim_is_off(sim_of(hal)) ? err_set(info, ERR_IO, "making %s: the power is off", path)
	                                   : ERR_OK;
}

static enum err read_file(struct hal *hal, const char *path, uint8_t *bytes, size_t size, size_t *len,
                          struct err_info *info)
{
	const struct vfs_sim *vfs = sim_of(hal)->disk;
	*len = 0;
	if (vfs_sim_is_off(vfs))
		return err_set(info, ERR_IO, "reading %s: the power is off", path);
	if (!vfs_sim_exists(vfs, path))
		return err_set(info, ERR_NOT_FOUND, "there is no file %s", path);
	struct span file = vfs_sim_contents(vfs, path);
	if (file.len > size)
		return err_set(info, ERR_TOO_LARGE, "%s is over %zu bytes", path, size);
	if (file.len > 0)
		memcpy(bytes, file.data, file.len);
	*len = file.len;
	return ERR_OK;
}

static enum err create_file(struct hal *hal, const char *path, struct span bytes, struct err_info *info)
{
	if (vfs_sim_exists(sim_of(hal)->disk, path))
		return err_set(info, ERR_CONFLICT, "%s is there already", path);
	sqlite3_vfs *vfs = sqlite3_vfs_find(vfs_sim_name(sim_of(hal)->disk));
	CHECK(vfs != NULL);
	sqlite3_file *file = mem_alloc((size_t)vfs->szOsFile);
	int flags = SQLITE_OPEN_CREATE | SQLITE_OPEN_READWRITE | SQLITE_OPEN_MAIN_DB;
	int result = vfs->xOpen(vfs, path, file, flags, NULL);
	if (result == SQLITE_OK) {
		result = file->pMethods->xWrite(file, bytes.data, (int)bytes.len, 0);
		if (result == SQLITE_OK)
			result = file->pMethods->xSync(file, SQLITE_SYNC_FULL);
		(void)file->pMethods->xClose(file);
	}
	free(file);
	if (result == SQLITE_OK)
		return ERR_OK;
	return err_set(info, result == SQLITE_FULL ? ERR_FULL : ERR_IO, "writing %s: %s", path,
	               sqlite3_errstr(result));
}

static enum err secret_bytes(struct hal *hal, const struct secret_reference *reference, uint8_t *bytes,
                             size_t size, size_t *len, struct err_info *info)
{
	*len = 0;
	if (reference->kind != SECRET_FILE)
		return err_set(info, ERR_NOT_FOUND, "a simulated box has no secret %s", reference->name);
	return read_file(hal, reference->name, bytes, size, len, info);
}

enum err keys_sim_open(struct hal *hal, const struct hal_keys_options *options, struct hal_keys **keys,
                       struct hal_keys_opening *opening, struct err_info *info)
{
	static const struct keys_disk disk = {
	    .directory = directory,
	    .read = read_file,
	    .create = create_file,
	    .secret = secret_bytes,
	};
	return keys_sealed_open(hal, &disk, options, keys, opening, info);
}
