/*
 * fake_provider: a service that misbehaves on demand, speaking the line
 * protocol.  Its truth is a world file (world.h), so it survives kill -9 of
 * itself and of curfew; its script is the world's settings:
 *   latency revoke_lag list_lag mint_lag session_ms rate   ms, requests/s
 *   retry retry_after     the first N calls: come back in so many ms
 *   burst, burst_applied  the first N calls: "unknown", not done / done
 *   mint_unknown          the first N mints: "unknown", done
 *   noreply               the first N changes are done, nothing is said
 *   mute                  verbs it does and never answers, comma-separated
 *   crash_at hang_at garbage_at  at that call (done, then ...)
 *   down_ms               refuses hello for so long after the first one
 *   remint newaccount reenable regrant  what the intruder does, N times
 *   ignore                says ok and lists it as gone, does nothing (202)
 *   lie_first             the same for the first N changes only
 *   notrevoked            says ok, does nothing, lists it as alive (200)
 *   without               verbs it lacks, comma-separated
 *   max                   credentials an account may hold
 *   self                  accounts that curfew itself is, comma-separated
 * It does not use providers/kit: the two ends of the protocol are tested
 * against another reading of it.  Many requests are in flight: answers leave
 * when their time has come.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/lineproto.h"
#include "base/mem.h"
#include "fake.h"

#define PENDING 4096

struct pending {
	int64_t due;
	struct json *msg;
	struct secret *secret;
	bool last; /* exit after it */
};

struct world w;
static struct lp *lp;
static struct pending queue[PENDING];
static size_t n_queue;
static int64_t second, in_second; /* for rate */
static bool opened;

static const char *const verbs[] = { "list", "probe", "disable", "enable",
	"revoke", "cut_sessions", "snapshot", "restore", "remove_grant", "mint",
	"set", "make", "deliver", "adopted" };

static void say_with(struct json *msg, struct secret *secret, int64_t due)
{
	if (n_queue == PENDING)
		_exit(98);
	queue[n_queue++] = (struct pending){ due, msg, secret, false };
}

static void say(struct json *msg, int64_t due, bool last)
{
	say_with(msg, NULL, due);
	queue[n_queue - 1].last = last;
}

/* ---- hello ----------------------------------------------------------------- */

static struct json *facts(void)
{
	struct json *f = json_object(), *k = json_object();

	fake_rotation_facts(k);
	json_set_int(k, "max", world_option(&w, "max", 0));
	json_set_bool(k, "disable", true);
	json_set_bool(k, "disable_cuts_sessions",
		      world_option(&w, "disable_cuts", 0) != 0);
	json_set_bool(k, "revoke_cuts_sessions",
		      world_option(&w, "revoke_cuts", 0) != 0);
	json_set_int(k, "revoke_lag_ms", world_option(&w, "revoke_lag", 0));
	json_set_int(k, "list_lag_ms", world_option(&w, "list_lag", 0));
	json_set_int(k, "mint_lag_ms", world_option(&w, "mint_lag", 0));
	json_set_int(k, "session_ms", world_option(&w, "session_ms", 0));
	json_set_int(k, "rate_per_s", world_option(&w, "rate", 0));
	json_set(f, "key", k);
	return f;
}

static void hello(const struct json *m, struct json *r)
{
	struct json *options = json_get(m, "options"), *list = json_array();
	struct json *one = json_object(), *all = json_array();
	const char *path = options ? json_str(options, "state") : NULL;

	json_set_int(r, "protocol", LP_VERSION);
	json_set_str(r, "provider", "fake");
	json_set_str(r, "version", "1");
	json_set_str(r, "secret", "optional");
	json_set_str(one, "name", "state");
	json_set_str(one, "help", "the world file");
	json_push(all, one);
	json_set(r, "options", all);
	if (path && !opened) {
		world_open(&w, path, false);
		opened = true;
	}
	if (opened && world_option(&w, "down_ms", 0)) {
		world_lock(&w);
		if (!world_option(&w, "started", 0))
			world_line(&w, "N\tstarted\t%lld",
				   (long long)clock_wall_ms());
		world_unlock(&w);
		if (clock_wall_ms() < world_option(&w, "started", 0) +
		    world_option(&w, "down_ms", 0))
			_exit(3);
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!opened || !world_lists(&w, "without", verbs[i]))
			json_push_str(list, verbs[i]);
	json_set(r, "verbs", list);
	json_set(r, "facts", facts());
	json_set_str(r, "status", "ok");
}

/* ---- the intruder ------------------------------------------------------------ */

bool turns(const char *what)
{
	char done[40];

	(void)snprintf(done, sizeof(done), "done_%s", what);
	if (world_count(&w, done, 0) >= world_option(&w, what, 0))
		return false;
	world_count(&w, done, 1);
	return true;
}

