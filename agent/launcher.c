/*
 * launcher: the process that forks and execs for the core.
 *
 * Owns the children: starts them confined (harden_helper), with a clean
 * environment, in their own session and process group, fds 0-2 only, and ends
 * them all when the core's end of the socket closes.  It holds no key and no
 * path of the vault except in order to refuse it.
 *
 * Speaks launch_int.h to launch.c.  Must never open the vault.
 */
#include "agent/launch_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/mem.h"

#define END_MS 500   /* from closed stdin to SIGTERM */
#define KILL_MS 1500 /* from SIGTERM to SIGKILL */
#define HOW_MS 250   /* longest wait for a child that just closed its pipes */
#define STOP_MS 3000

struct child {
	pid_t pid;	 /* 0: free place */
	bool ended;
	int status;	 /* of waitpid, when ended */
	int64_t term_at, kill_at; /* monotonic ms; 0 never */
};

struct state {
	int sock, sigfd;
	const char *path;
	const char *const *protect, *const *hooks;
	struct child *children; /* LAUNCH_CHILDREN_MAX places */
	bool stopping;
};

static struct child *child_of(struct state *s, pid_t pid)
{
	for (size_t i = 0; i < LAUNCH_CHILDREN_MAX; i++)
		if (pid > 0 && s->children[i].pid == pid)
			return &s->children[i];
	return NULL;
}

static struct child *free_place(struct state *s)
{
	struct child *ended = NULL;

	for (size_t i = 0; i < LAUNCH_CHILDREN_MAX; i++) {
		if (s->children[i].pid == 0)
			return &s->children[i];
		if (s->children[i].ended)
			ended = &s->children[i];
	}
	return ended; /* nobody asked how it ended */
}

static size_t running(const struct state *s)
{
	size_t n = 0;

	for (size_t i = 0; i < LAUNCH_CHILDREN_MAX; i++)
		n += s->children[i].pid > 0 && !s->children[i].ended;
	return n;
}

static void reap(struct state *s)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		struct child *c = child_of(s, pid);

		if (c == NULL)
			continue;
		c->ended = true;
		c->status = status;
	}
}

/* ---- a child ------------------------------------------------------------- */

/* The programs of ours whose work is to signal others. */
static bool signals(const char *file)
{
	static const char *const those[] = { "curfew-provider-ssh",
					     "curfew-provider-file",
					     "curfew-provider-systemd", NULL };
	const char *slash = strrchr(file, '/');

	for (size_t i = 0; those[i] != NULL; i++)
		if (strcmp(slash != NULL ? slash + 1 : file, those[i]) == 0)
			return true;
	return false;
}

/* In the child: everything between fork and exec.  Only returns on failure. */
static void become(const char *file, char **argv, char **envp,
		   const struct launch_grants *g, int *fds, pid_t parent,
		   struct err *e)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGXFSZ, SIG_DFL);
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 ||
	    getppid() != parent || chdir("/") < 0) {
		(void)err_sys(e, file, "prepare the process");
		return;
	}
	for (int i = 0; i < 3; i++) {
		if (dup2(fds[i], i) < 0) {
			(void)err_sys(e, file, "dup2");
			return;
		}
	}
	if (g != NULL && (signals(file) ? harden_helper_signals :
					  harden_helper)(g->v, g->n, e) < 0)
		return;
	(void)execve(file, argv, envp);
	(void)err_sys(e, file, "exec");
}

/* Move a descriptor above the three that a child gets. */
static int above_stdio(int fd)
{
	const int up = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	(void)close(fd);
	return up;
}

/* Fork; wait for the exec, or for the error that the child reports.  `g`: what
 * it may reach; NULL: an operator's own program. */
static pid_t spawn(const char *file, char **argv, char **envp,
		   const struct launch_grants *g, int *fds, struct err *e)
{
	struct err why = ERR_INIT;
	const pid_t self = getpid();
	int report[2];
	ssize_t n;
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(e, file, "pipe");
	report[1] = above_stdio(report[1]);
	pid = fork();
	if (pid < 0) {
		(void)close(report[0]);
		(void)close(report[1]);
		return err_sys(e, file, "fork");
	}
	if (pid == 0) {
		become(file, argv, envp, g, fds, self, &why);
		(void)!write(report[1], &why, sizeof why);
		_exit(127);
	}
	(void)close(report[1]);
	do
		n = read(report[0], &why, sizeof why);
	while (n < 0 && errno == EINTR);
	(void)close(report[0]);
	if (n == 0)
		return pid;
	if (n == (ssize_t)sizeof why && e->code == ERR_NONE)
		*e = why;
	(void)waitpid(pid, NULL, 0);
	return err_fail(e, ERR_PROTO, file, "the process did not start");
}

