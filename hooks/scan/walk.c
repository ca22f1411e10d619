/*
 * walk: every blob, commit and tag of one pack, from the roots of its delta
 * trees downwards.
 *
 * Promises: each object is looked at or counted as a problem.  A base is kept
 * only while deltas on it are still to come; with several threads, roots are
 * shared out and each tree belongs to one thread.
 *
 * Texts are plain malloc() memory and not wiped: they are what lies in the
 * clear in the repository, and there are gigabytes of them.
 */
#include "hooks/scan/walk.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/once.h"
#include "hooks/scan/rebuild.h"
#include "hooks/scan/walk_order.h"

#define ROOTS_A_TIME 16u

/* An object on the way down. */
struct frame {
	uint32_t entry, child; /* child: the next to look at */
	char *text;
	size_t len;
	struct marks marks;
};

struct shared {
	const struct walk *w;
	const struct pack *p;
	const struct forest *f;
	struct walk_order order;
	uint32_t next_heavy, next; /* root to hand out */
	pthread_mutex_t lock;
	struct err err; /* the first of any thread */
	bool stop, late;
};

struct worker {
	struct shared *s;
	struct scan_thread scan;
	struct verdict verdict;
	struct tally tally;
	struct walk_out out;
	struct rebuilder rebuilder;
	struct frame *stack;
	size_t depth, stack_cap;
	size_t held;	/* bytes of texts in the stack */
	size_t evicted; /* frames below this one have given up theirs */
	uint64_t reached, told, told_bytes, told_seen; /* told: to progress */
};

void walk_name(const unsigned char *oid, char out[static 2 * OID_LEN + 1])
{
	text_hex(oid, OID_LEN, out);
}

int sightings_add(struct sightings *s, const unsigned char *oid,
		  enum object_type type, const struct mark *m, struct err *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct sighting *v = mem_realloc(s->v, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->v = v;
		s->cap = cap;
	}
	memcpy(s->v[s->n].oid, oid, OID_LEN);
	s->v[s->n].type = (uint8_t)type;
	s->v[s->n++].mark = *m;
	return 0;
}

void walk_out_release(struct walk_out *o)
{
	mem_free(o->seen.v);
	commits_release(&o->commits);
	memset(o, 0, sizeof(*o));
}

/* ---- one object ---------------------------------------------------------- */

/* A blob whose texts are to be unpacked first. */
struct passing {
	const struct walk *w;
	struct scan_thread *t;
	struct verdict *v;
	const unsigned char *oid;
	struct tally *tally;
	struct walk_out *out;
	struct once once;
};

static int each_part(void *arg, const struct unpack_part *part, struct err *e)
{
	struct passing *b = arg;
	struct marks m = { 0 };
	struct mark one;
	size_t i;
	int rc = -1;

	b->tally->texts++;
	b->tally->bytes += part->n;
	if (scan_text(b->t, part->text, part->n, NULL, &m, e) ||
	    scan_verdict(&b->w->engine->scanner, part->text, part->n, &m, b->v,
			 e) ||
	    once_filter(&b->once, b->w->engine->rules, part->runs, b->v, e))
		goto out;
	for (i = 0; i < b->v->n; i++) {
		one = *b->v->v[i];
		one.inner = part->number;
		if (sightings_add(&b->out->seen, b->oid, OBJECT_BLOB, &one, e))
			goto out;
	}
	rc = b->t->pace.stop == PACE_RUN;
out:
	marks_release(&m);
	return rc;
}

/* What could not be done on the object just scanned. */
static void told_short(struct tally *tally, const struct scan_thread *t,
		       uint64_t limits, const unsigned char *oid)
{
	if (t->pace.stop == PACE_RUN) {
		tally_object(tally, oid, "the time was over");
		tally->unseen++;
	} else if (t->limits != limits) {
		tally_object(tally, oid, "%llu matches given up at the work "
			     "limit", (unsigned long long)(t->limits - limits));
	}
}

static int opaque(struct passing *b, const char *text, size_t n, struct err *e)
{
	struct unpack_note note = { 0 };
	uint64_t limits = b->t->limits, start = phase_start(b->t);
	uint64_t before = phases_sum(b->t);
	int rc = unpack(&b->w->engine->unpack, text, n, each_part, b, &note, e);

	phase_end_outer(b->t, PHASE_DECODE, start, before);
	tally_object_unpacked(b->tally, b->oid, &note);
	if (!note.late)
		told_short(b->tally, b->t, limits, b->oid);
	once_release(&b->once);
	return rc;
}

