/*
 * ld: the door to libldap; the only place that includes its header.
 *
 * A connection reads no ldap.conf and no variable, follows no referral and
 * sends no password before TLS is up (unless TLS is off).  Every call ends
 * within its timeout.  A connection belongs to one thread.  Our end of each, as
 * cn=Monitor writes it ("IP=127.0.0.1:40942"), is a kit_own().
 */
#ifndef PROVIDERS_LDAP_LD_H
#define PROVIDERS_LDAP_LD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/secret.h"

struct ld_place {
	const char *url;
	bool starttls;
	const char *cafile; /* NULL: no TLS at all */
	int connect_s;
};

enum ld_cause {
	LD_FINE = 0,
	LD_SAID,	/* the server answered with a result code */
	LD_UNREACHABLE, /* not connected, or no TLS: no password was sent */
	LD_LOST,	/* the connection broke, or no answer in time */
	LD_OURS,	/* out of memory and the like */
};

struct ld_fail {
	enum ld_cause cause;
	int code;	/* 49 */
	char text[300];
};

enum { LD_NO_ATTRIBUTE = 16, LD_UNDEFINED = 17, LD_EXISTS = 20, LD_REFERRAL = 10,
       LD_NO_ENTRY = 32, LD_CREDENTIALS = 49, LD_RIGHTS = 50, LD_BUSY = 51,
       LD_UNAVAILABLE = 52, LD_CLASS = 65, LD_SIZE = 4, LD_TIME = 3, LD_ADMIN = 11,
       LD_CONSTRAINT = 19, LD_UNWILLING = 53 };

struct ld;
struct ld_entry; /* borrowed in a callback */

int ld_open(const struct ld_place *p, const char *dn, const struct secret *password,
	    struct ld **out, struct ld_fail *f) __attribute__((warn_unused_result));
void ld_close(struct ld **ld);
bool ld_usable(const struct ld *ld);
/* The same, and the server has not closed it while nothing was asked. */
bool ld_idle(const struct ld *ld);

enum ld_scope { LD_THIS, LD_BELOW };
/* Entry by entry, in pages; attributes end with NULL.  fn's other than 0 stops:
 * then LD_OURS. */
typedef int (*ld_entry_fn)(const struct ld_entry *entry, void *arg);
int ld_search(struct ld *ld, const char *base, enum ld_scope scope, const char *filter,
	      const char *const *attributes, ld_entry_fn fn, void *arg, struct ld_fail *f)
	__attribute__((warn_unused_result));
const char *ld_dn(const struct ld_entry *entry);
/* The n-th value, NULL behind the last; it ends with a NUL that is not counted. */
const char *ld_value(const struct ld_entry *entry, const char *attribute, size_t n,
		     size_t *len);

/* One change of one attribute; `values` of text, ends with NULL (none: all). */
enum ld_op { LD_ADD, LD_DELETE, LD_REPLACE };
struct ld_change {
	enum ld_op op;
	const char *attribute;
	const char *const *values;
};
/* All of the changes, or none. */
int ld_modify(struct ld *ld, const char *dn, const struct ld_change *c, size_t n,
	      struct ld_fail *f) __attribute__((warn_unused_result));
/* The server's own password change (RFC 3062). */
int ld_passwd(struct ld *ld, const char *dn, const struct secret *password,
	      struct ld_fail *f) __attribute__((warn_unused_result));

#endif
