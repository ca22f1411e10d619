/*
 * breaks: ends of lines that no match goes over.
 *
 * Owns which characters they can be at: never one of a token, nor a blank or
 * '=', so that a change right below lines of base64 is seen together with them
 * (decode_near.c).
 */
#include "hooks/scan/breaks.h"

#include <string.h>

#include "hooks/scan/tokens.h"

struct bytes breaks_left(const struct bytes *before)
{
	struct bytes out = *before;
	unsigned c;

	for (c = 0; c < 256; c++)
		if (c <= ' ' || c == '=' || token_char((char)c))
			bytes_put(&out, c);
	bytes_not(&out);
	return out;
}

size_t break_before(const struct bytes *at, const char *text, size_t floor,
		    size_t end, bool *found)
{
	const char *nl;

	*found = true;
	while ((nl = memrchr(text + floor, '\n', end - floor))) {
		end = (size_t)(nl - text);
		if (end == floor)
			break;
		if (bytes_has(at, (unsigned char)nl[-1]))
			return end - 1;
	}
	*found = false;
	return floor;
}

size_t break_behind(const struct bytes *at, const char *text, size_t from,
		    size_t limit)
{
	const char *nl;

	for (from++; from < limit; from = (size_t)(nl - text) + 1) {
		nl = memchr(text + from, '\n', limit - from);
		if (!nl)
			break;
		if (bytes_has(at, (unsigned char)nl[-1]))
			return (size_t)(nl - text) + 1;
	}
	return limit;
}
