/*
 * http: serves any HTTP service that a definition describes (docs/http-
 * definitions.md).  Knows no service by name: what is sent, and which answer
 * means what, stands in providers/http/NAME.toml or in a file of the user's.
 *
 * Speaks docs/protocol.md version 1 and definition language 1.
 *
 *   curfew-provider-http [--definition FILE]     serve one connection
 *   curfew-provider-http --definitions FILE:FILE…
 *                                                any of these: a bare hello tells
 *                                                how their secrets look
 *   curfew-provider-http --check FILE            is it a right definition?
 *                                                (-:NAME: standard input)
 *   curfew-provider-http --try FILE VERB [NAME=VALUE…]
 *                                                the requests, not sent
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/harden.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/http/request.h"
#include "providers/http/pki.h"

static struct def definition; /* one connection a process */
static bool loaded;
static bool standalone;

#define MANY_MAX 128
static struct def many[MANY_MAX]; /* --definitions */
static size_t n_many;

static int one_of_many(const char *service, struct err *e)
{
	for (size_t i = 0; service && i < n_many; i++) {
		if (strcmp(many[i].name, service) != 0)
			continue;
		definition = many[i];
		memset(&many[i], 0, sizeof(many[i]));
		loaded = true;
		return 0;
	}
	return err_fail(e, ERR_CONFIG, service ? service : "service",
			"none of the definitions at hand");
}

static int by_service(const void *a, const void *b)
{
	return strcmp(((const struct def *)a)->name, ((const struct def *)b)->name);
}

/* One that is wrong is left out: the others are needed now. */
static int load_many(char *files, char **text, struct err *e)
{
	for (char *f = files; f && *f && n_many < MANY_MAX;) {
		struct err why = ERR_INIT;
		char *end = strchr(f, ':'), line[600];

		if (end)
			*end = '\0';
		if (def_load(f, &many[n_many], &why)) {
			(void)err_format(&why, line, sizeof(line));
			fprintf(stderr, "%s\n", line);
		} else {
			n_many++;
		}
		f = end ? end + 1 : NULL;
	}
	qsort(many, n_many, sizeof(many[0]), by_service);
	*text = def_describe_all(many, n_many, e);
	return *text ? 0 : -1;
}

static int load_for(const struct json *options, struct err *e)
{
	const char *file = options ? json_str(options, "definition") : NULL;
	const char *service = options ? json_str(options, "service") : NULL;
	struct buf path = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (loaded && (file || service))
		return err_fail(e, ERR_CONFIG, NULL, "the definition is fixed already: "
				"leave 'definition' and 'service' out");
	if (loaded)
		return 0;
	if (n_many > 0)
		return one_of_many(service, e);
	if (!file && !service) {
		(void)err_fail(e, ERR_CONFIG, NULL, "which service? no definition is named");
		err_hint(e, "--set service=NAME or --set definition=/path/NAME.toml");
		return -1;
	}
	if (file && (service || *file != '/'))
		return err_fail(e, ERR_CONFIG, file, "give either a service or a "
				"definition, and that as an absolute path");
	if (service && !text_name(service))
		return err_fail(e, ERR_CONFIG, service, "not a service's name");
	if (service && buf_printf(&path, e, "%s/providers/%s.toml", CURFEW_DATA, service))
		goto out;
	if (def_load(service ? path.p : file, &definition, e))
		goto out;
	loaded = true;
	rc = 0;
out:
	buf_release(&path);
	return rc;
}

static int describe_for(const struct json *options, char **text, struct err *e)
{
	const char *alone = options ? json_str(options, "standalone") : NULL;
	const struct toml_node *own;

	if (load_for(options, e))
		return -1;
	if (alone && strcmp(alone, "yes") != 0 && strcmp(alone, "no") != 0)
		return err_fail(e, ERR_CONFIG, "standalone", "is yes or no");
	standalone = alone && !strcmp(alone, "yes");
	own = toml_get(definition.root, "option");
	for (const struct toml_node *o = own ? own->child : NULL; o; o = o->next) {
		const char *v = options ? json_str(options, o->key) : NULL;

		if (def_bool(o, "required", false) && !standalone && (!v || !*v)) {
			(void)err_fail(e, ERR_CONFIG, o->key, "this setting is missing");
			err_hint(e, "--set %s=…: %s", o->key, toml_str(o, "help"));
			return -1;
		}
	}
	*text = def_describe(&definition, standalone, e);
	return *text ? 0 : -1;
}

static int open_session(const struct kit_connection *c, void **session, struct err *e)
{
	struct session *s = mem_zalloc(sizeof(*s));

	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	s->def = &definition;
	s->wire = wire_open(c, e);
	if (!s->wire) {
		mem_free(s);
		return -1;
	}
	*session = s;
	return 0;
}

static void close_session(void *session)
{
	struct session *s = session;

	if (s)
		wire_close(&s->wire);
	mem_free(s);
}

/* ---- --check and --try ----------------------------------------------------------- */

static int fail(const struct err *e)
{
	char text[1600];

	(void)err_format(e, text, sizeof(text));
	fprintf(stderr, "%s\n", text);
	return 1;
}

static int check(const char *file)
{
	struct err e = ERR_INIT;
	size_t verbs = 0;

	if (def_load(file, &definition, &e))
		return fail(&e);
	for (const struct toml_node *n = definition.root->child; n; n = n->next)
		verbs += n->kind == TOML_ARRAY && strcmp(n->key, "secret") != 0;
	printf("%s: a right definition of '%s' (%s), %zu verbs\n", definition.file,
	       definition.name,
	       toml_str(toml_get(definition.root, "service"), "title"), verbs);
	def_free(&definition);
	return 0;
}

