/*
 * unpack_one: one of the texts in a file again, by its number.
 */
#include "hooks/scan/unpack.h"

#include <stdlib.h>
#include <string.h>

struct wanted {
	uint32_t number;
	char *text, *name;
	size_t n;
};

static int take(void *arg, const struct unpack_part *part, struct err *e)
{
	struct wanted *w = arg;

	if (part->number != w->number)
		return 0;
	w->name = strdup(part->name);
	w->text = malloc(part->n + 1);
	if (!w->text || !w->name)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	memcpy(w->text, part->text, part->n);
	w->n = part->n;
	return 1;
}

int unpack_one(const struct unpack_limits *l, const char *p, size_t n,
	       uint32_t number, char **text, size_t *text_n, char **name,
	       struct err *e)
{
	struct unpack_note note = { 0 };
	struct wanted w = { .number = number };
	int rc = unpack(l, p, n, take, &w, &note, e);

	if (rc) {
		free(w.text);
		free(w.name);
		w.text = w.name = NULL;
	}
	*text = w.text;
	*name = w.name;
	*text_n = w.n;
	return rc;
}
