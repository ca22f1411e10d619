/*
 * engine: rules, matcher and found secrets, put together for one run.
 *
 * Owns where a configuration is looked for (docs/rules.md) and the last
 * questions to a finding, those about its path and commit.
 */
#include "hooks/scan/engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/allow.h"
#include "hooks/scan/once.h"
#include "hooks/scan/own.h"
#include "hooks/scan/rule_image.h"

#define ENGINE_UNPACK_MAX (256u * 1024 * 1024)

static int load(struct engine *g, const struct engine_options *o, struct err *e)
{
	if (o->config) {
		g->rules_from = mem_strdup(o->config);
	} else if (!o->config_text && o->folder) {
		g->rules_from = io_path(o->folder, ".gitleaks.toml");
		if (g->rules_from && access(g->rules_from, F_OK)) {
			mem_free(g->rules_from);
			g->rules_from = NULL;
		}
	}
	if (g->rules_from)
		g->rules = rules_file(g->rules_from, e);
	else if (o->config)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (o->config_text)
		g->rules = rules_parse(o->config_text, strlen(o->config_text),
				       "GITLEAKS_CONFIG_TOML", e);
	else
		g->rules = o->examples ? rules_builtin(e)
				       : rules_quick(&o->cache, e);
	return g->rules ? 0 : -1;
}

/* An AND list of place and line: decided when the place is known. */
static bool asks_line(const struct allowlists *a)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->v[i].all && a->v[i].target == TARGET_LINE)
			return true;
	return false;
}

int engine_open(struct engine *g, const struct engine_options *o, struct err *e)
{
	size_t i;

	memset(g, 0, sizeof(*g));
	if (load(g, o, e))
		goto bad;
	for (i = 0; i < g->rules->warnings.n; i++)
		log_line(LOG_WARNING, "%s", g->rules->warnings.v[i]);
	if (o->known &&
	    !(g->own = own_open(o->known, o->known_key, g->rules, e)))
		goto bad;
	g->matcher = matcher_new(g->rules, &o->cache, e);
	g->secrets = g->matcher ? secrets_new(e) : NULL;
	g->origins = g->secrets ? secrets_new(e) : NULL;
	if (!g->origins)
		goto bad;
	g->scanner.origins = g->origins;
	g->scanner.decode_depth = o->decode_depth < 0 ? 0
		: o->decode_depth ? (unsigned)o->decode_depth
				  : DECODE_DEPTH_DEFAULT;
	g->unpack.depth = o->archive_depth < 0 ? 0
		: o->archive_depth ? (unsigned)o->archive_depth
				   : UNPACK_DEPTH_DEFAULT;
	g->unpack.bytes = ENGINE_UNPACK_MAX;
	g->scanner.matcher = g->matcher;
	g->scanner.secrets = g->secrets;
	g->scanner.own = g->own;
	g->scanner.ignore_allow = o->ignore_allow;
	g->scanner.keep_lines = asks_line(&g->rules->allow);
	for (i = 0; i < g->rules->n; i++)
		g->scanner.keep_lines |= asks_line(&g->rules->rule[i].allow);
	return 0;
bad:
	engine_close(g);
	return -1;
}

void engine_limit(struct engine *g, struct deadline *d)
{
	g->scanner.deadline = d;
	g->unpack.deadline = d;
}

void engine_close(struct engine *g)
{
	own_free(&g->own);
	secrets_free(&g->secrets);
	secrets_free(&g->origins);
	matcher_free(&g->matcher);
	rules_free(&g->rules);
	mem_free(g->rules_from);
	g->rules_from = NULL;
}

void tally_name(struct tally *t, const char *text)
{
	unsigned i = __atomic_fetch_add(&t->n_named, 1, __ATOMIC_RELAXED);

	if (i < NAMED_KEPT)
		snprintf(t->named[i], NAMED_LEN, "%s", text);
	log_line(LOG_WARNING, "cannot scan %s", text);
}

void tally_problem(struct tally *t, const char *object, const char *fmt, ...)
{
	char text[300], all[4096 + sizeof(text) + 8];
	va_list ap;

	if (__atomic_add_fetch(&t->problems, 1, __ATOMIC_RELAXED) > PROBLEMS_TOLD)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(all, sizeof(all), "'%.4096s': %s", object, text);
	tally_name(t, all);
}

