/*
 * cmd_provider: asking a provider program what it is, for connect too.
 */
#ifndef AGENT_CMD_PROVIDER_H
#define AGENT_CMD_PROVIDER_H

#include <stdbool.h>

#include "agent/app.h"
#include "agent/engine/link.h"
#include "agent/launch.h"

/* Start the program with a bare hello; *hello is the caller's to free. */
int provider_hello(struct launcher *l, const char *type, struct json **hello,
		   struct err *e) __attribute__((warn_unused_result));
/* Its settings and what admin credential it wants, on stdout. */
void provider_print_options(const struct json *hello);

/* Is that a definition's file ("x.toml", with a '/') rather than a type? */
bool provider_is_file(const char *word);
/* Let curfew-provider-http read the file and say what it thinks of it: flag
 * "--check", or "--try" with n more words.  Returns the exit code. */
int provider_file(struct app *app, const char *file, const char *flag,
		  char **more, int n);

#endif
