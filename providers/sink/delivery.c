/*
 * delivery: see delivery.h.
 *
 * Order: the file, the note, the consumer, the note again with his answer.  A
 * crash between any two leaves a version that is delivered again; the note
 * never says more than what was done.
 */
#include "providers/sink/delivery.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crash.h"
#include "base/json.h"
#include "base/text.h"

#define NOTE_MAX 4096u
#define TICK_MS 20 /* /proc counts in 10 ms */

/* ---- options ---------------------------------------------------------------- */

static int id_of(const char *name, bool group, unsigned *id, struct err *e)
{
	char room[4096];
	struct passwd pw, *u = NULL;
	struct group gr, *g = NULL;
	int64_t n;

	if (text_int(name, 0, UINT32_MAX - 1, &n))
		*id = (unsigned)n;
	else if (!group && !getpwnam_r(name, &pw, room, sizeof(room), &u) && u)
		*id = u->pw_uid;
	else if (group && !getgrnam_r(name, &gr, room, sizeof(room), &g) && g)
		*id = g->gr_gid;
	else
		return err_fail(e, ERR_CONFIG, name, "there is no such %s",
				group ? "group" : "user");
	return 0;
}

/* Nobody but the owner and the group reads a secret. */
static int mode_of(const char *s, int *mode, struct err *e)
{
	*mode = 0;
	for (const char *p = s; *p; p++) {
		if (*p < '0' || *p > '7' || p - s > 4)
			return err_fail(e, ERR_CONFIG, s, "it is no mode such as 0640");
		*mode = *mode * 8 + (*p - '0');
	}
	if (!(*mode & 0400) || *mode & ~0660)
		return err_fail(e, ERR_CONFIG, s, "a secret's file is read by its owner, "
				"perhaps its group, and by nobody else: 0600, 0640, "
				"0660, 0400, 0440");
	return 0;
}

int delivery_options(const struct kit_connection *c, struct delivery *d, struct err *e)
{
	const char *owner = kit_option(c, "owner", NULL);
	const char *group = kit_option(c, "group", NULL);
	const char *mode = kit_option(c, "mode", NULL);

	d->root = kit_option(c, "root", NULL);
	d->look = (struct place_look){ (uid_t)-1, (gid_t)-1, -1 };
	if (!d->root || d->root[0] != '/')
		return err_fail(e, ERR_CONFIG, "root", "the sink needs a root folder (/path)");
	if ((owner && id_of(owner, false, &d->look.uid, e)) ||
	    (group && id_of(group, true, &d->look.gid, e)) ||
	    (mode && mode_of(mode, &d->look.mode, e)) || tell_options(c, &d->tell, e))
		return -1;
	if (access(d->root, F_OK))
		return err_fail(e, ERR_CONFIG, d->root, "there is no such folder");
	return 0;
}

/* ---- the note --------------------------------------------------------------- */

struct note {
	int64_t version; /* 0: none */
	int64_t boot_ms; /* when the file was written, since boot `boot` */
	int64_t ino, mtime_s, mtime_ns; /* of the file that was written */
	bool acknowledged;
	char boot[40], told[200], from[100];
};

static void text_into(const struct json *j, const char *key, char *out, size_t cap)
{
	const char *s = json_str(j, key);

	snprintf(out, cap, "%.*s", (int)cap - 1, s ? s : "");
}

/* A note that cannot be read is none: then the version is delivered again. */
static int note_read(const struct place *p, struct note *n, struct err *e)
{
	struct buf b = BUF_INIT(NOTE_MAX);
	struct json *j = NULL;
	int rc = place_read(p, p->note, &b, NULL, e);

	memset(n, 0, sizeof(*n));
	if (rc > 0)
		j = json_parse(b.p ? b.p : "", b.len, NULL);
	if (j && (!json_int(j, "version", &n->version) ||
		  !json_int(j, "boot_ms", &n->boot_ms) || !json_int(j, "ino", &n->ino) ||
		  !json_int(j, "mtime_s", &n->mtime_s) ||
		  !json_int(j, "mtime_ns", &n->mtime_ns)))
		n->version = 0;
	(void)json_bool(j, "acknowledged", &n->acknowledged);
	text_into(j, "boot", n->boot, sizeof(n->boot));
	text_into(j, "told", n->told, sizeof(n->told));
	text_into(j, "from", n->from, sizeof(n->from));
	json_free(&j);
	buf_release(&b);
	return rc < 0 ? -1 : 0;
}

