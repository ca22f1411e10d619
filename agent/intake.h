/*
 * intake: what a scan, a report or the spool brings in: held against the
 * vault, kept sealed, told.
 */
#ifndef AGENT_INTAKE_H
#define AGENT_INTAKE_H

#include "agent/app.h"
#include "agent/finding.h"
#include "agent/whose.h"
#include "base/json.h"

#define INTAKE_MAX 100000u

struct intake_row {
	struct finding f;
	struct secret *value; /* NULL: the report held none */
	struct owners owners;
	size_t alike;
	bool last; /* of its id: the one that has all places */
};

struct intake {
	struct app *app;
	struct whose *whose;
	struct intake_row *v;
	size_t n, cap;
	size_t passed; /* not ours and below `least`: not kept */
	size_t redacted;
	const char *least; /* confidence from which a stranger's is kept */
};

int intake_open(struct intake *in, struct app *app, const char *least,
		struct err *e) __attribute__((warn_unused_result));
void intake_close(struct intake *in);

/* A line of the scanner's or of a spool file (docs/respond.md), as a finding. */
int intake_parse(const struct json *line, struct finding *f, struct err *e)
	__attribute__((warn_unused_result));
/* Takes f and value, also on failure. */
int intake_add(struct intake *in, struct finding *f, struct secret *value,
	       struct err *e) __attribute__((warn_unused_result));
/* Records from row `from` on: inside a transaction of the caller's. */
int intake_store(struct intake *in, size_t from, struct err *e)
	__attribute__((warn_unused_result));
/* All of them in one transaction, with a journal entry that begins `what`. */
int intake_commit(struct intake *in, const char *what, struct err *e)
	__attribute__((warn_unused_result));

/* Put in order; of several rows with one id the fullest is told. */
void intake_settle(struct intake *in);
/* Ours first.  Ends with the number of findings. */
void intake_print(struct intake *in);
struct json *intake_json(struct intake *in); /* an array; NULL: no memory */
/* How many different findings, and how many of them are ours and alive. */
size_t intake_count(const struct intake *in, size_t *ours);

#endif
