/*
 * scan: from a text to its marks.
 *
 * A mark is one match of one rule in one text, with the verdict on it.  Marks
 * are exactly what running every rule's regex over the whole text gives
 * (leftmost, non-overlapping), but a text that is a delta of another takes
 * over the marks of the parts it copies and is looked at only around what
 * changed.  tests/unit/test_scan_delta.c holds the two against each other.
 *
 * Text and offsets are below 4 GiB.
 */
#ifndef SCAN_SCAN_H
#define SCAN_SCAN_H

#include <stdint.h>

#include "base/clock.h"
#include "hooks/scan/around.h"
#include "hooks/scan/blocks.h"
#include "hooks/scan/deadline.h"
#include "hooks/scan/decode.h"
#include "hooks/scan/match.h"
#include "hooks/scan/secrets.h"

#define SCAN_TEXT_MAX (1024u * 1024 * 1024) /* of one text */
#define SCAN_LINE_MAX 4096u /* of a line, seen on either side of a match */

enum mark_flag {
	MARK_FIRST = 1,	   /* its context reaches the text's start */
	MARK_LAST = 2,	   /* ... end */
	MARK_VOLATILE = 4, /* the verdict looked at the whole text */
	MARK_DECODED = 8,  /* in a decoded part; see decoded.h */
	MARK_ALLOWED = 16, /* a comment asks to let it pass */
};

struct mark {
	uint32_t start, end;	    /* the match */
	uint32_t at, len;	    /* the secret in it */
	uint32_t ctx_start, ctx_end; /* what the verdict looked at */
	uint32_t secret;	    /* SECRET_NONE: dropped */
	uint32_t origin; /* decoded, and not dropped: what matched, in
			  * scanner.origins; its rule is codings << 8 | depth */
	uint32_t inner;	 /* unpack_part.number of the text it stands in */
	uint16_t rule;
	uint8_t confidence, flags;
};

/* Marks of one text: those of RULE_NEAR and RULE_GATED rules first, by rule
 * and start, then those of the other rules, then those in decoded parts, by
 * start. */
struct marks {
	struct mark *v;
	size_t n, cap;
	size_t near;	/* v[0..near) can be inherited */
	size_t own;	/* v[own..coded): known by value (own.h), by place */
	size_t coded;	/* v[coded..n): in decoded parts, inherited by line */
	uint64_t *wide; /* rules whose keywords may stand in the text */
	struct segments made; /* what was decoded, by start */
	bool opaque;	/* not scanned as it stands: nothing to inherit */
};

/* A part of the text that is a copy of base[from, from + len). */
struct run {
	uint32_t at, from, len;
};

struct delta {
	const struct run *run; /* by `at`, apart, none adjoining in both */
	size_t n;
	size_t base_len;
	const struct marks *base;
};

/* What of a text is no copy: [start, end), empty where two copies meet. */
struct gap {
	uint32_t start, end;
	uint32_t low; /* matches of RULE_NEAR that begin before it end in front of
		       * the gap, and do not see it (around.h) */
};

/* Gaps widened, apart from each other. */
struct spans {
	struct gap *v;
	size_t n, cap;
};

struct own;

/* The runs that may hold marks of the base, by place (chain.c). */
struct busy {
	struct blocks marked;
	uint32_t *run;
	size_t n, cap;
};

/* Shared by all threads. */
struct scanner {
	const struct matcher *matcher;
	const struct own *own; /* our own secrets, or NULL */
	struct secrets *secrets;
	struct secrets *origins; /* matches in decoded text */
	unsigned decode_depth;	 /* 0: nothing is decoded */
	struct deadline *deadline; /* of the run; NULL: none */
	bool ignore_allow; /* comments in the text do not count */
	bool keep_allowed; /* ... are noted, and decided on by who asked */
	bool timed;	   /* threads keep count of where time goes */
	bool keep_lines;   /* an allowlist asks for line and place together */
};

/* Scratch of decoded.c. */
struct decoder {
	struct view view[DECODE_DEPTH_MAX];
	struct segments segments[DECODE_DEPTH_MAX];
	struct marks marks;
	struct spans lines, runs, escapes;
	struct blocks made; /* in the base */
};