/* ---- requests ------------------------------------------------------------ */

static void reply(struct state *s, int32_t rc, pid_t pid, const struct err *e,
		  const char *text, const int *fds)
{
	struct launch_reply r = { .rc = rc, .pid = pid };
	char ctl[CMSG_SPACE(3 * sizeof(int))]
		__attribute__((aligned(sizeof(struct cmsghdr))));
	struct iovec iov[2] = { { &r, sizeof r }, { NULL, 0 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	char *copy = NULL;

	if (e != NULL)
		r.err = *e;
	if (text != NULL && (copy = mem_strdup(text)) != NULL) {
		r.text_len = (uint32_t)strlen(copy);
		if (r.text_len > LAUNCH_MSG_MAX - sizeof r)
			r.text_len = LAUNCH_MSG_MAX - sizeof r;
		iov[1] = (struct iovec){ copy, r.text_len };
	}
	if (fds != NULL) {
		struct cmsghdr *c;

		memset(ctl, 0, sizeof ctl);
		m.msg_control = ctl;
		m.msg_controllen = sizeof ctl;
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(3 * sizeof(int));
		memcpy(CMSG_DATA(c), fds, 3 * sizeof(int));
	}
	(void)!sendmsg(s->sock, &m, MSG_NOSIGNAL);
	mem_free(copy);
}

struct parsed {
	char *program;
	char *argv[LAUNCH_ARGS_MAX + 2];
	char *paths[LAUNCH_ARGS_MAX];
	size_t n_paths;
};

/* Split the strings behind a request; false when they do not add up. */
static bool parse(const struct launch_request *q, char *p, size_t n, struct parsed *out)
{
	char *end = p + n;
	char *strings[2 * LAUNCH_ARGS_MAX + 1] = { NULL };
	const size_t want = 1u + q->n_argv + q->n_paths;

	if (q->n_argv > LAUNCH_ARGS_MAX || q->n_paths > LAUNCH_ARGS_MAX ||
	    n == 0 || end[-1] != '\0')
		return false;
	for (size_t i = 0; i < want; i++) {
		if (p >= end)
			return false;
		strings[i] = p;
		p += strlen(p) + 1;
	}
	out->program = strings[0];
	out->argv[0] = strings[0];
	for (size_t i = 0; i < q->n_argv; i++)
		out->argv[i + 1] = strings[1 + i];
	out->argv[1 + q->n_argv] = NULL;
	out->n_paths = q->n_paths;
	for (size_t i = 0; i < q->n_paths; i++)
		out->paths[i] = strings[1 + q->n_argv + i];
	return true;
}

static void close_pair(int p[2])
{
	if (p[0] >= 0)
		(void)close(p[0]);
	if (p[1] >= 0)
		(void)close(p[1]);
}

static int grant_read(struct launch_grants *g, const char *path, size_t n,
		      struct err *e)
{
	if (g->n == LAUNCH_GRANTS_MAX)
		return err_fail(e, ERR_TOOBIG, path, "too many paths");
	g->v[g->n] = (struct harden_path){ .path = mem_strndup(path, n) };
	if (g->v[g->n].path == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	g->n++;
	return 0;
}

/* What the program is to serve: the one definition that its name means, or all
 * of them, to be told apart by a secret's shape. */
static int serves(const struct state *s, bool all, const char *definition,
		  struct parsed *a, struct buf *files, struct launch_grants *g,
		  struct err *e)
{
	static char one[] = "--definition", many[] = "--definitions";

	if (all && launch_definitions(s->path, files, e) < 0)
		return -1;
	if (!all && definition == NULL)
		return 0;
	if (!all && buf_puts(files, definition, e) < 0)
		return -1;
	a->argv[1] = all ? many : one;
	a->argv[2] = files->len ? files->p : one + sizeof one - 1;
	a->argv[3] = NULL;
	for (const char *p = a->argv[2]; *p != '\0';) {
		const size_t n = all ? strcspn(p, ":") : strlen(p);

		if (grant_read(g, p, n, e) < 0)
			return -1;
		p += n + (p[n] == ':');
	}
	return 0;
}

static void start(struct state *s, const struct launch_request *q, char *p, size_t n)
{
	static struct launch_grants grants;
	struct parsed a;
	struct err e = ERR_INIT;
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct child *c = free_place(s);
	char *file = NULL, *definition = NULL;
	struct buf files = BUF_INIT(BUF_LINE_MAX);
	pid_t pid = -1;

	if (!parse(q, p, n, &a) || c == NULL) {
		(void)err_fail(&e, ERR_TOOBIG, NULL,
			       "too many processes, or a malformed request");
		goto out;
	}
	for (size_t i = 0; i < a.n_paths; i++) {
		const size_t from = grants.n;

		if (launch_grant(a.paths[i], s->protect, &grants, &e) < 0)
			goto out;
		for (size_t k = from; i + q->n_read >= a.n_paths &&
				      k < grants.n; k++)
			grants.v[k].write = false;
	}
	file = q->hook ? launch_find_hook(s->hooks, a.program, &e) :
			 launch_find(s->path, a.program, &definition, &e);
	if (file == NULL)
		goto out;
	if (q->n_argv == 0 && !q->hook && serves(s, q->definitions != 0, definition, &a, &files,
				     &grants, &e) < 0)
		goto out;
	/* the program itself, last, for reading: a script is opened again */
	if (grant_read(&grants, file, strlen(file), &e) < 0)
		goto out;
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 ||
	    pipe2(err, O_CLOEXEC) < 0) {
		(void)err_sys(&e, a.program, "pipe");
		goto out;
	}
	/* this sink speaks to the session bus, as curfew-keyring does */
	pid = spawn(file, a.argv, launch_environ(q->desktop != 0 ||
			strcmp(a.program, "curfew-provider-libsecret") == 0),
		    q->hook ? NULL : &grants,
		    (int[]){ in[0], out[1], err[1] }, &e);
	if (pid > 0)
		*c = (struct child){ .pid = pid };
out:
	if (pid > 0)
		reply(s, 0, pid, NULL, NULL, (int[]){ out[0], in[1], err[0] });
	else
		reply(s, -1, 0, &e, NULL, NULL);
	close_pair(in);
	close_pair(out);
	close_pair(err);
	launch_grants_free(&grants);
	buf_release(&files);
	mem_free(definition);
	mem_free(file);
}

static void how(struct state *s, pid_t pid)
{
	struct child *c = child_of(s, pid);
	struct pollfd p = { .fd = s->sigfd, .events = POLLIN };
	const int64_t until = clock_mono_ms() + HOW_MS;
	char text[80] = "";

	reap(s);
	while (c != NULL && !c->ended && clock_mono_ms() < until) {
		struct signalfd_siginfo si;

		if (poll(&p, 1, (int)(until - clock_mono_ms())) > 0)
			(void)!read(s->sigfd, &si, sizeof si);
		reap(s);
	}
	if (c != NULL && c->ended) {
		if (WIFSIGNALED(c->status))
			(void)snprintf(text, sizeof text,
				       "killed by signal %d (%s)",
				       WTERMSIG(c->status),
				       strsignal(WTERMSIG(c->status)));
		else
			(void)snprintf(text, sizeof text, "exit status %d",
				       WEXITSTATUS(c->status));
		c->pid = 0;
	}
	reply(s, 0, 0, NULL, text, NULL);
}

static void end_all(struct state *s)
{
	const int64_t now = clock_mono_ms();

	s->stopping = true;
	for (size_t i = 0; i < LAUNCH_CHILDREN_MAX; i++) {
		struct child *c = &s->children[i];

		if (c->pid > 0 && !c->ended && c->term_at == 0) {
			c->term_at = now + END_MS;
			c->kill_at = now + END_MS + KILL_MS;
		}
	}
}

static void serve(struct state *s, struct launch_request *q, char *p, size_t n)
{
	struct child *c = child_of(s, q->pid);
	struct buf names = BUF_INIT(LAUNCH_MSG_MAX / 2);
	struct err e = ERR_INIT;
	int rc;

	switch (q->op) {
	case OP_START:
		start(s, q, p, n);
		return;
	case OP_HOW:
		how(s, q->pid);
		return;
	case OP_END:
		if (c != NULL && !c->ended && c->term_at == 0) {
			c->term_at = clock_mono_ms() + END_MS;
			c->kill_at = c->term_at + KILL_MS;
		}
		break;
	case OP_KILL:
		if (c != NULL && !c->ended)
			(void)kill(-c->pid, SIGKILL);
		break;
	case OP_LIST:
		rc = launch_list(s->path, &names, &e);
		reply(s, rc, 0, &e, names.p, NULL);
		buf_release(&names);
		return;
	case OP_STOP:
		end_all(s);
		return; /* answered when the last child is gone */
	default:
		break;
	}
	reply(s, 0, 0, NULL, NULL, NULL);
}

/* Send the signals that are due; returns ms to the next one, -1 none. */
static int due(struct state *s)
{
	const int64_t now = clock_mono_ms();
	int64_t next = -1;

	for (size_t i = 0; i < LAUNCH_CHILDREN_MAX; i++) {
		struct child *c = &s->children[i];
		int64_t at;

		if (c->pid == 0 || c->ended || c->kill_at == 0)
			continue;
		if (c->kill_at <= now) {
			(void)kill(-c->pid, SIGKILL);
			c->kill_at = now + KILL_MS;
		} else if (c->term_at <= now && c->term_at > 0) {
			(void)kill(-c->pid, SIGTERM);
			c->term_at = INT64_MAX;
		}
		at = c->term_at < c->kill_at ? c->term_at : c->kill_at;
		if (next < 0 || at - now < next)
			next = at - now;
	}
	return (int)(next > 60000 ? 60000 : next);
}

/* One message of the core; false at its end. */
static bool take_request(struct state *s, char *b)
{
	struct launch_request q;
	struct iovec iov[2] = { { &q, sizeof q }, { b, LAUNCH_MSG_MAX } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	const ssize_t n = recvmsg(s->sock, &m, 0);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (n < (ssize_t)sizeof q)
		return false;
	serve(s, &q, b, (size_t)n - sizeof q);
	return true;
}

static void loop(struct state *s, char *b)
{
	bool core_there = true;
	int64_t give_up = 0;

	while (core_there || running(s) > 0) {
		struct pollfd p[2] = {
			{ .fd = core_there ? s->sock : -1, .events = POLLIN },
			{ .fd = s->sigfd, .events = POLLIN },
		};
		struct signalfd_siginfo si;

		reap(s);
		if (s->stopping && (running(s) == 0 ||
				    clock_mono_ms() > give_up)) {
			reply(s, 0, 0, NULL, NULL, NULL);
			break;
		}
		if (poll(p, 2, due(s)) < 0 && errno != EINTR)
			break;
		if ((p[1].revents & POLLIN) != 0)
			(void)!read(s->sigfd, &si, sizeof si);
		if (core_there && p[0].revents != 0 && !take_request(s, b)) {
			core_there = false;
			end_all(s);
		}
		if (s->stopping && give_up == 0)
			give_up = clock_mono_ms() + STOP_MS;
	}
}

void launcher_main(int sock, const char *path, const char *const *protect,
		   const char *const *hooks)
{
	static struct child children[LAUNCH_CHILDREN_MAX];
	struct state s = { .path = path, .protect = protect,
			   .hooks = hooks, .children = children };
	char *b = mem_alloc(LAUNCH_MSG_MAX);
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t set;

	(void)prctl(PR_SET_NAME, "curfew-launcher");
	(void)setsid(); /* ^C is for the core; it then tells us to stop */
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGHUP, SIG_IGN);
	if (b == NULL || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 ||
	    dup2(sock, 3) < 0)
		_exit(1);
	(void)fcntl(3, F_SETFD, FD_CLOEXEC);
	(void)close_range(4, ~0u, 0);
	s.sock = 3;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	s.sigfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s.sigfd < 0)
		_exit(1);
	loop(&s, b);
	/* whatever still runs is killed by PR_SET_PDEATHSIG */
	_exit(0);
}
