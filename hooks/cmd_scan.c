/*
 * curfew-scan scan: options, one source, one report.
 *
 * Owns the command line of the scan and its exit status.  Promises: when
 * anything could not be looked at the status is not 0.
 */
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/harden.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/hooks.h"
#include "hooks/scan/known.h"
#include "hooks/scan/own.h"
#include "hooks/scan/repo.h"
#include "hooks/scan/report.h"
#include "hooks/scan/revs.h"
#include "hooks/scan/source.h"
#include "hooks/summary.h"
#include "hooks/scan/weigh.h"

#define HELD_DEFAULT (200u * 1000 * 1000)
#define FILE_MAX_DEFAULT (256u * 1024 * 1024)
#define TARGET_MB_MAX 1000

struct scan_options {
	struct engine_options engine;
	const char *path, *report, *objects, *baseline, *ignore, *range;
	enum report_form form;
	bool form_given, use_stdin, stats, use_dir, whole, staged, missing_ok,
		progress, quiet, built_in,
		rules_named; /* on the command line */
	enum confidence least;
	int64_t exit_code, redact, threads, max_mb, memory_mb, max_ms;
};

enum {
	OPT_CONFIG = 256, OPT_FORM, OPT_REPORT, OPT_REDACT, OPT_EXIT,
	OPT_ALLOW, OPT_STDIN, OPT_STATS, OPT_LEAST, OPT_THREADS, OPT_MAX,
	OPT_DIR, OPT_BASELINE, OPT_IGNORE, OPT_WHOLE, OPT_OBJECTS, OPT_HELP,
	OPT_DECODE, OPT_ARCHIVE, OPT_RANGE, OPT_STAGED,
	OPT_MISSING, OPT_MEMORY, OPT_TIME, OPT_PROGRESS, OPT_KNOWN, OPT_KNOWN_KEY,
	OPT_CACHE, OPT_QUIET, OPT_BUILT_IN,
};

static const struct option options[] = {
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "report-format", required_argument, NULL, OPT_FORM },
	{ "report-path", required_argument, NULL, OPT_REPORT },
	{ "redact", optional_argument, NULL, OPT_REDACT },
	{ "exit-code", required_argument, NULL, OPT_EXIT },
	{ "ignore-gitleaks-allow", no_argument, NULL, OPT_ALLOW },
	{ "stdin", no_argument, NULL, OPT_STDIN },
	{ "dir", no_argument, NULL, OPT_DIR },
	{ "list-objects", required_argument, NULL, OPT_OBJECTS },
	{ "baseline-path", required_argument, NULL, OPT_BASELINE },
	{ "gitleaks-ignore-path", required_argument, NULL, OPT_IGNORE },
	{ "range", required_argument, NULL, OPT_RANGE },
	{ "log-opts", required_argument, NULL, OPT_RANGE },
	{ "staged", no_argument, NULL, OPT_STAGED },
	{ "missing-ok", no_argument, NULL, OPT_MISSING },
	{ "max-memory", required_argument, NULL, OPT_MEMORY },
	{ "max-time", required_argument, NULL, OPT_TIME },
	{ "progress", no_argument, NULL, OPT_PROGRESS },
	{ "whole", no_argument, NULL, OPT_WHOLE },
	{ "stats", no_argument, NULL, OPT_STATS },
	{ "min-confidence", required_argument, NULL, OPT_LEAST },
	{ "max-decode-depth", required_argument, NULL, OPT_DECODE },
	{ "max-archive-depth", required_argument, NULL, OPT_ARCHIVE },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "max-target-megabytes", required_argument, NULL, OPT_MAX },
	{ "cache", required_argument, NULL, OPT_CACHE },
	{ "built-in", no_argument, NULL, OPT_BUILT_IN },
	{ "quiet", no_argument, NULL, OPT_QUIET },
	{ "known", required_argument, NULL, OPT_KNOWN },
	{ "known-key", required_argument, NULL, OPT_KNOWN_KEY },
	{ "no-banner", no_argument, NULL, 'v' },
	{ "no-color", no_argument, NULL, 'v' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, OPT_HELP },
	{ 0 },
};

