/*
 * suggest: which accounts look like one identity.
 *
 * Accounts whose names are the same but for case and the signs - _ . at two
 * connections or more, and that no identity claims, are proposed as a piece of
 * curfew.toml.  Only proposed: a common name is no proof.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cmd_list.h"
#include "agent/report/out.h"
#include "base/mem.h"
#include "base/text.h"

struct cand {
	char *key; /* the name without what may differ */
	const struct view_row *row;
};

struct cands {
	struct view *view;
	struct cand *v;
	size_t n;
};

static char *plain_name(const char *name)
{
	char *k = mem_strdup(name);
	size_t n = 0;

	if (k == NULL)
		return NULL;
	for (const char *p = name; *p != '\0'; p++)
		if (*p != '-' && *p != '_' && *p != '.')
			k[n++] = (char)tolower((unsigned char)*p);
	k[n] = '\0';
	return k;
}

static int by_key(const void *a, const void *b)
{
	const struct cand *x = a, *y = b;
	const int r = strcmp(x->key, y->key);

	return r != 0 ? r : strcmp(x->row->address, y->row->address);
}

static void cands_free(struct cands *c)
{
	for (size_t i = 0; i < c->n; i++)
		mem_free(c->v[i].key);
	mem_free(c->v);
	view_free(&c->view);
}

static int cands_load(const struct app *app, struct cands *c, struct err *e)
{
	const struct view_filter all = { .flags = 0 };
	const struct view_row *r;
	size_t n;

	*c = (struct cands){ .n = 0 };
	if (view_load(app, VIEW_ACCOUNTS, &all, &c->view, e) < 0)
		return -1;
	r = view_rows(c->view, &n);
	c->v = mem_array(n + 1, sizeof *c->v);
	for (size_t i = 0; c->v != NULL && i < n; i++) {
		if (r[i].identity != NULL || r[i].state == INV_DEAD)
			continue;
		c->v[c->n].row = &r[i];
		c->v[c->n].key = plain_name(r[i].account);
		if (c->v[c->n].key == NULL)
			break;
		c->n += c->v[c->n].key[0] != '\0';
	}
	if (c->v == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	qsort(c->v, c->n, sizeof *c->v, by_key);
	return 0;
}

/* The end of the group that begins at i, or 0 when it is at one connection. */
static size_t group_end(const struct cands *c, size_t i)
{
	bool several = false;
	size_t k = i + 1;

	while (k < c->n && strcmp(c->v[k].key, c->v[i].key) == 0) {
		several = several || strcmp(c->v[k].row->connection,
					    c->v[i].row->connection) != 0;
		k++;
	}
	return several ? k : 0;
}

/* A TOML basic string: names come from outside. */
static void toml_quoted(const char *s)
{
	(void)putchar('"');
	for (; *s != '\0'; s++) {
		if (*s == '"' || *s == '\\')
			(void)printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20 || *s == 0x7f)
			(void)printf("\\u%04X", (unsigned)(unsigned char)*s);
		else
			(void)putchar(*s);
	}
	(void)putchar('"');
}

static void print_group(const struct cands *c, size_t from, size_t to)
{
	char name[65];
	size_t n = 0;

	for (const char *p = c->v[from].row->account; *p != '\0' && n < 64; p++)
		if (isalnum((unsigned char)*p) || (n > 0 && strchr("._-", *p)))
			name[n++] = *p;
	name[n] = '\0';
	if (n == 0)
		(void)snprintf(name, sizeof name, "identity-%zu", from);
	(void)printf("[identity.\"%s\"]\n# owner = \"who answers for it\"\n"
		     "accounts = [", name);
	for (size_t i = from; i < to; i++) {
		(void)fputs(i > from ? ", " : "", stdout);
		toml_quoted(c->v[i].row->address);
	}
	(void)fputs("]\n\n", stdout);
}

static void json_group(struct jout *j, const struct cands *c, size_t from,
		       size_t to)
{
	char **list = mem_array(to - from + 1, sizeof *list);
	size_t n = 0;

	for (size_t i = from; list != NULL && i < to; i++) {
		list[n] = mem_strdup(c->v[i].row->address);
		n += list[n] != NULL;
	}
	jout_row(j);
	jout_str(j, "name", c->v[from].row->account);
	jout_list(j, "accounts", list, n);
	jout_row_end(j);
	for (size_t i = 0; i < n; i++)
		mem_free(list[i]);
	mem_free(list);
}

int list_suggestions(const struct app *app, struct err *e)
{
	struct cands c;
	struct jout j;
	size_t groups = 0;
	int rc = cands_load(app, &c, e);

	if (rc == 0 && app->json)
		jout_begin(&j, "suggestions");
	for (size_t i = 0; rc == 0 && i < c.n;) {
		const size_t end = group_end(&c, i);

		if (end == 0) {
			i++;
			continue;
		}
		if (app->json)
			json_group(&j, &c, i, end);
		else
			print_group(&c, i, end);
		groups++;
		i = end;
	}
	if (rc == 0 && app->json)
		jout_end(&j);
	else if (rc == 0 && groups == 0)
		(void)fputs("no unclaimed accounts of the same name at several "
			    "connections\n", stderr);
	cands_free(&c);
	return rc;
}

int suggest_hint(const struct app *app, struct err *e)
{
	struct cands c;
	size_t groups = 0;
	int rc = cands_load(app, &c, e);

	for (size_t i = 0; rc == 0 && i < c.n;) {
		const size_t end = group_end(&c, i);

		groups += end != 0;
		i = end != 0 ? end : i + 1;
	}
	if (groups > 0)
		(void)fprintf(stderr, "%zu name%s found at several connections "
			      "belong%s to no identity: curfew list "
			      "suggestions\n", groups, groups == 1 ? "" : "s",
			      groups == 1 ? "s" : "");
	cands_free(&c);
	return rc;
}
