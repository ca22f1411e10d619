/*
 * report_sarif: SARIF 2.1.0 with the members that gitleaks v8 writes, plus
 * `level` and our confidence.  All rules are listed, used or not.
 */
#include <string.h>

#include "base/clock.h"
#include "hooks/scan/report.h"

#define Q(s) report_quote(out, s, strlen(s), e)
#define P(...) buf_printf(out, e, __VA_ARGS__)

static int rules(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	for (i = 0; i < r->rules->n; i++) {
		const struct rule *u = &r->rules->rule[i];

		if (P("%s      {\n       \"id\": ", i ? ",\n" : "") || Q(u->id) ||
		    P(",\n       \"shortDescription\": {\n        \"text\": ") ||
		    Q(u->description) || P("\n       }\n      }"))
			return -1;
	}
	return 0;
}

static int message(const struct finding *f, struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	int rc = buf_printf(&b, e, "%s has detected secret for file %s%s%s.",
			    f->rule->id, f->file,
			    *f->commit ? " at commit " : "", f->commit);

	if (!rc)
		rc = report_quote(out, b.p, b.len, e);
	buf_release(&b);
	return rc;
}

/* A rule on names has no line; SARIF counts from 1. */
static size_t from_one(size_t n)
{
	return n ? n : 1;
}

static int place(const struct report *r, const struct finding *f,
		 struct buf *out, struct err *e)
{
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	int rc = report_secret(r, f, &b, e);

	if (!rc)
		rc = P("    \"locations\": [\n     {\n"
		       "      \"physicalLocation\": {\n"
		       "       \"artifactLocation\": {\n        \"uri\": ") ||
		     Q(*f->symlink ? f->symlink : f->file) ||
		     P("\n       },\n       \"region\": {\n"
		       "        \"startLine\": %zu,\n"
		       "        \"startColumn\": %zu,\n"
		       "        \"endLine\": %zu,\n"
		       "        \"endColumn\": %zu,\n"
		       "        \"snippet\": {\n         \"text\": ",
		       from_one(f->start_line), from_one(f->start_column),
		       from_one(f->end_line), from_one(f->end_column)) ||
		     report_quote(out, b.p ? b.p : "", b.len, e) ||
		     P("\n        }\n       }\n      }\n     }\n    ],\n");
	buf_release(&b);
	return rc;
}

static int result(const struct report *r, const struct finding *f,
		  struct buf *out, struct err *e)
{
	char date[CLOCK_TEXT];
	size_t i;

	if (P("   {\n    \"message\": {\n     \"text\": ") ||
	    message(f, out, e) || P("\n    },\n    \"ruleId\": ") ||
	    Q(f->rule->id) ||
	    P(",\n    \"level\": \"%s\",\n",
	      f->confidence == CONFIDENCE_HIGH ? "error" : "warning") ||
	    place(r, f, out, e) ||
	    P("    \"partialFingerprints\": {\n     \"commitSha\": ") ||
	    Q(f->commit) || P(",\n     \"email\": ") || Q(f->email) ||
	    P(",\n     \"author\": ") || Q(f->author) ||
	    P(",\n     \"date\": ") || Q(clock_text(f->date_ms, date)) ||
	    P(",\n     \"commitMessage\": ") || Q(f->message) ||
	    P(",\n     \"curfewContent/v1\": ") || Q(f->content) ||
	    P("\n    },\n    \"properties\": {\n     \"confidence\": ") ||
	    Q(confidence_word(f->confidence)) || P(",\n     \"tags\": ["))
		return -1;
	for (i = 0; i < f->tags.n; i++)
		if (P("%s", i ? ", " : "") || Q(f->tags.v[i]))
			return -1;
	return P("]\n    }\n   }");
}

int report_sarif(const struct report *r, struct buf *out, struct err *e)
{
	size_t i;

	if (P("{\n \"$schema\": \"https://json.schemastore.org/sarif-2.1.0.json\","
	      "\n \"version\": \"2.1.0\",\n \"runs\": [\n  {\n"
	      "   \"tool\": {\n    \"driver\": {\n     \"name\": \"curfew-scan\",\n"
	      "     \"semanticVersion\": \"v" CURFEW_VERSION "\",\n"
	      "     \"rules\": [\n") ||
	    rules(r, out, e) ||
	    P("\n     ]\n    }\n   },\n   \"results\": [%s",
	      r->list->n ? "\n" : ""))
		return -1;
	for (i = 0; i < r->list->n; i++)
		if (P("%s", i ? ",\n" : "") || result(r, &r->list->v[i], out, e))
			return -1;
	return P("%s]\n  }\n ]\n}\n", r->list->n ? "\n   " : "");
}
