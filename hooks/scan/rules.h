/*
 * rules: what the scanner looks for.
 *
 * A ruleset is read from TOML in the form of gitleaks v8 (see docs/rules.md),
 * ours or the user's, and does not change after loading, so that threads
 * share it.  Plain data: open structs.
 */
#ifndef SCAN_RULES_H
#define SCAN_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "hooks/scan/regex.h"

#define RULES_MAX 4096		    /* rules of one set */
#define RULES_FILE_MAX (8u * 1024 * 1024)
#define RULES_PATTERNS 16	    /* bytes of a digest */
#define RULES_EXTEND_DEPTH 2	    /* as gitleaks */

enum confidence { CONFIDENCE_LOW, CONFIDENCE_MEDIUM, CONFIDENCE_HIGH };
/* Whose word the confidence is: a user's rule without a word is high. */
enum says { SAYS_BUILT_IN, SAYS_USER, SAYS_USER_WORD };
enum allow_target { TARGET_SECRET, TARGET_MATCH, TARGET_LINE };

enum checksum {
	CHECKSUM_NONE,
	CHECKSUM_CRC62, /* last 6 characters: CRC-32 of the part between the
			 * last '_' and them, base 62 (GitHub, npm) */
	CHECKSUM_CRC36, /* last 7: CRC-32 of all before them, base 36 (GitLab) */
	CHECKSUM_CRC32HEX, /* last 8: CRC-32 of the part between the last '_'
			    * and them, hex (Cloudflare) */
	CHECKSUM_BASE58CHECK, /* Bitcoin: double SHA-256 inside base 58 */
	CHECKSUM_BECH32,      /* BIP 173: six characters */
	CHECKSUM_STRKEY,      /* Stellar: CRC-16 inside base 32 */
	CHECKSUM_JWT,	/* three base64url parts, the first a JSON object with
			 * "alg" */
	CHECKSUM_BASE64, /* decodes as strict base64 */
	CHECKSUM_CRC62ALL,    /* as crc62, of all before the sum (JSR) */
	CHECKSUM_CRC32HEXALL, /* as crc32hex, of all before it (Packagist) */
	CHECKSUM_CRC62PARTS,  /* as crc62all, with a '_' between (Matrix) */
};

struct strings {
	char **v;
	size_t n;
};

struct regexes {
	struct regex **v;
	size_t n;
};

struct allowlist {
	char *description;
	bool all; /* condition = AND */
	enum allow_target target;
	struct strings commits, stopwords, rules;
	struct regexes paths, regexes;
};

struct allowlists {
	struct allowlist *v;
	size_t n;
};

/* A component that must be near: -1 = no limit. */
struct required {
	char *id;
	long within_lines, within_columns;
};

struct rule {
	char *id, *description;
	char *provider, *kind, *source; /* ours; "" when not said */
	struct regex *regex, *path;	/* either may be NULL, not both */
	size_t group;			/* secretGroup; 0: first non-empty */
	double entropy;			/* 0: not asked */
	enum checksum checksum;
	enum confidence confidence;
	enum says says; /* not in the image: built in there */
	bool skip_report;
	bool scored; /* the match is an anchor of generic.h */
	bool drawn; /* dropped unless weigh_value() holds */
	struct strings keywords, tags;	  /* keywords lower-cased */
	struct strings matches, misses;	  /* examples, see example.h */
	struct allowlists allow;
	struct required *required;
	size_t n_required;
};

struct ruleset {
	struct rule *rule; /* sorted by id */
	size_t n;
	struct allowlists allow;
	struct strings warnings; /* what was odd but usable, for the log */
	unsigned char patterns[RULES_PATTERNS]; /* see rule_image.h */
	bool summed;				/* they are known */
};

/* The rules that are built in. */
struct ruleset *rules_builtin(struct err *e);
/* One text; `name` for messages.  `base`: [extend] may bring in built-in
 * rules and files. */
struct ruleset *rules_parse(const char *text, size_t n, const char *name,
			    struct err *e);
struct ruleset *rules_file(const char *path, struct err *e);
void rules_free(struct ruleset **rs);

const struct rule *rules_get(const struct ruleset *rs, const char *id);

/* Does the rule's confidence stand as it is, whatever the value and its place
 * look like?  A score sets that of a user's scored rule without a word. */
bool rule_stands(const struct rule *r);
const char *confidence_word(enum confidence c);
bool confidence_parse(const char *word, enum confidence *c);

/* ---- pieces, shared by the loader's files -------------------------------- */
struct toml_node;

int strings_add(struct strings *s, const char *text, struct err *e)
	__attribute__((warn_unused_result));
void strings_free(struct strings *s);
int regexes_add(struct regexes *r, const char *pattern, bool lazy,
		struct err *e)
	__attribute__((warn_unused_result));

/* rule_parse.c */
void rule_release(struct rule *r);
void allowlists_release(struct allowlists *a);
int rule_parse(const struct toml_node *t, const char *name, bool lazy,
	       struct rule *out, struct err *e)
	__attribute__((warn_unused_result));
/* Is there enough of it, now that all files are read? */
int rule_check(const struct rule *r, const char *name, bool lazy,
	       struct err *e) __attribute__((warn_unused_result));
/* `[allowlist]` or `[[allowlists]]` of a table. */
int allowlists_parse(const struct toml_node *table, const char *name, bool lazy,
		     struct allowlists *out, struct err *e)
	__attribute__((warn_unused_result));
/* A key without regard to case, as gitleaks reads it. */
const struct toml_node *rule_key(const struct toml_node *t, const char *key);

/* rule_builtin: generated from hooks/scan/rules/ by the Makefile. */
struct rule_text {
	const char *name, *start, *end;
};
extern const struct rule_text rule_texts[]; /* ends with name NULL */
extern const char rule_texts_sum[]; /* SHA-256 of all of them, hex */

#endif
