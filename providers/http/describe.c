/*
 * describe: a definition in the words of hello (docs/protocol.md).
 */
#include <string.h>

#include "base/mem.h"
#include "providers/http/def.h"

#define NAMES_IT 2 /* of no use once a definition is there */

static const struct { const char *name, *help; bool hidden; } common[] = {
	{ "definition", "a definition of your own, /path/NAME.toml", false },
	{ "service", "an installed definition's name", false },
	{ "proxy", "http://HOST:PORT of a proxy; the environment's is not used", false },
	{ "ca_file", "/path of a private certificate authority, PEM", false },
	{ "client_cert", "/path of a client certificate, PEM", false },
	{ "client_key", "/path of its key, PEM", false },
	{ "timeout", "how long a request may take, 100ms to 25s", false },
	{ "read_back", "no: what is delivered is not read again (curfew's access may only "
		"write)", false },
	{ "standalone", "yes: only what needs no credential of curfew's own", true },
	{ "only", "the one place (https://HOST) that anything is sent to", true },
};

/* `hidden`: the core sets it, no person does. */
static bool push_option(struct json *list, const char *name, const char *dflt,
			const char *help, bool hidden)
{
	struct json *o = json_object();
	bool ok = json_set_str(o, "name", name) && json_set_str(o, "help", help) &&
		  (!dflt || json_set_str(o, "default", dflt)) &&
		  (!hidden || json_set_bool(o, "hidden", true));

	if (ok)
		return json_push(list, o);
	json_free(&o);
	return false;
}

static bool options(const struct def *d, struct json *out)
{
	const struct toml_node *own = d ? toml_get(d->root, "option") : NULL;
	struct json *list = json_array();
	bool ok = list != NULL;

	for (const struct toml_node *o = own ? own->child : NULL; o && ok; o = o->next)
		ok = push_option(list, o->key, toml_str(o, "default"), toml_str(o, "help"),
				 false);
	for (size_t i = 0; ok && i < sizeof(common) / sizeof(common[0]); i++)
		ok = push_option(list, common[i].name, NULL, common[i].help,
				 common[i].hidden || (d && i < NAMES_IT));
	if (ok && !d)
		ok = push_option(list, "*", NULL, "settings of the definition", false);
	if (ok)
		return json_set(out, "options", list);
	json_free(&list);
	return false;
}

static bool scalar(struct json *o, const struct toml_node *n)
{
	if (n->kind == TOML_BOOL)
		return json_set_bool(o, n->key, n->num != 0);
	if (n->key && !strcmp(n->key, "makes")) /* a key of that type */
		return json_set_bool(o, n->key, true);
	if (n->kind == TOML_INT)
		return json_set_int(o, n->key, n->num);
	if (n->kind == TOML_FLOAT)
		return json_set_real(o, n->key, n->real);
	return json_set_str(o, n->key, n->str);
}

/* Which verbs there are for one kind; `list` is of no kind. */
static bool kind_verbs(const struct def *d, bool standalone, const char *kind,
		       struct json *out)
{
	struct json *list = json_array();
	bool ok = list != NULL;

	for (int v = 0; ok && def_verbs[v]; v++)
		if (def_entry(d, def_verbs[v], NULL, kind, true, !standalone))
			ok = json_push_str(list, def_verbs[v]);
	if (ok && def_makes(d, kind))
		ok = json_push_str(list, "make");
	if (ok)
		return json_set(out, "verbs", list);
	json_free(&list);
	return false;
}

static bool facts(const struct def *d, bool standalone, struct json *out)
{
	const struct toml_node *all = toml_get(d->root, "facts");
	struct json *o = json_object();
	bool ok = o != NULL;

	for (const struct toml_node *k = all ? all->child : NULL; k && ok; k = k->next) {
		struct json *kind = json_object();

		for (const struct toml_node *f = k->child; f; f = f->next)
			ok = ok && scalar(kind, f);
		ok = ok && kind_verbs(d, standalone, k->key, kind);
		ok = json_set(o, k->key, kind) && ok;
	}
	if (ok)
		return json_set(out, "facts", o);
	json_free(&o);
	return false;
}

