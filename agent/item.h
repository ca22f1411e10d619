/*
 * item: one thing that a provider listed (docs/protocol.md, "list"), checked.
 */
#ifndef AGENT_ITEM_H
#define AGENT_ITEM_H

#include "base/json.h"
#include "vault/inventory.h"

#define ITEM_NAME_MAX 1024u	     /* account, kind: bytes */
#define ITEM_ID_MAX 4096u	     /* id, fingerprint */
#define ITEM_ATTRIBUTES_MAX 65536u

enum item_what { ITEM_ACCOUNT = 1, ITEM_CREDENTIAL, ITEM_GRANT, ITEM_SESSION };

struct item {
	enum item_what what;
	char *account, *kind, *id; /* never NULL after item_read */
	enum inv_state state;
	bool self, makes_accounts;
	bool implied; /* an account that only its credentials name */
	int64_t created_ms, expires_ms, last_used_ms;
	char *fingerprint, *label, *attributes; /* "", "", "{}" when not given */
};

/* Wrong types, missing names, over a limit: -1 + ERR_PROTO. */
int item_read(const struct json *j, struct item *out, struct err *e)
	__attribute__((warn_unused_result));
/* The account that a credential or grant names, as an item of its own. */
int item_implied(const struct item *of, struct item *out, struct err *e)
	__attribute__((warn_unused_result));
void item_free(struct item *i);

#endif
