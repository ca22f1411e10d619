/*
 * snapshot: the user's rules as ACL LIST tells them, hashes included, and back.
 *
 * A user has no number of its own: one that was deleted and made again under
 * the same name cannot be told from the first.  One that is gone is not made
 * again.
 */
#include "providers/redis/redis.h"

#include <string.h>

#include "base/mem.h"

#define FORMAT 1
#define RULES 4096

int rds_snapshot(void *session, const struct kit_connection *c,
		 const struct kit_request *q, struct kit_stream *out,
		 struct kit_reply *r, struct err *e)
{
	struct rds_session *s = session;
	char *rules = NULL;

	(void)out;
	if (!rds_ready(s, c, r))
		return 0;
	r->status = KIT_ABSENT;
	rules = rds_rules(s, q->account, r);
	if (!rules)
		return 0;
	struct json *j = json_object();
	bool on = strncmp(rules, "on ", 3) == 0 || kit_opened(q->account);
	bool ok = json_set_int(j, "format", FORMAT) &&
		  json_set_str(j, "user", q->account) &&
		  json_set_bool(j, "on", on) && json_set_str(j, "rules", rules);

	mem_free(rules);
	r->status = KIT_OK;
	if (!ok)
		json_free(&j);
	if (!ok || !json_set(kit_body(r), "snapshot", j))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

/* "reset", the words of the snapshot, and on or off: one command, all or
 * nothing.  `text` is cut into words. */
static void put_back(struct rds_session *s, const char *name, char *text, bool on,
		     struct kit_reply *r)
{
	const char **words = mem_array(RULES + 3, sizeof *words);
	char *at = NULL;
	size_t n = 0;

	if (!words) {
		kit_say(r, KIT_RETRY, "out of memory");
		return;
	}
	words[n++] = "reset";
	for (char *w = strtok_r(text, " ", &at); w && n < RULES; w = strtok_r(NULL, " ", &at))
		words[n++] = w;
	words[n] = on ? "on" : "off";
	rds_alter(s, name, words, r);
	mem_free(words);
}

int rds_restore(void *session, const struct kit_connection *c,
		const struct kit_request *q, struct kit_stream *out,
		struct kit_reply *r, struct err *e)
{
	struct rds_session *s = session;
	const struct json *snap = json_get(q->args, "snapshot");
	const char *name = json_str(snap, "user"), *rules = json_str(snap, "rules");
	struct rds_user u;
	int64_t format = 0;
	bool on = false;
	char *text;

	(void)out;
	if (!snap || !json_int(snap, "format", &format) || format != FORMAT ||
	    !name || !rules || !json_bool(snap, "on", &on) ||
	    strcmp(name, q->account) != 0)
		return kit_say(r, KIT_REFUSED, "the snapshot is not one of this user");
	if (!rds_ready(s, c, r) || !rds_user(s, q->account, &u, r))
		return 0;
	bool exists = u.exists;
	rds_user_release(&u);
	if (!exists) {
		r->status = KIT_ABSENT;
		return 0;
	}
	text = mem_strdup(rules);
	if (!text)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	put_back(s, q->account, text, on, r);
	mem_free(text);
	return 0;
}
