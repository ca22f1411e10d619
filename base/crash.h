/*
 * crash: labelled points where a test can end the process.
 *
 * In test builds CURFEW_CRASH_AT=label[:n] exits with _exit(137) at the n-th
 * passing of that label, and CURFEW_CRASH_LIST=FILE appends each label passed,
 * so the tests can walk them all.  CURFEW_PAUSE_AT=label waits there until
 * CURFEW_PAUSE_FILE, which it makes, is removed.  In normal builds it is nothing.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef CURFEW_TEST
void crash_point(const char *label);
#else
static inline void crash_point(const char *label) { (void)label; }
#endif

#endif
