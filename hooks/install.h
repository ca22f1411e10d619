/*
 * install: a repository that gets hooks, and what they are told.
 */
#ifndef HOOKS_INSTALL_H
#define HOOKS_INSTALL_H

#include "hooks/hooks.h"

struct git_repository;

struct site {
	struct git_repository *git;
	char *folder; /* where the scripts go */
	const char *layout;
	bool bare, single; /* single: one file of a .d folder */
};

/* Settings that install writes and uninstall takes out again. */
#define INSTALL_SETTINGS 5
struct install_setting {
	const char *option, *name;
	bool path;
};
extern const struct install_setting install_setting[INSTALL_SETTINGS];

/* VERB is install, uninstall or status; all tell what is there afterwards.
 * value[k] NULL: as it is. */
int install_settings(const struct site *s, const char *verb,
		     const char *const *value, struct err *e)
	__attribute__((warn_unused_result));
/* 1: they are not compiled.  `cache`: the user's own folder for them. */
int install_rules(const struct site *s, const char *verb, const char *cache,
		  struct err *e) __attribute__((warn_unused_result));

#endif
