/*
 * work: the targets and actions of one incident, in memory.
 *
 * What is here is what the rows say (engine/record.h): a target is a thing to
 * end, an action is one provider call on it with its state.  The driver
 * changes an action here and writes its row in the same round.  Plain data;
 * 50,000 targets with their actions take some tens of MB.
 *
 * Times are wall clock milliseconds, 0 = not yet.
 */
#ifndef AGENT_ENGINE_WORK_H
#define AGENT_ENGINE_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "vault/store.h"

enum verb {
	V_SNAPSHOT = 1, /* evidence and undo data, before anything is lost */
	V_DISABLE,
	V_REVOKE,
	V_CUT,		/* cut_sessions */
	V_REMOVE_GRANT,
	V_RESWEEP,	/* list; of an account or of a whole connection */
	V_PROBE,
	V_NOTE,		/* nothing is called: a thing that is left, and why */
	V_VERBS,
};

enum target_what { T_ACCOUNT = 1, T_CREDENTIAL, T_GRANT, T_CONNECTION };

enum action_state {
	A_INTENDED = 1, /* written, never answered */
	A_SENT,		/* a call may be under way */
	A_TRYING,	/* answered, not finished: next_ms says when again */
	A_DONE,		/* ok or absent; a probe: proved; a sweep: clean twice */
	A_UNSUPPORTED,	/* the provider cannot */
	A_MOOT,		/* no longer wanted: the end was reached otherwise */
};

enum target_flag {
	TF_SELF = 1,	   /* curfew's own access hangs on it */
	TF_FOUND = 2,	   /* joined by a listing during the incident */
	TF_APPEARED = 4,   /* an account made during the incident */
	TF_MAKES = 8,	   /* its holder can make accounts */
	TF_SKIPPED = 16,   /* left alone by policy: counts as alive */
	TF_REPORTED = 32,  /* left alone because it is not ours: told only */
	TF_BEFORE = 64,	   /* proved dead by an earlier incident */
	TF_WAS_OFF = 128,  /* disabled before this incident began */
};

enum action_flag {
	AF_ALIVE = 1,	 /* probe: the last word was "alive" */
	AF_REFUSAL = 2,	 /* probe: dead by the service refusing the secret */
	AF_CONFIRM = 4,	 /* probe: proved, but a later listing shows it */
	AF_UNDO_LOST = 8, /* went ahead without its snapshot */
	AF_RECORD = 16,	 /* probe: only records so far, and a refusal is asked */
	AF_BASELINE = 32, /* sweep: the incident's first listing is complete */
	AF_LISTED = 64,	 /* account probe: taken from two clean listings;
			  * revoke: sent again because a listing showed it */
	AF_NO_BARE = 128, /* probe: the service says nothing without the secret */
	AF_SURVIVED = 256, /* probe: alive although its end was confirmed */
	AF_SHOWN = 1024, /* probe: proved, and a listing shows it active; until
			  * a listing is clean */
	AF_KNOWN = 2048, /* revoke, by value: the service knew the value */
	AF_BY_VALUE = 4096, /* revoke: sent as revoke_value, the value sealed */
	AF_NO_ID = 8192,    /* revoke: the provider cannot by id */
	AF_NO_VALUE = 16384, /* revoke: nor by the value sealed here */
	AF_DOUBT = 32768,   /* revoke: the value sealed here was refused from the
			     * first, and an end by id would leave the right one */
	AF_ABSENT = 512, /* note: nothing answers to what curfew.toml names;
			  * disable: no sync and no listing has shown it */
};

#define NONE UINT32_MAX

/* The account of a credential of which nothing is known but its value: it is
 * ended with revoke_value, and dead only where the service knew the value. */
#define ACCOUNT_BY_VALUE "(by value)"

struct action {
	uint32_t target;
	uint8_t verb, state;
	uint8_t status;	   /* enum link_status of the last answer */
	uint16_t flags;
	uint32_t attempts; /* sent */
	uint32_t fails;	   /* answers in a row that did not finish it */
	uint32_t count;	   /* probe: dead in a row; sweep: clean in a row */
	int64_t next_ms;   /* when to send; INT64_MAX: waits for another */
	int64_t held_ms;   /* the service asked to wait until then; 0 */
	/* snapshot: how long earlier runs waited for evidence at its connection
	 * (evidence.c): with the service in reach, and with nothing coming back
	 * of it.  0, 0: another one bears it, or there is nothing to count. */
	int64_t reach_ms, quiet_ms;
	int64_t sent_ms, answered_ms, done_ms;
	int64_t first_ms;  /* probe: first "dead" of the row; cut: first sent */
	int64_t last_ms;   /* probe: last "dead" */
	int64_t value_ms;  /* probe: the service last took the value; 0 never */
	char *note;	   /* last error or evidence; NULL */
	bool dirty, sending;
	bool bare;	   /* the probe under way went without the secret */
	bool with_value;   /* ... with it */
	bool beside;	   /* probe: before the cut: is the value any good? */
};

