/*
 * gate: what the git hooks share: their settings, the verdict and how it is
 * told.
 *
 * Settings are git's own: `git config curfew.NAME VALUE` in the repository.
 *   curfew.minConfidence  low | medium | high   refused from here on (high)
 *   curfew.maxTime        4s                     budget of the hook
 *   curfew.onTimeout      reject | accept        (reject)
 *   curfew.onUnread       reject | accept        (reject) what was damaged, too
 *                                                big, nested too deep
 *   curfew.maxUnpacked    512                    MB, out of all archives of a push
 *   curfew.maxFile        256                    MB of one file
 *   curfew.allowOverride  true | false           (false) heed
 *                                                git push -o curfew.allow=REASON
 *                                                also where not all was looked at
 *   curfew.allowComments  true | false           (false; on the server) heed
 *                                                curfew:allow in a line
 *   curfew.config         FILE                   rules, instead of the built-in
 *   curfew.ignoreFile     FILE                   findings to pass over, as in a
 *                                                .gitleaksignore
 *   curfew.spool          FOLDER                 findings for the agent, and
 *   curfew.spoolKey       64 hex digits          the public key they are sealed to
 *   curfew.known          FILE                   own secrets ('curfew hook publish')
 *   curfew.knownKey       64 hex digits          who must have signed that file
 *   curfew.cache          FOLDER                 where the compiled rules are
 */
#ifndef HOOKS_GATE_H
#define HOOKS_GATE_H

#include "hooks/hooks.h"
#include "hooks/scan/source.h"

#define GATE_FILE_MB_MAX 1000

struct gate {
	struct engine engine;
	struct tally tally;
	struct findings list;
	struct findings passed; /* let through by a comment in their line */
	struct source source;
	const struct surroundings *s;
	const char *hook; /* its name */
	enum confidence least;
	struct deadline deadline;
	int64_t max_ms;
	int64_t unpack_mb, file_mb;
	bool accept_late, accept_unread, allow_override, git;
	bool server; /* whose say the pusher's comments are not */
	bool allow_comments;
	bool local; /* a developer's: .gitleaksignore of this folder counts, and
		     * its .gitleaks.toml where curfew.config names none */
	char *config, *ignore, *spool, *spool_key, *known, *known_key,
		*cache;
	const char *git_dir; /* whose settings these are */
	const struct strings *updates; /* of a push: old, new, ref and again;
					* or NULL */
};

/* `git_dir`: whose settings count. */
int gate_open(struct gate *g, const char *hook, const char *git_dir,
	      const struct surroundings *s, struct err *e)
	__attribute__((warn_unused_result));
/* What would make the hook refuse everything: settings that are none, an ignore
 * file that cannot be read.  `folder`: where the hook will be started. */
int gate_try(const char *common, const char *folder, struct err *e)
	__attribute__((warn_unused_result));
/* Tell what was found; returns the exit status. */
int gate_verdict(struct gate *g, struct err *e);
void gate_close(struct gate *g);

/* Lines of standard input, each split at blanks into `words` words. */
int gate_lines(size_t words, struct strings *out, struct err *e)
	__attribute__((warn_unused_result));
bool gate_is_zero(const char *oid);

/* ---- gate_tell.c: what gate_verdict() says, on standard error ---- */
#define GATE_OVERRIDE "curfew.allow="
void gate_tell_list(const struct gate *g);   /* what is refused */
void gate_tell_stood(const struct gate *g);  /* what was there before */
void gate_tell_passed(const struct gate *g); /* what a comment let through */
void gate_tell_override(const struct gate *g, const char *reason);
void gate_tell_help(const struct gate *g); /* what to do */
/* Not everything was looked at; the exit status. */
int gate_incomplete(const struct gate *g);
/* Would gate_incomplete() refuse it? */
bool gate_unseen_refused(const struct gate *g);

#endif
