/*
 * def: reading a definition and finding one's way in it.
 */
#include "providers/http/def.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/http/tmpl.h"

const char *const def_verbs[] = { "probe", "disable", "enable", "revoke",
	"revoke_value", "cut_sessions", "snapshot", "restore", "remove_grant",
	"last_used", "mint", "set", "deliver", "freeze", "unfreeze", NULL };

int def_wrong(const struct def *d, const struct toml_node *n, struct err *e,
	      const char *fmt, ...)
{
	char text[300];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_fail(e, ERR_CONFIG, NULL, "%s:%u:%u: %s", d->file,
			n ? n->line : 1, n ? n->col : 1, text);
}

static int read_input(struct buf *b, struct err *e)
{
	char part[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, part, sizeof(part))) > 0)
		if (buf_add(b, part, (size_t)n, e))
			return -1;
	return n < 0 ? err_sys(e, NULL, "read standard input") : 0;
}

int def_load(const char *file, struct def *d, struct err *e)
{
	struct buf b = BUF_INIT(BUF_CONFIG_MAX);
	const bool input = !strncmp(file, "-:", 2);
	int rc = -1;

	file += input ? 2 : 0;
	memset(d, 0, sizeof(*d));
	d->file = mem_strdup(file);
	if (!d->file) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (input ? read_input(&b, e) : io_read_file(file, IO_OWNED, BUF_CONFIG_MAX, &b, e))
		goto out;
	d->root = toml_parse(b.p ? b.p : "", b.len, file, e);
	if (!d->root || def_check(d, e))
		goto out;
	(void)snprintf(d->name, sizeof(d->name), "%s",
		       toml_str(toml_get(d->root, "service"), "name"));
	rc = 0;
out:
	buf_release(&b);
	if (rc) {
		def_free(d);
		return err_ctx(e, NULL, "read the definition");
	}
	return 0;
}

void def_free(struct def *d)
{
	toml_free(&d->root);
	mem_free(d->file);
	d->file = NULL;
}

const struct toml_node *def_each(const struct toml_node *n)
{
	return n && n->kind == TOML_ARRAY ? n->child : n;
}

/* A single value stands alone, its `next` is its neighbour in the table. */
bool def_has(const struct toml_node *list, const char *word)
{
	if (!list)
		return false;
	if (list->kind != TOML_ARRAY)
		return list->str && !strcmp(list->str, word);
	for (const struct toml_node *n = list->child; n; n = n->next)
		if (n->str && !strcmp(n->str, word))
			return true;
	return false;
}

int64_t def_int(const struct toml_node *t, const char *key, int64_t fallback)
{
	const struct toml_node *n = t ? toml_get(t, key) : NULL;

	return n && n->kind == TOML_INT ? n->num : fallback;
}

bool def_bool(const struct toml_node *t, const char *key, bool fallback)
{
	const struct toml_node *n = t ? toml_get(t, key) : NULL;

	return n && n->kind == TOML_BOOL ? n->num != 0 : fallback;
}

const struct toml_node *def_auth(const struct def *d, const char *name)
{
	const struct toml_node *all = toml_get(d->root, "auth");

	return all ? toml_get(all, name) : NULL;
}

/* ---- what an entry sends --------------------------------------------------- */

struct use {
	const struct def *d;
	bool secret, admin;
};

static void use_node(struct use *u, const struct toml_node *n, int depth)
{
	for (const struct toml_node *c = n ? n->child : NULL; c && depth < 10; c = c->next) {
		struct tmpl_use t = { .why = "" };

		if (c->kind == TOML_STRING && tmpl_check(c->str, u->d, &t)) {
			u->secret = u->secret || t.secret;
			u->admin = u->admin || t.admin;
		}
		if (c->key && c->kind == TOML_STRING &&
		    (!strcmp(c->key, "as") || !strcmp(c->key, "with")))
			use_node(u, def_auth(u->d, c->str), depth + 1);
		use_node(u, c, depth + 1);
	}
}

static struct use uses(const struct def *d, const struct toml_node *entry)
{
	struct use u = { .d = d };

	use_node(&u, entry, 0);
	/* `as` left out means admin, if there is such a way to sign in */
	if (!toml_get(entry, "as") && !toml_get(entry, "step") && def_auth(d, "admin"))
		u.admin = true;
	for (const struct toml_node *s = toml_get(entry, "step") ?
		     toml_get(entry, "step")->child : NULL; s; s = s->next)
		if (!toml_get(s, "as") && def_auth(d, "admin"))
			u.admin = true;
	return u;
}

bool def_uses_secret(const struct def *d, const struct toml_node *entry)
{
	return uses(d, entry).secret;
}

bool def_signs(const struct def *d, const struct toml_node *entry)
{
	const struct toml_node *steps = toml_get(entry, "step");
	const char *as = toml_str(entry, "as");
	struct use u = { .d = d };

	for (const struct toml_node *s = steps ? steps->child : NULL; s; s = s->next)
		as = toml_str(s, "as") ? toml_str(s, "as") : as;
	if (as)
		use_node(&u, def_auth(d, as), 0);
	return u.secret;
}

bool def_uses_admin(const struct def *d, const struct toml_node *entry)
{
	return uses(d, entry).admin;
}

const struct toml_node *def_entry(const struct def *d, const char *verb,
				  const char *account, const char *kind,
				  bool with_secret, bool with_admin)
{
	const struct toml_node *all = toml_get(d->root, verb);
	const struct toml_node *found = NULL;

	for (const struct toml_node *n = all ? all->child : NULL; n; n = n->next) {
		const struct toml_node *kinds = toml_get(n, "kind");
		const char *globs = toml_str(n, "accounts");
		const struct use u = uses(d, n);

		if (kinds ? !def_has(kinds, kind) :
			    *kind && strcmp(verb, "revoke_value") != 0)
			continue;
		if (globs && account && !text_glob(globs, account))
			continue;
		if ((u.secret && !with_secret) || (u.admin && !with_admin))
			continue;
		if (u.secret && strcmp(verb, "probe") == 0)
			return n;
		if (!found)
			found = n;
	}
	return found;
}

const char *def_makes(const struct def *d, const char *kind)
{
	const struct toml_node *all = toml_get(d->root, "facts");

	for (const struct toml_node *k = all ? all->child : NULL; k; k = k->next)
		if ((!kind || !strcmp(k->key, kind)) && toml_str(k, "makes"))
			return toml_str(k, "makes");
	return NULL;
}
