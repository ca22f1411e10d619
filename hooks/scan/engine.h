/*
 * engine: rules, matcher and found secrets, put together for one run, and
 * what a run keeps count of.
 */
#ifndef SCAN_ENGINE_H
#define SCAN_ENGINE_H

#include "hooks/scan/findings.h"
#include "hooks/scan/unpack.h"

#define UNNAMED_TOLD 10u
#define NAMED_KEPT 6u
#define NAMED_LEN 140u
#define PROBLEMS_TOLD 20u /* named one by one; the rest is counted */

struct engine {
	struct ruleset *rules;
	char *rules_from; /* the file they are of; NULL: no file */
	struct matcher *matcher;
	struct secrets *secrets, *origins;
	struct own *own; /* NULL: none published */
	struct scanner scanner;
	struct unpack_limits unpack;
};

/* An object with a problem whose path is not known yet. */
struct unnamed {
	unsigned char oid[20];
	char why[80];
};

struct tally {
	uint64_t objects, commits; /* of a repository */
	bool defer; /* problems of objects are kept, to be told by path */
	unsigned n_unnamed;
	struct unnamed unnamed[UNNAMED_TOLD];
	unsigned n_named; /* may be over NAMED_KEPT */
	char named[NAMED_KEPT][NAMED_LEN]; /* problems, for the record */
	uint64_t texts, bytes; /* looked at */
	uint64_t binary;       /* files that were not text */
	uint64_t archives;     /* files that were opened */
	uint64_t matched;      /* bytes that went through the matcher */
	uint64_t spent[PHASES]; /* nanoseconds of all threads */
	uint64_t attribute_ns;	/* of the clock */
	uint64_t unseen;       /* of the problems: when time was over */
	uint64_t large, largest; /* of the problems: over the limit of one
				  * text, and the bytes of the largest */
	uint64_t problems;     /* could not be read or were given up: each one
				* means the answer is not complete */
};

struct engine_options {
	const char *config;	/* file, or NULL */
	const char *config_text; /* GITLEAKS_CONFIG_TOML, or NULL */
	const char *folder;	/* where .gitleaks.toml may lie, or NULL */
	struct rule_cache cache;
	bool examples;		/* built-in rules have theirs */
	const char *known;	/* published secrets (own.h), or NULL */
	const char *known_key;	/* who must have signed it: hex, or NULL */
	bool ignore_allow;
	int archive_depth; /* 0: UNPACK_DEPTH_DEFAULT; below: none is opened */
	int decode_depth; /* 0: DECODE_DEPTH_DEFAULT; below: nothing */
};

int engine_open(struct engine *g, const struct engine_options *o, struct err *e)
	__attribute__((warn_unused_result));
void engine_close(struct engine *g);
/* The run's deadline, for all that is done with this engine. */
void engine_limit(struct engine *g, struct deadline *d);

/* Count something that could not be looked at and name it in the log. */
void tally_problem(struct tally *t, const char *object, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Name, and do not count: "'PLACE': WHY". */
void tally_name(struct tally *t, const char *text);
/* n objects that were not looked at, as the time was over; `object` names
 * them, or NULL: only counted. */
void tally_unseen(struct tally *t, const char *object, uint64_t n);
/* What is named as a problem was over the limit, with so many bytes. */
void tally_large(struct tally *t, uint64_t bytes);
/* As tally_problem(), of an object, by its 20 bytes; told at once by its hex digits, or
 * with `defer` left to whoever finds out where it stands. */
void tally_object(struct tally *t, const unsigned char *oid, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* What a thread counted. */
void tally_thread(struct tally *to, const struct scan_thread *t);
void tally_add(struct tally *to, const struct tally *from);

/* Count what unpacking a file came to; `name` as for tally_problem(). */
void tally_unpacked(struct tally *t, const char *name,
		    const struct unpack_note *note);

/* The same for an object. */
void tally_object_unpacked(struct tally *t, const unsigned char *oid,
			   const struct unpack_note *note);

/* Everything about one file that has a path: scan, verdict, path rules and
 * allowlists; rows go to `list`. */
int engine_file(const struct engine *g, struct scan_thread *t, const char *path,
		const char *text, size_t n, struct tally *tally,
		struct findings *list, struct err *e)
	__attribute__((warn_unused_result));

/* Does the finding stand, now that file and commit are known? */
bool engine_stands(const struct engine *g, struct regex_thread *t,
		   const struct finding *f);
/* A row that says a file of that name is there. */
struct finding *engine_add_path(const struct engine *g, uint32_t rule,
				const char *path, struct findings *list,
				struct err *e);
bool engine_has_path_rules(const struct engine *g);
/* Rules that ask for a path only. */
int engine_path(const struct engine *g, struct regex_thread *t,
		const char *path, struct findings *list, struct err *e)
	__attribute__((warn_unused_result));

#endif
