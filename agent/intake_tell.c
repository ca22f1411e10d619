/*
 * intake_tell: findings for people and as JSON.
 *
 * Must never print a value; texts from outside go through out_cell().
 */
#include <stdio.h>
#include <string.h>

#include "agent/intake.h"
#include "agent/report/out.h"
#include "base/clock.h"

#define PLACES_TOLD 5u

static void row(const char *key, const char *text)
{
	char head[32];

	if (*text == '\0')
		return;
	(void)snprintf(head, sizeof head, "  %-9s ", key);
	out_text(head);
	out_cell(text, 0);
	out_text("\n");
}

static bool all_dead(const struct owners *o)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].state != INV_DEAD)
			return false;
	return o->n > 0;
}

static void print_owner(const struct app *app, const struct owner *o,
			const char *key)
{
	const struct config_identity *id = owner_identity(app, o);
	struct buf at = BUF_INIT(BUF_TEXT_MAX), b = BUF_INIT(BUF_TEXT_MAX);
	const char *who = id != NULL ? config_owner(app->config, id) : "";

	if (owner_address(o, &at, NULL) == 0 &&
	    buf_printf(&b, NULL, "%s%s%s%s%s%s  (%s; %s)",
		       id != NULL ? id->name : "", id != NULL ? "  " : "", at.p,
		       *who != '\0' ? "  " : "", who,
		       id == NULL ? "  nobody claims it" : "",
		       whose_word(o->how),
		       o->state == INV_DEAD ? "DEAD, proved" :
					      inv_state_word(o->state)) == 0)
		row(key, b.p);
	buf_release(&at);
	buf_release(&b);
}

static void print_stranger(const struct intake_row *r)
{
	char text[200];

	if (*r->f.ended != '\0')
		(void)snprintf(text, sizeof text, "%.150s  (DEAD, proved; its "
			       "value is wiped)", r->f.ended);
	else if (r->value == NULL)
		(void)snprintf(text, sizeof text,
			       "not to be told: the report left the value out");
	else if (r->alike > 0)
		(void)snprintf(text, sizeof text,
			       "no credential here has this value; %zu of its "
			       "kind are at %.40s", r->alike, r->f.provider);
	else
		(void)snprintf(text, sizeof text,
			       "no credential here has this value");
	row("whose", text);
}

static void print_one(const struct intake *in, const struct intake_row *r)
{
	const struct finding *f = &r->f;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (buf_printf(&b, NULL, "%s  (%s)", f->rule,
		       *f->confidence != '\0' ? f->confidence : "no confidence "
								"told") == 0) {
		out_cell(b.p, 0);
		out_text("\n");
	}
	buf_reset(&b);
	row("what", f->description);
	for (size_t i = 0; i < f->n_place && i < PLACES_TOLD; i++)
		row(i == 0 ? "where" : "", f->place[i]);
	if (f->n_place > PLACES_TOLD)
		row("", "and more");
	if (*f->author != '\0' &&
	    buf_printf(&b, NULL, "%s <%s> %s", f->author, f->email,
		       f->date) == 0)
		row("author", b.p);
	for (size_t i = 0; i < r->owners.n; i++)
		print_owner(in->app, &r->owners.v[i], i == 0 ? "whose" : "");
	if (r->owners.n == 0)
		print_stranger(r);
	buf_reset(&b);
	if (!all_dead(&r->owners) && r->value != NULL && *f->ended == '\0' &&
	    buf_printf(&b, NULL, "curfew kill --finding %s", f->id) == 0)
		row("kill it", b.p);
	out_text("\n");
	buf_release(&b);
}

void intake_print(struct intake *in)
{
	char line[200];
	size_t ours;
	const size_t n = intake_count(in, &ours);

	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].last)
			print_one(in, &in->v[i]);
	(void)snprintf(line, sizeof line, "%zu finding%s, %zu of them a living "
		       "credential known here", n, n == 1 ? "" : "s", ours);
	out_text(line);
	if (in->passed > 0) {
		(void)snprintf(line, sizeof line, "; %zu more are below "
			       "confidence '%s'", in->passed, in->least);
		out_text(line);
	}
	out_text("\n");
}

/* ---- JSON ------------------------------------------------------------------ */

static struct json *owner_json(const struct app *app, const struct owner *o)
{
	const struct config_identity *id = owner_identity(app, o);
	struct buf at = BUF_INIT(BUF_TEXT_MAX);
	struct json *j = json_object();

	(void)json_set_str(j, "address",
			   owner_address(o, &at, NULL) == 0 ? at.p : "");
	(void)json_set_str(j, "identity", id != NULL ? id->name : NULL);
	(void)json_set_str(j, "owner", id != NULL ?
			   config_owner(app->config, id) : NULL);
	(void)json_set_str(j, "kind", o->kind);
	(void)json_set_str(j, "state", inv_state_word(o->state));
	(void)json_set_str(j, "how", o->how == WHOSE_VALUE ? "value" :
			   o->how == WHOSE_ADMIN ? "admin" :
			   o->how == WHOSE_PUBLIC ? "public-half" : "id");
	buf_release(&at);
	return j;
}

static struct json *row_json(const struct intake *in, const struct intake_row *r)
{
	const struct finding *f = &r->f;
	const struct {
		const char *key, *v;
	} texts[] = {
		{ "id", f->id }, { "rule", f->rule },
		{ "description", f->description }, { "provider", f->provider },
		{ "kind", f->kind }, { "confidence", f->confidence },
		{ "source", f->source }, { "repository", f->repository },
		{ "file", f->file }, { "commit", f->commit },
		{ "author", f->author }, { "email", f->email },
		{ "date", f->date },
	};
	struct json *j = json_object(), *owners = json_array();
	struct json *places = json_array();
	char command[64];

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		(void)json_set_str(j, texts[i].key, texts[i].v);
	(void)json_set_int(j, "line", f->line);
	(void)json_set_int(j, "seen", f->seen);
	(void)json_set_bool(j, "new", f->fresh);
	(void)json_set_bool(j, "redacted", r->value == NULL &&
			    *f->ended == '\0');
	(void)json_set_str(j, "ended", *f->ended != '\0' ? f->ended : NULL);
	for (size_t i = 0; i < f->n_place; i++)
		(void)json_push_str(places, f->place[i]);
	for (size_t i = 0; i < r->owners.n; i++)
		(void)json_push(owners, owner_json(in->app, &r->owners.v[i]));
	(void)json_set(j, "places", places);
	(void)json_set(j, "owners", owners);
	(void)snprintf(command, sizeof command, "curfew kill --finding %s",
		       f->id);
	(void)json_set_str(j, "command", !all_dead(&r->owners) &&
			   r->value != NULL && *f->ended == '\0' ?
			   command : NULL);
	return j;
}

struct json *intake_json(struct intake *in)
{
	struct json *list = json_array();

	for (size_t i = 0; i < in->n; i++)
		if (in->v[i].last)
			(void)json_push(list, row_json(in, &in->v[i]));
	return list;
}
