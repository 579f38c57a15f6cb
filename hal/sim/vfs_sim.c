/*
 * vfs_sim.c - the simulated disk: files in memory, what of them is durable, and the power cut.
 *
 * Why:   see vfs_sim.h.
 * Owns:  inodes (two images and the unsynced changes between them), names, the registration with SQLite.
 * Rules: 1. plate + pending, applied in order, is always equal to seen.
 *        2. A name has two inodes at most: the one seen now, and the one the plate's directory knows.
 * Faults: as in vfs_sim.h.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#include "hal/sim/vfs_sim.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_DAY INT64_C(86400000000000)
/* The Julian day number of 1970-01-01, in milliseconds: SQLite's time. */
#define JULIAN_EPOCH_MS INT64_C(210866760000000)

struct image {
	uint8_t *data;
	size_t len;
	size_t capacity;
};

struct change {
	struct change *next;
	bool truncation; /* to `offset` bytes; else a write of data there */
	uint64_t offset;
	size_t len;
	uint8_t data[];
};

struct inode {
	struct image seen;
	struct image plate;
	struct change *first;
	struct change *last;
	int references;     /* names and open handles */
	int readers;        /* handles with a lock */
	const void *writer; /* the handle that holds RESERVED or more */
	struct inode *next; /* of all inodes */
};

struct name {
	char path[VFS_SIM_PATH_MAX]; /* empty: the slot is free */
	struct inode *seen;          /* NULL: removed, or not there */
	struct inode *plate;
};

struct vfs_sim {
	sqlite3_vfs vfs; /* pAppData is this object */
	char vfs_name[40];
	struct sim_random *random;
	uint32_t sector_bytes;
	int64_t (*wall_ns)(void *self);
	void *self;
	struct inode *inodes;
	struct name names[VFS_SIM_FILES_MAX];
	uint64_t capacity;
	uint64_t errors_one_in;
	uint64_t changes;
	uint64_t changes_left; /* until the power fails; 0: it does not */
	bool off;
	bool killed; /* off for the process alone */
};

/* What SQLite holds of an open file. */
struct handle {
	sqlite3_file file;
	struct vfs_sim *vfs;
	struct inode *inode;
	int lock;
};

static struct handle *handle_of(sqlite3_file *file)
{
	return (struct handle *)(void *)file;
}

static struct vfs_sim *vfs_of(sqlite3_vfs *vfs)
{
	return vfs->pAppData;
}

static void image_resize(struct image *image, size_t len)
{
	if (len > image->capacity) {
		size_t capacity = image->capacity ? image->capacity : 4096;
		while (capacity < len)
			capacity *= 2;
		image->data = mem_grow(image->data, capacity);
		image->capacity = capacity;
	}
	if (len > image->len)
		memset(image->data + image->len, 0, len - image->len);
	image->len = len;
}

static void image_put(struct image *image, uint64_t offset, const uint8_t *data, size_t len)
{
	if (len == 0)
		return;
	if (offset + len > image->len)
		image_resize(image, (size_t)offset + len);
	memcpy(image->data + offset, data, len);
}

static void drop_changes(struct inode *inode)
{
	while (inode->first) {
		struct change *next = inode->first->next;
		free(inode->first);
		inode->first = next;
	}
	inode->last = NULL;
}

static struct inode *inode_new(struct vfs_sim *vfs)
{
	struct inode *inode = mem_alloc(sizeof *inode);
	inode->next = vfs->inodes;
	vfs->inodes = inode;
	return inode;
}

static void inode_drop(struct vfs_sim *vfs, struct inode *inode)
{
	if (!inode || --inode->references > 0)
		return;
	struct inode **link = &vfs->inodes;
	while (*link != inode)
		link = &(*link)->next;
	*link = inode->next;
	drop_changes(inode);
	free(inode->seen.data);
	free(inode->plate.data);
	free(inode);
}

