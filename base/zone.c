/*
 * zone: TZif files (RFC 8536) and the footer that speaks after them.
 *
 * Promises to read nothing outside ZONE_FOLDER, and that a malformed file is
 * an error, never a wrong time.  Must never: ask the clock.
 */
#include "base/zone.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/zone_rule.h"

#define FILE_MAX_BYTES (256u * 1024)
#define TIMES_MAX 20000u
#define TYPES_MAX 256u
#define HEADER 44u
#define OFFSET_MAX (26 * 3600) /* RFC 8536: -25 h to +26 h */

struct zone {
	int64_t *at;	 /* moments of change, ascending */
	int32_t *offset; /* from at[i] on */
	size_t n;
	int32_t first; /* before at[0] */
	bool ruled;    /* `rule` speaks from at[n - 1] on */
	struct zone_rule rule;
};

/* ---- the file ------------------------------------------------------------ */

struct counts { /* the header, in its own order */
	uint32_t isut, isstd, leap, time, type, chars;
};

static int64_t big(const unsigned char *p, size_t n)
{
	uint64_t v = p[0] >= 128 ? UINT64_MAX : 0;

	for (size_t i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

static int bad_file(const char *name, const char *what, struct err *e)
{
	return err_fail(e, ERR_FORMAT, name, "not a zone file: %s", what);
}

static int read_header(const char *name, const unsigned char *p, size_t n,
		       char *version, struct counts *c, struct err *e)
{
	uint32_t *const to[] = { &c->isut, &c->isstd, &c->leap,
				 &c->time, &c->type, &c->chars };

	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return bad_file(name, "no TZif header", e);
	*version = (char)p[4];
	for (size_t i = 0; i < 6; i++)
		*to[i] = (uint32_t)(big(p + 20 + 4 * i, 4) & UINT32_MAX);
	if (c->time > TIMES_MAX || c->type == 0 || c->type > TYPES_MAX ||
	    c->chars > 4096 || c->leap > 4096 || c->isut > TYPES_MAX ||
	    c->isstd > TYPES_MAX)
		return bad_file(name, "counts out of range", e);
	return 0;
}

static size_t block_size(const struct counts *c, size_t word)
{
	return c->time * word + c->time + c->type * 6u + c->chars +
	       c->leap * (word + 4) + c->isstd + c->isut;
}

/* A data block whose size is checked already; times of `word` bytes. */
static int read_block(struct zone *z, const char *name, const unsigned char *p,
		      const struct counts *c, size_t word, struct err *e)
{
	const unsigned char *index = p + c->time * word;
	const unsigned char *types = index + c->time;

	if (c->leap != 0)
		return bad_file(name, "zones with leap seconds do not fit "
				"this machine's clock", e);
	z->at = mem_array(c->time + 1, sizeof *z->at);
	z->offset = mem_array(c->time + 1, sizeof *z->offset);
	if (z->at == NULL || z->offset == NULL)
		return err_fail(e, ERR_NOMEM, name, "out of memory");
	for (uint32_t i = 0; i < c->type; i++) {
		const int64_t off = big(types + 6 * i, 4);

		if (off <= -OFFSET_MAX || off >= OFFSET_MAX)
			return bad_file(name, "an offset out of range", e);
	}
	z->first = (int32_t)big(types, 4);
	for (uint32_t i = 0; i < c->time; i++) {
		z->at[i] = big(p + i * word, word);
		if (i > 0 && z->at[i] <= z->at[i - 1])
			return bad_file(name, "times not in order", e);
		if (index[i] >= c->type)
			return bad_file(name, "a kind of time it does not "
					"have", e);
		z->offset[i] = (int32_t)big(types + 6u * index[i], 4);
	}
	z->n = c->time;
	return 0;
}

/* "\nRULE\n" behind the second block; an empty rule is none. */
static int read_footer(struct zone *z, const char *name, const unsigned char *p,
		       size_t n, struct err *e)
{
	char text[128];
	const unsigned char *end;

	if (n < 2 || p[0] != '\n')
		return bad_file(name, "no footer", e);
	end = memchr(p + 1, '\n', n - 1);
	if (end == NULL || (size_t)(end - p) > sizeof text)
		return bad_file(name, "no end of the footer", e);
	if (end == p + 1)
		return 0;
	memcpy(text, p + 1, (size_t)(end - p) - 1);
	text[end - p - 1] = '\0';
	if (!zone_rule_parse(text, &z->rule))
		return bad_file(name, "a footer that is no rule", e);
	z->ruled = true;
	return 0;
}

int zone_parse(const char *name, const void *bytes, size_t n, struct zone **out,
	       struct err *e)
{
	struct zone *z = mem_zalloc(sizeof *z);
	const unsigned char *p = bytes;
	struct counts c = { 0 };
	char version = 0;
	int rc = -1;

	*out = NULL;
	if (z == NULL)
		return err_fail(e, ERR_NOMEM, name, "out of memory");
	if (read_header(name, p, n, &version, &c, e) < 0)
		goto out;
	if (n - HEADER < block_size(&c, 4)) {
		(void)bad_file(name, "it is cut off", e);
		goto out;
	}
	if (version == '\0') {
		rc = read_block(z, name, p + HEADER, &c, 4, e);
		goto out;
	}
	n -= HEADER + block_size(&c, 4);
	p += HEADER + block_size(&c, 4);
	if (read_header(name, p, n, &version, &c, e) < 0)
		goto out;
	if (n - HEADER < block_size(&c, 8)) {
		(void)bad_file(name, "it is cut off", e);
		goto out;
	}
	if (read_block(z, name, p + HEADER, &c, 8, e) < 0)
		goto out;
	n -= HEADER + block_size(&c, 8);
	p += HEADER + block_size(&c, 8);
	rc = read_footer(z, name, p, n, e);
out:
	if (rc < 0)
		zone_close(&z);
	*out = z;
	return rc;
}

/* ---- by name ------------------------------------------------------------- */

static bool good_name(const char *name)
{
	const size_t n = strlen(name);

	if (n == 0 || n > ZONE_NAME_MAX || name[0] == '/' ||
	    strstr(name, "..") != NULL || strstr(name, "//") != NULL ||
	    name[n - 1] == '/')
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			    "0123456789_+-/") == n;
}

static struct zone *make_utc(void)
{
	return mem_zalloc(sizeof(struct zone));
}

/* Many zones are links to others; io_read_file() follows none. */
static int read_named(const char *name, struct buf *out, struct err *e)
{
	char real[PATH_MAX];
	char *path = io_path(ZONE_FOLDER, name);
	int rc = -1;

	if (path == NULL)
		return err_fail(e, ERR_NOMEM, name, "out of memory");
	if (realpath(path, real) == NULL) {
		(void)err_fail(e, ERR_ABSENT, name, "there is no such time "
			       "zone in " ZONE_FOLDER);
		err_hint(e, "write an IANA name such as \"Europe/Berlin\"; the "
			 "package is called tzdata");
		goto out;
	}
	rc = io_read_file(real, IO_OWNED, FILE_MAX_BYTES, out, e);
out:
	mem_free(path);
	return rc;
}

int zone_open(const char *name, struct zone **out, struct err *e)
{
	struct buf b = BUF_INIT(FILE_MAX_BYTES);
	int rc = -1;

	*out = NULL;
	if (!good_name(name)) {
		(void)err_fail(e, ERR_FORMAT, name, "is not the name of a time "
			       "zone");
		err_hint(e, "write an IANA name such as \"Europe/Berlin\"");
		return -1;
	}
	if (strcmp(name, "UTC") == 0) {
		*out = make_utc();
		return *out != NULL ? 0 : err_fail(e, ERR_NOMEM, name,
						   "out of memory");
	}
	if (read_named(name, &b, e) == 0)
		rc = zone_parse(name, b.len > 0 ? b.p : "", b.len, out, e);
	buf_release(&b);
	return rc;
}

void zone_close(struct zone **zp)
{
	struct zone *z = *zp;

	if (z == NULL)
		return;
	mem_free(z->at);
	mem_free(z->offset);
	mem_free(z);
	*zp = NULL;
}

/* ---- asking -------------------------------------------------------------- */

/* How many changes lie at or before t. */
static size_t changes_until(const struct zone *z, int64_t t)
{
	size_t lo = 0, hi = z->n;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (z->at[mid] <= t)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct zone_span zone_at(const struct zone *z, int64_t t)
{
	const size_t k = changes_until(z, t);
	struct zone_span s;

	if (k == z->n && z->ruled) {
		s = zone_rule_at(&z->rule, t);
		if (z->n > 0 && s.from < z->at[z->n - 1])
			s.from = z->at[z->n - 1];
		return s;
	}
	s.offset = k > 0 ? z->offset[k - 1] : z->first;
	s.from = k > 0 ? z->at[k - 1] : INT64_MIN;
	s.until = k < z->n ? z->at[k] : INT64_MAX;
	return s;
}
