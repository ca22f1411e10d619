/* place: see place.h.  Pure. */
#include "agent/place.h"

#include <string.h>

const char *const place_words[PLACE_WORDS] = { "{account}", "{connection}",
					    "{kind}", "{cred}" };

enum place_word place_word(const char *p)
{
	enum place_word w = PLACE_ACCOUNT;

	while (w < PLACE_WORDS && strncmp(p, place_words[w], strlen(place_words[w])) != 0)
		w++;
	return w;
}

bool place_varies(const char *s)
{
	for (; *s; s++)
		if (place_word(s) < PLACE_WORDS)
			return true;
	return false;
}

static const char *bad_steps(const char *p)
{
	for (;; p++) {
		const size_t n = strcspn(p, "/");

		if (n == 0)
			return "a step of its path is empty";
		if ((n == 1 && *p == '.') || (n == 2 && memcmp(p, "..", 2) == 0))
			return "'.' and '..' are no steps of a place";
		p += n;
		if (!*p)
			return NULL;
	}
}

const char *place_wrong(const char *s)
{
	const char *slash = strchr(s, '/');

	if (!slash || slash == s || !slash[1])
		return "write \"SINK/PLACE\"";
	for (const char *p = s; *p; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "it holds a control character";
		if (*p != '{' && *p != '}')
			continue;
		if (p < slash || *p == '}' || place_word(p) == PLACE_WORDS)
			return "only {account}, {connection}, {kind} and "
			       "{cred} may stand in braces, after the sink";
		p += strlen(place_words[place_word(p)]) - 1;
	}
	return bad_steps(slash + 1);
}