const char scan_help[] =
	"usage: curfew-scan scan [OPTION]... [PATH]\n"
	"\n"
	"Look for secrets in all of a git repository's objects, or in a folder or\n"
	"file that is none (default: this folder).\n"
	"\n"
	"  --dir                      the files there, also of a repository\n"
	"  --staged                   what is staged and not in HEAD\n"
	"  --range REVS               what these commits brought, as git log has them:\n"
	"                             A..B, A...B, REV, ^REV, --all, --branches, --tags,\n"
	"                             -N, --no-merges (also --log-opts)\n"
	"  --missing-ok               what a shallow or partial clone lacks is told, but\n"
	"                             does not change the status\n"
	"  --stdin                    read standard input instead\n"
	"  --config FILE              rules (docs/rules.md); else $GITLEAKS_CONFIG,\n"
	"                             $GITLEAKS_CONFIG_TOML, PATH/.gitleaks.toml, built in\n"
	"  --built-in                 curfew's own rules, whatever the target or the\n"
	"                             environment has\n"
	"  --cache FOLDER             compiled rules are kept there\n"
	"  --known FILE               your own secrets, by value ('curfew hook publish')\n"
	"  --known-key HEX            who must have signed that file\n"
	"  --report-format FORM       text, json, csv, sarif or junit\n"
	"  --report-path FILE         write the report there; '-' is standard output\n"
	"  --redact[=PERCENT]         leave out that much of each secret (100)\n"
	"  --min-confidence WORD      low, medium or high (low)\n"
	"  --baseline-path FILE       leave out what this JSON report has\n"
	"  --gitleaks-ignore-path P   .gitleaksignore, or its folder (.); PATH's own\n"
	"                             is read too\n"
	"  --exit-code N              status when something was found (1)\n"
	"  --ignore-gitleaks-allow    comments 'gitleaks:allow' do not count\n"
	"  --max-target-megabytes N   name larger files instead of reading them (256)\n"
	"  --max-decode-depth N       layers of encoding that are taken off (5; 0: none)\n"
	"  --max-archive-depth N      archives in archives that are opened (3; 0: none)\n"
	"  --threads N                work in so many threads (all processors)\n"
	"  --max-time SPAN            stop looking after so long (60s, 10m): the rest is\n"
	"                             counted, exit status 4 unless something was found\n"
	"  --max-memory N             megabytes for texts, about: an object over a quarter\n"
	"                             of it is named instead of read (400; no such bound\n"
	"                             on objects when not given)\n"
	"  --progress                 show it though standard error is no terminal\n"
	"  --list-objects FILE        every object with a finding: id, rule, first and\n"
	"                             last byte, SHA-256 of the secret (16 digits), confidence\n"
	"  --whole                    do not use deltas (slow, same result)\n"
	"  --stats                    say on standard error what was read, and the time\n"
	"  -q, --quiet                no line of sums at the end\n"
	"  -h, --help                 this text\n"
	"\n"
	"Examples:\n"
	"  curfew-scan scan                        this repository, all of its history\n"
	"  curfew-scan scan --dir src              the files below src\n"
	"  curfew-scan scan --staged               before a commit\n"
	"  curfew-scan scan --range origin/main..  what is not pushed yet\n"
	"  git diff | curfew-scan scan --stdin\n"
	"  curfew-scan scan -f sarif -r out.sarif --redact\n"
	"  curfew-scan scan -r old.json; curfew-scan scan -b old.json   only what is new\n"
	"\n"
	"As in gitleaks: -c FILE, -f FORM, -r FILE, -b FILE, -i PATH; -v, --verbose,\n"
	"--no-banner and --no-color are taken, and change nothing.\n"
	"Exit status: 0 nothing found, 1 found, 3 error, 4 nothing found but not\n"
	"everything could be read, 126 wrong usage.\n";

static int number(const char *text, const char *name, int64_t low, int64_t high,
		  int64_t *out, struct err *e)
{
	if (text_int(text, low, high, out))
		return 0;
	return err_fail(e, ERR_USAGE, name, "wants a number from %lld to %lld",
			(long long)low, (long long)high);
}

/* Options that are a text. */
static const char **text_of(int c, struct scan_options *o)
{
	switch (c) {
	case 'c':
	case OPT_CONFIG:
		return &o->engine.config;
	case OPT_CACHE:
		return &o->engine.cache.own;
	case OPT_KNOWN:
		return &o->engine.known;
	case OPT_KNOWN_KEY:
		return &o->engine.known_key;
	case 'r':
	case OPT_REPORT:
		return &o->report;
	case OPT_RANGE:
		return &o->range;
	case OPT_OBJECTS:
		return &o->objects;
	case 'b':
	case OPT_BASELINE:
		return &o->baseline;
	case 'i':
	case OPT_IGNORE:
		return &o->ignore;
	default:
		return NULL;
	}
}

