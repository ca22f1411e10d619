/*
 * paths: paths in trees as small numbers: a folder and a name in it.
 *
 * Very deep paths are cut with "..." when they are told, never followed by
 * recursion.
 */
#include "hooks/scan/paths.h"

#include "base/mem.h"

void paths_free(struct paths **pp)
{
	struct paths *p = *pp;
	uint32_t i;

	if (!p)
		return;
	for (i = 0; i < p->names; i++)
		mem_free(p->name[i]);
	mem_free(p->name);
	mem_free(p->v);
	mem_free(p->slot);
	mem_free(p);
	*pp = NULL;
}

static size_t path_slot(const struct paths *p, uint32_t folder, uint32_t name)
{
	uint64_t h = ((uint64_t)folder << 32 | name) * 0x9e3779b97f4a7c15u;
	size_t at = (size_t)(h >> 24) & (p->slots - 1);

	while (p->slot[at] && (p->v[p->slot[at]].folder != folder ||
			       p->v[p->slot[at]].name != name))
		at = (at + 1) & (p->slots - 1);
	return at;
}

static int paths_grow(struct paths *p, struct err *e)
{
	uint32_t cap = p->cap ? p->cap * 2 : 1024, i;
	void *v = mem_realloc(p->v, cap * sizeof(*p->v));
	uint32_t *slot;

	if (v)
		p->v = v;
	slot = v ? mem_array((size_t)cap * 2, sizeof(*slot)) : NULL;
	if (!slot)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(p->slot);
	p->slot = slot;
	p->slots = (size_t)cap * 2;
	p->cap = cap;
	for (i = 1; i < p->n; i++)
		slot[path_slot(p, p->v[i].folder, p->v[i].name)] = i;
	return 0;
}

uint32_t path_in(struct paths *p, uint32_t folder, uint32_t name,
			struct err *e)
{
	size_t at;

	if (p->n == p->cap && paths_grow(p, e))
		return PATH_ROOT;
	if (!p->n)
		p->n = 1; /* the root */
	at = path_slot(p, folder, name);
	if (!p->slot[at]) {
		p->v[p->n].folder = folder;
		p->v[p->n].name = name;
		p->slot[at] = p->n++;
	}
	return p->slot[at];
}

int path_text(const struct paths *p, uint32_t path, struct buf *out,
	      struct err *e)
{
	uint32_t part[256], n = 0;

	for (; path != PATH_ROOT; path = p->v[path].folder) {
		if (n == 256)
			return buf_puts(out, "...", e);
		part[n++] = p->v[path].name;
	}
	while (n--)
		if (buf_puts(out, p->name[part[n]], e) ||
		    (n && buf_puts(out, "/", e)))
			return -1;
	return 0;
}
