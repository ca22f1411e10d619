/*
 * import: one walk that finds out whose report it is, one that takes it.
 *
 * Owns the table of which member means what.  Must never put a piece of the
 * text into an error or the log.
 */
#include "agent/import.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonwalk.h"
#include "base/mem.h"
#include "base/text.h"

enum into {
	RULE, DESCRIPTION, PROVIDER, KIND, CONFIDENCE, LEVEL, VERIFIED, REPO,
	FILE_NAME, COMMIT, AUTHOR, EMAIL, DATE, LINE, VALUE, VALUE_2,
};

struct member {
	const char *path; /* behind the record's own */
	enum into into;
};

static const struct member gitleaks[] = {
	{ "RuleID", RULE }, { "Description", DESCRIPTION },
	{ "Secret", VALUE }, { "File", FILE_NAME }, { "StartLine", LINE },
	{ "Commit", COMMIT }, { "Author", AUTHOR }, { "Email", EMAIL },
	{ "Date", DATE }, { "Provider", PROVIDER }, { "Kind", KIND },
	{ "Confidence", CONFIDENCE }, { NULL, RULE },
};
/* SourceMetadata.Data has one member, named after the source. */
static const struct member trufflehog[] = {
	{ "DetectorName", RULE }, { "DetectorDescription", DESCRIPTION },
	{ "Verified", VERIFIED }, { "Raw", VALUE }, { "RawV2", VALUE_2 },
	{ "SourceMetadata.Data.*.file", FILE_NAME },
	{ "SourceMetadata.Data.*.line", LINE },
	{ "SourceMetadata.Data.*.commit", COMMIT },
	{ "SourceMetadata.Data.*.email", AUTHOR },
	{ "SourceMetadata.Data.*.timestamp", DATE },
	{ "SourceMetadata.Data.*.repository", REPO }, { NULL, RULE },
};
static const struct member kingfisher[] = {
	{ "rule.id", RULE }, { "rule.name", DESCRIPTION },
	{ "finding.snippet", VALUE }, { "finding.confidence", CONFIDENCE },
	{ "finding.path", FILE_NAME }, { "finding.line", LINE },
	{ "finding.git_metadata.repository_url", REPO },
	{ "finding.git_metadata.commit.id", COMMIT },
	{ "finding.git_metadata.commit.date", DATE },
	{ "finding.git_metadata.commit.committer.name", AUTHOR },
	{ "finding.git_metadata.commit.committer.email", EMAIL },
	{ "finding.git_metadata.commit.committer.timestamp", DATE },
	{ NULL, RULE },
};
#define PLACE "locations.physicalLocation."
#define THEIRS "locations.properties.git_metadata." /* kingfisher's */
static const struct member sarif[] = {
	{ "ruleId", RULE }, { "rule.id", RULE }, { "message.text", DESCRIPTION },
	{ "level", LEVEL }, { "properties.confidence", CONFIDENCE },
	{ PLACE "artifactLocation.uri", FILE_NAME },
	{ PLACE "region.startLine", LINE },
	{ PLACE "region.snippet.text", VALUE },
	{ "partialFingerprints.commitSha", COMMIT },
	{ "partialFingerprints.author", AUTHOR },
	{ "partialFingerprints.email", EMAIL },
	{ "partialFingerprints.date", DATE },
	{ THEIRS "repository_url", REPO }, { THEIRS "commit.id", COMMIT },
	{ THEIRS "commit.date", DATE },
	{ THEIRS "commit.committer.name", AUTHOR },
	{ THEIRS "commit.committer.email", EMAIL }, { NULL, RULE },
};

static const struct {
	const char *word;
	const char *record, *other; /* where records lie; kingfisher has the
				     * second in --format jsonl */
	const struct member *members;
} forms[] = {
	[IMPORT_GITLEAKS] = { "gitleaks", "", "", gitleaks },
	[IMPORT_TRUFFLEHOG] = { "trufflehog", "", "", trufflehog },
	[IMPORT_KINGFISHER] = { "kingfisher", "findings", "", kingfisher },
	[IMPORT_SARIF] = { "sarif", "runs.results", "runs.results", sarif },
};

const char *import_word(enum import_form f)
{
	return f == IMPORT_UNKNOWN ? "unknown" : forms[f].word;
}

bool import_form_parse(const char *word, enum import_form *f)
{
	for (*f = IMPORT_GITLEAKS; *f <= IMPORT_SARIF; (*f)++)
		if (strcmp(forms[*f].word, word) == 0)
			return true;
	return false;
}

/* ---- whose form --------------------------------------------------------------- */

