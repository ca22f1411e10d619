/*
 * curfew-provider-program: a sink that hands secrets to a program of the
 * operator's (docs/providers/sinks.md).  Line protocol 1.
 *
 * The program gets the secret on its standard input, never as an argument or
 * in the environment, and its exit status is the outcome.  It may be any
 * language; it runs in this process's sandbox.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "providers/sink/delivery.h"
#include "providers/sink/render.h"
#include "providers/sink/run.h"

#define NOT_NOW 75 /* EX_TEMPFAIL of sysexits.h: nothing was done */
#define NO 77	   /* EX_NOPERM: refused */

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"use_program\",\"help\":\"/path of the program, started as PROGRAM deliver "
		"PLACE VERSION FROM with the secret on its standard input, and as PROGRAM "
		"adopted PLACE VERSION; exit 0 yes, 75 not now, 77 refused\"},"
	"{\"name\":\"format\",\"default\":\"plain\",\"help\":\"what it gets: plain (the secret "
		"alone) or json (with the delivery's fields)\"},"
	"{\"name\":\"write.*\",\"help\":\"write.NAME=/path: a folder that the program may "
		"write\"},"
	"{\"name\":\"use_file.*\",\"help\":\"use_file.NAME=/path: one that it may read\"}],"
	"\"secret\":\"none\",\"secret_help\":\"\",\"facts\":{}}";

struct sink {
	const char *program;
	bool json;
};

static int open_sink(const struct kit_connection *c, void **session, struct err *e)
{
	const char *program = kit_option(c, "use_program", NULL);
	const char *format = kit_option(c, "format", "plain");
	struct sink *s;
	struct stat st;

	if (!program || program[0] != '/' || stat(program, &st) || !S_ISREG(st.st_mode) ||
	    !(st.st_mode & 0111))
		return err_fail(e, ERR_CONFIG, "use_program", "it names no program (/path)");
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0022))
		return err_fail(e, ERR_POLICY, program,
				"others than root and us can change this program");
	if (strcmp(format, "plain") != 0 && strcmp(format, "json") != 0)
		return err_fail(e, ERR_CONFIG, format, "option format is plain or json");
	s = mem_zalloc(sizeof(*s));
	if (!s)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	*s = (struct sink){ program, !strcmp(format, "json") };
	*session = s;
	return 0;
}

static void close_sink(void *session)
{
	mem_free(session);
}

/* A place that could be taken for an option, or a second line, is none. */
static bool place_fits(const char *s)
{
	return *s && *s != '-' && text_utf8(s, strlen(s)) && !strpbrk(s, "\n\r\t");
}

/* What did not start was not done; what was ended by us may have been. */
static int not_run(struct kit_reply *r, const struct err *e)
{
	char text[1600];

	err_format(e, text, sizeof(text));
	return kit_say(r, e->code == ERR_POLICY ? KIT_REFUSED :
			  e->code == ERR_TIMEOUT ? KIT_UNKNOWN : KIT_RETRY, "%.399s", text);
}

/* The first line it wrote, if it is fit to be told. */
static bool line_of(const struct ran *ran, char out[200])
{
	size_t n = ran->out.len ? strcspn(ran->out.p, "\n") : 0;

	out[0] = 0;
	if (!n || n >= 200 || !text_utf8(ran->out.p, n))
		return false;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)ran->out.p[i] < 0x20)
			return false;
	n = (size_t)snprintf(out, 200, "%.*s", (int)n, ran->out.p);
	return secret_redact(out, &n) == 0; /* never the secret back */
}

static int outcome(const struct sink *s, const struct ran *ran, struct kit_reply *r,
		   struct err *e)
{
	char line[200];

