/*
 * fake_rotate: the verbs of a rotation.  Settings of the script:
 *   class=A|B    who makes the value (B)
 *   fixed=1      the id stays when the value changes
 *   makes=1      `make` gives values
 *   labels=0     labels are not kept
 *   stranger=N   the first N mints: somebody else makes one at that moment
 *   used=1       the listing tells a last use; what bears a label is in use
 *   noack=1      a sink's consumer confirms nothing
 *   unadopted=N  the first N questions for adoption: not yet
 *   refuse_deliver=N  the first N deliveries are refused
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "fake.h"

static bool class_a(void)
{
	return strcmp(world_text(&w, "class"), "A") == 0;
}

void fake_rotation_facts(struct json *k)
{
	const bool fixed = world_option(&w, "fixed", 0) != 0;

	json_set_str(k, "secret_from", class_a() ? "caller" : "provider");
	json_set_bool(k, "fixed_id", fixed);
	json_set_bool(k, "overlap", !fixed);
	json_set_bool(k, "makes", world_option(&w, "makes", 0) != 0);
	json_set_bool(k, "labels", world_option(&w, "labels", 1) != 0);
	json_set_bool(k, "last_used", world_option(&w, "used", 0) != 0);
	json_set_int(k, "length", 30);
}

void fake_last_used(struct json *item, const struct w_key *k, int64_t now)
{
	char t[CLOCK_TEXT];

	if (!world_option(&w, "used", 0))
		return;
	/* clocks of services tell whole seconds: the next one has begun */
	json_set_str(item, "last_used",
		     clock_text(k->label[0] ? now + 1000 : 1000, t));
}

struct text {
	char s[W_NAME];
};

static int copy(const unsigned char *p, size_t n, void *arg)
{
	struct text *t = arg;

	if (n >= sizeof(t->s))
		n = sizeof(t->s) - 1;
	memcpy(t->s, p, n);
	t->s[n] = '\0';
	return 0;
}

static struct text value_of(const struct secret *s)
{
	struct text t = { "" };

	if (s)
		(void)secret_reveal(s, copy, &t);
	return t;
}

static void no(struct call *c, const char *why)
{
	c->status = "refused";
	json_set_str(c->r, "error", why);
}

/* ---- probes ------------------------------------------------------------------- */

void fake_probe(struct call *c)
{
	const struct text value = value_of(c->secret);
	const struct w_key *k = c->secret ?
		world_by_secret(&w, c->account, c->kind, value.s, c->now) :
		world_key(&w, c->account, c->kind, c->id);
	const struct w_account *a = world_account(&w, c->account);
	bool yes, partial = false;

	if (!*c->kind) {
		yes = a && world_account_open(&w, a, c->now);
		partial = yes && a->disabled_ms;
	} else {
		yes = k && world_accepts(&w, k, c->now);
		partial = k && world_partial(&w, k, c->now);
	}
	if (partial && world_count(&w, "partial", 1) % 2)
		yes = false; /* this machine of theirs knows already */
	json_set_str(c->r, "life", yes ? "alive" : "dead");
	json_set_str(c->r, "proof", *c->kind && world_option(&w, "refuses", 1) ?
		     "refusal" : "record");
	json_set_str(c->r, "evidence", yes ? "the service let it in" :
					     "the service refused it");
}

/* ---- making --------------------------------------------------------------------- */

static bool full(struct call *c)
{
	int64_t have = 0, max = world_option(&w, "max", 0);

	for (size_t i = 0; i < w.nk; i++)
		have += strcmp(w.k[i].account, c->account) == 0 &&
			!w.k[i].revoked_ms;
	if (!max || have < max)
		return false;
	no(c, "quota reached");
	json_set_bool(c->r, "quota", true);
	return true;
}

static const char *label_of(const struct call *c)
{
	const char *l = json_str(c->m, "label");

	return l && world_option(&w, "labels", 1) ? l : "";
}

/* One more, at that very moment, that is not curfew's. */
static void stranger(const struct call *c)
{
	int64_t n;

	if (!turns("stranger"))
		return;
	n = world_count(&w, "strangers", 1);
	world_line(&w, "K\t%s\t%s\tstranger-%lld\tstranger-secret-%lld\t"
		   "foreign\t%lld\t0\t0\t", c->account, c->kind, (long long)n,
		   (long long)n, (long long)c->now);
}