static int detect_one(const struct jsonwalk *w, enum jsonwalk_what what,
		      void *arg)
{
	enum import_form *f = arg;

	if (jsonwalk_is(w, "RuleID"))
		*f = IMPORT_GITLEAKS;
	else if (jsonwalk_is(w, "DetectorName") ||
		 jsonwalk_is(w, "SourceMetadata"))
		*f = IMPORT_TRUFFLEHOG;
	else if (jsonwalk_is(w, "findings.rule") ||
		 jsonwalk_is(w, "finding.snippet") ||
		 jsonwalk_is(w, "finding.path"))
		*f = IMPORT_KINGFISHER;
	else if (jsonwalk_is(w, "runs") || jsonwalk_is(w, "runs.results") ||
		 jsonwalk_is(w, "runs.tool") ||
		 (jsonwalk_is(w, "version") && what == JSONWALK_STRING &&
		  w->n == 5 && memcmp(w->at, "2.1.0", 5) == 0)) /* SARIF's own */
		*f = IMPORT_SARIF;
	return *f == IMPORT_UNKNOWN ? 0 : -1;
}

static int is_bare(const struct jsonwalk *w, enum jsonwalk_what what, void *arg)
{
	(void)what;
	*(bool *)arg = jsonwalk_is(w, "finding.snippet") ||
		       jsonwalk_is(w, "finding.path");
	return *(bool *)arg ? -1 : 0;
}

/* ---- one record --------------------------------------------------------------- */

struct taking {
	enum import_form form;
	import_fn fn;
	void *arg;
	struct err *e;
	bool sure; /* it was found to be of that form */
	bool open; /* inside a record */
	size_t names; /* of its path */
	struct finding f;
	struct secret *value, *second;
	bool left_out; /* a value that is none */
	bool bare; /* kingfisher: the document is a finding, not a list */
};

/* Does the value stand where `path` says, behind the record's own path?  '*'
 * is any one name. */
static bool leads(const struct jsonwalk *w, size_t from, const char *path)
{
	for (size_t i = from; i < w->names; i++) {
		if (i > from && *path++ != '.')
			return false;
		if (*path == '*') {
			path++;
			continue;
		}
		if (strnlen(path, w->name[i].n) < w->name[i].n ||
		    memcmp(path, w->name[i].p, w->name[i].n) != 0)
			return false;
		path += w->name[i].n;
	}
	return *path == '\0';
}

struct raw {
	const char *p;
	size_t n;
};

static int fill(unsigned char *p, size_t n, void *arg)
{
	const struct raw *r = arg;

	return json_unescape(r->p, r->n, p) == n ? 0 : -1;
}

/* gitleaks REDACTED or "abc...", kingfisher [REDACTED:...], others stars. */
static int is_left_out(const unsigned char *p, size_t n, void *arg)
{
	size_t stars = 0;

	(void)arg;
	for (size_t i = 0; i < n; i++)
		stars += p[i] == '*';
	return n == 0 || stars * 2 > n || memmem(p, n, "REDACTED", 8) != NULL ||
	       (n > 3 && memcmp(p + n - 3, "...", 3) == 0);
}

static int take_value(struct taking *t, const struct jsonwalk *w,
		      struct secret **to)
{
	struct raw r = { w->at, w->n };
	const size_t n = json_unescape(r.p, r.n, NULL);
	struct secret *s;

	if (*to != NULL)
		return 0;
	if (n == 0 || n > SECRET_MAX) {
		t->left_out = t->left_out || to == &t->value;
		return 0;
	}
	s = secret_blank(n, t->e);
	if (s == NULL || secret_fill(s, fill, &r) != 0) {
		secret_free(&s);
		return -1;
	}
	if (secret_reveal(s, is_left_out, NULL) != 0) {
		t->left_out = t->left_out || to == &t->value;
		secret_free(&s);
		return 0;
	}
	*to = s;
	return 0;
}

static int take_text(struct taking *t, const struct jsonwalk *w, char **to)
{
	const size_t n = json_unescape(w->at, w->n, NULL);
	char *copy = mem_alloc(n + 1);
	int rc = -1;

	if (copy == NULL)
		return err_fail(t->e, ERR_NOMEM, NULL, "out of memory");
	(void)json_unescape(w->at, w->n, (unsigned char *)copy);
	copy[n] = '\0';
	if (**to == '\0')
		rc = finding_text(to, copy, t->e);
	else
		rc = 0;
	mem_free(copy);
	return rc;
}

static int take_level(struct taking *t, const struct jsonwalk *w)
{
	const bool error = w->n == 5 && memcmp(w->at, "error", 5) == 0;
	const bool note = w->n == 4 && memcmp(w->at, "note", 4) == 0;

	return *t->f.confidence != '\0' ? 0 :
	       finding_text(&t->f.confidence, error ? "high" :
			    note ? "low" : "medium", t->e);
}

