/*
 * matrix_power: a rotation whose power goes (power.c).  A case is a seed; it
 * takes CURFEW_POWER_CUTS cuts of one rotation, each with the services as they
 * were at that moment: the vault opens, its chain verifies, no key is lost, and
 * sweeps bring the rotation to its end.
 *
 * After "lost" (a disk that said of one sync that it was done) the vault may be
 * older than what was sent: it opens and verifies, or is refused as older than
 * its head; more cannot be asked of it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "matrix.h"
#include "rig_rotate.h"

static const char *const scripts[] = { "B", "A", "place", "turn" };
#define N_SCRIPTS (sizeof(scripts) / sizeof(*scripts))

static long number(const char *name, long fallback)
{
	const char *text = getenv(name);
	int64_t v;

	return text && text_int(text, 1, 1000000, &v) ? (long)v : fallback;
}

static const char *title(size_t i)
{
	return scripts[i];
}

static int make(const char *dir, size_t i)
{
	return suite_rotate.make(dir, rotate_script(scripts[i]));
}

static void rehearse(const char *dir, size_t i, const char *list)
{
	const long seeds = number("CURFEW_POWER_RUNS", 2);
	struct buf b = BUF_INIT(1u << 20);
	bool ok = true;

	(void)dir;
	(void)i;
	for (long n = 1; n <= seeds && ok; n++)
		ok = buf_printf(&b, NULL, "%ld\n%ld:lost\n", n, n) == 0;
	if (!ok || io_write_atomic(list, b.p, b.len, 0600, NULL) < 0)
		(void)fprintf(stderr, "cannot write %s\n", list);
	buf_release(&b);
}

static void shell(const char *what, const char *a, const char *b)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", what, "sh", a, b,
			    (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

/* The vault and the worlds of cut `n` in their places. */
static void put_cut(const char *dir, long n)
{
	char text[40];

	(void)snprintf(text, sizeof(text), "%ld", n);
	shell("cd \"$1\" && rm -rf vault && mv \"vault-$2\" vault && "
	      "for w in c1 sink; do mv \"vault-$2.$w.world\" $w.world; done; "
	      ": >output", dir, text);
}

static void one_cut(const char *dir, size_t script, bool lost, long n,
		    struct buf *findings)
{
	static const char *const verify[] = { "vault", "verify", NULL };
	const size_t before = findings->len;
	char text[60];
	int code;

	put_cut(dir, n);
	if (!lost) {
		rotate_between(dir, script, findings);
		(void)rotate_go_on(dir, script, findings);
	} else {
		code = matrix_run(dir, NULL, NULL, verify);
		(void)snprintf(text, sizeof(text), "verify: exit %d\n", code);
		if (code != 0 && code != 5 && buf_puts(findings, text, NULL) < 0)
			findings->len = before;
	}
	(void)snprintf(text, sizeof(text), "^ cut %ld\n", n);
	if (findings->len > before && buf_puts(findings, text, NULL) < 0)
		findings->len = before;
}

static int play(const char *dir, size_t i, const char *label,
		struct buf *findings)
{
	const long cuts = number("CURFEW_POWER_CUTS", 12);
	char value[300];

	if (!label)
		return MATRIX_NOT_REACHED;
	(void)snprintf(value, sizeof(value), "%s/vault:%ld:%s", dir, cuts, label);
	(void)setenv("CURFEW_NO_LANDLOCK", "1", 1);
	matrix_instead("curfew-power", "CURFEW_POWER", value);
	(void)rotate_first(dir, rotate_script(scripts[i]));
	matrix_instead(NULL, NULL, NULL);
	(void)unsetenv("CURFEW_NO_LANDLOCK");
	for (long n = 0; n < cuts && !findings->len; n++)
		one_cut(dir, rotate_script(scripts[i]),
			strstr(label, "lost") != NULL, n, findings);
	return 0;
}

const struct suite suite_power = {
	.name = "power", .n = N_SCRIPTS, .title = title, .make = make,
	.rehearse = rehearse, .play = play,
};