/* Options that stand alone. */
static bool *flag_of(int c, struct scan_options *o)
{
	switch (c) {
	case OPT_ALLOW:
		return &o->engine.ignore_allow;
	case OPT_STDIN:
		return &o->use_stdin;
	case OPT_DIR:
		return &o->use_dir;
	case OPT_STAGED:
		return &o->staged;
	case OPT_MISSING:
		return &o->missing_ok;
	case OPT_WHOLE:
		return &o->whole;
	case OPT_STATS:
		return &o->stats;
	case OPT_PROGRESS:
		return &o->progress;
	case 'q':
	case OPT_QUIET:
		return &o->quiet;
	case OPT_BUILT_IN:
		return &o->built_in;
	default:
		return NULL;
	}
}

/* 0 turns it off, which the engine is told as -1. */
static int depth(const char *name, unsigned most, int *out, struct err *e)
{
	int64_t n;

	if (number(optarg, name, 0, most, &n, e))
		return -1;
	*out = n ? (int)n : -1;
	return 0;
}

static int take(int c, struct scan_options *o, struct err *e)
{
	const char **text = text_of(c, o);
	bool *flag = flag_of(c, o);

	if (text)
		*text = optarg;
	if (flag)
		*flag = true;
	if (text || flag)
		return 0;
	switch (c) {
	case 'v': /* gitleaks': what it asks for is done anyway */
		return 0;
	case 'f':
	case OPT_FORM:
		o->form_given = true;
		if (report_form_parse(optarg, &o->form))
			return 0;
		return err_fail(e, ERR_USAGE, optarg, "no such report format");
	case OPT_REDACT:
		o->redact = 100;
		return optarg ? number(optarg, "--redact", 0, 100, &o->redact, e)
			      : 0;
	case OPT_EXIT:
		return number(optarg, "--exit-code", 0, 255, &o->exit_code, e);
	case OPT_LEAST:
		if (confidence_parse(optarg, &o->least))
			return 0;
		return err_fail(e, ERR_USAGE, optarg, "no such confidence");
	case OPT_THREADS:
		return number(optarg, "--threads", 1, 256, &o->threads, e);
	case OPT_DECODE:
		return depth("--max-decode-depth", DECODE_DEPTH_MAX,
			     &o->engine.decode_depth, e);
	case OPT_ARCHIVE:
		return depth("--max-archive-depth", UNPACK_DEPTH_MAX,
			     &o->engine.archive_depth, e);
	case OPT_MEMORY:
		return number(optarg, "--max-memory", 1, 1 << 20,
			      &o->memory_mb, e);
	case OPT_TIME:
		if (clock_parse_span(optarg, &o->max_ms) && o->max_ms > 0)
			return 0;
		return err_fail(e, ERR_USAGE, optarg,
				"--max-time takes a span such as 60s");
	case OPT_MAX:
		return number(optarg, "--max-target-megabytes", 1, TARGET_MB_MAX,
			      &o->max_mb, e);
	default:
		return err_fail(e, ERR_USAGE, NULL, "see 'curfew-scan scan --help'");
	}
}

static int parse(int argc, char **argv, struct scan_options *o, bool *help,
		 struct err *e)
{
	int c;

	opterr = 1;
	optind = 1;
	while ((c = getopt_long(argc, argv, "c:f:r:b:i:vqh", options, NULL)) != -1) {
		if (c == OPT_HELP || c == 'h')
			*help = true;
		else if (take(c, o, e))
			return -1;
	}
	if (argc - optind > 1)
		return err_fail(e, ERR_USAGE, argv[optind + 1],
				"one path at a time");
	if (o->built_in && o->engine.config)
		return err_fail(e, ERR_USAGE, "--built-in",
				"cannot be together with --config");
	if (o->use_stdin + o->staged + (o->range != NULL) > 1)
		return err_fail(e, ERR_USAGE, NULL, "one of --stdin, --staged "
				"and --range at a time");
	if (o->range && !o->range[strspn(o->range, " ")])
		return err_fail(e, ERR_USAGE, "--range", "is empty; --all takes "
				"the commits of all refs");
	o->path = optind < argc ? argv[optind] : ".";
	return 0;
}

static bool high_enough(const struct finding *f, void *arg)
{
	return f->confidence >= *(const enum confidence *)arg;
}

