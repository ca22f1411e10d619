/*
 * gate: what the git hooks share: settings and verdict.
 *
 * Promises: when the scan could not be completed the push is refused, unless
 * the operator said otherwise.  Never prints a secret.  Output is short: a
 * pusher reads it through "remote: " lines.
 */
#include "hooks/gate.h"

#include <errno.h>
#include <git2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/text.h"
#include "hooks/scan/known.h"
#include "hooks/scan/report.h"
#include "hooks/scan/weigh.h"

#define MAX_MS_DEFAULT 4000 /* GitHub Enterprise ends a hook after 5 s */
#define UNPACK_MB_DEFAULT 512
#define UNPACK_MB_MAX 1000000
#define FILE_MB_DEFAULT 256
#define INPUT_MAX (16u * 1024 * 1024)
#define SPOOL_MAX (8u * 1024 * 1024) /* as agent/spool.c takes */

static char *setting(git_config *c, const char *name)
{
	git_config_entry *x = NULL;
	char *copy = NULL;

	if (c && !git_config_get_entry(&x, c, name))
		copy = mem_strdup(x->value ? x->value : "");
	git_config_entry_free(x);
	return copy;
}

static bool is_true(const char *v)
{
	return v && (!strcmp(v, "true") || !strcmp(v, "yes") ||
		     !strcmp(v, "on") || !strcmp(v, "1") || !*v);
}

static int wrong(const char *name, const char *v, struct err *e)
{
	return err_fail(e, ERR_CONFIG, name, "'%s' is no value for it", v);
}

static int wrong_time(const char *v, struct err *e)
{
	(void)wrong("curfew.maxTime", v, e);
	err_hint(e, "a number with its unit: 4s, 500ms, 1m");
	return -1;
}

static int read_settings(struct gate *g, git_config *c, struct err *e)
{
	char *least = setting(c, "curfew.minconfidence");
	char *time = setting(c, "curfew.maxtime");
	char *late = setting(c, "curfew.ontimeout");
	char *over = setting(c, "curfew.allowoverride");
	char *mb = setting(c, "curfew.maxunpacked");
	char *file = setting(c, "curfew.maxfile");
	char *unread = setting(c, "curfew.onunread");
	char *comments = setting(c, "curfew.allowcomments");
	int rc = 0;

	g->least = CONFIDENCE_HIGH;
	g->max_ms = MAX_MS_DEFAULT;
	g->unpack_mb = UNPACK_MB_DEFAULT;
	g->file_mb = FILE_MB_DEFAULT;
	g->config = setting(c, "curfew.config");
	g->ignore = setting(c, "curfew.ignorefile");
	g->spool = setting(c, "curfew.spool");
	g->spool_key = setting(c, "curfew.spoolkey");
	g->known = setting(c, "curfew.known");
	g->known_key = setting(c, "curfew.knownkey");
	g->cache = setting(c, "curfew.cache");
	g->allow_override = is_true(over);
	g->allow_comments = is_true(comments);
	g->accept_late = late && !strcmp(late, "accept");
	g->accept_unread = unread && !strcmp(unread, "accept");
	if (least && !confidence_parse(least, &g->least))
		rc = wrong("curfew.minConfidence", least, e);
	else if (time && (!clock_parse_span(time, &g->max_ms) || g->max_ms < 1))
		rc = wrong_time(time, e);
	else if (mb && !text_int(mb, 1, UNPACK_MB_MAX, &g->unpack_mb))
		rc = wrong("curfew.maxUnpacked", mb, e);
	else if (file && !text_int(file, 1, GATE_FILE_MB_MAX, &g->file_mb))
		rc = wrong("curfew.maxFile", file, e);
	else if (late && !g->accept_late && strcmp(late, "reject") != 0)
		rc = wrong("curfew.onTimeout", late, e);
	else if (unread && !g->accept_unread && strcmp(unread, "reject") != 0)
		rc = wrong("curfew.onUnread", unread, e);
	mem_free(least);
	mem_free(time);
	mem_free(late);
	mem_free(over);
	mem_free(mb);
	mem_free(file);
	mem_free(unread);
	mem_free(comments);
	return rc;
}

