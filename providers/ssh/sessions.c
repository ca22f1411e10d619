/*
 * sessions: one picture of /proc, the tree below it, signals through pidfds so
 * that a number used again hits nobody else.
 */
#include "providers/ssh/sessions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define PROCESSES 65536	 /* most processes looked at */
#define TERM_MS 1500	 /* then KILL */
#define KILL_MS 3000
#define ROUNDS 3	 /* a session may fork while we look */

struct proc {
	pid_t pid, parent;
	uid_t uid;
	unsigned long long started;
	bool sshd, title_root; /* by name; "sshd: root@..." */
	bool doomed;
	bool ours; /* we run below it: the operator's own session */
	int pidfd;
};

struct table {
	struct proc *p;
	size_t n, cap;
};

static ssize_t read_small(pid_t pid, const char *what, char *out, size_t cap)
{
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, out, cap - 1);
	close(fd);
	out[n > 0 ? n : 0] = 0;
	return n;
}

/* pid (name) state ppid ... field 22: start time.  The name may hold spaces
 * and brackets: the last ')' ends it.  A zombie (its parent has not asked for
 * its end yet) is no process any more: it holds no session. */
static bool read_stat(pid_t pid, struct proc *x)
{
	char text[1024], *name, *end;
	int field = 3;

	if (read_small(pid, "stat", text, sizeof(text)) <= 0)
		return false;
	name = strchr(text, '(');
	end = strrchr(text, ')');
	if (!name || !end || end <= name)
		return false;
	*end = 0;
	x->pid = pid;
	x->sshd = !strcmp(name + 1, "sshd") || !strcmp(name + 1, "sshd-session");
	for (char *w = end + 1; *w; field++) {
		w += strspn(w, " ");
		if (field == 3 && strchr("ZXx", *w))
			return false;
		if (field == 4)
			x->parent = (pid_t)strtol(w, NULL, 10);
		if (field == 22)
			x->started = strtoull(w, NULL, 10);
		w += strcspn(w, " ");
	}
	return field > 22;
}

/* Real, effective, saved and file-system user must agree: no set-uid helper
 * between two owners counts as anybody's. */
static bool read_uid(pid_t pid, uid_t *uid)
{
	char text[4096];
	unsigned u[4];
	const char *p;

	if (read_small(pid, "status", text, sizeof(text)) <= 0)
		return false;
	p = strstr(text, "\nUid:");
	if (!p)
		return false;
	p += 5;
	for (int i = 0; i < 4; i++) {
		char *end;
		unsigned long v = strtoul(p, &end, 10);

		if (end == p)
			return false;
		u[i] = (unsigned)v;
		p = end;
	}
	*uid = u[0];
	return u[0] == u[1] && u[1] == u[2];
}

static int look(struct table *t, struct err *e)
{
	DIR *d = opendir("/proc");
	struct dirent *de;
	int rc = -1;

	if (!d)
		return err_sys(e, "/proc", "cannot list the processes");
	t->n = 0;
	while ((de = readdir(d))) {
		struct proc x = { .pidfd = -1 };
		char title[64];
		int64_t pid;

		if (!text_int(de->d_name, 1, 1 << 30, &pid) ||
		    !read_stat((pid_t)pid, &x) || !read_uid((pid_t)pid, &x.uid))
			continue;
		if (x.sshd && read_small(x.pid, "cmdline", title, sizeof(title)) > 0)
			x.title_root = !strncmp(title, "sshd: root@", 11) ||
				       !strncmp(title, "sshd-session: root@", 19);
		if (t->n == t->cap) {
			err_fail(e, ERR_TOOBIG, "/proc", "more than %d processes",
				 PROCESSES);
			goto out;
		}
		t->p[t->n++] = x;
	}
	rc = 0;
out:
	closedir(d);
	return rc;
}

static struct proc *find(const struct table *t, pid_t pid)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].pid == pid)
			return &t->p[i];
	return NULL;
}

static bool is_session(const struct table *t, const struct proc *x, uid_t uid)
{
	const struct proc *parent = x->sshd && x->uid == uid ?
				    find(t, x->parent) : NULL;

	return parent && parent->sshd && parent->uid == 0 &&
	       (uid != 0 || x->title_root);
}

