/*
 * config_rotation: the [rotation.NAME] sections, checked, and which of them is
 * a credential's policy.
 *
 * Promises that whoever gets a policy can follow it: nothing in it contradicts
 * itself, and every name it uses is one of the file's.
 */
#include "agent/config_int.h"

#include <string.h>

#include "agent/schedule.h"
#include "base/mem.h"
#include "base/text.h"

/* ---- values -------------------------------------------------------------- */

static int want_string(const struct reader *r, const struct toml_node *v)
{
	return v->kind == TOML_STRING ? 0 :
		config_bad(r, v, "'%s' must be a string", v->key);
}

static int set_window(const struct reader *r, const struct toml_node *v,
		      struct schedule **to)
{
	struct err e = ERR_INIT;

	if (schedule_parse(v->str, to, &e) == 0)
		return 0;
	if (e.code == ERR_NOMEM)
		return config_nomem(r);
	(void)config_bad(r, v, "'window': '%s' %s", e.object, e.cause);
	err_hint(r->e, "%s", e.hint);
	return -1;
}

int config_own_value(const struct reader *r, enum config_own what,
		     const struct toml_node *v, void *to)
{
	static const char *const strategies[] = { "auto", "two-slot",
						  "alternate", "single-slot" };
	static const char *const adopts[] = { "evidence", "acknowledged",
					      "operator" };
	const char *const *words = what == OWN_ADOPT ? adopts : strategies;
	const size_t n = what == OWN_ADOPT ? 3 : 4;

	if (want_string(r, v) < 0)
		return -1;
	if (what == OWN_WINDOW)
		return set_window(r, v, to);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(v->str, words[i]) != 0)
			continue;
		if (what == OWN_ADOPT)
			*(enum rotation_adopt *)to = (enum rotation_adopt)i;
		else
			*(enum rotation_strategy *)to =
				(enum rotation_strategy)i;
		return 0;
	}
	(void)config_bad(r, v, "'%s' cannot be \"%s\"", v->key, v->str);
	err_hint(r->e, what == OWN_ADOPT ?
		"one of \"evidence\", \"acknowledged\", \"operator\"" :
		"one of \"auto\", \"two-slot\", \"alternate\", \"single-slot\"");
	return -1;
}

/* ---- what only the whole section can tell -------------------------------- */

/* One section under check: where its keys stand. */
struct section_check {
	const struct reader *r;
	const struct toml_node *at;
	const struct config_rotation *p;
};

/* A key of the section for a message: the section itself if not given. */
static const struct toml_node *key(const struct section_check *s, const char *name)
{
	const struct toml_node *v = toml_get(s->at, name);

	return v != NULL ? v : s->at;
}

static const struct toml_node *entry(const struct section_check *s, const char *name,
				     size_t i)
{
	const struct toml_node *v = key(s, name)->child;

	while (v != NULL && i-- > 0)
		v = v->next;
	return v != NULL ? v : s->at;
}

static int check_spans(const struct section_check *s)
{
	const struct config_rotation *p = s->p;

	if (p->every_ms == 0 && p->max_age_ms > 0)
		return config_bad(s->r, key(s, "max_age"),
				  "'max_age' without 'every': nothing would be "
				  "rotated");
	if (p->max_age_ms > 0 && p->max_age_ms < p->every_ms)
		return config_bad(s->r, key(s, "max_age"),
				  "'max_age' is less than 'every'");
	if (p->jitter_ms > 0 && p->every_ms == 0)
		return config_bad(s->r, key(s, "jitter"),
				  "'jitter' without 'every' moves nothing");
	if (p->jitter_ms > 0 && p->jitter_ms >= p->every_ms)
		return config_bad(s->r, key(s, "jitter"),
				  "'jitter' is not less than 'every'");
	if (p->every_ms > 0 && p->overlap_ms > p->every_ms)
		return config_bad(s->r, key(s, "overlap"),
				  "'overlap' is longer than 'every': the next "
				  "rotation would be due before the old one ends");
	return 0;
}

