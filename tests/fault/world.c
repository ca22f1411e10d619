/* world: see world.h. */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

static void die(const char *what)
{
	(void)fprintf(stderr, "world: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static void *grown(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? *cap * 2 : 64;
	p = mem_realloc(p, *cap * size);
	if (!p)
		die("out of memory");
	return p;
}

static void put(char *to, size_t cap, const char *from)
{
	(void)snprintf(to, cap, "%s", from);
}

static int64_t number(const char *s)
{
	int64_t v = 0;

	return text_int(s, INT64_MIN, INT64_MAX, &v) ? v : 0;
}

static uint64_t hash(const char *a, const char *b, const char *c)
{
	const char *const parts[] = { a, b, c };
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < 3; i++) {
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 1099511628211u;
		h = (h ^ 255) * 1099511628211u;
	}
	return h ^ (h >> 31);
}

struct w_key *world_key(const struct world *w, const char *account,
			const char *kind, const char *id)
{
	uint32_t i;

	if (!w->table_size)
		return NULL;
	i = w->table[hash(account, kind, id) & (w->table_size - 1)];
	for (; i != UINT32_MAX; i = w->k[i].chain)
		if (strcmp(w->k[i].id, id) == 0 &&
		    strcmp(w->k[i].account, account) == 0 &&
		    strcmp(w->k[i].kind, kind) == 0)
			return &w->k[i];
	return NULL;
}

static void chain(struct world *w, uint32_t i)
{
	uint64_t h = hash(w->k[i].account, w->k[i].kind, w->k[i].id) &
		     (w->table_size - 1);

	w->k[i].chain = w->table[h];
	w->table[h] = i;
}

static struct w_key *new_key(struct world *w, char **f)
{
	struct w_key *k;

	w->k = grown(w->k, w->nk, &w->ck, sizeof(*w->k));
	if (w->table_size < w->ck) {
		w->table_size = w->ck;
		mem_free(w->table);
		w->table = mem_array(w->ck, sizeof(*w->table));
		if (!w->table)
			die("out of memory");
		memset(w->table, 255, w->ck * sizeof(*w->table));
		for (uint32_t i = 0; i < w->nk; i++)
			chain(w, i);
	}
	k = &w->k[w->nk];
	put(k->account, sizeof(k->account), f[1]);
	put(k->kind, sizeof(k->kind), f[2]);
	put(k->id, sizeof(k->id), f[3]);
	chain(w, (uint32_t)w->nk++);
	return k;
}

struct w_account *world_account(const struct world *w, const char *name)
{
	for (size_t i = 0; i < w->na; i++)
		if (strcmp(w->a[i].name, name) == 0)
			return &w->a[i];
	return NULL;
}

static void apply_key(struct world *w, char **f)
{
	struct w_key *k = world_key(w, f[1], f[2], f[3]);

	if (!k)
		k = new_key(w, f);
	put(k->secret, sizeof(k->secret), f[4]);
	put(k->origin, sizeof(k->origin), f[5]);
	k->created_ms = number(f[6]);
	k->revoked_ms = number(f[7]);
	k->claimed_ms = number(f[8]);
	put(k->label, sizeof(k->label), f[9]);
}

static void apply_delivery(struct world *w, char **f)
{
	struct w_delivery *d;
	size_t i;

	for (i = 0; i < w->nd; i++)
		if (strcmp(w->d[i].place, f[1]) == 0)
			break;
	if (i == w->nd) {
		w->d = grown(w->d, w->nd, &w->cd, sizeof(*w->d));
		put(w->d[w->nd++].place, W_NAME, f[1]);
	}
	d = &w->d[i];
	d->version = number(f[2]);
	put(d->secret, sizeof(d->secret), f[3]);
	put(d->from, sizeof(d->from), f[4]);
	d->ms = number(f[5]);
}

static void apply_account(struct world *w, char **f)
{
	struct w_account *a = world_account(w, f[1]);

	if (!a) {
		w->a = grown(w->a, w->na, &w->ca, sizeof(*w->a));
		a = &w->a[w->na++];
		put(a->name, sizeof(a->name), f[1]);
	}
	put(a->origin, sizeof(a->origin), f[2]);
	a->makes = f[3][0] == '1';
	a->disabled_ms = number(f[4]);
	a->claimed_ms = number(f[5]);
	a->created_ms = number(f[6]);
}

