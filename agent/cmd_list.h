/*
 * cmd_list: the subjects of `list` that are not rows of the inventory.
 */
#ifndef AGENT_CMD_LIST_H
#define AGENT_CMD_LIST_H

#include "agent/view.h"

int list_identities(const struct app *app, const struct view_filter *f,
		    struct err *e) __attribute__((warn_unused_result));
int list_connections(const struct app *app, struct err *e)
	__attribute__((warn_unused_result));
/* Accounts of the same name at several connections that no identity claims, as
 * a piece of curfew.toml. */
int list_suggestions(const struct app *app, struct err *e)
	__attribute__((warn_unused_result));
/* One line on stderr when there are some. */
int suggest_hint(const struct app *app, struct err *e)
	__attribute__((warn_unused_result));

#endif
