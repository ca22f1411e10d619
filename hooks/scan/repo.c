/*
 * repo: a git repository, opened through libgit2, and its object folders.
 *
 * Owns where objects lie.  What is scanned is read by our own readers (pack.h,
 * loose.h); of what else is asked, libgit2 reads the packs and odb.c the loose
 * objects.  Promises: a pack or object that cannot be read is counted and named.
 * Never writes to the repository, never runs anything its configuration names.
 */
#include "hooks/scan/repo.h"

#include <dirent.h>
#include <errno.h>
#include <git2.h>
#include <git2/sys/repository.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/links.h"
#include "hooks/scan/loose.h"
#include "hooks/scan/odb.h"

#define ALTERNATES_DEPTH 5
#define ALTERNATES_MAX 64
#define LOOSE_MAX ((size_t)256 * 1024 * 1024)

const char *repo_why(void)
{
	const git_error *g = git_error_last();

	return g && g->message ? g->message : "unknown";
}

/* Who owns a repository does not matter for reading it, and no settings but its
 * own do: in the agent's sandbox others cannot even be opened. */
static bool library(void)
{
	static const git_config_level_t others[] = {
		GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL,
	};
	size_t i;

	if (git_libgit2_init() < 0)
		return false;
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, others[i], "");
	return true;
}

bool repo_is(const char *path)
{
	git_repository *git = NULL;
	int got;

	if (!library())
		return false;
	got = git_repository_open_ext(&git, path, GIT_REPOSITORY_OPEN_NO_SEARCH,
				      NULL);
	git_repository_free(git);
	git_libgit2_shutdown();
	/* something is there, though it cannot be opened: the open will say */
	return got == 0 || (got != GIT_ENOTFOUND);
}

static bool known(const struct strings *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->v[i], path))
			return true;
	return false;
}

static int add_folder(struct repo *r, const char *path, int depth,
		      struct err *e);

/* objects/info/alternates: one path a line, relative to objects. */
static int read_alternates(struct repo *r, const char *folder, int depth,
			   struct err *e)
{
	char *name = io_path(folder, "info/alternates"), *line, *rest;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *full;
	int rc = -1;

	if (!name) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (access(name, F_OK)) {
		rc = 0;
		goto out;
	}
	if (io_read_file(name, IO_ANY, BUF_TEXT_MAX, &b, e))
		goto out;
	rest = b.p;
	while ((line = strsep(&rest, "\n"))) {
		if (*line == '#' || !*line)
			continue;
		full = *line == '/' ? mem_strdup(line) : io_path(folder, line);
		if (!full || add_folder(r, full, depth + 1, e)) {
			mem_free(full);
			goto out;
		}
		mem_free(full);
	}
	rc = 0;
out:
	buf_release(&b);
	mem_free(name);
	return rc;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* Its own is there, or is made when the first object comes. */
static int add_folder(struct repo *r, const char *path, int depth,
		      struct err *e)
{
	if (known(&r->objects, path) || known(&r->gone, path))
		return 0;
	if (r->objects.n && !is_folder(path))
		return strings_add(&r->gone, path, e);
	if (depth > ALTERNATES_DEPTH || r->objects.n >= ALTERNATES_MAX)
		return err_fail(e, ERR_TOOBIG, path, "alternates nested too deep");
	if (strings_add(&r->objects, path, e))
		return -1;
	return read_alternates(r, path, depth, e);
}

/* GIT_ALTERNATE_OBJECT_DIRECTORIES: paths with ':' between. */
static int add_list(struct repo *r, const char *list, struct err *e)
{
	char *copy = mem_strdup(list), *rest = copy, *p;
	int rc = copy ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");

	while (!rc && (p = strsep(&rest, ":")))
		if (*p)
			rc = add_folder(r, p, 0, e);
	mem_free(copy);
	return rc;
}

static int open_odb(struct repo *r, const char *objects, const char *alternates,
		    struct err *e)
{
	char *own;
	int rc = -1;