static struct name *find_name(const struct vfs_sim *vfs, const char *path)
{
	for (int i = 0; i < VFS_SIM_FILES_MAX; i++) {
		if (strcmp(vfs->names[i].path, path) == 0)
			return (struct name *)(uintptr_t)&vfs->names[i];
	}
	return NULL;
}

static struct name *make_name(struct vfs_sim *vfs, const char *path)
{
	struct name *name = find_name(vfs, path);
	if (!name) {
		name = find_name(vfs, "");
		CHECK(name != NULL && path[0] != 0);
		CHECK(text_copy(name->path, sizeof name->path, span_of(path)));
	}
	return name;
}

static void point(struct vfs_sim *vfs, struct inode **to, struct inode *inode)
{
	if (inode)
		inode->references++;
	inode_drop(vfs, *to);
	*to = inode;
}

static void forget_if_unused(struct name *name)
{
	if (!name->seen && !name->plate)
		name->path[0] = 0;
}

static void add_change(struct inode *inode, bool truncation, uint64_t offset, const void *data, size_t len)
{
	struct change *change = mem_alloc(sizeof *change + len);
	change->truncation = truncation;
	change->offset = offset;
	change->len = len;
	if (len > 0)
		memcpy(change->data, data, len);
	if (inode->last)
		inode->last->next = change;
	else
		inode->first = change;
	inode->last = change;
	if (truncation)
		image_resize(&inode->seen, (size_t)offset);
	else
		image_put(&inode->seen, offset, data, len);
}

/* Everything seen of the file is on the plate, and so is its name. */
static void make_durable(struct vfs_sim *vfs, struct inode *inode)
{
	for (struct change *change = inode->first; change; change = change->next) {
		if (change->truncation)
			image_resize(&inode->plate, (size_t)change->offset);
		else
			image_put(&inode->plate, change->offset, change->data, change->len);
	}
	drop_changes(inode);
	CHECK(inode->plate.len == inode->seen.len);
	for (int i = 0; i < VFS_SIM_FILES_MAX; i++) {
		if (vfs->names[i].seen == inode)
			point(vfs, &vfs->names[i].plate, inode);
	}
}

/* Counts a change. false: the power failed in the middle of it. */
static bool still_on(struct vfs_sim *vfs)
{
	vfs->changes++;
	if (vfs->changes_left > 0 && --vfs->changes_left == 0)
		vfs->off = true;
	return !vfs->off;
}

/* One sector of an unsynced write at the cut: kept, lost or torn. */
static void cut_sector(struct vfs_sim *vfs, struct image *plate, const struct change *change, uint64_t sector)
{
	uint64_t from = sector * vfs->sector_bytes;
	uint64_t to = from + vfs->sector_bytes;
	uint64_t write_from = from > change->offset ? from : change->offset;
	uint64_t change_end = change->offset + change->len;
	uint64_t write_to = to < change_end ? to : change_end;
	const uint8_t *data = change->data + (write_from - change->offset);
	size_t len = (size_t)(write_to - write_from);
	switch (sim_random_below(vfs->random, 8)) {
	case 0:
	case 1:
		return;
	case 2: /* torn: its first part only */
		image_put(plate, write_from, data, (size_t)sim_random_below(vfs->random, len + 1));
		return;
	case 3: /* torn: garbage in some of it, also outside what was being written */
		image_put(plate, write_from, data, len);
		if (to > plate->len)
			to = plate->len;
		from += sim_random_below(vfs->random, to - from);
		sim_random_bytes(vfs->random, plate->data + from, (size_t)(to - from));
		return;
	default:
		image_put(plate, write_from, data, len);
	}
}

enum cut_kind { CUT_NOTHING_SURVIVES, CUT_ALL_SURVIVES, CUT_MIXED, CUT_KINDS = 4 };

