/*
 * repo: a git repository, opened through libgit2, and its object folders.
 */
#ifndef SCAN_REPO_H
#define SCAN_REPO_H

#include "hooks/scan/walk.h"

struct git_repository;
struct git_odb;

struct links;

struct repo_pack {
	struct pack *p;
	struct forest f;
	size_t folder; /* index in objects */
};

struct repo {
	struct git_repository *git;
	struct git_odb *odb;
	struct git_odb *own; /* a quarantine without its alternates: what came
			      * is not looked up in all packs that were there */
	struct strings objects; /* object folders: own first, then alternates */
	struct strings gone; /* alternates that are named and not there */
	bool partial; /* a pack says that others hold what it names */
	struct repo_pack *pack; /* those that repo_objects() went through */
	size_t packs;
	struct deadline *deadline; /* of the run; NULL: none */
	struct links *links; /* links_keep(); NULL: none */
	struct buf loose_trees, loose; /* ids, one after the other; `loose`: of
					* all loose objects */
};

/* Is there a repository at that path itself (not above it)? */
bool repo_is(const char *path);

/* `path`: the worktree or the git directory.  `objects` and `alternates` as
 * git gives them to a hook in quarantine, else NULL. */
int repo_open(struct repo *r, const char *path, const char *objects,
	      const char *alternates, struct err *e)
	__attribute__((warn_unused_result));
void repo_close(struct repo *r);
/* As git does, which then goes on without them: for who misses an object. */
void repo_tell_gone(const struct repo *r);
/* Without the quarantine, to be freed with git_odb_free(); where there is none it
 * is empty. */
int repo_old(const struct repo *r, struct git_odb **old, struct err *e)
	__attribute__((warn_unused_result));

/* A walk_fetch; arg is the struct repo. */
bool repo_fetch(void *arg, const unsigned char *oid, char **text, size_t *n,
		enum object_type *type);

/* Every object of the folders [from, from + n): packs and loose ones. */
int repo_objects(struct repo *r, const struct walk *w, size_t from, size_t n,
		 struct err *e) __attribute__((warn_unused_result));

/* What libgit2 said last. */
const char *repo_why(void);

#endif
