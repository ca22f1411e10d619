/*
 * hooks: what the commands of curfew-scan share.
 */
#ifndef HOOKS_HOOKS_H
#define HOOKS_HOOKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum exit_status {
	EXIT_CLEAN = 0,
	EXIT_FOUND = 1,	     /* or what --exit-code says */
	EXIT_ERROR = 3,	     /* nothing can be said */
	EXIT_INCOMPLETE = 4, /* not everything could be looked at */
	EXIT_USAGE = 126,    /* as gitleaks */
};

/* The environment as it was before harden_start() cut it down; NULL: unset. */
struct surroundings {
	char *config, *config_text; /* GITLEAKS_CONFIG, _TOML */
	char *cache;		    /* the folder for compiled rules */
	char *git_dir, *index, *objects, *alternates, *quarantine;
	char *pusher;		    /* who pushes, as the server tells it */
	char **option;		    /* git push -o */
	size_t options;
};

struct command {
	const char *name, *arguments, *summary;
	const char *more; /* of its help, or NULL */
	int (*run)(int argc, char **argv, const struct surroundings *s);
	const char *help; /* all of it: "usage: ...", an empty line and so on;
			   * NULL: it is made of the above */
};

extern const char scan_help[];

int cmd_pre_receive(int argc, char **argv, const struct surroundings *s);
int cmd_update(int argc, char **argv, const struct surroundings *s);
int cmd_pre_push(int argc, char **argv, const struct surroundings *s);
int cmd_pre_commit(int argc, char **argv, const struct surroundings *s);
int cmd_hook(int argc, char **argv, const struct surroundings *s);
int cmd_scan(int argc, char **argv, const struct surroundings *s);
int cmd_rules(int argc, char **argv, const struct surroundings *s);

/* Say it on stderr; returns EXIT_USAGE or EXIT_ERROR. */
int complain(const struct err *e);

#endif
