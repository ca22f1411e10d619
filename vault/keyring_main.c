/*
 * curfew-keyring: the desktop keyring, in a process of its own.
 *
 * Owns libsecret, and with it GLib, GIO's regular expressions and the parsing
 * of D-Bus messages, none of which may live beside the vault's root key.  The
 * launcher starts it, it speaks the line protocol (docs/keyring.md) on stdin
 * and stdout, and it sees one thing: the random key of one slot, as hex text.
 *
 * Under the name curfew-provider-libsecret it is a sink instead
 * (docs/providers/sinks.md): it puts a rotated secret into the keyring, as an
 * item of another schema, so that no place can name a vault's key.
 *
 * Promises: the key goes from the protocol's secret member straight to the
 * keyring and back; it is in no log, argument, environment or file.  No bus is
 * started: without a session bus the answer is "refused", not a new daemon.
 * Must never: open the vault, ask anything on a terminal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/io.h"
#include "base/lineproto.h"
#include "base/log.h"
#include "base/mem.h"

#include <libsecret/secret.h>

#define ITEM_MAX 128 /* an item's name, characters */
#define SINK "curfew-provider-libsecret"

static const SecretSchema vault_key_schema = {
	.name = "org.curfew.VaultKey",
	.flags = SECRET_SCHEMA_NONE,
	.attributes = {
		{ "item", SECRET_SCHEMA_ATTRIBUTE_STRING },
		{ NULL, SECRET_SCHEMA_ATTRIBUTE_STRING },
	},
};

static const SecretSchema sink_schema = {
	.name = "org.curfew.Secret",
	.flags = SECRET_SCHEMA_NONE,
	.attributes = {
		{ "place", SECRET_SCHEMA_ATTRIBUTE_STRING },
		{ NULL, SECRET_SCHEMA_ATTRIBUTE_STRING },
	},
};

/* What this process is, for all its life. */
static const SecretSchema *schema = &vault_key_schema;

struct request {
	const char *verb, *item, *label;
	bool unlock; /* the desktop may ask the person to unlock */
	const struct secret *secret;
};

struct reply {
	const char *status;
	const char *reason; /* a stable word for the caller, or NULL */
	char error[400];
	struct secret *secret;
};

static void refuse(struct reply *r, const char *reason, const char *text)
{
	r->status = "refused";
	r->reason = reason;
	g_strlcpy(r->error, text, sizeof r->error);
}

static void refuse_gerror(struct reply *r, const GError *ge, const char *doing)
{
	const char *why = ge ? ge->message : "no reason given";
	const char *reason = "keyring";

	if (ge && (g_error_matches(ge, SECRET_ERROR, SECRET_ERROR_IS_LOCKED) ||
		   strstr(why, "locked collection")))
		reason = "locked";
	else if (ge && strstr(why, "Object does not exist"))
		why = "there is no open keyring on this desktop";
	else if (ge && (g_error_matches(ge, G_DBUS_ERROR,
					G_DBUS_ERROR_SERVICE_UNKNOWN) ||
			g_error_matches(ge, G_DBUS_ERROR,
					G_DBUS_ERROR_NAME_HAS_NO_OWNER)))
		reason = "absent";
	refuse(r, reason, "");
	g_snprintf(r->error, sizeof r->error, "%s: %s", doing, why);
}

/* GIO would otherwise try to start a bus of its own ("autolaunch"). */
static bool have_bus(void)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");
	const char *run = getenv("XDG_RUNTIME_DIR");
	bool found = false;

	if (address && *address)
		return true;
	if (run && *run == '/') {
		char *path = io_path(run, "bus");

		found = path && access(path, F_OK) == 0;
		mem_free(path);
	}
	return found;
}

static SecretService *service_open(struct reply *r)
{
	GError *ge = NULL;
	SecretService *s;

	if (!have_bus()) {
		refuse(r, "absent", "there is no desktop session bus");
		return NULL;
	}
	s = secret_service_get_sync(SECRET_SERVICE_OPEN_SESSION, NULL, &ge);
	if (!s)
		refuse_gerror(r, ge, "no keyring answers on the session bus");
	g_clear_error(&ge);
	return s;
}

static GHashTable *attributes_of(const struct request *q)
{
	return secret_attributes_build(schema, schema->attributes[0].name, q->item,
				       NULL);
}

