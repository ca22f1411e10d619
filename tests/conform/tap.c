/* tap: test lines, counted. */
#include "tests/conform/conform.h"

#include <stdarg.h>
#include <stdio.h>

static unsigned count, failed;

bool tap(bool cond, const char *name, const char *why, ...)
{
	char text[600];
	va_list ap;

	printf("%sok %u - %s\n", cond ? "" : "not ", ++count, name);
	if (!cond) {
		failed++;
		va_start(ap, why);
		vsnprintf(text, sizeof(text), why, ap);
		va_end(ap);
		printf("# %s\n", text);
	}
	fflush(stdout);
	return cond;
}

void tap_skip(const char *name, const char *why)
{
	printf("ok %u - %s # SKIP %s\n", ++count, name, why);
}

int tap_end(void)
{
	printf("1..%u\n", count);
	if (failed)
		printf("# %u of %u tests failed\n", failed, count);
	return failed ? 1 : 0;
}
