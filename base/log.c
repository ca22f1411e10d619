/*
 * log: what a process says to its operator, on stderr.
 *
 * Promises: a line is one write, so that lines of several processes do not
 * mix; registered secrets are replaced before anything is cut or escaped.
 * Must never: fail its caller, or change errno.
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/secret.h"
#include "base/text.h"

static char program[64] = "curfew";
static enum log_level most = LOG_NOTICE;
static bool as_json;

static const char *const level_words[] = {
	[LOG_ERROR] = "error",	 [LOG_WARNING] = "warning",
	[LOG_NOTICE] = "notice", [LOG_INFO] = "info",
	[LOG_DEBUG] = "debug",
};

void log_setup(const char *name, enum log_level max, bool json)
{
	snprintf(program, sizeof(program), "%s", name);
	most = max;
	as_json = json;
}

/* Text between a JSON string's quotes; also not UTF-8 becomes visible. */
static int put_json(struct buf *b, const char *s, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t len = text_printable(p, n - i);

		if (len == 0) {
			rc = buf_printf(b, NULL, "\\\\x%02x", *p);
			len = 1;
		} else if (*p == '"' || *p == '\\') {
			rc = buf_printf(b, NULL, "\\%c", *p);
		} else {
			rc = buf_add(b, p, len, NULL);
		}
		i += len;
	}
	return rc;
}

static int put_plain(struct buf *b, const char *s, size_t n)
{
	int rc = 0;

	for (size_t i = 0; i < n && rc == 0;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t len = text_printable(p, n - i);

		if (len == 0) {
			rc = buf_printf(b, NULL, "\\x%02x", *p);
			len = 1;
		} else {
			rc = buf_add(b, p, len, NULL);
		}
		i += len;
	}
	return rc;
}

static int compose(struct buf *b, enum log_level l, const char *msg, size_t n)
{
	const char *word = level_words[l];
	char when[CLOCK_TEXT];

	clock_text(clock_wall_ms(), when);
	if (as_json)
		return buf_printf(b, NULL,
				  "{\"time\":\"%s\",\"level\":\"%s\","
				  "\"program\":\"%s\",\"pid\":%d,"
				  "\"message\":\"",
				  when, word, program, (int)getpid()) ||
		       put_json(b, msg, n) || buf_puts(b, "\"}\n", NULL);
	if (isatty(STDERR_FILENO))
		return buf_printf(b, NULL, "%s: %s%s", program,
				  l == LOG_ERROR ? "" : word,
				  l == LOG_ERROR ? "" : ": ") ||
		       put_plain(b, msg, n) || buf_puts(b, "\n", NULL);
	return buf_printf(b, NULL, "%s %s[%d] %s: ", when, program,
			  (int)getpid(), word) ||
	       put_plain(b, msg, n) || buf_puts(b, "\n", NULL);
}

static void put_stderr(const char *p, size_t n)
{
	/* there is nobody to tell when stderr itself is gone */
	while (write(STDERR_FILENO, p, n) < 0 && errno == EINTR)
		;
}

static void emit(enum log_level l, char *msg, size_t n)
{
	struct buf b = BUF_INIT(8 * BUF_TEXT_MAX);
	static const char lost[] = "curfew: a log line was lost\n";

	secret_redact(msg, &n);
	if (n > BUF_TEXT_MAX)
		n = BUF_TEXT_MAX;
	if (compose(&b, l, msg, n) != 0)
		put_stderr(lost, sizeof(lost) - 1);
	else
		put_stderr(b.p, b.len);
	buf_release(&b);
}

void log_line(enum log_level l, const char *fmt, ...)
{
	int saved = errno, n;
	char small[512], *msg = small;
	va_list ap, again;

	if (l > most)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= (int)sizeof(small)) {
		/* whole first: a secret cut in half is not recognised */
		msg = mem_alloc((size_t)n + 1);
		if (msg)
			vsnprintf(msg, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	va_end(ap);
	if (n >= 0 && msg)
		emit(l, msg, (size_t)n);
	if (msg != small)
		mem_free(msg);
	mem_wipe(small, sizeof(small));
	errno = saved;
}

void log_err(enum log_level l, const struct err *e)
{
	char text[sizeof(struct err) + 64];

	err_format(e, text, sizeof(text));
	log_line(l, "%s", text);
}

bool log_fancy(int fd)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fd) && !(no && *no) && term && *term &&
	       strcmp(term, "dumb") != 0;
}