static void take_secret(SecretItem *item, struct reply *r)
{
	struct err e = ERR_INIT;
	SecretValue *value = secret_item_get_secret(item);
	gsize n = 0;
	const char *p;

	if (!value) {
		refuse(r, "keyring", "the keyring names the key but does not "
				     "hand it out");
		return;
	}
	p = secret_value_get(value, &n);
	r->secret = secret_new(p, n, &e);
	if (r->secret)
		r->status = "ok";
	else
		refuse(r, "keyring", e.cause);
	secret_value_unref(value);
}

/* The first unlocked match wins; if all are locked, that is said. */
static void do_lookup(const struct request *q, struct reply *r)
{
	int flags = SECRET_SEARCH_ALL | SECRET_SEARCH_LOAD_SECRETS;
	SecretService *s = service_open(r);
	GHashTable *attrs = NULL;
	GList *items = NULL, *it;
	GError *ge = NULL;

	if (!s)
		return;
	if (q->unlock)
		flags |= SECRET_SEARCH_UNLOCK;
	attrs = attributes_of(q);
	items = secret_service_search_sync(s, schema, attrs,
					   (SecretSearchFlags)flags, NULL, &ge);
	if (ge) {
		refuse_gerror(r, ge, "the keyring did not answer");
		goto out;
	}
	r->status = "absent";
	for (it = items; it; it = it->next) {
		SecretItem *item = it->data;

		if (secret_item_get_locked(item)) {
			refuse(r, "locked", "the keyring is locked");
			continue;
		}
		take_secret(item, r);
		break;
	}
out:
	g_list_free_full(items, g_object_unref);
	g_hash_table_unref(attrs);
	g_clear_error(&ge);
	g_object_unref(s);
}

static int make_value(const unsigned char *p, size_t n, void *arg)
{
	SecretValue **out = arg;

	*out = secret_value_new((const char *)p, (gssize)n, "text/plain");
	return *out ? 0 : -1;
}

static void do_store(const struct request *q, struct reply *r)
{
	SecretService *s = NULL;
	SecretValue *value = NULL;
	GHashTable *attrs = NULL;
	GError *ge = NULL;

	if (!q->secret) {
		refuse(r, "request", "store without a secret");
		return;
	}
	s = service_open(r);
	if (!s)
		return;
	if (secret_reveal(q->secret, make_value, &value) != 0) {
		refuse(r, "keyring", "out of memory");
		goto out;
	}
	attrs = attributes_of(q);
	if (secret_service_store_sync(s, schema, attrs,
				      SECRET_COLLECTION_DEFAULT,
				      q->label ? q->label : "curfew vault",
				      value, NULL, &ge))
		r->status = "ok";
	else
		refuse_gerror(r, ge, "the keyring did not take the key");
out:
	if (value)
		secret_value_unref(value);
	if (attrs)
		g_hash_table_unref(attrs);
	g_clear_error(&ge);
	g_object_unref(s);
}

/* The library skips what is locked and calls that "nothing there". */
static bool any_locked(SecretService *s, GHashTable *attrs)
{
	GList *items = secret_service_search_sync(s, schema, attrs,
						  SECRET_SEARCH_ALL, NULL, NULL);
	bool locked = false;

	for (GList *it = items; it; it = it->next)
		locked = locked || secret_item_get_locked(it->data);
	g_list_free_full(items, g_object_unref);
	return locked;
}

static void do_clear(const struct request *q, struct reply *r)
{
	SecretService *s = service_open(r);
	GHashTable *attrs = NULL;
	GError *ge = NULL;

	if (!s)
		return;
	attrs = attributes_of(q);
	if (any_locked(s, attrs))
		refuse(r, "locked", "the keyring is locked");
	else if (secret_service_clear_sync(s, schema, attrs, NULL, &ge))
		r->status = "ok";
	else if (ge)
		refuse_gerror(r, ge, "the keyring did not remove the key");
	else
		r->status = "absent";
	g_hash_table_unref(attrs);
	g_clear_error(&ge);
	g_object_unref(s);
}

static bool item_ok(const char *s)
{
	return s && *s && strlen(s) <= ITEM_MAX;
}

