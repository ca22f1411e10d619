/* dice: the same throws in every run, for tests with made-up texts. */
#ifndef TESTS_UNIT_DICE_H
#define TESTS_UNIT_DICE_H

#include <stdint.h>

static uint64_t dice_seed = 88172645463325252u;

static inline uint32_t dice(uint32_t sides)
{
	dice_seed ^= dice_seed << 13;
	dice_seed ^= dice_seed >> 7;
	dice_seed ^= dice_seed << 17;
	return (uint32_t)(dice_seed >> 20) % sides;
}

#endif
