/*
 * knob: the test build's switches, read from the environment each time.
 * A normal build holds none of this.
 */
#include "agent/engine/knob.h"

#ifdef CURFEW_TEST
#include <stdlib.h>

#include "base/text.h"

bool knob_off(enum knob k)
{
	static const char *const names[] = {
		"CURFEW_TEST_NO_SETTLE", "CURFEW_TEST_NO_RESWEEP",
		"CURFEW_TEST_NO_INTENT", "CURFEW_TEST_NO_PROOF",
		"CURFEW_TEST_NO_RECUT", "CURFEW_TEST_NO_PROTECT",
	};

	return getenv(names[k]) != NULL;
}

static int64_t number(const char *name, int64_t otherwise)
{
	const char *s = getenv(name);
	int64_t v;

	return s && text_int(s, 0, 3600000, &v) ? v : otherwise;
}

int64_t knob_gap_ms(void)
{
	return number("CURFEW_TEST_GAP_MS", GAP_MS);
}

int64_t knob_backoff_ms(void)
{
	return number("CURFEW_TEST_BACKOFF_MS", BACKOFF_FIRST_MS);
}

int64_t knob_stuck_ms(void)
{
	return number("CURFEW_TEST_STUCK_MS", STUCK_RETRY_MS);
}

int64_t knob_snapshot_ms(void)
{
	return number("CURFEW_TEST_SNAPSHOT_MS", SNAPSHOT_WAIT_MS);
}
#endif
