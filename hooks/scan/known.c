/*
 * known: findings somebody has looked at already.
 *
 * Owns the lines of .gitleaksignore (file:rule:line, commit:file:rule:line, or
 * rule:hash, see findings.c) and the comparison with a baseline: rule, file, commit, start line and
 * secret.  gitleaks compares every field, so that a baseline of another
 * version or with other columns knows nothing; and leaves the secret out
 * under --redact, where we take a redacted baseline at its word only.
 *
 * An unreadable baseline is an error: going on would report, or worse, hide
 * the wrong things.
 */
#include "hooks/scan/known.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/jsonwalk.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/report.h"

#define IGNORE_MAX (16u * 1024 * 1024)
#define BASELINE_MAX (256u * 1024 * 1024)

struct known_row {
	unsigned char place[16], secret[16];
	bool redacted;
};

static const unsigned char fixed_key[DIGEST_KEY] = "curfew-scan baseline";

void known_release(struct known *k)
{
	strings_free(&k->ignore);
	mem_free(k->row);
	memset(k, 0, sizeof(*k));
}

/* ---- .gitleaksignore ----------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int ignore_line(struct known *k, char *line, struct err *e)
{
	size_t n, colons = 0;
	char *p;

	line += strspn(line, " \t\r");
	for (n = strlen(line); n && strchr(" \t\r", line[n - 1]); n--)
		line[n - 1] = '\0';
	if (!*line || *line == '#')
		return 0;
	for (p = line; *p; p++)
		colons += *p == ':';
	if (colons < 1 || colons > 3)
		log_line(LOG_WARNING, ".gitleaksignore: '%s' is none of "
			 "file:rule:line, commit:file:rule:line and rule:hash",
			 line);
	for (p = line; (p = strchr(p, '\\')); p++)
		*p = '/';
	return strings_add(&k->ignore, line, e);
}

int known_ignore(struct known *k, const char *path, bool must, struct err *e)
{
	struct buf b = BUF_INIT(IGNORE_MAX);
	char *full = NULL, *rest, *line;
	struct stat st;
	int rc = -1;

	if (!stat(path, &st) && S_ISDIR(st.st_mode))
		full = io_path(path, ".gitleaksignore");
	else if (must)
		full = mem_strdup(path);
	else
		return 0; /* a file that is scanned, not a list */
	if (!full) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (access(full, F_OK) && (!must || strcmp(full, path) != 0)) {
		rc = 0;
		goto out;
	}
	if (io_read_file(full, IO_ANY, IGNORE_MAX, &b, e))
		goto out;
	for (rest = b.p; (line = strsep(&rest, "\n"));)
		if (ignore_line(k, line, e))
			goto out;
	if (k->ignore.n)
		qsort(k->ignore.v, k->ignore.n, sizeof(*k->ignore.v), by_text);
	rc = 0;
out:
	buf_release(&b);
	mem_free(full);
	return rc;
}

static bool ignored(const struct known *k, const char *print)
{
	return k->ignore.n &&
	       bsearch(&print, k->ignore.v, k->ignore.n, sizeof(*k->ignore.v),
		       by_text);
}

/* ---- the baseline -------------------------------------------------------- */

static int place_of(const char *rule, const char *file, const char *commit,
		    int64_t line, unsigned char out[static 16])
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&b, NULL, "%s%c%s%c%s%c%lld", rule, 1, file, 1,
			    commit, 1, (long long)line);

	if (!rc)
		digest_keyed(fixed_key, b.p, b.len, out, 16);
	buf_release(&b);
	return rc;
}

static int by_place(const void *a, const void *b)
{
	const struct known_row *x = a, *y = b;

	return memcmp(x->place, y->place, sizeof(x->place));
}

static bool is_redacted(const char *secret)
{
	size_t n = strlen(secret);

	return !strcmp(secret, "REDACTED") ||
	       (n >= 3 && !strcmp(secret + n - 3, "..."));
}

enum { M_RULE, M_FILE, M_COMMIT, M_SECRET, MEMBERS };

/* One finding of the report, member by member: no tree is built, so a report
 * takes its own size and 40 bytes a finding. */
struct reading {
	struct known *k;
	size_t room;
	struct buf text[MEMBERS];
	int64_t line;
	struct err *e;
};

static void begin_row(struct reading *r)
{
	size_t i;

	for (i = 0; i < MEMBERS; i++)
		buf_reset(&r->text[i]);
	r->line = 0;
}

static const char *member_text(const struct reading *r, size_t i)
{
	return r->text[i].len ? r->text[i].p : "";
}

static int end_row(struct reading *r)
{
	const char *secret = member_text(r, M_SECRET);
	struct known_row *row;

	if (r->k->rows == r->room) {
		size_t room = r->room ? 2 * r->room : 256;

		row = mem_realloc(r->k->row, room * sizeof(*row));
		if (!row)
			return err_fail(r->e, ERR_NOMEM, NULL, "out of memory");
		r->k->row = row;
		r->room = room;
	}
	row = &r->k->row[r->k->rows];
	row->redacted = is_redacted(secret);
	digest_keyed(fixed_key, secret, strlen(secret), row->secret,
		     sizeof(row->secret));
	/* what is too long for a place is no finding of ours */
	if (!place_of(member_text(r, M_RULE), member_text(r, M_FILE),
		      member_text(r, M_COMMIT), r->line, row->place))
		r->k->rows++;
	return 0;
}

