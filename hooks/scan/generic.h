/*
 * generic: secrets without a shape of their own, told from everything else by
 * where they stand.
 *
 * Three steps, one file each.  A rule with `scored = true` has a regex that
 * only says "here may be one" (its match is the anchor).  The finder reads on
 * from there: which value is given to which name.  The features turn name,
 * value and surroundings into small whole numbers.  The score is the sum of
 * the leaves of decision trees, also whole numbers, so that it is the same on
 * every machine and in the program that grew the trees.
 *
 * Promises: the answer depends on nothing but the bytes of the window, which
 * begins GENERIC_BEFORE before the anchor and ends GENERIC_AFTER after it, or
 * where a longer value was read to (at most GENERIC_REACH): that is what lets
 * a delta inherit it.  Work is linear in that window.
 */
#ifndef SCAN_GENERIC_H
#define SCAN_GENERIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GENERIC_BEFORE 192u
#define GENERIC_AFTER 384u
#define GENERIC_REACH 4608u
#define GENERIC_VALUES 4 /* values that one anchor may lead to */
#define GENERIC_VALUE_MIN 3u
#define GENERIC_VALUE_MAX 4096u

/* How a value came to its name. */
enum generic_how {
	GENERIC_SET,	/* name = value, name: value and their like */
	GENERIC_COMPARE, /* name == value */
	GENERIC_CALL,	/* name("value") */
	GENERIC_PAIR,	/* "name", "value" */
	GENERIC_MARKUP, /* <name>value</name> */
	GENERIC_BESIDE, /* name "value", --name value */
	GENERIC_ELSE,	/* name = something || "value" */
	GENERIC_URL,	/* scheme://name:value@host */
	GENERIC_HEADER, /* Basic value, Bearer value */
	GENERIC_LOGIN,	/* -u name:value */
};

struct generic_value {
	uint32_t name, name_end; /* empty: none */
	uint32_t at, end;	 /* the value, without quotes */
	uint8_t how;		 /* enum generic_how */
	char quote;		 /* 0: none */
	uint8_t nth;		 /* which literal after the name, from 0 */
	bool escaped;		 /* its quotes stand behind backslashes */
	bool wrapped;		 /* inside a call or a list */
};

struct generic_window {
	const char *text;
	uint32_t from, to; /* what the features look at */
	uint32_t end;	   /* what a value is read in */
	uint32_t low, seen; /* what the finder read; generic_find() sets it */
};

void generic_window(const char *text, size_t n, size_t start,
		    struct generic_window *w);
/* The values that the anchor [start, end) leads to; how many. */
size_t generic_find(struct generic_window *w, size_t start, size_t end,
		    struct generic_value v[GENERIC_VALUES]);

/* Values that are told at a glance, so that most anchors cost little. */
bool generic_hopeless(const struct generic_window *w,
		      const struct generic_value *v);

/* ---- features ------------------------------------------------------------ */

/* generic_names.h lists them: GENERIC_FEATURE(id, "what it says"). */
enum generic_feature {
#define GENERIC_FEATURE(id, text) F_##id,
#include "hooks/scan/generic_names.h"
#undef GENERIC_FEATURE
	GENERIC_FEATURES
};

const char *generic_feature_name(size_t i); /* "VALUE_LENGTH" */
const char *generic_feature_text(size_t i); /* for people */

/* Those of the value, the name and how they belong together: all before
 * F_COMMENT; sets the others to 0. */
void generic_measure_inner(const struct generic_window *w,
			   const struct generic_value *v,
			   int16_t f[GENERIC_FEATURES]);
/* Those of where they stand; after the inner ones. */
void generic_measure_outer(const struct generic_window *w,
			   const struct generic_value *v,
			   int16_t f[GENERIC_FEATURES]);

/* How like written words the letters of a text are: the mean over its triples
 * of letters, 0 (never seen) to 100; -1 without any. */
int generic_natural(const char *p, size_t n, int *worst);
/* How many of the bytes stand in words of the list. */
size_t generic_in_words(const char *p, size_t n);
size_t generic_in_long_words(const char *p, size_t n);

/* ---- score --------------------------------------------------------------- */

#define GENERIC_REASONS 3

struct generic_verdict {
	bool stands;	/* it is above the bar */
	int32_t score;	/* in 1/1024 of log odds */
	uint8_t confidence; /* enum confidence */
	struct generic_value value; /* the one that scored best */
	uint32_t from, to; /* what the answer depends on: text[from, to) */
	bool first, last;  /* ... and that the text begins or ends there */
};

/* What moved the score most, with its share (same unit). */
struct generic_reason {
	uint8_t feature;
	int32_t share;
};

/* Does the table hold together? */
bool generic_ready(void);
/* The sum of the trees that ask for inner features only; most values are
 * dropped by it. */
int32_t generic_sum_inner(const int16_t f[GENERIC_FEATURES]);
/* The sum of the others: the score. */
int32_t generic_sum(const int16_t f[GENERIC_FEATURES]);

/* Does its name, its line or what is around it say that the value is no secret
 * by itself, or one for readers?  Then its score does not make it high. */
bool generic_weak(const struct generic_window *w,
		  const struct generic_value *v,
		  const int16_t f[GENERIC_FEATURES]);

/* Is there a secret at the anchor text[start, end)? */
bool generic_judge(const char *text, size_t n, size_t start, size_t end,
		   struct generic_verdict *out);
/* Why the verdict is as it is. */
void generic_explain(const char *text, size_t n, size_t start,
		     const struct generic_verdict *v,
		     struct generic_reason reason[GENERIC_REASONS]);

#endif
