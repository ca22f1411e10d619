/*
 * report: findings as JSON, CSV, SARIF, JUnit or text.
 *
 * The first four have the fields and order of gitleaks v8, so that what reads
 * those reads ours; JSON rows carry a few fields of ours after them.
 */
#ifndef SCAN_REPORT_H
#define SCAN_REPORT_H

#include "hooks/scan/findings.h"

enum report_form {
	REPORT_TEXT, REPORT_JSON, REPORT_CSV, REPORT_SARIF, REPORT_JUNIT,
	REPORT_LINES, /* for the agent */
};

struct tally;
struct report {
	const struct findings *list;
	const struct ruleset *rules;
	unsigned redact; /* percent of each secret that is left out */
	bool incomplete; /* something could not be looked at */
	const struct tally *left; /* lines: what that was; or NULL */
};

bool report_form_parse(const char *word, enum report_form *form);
/* From the name of the file: .json .csv .sarif .xml; else text. */
enum report_form report_form_of(const char *path);

int report_write(const struct report *r, enum report_form form, struct buf *out,
		 struct err *e) __attribute__((warn_unused_result));

/* ---- between the report files -------------------------------------------- */
int report_form_write(const struct report *r, enum report_form form,
		      struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* With redact: writes rows whose other texts do not hold the secret either. */
int report_clean(const struct report *r, enum report_form form, struct buf *out,
		 struct err *e) __attribute__((warn_unused_result));
int report_json(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int report_csv(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int report_sarif(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int report_junit(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int report_text(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* What the agent reads (report_lines.c): rows and the end, behind a head. */
int report_lines(const struct report *r, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
struct lines_head { /* members may be NULL, but not source */
	const char *source, *repository, *pusher, *override, *nonce;
	const struct strings *updates; /* of a push: old, new, ref and again */
};
int report_lines_head(const struct lines_head *h, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* One finding as the fields of a JSON object, each line behind `indent`. */
int report_json_row(const struct report *r, const struct finding *f,
		    const char *indent, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* The secret, and text that holds it, with what --redact asks left out. */
int report_secret(const struct report *r, const struct finding *f,
		  struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
int report_redacted(const struct report *r, const struct finding *f,
		    const char *text, size_t n, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));
/* What stands in every report for a byte that is no UTF-8: U+FFFD. */
#define REPORT_NO_UTF8 "\xef\xbf\xbd"
/* Length of the UTF-8 character at p, 0 when there is none. */
size_t report_character(const char *p, size_t n);
/* A text as who reads a report back has it. */
int report_utf8(struct buf *out, const char *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));
/* A JSON string with its quotes; bytes that are no UTF-8 become U+FFFD. */
int report_quote(struct buf *out, const char *p, size_t n, struct err *e)
	__attribute__((warn_unused_result));

#endif
