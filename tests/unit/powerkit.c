/* powerkit: see powerkit.h. */
#include "powerkit.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <cmocka.h>

#include "vfsshim.h"

#define FILES 4096
#define SECTOR 512

enum kind { EV_WRITE, EV_TRUNCATE, EV_SYNC, EV_NAME, EV_UNNAME, EV_RENAME,
	    EV_DIRSYNC, EV_MARK };

struct event {
	enum kind kind;
	int file;	    /* of the data; EV_NAME: what the name is given to */
	int64_t at;	    /* or the size */
	unsigned char *p;
	size_t n;
	char name[40], to[40];
};

struct image { /* of a file's bytes */
	unsigned char *p;
	size_t n, cap;
};

static struct event *events;
static size_t n_events, cap_events;
static char folder[200];
static bool recording;

/* While recording: which file a name is now, files that the start had. */
static struct { char name[40]; int file; } names[64];
static size_t n_names;
static struct image start[64];
static char start_name[64][40];
static size_t n_start;
static int n_files;
static bool fresh[FILES]; /* made since, and not synced yet */

uint64_t power_random(uint64_t *s)
{
	uint64_t z = (*s += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* ---- recording ------------------------------------------------------------------- */

static struct event *add(enum kind k)
{
	if (n_events == cap_events) {
		cap_events = cap_events ? 2 * cap_events : 1024;
		events = realloc(events, cap_events * sizeof(*events));
		assert_non_null(events);
	}
	events[n_events] = (struct event){ .kind = k, .file = -1 };
	return &events[n_events++];
}

/* The last part of a path below the folder, or NULL; the lock and SQLite's
 * shared memory do not outlive a cut. */
static const char *ours(const char *path)
{
	const size_t n = strlen(folder);
	const char *name;

	if (!recording || strncmp(path, folder, n) || path[n] != '/')
		return NULL;
	name = path + n + 1;
	if (strchr(name, '/') || !strcmp(name, "vault.lock") ||
	    strstr(name, "-shm"))
		return NULL;
	assert_true(strlen(name) < 40);
	return name;
}

static int file_of(const char *name)
{
	struct event *e;

	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i].name, name))
			return names[i].file;
	assert_true(n_names < 64 && n_files < FILES);
	(void)snprintf(names[n_names].name, 40, "%.39s", name);
	names[n_names++].file = n_files;
	e = add(EV_NAME);
	(void)snprintf(e->name, 40, "%s", name);
	fresh[n_files] = true;
	return e->file = n_files++;
}

static void forget(const char *name)
{
	for (size_t i = 0; i < n_names; i++)
		if (!strcmp(names[i].name, name)) {
			names[i] = names[--n_names];
			return;
		}
}

static void wrote(const char *name, const void *p, size_t n, int64_t at)
{
	const int file = file_of(name);
	struct event *e = add(EV_WRITE);

	e->file = file;
	e->at = at;
	e->n = n;
	e->p = malloc(n ? n : 1);
	assert_non_null(e->p);
	memcpy(e->p, p, n);
}

static int hook(const struct vfs_event *ev)
{
	const char *name = ev->path ? ours(ev->path) : NULL;
	struct event *e;
	int file;

	if (!name)
		return VFS_PASS;
	switch (ev->op) {
	case VFS_WRITE:
		wrote(name, ev->p, (size_t)ev->n, ev->at);
		break;
	case VFS_TRUNCATE:
		file = file_of(name);
		e = add(EV_TRUNCATE);
		e->file = file;
		e->at = ev->at;
		break;
	case VFS_SYNC:
		file = file_of(name);
		add(EV_SYNC)->file = file;
		/* with the first sync of a new log SQLite syncs the folder,
		 * which no hook is asked about */
		if (fresh[file])
			(void)add(EV_DIRSYNC);
		fresh[file] = false;
		break;
	case VFS_DELETE:
		e = add(EV_UNNAME);
		(void)snprintf(e->name, 40, "%s", name);
		forget(name);
		if (ev->n)
			(void)add(EV_DIRSYNC);
		break;
	case VFS_READ:
		break;
	}
	return VFS_PASS;
}

