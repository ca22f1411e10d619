/*
 * findings: what the reports tell, one row per finding.
 *
 * Owns lines and columns: both count from 1, columns in bytes, the end column
 * is that of the last byte.  A match is told without newlines at its ends.
 */
#include "hooks/scan/findings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/generic.h"

void finding_release(struct finding *f)
{
	mem_free(f->secret);
	mem_free(f->match);
	mem_free(f->line);
	mem_free(f->file);
	mem_free(f->symlink);
	mem_free(f->object);
	mem_free(f->commit);
	mem_free(f->author);
	mem_free(f->email);
	mem_free(f->message);
	mem_free(f->fingerprint);
	mem_free(f->content);
	strings_free(&f->refs);
	strings_free(&f->tags);
	strings_free(&f->reasons);
	memset(f, 0, sizeof(*f));
}

void findings_release(struct findings *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		finding_release(&f->v[i]);
	mem_free(f->v);
	memset(f, 0, sizeof(*f));
}

void findings_drop(struct findings *f, size_t i)
{
	finding_release(&f->v[i]);
	memmove(f->v + i, f->v + i + 1, (f->n - i - 1) * sizeof(*f->v));
	f->n--;
}

size_t findings_sift(struct findings *f, finding_question keep, void *arg)
{
	size_t i, kept = 0, all = f->n;

	for (i = 0; i < f->n; i++)
		if (keep(&f->v[i], arg))
			f->v[kept++] = f->v[i];
		else
			finding_release(&f->v[i]);
	f->n = kept;
	return all - kept;
}

static int room(struct findings *list, struct err *e)
{
	size_t cap = list->cap ? list->cap * 2 : 64;
	struct finding *v;

	if (list->n < list->cap)
		return 0;
	v = cap > FINDINGS_MAX ? NULL : mem_realloc(list->v, cap * sizeof(*v));
	if (!v)
		return err_fail(e, ERR_NOMEM, NULL, "over %zu findings", list->n);
	list->v = v;
	list->cap = cap;
	return 0;
}

int findings_move(struct findings *from, size_t i, struct findings *to,
		  struct err *e)
{
	if (room(to, e))
		return -1;
	to->v[to->n++] = from->v[i];
	memset(&from->v[i], 0, sizeof(*from->v));
	return 0;
}

int finding_set(char **field, const char *value, struct err *e)
{
	char *copy = mem_strdup(value ? value : "");

	if (!copy)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	mem_free(*field);
	*field = copy;
	return 0;
}

static char *copy_bytes(const char *p, size_t n)
{
	char *c = mem_alloc(n + 1);

	if (c) {
		memcpy(c, p, n);
		c[n] = '\0';
	}
	return c;
}

static size_t count_lines(const char *p, size_t n)
{
	const char *end = p + n;
	size_t lines = 0;

	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		lines++;
		p++;
	}
	return lines;
}

/* Lines and columns of [start, end); goes on from the place before, so that
 * many findings in one text are not counted from its start each time. */
static void place(struct findings *l, struct finding *f, const char *text,
		  size_t start, size_t end)
{
	size_t at = 0, line = 1, line_start = 0, last;
	const char *nl;

	if (l->cursor.text == text && l->cursor.at <= start) {
		at = l->cursor.at;
		line = l->cursor.line;
		line_start = l->cursor.line_start;
	}
	while ((nl = memchr(text + at, '\n', start - at))) {
		line++;
		line_start = at = (size_t)(nl - text) + 1;
	}
	l->cursor.text = text;
	l->cursor.at = start;
	l->cursor.line = line;
	l->cursor.line_start = line_start;
	f->start_line = line;
	f->start_column = start - line_start + 1;
	last = end > start ? end - 1 : start;
	f->end_line = line + count_lines(text + start, last - start);
	nl = memrchr(text + start, '\n', last - start);
	f->end_column = nl ? (size_t)(text + last - nl)
			   : last - line_start + 1;
}

/* As gitleaks tags them. */
static int tag_decoded(struct finding *f, uint32_t how, struct err *e)
{
	char word[40];
	unsigned i;

	for (i = 0; i <= CODING_GZIP; i++) {
		if (!(how >> 8 & 1u << i))
			continue;
		snprintf(word, sizeof(word), "decoded:%s",
			 coding_word((enum coding)i));
		if (strings_add(&f->tags, word, e))
			return -1;
	}
	snprintf(word, sizeof(word), "decode-depth:%u", how & 255);
	return strings_add(&f->tags, word, e);
}

