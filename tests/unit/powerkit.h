/*
 * powerkit: what a power cut leaves of a folder.
 *
 * Every change of a file of the folder is recorded, through SQLite's VFS and
 * through our own pwrite, write, fsync, fdatasync and renameat (linked with
 * --wrap).  power_cut() then makes the folder as it could be after the power
 * went at any of them: what was synced is there; of what was not, each sector
 * of 512 bytes of each write is there or not, by chance and in any order;
 * truncations, names and deletions are there up to some moment since the folder
 * was last synced, in order, as every journalling file system keeps them.
 *
 * As SQLite does, it takes the disk's word that a write does not spoil bytes
 * beside it ("powersafe overwrite").
 */
#ifndef TESTS_UNIT_POWERKIT_H
#define TESTS_UNIT_POWERKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Begin: `dir`, with the files it has now, is what is on the disk. */
void power_record(const char *dir);
/* A state was promised: from here on it must outlive a cut. */
void power_mark(void);
void power_stop(void);
size_t power_events(void);
/* Marks before event `at`. */
size_t power_marks(size_t at);

/* Write into `to` what is left after a cut before event `at`; `seed` is the
 * chance.  `lost`: the number of a sync (of power_syncs()) that the disk said it
 * did and did not; SIZE_MAX: none. */
void power_cut(const char *to, size_t at, uint64_t seed, size_t lost);
size_t power_syncs(void);
size_t power_sync_at(size_t sync); /* its event */
void power_free(void);

uint64_t power_random(uint64_t *state);

#endif
