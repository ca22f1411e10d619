/*
 * serve: main() of a provider: start hardened, say hello, hand requests to the
 * workers, end with the input.
 *
 * Speaks docs/protocol.md, version 1.  Must never answer a line that it did
 * not understand as if it had: a line without a usable id ends the process
 * (curfew then counts the open calls as unknown and starts it again).
 */
#include "providers/kit/kit_in.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/harden.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

static const struct kit_verb *verb_find(const struct kit *k, const char *name)
{
	for (const struct kit_verb *v = k->p->verbs; v->verb; v++)
		if (!strcmp(v->verb, name))
			return v->run ? v : NULL;
	return NULL;
}

static void hello_say(struct kit *k, int64_t id)
{
	struct kit_reply r = { .status = KIT_OK };
	struct json *verbs = json_array();
	bool ok = verbs != NULL;

	r.body = json_dup(k->describe);
	for (const struct kit_verb *v = k->p->verbs; v->verb; v++)
		if (v->run)
			ok = ok && json_push_str(verbs, v->verb);
	if (json_get(r.body, "verbs")) /* the description says it better */
		json_free(&verbs);
	ok = ok && json_set_int(r.body, "protocol", LP_VERSION) &&
	     json_set_str(r.body, "provider", k->p->name) &&
	     json_set_str(r.body, "version", CURFEW_VERSION) &&
	     json_set_int(r.body, "parallel", k->p->parallel) &&
	     kit_warning(r.body);
	if (ok && verbs)
		ok = json_set(r.body, "verbs", verbs);
	else
		json_free(&verbs);
	if (!ok) {
		json_free(&r.body);
		kit_say(&r, KIT_RETRY, "out of memory");
	}
	kit_reply_send(k, id, "hello", false, &r);
}

/* Does `describe` name this option?  A described name may end in '*'. */
static bool option_known(const struct kit *k, const char *name)
{
	const struct json *list = json_get(k->describe, "options");

	for (const struct json *o = json_first(list); o; o = json_next(o)) {
		const char *n = json_str(o, "name");

		if (n && text_glob(n, name))
			return true;
	}
	return false;
}

static int options_check(const struct kit *k, const struct json *options,
			 struct err *e)
{
	struct buf names = BUF_INIT(BUF_TEXT_MAX);
	const char *secret = json_str(k->describe, "secret");
	int rc = -1;

	if (options && json_type(options) != JSON_OBJECT) {
		err_fail(e, ERR_CONFIG, NULL, "'options' is not an object");
		goto out;
	}
	for (const struct json *o = options ? json_first(options) : NULL; o;
	     o = json_next(o)) {
		if (!json_text(o)) {
			err_fail(e, ERR_CONFIG, json_key(o),
				 "the option's value is not a string");
			goto out;
		}
		if (option_known(k, json_key(o)))
			continue;
		err_fail(e, ERR_CONFIG, json_key(o), "there is no such option");
		for (const struct json *n = json_first(json_get(k->describe, "options"));
		     n; n = json_next(n))
			if (!json_get(n, "hidden") &&
			    buf_printf(&names, e, "%s%s", names.len ? ", " : "",
				       json_str(n, "name")))
				break;
		err_hint(e, "known options: %s", names.p ? names.p : "none");
		goto out;
	}
	if (secret && !strcmp(secret, "required") && !k->secret) {
		err_fail(e, ERR_CONFIG, NULL, "the admin credential is missing");
		goto out;
	}
	rc = 0;
out:
	buf_release(&names);
	return rc;
}

static void connection_forget(struct kit *k)
{
	mem_free(k->name);
	k->name = NULL;
	json_free(&k->options);
	secret_free(&k->secret);
	memset(&k->conn, 0, sizeof(k->conn));
}

/* The description that belongs to these options. */
static int describe(struct kit *k, const struct json *options, struct err *e)
{
	struct json *other = NULL;
	char *text = NULL;
	int rc = -1;

	if (!k->p->describe_for)
		return 0;
	if (options && json_type(options) != JSON_OBJECT)
		return err_fail(e, ERR_CONFIG, NULL, "'options' is not an object");
	if (k->p->describe_for(options, &text, e))
		goto out;
	if (text) {
		other = json_parse(text, strlen(text), e);
		if (!other)
			goto out;
		json_free(&k->describe);
		k->describe = other;
	}
	rc = 0;
out:
	mem_free(text);
	return rc;
}

