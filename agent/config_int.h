/*
 * config_int: shared by config.c (the file) and config_*.c (what only a
 * whole section can tell); nobody else includes it.
 */
#ifndef AGENT_CONFIG_INT_H
#define AGENT_CONFIG_INT_H

#include "agent/config.h"
#include "base/toml.h"

/* One exact address and its identity, sorted for the search. */
struct claim {
	const char *address;
	size_t identity;
};

/* What the header shows, and what only this file needs. */
struct whole {
	struct config c; /* first: the two are one block */
	struct claim *claims;
	size_t n_claims;
	size_t *globs; /* identities with at least one pattern, file order */
	size_t n_globs;
};

struct reader {
	const char *file;
	struct config *c;
	struct err *e;
};

/* "FILE:LINE:COL: ..." as ERR_CONFIG; returns -1. */
int config_bad(const struct reader *r, const struct toml_node *at,
	       const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int config_nomem(const struct reader *r);

/* config_response.c: words that must be right. */
int config_responses(const struct reader *r, const struct toml_node *root)
	__attribute__((warn_unused_result));

/* config_rotation.c: values of its own kinds, what only the whole section can
 * tell, and the end. */
enum config_own { OWN_WINDOW, OWN_STRATEGY, OWN_ADOPT };
int config_own_value(const struct reader *r, enum config_own what,
		     const struct toml_node *v, void *to)
	__attribute__((warn_unused_result));
int config_rotations(const struct reader *r, const struct toml_node *root)
	__attribute__((warn_unused_result));
/* config_deliver.c: every place one that can be, and nobody else's. */
int config_deliver(const struct reader *r, const struct toml_node *root)
	__attribute__((warn_unused_result));
void config_rotations_free(struct config *c);
void config_list_free(char **v, size_t n);

/* config_alarm.c */
int config_alarms(const struct reader *r, const struct toml_node *root)
	__attribute__((warn_unused_result));
void config_alarms_free(struct config *c);

/* Fill w->claims and w->globs, checking what only the whole file can tell. */
int config_index(const struct reader *r, struct whole *w,
		 const struct toml_node *root)
	__attribute__((warn_unused_result));

#endif
