/*
 * reply: what both drivers, of a kill and of a rotation, read from an answer,
 * and the lists they keep.  What a provider says is text and numbers, never an
 * instruction.
 */
#ifndef AGENT_ENGINE_REPLY_H
#define AGENT_ENGINE_REPLY_H

#include "agent/engine/proof.h"
#include "base/json.h"

/* At most 300 bytes of a text, made printable; NULL: none.  mem_free it. */
char *reply_text(const struct json *body, const char *key);
/* true only when it says so. */
bool reply_flag(const struct json *body, const char *key);
/* Of a probe: anything but the two words is unknown; `refusal`: proved by the
 * service's own bad-credential answer. */
enum life reply_life(const struct json *body, bool *refusal);

/* A list that grows. */
int list_add(uint32_t **p, size_t *n, size_t *cap, uint32_t value,
	     struct err *e) __attribute__((warn_unused_result));

#endif
