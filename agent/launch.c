/*
 * launch: the core's side of the launcher, and the fork that makes it.
 *
 * Owns the socketpair to the launcher process.  Promises that the core needs
 * no fork and no exec after launcher_start(), and that a launcher that is gone
 * is an error and never a hang (REPLY_WAIT_MS).  Must never be called from a
 * process that has opened the vault: launcher_start() forks.
 */
#include "agent/launch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/launch_int.h"
#include "base/mem.h"

#define REPLY_WAIT_MS 10000 /* the launcher only forks and looks at files */
#define CHILD_FDS 3

extern char **environ;

struct launcher {
	int sock;
	pid_t pid;
	char *path;
};

/* ---- environment of the children ---------------------------------------- */

#define ENV_MAX 64u
static char *env_kept[ENV_MAX];
static size_t n_env_kept;

static bool keep_variable(const char *v)
{
	static const char *const names[] = {
		"TZ=", "DBUS_SESSION_BUS_ADDRESS=", "XDG_RUNTIME_DIR=",
#ifdef CURFEW_TEST
		"CURFEW_",
#endif
	};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strncmp(v, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

void launch_note_environ(void)
{
	for (char **v = environ; v != NULL && *v != NULL; v++) {
		if (!keep_variable(*v) || n_env_kept == ENV_MAX)
			continue;
		env_kept[n_env_kept] = mem_strdup(*v);
		if (env_kept[n_env_kept] != NULL)
			n_env_kept++;
	}
}

char **launch_environ(bool desktop)
{
	static char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
			     "/usr/bin:/sbin:/bin";
	static char home[] = "HOME=/nonexistent", lang[] = "LANG=C.UTF-8";
	static char *v[ENV_MAX + 4];
	size_t n = 0;

	v[n++] = path;
	v[n++] = home;
	v[n++] = lang;
	for (size_t i = 0; i < n_env_kept; i++) {
		const bool session =
			strncmp(env_kept[i], "DBUS_", 5) == 0 ||
			strncmp(env_kept[i], "XDG_", 4) == 0;

		if (!session || desktop)
			v[n++] = env_kept[i];
	}
	v[n] = NULL;
	return v;
}

/* ---- start and stop ------------------------------------------------------ */

int launcher_start_protecting(const char *path, const char *const *protect,
			      const char *const *hooks, struct launcher **out,
			      struct err *e)
{
	struct launcher *l = mem_zalloc(sizeof *l);
	int sv[2] = { -1, -1 };

	*out = NULL;
	if (l != NULL)
		l->path = mem_strdup(path);
	if (l == NULL || l->path == NULL) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto fail;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0) {
		(void)err_sys(e, NULL, "socketpair");
		goto fail;
	}
	(void)fflush(NULL); /* nothing buffered may be written twice */
	l->pid = fork();
	if (l->pid < 0) {
		(void)err_sys(e, NULL, "fork");
		goto fail;
	}
	if (l->pid == 0) {
		(void)close(sv[0]);
		launcher_main(sv[1], path, protect, hooks);
	}
	(void)close(sv[1]);
	l->sock = sv[0];
	*out = l;
	return 0;
fail:
	if (sv[0] >= 0) {
		(void)close(sv[0]);
		(void)close(sv[1]);
	}
	if (l != NULL)
		mem_free(l->path);
	mem_free(l);
	return err_ctx(e, NULL, "start the launcher");
}

int launcher_start(const char *path, struct launcher **out, struct err *e)
{
	return launcher_start_protecting(path, NULL, NULL, out, e);
}

const char *launch_path(const struct launcher *l)
{
	return l->path;
}

/* ---- requests ------------------------------------------------------------ */

static void close_fds(int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (fds[i] >= 0)
			(void)close(fds[i]);
}

/* Take the descriptors of a reply: all three or none. */
static size_t take_fds(struct msghdr *m, int fds[static CHILD_FDS])
{
	size_t got = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL;
	     c = CMSG_NXTHDR(m, c)) {
		const size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
			if (got < CHILD_FDS)
				fds[got++] = fd;
			else
				(void)close(fd);
		}
	}
	return got;
}

static int gone(struct err *e)
{
	(void)err_fail(e, ERR_PROTO, NULL, "the launcher process is gone");
	err_hint(e, "run the command again");
	return -1;
}