static void apply_grant(struct world *w, char **f)
{
	size_t i;

	for (i = 0; i < w->ng; i++)
		if (strcmp(w->g[i].account, f[1]) == 0 &&
		    strcmp(w->g[i].id, f[3]) == 0)
			break;
	if (i == w->ng) {
		w->g = grown(w->g, w->ng, &w->cg, sizeof(*w->g));
		put(w->g[i].account, W_NAME, f[1]);
		put(w->g[i].kind, sizeof(w->g[i].kind), f[2]);
		put(w->g[i].id, W_NAME, f[3]);
		w->ng++;
	}
	w->g[i].removed_ms = number(f[4]);
}

static void apply_session(struct world *w, char **f)
{
	size_t i;

	for (i = 0; i < w->ns; i++)
		if (strcmp(w->s[i].account, f[1]) == 0 &&
		    strcmp(w->s[i].id, f[2]) == 0)
			break;
	if (i == w->ns) {
		w->s = grown(w->s, w->ns, &w->cs, sizeof(*w->s));
		put(w->s[i].account, W_NAME, f[1]);
		put(w->s[i].id, W_NAME, f[2]);
		w->ns++;
	}
	w->s[i].closed_ms = number(f[3]);
}

static void apply_pair(struct world *w, char **f)
{
	size_t i;

	for (i = 0; i < w->no; i++)
		if (strcmp(w->o[i].key, f[1]) == 0)
			break;
	if (i == w->no) {
		w->o = grown(w->o, w->no, &w->co, sizeof(*w->o));
		put(w->o[i].key, sizeof(w->o[i].key), f[1]);
		w->no++;
	}
	put(w->o[i].value, sizeof(w->o[i].value), f[2]);
}

static void apply_call(struct world *w, char **f)
{
	struct w_call *c;

	if (!w->keep_calls)
		return;
	w->l = grown(w->l, w->nl, &w->cl, sizeof(*w->l));
	c = &w->l[w->nl++];
	c->ms = number(f[1]);
	put(c->verb, sizeof(c->verb), f[2]);
	put(c->account, sizeof(c->account), f[3]);
	put(c->kind, sizeof(c->kind), f[4]);
	put(c->id, sizeof(c->id), f[5]);
	put(c->status, sizeof(c->status), f[6]);
}

#define FIELDS 11

static void apply(struct world *w, char *line)
{
	static char none[] = "";
	char *f[FIELDS];
	size_t n = 0;

	for (char *p = line; p && n < FIELDS; n++) {
		f[n] = p;
		p = strchr(p, '\t');
		if (p)
			*p++ = '\0';
	}
	while (n < FIELDS)
		f[n++] = none;
	switch (line[0]) {
	case 'A': apply_account(w, f); break;
	case 'K': apply_key(w, f); break;
	case 'G': apply_grant(w, f); break;
	case 'S': apply_session(w, f); break;
	case 'O': case 'N': apply_pair(w, f); break;
	case 'D': apply_delivery(w, f); break;
	case 'L': apply_call(w, f); break;
	default: break;
	}
}

static void catch_up(struct world *w)
{
	struct stat st;
	char *text, *p, *end;
	size_t n;

	if (fstat(w->fd, &st) < 0)
		die("stat");
	if (st.st_size <= w->at)
		return;
	n = (size_t)(st.st_size - w->at);
	text = mem_alloc(n + 1);
	if (!text || pread(w->fd, text, n, w->at) != (ssize_t)n)
		die("read");
	text[n] = '\0';
	for (p = text; (end = strchr(p, '\n')); p = end + 1) {
		*end = '\0';
		apply(w, p);
	}
	w->at += p - text;
	mem_free(text);
}

void world_open(struct world *w, const char *path, bool keep_calls)
{
	*w = (struct world){ .keep_calls = keep_calls };
	w->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (w->fd < 0)
		die(path);
	world_lock(w);
	world_unlock(w);
}

