/*
 * matrix_storage: rotations while the disk under the vault fails at every
 * operation in turn (storage.c), and after a power cut (power.c).
 *
 * A case is KIND:N, the disk's fault at the N-th operation of a whole curfew;
 * then everything is checked as it is, sweeps go on over a sound disk, and all
 * is checked again.  CURFEW_STORAGE_STRIDE: every so-many-th operation only
 * (the default; 1 takes them all).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/text.h"
#include "matrix.h"
#include "rig_rotate.h"

static const char *const scripts[] = { "B", "A", "place", "turn", "B-unknown" };
#define N_SCRIPTS (sizeof(scripts) / sizeof(*scripts))

static const char *const kinds[] = { "io", "short", "full", "flood", "dead",
				     "read", "exit", "torn" };
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

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

/* The text of a file of the rig; "" when there is none. */
static void slurp(const char *dir, const char *name, struct buf *out)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_reset(out);
	if (io_read_file(path, IO_ANY, out->max, out, NULL) < 0 || !out->p)
		(void)!buf_puts(out, "", NULL);
}

/* One run per kind of operation tells how many there are. */
static void rehearse_kind(const char *dir, size_t i, const char *how, long *n)
{
	struct buf b = BUF_INIT(1u << 20);
	const char *at;

	matrix_instead("curfew-storage", "CURFEW_STORAGE", how);
	(void)rotate_first(dir, rotate_script(scripts[i]));
	matrix_instead(NULL, NULL, NULL);
	slurp(dir, "output", &b);
	at = b.p ? strstr(b.p, "storage: operations ") : NULL;
	*n = at ? strtol(at + 20, NULL, 10) : 0;
	buf_release(&b);
}

static void rehearse(const char *dir, size_t i, const char *list)
{
	const long stride = number("CURFEW_STORAGE_STRIDE", 61);
	struct buf b = BUF_INIT(1u << 20);
	long n = 0;

	rehearse_kind(dir, i, "count", &n);
	for (size_t k = 0; k < N_KINDS; k++)
		for (long at = 1 + ((long)k * 7 + (long)i * 3) % stride; at <= n;
		     at += stride)
			if (buf_printf(&b, NULL, "%s:%ld\n", kinds[k], at) < 0)
				break;
	if (io_write_atomic(list, b.p, b.len, 0600, NULL) < 0)
		(void)fprintf(stderr, "cannot write %s\n", list);
	buf_release(&b);
}

/* A disk that is full, or fails once, costs no key that was made. */
static void check_lost(const char *dir, size_t i, const char *label,
		       struct buf *findings)
{
	static const char *const costly[] = { "dead", "read", "exit", "torn" };
	struct buf b = BUF_INIT(1u << 20);

	for (size_t k = 0; k < sizeof(costly) / sizeof(*costly); k++)
		if (strncmp(label, costly[k], strlen(costly[k])) == 0)
			return;
	if (strcmp(scripts[i], "B") != 0)
		return;
	slurp(dir, "c1.world", &b);
	if (strstr(b.p, "\tkey\tnew-2\t") &&
	    buf_puts(findings, "lost: the first key that was made\n", NULL) < 0)
		findings->len = findings->len;
	buf_release(&b);
}

static int play(const char *dir, size_t i, const char *label,
		struct buf *findings)
{
	struct buf b = BUF_INIT(1u << 20);
	bool hit;

	matrix_instead("curfew-storage", "CURFEW_STORAGE",
		       label ? label : "none");
	(void)rotate_first(dir, rotate_script(scripts[i]));
	matrix_instead(NULL, NULL, NULL);
	slurp(dir, "output", &b);
	hit = strstr(b.p, "storage: hit") != NULL;
	buf_release(&b);
	if (label && !hit)
		return MATRIX_NOT_REACHED;
	rotate_between(dir, rotate_script(scripts[i]), findings);
	(void)rotate_go_on(dir, rotate_script(scripts[i]), findings);
	if (label)
		check_lost(dir, i, label, findings);
	return 0;
}

const struct suite suite_storage = {
	.name = "storage", .n = N_SCRIPTS, .title = title, .make = make,
	.rehearse = rehearse, .play = play,
};
