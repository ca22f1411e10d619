/*
 * finding: secrets found outside, as sealed records among the settings.
 *
 * Owns their form (base/pack.h; tags are never reused).  The value lies in the
 * record's sealed secret column, as a credential's does.
 */
#include "agent/finding.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/text.h"
#include "vault/store.h"

enum {
	F_ID = 1, F_RULE, F_DESCRIPTION, F_PROVIDER, F_KIND, F_CONFIDENCE,
	F_SOURCE, F_REPOSITORY, F_FILE, F_COMMIT, F_OBJECT, F_AUTHOR, F_EMAIL,
	F_DATE, F_PUSHER, F_DUE, F_PLACE, F_LINE, F_SEEN, F_FIRST, F_LAST,
	F_FLAGS, F_ENDED,
};
enum { FF_REDACTED = 1 };

#define TEXTS 16
struct text_tag {
	unsigned tag;
	char **at;
};

static void texts(struct finding *f, struct text_tag out[static TEXTS])
{
	const struct text_tag all[TEXTS] = {
		{ F_RULE, &f->rule }, { F_DESCRIPTION, &f->description },
		{ F_PROVIDER, &f->provider }, { F_KIND, &f->kind },
		{ F_CONFIDENCE, &f->confidence }, { F_SOURCE, &f->source },
		{ F_REPOSITORY, &f->repository }, { F_FILE, &f->file },
		{ F_COMMIT, &f->commit }, { F_OBJECT, &f->object },
		{ F_AUTHOR, &f->author }, { F_EMAIL, &f->email },
		{ F_DATE, &f->date }, { F_PUSHER, &f->pusher },
		{ F_DUE, &f->due }, { F_ENDED, &f->ended },
	};

	memcpy(out, all, sizeof all);
}

