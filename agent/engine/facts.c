/*
 * facts: reading the declared facts.  Numbers from a provider are clipped to
 * what makes sense, so that a wrong one cannot stop the clock.
 */
#include <string.h>

#include "agent/engine/facts.h"
#include "agent/engine/knob.h"

#define LAG_MAX ((int64_t)7 * 24 * 3600 * 1000)
#define LENGTH_MAX 1024
#define RATE_MAX 1000000.0
#define RATE_MIN 0.001 /* one in a quarter of an hour; less would stop the clock */

static int64_t clip(int64_t v, int64_t top)
{
	return v < 0 ? 0 : v > top ? top : v;
}

static int64_t number(const struct json *o, const char *key, int64_t top)
{
	int64_t v = 0;

	return json_int(o, key, &v) ? clip(v, top) : 0;
}

/* Requests a second: 0.5 is one in two seconds. */
static double rate(const struct json *o)
{
	double v = 0;

	if (!json_real(json_get(o, "rate_per_s"), &v) || !(v > 0))
		return 0;
	return v < RATE_MIN ? RATE_MIN : v > RATE_MAX ? RATE_MAX : v;
}

static bool flag(const struct json *o, const char *key)
{
	bool v = false;

	return json_bool(o, key, &v) && v;
}

static const char *const offered[] = {
	"probe", "disable", "revoke", "revoke_value", "cut_sessions",
	"snapshot", "remove_grant", "enable", "set", "mint", "make",
};

#define OFFERED (sizeof(offered) / sizeof(*offered))

static void read_verbs(const struct json *list, struct kind_facts *k)
{
	k->verbs_told = list && json_type(list) == JSON_ARRAY;
	for (const struct json *v = k->verbs_told ? json_first(list) : NULL; v;
	     v = json_next(v))
		for (size_t i = 0; i < OFFERED; i++)
			if (json_text(v) && strcmp(json_text(v), offered[i]) == 0)
				k->verbs |= (uint16_t)(1u << i);
}

bool facts_offers(const struct kind_facts *k, const char *verb)
{
	for (size_t i = 0; k->verbs_told && i < OFFERED; i++)
		if (strcmp(verb, offered[i]) == 0)
			return k->verbs & 1u << i;
	return true;
}

bool facts_by_value(const struct kind_facts *k)
{
	return (k->by_value || k->self_revoke) && facts_offers(k, "revoke_value");
}

static void read_rotation(const struct json *o, struct kind_facts *k)
{
	const char *from = json_str(o, "secret_from");

	k->from_caller = from && strcmp(from, "caller") == 0;
	k->from_provider = from && strcmp(from, "provider") == 0;
	k->overlap = flag(o, "overlap");
	k->disable = flag(o, "disable");
	k->fixed_id = flag(o, "fixed_id");
	k->makes = flag(o, "makes");
	k->labels = flag(o, "labels");
	k->tells_used = flag(o, "last_used");
	k->max = (int)number(o, "max", 1000000);
	k->length = (uint16_t)number(o, "length", LENGTH_MAX);
	k->used_lag_ms = (int)number(o, "last_used_lag_ms", LAG_MAX);
}

static void read_kind(const struct json *o, struct kind_facts *k)
{
	k->disable_cuts = flag(o, "disable_cuts_sessions");
	k->revoke_cuts = flag(o, "revoke_cuts_sessions");
	k->by_value = flag(o, "by_value");
	k->self_revoke = flag(o, "self_revoke");
	k->leaves_value = flag(o, "revoke_leaves_value");
	read_verbs(json_get(o, "verbs"), k);
	read_rotation(o, k);
	k->mint_lag_ms = number(o, "mint_lag_ms", LAG_MAX);
	k->list_lag_ms = number(o, "list_lag_ms", LAG_MAX);
	k->revoke_lag_ms = number(o, "revoke_lag_ms", LAG_MAX);
	k->session_ms = number(o, "session_ms", LAG_MAX);
	k->rate_per_s = rate(o);
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static void worst(struct kind_facts *all, const struct kind_facts *k, bool first)
{
	all->disable_cuts = (first || all->disable_cuts) && k->disable_cuts;
	all->revoke_cuts = (first || all->revoke_cuts) && k->revoke_cuts;
	all->mint_lag_ms = larger(all->mint_lag_ms, k->mint_lag_ms);
	all->list_lag_ms = larger(all->list_lag_ms, k->list_lag_ms);
	all->revoke_lag_ms = larger(all->revoke_lag_ms, k->revoke_lag_ms);
	all->session_ms = larger(all->session_ms, k->session_ms);
	if (k->rate_per_s > 0 &&
	    (all->rate_per_s <= 0 || k->rate_per_s < all->rate_per_s))
		all->rate_per_s = k->rate_per_s;
}

void facts_read(const struct json *facts, struct facts *out)
{
	const struct json *k;

	memset(out, 0, sizeof(*out));
	if (!facts || json_type(facts) != JSON_OBJECT)
		return;
	for (k = json_first(facts); k; k = json_next(k)) {
		struct kind_facts one = { .kind = "" };
		const char *key = json_key(k);

		if (json_type(k) != JSON_OBJECT || !key)
			continue;
		read_kind(k, &one);
		worst(&out->all, &one, k == json_first(facts));
		if (out->n < FACTS_KINDS && strlen(key) < FACTS_KIND) {
			memcpy(one.kind, key, strlen(key) + 1);
			out->kinds[out->n++] = one;
		}
	}
}

void facts_parse(const char *text, struct facts *out)
{
	struct json *j = NULL;

	if (text && *text)
		j = json_parse(text, strlen(text), NULL);
	facts_read(j, out);
	json_free(&j);
}

const struct kind_facts *facts_of(const struct facts *f, const char *kind)
{
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->kinds[i].kind, kind) == 0)
			return &f->kinds[i];
	return &f->all;
}

int64_t facts_settle_ms(const struct facts *f)
{
	int64_t ms = larger(f->all.list_lag_ms, f->all.revoke_lag_ms);

	if (knob_off(KNOB_SETTLE))
		return 0;
	ms = larger(ms, f->all.mint_lag_ms);
	return ms + ms / 16 + knob_gap_ms();
}
