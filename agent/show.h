/*
 * show: how one thing of the inventory is told, as text or as JSON.
 */
#ifndef AGENT_SHOW_H
#define AGENT_SHOW_H

#include "agent/view.h"
#include "base/json.h"

struct rot_index;

struct show {
	const struct app *app;
	struct json *json; /* the answer when --json, else NULL */
	int64_t now_ms;
	/* the connection of what is shown now */
	struct inv_connection conn;
	bool have_conn;
	struct json *facts;
	struct rot_index *lines; /* of the account shown now */
	size_t n_things;
	bool incidents; /* tell what incidents did to it */
};

/* 1 there, 0 no such connection. */
int show_set_connection(struct show *s, const char *name, struct err *e)
	__attribute__((warn_unused_result));
int show_connection(struct show *s, const char *name, struct err *e)
	__attribute__((warn_unused_result));
int show_account(struct show *s, const struct inv_account *a, struct err *e)
	__attribute__((warn_unused_result));
int show_credential(struct show *s, const struct inv_credential *c,
		    struct err *e) __attribute__((warn_unused_result));
int show_grant(struct show *s, const struct inv_grant *g, struct err *e)
	__attribute__((warn_unused_result));
/* What incidents did to an account (id NULL) or to one thing of it. */
int show_incidents(struct show *s, const char *connection, const char *account,
		   const char *id, struct err *e)
	__attribute__((warn_unused_result));
void show_identity_head(struct show *s, const struct config_identity *id);
/* An address of the configuration that no sync has seen. */
void show_unseen(struct show *s, const char *address);
void show_release(struct show *s);

#endif