/* Takes *secret when the connection opens or fails. */
static int connection_open(struct kit *k, const struct json *msg,
			   struct secret **secret, struct err *e)
{
	const struct json *options = json_get(msg, "options");

	k->secret = *secret;
	*secret = NULL;
	if (describe(k, options, e) || options_check(k, options, e))
		goto fail;
	k->name = mem_strdup(json_str(msg, "connection"));
	k->options = options ? json_dup(options) : json_object();
	if (!k->name || !k->options) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto fail;
	}
	k->conn.name = k->name;
	k->conn.options = k->options;
	k->conn.secret = k->secret;
	if (k->p->open && k->p->open(&k->conn, &k->first, e))
		goto fail;
	k->first_free = true;
	if (kit_work_start(k, e))
		goto fail;
	k->opened = true;
	return 0;
fail:
	if (k->first_free && k->p->close)
		k->p->close(k->first);
	k->first_free = false;
	connection_forget(k);
	return err_ctx(e, NULL, "open the connection");
}

static enum kit_status open_status(const struct err *e)
{
	switch (e->code) {
	case ERR_PROVIDER:
	case ERR_CONFIG:
	case ERR_USAGE:
	case ERR_POLICY:
	case ERR_ABSENT:
	case ERR_FORMAT:
		return KIT_REFUSED;
	case ERR_UNSUPPORTED:
		return KIT_UNSUPPORTED;
	default:
		return KIT_RETRY;
	}
}

static void refuse(struct kit *k, int64_t id, const char *verb, const char *why)
{
	struct kit_reply r = { .status = KIT_OK };

	kit_say(&r, KIT_REFUSED, "%s", why);
	kit_reply_send(k, id, verb, false, &r);
}

static void hello(struct kit *k, int64_t id, const struct json *msg,
		  struct secret **secret)
{
	struct err e = ERR_INIT;
	int64_t version = LP_VERSION;

	if (json_get(msg, "protocol") &&
	    (!json_int(msg, "protocol", &version) || version < LP_VERSION)) {
		refuse(k, id, NULL, "this program speaks protocol 1");
		return;
	}
	if (!json_get(msg, "connection")) {
		hello_say(k, id);
		return;
	}
	if (!json_str(msg, "connection"))
		refuse(k, id, NULL, "'connection' is not a string");
	else if (k->opened)
		refuse(k, id, NULL, "this process has its connection already");
	else if (connection_open(k, msg, secret, &e))
		kit_reply_err(k, id, NULL, open_status(&e), &e);
	else
		hello_say(k, id);
}

/* NULL when the arguments have the right shape, else what is wrong. */
static const char *args_wrong(const struct json *msg)
{
	static const char *const names[] = { "verb", "account", "kind",
					     "credential", NULL };

	for (int i = 0; names[i]; i++) {
		const struct json *n = json_get(msg, names[i]);
		const char *s = n ? json_text(n) : NULL;

		if (n && !s)
			return "'verb', 'account', 'kind' or 'credential' is not a string";
		if (s && strlen(s) > KIT_ARG)
			return "an argument is longer than 4096 bytes";
	}
	return json_get(msg, "verb") ? NULL : "the request has no 'verb'";
}

/* One message.  -1: the input cannot be trusted any more. */
static int message(struct kit *k, struct json *msg, struct secret *secret,
		   struct err *e)
{
	struct kit_job *j = NULL;
	const char *verb, *wrong;
	int64_t id = 0;
	int rc = -1;

	if (json_type(msg) != JSON_OBJECT || !json_int(msg, "id", &id) || id < 1) {
		err_fail(e, ERR_PROTO, NULL,
			 "a request without an id (an integer from 1)");
		goto out;
	}
	rc = 0;
	wrong = args_wrong(msg);
	if (wrong) {
		refuse(k, id, NULL, wrong);
		goto out;
	}
	verb = json_str(msg, "verb");
	if (!strcmp(verb, "hello")) {
		hello(k, id, msg, &secret);
		goto out;
	}
	if (!verb_find(k, verb)) {
		struct kit_reply r = { .status = KIT_OK };

		kit_say(&r, KIT_UNSUPPORTED, "this provider has no verb '%.40s'", verb);
		kit_reply_send(k, id, verb, false, &r);
		goto out;
	}
	if (!k->opened) {
		refuse(k, id, verb, "no connection is open: say hello first");
		goto out;
	}
	j = mem_zalloc(sizeof(*j));
	if (!j) {
		struct kit_reply r = { .status = KIT_OK };

		kit_say(&r, KIT_RETRY, "out of memory");
		kit_reply_send(k, id, verb, false, &r);
		goto out;
	}
	*j = (struct kit_job){ .id = id, .msg = msg, .secret = secret,
			       .verb = verb_find(k, verb) };
	msg = NULL;
	secret = NULL;
	kit_work_put(k, j);
out:
	json_free(&msg);
	secret_free(&secret);
	return rc;
}

