/*
 * group: the sums of groups, so that a row hidden from a group's index is
 * missed too.
 *
 * A sum is a record of table 0.  Within a transaction it is changed in memory
 * and written at the commit, or when another group needs its place: the rows
 * of a whole connection share one, which would be sealed anew for each.
 *
 * Must never: outlive its transaction (state_forget and the commit drop all),
 * or be read past (whoever looks at table 0 flushes first).
 */
#include "vault/core.h"

#include <string.h>

#include "base/mem.h"

void groups_forget(struct vault *v)
{
	if (v->groups_used)
		memset(v->groups, 0, GROUPS * sizeof(*v->groups));
	v->groups_used = false;
}

static struct store_id group_id(const struct vault *v, enum group_kind kind,
				unsigned tab, const struct store_id *group)
{
	unsigned char m[3 + sizeof(group->b)] = { TAB_GROUP,
						  (unsigned char)kind,
						  (unsigned char)tab };
	unsigned char h[MAC_LEN];
	struct store_id id;

	memcpy(m + 3, group->b, sizeof(group->b));
	seal_digest(v->keys->index, m, sizeof(m), h);
	memcpy(id.b, h, sizeof(id.b));
	return id;
}

/* 1 there is a sum, 0 none (then *s is empty), -1. */
static int group_get(struct vault *v, const struct store_id *id,
		     struct record *r, struct sum *s, struct err *e)
{
	struct buf plain = BUF_INIT(BUF_TEXT_MAX);
	int rc = record_get(v, TAB_GROUP, id, r, &plain, e);

	memset(s, 0, sizeof(*s));
	if (rc > 0 && plain.len == SUM_LEN)
		sum_get((const unsigned char *)plain.p, s);
	else if (rc > 0)
		rc = record_tamper(r, e, "a group's sum is damaged");
	buf_release(&plain);
	return rc;
}

/* The sum's row, and its bucket with it. */
static int group_write(struct vault *v, struct group *g, struct err *e)
{
	struct record r = { .tab = TAB_GROUP, .id = g->id };
	unsigned char plain[SUM_LEN];
	uint64_t old = g->version;

	if (g->sum.n == 0) {
		if (old && record_delete(v, TAB_GROUP, &g->id, e))
			return -1;
	} else {
		r.version = ++v->state.counter;
		sum_put(plain, &g->sum);
		if (record_put(v, &r, plain, sizeof(plain), NULL, false, e))
			return -1;
	}
	if (bucket_change(v, TAB_GROUP, &g->id, old, r.version, e))
		return -1;
	g->version = r.version;
	g->dirty = false;
	return 0;
}

int group_flush(struct vault *v, struct err *e)
{
	for (unsigned i = 0; v->groups_used && i < GROUPS; i++) {
		if (v->groups[i].dirty && group_write(v, &v->groups[i], e)) {
			v->broken = true; /* a reader may have asked for it */
			return -1;
		}
	}
	return 0;
}

/* Its place in memory, read if it was not there. */
static struct group *group_hold(struct vault *v, const struct store_id *id,
				struct err *e)
{
	struct record r;
	struct group *g;
	struct sum s;
	int rc;

	if (!v->groups)
		v->groups = mem_array(GROUPS, sizeof(*v->groups));
	if (!v->groups) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	g = &v->groups[(id->b[2] | (unsigned)id->b[3] << 8) % GROUPS];
	if (g->used && memcmp(&g->id, id, sizeof(*id)) == 0)
		return g;
	if (g->dirty && group_write(v, g, e))
		return NULL;
	rc = group_get(v, id, &r, &s, e);
	if (rc < 0)
		return NULL;
	*g = (struct group){ .id = *id, .sum = s, .used = true,
			     .version = rc ? r.version : 0 };
	v->groups_used = true;
	return g;
}

int group_change(struct vault *v, enum group_kind kind, unsigned tab,
		 const struct store_id *group, const struct sum *minus,
		 const struct sum *plus, struct err *e)
{
	struct store_id id = group_id(v, kind, tab, group);
	struct group *g = group_hold(v, &id, e);

	if (!g)
		return -1;
	if (minus)
		sum_sub(&g->sum, minus);
	if (plus)
		sum_add(&g->sum, plus);
	g->dirty = true;
	return 0;
}

int group_sum(struct vault *v, enum group_kind kind, unsigned tab,
	      const struct store_id *group, struct sum *out, struct err *e)
{
	struct store_id id = group_id(v, kind, tab, group);
	struct record r = { .version = 0 };
	int rc;

	if (group_flush(v, e))
		return -1;
	rc = group_get(v, &id, &r, out, e);
	if (rc < 0)
		return -1;
	return row_check(v, TAB_GROUP, &id, rc ? r.version : 0, e);
}