/* A little before the cut takes hold, with what still works. */
static int64_t just_before(int64_t cut_ms)
{
	int64_t lag = world_option(&w, "revoke_lag", 0);

	return cut_ms + lag - lag / 4;
}

static void intrude(const char *account, int64_t now)
{
	const struct w_account *a = world_account(&w, account);
	char name[W_NAME];
	int64_t n;

	if (!a || strcmp(a->origin, "foreign") == 0)
		return;
	if (turns("remint")) {
		n = world_count(&w, "minted", 1);
		world_line(&w, "K\t%s\tkey\tintruder-%lld\tintruder-secret-%lld"
			   "\tintruder\t%lld\t0\t0", account, (long long)n,
			   (long long)n, (long long)just_before(now));
	}
	if (a->makes && turns("newaccount")) {
		n = world_count(&w, "made", 1);
		(void)snprintf(name, sizeof(name), "evil-%lld", (long long)n);
		world_line(&w, "A\t%s\tintruder\t0\t0\t0\t%lld", name,
			   (long long)just_before(now));
		world_line(&w, "K\t%s\tkey\tback-door\tevil-secret-%lld\tintruder"
			   "\t%lld\t0\t0", name, (long long)n,
			   (long long)just_before(now));
	}
	if (turns("regrant"))
		world_line(&w, "G\t%s\tforward\tdrop@evil\t0", account);
}

/* ---- the verbs ---------------------------------------------------------------- */

static void do_disable(struct call *c)
{
	const struct w_account *a = world_account(&w, c->account);
	bool shows = world_option(&w, "notrevoked", 0) != 0;
	bool lies = shows || world_option(&w, "ignore", 0);

	if (!a) {
		c->status = "absent";
		return;
	}
	if (!a->disabled_ms) {
		lies = lies || turns("lie_first");
		world_put_account(&w, a, lies ? 0 : c->now, shows ? 0 : c->now);
		intrude(c->account, c->now);
		a = world_account(&w, c->account);
		if (turns("reenable"))
			world_put_account(&w, a, 0, 0);
	}
}

static void do_revoke(struct call *c)
{
	const struct w_key *k = world_key(&w, c->account, c->kind, c->id);
	bool shows = world_option(&w, "notrevoked", 0) != 0;
	bool lies = shows || world_option(&w, "ignore", 0);

	if (!k || k->created_ms > c->now) {
		c->status = "absent";
		return;
	}
	if (k->revoked_ms)
		return;
	lies = lies || turns("lie_first");
	world_put_key(&w, k, lies ? 0 : c->now, shows ? 0 : c->now);
	intrude(c->account, c->now);
}

static void item(const struct call *c, struct json *it)
{
	struct json *m = json_object();

	json_set_int(m, "id", c->req);
	json_set(m, "item", it);
	say(m, c->now + world_option(&w, "latency", 0), false);
}

static bool listed_state(int64_t claimed, int64_t t)
{
	return !claimed || t < claimed + world_option(&w, "list_lag", 0);
}

static void list_accounts(const struct call *c)
{
	int64_t lag = world_option(&w, "list_lag", 0);

	for (size_t i = 0; i < w.na; i++) {
		const struct w_account *a = &w.a[i];
		struct json *it;

		if ((*c->account && strcmp(a->name, c->account) != 0) ||
		    (a->created_ms && c->now < a->created_ms + lag))
			continue;
		it = json_object();
		json_set_str(it, "what", "account");
		json_set_str(it, "account", a->name);
		json_set_str(it, "state", listed_state(a->claimed_ms, c->now) ?
			     "active" : "disabled");
		json_set_bool(it, "makes_accounts", a->makes);
		if (world_lists(&w, "self", a->name))
			json_set_bool(it, "self", true);
		item(c, it);
	}
}

static void list_keys(const struct call *c)
{
	int64_t lag = world_option(&w, "list_lag", 0);

	for (size_t i = 0; i < w.nk; i++) {
		const struct w_key *k = &w.k[i];
		struct json *it;

		if ((*c->account && strcmp(k->account, c->account) != 0) ||
		    (k->created_ms && c->now < k->created_ms + lag) ||
		    !listed_state(k->claimed_ms, c->now) ||
		    strchr(k->id, '~'))
			continue; /* "~": a value that a later one replaced */
		it = json_object();
		json_set_str(it, "what", "credential");
		json_set_str(it, "account", k->account);
		json_set_str(it, "kind", k->kind);
		json_set_str(it, "id", k->id);
		if (k->label[0])
			json_set_str(it, "label", k->label);
		fake_last_used(it, k, c->now);
		json_set_str(it, "state", "active");
		if (world_lists(&w, "self", k->account))
			json_set_bool(it, "self", true);
		item(c, it);
	}
}

