/*
 * commits: every commit's tree, parents and time, and an order in which
 * parents come before children.
 *
 * Objects are named by the first eight bytes of their id here: with a million
 * objects the chance of two alike is one in 10^7, and the worst is a finding
 * told of another commit.
 */
#ifndef SCAN_COMMITS_H
#define SCAN_COMMITS_H

#include <stdint.h>

#include "hooks/scan/pack.h"

struct commit {
	unsigned char oid[OID_LEN];
	uint64_t tree;
	int64_t time; /* of the committer, seconds */
	uint32_t parent, parents; /* in commits.parent */
	uint32_t rank;	 /* after commits_rank(): place in the order */
};

struct commits {
	struct commit *v;
	size_t n, cap;
	uint64_t *parent;
	size_t n_parents, cap_parents;
};

uint64_t oid_short(const unsigned char *oid);

/* "WORD HEX\n" at *p, which goes on behind it: the id; false: it is not there. */
bool commit_id(const char **p, const char *end, const char *word,
	       unsigned char *oid);

/* From the text of a commit object; a malformed one is left out. */
int commits_add(struct commits *c, const unsigned char *oid, const char *text,
		size_t n, struct err *e) __attribute__((warn_unused_result));
int commits_join(struct commits *to, const struct commits *from, struct err *e)
	__attribute__((warn_unused_result));
/* Drop doubles, set every rank and sort by it. */
int commits_rank(struct commits *c, struct err *e)
	__attribute__((warn_unused_result));
void commits_release(struct commits *c);

/* Commits by their whole id.  Points into what it was made of, which must
 * stay as it is: commits_rank() moves it. */
struct commit_index {
	const struct commit **v;
	size_t n;
};

int commits_index(const struct commits *c, struct commit_index *x,
		  struct err *e) __attribute__((warn_unused_result));
const struct commit *commit_find(const struct commit_index *x,
				 const unsigned char *oid); /* or NULL */
void commit_index_release(struct commit_index *x);

#endif
