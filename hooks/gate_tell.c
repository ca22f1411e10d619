/*
 * gate_tell: what the hooks say of what they found.
 *
 * Promises: never a secret, also where it stands in a path or a branch's name;
 * nothing a pusher chose steers the reader's terminal.  Output is short: it is
 * read through "remote: " lines.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "hooks/gate.h"

#define TOLD_MAX 10u
#define HIDDEN_MAX 1000u /* findings whose secrets are looked for in names */

static void put_bytes(const char *s, size_t n)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (!text_escape(&b, s, n, NULL) && b.p)
		fputs(b.p, stderr);
	buf_release(&b);
}

static void put(const char *s)
{
	put_bytes(s, strlen(s));
}

/* The first secret of any finding in the text; NULL: none. */
static const char *first_secret(const struct findings *list, const char *text,
				size_t *len)
{
	const char *first = NULL, *at;
	size_t i;

	for (i = 0; i < list->n && i < HIDDEN_MAX; i++) {
		const struct finding *f = &list->v[i];

		at = f->n_secret ? memmem(text, strlen(text), f->secret,
					  f->n_secret) : NULL;
		if (at && (!first || at < first || (at == first &&
						    f->n_secret > *len))) {
			first = at;
			*len = f->n_secret;
		}
	}
	return first;
}

/* A path or the name of a ref. */
static void put_name(const struct findings *list, const char *text)
{
	const char *at;
	size_t len = 0;

	while ((at = first_secret(list, text, &len))) {
		put_bytes(text, (size_t)(at - text));
		fputs("***", stderr);
		text = at + len;
	}
	put(text);
}

static void put_place(const struct findings *list, const struct finding *f)
{
	size_t i;

	fputs("  ", stderr);
	put_name(list, *f->file ? f->file : "(message or unnamed object)");
	fprintf(stderr, ":%zu  ", f->start_line);
	put(f->rule->id);
	if (*f->commit)
		fprintf(stderr, "  commit %.12s", f->commit);
	for (i = 0; i < f->refs.n && i < 3; i++) {
		fputs(i ? ", " : "  in ", stderr);
		put_name(list, f->refs.v[i]);
	}
	fputs("\n", stderr);
}

static void tell_one(const struct gate *g, const struct finding *f)
{
	put_place(&g->list, f);
	fputs("      ", stderr);
	put(f->rule->description);
	fputs("\n      ignore as ", stderr);
	put(f->content);
	if (f->allowed && g->server)
		fputs(g->allow_comments
			      ? "\n      the comment in its line needs "
				"curfew.spool, for its record"
			      : "\n      the comment in its line does not count "
				"here (curfew.allowComments is off)", stderr);
	fputs("\n", stderr);
}

void gate_tell_list(const struct gate *g)
{
	size_t i, n = g->list.n;

	fprintf(stderr, "curfew: %zu secret%s found:\n", n, n == 1 ? "" : "s");
	for (i = 0; i < n && i < TOLD_MAX; i++)
		tell_one(g, &g->list.v[i]);
	if (n > TOLD_MAX)
		fprintf(stderr, "  ... and %zu more\n", n - TOLD_MAX);
}

void gate_tell_stood(const struct gate *g)
{
	size_t i, n = 0;

	for (i = 0; i < g->list.n; i++) {
		if (!g->list.v[i].stood)
			continue;
		if (!n++)
			fputs("curfew: already in the repository before this "
			      "push, so not refused; revoke what still "
			      "works:\n", stderr);
		if (n <= TOLD_MAX)
			put_place(&g->list, &g->list.v[i]);
	}
	if (n > TOLD_MAX)
		fprintf(stderr, "  ... and %zu more\n", n - TOLD_MAX);
}

void gate_tell_passed(const struct gate *g)
{
	size_t i;

	fprintf(stderr, "curfew: %zu let through by the comment in the line, on "
		"record (curfew.allowComments):\n", g->passed.n);
	for (i = 0; i < g->passed.n && i < TOLD_MAX; i++)
		put_place(&g->passed, &g->passed.v[i]);
	if (i < g->passed.n)
		fprintf(stderr, "  ... and %zu more\n", g->passed.n - i);
}

static const char *objects(uint64_t n)
{
	return n == 1 ? "object was" : "objects were";
}

