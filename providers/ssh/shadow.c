/*
 * shadow: see the header.
 *
 * Promises: every byte but the one '!' stays as it is; the file is replaced as
 * a whole with its owner, mode and attributes; a file changed by others
 * meanwhile is read again.
 */
#include "providers/ssh/shadow.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define SHADOW "/etc/shadow"
#define PWD_LOCK "/etc/.pwd.lock"
#define LOCK_TRIES 40
#define LOCK_STEP_MS 25
#define TRIES 5
#define OURS 256 /* accounts remembered */

static pthread_mutex_t lock_here = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char *name[OURS];
	size_t next;
} ours; /* under lock_here */

/* The account's line from `from` on: where its second field is. */
static bool find_from(const struct buf *t, size_t from, size_t to,
		      const char *account, size_t *field, size_t *len, size_t *end)
{
	size_t n = strlen(account);

	for (size_t pos = from; pos < to;) {
		const char *p = t->p + pos;
		const char *nl = memchr(p, '\n', t->len - pos);
		size_t all = nl ? (size_t)(nl - p) : t->len - pos;

		pos += all + 1;
		if (all <= n || p[n] != ':' || strncmp(p, account, n) != 0)
			continue;
		*field = (size_t)(p - t->p) + n + 1;
		p = memchr(t->p + *field, ':', all - n - 1);
		*len = p ? (size_t)(p - t->p) - *field : all - n - 1;
		*end = pos;
		return true;
	}
	return false;
}

/* crypt(5): every method but the old DES one (13 characters) and its extension
 * ('_') writes '$'. */
static bool is_hash(const char *p, size_t n)
{
	return n && (*p == '$' || *p == '_' || n >= 13) && *p != '!' && *p != '*';
}

static enum shadow judge(const char *p, size_t n)
{
	size_t bangs = 0;

	if (!n || is_hash(p, n))
		return SHADOW_USABLE;
	while (bangs < n && p[bangs] == '!')
		bangs++;
	return bangs && is_hash(p + bangs, n - bangs) ? SHADOW_LOCKED : SHADOW_NONE;
}

int shadow_read(const struct conf *c, struct shadow_file *s, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->f.dirfd = -1;
	if (!c->passwd)
		return 0;
	if (keyfile_open(c->root, SHADOW, KEYFILE_ANY_OWNER, &s->f, e))
		return -1;
	s->seen = s->f.exists;
	return 0;
}

enum shadow shadow_of(struct shadow_file *s, const char *account)
{
	size_t field, len, end;

	if (!s->seen)
		return SHADOW_UNSEEN;
	if (!find_from(&s->f.text, s->pos, s->f.text.len, account, &field, &len, &end) &&
	    !find_from(&s->f.text, 0, s->pos, account, &field, &len, &end))
		return SHADOW_NONE;
	s->pos = end < s->f.text.len ? end : 0;
	return judge(s->f.text.p + field, len);
}

void shadow_close(struct shadow_file *s)
{
	keyfile_close(&s->f);
	s->seen = false;
}

int shadow_look(const struct conf *c, const char *account, enum shadow *out,
		struct err *e)
{
	struct shadow_file s;

	if (shadow_read(c, &s, e))
		return -1;
	*out = shadow_of(&s, account);
	shadow_close(&s);
	return 0;
}

/* lckpwdf() for a folder that need not be this machine's. */
static int lock_files(const struct keyfile *f, struct err *e)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = openat(f->dirfd, PWD_LOCK + sizeof("/etc/") - 1,
			O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, PWD_LOCK, "cannot open the lock");
	for (int i = 0; fcntl(fd, F_SETLK, &l); i++) {
		if ((errno != EAGAIN && errno != EACCES) || i == LOCK_TRIES) {
			err_fail(e, ERR_BUSY, PWD_LOCK,
				 "passwd, usermod or the like holds the lock");
			close(fd);
			return -1;
		}
		clock_sleep_ms(LOCK_STEP_MS);
	}
	return fd;
}

static int rewrite(struct keyfile *f, size_t field, bool lock, struct err *e)
{
	static const struct keyfile_new fresh = { .mode = 0600 }; /* it exists */
	struct buf out = BUF_INIT(KEYFILE_MAX);
	size_t rest = field + !lock;
	int rc = -1;

	if (!buf_add(&out, f->text.p, field, e) &&
	    (!lock || !buf_add(&out, "!", 1, e)) &&
	    !buf_add(&out, f->text.p + rest, f->text.len - rest, e))
		rc = keyfile_replace(f, out.p, out.len, &fresh, NULL, NULL, e);
	buf_release(&out);
	return rc;
}

static int change_once(const struct conf *c, const char *account, bool lock,
		       enum shadow *was, struct err *e)
{
	struct shadow_file s;
	size_t field, len, end;
	int rc = -1, fd = -1;

	*was = SHADOW_UNSEEN;
	if (shadow_read(c, &s, e))
		return -1;
	if (s.seen) { /* again, under the lock */
		fd = lock_files(&s.f, e);
		if (fd < 0)
			goto out;
		shadow_close(&s);
		if (shadow_read(c, &s, e))
			goto out;
	}
	*was = shadow_of(&s, account);
	rc = 0;
	if (*was == (lock ? SHADOW_USABLE : SHADOW_LOCKED) &&
	    find_from(&s.f.text, 0, s.f.text.len, account, &field, &len, &end))
		rc = rewrite(&s.f, field, lock, e);
out:
	shadow_close(&s);
	if (fd >= 0)
		close(fd);
	return rc;
}

static void remember(const char *account)
{
	for (size_t i = 0; i < OURS; i++)
		if (ours.name[i] && !strcmp(ours.name[i], account))
			return;
	mem_free(ours.name[ours.next]);
	ours.name[ours.next] = mem_strdup(account); /* NULL: forgotten, it stays shut */
	ours.next = (ours.next + 1) % OURS;
}

int shadow_change(const struct conf *c, const char *account, bool lock,
		  enum shadow *was, struct err *e)
{
	int rc = -1;

	pthread_mutex_lock(&lock_here);
	for (int i = 0; i < TRIES; i++) {
		struct err mine = ERR_INIT;

		rc = change_once(c, account, lock, was, &mine);
		if (rc && i + 1 < TRIES && err_is(&mine, ERR_BUSY))
			continue;
		if (rc && !e->code)
			*e = mine;
		break;
	}
	if (!rc && lock && *was == SHADOW_USABLE)
		remember(account);
	pthread_mutex_unlock(&lock_here);
	return rc ? err_ctx(e, account, "%s the password", lock ? "lock" : "unlock") : 0;
}

bool shadow_ours(const char *account)
{
	bool yes = false;

	pthread_mutex_lock(&lock_here);
	for (size_t i = 0; i < OURS && !yes; i++)
		yes = ours.name[i] && !strcmp(ours.name[i], account);
	pthread_mutex_unlock(&lock_here);
	return yes;
}
