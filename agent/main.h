/*
 * main: the pieces of start-up, shared by main.c (order), globals.c (options
 * and environment) and confine.c (sandbox); nobody else includes it.
 */
#ifndef AGENT_MAIN_H
#define AGENT_MAIN_H

#include "agent/app.h"
#include "agent/commands.h"
#include "agent/unlock.h"

struct globals {
	const char *dir, *config;
	struct unlock_options unlock;
	bool json, no_input, no_color, quiet, help, version;
	int verbose;
	/* from the environment, copied before it is scrubbed */
	char *env_dir, *env_data, *env_home, *env_providers, *self_dir;
};

/* What main needs of the environment; before harden_start(). */
void globals_note_environ(struct globals *g);
/* Take the global options out of argv, wherever they stand; "--" ends. */
int globals_take(struct globals *g, int *argc, char **argv, struct err *e)
	__attribute__((warn_unused_result));
/* The vault's folder and the configuration file; mem_free them. */
char *globals_dir(const struct globals *g);
/* Of its own: what the sandboxed scanner writes, no hook reads.  Or NULL. */
char *globals_scan_cache(const struct globals *g);
char *globals_config(const struct globals *g, const char *dir);
/* Where programs are looked for; mem_free it. */
char *globals_provider_path(const struct globals *g, const char *dir,
			    const struct config *c);

/* Absolute paths that the launcher grants to nobody, NULL at the end. */
#define PROTECT_MAX 100u
struct protect {
	char *v[PROTECT_MAX + 1];
	size_t n;
};
int protect_gather(const struct app *app, struct protect *p, struct err *e)
	__attribute__((warn_unused_result));
void protect_free(struct protect *p);

/* The sandbox of the core: after the vault is open, before the command. */
int confine(const struct app *app, const struct command *row, int argc,
	    char **argv, struct err *e) __attribute__((warn_unused_result));

#endif
