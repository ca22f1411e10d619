/*
 * offer: ask a real sshd whether it would take a key, without the private
 * half: the public key is offered, and the server says before any signature
 * whether it is worth one (RFC 4252, section 7).
 *
 * No agent, no configuration file, no password, no key of ours.
 */
#ifndef PROVIDERS_SSH_OFFER_H
#define PROVIDERS_SSH_OFFER_H

#include "providers/ssh/conf.h"

enum offer_answer {
	OFFER_TAKEN,   /* the server wants a signature of this key */
	OFFER_REFUSED, /* the server said no to this key, itself */
	OFFER_UNKNOWN, /* anything else */
};

/* `blob` is the key's bytes.  `said`: one line of what was seen. */
enum offer_answer offer(const struct conf *c, const char *account,
			const struct buf *blob, char *said, size_t cap);

#endif
