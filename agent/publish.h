/*
 * publish: the values sealed here as a set of words for the scanner
 * (base/wordset.h): who goes in, who is left out and why.
 */
#ifndef AGENT_PUBLISH_H
#define AGENT_PUBLISH_H

#include "agent/app.h"
#include "base/wordset.h"
#include "vault/outward.h"

enum publish_verdict {
	PUBLISH_TAKEN, PUBLISH_SHORT, PUBLISH_LONG, PUBLISH_NO_WORD,
	PUBLISH_WEAK, PUBLISH_DEAD, PUBLISH_VERDICTS,
};
extern const char *const publish_why[PUBLISH_VERDICTS];
extern const char *const publish_names[PUBLISH_VERDICTS];

struct publish {
	struct app *app;
	unsigned char key[DIGEST_KEY]; /* of this set alone */
	struct wordset_entry *v;
	size_t n, cap, count[PUBLISH_VERDICTS], unknown;
	struct buf out; /* "ADDRESS\tREASON\n" of what was left out */
	struct outward keys;
};

/* Everything that has a value; p is overwritten.  Makes the vault's outward
 * keys when it has none. */
int publish_gather(struct app *app, struct publish *p, struct err *e)
	__attribute__((warn_unused_result));
/* The signed set. */
int publish_build(struct publish *p, struct buf *file, struct err *e)
	__attribute__((warn_unused_result));
void publish_release(struct publish *p);

#endif
