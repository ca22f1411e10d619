/*
 * record_snapshot: what the provider said about a target before it was cut,
 * sealed as evidence and for `restore`.
 */
#include <string.h>

#include "agent/engine/record.h"
#include "base/mem.h"
#include "base/pack.h"

enum { S_CONN = 1, S_ACCOUNT, S_KIND, S_ID, S_AT, S_JSON };

int record_put_snapshot(struct vault *v, const struct work *w,
			const struct target *t, int64_t at_ms, const char *json,
			size_t n, struct err *e)
{
	const char *parts[] = { w->inc.name, w->conns[t->conn], t->account,
				t->kind, t->id };
	struct store_row row = { .group = w->inc.id };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (pack_str(&b, S_CONN, w->conns[t->conn], e) < 0 ||
	    pack_str(&b, S_ACCOUNT, t->account, e) < 0 ||
	    pack_str(&b, S_KIND, t->kind, e) < 0 ||
	    pack_str(&b, S_ID, t->id, e) < 0 ||
	    pack_int(&b, S_AT, at_ms, e) < 0 ||
	    pack_bytes(&b, S_JSON, json, n, e) < 0)
		goto out;
	row.id = store_id(v, STORE_SNAPSHOT, parts,
			  sizeof(parts) / sizeof(*parts));
	row.data = b.p;
	row.len = b.len;
	rc = store_put(v, STORE_SNAPSHOT, &row, e);
out:
	buf_release(&b);
	return rc;
}

static void free_one(struct snapshot *s)
{
	mem_free(s->conn);
	mem_free(s->account);
	mem_free(s->kind);
	mem_free(s->id);
	mem_free(s->json);
}

static int read_one(struct snapshot *s, const void *p, size_t n, struct err *e)
{
	char **text[] = { [S_CONN] = &s->conn, [S_ACCOUNT] = &s->account,
			  [S_KIND] = &s->kind, [S_ID] = &s->id,
			  [S_JSON] = &s->json };
	struct unpack u;

	*s = (struct snapshot){ 0 };
	unpack_init(&u, p, n);
	while (unpack_next(&u)) {
		if (u.tag == S_AT) {
			s->at_ms = unpack_int(&u);
		} else if (u.tag <= S_JSON && text[u.tag]) {
			mem_free(*text[u.tag]);
			*text[u.tag] = unpack_str(&u);
		}
	}
	for (size_t i = S_CONN; i <= S_JSON; i++) {
		if (text[i] && !*text[i])
			*text[i] = mem_strdup("");
		if (text[i] && !*text[i])
			u.bad = true;
	}
	if (u.bad) {
		free_one(s);
		return err_fail(e, ERR_FORMAT, NULL, "malformed snapshot record");
	}
	return 0;
}

struct gather {
	struct snapshot *p;
	size_t n;
};

static int gather_one(const struct store_row *row, void *arg, struct err *e)
{
	struct gather *g = arg;
	struct snapshot *p = mem_realloc(g->p, (g->n + 1) * sizeof(*p));

	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	g->p = p;
	if (read_one(&p[g->n], row->data, row->len, e) < 0)
		return -1;
	g->n++;
	return 0;
}

int record_snapshots(struct vault *v, const struct incident *inc,
		     struct snapshot **out, size_t *n, struct err *e)
{
	struct gather g = { 0 };
	int rc = store_each(v, STORE_SNAPSHOT, &inc->id, gather_one, &g, e);

	if (rc < 0) {
		record_free_snapshots(&g.p, g.n);
		return -1;
	}
	*out = g.p;
	*n = g.n;
	return 0;
}

void record_free_snapshots(struct snapshot **s, size_t n)
{
	for (size_t i = 0; *s && i < n; i++)
		free_one(&(*s)[i]);
	mem_free(*s);
	*s = NULL;
}