struct target {
	uint8_t what, flags;
	uint16_t conn;	    /* index into work.conns */
	uint32_t parent;    /* the account target that covers it, or NONE */
	uint32_t child, sibling; /* of an account: its credentials and grants */
	uint32_t chain;	    /* hash chain */
	uint32_t act[V_VERBS];
	char *account, *kind, *id; /* "" when not fitting */
};

struct incident {
	char *name;	    /* INC-20261122-1 */
	struct store_id id;
	char *reason, *who, *words, *outcome;
	int64_t opened_ms, closed_ms;
	bool include_self, require_refusal;
};

struct work {
	struct incident inc;
	char **conns; size_t n_conns;
	struct target *targets; uint32_t n_targets, cap_targets;
	struct action *actions; uint32_t n_actions, cap_actions;
	uint32_t *table; uint32_t table_size; /* hash of targets */
	uint32_t orphans; /* credentials and grants without an account target */
};

void work_free(struct work *w);
/* The connection's index, added when new. -1 + e. */
int work_conn(struct work *w, const char *name, uint16_t *out, struct err *e)
	__attribute__((warn_unused_result));
/* Find, NONE when absent. */
uint32_t work_find(const struct work *w, enum target_what what,
		   const char *conn, const char *account, const char *kind,
		   const char *id);
/* Find or add; *added may be NULL.  A credential or grant is hung below its
 * account's target when there is one, and the other way round. */
int work_target(struct work *w, enum target_what what, const char *conn,
		const char *account, const char *kind, const char *id,
		uint32_t *out, bool *added, struct err *e)
	__attribute__((warn_unused_result));
/* After loading rows in any order: hang the orphans below their accounts. */
void work_adopt(struct work *w);
/* The target's action of that verb, added as A_INTENDED when there is none. */
int work_action(struct work *w, uint32_t target, enum verb v, int64_t next_ms,
		uint32_t *out, struct err *e)
	__attribute__((warn_unused_result));
/* The target's action of that verb, or NULL. */
struct action *work_of(const struct work *w, uint32_t target, enum verb v);
/* Is the target an account or credential that nobody has ever seen?  For an
 * account asked of the service: once the answer is there. */
bool work_missing(const struct work *w, uint32_t target);
/* The clock was set forward by that much, or back again: what counts the time
 * since or until waits as long as before. */
void work_move(struct work *w, int64_t by_ms);
int action_note(struct action *a, const char *text, struct err *e)
	__attribute__((warn_unused_result));

bool target_by_value(const struct target *t);
/* Does this action end it by its value? */
bool action_by_value(const struct work *w, const struct action *a);
/* The verb as it is sent. */
const char *action_verb(const struct work *w, const struct action *a);
/* By value, and the service has not shown that it knows the value: its refusal
 * proves nothing.  `elsewhere`: another one of the incident's has. */
bool work_unknown(const struct work *w, uint32_t target);
bool work_elsewhere(const struct work *w, uint32_t target);
/* Has the service ever taken the value that its probes carry? */
bool work_value_seen(const struct work *w, uint32_t target);
/* Has the service confirmed, in this incident, that it ended it? */
bool work_confirmed(const struct work *w, uint32_t target);
/* Is this probe the one that asks, before anything was cut, whether the value
 * is any good? */
bool work_try_value(const struct work *w, const struct action *a);
/* Its value is refused, and that proves nothing so far. */
bool work_unproved(const struct work *w, uint32_t target);
bool action_open(const struct action *a); /* still to be worked on */
bool action_settled(const struct action *a); /* done, unsupported, moot */
/* Does it change something at the provider? */
bool verb_cuts(unsigned v);
const char *verb_word(unsigned v);   /* as in the protocol */
const char *action_word(unsigned state);
const char *work_conn_name(const struct work *w, const struct target *t);

#endif