void world_close(struct world *w)
{
	(void)close(w->fd);
	mem_free(w->a);
	mem_free(w->k);
	mem_free(w->table);
	mem_free(w->g);
	mem_free(w->s);
	mem_free(w->d);
	mem_free(w->o);
	mem_free(w->l);
}

void world_lock(struct world *w)
{
	while (flock(w->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			die("flock");
	catch_up(w);
}

void world_unlock(struct world *w)
{
	(void)flock(w->fd, LOCK_UN);
}

void world_line(struct world *w, const char *fmt, ...)
{
	char line[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(line) - 1)
		die("line");
	line[n] = '\n';
	if (write(w->fd, line, (size_t)n + 1) != n + 1)
		die("write");
	w->at += n + 1;
	line[n] = '\0';
	apply(w, line);
}

const char *world_text(const struct world *w, const char *key)
{
	for (size_t i = 0; i < w->no; i++)
		if (strcmp(w->o[i].key, key) == 0)
			return w->o[i].value;
	return "";
}

bool world_lists(const struct world *w, const char *key, const char *word)
{
	const char *s = world_text(w, key);
	size_t n = strlen(word);

	for (; *s; s += strcspn(s, ","), s += *s == ',')
		if (strncmp(s, word, n) == 0 && (s[n] == ',' || !s[n]))
			return true;
	return false;
}

int64_t world_option(const struct world *w, const char *key, int64_t otherwise)
{
	const char *s = world_text(w, key);

	return *s ? number(s) : otherwise;
}

int64_t world_count(struct world *w, const char *key, int64_t by)
{
	int64_t v = world_option(w, key, 0) + by;

	if (by)
		world_line(w, "N\t%s\t%lld", key, (long long)v);
	return v;
}

bool world_account_open(const struct world *w, const struct w_account *a,
			int64_t t)
{
	return a->created_ms <= t &&
	       !(a->disabled_ms &&
		 t >= a->disabled_ms + world_option(w, "revoke_lag", 0));
}

bool world_accepts(const struct world *w, const struct w_key *k, int64_t t)
{
	const struct w_account *a = world_account(w, k->account);

	return a && world_account_open(w, a, t) &&
	       t >= k->created_ms + world_option(w, "mint_lag", 0) &&
	       !(k->revoked_ms &&
		 t >= k->revoked_ms + world_option(w, "revoke_lag", 0));
}

bool world_partial(const struct world *w, const struct w_key *k, int64_t t)
{
	const struct w_account *a = world_account(w, k->account);

	return world_accepts(w, k, t) &&
	       (k->revoked_ms || (a && a->disabled_ms));
}

void world_put_account(struct world *w, const struct w_account *a,
		       int64_t disabled, int64_t claimed)
{
	world_line(w, "A\t%s\t%s\t%d\t%lld\t%lld\t%lld", a->name, a->origin,
		   a->makes, (long long)disabled, (long long)claimed,
		   (long long)a->created_ms);
}

void world_put_key(struct world *w, const struct w_key *k, int64_t revoked,
		   int64_t claimed)
{
	world_line(w, "K\t%s\t%s\t%s\t%s\t%s\t%lld\t%lld\t%lld\t%s",
		   k->account, k->kind, k->id, k->secret, k->origin,
		   (long long)k->created_ms, (long long)revoked,
		   (long long)claimed, k->label);
}

struct w_key *world_by_secret(const struct world *w, const char *account,
			      const char *kind, const char *secret, int64_t t)
{
	struct w_key *any = NULL;

	for (size_t i = 0; i < w->nk; i++) {
		struct w_key *k = &w->k[i];

		if (strcmp(k->secret, secret) != 0 ||
		    strcmp(k->account, account) != 0 ||
		    strcmp(k->kind, kind) != 0)
			continue;
		any = k;
		if (world_accepts(w, k, t))
			return k;
	}
	return any;
}

const struct w_delivery *world_delivery(const struct world *w,
					const char *place)
{
	for (size_t i = 0; i < w->nd; i++)
		if (strcmp(w->d[i].place, place) == 0)
			return &w->d[i];
	return NULL;
}
