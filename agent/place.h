/*
 * place: "SINK/PLACE" as curfew.toml writes it, and the words that stand for a
 * credential's names in it.
 */
#ifndef AGENT_PLACE_H
#define AGENT_PLACE_H

#include <stdbool.h>

enum place_word {
	PLACE_ACCOUNT,
	PLACE_CONNECTION,
	PLACE_KIND,
	PLACE_CRED,
	PLACE_WORDS,
};

extern const char *const place_words[PLACE_WORDS];

/* Which one begins here; PLACE_WORDS: none. */
enum place_word place_word(const char *p);
/* Why it can be no place at all; NULL: it can. */
const char *place_wrong(const char *word);
/* Does it name another place for another credential? */
bool place_varies(const char *word);

#endif