static void dispatch(const struct request *q, struct reply *r)
{
	static const struct {
		const char *verb;
		void (*run)(const struct request *q, struct reply *r);
	} verbs[] = {
		{ "lookup", do_lookup },
		{ "store", do_store },
		{ "clear", do_clear },
	};

	for (size_t i = 0; i < G_N_ELEMENTS(verbs); i++) {
		if (strcmp(q->verb, verbs[i].verb) != 0)
			continue;
		if (item_ok(q->item))
			verbs[i].run(q, r);
		else
			refuse(r, "request", "no item was named");
		return;
	}
	r->status = "unsupported";
	g_strlcpy(r->error, "no such verb", sizeof r->error);
}

static int answer(struct lp *lp, struct json *msg, const struct secret *secret,
		  struct err *e)
{
	struct request q = { .secret = secret };
	struct reply r = { .status = "unknown" };
	struct json *out = NULL;
	int64_t id = 0;
	bool good;
	int rc = -1;

	q.verb = json_str(msg, "verb");
	if (!json_int(msg, "id", &id) || id < 1 || !q.verb)
		return err_fail(e, ERR_PROTO, NULL, "a request without id or verb");
	q.item = json_str(msg, "item");
	q.label = json_str(msg, "label");
	if (!json_bool(msg, "unlock", &q.unlock))
		q.unlock = false;
	out = json_object();
	good = json_set_int(out, "id", id);
	if (strcmp(q.verb, "hello") == 0) {
		r.status = "ok";
		good = json_set_int(out, "protocol", LP_VERSION) && good;
		good = json_set_str(out, "keyring", "libsecret") && good;
		good = json_set_str(out, "version", CURFEW_VERSION) && good;
	} else {
		dispatch(&q, &r);
	}
	good = json_set_str(out, "status", r.status) && good;
	if (r.error[0])
		good = json_set_str(out, "error", r.error) && good;
	if (r.reason)
		good = json_set_str(out, "reason", r.reason) && good;
	if (good)
		rc = lp_send(lp, out, r.secret, e);
	else
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	secret_free(&r.secret);
	json_free(&out);
	return rc;
}

/* ---- the sink --------------------------------------------------------------- */

static const char sink_hello[] =
	"{\"protocol\":1,\"provider\":\"libsecret\",\"version\":\"" CURFEW_VERSION "\","
	"\"parallel\":1,\"verbs\":[\"list\",\"deliver\"],\"options\":[],\"secret\":\"none\","
	"\"secret_help\":\"\",\"facts\":{}}";

static bool sink_open;

/* One connection a process; there is no setting. */
static void sink_connect(const struct json *msg, struct reply *r)
{
	const struct json *options = json_get(msg, "options");

	if (!json_get(msg, "connection"))
		r->status = "ok";
	else if (!json_str(msg, "connection") || sink_open)
		refuse(r, NULL, "one connection, with a name");
	else if (options && (json_type(options) != JSON_OBJECT || json_first(options)))
		refuse(r, NULL, "there is no such option: this sink has none");
	else
		r->status = "ok", sink_open = true;
}

/* Stored, and then asked for again: only the same bytes count. */
static void sink_deliver(const struct json *msg, struct request *q, struct reply *r)
{
	struct reply back = { .status = "unknown" };
	char label[ITEM_MAX + 16];

	q->item = json_str(msg, "account");
	if (!item_ok(q->item) || !q->secret) {
		refuse(r, NULL, "deliver needs a place of at most 128 bytes and the secret");
		return;
	}
	g_snprintf(label, sizeof label, "curfew: %s", q->item);
	q->label = label;
	do_store(q, r);
	q->label = NULL;
	if (strcmp(r->status, "ok") != 0) {
		/* locked, or nobody there: nothing was done, it may be later */
		r->status = r->reason && strcmp(r->reason, "keyring") != 0 ? "retry" :
									   "unknown";
		return;
	}
	do_lookup(q, &back);
	if (!back.secret || !secret_equal(back.secret, q->secret)) {
		r->status = "unknown";
		g_strlcpy(r->error, "asked for again, the keyring does not hand out "
				    "what was stored", sizeof r->error);
	}
	secret_free(&back.secret);
}

static bool is_string(const struct json *msg, const char *key)
{
	const struct json *n = json_get(msg, key);

	return !n || json_text(n);
}

static int sink_answer(struct lp *lp, struct json *msg, const struct secret *secret,
		       struct err *e)
{
	struct request q = { .verb = json_str(msg, "verb"), .secret = secret };
	struct reply r = { .status = "unknown" };
	struct json *out = NULL;
	int64_t id = 0;
	bool good = true;
	int rc = -1;