/* First line of DIR/NAME, taken from `from`; NULL: there is none. */
static char *pointed(const char *from, const char *dir, const char *name,
		     const char *word)
{
	char *path = name ? io_path(dir, name) : mem_strdup(dir), *out = NULL;
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	size_t n = strlen(word);

	if (path && !io_read_file(path, IO_ANY, BUF_TEXT_MAX, &b, NULL) &&
	    !strncmp(b.p, word, n)) {
		b.p[n + strcspn(b.p + n, "\n")] = '\0';
		out = b.p[n] == '/' ? mem_strdup(b.p + n)
				    : io_path(from, b.p + n);
	}
	buf_release(&b);
	mem_free(path);
	return out;
}

/* Where the configuration lies: a linked worktree has that of its repository,
 * and ".git" may be a file that says where the rest is. */
static char *common_dir(const char *git_dir)
{
	char *real = pointed(".", git_dir, NULL, "gitdir: ");
	const char *dir = real ? real : git_dir;
	char *common = pointed(dir, dir, "commondir", "");

	if (!common)
		common = mem_strdup(dir);
	mem_free(real);
	return common;
}

/* The repository's own file only: a pusher has no say in it. */
static int load_settings(struct gate *g, const char *common, struct err *e)
{
	char *path = io_path(common, "config");
	git_config *c = NULL;
	int rc;

	if (path && !access(path, R_OK) && git_config_open_ondisk(&c, path)) {
		const git_error *why = git_error_last();

		rc = err_fail(e, ERR_CONFIG, path, "%s",
			      why ? why->message : "unreadable");
	} else {
		rc = read_settings(g, c, e);
	}
	git_config_free(c);
	mem_free(path);
	return rc;
}

int gate_try(const char *common, const char *folder, struct err *e)
{
	struct known k = { 0 };
	struct gate g = { 0 };
	char *file = NULL;
	int rc = load_settings(&g, common, e);

	if (!rc && g.ignore && *g.ignore) {
		file = *g.ignore == '/' ? mem_strdup(g.ignore)
					: io_path(folder, g.ignore);
		rc = file ? known_ignore(&k, file, true, e)
			  : err_fail(e, ERR_NOMEM, NULL, "out of memory");
		if (rc)
			err_ctx(e, NULL, "read curfew.ignoreFile");
	}
	known_release(&k);
	mem_free(file);
	gate_close(&g);
	return rc;
}

int gate_open(struct gate *g, const char *hook, const char *git_dir,
	      const struct surroundings *s, struct err *e)
{
	struct engine_options o = { .cache = { .own = s->cache,
					       .announce = true } };
	char *common = common_dir(git_dir);
	struct stat st;
	int rc = -1;

	memset(g, 0, sizeof(*g));
	g->hook = hook;
	g->s = s;
	git_libgit2_init(); /* once: to and fro costs milliseconds */
	g->git = true;
	if (!common) {
		err_fail(e, ERR_NOMEM, NULL, "out of memory");
		goto out;
	}
	if (load_settings(g, common, e))
		goto out;
	if (!g->cache || !*g->cache) {
		mem_free(g->cache);
		g->cache = io_path(common, RULE_CACHE_BESIDE);
	}
	o.cache.owner = stat(common, &st) ? geteuid() : st.st_uid;
	o.cache.beside = g->cache;
	g->git_dir = git_dir;
	g->server = !strcmp(hook, "pre-receive") || !strcmp(hook, "update");
	o.config = g->config && *g->config ? g->config : NULL;
	if (!g->config && !g->server) { /* as scan --staged does */
		o.config = s->config;
		o.config_text = s->config ? NULL : s->config_text;
		o.folder = ".";
	}
	o.known = g->known && *g->known ? g->known : NULL;
	o.known_key = g->known_key && *g->known_key ? g->known_key : NULL;
	if (engine_open(&g->engine, &o, e))
		goto out;
	g->engine.scanner.keep_allowed = g->server;
	g->source.engine = &g->engine;
	g->source.tally = &g->tally;
	g->source.list = &g->list;
	g->source.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	g->source.max_file = (size_t)g->file_mb * 1000000;
	/* not from the start: the first hook after an upgrade compiles the rules
	 * for seconds, and must not refuse a push for that */
	deadline_start(&g->deadline, g->max_ms,
		       (uint64_t)g->unpack_mb * 1000000);
	engine_limit(&g->engine, &g->deadline);
	g->source.deadline = &g->deadline;
	rc = 0;
out:
	mem_free(common);
	return rc;
}