/* /dev/null, /dev/stdout, a pipe: written to, not replaced. */
static bool is_device(const char *path)
{
	struct stat st;

	return !stat(path, &st) && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int write_device(const char *path, const void *p, size_t n,
			struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return err_sys(e, path, "open");
	rc = io_write_all(fd, p, n, e);
	close(fd);
	return rc;
}

static int write_report(const struct scan_options *o, const struct engine *g,
			const struct findings *list, bool incomplete,
			struct err *e)
{
	struct report r = { .list = list, .rules = g->rules,
			    .redact = (unsigned)o->redact,
			    .incomplete = incomplete };
	enum report_form form = o->form;
	struct buf b = BUF_INIT(BUF_REPORT_MAX);
	int rc;

	if (!o->form_given && o->report)
		form = report_form_of(o->report);
	rc = report_write(&r, form, &b, e);
	if (!rc && o->report && strcmp(o->report, "-") != 0)
		rc = is_device(o->report)
			? write_device(o->report, b.p ? b.p : "", b.len, e)
			: io_write_atomic(o->report, b.p ? b.p : "", b.len, 0600, e);
	else if (!rc && b.len)
		rc = io_write_all(1, b.p, b.len, e);
	buf_release(&b);
	return rc;
}

static int read_range(const struct scan_options *o, const struct source *s,
		      struct err *e)
{
	struct revs revs;
	int rc;

	if (revs_parse(o->path, o->range, &revs, e))
		return -1;
	rc = source_range(s, o->path, &revs, e);
	revs_release(&revs);
	return rc;
}

static int read_source(const struct scan_options *o, const struct source *s,
		       struct err *e)
{
	if (o->use_stdin)
		return source_stdin(s, e);
	if (o->staged)
		return source_index(s, o->path, NULL, e);
	if (o->range)
		return read_range(o, s, e);
	if (!o->use_dir && repo_is(o->path))
		return source_git(s, o->path, e);
	return source_files(s, o->path, e);
}

static int drop_known(const struct scan_options *o, struct findings *list,
		      struct err *e)
{
	struct known k = { 0 };
	int rc = -1;

	if (known_ignore(&k, o->ignore ? o->ignore : ".", o->ignore != NULL, e) ||
	    (!o->use_stdin && known_ignore(&k, o->path, false, e)) ||
	    (o->baseline && known_baseline(&k, o->baseline, e)))
		goto out;
	known_drop(&k, list);
	rc = 0;
out:
	known_release(&k);
	return rc;
}

static bool is_elsewhere(const struct finding *f, void *arg)
{
	return strcmp(f->file, arg) != 0 || !strcmp(f->rule->id, OWN_RULE);
}

/* The rule file is full of what it looks for; a known secret is told even
 * there.  In a folder it is skipped, in history it has a path. */
static void drop_rule_file(const struct scan_options *o, const struct engine *g,
			   struct findings *list)
{
	char *top = realpath(o->path, NULL), *name = NULL;
	size_t n;

	if (g->rules_from && !o->use_stdin)
		name = realpath(g->rules_from, NULL);
	n = top && strcmp(top, "/") != 0 ? strlen(top) : 0;
	if (name && top && !strncmp(name, top, n) && name[n] == '/')
		findings_sift(list, is_elsewhere, name + n + 1);
	free(name); /* realpath's own, from malloc */
	free(top);
}

/* Half for bases that wait for their deltas, a quarter for one text or what an
 * archive unpacks to. */
static void bound_memory(const struct scan_options *o, struct engine *g,
			 struct source *src)
{
	size_t most = (size_t)o->memory_mb * 1000000;

	src->most_held = most ? most / 2 : HELD_DEFAULT;
	if (!most)
		return;
	if (src->max_file > most / 4)
		src->max_file = most / 4;
	if (g->unpack.bytes > most / 4)
		g->unpack.bytes = most / 4;
}

/* What is left of the findings for the report. */
static int sift(const struct scan_options *o, const struct engine *g,
		struct findings *list, struct err *e)
{
	enum confidence least = o->least;

	if (drop_known(o, list, e))
		return -1;
	drop_rule_file(o, g, list);
	weigh_findings(list, o->path);
	findings_sift(list, high_enough, &least);
	findings_sort(list);
	return 0;
}

/* What was over the limit was named; now what to type. */
static void tell_large(const struct scan_options *o, const struct tally *t)
{
	const uint64_t mb = (t->largest + 999999) / 1000000;
	const bool memory = o->memory_mb && o->memory_mb / 4 < o->max_mb;

	if (!t->large)
		return;
	fprintf(stderr, "curfew-scan: incomplete: %llu over the limit of %lld MB",
		(unsigned long long)t->large,
		(long long)(memory ? o->memory_mb / 4 : o->max_mb));
	if (mb > TARGET_MB_MAX)
		fprintf(stderr, "; none over %d MB can be looked at\n",
			TARGET_MB_MAX);
	else if (memory)
		fprintf(stderr, "; --max-memory %llu and --max-target-megabytes "
			"%llu take these\n", (unsigned long long)mb * 4,
			(unsigned long long)mb);
	else
		fprintf(stderr, "; --max-target-megabytes %llu takes these\n",
			(unsigned long long)mb);
}

static void tell(const struct scan_options *o, const struct summary *s)
{
	if (s->tally->unseen)
		fprintf(stderr, "curfew-scan: incomplete: the time was over "
			"(--max-time), %llu objects or files were not looked at\n",
			(unsigned long long)s->tally->unseen);
	tell_large(o, s->tally);
	if (!o->quiet)
		summary_line(s);
	if (o->stats)
		summary_stats(s);
}

static int status(const struct scan_options *o, size_t found,
		  const struct tally *t)
{
	int rc = found ? (int)o->exit_code : EXIT_CLEAN;

	/* also with --exit-code 0 */
	return t->problems && !rc ? EXIT_INCOMPLETE : rc;
}

static int run(const struct scan_options *o, struct err *e)
{
	struct findings list = { 0 };
	struct tally tally = { 0 };
	struct engine g = { 0 };
	struct source src = { .engine = &g, .tally = &tally, .list = &list,
			      .threads = (unsigned)o->threads,
			      .max_file = (size_t)o->max_mb * 1000000,
			      .skip = { NULL, o->baseline, o->report },
			      .missing_ok = o->missing_ok,
			      .whole = o->whole };
	struct buf objects = BUF_INIT(BUF_REPORT_MAX);
	struct progress progress = { .total = 0 };
	struct summary sum = { .engine = &g, .tally = &tally,
			       .threads = o->threads };
	struct deadline deadline;
	int64_t start = clock_mono_ms();
	int rc = EXIT_ERROR, failed;

	if (engine_open(&g, &o->engine, e) || harden_reader(NULL, 0, e))
		goto out;
	if (!o->rules_named && !o->quiet && (g.rules_from || o->engine.config_text))
		summary_rules(&g, g.rules_from ? g.rules_from
					       : "$GITLEAKS_CONFIG_TOML");
	src.skip[0] = g.rules_from;
	g.scanner.timed = o->stats;
	src.objects = o->objects ? &objects : NULL;
	if (o->progress || isatty(2))
		src.progress = &progress;
	deadline_start(&deadline, o->max_ms, 0);
	engine_limit(&g, &deadline);
	src.deadline = &deadline;
	bound_memory(o, &g, &src);
	progress_start(src.progress);
	failed = read_source(o, &src, e);
	progress_end(src.progress);
	if (failed ||
	    (o->objects && io_write_atomic(o->objects, objects.p ? objects.p : "",
					   objects.len, 0600, e)))
		goto out;
	if (sift(o, &g, &list, e) ||
	    write_report(o, &g, &list, tally.problems != 0, e))
		goto out;
	deadline_tell(&deadline, tally.matched);
	sum.found = list.n;
	sum.ms = clock_mono_ms() - start;
	tell(o, &sum);
	rc = status(o, list.n, &tally);
out:
	buf_release(&objects);
	findings_release(&list);
	engine_close(&g);
	return rc;
}

int cmd_scan(int argc, char **argv, const struct surroundings *s)
{
	struct scan_options o = {
		.exit_code = EXIT_FOUND, .max_mb = FILE_MAX_DEFAULT / 1000000,
		.threads = sysconf(_SC_NPROCESSORS_ONLN),
	};
	struct err e = ERR_INIT;
	bool help = false;
	int rc;

	o.engine.cache.own = s->cache;
	if (parse(argc, argv, &o, &help, &e))
		return complain(&e);
	if (help)
		return fputs(scan_help, stdout) < 0 ? EXIT_ERROR : EXIT_CLEAN;
	if (!o.engine.config && !o.built_in) {
		o.engine.config = s->config;
		o.engine.config_text = s->config ? NULL : s->config_text;
		o.engine.folder = o.use_stdin ? NULL : o.path;
	} else {
		o.rules_named = true;
	}
	rc = run(&o, &e);
	if (e.code)
		rc = complain(&e);
	return rc;
}
