/*
 * entry: what the directory keeps of an account, and writing its passwords.
 *
 * Owns the only place that changes userPassword: all values at once, so that it
 * is all or nothing.
 */
#include "providers/ldap/dir.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"

const char *const dir_attributes[] = {
	"userPassword", "entryUUID", "pwdAccountLockedTime", "pwdPolicySubentry",
	"createTimestamp", "pwdChangedTime", "authTimestamp", "pwdLastSuccess",
	"creatorsName", NULL,
};

static void copy(char *out, size_t cap, const struct ld_entry *entry, const char *name)
{
	const char *v = ld_value(entry, name, 0, NULL);

	snprintf(out, cap, "%s", v ? v : "");
}

void dir_account_of(const struct ld_entry *entry, struct dir_account *a)
{
	size_t len = 0;
	const char *v;

	memset(a, 0, sizeof *a);
	a->exists = a->whole = true;
	snprintf(a->dn, sizeof a->dn, "%s", ld_dn(entry));
	copy(a->uuid, sizeof a->uuid, entry, "entryUUID");
	copy(a->policy, sizeof a->policy, entry, "pwdPolicySubentry");
	copy(a->creator, sizeof a->creator, entry, "creatorsName");
	copy(a->created, sizeof a->created, entry, "createTimestamp");
	copy(a->changed, sizeof a->changed, entry, "pwdChangedTime");
	copy(a->used, sizeof a->used, entry, "authTimestamp");
	if (!a->used[0])
		copy(a->used, sizeof a->used, entry, "pwdLastSuccess");
	a->locked = ld_value(entry, "pwdAccountLockedTime", 0, NULL) != NULL;
	for (size_t i = 0; (v = ld_value(entry, "userPassword", i, &len)); i++) {
		/* room for the mark; a value that is no text is left alone */
		if (a->n == DIR_VALUES || strlen(v) != len || !text_utf8(v, len) ||
		    len + strlen(DIR_OFF) + 40 >= DIR_VALUE) {
			a->whole = false;
			continue;
		}
		dir_value_of(a->uuid, v, &a->value[a->n++]);
	}
}

static int take(const struct ld_entry *entry, void *arg)
{
	dir_account_of(entry, arg);
	return 0;
}

struct dir_account *dir_account(struct dir_session *s, const char *dn,
				struct kit_reply *r)
{
	struct dir_account *a = mem_zalloc(sizeof *a);
	struct ld_fail f;

	if (!a) {
		kit_say(r, KIT_RETRY, "out of memory");
		return NULL;
	}
	/* 34: what was asked for is no DN at all */
	if (ld_search(s->ld, dn, LD_THIS, "(objectClass=*)", dir_attributes, take, a, &f) &&
	    !(f.cause == LD_SAID && (f.code == LD_NO_ENTRY || f.code == 34))) {
		dir_reply_fail(&f, false, "look the entry up", r);
		mem_free(a);
		return NULL;
	}
	return a;
}

bool dir_open_value(const struct dir_account *a)
{
	for (size_t i = 0; i < a->n; i++)
		if (!a->value[i].off && !a->value[i].none)
			return true;
	return !a->whole;
}

void dir_write(struct dir_session *s, const struct dir_account *a,
	       const char *const *values, const bool *locked, struct kit_reply *r)
{
	static const char *const since[] = { "000001010000Z", NULL };
	static const char *const none[] = { DIR_NONE, NULL };
	struct ld_change c[2] = { { LD_REPLACE, "userPassword", values } };
	struct ld_fail f;
	size_t n = values ? 1 : 0;

	if (values && !a->whole) {
		kit_say(r, KIT_REFUSED, "the entry has more than %d passwords, or one that "
			"is no text or too long: curfew cannot put them back", DIR_VALUES);
		return;
	}
	if (locked && (*locked || a->locked))
		c[n++] = (struct ld_change){ LD_REPLACE, "pwdAccountLockedTime",
					     *locked ? since : NULL };
	if (n == 0) {
		r->status = KIT_OK;
		return;
	}
	int rc = ld_modify(s->ld, a->dn, c, n, &f);

	if (rc && f.cause == LD_SAID && f.code == LD_CLASS && values && !values[0]) {
		c[0].values = none; /* the schema wants one */
		rc = ld_modify(s->ld, a->dn, c, n, &f);
	}
	if (rc == 0)
		r->status = KIT_OK;
	else if (f.cause == LD_SAID && f.code == LD_NO_ENTRY)
		r->status = KIT_ABSENT;
	else if (f.cause == LD_SAID && f.code == LD_UNDEFINED)
		kit_say(r, KIT_REFUSED, "this server knows no pwdAccountLockedTime (no "
			"ppolicy overlay): connect with lock=password");
	else if (f.cause == LD_SAID && f.code == LD_CONSTRAINT)
		kit_say(r, KIT_REFUSED, "the password policy takes no hash (pwdCheckQuality "
			"2?): %s (19); connect with lock=ppolicy, scheme=exop", f.text);
	else
		dir_reply_fail(&f, true, "change the entry", r);
}