	own = objects ? mem_strdup(objects)
		      : io_path(git_repository_commondir(r->git), "objects");
	if (!own)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (add_folder(r, own, 0, e) ||
	    (alternates && add_list(r, alternates, e)) ||
	    odb_open(&r->odb, &r->objects, 0, r->objects.n, e) ||
	    (objects && odb_open(&r->own, &r->objects, 0, 1, e)))
		goto out;
	if (git_repository_set_odb(r->git, r->odb)) {
		err_fail(e, ERR_FORMAT, own, "%s", repo_why());
		goto out;
	}
	rc = 0;
out:
	mem_free(own);
	return rc;
}

int repo_open(struct repo *r, const char *path, const char *objects,
	      const char *alternates, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->loose_trees.max = r->loose.max = (size_t)PACK_OBJECTS_MAX * OID_LEN;
	if (!library())
		return err_fail(e, ERR_NOMEM, NULL, "%s", repo_why());
	git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, 0);
	if (git_repository_open_ext(&r->git, path, GIT_REPOSITORY_OPEN_NO_SEARCH,
				    NULL)) {
		err_fail(e, ERR_UNSUPPORTED, path, "%s", repo_why());
		if (strstr(repo_why(), "objectformat"))
			err_hint(e, "repositories with SHA-256 ids are not read");
		goto bad;
	}
	if (open_odb(r, objects, alternates, e))
		goto bad;
	return 0;
bad:
	err_ctx(e, path, "open the repository");
	repo_close(r);
	return -1;
}

void repo_tell_gone(const struct repo *r)
{
	size_t i;

	for (i = 0; i < r->gone.n; i++)
		log_line(LOG_WARNING, "'%s' is not there, of which the "
			 "repository borrows objects (objects/info/alternates)",
			 r->gone.v[i]);
}

int repo_old(const struct repo *r, git_odb **old, struct err *e)
{
	return odb_open(old, &r->objects, 1, r->own ? r->objects.n : 0, e);
}

void repo_close(struct repo *r)
{
	size_t i;

	for (i = 0; i < r->packs; i++) {
		forest_release(&r->pack[i].f);
		pack_close(&r->pack[i].p);
	}
	mem_free(r->pack);
	if (r->links)
		links_release(r->links);
	mem_free(r->links);
	buf_release(&r->loose_trees);
	buf_release(&r->loose);
	git_odb_free(r->own);
	git_odb_free(r->odb);
	git_repository_free(r->git);
	strings_free(&r->objects);
	strings_free(&r->gone);
	memset(r, 0, sizeof(*r));
	git_libgit2_shutdown();
}

bool repo_fetch(void *arg, const unsigned char *oid, char **text, size_t *n,
		enum object_type *type)
{
	const struct repo *r = arg;
	git_odb_object *o = NULL;
	git_oid id;

	git_oid_fromraw(&id, oid);
	if (r->own && r->loose.len &&
	    loose_read(r->objects.v[0], oid, LOOSE_MAX, text, n, type) ==
		    LOOSE_READ)
		return true;
	if ((!r->own || git_odb_read(&o, r->own, &id)) &&
	    git_odb_read(&o, r->odb, &id))
		return false;
	*n = git_odb_object_size(o);
	*type = (enum object_type)git_odb_object_type(o);
	*text = malloc(*n + 1);
	if (*text)
		memcpy(*text, git_odb_object_data(o), *n);
	git_odb_object_free(o);
	return *text != NULL;
}

/* ---- objects ------------------------------------------------------------- */

static int list(const char *folder, const char *ending, struct strings *out,
		struct err *e)
{
	DIR *d = opendir(folder);
	const struct dirent *x;
	size_t n, m = strlen(ending);
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, folder, "list");
	while (!rc && (x = readdir(d))) {
		n = strlen(x->d_name);
		if (x->d_name[0] != '.' && n > m &&
		    !strcmp(x->d_name + n - m, ending))
			rc = strings_add(out, x->d_name, e);
	}
	closedir(d);
	return rc;
}