static int note_write(const struct place *p, const struct note *n, const char *from,
		      struct err *e)
{
	const struct place_look ours = { geteuid(), getegid(), 0600 };
	struct buf b = BUF_INIT(NOTE_MAX);
	struct json *j = json_object();
	bool ok = json_set_int(j, "version", n->version) &&
		  json_set_str(j, "from", from && text_utf8(from, strlen(from)) ? from : "") &&
		  json_set_str(j, "boot", n->boot) &&
		  json_set_int(j, "boot_ms", n->boot_ms) &&
		  json_set_int(j, "ino", n->ino) &&
		  json_set_int(j, "mtime_s", n->mtime_s) &&
		  json_set_int(j, "mtime_ns", n->mtime_ns) &&
		  json_set_bool(j, "acknowledged", n->acknowledged) &&
		  json_set_str(j, "told", n->told);
	int rc = -1;

	if (!ok)
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else if (!json_print(j, false, &b, e) && !buf_puts(&b, "\n", e))
		rc = place_write(p, p->note, &b, &ours, e);
	json_free(&j);
	buf_release(&b);
	return rc;
}

static int look_at(const struct place *p, struct note *n, struct err *e)
{
	struct buf b = BUF_INIT(PLACE_MAX);
	struct stat st = { 0 };
	int rc = place_read(p, p->name, &b, &st, e);

	buf_release(&b);
	if (rc > 0) {
		n->ino = (int64_t)(st.st_ino & INT64_C(0xfffffffffffff));
		n->mtime_s = st.st_mtim.tv_sec;
		n->mtime_ns = st.st_mtim.tv_nsec;
	}
	return rc;
}

/* ---- the verbs -------------------------------------------------------------- */

/* What cannot be is refused; what may have happened is not. */
static int told(struct kit_reply *r, const struct err *e)
{
	char text[1600];

	switch (e->code) {
	case ERR_POLICY:
	case ERR_ABSENT:
	case ERR_CONFIG:
	case ERR_FORMAT:
	case ERR_TOOBIG:
	case ERR_UNSUPPORTED:
	case ERR_PROVIDER:
		err_format(e, text, sizeof(text));
		return kit_say(r, KIT_REFUSED, "%.399s", text);
	default:
		return -1;
	}
}

static bool version_of(const struct kit_request *q, int64_t *version, struct kit_reply *r)
{
	if (json_int(q->args, "version", version) && *version > 0)
		return true;
	kit_say(r, KIT_REFUSED, "the request has no version (an integer from 1)");
	return false;
}

/* Everything before the consumer; *n is what the note says then. */
static int write_all(const struct delivery *d, const struct kit_request *q,
		     const struct place *p, struct note *n, struct err *e)
{
	struct buf text = BUF_INIT(PLACE_MAX);
	int rc = -1;

	if (d->text(d->arg, q, &text, e))
		goto out;
	snprintf(n->boot, sizeof(n->boot), "%s", clock_boot_id());
	if (place_write(p, p->name, &text, &d->look, e))
		goto out;
	if (d->proof && d->proof(d->arg, q, &text, e)) {
		e->code = ERR_TAMPER; /* it is written: no refusal any more */
		goto out;
	}
	n->boot_ms = clock_boot_ms(); /* whoever starts later reads the new one */
	n->acknowledged = false;
	n->told[0] = 0;
	crash_point("sink:before-note");
	if (look_at(p, n, e) < 1 || note_write(p, n, json_str(q->args, "from"), e)) {
		e->code = ERR_TAMPER;
		goto out;
	}
	rc = 0;
out:
	buf_release(&text);
	return rc;
}

static int deliver(const struct delivery *d, const struct kit_request *q,
		   const struct place *p, int64_t version, struct kit_reply *r,
		   struct err *e)
{
	struct note n;
	struct err mine = ERR_INIT;
	char number[24];
	struct json *body;

	if (note_read(p, &n, e))
		return told(r, e);
	if (n.version > version) {
		if (!json_set_int(kit_body(r), "stands", n.version))
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return kit_say(r, KIT_REFUSED, "version %lld%s%s stands there already",
			       (long long)n.version, *n.from ? " of " : "", n.from);
	}
	n.version = version;
	if (write_all(d, q, p, &n, e))
		return told(r, e);
	snprintf(number, sizeof(number), "%lld", (long long)version);
	crash_point("sink:before-tell");
	if (tell_consumer(&d->tell, q->account, number, &n.acknowledged, n.told, &mine)) {
		char text[1600];

		err_format(&mine, text, sizeof(text));
		return kit_say(r, KIT_UNKNOWN, "it is written and read back, but the "
			       "consumer could not be told: %.250s", text);
	}
	crash_point("sink:after-tell");
	if (note_write(p, &n, json_str(q->args, "from"), e))
		return -1;
	body = kit_body(r);
	if (!json_set_str(body, "read_back", "same") ||
	    !json_set_bool(body, "acknowledged", n.acknowledged) ||
	    !json_set_str(body, "told", n.told))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

int delivery_put(const struct delivery *d, const struct kit_request *q,
		 struct kit_reply *r, struct err *e)
{
	struct place p;
	int64_t version;
	int rc;

