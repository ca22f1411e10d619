/*
 * facts: what a provider declared about its credential kinds, as numbers.
 *
 * The planner and the driver read these and nothing else about a provider
 * (docs/protocol.md, "facts").  A missing member has the careful value.
 * `all` is the worst over all kinds: it stands for the account as a whole and
 * for a kind that nobody declared.
 */
#ifndef AGENT_ENGINE_FACTS_H
#define AGENT_ENGINE_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define FACTS_KIND 48

struct kind_facts {
	char kind[FACTS_KIND];
	bool disable_cuts : 1, revoke_cuts : 1; /* live sessions end with it */
	bool by_value : 1, self_revoke : 1; /* revoke_value; with the secret */
	bool leaves_value : 1; /* after `revoke` the value is still good elsewhere */
	bool verbs_told : 1;
	/* of a rotation (docs/protocol.md, "Verbs of a rotation") */
	bool from_caller : 1, from_provider : 1; /* who makes the secret */
	bool overlap : 1, disable : 1, fixed_id : 1, makes : 1, labels : 1;
	bool tells_used : 1;
	uint16_t verbs;	   /* offered for this kind: see facts_offers */
	uint16_t length;   /* of a value that curfew makes; 0 unsaid */
	int max;	   /* most an account may hold; 0 unknown */
	int used_lag_ms;
	int64_t mint_lag_ms, list_lag_ms, revoke_lag_ms, session_ms;
	double rate_per_s; /* 0 = unlimited */
};

#define FACTS_KINDS 32

struct facts {
	struct kind_facts kinds[FACTS_KINDS];
	size_t n;
	struct kind_facts all;
};

/* `facts`: the object as declared; NULL gives the careful values. */
void facts_read(const struct json *facts, struct facts *out);
/* From the inventory's text; "" and rubbish give the careful values. */
void facts_parse(const char *text, struct facts *out);
/* Is that verb offered for the kind?  True when the facts do not say. */
bool facts_offers(const struct kind_facts *k, const char *verb);
/* Can its value alone, when it is known, end it? */
bool facts_by_value(const struct kind_facts *k);
const struct kind_facts *facts_of(const struct facts *f, const char *kind);
/* Between two listings that shall prove the end: what was made just before the
 * revoke took hold is visible after this. */
int64_t facts_settle_ms(const struct facts *f);

#endif
