/*
 * record: incidents, actions and snapshots as sealed rows.
 *
 * An incident's actions are grouped by its id, so that `resume` loads one
 * incident with one walk.  Nothing here begins a transaction.
 */
#ifndef AGENT_ENGINE_RECORD_H
#define AGENT_ENGINE_RECORD_H

#include "agent/engine/work.h"
#include "vault/vault.h"

/* The next free name of today, INC-YYYYMMDD-N, and its id. */
int record_name(struct vault *v, int64_t now_ms, struct incident *inc,
		struct err *e) __attribute__((warn_unused_result));

int record_put_incident(struct vault *v, const struct incident *inc,
			struct err *e) __attribute__((warn_unused_result));
int record_put_action(struct vault *v, const struct work *w,
		      const struct action *a, struct err *e)
	__attribute__((warn_unused_result));

/* The incident and all its actions.  1, 0 absent, -1. */
int record_load(struct vault *v, const char *name, struct work *w,
		struct err *e) __attribute__((warn_unused_result));

/* All incidents, lent for the call. */
typedef int (*record_fn)(const struct incident *inc, void *arg, struct err *e);
int record_incidents(struct vault *v, record_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));
/* Names of the open ones, oldest first; mem_free each and the array. */
int record_open_names(struct vault *v, char ***names, size_t *n, struct err *e)
	__attribute__((warn_unused_result));
void record_free_names(char ***names, size_t n);

/* Undo data of a target: JSON text, as the provider gave it. */
struct snapshot {
	char *conn, *account, *kind, *id, *json;
	int64_t at_ms;
};
int record_put_snapshot(struct vault *v, const struct work *w,
			const struct target *t, int64_t at_ms, const char *json,
			size_t n, struct err *e)
	__attribute__((warn_unused_result));
/* All of an incident; mem_free through record_free_snapshots. */
int record_snapshots(struct vault *v, const struct incident *inc,
		     struct snapshot **out, size_t *n, struct err *e)
	__attribute__((warn_unused_result));
void record_free_snapshots(struct snapshot **s, size_t n);

/* The bytes of a row, for tests; record_load and _put go through these. */
int record_pack_action(const struct work *w, const struct action *a,
		       struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int record_unpack_action(struct work *w, const void *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));
int record_pack_incident(const struct incident *inc, struct buf *out,
			 struct err *e) __attribute__((warn_unused_result));
int record_unpack_incident(struct incident *inc, const void *p, size_t n,
			   struct err *e) __attribute__((warn_unused_result));
void incident_release(struct incident *inc);

#endif
