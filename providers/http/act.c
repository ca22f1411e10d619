/*
 * act: every verb but list: finds its entry, runs its requests in order, and
 * tells the outcome in the protocol's words.
 *
 * Promises "dead" only where a rule of the definition said so, and the proof
 * "refusal" only when the subject's own secret was sent.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "providers/http/pki.h"
#include "providers/http/request.h"

#define AGAIN_MS 5500	  /* before the one more try of "again" */
#define CONFIRM_MAX 5
#define CONFIRM_EVERY_MS 3000

int act_no_answer(struct kit_reply *r, const struct answer *a, bool sent, struct err *e)
{
	char text[400];
	enum kit_status status = sent ? KIT_UNKNOWN : KIT_RETRY;

	if (e->code == ERR_PROVIDER || e->code == ERR_POLICY || e->code == ERR_CONFIG ||
	    e->code == ERR_USAGE)
		status = KIT_REFUSED;
	else if (e->code == ERR_TOOBIG)
		status = KIT_UNKNOWN;
	if (a && a->wait_ms > 0) {
		status = KIT_RETRY; /* the token's service wants a rest */
		r->after_ms = a->wait_ms;
	}
	(void)err_format(e, text, sizeof(text));
	err_clear(e);
	return kit_say(r, status, "%s", text);
}

void act_default(const struct def *d, const struct answer *a, struct kit_reply *r)
{
	const int64_t wait = rule_wait(a);
	const long s = a->w.status;
	char text[400];

	answer_tell(d, a, text, sizeof(text));
	if (wait >= 0) {
		r->after_ms = wait;
		(void)kit_say(r, KIT_RETRY, "%s", text);
	} else if (s >= 300 && s < 400) {
		(void)kit_say(r, KIT_UNKNOWN, "%.300s: a redirect, which is not followed",
			      text);
	} else if (s >= 400 && s < 500 && s != 404 && s != 408 && s != 409 && s != 410) {
		(void)kit_say(r, KIT_REFUSED, "%s", text);
	} else {
		(void)kit_say(r, KIT_UNKNOWN, "%s", text);
	}
}

static void set_outcome(const struct def *d, const struct answer *a,
			const struct outcome *o, bool probe, bool refusal,
			struct kit_reply *r)
{
	char text[400];

	answer_tell(d, a, text, sizeof(text));
	if (o->why) {
		size_t n = strlen(text);

		(void)snprintf(text + n, sizeof(text) - n, ": %.150s", o->why);
	}
	if (!strcmp(o->is, "retry")) {
		const int64_t wait = rule_wait(a);

		r->after_ms = wait >= 0 ? wait : o->after_ms;
		(void)kit_say(r, KIT_RETRY, "%s", text);
	} else if (probe) {
		(void)kit_tell(r, !strcmp(o->is, "alive") ? KIT_ALIVE :
				  !strcmp(o->is, "dead") ? KIT_DEAD : KIT_LIFE_UNKNOWN,
			       refusal, "%s", text);
	} else {
		(void)kit_say(r, !strcmp(o->is, "ok") ? KIT_OK :
				 !strcmp(o->is, "absent") ? KIT_ABSENT :
				 !strcmp(o->is, "refused") || !strcmp(o->is, "full") ?
					KIT_REFUSED : KIT_UNKNOWN,
			      "%s", text);
		if (!strcmp(o->is, "full"))
			(void)json_set_bool(kit_body(r), "quota", true);
	}
}

/* A request to make something is sent once.  "Not done" is believed only of an
 * answer that says so: 503 may come from whoever stands in front, when the
 * service behind has long made it. */
static bool makes(const struct scope *s, const struct toml_node *n)
{
	const char *method = toml_str(n, "method");

	return !strcmp(s->q->verb, "mint") && method && strcmp(method, "GET") != 0 &&
	       strcmp(method, "LIST") != 0;
}

static void mint_careful(const struct scope *s, const struct toml_node *n,
			 const struct answer *a, struct kit_reply *r)
{
	if (!makes(s, n) || a->w.status < 500)
		return;
	if (r->status == KIT_RETRY || r->status == KIT_REFUSED || r->status == KIT_ABSENT)
		r->status = KIT_UNKNOWN;
}

struct how {
	bool probe; /* rules tell a life */
	bool last;  /* its answer is the verb's */
};

/* One request and its rules.  0: went well, go on (*a is the caller's);
 * 1: *r is the answer; -1 + e. */