int walk_text(const struct walk *w, struct scan_thread *t, struct verdict *v,
	      const unsigned char *oid, enum object_type type, const char *text,
	      size_t n, const struct delta *d, struct marks *marks,
	      struct tally *tally, struct walk_out *out, struct err *e)
{
	struct passing b = { .w = w, .t = t, .v = v, .oid = oid,
			     .tally = tally, .out = out };
	uint64_t limits = t->limits;
	enum content kind;
	size_t i;

	kind = type == OBJECT_BLOB ? content_kind(text, n) : CONTENT_TEXT;
	marks->opaque = kind != CONTENT_TEXT;
	if (marks->opaque)
		return opaque(&b, text, n, e);
	tally->texts++;
	tally->bytes += n;
	if (scan_text(t, text, n, d, marks, e) ||
	    scan_verdict(&w->engine->scanner, text, n, marks, v, e))
		return -1;
	for (i = 0; i < v->n; i++)
		if (sightings_add(&out->seen, oid, type, v->v[i], e))
			return -1;
	if (type == OBJECT_COMMIT && commits_add(&out->commits, oid, text, n, e))
		return -1;
	marks->opaque = t->pace.stop != PACE_ON; /* cut short */
	told_short(tally, t, limits, oid);
	return 0;
}

static void progress(struct worker *k, uint64_t least)
{
	if (!k->s->w->progress || k->reached - k->told < least)
		return;
	progress_add(k->s->w->progress, k->reached - k->told,
		     k->tally.bytes - k->told_bytes,
		     k->out.seen.n - k->told_seen);
	k->told = k->reached;
	k->told_bytes = k->tally.bytes;
	k->told_seen = k->out.seen.n;
}

static void frame_release(struct frame *f)
{
	free(f->text);
	f->text = NULL;
	marks_release(&f->marks);
}

static void problem(struct worker *k, uint32_t i, const char *why)
{
	tally_object(&k->tally, pack_oid(k->s->p, i), "%s", why);
}

static void lose(void *arg, uint32_t i)
{
	struct worker *k = arg;

	k->reached++;
	problem(k, i, "its base cannot be read");
}

/* Everything below an object that could not be rebuilt. */
static void lose_below(struct worker *k, uint32_t top)
{
	forest_below(k->s->f, top, lose, k);
}

/* Rebuild and scan entry i.  *kept: it has deltas and its frame is filled. */
static int visit(struct worker *k, uint32_t i, enum object_type type,
		 const struct frame *base, struct frame *to, bool *kept,
		 struct err *e)
{
	uint64_t start = phase_start(&k->scan);
	const char *why;
	struct delta d = { .base = base ? &base->marks : NULL };
	bool inherit;

	*kept = false;
	memset(to, 0, sizeof(*to));
	to->entry = i;
	to->child = k->s->f->child[i];
	k->reached++;
	why = rebuild(&k->rebuilder, k->s->p, i, base ? base->text : NULL,
		      base ? base->len : 0, k->s->w->max_object, &to->text,
		      &to->len);
	phase_end(&k->scan, PHASE_INFLATE, start);
	if (why) {
		problem(k, i, why);
		if (k->rebuilder.over)
			tally_large(&k->tally, k->rebuilder.over);
		lose_below(k, i);
		frame_release(to);
		return 0;
	}
	inherit = base && !base->marks.opaque && !k->s->w->whole;
	d.run = k->rebuilder.runs.v;
	d.n = k->rebuilder.runs.n;
	d.base_len = base ? base->len : 0;
	if (walk_text(k->s->w, &k->scan, &k->verdict, pack_oid(k->s->p, i), type,
		      to->text, to->len, inherit ? &d : NULL, &to->marks,
		      &k->tally, &k->out, e)) {
		frame_release(to);
		return -1;
	}
	progress(k, 64);
	*kept = to->child != FOREST_NONE;
	if (!*kept)
		frame_release(to);
	return 0;
}

static int push(struct worker *k, const struct frame *f, struct err *e)
{
	if (k->depth == k->stack_cap) {
		size_t cap = k->stack_cap ? k->stack_cap * 2 : 64;
		struct frame *v = mem_realloc(k->stack, cap * sizeof(*v));

		if (!v)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		k->stack = v;
		k->stack_cap = cap;
	}
	k->stack[k->depth++] = *f;
	k->held += f->len;
	/* the oldest are needed last: they are read again then */
	while (k->s->w->most_held && k->s->w->fetch &&
	       k->held > k->s->w->most_held / (k->s->w->threads + 1) &&
	       k->evicted + 1 < k->depth) {
		struct frame *old = &k->stack[k->evicted++];

		if (old->text)
			k->held -= old->len;
		free(old->text);
		old->text = NULL;
	}
	return 0;
}

