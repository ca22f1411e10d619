/*
 * cmd_provider_file: a definition's file, checked or tried before it is used.
 *
 * The core parses no definition: curfew-provider-http, confined as ever, gets
 * the text on its standard input and answers in words.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/args.h"
#include "agent/cmd_provider.h"
#include "agent/commands.h"
#include "agent/launch.h"
#include "agent/report/out.h"
#include "base/io.h"

#define WORDS_MAX 32

bool provider_is_file(const char *word)
{
	const size_t n = strlen(word);

	return strchr(word, '/') != NULL ||
	       (n > 5 && strcmp(word + n - 5, ".toml") == 0);
}

static int read_all(int fd, struct buf *out, struct err *e)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof part)) > 0)
		if (buf_add(out, part, (size_t)n, e) < 0)
			return -1;
	return n < 0 ? err_sys(e, NULL, "read the program's answer") : 0;
}

/* Line by line, escaped: the text is made of a stranger's file. */
static void print_lines(struct buf *b, FILE *to, const char *prefix)
{
	char *at = b->p, *end;

	for (; at != NULL && *at != '\0'; at = end) {
		struct buf safe = BUF_INIT(BUF_LINE_MAX);

		end = strchr(at, '\n');
		if (end != NULL)
			*end++ = '\0';
		if (out_safe(&safe, at, NULL) == 0)
			(void)fprintf(to, "%s%s\n", prefix, safe.p != NULL ? safe.p : "");
		buf_release(&safe);
	}
}

static int tell_json(struct app *app, const char *file, const struct buf *said,
		     const struct buf *log, int code)
{
	struct json *o = json_object();

	(void)json_set_int(o, "version", 1);
	(void)json_set_str(o, "file", file);
	(void)json_set_bool(o, "ok", code == EXIT_OK);
	(void)json_set_str(o, "said", said->len ? said->p : "");
	(void)json_set_str(o, "error", log->len ? log->p : NULL);
	if (out_json(app, o) != EXIT_OK)
		code = EXIT_STORE;
	json_free(&o);
	return code;
}

int provider_file(struct app *app, const char *file, const char *flag,
		  char **more, int n)
{
	struct buf text = BUF_INIT(BUF_CONFIG_MAX), name = BUF_INIT(BUF_TEXT_MAX);
	struct buf said = BUF_INIT(BUF_RECORD_MAX), log = BUF_INIT(BUF_RECORD_MAX);
	const char *argv[WORDS_MAX + 3] = { flag };
	const struct launch_spec spec = { .program = "curfew-provider-http",
					  .argv = argv };
	struct launch_child c = { .rfd = -1, .wfd = -1, .efd = -1 };
	struct err e = ERR_INIT;
	char how[80] = "";
	int code;

	if (io_read_file(file, IO_ANY, BUF_CONFIG_MAX, &text, &e) < 0) {
		if (e.code != ERR_NOMEM)
			e.code = ERR_USAGE; /* a folder, a device, too big … */
		(void)err_ctx(&e, file, "read the definition");
		goto fail;
	}
	if (buf_printf(&name, &e, "-:%s", file) < 0)
		goto fail;
	argv[1] = name.p;
	for (int i = 0; i < n && i < WORDS_MAX; i++)
		argv[2 + i] = more[i];
	/* its answer comes after its input has ended, so no pipe is full */
	if (launch(app->launcher, &spec, &c, &e) < 0 ||
	    io_write_all(c.wfd, text.p, text.len, &e) < 0)
		goto fail;
	(void)close(c.wfd);
	c.wfd = -1;
	if (read_all(c.rfd, &said, &e) < 0 || read_all(c.efd, &log, &e) < 0)
		goto fail;
	launch_how_ended(app->launcher, c.pid, how);
	code = strcmp(how, "exit status 0") == 0 ? EXIT_OK : EXIT_BAD_USE;
	if (app->json) {
		code = tell_json(app, file, &said, &log, code);
	} else {
		print_lines(&said, stdout, "");
		print_lines(&log, stderr, "curfew: ");
	}
	goto out;
fail:
	code = app_fail(app, &e);
out:
	if (c.wfd >= 0)
		(void)close(c.wfd);
	if (c.rfd >= 0)
		(void)close(c.rfd);
	if (c.efd >= 0)
		(void)close(c.efd);
	buf_release(&text);
	buf_release(&name);
	buf_release(&said);
	buf_release(&log);
	return code;
}

int cmd_provider_try(struct app *app, int argc, char **argv)
{
	const struct arg none[] = { { NULL, ARG_FLAG, NULL, 0 } };
	struct err e = ERR_INIT;
	char **rest;
	int n;

	if (args_parse(argc, argv, none, &rest, &n, &e) < 0)
		return app_fail(app, &e);
	if (n < 2 || n > WORDS_MAX) {
		(void)err_fail(&e, ERR_USAGE, NULL, "give a file and a verb: "
			       "curfew provider try FILE.toml VERB");
		return app_fail(app, &e);
	}
	return provider_file(app, rest[0], "--try", rest + 1, n - 1);
}
