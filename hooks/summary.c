/*
 * summary: what a scan says about itself on standard error.
 *
 * Promises: silence is never the answer: who scans nothing by mistake sees how
 * little was looked at.  Never a path or text of what was scanned but the rule
 * file's name.
 */
#include "hooks/summary.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "hooks/scan/rules.h"

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static double megabytes(uint64_t bytes)
{
	return (double)bytes / 1e6;
}

void summary_line(const struct summary *s)
{
	const struct tally *t = s->tally;
	size_t rules = s->engine->rules->n;
	unsigned long long of = t->objects ? t->objects : t->texts;

	if (s->found)
		fprintf(stderr, "curfew-scan: %zu finding%s in ", s->found,
			plural(s->found));
	else
		fputs("curfew-scan: no secret found in ", stderr);
	if (t->commits)
		fprintf(stderr, "%llu commit%s, ", (unsigned long long)t->commits,
			plural(t->commits));
	fprintf(stderr, "%llu %s%s (%.*f MB of text), by %zu rule%s, in %.1f s%s\n",
		of, t->objects ? "object" : "text", plural(of),
		t->bytes < 1000000 ? 3 : 1, megabytes(t->bytes), rules,
		plural(rules), (double)s->ms / 1e3,
		t->problems ? "; not everything could be looked at" : "");
}

/* Threads side by side count once. */
void summary_stats(const struct summary *s)
{
	static const char *const name[PHASES] = { "inflate", "match", "confirm",
						  "decode" };
	const struct tally *t = s->tally;
	double ms = (double)(s->ms ? s->ms : 1), all = ms * 1e6;
	unsigned i;

	fprintf(stderr, "curfew-scan: %zu finding%s; %llu texts, %.1f MB looked "
		"at, %.1f MB matched, %llu binary, %llu archives, %llu problems, "
		"%lld ms\n", s->found, plural(s->found),
		(unsigned long long)t->texts,
		megabytes(t->bytes), megabytes(t->matched),
		(unsigned long long)t->binary, (unsigned long long)t->archives,
		(unsigned long long)t->problems, (long long)s->ms);
	fprintf(stderr, "curfew-scan: %.0f MB/s;", (double)t->bytes / 1e3 / ms);
	for (i = 0; i < PHASES; i++)
		fprintf(stderr, " %s %.0f%%,", name[i],
			100.0 * (double)t->spent[i] / (double)s->threads / all);
	fprintf(stderr, " attribute %.0f%% (%lld threads)\n",
		100.0 * (double)t->attribute_ns / all, (long long)s->threads);
}

void summary_rules(const struct engine *g, const char *from)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);

	if (!text_escape(&b, from, strlen(from), NULL) && b.p)
		fprintf(stderr, "curfew-scan: rules of %s (%zu), not curfew's own; "
			"--built-in takes those, '[extend] useDefault = true' in "
			"the file takes both\n", b.p, g->rules->n);
	buf_release(&b);
}
