/*
 * matrix: every labelled crash point times every script of the fake service.
 * Each case: curfew is ended at the label, the next command goes on until
 * nothing changes, then the invariants are checked against what the services
 * really hold.  Prints TAP.
 *
 * usage: matrix BUILD [--suite kill|rotate|storage|power] [--script NAME] [--label LABEL] [--control NAME] [--jobs N]
 *               [--pairs N: every N-th pair of labels, one after the other]
 *        matrix --seed DIR [SCRIPT]         one rig, to try by hand
 *        matrix --seed-rotation DIR [SCRIPT [POLICY]]
 *        matrix --many-rotations DIR N CONNS LATENCY [due]
 *        matrix --many DIR N CONNS LATENCY [SCRIPT]   a bench's vault
 *
 * --control sets the test build's switch CURFEW_TEST_NO_<NAME>; the run must
 * then find violations (exit 0 when it did).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"
#include "matrix.h"
#include "rig.h"
#include "rig_rotate.h"

#define LABELS_MAX 8192

static char build[PATH_MAX], base_dir[120];
static const char *control;
static const struct suite *suite = &suite_kill;
static const struct suite *const suites[] = { &suite_kill, &suite_rotate,
					      &suite_storage, &suite_power };
static const char *instead, *instead_name, *instead_value;

void matrix_instead(const char *program, const char *name, const char *value)
{
	instead = program;
	instead_name = name;
	instead_value = value;
}

/* ---- running curfew ------------------------------------------------------------- */

static void child_environment(const char *crash_at, const char *list)
{
	char name[80];

	(void)setenv("CURFEW_TEST_GAP_MS", "12", 1);
	(void)setenv("CURFEW_TEST_BACKOFF_MS", "12", 1);
	(void)setenv("CURFEW_TEST_SNAPSHOT_MS", "120", 1);
	(void)setenv("CURFEW_TEST_STUCK_MS", "40", 1);
	if (crash_at)
		(void)setenv("CURFEW_CRASH_AT", crash_at, 1);
	if (list)
		(void)setenv("CURFEW_CRASH_LIST", list, 1);
	if (instead && *instead_name)
		(void)setenv(instead_name, instead_value, 1);
	if (control) {
		(void)snprintf(name, sizeof(name), "CURFEW_TEST_NO_%s", control);
		(void)setenv(name, "1", 1);
	}
}