/* We and all above us. */
static void mark_ours(struct table *t)
{
	struct proc *x = find(t, getpid());

	for (; x && !x->ours; x = find(t, x->parent))
		x->ours = true;
}

/* Mark the sessions and all that hangs below them. */
static unsigned mark(struct table *t, uid_t uid, unsigned *kept)
{
	unsigned sessions = 0;
	bool more = true;

	mark_ours(t);
	*kept = 0;
	for (size_t i = 0; i < t->n; i++) {
		bool session = is_session(t, &t->p[i], uid);

		*kept += session && t->p[i].ours;
		t->p[i].doomed = session && !t->p[i].ours;
		sessions += t->p[i].doomed;
	}
	while (sessions && more) {
		more = false;
		for (size_t i = 0; i < t->n; i++) {
			const struct proc *parent;

			if (t->p[i].doomed)
				continue;
			parent = find(t, t->p[i].parent);
			if (parent && parent->doomed)
				more = t->p[i].doomed = true;
		}
	}
	return sessions;
}

/* Hold the process itself, not its number: open, then look again whether it
 * is still the one that was seen. */
static void hold(struct proc *x)
{
	struct proc again = { .pid = 0 };

	x->pidfd = (int)syscall(SYS_pidfd_open, x->pid, 0);
	if (x->pidfd < 0)
		return;
	if (read_stat(x->pid, &again) && again.started == x->started)
		return;
	close(x->pidfd);
	x->pidfd = -1;
}

static int send_all(struct table *t, int sig, struct err *e)
{
	int rc = 0;

	for (size_t i = 0; i < t->n; i++) {
		if (t->p[i].pidfd < 0)
			continue;
		if (!syscall(SYS_pidfd_send_signal, t->p[i].pidfd, sig, NULL, 0) ||
		    errno == ESRCH)
			continue;
		rc = err_sys(e, NULL, "cannot end process %d", (int)t->p[i].pid);
	}
	return rc;
}

/* Wait until all held processes have ended, or the time is over. */
static bool all_gone(struct table *t, int64_t ms)
{
	int64_t until = clock_mono_ms() + ms;

	for (size_t i = 0; i < t->n; i++) {
		struct pollfd p = { .fd = t->p[i].pidfd, .events = POLLIN };
		int64_t left = until - clock_mono_ms();

		if (p.fd < 0)
			continue;
		if (poll(&p, 1, left > 0 ? (int)left : 0) <= 0)
			return false;
	}
	return true;
}

static int round_once(struct table *t, uid_t uid, unsigned *sessions,
		      unsigned *kept, struct err *e)
{
	int rc = -1;

	if (look(t, e))
		return -1;
	*sessions = mark(t, uid, kept);
	if (!*sessions)
		return 0;
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].doomed)
			hold(&t->p[i]);
	if (send_all(t, SIGTERM, e))
		goto out;
	if (!all_gone(t, TERM_MS) &&
	    (send_all(t, SIGKILL, e) || !all_gone(t, KILL_MS))) {
		err_fail(e, ERR_TIMEOUT, NULL, "a session's process does not end");
		goto out;
	}
	rc = 0;
out:
	for (size_t i = 0; i < t->n; i++)
		if (t->p[i].pidfd >= 0)
			close(t->p[i].pidfd);
	return rc;
}

int sessions_cut(const char *account, uid_t uid, unsigned *count,
		 unsigned *kept, struct err *e)
{
	struct table t = { .cap = PROCESSES };
	unsigned now;
	int rc = -1;

	*count = *kept = 0;
	t.p = mem_array(t.cap, sizeof(*t.p));
	if (!t.p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	for (int i = 0; i < ROUNDS; i++) {
		if (round_once(&t, uid, &now, kept, e))
			goto out;
		*count += now;
		if (!now)
			break;
	}
	rc = 0;
out:
	mem_free(t.p);
	return rc ? err_ctx(e, account, "end the sessions") : 0;
}
