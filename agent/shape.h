/*
 * shape: whose is a secret, by how it looks.
 *
 * The shapes come from the providers (docs/protocol.md, "shapes"): a prefix,
 * the characters after it, a length, and the place it may be sent to.  Here
 * nobody knows a service; a claim is no proof, only the service's answer is.
 */
#ifndef AGENT_SHAPE_H
#define AGENT_SHAPE_H

#include "agent/paste.h"
#include "base/json.h"

#define SHAPE_CLAIMS 16

struct claim { /* borrowed from the hello it was read from */
	const struct json *service; /* one of "services", or a hello itself */
	const char *type, *title, *kind, *prefix;
	const char *host;   /* where it is issued, NULL: see option */
	const char *option; /* the setting that names an own server, or NULL */
	bool revoke;	    /* ends with nothing but its own value */
};

struct claims {
	struct claim v[SHAPE_CLAIMS];
	size_t n;
	size_t reading;	    /* which of the paste's readings is claimed */
	struct claim near;  /* its prefix fits and the rest does not; or no type */
	char near_why[120];
};

/* Who claims one of the readings; the first that is claimed is taken.  `only`:
 * NULL, "TYPE" or "TYPE/KIND". */
void shape_claims(const struct json *services, const struct paste *p,
		  const char *only, struct claims *out);
/* Does this one connection's hello claim the value?  `type` names it. */
bool shape_claimed(const struct json *hello, const char *type,
		   const struct secret *value, struct claim *out);

/* "ghp_…x9Zk": what may be shown of it. */
void shape_hint(const struct claim *c, const struct secret *value,
		char out[static 40]);
/* "sha256:" and 64 hex digits. */
#define SHAPE_PRINT 72
void shape_print(const struct secret *value, char out[static SHAPE_PRINT]);

#endif
