/*
 * urgent: whoever must not wait (a kill) asks the holder of the vault to let go
 * of it.  A rotation that holds it finishes what is on its way, sends nothing
 * more and ends; nothing of its work is lost.
 */
#ifndef AGENT_URGENT_H
#define AGENT_URGENT_H

#include <stdbool.h>

/* A descriptor to be closed when the vault is open; -1: cannot be asked. */
int urgent_raise(const char *dir);
bool urgent_wanted(const char *dir);

#endif