static void cut_inode(struct vfs_sim *vfs, struct inode *inode, uint64_t kind)
{
	for (struct change *change = inode->first; change; change = change->next) {
		if (kind == CUT_NOTHING_SURVIVES)
			break;
		if (change->truncation) {
			if (kind == CUT_ALL_SURVIVES || sim_random_one_in(vfs->random, 2))
				image_resize(&inode->plate, (size_t)change->offset);
		} else if (kind == CUT_ALL_SURVIVES) {
			image_put(&inode->plate, change->offset, change->data, change->len);
		} else if (change->len > 0) {
			uint64_t last = (change->offset + change->len - 1) / vfs->sector_bytes;
			for (uint64_t s = change->offset / vfs->sector_bytes; s <= last; s++)
				cut_sector(vfs, &inode->plate, change, s);
		}
	}
	drop_changes(inode);
	inode->seen.len = 0;
	image_put(&inode->seen, 0, inode->plate.data, inode->plate.len);
}

void vfs_sim_power_off(struct vfs_sim *vfs, uint64_t after_changes)
{
	vfs->changes_left = after_changes;
	vfs->killed = false;
	if (after_changes == 0)
		vfs->off = true;
}

void vfs_sim_kill(struct vfs_sim *vfs, uint64_t after_changes)
{
	vfs_sim_power_off(vfs, after_changes);
	vfs->killed = true;
}

bool vfs_sim_is_off(const struct vfs_sim *vfs)
{
	return vfs->off;
}

void vfs_sim_power_on(struct vfs_sim *vfs)
{
	bool power_failed = vfs->off && !vfs->killed;
	vfs->changes_left = 0;
	vfs->off = false;
	vfs->killed = false;
	if (!power_failed)
		return;
	uint64_t kind = sim_random_below(vfs->random, CUT_KINDS); /* above CUT_MIXED: mixed as well */
	for (int i = 0; i < VFS_SIM_FILES_MAX; i++) {
		struct name *name = &vfs->names[i];
		if (name->path[0] == 0)
			continue;
		if (name->seen != name->plate) {
			bool survives = kind == CUT_ALL_SURVIVES ||
			                (kind != CUT_NOTHING_SURVIVES && sim_random_one_in(vfs->random, 2));
			if (survives)
				point(vfs, &name->plate, name->seen);
			else
				point(vfs, &name->seen, name->plate);
		}
		forget_if_unused(name);
	}
	for (struct inode *inode = vfs->inodes; inode; inode = inode->next) {
		CHECK(inode->readers == 0 && !inode->writer);
		cut_inode(vfs, inode, kind);
	}
}

static int io_close(sqlite3_file *file);

static int io_unlock(sqlite3_file *file, int level)
{
	struct handle *handle = handle_of(file);
	if (level <= SQLITE_LOCK_SHARED && handle->inode->writer == handle)
		handle->inode->writer = NULL;
	if (level == SQLITE_LOCK_NONE && handle->lock > SQLITE_LOCK_NONE)
		handle->inode->readers--;
	if (level < handle->lock)
		handle->lock = level;
	return SQLITE_OK;
}

static int io_lock(sqlite3_file *file, int level)
{
	struct handle *handle = handle_of(file);
	struct inode *inode = handle->inode;
	if (handle->vfs->off)
		return SQLITE_IOERR_LOCK;
	if (level <= handle->lock)
		return SQLITE_OK;
	if (inode->writer && inode->writer != handle)
		return SQLITE_BUSY;
	if (level == SQLITE_LOCK_EXCLUSIVE && inode->readers > (handle->lock > SQLITE_LOCK_NONE ? 1 : 0))
		return SQLITE_BUSY;
	if (handle->lock == SQLITE_LOCK_NONE)
		inode->readers++;
	if (level >= SQLITE_LOCK_RESERVED)
		inode->writer = handle;
	handle->lock = level;
	return SQLITE_OK;
}

static int io_reserved(sqlite3_file *file, int *result)
{
	*result = handle_of(file)->inode->writer != NULL;
	return SQLITE_OK;
}

static int io_close(sqlite3_file *file)
{
	struct handle *handle = handle_of(file);
	(void)io_unlock(file, SQLITE_LOCK_NONE);
	inode_drop(handle->vfs, handle->inode);
	file->pMethods = NULL;
	return SQLITE_OK;
}

