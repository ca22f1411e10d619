/*
 * held: did an earlier text hold this secret, as surely as the new one does?
 */
#ifndef SCAN_HELD_H
#define SCAN_HELD_H

#include "hooks/scan/findings.h"

/* What the earlier texts hold, put into the order that held() wants. */
void held_sort(struct findings *before);
/* The same rule and secret, and not at a path that made less of it than f's path
 * does now: what was no reason to refuse there may be one here. */
bool held(const struct findings *before, const struct finding *f);

#endif
