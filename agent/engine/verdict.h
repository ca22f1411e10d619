/*
 * verdict: what may be said about a target now.  Pure.
 *
 * DEAD is said only of what is proved.  DYING: what ends it was confirmed, the
 * proof is still being made.  ALIVE: nothing confirmed, or it still answers.
 * NOT FOUND: nothing answers to that name, so nothing of it is dead.
 */
#ifndef AGENT_ENGINE_VERDICT_H
#define AGENT_ENGINE_VERDICT_H

#include "agent/engine/facts.h"
#include "agent/engine/work.h"

enum life_word { VD_NONE, VD_DEAD, VD_DYING, VD_ALIVE, VD_SKIPPED, VD_TOLD,
		 VD_MISSING };

struct verdict {
	enum life_word word;
	int64_t until_ms; /* DYING: 0 not known */
	int64_t at_ms;	  /* DEAD: proved at */
	bool refusal;	  /* DEAD: by the service's refusal */
	bool before;	  /* DEAD: proved by an earlier incident */
	const char *why;  /* borrowed or constant; never NULL */
};

struct verdict verdict_of(const struct work *w, uint32_t target,
			  const struct facts *facts, int64_t now);

struct tally {
	uint32_t dead, dying, alive, skipped, told, missing;
	uint32_t open_sweeps, open_cuts;
	int64_t until_ms; /* the latest known end of the dying */
};
void verdict_tally(const struct work *w, const struct facts *facts, int64_t now,
		   struct tally *out);
/* 0 all dead, 3 some dying, 4 some alive (rotation.md, "Exit"). */
int verdict_exit(const struct tally *t);
/* How a death is proved: by a refusal of the value, or by a record only. */
const char *verdict_proof(bool refusal);
const char *verdict_word(enum life_word w);

#endif
