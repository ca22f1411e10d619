// link: scan
/*
 * decode: encoded parts of any text, level after level: segments lie in the text
 * and in one line (but for blocks of base64), a view's bytes come from where it says, in order.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/decode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_view(const struct view *v, const char *text, size_t n,
		       const struct segment *s)
{
	size_t i;

	if (v->n > v->cap || v->own > v->n || v->map[v->n] > n)
		abort();
	for (i = 0; i < v->n; i++) {
		if (v->map[i] > v->map[i + 1] || v->map[i] >= n)
			abort();
		if (!v->coded[i] && v->text[i] != text[v->map[i]])
			abort();
		/* of a joint the next character counts as coded, too */
		if (v->coded[i] && (v->map[i] < s->start ||
				    v->map[i] >= s->end +
					(s->coding == CODING_JOIN)))
			abort();
	}
}

static void decode(const char *text, size_t n, unsigned depth, unsigned *budget)
{
	struct segments s = { 0 };
	struct view v = { 0 };
	bool made;
	size_t i;

	if (segments_find(&s, text, 0, n, NULL))
		abort();
	for (i = 0; i < s.n && *budget; i++) {
		const struct segment *x = &s.v[i];

		if (x->start >= x->end || x->end > n || x->coding >= CODINGS ||
		    (x->coding != CODING_WRAPPED &&
		     memchr(text + x->start, '\n', x->end - x->start)) ||
		    !coding_word((enum coding)x->coding))
			abort();
		if (view_make(&v, text, n, x, &made, NULL))
			abort();
		--*budget;
		if (made)
			check_view(&v, text, n, x);
		if (made && depth)
			decode(v.text, v.n, depth - 1, budget);
	}
	view_release(&v);
	segments_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned budget = 400;

	decode((const char *)data, size, 4, &budget);
	return 0;
}
