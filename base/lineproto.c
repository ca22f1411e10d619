/*
 * lineproto: lines of JSON over a pair of pipes, secrets kept apart.
 *
 * Promises: both buffers are wiped behind what was read or written; the JSON
 * library never sees the top-level "secret" of a message that comes in.
 * Must never: put a piece of a line into an error or a log.
 */
#include "base/lineproto.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/jsonscan.h"
#include "base/mem.h"

#define STEP 65536u			/* read at once; a pipe's size */
#define QUEUE_MAX (16u * BUF_LINE_MAX)	/* as many requests as may be open */
#define KEY "secret"

struct lp {
	int rfd, wfd;
	struct buf in, out;
	size_t in_at;	/* consumed of in */
	size_t in_seen; /* searched for a newline */
	size_t out_at;	/* written of out */
};

/* A peer that died is an error to tell, not our own end.  harden_start() has
 * seen to it already, but in a program that did not call it too. */
static void ignore_sigpipe(void)
{
	struct sigaction now;

	if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		signal(SIGPIPE, SIG_IGN);
}

struct lp *lp_open(int rfd, int wfd, struct err *e)
{
	struct lp *lp = mem_zalloc(sizeof(*lp));

	ignore_sigpipe();
	if (!lp) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return NULL;
	}
	lp->rfd = rfd;
	lp->wfd = wfd;
	lp->in.max = BUF_LINE_MAX + STEP;
	lp->out.max = QUEUE_MAX;
	return lp;
}

void lp_close(struct lp **lp)
{
	if (!lp || !*lp)
		return;
	if ((*lp)->rfd >= 0)
		close((*lp)->rfd);
	if ((*lp)->wfd >= 0 && (*lp)->wfd != (*lp)->rfd)
		close((*lp)->wfd);
	buf_release(&(*lp)->in);
	buf_release(&(*lp)->out);
	mem_free(*lp);
	*lp = NULL;
}

int lp_rfd(const struct lp *lp)
{
	return lp->rfd;
}

/* ---- sending -------------------------------------------------------------- */

struct adding {
	struct buf *b;
	struct err *e;
};

static int add_secret(const unsigned char *p, size_t n, void *arg)
{
	static const char digits[] = "0123456789abcdef";
	struct adding *a = arg;
	struct buf *b = a->b;
	struct json_cut cut;
	size_t from;

	/* reserved at once: a buffer that moves would be copied about */
	if (buf_reserve(b, 6 * n + 16, a->e) != 0 ||
	    buf_puts(b, "\"" KEY "\":", a->e) != 0)
		return -1;
	from = b->len;
	b->p[b->len++] = '"';
	for (size_t i = 0; i < n; i++) {
		if (p[i] < 0x20) {
			memcpy(b->p + b->len, "\\u00", 4);
			b->p[b->len + 4] = digits[p[i] >> 4];
			b->p[b->len + 5] = digits[p[i] & 15];
			b->len += 6;
			continue;
		}
		if (p[i] == '"' || p[i] == '\\')
			b->p[b->len++] = '\\';
		b->p[b->len++] = (char)p[i];
	}
	b->p[b->len++] = '"';
	b->p[b->len] = '\0';
	if (json_scan(b->p + from, b->len - from, NULL, &cut, NULL) != 0)
		return err_fail(a->e, ERR_FORMAT, NULL,
				"a secret that is not text without NUL");
	return 0;
}

static int queue(struct buf *b, const struct json *msg,
		 const struct secret *secret, struct err *e)
{
	struct adding a = { .b = b, .e = e };

	if (json_type(msg) != JSON_OBJECT)
		return err_fail(e, ERR_BUG, NULL, "a message is no object");
	if (json_print(msg, false, b, e) != 0)
		return -1;
	if (secret) {
		if (json_get(msg, KEY))
			return err_fail(e, ERR_BUG, NULL,
					"a message with two secrets");
		b->len--; /* the closing brace */
		if (json_count(msg) && buf_puts(b, ",", e) != 0)
			return -1;
		if (secret_reveal(secret, add_secret, &a) != 0 ||
		    buf_puts(b, "}", e) != 0)
			return -1;
	}
	return buf_puts(b, "\n", e);
}

/* Forget what was written; what is left moves to the front. */
static void drop_written(struct lp *lp)
{
	size_t left = lp->out.len - lp->out_at;

	if (left == 0) {
		buf_reset(&lp->out);
		lp->out_at = 0;
	} else if (lp->out_at > lp->out.len / 2) {
		memmove(lp->out.p, lp->out.p + lp->out_at, left);
		mem_wipe(lp->out.p + left, lp->out_at);
		lp->out.len = left;
		lp->out_at = 0;
	}
}

int lp_send(struct lp *lp, const struct json *msg, const struct secret *secret,
	    struct err *e)
{
	struct buf *b = &lp->out;
	size_t from;

	drop_written(lp);
	from = b->len;
	if (queue(b, msg, secret, e) != 0)
		goto undo;
	if (b->len - from > BUF_LINE_MAX) {
		err_fail(e, ERR_TOOBIG, NULL, "a message of %zu bytes",
			 b->len - from);
		goto undo;
	}
	return lp_flush(lp, e);
undo:
	if (b->p) {
		mem_wipe(b->p + from, b->len - from);
		b->len = from;
	}
	return -1;
}

