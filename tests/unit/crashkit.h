/*
 * crashkit: run one piece of work in a child that dies at each of its labelled
 * crash points in turn, and look at what it left after each.
 */
#ifndef TESTS_UNIT_CRASHKIT_H
#define TESTS_UNIT_CRASHKIT_H

#include <stddef.h>

/* `work` runs in the child and returns 0 when it succeeded.  `before` sets the
 * scene, `after` checks; both run in the parent, with the label.  Walks every
 * label that an undisturbed run passes; fails the test when there are fewer
 * than `least`. */
struct crash_job {
	int (*work)(void *arg);
	void (*before)(void *arg);
	void (*after)(const char *label, void *arg);
	void *arg;
};

void crash_each(const struct crash_job *job, size_t least);

#endif
