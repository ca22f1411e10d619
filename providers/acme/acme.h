/*
 * acme: X.509 certificates of an authority that speaks ACME (RFC 8555), see
 * docs/providers/acme.md.
 *
 * client.c speaks ACME, store.c keeps the certificates (nothing secret),
 * order.c gets one, prove.c shows that we hold a name, act.c is the verbs.
 * A session is one worker's: a connection, the account's key, a nonce.
 */
#ifndef PROVIDERS_ACME_ACME_H
#define PROVIDERS_ACME_ACME_H

#include "base/buf.h"
#include "providers/http/transport.h"
#include "providers/kit/kit.h"
#include "providers/http/pki.h"

#define ACME_NAMES 100	   /* of one certificate */
#define ACME_URL 1024
#define ACME_NONE "none" /* the id of the place for a first certificate */

struct acme {
	const struct kit_connection *c;
	struct wire *w;
	struct pki_key *key;	/* the account's */
	struct buf directory, new_nonce, new_account, new_order, revoke_cert;
	struct buf account;	/* its address, "kid" */
	struct buf nonce;
	struct buf thumb;	/* RFC 7638, base64url */
	const char *store, *challenges, *dns, *type;
	int reason;		/* of a revocation, RFC 5280 5.3.1 */
	int64_t until_mono;	/* a verb that waits does so until then */
};

/* ---- client.c ------------------------------------------------------------------ */

enum acme_fate {
	ACME_OK,    /* 2xx */
	ACME_NO,    /* the authority's own no: `problem`, `detail` */
	ACME_LATER, /* not now: `after_ms` */
	ACME_LOST,  /* no answer that tells */
};

struct acme_answer {
	enum acme_fate fate;
	struct json *body;	/* NULL when it is no JSON */
	struct buf text;	/* as it came */
	char location[ACME_URL];
	char problem[64];	/* what follows urn:ietf:params:acme:error: */
	char detail[300];
	int64_t after_ms;
};

int acme_open(const struct kit_connection *c, void **session, struct err *e);
void acme_close(void *session);
/* A signed request; payload NULL: only read (POST-as-GET).  -1: our own fault. */
int acme_post(struct acme *a, const char *url, const char *payload,
	      struct acme_answer *out, struct err *e) __attribute__((warn_unused_result));
void acme_answer_free(struct acme_answer *a);
/* What a fate that is not ACME_OK means for a verb; returns 0. */
int acme_say(struct kit_reply *r, const struct acme_answer *a, const char *what);

/* ---- store.c --------------------------------------------------------------------- */

/* The file ACCOUNT.ID.EXT of the store.  1 read, 0 not there, -1. */
int acme_load(const struct acme *a, const char *account, const char *id,
	      const char *ext, struct buf *out, int64_t *made_ms, struct err *e)
	__attribute__((warn_unused_result));
int acme_save(const struct acme *a, const char *account, const char *id,
	      const char *ext, const struct buf *text, struct err *e)
	__attribute__((warn_unused_result));
int acme_drop(const struct acme *a, const char *account, const char *id,
	      const char *ext, struct err *e) __attribute__((warn_unused_result));
/* Every certificate there is. */
typedef int (*acme_each_fn)(const char *account, const char *serial, void *arg,
			    struct err *e);
int acme_each(const struct acme *a, acme_each_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
bool acme_account_fits(const char *s);
bool acme_serial_fits(const char *s);
/* The option name.ACCOUNT, or NULL. */
const char *acme_names(const struct kit_connection *c, const char *account);

/* ---- prove.c ------------------------------------------------------------------------ */

/* Put up what shows that we hold the name, tell the authority, wait for its
 * word.  1: it has it; 0: r is filled; -1. */
int acme_prove(struct acme *a, const char *authz, struct kit_reply *r, struct err *e)
	__attribute__((warn_unused_result));
/* Wait a little, as the authority asks; false: the verb's time is up. */
bool acme_wait(struct acme *a, const struct acme_answer *q, unsigned *round);

/* ---- verbs: order.c, act.c ------------------------------------------------------------ */

#define ACME_VERB(name)                                                       \
	int name(void *session, const struct kit_connection *c,               \
		 const struct kit_request *q, struct kit_stream *s,           \
		 struct kit_reply *r, struct err *e)
ACME_VERB(acme_set);
ACME_VERB(acme_list);
ACME_VERB(acme_make);
ACME_VERB(acme_probe);
ACME_VERB(acme_revoke);

#endif