static void do_list(struct call *c)
{
	list_accounts(c);
	list_keys(c);
	for (size_t i = 0; i < w.ng + w.ns; i++) {
		bool grant = i < w.ng;
		const struct w_grant *g = grant ? &w.g[i] : NULL;
		const struct w_session *s = grant ? NULL : &w.s[i - w.ng];
		const char *account = grant ? g->account : s->account;
		struct json *it;

		if ((grant ? g->removed_ms : s->closed_ms) ||
		    (*c->account && strcmp(account, c->account) != 0))
			continue;
		it = json_object();
		json_set_str(it, "what", grant ? "grant" : "session");
		json_set_str(it, "account", account);
		json_set_str(it, "kind", grant ? g->kind : "session");
		json_set_str(it, "id", grant ? g->id : s->id);
		item(c, it);
	}
	json_set_bool(c->r, "complete",
		      world_count(&w, "lists", 1) >
			      world_option(&w, "incomplete", 0));
}

static void do_cut(struct call *c)
{
	int64_t n = 0;

	for (size_t i = 0; i < w.ns; i++) {
		if (strcmp(w.s[i].account, c->account) != 0 ||
		    w.s[i].closed_ms)
			continue;
		world_line(&w, "S\t%s\t%s\t%lld", c->account, w.s[i].id,
			   (long long)c->now);
		n++;
	}
	json_set_int(c->r, "count", n);
}

static void do_snapshot(struct call *c)
{
	struct json *s = json_object(), *keys = json_array();

	json_set_str(s, "account", c->account);
	for (size_t i = 0; i < w.nk; i++)
		if (strcmp(w.k[i].account, c->account) == 0 &&
		    !w.k[i].revoked_ms)
			json_push_str(keys, w.k[i].id);
	json_set(s, "keys", keys);
	json_set(c->r, "snapshot", s);
}

/* Puts back the keys that the snapshot names, and opens the account. */
static void do_restore(struct call *c)
{
	struct json *s = json_get(c->m, "snapshot");
	const struct w_account *a = world_account(&w, c->account);

	if (!a || !s) {
		c->status = "refused";
		return;
	}
	world_put_account(&w, a, 0, 0);
	for (struct json *k = json_first(json_get(s, "keys")); k;
	     k = json_next(k)) {
		const struct w_key *have = world_key(&w, c->account, "key",
						     json_text(k));

		if (have)
			world_put_key(&w, have, 0, 0);
	}
}

static void perform(struct call *c)
{
	const char *v = c->verb;

	if (strcmp(v, "list") == 0)
		do_list(c);
	else if (strcmp(v, "probe") == 0)
		fake_probe(c);
	else if (strcmp(v, "disable") == 0)
		do_disable(c);
	else if (strcmp(v, "enable") == 0 && world_account(&w, c->account))
		world_put_account(&w, world_account(&w, c->account), 0, 0);
	else if (strcmp(v, "revoke") == 0)
		do_revoke(c);
	else if (strcmp(v, "cut_sessions") == 0)
		do_cut(c);
	else if (strcmp(v, "snapshot") == 0)
		do_snapshot(c);
	else if (strcmp(v, "restore") == 0)
		do_restore(c);
	else if (strcmp(v, "mint") == 0)
		fake_mint(c);
	else if (strcmp(v, "set") == 0)
		fake_set(c);
	else if (strcmp(v, "make") == 0)
		fake_make(c);
	else if (strcmp(v, "deliver") == 0)
		fake_deliver(c);
	else if (strcmp(v, "adopted") == 0)
		fake_adopted(c);
	else if (strcmp(v, "remove_grant") == 0)
		world_line(&w, "G\t%s\t%s\t%s\t%lld", c->account, c->kind, c->id,
			   (long long)c->now);
}

/* ---- misbehaving ---------------------------------------------------------------- */

static bool known(const char *verb)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (strcmp(verb, verbs[i]) == 0)
			return !world_lists(&w, "without", verb);
	return false;
}

static bool over_rate(const struct call *c)
{
	int64_t rate = world_option(&w, "rate", 0);

	if (c->now / 1000 != second) {
		second = c->now / 1000;
		in_second = 0;
	}
	return rate && ++in_second > rate + rate / 4 + 1;
}

/* Before anything is done: true when the call ends here. */
static bool turned_away(struct call *c)
{
	if (over_rate(c) || turns("retry")) {
		c->status = "retry";
		json_set_int(c->r, "after_ms", world_option(&w, "retry_after", 20));
	} else if (turns("burst")) {
		c->status = "unknown";
	} else {
		return false;
	}
	json_set_str(c->r, "error", "the service is busy");
	return true;
}