static void take_line(struct taking *t, const struct jsonwalk *w)
{
	char text[24];

	(void)snprintf(text, sizeof text, "%.*s",
		       w->n < 20 ? (int)w->n : 20, w->at);
	(void)text_int(text, 0, INT64_MAX, &t->f.line);
}

static int take(struct taking *t, const struct jsonwalk *w, enum into into)
{
	char **const texts[] = {
		[RULE] = &t->f.rule, [DESCRIPTION] = &t->f.description,
		[PROVIDER] = &t->f.provider, [KIND] = &t->f.kind,
		[CONFIDENCE] = &t->f.confidence, [REPO] = &t->f.repository,
		[FILE_NAME] = &t->f.file, [COMMIT] = &t->f.commit,
		[AUTHOR] = &t->f.author, [EMAIL] = &t->f.email,
		[DATE] = &t->f.date,
	};

	switch (into) {
	case LEVEL:
		return take_level(t, w);
	case VALUE:
		return take_value(t, w, &t->value);
	case VALUE_2:
		return take_value(t, w, &t->second);
	case LINE:
	case VERIFIED:
		return 0; /* no strings */
	default:
		return take_text(t, w, texts[into]);
	}
}

/* ---- records ------------------------------------------------------------------ */

static void lower(char *s)
{
	for (; *s != '\0'; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* trufflehog joins the parts of a credential: what is behind the first one. */
struct rest {
	const struct secret *first;
	struct secret *out;
	struct err *e;
};

struct bytes {
	const unsigned char *p;
	size_t n;
};

static int lend(const unsigned char *p, size_t n, void *arg)
{
	*(struct bytes *)arg = (struct bytes){ p, n };
	return 0;
}

static int cut_first(const unsigned char *p, size_t n, void *arg)
{
	struct rest *r = arg;
	struct bytes first = { NULL, 0 };
	size_t at = 0;

	if (r->first != NULL)
		(void)secret_reveal(r->first, lend, &first);
	if (first.n > 0 && n > first.n &&
	    secret_equal_bytes(p, first.p, first.n))
		at = first.n + (p[first.n] == ':');
	if (at == n || (at == 0 && n == first.n &&
			secret_equal_bytes(p, first.p, n)))
		return 0;
	r->out = secret_new(p + at, n - at, r->e);
	return r->out != NULL ? 0 : -1;
}

static int same_place(struct finding *to, const struct finding *from,
		      struct err *e)
{
	return finding_init(to, e) < 0 ||
			       finding_text(&to->rule, from->rule, e) < 0 ||
			       finding_text(&to->description, from->description,
					    e) < 0 ||
			       finding_text(&to->provider, from->provider, e) < 0 ||
			       finding_text(&to->confidence, from->confidence,
					    e) < 0 ||
			       finding_text(&to->source, from->source, e) < 0 ||
			       finding_text(&to->repository, from->repository,
					    e) < 0 ||
			       finding_text(&to->file, from->file, e) < 0 ||
			       finding_text(&to->commit, from->commit, e) < 0 ||
			       finding_text(&to->author, from->author, e) < 0
		       ? -1 : 0;
}

static int finish_record(struct taking *t)
{
	struct rest r = { .first = t->value, .e = t->e };
	struct finding second = { .seen = 0 };
	int rc = -1;

	t->open = false;
	if (*t->f.confidence == '\0' &&
	    finding_text(&t->f.confidence, "medium", t->e) < 0)
		goto out;
	lower(t->f.confidence);
	if (*t->f.rule == '\0' && finding_text(&t->f.rule, "unnamed", t->e) < 0)
		goto out;
	if (finding_text(&t->f.source, import_word(t->form), t->e) < 0)
		goto out;
	if (t->form == IMPORT_TRUFFLEHOG) {
		if (finding_text(&t->f.provider, t->f.rule, t->e) < 0)
			goto out;
		lower(t->f.provider);
	}
	if (t->second != NULL &&
	    (secret_reveal(t->second, cut_first, &r) < 0 ||
	     same_place(&second, &t->f, t->e) < 0))
		goto out;
	second.line = t->f.line;
	rc = t->fn(&t->f, t->value, t->arg, t->e);
	t->value = NULL;
	if (rc == 0 && r.out != NULL) {
		rc = t->fn(&second, r.out, t->arg, t->e);
		r.out = NULL;
	}
out:
	finding_release(&second);
	finding_release(&t->f);
	secret_free(&r.out);
	secret_free(&t->value);
	secret_free(&t->second);
	return rc;
}

static int on_value(const struct jsonwalk *w, enum jsonwalk_what what, void *arg)
{
	struct taking *t = arg;
	const struct member *m;

	if (what == JSONWALK_OPEN && !t->open) {
		const bool at = jsonwalk_is(w, t->bare ? forms[t->form].other
						       : forms[t->form].record);

		t->open = at;
		t->names = w->names;
		return at ? finding_init(&t->f, t->e) : 0;
	}
	if (!t->open)
		return 0;
	if (what == JSONWALK_CLOSE && w->names == t->names)
		return finish_record(t);
	for (m = forms[t->form].members; m->path != NULL; m++) {
		if (!leads(w, t->names, m->path))
			continue;
		if (what == JSONWALK_STRING)
			return take(t, w, m->into);
		if (what == JSONWALK_WORD && m->into == LINE)
			take_line(t, w);
		if (what == JSONWALK_WORD && m->into == VERIFIED)
			return finding_text(&t->f.confidence, *w->at == 't' ?
					    "high" : "medium", t->e);
		return 0;
	}
	return 0;
}

/* ---- the text ------------------------------------------------------------------ */

/* json_scan() tells the byte; people look for a line. */
static int with_line(const char *p, size_t n, const char *line_start,
		     const struct err *why, struct err *e)
{
	static const char head[] = "not JSON at byte ";
	size_t byte = 0, line = 1;
	const char *at;

	if (strncmp(why->cause, head, sizeof head - 1) == 0)
		byte = strtoul(why->cause + sizeof head - 1, NULL, 10);
	else
		return err_fail(e, ERR_FORMAT, NULL, "%s", why->cause);
	at = line_start + (byte > 0 ? byte - 1 : 0);
	for (const char *c = p; c < at && c < p + n; c++)
		line += *c == '\n';
	return err_fail(e, ERR_FORMAT, NULL, "line %zu is %s", line, why->cause);
}

static int one_document(const char *p, size_t n, struct taking *t)
{
	enum import_form seen = IMPORT_UNKNOWN;
	int rc;

	(void)jsonwalk(p, n, detect_one, &seen);
	if (seen == IMPORT_UNKNOWN && t->sure)
		return 0; /* a line between findings, of sums or so */
	if (seen == IMPORT_UNKNOWN) {
		while (n > 0 && memchr(" \t\r\n[]", *p, 6)) {
			p++;
			n--;
		}
		if (n == 0 && t->form != IMPORT_SARIF) {
			/* an empty list is an empty report, as gitleaks writes it */
			if (t->form == IMPORT_UNKNOWN)
				t->form = IMPORT_GITLEAKS;
			return 0;
		}
		return err_fail(t->e, ERR_FORMAT, NULL, "its members are those of "
				"no report known here");
	}
	if (t->form == IMPORT_UNKNOWN)
		t->form = seen;
	if (t->form != seen)
		return err_fail(t->e, ERR_FORMAT, NULL, "it is a %s report, not one "
				"of %s", import_word(seen), import_word(t->form));
	t->sure = true;
	t->bare = false;
	if (seen == IMPORT_KINGFISHER)
		(void)jsonwalk(p, n, is_bare, &t->bare);
	rc = jsonwalk(p, n, on_value, t);
	if (rc < 0 && t->e->code == ERR_NONE)
		rc = err_fail(t->e, ERR_FORMAT, NULL, "its members do not fit "
			      "together");
	finding_release(&t->f);
	secret_free(&t->value);
	secret_free(&t->second);
	t->open = false;
	return rc;
}

static int by_lines(const char *p, size_t n, struct taking *t)
{
	const char *end = p + n, *at = p;
	struct err why = ERR_INIT;

	while (at < end) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));
		const size_t len = (size_t)((nl != NULL ? nl : end) - at);
		size_t blank = 0;

		while (blank < len && memchr(" \t\r", at[blank], 3))
			blank++;
		if (blank < len) {
			if (json_scan(at, len, NULL, NULL, &why) < 0)
				return with_line(p, n, at, &why, t->e);
			if (one_document(at, len, t) < 0)
				return -1;
		}
		at += len + (nl != NULL);
	}
	return 0;
}

int import_report(const struct buf *text, enum import_form *form, import_fn fn,
		  void *arg, struct err *e)
{
	struct taking t = { .form = *form, .fn = fn, .arg = arg, .e = e };
	const char *p = text->len > 0 ? text->p : "", *nl;
	size_t n = text->len;
	struct err why = ERR_INIT;
	int rc;

	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	if (n == 0)
		return err_fail(e, ERR_FORMAT, NULL, "it is empty");
	nl = memchr(p, '\n', n);
	if (json_scan(p, n, NULL, NULL, &why) == 0)
		rc = one_document(p, n, &t);
	else if (nl != NULL && *p == '{' &&
		 json_scan(p, (size_t)(nl - p), NULL, NULL, NULL) == 0)
		rc = by_lines(p, n, &t);
	else
		rc = with_line(p, n, p, &why, e);
	*form = t.form;
	return rc;
}
