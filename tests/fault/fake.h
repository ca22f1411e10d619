/*
 * fake: what the files of the fake provider share.
 */
#ifndef TESTS_FAULT_FAKE_H
#define TESTS_FAULT_FAKE_H

#include "base/json.h"
#include "base/secret.h"
#include "world.h"

struct call {
	const struct json *m;
	const char *verb, *account, *kind, *id;
	const struct secret *secret; /* of the request, or NULL */
	struct secret *answer;	     /* goes with the answer */
	struct json *r;
	int64_t now, req;
	const char *status;
};

extern struct world w;

/* The script's counter `what` is not used up yet; uses one. */
bool turns(const char *what);

/* fake_rotate.c: the verbs of a rotation, and probes with a value. */
void fake_rotation_facts(struct json *kind);
void fake_last_used(struct json *item, const struct w_key *k, int64_t now);
void fake_probe(struct call *c);
void fake_mint(struct call *c);
void fake_set(struct call *c);
void fake_make(struct call *c);
void fake_deliver(struct call *c);
void fake_adopted(struct call *c);

#endif
