/*
 * rule_cache: where files that were made from the rules are kept.
 *
 * Owns who is believed.  The matcher's database is code for its engine, and
 * whoever writes the rules decides what is found.  In a repository its owner is
 * believed: he writes its configuration, and with it what git itself starts.
 * Must never hold text that was scanned.
 */
#include "hooks/scan/rule_cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"

#define WAIT_MS 60000
#define STEP_MS 100

static const char *folder_of(const struct rule_cache *c, int folder)
{
	return folder == CACHE_OWN ? c->own : c->beside;
}

static bool believed(const struct rule_cache *c, int folder,
		     const struct stat *st)
{
	bool ours = st->st_uid == geteuid() || st->st_uid == 0;

	if (!S_ISREG(st->st_mode))
		return false;
	if (folder == CACHE_OWN)
		return ours && !(st->st_mode & 077);
	return (ours || st->st_uid == c->owner) && !(st->st_mode & 022);
}

void *rule_cache_map(const struct rule_cache *c, int folder, const char *name,
		     size_t max, size_t *n)
{
	const char *dir = folder_of(c, folder);
	char *path = dir ? io_path(dir, name) : NULL;
	void *p = NULL;
	struct stat st;
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
			     O_NONBLOCK) : -1;

	if (fd >= 0 && !fstat(fd, &st) && believed(c, folder, &st) &&
	    st.st_size > 0 && (uint64_t)st.st_size <= max) {
		*n = (size_t)st.st_size;
		p = mmap(NULL, *n, PROT_READ, MAP_PRIVATE, fd, 0);
		if (p == MAP_FAILED)
			p = NULL;
	}
	if (fd >= 0)
		close(fd);
	mem_free(path);
	return p;
}

static bool put(const struct rule_cache *c, int folder, const char *name,
		const void *p, size_t n)
{
	const char *dir = folder_of(c, folder);
	char *path = dir ? io_path(dir, name) : NULL;
	bool own = folder == CACHE_OWN;
	bool done = path && !io_mkdirs(dir, own ? 0700 : 0755, NULL) &&
		    !io_write_atomic(path, p, n, own ? 0600 : 0644, NULL);

	mem_free(path);
	return done;
}

bool rule_cache_save(const struct rule_cache *c, const char *name,
		     const void *p, size_t n)
{
	bool done = put(c, CACHE_OWN, name, p, n);

	if (!done || c->publish)
		done |= put(c, CACHE_BESIDE, name, p, n);
	return done;
}

void rule_cache_publish(const struct rule_cache *c, const char *name,
			const void *p, size_t n)
{
	size_t there = 0;
	void *old;

	if (!c->publish || !c->beside)
		return;
	old = rule_cache_map(c, CACHE_BESIDE, name, n, &there);
	if (!old || there != n || memcmp(old, p, n) != 0)
		put(c, CACHE_BESIDE, name, p, n);
	if (old)
		munmap(old, there);
}

int rule_cache_lock(const struct rule_cache *c, bool *waited)
{
	int folder, fd = -1;
	int64_t end = clock_mono_ms() + WAIT_MS;

	*waited = false;
	for (folder = 0; folder < CACHE_FOLDERS && fd < 0; folder++) {
		const char *dir = folder_of(c, folder);
		char *path = dir ? io_path(dir, "lock") : NULL;
		bool busy = path && !io_mkdirs(dir, folder == CACHE_OWN ? 0700
								 : 0755, NULL);

		while (busy) {
			struct err e = ERR_INIT;

			fd = io_lock(path, &e);
			busy = fd < 0 && e.code == ERR_BUSY &&
			       clock_mono_ms() < end;
			err_clear(&e);
			if (busy)
				clock_sleep_ms(STEP_MS);
			*waited |= busy;
		}
		mem_free(path);
	}
	return fd;
}

void rule_cache_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

static bool made_by_us(const char *name)
{
	size_t n = strlen(name);

	return !strcmp(name, "lock") ||
	       (n > 9 && !strncmp(name, "rules-", 6) &&
		!strcmp(name + n - 3, ".db")) ||
	       (n > 8 && !strncmp(name, "set-", 4) &&
		!strcmp(name + n - 4, ".bin"));
}

void rule_cache_clear(const char *beside)
{
	int fd = open(beside, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *x;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((x = readdir(d)))
		if (made_by_us(x->d_name))
			(void)unlinkat(dirfd(d), x->d_name, 0);
	closedir(d);
	(void)rmdir(beside); /* stays when something else is in it */
}
