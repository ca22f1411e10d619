/*
 * whose: which credential a found value is.
 *
 * By the value's keyed fingerprint; by the public half of a private key; or
 * because the value is the credential's own name (an access key id).  Never by
 * likeness.
 */
#ifndef AGENT_WHOSE_H
#define AGENT_WHOSE_H

#include "agent/app.h"
#include "base/secret.h"
#include "vault/inventory.h"

#define OWNERS_MAX 16u

enum whose_how {
	WHOSE_VALUE = 1, /* the sealed value is this one */
	WHOSE_ADMIN,	 /* curfew's own access at that connection */
	WHOSE_PUBLIC,	 /* the private key to a listed public one */
	WHOSE_NAME,	 /* the value is the credential's id */
};

struct owner {
	char *conn, *account, *kind, *id; /* WHOSE_ADMIN: conn only */
	enum inv_state state;
	enum whose_how how;
};

struct owners {
	struct owner v[OWNERS_MAX];
	size_t n;
};

void owners_free(struct owners *o);
/* "CONN/ACCOUNT#ID" */
int owner_address(const struct owner *o, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* Who claims it in curfew.toml, or NULL. */
const struct config_identity *owner_identity(const struct app *app,
					     const struct owner *o);
const char *whose_word(enum whose_how how);

/* The public names of everything in the vault, read once for many values. */
struct whose;
int whose_load(struct app *app, struct whose **out, struct err *e)
	__attribute__((warn_unused_result));
void whose_free(struct whose **w);

int whose_is(struct whose *w, const struct secret *value, struct owners *out,
	     struct err *e) __attribute__((warn_unused_result));
/* Credentials at connections of that provider type and of that kind: not
 * whose it is, but where it may belong. */
size_t whose_alike(const struct whose *w, const char *provider,
		   const char *kind);

#endif
