/* dice: the same throws in every run, for tests with made-up texts; CURFEW_DICE=N
 * gives others. */
#ifndef TESTS_UNIT_DICE_H
#define TESTS_UNIT_DICE_H

#include <stdint.h>
#include <stdlib.h>

static uint64_t dice_seed = 88172645463325252u;

static void __attribute__((constructor)) dice_other(void)
{
	const char *n = getenv("CURFEW_DICE");

	if (n)
		dice_seed ^= strtoull(n, NULL, 10) * 0x9e3779b97f4a7c15u;
}

static inline uint32_t dice(uint32_t sides)
{
	dice_seed ^= dice_seed << 13;
	dice_seed ^= dice_seed >> 7;
	dice_seed ^= dice_seed << 17;
	return (uint32_t)(dice_seed >> 20) % sides;
}

#endif