/* Wait for input.  false: nobody reads our answers any more. */
static bool wait_input(const struct kit *k)
{
	struct pollfd p[2] = { { .fd = lp_rfd(k->in), .events = POLLIN },
			       { .fd = lp_rfd(k->out), .events = 0 } };

	for (;;) {
		int n = poll(p, 2, -1);

		if (n < 0 && errno != EINTR)
			return true; /* the read will tell */
		if (n > 0 && p[1].revents & POLLERR)
			return false;
		if (n > 0)
			return true;
	}
}

static int serve(struct kit *k, struct err *e)
{
	bool eof = false;

	while (!eof) {
		struct json *msg = NULL;
		struct secret *secret = NULL;
		int n;

		if (!wait_input(k))
			return err_fail(e, ERR_PROTO, NULL,
					"nobody reads the answers");
		if (lp_fill(k->in, &eof, e))
			return -1;
		while ((n = lp_next(k->in, &msg, &secret, e)) > 0) {
			if (message(k, msg, secret, e))
				return -1;
			msg = NULL;
			secret = NULL;
		}
		if (n < 0)
			return -1;
	}
	return 0;
}

static void usage(const struct provider *p, FILE *to)
{
	fprintf(to,
		"usage: curfew-provider-%s [--help | --version]\n\n"
		"A helper of curfew: it serves one connection of type '%s' over JSON\n"
		"lines on standard input and output.  It is started by curfew; to set\n"
		"one up, type: curfew connect %s NAME\n"
		"To try it by hand, type: {\"id\":1,\"verb\":\"hello\",\"protocol\":1}\n",
		p->name, p->name, p->name);
}

static int arguments(const struct provider *p, int argc, char **argv)
{
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
		usage(p, stdout);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "--version")) {
		printf("curfew-provider-%s %s\n", p->name, CURFEW_VERSION);
		return 0;
	}
	usage(p, stderr);
	return 2;
}

static int start(struct kit *k, struct err *e)
{
	bool locked = false;

	if (harden_start(NULL, 0, e) || secret_boot(&locked, e))
		return -1;
	if (!locked)
		log_line(LOG_WARNING, "memory for secrets is not locked");
	k->describe = json_parse(k->p->describe, strlen(k->p->describe), e);
	k->in = k->describe ? lp_open(STDIN_FILENO, STDIN_FILENO, e) : NULL;
	/* Two ends, so that the reader never waits for a writer. */
	k->out = k->in ? lp_open(STDOUT_FILENO, STDOUT_FILENO, e) : NULL;
	return k->out ? 0 : -1;
}

int kit_main(const struct provider *p, int argc, char **argv)
{
	static struct kit k = { .out_lock = PTHREAD_MUTEX_INITIALIZER,
				.lock = PTHREAD_MUTEX_INITIALIZER,
				.more = PTHREAD_COND_INITIALIZER,
				.less = PTHREAD_COND_INITIALIZER };
	struct err e = ERR_INIT;
	char program[80];
	int rc;

	if (argc > 1)
		return arguments(p, argc, argv);
	snprintf(program, sizeof(program), "curfew-provider-%s", p->name);
	log_setup(program, LOG_INFO, false);
	k.p = p;
	k.tail = &k.head;
	rc = start(&k, &e);
	if (!rc)
		rc = serve(&k, &e);
	if (rc)
		log_err(LOG_ERROR, &e);
	kit_work_finish(&k);
	connection_forget(&k);
	lp_close(&k.in);
	lp_close(&k.out);
	json_free(&k.describe);
	return rc ? 1 : 0;
}
