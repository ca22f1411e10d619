/*
 * revoked: the file that sshd's RevokedKeys names.
 *
 * An unreadable or malformed one makes sshd refuse every public key of every
 * user, so a new one must be readable by all, is read by OpenSSH's own
 * program before it takes the old one's place, and again by us after.
 */
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "providers/ssh/krl.h"
#include "providers/ssh/ssh.h"

#define SSH_KEYGEN "/usr/bin/ssh-keygen"
#define TRIES 5

static pthread_mutex_t krl_lock = PTHREAD_MUTEX_INITIALIZER;

static int open_list(const struct conf *c, struct keyfile *f, struct err *e)
{
	/* the operator's own path on this machine, root's file or ours */
	return keyfile_open("/", c->krl, 0, f, e);
}

int revoked_has(const struct conf *c, const char *print, bool *has,
		struct buf *blob, struct err *e)
{
	struct keyfile f;
	int rc;

	*has = false;
	if (!c->krl)
		return 0;
	if (open_list(c, &f, e))
		return -1;
	rc = krl_has(f.text.p, f.text.len, print, has, e);
	if (!rc && *has && blob)
		rc = krl_blob(f.text.p, f.text.len, print, blob, e);
	if (rc)
		err_ctx(e, c->krl, "read the revocation list");
	keyfile_close(&f);
	return rc;
}

int revoked_hashes(const struct conf *c, struct buf *out, struct err *e)
{
	struct keyfile f;
	int rc;

	if (!c->krl)
		return 0;
	if (open_list(c, &f, e))
		return -1;
	rc = krl_hashes(f.text.p, f.text.len, out, e);
	if (rc)
		err_ctx(e, c->krl, "read the revocation list");
	keyfile_close(&f);
	return rc;
}

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, 32);
}

bool revoked_in(const struct buf *hashes, const char *print)
{
	unsigned char hash[32];

	return hashes->len && keyline_unprint(print, hash) &&
	       bsearch(hash, hashes->p, hashes->len / 32, 32, compare);
}

/* Would OpenSSH read it?  Its own program says so, reading the new file.  `arg`
 * tells whether it is a binary list: a text one has no form to be wrong in. */
static int check_new(const char *path, void *arg, struct err *e)
{
	char prog[] = SSH_KEYGEN, query[] = "-Qlf", file[4096];
	char *argv[] = { prog, query, file, NULL }, *envp[] = { NULL };
	posix_spawn_file_actions_t act;
	int status = 0, rc = -1;
	pid_t pid;

	if (!*(const bool *)arg)
		return 0;
	if (access(SSH_KEYGEN, X_OK)) {
		log_line(LOG_NOTICE, "ssh: no %s: the new revocation list is "
			 "checked by curfew only", SSH_KEYGEN);
		return 0;
	}
	if (strlen(path) >= sizeof(file))
		return err_fail(e, ERR_TOOBIG, path, "the path is too long");
	memcpy(file, path, strlen(path) + 1);
	if (posix_spawn_file_actions_init(&act))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0) ||
	    posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY, 0) ||
	    posix_spawn_file_actions_addopen(&act, 2, "/dev/null", O_WRONLY, 0) ||
	    posix_spawn(&pid, SSH_KEYGEN, &act, NULL, argv, envp)) {
		err_fail(e, ERR_IO, NULL, "cannot start %s", SSH_KEYGEN);
		goto out;
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		err_fail(e, ERR_FORMAT, NULL,
			 "ssh-keygen does not read the new revocation list");
		goto out;
	}
	rc = 0;
out:
	posix_spawn_file_actions_destroy(&act);
	return rc;
}

/* One key in or out: `from` to `to`. */
static int change_one(const struct buf *from, bool add, const char *print,
		      struct buf *to, bool *changed, struct err *e)
{
	struct buf blob = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!add) {
		rc = krl_remove(from->p, from->len, print, clock_wall_ms(), to,
				changed, e);
		goto out;
	}
	if (known_get(print, &blob, e))
		goto out;
	rc = krl_add(from->p, from->len, print, blob.len ? &blob : NULL,
		     clock_wall_ms(), to, changed, e);
out:
	buf_release(&blob);
	return rc;
}

static int change_all(const struct keyfile *f, bool add,
		      char (*prints)[KEYLINE_PRINT], size_t n, struct buf *out,
		      bool *changed, struct err *e)
{
	struct buf next = BUF_INIT(KEYFILE_MAX), swap;
	int rc = -1;

	if (f->text.len && buf_add(out, f->text.p, f->text.len, e))
		goto out;
	for (size_t i = 0; i < n; i++) {
		bool one;

		if (change_one(out, add, prints[i], &next, &one, e))
			goto out;
		*changed = *changed || one;
		swap = *out;
		*out = next;
		next = swap;
		buf_reset(&next);
	}
	rc = 0;
out:
	buf_release(&next);
	return rc;
}

static int change(const struct conf *c, bool add, char (*prints)[KEYLINE_PRINT],
		  size_t n, bool *changed, struct err *e)
{
	/* readable by all: sshd may not read it as root */
	static const struct keyfile_new fresh = { .mode = 0644 };
	struct keyfile_new mine = fresh;
	struct buf out = BUF_INIT(KEYFILE_MAX);
	struct keyfile f;
	int rc = -1, lock;
	bool binary;

	mine.uid = geteuid();
	mine.gid = getegid();
	*changed = false;
	if (open_list(c, &f, e))
		return -1;
	lock = keyfile_lock(&f);
	if (change_all(&f, add, prints, n, &out, changed, e))
		goto out;
	if (!*changed) {
		rc = 0;
		goto out;
	}
	f.st.st_mode |= 0444;
	binary = krl_binary(out.p, out.len);
	rc = keyfile_replace(&f, out.p ? out.p : "", out.len, &mine, check_new,
			     &binary, e);
out:
	if (lock >= 0)
		close(lock);
	keyfile_close(&f);
	buf_release(&out);
	return rc;
}

static int verify(const struct conf *c, bool add, char (*prints)[KEYLINE_PRINT],
		  size_t n, struct err *e)
{
	struct buf hashes = BUF_INIT(KEYFILE_MAX);
	int rc = -1;

	if (revoked_hashes(c, &hashes, e))
		goto out;
	for (size_t i = 0; i < n; i++)
		if (revoked_in(&hashes, prints[i]) != add) {
			err_fail(e, ERR_BUSY, c->krl,
				 "somebody else changed it at the same time");
			goto out;
		}
	rc = 0;
out:
	buf_release(&hashes);
	return rc;
}

int revoked_change(const struct conf *c, bool add, char (*prints)[KEYLINE_PRINT],
		   size_t n, bool *changed, struct err *e)
{
	int rc = -1;

	*changed = false;
	if (!c->krl || !n)
		return 0;
	pthread_mutex_lock(&krl_lock);
	for (int i = 0; i < TRIES; i++) {
		struct err mine = ERR_INIT;
		bool now;

		rc = change(c, add, prints, n, &now, &mine);
		*changed = *changed || (!rc && now);
		if (!rc)
			rc = verify(c, add, prints, n, &mine);
		if (rc && i + 1 < TRIES && err_is(&mine, ERR_BUSY))
			continue;
		if (rc)
			*e = mine;
		break;
	}
	pthread_mutex_unlock(&krl_lock);
	return rc ? err_ctx(e, c->krl, "change the revocation list") : 0;
}
