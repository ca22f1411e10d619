/*
 * complain: the one way a command of curfew-scan says an error.
 */
#include <stdio.h>

#include "hooks/hooks.h"

int complain(const struct err *e)
{
	char line[1400];

	err_format(e, line, sizeof(line));
	fprintf(stderr, "curfew-scan: %s\n", line);
	return e->code == ERR_USAGE ? EXIT_USAGE : EXIT_ERROR;
}
