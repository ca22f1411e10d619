/*
 * target: what the operator's words mean.
 *
 * A word is an identity, a workflow, a connection, `tag:NAME`, an address
 * (`conn/account`, `conn/account#id`) or a glob over addresses.  A prefix
 * (identity: workflow: connection: tag:) settles a name that means several
 * things.  Whatever is ambiguous or unknown is an error with near matches:
 * a kill never guesses.
 */
#ifndef AGENT_ENGINE_TARGET_H
#define AGENT_ENGINE_TARGET_H

#include "agent/app.h"
#include "agent/engine/work.h"
#include "base/secret.h"

struct selected {
	char *conn, *account, *kind, *id; /* kind "" = the whole account */
	char *missing; /* why nothing answers to it, else NULL */
};

struct selection {
	struct selected *p;
	size_t n, cap;
	bool bulk;   /* named by tag, connection, workflow or glob */
	char *named; /* the last word, for a typed confirmation */
};

void selection_free(struct selection *s);
int selection_add(struct selection *s, const char *conn, const char *account,
		  const char *kind, const char *id, struct err *e)
	__attribute__((warn_unused_result));
/* The operator's file means something that is not there: said beside the rest,
 * for whoever kills it believes it dead. */
int selection_missing(struct selection *s, const char *address,
		      const char *why, struct err *e)
	__attribute__((warn_unused_result));
/* Is there anything to end? */
bool selection_any(const struct selection *s);
/* How many different accounts it touches. */
size_t selection_accounts(const struct selection *s);

int target_word(struct app *app, const char *word, struct selection *s,
		struct err *e) __attribute__((warn_unused_result));
/* target_secret.c: the credentials whose sealed value this is, curfew's own
 * admin credentials included.  1, 0 unknown, -1. */
int target_secret(struct app *app, const struct secret *secret,
		  struct selection *s, struct err *e)
	__attribute__((warn_unused_result));
/* Seal the value with the one credential that the selection means (an account
 * with a single credential means that one).  1 sealed (its address to `at`),
 * 0 the selection means several or none, -1.  `tried` not NULL: the service is
 * asked once whether it takes the value; without its word, or when it refuses,
 * the value is sealed all the same, and its refusal will prove nothing. */
struct tried {
	enum { TRIED_UNKNOWN, TRIED_ALIVE, TRIED_DEAD } life;
	char why[200]; /* escaped; may be "" */
};
int target_learn(struct app *app, const struct selection *s,
		 const struct secret *secret, struct buf *at,
		 struct tried *tried, struct err *e)
	__attribute__((warn_unused_result));
/* target_try.c */
void target_try(struct app *app, const char *conn, const char *account,
		const char *kind, const char *id, const struct secret *secret,
		struct tried *out);

/* target_near.c: fill the hint with what the word may have meant. */
void target_near(struct app *app, const char *word, struct err *e);

/* Plan the whole selection into w, most dangerous first. */
int target_plan(struct app *app, const struct selection *s, struct work *w,
		int64_t now, struct err *e) __attribute__((warn_unused_result));

#endif
