/*
 * rd: requests and replies (rd.h); the only place that includes hiredis.
 *
 * Must never put a password anywhere but into the wiped request, nor go on
 * with a connection whose next reply might belong to an earlier request.
 */
#include "providers/redis/rd.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "providers/kit/common.h"

#define ANSWER_MS 20000
#define REPLY_MAX ((size_t)256 * 1024 * 1024)
#define REQUEST_MAX (1024u * 1024)

struct rd {
	struct net_stream *net;
	redisReader *reader;
	struct buf request;
	char address[64], own[80];
};

static int fail(struct rd_fail *f, enum rd_cause cause, const char *text)
{
	size_t n = 0;

	*f = (struct rd_fail){ .cause = cause };
	for (; n + 1 < sizeof(f->text) && text[n] && text[n] != '\n' && text[n] != '\r'; n++) {
		unsigned char c = (unsigned char)text[n];

		f->text[n] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
	}
	return -1;
}

/* After this every call answers RD_LOST until the owner connects again. */
static int drop(struct rd *rd, struct rd_fail *f, enum rd_cause cause,
		const char *text)
{
	net_stream_close(&rd->net);
	return fail(f, cause, text);
}

static int come(struct rd *rd, const struct net_place *p, char why[NET_WHY])
{
	int rc;

	kit_own_coming();
	rc = net_stream_open(p, &rd->net, why);
	if (!rc) {
		(void)snprintf(rd->own, sizeof(rd->own), "%s", net_stream_own(rd->net));
		if (rd->own[0])
			kit_own_note(rd->own);
	}
	kit_own_done();
	return rc;
}

int rd_open(const struct net_place *p, struct rd **out, struct rd_fail *f)
{
	struct rd *rd = mem_zalloc(sizeof(*rd));
	char why[NET_WHY];

	*out = NULL;
	*f = (struct rd_fail){ .cause = RD_FINE };
	if (!rd)
		return fail(f, RD_OURS, "out of memory");
	rd->request = (struct buf)BUF_INIT(REQUEST_MAX);
	rd->reader = redisReaderCreate();
	if (!rd->reader) {
		fail(f, RD_OURS, "out of memory");
	} else if (come(rd, p, why)) {
		fail(f, RD_UNREACHABLE, why);
	} else {
		(void)snprintf(rd->address, sizeof(rd->address), "%s",
			       net_stream_address(rd->net));
		*out = rd;
		return 0;
	}
	rd_close(&rd);
	return -1;
}

void rd_close(struct rd **rd)
{
	if (!*rd)
		return;
	net_stream_close(&(*rd)->net);
	kit_own_drop((*rd)->own);
	if ((*rd)->reader)
		redisReaderFree((*rd)->reader);
	buf_release(&(*rd)->request);
	mem_free(*rd);
	*rd = NULL;
}

bool rd_usable(const struct rd *rd)
{
	return rd && rd->net;
}

bool rd_idle(const struct rd *rd)
{
	return rd_usable(rd) && net_stream_quiet(rd->net);
}

const char *rd_address(const struct rd *rd)
{
	return rd->address;
}

/* ---- requests ------------------------------------------------------------------ */

static int word(struct buf *b, const void *p, size_t n)
{
	return buf_printf(b, NULL, "$%zu\r\n", n) || buf_add(b, p, n, NULL) ||
	       buf_puts(b, "\r\n", NULL) ? -1 : 0;
}

int rd_put(struct rd *rd, const char *const *words, struct rd_fail *f)
{
	size_t n = 0, was = rd->request.len;

	*f = (struct rd_fail){ .cause = RD_FINE };
	if (!rd_usable(rd))
		return fail(f, RD_LOST, "the connection is closed");
	while (words[n])
		n++;
	int bad = buf_printf(&rd->request, NULL, "*%zu\r\n", n);
	for (size_t i = 0; !bad && i < n; i++)
		bad = word(&rd->request, words[i], strlen(words[i]));
	if (!bad)
		return 0;
	rd->request.len = was;
	return fail(f, RD_OURS, "out of memory, or too long a request");
}

static int flush(struct rd *rd, int64_t until, struct rd_fail *f)
{
	enum net_flow flow = NET_FLOWS;

	if (rd->request.len)
		flow = net_stream_send(rd->net, rd->request.p, rd->request.len, until);
	buf_reset(&rd->request);
	if (flow == NET_LATE)
		return drop(rd, f, RD_LATE, "the request could not be sent in time");
	return flow == NET_FLOWS ? 0 : drop(rd, f, RD_LOST, "the connection broke");
}