static int take_text(struct buf *to, const struct jsonwalk *w, struct err *e)
{
	size_t n = json_unescape(w->at, w->n, NULL);

	buf_reset(to);
	if (buf_reserve(to, n + 1, e))
		return -1;
	to->len = json_unescape(w->at, w->n, (unsigned char *)to->p);
	to->p[to->len] = '\0';
	return 0;
}

static int on_value(const struct jsonwalk *w, enum jsonwalk_what what, void *arg)
{
	static const char *const name[MEMBERS] = { "RuleID", "File", "Commit",
						   "Secret" };
	struct reading *r = arg;
	char digits[24];
	size_t i;

	if (what == JSONWALK_OPEN && !w->names)
		begin_row(r);
	else if (what == JSONWALK_CLOSE && !w->names)
		return end_row(r);
	else if (what == JSONWALK_WORD && jsonwalk_is(w, "StartLine") &&
		 w->n < sizeof(digits)) {
		memcpy(digits, w->at, w->n);
		digits[w->n] = '\0';
		(void)text_int(digits, 0, INT64_MAX, &r->line);
	}
	for (i = 0; what == JSONWALK_STRING && i < MEMBERS; i++)
		if (jsonwalk_is(w, name[i]))
			return take_text(&r->text[i], w, r->e);
	return 0;
}

int known_baseline(struct known *k, const char *path, struct err *e)
{
	struct reading r = { .k = k, .e = e };
	struct buf b = BUF_INIT(BASELINE_MAX);
	size_t i;
	int rc = -1;

	for (i = 0; i < MEMBERS; i++)
		r.text[i] = (struct buf)BUF_INIT(BASELINE_MAX);
	if (io_read_file(path, IO_ANY, BASELINE_MAX, &b, e))
		goto out;
	if (!b.len || b.p[strspn(b.p, " \t\r\n")] != '[' ||
	    json_scan(b.p, b.len, NULL, NULL, e)) {
		err_fail(e, ERR_FORMAT, path, "no JSON report: an array of "
			 "findings was expected");
		goto out;
	}
	mem_free(k->row);
	k->row = NULL;
	k->rows = 0;
	if (jsonwalk(b.p, b.len, on_value, &r))
		goto out;
	if (k->rows)
		qsort(k->row, k->rows, sizeof(*k->row), by_place);
	rc = 0;
out:
	if (rc)
		err_ctx(e, path, "read the baseline");
	for (i = 0; i < MEMBERS; i++)
		buf_release(&r.text[i]);
	buf_release(&b);
	return rc;
}

/* As the report has it, in which there is no byte that is no UTF-8. */
static bool reported(const struct finding *f, struct known_row *row)
{
	struct buf file = BUF_INIT(BUF_REPORT_MAX);
	struct buf secret = BUF_INIT(BUF_REPORT_MAX);
	bool ok = !report_utf8(&file, f->file, strlen(f->file), NULL) &&
		  !report_utf8(&secret, f->secret, f->n_secret, NULL) &&
		  !place_of(f->rule->id, file.len ? file.p : "", f->commit,
			    (int64_t)f->start_line, row->place);

	if (ok)
		digest_keyed(fixed_key, secret.len ? secret.p : "", secret.len,
			     row->secret, sizeof(row->secret));
	buf_release(&file);
	buf_release(&secret);
	return ok;
}

static bool in_baseline(const struct known *k, const struct finding *f)
{
	struct known_row want = { .redacted = false };
	size_t low = 0, high = k->rows;

	if (!k->rows || !reported(f, &want))
		return false;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_place(&k->row[mid], &want) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < k->rows && !by_place(&k->row[low], &want); low++)
		if (k->row[low].redacted ||
		    !memcmp(k->row[low].secret, want.secret, sizeof(want.secret)))
			return true;
	return false;
}

/* ---- both ---------------------------------------------------------------- */

size_t known_drop(struct known *k, struct findings *list)
{
	size_t i, kept = 0, all = list->n;

	for (i = 0; i < all; i++) {
		struct finding *f = &list->v[i];
		const char *anywhere = f->fingerprint;

		if (*f->commit) /* the same without the commit */
			anywhere += strlen(f->commit) + 1;
		if (ignored(k, f->fingerprint) || ignored(k, anywhere) ||
		    ignored(k, f->content) ||
		    in_baseline(k, f)) {
			finding_release(f);
			continue;
		}
		if (kept != i) {
			list->v[kept] = *f;
			memset(f, 0, sizeof(*f));
		}
		kept++;
	}
	list->n = kept;
	return all - kept;
}
