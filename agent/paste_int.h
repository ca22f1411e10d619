/*
 * paste_int: what paste.c and paste_command.c share.
 */
#ifndef AGENT_PASTE_INT_H
#define AGENT_PASTE_INT_H

#include "agent/paste.h"

/* Bytes of the pasted secret, where they lie. */
struct span {
	const unsigned char *p;
	size_t n;
};

struct reader {
	struct paste *out;
	struct err *e;
};

bool span_starts(struct span s, const char *word); /* whatever the case */
struct span span_after(struct span s, size_t n);
struct span span_trim(struct span s);
bool span_unquote(struct span *s); /* one pair of quotes around it */

/* s as a reading, then each reading that taking a wrapping off leaves. */
int paste_unwrap(struct reader *r, struct span s)
	__attribute__((warn_unused_result));
void paste_host(struct paste *out, struct span host);

/* "curl -H 'Authorization: Bearer …' https://…": 1 it was such a command and
 * its readings are added, 0 it is none, -1. */
int paste_command(struct reader *r, struct span s)
	__attribute__((warn_unused_result));

#endif