static int one(struct session *ses, struct scope *s, const struct toml_node *n,
	       struct how how, struct answer *a, struct kit_reply *r, struct err *e)
{
	const struct toml_node *rules = toml_get(n, "rules");
	const bool probe = how.probe;
	const bool reads = !rules; /* then any readable 2xx will do */
	struct outcome o;
	bool sent, again = false;

	for (;;) {
		if (request_run(ses, n, s, NULL, a, &sent, e)) {
			if (e->code == ERR_NOMEM || e->code == ERR_BUG)
				return -1;
			(void)act_no_answer(r, a, sent, e);
			return 1;
		}
		s->doc = a->doc;
		o = rule_outcome(rules, a, s);
		if (!o.is || strcmp(o.is, "again") != 0 || again || makes(s, n))
			break;
		/* AWS: a signature may be refused just after another key's */
		again = true;
		s->doc = NULL;
		answer_free(a);
		clock_sleep_ms(o.after_ms ? o.after_ms : AGAIN_MS);
	}
	if (!o.is && reads && a->w.status >= 200 && a->w.status < 300 && a->readable &&
	    (a->doc || !toml_get(n, "save")))
		return 0;
	if (o.is && !probe && !strcmp(o.is, "ok")) {
		set_outcome(s->def, a, &o, false, false, r);
		return 0;
	}
	if (o.is && strcmp(o.is, "again") != 0) {
		set_outcome(s->def, a, &o, probe, def_uses_secret(s->def, n), r);
		mint_careful(s, n, a, r);
		return 1;
	}
	act_default(s->def, a, r);
	mint_careful(s, n, a, r);
	/* an answer that no rule knows says nothing about life */
	if (probe && r->status != KIT_RETRY) {
		char text[400];

		(void)snprintf(text, sizeof(text), "%s", r->text);
		(void)kit_tell(r, KIT_LIFE_UNKNOWN, false, "%s", text);
	}
	return 1;
}

int act_steps(struct session *ses, struct scope *s, const struct toml_node *steps,
	      enum act_steps which, struct json *saved, struct kit_reply *r,
	      struct err *e)
{
	const struct how how = { .probe = which == STEPS_OF_PROBE, .last = false };