/* "entropy of the value: +0.80" */
static int tell_reasons(struct finding *f, const char *text, size_t n,
			const struct mark *m, struct err *e)
{
	struct generic_reason why[GENERIC_REASONS];
	struct generic_verdict v;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	size_t i;
	int rc = 0;

	if (!f->rule->scored || !generic_judge(text, n, m->start, m->end, &v))
		return 0;
	generic_explain(text, n, m->start, &v, why);
	for (i = 0; i < GENERIC_REASONS && !rc; i++) {
		b.len = 0;
		rc = buf_printf(&b, e, "%s: %+.2f",
				generic_feature_text(why[i].feature),
				(double)why[i].share / 1024);
		if (!rc)
			rc = strings_add(&f->reasons, b.p, e);
	}
	buf_release(&b);
	return rc;
}

struct finding *findings_add(struct findings *list, const struct scanner *s,
			     const char *text, size_t n, const struct mark *m,
			     struct err *e)
{
	const struct found_secret *secret = secrets_get(s->secrets, m->secret);
	const struct found_secret *origin = m->origin == SECRET_NONE
		? NULL : secrets_get(s->origins, m->origin);
	size_t start = m->start, end = m->end, from, to, i;
	struct finding *f;

	if (room(list, e))
		return NULL;
	f = memset(&list->v[list->n], 0, sizeof(*f));
	if (!origin && m->at + m->len > end) /* a scored rule's match is its anchor */
		end = m->at + m->len;
	while (start < end && text[start] == '\n')
		start++;
	while (end > start && text[end - 1] == '\n')
		end--;
	scan_lines(text, n, start, end, &from, &to);
	if (!s->keep_lines)
		to = from;
	f->rule = &matcher_rules(s->matcher)->rule[m->rule];
	f->secret = copy_bytes(secret->text, secret->len);
	f->n_secret = secret->len;
	f->n_match = origin ? origin->len : end - start;
	f->match = copy_bytes(origin ? origin->text : text + start, f->n_match);
	f->line = copy_bytes(text + from, to - from);
	f->n_line = to - from;
	f->entropy = secret->entropy;
	f->confidence = (enum confidence)m->confidence;
	f->objects = 1;
	f->allowed = m->flags & MARK_ALLOWED;
	place(list, f, text, start, end);
	if (!f->secret || !f->match || !f->line) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto bad;
	}
	if (finding_set(&f->file, "", e) || finding_set(&f->symlink, "", e) ||
	    finding_set(&f->object, "", e) || finding_set(&f->commit, "", e) ||
	    finding_set(&f->author, "", e) || finding_set(&f->email, "", e) ||
	    finding_set(&f->message, "", e) ||
	    finding_set(&f->content, "", e) ||
	    finding_set(&f->fingerprint, "", e) ||
	    tell_reasons(f, text, n, m, e))
		goto bad;
	for (i = 0; i < f->rule->tags.n; i++)
		if (strings_add(&f->tags, f->rule->tags.v[i], e))
			goto bad;
	if (origin && tag_decoded(f, origin->rule, e))
		goto bad;
	list->n++;
	return f;
bad:
	finding_release(f);
	return NULL;
}

/* What the secret is, not where: survives a rebase, a move, a new line above.
 * The key is known to all, so that everybody who scans gets the same; who has
 * a guess can try it, which the documentation says.  A rule on names has the
 * path for a secret. */
static int content_print(struct finding *f, struct err *e)
{
	static const unsigned char key[DIGEST_KEY] = "curfew-scan content 1";
	const char *p = f->rule->regex || !f->rule->path ? f->secret : f->file;
	size_t n = p == f->secret ? f->n_secret : strlen(p);
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	unsigned char sum[16]; /* half of it is told */
	char hex[17];
	int rc;

	digest_keyed(key, p, n, sum, sizeof(sum));
	text_hex(sum, 8, hex);
	rc = buf_printf(&b, e, "%s:%s", f->rule->id, hex);
	if (!rc)
		rc = finding_set(&f->content, b.p, e);
	buf_release(&b);
	return rc;
}

int finding_fingerprint(struct finding *f, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc;

	if (content_print(f, e))
		return -1;
	rc = buf_printf(&b, e, "%s%s%s:%s:%zu", f->commit, *f->commit ? ":" : "",
			f->file, f->rule->id, f->start_line);
	if (!rc)
		rc = finding_set(&f->fingerprint, b.p, e);
	buf_release(&b);
	return rc;
}

static int compare(size_t a, size_t b)
{
	return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
	const struct finding *x = a, *y = b;
	int c = strcmp(x->file, y->file);

	if (!c)
		c = compare(x->start_line, y->start_line);
	if (!c)
		c = compare(x->start_column, y->start_column);
	if (!c)
		c = strcmp(x->rule->id, y->rule->id);
	if (!c)
		c = strcmp(x->commit, y->commit);
	return c ? c : strcmp(x->object, y->object);
}

void findings_sort(struct findings *f)
{
	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), by_place);
}
