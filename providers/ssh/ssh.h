/*
 * ssh: what the provider's own files share: the session of a worker, the
 * verbs, and the keys remembered for probing after their lines are gone.
 */
#ifndef PROVIDERS_SSH_SSH_H
#define PROVIDERS_SSH_SSH_H

#include "providers/kit/kit.h"
#include "providers/ssh/conf.h"
#include "providers/ssh/keyfile.h"
#include "providers/ssh/keyline.h"
#include "providers/ssh/shadow.h"

struct ssh {
	struct conf *conf;
};

/* What a request means.  false: the reply says why not. */
bool ssh_select(const struct kit_request *q, struct keysel *sel, struct kit_reply *r);
/* Turn an error into an answer: busy is `retry`, a refusal of ours `refused`;
 * -1 (the kit says `unknown`) for the rest. */
int ssh_told(struct kit_reply *r, const struct err *e);

/* Keys by fingerprint, for all workers; a full store forgets the oldest. */
void known_put(const char *print, const struct buf *blob);
int known_get(const char *print, struct buf *blob, struct err *e)
	__attribute__((warn_unused_result));

/* revoked.c: the file of option krl; without one nothing is ever in it. */
int revoked_has(const struct conf *c, const char *print, bool *has,
		struct buf *blob, struct err *e) __attribute__((warn_unused_result));
int revoked_hashes(const struct conf *c, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
bool revoked_in(const struct buf *hashes, const char *print);
/* Put these keys in or take them out: `n` fingerprints; keys that are known
 * (known_get) go in by themselves, others by their fingerprint. */
int revoked_change(const struct conf *c, bool add, char (*prints)[KEYLINE_PRINT],
		   size_t n, bool *changed, struct err *e)
	__attribute__((warn_unused_result));

/* password.c: kind `password`.  q->verb says which verb; list does its own. */
bool password_asked(const struct kit_request *q);
int password_verb(struct ssh *ssh, const struct kit_request *q, struct kit_reply *r,
		  struct err *e) __attribute__((warn_unused_result));
/* For a snapshot: "usable", "locked" or "none"; NULL + e. */
const char *password_word(struct ssh *ssh, const char *account, struct err *e);
/* Unlock if the snapshot says that it was usable. */
int password_back(struct ssh *ssh, const struct json *snap, const char *account,
		  struct err *e) __attribute__((warn_unused_result));

/* change.c: one key file, read, edited in memory and replaced under one lock;
 * read again when others change it meanwhile.  fn makes the new text; *changed
 * stays 0 when nothing is to be done.  *total grows by it. */
typedef int (*ssh_edit_fn)(const struct keyfile *f, void *arg, struct buf *out,
			   size_t *changed, struct err *e);
int ssh_edit_file(const struct account *a, const char *path, ssh_edit_fn fn,
		  void *arg, size_t *total, struct err *e)
	__attribute__((warn_unused_result));

/* The verbs. */
#define SSH_VERB(name)                                                          \
	int name(void *session, const struct kit_connection *c,                 \
		 const struct kit_request *q, struct kit_stream *s,             \
		 struct kit_reply *r, struct err *e)
SSH_VERB(ssh_list);
SSH_VERB(ssh_probe);
SSH_VERB(ssh_disable);
SSH_VERB(ssh_enable);
SSH_VERB(ssh_revoke);
SSH_VERB(ssh_snapshot);
SSH_VERB(ssh_restore);
SSH_VERB(ssh_cut);
SSH_VERB(ssh_make);
SSH_VERB(ssh_set);

#endif
