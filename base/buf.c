/*
 * buf: a growing byte buffer with a named maximum.
 *
 * Promises: content is wiped when it moves or is released; p ends in a NUL
 * that len does not count.  Must never: grow past max.
 */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

int buf_reserve(struct buf *b, size_t more, struct err *e)
{
	size_t need, total, cap;
	char *p;

	if (!mem_add(b->len, more, &need) || need > b->max ||
	    !mem_add(need, 1, &total))
		return err_fail(e, ERR_TOOBIG, NULL,
				"more than the %zu bytes allowed", b->max);
	if (b->p && total <= b->cap)
		return 0;
	cap = b->cap ? b->cap : 128;
	while (cap < total) {
		if (!mem_mul(cap, 2, &cap))
			cap = total;
	}
	/* max + the NUL always holds `total`, so this never cuts it short */
	if (cap - 1 > b->max)
		cap = b->max + 1;
	p = mem_alloc(cap);
	if (!p)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	if (b->p)
		memcpy(p, b->p, b->len);
	p[b->len] = '\0';
	mem_free(b->p);
	b->p = p;
	b->cap = cap;
	return 0;
}

int buf_add(struct buf *b, const void *p, size_t n, struct err *e)
{
	if (buf_reserve(b, n, e) != 0)
		return -1;
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
	return 0;
}

int buf_puts(struct buf *b, const char *s, struct err *e)
{
	return buf_add(b, s, strlen(s), e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	va_list ap, again;
	int rc = -1, n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0) {
		err_fail(e, ERR_BUG, NULL, "bad format '%s'", fmt);
		goto out;
	}
	if (buf_reserve(b, (size_t)n, e) != 0)
		goto out;
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, again);
	b->len += (size_t)n;
	rc = 0;
out:
	va_end(again);
	va_end(ap);
	return rc;
}

void buf_reset(struct buf *b)
{
	if (b->p)
		mem_wipe(b->p, b->len);
	b->len = 0;
}

void buf_release(struct buf *b)
{
	mem_free(b->p);
	b->p = NULL;
	b->len = b->cap = 0;
}
