/* jsonwalk: every value lies within the text; a well formed text is walked to
 * its end, any other without harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonwalk.h"

struct seen {
	const char *p, *end;
	size_t open;
};

static int on_value(const struct jsonwalk *w, enum jsonwalk_what what, void *arg)
{
	struct seen *s = arg;

	if (w->at < s->p || w->at > s->end || w->n > (size_t)(s->end - w->at))
		abort();
	for (size_t i = 0; i < w->names; i++)
		if (w->name[i].p < s->p || w->name[i].p + w->name[i].n > s->end)
			abort();
	if (what == JSONWALK_OPEN)
		s->open++;
	if (what == JSONWALK_CLOSE && s->open-- == 0)
		abort();
	(void)jsonwalk_is(w, "a.b");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size ? size : 1); /* its end is guarded */
	struct seen s = { text, text + size, 0 };
	int rc;

	if (!text)
		return 0;
	memcpy(text, data, size);
	rc = jsonwalk(text, size, on_value, &s);
	if (json_scan(text, size, NULL, NULL, NULL) == 0 && (rc != 0 || s.open))
		abort();
	free(text);
	return 0;
}
