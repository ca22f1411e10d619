/*
 * rot_index: the lines of one account, read once for all the questions about
 * its credentials.  Without it each question walks them all, and an account may
 * have tens of thousands.
 *
 * Holds ids only: what is found is read anew and compared, so a line that has
 * changed since is never taken for what it was.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/engine/rot.h"
#include "base/mem.h"

struct entry {
	uint64_t hash; /* of kind and credential id */
	struct store_id line;
};

struct rot_index {
	char *conn, *account;
	struct entry *p;
	size_t n, cap;
	struct rot_ids partners; /* kinds of which it is the partner */
};

static uint64_t hash_of(const char *kind, const char *cred)
{
	const char *const parts[] = { kind, cred };
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < 2; i++) {
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211u;
		h = (h ^ 0x1ff) * 1099511628211u;
	}
	return h;
}

static void clear(struct rot_index *x)
{
	mem_free(x->conn);
	mem_free(x->account);
	mem_free(x->p);
	rot_ids_clear(&x->partners);
	*x = (struct rot_index){ .n = 0 };
}

void rot_index_free(struct rot_index **xp)
{
	if (!*xp)
		return;
	clear(*xp);
	mem_free(*xp);
	*xp = NULL;
}

static int add(struct rot_index *x, const struct rot_line *l, const char *cred,
	       struct err *e)
{
	if (x->n == x->cap) {
		const size_t cap = x->cap ? x->cap * 2 : 16;
		struct entry *p = mem_realloc(x->p, cap * sizeof(*p));

		if (!p)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		x->p = p;
		x->cap = cap;
	}
	x->p[x->n++] = (struct entry){ hash_of(l->kind, cred), l->id };
	return 0;
}

static int see(const struct rot_line *l, void *arg, struct err *e)
{
	struct rot_index *x = arg;

	if (strcmp(l->account, x->account) == 0 && add(x, l, l->cred, e) < 0)
		return -1;
	if (rot_busy(l) && *l->new_cred &&
	    strcmp(rot_new_account(l), x->account) == 0 &&
	    add(x, l, l->new_cred, e) < 0)
		return -1;
	if (strcmp(l->partner, x->account) == 0 &&
	    !rot_ids_has(&x->partners, l->kind) &&
	    rot_ids_add(&x->partners, l->kind, e) < 0)
		return -1;
	return 0;
}

static int by_hash(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static int load(struct rot_index **xp, struct vault *v, const char *conn,
		const char *account, struct err *e)
{
	struct rot_index *x = *xp;

	if (x && x->conn && strcmp(x->conn, conn) == 0 &&
	    strcmp(x->account, account) == 0)
		return 0;
	if (!x)
		x = *xp = mem_zalloc(sizeof(*x));
	if (!x)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	clear(x);
	if (rot_text(&x->account, account, e) < 0 ||
	    rot_each_account(v, conn, account, see, x, e) < 0)
		return -1;
	if (x->n)
		qsort(x->p, x->n, sizeof(*x->p), by_hash);
	return rot_text(&x->conn, conn, e); /* only now it is whole */
}

static bool fits(const struct rot_line *l, const char *account,
		 const char *kind, const char *cred)
{
	if (strcmp(l->kind, kind) != 0)
		return false;
	return (strcmp(l->account, account) == 0 &&
		strcmp(l->cred, cred) == 0) ||
	       (rot_busy(l) && strcmp(rot_new_account(l), account) == 0 &&
		strcmp(l->new_cred, cred) == 0);
}

/* The first entry with that hash, or n. */
static size_t first(const struct rot_index *x, uint64_t hash)
{
	size_t lo = 0, hi = x->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (x->p[mid].hash < hash)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int rot_index_find(struct rot_index **xp, struct vault *v, const char *conn,
		   const char *account, const char *kind, const char *cred,
		   struct rot_line *out, struct err *e)
{
	const uint64_t hash = hash_of(kind, cred);
	const struct rot_index *x;

	*out = (struct rot_line){ .state = 0 };
	if (load(xp, v, conn, account, e) < 0)
		return -1;
	x = *xp;
	for (size_t i = first(x, hash); i < x->n && x->p[i].hash == hash; i++) {
		int rc = rot_get(v, &x->p[i].line, out, NULL, e);

		if (rc < 0 || (rc > 0 && fits(out, account, kind, cred)))
			return rc;
		rot_free(out);
	}
	return 0;
}

int rot_index_partner(struct rot_index **xp, struct vault *v, const char *conn,
		      const char *account, const char *kind, struct err *e)
{
	if (load(xp, v, conn, account, e) < 0)
		return -1;
	return rot_ids_has(&(*xp)->partners, kind);
}
