/*
 * finding: a secret that was found outside, kept sealed until it is dealt with.
 *
 * One record per value, whoever found it and however often: its id comes from
 * the value's keyed fingerprint, so a second scan finds the same record.  Where
 * a report told no value (redacted), the place is the key.
 */
#ifndef AGENT_FINDING_H
#define AGENT_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/secret.h"
#include "vault/vault.h"

#define FINDING_ID 10	      /* characters, hex */
#define FINDING_PLACES 20u    /* kept; the rest is counted */
#define FINDING_TEXT_MAX 4096u

/* Strings are never NULL after finding_init(); mem_alloc()ed. */
struct finding {
	char id[FINDING_ID + 1];
	char *rule, *description, *provider, *kind, *confidence;
	char *source; /* scan, pre-receive, gitleaks, ... */
	char *repository, *file, *commit, *object, *author, *email, *date;
	char *pusher;
	char *place[FINDING_PLACES]; /* "REPOSITORY FILE:LINE COMMIT" */
	size_t n_place;
	int64_t line, seen, first_ms, last_ms; /* seen: how often told */
	char *ended;  /* "", or whose it was when that was proved dead: the
		       * value is wiped then, and not kept again */
	char *due;    /* response to carry out: "", "kill", "kill-identity",
		       * "rotate"; under way: "rotating LINE…" */
	bool redacted; /* the report held no value */
	bool has_secret; /* after reading: the value is sealed with it */
	bool lives;   /* finding_put(): its owner is alive, `ended` or not */
	bool fresh;   /* finding_put(): was not known before */
};

int finding_init(struct finding *f, struct err *e)
	__attribute__((warn_unused_result));
void finding_release(struct finding *f);
/* Cut to FINDING_TEXT_MAX; NULL is "". */
int finding_text(char **to, const char *v, struct err *e)
	__attribute__((warn_unused_result));

/* high 2, medium 1, anything else 0 */
int finding_rank(const char *confidence);

/* Fills the id. */
void finding_name(const struct vault *v, struct finding *f,
		  const struct secret *value);
/* Insert, or join with the record that is there; fills id, fresh, first_ms and
 * what the record knew.  `value` may be NULL. */
int finding_put(struct vault *v, struct finding *f, const struct secret *value,
		int64_t now, struct err *e) __attribute__((warn_unused_result));
/* Write f back as it is, its value untouched (drop: wiped). */
int finding_update(struct vault *v, const struct finding *f, bool drop,
		   struct err *e) __attribute__((warn_unused_result));
/* 1 found (release it), 0 none, -1; `id` may be a prefix of 4 and more
 * characters that means one.  `value` may be NULL. */
int finding_get(struct vault *v, const char *id, struct finding *out,
		struct secret **value, struct err *e)
	__attribute__((warn_unused_result));

typedef int (*finding_fn)(const struct finding *f, void *arg, struct err *e);
int findings_each(struct vault *v, finding_fn fn, void *arg, struct err *e)
	__attribute__((warn_unused_result));

#endif
