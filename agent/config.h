/*
 * config: DIR/curfew.toml, read once, checked whole.
 *
 * Unknown keys and wrong kinds are errors that name file, line and column.
 * A missing file is an empty configuration.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct config_identity { /* members not given are NULL */
	char *name, *owner, *workflow, *note;
	char **tags;	 size_t n_tags;
	char **accounts; size_t n_accounts; /* addresses; globs allowed */
};

struct config_workflow {
	char *name, *owner, *note;
};

struct config_connection { /* [connection.NAME]: policy, not secrets */
	char *name;
	int in_flight;	     /* requests at once; 0 = default 16 */
	double rate_per_s;   /* 0 = the provider's own fact */
	int64_t timeout_ms;  /* one call; 0 = default 30 s */
};

/* [response.NAME]: what `respond` does about a finding of ours; the first whose
 * members all fit, in the order of the file.  Members not given are NULL. */
struct config_response {
	char *name;
	char *connection, *identity, *kind; /* globs */
	char *confidence; /* at least: low, medium, high */
	char *action;	  /* notify, kill, kill-identity, rotate */
};

/* [rotation.NAME]: which credentials are rotated, when and how; the first that
 * fits a credential is its policy.  Times in ms; 0 = not given. */
enum rotation_strategy {
	STRATEGY_AUTO = 0,  /* two-slot where the facts allow, else alternate when
			     * there is a partner, else single-slot */
	STRATEGY_TWO_SLOT,  /* the new one beside the old one */
	STRATEGY_ALTERNATE, /* two accounts in turn */
	STRATEGY_SINGLE,    /* in place: an outage, which is told */
};
enum rotation_adopt { /* what must be seen before the old one goes */
	ADOPT_EVIDENCE = 0, /* new one used, or old one quiet, or the sink's word */
	ADOPT_ACKNOWLEDGED, /* every sink acknowledged */
	ADOPT_OPERATOR,	    /* curfew rotate --adopted */
};
struct schedule; /* agent/schedule.h: calendar windows with their time zone */

struct config_rotation {
	char *name;
	char **credentials; size_t n_credentials; /* globs of addresses */
	char **identities;  size_t n_identities;
	char **tags;	    size_t n_tags;
	char **connections; size_t n_connections;
	char *kind;	     /* glob; NULL all */
	char **deliver;	    size_t n_deliver; /* "SINK/PLACE" */
	char **notify;	    size_t n_notify;  /* names of [alarm.NAME] */
	char *partner;	     /* alternate: the other account's address */
	int64_t every_ms, max_age_ms, jitter_ms, overlap_ms, quiet_ms;
	struct schedule *window; /* NULL: at any time */
	enum rotation_strategy strategy;
	enum rotation_adopt adopt;
	bool on_import;	     /* a credential that appears is rotated at once */
	bool exclusive;	     /* nobody else makes keys for these accounts */
};

/* [alarm.NAME]: who hears of what needs a human.  The log always does. */
struct config_alarm {
	char *name;
	char **program; size_t n_program; /* started with these words; the
					   * alarm as JSON on standard input */
	char **mail;	size_t n_mail;	  /* addresses, through `sendmail` */
	char *sendmail;	 /* its path when there is `mail` */
	char *from;	 /* NULL: sendmail's own */
	char *webhook;	 /* https://..., or http:// of this machine */
	char **events;	size_t n_events;  /* none given: all of them */
	int64_t repeat_ms; /* while it stands; default 6 h */
};

struct config {
	struct config_rotation *rotations; size_t n_rotations;
	struct config_alarm *alarms; size_t n_alarms;
	struct config_response *responses;  size_t n_responses;
	char *spool;	     /* [spool] folder */
	int64_t spool_keep_ms; /* [spool] keep = "30d" */
	struct config_identity *identities; size_t n_identities;
	struct config_workflow *workflows;  size_t n_workflows;
	struct config_connection *connections; size_t n_connections;
	char *key_file;	     /* [vault] key_file */
	char *head_file;     /* [vault] head_file: chain head elsewhere */
	char *provider_path; /* [providers] path */
	int64_t stale_ms;    /* [inventory] stale = "90d" */
	int64_t confirm_over; /* [kill] typed confirmation above this many */
	bool require_refusal; /* [kill] require_refusal: a record is not proof */
	bool require_locked; /* [process] require_locked_memory */
};

int config_read(const char *path, struct config **out, struct err *e)
	__attribute__((warn_unused_result));
void config_free(struct config **c);
/* The identity an address belongs to, or NULL.  `alias`: the same credential's
 * address by its label (claim_alias), or NULL. */
const struct config_identity *config_identity_of(const struct config *c,
						  const char *address,
						  const char *alias);
/* Its owner, else its workflow's; "" when neither says (or id is NULL). */
const char *config_owner(const struct config *c,
			 const struct config_identity *id);
const struct config_connection *config_connection(const struct config *c,
						   const char *name);
const struct config_alarm *config_alarm(const struct config *c,
					const char *name);

struct rotation_of { /* a credential, as policies name it */
	const char *address, *account, *connection; /* "c/a#id", "c/a", "c" */
	const char *alias; /* as above */
	const char *kind;  /* as the provider calls it */
	const struct config_identity *id; /* NULL: nobody's: fits no
					   * `identities` or `tags` */
};

/* Its rotation policy, or NULL: the first in the file whose lists all hold
 * something that fits.  A list that is not given fits all. */
const struct config_rotation *config_rotation_of(const struct config *c,
						 const struct rotation_of *x);

#endif
