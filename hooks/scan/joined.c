/*
 * joined: parts of a text, put together to be scanned at once.
 *
 * Owns the way back to places in the text.  Must never give one that the text
 * has not.
 */
#include "hooks/scan/joined.h"

#include <string.h>

#include "base/mem.h"

bool joined_can(const struct bytes *breaks)
{
	return bytes_has(breaks, ';');
}

static int room(struct joined *j, struct err *e)
{
	if (j->n == j->cap) {
		size_t cap = j->cap ? j->cap * 2 : 64;
		struct piece *v = mem_realloc(j->piece, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		j->piece = v;
		j->cap = cap;
	}
	if (!j->text && !(j->text = mem_alloc(JOINED_MOST)))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

int joined_add(struct joined *j, const struct bytes *breaks, const char *text,
	       size_t n, size_t from, size_t to, struct err *e)
{
	size_t len = to - from;
	const char *end = text + to;

	if (room(j, e))
		return -1;
	j->piece[j->n].from = (uint32_t)from;
	j->piece[j->n].len = (uint32_t)len;
	j->piece[j->n++].at = (uint32_t)j->len;
	memcpy(j->text + j->len, text + from, len);
	j->len += len;
	if (to == n || (len > 1 && end[-1] == '\n' &&
			bytes_has(breaks, (unsigned char)end[-2])))
		return 0;
	j->text[j->len++] = ';';
	j->text[j->len++] = '\n';
	return 0;
}

const struct piece *joined_piece(const struct joined *j, size_t at, size_t *k)
{
	if (j->piece[*k].at > at)
		*k = 0;
	while (*k + 1 < j->n && j->piece[*k + 1].at <= at)
		++*k;
	return &j->piece[*k];
}

uint32_t joined_end(const struct joined *j, size_t end, size_t *k)
{
	const struct piece *p = joined_piece(j, end - 1, k);

	end -= p->at;
	return p->from + (uint32_t)(end < p->len ? end : p->len);
}

void joined_clear(struct joined *j)
{
	j->n = j->len = 0;
}

void joined_release(struct joined *j)
{
	mem_free(j->piece);
	mem_free(j->text);
	memset(j, 0, sizeof(*j));
}