static int io_read(sqlite3_file *file, void *to, int len, sqlite3_int64 offset)
{
	struct handle *handle = handle_of(file);
	const struct image *seen = &handle->inode->seen;
	if (handle->vfs->off)
		return SQLITE_IOERR_READ;
	size_t wanted = (size_t)len;
	size_t there = (uint64_t)offset < seen->len ? seen->len - (size_t)offset : 0;
	if (there > wanted)
		there = wanted;
	if (there > 0)
		memcpy(to, seen->data + offset, there);
	if (there == wanted)
		return SQLITE_OK;
	memset((uint8_t *)to + there, 0, wanted - there);
	return SQLITE_IOERR_SHORT_READ;
}

static uint64_t used_bytes(const struct vfs_sim *vfs)
{
	uint64_t used = 0;
	for (const struct inode *inode = vfs->inodes; inode; inode = inode->next)
		used += inode->seen.len;
	return used;
}

static int io_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 offset)
{
	struct handle *handle = handle_of(file);
	struct vfs_sim *vfs = handle->vfs;
	if (vfs->off)
		return SQLITE_IOERR_WRITE;
	uint64_t end = (uint64_t)offset + (uint64_t)len;
	if (end > handle->inode->seen.len && used_bytes(vfs) - handle->inode->seen.len + end > vfs->capacity)
		return SQLITE_FULL;
	if (sim_random_one_in(vfs->random, vfs->errors_one_in))
		return SQLITE_IOERR_WRITE;
	add_change(handle->inode, false, (uint64_t)offset, data, (size_t)len);
	return still_on(vfs) ? SQLITE_OK : SQLITE_IOERR_WRITE;
}

static int io_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	struct handle *handle = handle_of(file);
	if (handle->vfs->off)
		return SQLITE_IOERR_TRUNCATE;
	add_change(handle->inode, true, (uint64_t)size, NULL, 0);
	return still_on(handle->vfs) ? SQLITE_OK : SQLITE_IOERR_TRUNCATE;
}

static int io_sync(sqlite3_file *file, int flags)
{
	(void)flags;
	struct handle *handle = handle_of(file);
	if (handle->vfs->off || !still_on(handle->vfs))
		return SQLITE_IOERR_FSYNC;
	if (sim_random_one_in(handle->vfs->random, handle->vfs->errors_one_in))
		return SQLITE_IOERR_FSYNC;
	make_durable(handle->vfs, handle->inode);
	return SQLITE_OK;
}

