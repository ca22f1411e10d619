/*
 * common: what several providers need beside the protocol (kit.h), so that
 * each of them means the same by the same option, looks twice before it calls
 * sessions ended, and knows what was there when it came.
 */
#ifndef PROVIDERS_KIT_COMMON_H
#define PROVIDERS_KIT_COMMON_H

#include "providers/kit/kit.h"

/* Where Debian keeps the public certificate authorities (ca-certificates). */
#define KIT_SYSTEM_CA "/etc/ssl/certs/ca-certificates.crt"

/* At the start of main: a client library takes every PREFIX... variable as a
 * default; none may choose for us. */
void kit_forget_environment(const char *prefix);

/* ---- options ---------------------------------------------------------------- */

/* A whole number in lo..hi; what is wrong with another names the option. */
int kit_number(const struct kit_connection *c, const char *name,
	       const char *fallback, int64_t lo, int64_t hi, int64_t *out,
	       struct err *e) __attribute__((warn_unused_result));
/* Does nothing that is sent there leave this machine: a socket's path,
 * localhost, 127.x, ::1? */
bool kit_this_machine(const char *host);
/* One host name or address, nothing else in it? */
bool kit_host(const char *host);

/* The options `tls` and `cafile`: the same in every provider that has them.
 * TLS is always verified, for the name that was given; without it the words go
 * in clear text, which is the default on this machine only. */
#define KIT_TLS_OPTIONS                                                       \
	"{\"name\":\"tls\",\"default\":\"on\",\"help\":"                      \
	"\"on or off; off unless said otherwise on this machine (socket, "    \
	"localhost)\"},"                                                      \
	"{\"name\":\"cafile\",\"default\":\"" KIT_SYSTEM_CA "\",\"help\":"    \
	"\"/path of the authorities to trust\"},"
struct kit_tls {
	bool on;
	const char *cafile;
};
int kit_tls(const struct kit_connection *c, const char *host,
	    struct kit_tls *out, struct err *e) __attribute__((warn_unused_result));

/* Does the request name an account?  False: a probe's `unknown` is filled in. */
bool kit_named(const struct kit_request *q, struct kit_reply *r);

/* ---- items of a listing ------------------------------------------------------ */

/* {"what","account","kind","id"}; kind and id NULL for an account.  NULL when
 * out of memory, which json_set and kit_item_send take. */
struct json *kit_item_new(const char *what, const char *account,
			  const char *kind, const char *id);
/* An attribute, unless the value is NULL or empty. */
void kit_attr(struct json *attributes, const char *key, const char *value);
/* "created" is now, to the millisecond. */
bool kit_created_now(struct json *item);
/* Sends; takes both, `attributes` may be NULL or empty.  `ok` false: something
 * before went out of memory. */
int kit_item_send(struct kit_stream *s, struct json *item,
		  struct json *attributes, bool ok, struct err *e)
	__attribute__((warn_unused_result));

/* ---- sessions ---------------------------------------------------------------- */

#define KIT_CUT_CLEAN 2 /* looks in a row that found nobody */
/*
 * Ends sessions until two looks in a row find none.  `look` ends what is there
 * and returns how many it found, -1 with r filled.  -1 + r (retry, "still run")
 * when there is no end of them.
 */
typedef int (*kit_look_fn)(void *arg, struct kit_reply *r);
int kit_cut(kit_look_fn look, void *arg, struct kit_reply *r)
	__attribute__((warn_unused_result));

/* Connections of this process itself: workers come and go while another lists;
 * no listing shows them and no count of sessions counts them. */
void kit_own_note(const char *session);
void kit_own_drop(const char *session);
bool kit_own(const char *session);
/* Around opening and noting one, and around asking who is there: no one is seen
 * between the two. */
void kit_own_coming(void);
void kit_own_looking(void);
void kit_own_done(void); /* with either */

/* ---- what this process has seen (known.c) ------------------------------------ */

/*
 * `opened`: accounts that could log in before this process disabled them.  A
 * kill does not wait for evidence, so `disable` may be done before the
 * `snapshot` reads the same account; without this the snapshot would say "shut"
 * and a restore would leave it so.
 */
void kit_opened_note(const char *key);
bool kit_opened(const char *key);
/*
 * `first`: the accounts there were when the process logged in, for services
 * that do not keep when one was made: a kill must know an intruder's new one.
 * fill is called once in a process, and again only after it returned -1; it
 * calls kit_first_add (which returns -1 when memory is short).
 */
int kit_first(int (*fill)(void *arg), void *arg);
int kit_first_add(const char *key);
bool kit_made_since(const char *key);

#endif