void tally_object(struct tally *t, const unsigned char *oid, const char *fmt, ...)
{
	char text[sizeof(t->unnamed->why)], hex[41];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (t->defer && t->n_unnamed < UNNAMED_TOLD) {
		struct unnamed *u = &t->unnamed[t->n_unnamed++];

		memcpy(u->oid, oid, sizeof(u->oid));
		memcpy(u->why, text, sizeof(u->why));
	}
	if (t->defer) {
		__atomic_add_fetch(&t->problems, 1, __ATOMIC_RELAXED);
		return;
	}
	text_hex(oid, 20, hex);
	tally_problem(t, hex, "%s", text);
}

void tally_unseen(struct tally *t, const char *object, uint64_t n)
{
	if (!n)
		return;
	if (object && *object)
		tally_problem(t, object, "the time was over");
	else
		__atomic_add_fetch(&t->problems, 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->problems, n - 1, __ATOMIC_RELAXED);
	__atomic_add_fetch(&t->unseen, n, __ATOMIC_RELAXED);
}

void tally_large(struct tally *t, uint64_t bytes)
{
	t->large++;
	if (bytes > t->largest)
		t->largest = bytes;
}

void tally_thread(struct tally *to, const struct scan_thread *t)
{
	unsigned i;

	to->matched += t->bytes_matched;
	for (i = 0; i < PHASES; i++)
		to->spent[i] += t->spent[i];
}

void tally_add(struct tally *to, const struct tally *from)
{
	unsigned i;

	to->texts += from->texts;
	to->bytes += from->bytes;
	to->binary += from->binary;
	to->archives += from->archives;
	to->matched += from->matched;
	for (i = 0; i < PHASES; i++)
		to->spent[i] += from->spent[i];
	to->attribute_ns += from->attribute_ns;
	for (i = 0; i < from->n_unnamed && to->n_unnamed < UNNAMED_TOLD; i++)
		to->unnamed[to->n_unnamed++] = from->unnamed[i];
	for (i = 0; i < from->n_named && i < NAMED_KEPT; i++)
		if (to->n_named++ < NAMED_KEPT)
			memcpy(to->named[to->n_named - 1], from->named[i],
			       NAMED_LEN);
	to->unseen += from->unseen;
	to->large += from->large;
	if (from->largest > to->largest)
		to->largest = from->largest;
	to->problems += from->problems;
}

void tally_object_unpacked(struct tally *t, const unsigned char *oid,
			   const struct unpack_note *note)
{
	t->binary += note->binary;
	t->archives += note->archives;
	if (note->late || note->problems)
		tally_object(t, oid, "%s", note->late ? "the time was over"
						      : note->why);
	t->unseen += note->late;
}

void tally_unpacked(struct tally *t, const char *name,
		    const struct unpack_note *note)
{
	t->binary += note->binary;
	t->archives += note->archives;
	if (note->late)
		tally_unseen(t, name, 1);
	else if (note->problems)
		tally_problem(t, name, "%s", note->why);
}

bool engine_stands(const struct engine *g, struct regex_thread *t,
		   const struct finding *f)
{
	struct allow_about about = {
		.secret = f->secret, .n_secret = f->n_secret,
		.match = f->match, .n_match = f->n_match,
		.line = f->line, .n_line = f->n_line,
		.path = f->file, .commit = *f->commit ? f->commit : NULL,
	};

	/* without a path such a rule's regex says nothing: any word may match */
	if (f->rule->path &&
	    (!*f->file ||
	     !regex_test(f->rule->path, t, f->file, strlen(f->file))))
		return false;
	return !allow_place(g->rules, f->rule, t, &about);
}

bool engine_has_path_rules(const struct engine *g)
{
	size_t i;

	for (i = 0; i < g->rules->n; i++)
		if (!g->rules->rule[i].regex && g->rules->rule[i].path &&
		    !g->rules->rule[i].skip_report)
			return true;
	return false;
}

/* gitleaks: Match is "file detected: PATH", there is no secret and no line. */
struct finding *engine_add_path(const struct engine *g, uint32_t rule,
				const char *path, struct findings *list,
				struct err *e)
{
	struct mark m = { .rule = (uint16_t)rule, .origin = SECRET_NONE };
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	struct finding *f = NULL;