void gate_close(struct gate *g)
{
	if (g->git)
		git_libgit2_shutdown();
	findings_release(&g->list);
	findings_release(&g->passed);
	engine_close(&g->engine);
	mem_free(g->config);
	mem_free(g->ignore);
	mem_free(g->spool);
	mem_free(g->spool_key);
	mem_free(g->known);
	mem_free(g->known_key);
	mem_free(g->cache);
}

/* ---- input --------------------------------------------------------------- */

bool gate_is_zero(const char *oid)
{
	return oid[strspn(oid, "0")] == '\0';
}

int gate_lines(size_t words, struct strings *out, struct err *e)
{
	struct buf b = BUF_INIT(INPUT_MAX);
	char *rest, *line, *word;
	size_t n;
	int rc = -1;

	for (;;) {
		ssize_t got;

		if (buf_reserve(&b, 65536, e))
			goto out;
		got = read(0, b.p + b.len, 65536);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_sys(e, NULL, "read standard input");
			goto out;
		}
		if (!got)
			break;
		b.len += (size_t)got;
		b.p[b.len] = '\0';
	}
	for (rest = b.p; (line = strsep(&rest, "\n"));) {
		if (!*line)
			continue;
		for (n = 0; n < words && (word = strsep(&line, n + 1 < words ? " " : "\n")); n++)
			if (strings_add(out, word, e))
				goto out;
		if (n != words) {
			err_fail(e, ERR_FORMAT, NULL, "a line of "
				 "standard input is not %zu words", words);
			goto out;
		}
	}
	rc = 0;
out:
	buf_release(&b);
	return rc;
}

/* ---- the verdict --------------------------------------------------------- */

/* Heeded only where its record has a place to go. */
static const char *override_reason(const struct gate *g)
{
	bool heeded = g->allow_override && g->spool && *g->spool;
	size_t i;

	for (i = 0; heeded && i < g->s->options; i++)
		if (!strncmp(g->s->option[i], GATE_OVERRIDE, sizeof(GATE_OVERRIDE) - 1) &&
		    g->s->option[i][sizeof(GATE_OVERRIDE) - 1])
			return g->s->option[i] + sizeof(GATE_OVERRIDE) - 1;
	return NULL;
}

/* Findings with their secrets, sealed to the agent; by rename, so the agent
 * never sees half a file.  The number in it makes two of the same push two. */
