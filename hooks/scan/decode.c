/*
 * decode: encoded parts of a text, and what they say.
 *
 * Owns the five codings.  Promises: work is linear in the text; a decoded
 * segment is never longer than what it was made of.  Only printable ASCII
 * counts as decoded, as in gitleaks: random identifiers are nearly never that.
 */
#include "hooks/scan/decode.h"

#include <string.h>

#include "base/mem.h"
#include "hooks/scan/decode_escape.h"
#include "hooks/scan/decode_wrap.h"
#include "hooks/scan/tokens.h"

#define BASE64_LEAST TOKEN_RUN
#define HEX_LEAST 32u

enum { IN_BASE64 = 1, IN_HEX = 2, IN_TELLING = 4 };

static unsigned char kind_of[256];
static signed char sixbits[256];

static void __attribute__((constructor)) fill_tables(void)
{
	static const char order[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				    "pqrstuvwxyz0123456789+/";
	int i;

	memset(sixbits, -1, sizeof(sixbits));
	for (i = 0; i < 64; i++) {
		unsigned char c = (unsigned char)order[i];

		sixbits[c] = (signed char)i;
		kind_of[c] = IN_BASE64;
		if (i >= 52)
			kind_of[c] |= IN_TELLING;
		if ((i >= 52 && i < 62) || i < 6 || (i >= 26 && i < 32))
			kind_of[c] |= IN_HEX;
	}
	sixbits['-'] = 62;
	sixbits['_'] = 63;
	kind_of['-'] = kind_of['_'] = IN_BASE64 | IN_TELLING;
}

static unsigned char kind(const char *p)
{
	return kind_of[(unsigned char)*p];
}

bool decode_readable(int c)
{
	return (c >= 0x20 && c <= 0x7e) || c == '\t' || c == '\n' || c == '\r';
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

const char *coding_word(enum coding c)
{
	static const char *const word[CODINGS] = {
		"percent", "unicode", "escape", "entity", "quoted", "join",
		"hex", "base64", "wrapped",
	};

	return c < CODINGS ? word[c] : "gzip";
}

/* ---- finding ------------------------------------------------------------- */

void segments_release(struct segments *s)
{
	mem_free(s->v);
	memset(s, 0, sizeof(*s));
}

static int push(struct segments *s, size_t start, size_t own, size_t end,
		enum coding coding, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		struct segment *v = mem_realloc(s->v, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n].start = (uint32_t)start;
	s->v[s->n].own = (uint32_t)own;
	s->v[s->n].end = (uint32_t)end;
	s->v[s->n].made = false;
	s->v[s->n++].coding = (uint8_t)coding;
	return 0;
}

int segments_push(struct segments *s, size_t start, size_t end,
		  enum coding coding, struct err *e)
{
	return push(s, start, end, end, coding, e);
}

/* Four characters give three bytes; false: one is not readable. */
static bool quad(const char *p, char out[static 3])
{
	unsigned v = 0;
	int i;

	for (i = 0; i < 4; i++)
		v = v << 6 | ((unsigned)sixbits[(unsigned char)p[i]] & 63);
	out[0] = (char)(v >> 16);
	out[1] = (char)(v >> 8);
	out[2] = (char)v;
	return decode_readable((unsigned char)out[0]) &&
	       decode_readable((unsigned char)out[1]) && decode_readable((unsigned char)out[2]);
}

static bool pair(const char *p, char *out)
{
	int c = digit(p[0]) * 16 | digit(p[1]); /* -1: no digit */

	*out = (char)c;
	return decode_readable(c);
}

/* A long segment in pieces; DECODE_PIECE is a multiple of four. */
static int push_pieces(struct segments *s, size_t start, size_t end,
		       enum coding coding, struct err *e)
{
	while (end - start > DECODE_PIECE + DECODE_OVERLAP) {
		if (push(s, start, start + DECODE_PIECE,
			 start + DECODE_PIECE + DECODE_OVERLAP, coding, e))
			return -1;
		start += DECODE_PIECE;
	}
	return push(s, start, end, end, coding, e);
}

static int hex_runs(struct segments *s, const char *text, size_t from, size_t to,
		    struct err *e)
{
	size_t i = from, start;
	char c[2];

	while (i < to) {
		for (start = i; i < to && (kind(text + i) & IN_HEX); i++)
			;
		if (i - start >= HEX_LEAST && pair(text + start, c) &&
		    pair(text + start + 2, c + 1) &&
		    push_pieces(s, start, i - (i - start) % 2, CODING_HEX, e))
			return -1;
		i++;
	}
	return 0;
}

/* `n`: where the text ends, or what belongs to it. */
int segments_run(struct segments *s, const char *text, size_t n, size_t from,
		 size_t to, struct err *e)
{
	bool packed = wrap_packed(text, from, to);
	unsigned any = 0;
	char c[3];
	size_t i, end = to;

	if (to - from >= HEX_LEAST && hex_runs(s, text, from, to, e))
		return -1;
	if (!packed &&
	    (!quad(text + from, c) || !quad(text + from + 4, c)))
		return 0;
	for (i = from; i < to && !(any & IN_TELLING); i++)
		any |= kind(text + i);
	if (!(any & IN_TELLING))
		return 0;
	while (end < n && end < to + 2 && text[end] == '=')
		end++;
	return packed ? push(s, from, end, end, CODING_BASE64, e)
		      : push_pieces(s, from, end, CODING_BASE64, e);
}

/* Lines of base64, and of hexadecimal digits each by itself. */
static int one_block(struct segments *s, const char *text, size_t from,
		     size_t to, struct err *e)
{
	char c[3];

	if (hex_runs(s, text, from, to, e))
		return -1;
	if (!wrap_packed(text, from, to) &&
	    (!quad(text + from, c) || !quad(text + from + 4, c)))
		return 0;
	return segments_push(s, from, to, CODING_WRAPPED, e);
}

int segments_next(struct segments *s, const char *text, size_t n, size_t from,
		  size_t to, size_t *next, struct err *e)
{
	size_t block = wrap_block(text, from, to, n);

	*next = (block ? block : to) + 1;
	s->blocks |= block != 0;
	return block ? one_block(s, text, from, block, e)
		     : segments_run(s, text, n, from, to, e);
}

int segments_runs(struct segments *s, const char *text, size_t n, size_t from,
		  size_t to, struct err *e)
{
	size_t i = from, j;

	while (i + BASE64_LEAST <= to) {
		i = token_run(text, i, to);
		if (i + BASE64_LEAST > to)
			break;
		j = i + BASE64_LEAST;
		while (j < to && (kind(text + j) & IN_BASE64))
			j++;
		if (segments_next(s, text, n, i, j, &i, e))
			return -1;
	}
	return 0;
}

int segments_find(struct segments *s, const char *text, size_t from, size_t to,
		  struct err *e)
{
	s->n = 0;
	s->blocks = false;
	return segments_runs(s, text, to, from, to, e) ||
	       segments_escapes(s, text, from, to, e);
}

/* ---- decoding ------------------------------------------------------------ */

void view_release(struct view *v)
{
	mem_free(v->text);
	mem_free(v->map);
	mem_free(v->coded);
	memset(v, 0, sizeof(*v));
}

int view_room(struct view *v, size_t n, struct err *e)
{
	if (n <= v->cap)
		return 0;
	view_release(v);
	n += n / 2;
	v->text = mem_alloc(n);
	v->map = mem_array(n + 1, sizeof(*v->map));
	v->coded = mem_alloc(n);
	if (!v->text || !v->map || !v->coded) {
		view_release(v);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	v->cap = n;
	return 0;
}

void view_put(struct view *v, char c, size_t from, bool coded)
{
	v->text[v->n] = c;
	v->map[v->n] = (uint32_t)from;
	v->coded[v->n++] = coded;
}

static bool put_base64(struct view *v, const char *text, size_t from, size_t to)
{
	char c[3], last[4] = { 'A', 'A', 'A', 'A' };
	size_t k, left;

	while (to > from && text[to - 1] == '=')
		to--;
	for (; to - from >= 4; from += 4) {
		if (!quad(text + from, c))
			return false;
		for (k = 0; k < 3; k++)
			view_put(v, c[k], from + k, true);
	}
	left = to - from; /* one character alone says nothing */
	memcpy(last, text + from, left);
	(void)quad(last, c);
	for (k = 0; k + 1 < left; k++) {
		if (!decode_readable((unsigned char)c[k]))
			return false;
		view_put(v, c[k], from + k, true);
	}
	return true;
}

static bool put_hex(struct view *v, const char *text, size_t from, size_t to)
{
	char c;

	for (; to - from >= 2; from += 2) {
		if (!pair(text + from, &c))
			return false;
		view_put(v, c, from, true);
	}
	return true;
}

void view_around(const char *text, size_t n, const struct segment *s,
		 size_t *from, size_t *to)
{
	size_t low = s->start > DECODE_BEFORE ? s->start - DECODE_BEFORE : 0;
	size_t after = s->coding == CODING_JOIN ? DECODE_AFTER_JOINT
						: DECODE_AFTER;
	size_t high = n - s->end > after ? s->end + after : n;
	const char *nl = memrchr(text + low, '\n', s->start - low);

	*from = nl ? (size_t)(nl - text) + 1 : low;
	nl = memchr(text + s->end, '\n', high - s->end);
	*to = nl ? (size_t)(nl - text) : high;
}

/* Every character of what was packed gets a place in its segment, in order. */
static void put_unpacked(struct view *v, const char *p, size_t len,
			 const struct segment *s)
{
	size_t i, room = s->end - s->start;

	for (i = 0; i < len; i++)
		view_put(v, p[i], s->start + (size_t)((uint64_t)i * room / len),
			 true);
	v->packed = len > 0;
}

static bool fill(struct view *v, const char *text, const struct segment *s)
{
	switch (s->coding) {
	case CODING_BASE64:
		return put_base64(v, text, s->start, s->end);
	case CODING_WRAPPED:
		return wrap_put(v, text, s->start, s->end);
	case CODING_HEX:
		return put_hex(v, text, s->start, s->end);
	default:
		escapes_put(v, text, s->start, s->end, (enum coding)s->coding);
		return true;
	}
}

int view_make(struct view *v, const char *text, size_t n,
	      const struct segment *s, bool *made, struct err *e)
{
	size_t from, to, i, len = 0;
	char *unpacked = NULL;
	int rc = -1;

	*made = v->packed = v->over = false;
	if (s->coding >= CODING_BASE64 && wrap_packed(text, s->start, s->end)) {
		if (wrap_unpack(text, s->start, s->end, &unpacked, &len,
				&v->over, e))
			return -1;
		if (!unpacked)
			return 0;
	}
	view_around(text, n, s, &from, &to);
	if (view_room(v, to - from + len + 1, e))
		goto out;
	v->n = 0;
	for (i = from; i < s->start; i++)
		view_put(v, text[i], i, false);
	if (unpacked)
		put_unpacked(v, unpacked, len, s);
	*made = unpacked || fill(v, text, s);
	v->own = v->n;
	for (i = 0; s->own < s->end && i < v->n; i++)
		if (v->map[i] >= s->own) {
			v->own = i;
			break;
		}
	/* what a last joint adds is the character behind it */
	for (i = s->end; i < to; i++)
		view_put(v, text[i], i, i == s->end && s->coding == CODING_JOIN);
	if (s->own >= s->end)
		v->own = v->n;
	v->map[v->n] = (uint32_t)to;
	rc = 0;
out:
	mem_free(unpacked);
	return rc;
}