int lp_flush(struct lp *lp, struct err *e)
{
	while (lp->out_at < lp->out.len) {
		char *at = lp->out.p + lp->out_at;
		ssize_t n = write(lp->wfd, at, lp->out.len - lp->out_at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0 && errno == EPIPE)
			return err_fail(e, ERR_PROTO, NULL,
					"the other side has gone");
		if (n < 0)
			return err_sys(e, NULL, "write to the other side");
		mem_wipe(at, (size_t)n);
		lp->out_at += (size_t)n;
	}
	drop_written(lp);
	return 0;
}

bool lp_pending(const struct lp *lp)
{
	return lp->out_at < lp->out.len;
}

/* ---- receiving ------------------------------------------------------------ */

int lp_fill(struct lp *lp, bool *eof, struct err *e)
{
	struct buf *b = &lp->in;
	size_t left = b->len - lp->in_at;
	ssize_t n;

	*eof = false;
	if (lp->in_at) {
		memmove(b->p, b->p + lp->in_at, left);
		mem_wipe(b->p + left, lp->in_at);
		b->len = left;
		lp->in_seen -= lp->in_at;
		lp->in_at = 0;
	}
	if (left >= BUF_LINE_MAX)
		return 0; /* lp_next() has to take, or refuse, this first */
	if (buf_reserve(b, STEP, e) != 0)
		return -1;
	do
		n = read(lp->rfd, b->p + b->len, STEP);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return 0;
	/* a socket whose other end died with data unread says so */
	if (n < 0 && errno != ECONNRESET)
		return err_sys(e, NULL, "read from the other side");
	*eof = n <= 0;
	if (n > 0)
		b->len += (size_t)n;
	b->p[b->len] = '\0';
	return 0;
}

struct raw {
	const char *p;
	size_t n;
};

static int fill_raw(unsigned char *p, size_t n, void *arg)
{
	const struct raw *r = arg;

	return n == 0 || json_unescape(r->p, r->n, p) == n ? 0 : -1;
}

/* Cut the secret out of the line and blank its place. */
static int take_secret(char *line, size_t n, struct secret **out,
		       struct err *e)
{
	struct json_cut cut;
	struct raw raw;
	struct secret *s;

	if (json_scan(line, n, KEY, &cut, e) != 0)
		return -1;
	if (cut.count == 0 || (cut.count == 1 && cut.null))
		return 0;
	if (cut.count > 1 || !cut.string)
		return err_fail(e, ERR_PROTO, NULL,
				cut.count > 1 ? "two secrets in one message"
					      : "a secret that is no string");
	raw.p = line + cut.val;
	raw.n = cut.val_len;
	s = secret_blank(json_unescape(raw.p, raw.n, NULL), e);
	if (!s)
		return -1;
	if (secret_fill(s, fill_raw, &raw) != 0) {
		secret_free(&s);
		return err_fail(e, ERR_BUG, NULL, "a secret changed its size");
	}
	mem_wipe(line + cut.from, cut.to - cut.from);
	memset(line + cut.from, ' ', cut.to - cut.from);
	*out = s;
	return 0;
}

static int parse_line(char *line, size_t n, struct json **msg,
		      struct secret **secret, struct err *e)
{
	*msg = NULL;
	*secret = NULL;
	if (take_secret(line, n, secret, e) != 0)
		goto fail;
	*msg = json_parse(line, n, e);
	if (!*msg)
		goto fail;
	if (json_type(*msg) != JSON_OBJECT) {
		err_fail(e, ERR_PROTO, NULL, "a message that is no object");
		goto fail;
	}
	return 1;
fail:
	json_free(msg);
	secret_free(secret);
	return -1;
}

int lp_line(char *line, size_t n, struct json **msg, struct secret **secret,
	    struct err *e)
{
	if (n >= BUF_LINE_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "a line over %u bytes",
				BUF_LINE_MAX);
	return parse_line(line, n, msg, secret, e);
}

int lp_next(struct lp *lp, struct json **msg, struct secret **secret,
	    struct err *e)
{
	struct buf *b = &lp->in;
	char *line = b->p + lp->in_at, *end;
	struct err why = ERR_INIT;
	size_t n;
	int rc;

	*msg = NULL;
	*secret = NULL;
	end = b->len > lp->in_seen
		      ? memchr(b->p + lp->in_seen, '\n', b->len - lp->in_seen)
		      : NULL;
	n = end ? (size_t)(end - line) : b->len - lp->in_at;
	if (n >= BUF_LINE_MAX)
		return err_fail(e, ERR_TOOBIG, NULL,
				"a line over %u bytes", BUF_LINE_MAX);
	if (!end) {
		lp->in_seen = b->len;
		return 0;
	}
	rc = parse_line(line, n, msg, secret, &why);
	mem_wipe(line, n);
	lp->in_at += n + 1;
	lp->in_seen = lp->in_at;
	if (rc == -1)
		err_fail(e, why.code == ERR_FORMAT ? ERR_PROTO : why.code,
			 NULL, "%s", why.cause);
	return rc;
}
