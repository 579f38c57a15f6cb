/*
 * vfs_sim.h - a disk in memory, as an SQLite VFS, whose power can be cut.
 *
 * Why:   what a store may lose is what a disk had not been asked to sync; here each such loss comes of a
 *        seed.
 * Owns:  struct vfs_sim owns its files; it is registered with SQLite under a name of its own while it lives.
 * Rules: 1. Two images of each file: what the running system sees, and what is on the plate. xSync makes them
 *           equal.
 *        2. At a power cut each unsynced sector write, truncation, creation and removal survives, is lost, or
 *           (a sector) is torn, apart from each other and in any order.
 *        3. Faults tolerated, by zone, and nothing beyond them happens: synced bytes outside a sector that
 *           was being written: kept; a torn sector: any mixture of old and new, or garbage, over the whole
 *           sector, also its bytes outside the write (no powersafe overwrite is promised); names: a synced
 *           file keeps its name, a removal with its directory synced stays removed.
 *        4. Locks are between handles of this object; no shared memory: a store in WAL mode locks
 *           exclusively.
 * Faults: power cut between or inside calls, IOERR on writing and syncing by chance, FULL at a capacity.
 * Model: TigerBeetle's src/testing/storage.zig (faults stated per zone), SQLite's src/test6.c; the ideas.
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#ifndef TWINPOST_VFS_SIM_H
#define TWINPOST_VFS_SIM_H

#include "hal/base/bytes.h"
#include "hal/sim/random_sim.h"

struct vfs_sim;

#define VFS_SIM_FILES_MAX 64
#define VFS_SIM_PATH_MAX  256

/* sector_bytes: 512 or 4096. wall_ns gives SQLite's idea of the time. Borrows random and self. */
struct vfs_sim *vfs_sim_new(struct sim_random *random, uint32_t sector_bytes, int64_t (*wall_ns)(void *self),
                            void *self);
void vfs_sim_free(struct vfs_sim *vfs); /* no file may be open */
const char *vfs_sim_name(const struct vfs_sim *vfs);

/* Bytes that the disk holds at most; unlimited at first. */
void vfs_sim_set_capacity(struct vfs_sim *vfs, uint64_t bytes);
uint64_t vfs_sim_free_bytes(const struct vfs_sim *vfs);
/* One in n writes and syncs fails with an I/O error; 0: none. */
void vfs_sim_set_errors(struct vfs_sim *vfs, uint64_t one_in);

/* The power fails at the n-th change from now (a write, sync, truncation, creation or removal), in the middle
 * of it; 0: now. From then on every call fails and nothing changes any more. */
void vfs_sim_power_off(struct vfs_sim *vfs, uint64_t after_changes);
/* As a power cut, but only the process is killed: everything that it wrote stays, synced or not. */
void vfs_sim_kill(struct vfs_sim *vfs, uint64_t after_changes);
bool vfs_sim_is_off(const struct vfs_sim *vfs);
/* What was on the plate is what there is. No file may be open. Without a cut before, nothing is lost. */
void vfs_sim_power_on(struct vfs_sim *vfs);

/* As hal_disk_*: durable when they return. */
bool vfs_sim_exists(const struct vfs_sim *vfs, const char *path);
MUST_USE enum err vfs_sim_rename(struct vfs_sim *vfs, const char *from, const char *to,
                                 struct err_info *info);
MUST_USE enum err vfs_sim_remove(struct vfs_sim *vfs, const char *path, struct err_info *info);

/* For tests: what the running system sees of a file, borrowed until it changes; and damage to a plate at
 * rest. */
struct span vfs_sim_contents(const struct vfs_sim *vfs, const char *path);
void vfs_sim_damage(struct vfs_sim *vfs, const char *path, uint64_t offset, size_t len);
uint64_t vfs_sim_changes(const struct vfs_sim *vfs); /* made so far */

#endif