static int spool(const struct gate *g, const struct findings *list,
		 const char *reason, struct err *e)
{
	struct report r = { .list = list, .rules = g->engine.rules,
			    .incomplete = g->tally.problems != 0,
			    .left = &g->tally };
	struct buf plain = BUF_INIT(SPOOL_MAX), box = BUF_INIT(SPOOL_MAX + 64);
	unsigned char key[DIGEST_PUBLIC], number[16];
	char name[64], hex[33], *path = NULL;
	char *where = realpath(g->git_dir, NULL);
	struct lines_head head = { .source = g->hook, .repository = where,
				   .pusher = g->s->pusher, .override = reason,
				   .nonce = hex, .updates = g->updates };
	int rc = -1;

	if (!g->spool || !*g->spool) {
		rc = 0;
		goto out;
	}
	if (!g->spool_key || !text_unhex(g->spool_key, key, sizeof(key))) {
		wrong("curfew.spoolKey", g->spool_key ? g->spool_key : "", e);
		goto out;
	}
	secret_random(number, sizeof(number));
	text_hex(number, sizeof(number), hex);
	snprintf(name, sizeof(name), "finding-%lld-%.12s.sealed",
		 (long long)clock_wall_ms(), hex);
	path = io_path(g->spool, name);
	/* readable for the folder's group: the agent need not be root */
	if (!path || report_lines_head(&head, &plain, e) ||
	    report_lines(&r, &plain, e) ||
	    digest_seal(key, plain.p, plain.len, &box, e) ||
	    io_write_atomic(path, box.p, box.len, 0640, e))
		goto out;
	rc = 0;
out:
	free(where); /* realpath's own, from malloc */
	mem_free(path);
	buf_release(&plain);
	buf_release(&box);
	return rc;
}

/* What somebody has looked at already. */
static int pass_over(struct gate *g, struct err *e)
{
	struct known k = { 0 };
	int rc = -1;

	if ((g->ignore && *g->ignore &&
	     known_ignore(&k, g->ignore, true, e)) ||
	    (g->local && known_ignore(&k, ".", false, e)))
		goto out;
	known_drop(&k, &g->list);
	rc = 0;
out:
	known_release(&k);
	return rc;
}

static bool high_enough(const struct finding *f, void *arg)
{
	return f->confidence >= *(const enum confidence *)arg;
}

static bool is_new(const struct finding *f, void *arg)
{
	(void)arg;
	return !f->stood;
}

static bool is_held(const struct finding *f, void *arg)
{
	(void)arg;
	return f->rule;
}

/* What a comment in its line lets through, where the operator allows that: only
 * when it is on record. */
static int heed_comments(struct gate *g, struct err *e)
{
	size_t i;

	if (!g->allow_comments || !g->spool || !*g->spool)
		return 0;
	for (i = 0; i < g->list.n; i++)
		if (g->list.v[i].allowed &&
		    findings_move(&g->list, i, &g->passed, e))
			return -1;
	findings_sift(&g->list, is_held, NULL);
	if (!g->passed.n)
		return 0;
	if (spool(g, &g->passed, "a comment in its line", e))
		return -1;
	gate_tell_passed(g);
	return 0;
}

/* Nothing was found, but not everything was looked at.  What is let in so is
 * on record: somebody has to look at it later. */
static int not_whole(const struct gate *g, const char *reason, struct err *e)
{
	const bool refused = gate_unseen_refused(g);
	int rc;

	if (refused && !reason)
		return gate_incomplete(g);
	rc = spool(g, &g->list, refused ? reason : NULL, e) ? complain(e)
							     : EXIT_CLEAN;
	if (!refused)
		return gate_incomplete(g);
	if (!rc)
		gate_tell_override(g, reason);
	return rc;
}

int gate_verdict(struct gate *g, struct err *e)
{
	const char *reason = override_reason(g);

	deadline_tell(&g->deadline, g->tally.matched);
	if (pass_over(g, e))
		return complain(e);
	weigh_findings(&g->list, NULL);
	findings_sift(&g->list, high_enough, &g->least);
	findings_sort(&g->list);
	gate_tell_stood(g);
	findings_sift(&g->list, is_new, NULL);
	if (heed_comments(g, e))
		return complain(e);
	if (!g->list.n)
		return g->tally.problems ? not_whole(g, reason, e) : EXIT_CLEAN;
	gate_tell_list(g);
	/* refusing does not depend on the agent's folder; letting through does */
	if (spool(g, &g->list, reason, e)) {
		int rc = complain(e);

		return reason ? rc : EXIT_FOUND;
	}
	if (reason) {
		gate_tell_override(g, reason);
		return EXIT_CLEAN;
	}
	gate_tell_help(g);
	if (g->tally.problems)
		(void)gate_incomplete(g);
	return EXIT_FOUND;
}