static bool verbs(const struct def *d, bool standalone, struct json *out)
{
	struct json *list = json_array();
	bool ok = list != NULL;

	if (ok && !standalone && toml_get(d->root, "list"))
		ok = json_push_str(list, "list");
	for (int v = 0; ok && def_verbs[v]; v++) {
		const struct toml_node *all = toml_get(d->root, def_verbs[v]);
		bool can = false;

		for (const struct toml_node *n = all ? all->child : NULL; n; n = n->next)
			can = can || !standalone || !def_uses_admin(d, n);
		if (can)
			ok = json_push_str(list, def_verbs[v]);
	}
	if (ok && def_makes(d, NULL))
		ok = json_push_str(list, "make");
	if (ok)
		return json_set(out, "verbs", list);
	json_free(&list);
	return false;
}

/* [[secret]]: how such a secret looks, for whoever has to tell them apart. */
static bool shapes(const struct def *d, struct json *out)
{
	const struct toml_node *all = toml_get(d->root, "secret");
	struct json *list = json_array();
	bool ok = list != NULL;

	for (const struct toml_node *s = all ? all->child : NULL; s && ok; s = s->next) {
		struct json *o = json_object();

		for (const struct toml_node *f = s->child; f; f = f->next)
			ok = ok && scalar(o, f);
		ok = json_push(list, o) && ok;
	}
	if (ok)
		return json_set(out, "shapes", list);
	json_free(&list);
	return false;
}

char *def_describe(const struct def *d, bool standalone, struct err *e)
{
	const struct toml_node *admin = d ? toml_get(d->root, "admin") : NULL;
	const char *help = admin ? toml_str(admin, "help") : NULL;
	const char *need = admin ? toml_str(admin, "secret") : "optional";
	struct json *o = json_object();
	struct buf b = BUF_INIT(BUF_LINE_MAX);
	char *out = NULL;
	bool ok = options(d, o) && json_set_str(o, "secret", standalone ? "none" : need) &&
		  json_set_str(o, "secret_help", help ? help : "the service's credential");

	if (!d) /* nothing is known of any kind yet */
		ok = ok && json_set(o, "facts", json_object());
	else
		ok = ok && facts(d, standalone, o) && verbs(d, standalone, o) && shapes(d, o);
	if (ok && !json_print(o, false, &b, e))
		out = mem_strdup(b.p);
	if (!out)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	json_free(&o);
	buf_release(&b);
	return out;
}

/* What a person has to bring when the value alone does not do. */
static bool needs(const struct def *d, struct json *o)
{
	const struct toml_node *own = toml_get(d->root, "option");
	const struct toml_node *admin = toml_get(d->root, "admin");
	const char *help = admin ? toml_str(admin, "help") : NULL;
	struct json *list = json_array();
	bool ok = list && (!help || json_set_str(o, "secret_help", help));

	for (const struct toml_node *n = own ? own->child : NULL; n && ok; n = n->next)
		if (def_bool(n, "required", false))
			ok = push_option(list, n->key, toml_str(n, "default"),
					 toml_str(n, "help"), false);
	if (ok)
		return json_set(o, "options", list);
	json_free(&list);
	return false;
}

static bool service(const struct def *d, struct json *list)
{
	const char *title = toml_str(toml_get(d->root, "service"), "title");
	struct json *o = json_object();

	if (json_set_str(o, "type", d->name) && json_set_str(o, "title", title) &&
	    needs(d, o) && shapes(d, o))
		return json_push(list, o);
	json_free(&o);
	return false;
}

char *def_describe_all(const struct def *all, size_t n, struct err *e)
{
	struct json *o = json_object(), *list = json_array();
	struct buf b = BUF_INIT(BUF_LINE_MAX);
	char *out = NULL;
	bool ok = o && list && options(NULL, o);

	for (size_t i = 0; ok && i < n; i++)
		ok = !toml_get(all[i].root, "secret") || service(&all[i], list);
	ok = ok && json_set_str(o, "secret", "none") &&
	     json_set(o, "facts", json_object());
	if (ok && json_set(o, "services", list)) {
		list = NULL;
		if (!json_print(o, false, &b, e))
			out = mem_strdup(b.p);
	}
	if (!out)
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	json_free(&list);
	json_free(&o);
	buf_release(&b);
	return out;
}