	list->cursor.text = NULL;
	if (buf_printf(&b, e, "file detected: %s", path))
		goto out;
	m.end = (uint32_t)b.len;
	m.confidence = (uint8_t)g->rules->rule[rule].confidence;
	m.secret = secrets_intern(g->secrets, rule, "", 0, 0, false, e);
	if (m.secret == SECRET_NONE)
		goto out;
	f = findings_add(list, &g->scanner, b.p, b.len, &m, e);
	if (!f)
		goto out;
	f->start_line = f->end_line = f->start_column = f->end_column = 0;
	if (finding_set(&f->file, path, e) || finding_fingerprint(f, e))
		f = NULL;
out:
	list->cursor.text = NULL;
	buf_release(&b);
	return f;
}

int engine_path(const struct engine *g, struct regex_thread *t,
		const char *path, struct findings *list, struct err *e)
{
	size_t i;

	for (i = 0; i < g->rules->n; i++) {
		const struct rule *r = &g->rules->rule[i];

		if (r->regex || !r->path || r->skip_report ||
		    !regex_test(r->path, t, path, strlen(path)))
			continue;
		if (!engine_add_path(g, (uint32_t)i, path, list, e))
			return -1;
		if (!engine_stands(g, t, &list->v[list->n - 1]))
			findings_drop(list, list->n - 1);
	}
	return 0;
}

static int add_marks(const struct engine *g, struct scan_thread *t,
		     const char *path, const char *text, size_t n,
		     const struct verdict *v, struct findings *list,
		     struct err *e)
{
	size_t i;

	list->cursor.text = NULL;
	for (i = 0; i < v->n; i++) {
		struct finding *f = findings_add(list, &g->scanner, text, n,
						 v->v[i], e);

		if (!f || finding_set(&f->file, path, e) ||
		    finding_fingerprint(f, e))
			return -1;
		if (!engine_stands(g, t->regex, f))
			findings_drop(list, list->n - 1);
	}
	return 0;
}

/* A file on its way through. */
struct passing {
	const struct engine *g;
	struct scan_thread *t;
	const char *path;
	struct tally *tally;
	struct findings *list;
	struct verdict v;
	struct marks marks;
	struct once once;
	bool late;
};

static int scan_part(struct passing *f, const char *path,
		     const struct unpack_part *part, struct err *e)
{
	struct scan_thread *t = f->t;
	uint64_t limits = t->limits;
	const char *text = part->text;
	size_t n = part->n;

	if (scan_text(t, text, n, NULL, &f->marks, e) ||
	    scan_verdict(&f->g->scanner, text, n, &f->marks, &f->v, e) ||
	    once_filter(&f->once, f->g->rules, part->runs, &f->v, e) ||
	    add_marks(f->g, t, path, text, n, &f->v, f->list, e))
		return -1;
	f->tally->texts++;
	f->tally->bytes += n;
	f->late |= t->pace.stop == PACE_RUN;
	if (t->limits != limits)
		tally_problem(f->tally, path, "%llu matches given up at the work "
			      "limit", (unsigned long long)(t->limits - limits));
	return 0;
}

static int each_part(void *arg, const struct unpack_part *part, struct err *e)
{
	struct passing *f = arg;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (!*part->name)
		return scan_part(f, f->path, part, e);
	if (buf_printf(&b, e, "%s!%s", f->path, part->name))
		goto out;
	if (allow_path(f->g->rules, f->t->regex, b.p))
		rc = 0;
	else if (!engine_path(f->g, f->t->regex, b.p, f->list, e))
		rc = scan_part(f, b.p, part, e);
out:
	buf_release(&b);
	return rc;
}

int engine_file(const struct engine *g, struct scan_thread *t, const char *path,
		const char *text, size_t n, struct tally *tally,
		struct findings *list, struct err *e)
{
	struct passing f = { .g = g, .t = t, .path = path, .tally = tally,
			     .list = list };
	struct unpack_note note = { 0 };
	int rc;

	if (allow_path(g->rules, t->regex, path))
		return 0;
	if (deadline_over(g->scanner.deadline)) {
		tally_unseen(tally, path, 1);
		return 0;
	}
	if (engine_path(g, t->regex, path, list, e))
		return -1;
	rc = unpack(&g->unpack, text, n, each_part, &f, &note, e);
	note.late |= f.late;
	tally_unpacked(tally, path, &note);
	verdict_release(&f.v);
	marks_release(&f.marks);
	once_release(&f.once);
	return rc;
}
