/*
 * confine: the sandbox of the server's hook.
 *
 * Owns the list of folders: what the objects of a push may be deltas of lies in
 * alternates, which may have alternates themselves (gitrepository-layout(5)).
 * Must never: follow what the push brought; only files the repository had.
 */
#include "hooks/confine.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/io.h"
#include "base/mem.h"

#define DEPTH 5u /* of alternates, as git */
#define FOLDERS 256u

static int add(struct strings *all, const char *path, struct err *e)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (!strcmp(all->v[i], path))
			return 0;
	return all->n < FOLDERS ? strings_add(all, path, e) : 0;
}

/* The lines of FOLDER/info/alternates; relative ones start at the folder. */
static int more(struct strings *all, const char *folder, struct err *e)
{
	char *path = io_path(folder, "info/alternates"), *rest, *line;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = 0;

	if (path && !io_read_file(path, IO_ANY, BUF_TEXT_MAX, &b, NULL))
		for (rest = b.p; !rc && (line = strsep(&rest, "\n"));) {
			char *full = *line == '/' ? mem_strdup(line)
						  : io_path(folder, line);

			if (*line && *line != '#' && full)
				rc = add(all, full, e);
			mem_free(full);
		}
	buf_release(&b);
	mem_free(path);
	return rc;
}

static int folders(const struct quarantine *q, struct strings *all,
		   struct err *e)
{
	char *copy = mem_strdup(q->alternates ? q->alternates : "");
	char *own = io_path(q->git_dir, "objects"), *rest = copy, *p;
	size_t i, end, depth;
	int rc = copy && own ? add(all, q->git_dir, e) || add(all, own, e) ||
				       add(all, q->objects, e)
			     : err_fail(e, ERR_NOMEM, NULL, "out of memory");

	while (!rc && (p = strsep(&rest, ":")))
		rc = *p ? add(all, p, e) : 0;
	for (i = depth = 0; !rc && depth < DEPTH; depth++)
		for (end = all->n; !rc && i < end; i++)
			rc = more(all, all->v[i], e);
	mem_free(own);
	mem_free(copy);
	return rc ? -1 : 0;
}

#ifdef CURFEW_TEST
/* What must not work, for the tests. */
static void try_forbidden(const struct gate *g)
{
	char *config, *const args[] = { NULL };
	const char *const what[] = { "socket", "fork", "read", "write", "exec" };
	bool worked[5];
	pid_t pid;
	size_t i;

	if (!getenv("CURFEW_TRY_FORBIDDEN"))
		return;
	config = io_path(g->git_dir, "config");
	worked[0] = socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ||
		    socket(AF_INET, SOCK_STREAM, 0) >= 0;
	pid = fork();
	if (!pid)
		_exit(0);
	worked[1] = pid > 0;
	worked[2] = open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0;
	worked[3] = config && open(config, O_WRONLY | O_CLOEXEC) >= 0;
	execv("/bin/true", args);
	worked[4] = false; /* else nothing below is said */
	for (i = 0; i < 5; i++)
		fprintf(stderr, "%s: %s\n", what[i],
			worked[i] ? "WORKED" : "refused");
	/* the attempts are real: this may be read */
	if (config && open(config, O_RDONLY | O_CLOEXEC) >= 0)
		fputs("own: read\n", stderr);
	mem_free(config);
}
#endif

int confine(const struct gate *g, const struct quarantine *q, struct err *e)
{
	struct strings all = { 0 };
	struct harden_path *path = NULL;
	size_t i, n = 0;
	int rc = -1;

	if (folders(q, &all, e))
		goto out;
	path = mem_array(all.n + 2, sizeof(*path));
	if (!path) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	for (i = 0; i < all.n; i++)
		path[n++].path = all.v[i];
	if (g->ignore && *g->ignore)
		path[n++].path = g->ignore;
	if (g->spool && *g->spool && !access(g->spool, F_OK)) {
		path[n].path = g->spool;
		path[n++].write = true;
	}
	rc = harden_reader(path, n, e);
#ifdef CURFEW_TEST
	try_forbidden(g);
#endif
out:
	mem_free(path);
	strings_free(&all);
	return rc;
}
