/*
 * log: what the processes say to their operators, on stderr.
 *
 * One line each, time in UTC, key=value tail; plain text on a terminal, one
 * JSON object a line with log_set_json().  Every registered secret is
 * replaced before a line leaves.  Text from outside is escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };

void log_setup(const char *program, enum log_level max, bool json);
void log_line(enum log_level l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void log_err(enum log_level l, const struct err *e);

/* Colour and progress: only on a terminal, not with NO_COLOR or TERM=dumb. */
bool log_fancy(int fd);

#endif