	for (const struct toml_node *n = steps->child;
	     n && (which == STEPS_ALL || n->next); n = n->next) {
		const char *name = toml_str(n, "save");
		struct answer a;
		int rc = one(ses, s, n, how, &a, r, e);

		if (!rc && name && a.doc && !json_set(saved, name, json_dup(a.doc)))
			rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
		s->doc = NULL;
		answer_free(&a);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- what the answer gives back ------------------------------------------------- */

static int give(const struct toml_node *entry, const struct scope *s,
		const struct answer *a, struct kit_reply *r, struct err *e)
{
	const struct toml_node *map = toml_get(entry, "give");
	const char *keep = toml_str(entry, "keep"), *sec = toml_str(entry, "give_secret");
	struct scope soft = *s;

	soft.gaps = true;
	for (const struct toml_node *c = map ? map->child : NULL; c; c = c->next) {
		char *v = tmpl_text(c->str, &soft, e);

		if (!v)
			return -1;
		if (*v)
			(void)json_set_str(kit_body(r), c->key, v);
		mem_free(v);
	}
	if (keep) {
		const struct json *n = a->doc ? doc_at(a->doc, keep, strlen(keep)) : NULL;
		struct json *o = json_object();

		if (n)
			(void)json_set(o, "kept", json_dup(n));
		(void)json_set(kit_body(r), "snapshot", o);
	}
	if (sec) {
		struct buf b = BUF_INIT(SECRET_MAX);
		int rc = tmpl_render(sec, s, TMPL_PLAIN, &b, e);

		if (!rc)
			r->secret = secret_new(b.p, b.len, e);
		buf_release(&b);
		/* the credential exists, its secret was not told: never "ok" */
		if (!r->secret)
			return -1;
	}
	return 0;
}

/* A delivery is asked for again: is what the service holds what was sent?  The
 * secret was written before, so nothing here is "refused" or "nothing done". */
static int read_back(struct session *ses, struct scope *s, const struct toml_node *n,
		     struct kit_reply *r, struct err *e)
{
	struct kit_reply mine = { .status = KIT_OK };
	struct answer a = { .doc = NULL };
	int rc = 0;

	if (!strcmp(kit_option(s->conn, "read_back", "yes"), "no")) {
		(void)json_set_str(kit_body(r), "read_back", "cannot");
		return 0;
	}
	s->doc = NULL;
	rc = one(ses, s, n, (struct how){ .probe = false, .last = true }, &a, &mine, e);
	if (rc == 0)
		(void)json_set_str(kit_body(r), "read_back", "same");
	else if (rc > 0)
		rc = kit_say(r, KIT_UNKNOWN, "written, but reading it back: %.300s", mine.text);
	json_free(&mine.body);
	answer_free(&a);
	return rc;
}

static int entry_once(struct session *ses, struct scope *s,
		      const struct toml_node *entry, bool probe,
		      struct kit_reply *r, struct err *e)
{
	const struct toml_node *steps = toml_get(entry, "step");
	const struct toml_node *last = steps ? steps->child : entry;
	struct json *saved = json_object();
	struct answer a = { .doc = NULL };
	int rc = -1;

	if (!saved) {
		(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	while (steps && last->next)
		last = last->next;
	s->steps = saved;
	if (steps) {
		rc = act_steps(ses, s, steps, probe ? STEPS_OF_PROBE : STEPS_OF_CHANGE,
			       saved, r, e);
		if (rc) {
			rc = rc < 0 ? -1 : 0;
			goto out;
		}
	}
	rc = one(ses, s, last, (struct how){ .probe = probe, .last = true }, &a, r, e);
	if (rc == 0 && toml_str(last, "save") && a.doc)
		(void)json_set(saved, toml_str(last, "save"), json_dup(a.doc));
	if (rc == 0)
		rc = give(entry, s, &a, r, e);
	if (rc == 0 && toml_get(entry, "read_back"))
		rc = read_back(ses, s, toml_get(entry, "read_back"), r, e);
	rc = rc < 0 ? -1 : 0;
out:
	s->doc = NULL;
	s->steps = NULL;
	answer_free(&a);
	json_free(&saved);
	return rc;
}

/* A probe whose entry wants it is dead only when several in a row say so. */
static int confirm(struct session *ses, struct scope *s,
		   const struct toml_node *entry, struct kit_reply *r, struct err *e)
{
	const struct toml_node *c = toml_get(entry, "confirm");
	int64_t times = c ? def_int(c, "times", 1) : 1;
	int64_t every = c ? def_int(c, "every_ms", 1000) : 0;

	for (int64_t i = 1; i < times && i < CONFIRM_MAX && r->status == KIT_OK &&
			    r->life == KIT_DEAD; i++) {
		clock_sleep_ms(every < CONFIRM_EVERY_MS ? every : CONFIRM_EVERY_MS);
		/* one that brings no answer must not keep the one before */
		r->life = KIT_LIFE_UNKNOWN;
		r->proof_refusal = false;
		if (entry_once(ses, s, entry, true, r, e))
			return -1;
	}
	return 0;
}

int make_run(void *session, const struct kit_connection *c, const struct kit_request *q,
	     struct kit_stream *st, struct kit_reply *r, struct err *e)
{
	const struct session *ses = session;
	const char *type = *q->kind ? def_makes(ses->def, q->kind) : NULL;

	(void)c;
	(void)st;
	if (!type)
		return kit_say(r, KIT_UNSUPPORTED, "nothing is made for that kind here");
	return pki_make(type, &r->secret, e) ? -1 : kit_say(r, KIT_OK, "%s", "");
}

int act_run(void *session, const struct kit_connection *c,
	    const struct kit_request *q, struct kit_stream *st,
	    struct kit_reply *r, struct err *e)
{
	struct session *ses = session;
	struct scope s = { .def = ses->def, .conn = c, .q = q };
	const bool probe = !strcmp(q->verb, "probe");
	const unsigned before = wire_asked(ses->wire);
	const struct toml_node *entry = def_entry(ses->def, q->verb, q->account, q->kind,
						  q->secret != NULL, c->secret != NULL);

	(void)st;
	if (!entry)
		return kit_say(r, KIT_UNSUPPORTED, "%s's definition has no '%s' for %s%s%s",
			       ses->def->name, q->verb, *q->kind ? "kind '" : "an account",
			       q->kind, *q->kind ? "' with the credentials at hand" : "");
	if (entry_once(ses, &s, entry, probe, r, e))
		return -1;
	/* nobody was there to hear it: whoever keeps a record may say so */
	if (wire_asked(ses->wire) == before)
		(void)json_set_bool(kit_body(r), "sent", false);
	/* the service itself took the value for one of its own */
	if (r->status == KIT_OK && !strcmp(q->verb, "revoke_value") &&
	    def_signs(ses->def, entry))
		(void)json_set_bool(kit_body(r), "known", true);
	return probe ? confirm(ses, &s, entry, r, e) : 0;
}
