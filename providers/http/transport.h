/*
 * transport: one request over libcurl, the provider's only door to the network.
 *
 * Promises: TLS is verified; plain http only to this machine itself; no
 * redirect is followed; a body is capped (WIRE_BODY_MAX), so is time; curl's
 * memory is wiped when freed.  One struct wire per thread: its connection is
 * kept alive between requests.
 */
#ifndef PROVIDERS_HTTP_TRANSPORT_H
#define PROVIDERS_HTTP_TRANSPORT_H

#include "base/buf.h"
#include "providers/kit/kit.h"

#define WIRE_BODY_MAX (16u * 1024 * 1024)
#define WIRE_HEAD_MAX (64u * 1024)
#define WIRE_CONNECT_MS 8000
#define WIRE_SHORT_MS 100
#define WIRE_TOTAL_MS 25000 /* below the core's 30 s for a call */

enum wire_auth { WIRE_PLAIN, WIRE_BASIC, WIRE_DIGEST, WIRE_SIGV4 };

struct wire_ask {
	const char *method, *url;
	const char *headers; /* "Name: value\n…" */
	const char *body;    /* NULL: none */
	size_t body_len;
	bool once;	     /* never sent twice, whatever happens */
	enum wire_auth auth;
	const char *user, *password; /* for sigv4: key id and key */
	const char *sigv4;	     /* "aws:amz:REGION:SERVICE" */
};

struct wire_answer {
	long status;
	struct buf body, headers; /* the last header block, lines with '\n' */
};

struct wire;

int wire_boot(struct err *e) __attribute__((warn_unused_result)); /* once */
struct wire *wire_open(const struct kit_connection *c, struct err *e);
void wire_close(struct wire **w);
/* How many requests there were of which at least a byte left. */
unsigned wire_asked(const struct wire *w);

/* 0 with an answer; -1 without.  *sent then tells whether the request may have
 * reached the service (its outcome is unknown) or certainly did not. */
int wire_send(struct wire *w, const struct wire_ask *q, struct wire_answer *a,
	      bool *sent, struct err *e) __attribute__((warn_unused_result));
void wire_answer_free(struct wire_answer *a);
/* A header's value, trimmed; false when it is not there. */
bool wire_header(const struct wire_answer *a, const char *name, struct buf *out);
/* `next`, which may be relative to `url`, made whole in `out`; an error when it
 * leaves scheme, host or port. */
int wire_next(const char *url, const char *next, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

#endif
