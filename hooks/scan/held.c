/*
 * held: did an earlier text hold this secret, as surely as the new one does?
 *
 * Owns what "the same finding, elsewhere" means for files that were edited,
 * moved or copied.
 */
#include "hooks/scan/held.h"

#include <stdlib.h>
#include <string.h>

#include "hooks/scan/weigh.h"

static int by_secret(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	size_t n = x->n_secret < y->n_secret ? x->n_secret : y->n_secret;
	int c = (x->rule > y->rule) - (x->rule < y->rule);

	if (!c)
		c = memcmp(x->secret, y->secret, n);
	return c ? c : (x->n_secret > y->n_secret) - (x->n_secret < y->n_secret);
}

void held_sort(struct findings *before)
{
	if (before->n)
		qsort(before->v, before->n, sizeof(*before->v), by_secret);
}

bool held(const struct findings *before, const struct finding *f)
{
	const enum confidence now = weigh_finding(f, NULL);
	const struct finding *end = before->v + before->n, *at;

	at = before->n ? bsearch(f, before->v, before->n, sizeof(*before->v),
				 by_secret)
		       : NULL;
	while (at && at > before->v && !by_secret(at - 1, f))
		at--; /* the first of its kind */
	for (; at && at < end && !by_secret(at, f); at++) {
		enum confidence then = weigh_finding(at, NULL);

		if (then >= now || then == at->confidence)
			return true;
	}
	return false;
}
