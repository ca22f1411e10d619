/*
 * request: from an entry of the definition to a request, and its answer read.
 */
#ifndef PROVIDERS_HTTP_REQUEST_H
#define PROVIDERS_HTTP_REQUEST_H

#include "providers/http/tmpl.h"
#include "providers/http/transport.h"

struct request {
	const char *method;
	struct buf url, headers, body, user, password, sigv4;
	bool has_body, once;
	enum wire_auth auth;
	const char *token; /* the way to sign in whose kept token it carries */
	unsigned token_turn;
	int64_t wait_ms; /* asked for by the token's service, else 0 */
};

struct answer {
	struct wire_answer w;
	struct json *doc;  /* NULL: no body, or not readable */
	bool readable;	   /* the body is what `answers` says, or empty */
	enum { PICK_NO_LIST, PICK_ABSENT, PICK_FOUND } picked; /* found: it is now doc */
	char *url, *line;  /* "POST /path", for messages */
	int64_t wait_ms;   /* no token was to be had for so long */
};

/* One worker's session. */
struct session {
	const struct def *def;
	struct wire *wire;
};

int request_build(const struct toml_node *n, const struct scope *s,
		  struct wire *w, struct request *r, struct err *e)
	__attribute__((warn_unused_result));
/* url NULL: the entry's own; else (a further page) that one. */
int request_run(struct session *ses, const struct toml_node *n,
		const struct scope *s, const char *url, struct answer *a,
		bool *sent, struct err *e) __attribute__((warn_unused_result));
/* For people: secrets are blanked when the scope says `show`. */
int request_print(const struct request *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
void request_free(struct request *r);
void answer_free(struct answer *a);
/* "service answered 403 to GET /x (why it says)", cut, secrets blanked. */
void answer_tell(const struct def *d, const struct answer *a, char *out, size_t cap);

/* auth.c: headers and signing of way `name`; may fetch a token first. */
int auth_apply(const char *name, const struct scope *s, struct wire *w,
	       struct request *r, struct err *e) __attribute__((warn_unused_result));
/* The service took r's kept token for a bad one (401): true when there is one,
 * which is then forgotten, so that the request can be made anew. */
bool auth_stale(const struct request *r);
void auth_forget(void); /* the cached tokens, at the end */
/* request.c, for auth.c */
int request_body(const struct toml_node *n, const struct scope *s,
		 struct request *r, struct err *e) __attribute__((warn_unused_result));
int request_headers(const struct toml_node *map, const struct scope *s,
		    struct request *r, struct err *e) __attribute__((warn_unused_result));
int request_url(const struct toml_node *n, const struct scope *s,
		struct buf *out, struct err *e) __attribute__((warn_unused_result));
int request_exchange(struct wire *w, const struct request *r, struct answer *a,
		     bool *sent, struct err *e) __attribute__((warn_unused_result));
int answer_read(const struct def *d, const char *answers, struct answer *a,
		struct err *e) __attribute__((warn_unused_result));

/* rule.c */
struct outcome {
	const char *is;	 /* NULL: no rule matched */
	const char *why; /* the definition's words, or NULL */
	int64_t after_ms;
};
bool rule_match(const struct toml_node *cond, const struct answer *a,
		const struct scope *s, const struct json *doc);
struct outcome rule_outcome(const struct toml_node *rules, const struct answer *a,
			    const struct scope *s);
/* 429, or a service that asks to wait: how long; -1 no. */
int64_t rule_wait(const struct answer *a);

/* act.c, list.c: the verbs */
int act_run(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *st,
	    struct kit_reply *r, struct err *e);
/* `make`: a fresh key, as the facts' `makes` says; nobody is asked. */
int make_run(void *session, const struct kit_connection *c, const struct kit_request *q,
	     struct kit_stream *st, struct kit_reply *r, struct err *e);
int list_run(void *session, const struct kit_connection *c,
	     const struct kit_request *q, struct kit_stream *st,
	     struct kit_reply *r, struct err *e);
/* Runs the steps, of a verb those before the last; 0 go on, 1 *r is the answer,
 * -1 + e. */
enum act_steps { STEPS_ALL, STEPS_OF_CHANGE, STEPS_OF_PROBE };
int act_steps(struct session *ses, struct scope *s, const struct toml_node *steps,
	      enum act_steps which, struct json *saved, struct kit_reply *r,
	      struct err *e)
	__attribute__((warn_unused_result));
/* A request that brought no answer, as a reply. */
int act_no_answer(struct kit_reply *r, const struct answer *a, bool sent,
		  struct err *e);
/* The reply for an answer that no rule of ours knows. */
void act_default(const struct def *d, const struct answer *a, struct kit_reply *r);

/* page.c */
#define PAGES_MAX 2000
struct pages {
	const struct toml_node *spec; /* NULL: one page */
	char *url;		 /* of the next request; NULL: the entry's own */
	uint64_t body; /* of the page before */
	uint64_t seen[PAGES_MAX];
	size_t n;
};
/* After a page of these items (may be NULL): 1 there is another, 0 the end, -1 + e. */
int page_next(struct pages *p, const struct answer *a, const struct json *items,
	      struct err *e) __attribute__((warn_unused_result));
/* What the first request adds to its URL: the size of a page. */
int page_first(const struct toml_node *spec, struct buf *url, struct err *e)
	__attribute__((warn_unused_result));

#endif
