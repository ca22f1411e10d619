/*
 * view: the inventory as rows for people: who owns it, how old, what is odd.
 */
#ifndef AGENT_VIEW_H
#define AGENT_VIEW_H

#include "agent/app.h"
#include "vault/inventory.h"

enum view_what { VIEW_CREDENTIALS, VIEW_ACCOUNTS, VIEW_GRANTS };

enum view_flag {
	VF_STALE = 1,	  /* neither used nor made within [inventory] stale */
	VF_OWNERLESS = 2, /* no identity with an owner claims it */
	VF_NEVER = 4,	  /* alive without an expiry date */
	VF_NEW = 8,	  /* first seen by the last sync */
	VF_MISSING = 16,  /* complete listings did not show it */
	VF_REVIVED = 32,  /* was proved dead, is listed active */
	VF_SELF = 64,	  /* curfew's own access hangs on it */
	VF_OVERDUE = 128, /* past its expiry date and still active */
	VF_MAKES = 256,	  /* can create accounts */
};

struct view_row { /* strings are the view's */
	const char *address, *connection, *account, *kind, *id;
	const char *fingerprint, *label;
	const char *attributes; /* JSON object, or "" */
	const struct config_identity *identity; /* or NULL */
	const char *owner;
	enum inv_state state;
	unsigned flags, missing;
	int64_t created_ms, expires_ms, last_used_ms;
	int64_t seen_ms, first_seen_ms, dead_ms;
	bool has_secret;
	bool dead_record; /* dead_ms: by the service's record */
};

struct view_filter { /* NULL, 0: any */
	const char *identity, *connection, *tag, *owner, *kind, *glob;
	const char *state; /* inv_state word, or "missing" */
	unsigned flags;	   /* all of these */
};

struct view;

int view_load(const struct app *app, enum view_what what,
	      const struct view_filter *f, struct view **out, struct err *e)
	__attribute__((warn_unused_result));
void view_free(struct view **v);
const struct view_row *view_rows(const struct view *v, size_t *n);
/* "address", "age", "used", "expires", "owner", "identity", "state", "kind";
 * '-' in front reverses. */
int view_sort(struct view *v, const char *column, struct err *e)
	__attribute__((warn_unused_result));

/* What is odd about a row, comma-separated. */
const char *view_flags_text(unsigned flags, char out[static 128]);
/* "DEAD (proved)", "active", "missing" */
const char *view_state_text(const struct view_row *r);
/* For "since": a span from then to now, "" when unknown. */
const char *view_age(int64_t then_ms, int64_t now_ms, char out[static 32]);

/* Flags of one record, for show; synced_ms of its connection. */
unsigned view_flags_of(const struct app *app, const struct view_row *r,
		       enum view_what what, int64_t synced_ms, int64_t now_ms);

#endif