void gate_tell_override(const struct gate *g, const char *reason)
{
	const uint64_t n = g->tally.problems;

	fputs("curfew: let through, reason: ", stderr);
	put(reason);
	fputs("\n", stderr);
	if (n)
		fprintf(stderr, "curfew: %llu %s not looked at, or not whole: "
			"that is on record too\n", (unsigned long long)n,
			objects(n));
}

static void tell_option(const struct gate *g)
{
	if (g->allow_override)
		fputs("curfew: to push all the same, with your reason on record: "
		      "git push -o " GATE_OVERRIDE "REASON\n", stderr);
}

void gate_tell_help(const struct gate *g)
{
	fprintf(stderr, "curfew: refused. Whoever has seen it has the secret: "
		"revoke it first, then take it out of the commits%s.\n",
		!strcmp(g->hook, "pre-commit") ? " (git reset, edit)"
			: " (git rebase -i)");
	tell_option(g);
	if (g->server && !g->allow_comments)
		fputs("curfew: a false alarm: have who runs the server put its "
		      "'ignore as' into the file of curfew.ignoreFile\n",
		      stderr);
	else
		fputs("curfew: a false alarm gets 'curfew:allow' in a comment on "
		      "its line\n", stderr);
}

/* ---- not whole ----------------------------------------------------------- */

/* Time was over: said with the setting that gives more of it. */
static bool refused_late(const struct gate *g)
{
	char span[CLOCK_TEXT];

	clock_span(g->max_ms, span);
	if (g->accept_late) {
		fprintf(stderr, "curfew: let through: %llu %s not looked at, the "
			"time of %s was over (curfew.onTimeout = accept)\n",
			(unsigned long long)g->tally.unseen,
			objects(g->tally.unseen), span);
		return false;
	}
	fprintf(stderr, "curfew: refused: %llu %s not looked at, the time was "
		"over (curfew.maxTime, %s)\n"
		"curfew: push fewer commits at a time; who runs the server gives "
		"more time with 'git config curfew.maxTime 60s', or lets such "
		"pushes in unseen with 'git config curfew.onTimeout accept'\n",
		(unsigned long long)g->tally.unseen, objects(g->tally.unseen),
		span);
	return true;
}

static void tell_large(const struct gate *g)
{
	const uint64_t mb = (g->tally.largest + 999999) / 1000000;

	if (!g->tally.large)
		return;
	fprintf(stderr, "curfew: %llu over the %lld MB of curfew.maxFile",
		(unsigned long long)g->tally.large, (long long)g->file_mb);
	if (mb <= GATE_FILE_MB_MAX)
		fprintf(stderr, "; who runs the server allows more with 'git "
			"config curfew.maxFile %llu'", (unsigned long long)mb);
	fputs("\n", stderr);
}

/* What could not be read for another reason, named above. */
static bool refused_unread(const struct gate *g, uint64_t n)
{
	if (g->accept_unread) {
		fprintf(stderr, "curfew: let through: %llu %s not looked at "
			"whole (curfew.onUnread = accept)\n",
			(unsigned long long)n, objects(n));
		return false;
	}
	fprintf(stderr, "curfew: refused: %llu %s not looked at whole, see "
		"above\n", (unsigned long long)n, objects(n));
	tell_large(g);
	if (deadline_full(&g->deadline))
		fprintf(stderr, "curfew: its archives unpack to more than %lld "
			"MB; who runs the server allows more with 'git config "
			"curfew.maxUnpacked %lld'\n", (long long)g->unpack_mb,
			(long long)g->unpack_mb * 4);
	fputs("curfew: leave it out of the commits, or have who runs the server "
	      "let such pushes in with 'git config curfew.onUnread accept'\n",
	      stderr);
	return true;
}

bool gate_unseen_refused(const struct gate *g)
{
	const uint64_t late = g->tally.unseen, other = g->tally.problems - late;

	return (late && !g->accept_late) || (other && !g->accept_unread);
}

/* Not everything was looked at. */
int gate_incomplete(const struct gate *g)
{
	uint64_t late = g->tally.unseen, other = g->tally.problems - late;
	bool refuse = other && refused_unread(g, other);

	if (late && refused_late(g))
		refuse = true;
	if (refuse && !g->list.n) /* else it was said already */
		tell_option(g);
	return refuse ? EXIT_INCOMPLETE : EXIT_CLEAN;
}
