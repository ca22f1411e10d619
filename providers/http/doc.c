/*
 * doc: looking into an answer.  JSON pointers as in RFC 6901; "" is the whole.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "providers/http/tmpl.h"

/* One segment without its ~0 and ~1; false when it does not fit. */
static bool segment(const char *p, size_t n, char out[static 256])
{
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		char c = p[i];

		if (c == '~' && i + 1 < n && (p[i + 1] == '0' || p[i + 1] == '1'))
			c = p[++i] == '0' ? '~' : '/';
		if (m == 255)
			return false;
		out[m++] = c;
	}
	out[m] = '\0';
	return true;
}

static const struct json *element(const struct json *arr, const char *seg)
{
	const struct json *j = json_first(arr);
	int64_t at;

	if (!text_int(seg, 0, 1000000, &at))
		return NULL;
	while (j && at-- > 0)
		j = json_next(j);
	return j;
}

const struct json *doc_at(const struct json *root, const char *ptr, size_t n)
{
	while (root && n > 0) {
		char seg[256];
		size_t len = 0;

		if (*ptr != '/')
			return NULL;
		ptr++;
		n--;
		while (len < n && ptr[len] != '/')
			len++;
		if (!segment(ptr, len, seg))
			return NULL;
		if (json_type(root) == JSON_OBJECT)
			root = json_get(root, seg);
		else if (json_type(root) == JSON_ARRAY)
			root = element(root, seg);
		else
			return NULL;
		ptr += len;
		n -= len;
	}
	return root;
}

bool doc_text(const struct json *node, struct buf *out)
{
	int64_t n;
	double d;
	bool b;

	if (!node)
		return false;
	switch (json_type(node)) {
	case JSON_STRING:
		return buf_puts(out, json_text(node), NULL) == 0;
	case JSON_BOOL:
		return json_bool_value(node, &b) &&
		       buf_puts(out, b ? "true" : "false", NULL) == 0;
	case JSON_NUMBER:
		if (json_int_value(node, &n))
			return buf_printf(out, NULL, "%lld", (long long)n) == 0;
		return json_real(node, &d) &&
		       buf_printf(out, NULL, "%.17g", d) == 0;
	default:
		return false;
	}
}
