/*
 * conf: the connection's options, checked once, and the accounts that they
 * describe.  Read-only after conf_open, so all workers share it.
 */
#ifndef PROVIDERS_SSH_CONF_H
#define PROVIDERS_SSH_CONF_H

#include <stdbool.h>
#include <sys/types.h>

#include "providers/kit/kit.h"

#define CONF_FILES 16 /* key files of one account */

struct conf_file { /* option file.ACCOUNT */
	char *account, *path;
};

struct conf {
	char *root;	    /* the machine's root folder, "/" */
	bool passwd;	    /* accounts come from ROOT/etc/passwd */
	char *pattern[CONF_FILES]; /* where key files lie: %h %u %% */
	size_t patterns;
	struct conf_file *file;
	size_t files;
	char *krl;	    /* NULL: none */
	char *host;	    /* NULL: no server to prove against */
	unsigned port;
	char *host_key;	    /* SHA256:..., "any", or NULL */
	char *known_hosts;  /* NULL */
	bool cut;	    /* may end sessions on this machine */
};

int conf_open(const struct kit_connection *c, struct conf **out, struct err *e)
	__attribute__((warn_unused_result));
void conf_close(struct conf **c);

struct account {
	char *name, *home, *shell; /* home, shell: "" when not known */
	uid_t uid;		   /* KEYFILE_ANY_OWNER when not known */
	gid_t gid;
	const char *root;	   /* what the paths are below */
	char *path[CONF_FILES];
	size_t paths;
};

/* Calls fn for each account, or only for `name` when it is not empty; stops
 * at fn's first non-zero result and returns it.  Without any match it returns
 * 0.  -1 + e when the accounts cannot be read. */
typedef int (*account_fn)(const struct account *a, void *arg, struct err *e);
int accounts(const struct conf *c, const char *name, account_fn fn, void *arg,
	     struct err *e) __attribute__((warn_unused_result));

#endif
