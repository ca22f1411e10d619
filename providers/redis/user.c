/*
 * user: finding a user, altering it, and keeping the change over a restart.
 *
 * Owns the only place that sends ACL SETUSER.  A password is only ever sent as
 * its SHA-256, so MONITOR and the slow log have nothing to show.  Must never
 * make a user that was not there.
 */
#include "providers/redis/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"

#define RULES_MAX 4096 /* words of one user's rules */

void rds_id(const char *user, const char *hash, char id[static RDS_ID])
{
	char text[1024 + RDS_HASH];
	unsigned char d[16];

	int n = snprintf(text, sizeof text, "%s %.1000s", hash, user);
	digest_hash(text, (size_t)n, d, sizeof d);
	text_hex(d, (RDS_ID - 1) / 2, id);
}

const char *rds_hash_of(const struct rds_user *u, const char *id)
{
	char one[RDS_ID];

	for (size_t i = 0; i < u->n; i++) {
		rds_id(u->name, u->hash[i], one);
		if (strcmp(one, id) == 0)
			return u->hash[i];
	}
	return NULL;
}

void rds_user_release(struct rds_user *u)
{
	mem_free(u->hash);
	*u = (struct rds_user){ .exists = false };
}

static void take_flags(struct rds_user *u, const struct rd_reply *list)
{
	for (size_t i = 0; i < rd_count(list); i++) {
		const char *flag = rd_text(rd_at(list, i));

		u->on = u->on || (flag && strcmp(flag, "on") == 0);
		u->nopass = u->nopass || (flag && strcmp(flag, "nopass") == 0);
	}
}

static bool take_hashes(struct rds_user *u, const struct rd_reply *list)
{
	u->hash = mem_array(rd_count(list) + 1, sizeof *u->hash);
	for (size_t i = 0; u->hash && i < rd_count(list); i++) {
		const char *hash = rd_text(rd_at(list, i));

		if (hash && strlen(hash) == RDS_HASH - 1)
			memcpy(u->hash[u->n++], hash, RDS_HASH);
	}
	return u->hash != NULL;
}

bool rds_user(struct rds_session *s, const char *name, struct rds_user *u,
	      struct kit_reply *r)
{
	const char *const words[] = { "ACL", "GETUSER", name, NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	bool ok = true;

	*u = (struct rds_user){ .name = name };
	if (rd_run(s->rd, words, &got, &f)) {
		rds_reply_fail(&f, false, "look the user up", r);
		return false;
	}
	u->exists = !rd_nil(got) && rd_count(got) > 0;
	for (size_t i = 0; ok && i + 1 < rd_count(got); i += 2) {
		const char *key = rd_text(rd_at(got, i));

		if (key && strcmp(key, "flags") == 0)
			take_flags(u, rd_at(got, i + 1));
		else if (key && strcmp(key, "passwords") == 0)
			ok = take_hashes(u, rd_at(got, i + 1));
	}
	rd_reply_free(&got);
	if (!ok)
		kit_say(r, KIT_RETRY, "out of memory");
	return ok;
}

/* ---- altering ---------------------------------------------------------------- */

/* The change holds in memory; is it kept too? */
static void keep(struct rds_session *s, struct kit_reply *r)
{
	static const char *const save[] = { "ACL", "SAVE", NULL };
	static const char *const rewrite[] = { "CONFIG", "REWRITE", NULL };
	struct rd_fail f;

	if (s->keep != RDS_KEEP_FILE && s->keep != RDS_KEEP_CONFIG)
		return; /* told at the connect and in every evidence */
	if (rd_run(s->rd, s->keep == RDS_KEEP_FILE ? save : rewrite, NULL, &f) == 0)
		return;
	/* Done again when tried again, and then perhaps kept. */
	kit_say(r, f.cause == RD_SAID && strcmp(f.code, "NOPERM") == 0 ? KIT_REFUSED :
		KIT_UNKNOWN, "the user is changed, but a restart brings the old one "
		"back: %s: %s", s->keep == RDS_KEEP_FILE ? "ACL SAVE" : "CONFIG REWRITE",
		f.text);
}

void rds_alter(struct rds_session *s, const char *name,
	       const char *const *rules, struct kit_reply *r)
{
	const char **words = mem_array(RULES_MAX + 4, sizeof *words);
	struct rd_fail f;
	size_t n = 0;

	if (!words) {
		kit_say(r, KIT_RETRY, "out of memory");
		return;
	}
	words[n++] = "ACL";
	words[n++] = "SETUSER";
	words[n++] = name;
	for (; *rules && n < RULES_MAX + 3; rules++)
		words[n++] = *rules;
	if (*rules) {
		kit_say(r, KIT_REFUSED, "the user has more than %d rules", RULES_MAX);
	} else if (rd_run(s->rd, words, NULL, &f)) {
		rds_reply_fail(&f, true, "alter the user", r);
	} else {
		r->status = KIT_OK;
		keep(s, r);
	}
	mem_free(words);
}

char *rds_rules(struct rds_session *s, const char *name, struct kit_reply *r)
{
	static const char *const words[] = { "ACL", "LIST", NULL };
	struct rd_reply *got = NULL;
	struct rd_fail f;
	size_t n = strlen(name);
	char *rules = NULL;

	if (rd_run(s->rd, words, &got, &f)) {
		rds_reply_fail(&f, false, "read the user's rules", r);
		return NULL;
	}
	for (size_t i = 0; !rules && i < rd_count(got); i++) {
		const char *line = rd_text(rd_at(got, i));

		if (line && strncmp(line, "user ", 5) == 0 &&
		    strncmp(line + 5, name, n) == 0 && line[5 + n] == ' ')
			rules = mem_strdup(line + 6 + n);
	}
	rd_reply_free(&got);
	return rules;
}