void fake_mint(struct call *c)
{
	char id[W_NAME], value[W_NAME];
	int64_t n;

	if (class_a()) {
		c->status = "unsupported";
		return;
	}
	if (full(c))
		return;
	stranger(c);
	n = world_count(&w, "minted", 1);
	(void)snprintf(id, sizeof(id), "new-%lld", (long long)n);
	(void)snprintf(value, sizeof(value), "new-secret-value-%lld-%lld",
		       (long long)n, (long long)c->now);
	world_line(&w, "K\t%s\tkey\t%s\t%s\tgiven\t%lld\t0\t0\t%s", c->account,
		   id, value, (long long)c->now, label_of(c));
	json_set_str(c->r, "credential", id);
	c->answer = secret_new(value, strlen(value), NULL);
}

static void set_beside(struct call *c, const char *value)
{
	const struct w_key *k = world_by_secret(&w, c->account, c->kind, value,
						c->now);
	char id[W_NAME];

	if (k && !k->revoked_ms) {
		json_set_str(c->r, "credential", k->id);
		return;
	}
	if (full(c))
		return;
	(void)snprintf(id, sizeof(id), "set-%lld",
		       (long long)world_count(&w, "minted", 1));
	world_line(&w, "K\t%s\t%s\t%s\t%s\tgiven\t%lld\t0\t0\t%s", c->account,
		   c->kind, id, value, (long long)c->now, label_of(c));
	json_set_str(c->r, "credential", id);
}

static void set_in_place(struct call *c, const char *value)
{
	const struct w_key *k = world_key(&w, c->account, c->kind, c->id);

	if (!k) {
		c->status = "absent";
		return;
	}
	json_set_str(c->r, "credential", c->id);
	if (strcmp(k->secret, value) == 0 && !k->revoked_ms)
		return;
	if (!k->revoked_ms)
		world_line(&w, "K\t%s\t%s\t%.40s~%lld\t%s\tgiven\t%lld\t%lld\t"
			   "%lld\t", c->account, c->kind, c->id,
			   (long long)world_count(&w, "replaced", 1), k->secret,
			   (long long)k->created_ms, (long long)c->now,
			   (long long)c->now);
	world_line(&w, "K\t%s\t%s\t%s\t%s\tgiven\t%lld\t0\t0\t%s", c->account,
		   c->kind, c->id, value, (long long)c->now, label_of(c));
}

void fake_set(struct call *c)
{
	const struct text value = value_of(c->secret);
	bool add = false;

	if (!class_a() || !c->secret) {
		c->status = class_a() ? "refused" : "unsupported";
		return;
	}
	if (json_bool(c->m, "add", &add) && add)
		set_beside(c, value.s);
	else
		set_in_place(c, value.s);
}

void fake_make(struct call *c)
{
	char value[W_NAME];

	if (!world_option(&w, "makes", 0)) {
		c->status = "unsupported";
		return;
	}
	(void)snprintf(value, sizeof(value), "made-secret-value-%lld-%lld",
		       (long long)world_count(&w, "made_values", 1),
		       (long long)c->now);
	c->answer = secret_new(value, strlen(value), NULL);
}

/* ---- a sink ---------------------------------------------------------------------- */

void fake_deliver(struct call *c)
{
	const struct text value = value_of(c->secret);
	const char *from = json_str(c->m, "from");
	int64_t version = 0;

	if (!c->secret || !json_int(c->m, "version", &version) || !from) {
		no(c, "a delivery without its value");
		return;
	}
	if (turns("refuse_deliver")) {
		no(c, "the place is locked");
		return;
	}
	world_line(&w, "D\t%s\t%lld\t%s\t%s\t%lld", c->account,
		   (long long)version, value.s, from, (long long)c->now);
	json_set_str(c->r, "read_back", "same");
	json_set_bool(c->r, "acknowledged", !world_option(&w, "noack", 0));
}

void fake_adopted(struct call *c)
{
	const struct w_delivery *d = world_delivery(&w, c->account);
	int64_t version = 0;

	(void)json_int(c->m, "version", &version);
	json_set_bool(c->r, "adopted",
		      d && d->version == version && !turns("unadopted"));
	json_set_str(c->r, "evidence", "the consumer's own log");
}
