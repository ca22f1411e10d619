/*
 * patterns: what the matcher is compiled from, growing.
 */
#include "hooks/scan/patterns.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

void patterns_free(struct patterns *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		mem_free(p->text[i]);
	mem_free(p->text);
	mem_free(p->flags);
	mem_free(p->id);
	memset(p, 0, sizeof(*p));
}

int patterns_add(struct patterns *p, const char *text, unsigned flags,
		 size_t id, struct err *e)
{
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 256;
		char **t = mem_realloc(p->text, cap * sizeof(*t));
		unsigned *f, *i;

		if (t)
			p->text = t;
		f = t ? mem_realloc(p->flags, cap * sizeof(*f)) : NULL;
		if (f)
			p->flags = f;
		i = f ? mem_realloc(p->id, cap * sizeof(*i)) : NULL;
		if (!i)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		p->id = i;
		p->cap = cap;
	}
	p->text[p->n] = mem_strdup(text);
	if (!p->text[p->n])
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	p->flags[p->n] = flags;
	p->id[p->n++] = (unsigned)id;
	return 0;
}

int patterns_add_word(struct patterns *p, const char *word, unsigned flags,
		      size_t id, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	const unsigned char *c;
	int rc = -1;

	for (c = (const unsigned char *)word; *c; c++)
		if (buf_printf(&b, e, "\\x%02x", *c))
			goto out;
	rc = patterns_add(p, b.p, flags, id, e);
out:
	buf_release(&b);
	return rc;
}
