/*
 * out: what commands print on stdout: safe text, tables, CSV, JSON.
 *
 * Text from outside goes through out_cell() or a table: control characters
 * are escaped, so a hostile name cannot steer the terminal.  Errors of stdout
 * are kept by stdio and told by main() at the end.
 */
#ifndef AGENT_REPORT_OUT_H
#define AGENT_REPORT_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/app.h"
#include "base/json.h"

/* `s` escaped if it holds anything that could steer a terminal or mislead its
 * reader (control and direction characters, broken UTF-8), else as it is. */
int out_safe(struct buf *b, const char *s, struct err *e)
	__attribute__((warn_unused_result));
/* Our own words, as they are. */
void out_text(const char *s);
/* Escaped; padded with blanks to `width` columns (0: not). */
void out_cell(const char *s, size_t width);
/* Pretty JSON and a newline; returns an exit code. */
int out_json(const struct app *app, const struct json *j);

/* ---- tables: columns as wide as their widest cell ------------------------ */

struct table;

struct column {
	const char *head;
	bool right; /* numbers */
	bool shrink; /* may be cut with an ellipsis on a narrow terminal */
};

struct table *table_new(const struct column *cols, size_t n, struct err *e);
void table_free(struct table **t);
/* n cells, copied; NULL is empty. */
int table_row(struct table *t, const char *const *cells, struct err *e)
	__attribute__((warn_unused_result));
/* Print all; `tty`: fit the terminal's width, bold head. */
void table_print(const struct table *t, bool tty);

/* ---- CSV (RFC 4180) and JSON, streamed row by row ------------------------ */

void csv_row(const char *const *cells, size_t n);

/* One object with a version and an array of objects; strings are quoted here, so 100,000 rows need no
 * tree in memory. */
struct jout {
	bool any_row, any_member;
};
/* {"version":1,"LIST":[ ... ]} */
void jout_begin(struct jout *j, const char *list);
void jout_row(struct jout *j);
void jout_str(struct jout *j, const char *key, const char *v);
void jout_int(struct jout *j, const char *key, int64_t v);
void jout_bool(struct jout *j, const char *key, bool v);
void jout_time(struct jout *j, const char *key, int64_t wall_ms); /* null: 0 */
void jout_raw(struct jout *j, const char *key, const char *json);
void jout_list(struct jout *j, const char *key, char *const *v, size_t n);
void jout_row_end(struct jout *j);
void jout_end(struct jout *j);

#endif