/* The frame's base is not needed any more. */
static void drop_text(struct worker *k, struct frame *f)
{
	if (f->text)
		k->held -= f->len;
	frame_release(f);
}

static void pop(struct worker *k)
{
	drop_text(k, &k->stack[--k->depth]);
	if (k->evicted > k->depth)
		k->evicted = k->depth;
}

/* The text that was given up, for the next delta on it. */
static bool restore(struct worker *k, struct frame *f)
{
	const struct walk *w = k->s->w;
	enum object_type type;
	size_t n;

	if (!w->fetch(w->fetch_arg, pack_oid(k->s->p, f->entry), &f->text, &n,
		      &type))
		return false;
	if (n != f->len) {
		free(f->text);
		f->text = NULL;
		return false;
	}
	k->held += n;
	if (k->evicted + 1 > k->depth)
		k->evicted = k->depth - 1;
	return true;
}

static bool late(const struct walk *w)
{
	return deadline_over(w->engine->scanner.deadline);
}

/* ---- one tree ------------------------------------------------------------ */

/* The root is on the stack: its deltas, depth first. */
static int descend(struct worker *k, enum object_type type, struct err *e)
{
	const struct forest *f = k->s->f;
	struct frame next, *top;
	uint32_t i;
	bool kept;

	while (k->depth) {
		top = &k->stack[k->depth - 1];
		i = top->child;
		if (i == FOREST_NONE) {
			pop(k);
			continue;
		}
		top->child = f->sibling[i];
		if (late(k->s->w)) {
			__atomic_store_n(&k->s->late, true, __ATOMIC_RELAXED);
			while (k->depth)
				pop(k);
			return 0;
		}
		if (!top->text && !restore(k, top)) {
			k->reached++;
			problem(k, i, "its base cannot be read again");
			lose_below(k, i);
			continue;
		}
		if (visit(k, i, type, top, &next, &kept, e))
			return -1;
		if (top->child == FOREST_NONE)
			drop_text(k, top); /* the last that needed it */
		if (kept && push(k, &next, e)) {
			frame_release(&next);
			return -1;
		}
	}
	return 0;
}

/* A delta on an object that is not in this pack. */
static int foreign_root(struct worker *k, uint32_t i, struct err *e)
{
	const struct walk *w = k->s->w;
	struct frame base = { 0 }, next;
	enum object_type type = OBJECT_BAD;
	struct pack_object o;
	bool kept;
	int rc = 0;

	if (!pack_header(k->s->p, i, &o) || !o.base_oid || !w->fetch ||
	    !w->fetch(w->fetch_arg, o.base_oid, &base.text, &base.len, &type)) {
		k->reached++;
		problem(k, i, "its base is missing");
		lose_below(k, i);
		return 0;
	}
	base.marks.opaque = true; /* nothing is known of it: no inheriting */
	if (type == OBJECT_TREE) {
		k->reached += 1 + forest_below(k->s->f, i, NULL, NULL);
	} else {
		rc = visit(k, i, type, &base, &next, &kept, e);
		if (!rc && kept)
			rc = push(k, &next, e);
		if (!rc)
			rc = descend(k, type, e);
	}
	frame_release(&base);
	return rc;
}

static int root(struct worker *k, uint32_t i, struct err *e)
{
	enum object_type type = (enum object_type)k->s->f->type[i];
	struct frame next;
	bool kept;

	if (type == OBJECT_TREE)
		return 0;
	if (type == OBJECT_REF_DELTA)
		return foreign_root(k, i, e);
	if (type == OBJECT_BAD) {
		k->reached++;
		problem(k, i, "its header is corrupt");
		lose_below(k, i);
		return 0;
	}
	if (visit(k, i, type, NULL, &next, &kept, e))
		return -1;
	if (kept && push(k, &next, e)) {
		frame_release(&next);
		return -1;
	}
	return descend(k, type, e);
}

