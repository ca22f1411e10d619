/*
 * help: what curfew-scan tells about itself beside its command table.
 */
#ifndef HOOKS_HELP_H
#define HOOKS_HELP_H

#include "hooks/hooks.h"

extern const char help_settings[]; /* of the hooks */
/* The manual page, to standard output. */
void help_man(const struct command *v, size_t n);

#endif