/* ---- replies ------------------------------------------------------------------- */

static int more(struct rd *rd, int64_t until, size_t *total, struct rd_fail *f)
{
	char part[4096];
	size_t n = 0;

	switch (net_stream_recv(rd->net, part, sizeof(part), &n, until)) {
	case NET_FLOWS:
		break;
	case NET_LATE:
		return drop(rd, f, RD_LATE, "no answer in time");
	default:
		return drop(rd, f, RD_LOST, "the server closed the connection");
	}
	*total += n;
	if (*total > REPLY_MAX)
		return drop(rd, f, RD_LOST, "a reply longer than 256 MiB");
	int bad = redisReaderFeed(rd->reader, part, n);
	mem_wipe(part, n);
	return bad ? drop(rd, f, RD_LOST, rd->reader->errstr) : 0;
}

/* An error as a reply: "-CODE words". */
static int said(const redisReply *got, struct rd_fail *f)
{
	fail(f, RD_SAID, got->str);
	(void)snprintf(f->code, sizeof(f->code), "%.*s",
		       (int)strcspn(f->text, " "), f->text);
	return -1;
}

int rd_get(struct rd *rd, struct rd_reply **out, struct rd_fail *f)
{
	int64_t until = clock_mono_ms() + ANSWER_MS;
	size_t total = 0;
	void *got = NULL;
	int rc = 0;

	*f = (struct rd_fail){ .cause = RD_FINE };
	if (out)
		*out = NULL;
	if (!rd_usable(rd))
		return fail(f, RD_LOST, "the connection is closed");
	if (flush(rd, until, f))
		return -1;
	for (;;) {
		if (redisReaderGetReply(rd->reader, &got))
			return drop(rd, f, RD_LOST, rd->reader->errstr);
		if (got)
			break;
		if (more(rd, until, &total, f))
			return -1;
	}
	if (((redisReply *)got)->type == REDIS_REPLY_ERROR)
		rc = said(got, f);
	if (rc || !out)
		freeReplyObject(got);
	else
		*out = got;
	return rc;
}

int rd_run(struct rd *rd, const char *const *words, struct rd_reply **out,
	   struct rd_fail *f)
{
	if (out)
		*out = NULL;
	return rd_put(rd, words, f) ? -1 : rd_get(rd, out, f);
}

struct login {
	struct buf *request;
	const char *user;
};

static int login_fn(const unsigned char *p, size_t n, void *arg)
{
	struct login *l = arg;

	return buf_puts(l->request, "*3\r\n$4\r\nAUTH\r\n", NULL) ||
	       word(l->request, l->user, strlen(l->user)) ||
	       word(l->request, p, n) ? -1 : 0;
}

int rd_auth(struct rd *rd, const char *user, const struct secret *secret,
	    struct rd_fail *f)
{
	struct login l = { .request = &rd->request, .user = user };

	*f = (struct rd_fail){ .cause = RD_FINE };
	if (!secret)
		return 0;
	if (secret_reveal(secret, login_fn, &l)) {
		buf_reset(&rd->request);
		return fail(f, RD_OURS, "out of memory");
	}
	return rd_get(rd, NULL, f);
}

/* ---- looking at a reply ---------------------------------------------------------- */

static const redisReply *raw(const struct rd_reply *r)
{
	return (const redisReply *)r;
}

void rd_reply_free(struct rd_reply **r)
{
	if (*r)
		freeReplyObject(*r);
	*r = NULL;
}

const char *rd_text(const struct rd_reply *r)
{
	if (!r || (raw(r)->type != REDIS_REPLY_STRING && raw(r)->type != REDIS_REPLY_STATUS))
		return NULL;
	return strlen(raw(r)->str) == (size_t)raw(r)->len ? raw(r)->str : NULL;
}

size_t rd_count(const struct rd_reply *r)
{
	return r && raw(r)->type == REDIS_REPLY_ARRAY ? raw(r)->elements : 0;
}

const struct rd_reply *rd_at(const struct rd_reply *r, size_t i)
{
	return i < rd_count(r) ? (const struct rd_reply *)raw(r)->element[i] : NULL;
}

bool rd_nil(const struct rd_reply *r)
{
	return !r || raw(r)->type == REDIS_REPLY_NIL;
}

int64_t rd_int(const struct rd_reply *r)
{
	return r && raw(r)->type == REDIS_REPLY_INTEGER ? (int64_t)raw(r)->integer : -1;
}