static int io_size(sqlite3_file *file, sqlite3_int64 *size)
{
	*size = (sqlite3_int64)handle_of(file)->inode->seen.len;
	return handle_of(file)->vfs->off ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

static int io_control(sqlite3_file *file, int operation, void *argument)
{
	(void)file;
	(void)operation;
	(void)argument;
	return SQLITE_NOTFOUND;
}

static int io_sector(sqlite3_file *file)
{
	return (int)handle_of(file)->vfs->sector_bytes;
}

static int io_characteristics(sqlite3_file *file)
{
	(void)file;
	return 0; /* no promise: not atomic, not in order, not powersafe */
}

static const sqlite3_io_methods io_methods = {
    .iVersion = 1,
    .xClose = io_close,
    .xRead = io_read,
    .xWrite = io_write,
    .xTruncate = io_truncate,
    .xSync = io_sync,
    .xFileSize = io_size,
    .xLock = io_lock,
    .xUnlock = io_unlock,
    .xCheckReservedLock = io_reserved,
    .xFileControl = io_control,
    .xSectorSize = io_sector,
    .xDeviceCharacteristics = io_characteristics,
};

static int vfs_open(sqlite3_vfs *base, const char *path, sqlite3_file *file, int flags, int *flags_out)
{
	struct vfs_sim *vfs = vfs_of(base);
	struct handle *handle = handle_of(file);
	file->pMethods = NULL;
	if (vfs->off)
		return SQLITE_CANTOPEN;
	struct name *name = path ? find_name(vfs, path) : NULL;
	struct inode *inode = name ? name->seen : NULL;
	if (!inode) {
		if (path && !(flags & SQLITE_OPEN_CREATE))
			return SQLITE_CANTOPEN;
		if (path && !still_on(vfs))
			return SQLITE_CANTOPEN;
		inode = inode_new(vfs);
		if (path)
			point(vfs, &make_name(vfs, path)->seen, inode);
	}
	inode->references++; /* a temporary file without a name lives as long as its handle */
	*handle = (struct handle){.vfs = vfs, .inode = inode};
	file->pMethods = &io_methods;
	if (flags_out)
		*flags_out = flags;
	return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *base, const char *path, int sync_directory)
{
	struct vfs_sim *vfs = vfs_of(base);
	struct name *name = find_name(vfs, path);
	if (vfs->off)
		return SQLITE_IOERR_DELETE;
	if (!name || !name->seen)
		return SQLITE_IOERR_DELETE_NOENT;
	bool on = still_on(vfs);
	point(vfs, &name->seen, NULL);
	if (on && sync_directory)
		point(vfs, &name->plate, NULL);
	forget_if_unused(name);
	return on ? SQLITE_OK : SQLITE_IOERR_DELETE;
}

static int vfs_access(sqlite3_vfs *base, const char *path, int flags, int *result)
{
	(void)flags;
	*result = vfs_sim_exists(vfs_of(base), path);
	return vfs_of(base)->off ? SQLITE_IOERR_ACCESS : SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *base, const char *path, int size, char *full)
{
	(void)base;
	return text_copy(full, (size_t)size, span_of(path)) ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *base, int len, char *bytes)
{
	sim_random_bytes(vfs_of(base)->random, bytes, (size_t)len);
	return len;
}

static int vfs_sleep(sqlite3_vfs *base, int microseconds)
{
	(void)base;
	return microseconds;
}

static int vfs_time_ms(sqlite3_vfs *base, sqlite3_int64 *now)
{
	struct vfs_sim *vfs = vfs_of(base);
	*now = JULIAN_EPOCH_MS + vfs->wall_ns(vfs->self) / 1000000;
	return SQLITE_OK;
}

static int vfs_time_days(sqlite3_vfs *base, double *now)
{
	sqlite3_int64 ms;
	int result = vfs_time_ms(base, &ms);
	*now = (double)ms / (double)(NS_PER_DAY / 1000000);
	return result;
}

static int vfs_last_error(sqlite3_vfs *base, int size, char *text)
{
	(void)base;
	if (size > 0)
		text[0] = 0;
	return 0;
}

struct vfs_sim *vfs_sim_new(struct sim_random *random, uint32_t sector_bytes, int64_t (*wall_ns)(void *self),
                            void *self)
{
	CHECK(sector_bytes == 512 || sector_bytes == 4096);
	struct vfs_sim *vfs = mem_alloc(sizeof *vfs);
	vfs->random = random;
	vfs->sector_bytes = sector_bytes;
	vfs->wall_ns = wall_ns;
	vfs->self = self;
	vfs->capacity = UINT64_MAX / 4;
	(void)snprintf(vfs->vfs_name, sizeof vfs->vfs_name, "sim-%p", (void *)vfs);
	vfs->vfs = (sqlite3_vfs){
	    .iVersion = 2,
	    .szOsFile = (int)sizeof(struct handle),
	    .mxPathname = VFS_SIM_PATH_MAX - 1,
	    .zName = vfs->vfs_name,
	    .pAppData = vfs,
	    .xOpen = vfs_open,
	    .xDelete = vfs_delete,
	    .xAccess = vfs_access,
	    .xFullPathname = vfs_full_path,
	    .xRandomness = vfs_randomness,
	    .xSleep = vfs_sleep,
	    .xCurrentTime = vfs_time_days,
	    .xGetLastError = vfs_last_error,
	    .xCurrentTimeInt64 = vfs_time_ms,
	};
	/* As the default one while it lives, and SQLite's own generator is seeded anew from it: a run then
	 * depends on the simulation's seed alone. */
	CHECK(sqlite3_vfs_register(&vfs->vfs, 1) == SQLITE_OK);
	sqlite3_randomness(0, NULL);
	return vfs;
}

void vfs_sim_free(struct vfs_sim *vfs)
{
	if (!vfs)
		return;
	for (int i = 0; i < VFS_SIM_FILES_MAX; i++) {
		point(vfs, &vfs->names[i].seen, NULL);
		point(vfs, &vfs->names[i].plate, NULL);
	}
	CHECK(vfs->inodes == NULL);
	CHECK(sqlite3_vfs_unregister(&vfs->vfs) == SQLITE_OK);
	free(vfs);
}

const char *vfs_sim_name(const struct vfs_sim *vfs)
{
	return vfs->vfs_name;
}

void vfs_sim_set_capacity(struct vfs_sim *vfs, uint64_t bytes)
{
	vfs->capacity = bytes;
}

uint64_t vfs_sim_free_bytes(const struct vfs_sim *vfs)
{
	uint64_t used = used_bytes(vfs);
	return used < vfs->capacity ? vfs->capacity - used : 0;
}

void vfs_sim_set_errors(struct vfs_sim *vfs, uint64_t one_in)
{
	vfs->errors_one_in = one_in;
}

bool vfs_sim_exists(const struct vfs_sim *vfs, const char *path)
{
	const struct name *name = find_name(vfs, path);
	return name && name->seen;
}

enum err vfs_sim_rename(struct vfs_sim *vfs, const char *from, const char *to, struct err_info *info)
{
	struct name *source = find_name(vfs, from);
	if (vfs->off)
		return err_set(info, ERR_IO, "renaming %s: the power is off", from);
	if (!source || !source->seen)
		return err_set(info, ERR_NOT_FOUND, "renaming %s: there is no such file", from);
	struct inode *inode = source->seen;
	struct name *target = make_name(vfs, to);
	bool on = still_on(vfs);
	/* A rename is atomic on every file system that a store may live on: whole, or not at all. */
	if (on || sim_random_one_in(vfs->random, 2)) {
		point(vfs, &target->seen, inode);
		point(vfs, &target->plate, inode);
		point(vfs, &source->seen, NULL);
		point(vfs, &source->plate, NULL);
		forget_if_unused(source);
	} else {
		forget_if_unused(target);
	}
	return on ? ERR_OK : err_set(info, ERR_IO, "renaming %s: the power failed", from);
}

enum err vfs_sim_remove(struct vfs_sim *vfs, const char *path, struct err_info *info)
{
	int result = vfs_delete(&vfs->vfs, path, 1);
	if (result == SQLITE_OK || result == SQLITE_IOERR_DELETE_NOENT)
		return ERR_OK;
	return err_set(info, ERR_IO, "removing %s: the power is off", path);
}

struct span vfs_sim_contents(const struct vfs_sim *vfs, const char *path)
{
	const struct name *name = find_name(vfs, path);
	if (!name || !name->seen)
		return (struct span){NULL, 0};
	return (struct span){(const char *)name->seen->seen.data, name->seen->seen.len};
}

void vfs_sim_damage(struct vfs_sim *vfs, const char *path, uint64_t offset, size_t len)
{
	struct name *name = find_name(vfs, path);
	CHECK(name != NULL && name->seen != NULL && name->seen == name->plate && !name->seen->first);
	struct inode *inode = name->seen;
	for (uint64_t i = offset; i < offset + len && i < inode->plate.len; i++) {
		inode->plate.data[i] = (uint8_t)sim_random_u64(vfs->random);
		inode->seen.data[i] = inode->plate.data[i];
	}
}

uint64_t vfs_sim_changes(const struct vfs_sim *vfs)
{
	return vfs->changes;
}