/* Where the time goes; each with what it calls taken off. */
enum phase {
	PHASE_INFLATE, /* and delta lists */
	PHASE_MATCH,   /* the automaton */
	PHASE_CONFIRM, /* regexes, checks, allowlists */
	PHASE_DECODE,  /* segments, archives, UTF-16 */
	PHASES,
};

struct scan_thread {
	const struct scanner *s;
	struct match_thread match;
	struct regex_thread *regex;
	uint32_t *gate; /* per rule: text number * 2 + keyword seen */
	uint32_t text_number;
	struct gap *gap; /* scratch of the delta walk */
	size_t gaps_cap;
	struct busy busy;
	struct joined joined; /* for the matcher (around.c) */
	struct decoder decoder;
	bool timed;
	uint64_t spent[PHASES]; /* nanoseconds, when timed */
	struct pace pace;
	unsigned text_limits;  /* of the text under way */
	uint64_t limits;       /* matches given up at the work limit */
	uint64_t bytes_matched; /* that went through the matcher */
};

static inline uint64_t phase_start(const struct scan_thread *t)
{
	return t->timed ? clock_mono_ns() : 0;
}

static inline void phase_end(struct scan_thread *t, enum phase p, uint64_t start)
{
	if (t->timed)
		t->spent[p] += clock_mono_ns() - start;
}

/* The same for a phase that calls others; `before`: what phases_sum() gave at
 * its start. */
uint64_t phases_sum(const struct scan_thread *t);
static inline void phase_end_outer(struct scan_thread *t, enum phase p,
				   uint64_t start, uint64_t before)
{
	if (t->timed)
		t->spent[p] += clock_mono_ns() - start -
			       (phases_sum(t) - before);
}

int scan_thread_init(struct scan_thread *t, const struct scanner *s,
		     struct err *e) __attribute__((warn_unused_result));
void scan_thread_release(struct scan_thread *t);

/*
 * Fill `out` with the marks of the text.  `d` NULL: look at all of it.
 * Gives the same marks either way.  With pace.stop set afterwards it was given
 * up half-way: the marks are some of it, and no delta may inherit them.
 */
int scan_text(struct scan_thread *t, const char *text, size_t n,
	      const struct delta *d, struct marks *out, struct err *e)
	__attribute__((warn_unused_result));
void marks_release(struct marks *m);

/* ---- between scan.c and decoded.c ---- */
/* The same without decoding. */
int scan_plain(struct scan_thread *t, const char *text, size_t n,
	       const struct delta *d, struct marks *out, struct err *e)
	__attribute__((warn_unused_result));
struct mark *marks_push(struct marks *m, struct err *e);
/* Does a comment on the lines of [start, end) allow it? */
bool scan_allowed(const struct scanner *s, const char *text, size_t n,
		  size_t start, size_t end);

/* Scratch of scan_verdict(), one per thread; zero to begin with. */
struct part {
	uint32_t start, rule, line, column; /* line and column from 0 */
};
struct verdict {
	const struct mark **v;
	bool *keep;
	size_t n, cap;
	struct part *part; /* of composite rules */
	size_t parts, parts_cap;
};
/* Which marks are findings, seen together: composite rules have their parts,
 * generic rules give way to others, parts alone are not told. */
int scan_verdict(const struct scanner *s, const char *text, size_t n,
		 const struct marks *m, struct verdict *out, struct err *e)
	__attribute__((warn_unused_result));
void verdict_release(struct verdict *v);

/* chain.c: of those that can be inherited. */
int busy_runs(struct busy *b, const struct delta *d, struct err *e)
	__attribute__((warn_unused_result));
void busy_release(struct busy *b);
/* confirm.c: the verdict on one match; sets everything in m but start, end
 * and rule. */
int scan_confirm(struct scan_thread *t, const char *text, size_t n,
		 const struct regex_hit *hit, struct mark *m, struct err *e)
	__attribute__((warn_unused_result));
/* The lines that [start, end) stands in, clipped at SCAN_LINE_MAX. */
void scan_lines(const char *text, size_t n, size_t start, size_t end,
		size_t *from, size_t *to);

#endif
