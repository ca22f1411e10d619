/*
 * paste: what people really put on standard input when a secret has leaked:
 * the value with blanks or quotes around it, `TOKEN=…`, a header, a URL with
 * the value in it, a whole curl command, or a whole key.
 *
 * Owns the readings of such a text; knows no service.  The readings are
 * secrets, and nothing else of the text is kept.
 */
#ifndef AGENT_PASTE_H
#define AGENT_PASTE_H

#include "base/secret.h"

#define PASTE_READINGS 10
#define PASTE_VALUE_MAX 8192u /* the longest value that is sent anywhere, bytes */

enum paste_what {
	PASTE_VALUE = 1,
	PASTE_PRIVATE_KEY, /* "-----BEGIN … PRIVATE KEY-----" */
	PASTE_OTHER_BLOCK, /* any other such block */
	PASTE_MANY,	   /* a command with several values that may be secrets */
	PASTE_PUBLIC_KEY,  /* "ssh-… AAAA…": one line, no secret at all */
};

struct paste {
	enum paste_what what;
	char block[64]; /* the words after BEGIN */
	/* From the text as it was given (blanks cut) to the innermost value. */
	struct secret *reading[PASTE_READINGS];
	size_t n;
	size_t lines; /* that hold something */
	size_t secrets; /* of PASTE_MANY */
	char host[256]; /* of a URL that the value stood in, or that the command
			 * sent it to, else "" */
};

/* -1 + ERR_USAGE: empty, or longer than any value. */
int paste_read(const struct secret *given, struct paste *out, struct err *e)
	__attribute__((warn_unused_result));
void paste_free(struct paste *p);

#endif
