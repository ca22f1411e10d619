/*
 * keyedit: new text of an authorized_keys file out of the old one.  Promises:
 * bytes outside the selected lines are copied as they are.
 */
#include <string.h>

#include "base/digest.h"
#include "providers/ssh/keyline.h"

int keyedit(const char *p, size_t n, enum keyedit how, const struct keysel *s,
	    const char *stamp, struct buf *out, size_t *changed, struct err *e)
{
	struct keyline l;
	size_t pos = 0;

	*changed = 0;
	while (keyline_next(p, n, &pos, &l)) {
		struct span keep = l.all;
		bool hit = keysel_match(s, &l);

		if (hit && how == KEYEDIT_DISABLE && l.what == KEYLINE_KEY) {
			if (buf_puts(out, KEYLINE_MARK, e) ||
			    buf_puts(out, stamp, e) || buf_puts(out, " ", e))
				return -1;
			++*changed;
		} else if (hit && how == KEYEDIT_ENABLE &&
			   l.what == KEYLINE_DISABLED) {
			keep = l.body;
			++*changed;
		} else if (hit && how == KEYEDIT_REMOVE) {
			++*changed;
			continue;
		}
		if (buf_add(out, keep.p, keep.n, e))
			return -1;
	}
	return 0;
}

static bool same_line(struct span a, struct span b)
{
	if (a.n && a.p[a.n - 1] == '\n')
		a.n--;
	if (b.n && b.p[b.n - 1] == '\n')
		b.n--;
	return a.n == b.n && !memcmp(a.p, b.p, a.n);
}

static bool line_is(struct span line, const unsigned char *hash)
{
	unsigned char mine[32];

	if (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	digest_sha256(line.p, line.n, mine);
	return !memcmp(mine, hash, sizeof(mine));
}

/* Where the line goes: the offset of the line that will follow it. */
static size_t place(const char *p, size_t n, size_t number,
		    const unsigned char *after)
{
	size_t pos = 0, line = 1, found = n, at_number = n;
	bool have = false;
	struct keyline l;

	for (;;) {
		size_t start = pos;
		bool more = keyline_next(p, n, &pos, &l);

		if (line == number)
			at_number = start;
		if (!more)
			break;
		/* The anchor nearest to the old place wins. */
		if (after && line_is(l.all, after) && (!have || line < number)) {
			found = pos;
			have = true;
		}
		line++;
	}
	return have ? found : at_number;
}

static int splice(const char *p, size_t n, size_t at, size_t skip,
		  struct span line, struct buf *out, struct err *e)
{
	bool nl = line.n && line.p[line.n - 1] == '\n';

	if (buf_add(out, p, at, e))
		return -1;
	if (at && p[at - 1] != '\n' && buf_puts(out, "\n", e))
		return -1;
	if (buf_add(out, line.p, line.n, e))
		return -1;
	if (!nl && at + skip < n && buf_puts(out, "\n", e))
		return -1;
	return buf_add(out, p + at + skip, n - at - skip, e);
}

int keyedit_restore(const char *p, size_t n, struct span line, size_t number,
		    const unsigned char *after, struct buf *out, bool *changed,
		    struct err *e)
{
	struct keyline l;
	size_t pos = 0;

	*changed = false;
	while (keyline_next(p, n, &pos, &l))
		if (same_line(l.all, line))
			return buf_add(out, p, n, e);
	*changed = true;
	for (pos = 0; keyline_next(p, n, &pos, &l);)
		if (l.what == KEYLINE_DISABLED && same_line(l.body, line))
			return splice(p, n, pos - l.all.n, l.all.n, line, out, e);
	return splice(p, n, place(p, n, number, after), 0, line, out, e);
}
