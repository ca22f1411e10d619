/* reply: see reply.h. */
#include "agent/engine/reply.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define TEXT_MAX 300

char *reply_text(const struct json *body, const char *key)
{
	const char *s = body ? json_str(body, key) : NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	char *copy = NULL;

	if (s && text_escape(&b, s, strnlen(s, TEXT_MAX), NULL) == 0)
		copy = mem_strdup(b.p);
	buf_release(&b);
	return copy;
}

bool reply_flag(const struct json *body, const char *key)
{
	bool v = false;

	return json_bool(body, key, &v) && v;
}

enum life reply_life(const struct json *body, bool *refusal)
{
	const char *life = json_str(body, "life");
	const char *proof = json_str(body, "proof");

	*refusal = proof && strcmp(proof, "refusal") == 0;
	if (life && strcmp(life, "dead") == 0)
		return LIFE_DEAD;
	return life && strcmp(life, "alive") == 0 ? LIFE_ALIVE : LIFE_UNKNOWN;
}

int list_add(uint32_t **p, size_t *n, size_t *cap, uint32_t value,
	     struct err *e)
{
	if (*n == *cap) {
		const size_t more = *cap ? *cap * 2 : 64;
		uint32_t *x = mem_realloc(*p, more * sizeof(*x));

		if (!x)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		*p = x;
		*cap = more;
	}
	(*p)[(*n)++] = value;
	return 0;
}
