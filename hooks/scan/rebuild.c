/*
 * rebuild: the text of a pack's object from its base and its delta.
 *
 * Promises: allocates no more than the limit, whatever sizes the pack claims.
 */
#include "hooks/scan/rebuild.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

int rebuilder_init(struct rebuilder *r, struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->inflater = pack_inflater();
	return r->inflater ? 0 : err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

void rebuilder_release(struct rebuilder *r)
{
	pack_inflater_free(r->inflater);
	free(r->delta);
	mem_free(r->runs.v);
	memset(r, 0, sizeof(*r));
}

static bool room_for_delta(struct rebuilder *r, size_t n)
{
	if (n <= r->delta_cap)
		return true;
	free(r->delta);
	r->delta = malloc(n + n / 2);
	r->delta_cap = r->delta ? n + n / 2 : 0;
	return r->delta != NULL;
}

static const char *too_large(struct rebuilder *r, uint64_t size, size_t most)
{
	r->over = size;
	snprintf(r->why, sizeof(r->why), "%llu bytes, over the limit of %zu",
		 (unsigned long long)size, most);
	return r->why;
}

static const char *from_delta(struct rebuilder *r, const struct pack_object *o,
			      const char *base, size_t base_len, size_t most,
			      char **text, size_t *len)
{
	uint64_t from, size;

	if (!room_for_delta(r, (size_t)o->size + 1))
		return "out of memory";
	if (!pack_inflate(r->inflater, o, r->delta))
		return "its data are corrupt";
	if (!delta_sizes(r->delta, (size_t)o->size, &from, &size))
		return "its delta is corrupt";
	if (size > most)
		return too_large(r, size, most);
	*len = (size_t)size;
	*text = malloc(*len + 1);
	if (!*text)
		return "out of memory";
	switch (delta_apply(r->delta, (size_t)o->size, base, base_len, *text,
			    *len, &r->runs)) {
	case DELTA_OK:
		return NULL;
	case DELTA_NOMEM:
		return "out of memory";
	case DELTA_BAD:
		break;
	}
	return "its delta is corrupt";
}

const char *rebuild(struct rebuilder *r, const struct pack *p, uint32_t i,
		    const char *base, size_t base_len, size_t most, char **text,
		    size_t *len)
{
	struct pack_object o;

	*text = NULL;
	*len = 0;
	r->over = 0;
	if (!pack_header(p, i, &o))
		return "its header is corrupt";
	if (o.size > most)
		return too_large(r, o.size, most);
	if (o.type >= OBJECT_OFS_DELTA)
		return from_delta(r, &o, base, base_len, most, text, len);
	*len = (size_t)o.size;
	*text = malloc(*len + 1);
	if (!*text)
		return "out of memory";
	return pack_inflate(r->inflater, &o, *text) ? NULL
						     : "its data are corrupt";
}
