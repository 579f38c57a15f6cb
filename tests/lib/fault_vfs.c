/*
 * fault_vfs.c - see fault_vfs.h.
 *
 * Why:   see fault_vfs.h.
 * Owns:  the VFS and its plan: state of the test program, so it may stand at file scope here.
 * Runs in: the test suite.
 * Tests: tests/unit/store_fault_test.c
 */
#include "tests/lib/fault_vfs.h"

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

struct fault_file {
	sqlite3_file base; /* first */
	sqlite3_file *real;
};

static struct fault_plan plan;
static sqlite3_vfs fault_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct fault_file *)file)->real;
}

static sqlite3_vfs *real_vfs(void)
{
	return fault_vfs.pAppData;
}

static bool fails(void)
{
	plan.seen++;
	if (plan.at == 0 || plan.seen < plan.at || plan.seen >= plan.at + plan.length)
		return false;
	plan.failed++;
	return true;
}

static int code_for(int own)
{
	return plan.code == SQLITE_FULL ? SQLITE_FULL : own;
}

static int fault_close(sqlite3_file *file)
{
	struct fault_file *fault = (struct fault_file *)file;
	int rc = fault->real->pMethods ? fault->real->pMethods->xClose(fault->real) : SQLITE_OK;
	free(fault->real);
	return rc;
}

static int fault_read(sqlite3_file *file, void *to, int len, sqlite3_int64 at)
{
	if (plan.reads && fails())
		return SQLITE_IOERR_READ;
	return real_of(file)->pMethods->xRead(real_of(file), to, len, at);
}

static int fault_write(sqlite3_file *file, const void *from, int len, sqlite3_int64 at)
{
	sqlite3_file *real = real_of(file);
	if (plan.syncs || !fails())
		return real->pMethods->xWrite(real, from, len, at);
	if (plan.half && len > 1)
		(void)real->pMethods->xWrite(real, from, len / 2, at);
	return plan.code;
}

static int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	if (!plan.syncs && fails())
		return code_for(SQLITE_IOERR_TRUNCATE);
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int fault_sync(sqlite3_file *file, int flags)
{
	if (fails())
		return code_for(SQLITE_IOERR_FSYNC);
	return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int fault_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int fault_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int fault_reserved(sqlite3_file *file, int *result)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), result);
}

static int fault_control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}

static int fault_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int fault_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0; /* promises nothing */
}

/* Version 1: no shared memory, so that the store's exclusive mode is proved to need none. */
static const sqlite3_io_methods fault_methods = {
    .iVersion = 1,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_characteristics,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
	(void)vfs;
	struct fault_file *fault = (struct fault_file *)file;
	fault->base.pMethods = NULL;
	fault->real = calloc(1, (size_t)real_vfs()->szOsFile);
	if (fault->real == NULL)
		return SQLITE_NOMEM;
	int rc = real_vfs()->xOpen(real_vfs(), name, fault->real, flags, flags_out);
	if (rc != SQLITE_OK) {
		free(fault->real);
		return rc;
	}
	fault->base.pMethods = &fault_methods;
	return SQLITE_OK;
}

struct fault_plan *fault_vfs_plan(void)
{
	if (fault_vfs.zName == NULL) {
		sqlite3_vfs *real = sqlite3_vfs_find(NULL);
		fault_vfs = *real;
		fault_vfs.pNext = NULL;
		fault_vfs.zName = FAULT_VFS_NAME;
		fault_vfs.szOsFile = sizeof(struct fault_file);
		fault_vfs.pAppData = real;
		fault_vfs.xOpen = fault_open;
		if (sqlite3_vfs_register(&fault_vfs, 0) != SQLITE_OK)
			abort();
	}
	return &plan;
}
