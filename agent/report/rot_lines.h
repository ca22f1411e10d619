/*
 * rot_lines: what a person sees of rotations: a count while they run, one line
 * for each at the end.
 */
#ifndef AGENT_REPORT_ROT_LINES_H
#define AGENT_REPORT_ROT_LINES_H

#include "agent/app.h"
#include "agent/engine/rot_drive.h"
#include "base/json.h"

enum rot_word { RW_DONE, RW_WAITING, RW_ABORTED, RW_STUCK, RW_KILLED };

/* How a line stands, in one word and a sentence without its address. */
enum rot_word rot_stands(const struct rot_line *l, int64_t now, struct buf *text);
const char *rot_word(enum rot_word w);

struct rot_view { /* a rot_options.view */
	const struct app *app;
	size_t total, ended;
};
void rot_view(const struct rot_line *l, void *arg);

/* The final lines on stdout (or JSON), unless `silent`: then only those that
 * need a person, on stderr.  Returns the exit code: 0 all done or waiting as
 * planned, 4 a person is needed. */
int rot_final(const struct app *app, const struct rot_drive *d, bool silent);
/* As a JSON object. */
struct json *rot_json(const struct rot_line *l, int64_t now);

#endif
