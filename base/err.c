/*
 * err: builds and prints the one error value.
 *
 * Promises: everything kept is printable UTF-8, cut at whole characters; no
 * allocation, so that an out-of-memory error can still be told.
 * Must never: print, log, or look at secrets.
 */
#define ERR_ITSELF
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

/* Room for one message before it is escaped and cut. */
#define RAW_MAX 1024

/*
 * Append src[0..n) to dst (a C string of capacity cap), escaping what could
 * steer a terminal; `quoted` also escapes the quote and the backslash.  What
 * does not fit is dropped behind "...".
 */
static void put(char *dst, size_t cap, const char *src, size_t n, bool quoted)
{
	size_t at = strlen(dst), i = 0;

	while (i < n) {
		const unsigned char *p = (const unsigned char *)src + i;
		size_t len = text_printable(p, n - i);
		char hex[8];

		if (len == 0 || (quoted && (*p == '\'' || *p == '\\'))) {
			snprintf(hex, sizeof(hex), "\\x%02x", *p);
			p = (const unsigned char *)hex;
			len = 4;
			i++;
		} else {
			i += len;
		}
		if (at + len + 4 > cap && (i < n || at + len + 1 > cap)) {
			if (at + 4 <= cap)
				memcpy(dst + at, "...", 4);
			return;
		}
		memcpy(dst + at, p, len);
		at += len;
		dst[at] = '\0';
	}
}

static void put_str(char *dst, size_t cap, const char *s, bool quoted)
{
	put(dst, cap, s, strlen(s), quoted);
}

static void put_fmt(char *dst, size_t cap, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

static void put_fmt(char *dst, size_t cap, const char *fmt, va_list ap)
{
	char raw[RAW_MAX];

	if (vsnprintf(raw, sizeof(raw), fmt, ap) < 0)
		snprintf(raw, sizeof(raw), "%s", fmt);
	put_str(dst, cap, raw, false);
}

static void start(struct err *e, enum err_code code, const char *object)
{
	err_clear(e);
	e->code = code;
	if (object)
		put_str(e->object, sizeof(e->object), object, true);
}

int err_fail(struct err *e, enum err_code code, const char *object,
	     const char *fmt, ...)
{
	va_list ap;

	if (!e || e->code != ERR_NONE)
		return -1;
	start(e, code, object);
	va_start(ap, fmt);
	put_fmt(e->cause, sizeof(e->cause), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *object, const char *fmt, ...)
{
	int no = errno;
	enum err_code code = ERR_IO;
	va_list ap;

	if (!e || e->code != ERR_NONE)
		return -1;
	if (no == ENOSPC || no == EDQUOT)
		code = ERR_FULL;
	else if (no == ENOMEM)
		code = ERR_NOMEM;
	start(e, code, object);
	va_start(ap, fmt);
	put_fmt(e->cause, sizeof(e->cause), fmt, ap);
	va_end(ap);
	put_str(e->cause, sizeof(e->cause), ": ", false);
	put_str(e->cause, sizeof(e->cause), strerror(no), false);
	errno = no;
	return -1;
}

int err_ctx(struct err *e, const char *object, const char *fmt, ...)
{
	char front[sizeof(e->what)] = "", obj[sizeof(e->object)] = "";
	const char *text = front;
	char what[sizeof(e->what)] = "";
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	put_fmt(front, sizeof(front), fmt, ap);
	va_end(ap);
	if (strncmp(text, "cannot ", 7) == 0)
		text += 7;
	put_str(what, sizeof(what), text, false);
	if (object)
		put_str(obj, sizeof(obj), object, true);

	/* The object kept is the innermost; an outer one that differs is
	 * told with its own words. */
	if (obj[0] && !e->object[0]) {
		memcpy(e->object, obj, sizeof(obj));
		obj[0] = '\0';
	} else if (strcmp(obj, e->object) == 0) {
		obj[0] = '\0';
	}
	if (obj[0]) {
		put_str(what, sizeof(what), " '", false);
		put_str(what, sizeof(what), obj, false);
		put_str(what, sizeof(what), "':", false);
	} else if (e->what[0]) {
		put_str(what, sizeof(what), ":", false);
	}
	if (e->what[0]) {
		put_str(what, sizeof(what), " ", false);
		put_str(what, sizeof(what), e->what, false);
	}
	memcpy(e->what, what, sizeof(what));
	return -1;
}

void err_state(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->state[0])
		return;
	va_start(ap, fmt);
	put_fmt(e->state, sizeof(e->state), fmt, ap);
	va_end(ap);
}

void err_hint(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e || e->hint[0])
		return;
	va_start(ap, fmt);
	put_fmt(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
}

void err_clear(struct err *e)
{
	if (!e)
		return;
	e->code = ERR_NONE;
	e->what[0] = e->object[0] = e->cause[0] = '\0';
	e->state[0] = e->hint[0] = '\0';
}

bool err_is(const struct err *e, enum err_code code)
{
	return e && e->code == code;
}

const char *err_word(enum err_code code)
{
	static const char *const words[] = {
		[ERR_NONE] = "none",
		[ERR_USAGE] = "usage",
		[ERR_CONFIG] = "config",
		[ERR_NOMEM] = "nomem",
		[ERR_IO] = "io",
		[ERR_FULL] = "full",
		[ERR_EXISTS] = "exists",
		[ERR_ABSENT] = "absent",
		[ERR_BUSY] = "busy",
		[ERR_SEALED] = "sealed",
		[ERR_TAMPER] = "tamper",
		[ERR_FORMAT] = "format",
		[ERR_TOOBIG] = "toobig",
		[ERR_TIMEOUT] = "timeout",
		[ERR_PROTO] = "proto",
		[ERR_PROVIDER] = "provider",
		[ERR_POLICY] = "policy",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_CANCELLED] = "cancelled",
		[ERR_BUG] = "bug",
	};
	size_t i = (size_t)code;

	return i < sizeof(words) / sizeof(words[0]) ? words[i] : "unknown";
}

int err_format(const struct err *e, char *out, size_t cap)
{
	const char *const cause = e->cause[0] ? e->cause : err_word(e->code);

	return snprintf(out, cap, "%s%s%s%s%s%s%s%s%s%s%s",
			e->what[0] ? "cannot " : "", e->what,
			e->what[0] && e->object[0] ? " " : "",
			e->object[0] ? "'" : "", e->object,
			e->object[0] ? "': " : e->what[0] ? ": " : "",
			cause, e->state[0] ? "; " : "", e->state,
			e->hint[0] ? "; " : "", e->hint);
}