	if (ran->status == 0 && ran->fed) {
		if (!json_set_str(kit_body(r), "read_back", "cannot") ||
		    !json_set_bool(r->body, "acknowledged", true) ||
		    (line_of(ran, line) &&
		     !json_set_str(r->body, "place_version", line)))
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		return kit_say(r, KIT_OK, "%s", "");
	}
	if (ran->status == 0)
		return kit_say(r, KIT_UNKNOWN, "%.150s ended well without reading all of "
			       "the secret", s->program);
	if (ran->status < 0)
		return kit_say(r, KIT_UNKNOWN, "%.150s was ended by a signal", s->program);
	return kit_say(r, ran->status == NOT_NOW ? KIT_RETRY :
			  ran->status == NO ? KIT_REFUSED : KIT_UNKNOWN,
		       "%.150s ended with status %d%s%.150s", s->program, ran->status,
		       *ran->said ? ": " : "", ran->said);
}

static bool request_fits(const struct kit_request *q, char version[24], struct kit_reply *r)
{
	int64_t v;

	if (!place_fits(q->account))
		kit_say(r, KIT_REFUSED, "it is no place: one line that begins with no '-'");
	else if (!json_int(q->args, "version", &v) || v < 1)
		kit_say(r, KIT_REFUSED, "the request has no version (an integer from 1)");
	else
		return snprintf(version, 24, "%lld", (long long)v) > 0;
	return false;
}

static int deliver(void *session, const struct kit_connection *c,
		   const struct kit_request *q, struct kit_stream *st,
		   struct kit_reply *r, struct err *e)
{
	const struct sink *s = session;
	const char *from = json_str(q->args, "from");
	const struct render how = { .as = RENDER_JSON, .section = "" };
	struct buf text = BUF_INIT(PLACE_MAX);
	struct ran ran = RAN_INIT;
	struct err mine = ERR_INIT;
	char version[24];
	int rc = 0;

	(void)c;
	(void)st;
	if (!q->secret)
		return kit_say(r, KIT_REFUSED, "deliver needs the secret");
	if (!request_fits(q, version, r))
		return 0;
	if (s->json && render(&how, json_get(q->args, "fields"), q->secret, &text, &mine)) {
		rc = kit_say(r, KIT_REFUSED, "%.300s", mine.cause);
	} else {
		const char *const argv[] = { "deliver", q->account, version,
					     from && place_fits(from) ? from : "", NULL };
		const struct run what = { .program = s->program, .argv = argv,
					  .secret = s->json ? NULL : q->secret,
					  .in = s->json ? &text : NULL };

		rc = run(&what, &ran, &mine) ? not_run(r, &mine) :
					       outcome(s, &ran, r, e);
	}
	buf_release(&text);
	buf_release(&ran.out);
	return rc;
}

static int adopted(void *session, const struct kit_connection *c,
		   const struct kit_request *q, struct kit_stream *st,
		   struct kit_reply *r, struct err *e)
{
	const struct sink *s = session;
	struct ran ran = RAN_INIT;
	struct err mine = ERR_INIT;
	char version[24], line[200];
	int rc = 0;

	(void)c;
	(void)st;
	if (!request_fits(q, version, r))
		return 0;
	const char *const argv[] = { "adopted", q->account, version, NULL };
	const struct run what = { .program = s->program, .argv = argv };

	if (run(&what, &ran, &mine)) {
		rc = not_run(r, &mine);
	} else if (ran.status != 0 && ran.status != 1) {
		rc = kit_say(r, KIT_UNKNOWN, "%.150s ended with status %d%s%.150s",
			     s->program, ran.status, *ran.said ? ": " : "", ran.said);
	} else if (!json_set_bool(kit_body(r), "adopted", ran.status == 0)) {
		rc = err_fail(e, ERR_NOMEM, NULL, "out of memory");
	} else {
		rc = kit_say(r, KIT_OK, "%.90s answered %d%s%.190s", s->program, ran.status,
			     line_of(&ran, line) ? ": " : "", line);
	}
	buf_release(&ran.out);
	return rc;
}

static const struct provider provider = {
	.name = "program",
	.describe = describe,
	.parallel = 4,
	.open = open_sink,
	.close = close_sink,
	.verbs = {
		{ "list", delivery_list },
		{ "deliver", deliver },
		{ "adopted", adopted },
		{ .verb = NULL },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&provider, argc, argv);
}