static int print_one(const struct toml_node *n, const struct scope *s, struct err *e)
{
	struct buf out = BUF_INIT(BUF_LINE_MAX);
	struct request r;
	int rc = request_build(n, s, NULL, &r, e);

	if (!rc && toml_get(n, "items"))
		rc = page_first(toml_get(n, "paging"), &r.url, e);
	if (!rc)
		rc = request_print(&r, &out, e);
	if (!rc)
		printf("%s\n", out.p);
	request_free(&r);
	buf_release(&out);
	return rc;
}

static int print_entry(const struct toml_node *n, const struct scope *s, struct err *e)
{
	const struct toml_node *steps = toml_get(n, "step");

	for (const struct toml_node *st = steps ? steps->child : NULL; st; st = st->next)
		if (print_one(st, s, e))
			return -1;
	if (toml_get(n, "path") && print_one(n, s, e))
		return -1;
	return toml_get(n, "read_back") ? print_one(toml_get(n, "read_back"), s, e) : 0;
}

static int try_verb(const char *verb, const struct json *options,
		    const struct kit_request *q, struct err *e)
{
	const struct kit_connection c = { .name = "try", .options = options };
	const struct scope s = { .def = &definition, .conn = &c, .q = q, .show = true };
	const struct toml_node *all = toml_get(definition.root, verb);
	size_t shown = 0;

	for (const struct toml_node *n = all && all->kind == TOML_ARRAY ?
		     all->child : NULL; n; n = n->next) {
		const struct toml_node *kinds = toml_get(n, "kind");

		if (*q->kind && kinds && kinds->kind != TOML_STRING && !def_has(kinds, q->kind))
			continue;
		if (*q->kind && kinds && kinds->kind == TOML_STRING &&
		    !strchr(kinds->str, '{') && strcmp(kinds->str, q->kind) != 0)
			continue;
		if (*q->account && toml_str(n, "accounts") &&
		    !text_glob(toml_str(n, "accounts"), q->account))
			continue;
		shown++;
		if (print_entry(n, &s, e))
			return -1;
	}
	return shown ? 0 : err_fail(e, ERR_ABSENT, verb, "the definition has no such "
				    "verb for that kind");
}

static int try_it(const char *file, const char *verb, int n, char **more)
{
	static const char *const words[] = { "account", "kind", "credential" };
	struct json *options = json_object(), *args = json_object();
	struct kit_request q = { .verb = verb, .args = args };
	struct err e = ERR_INIT;
	int rc = 1;

	for (int i = 0; i < n; i++) {
		char *eq = strchr(more[i], '=');
		bool word = false;

		if (!eq) {
			(void)err_fail(&e, ERR_USAGE, more[i], "not NAME=VALUE");
			goto out;
		}
		*eq = '\0';
		for (int w = 0; w < 3; w++)
			word = word || !strcmp(words[w], more[i]);
		(void)json_set_str(word ? args : options, more[i], eq + 1);
	}
	q.account = json_str(args, "account") ? json_str(args, "account") : "";
	q.kind = json_str(args, "kind") ? json_str(args, "kind") : "";
	q.credential = json_str(args, "credential") ? json_str(args, "credential") : "";
	if (def_load(file, &definition, &e) || try_verb(verb, options, &q, &e))
		goto out;
	rc = 0;
out:
	json_free(&options);
	json_free(&args);
	def_free(&definition);
	return rc ? fail(&e) : 0;
}

/* curfew-provider-gitlab, a link to this program, is called gitlab. */
static const char *name_of(const char *argv0)
{
	static const char prefix[] = "curfew-provider-";
	const char *base = strrchr(argv0, '/');

	base = base ? base + 1 : argv0;
	return strncmp(base, prefix, sizeof(prefix) - 1) ? "http" :
							   base + sizeof(prefix) - 1;
}

int main(int argc, char **argv)
{
	static struct provider p = {
		.describe_for = describe_for, .parallel = 16,
		.open = open_session, .close = close_session,
		.verbs = { { "list", list_run }, { "make", make_run } },
	};
	struct err e = ERR_INIT;
	char *text = NULL;
	int rc;

	if (harden_start(NULL, 0, &e) || pki_boot(&e) || wire_boot(&e))
		return fail(&e);
	for (size_t i = 0; def_verbs[i]; i++)
		p.verbs[i + 2] = (struct kit_verb){ def_verbs[i], act_run };
	if (argc == 3 && !strcmp(argv[1], "--check"))
		return check(argv[2]);
	if (argc >= 4 && !strcmp(argv[1], "--try"))
		return try_it(argv[2], argv[3], argc - 4, argv + 4);
	p.name = name_of(argv[0]);
	if (argc == 3 && !strcmp(argv[1], "--definition")) {
		if (def_load(argv[2], &definition, &e))
			return fail(&e);
		loaded = true;
		argc = 1;
		p.parallel = (unsigned)def_int(toml_get(definition.root, "service"),
					       "parallel", 16);
	}
	if (argc == 3 && !strcmp(argv[1], "--definitions")) {
		if (load_many(argv[2], &text, &e))
			return fail(&e);
		argc = 1;
	} else {
		text = def_describe(loaded ? &definition : NULL, false, &e);
	}
	if (!text)
		return fail(&e);
	p.describe = text;
	rc = kit_main(&p, argc, argv);
	mem_free(text);
	auth_forget();
	def_free(&definition);
	for (size_t i = 0; i < n_many; i++)
		def_free(&many[i]);
	return rc;
}
