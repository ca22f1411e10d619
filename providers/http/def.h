/*
 * def: one service's definition (docs/http-definitions.md, language version 1).
 *
 * The TOML tree itself is what the other files interpret; def_load() promises
 * that it was checked whole before anything is sent: every key known, every
 * value of the right type, every template readable.
 */
#ifndef PROVIDERS_HTTP_DEF_H
#define PROVIDERS_HTTP_DEF_H

#include "base/err.h"
#include "base/json.h"
#include "base/toml.h"

struct def {
	struct toml_node *root;
	char *file; /* for messages */
	char name[65];
};

extern const char *const def_verbs[]; /* all but list; ends with NULL */

/* "-:NAME" is standard input, called NAME.  ERR_CONFIG, cause "FILE:LINE:COL: what was expected". */
int def_load(const char *file, struct def *d, struct err *e)
	__attribute__((warn_unused_result));
void def_free(struct def *d);
/* check.c: the whole tree against the language. */
int def_check(const struct def *d, struct err *e) __attribute__((warn_unused_result));
/* check_whole.c: what a single key does not show; after def_check's own. */
int def_check_whole(const struct def *d, struct err *e)
	__attribute__((warn_unused_result));
/* check_safe.c: what no definition may do; after them. */
int def_check_safe(const struct def *d, struct err *e)
	__attribute__((warn_unused_result));
/* May an answer of that status be the word that a credential is dead? */
bool def_status_tells(int64_t status);
/* err_fail with the place of `n` in front. */
int def_wrong(const struct def *d, const struct toml_node *n, struct err *e,
	      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The first entry of `verb` for this account and kind whose credentials are at
 * hand.  account NULL: of whatever account.  An
 * entry without kinds is for the account as a whole (kind "") and, for
 * revoke_value, for anything.  A probe with the secret goes before others. */
/* The type of key that `make` makes for a kind (NULL: for any), or NULL. */
const char *def_makes(const struct def *d, const char *kind);
const struct toml_node *def_entry(const struct def *d, const char *verb,
				  const char *account, const char *kind,
				  bool with_secret, bool with_admin);
/* Does the entry (or a step of it) send the subject's secret? */
bool def_uses_secret(const struct def *d, const struct toml_node *entry);
/* ... to sign in with, so that an "ok" is said to a value the service knows? */
bool def_signs(const struct def *d, const struct toml_node *entry);
/* ... or need curfew's own credential? */
bool def_uses_admin(const struct def *d, const struct toml_node *entry);
const struct toml_node *def_auth(const struct def *d, const char *name);
/* An array's or a single value's first node: both are written. */
const struct toml_node *def_each(const struct toml_node *n);
bool def_has(const struct toml_node *list, const char *word);
int64_t def_int(const struct toml_node *t, const char *key, int64_t fallback);
bool def_bool(const struct toml_node *t, const char *key, bool fallback);

/* What hello tells, as JSON text (mem_free it).  `d` NULL: no definition was
 * chosen yet.  `standalone`: only what needs no credential of curfew's. */
char *def_describe(const struct def *d, bool standalone, struct err *e);
/* ... of a process that may serve any of these, told apart by "services". */
char *def_describe_all(const struct def *all, size_t n, struct err *e);

#endif