static int add_pack(struct repo *r, const char *path, size_t folder,
		    unsigned threads, struct tally *tally, struct err *e)
{
	struct repo_pack *v;
	struct err why = ERR_INIT;
	struct pack *p = pack_open(path, &why);

	if (!p) {
		tally_problem(tally, path, "%s", why.cause);
		return 0;
	}
	v = mem_realloc(r->pack, (r->packs + 1) * sizeof(*v));
	if (!v) {
		pack_close(&p);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	r->pack = v;
	v += r->packs++;
	memset(v, 0, sizeof(*v));
	v->p = p;
	v->folder = folder;
	return forest_build(p, threads, &v->f, e);
}

static int open_packs(struct repo *r, size_t folder, unsigned threads,
		      struct tally *tally, struct err *e)
{
	char *dir = io_path(r->objects.v[folder], "pack"), *path = NULL;
	struct strings names = { 0 };
	int rc = -1;
	size_t i;

	if (!dir || list(dir, ".idx", &names, e))
		goto out;
	for (i = 0; i < names.n; i++) {
		mem_free(path);
		path = io_path(dir, names.v[i]);
		if (!path || add_pack(r, path, folder, threads, tally, e))
			goto out;
	}
	rc = 0;
out:
	strings_free(&names);
	if (!rc && !list(dir, ".promisor", &names, NULL))
		r->partial |= names.n > 0;
	strings_free(&names);
	mem_free(path);
	mem_free(dir);
	return rc;
}

struct loose_walk {
	struct repo *r;
	const char *folder;
	const struct walk *w;
	struct scan_thread t;
	struct verdict v;
	struct marks marks;
	size_t folders; /* 00 to ff; 0: they were counted for the progress */
};

static int loose_object(struct loose_walk *l, const char *hex, struct err *e)
{
	unsigned char oid[OID_LEN];
	enum object_type type = OBJECT_BAD;
	const size_t seen = l->w->out->seen.n;
	char *text = NULL;
	enum loose got;
	size_t n = 0;
	int rc = 0;

	if (!text_unhex(hex, oid, OID_LEN))
		return 0;
	if (buf_add(&l->r->loose, oid, OID_LEN, e))
		return -1;
	if (deadline_over(l->w->engine->scanner.deadline)) {
		tally_unseen(l->w->tally, NULL, 1);
		return 0;
	}
	got = loose_read(l->folder, oid, l->w->max_object, &text, &n, &type);
	if (got != LOOSE_READ && got != LOOSE_LARGE &&
	    !repo_fetch(l->r, oid, &text, &n, &type)) {
		tally_object(l->w->tally, oid, "%s", repo_why());
		return 0;
	}
	if (n > l->w->max_object) {
		tally_object(l->w->tally, oid, "%zu bytes, over the limit of "
			     "%zu", n, l->w->max_object);
		tally_large(l->w->tally, n);
	} else if (type == OBJECT_TREE) {
		rc = buf_add(&l->r->loose_trees, oid, OID_LEN, e);
	} else {
		rc = walk_text(l->w, &l->t, &l->v, oid, type, text, n, NULL,
			       &l->marks, l->w->tally, l->w->out, e);
	}
	free(text);
	progress_add(l->w->progress, 1, n, l->w->out->seen.n - seen);
	return rc;
}

static int loose_folder(struct loose_walk *l, const char *two, struct err *e)
{
	char *dir = io_path(l->folder, two), hex[2 * OID_LEN + 1] = "";
	struct strings names = { 0 };
	size_t i;
	int rc;

	rc = dir ? list(dir, "", &names, e)
		 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	/* ids are even: one folder tells how many are in all */
	progress_expect(l->w->progress, names.n * l->folders);
	l->folders = 0;
	for (i = 0; i < names.n && !rc; i++) {
		if (strlen(names.v[i]) != 2 * OID_LEN - 2)
			continue;
		memcpy(hex, two, 2);
		memcpy(hex + 2, names.v[i], 2 * OID_LEN - 1);
		rc = loose_object(l, hex, e);
	}
	strings_free(&names);
	mem_free(dir);
	return rc;
}

/* The folders 00 to ff, those that are there. */
static int walk_loose(struct repo *r, const struct walk *w, const char *folder,
		      struct err *e)
{
	struct loose_walk l = { .r = r, .folder = folder, .w = w };
	struct strings names = { 0 };
	unsigned char byte;
	size_t i;
	int rc;

	if (scan_thread_init(&l.t, &w->engine->scanner, e))
		return -1;
	rc = list(folder, "", &names, e);
	for (i = 0; i < names.n; i++)
		l.folders += strlen(names.v[i]) == 2;
	for (i = 0; i < names.n && !rc; i++)
		if (strlen(names.v[i]) == 2 &&
		    text_unhex(names.v[i], &byte, 1))
			rc = loose_folder(&l, names.v[i], e);
	strings_free(&names);
	verdict_release(&l.v);
	marks_release(&l.marks);
	tally_thread(w->tally, &l.t);
	scan_thread_release(&l.t);
	return rc;
}

int repo_objects(struct repo *r, const struct walk *w, size_t from, size_t n,
		 struct err *e)
{
	size_t i, k;

	for (i = from; i < r->objects.n && i - from < n; i++) {
		k = r->packs;
		if (open_packs(r, i, w->threads, w->tally, e))
			return -1;
		for (; k < r->packs; k++)
			if (walk_pack(w, r->pack[k].p, &r->pack[k].f, e))
				return -1;
		if (walk_loose(r, w, r->objects.v[i], e))
			return -1;
	}
	return 0;
}