static bool changes(const char *v)
{
	return strcmp(v, "list") != 0 && strcmp(v, "probe") != 0 &&
	       strcmp(v, "snapshot") != 0 && strcmp(v, "adopted") != 0;
}

/* After it was done: true when nothing is said. */
static bool falls_silent(struct call *c, int64_t n)
{
	if (n == world_option(&w, "crash_at", 0))
		_exit(4);
	if (n == world_option(&w, "hang_at", 0) ||
	    world_lists(&w, "mute", c->verb))
		return true;
	if (n == world_option(&w, "garbage_at", 0)) {
		(void)!write(STDOUT_FILENO, "{\"id\":oops\n", 11);
		return true;
	}
	if (changes(c->verb) && turns("noreply"))
		return true;
	if (turns("burst_applied") ||
	    (strcmp(c->verb, "mint") == 0 && turns("mint_unknown"))) {
		c->status = "unknown";
		json_set_str(c->r, "error", "internal server error");
	}
	return false;
}

static void handle(const struct json *m, const struct secret *secret)
{
	const char *empty = "";
	struct call c = { .m = m, .r = json_object(), .status = "ok",
			  .secret = secret };
	bool silent = false;

	c.verb = json_str(m, "verb");
	c.account = json_str(m, "account") ? json_str(m, "account") : empty;
	c.kind = json_str(m, "kind") ? json_str(m, "kind") : empty;
	c.id = json_str(m, "credential") ? json_str(m, "credential") : empty;
	if (!json_int(m, "id", &c.req) || c.req < 1 || !c.verb)
		_exit(97);
	json_set_int(c.r, "id", c.req);
	c.now = clock_wall_ms();
	if (strcmp(c.verb, "hello") == 0) {
		hello(m, c.r);
		say(c.r, c.now, false);
		return;
	}
	if (!opened) {
		json_set_str(c.r, "status", known(c.verb) ? "refused" :
							    "unsupported");
		json_set_str(c.r, "error", "no connection is open");
		say(c.r, c.now, false);
		return;
	}
	world_lock(&w);
	if (!known(c.verb)) {
		c.status = "unsupported";
	} else if (!turned_away(&c)) {
		int64_t n = world_count(&w, "calls", 1);

		perform(&c);
		silent = falls_silent(&c, n);
	}
	world_line(&w, "L\t%lld\t%s\t%s\t%s\t%s\t%s", (long long)c.now, c.verb,
		   c.account, c.kind, c.id, silent ? "silent" : c.status);
	world_unlock(&w);
	json_set_str(c.r, "status", c.status);
	if (silent)
		json_free(&c.r);
	else
		say_with(c.r, c.answer,
			 c.now + world_option(&w, "latency", 0));
}

/* ---- the loop ------------------------------------------------------------------- */

static void send_due(void)
{
	int64_t now = clock_wall_ms();
	size_t kept = 0;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < n_queue; i++) {
		if (queue[i].due > now) {
			queue[kept++] = queue[i];
			continue;
		}
		if (lp_send(lp, queue[i].msg, queue[i].secret, &e) < 0 ||
		    lp_flush(lp, &e) < 0)
			_exit(0); /* curfew is gone */
		json_free(&queue[i].msg);
		secret_free(&queue[i].secret);
	}
	n_queue = kept;
}

static int wait_ms(void)
{
	int64_t now = clock_wall_ms(), next = now + 3600000;

	for (size_t i = 0; i < n_queue; i++)
		if (queue[i].due < next)
			next = queue[i].due;
	return next > now ? (int)(next - now) : 0;
}

int main(void)
{
	struct err e = ERR_INIT;
	bool eof = false, locked;
	int got;

	if (secret_boot(&locked, &e) < 0)
		return 1;
	lp = lp_open(STDIN_FILENO, STDOUT_FILENO, &e);
	while (lp && (!eof || n_queue)) {
		struct pollfd p = { .fd = eof ? -1 : STDIN_FILENO,
				    .events = POLLIN };
		struct json *m = NULL;
		struct secret *secret = NULL;

		if (poll(&p, 1, wait_ms()) < 0 && errno != EINTR)
			return 1;
		if (p.revents && lp_fill(lp, &eof, &e) < 0)
			return 1;
		while ((got = lp_next(lp, &m, &secret, &e)) > 0) {
			handle(m, secret);
			json_free(&m);
			secret_free(&secret);
		}
		if (got < 0)
			return 1;
		send_due();
	}
	return 0;
}