static int check_strategy(const struct section_check *s)
{
	const struct config_rotation *p = s->p;

	if (p->strategy == STRATEGY_ALTERNATE && p->partner == NULL)
		return config_bad(s->r, key(s, "strategy"),
				  "\"alternate\" needs 'partner', the other "
				  "account's address");
	if (p->partner != NULL && p->strategy != STRATEGY_ALTERNATE &&
	    p->strategy != STRATEGY_AUTO)
		return config_bad(s->r, key(s, "partner"), "'partner' has no "
				  "place in this 'strategy'");
	if (p->partner != NULL && (p->partner[0] == '/' ||
				   strchr(p->partner, '/') == NULL))
		return config_bad(s->r, key(s, "partner"), "'%s' is not an "
				  "address: write \"CONNECTION/ACCOUNT\"",
				  p->partner);
	if (p->partner != NULL && strpbrk(p->partner, "*?") != NULL)
		return config_bad(s->r, key(s, "partner"), "'partner' is one "
				  "address, no pattern");
	if (p->strategy == STRATEGY_SINGLE && p->overlap_ms > 0)
		return config_bad(s->r, key(s, "overlap"), "'overlap' in a "
				  "\"single-slot\" rotation: the old one ends "
				  "when the new one begins");
	return 0;
}

static int check_deliver(const struct section_check *s)
{
	char *const *d = s->p->deliver;

	for (size_t i = 0; i < s->p->n_deliver; i++)
		for (size_t k = 0; k < i; k++)
			if (strcmp(d[i], d[k]) == 0)
				return config_bad(s->r, entry(s, "deliver", i),
						  "'%s' is there twice", d[i]);
	return 0;
}

/* "did you mean": the nearer of two names. */
static void nearer(const char *given, const char *name, const char **best,
		   size_t *best_d)
{
	const size_t d = text_distance(given, name, 4);

	if (d < *best_d) {
		*best_d = d;
		*best = name;
	}
}

static int no_such(const struct section_check *s, const char *list, size_t i,
		   const char *section, const char *given, const char *best)
{
	(void)config_bad(s->r, entry(s, list, i), "there is no [%s.%s]", section,
			 given);
	if (best != NULL)
		err_hint(s->r->e, "did you mean '%s'?", best);
	return -1;
}

static int check_names(const struct section_check *s)
{
	const struct config *c = s->r->c;

	for (size_t i = 0; i < s->p->n_notify; i++) {
		const char *name = s->p->notify[i], *best = NULL;
		size_t d = 4;

		if (config_alarm(c, name) != NULL)
			continue;
		for (size_t k = 0; k < c->n_alarms; k++)
			nearer(name, c->alarms[k].name, &best, &d);
		return no_such(s, "notify", i, "alarm", name, best);
	}
	for (size_t i = 0; i < s->p->n_identities; i++) {
		const char *name = s->p->identities[i], *best = NULL;
		size_t d = 4;

		if (strpbrk(name, "*?") != NULL)
			continue;
		for (size_t k = 0; k < c->n_identities; k++)
			nearer(name, c->identities[k].name, &best, &d);
		if (best == NULL || d > 0)
			return no_such(s, "identities", i, "identity", name,
				       best);
	}
	for (size_t i = 0; i < s->p->n_credentials; i++)
		if (strchr(s->p->credentials[i], '/') == NULL)
			return config_bad(s->r, entry(s, "credentials", i),
					  "'%s' is not an address: write "
					  "\"CONNECTION/ACCOUNT\" or "
					  "\"CONNECTION/ACCOUNT#ID\"",
					  s->p->credentials[i]);
	return 0;
}

