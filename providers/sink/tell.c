/*
 * tell: see tell.h.
 *
 * A process is signalled through a pidfd, looked at again before: a number
 * that was given to another process meanwhile is not hit.
 */
#include "providers/sink/tell.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "providers/sink/run.h"

#define SYSTEMCTL "/usr/bin/systemctl"

static const struct { const char *name; int number; } signals[] = {
	{ "HUP", SIGHUP }, { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "TERM", SIGTERM },
};

static int signal_of(const char *name, struct err *e)
{
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!strcmp(name, signals[i].name))
			return signals[i].number;
	(void)err_fail(e, ERR_CONFIG, name, "option signal is HUP, USR1, USR2 or TERM");
	return -1;
}

/* A program that others can change would run with our rights. */
static int check_program(const char *path, struct err *e)
{
	struct stat st;

	if (!path)
		return 0;
	if (path[0] != '/' || stat(path, &st))
		return err_fail(e, ERR_CONFIG, path, "there is no such program");
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_fail(e, ERR_CONFIG, path, "it is no program");
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022))
		return err_fail(e, ERR_POLICY, path,
				"others than root and us can change this program");
	return 0;
}

static bool unit_name(const char *s)
{
	for (const char *p = s; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.@:\\", *p))
			return false;
	return *s && *s != '-' && strlen(s) < 256;
}

int tell_options(const struct kit_connection *c, struct tell *t, struct err *e)
{
	const char *name = kit_option(c, "signal", NULL);
	const char *restart = kit_option(c, "restart_unit", NULL);

	*t = (struct tell){ .pid_file = kit_option(c, "use_pid_file", NULL),
			    .unit = kit_option(c, "reload_unit", restart),
			    .reload = kit_option(c, "use_reload", NULL),
			    .check = kit_option(c, "use_check", NULL) };
	t->restart = restart && t->unit == restart;
	if (name) {
		t->signal = signal_of(name, e);
		if (t->signal < 0)
			return -1;
		if (!t->pid_file)
			return err_fail(e, ERR_CONFIG, "signal", "it needs use_pid_file");
	}
	if ((name != NULL) + (t->unit != NULL) + (t->reload != NULL) > 1)
		return err_fail(e, ERR_CONFIG, NULL,
				"one of signal, reload_unit, restart_unit, use_reload");
	if (t->unit && !unit_name(t->unit))
		return err_fail(e, ERR_CONFIG, t->unit, "it is no unit's name");
	return check_program(t->reload, e) || check_program(t->check, e) ? -1 : 0;
}

/* ---- the process of a pid file --------------------------------------------- */

static int read_pid(const char *path, int64_t *pid, struct err *e)
{
	struct buf b = BUF_INIT(64);
	int rc = -1;

	/* one that others write would send our signal anywhere */
	if (io_read_file(path, IO_ANY, b.max, &b, e))
		goto out;
	while (b.len && isspace((unsigned char)b.p[b.len - 1]))
		b.p[--b.len] = 0;
	if (!b.len || !text_int(b.p, 2, INT32_MAX, pid))
		err_fail(e, ERR_FORMAT, path, "it holds no process number");
	else
		rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* Field 22 of /proc/PID/stat: ticks since boot. 0: no such process. */
static int started(int64_t pid, int64_t *boot_ms, struct err *e)
{
	struct buf b = BUF_INIT(4096);
	struct err mine = ERR_INIT;
	char path[64];
	const char *p;
	int64_t ticks = 0;
	long hz = sysconf(_SC_CLK_TCK);
	int rc = -1;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	*boot_ms = 0;
	if (io_read_file(path, IO_ANY, b.max, &b, &mine)) {
		rc = access(path, F_OK) ? 0 : -1;
		if (rc && e)
			*e = mine;
		goto out;
	}
	p = strrchr(b.p, ')'); /* the name may hold anything */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (p && hz > 0) {
		char number[24];

		snprintf(number, sizeof(number), "%.*s", (int)strcspn(p + 1, " "), p + 1);
		if (text_int(number, 0, INT64_MAX / 1000, &ticks)) {
			*boot_ms = ticks * 1000 / hz;
			rc = 0;
		}
	}
	if (rc)
		err_fail(e, ERR_FORMAT, path, "it has no start time");
out:
	buf_release(&b);
	return rc;
}

int tell_started(const struct tell *t, int64_t *boot_ms, int64_t *pid, struct err *e)
{
	if (read_pid(t->pid_file, pid, e))
		return -1;
	return started(*pid, boot_ms, e);
}

/* Whoever can write the pid file aims our signal: only root, we and the process
 * itself may. */
static int aim(const struct tell *t, int64_t pid, struct err *e)
{
	struct stat file, proc;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%lld", (long long)pid);
	if (stat(t->pid_file, &file))
		return err_sys(e, t->pid_file, "look at it");
	if (stat(path, &proc))
		return err_fail(e, ERR_ABSENT, t->pid_file,
				"process %lld that it names does not run", (long long)pid);
	if (file.st_mode & S_IWOTH ||
	    (file.st_uid != 0 && file.st_uid != geteuid() && file.st_uid != proc.st_uid))
		return err_fail(e, ERR_POLICY, t->pid_file, "a stranger (user %u) wrote it",
				(unsigned)file.st_uid);
	return 0;
}

static int send_signal(const struct tell *t, char how[200], struct err *e)
{
	int64_t pid, before, after;
	int fd, rc = -1;

	if (tell_started(t, &before, &pid, e))
		return -1;
	fd = before ? (int)syscall(SYS_pidfd_open, (pid_t)pid, 0) : -1;
	if (fd < 0)
		return err_fail(e, ERR_ABSENT, t->pid_file,
				"process %lld that it names does not run", (long long)pid);
	if (aim(t, pid, e) || started(pid, &after, e))
		goto out;
	if (after != before)
		err_fail(e, ERR_BUSY, t->pid_file, "the consumer has just ended");
	else if (syscall(SYS_pidfd_send_signal, fd, t->signal, NULL, 0))
		err_sys(e, t->pid_file, "signal process %lld", (long long)pid);
	else
		rc = 0;
	if (!rc)
		snprintf(how, 200, "process %lld was signalled", (long long)pid);
out:
	close(fd);
	return rc;
}

/* ---- programs --------------------------------------------------------------- */

static int start(const char *program, const char *const *argv, struct ran *ran,
		 struct err *e)
{
	const struct run what = { .program = program, .argv = argv };

	return run(&what, ran, e);
}

static int reload(const char *program, const char *const *argv, const char *name,
		  bool *acknowledged, char how[200], struct err *e)
{
	struct ran ran = RAN_INIT;
	int rc = start(program, argv, &ran, e);

	if (!rc && ran.status) {
		rc = err_fail(e, ERR_PROVIDER, name, "it ended with status %d%s%.150s",
			      ran.status, *ran.said ? ": " : "", ran.said);
	} else if (!rc) {
		*acknowledged = true;
		snprintf(how, 200, "%.150s answered 0", name);
	}
	buf_release(&ran.out);
	return rc;
}

int tell_consumer(const struct tell *t, const char *account, const char *version,
		  bool *acknowledged, char how[200], struct err *e)
{
	const char *const unit[] = { t->restart ? "restart" : "reload", "--",
				     t->unit, NULL };
	const char *const own[] = { account, version, NULL };

	*acknowledged = false;
	snprintf(how, 200, "nobody was told");
	if (t->signal)
		return send_signal(t, how, e);
	if (t->unit)
		return reload(SYSTEMCTL, unit, t->unit, acknowledged, how, e);
	if (t->reload)
		return reload(t->reload, own, t->reload, acknowledged, how, e);
	return 0;
}

int tell_check(const struct tell *t, const char *account, const char *version,
	       char said[200], struct err *e)
{
	const char *const argv[] = { account, version, NULL };
	struct ran ran = RAN_INIT;
	int rc = start(t->check, argv, &ran, e);

	if (!rc) {
		snprintf(said, 200, "%.90s answered %d%s%.90s", t->check, ran.status,
			 *ran.said ? ": " : "", ran.said);
		rc = ran.status == 0 ? 1 : ran.status == 1 ? 0 :
		     err_fail(e, ERR_PROVIDER, t->check, "it ended with status %d%s%.150s",
			      ran.status, *ran.said ? ": " : "", ran.said);
	}
	buf_release(&ran.out);
	return rc;
}