/* curfew VERB... in the rig; its output is kept for the residue check. */
int matrix_run(const char *dir, const char *crash_at, const char *list,
	       const char *const *words)
{
	char vault[200], key[200], config[200], out[200], program[PATH_MAX + 40];
	const char *argv[24];
	size_t n = 0;
	int status;
	pid_t pid;

	(void)snprintf(vault, sizeof(vault), "%s/vault", dir);
	(void)snprintf(key, sizeof(key), "%s/key", dir);
	(void)snprintf(config, sizeof(config), "%s/curfew.toml", dir);
	(void)snprintf(out, sizeof(out), "%s/output", dir);
	(void)snprintf(program, sizeof(program), "%s/%s", build,
		       instead ? instead : "curfew");
	argv[n++] = program;
	argv[n++] = "--dir";
	argv[n++] = vault;
	argv[n++] = "--key-file";
	argv[n++] = key;
	argv[n++] = "--config";
	argv[n++] = config;
	argv[n++] = "--no-input";
	while (*words && n < 23)
		argv[n++] = *words++;
	argv[n] = NULL;
	pid = fork();
	if (pid == 0) {
		int fd = open(out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
			      0600);

		(void)dup2(fd, 1);
		(void)dup2(fd, 2);
		child_environment(crash_at, list);
		(void)execv(program, (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
				   256 + WTERMSIG(status);
}

/* ---- one case --------------------------------------------------------------------- */

static void remove_tree(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execl("/bin/rm", "rm", "-rf", dir, (char *)NULL);
		_exit(127);
	}
	(void)waitpid(pid, NULL, 0);
}

/* 0 fine, 1 violated, 2 not applicable. */
static int one_case(size_t script, const char *label, size_t number)
{
	struct buf findings = BUF_INIT(BUF_TEXT_MAX);
	char dir[200], title[300];
	int rc = 0;

	(void)snprintf(dir, sizeof(dir), "%s/case-%zu", base_dir, number);
	(void)snprintf(title, sizeof(title), "%s, crash at %s",
		       suite->title(script), label ? label : "no point");
	/* The world's path is in the vault, so each case has a rig of its own. */
	if (mkdir(dir, 0700) < 0 || suite->make(dir, script) < 0)
		return 1;
	if (suite->play(dir, script, label, &findings) == MATRIX_NOT_REACHED) {
		rc = 2;
		goto out;
	}
	rc = findings.len > 0;
	(void)printf("%sok - %s\n", rc ? "not " : "", title);
	for (char *p = findings.p, *end; rc && p && (end = strchr(p, '\n'));
	     p = end + 1)
		(void)printf("# %.*s\n", (int)(end - p), p);
	if (rc && !control) {
		(void)printf("# kept: %s\n", dir);
		goto keep;
	}
out:
	remove_tree(dir);
keep:
	(void)fflush(stdout);
	buf_release(&findings);
	return rc;
}

/* ---- all of them ------------------------------------------------------------------- */

/* The labels that a whole run passes, with the middle passing of each. */
static size_t labels_of(size_t script, char labels[][80])
{
	char dir[200], list[250], name[120];
	struct buf b = BUF_INIT(16u << 20);
	static size_t counts[LABELS_MAX];
	size_t n = 0, first;

	memset(counts, 0, sizeof(counts));

	(void)snprintf(dir, sizeof(dir), "%s/labels-%zu", base_dir, script);
	(void)snprintf(list, sizeof(list), "%s/labels", dir);
	if (mkdir(dir, 0700) < 0 || suite->make(dir, script) < 0)
		return 0;
	suite->rehearse(dir, script, list);
	if (io_read_file(list, IO_ANY, 16u << 20, &b, NULL) < 0)
		goto out;
	for (char *p = b.p, *end; (end = strchr(p, '\n')); p = end + 1) {
		size_t i;

		*end = '\0';
		if (suite->wants && !suite->wants(script, p))
			continue;
		for (i = 0; i < n && strcmp(labels[i], p) != 0; i++)
			continue;
		if (i == n && n < LABELS_MAX / 2)
			(void)snprintf(labels[n++], 80, "%.70s", p);
		if (i < LABELS_MAX)
			counts[i]++;
	}
	first = n;
	for (size_t i = 0; i < first; i++) {
		if (counts[i] < 4)
			continue;
		(void)snprintf(name, sizeof(name), "%.60s:%zu", labels[i],
			       counts[i] / 2);
		(void)snprintf(labels[n++], 80, "%.79s", name);
	}
out:
	buf_release(&b);
	remove_tree(dir);
	return n;
}

struct wanted {
	const char *script, *label;
	size_t jobs;
	size_t pairs; /* then every so-many-th pair of labels instead */
};

struct tally {
	size_t running, cases, bad, used;
};

static void reap(struct tally *t, size_t jobs)
{
	int status;

	while (t->running > jobs && wait(&status) > 0) {
		t->running--;
		t->bad += WEXITSTATUS(status) == 1;
		t->used += WEXITSTATUS(status) != 2;
	}
}

static void start(struct tally *t, const struct wanted *want, size_t script,
		  const char *label)
{
	t->cases++;
	reap(t, want->jobs - 1);
	if (fork() == 0)
		_exit(one_case(script, label, t->cases));
	t->running++;
}

static void run_pairs(struct tally *t, const struct wanted *want, size_t script,
		      char labels[][80], size_t n)
{
	char pair[170];

	for (size_t k = 0; k < n * n; k++) {
		/* by diagonals: every label is first in some and second in some */
		if ((k / n + k % n + script) % want->pairs)
			continue;
		(void)snprintf(pair, sizeof(pair), "%s+%s", labels[k / n],
			       labels[k % n]);
		start(t, want, script, pair);
	}
}

static int run_all(const struct wanted *want)
{
	static char labels[LABELS_MAX][80];
	struct tally t = { .cases = 0 };

	(void)printf("TAP version 13\n");
	for (size_t i = 0; i < suite->n; i++) {
		size_t n;

		if (want->script &&
		    strcmp(want->script, suite->title(i)) != 0)
			continue;
		n = labels_of(i, labels);
		(void)fflush(stdout);
		if (want->pairs) {
			run_pairs(&t, want, i, labels, n);
			continue;
		}
		for (size_t k = 0; k <= n; k++) {
			const char *label = k == n ? NULL : labels[k];

			if (want->label && (!label || strcmp(want->label, label)))
				continue;
			start(&t, want, i, label);
		}
	}
	reap(&t, 0);
	(void)printf("1..%zu\n# %zu cases, %zu violated, %zu labels not reached "
		     "again\n", t.used, t.used, t.bad, t.cases - t.used);
	if (control)
		return t.bad ? 0 : 1;
	return t.bad || !t.used ? 1 : 0;
}

static int atoi_checked(const char *s)
{
	int64_t v;

	if (!text_int(s, 0, 10000000, &v)) {
		(void)fprintf(stderr, "not a number: %s\n", s);
		exit(2);
	}
	return (int)v;
}

static int by_hand(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char text[1024];
	int rc;

	if (strcmp(argv[1], "--seed-rotation") == 0)
		rc = rig_rotate_make(argv[2], argc > 3 ? argv[3] : "latency=1",
				     argc > 4 ? argv[4] : "", &e);
	else if (strcmp(argv[1], "--many-rotations") == 0)
		rc = rig_rotate_many(argv[2], atoi_checked(argv[3]),
				     atoi_checked(argv[4]),
				     atoi_checked(argv[5]),
				     argc > 6 && strcmp(argv[6], "due") == 0,
				     &e);
	else if (strcmp(argv[1], "--seed") == 0)
		rc = rig_make(argv[2], argc > 3 ? argv[3] : "latency=1", &e);
	else
		rc = rig_make_many(argv[2], atoi_checked(argv[3]),
				   atoi_checked(argv[4]), atoi_checked(argv[5]),
				   argc > 6 ? argv[6] : "", &e);
	if (rc < 0) {
		(void)err_format(&e, text, sizeof(text));
		(void)fprintf(stderr, "%s\n", text);
	}
	return rc < 0;
}

static const struct suite *find_suite(const char *name)
{
	for (size_t i = 0; i < sizeof(suites) / sizeof(*suites); i++)
		if (strcmp(suites[i]->name, name) == 0)
			return suites[i];
	(void)fprintf(stderr, "no such suite: %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	struct wanted want = { .jobs = 3 };
	bool locked;
	int rc;

	if (secret_boot(&locked, NULL) < 0 || argc < 2)
		return 2;
	if (argc > 2 && strncmp(argv[1], "--", 2) == 0)
		return by_hand(argc, argv);
	if (!realpath(argv[1], build))
		return 2;
	for (int i = 2; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--script") == 0)
			want.script = argv[i + 1];
		else if (strcmp(argv[i], "--label") == 0)
			want.label = argv[i + 1];
		else if (strcmp(argv[i], "--control") == 0)
			control = argv[i + 1];
		else if (strcmp(argv[i], "--suite") == 0)
			suite = find_suite(argv[i + 1]);
		else if (strcmp(argv[i], "--pairs") == 0)
			want.pairs = (size_t)atoi_checked(argv[i + 1]);
		else if (strcmp(argv[i], "--jobs") == 0)
			want.jobs = (size_t)atoi_checked(argv[i + 1]);
	}
	(void)snprintf(base_dir, sizeof(base_dir), "%s/curfew-matrix-XXXXXX",
		       access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (!mkdtemp(base_dir))
		return 2;
	rc = run_all(&want);
	if (rc == 0)
		remove_tree(base_dir);
	return rc;
}
