/*
 * walk: every blob, commit and tag of one pack, from the roots of its delta
 * trees downwards.
 */
#ifndef SCAN_WALK_H
#define SCAN_WALK_H

#include "hooks/scan/commits.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/forest.h"
#include "hooks/scan/progress.h"

/* One finding in one object. */
struct sighting {
	unsigned char oid[OID_LEN];
	uint8_t type; /* enum object_type */
	struct mark mark;
};

struct sightings {
	struct sighting *v;
	size_t n, cap;
};

/* What a walk brings home. */
struct walk_out {
	struct sightings seen;
	struct commits commits; /* every commit, for attribution */
};
void walk_out_release(struct walk_out *o);

int sightings_add(struct sightings *s, const unsigned char *oid,
		  enum object_type type, const struct mark *m, struct err *e)
	__attribute__((warn_unused_result));

/* The whole object with that id, from wherever; *text is malloc()ed.  Called
 * by several threads. */
typedef bool (*walk_fetch)(void *arg, const unsigned char *oid, char **text,
			   size_t *n, enum object_type *type);

struct walk {
	const struct engine *engine;
	unsigned threads;
	size_t max_object;   /* bytes; larger ones are problems */
	size_t most_held; /* bytes of bases kept at a time, about; 0: no bound */
	struct progress *progress; /* or NULL */
	bool whole; /* scan every object whole (the tests' yardstick) */
	walk_fetch fetch;
	void *fetch_arg;
	struct tally *tally;
	struct walk_out *out;
};

int walk_pack(const struct walk *w, const struct pack *p,
	      const struct forest *f, struct err *e)
	__attribute__((warn_unused_result));

/* One object by itself, e.g. a loose one. */
int walk_text(const struct walk *w, struct scan_thread *t, struct verdict *v,
	      const unsigned char *oid, enum object_type type, const char *text,
	      size_t n, const struct delta *d, struct marks *marks,
	      struct tally *tally, struct walk_out *out, struct err *e)
	__attribute__((warn_unused_result));

void walk_name(const unsigned char *oid, char out[static 2 * OID_LEN + 1]);

#endif