	if (!q->secret)
		return kit_say(r, KIT_REFUSED, "deliver needs the secret");
	if (!version_of(q, &version, r))
		return 0;
	if (place_open(d->root, q->account, &d->look, &p, e))
		return told(r, e);
	rc = deliver(d, q, &p, version, r, e);
	place_close(&p);
	return rc;
}

/* Not a word about adoption without a reason that somebody can check. */
static int say_adopted(struct kit_reply *r, bool yes, const char *text, struct err *e)
{
	if (!json_set_bool(kit_body(r), "adopted", yes))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return kit_say(r, KIT_OK, "%s", text);
}

static int by_process(const struct delivery *d, const struct note *n,
		      struct kit_reply *r, struct err *e)
{
	bool other_boot = strcmp(n->boot, clock_boot_id()) != 0;
	struct err mine = ERR_INIT;
	int64_t start, pid;
	char text[400];

	if (tell_started(&d->tell, &start, &pid, &mine)) {
		snprintf(text, sizeof(text), "the consumer's process is not known: %.300s",
			 mine.cause);
		return say_adopted(r, false, text, e);
	}
	if (!start) {
		snprintf(text, sizeof(text), "process %lld of the pid file does not run",
			 (long long)pid);
		return say_adopted(r, false, text, e);
	}
	if (other_boot || start > n->boot_ms + TICK_MS) {
		snprintf(text, sizeof(text), "process %lld started after the file was "
			 "written%s", (long long)pid,
			 other_boot ? " (the machine did)" : "");
		return say_adopted(r, true, text, e);
	}
	snprintf(text, sizeof(text), "process %lld started before the file was written%s",
		 (long long)pid, *n->told ? "; it was told, whether it read the file is "
		 "not known" : "");
	return say_adopted(r, false, text, e);
}

static int by_check(const struct delivery *d, const struct kit_request *q,
		    int64_t version, struct kit_reply *r, struct err *e)
{
	char number[24], said[200];
	int yes;

	snprintf(number, sizeof(number), "%lld", (long long)version);
	yes = tell_check(&d->tell, q->account, number, said, e);
	if (yes >= 0)
		return say_adopted(r, yes == 1, said, e);
	return kit_say(r, KIT_UNKNOWN, "the check did not tell: %.300s", e->cause);
}

static int adopted(const struct delivery *d, const struct kit_request *q,
		   const struct place *p, int64_t version, struct kit_reply *r,
		   struct err *e)
{
	struct note n, now = { .version = 0 };
	char text[400];
	int there;

	if (note_read(p, &n, e))
		return told(r, e);
	there = look_at(p, &now, e);
	if (there < 0)
		return told(r, e);
	if (!there || n.version != version) {
		snprintf(text, sizeof(text), there && n.version ?
			 "version %lld stands there" : "it was not delivered here",
			 (long long)n.version);
		return say_adopted(r, false, text, e);
	}
	if (n.ino != now.ino || n.mtime_s != now.mtime_s || n.mtime_ns != now.mtime_ns)
		return say_adopted(r, false, "somebody else has written the file since", e);
	if (d->tell.check)
		return by_check(d, q, version, r, e);
	if (d->tell.pid_file)
		return by_process(d, &n, r, e);
	if (n.acknowledged || d->tell.reload || d->tell.unit)
		return say_adopted(r, n.acknowledged, n.acknowledged ? n.told :
				   "the reload has not confirmed it", e);
	return kit_say(r, KIT_UNSUPPORTED, "the sink has no means to tell (use_check, "
		       "use_pid_file or a reload)");
}

int delivery_adopted(const struct delivery *d, const struct kit_request *q,
		     struct kit_reply *r, struct err *e)
{
	struct place p;
	int64_t version;
	int rc;

	if (!version_of(q, &version, r))
		return 0;
	if (place_open(d->root, q->account, &d->look, &p, e))
		return told(r, e);
	rc = adopted(d, q, &p, version, r, e);
	place_close(&p);
	return rc;
}

int delivery_list(void *session, const struct kit_connection *c,
		  const struct kit_request *q, struct kit_stream *s,
		  struct kit_reply *r, struct err *e)
{
	(void)session;
	(void)c;
	(void)q;
	(void)s;
	if (!json_set_bool(kit_body(r), "complete", true))
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return 0;
}

int delivery_deliver(void *session, const struct kit_connection *c,
		     const struct kit_request *q, struct kit_stream *s,
		     struct kit_reply *r, struct err *e)
{
	(void)c;
	(void)s;
	return delivery_put(session, q, r, e);
}

int delivery_adopt(void *session, const struct kit_connection *c,
		   const struct kit_request *q, struct kit_stream *s,
		   struct kit_reply *r, struct err *e)
{
	(void)c;
	(void)s;
	return delivery_adopted(session, q, r, e);
}
