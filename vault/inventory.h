/*
 * inventory: connections, accounts, credentials and grants as typed records.
 *
 * Strings are never NULL after a read (absent is ""); *_free releases them.
 * Addresses: connection "pg-main", account "pg-main/ci_bot", credential
 * "pg-main/ci_bot#password".  A credential's id may hold any printable text;
 * account names too (the first '#' after the account ends it; '%' escapes
 * '#', '/' and '%' inside a part as %23, %2F, %25).
 *
 * Nothing is forgotten because one listing did not show it: `seen_ms` stays
 * behind `synced_ms` of the connection, and `missing` counts complete listings
 * without it.
 */
#ifndef VAULT_INVENTORY_H
#define VAULT_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "vault/store.h"

struct inv_connection {
	char *name;
	char *type;	/* provider program: curfew-provider-TYPE */
	char *options;	/* JSON object of strings, as given to hello */
	char *facts;	/* JSON object, as the provider declared */
	int64_t created_ms, synced_ms, failed_ms;
	char *failure;	/* last sync's error, "" when it went well */
	bool has_secret; /* an admin credential is sealed with it */
};

enum inv_state { INV_ACTIVE = 1, INV_DISABLED, INV_EXPIRED, INV_REVOKED, INV_DEAD, INV_UNKNOWN };

struct inv_account {
	char *connection, *name;
	enum inv_state state;
	bool self;	     /* curfew itself logs in as this one */
	bool makes_accounts; /* its holder can create accounts */
	int64_t created_ms, last_used_ms, seen_ms, first_seen_ms;
	unsigned missing;
	char *attributes;    /* JSON object, provider's own words */
};

struct inv_credential {
	char *connection, *account, *kind, *id;
	enum inv_state state;
	bool self;
	int64_t created_ms, expires_ms, last_used_ms, seen_ms, first_seen_ms;
	int64_t dead_ms;   /* proved dead at */
	bool dead_record;  /* ... by the service's record, no refusal of it */
	int64_t alive_ms;  /* the service last took the sealed value; 0: never */
	unsigned missing;
	char *fingerprint; /* public fingerprint, e.g. SHA256:... */
	char *label;	   /* what a person calls it: a key's comment */
	char *attributes;
	bool has_secret;   /* the value itself is sealed here */
};

struct inv_grant {
	char *connection, *account, *kind, *id;
	enum inv_state state;
	int64_t created_ms, seen_ms, first_seen_ms;
	unsigned missing;
	char *attributes;
};

void inv_connection_free(struct inv_connection *c);
void inv_account_free(struct inv_account *a);
void inv_credential_free(struct inv_credential *c);
void inv_grant_free(struct inv_grant *g);

/* get: 1 found, 0 absent, -1 error.  put: insert or replace; `secret` NULL keeps
 * the stored one. */
int inv_connection_put(struct vault *v, const struct inv_connection *c,
		       const struct secret *secret, struct err *e)
	__attribute__((warn_unused_result));
int inv_connection_get(struct vault *v, const char *name,
		       struct inv_connection *out, struct secret **secret,
		       struct err *e) __attribute__((warn_unused_result));
/* Removes the connection with its accounts, credentials and grants. */
int inv_connection_delete(struct vault *v, const char *name, struct err *e)
	__attribute__((warn_unused_result));

int inv_account_put(struct vault *v, const struct inv_account *a, struct err *e)
	__attribute__((warn_unused_result));
int inv_account_get(struct vault *v, const char *connection, const char *name,
		    struct inv_account *out, struct err *e)
	__attribute__((warn_unused_result));

int inv_credential_put(struct vault *v, const struct inv_credential *c,
		       const struct secret *secret, struct err *e)
	__attribute__((warn_unused_result));
/* The same, but the stored secret is wiped (the credential is proved dead); its
 * fingerprint stays, so that inv_by_secret still knows it. */
int inv_credential_drop_secret(struct vault *v, const struct inv_credential *c,
			       struct err *e) __attribute__((warn_unused_result));
int inv_credential_get(struct vault *v, const char *connection,
		       const char *account, const char *kind, const char *id,
		       struct inv_credential *out, struct secret **secret,
		       struct err *e) __attribute__((warn_unused_result));

int inv_grant_put(struct vault *v, const struct inv_grant *g, struct err *e)
	__attribute__((warn_unused_result));

/* Walks: the record is lent for the call.  NULL filters match all; order is
 * by connection when none is given. fn as store_fn: 0 on, 1 stop, -1 fail. */
typedef int (*inv_connection_fn)(const struct inv_connection *c, void *arg, struct err *e);
typedef int (*inv_account_fn)(const struct inv_account *a, void *arg, struct err *e);
typedef int (*inv_credential_fn)(const struct inv_credential *c, void *arg, struct err *e);
typedef int (*inv_grant_fn)(const struct inv_grant *g, void *arg, struct err *e);
int inv_connections(struct vault *v, inv_connection_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
int inv_accounts(struct vault *v, const char *connection, inv_account_fn fn,
		 void *arg, struct err *e) __attribute__((warn_unused_result));
/* account NULL: all of the connection; connection NULL: all. */
int inv_credentials(struct vault *v, const char *connection, const char *account,
		    inv_credential_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
int inv_grants(struct vault *v, const char *connection, const char *account,
	       inv_grant_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Credentials whose sealed value is this one. */
int inv_by_secret(struct vault *v, const struct secret *s, inv_credential_fn fn,
		  void *arg, struct err *e) __attribute__((warn_unused_result));

/* Addresses. inv_address writes "conn[/account[#id]]"; NULL parts end it.
 * inv_parse splits and unescapes; false when malformed.  mem_free the parts. */
int inv_address(struct buf *out, const char *connection, const char *account,
		const char *id, struct err *e) __attribute__((warn_unused_result));
bool inv_parse(const char *address, char **connection, char **account, char **id);

const char *inv_state_word(enum inv_state s);
bool inv_state_parse(const char *word, enum inv_state *s);

#endif