static bool path_of(int fd, char out[300])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, out, 299);
	out[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __real_write(int fd, const void *p, size_t n);
int __real_fsync(int fd);
int __real_fdatasync(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_renameat(int a, const char *from, int b, const char *to);

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
	char path[300];

	if (recording && path_of(fd, path) && ours(path))
		wrote(ours(path), p, n, at);
	return __real_pwrite(fd, p, n, at);
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	char path[300];

	if (recording && path_of(fd, path) && ours(path))
		wrote(ours(path), p, n, lseek(fd, 0, SEEK_CUR));
	return __real_write(fd, p, n);
}

static void synced(int fd)
{
	char path[300];

	if (!recording || !path_of(fd, path))
		return;
	if (!strcmp(path, folder))
		(void)add(EV_DIRSYNC);
	else if (ours(path)) {
		const int file = file_of(ours(path));

		add(EV_SYNC)->file = file;
	}
}

int __wrap_fsync(int fd)
{
	synced(fd);
	return __real_fsync(fd);
}

int __wrap_fdatasync(int fd)
{
	synced(fd);
	return __real_fdatasync(fd);
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	char path[300];

	if (recording && path_of(a, path) && !strcmp(path, folder)) {
		const int file = file_of(from);
		struct event *e = add(EV_RENAME);

		e->file = file;
		(void)snprintf(e->name, 40, "%s", from);
		(void)snprintf(e->to, 40, "%s", to);
		forget(from);
		forget(to);
		(void)snprintf(names[n_names].name, 40, "%s", to);
		names[n_names++].file = file;
	}
	return __real_renameat(a, from, b, to);
}

static void load_start(const char *name)
{
	char path[300];
	struct stat st;
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%.39s", folder, name);
	assert_int_equal(stat(path, &st), 0);
	start[n_start].n = start[n_start].cap = (size_t)st.st_size;
	start[n_start].p = malloc((size_t)st.st_size + 1);
	f = fopen(path, "rb");
	assert_true(f && start[n_start].p);
	assert_int_equal(fread(start[n_start].p, 1, start[n_start].n, f),
			 start[n_start].n);
	(void)fclose(f);
	(void)snprintf(start_name[n_start], 40, "%.39s", name);
	(void)snprintf(names[n_names].name, 40, "%.39s", name);
	names[n_names++].file = n_files++;
	n_start++;
}

void power_record(const char *dir)
{
	DIR *d = opendir(dir);

	assert_non_null(d);
	(void)snprintf(folder, sizeof(folder), "%s", dir);
	recording = true;
	for (struct dirent *de; (de = readdir(d)) != NULL;) {
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/%.39s", dir, de->d_name);
		if (de->d_name[0] != '.' && ours(path))
			load_start(de->d_name);
	}
	(void)closedir(d);
	vfsshim_install(hook);
}

void power_mark(void)
{
	(void)add(EV_MARK);
}

void power_stop(void)
{
	recording = false;
}

size_t power_events(void)
{
	return n_events;
}

size_t power_marks(size_t at)
{
	size_t n = 0;

	for (size_t i = 0; i < at; i++)
		n += events[i].kind == EV_MARK;
	return n;
}

size_t power_syncs(void)
{
	size_t n = 0;

	for (size_t i = 0; i < n_events; i++)
		n += events[i].kind == EV_SYNC;
	return n;
}

size_t power_sync_at(size_t sync)
{
	for (size_t i = 0; i < n_events; i++)
		if (events[i].kind == EV_SYNC && sync-- == 0)
			return i;
	fail_msg("no such sync");
	return 0;
}

/* ---- what is left ------------------------------------------------------------------ */

static void put(struct image *im, const unsigned char *p, size_t n, int64_t at)
{
	const size_t end = (size_t)at + n;

	if (end > im->cap) {
		im->cap = end * 2;
		im->p = realloc(im->p, im->cap);
		assert_non_null(im->p);
	}
	if ((size_t)at > im->n)
		memset(im->p + im->n, 0, (size_t)at - im->n);
	if (n)
		memcpy(im->p + at, p, n);
	if (end > im->n)
		im->n = end;
}

static void cut_to(struct image *im, int64_t size)
{
	static const unsigned char none[1];

	if ((size_t)size <= im->n)
		im->n = (size_t)size;
	else
		put(im, none, 0, size);
}

/* How likely a sector is there: never, always, or somewhere between. */
static unsigned likeliness(uint64_t *rng)
{
	const unsigned v = (unsigned)(power_random(rng) % 8);

	return v == 0 ? 0 : v == 1 ? 256 : (unsigned)(power_random(rng) % 257);
}

static void put_torn(struct image *im, const struct event *e, unsigned likely,
		     uint64_t *rng)
{
	for (size_t from = 0; from < e->n;) {
		const size_t in = (size_t)(e->at + (int64_t)from) % SECTOR;
		const size_t n = e->n - from < SECTOR - in ? e->n - from :
							     SECTOR - in;

		if (power_random(rng) % 256 < likely)
			put(im, e->p + from, n, e->at + (int64_t)from);
		from += n;
	}
}

struct after {
	struct image f[FILES];
	struct { char name[40]; int file; } dir[64];
	size_t n_dir;
};
static struct after now; /* too large for the stack */

static void name_is(const char *name, int file)
{
	for (size_t i = 0; i < now.n_dir; i++)
		if (!strcmp(now.dir[i].name, name)) {
			now.dir[i] = now.dir[--now.n_dir];
			break;
		}
	if (file < 0)
		return;
	(void)snprintf(now.dir[now.n_dir].name, 40, "%s", name);
	now.dir[now.n_dir++].file = file;
}

static void do_name(const struct event *e)
{
	if (e->kind == EV_RENAME)
		name_is(e->name, -1);
	name_is(e->kind == EV_RENAME ? e->to : e->name,
		e->kind == EV_UNNAME ? -1 : e->file);
}

static bool is_name(const struct event *e)
{
	return e->kind == EV_NAME || e->kind == EV_UNNAME || e->kind == EV_RENAME;
}

/* Data of one file: events before `at`, whole up to its last sync. */
static void data_of(int file, size_t at, uint64_t *rng, size_t lost_event)
{
	const unsigned likely = likeliness(rng);
	size_t whole = 0, cut = 0;

	for (size_t i = 0; i < at; i++)
		if (events[i].kind == EV_SYNC && events[i].file == file &&
		    i != lost_event)
			whole = i;
	/* truncations are names' like: in order, up to some moment */
	cut = whole + (size_t)(power_random(rng) % (at - whole + 1));
	for (size_t i = 0; i < at; i++) {
		const struct event *e = &events[i];

		if (e->file != file)
			continue;
		if (e->kind == EV_TRUNCATE && (i < whole || i < cut))
			cut_to(&now.f[file], e->at);
		else if (e->kind == EV_WRITE && i < whole)
			put(&now.f[file], e->p, e->n, e->at);
		else if (e->kind == EV_WRITE)
			put_torn(&now.f[file], e, likely, rng);
	}
}

static void names_until(size_t at, uint64_t *rng)
{
	size_t whole = 0, cut;

	for (size_t i = 0; i < at; i++)
		if (events[i].kind == EV_DIRSYNC)
			whole = i;
	cut = whole + (size_t)(power_random(rng) % (at - whole + 1));
	for (size_t i = 0; i < at; i++)
		if (is_name(&events[i]) && (i < whole || i < cut))
			do_name(&events[i]);
}

static void write_file(const char *to, const char *name, const struct image *im)
{
	char path[300];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", to, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(__real_write(fd, im->p ? im->p : (const void *)"", im->n),
			 im->n);
	(void)close(fd);
}

