/*
 * shadow: an account's password in ROOT/etc/shadow, as far as a kill needs it:
 * is there one that lets somebody in, lock it, unlock it.
 *
 * The hash never leaves this file's functions.  A lock is what usermod -L does:
 * a '!' before the hash, nothing else changed, under the lock that passwd and
 * usermod take (ROOT/etc/.pwd.lock).
 */
#ifndef PROVIDERS_SSH_SHADOW_H
#define PROVIDERS_SSH_SHADOW_H

#include "providers/ssh/conf.h"
#include "providers/ssh/keyfile.h"

#define SHADOW_KIND "password"

enum shadow {
	SHADOW_UNSEEN, /* no root folder, or no shadow file below it */
	SHADOW_NONE,   /* no password that could ever be typed ("*", "!", no line) */
	SHADOW_USABLE, /* a hash, or an empty field: somebody may get in */
	SHADOW_LOCKED, /* a hash behind '!' */
};

/* One reading of the file, for many accounts. */
struct shadow_file {
	struct keyfile f;
	bool seen;  /* it was there and was read */
	size_t pos; /* behind the last hit: both files have one order */
};
/* No option root, or no such file: ok, unseen.  -1 + e: it cannot be read. */
int shadow_read(const struct conf *c, struct shadow_file *s, struct err *e)
	__attribute__((warn_unused_result));
enum shadow shadow_of(struct shadow_file *s, const char *account);
void shadow_close(struct shadow_file *s);

/* Both at once, for one account. */
int shadow_look(const struct conf *c, const char *account, enum shadow *out,
		struct err *e) __attribute__((warn_unused_result));
/* Lock or unlock.  *was: before; already so is ok and changes nothing. */
int shadow_change(const struct conf *c, const char *account, bool lock,
		  enum shadow *was, struct err *e)
	__attribute__((warn_unused_result));
/* Has this process locked it (and so may `enable` of the account unlock it)? */
bool shadow_ours(const char *account);

#endif
