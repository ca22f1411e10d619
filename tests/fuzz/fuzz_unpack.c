// link: scan
/*
 * unpack: archives, compressed files and UTF-16, in whatever state: bounds hold,
 * and each part is the same when it is asked for by its number.
 * The first byte says which byte-order mark is put in front, if any.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hooks/scan/unpack.h"

#define PARTS 64u
#define BYTES (1024u * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint32_t number[PARTS];
	char *text[PARTS];
	size_t n[PARTS], parts, bytes;
};

static int each(void *arg, const struct unpack_part *part, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->bytes += part->n;
	if (s->bytes > 4 * BYTES + 65536 || !part->name)
		abort();
	if (s->parts == PARTS)
		return 1;
	s->number[s->parts] = part->number;
	s->n[s->parts] = part->n;
	s->text[s->parts] = malloc(part->n + 1);
	if (!s->text[s->parts])
		abort();
	memcpy(s->text[s->parts++], part->text, part->n);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct unpack_limits limits = { .depth = 3, .bytes = BYTES };
	static const char mark[][3] = { "", "\xff\xfe", "\xfe\xff" };
	struct unpack_note note = { 0 };
	struct seen s = { .parts = 0 };
	char *p, *text, *name;
	size_t i, n, m;

	if (!size)
		return 0;
	m = data[0] & 3 && data[0] < 3 ? 2 : 0;
	p = malloc(size + 2);
	if (!p)
		abort();
	memcpy(p, mark[m ? data[0] : 0], m);
	memcpy(p + m, data + 1, size - 1);
	size += m - 1;
	if (unpack(&limits, p, size, each, &s, &note, NULL))
		abort();
	for (i = 0; i < s.parts; i++) {
		text = name = NULL;
		if (i < 4 && (unpack_one(&limits, p, size, s.number[i], &text, &n,
					 &name, NULL) ||
			      !text || n != s.n[i] ||
			      memcmp(text, s.text[i], n)))
			abort();
		free(text);
		free(name);
		free(s.text[i]);
	}
	free(p);
	return 0;
}