int finding_text(char **to, const char *v, struct err *e)
{
	char *copy = mem_strndup(v != NULL ? v : "", FINDING_TEXT_MAX);

	if (copy == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(*to);
	*to = copy;
	return 0;
}

int finding_rank(const char *confidence)
{
	return confidence == NULL ? 0 :
	       strcmp(confidence, "high") == 0 ? 2 :
	       strcmp(confidence, "medium") == 0 ? 1 : 0;
}

int finding_init(struct finding *f, struct err *e)
{
	struct text_tag t[TEXTS];

	*f = (struct finding){ .seen = 1 };
	texts(f, t);
	for (size_t i = 0; i < TEXTS; i++)
		if (finding_text(t[i].at, "", e) < 0)
			return -1;
	return 0;
}

void finding_release(struct finding *f)
{
	struct text_tag t[TEXTS];

	texts(f, t);
	for (size_t i = 0; i < TEXTS; i++)
		mem_free(*t[i].at);
	for (size_t i = 0; i < f->n_place; i++)
		mem_free(f->place[i]);
	*f = (struct finding){ .seen = 0 };
}

/* ---- rows ---------------------------------------------------------------- */

static struct store_id group_id(const struct vault *v)
{
	static const char *const part = "findings";

	return store_id(v, STORE_SETTING, &part, 1);
}

static struct store_id row_id(const struct vault *v, const char *id)
{
	const char *const parts[2] = { "finding", id };

	return store_id(v, STORE_SETTING, parts, 2);
}

static int pack(const struct finding *f, struct buf *b, struct err *e)
{
	struct finding copy = *f;
	struct text_tag t[TEXTS];

	texts(&copy, t);
	if (pack_str(b, F_ID, f->id, e) < 0)
		return -1;
	for (size_t i = 0; i < TEXTS; i++)
		if (pack_str(b, t[i].tag, *t[i].at, e) < 0)
			return -1;
	for (size_t i = 0; i < f->n_place; i++)
		if (pack_str(b, F_PLACE, f->place[i], e) < 0)
			return -1;
	return pack_int(b, F_LINE, f->line, e) < 0 ||
			       pack_int(b, F_SEEN, f->seen, e) < 0 ||
			       pack_int(b, F_FIRST, f->first_ms, e) < 0 ||
			       pack_int(b, F_LAST, f->last_ms, e) < 0 ||
			       pack_int(b, F_FLAGS,
					f->redacted ? FF_REDACTED : 0, e) < 0
		       ? -1 : 0;
}

static int take_text(struct finding *f, struct unpack *u, struct err *e)
{
	struct text_tag t[TEXTS];
	char *s = unpack_str(u);
	int rc = 0;

	if (s == NULL)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	texts(f, t);
	if (u->tag == F_ID) {
		rc = strlen(s) == FINDING_ID ? 0 : -1;
		if (rc == 0)
			memcpy(f->id, s, FINDING_ID + 1);
	} else if (u->tag == F_PLACE && f->n_place < FINDING_PLACES) {
		f->place[f->n_place++] = s;
		s = NULL;
	}
	for (size_t i = 0; s != NULL && i < TEXTS; i++)
		if (t[i].tag == u->tag) {
			mem_free(*t[i].at);
			*t[i].at = s;
			s = NULL;
		}
	mem_free(s);
	return rc < 0 ? err_fail(e, ERR_FORMAT, NULL, "malformed finding") : 0;
}

static int unpack(const struct store_row *row, struct finding *f,
		  struct err *e)
{
	int64_t flags = 0;
	struct unpack u;

	if (finding_init(f, e) < 0)
		goto bad;
	unpack_init(&u, row->data, row->len);
	while (unpack_next(&u)) {
		switch (u.tag) {
		case F_LINE: f->line = unpack_int(&u); break;
		case F_SEEN: f->seen = unpack_int(&u); break;
		case F_FIRST: f->first_ms = unpack_int(&u); break;
		case F_LAST: f->last_ms = unpack_int(&u); break;
		case F_FLAGS: flags = unpack_int(&u); break;
		default:
			if (take_text(f, &u, e) < 0)
				goto bad;
		}
	}
	if (u.bad || f->id[0] == '\0') {
		(void)err_fail(e, ERR_FORMAT, NULL, "malformed finding");
		goto bad;
	}
	f->redacted = flags & FF_REDACTED;
	f->has_secret = row->has_secret;
	return 0;
bad:
	finding_release(f);
	return -1;
}

static int look(struct vault *v, const char *id, struct finding *out,
		struct secret **value, struct err *e)
{
	const struct store_id key = row_id(v, id);
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	struct store_row meta;
	struct secret *s = NULL;
	int rc = store_look(v, STORE_SETTING, &key, &data, &meta, &s, e);

	if (rc > 0) {
		meta.data = data.p;
		meta.len = data.len;
		meta.has_secret = s != NULL;
		rc = unpack(&meta, out, e) < 0 ? -1 : 1;
	}
	if (rc > 0 && value != NULL) {
		*value = s;
		s = NULL;
	}
	secret_free(&s);
	buf_release(&data);
	return rc;
}

/* ---- one ----------------------------------------------------------------- */

/* The id: of the value's fingerprint, else of the place. */
void finding_name(const struct vault *v, struct finding *f,
		  const struct secret *value)
{
	const char *const parts[] = { "finding at", f->repository, f->file,
				      f->commit, f->rule };
	struct store_id id = value != NULL ? store_fingerprint(v, value) :
					     store_id(v, STORE_SETTING, parts, 5);

	text_hex(id.b, FINDING_ID / 2, f->id);
}

static int put(struct vault *v, const struct finding *f,
	       const struct secret *value, bool drop, struct err *e)
{
	struct store_row row = { .id = row_id(v, f->id), .group = group_id(v),
				 .secret = value,
				 .keep_secret = value == NULL && !drop,
				 .drop_secret = drop };
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	int rc = -1;

	if (pack(f, &b, e) == 0) {
		row.data = b.p;
		row.len = b.len;
		rc = store_put(v, STORE_SETTING, &row, e);
	}
	buf_release(&b);
	return rc;
}

static int add_place(struct finding *to, const struct finding *f,
		     struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = -1;

	if (buf_printf(&b, e, "%s%s%s", f->repository,
		       *f->repository != '\0' ? " " : "",
		       *f->file != '\0' ? f->file : "(no path)") < 0 ||
	    (f->line > 0 &&
	     buf_printf(&b, e, ":%lld", (long long)f->line) < 0) ||
	    (*f->commit != '\0' &&
	     buf_printf(&b, e, " commit %.12s", f->commit) < 0))
		goto out;
	rc = 0;
	for (size_t i = 0; i < to->n_place; i++)
		if (strcmp(to->place[i], b.p) == 0)
			goto out;
	if (to->n_place == FINDING_PLACES)
		goto out;
	to->place[to->n_place] = mem_strdup(b.p);
	if (to->place[to->n_place] == NULL)
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	else
		to->n_place++;
out:
	buf_release(&b);
	return rc;
}

/* A rule that knows whose kind it is tells more than one that does not. */
static bool vaguer(const struct finding *old, const struct finding *f)
{
	return old->provider != NULL && f->provider != NULL &&
	       *old->provider == '\0' && *f->provider != '\0';
}

static int join(struct finding *f, struct finding *old, struct err *e)
{
	f->seen += old->seen;
	f->first_ms = old->first_ms;
	f->fresh = false;
	if (*f->due == '\0' && finding_text(&f->due, old->due, e) < 0)
		return -1;
	/* a report that is less sure does not make it less sure */
	if (finding_rank(old->confidence) > finding_rank(f->confidence) &&
	    finding_text(&f->confidence, old->confidence, e) < 0)
		return -1;
	if (*f->ended == '\0' && !f->lives &&
	    finding_text(&f->ended, old->ended, e) < 0)
		return -1;
	if (!vaguer(old, f) && *old->rule != '\0' &&
	    (finding_text(&f->rule, old->rule, e) < 0 ||
	     finding_text(&f->description, old->description, e) < 0 ||
	     finding_text(&f->provider, old->provider, e) < 0 ||
	     finding_text(&f->kind, old->kind, e) < 0))
		return -1;
	for (size_t i = 0; i < old->n_place; i++) {
		f->place[i] = old->place[i];
		old->place[i] = NULL;
	}
	f->n_place = old->n_place;
	old->n_place = 0;
	return 0;
}

int finding_put(struct vault *v, struct finding *f, const struct secret *value,
		int64_t now, struct err *e)
{
	struct finding old = { .seen = 0 };
	int rc;

	finding_name(v, f, value);
	f->redacted = value == NULL;
	f->fresh = true;
	f->first_ms = f->last_ms = now;
	rc = look(v, f->id, &old, NULL, e);
	if (rc > 0)
		rc = join(f, &old, e);
	if (rc == 0)
		rc = add_place(f, f, e);
	if (rc == 0)
		rc = *f->ended != '\0' ? put(v, f, NULL, true, e) :
					 put(v, f, value, false, e);
	finding_release(&old);
	return rc;
}

int finding_update(struct vault *v, const struct finding *f, bool drop,
		   struct err *e)
{
	return put(v, f, NULL, drop, e);
}

/* ---- all ----------------------------------------------------------------- */

struct each {
	finding_fn fn;
	void *arg;
};

static int each_row(const struct store_row *row, void *arg, struct err *e)
{
	const struct each *k = arg;
	struct finding f = { .seen = 0 };
	int rc = unpack(row, &f, e);

	if (rc == 0)
		rc = k->fn(&f, k->arg, e);
	finding_release(&f);
	return rc;
}

int findings_each(struct vault *v, finding_fn fn, void *arg, struct err *e)
{
	const struct store_id group = group_id(v);
	struct each k = { fn, arg };

	return store_each(v, STORE_SETTING, &group, each_row, &k, e);
}

struct prefix {
	const char *want;
	char id[FINDING_ID + 1];
	size_t n;
};

static int has_prefix(const struct finding *f, void *arg, struct err *e)
{
	struct prefix *p = arg;

	(void)e;
	if (strncmp(f->id, p->want, strlen(p->want)) == 0) {
		memcpy(p->id, f->id, sizeof p->id);
		p->n++;
	}
	return 0;
}

int finding_get(struct vault *v, const char *id, struct finding *out,
		struct secret **value, struct err *e)
{
	struct prefix p = { .want = id };

	if (strlen(id) < 4 || strlen(id) > FINDING_ID)
		return 0;
	if (strlen(id) == FINDING_ID)
		return look(v, id, out, value, e);
	if (findings_each(v, has_prefix, &p, e) < 0)
		return -1;
	if (p.n > 1)
		return err_fail(e, ERR_USAGE, id, "%zu findings begin like that",
				p.n);
	return p.n == 1 ? look(v, p.id, out, value, e) : 0;
}
