/*
 * findings: what the reports tell, one row per finding.
 *
 * The list owns all its text and wipes it.
 */
#ifndef SCAN_FINDINGS_H
#define SCAN_FINDINGS_H

#include <stdint.h>

#include "hooks/scan/scan.h"

#define FINDINGS_MAX (4u * 1024 * 1024)

struct finding {
	const struct rule *rule;
	char *secret, *match;
	char *line; /* empty unless the scanner says keep_lines */
	size_t n_secret, n_match, n_line;
	size_t start_line, end_line, start_column, end_column; /* from 1 */
	char *file;	  /* "" when no path leads to it */
	char *symlink;	  /* "" */
	char *object;	  /* oid of the blob, "" outside git */
	char *commit, *author, *email, *message; /* "" outside git */
	int64_t date_ms;  /* 0: not known */
	double entropy;
	enum confidence confidence;
	char *content;	   /* rule:hash of the secret; stays the same wherever
			    * it stands */
	char *fingerprint; /* commit:file:rule:line or file:rule:line */
	bool allowed;	   /* a comment in its line asks to let it pass; only
			    * with scanner.keep_allowed */
	bool stood;	   /* the file held it before the push (stood.h) */
	size_t objects;	   /* how many texts hold this secret; at least 1 */
	struct strings refs; /* tips that still hold it */
	struct strings reasons; /* what a scored rule rests on, most first */
	struct strings tags; /* the rule's and ours ("decoded:base64") */
};

struct findings {
	struct finding *v;
	size_t n, cap;
	/* Where counting lines of the current text got to; text NULL: at its
	 * start.  Who hands in another text sets it to NULL first. */
	struct {
		const char *text;
		size_t at, line, line_start;
	} cursor;
};

/* A row for one mark, with its place in the text; path and commit are left
 * "" and set with finding_set().  The row stays valid until the next add. */
struct finding *findings_add(struct findings *f, const struct scanner *s,
			     const char *text, size_t n, const struct mark *m,
			     struct err *e);
/* Replace one text of a row. */
int finding_set(char **field, const char *value, struct err *e)
	__attribute__((warn_unused_result));
/* file:rule:line, with the commit in front when there is one; and rule:hash. */
int finding_fingerprint(struct finding *f, struct err *e)
	__attribute__((warn_unused_result));
void finding_release(struct finding *f);
/* Drop row i, keeping the order. */
void findings_drop(struct findings *f, size_t i);
/* Drop all rows that `keep` says no to; how many.  One pass. */
typedef bool (*finding_question)(const struct finding *f, void *arg);
size_t findings_sift(struct findings *f, finding_question keep, void *arg);
/* Row i becomes the last of another list, and leaves a hole that holds
 * nothing; findings_release() passes over it. */
int findings_move(struct findings *from, size_t i, struct findings *to,
		  struct err *e) __attribute__((warn_unused_result));
void findings_release(struct findings *f);
/* By file, line, column, rule, commit. */
void findings_sort(struct findings *f);

#endif
