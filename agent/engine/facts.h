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
	bool disable_cuts, revoke_cuts; /* live sessions end with it */
	bool by_value, self_revoke; /* revoke_value; with the secret itself */
	bool leaves_value; /* after `revoke` the value is still good elsewhere */
	bool verbs_told;
	uint16_t verbs;	   /* offered for this kind: see facts_offers */
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