void power_cut(const char *to, size_t at, uint64_t seed, size_t lost)
{
	const size_t lost_event = lost == SIZE_MAX ? SIZE_MAX : power_sync_at(lost);
	DIR *d = opendir(to);

	assert_non_null(d);
	for (struct dirent *de; (de = readdir(d)) != NULL;)
		if (de->d_name[0] != '.')
			(void)unlinkat(dirfd(d), de->d_name, 0);
	(void)closedir(d);
	now.n_dir = 0;
	for (size_t i = 0; i < n_start; i++) {
		now.f[i].n = 0;
		put(&now.f[i], start[i].p, start[i].n, 0);
		name_is(start_name[i], (int)i);
	}
	for (int f = (int)n_start; f < n_files; f++)
		now.f[f].n = 0;
	names_until(at, &seed);
	for (size_t i = 0; i < now.n_dir; i++) {
		data_of(now.dir[i].file, at, &seed, lost_event);
		write_file(to, now.dir[i].name, &now.f[now.dir[i].file]);
	}
}

void power_free(void)
{
	for (size_t i = 0; i < n_events; i++)
		free(events[i].p);
	for (int i = 0; i < n_files; i++)
		free(now.f[i].p);
	for (size_t i = 0; i < n_start; i++)
		free(start[i].p);
	free(events);
	events = NULL;
	memset(&now, 0, sizeof(now));
	n_events = cap_events = n_names = n_start = 0;
	n_files = 0;
}
