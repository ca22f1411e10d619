/*
 * delta_texts: rules and made-up texts for the tests that hold a delta scan against
 * a whole one, and what is the same.
 */
#ifndef TESTS_UNIT_DELTA_TEXTS_H
#define TESTS_UNIT_DELTA_TEXTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "hooks/scan/engine.h"
#include "tests/unit/dice.h"

#define TEXT_MAX 6000
#define RUNS_MAX 64

/* Rules that overlap, adjoin, look at context, are wide, need a keyword. */
static const char rules[] =
	"[[rules]]\nid='fixed'\nregex='''[a-d]{6}'''\n"
	"[[rules]]\nid='word'\nregex='''\\bab[a-d]{2,9}\\b'''\n"
	"[[rules]]\nid='lazy'\nregex='''a.{0,12}?d'''\n"
	"[[rules]]\nid='greedy'\nregex='''b.{0,30}c'''\n"
	"[[rules]]\nid='start'\nregex='''(?m)^[ab]{1,3}'''\n"
	"[[rules]]\nid='last'\nregex='''[cd]{2}$'''\n"
	"[[rules]]\nid='line'\nregex='''dd'''\n"
	"[[rules.allowlists]]\nregexes=['=']\nregexTarget='line'\n"
	"[[rules]]\nid='far'\nregex='''cc[ab]'''\nkeywords=['key']\n"
	"[[rules]]\nid='wide'\nregex='''k[a-d\\n= ]+?y'''\nkeywords=['k']\n"
	"[[rules]]\nid='gated'\nregex='''[bd]{3}[a-d]{0,400}?c'''\nkeywords=['dkey']\n"
	"[[rules]]\nid='gated-often'\nregex='''y[a-d ]{0,400}?d'''\nkeywords=['ey','k=']\n"
	"[[rules]]\nid='from-line'\nregex=\"[\\n=][abd]{1,9}\"\n"
	"[[rules]]\nid='generic'\nregex='''a[a-d]{3}'''\n"
	"[[rules]]\nid='pair'\nregex='''bb'''\n"
	"[[rules.required]]\nid='line'\nwithinLines=1\n";

/* Known by value: one inside another, one begins like another, one with
 * markup at both ends, a long one. */
static const char *const own[] = {
	"abcdabcdabcdabcd", "abcdabcdabcdabcd=dcba", "=aabbccddaabbccdd=",
	"dcba=abcdabcdabcdabcd",
	"key=aaaabbbbccccdddd=yek=aaaabbbbccccdddd=key=aaaabbbbccccdddd=yek",
};

static void plant(char *p, size_t n)
{
	size_t i, at, len;

	for (i = 0; i < n / 40; i++) {
		const char *w = own[dice(5)];

		len = strlen(w);
		at = dice((uint32_t)n);
		if (at + len <= n)
			memcpy(p + at, w, len);
	}
}

static bool one_line; /* as minified files are */

static void letters(char *p, size_t n)
{
	static const char some[] = "aaabbbcccdddabcdabcd\n =key;";
	size_t i;

	for (i = 0; i < n; i++)
		p[i] = some[dice(sizeof(some) - 1)];
	for (i = 0; one_line && i < n; i++)
		if (p[i] == '\n')
			p[i] = ' ';
}

static size_t escape(unsigned coding, unsigned c, char *out, size_t room)
{
	switch (coding) {
	case 0:
		return (size_t)snprintf(out, room, "%%%02x", c);
	case 1:
		return (size_t)snprintf(out, room, "\\u00%02x", c);
	case 2:
		return (size_t)snprintf(out, room, "\\x%02x", c);
	case 3:
		return (size_t)snprintf(out, room, "%02x", c);
	case 5:
		return (size_t)snprintf(out, room, "&#%u;", c);
	case 6:
		return (size_t)snprintf(out, room, "&#x%x;", c);
	case 7:
		return (size_t)snprintf(out, room, "=%02X", c);
	case 8:
		return (size_t)snprintf(out, room, "\\u{%x}", c);
	default:
		return (size_t)snprintf(out, room, "%c\"+ \"", (int)c);
	}
}

/* n bytes in one of the codings, at most; returns how many were written. */
static size_t encode(unsigned coding, const char *in, size_t n, char *out,
		     size_t room)
{
	static const char order[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				    "pqrstuvwxyz0123456789+/";
	size_t i, at = 0, width = coding == 10 ? 40 + 4 * dice(3) : 0, wide = 0;

	if (coding == 10)
		coding = 4;
	for (i = 0; coding == 4 && i + 2 < n && at + 4 <= room; i += 3) {
		unsigned v = (unsigned)in[i] << 16 | (unsigned)in[i + 1] << 8 |
			     (unsigned)in[i + 2];

		out[at++] = order[v >> 18];
		out[at++] = order[v >> 12 & 63];
		out[at++] = order[v >> 6 & 63];
		out[at++] = order[v & 63];
		wide += 4;
		if (width && wide % width == 0 && at + 4 < room)
			out[at++] = '\n';
	}
	for (i = 0; coding != 4 && i < n && at + 12 < room; i++) {
		if (coding != 3 && dice(3) == 0)
			out[at++] = in[i];
		else
			at += escape(coding, (unsigned)in[i], out + at,
				     room - at);
	}
	return at;
}

static void copy_marks(struct marks *to, const struct marks *from)
{
	mem_free(to->v);
	*to = *from;
	to->v = mem_array(from->n + 1, sizeof(*to->v));
	assert_non_null(to->v);
	if (from->n)
		memcpy(to->v, from->v, from->n * sizeof(*to->v));
}

/* A base may have had the keyword that this text lacks: its matches are looked
 * at, and dropped. */
static void without_gated(const struct scan_thread *t, struct marks *m)
{
	size_t i, kept = 0, gone = 0;

	for (i = 0; i < m->n; i++) {
		if (m->v[i].secret == SECRET_NONE &&
		    matcher_class(t->s->matcher, m->v[i].rule) == RULE_GATED)
			gone++;
		else
			m->v[kept++] = m->v[i];
	}
	m->n -= gone;
	m->own -= gone;
	m->coded -= gone;
}

static void same(const struct marks *a, const struct marks *b, unsigned round)
{
	size_t i;

	if (a->n != b->n)
		print_message("round %u: whole %zu, delta %zu\n", round, a->n,
			      b->n);
	for (i = 0; i < a->n && i < b->n; i++) {
		const struct mark *x = &a->v[i], *y = &b->v[i];

		if (x->rule != y->rule || x->start != y->start ||
		    x->end != y->end || x->at != y->at || x->len != y->len ||
		    x->secret != y->secret || x->origin != y->origin) {
			print_message("round %u mark %zu: rule %u %u-%u (%u) "
				      "against %u %u-%u (%u)\n", round, i,
				      x->rule, x->start, x->end, x->secret,
				      y->rule, y->start, y->end, y->secret);
			fail();
		}
	}
	assert_int_equal(a->n, b->n);
}

#endif