/* "credentials = []" would fit everything: surely not what was meant. */
static int check_lists(const struct section_check *s)
{
	static const char *const lists[] = { "credentials", "identities", "tags",
					     "connections" };

	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		const struct toml_node *v = toml_get(s->at, lists[i]);

		if (v != NULL && v->child == NULL)
			return config_bad(s->r, v, "'%s' is empty: it fits "
					  "nothing; leave it out to fit all",
					  lists[i]);
	}
	return 0;
}

int config_rotations(const struct reader *r, const struct toml_node *root)
{
	const struct toml_node *t = toml_get(root, "rotation");

	for (size_t i = 0; i < r->c->n_rotations; i++) {
		const struct config_rotation *p = &r->c->rotations[i];
		const struct section_check s = { r, toml_get(t, p->name), p };

		if (check_lists(&s) < 0 || check_spans(&s) < 0 ||
		    check_strategy(&s) < 0 || check_deliver(&s) < 0 ||
		    check_names(&s) < 0)
			return -1;
	}
	return config_deliver(r, root);
}

/* ---- whose policy -------------------------------------------------------- */

static bool any_fits(char *const *globs, size_t n, const char *word)
{
	for (size_t i = 0; word != NULL && i < n; i++)
		if (text_glob(globs[i], word))
			return true;
	return false;
}

/* A pattern without '#' names an account: all of its credentials. */
static bool address_fits(const struct config_rotation *p,
			 const struct rotation_of *x)
{
	for (size_t i = 0; i < p->n_credentials; i++) {
		const char *g = p->credentials[i];

		if (strchr(g, '#') == NULL ? text_glob(g, x->account) :
		    text_glob(g, x->address) ||
			    (x->alias != NULL && text_glob(g, x->alias)))
			return true;
	}
	return p->n_credentials == 0;
}

/* The other account of the two: whatever names the one means both, else its
 * turn would be nobody's. */
static bool partner_fits(const struct config_rotation *p,
			 const struct rotation_of *x)
{
	const size_t n = p->partner != NULL ? strcspn(p->partner, "#") : 0;

	return n > 0 && p->strategy != STRATEGY_TWO_SLOT &&
	       strncmp(p->partner, x->account, n) == 0 &&
	       x->account[n] == '\0' &&
	       (p->kind == NULL || text_glob(p->kind, x->kind));
}

static bool fits(const struct config_rotation *p, const struct rotation_of *x)
{
	bool tagged = p->n_tags == 0;

	if (partner_fits(p, x))
		return true;
	for (size_t i = 0; !tagged && x->id != NULL && i < x->id->n_tags; i++)
		tagged = any_fits(p->tags, p->n_tags, x->id->tags[i]);
	return tagged && address_fits(p, x) &&
	       (p->n_identities == 0 ||
		any_fits(p->identities, p->n_identities,
			 x->id != NULL ? x->id->name : NULL)) &&
	       (p->n_connections == 0 ||
		any_fits(p->connections, p->n_connections, x->connection)) &&
	       (p->kind == NULL || text_glob(p->kind, x->kind));
}

const struct config_rotation *config_rotation_of(const struct config *c,
						 const struct rotation_of *x)
{
	for (size_t i = 0; c != NULL && i < c->n_rotations; i++)
		if (fits(&c->rotations[i], x))
			return &c->rotations[i];
	return NULL;
}

void config_list_free(char **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		mem_free(v[i]);
	mem_free(v);
}

void config_rotations_free(struct config *c)
{
	for (size_t i = 0; i < c->n_rotations; i++) {
		struct config_rotation *p = &c->rotations[i];

		mem_free(p->name);
		config_list_free(p->credentials, p->n_credentials);
		config_list_free(p->identities, p->n_identities);
		config_list_free(p->tags, p->n_tags);
		config_list_free(p->connections, p->n_connections);
		config_list_free(p->deliver, p->n_deliver);
		config_list_free(p->notify, p->n_notify);
		mem_free(p->kind);
		mem_free(p->partner);
		schedule_free(&p->window);
	}
	mem_free(c->rotations);
}