	if (!json_int(msg, "id", &id) || id < 1)
		return err_fail(e, ERR_PROTO, NULL, "a request without an id");
	if (!q.verb || !is_string(msg, "account"))
		refuse(&r, NULL, "a request without a verb, or a name that is no string");
	else if (!strcmp(q.verb, "hello"))
		sink_connect(msg, &r);
	else if (strcmp(q.verb, "list") != 0 && strcmp(q.verb, "deliver") != 0)
		r.status = "unsupported", g_strlcpy(r.error, "no such verb", sizeof r.error);
	else if (!sink_open)
		refuse(&r, NULL, "no connection is open: say hello first");
	else if (!strcmp(q.verb, "list"))
		r.status = "ok";
	else
		sink_deliver(msg, &q, &r);
	out = q.verb && !strcmp(q.verb, "hello") && !strcmp(r.status, "ok") ?
		      json_parse(sink_hello, sizeof sink_hello - 1, e) : json_object();
	good = json_set_int(out, "id", id) && json_set_str(out, "status", r.status);
	if (q.verb && !strcmp(q.verb, "list"))
		good = json_set_bool(out, "complete", true) && good;
	if (q.verb && !strcmp(q.verb, "deliver") && !strcmp(r.status, "ok"))
		good = json_set_str(out, "read_back", "same") &&
		       json_set_bool(out, "acknowledged", false) && good;
	if (r.error[0])
		good = json_set_str(out, "error", r.error) && good;
	rc = good ? lp_send(lp, out, NULL, e) : err_fail(e, ERR_NOMEM, NULL, "out of memory");
	secret_free(&r.secret);
	json_free(&out);
	return rc;
}

static int serve(struct lp *lp, struct err *e)
{
	bool eof = false;

	while (!eof) {
		struct json *msg = NULL;
		struct secret *secret = NULL;
		int n, rc = 0;

		if (lp_fill(lp, &eof, e) != 0)
			return -1;
		while (rc == 0 && (n = lp_next(lp, &msg, &secret, e)) != 0) {
			rc = n < 0 ? -1 : schema == &sink_schema ?
				sink_answer(lp, msg, secret, e) :
				answer(lp, msg, secret, e);
			json_free(&msg);
			secret_free(&secret);
		}
		if (rc != 0)
			return -1;
	}
	return 0;
}

/* The scrubbed environment keeps no bus address; these two come back, as
 * nothing else than addresses of the user's own session. */
static int start(struct err *e)
{
	static const char *const keep[] = { "DBUS_SESSION_BUS_ADDRESS",
					    "XDG_RUNTIME_DIR" };
	char *saved[2] = { NULL, NULL };
	bool locked = false;
	int rc = -1;

	for (size_t i = 0; i < 2; i++) {
		const char *v = getenv(keep[i]);

		saved[i] = v ? strdup(v) : NULL;
	}
	if (harden_start(NULL, 0, e) != 0 || secret_boot(&locked, e) != 0)
		goto out;
	for (size_t i = 0; i < 2; i++)
		if (saved[i] && setenv(keep[i], saved[i], 1) != 0) {
			err_sys(e, keep[i], "the environment");
			goto out;
		}
	if (!locked)
		log_line(LOG_WARNING, "memory is not locked: the key may be "
				      "written to swap");
	rc = 0;
out:
	for (size_t i = 0; i < 2; i++)
		free(saved[i]);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	struct lp *lp = NULL;
	int rc = 1;

	const char *name = strrchr(argv[0], '/');

	name = name ? name + 1 : argv[0];
	if (strcmp(name, SINK) == 0)
		schema = &sink_schema;
	log_setup(schema == &sink_schema ? SINK : "curfew-keyring", LOG_NOTICE, false);
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		g_print("%s %s\n", name, CURFEW_VERSION);
		return 0;
	}
	if (argc > 1) {
		log_line(LOG_ERROR, "%s is started by curfew and takes no arguments", name);
		return 2;
	}
	if (start(&e) != 0)
		goto out;
	lp = lp_open(STDIN_FILENO, STDOUT_FILENO, &e);
	if (!lp || serve(lp, &e) != 0)
		goto out;
	rc = 0;
out:
	if (rc != 0)
		log_err(LOG_ERROR, &e);
	lp_close(&lp);
	return rc;
}
