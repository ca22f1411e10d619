/*
 * once: what the texts of one file have been found to hold.
 */
#include "hooks/scan/once.h"

#include <string.h>

void once_release(struct once *o)
{
	idset_release(&o->secrets);
}

/* idset takes ids that look random; 0 is none. */
static uint64_t id_of(const struct mark *m)
{
	return ((uint64_t)m->secret + 1) * 0x9e3779b97f4a7c15u;
}

int once_filter(struct once *o, const struct ruleset *rs, bool runs,
		struct verdict *v, struct err *e)
{
	size_t i, kept = 0;

	for (i = 0; i < v->n; i++) {
		const struct mark *m = v->v[i];

		/* what stands beside a value in such a run says nothing */
		if (runs && (rs->rule[m->rule].scored ||
			     idset_has(&o->secrets, id_of(m))))
			continue;
		if (!runs && idset_add(&o->secrets, id_of(m), NULL, e))
			return -1;
		v->v[kept++] = m;
	}
	v->n = kept;
	return 0;
}
