/*
 * common: options, items and the cutting of sessions, the same for every
 * provider (common.h).  Must never send a word in clear text off this machine
 * that nobody asked for.
 */
#include "providers/kit/common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define CUT_MS 8000 /* then the answer is `retry`, the rest goes on */
#define CUT_PAUSE_MS 60

void kit_forget_environment(const char *prefix)
{
	size_t len = strlen(prefix);

	if (!environ)
		return;
	for (char **v = environ; *v;) {
		char name[64];
		size_t n = strcspn(*v, "=");

		if (strncmp(*v, prefix, len) != 0 || n >= sizeof name) {
			v++;
			continue;
		}
		memcpy(name, *v, n);
		name[n] = '\0';
		unsetenv(name); /* moves the rest up */
	}
}

int kit_number(const struct kit_connection *c, const char *name,
	       const char *fallback, int64_t lo, int64_t hi, int64_t *out,
	       struct err *e)
{
	const char *text = kit_option(c, name, fallback);

	if (text_int(text, lo, hi, out))
		return 0;
	return err_fail(e, ERR_CONFIG, text,
			"the option %s is a number from %lld to %lld", name,
			(long long)lo, (long long)hi);
}

bool kit_this_machine(const char *host)
{
	return host[0] == '/' || strcasecmp(host, "localhost") == 0 ||
	       strcmp(host, "::1") == 0 ||
	       (strncmp(host, "127.", 4) == 0 &&
		strspn(host, "0123456789.") == strlen(host));
}

bool kit_host(const char *host)
{
	return *host && host[0] != '-' && strlen(host) < 256 &&
	       strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789.-_:%") == strlen(host);
}

int kit_tls(const struct kit_connection *c, const char *host,
	    struct kit_tls *out, struct err *e)
{
	const char *word = kit_option(c, "tls", kit_this_machine(host) ? "off" : "on");

	out->on = strcmp(word, "on") == 0;
	out->cafile = kit_option(c, "cafile", KIT_SYSTEM_CA);
	if (!out->on && strcmp(word, "off") != 0)
		return err_fail(e, ERR_CONFIG, word, "the option tls is on or off");
	return 0;
}

bool kit_named(const struct kit_request *q, struct kit_reply *r)
{
	if (q->account[0])
		return true;
	kit_tell(r, KIT_LIFE_UNKNOWN, false, "no account was named");
	return false;
}

/* ---- items ------------------------------------------------------------------- */

struct json *kit_item_new(const char *what, const char *account,
			  const char *kind, const char *id)
{
	struct json *item = json_object();

	if (!json_set_str(item, "what", what) ||
	    !json_set_str(item, "account", account) ||
	    (kind && !json_set_str(item, "kind", kind)) ||
	    (id && !json_set_str(item, "id", id))) {
		/* A name that is not UTF-8 is missing too: the kit leaves the
		 * item out and says so. */
		if (text_utf8(account, strlen(account)) &&
		    (!id || text_utf8(id, strlen(id))))
			json_free(&item);
	}
	return item;
}

void kit_attr(struct json *attributes, const char *key, const char *value)
{
	if (value && *value)
		json_set_str(attributes, key, value);
}

bool kit_created_now(struct json *item)
{
	int64_t now = clock_wall_ms();
	char day[CLOCK_TEXT], text[CLOCK_TEXT + 8];

	snprintf(text, sizeof text, "%.19s.%03dZ", clock_text(now, day),
		 (int)(now % 1000));
	return json_set_str(item, "created", text);
}

int kit_item_send(struct kit_stream *s, struct json *item,
		  struct json *attributes, bool ok, struct err *e)
{
	if (!attributes || json_count(attributes) == 0)
		json_free(&attributes);
	else
		ok = json_set(item, "attributes", attributes) && ok;
	if (!ok || !item) {
		json_free(&item);
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	return kit_item(s, item, e);
}

/* ---- sessions ---------------------------------------------------------------- */

int kit_cut(kit_look_fn look, void *arg, struct kit_reply *r)
{
	int64_t begin = clock_mono_ms();
	int clean = 0;

	for (;;) {
		int found = look(arg, r);

		if (found < 0)
			return -1;
		clean = found ? 0 : clean + 1;
		if (clean == KIT_CUT_CLEAN)
			return 0;
		if (clock_mono_ms() - begin > CUT_MS) {
			kit_say(r, KIT_RETRY, "%d sessions were told to end and "
				"still run, or are on their way in", found);
			r->after_ms = 1000;
			return -1;
		}
		clock_sleep_ms(CUT_PAUSE_MS);
	}
}