/* Receive one reply; `text` takes what follows it. */
static int receive(struct launcher *l, struct launch_reply *r, struct buf *text,
		   int fds[static CHILD_FDS], size_t *n_fds, struct err *e)
{
	char *more = mem_alloc(LAUNCH_MSG_MAX);
	char ctl[CMSG_SPACE(CHILD_FDS * sizeof(int))]
		__attribute__((aligned(sizeof(struct cmsghdr))));
	struct iovec iov[2] = { { r, sizeof *r }, { more, LAUNCH_MSG_MAX } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2,
			    .msg_control = ctl, .msg_controllen = sizeof ctl };
	struct pollfd p = { .fd = l->sock, .events = POLLIN };
	ssize_t n;
	int rc = -1;

	*n_fds = 0;
	if (more == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	do
		n = poll(&p, 1, REPLY_WAIT_MS);
	while (n < 0 && errno == EINTR);
	if (n == 0) {
		(void)err_fail(e, ERR_TIMEOUT, NULL,
			       "the launcher process does not answer");
		goto out;
	}
	do
		n = recvmsg(l->sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		*n_fds = take_fds(&m, fds);
	if (n < (ssize_t)sizeof *r ||
	    (size_t)n - sizeof *r != r->text_len) {
		(void)gone(e);
		goto out;
	}
	if (text != NULL && buf_add(text, more, r->text_len, e) < 0)
		goto out;
	rc = 0;
out:
	mem_free(more);
	return rc;
}

static int ask(struct launcher *l, const struct launch_request *q,
	       const struct buf *strings, struct launch_reply *r, struct buf *text,
	       int fds[static CHILD_FDS], struct err *e)
{
	struct launch_request copy = *q;
	struct iovec iov[2] = {
		{ &copy, sizeof copy },
		{ strings != NULL ? strings->p : NULL,
		  strings != NULL ? strings->len : 0 },
	};
	const struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	size_t n_fds = 0;
	ssize_t n;

	do
		n = sendmsg(l->sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EPIPE ? gone(e) :
					err_sys(e, NULL, "ask the launcher");
	if (receive(l, r, text, fds, &n_fds, e) < 0) {
		close_fds(fds, n_fds);
		return -1;
	}
	if (r->rc == 0 && q->op == OP_START && n_fds != CHILD_FDS) {
		close_fds(fds, n_fds);
		return gone(e);
	}
	if (r->rc < 0) {
		close_fds(fds, n_fds);
		if (e != NULL && e->code == ERR_NONE)
			*e = r->err;
		return -1;
	}
	return 0;
}

/* Without a body and without an answer of interest. */
static void tell(struct launcher *l, enum launch_op op, pid_t pid, struct buf *text)
{
	const struct launch_request q = { .op = op, .pid = pid };
	struct launch_reply r;
	int fds[CHILD_FDS] = { -1, -1, -1 };

	(void)!ask(l, &q, NULL, &r, text, fds, NULL);
}

static int add_strings(struct buf *b, const char *const *v, uint32_t *n, struct err *e)
{
	for (*n = 0; v != NULL && v[*n] != NULL; (*n)++) {
		if (*n == LAUNCH_ARGS_MAX)
			return err_fail(e, ERR_TOOBIG, NULL,
					"more than %u arguments or paths",
					LAUNCH_ARGS_MAX);
		if (buf_add(b, v[*n], strlen(v[*n]) + 1, e) < 0)
			return -1;
	}
	return 0;
}

int launch(struct launcher *l, const struct launch_spec *spec,
	   struct launch_child *out, struct err *e)
{
	struct buf b = BUF_INIT(LAUNCH_MSG_MAX - sizeof(struct launch_request));
	struct launch_request q = { .op = OP_START, .desktop = spec->desktop,
				    .definitions = spec->definitions,
				    .hook = spec->hook };
	struct launch_reply r = { .rc = -1 };
	int fds[CHILD_FDS] = { -1, -1, -1 };
	int rc = -1;

	if (buf_add(&b, spec->program, strlen(spec->program) + 1, e) < 0 ||
	    add_strings(&b, spec->argv, &q.n_argv, e) < 0 ||
	    add_strings(&b, spec->writable, &q.n_paths, e) < 0 ||
	    add_strings(&b, spec->readable, &q.n_read, e) < 0)
		goto out;
	q.n_paths += q.n_read;
	if (ask(l, &q, &b, &r, NULL, fds, e) < 0)
		goto out;
	*out = (struct launch_child){ .pid = r.pid, .rfd = fds[0],
				      .wfd = fds[1], .efd = fds[2] };
	rc = 0;
out:
	buf_release(&b);
	return rc == 0 ? 0 : err_ctx(e, spec->program, "start");
}

void launch_end(struct launcher *l, pid_t pid)
{
	tell(l, OP_END, pid, NULL);
}

void launch_kill(struct launcher *l, pid_t pid)
{
	tell(l, OP_KILL, pid, NULL);
}

void launch_how_ended(struct launcher *l, pid_t pid, char out[static 80])
{
	struct buf text = BUF_INIT(LAUNCH_MSG_MAX);

	tell(l, OP_HOW, pid, &text);
	(void)snprintf(out, 80, "%s", text.p != NULL ? text.p : "");
	buf_release(&text);
}

int launch_providers(struct launcher *l, struct buf *names, struct err *e)
{
	const struct launch_request q = { .op = OP_LIST };
	struct launch_reply r = { .rc = -1 };
	int fds[CHILD_FDS] = { -1, -1, -1 };

	if (ask(l, &q, NULL, &r, names, fds, e) < 0)
		return err_ctx(e, NULL, "look for providers");
	return 0;
}

void launcher_stop(struct launcher **lp)
{
	struct launcher *l = *lp;

	if (l == NULL)
		return;
	/* the answer comes when every child is gone, so nothing of ours
	 * outlives the command; no wait4() here: the core may not have it */
	tell(l, OP_STOP, 0, NULL);
	(void)close(l->sock);
	mem_free(l->path);
	mem_free(l);
	*lp = NULL;
}
