/* vfsshim: see vfsshim.h. */
#include "vfsshim.h"

#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"

struct shim {
	sqlite3_file base;
	sqlite3_file *real;
	const char *path; /* SQLite's own, good until it is closed */
};

static sqlite3_vfs shim_vfs, *real_vfs;
static sqlite3_io_methods shim_methods;
static vfs_hook the_hook;

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct shim *)(void *)f)->real;
}

static int ask(enum vfs_op op, sqlite3_file *f, const void *p, int n,
	       sqlite3_int64 at)
{
	const struct shim *s = (struct shim *)(void *)f;
	const struct vfs_event ev = { .op = op, .path = s->path,
				      .real = s->real, .p = p, .n = n,
				      .at = at };

	return the_hook ? the_hook(&ev) : VFS_PASS;
}

static int shim_close(sqlite3_file *f)
{
	sqlite3_file *r = real_of(f);
	int rc = r->pMethods ? r->pMethods->xClose(r) : SQLITE_OK;

	mem_free(r);
	return rc;
}

static int shim_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
	int rc = ask(VFS_READ, f, NULL, n, at);

	return rc != VFS_PASS ? rc :
				real_of(f)->pMethods->xRead(real_of(f), p, n, at);
}

static int shim_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
	int rc = ask(VFS_WRITE, f, p, n, at);

	return rc != VFS_PASS ? rc :
				real_of(f)->pMethods->xWrite(real_of(f), p, n, at);
}

static int shim_truncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc = ask(VFS_TRUNCATE, f, NULL, 0, n);

	return rc != VFS_PASS ? rc :
				real_of(f)->pMethods->xTruncate(real_of(f), n);
}

static int shim_sync(sqlite3_file *f, int flags)
{
	int rc = ask(VFS_SYNC, f, NULL, 0, 0);

	return rc != VFS_PASS ? rc : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int shim_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
	const struct vfs_event ev = { .op = VFS_DELETE, .path = path,
				      .n = sync_dir };
	int rc = the_hook ? the_hook(&ev) : VFS_PASS;

	(void)vfs;
	return rc != VFS_PASS ? rc : real_vfs->xDelete(real_vfs, path, sync_dir);
}

#define PASS(name, args, call)                                         \
	static int shim_##name args                                    \
	{                                                              \
		sqlite3_file *r = real_of(f);                          \
		return r->pMethods->call;                              \
	}
PASS(size, (sqlite3_file * f, sqlite3_int64 *n), xFileSize(r, n))
PASS(lock, (sqlite3_file * f, int l), xLock(r, l))
PASS(unlock, (sqlite3_file * f, int l), xUnlock(r, l))
PASS(check, (sqlite3_file * f, int *out), xCheckReservedLock(r, out))
PASS(control, (sqlite3_file * f, int op, void *arg), xFileControl(r, op, arg))
PASS(sector, (sqlite3_file * f), xSectorSize(r))
PASS(traits, (sqlite3_file * f), xDeviceCharacteristics(r))
PASS(map, (sqlite3_file * f, int i, int n, int ext, void volatile **p),
     xShmMap(r, i, n, ext, p))
PASS(shmlock, (sqlite3_file * f, int at, int n, int flags),
     xShmLock(r, at, n, flags))
PASS(unmap, (sqlite3_file * f, int del), xShmUnmap(r, del))

static void shim_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f,
		     int flags, int *out)
{
	struct shim *s = (struct shim *)(void *)f;
	int rc;

	(void)vfs;
	s->real = mem_zalloc((size_t)real_vfs->szOsFile);
	if (!s->real)
		return SQLITE_NOMEM;
	rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out);
	if (rc != SQLITE_OK) {
		mem_free(s->real);
		f->pMethods = NULL;
		return rc;
	}
	s->path = name;
	f->pMethods = &shim_methods;
	return SQLITE_OK;
}

void vfsshim_install(vfs_hook hook)
{
	the_hook = hook;
	if (real_vfs)
		return;
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct shim);
	shim_vfs.xOpen = shim_open;
	shim_vfs.xDelete = shim_delete;
	shim_methods = (sqlite3_io_methods){
		.iVersion = 2,
		.xClose = shim_close, .xRead = shim_read,
		.xWrite = shim_write, .xTruncate = shim_truncate,
		.xSync = shim_sync, .xFileSize = shim_size,
		.xLock = shim_lock, .xUnlock = shim_unlock,
		.xCheckReservedLock = shim_check,
		.xFileControl = shim_control, .xSectorSize = shim_sector,
		.xDeviceCharacteristics = shim_traits, .xShmMap = shim_map,
		.xShmLock = shim_shmlock, .xShmBarrier = shim_barrier,
		.xShmUnmap = shim_unmap,
	};
	assert_int_equal(sqlite3_vfs_register(&shim_vfs, 1), SQLITE_OK);
}
