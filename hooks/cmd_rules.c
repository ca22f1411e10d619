/*
 * curfew-scan rules: show rules, try their examples, check a file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/text.h"
#include "hooks/hooks.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/example.h"

static const char *const class_words[] = {
	[RULE_NEAR] = "near",	  [RULE_WIDE] = "wide",
	[RULE_ALWAYS] = "always", [RULE_PATH] = "path",
	[RULE_GATED] = "gated",
};

/* A line; what a user's rules say steers no terminal. */
static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	struct buf out = BUF_INIT(BUF_TEXT_MAX);
	char line[4096];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (n > 0 && !text_escape(&out, line, strlen(line), NULL) && out.p)
		puts(out.p);
	buf_release(&out);
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static int list(const struct engine *g)
{
	size_t i;

	for (i = 0; i < g->rules->n; i++) {
		const struct rule *r = &g->rules->rule[i];

		say("%-36s %-14s %-14s %-7s %-6s %s", r->id,
		       *r->provider ? r->provider : "-",
		       *r->kind ? r->kind : "-", confidence_word(r->confidence),
		       class_words[matcher_class(g->matcher, i)],
		       r->description);
	}
	return EXIT_CLEAN;
}

/* Every provider once, with the number of its rules. */
static int services(const struct engine *g)
{
	size_t i, k, n, all = 0;

	for (i = 0; i < g->rules->n; i++) {
		const char *name = g->rules->rule[i].provider;

		for (k = 0; k < i; k++)
			if (!strcmp(g->rules->rule[k].provider, name))
				break;
		if (k < i || !*name)
			continue;
		for (n = 0; k < g->rules->n; k++)
			n += !strcmp(g->rules->rule[k].provider, name);
		say("%-36s %zu", name, n);
		all++;
	}
	printf("%zu rules, %zu services\n", g->rules->n, all);
	return EXIT_CLEAN;
}

static int check(const struct engine *g)
{
	size_t i, odd = g->rules->warnings.n;

	for (i = 0; i < g->rules->n; i++) {
		const struct rule *r = &g->rules->rule[i];
		enum rule_class c = matcher_class(g->matcher, i);

		if (c == RULE_ALWAYS && ++odd)
			say("%s: unbounded and without keywords: runs whole "
			    "on every text, slow", r->id);
		if (r->regex && r->matches.n < 3 && *r->provider && ++odd)
			say("%s: fewer than three matches", r->id);
		if (r->regex && r->misses.n < 3 && *r->provider && ++odd)
			say("%s: fewer than three misses", r->id);
	}
	printf("%zu rule%s, %zu remark%s\n", g->rules->n, plural(g->rules->n),
	       odd, plural(odd));
	return EXIT_CLEAN;
}

/* All rules, or those whose id is named. */
static int try_all(const struct engine *g, int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct scan_thread t;
	size_t i, tried = 0, bad = 0;
	int k;

	if (scan_thread_init(&t, &g->scanner, &e))
		return complain(&e);
	for (i = 0; i < g->rules->n; i++) {
		const struct rule *r = &g->rules->rule[i];

		for (k = 0; k < argc && strcmp(argv[k], r->id) != 0; k++)
			;
		if (argc && k == argc)
			continue;
		tried++;
		err_clear(&e);
		if (example_try(&t, r, &e)) {
			char line[1400];

			err_format(&e, line, sizeof(line));
			printf("%s\n", line);
			bad++;
		}
	}
	scan_thread_release(&t);
	if (argc && !tried) {
		err_clear(&e);
		err_fail(&e, ERR_USAGE, argv[0], "no such rule, and no file");
		err_hint(&e, "'curfew-scan rules list' has their ids");
		return complain(&e);
	}
	printf("%zu rule%s tried, %zu wrong\n", tried, plural(tried), bad);
	return bad || !tried ? EXIT_FOUND : EXIT_CLEAN;
}

/* For this user: scans, and hooks that run as he. */
static int compile(struct engine_options *o)
{
	struct err e = ERR_INIT;
	struct engine g;
	int i;

	o->examples = false;
	if (!o->cache.own) {
		err_fail(&e, ERR_CONFIG, NULL, "no folder to keep them in");
		err_hint(&e, "set HOME or CURFEW_SCAN_CACHE; for a hook: "
			 "'curfew-scan hook install REPOSITORY'");
		return complain(&e);
	}
	for (i = 0; i < 2; i++) { /* the second time looks what was kept */
		if (engine_open(&g, o, &e)) {
			err_ctx(&e, o->cache.own, "keep the compiled rules");
			return complain(&e);
		}
		if (i)
			printf("%s: %zu rule%s, compiled\n", o->cache.own,
			       g.rules->n, plural(g.rules->n));
		engine_close(&g);
		o->cache.only = true;
	}
	return EXIT_CLEAN;
}

int cmd_rules(int argc, char **argv, const struct surroundings *s)
{
	struct engine_options o = { .cache = { .own = s->cache },
				    .examples = true };
	struct err e = ERR_INIT;
	struct engine g;
	const char *verb = argc > 1 ? argv[1] : "list";
	size_t n = argc > 2 ? strlen(argv[2]) : 0;
	int rc, used = 2;

	if (n > 5 && !strcmp(argv[2] + n - 5, ".toml")) {
		o.config = argv[2];
		used = 3;
	} else if (!strcmp(verb, "check")) {
		err_fail(&e, ERR_USAGE, NULL, "rules check wants a file *.toml");
		return complain(&e);
	}
	if (!strcmp(verb, "compile"))
		return compile(&o);
	if (engine_open(&g, &o, &e)) {
		if (o.config && access(o.config, F_OK))
			err_ctx(&e, o.config, "read the rules");
		return complain(&e);
	}
	if (!strcmp(verb, "list"))
		rc = list(&g);
	else if (!strcmp(verb, "services"))
		rc = services(&g);
	else if (!strcmp(verb, "check"))
		rc = check(&g);
	else if (!strcmp(verb, "test"))
		rc = try_all(&g, argc - used, argv + used);
	else {
		err_fail(&e, ERR_USAGE, verb, "rules knows list, services, test, "
			 "check and compile");
		rc = complain(&e);
	}
	engine_close(&g);
	return rc;
}
