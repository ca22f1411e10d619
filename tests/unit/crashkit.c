/* crashkit: see crashkit.h. */
#include "crashkit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CRASHED 137
#define LABELS_MAX 256

static int run(const struct crash_job *job, const char *at, const char *list)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (at)
			setenv("CURFEW_CRASH_AT", at, 1);
		if (list)
			setenv("CURFEW_CRASH_LIST", list, 1);
		_exit(job->work(job->arg) == 0 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void crash_each(const struct crash_job *job, size_t least)
{
	static char labels[LABELS_MAX][160], line[128];
	char list[] = "/tmp/curfew-labels-XXXXXX";
	size_t n = 0;
	int fd = mkstemp(list);
	FILE *f;

	assert_true(fd >= 0);
	close(fd);
	job->before(job->arg);
	assert_int_equal(run(job, NULL, list), 0);
	job->after(NULL, job->arg);
	f = fopen(list, "r");
	assert_non_null(f);
	while (n < LABELS_MAX && fgets(line, sizeof line, f)) {
		size_t nth = 1;

		line[strcspn(line, "\n")] = '\0';
		for (size_t i = 0; i < n; i++)
			nth += strncmp(labels[i], line, strlen(line)) == 0 &&
			       labels[i][strlen(line)] == ':';
		snprintf(labels[n++], sizeof labels[0], "%s:%zu", line, nth);
	}
	fclose(f);
	unlink(list);
	assert_true(n >= least);
	for (size_t i = 0; i < n; i++) {
		job->before(job->arg);
		assert_int_equal(run(job, labels[i], NULL), CRASHED);
		job->after(labels[i], job->arg);
	}
}
