/*
 * install_settings: what the hook is told, and what it finds compiled.
 *
 * Owns the settings that name the agent's files, in the repository's own
 * configuration, and the compiled rules beside it.  Promises: what the hook
 * would stumble over is said before a push does.
 */
#include <git2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/gate.h"
#include "hooks/install.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/own.h"

enum { KNOWN, KNOWN_KEY, SPOOL, SPOOL_KEY, CACHE };
const struct install_setting install_setting[INSTALL_SETTINGS] = {
	[KNOWN] = { "--known", "curfew.known", true },
	[KNOWN_KEY] = { "--known-key", "curfew.knownKey", false },
	[SPOOL] = { "--spool", "curfew.spool", true },
	[SPOOL_KEY] = { "--spool-key", "curfew.spoolKey", false },
	[CACHE] = { "--cache", "curfew.cache", true },
};

static int git_failed(const char *what, struct err *e)
{
	const git_error *g = git_error_last();

	return err_fail(e, ERR_IO, what, "%s", g ? g->message : "refused");
}

static int config_of(const struct site *s, git_config **out, struct err *e)
{
	char *path = io_path(git_repository_commondir(s->git), "config");
	int rc = path && !git_config_open_ondisk(out, path)
			 ? 0 : git_failed(path ? path : "config", e);

	mem_free(path);
	return rc;
}

/* value NULL: as it is. */
static int set_all(const struct site *s, const char *const *value,
		   struct err *e)
{
	git_config *c = NULL;
	size_t i;
	int rc = config_of(s, &c, e);

	for (i = 0; !rc && i < INSTALL_SETTINGS; i++)
		if (value[i] && git_config_set_string(c, install_setting[i].name,
						      value[i]))
			rc = git_failed(install_setting[i].name, e);
	git_config_free(c);
	return rc;
}

static int forget_all(const struct site *s, struct err *e)
{
	git_config *c = NULL;
	size_t i;
	int rc = config_of(s, &c, e);

	for (i = 0; !rc && i < INSTALL_SETTINGS; i++) {
		int got = git_config_delete_entry(c, install_setting[i].name);

		if (got && got != GIT_ENOTFOUND)
			rc = git_failed(install_setting[i].name, e);
	}
	git_config_free(c);
	return rc;
}

static int tell_known(const char *file, const char *key, struct err *e)
{
	struct ruleset none = { 0 };
	struct own *o = own_open(file, key, &none, e);
	char date[CLOCK_TEXT];

	if (o)
		printf("  known secrets: %s: %zu, published %s\n", file,
		       wordset_count(own_words(o)),
		       clock_text(wordset_made_ms(own_words(o)), date));
	own_free(&o);
	while (none.n)
		rule_release(&none.rule[--none.n]);
	mem_free(none.rule);
	return e->code ? -1 : 0;
}

static int tell_spool(const char *folder, const char *key, struct err *e)
{
	unsigned char pk[DIGEST_PUBLIC];

	if (!key || !text_unhex(key, pk, sizeof(pk)))
		return err_fail(e, ERR_CONFIG, "curfew.spoolKey",
				"no public key of 64 hex digits");
	if (access(folder, W_OK | X_OK))
		return err_sys(e, folder, "write to the spool");
	printf("  spool: %s\n", folder);
	return 0;
}

/* What the hook would stumble over is said before a push does. */
static int tell_settings(const struct site *s, struct err *e)
{
	const char *base = git_repository_commondir(s->git);
	char *value[INSTALL_SETTINGS] = { NULL };
	git_config *c = NULL;
	size_t i;
	int rc = gate_try(base, s->bare || s->single
				       ? base : git_repository_workdir(s->git), e);

	if (!rc)
		rc = config_of(s, &c, e);

	for (i = 0; !rc && i < INSTALL_SETTINGS; i++) {
		git_config_entry *x = NULL;

		if (!git_config_get_entry(&x, c, install_setting[i].name) &&
		    x->value && *x->value)
			value[i] = mem_strdup(x->value);
		git_config_entry_free(x);
	}
	if (!rc && value[KNOWN])
		rc = tell_known(value[KNOWN], value[KNOWN_KEY], e);
	if (!rc && value[SPOOL])
		rc = tell_spool(value[SPOOL], value[SPOOL_KEY], e);
	for (i = 0; i < INSTALL_SETTINGS; i++)
		mem_free(value[i]);
	git_config_free(c);
	return rc;
}

int install_settings(const struct site *s, const char *verb,
			const char *const *value, struct err *e)
{
	if (!strcmp(verb, "install"))
		return set_all(s, value, e) || tell_settings(s, e) ? -1 : 0;
	return !strcmp(verb, "uninstall") ? forget_all(s, e)
					  : tell_settings(s, e);
}

/* A setting of the repository alone, as the hook reads them. */
static char *setting(git_config *c, const char *name)
{
	git_config_entry *x = NULL;
	char *v = NULL;

	if (!git_config_get_entry(&x, c, name) && x->value && *x->value)
		v = mem_strdup(x->value);
	git_config_entry_free(x);
	return v;
}

/* Whether the hook finds the rules compiled; 1: not. */
static int tell_compiled(struct engine_options *o, struct err *e)
{
	struct engine g;

	o->cache.only = true;
	if (!engine_open(&g, o, e)) {
		engine_close(&g);
		printf("  rules: compiled, in %s\n", o->cache.beside);
		return 0;
	}
	if (e->code != ERR_ABSENT)
		return -1;
	err_clear(e);
	printf("  rules: not compiled in %s for these rules, this version and "
	       "this processor: 'curfew-scan hook install' does it\n",
	       o->cache.beside);
	return 1;
}

/* Compile the rules that the hook will want, so that no push waits for it, to a
 * place where it finds them whoever it runs as. */
static int compile(struct engine_options *o, const char *cache, struct err *e)
{
	struct engine g;

	o->cache.own = cache;
	o->cache.publish = true;
	if (engine_open(&g, o, e))
		return -1;
	engine_close(&g);
	o->cache.own = NULL;
	return tell_compiled(o, e) < 0 ? -1 : 0;
}

int install_rules(const struct site *s, const char *verb, const char *cache,
		     struct err *e)
{
	const char *base = git_repository_commondir(s->git);
	char *beside = io_path(base, RULE_CACHE_BESIDE);
	char *config = NULL, *folder = NULL;
	struct engine_options o = { 0 };
	git_config *c = NULL;
	struct stat st;
	int rc = -1;

	if (stat(base, &st)) {
		err_sys(e, base, "look at");
		goto out;
	}
	if (config_of(s, &c, e))
		goto out;
	config = setting(c, "curfew.config");
	folder = setting(c, install_setting[CACHE].name);
	o.config = config;
	if (!s->bare && !s->single) /* as gate_open() for local hooks */
		o.folder = git_repository_workdir(s->git);
	o.cache.beside = folder ? folder : beside;
	o.cache.owner = st.st_uid;
	if (!strcmp(verb, "install"))
		rc = compile(&o, cache, e);
	else if (!strcmp(verb, "status"))
		rc = tell_compiled(&o, e);
	else
		rc = 0;
	if (!strcmp(verb, "uninstall") && beside)
		rule_cache_clear(beside);
out:
	git_config_free(c);
	mem_free(config);
	mem_free(folder);
	mem_free(beside);
	return rc;
}
