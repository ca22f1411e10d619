/*
 * cmd_import: what another scanner found, held against the vault like our own.
 *
 * Promises: values go from the report into locked memory and, sealed, into the
 * vault; all of a report or nothing of it is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/commands.h"
#include "agent/import.h"
#include "agent/intake.h"
#include "agent/report/out.h"
#include "base/io.h"
#include "base/mem.h"

#define WORD_MIN 8u
#define WORDS_MAX 64u
#define LINE_MAX 4096u

struct taken {
	struct intake in;
	const char *repository;
	size_t read;
};

/* ---- a value in a line ---------------------------------------------------------- */

struct looking {
	struct intake *in;
	struct secret *found;
	struct err *e;
};

static bool separates(unsigned char c, bool all)
{
	return c <= ' ' || memchr("\"'`<>(),;=", c, 10) != NULL ||
	       (all && memchr(":@/&?", c, 5) != NULL);
}

static int words(const unsigned char *p, size_t n, void *arg, bool all)
{
	struct looking *l = arg;
	struct owners o = { .n = 0 };
	size_t at = 0, tried = 0;
	int rc = 0;

	while (rc == 0 && l->found == NULL && at < n && tried < WORDS_MAX) {
		struct secret *s;
		size_t len = 0;

		while (at + len < n && !separates(p[at + len], all))
			len++;
		if (len >= WORD_MIN && len < n) {
			tried++;
			s = secret_new(p + at, len, l->e);
			rc = s == NULL ? -1 : whose_is(l->in->whose, s, &o, l->e);
			if (rc == 0 && o.n > 0) {
				l->found = s;
				s = NULL;
			}
			owners_free(&o);
			secret_free(&s);
		}
		at += len + 1;
	}
	return rc;
}

static int look(const unsigned char *p, size_t n, void *arg)
{
	const struct looking *l = arg;

	if (n > LINE_MAX)
		return 0;
	if (words(p, n, arg, false) < 0)
		return -1;
	return l->found == NULL ? words(p, n, arg, true) : 0;
}

/* Some reports give the line, or an address with the password in it: if one
 * word of it is ours, that is the value. */
static int narrow(struct intake *in, struct secret **value, struct err *e)
{
	struct looking l = { .in = in, .e = e };
	struct owners o = { .n = 0 };
	int rc = whose_is(in->whose, *value, &o, e);

	if (rc == 0 && o.n == 0)
		rc = secret_reveal(*value, look, &l);
	owners_free(&o);
	if (l.found != NULL) {
		secret_free(value);
		*value = l.found;
	}
	return rc;
}

static int one(struct finding *f, struct secret *value, void *arg,
	       struct err *e)
{
	struct taken *t = arg;

	t->read++;
	if ((value != NULL && narrow(&t->in, &value, e) < 0) ||
	    (t->repository != NULL &&
	     finding_text(&f->repository, t->repository, e) < 0)) {
		secret_free(&value);
		finding_release(f);
		return -1;
	}
	return intake_add(&t->in, f, value, e);
}

/* ---- the command ---------------------------------------------------------------- */

static int read_text(const char *path, struct buf *out, struct err *e)
{
	ssize_t n = 1;

	if (strcmp(path, "-") != 0)
		return io_read_file(path, IO_ANY, IMPORT_MAX, out, e);
	while (n != 0) {
		if (buf_reserve(out, 65536, e) < 0)
			return -1;
		n = read(STDIN_FILENO, out->p + out->len, 65536);
		if (n < 0 && errno != EINTR)
			return err_sys(e, "standard input", "read");
		out->len += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int tell(struct taken *t, enum import_form form)
{
	struct app *app = t->in.app;
	struct json *j;
	char line[300];
	int code;

	if (app->json) {
		j = json_object();
		(void)json_set_int(j, "version", 1);
		(void)json_set_str(j, "format", import_word(form));
		(void)json_set_int(j, "read", (int64_t)t->read);
		(void)json_set_int(j, "redacted", (int64_t)t->in.redacted);
		(void)json_set(j, "findings", intake_json(&t->in));
		code = out_json(app, j);
		json_free(&j);
		return code;
	}
	if (t->in.n > 0)
		intake_print(&t->in);
	(void)snprintf(line, sizeof line, "%s report: %zu read\n",
		       import_word(form), t->read);
	out_text(line);
	if (t->in.redacted > 0) {
		(void)snprintf(line, sizeof line, "%zu of them have no value: "
			       "the report is redacted. Whose they are cannot be "
			       "told;\nlet the scanner write it without "
			       "redaction, or 'curfew scan' the place.\n",
			       t->in.redacted);
		out_text(line);
	}
	return EXIT_OK;
}

static int take_all(struct taken *t, const char *path, enum import_form *form,
		    struct err *e)
{
	struct buf text = BUF_INIT(IMPORT_MAX + 65536), what = BUF_INIT(8192);
	int rc = -1;

	if (read_text(path, &text, e) < 0 ||
	    import_report(&text, form, one, t, e) < 0)
		goto out;
	if (buf_printf(&what, e, "imported a %s report, %.300s",
		       import_word(*form), path) < 0)
		goto out;
	rc = t->in.n > 0 ? intake_commit(&t->in, what.p, e) : 0;
out:
	buf_release(&text);
	buf_release(&what);
	return rc;
}

int cmd_import(struct app *app, int argc, char **argv)
{
	struct taken t = { .in = { .app = app } };
	enum import_form form = IMPORT_UNKNOWN;
	const char *word = NULL, *least = "low";
	const struct arg args[] = {
		{ "format", ARG_TEXT, &word, 0 },
		{ "repository", ARG_TEXT, &t.repository, 0 },
		{ "min-confidence", ARG_TEXT, &least, 0 },
		{ NULL, ARG_FLAG, NULL, 0 },
	};
	struct err e = ERR_INIT;
	char **rest;
	int n, code = -1;

	if (args_parse(argc, argv, args, &rest, &n, &e) < 0)
		goto out;
	if (n != 1) {
		(void)err_fail(&e, ERR_USAGE, NULL, "name one report: curfew "
			       "import FILE");
		goto out;
	}
	if (word != NULL && !import_form_parse(word, &form)) {
		(void)err_fail(&e, ERR_USAGE, word, "a report is gitleaks, "
			       "trufflehog, kingfisher or sarif");
		goto out;
	}
	if (intake_open(&t.in, app, least, &e) < 0 ||
	    take_all(&t, rest[0], &form, &e) < 0) {
		if (err_is(&e, ERR_ABSENT)) /* exit 1 says that it has findings */
			e.code = ERR_USAGE;
		err_state(&e, "nothing was kept");
		(void)err_ctx(&e, rest[0], "import");
		goto out;
	}
	code = tell(&t, form);
	if (code == EXIT_OK && t.in.n > 0)
		code = EXIT_NO;
out:
	intake_close(&t.in);
	return code < 0 ? app_fail(app, &e) : code;
}
