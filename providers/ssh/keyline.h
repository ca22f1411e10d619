/*
 * keyline: one line of an authorized_keys file, read as sshd reads it
 * (sshd(8), AUTHORIZED_KEYS FILE FORMAT; observed with OpenSSH 9.2).
 *
 * A line is bytes.  What is not understood is KEYLINE_OTHER and nobody's
 * business: the edits below copy it unchanged.  Fingerprints are taken over
 * the key in the form sshd brings it to (leading zero bytes of RSA and DSA
 * numbers dropped), so that the same key written in two ways has one name.
 */
#ifndef PROVIDERS_SSH_KEYLINE_H
#define PROVIDERS_SSH_KEYLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define KEYLINE_PRINT 52 /* "SHA256:" + 43 + NUL, rounded up */
#define KEYLINE_MARK "#curfew-disabled:"

enum keyline_what { KEYLINE_OTHER, KEYLINE_KEY, KEYLINE_DISABLED };

struct span {
	const char *p;
	size_t n;
};

struct keyline {
	enum keyline_what what;
	struct span all;  /* the whole line with its newline, if it has one */
	struct span body; /* what stands behind the mark of a disabled line,
			     else the same as all */
	struct span options, type, key, comment; /* key: base64 text */
	bool ca;	    /* option cert-authority */
	int64_t expires_ms; /* option expiry-time; 0: none */
	char print[KEYLINE_PRINT]; /* SHA256:... */
};

/* The line at *pos of p[0..n); moves *pos behind it.  false at the end.  -1 is
 * not needed: a line that cannot be read is KEYLINE_OTHER. */
bool keyline_next(const char *p, size_t n, size_t *pos, struct keyline *l);

/* The key itself, canonical bytes. */
int keyline_blob(const struct keyline *l, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* "SHA256:..." of canonical key bytes. */
void keyline_print(const void *blob, size_t n, char out[static KEYLINE_PRINT]);
/* The 32 bytes of a fingerprint text; false when it is not one. */
bool keyline_unprint(const char *print, unsigned char out[static 32]);

/* Which lines an edit means: print NULL or "" = all keys; kind "ssh-key",
 * "ssh-ca" or "" for both. */
struct keysel {
	const char *kind, *print;
};
bool keysel_match(const struct keysel *s, const struct keyline *l);
const char *keyline_kind(const struct keyline *l);

enum keyedit { KEYEDIT_DISABLE, KEYEDIT_ENABLE, KEYEDIT_REMOVE };

/* Copy the file's text with the selected lines changed; `stamp` (no spaces)
 * goes behind the mark.  *changed counts lines. */
int keyedit(const char *p, size_t n, enum keyedit how, const struct keysel *s,
	    const char *stamp, struct buf *out, size_t *changed, struct err *e)
	__attribute__((warn_unused_result));

/* Put `line` (bytes as they were, newline included if it had one) back as
 * line number `number` (from 1).  `after` is the SHA-256 of the line that
 * stood before it (NULL: it was the first): if the file has moved, the line
 * goes behind that one.  A line already there is not doubled; its disabled
 * form is replaced. */
int keyedit_restore(const char *p, size_t n, struct span line, size_t number,
		    const unsigned char *after, struct buf *out, bool *changed,
		    struct err *e) __attribute__((warn_unused_result));

#endif
