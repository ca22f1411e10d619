/*
 * generic_score: sums of decision trees, and what they rest on.
 *
 * Owns trees.tab (form: hooks/scan/model/train.py writes it).  Everything is
 * a whole number, so the sum is the same everywhere.  A table that does not
 * hold together is a fault of the build: nothing then is a secret, and
 * tests/unit/test_scan_generic.c fails.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"
#include "hooks/scan/checks.h"
#include "hooks/scan/generic.h"
#include "hooks/scan/generic_tables.h"
#include "hooks/scan/rules.h"
#include "hooks/scan/weigh.h"

#define NODES_MAX 60000u
#define TREES_MAX 2000u
#define DROPPED_SLOTS 16384u

struct node {
	uint8_t feature;
	int16_t most; /* left when the feature is at most this */
	int16_t next[2]; /* a node of the tree, or ~leaf */
	int32_t value; /* of its training rows: what is known here */
};

struct model {
	bool good;
	size_t inner, trees; /* the first ones are a gate before the others */
	int32_t gate, bar, medium, high;
	uint64_t key[2];
	uint32_t root[TREES_MAX + 1]; /* nodes of tree i: root[i], root[i+1] */
	uint32_t leaf[TREES_MAX + 1];
	struct node *node;
	int32_t *leaves;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct model model;

static const char *const names[] = {
#define GENERIC_FEATURE(id, text) #id,
#include "hooks/scan/generic_names.h"
#undef GENERIC_FEATURE
};
static const char *const texts[] = {
#define GENERIC_FEATURE(id, text) text,
#include "hooks/scan/generic_names.h"
#undef GENERIC_FEATURE
};

const char *generic_feature_name(size_t i)
{
	return names[i];
}

const char *generic_feature_text(size_t i)
{
	return texts[i];
}

/* ---- the table ----------------------------------------------------------- */

static bool number(const char **p, long low, long high, long *out)
{
	char *end;

	*out = strtol(*p, &end, 10);
	if (end == *p || *out < low || *out > high)
		return false;
	*p = end;
	return true;
}

/* "features A B C": the table was made for just these. */
static bool check_names(const char **p)
{
	size_t i, n;

	for (i = 0; i < GENERIC_FEATURES; i++) {
		*p += strspn(*p, " \n");
		n = strlen(names[i]);
		if (strncmp(*p, names[i], n) != 0 || !strchr(" \n", (*p)[n]))
			return false;
		*p += n;
	}
	*p += strspn(*p, " \n");
	if (strncmp(*p, "end", 3) != 0)
		return false;
	*p += 3;
	return true;
}

static bool read_tree(struct model *m, size_t t, const char **p)
{
	long nodes, v[5], i, leaf;
	struct node *n;

	if (!number(p, 1, 255, &nodes) || m->root[t] + nodes > (long)NODES_MAX)
		return false;
	for (i = 0; i < nodes; i++) {
		n = &m->node[m->root[t] + i];
		/* children come after their parent: no loops */
		if (!number(p, 0, GENERIC_FEATURES - 1, &v[0]) ||
		    !number(p, INT16_MIN, INT16_MAX, &v[1]) ||
		    !number(p, -nodes - 1, nodes - 1, &v[2]) ||
		    !number(p, -nodes - 1, nodes - 1, &v[3]) ||
		    !number(p, -1000000, 1000000, &v[4]) ||
		    (v[2] >= 0 && v[2] <= i) || (v[3] >= 0 && v[3] <= i))
			return false;
		n->feature = (uint8_t)v[0];
		n->most = (int16_t)v[1];
		n->next[0] = (int16_t)v[2];
		n->next[1] = (int16_t)v[3];
		n->value = (int32_t)v[4];
	}
	for (i = 0; i <= nodes; i++) {
		if (!number(p, -1000000, 1000000, &leaf))
			return false;
		m->leaves[m->leaf[t] + i] = (int32_t)leaf;
	}
	m->root[t + 1] = m->root[t] + (uint32_t)nodes;
	m->leaf[t + 1] = m->leaf[t] + (uint32_t)nodes + 1;
	return true;
}

static void read_model(void)
{
	struct model *m = &model;
	const char *p = generic_trees;
	long v[6];
	size_t i;

	m->node = mem_array(NODES_MAX, sizeof(*m->node));
	m->leaves = mem_array(NODES_MAX + TREES_MAX, sizeof(*m->leaves));
	if (!m->node || !m->leaves || !check_names(&p))
		return;
	for (i = 0; i < 6; i++)
		if (!number(&p, i < 2 ? 1 : -1000000, i < 2 ? TREES_MAX : 1000000,
			    &v[i]))
			return;
	m->inner = (size_t)v[0];
	m->trees = (size_t)v[1];
	m->gate = (int32_t)v[2];
	m->bar = (int32_t)v[3];
	m->medium = (int32_t)v[4];
	m->high = (int32_t)v[5];
	if (m->inner >= m->trees)
		return;
	for (i = 0; i < m->trees; i++)
		if (!read_tree(m, i, &p))
			return;
	m->good = getrandom(m->key, sizeof(m->key), 0) == sizeof(m->key);
	m->key[1] |= 1;
}

static const struct model *get(void)
{
	pthread_once(&once, read_model);
	return &model;
}

bool generic_ready(void)
{
	return get()->good;
}

static int32_t sum_of(const int16_t f[GENERIC_FEATURES], size_t from, size_t to)
{
	const struct model *m = get();
	int32_t sum = 0;
	size_t t;

	for (t = from; t < to; t++) {
		const struct node *n = m->node + m->root[t];
		int at = 0;

		while (at >= 0)
			at = n[at].next[f[n[at].feature] > n[at].most];
		sum += m->leaves[m->leaf[t] + (uint32_t)~at];
	}
	return sum;
}

int32_t generic_sum_inner(const int16_t f[GENERIC_FEATURES])
{
	return sum_of(f, 0, get()->inner);
}

int32_t generic_sum(const int16_t f[GENERIC_FEATURES])
{
	return sum_of(f, get()->inner, get()->trees);
}

/* ---- what was dropped before --------------------------------------------- */

/* Which two inputs meet nobody can tell who does not know the factor. */
static inline uint64_t mix(uint64_t h)
{
	__extension__ unsigned __int128 product = h;

	product *= model.key[1];
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* History shows the same line again and again.  Whether a value is hopeless,
 * and the inner features, so the gate's answer too, are a function of the bytes
 * from before the name to after the value and of how it was read; those that
 * were dropped are remembered by a 64-bit hash under a key that nobody who
 * pushes knows. */
static uint64_t hash_inner(const struct generic_window *w,
			   const struct generic_value *v)
{
	uint32_t from = v->name < v->at ? v->name : v->at, to = v->end, flags;
	uint64_t h = model.key[0], part;
	const char *p;
	size_t n;

	flags = (uint32_t)v->how | (uint32_t)(unsigned char)v->quote << 8 |
		(uint32_t)v->nth << 16 | (uint32_t)v->escaped << 24 |
		(uint32_t)v->wrapped << 25 | (uint32_t)(from > w->from) << 26 |
		(uint32_t)(to < w->end) << 27;
	h = mix(h ^ flags ^ (uint64_t)(v->name_end - from) << 32);
	h = mix(h ^ (v->at - from));
	from -= from > w->from;
	to += to < w->end;
	p = w->text + from;
	for (n = to - from; n >= sizeof(part); n -= sizeof(part)) {
		memcpy(&part, p, sizeof(part));
		p += sizeof(part);
		h = mix(h ^ part);
	}
	part = (uint64_t)n << 56;
	memcpy(&part, p, n);
	return mix(mix(h ^ part));
}

static __thread uint64_t dropped[DROPPED_SLOTS];

/* Measures the inner features unless the value is hopeless or was dropped
 * before. */
static bool passes_gate(const struct generic_window *w,
			const struct generic_value *v,
			int16_t f[GENERIC_FEATURES])
{
	uint64_t h = hash_inner(w, v);
	uint64_t *slot = &dropped[h % DROPPED_SLOTS];

	if (*slot == h)
		return false;
	if (!generic_hopeless(w, v)) {
		generic_measure_inner(w, v, f);
		if (generic_sum_inner(f) > get()->gate)
			return true;
	}
	*slot = h;
	return false;
}

/* High is what hooks refuse: not by the score alone (weigh.h). */
static enum confidence sure(const struct model *m, int32_t score, bool weak)
{
	if (score > m->high && !weak)
		return CONFIDENCE_HIGH;
	return score > m->medium ? CONFIDENCE_MEDIUM : CONFIDENCE_LOW;
}

bool generic_judge(const char *text, size_t n, size_t start, size_t end,
		   struct generic_verdict *out)
{
	const struct model *m = get();
	struct generic_value v[GENERIC_VALUES];
	struct generic_window w;
	int16_t f[GENERIC_FEATURES];
	size_t found, i;
	bool weak = false, near = true;
	int32_t sum;

	memset(out, 0, sizeof(*out));
	generic_window(text, n, start, &w);
	found = m->good ? generic_find(&w, start, end, v) : 0;
	for (i = 0; i < found; i++) {
		if (!passes_gate(&w, &v[i], f))
			continue;
		near = false;
		generic_measure_outer(&w, &v[i], f);
		sum = generic_sum(f);
		if (sum <= m->bar || (out->stands && sum <= out->score))
			continue;
		out->stands = true;
		out->score = sum;
		out->value = v[i];
		weak = sum > m->high && generic_weak(&w, &v[i], f);
	}
	if (near) { /* nothing else was looked at */
		w.from = w.low;
		w.to = w.seen;
	}
	out->from = w.from;
	out->to = w.seen > w.to ? w.seen : w.to;
	if (out->to > n)
		out->to = (uint32_t)n;
	out->first = w.from == 0;
	out->last = out->to == n;
	weak = weak || (out->score > m->high &&
			!weigh_value(text + out->value.at,
				     out->value.end - out->value.at));
	out->confidence = sure(m, out->score, weak);
	return out->stands;
}

/* What each feature moved: the difference between the values before and
 * after each question about it. */
static void moved_by(const int16_t f[GENERIC_FEATURES],
		     int32_t moved[GENERIC_FEATURES])
{
	const struct model *m = get();
	size_t t;

	for (t = m->inner; t < m->trees; t++) {
		const struct node *n = m->node + m->root[t];
		int at = 0, next;

		while (at >= 0) {
			next = n[at].next[f[n[at].feature] > n[at].most];
			moved[n[at].feature] +=
				(next >= 0 ? n[next].value
					   : m->leaves[m->leaf[t] + (uint32_t)~next]) -
				n[at].value;
			at = next;
		}
	}
}

void generic_explain(const char *text, size_t n, size_t start,
		     const struct generic_verdict *v,
		     struct generic_reason reason[GENERIC_REASONS])
{
	int32_t moved[GENERIC_FEATURES] = { 0 };
	int16_t f[GENERIC_FEATURES];
	struct generic_window w;
	size_t i, k, best;

	generic_window(text, n, start, &w);
	generic_measure_inner(&w, &v->value, f);
	generic_measure_outer(&w, &v->value, f);
	moved_by(f, moved);
	for (k = 0; k < GENERIC_REASONS; k++) {
		for (best = 0, i = 1; i < GENERIC_FEATURES; i++)
			if (abs(moved[i]) > abs(moved[best]))
				best = i;
		reason[k].feature = (uint8_t)best;
		reason[k].share = moved[best];
		moved[best] = 0;
	}
}
