/*
 * harden_landlock: (part of harden.h) minimal for now.
 */
#include "base/harden.h"

#include <sys/prctl.h>

bool harden_have_landlock(void)
{
	return false;
}

int harden_core(const struct harden_path *paths, size_t n, struct err *e)
{
	(void)paths;
	(void)n;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
		       ? 0
		       : err_sys(e, NULL, "give up new privileges");
}

int harden_helper(const struct harden_path *paths, size_t n, struct err *e)
{
	return harden_core(paths, n, e);
}