static void *work(void *arg)
{
	struct worker *k = arg;
	struct shared *s = k->s;
	struct err e = ERR_INIT;
	uint32_t i, end;

	while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
		uint32_t some = 1;

		i = __atomic_fetch_add(&s->next_heavy, 1, __ATOMIC_RELAXED);
		if (i >= s->order.heavy) {
			some = ROOTS_A_TIME;
			i = __atomic_fetch_add(&s->next, some, __ATOMIC_RELAXED);
		}
		if (i >= s->f->roots)
			break;
		if (late(s->w)) {
			__atomic_store_n(&s->late, true, __ATOMIC_RELAXED);
			break;
		}
		end = s->f->roots - i < some ? s->f->roots : i + some;
		for (; i < end; i++)
			if (root(k, s->order.root[i], &e))
				goto failed;
	}
	return NULL;
failed:
	pthread_mutex_lock(&s->lock);
	if (!s->err.code)
		s->err = e;
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

/* ---- threads ------------------------------------------------------------- */

static int worker_init(struct worker *k, struct shared *s, struct err *e)
{
	memset(k, 0, sizeof(*k));
	k->s = s;
	k->tally.defer = s->w->tally->defer;
	if (scan_thread_init(&k->scan, &s->w->engine->scanner, e))
		return -1;
	if (!rebuilder_init(&k->rebuilder, e))
		return 0;
	scan_thread_release(&k->scan);
	return -1;
}

static int worker_finish(struct worker *k, struct err *e)
{
	const struct walk *w = k->s->w;
	int rc = 0;
	size_t i;

	progress(k, 1);
	tally_thread(&k->tally, &k->scan);
	tally_add(w->tally, &k->tally);
	for (i = 0; !rc && i < k->out.seen.n; i++)
		rc = sightings_add(&w->out->seen, k->out.seen.v[i].oid,
				   (enum object_type)k->out.seen.v[i].type,
				   &k->out.seen.v[i].mark, e);
	if (!rc)
		rc = commits_join(&w->out->commits, &k->out.commits, e);
	while (k->depth)
		pop(k);
	mem_free(k->stack);
	walk_out_release(&k->out);
	rebuilder_release(&k->rebuilder);
	verdict_release(&k->verdict);
	scan_thread_release(&k->scan);
	return rc;
}

static int run_workers(struct shared *s, uint64_t *reached, struct err *e)
{
	unsigned n = s->w->threads ? s->w->threads : 1, i, started = 0;
	struct worker *k = mem_array(n, sizeof(*k));
	pthread_t *thread = mem_array(n, sizeof(*thread));
	int rc = -1;

	if (!k || !thread) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	rc = 0;
	for (i = 0; i < n && !rc; i++) {
		rc = worker_init(&k[i], s, e);
		/* the first worker runs here; fewer threads are no error */
		if (!rc && i && pthread_create(&thread[i], NULL, work, &k[i])) {
			rc = worker_finish(&k[i], e);
			break;
		}
		started += !rc;
	}
	if (rc)
		s->stop = true;
	else
		work(&k[0]);
	for (i = 1; i < started; i++)
		pthread_join(thread[i], NULL);
	for (i = 0; i < started; i++) {
		*reached += k[i].reached;
		if (worker_finish(&k[i], e))
			rc = -1;
	}
	if (s->err.code && !rc) {
		*e = s->err;
		rc = -1;
	}
out:
	mem_free(thread);
	mem_free(k);
	return rc;
}

int walk_pack(const struct walk *w, const struct pack *p,
	      const struct forest *f, struct err *e)
{
	struct shared s = { .w = w, .p = p, .f = f };
	uint64_t reached = 0, all;
	int rc = -1;

	if (walk_order(p, f, &s.order, e))
		return -1;
	s.next = s.order.heavy;
	progress_expect(w->progress, p->n - s.order.trees);

	/* big texts come and go: keep their pages instead of mapping anew */
	mallopt(M_MMAP_THRESHOLD, 256 * 1024 * 1024);
	mallopt(M_TRIM_THRESHOLD, 256 * 1024 * 1024);
	pthread_mutex_init(&s.lock, NULL);
	if (run_workers(&s, &reached, e))
		goto out;
	all = reached + s.order.trees;
	if (s.late)
		tally_unseen(w->tally, NULL, all < p->n ? p->n - all : 0);
	else if (all < p->n)
		tally_problem(w->tally, p->path, "%llu objects hang in a loop "
			      "of deltas", (unsigned long long)(p->n - all));
	rc = 0;
out:
	pthread_mutex_destroy(&s.lock);
	walk_order_release(&s.order);
	return rc;
}
