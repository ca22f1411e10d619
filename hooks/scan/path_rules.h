/*
 * path_rules: rules that ask for a path only, in history.
 */
#ifndef SCAN_PATH_RULES_H
#define SCAN_PATH_RULES_H

#include "hooks/scan/source.h"
#include "hooks/scan/walk.h"

struct repo;

/* Adds a sighting for every blob that may stand at a path such a rule matches;
 * tell.c asks again with the path.  After repo_objects(). */
int path_rules_find(const struct source *s, struct repo *r,
		    struct walk_out *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
