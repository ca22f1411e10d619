/*
 * harden: what every process of ours gives up at its start.
 *
 * Promises: after harden_start() no descriptor, variable or signal setting
 * of the caller is left that was not asked for.
 * Must never: be undone, or be skipped by a flag.
 */
#include "base/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

extern char **environ;

#define FIXED_PATH "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

/* Names, or beginnings ending in '_', that survive; all others are dropped,
 * first of all the dynamic loader's (LD_*) and the libraries' debug knobs. */
static const char *const kept[] = {
	"HOME", "USER", "LOGNAME", "TERM", "LANG", "LC_", "TZ", "NO_COLOR",
	"COLUMNS", "LINES", "PWD", "XDG_", "CREDENTIALS_DIRECTORY",
	"DBUS_SESSION_BUS_ADDRESS", "CURFEW_",
#ifdef CURFEW_TEST
	/* the sanitizers' and coverage's settings, in test builds */
	"ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
#endif
};

static bool is_kept(const char *var)
{
	size_t len = strcspn(var, "=");

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		size_t n = strlen(kept[i]);
		bool prefix = kept[i][n - 1] == '_';

		if (strncmp(var, kept[i], n) == 0 && (len == n || prefix))
			return true;
	}
	return false;
}

static int clean_environment(struct err *e)
{
	char **to = environ;

	/* what is dropped is overwritten too: /proc/PID/environ shows that
	 * memory to every process of root, a provider among them */
	for (char **from = environ; from && *from; from++) {
		if (strchr(*from, '=') && is_kept(*from))
			*to++ = *from;
		else
			mem_wipe(*from, strlen(*from));
	}
	if (to)
		*to = NULL;
	if (setenv("PATH", FIXED_PATH, 1) != 0)
		return err_sys(e, "PATH", "set");
	return 0;
}

/* 0, 1 and 2 exist, so that no file of ours ever becomes "stderr". */
static int open_standard(struct err *e)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "/dev/null", "open");
	} while (fd <= 2 && fcntl(fd, F_SETFD, 0) == 0);
	close(fd);
	return 0;
}

static int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int close_from(unsigned first, unsigned last, struct err *e)
{
	if (first > last)
		return 0;
	if (syscall(SYS_close_range, first, last, 0) == 0)
		return 0;
	if (errno != ENOSYS)
		return err_sys(e, NULL, "close inherited files");
	/* before Linux 5.9 */
	for (unsigned fd = first; fd <= last && fd < 65536; fd++)
		close((int)fd);
	return 0;
}

static int close_inherited(const int *keep, size_t n, struct err *e)
{
	unsigned next = 3;
	int *sorted = mem_array(n ? n : 1, sizeof(int));
	int rc = -1;

	if (!sorted)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (n)
		memcpy(sorted, keep, n * sizeof(int));
	qsort(sorted, n, sizeof(int), by_value);
	for (size_t i = 0; i < n; i++) {
		if (sorted[i] < (int)next)
			continue;
		if (close_from(next, (unsigned)sorted[i] - 1, e) != 0)
			goto out;
		next = (unsigned)sorted[i] + 1;
	}
	rc = close_from(next, ~0u, e);
out:
	mem_free(sorted);
	return rc;
}

/* Inherited settings of signals: a blocked SIGTERM or an ignored SIGCHLD
 * would change how we end and how we see children end. */
static int clean_signals(struct err *e)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };
	struct sigaction ign = { .sa_handler = SIG_IGN };
	sigset_t none;

	sigemptyset(&none);
	if (sigprocmask(SIG_SETMASK, &none, NULL) != 0 ||
	    sigaction(SIGCHLD, &dfl, NULL) != 0 ||
	    sigaction(SIGTERM, &dfl, NULL) != 0 ||
	    sigaction(SIGPIPE, &ign, NULL) != 0 ||
	    /* a file at its size limit is a full disk, not our end */
	    sigaction(SIGXFSZ, &ign, NULL) != 0)
		return err_sys(e, NULL, "set up signals");
	return 0;
}

int harden_start(const int *keep, size_t n_keep, struct err *e)
{
	static const struct rlimit none = { 0, 0 };

	umask(077);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_sys(e, NULL, "give up new privileges");
#ifndef __SANITIZE_ADDRESS__ /* its leak check has to look at us */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_sys(e, NULL, "switch core dumps off");
#endif
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		return err_sys(e, NULL, "switch core dumps off");
	if (open_standard(e) != 0 || close_inherited(keep, n_keep, e) != 0 ||
	    clean_environment(e) != 0 || clean_signals(e) != 0)
		return -1;
	return 0;
}
