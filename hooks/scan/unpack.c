/*
 * unpack: the texts in a file.
 *
 * Owns libarchive.  Promises: nothing is written, no program is started, and
 * what comes out of one file is bounded in bytes, entries and depth; what the
 * bounds cut off is a problem, never silently missing.  Something that only
 * begins like an archive is a binary file.
 *
 * Texts are plain malloc() memory and not wiped, as in walk.c.
 */
#include "hooks/scan/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define LOOKED_AT 8000u /* as git */
#define NAME_MAX_BYTES 4096u

struct job {
	unpack_each each;
	void *arg;
	struct unpack_note *note;
	size_t left;  /* bytes that may still come out */
	uint32_t number; /* of the last entry */
	bool enough;
};

/* ---- what is it? --------------------------------------------------------- */

static bool begins(const char *p, size_t n, const char *with, size_t m)
{
	return n >= m && !memcmp(p, with, m);
}

static bool archive_like(const char *p, size_t n)
{
	return begins(p, n, "PK\3\4", 4) || begins(p, n, "\x1f\x8b\x08", 3) ||
	       (begins(p, n, "BZh", 3) && n > 10 && !memcmp(p + 4, "1AY&SY", 6)) ||
	       begins(p, n, "\xfd" "7zXZ\0", 6) ||
	       begins(p, n, "\x28\xb5\x2f\xfd", 4) ||
	       begins(p, n, "\x04\x22\x4d\x18", 4) ||
	       begins(p, n, "7z\xbc\xaf\x27\x1c", 6) ||
	       begins(p, n, "!<arch>\n", 8) ||
	       (n > 512 && !memcmp(p + 257, "ustar", 5));
}

/* Text in UTF-16 without a mark: of ASCII every other byte is NUL. */
static enum content guess_utf16(const char *p, size_t n)
{
	size_t i, even = 0, odd = 0, pairs = (n < 1024 ? n : 1024) / 2;

	for (i = 0; i < pairs; i++) {
		even += !p[2 * i];
		odd += !p[2 * i + 1];
	}
	if (n % 2 || pairs < 4)
		return CONTENT_BINARY;
	if (odd * 10 >= pairs * 7 && even * 50 <= pairs)
		return CONTENT_UTF16LE;
	if (even * 10 >= pairs * 7 && odd * 50 <= pairs)
		return CONTENT_UTF16BE;
	return CONTENT_BINARY;
}

enum content content_kind(const char *p, size_t n)
{
	if (n >= 2 && (unsigned char)p[0] >= 0xfe) {
		if (begins(p, n, "\xff\xfe", 2) && !begins(p, n, "\xff\xfe\0", 4))
			return CONTENT_UTF16LE;
		if (begins(p, n, "\xfe\xff", 2))
			return CONTENT_UTF16BE;
	}
	if (archive_like(p, n))
		return CONTENT_ARCHIVE;
	if (!memchr(p, '\0', n < LOOKED_AT ? n : LOOKED_AT))
		return CONTENT_TEXT;
	return guess_utf16(p, n);
}

/* ---- UTF-16 -------------------------------------------------------------- */

static size_t put_utf8(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 63));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 63));
		out[2] = (char)(0x80 | (c & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 63));
	out[2] = (char)(0x80 | (c >> 6 & 63));
	out[3] = (char)(0x80 | (c & 63));
	return 4;
}

static uint32_t unit(const char *p, bool big)
{
	uint32_t a = (unsigned char)p[0], b = (unsigned char)p[1];

	return big ? a << 8 | b : b << 8 | a;
}

/* NULL: out of memory.  The mark at the start is left out. */
static char *from_utf16(const char *p, size_t n, bool big, size_t *len)
{
	char *out = malloc(n / 2 * 3 + 1);
	size_t i = 0, at = 0;
	uint32_t c, low;

	if (!out)
		return NULL;
	n -= n % 2;
	if (n && unit(p, big) == 0xfeff)
		i = 2;
	for (; i < n; i += 2) {
		c = unit(p + i, big);
		if (c >= 0xd800 && c < 0xe000) {
			low = c < 0xdc00 && i + 2 < n ? unit(p + i + 2, big) : 0;
			if (low >= 0xdc00 && low < 0xe000) {
				c = 0x10000 + ((c - 0xd800) << 10) + low - 0xdc00;
				i += 2;
			} else {
				c = 0xfffd;
			}
		}
		at += put_utf8(out + at, c);
	}
	*len = at;
	return out;
}

/* ---- archives ------------------------------------------------------------ */

static void __attribute__((format(printf, 2, 3)))
problem(struct job *j, const char *fmt, ...)
{
	va_list ap;

	if (j->note->problems++)
		return;
	va_start(ap, fmt);
	vsnprintf(j->note->why, sizeof(j->note->why), fmt, ap);
	va_end(ap);
}

/* Only what is linked in: libarchive starts programs for other filters. */
static struct archive *open_archive(const char *p, size_t n)
{
	struct archive *a = archive_read_new();

	if (!a)
		return NULL;
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_lzma(a);
	archive_read_support_filter_zstd(a);
	archive_read_support_filter_lz4(a);
	archive_read_support_format_zip(a);
	archive_read_support_format_tar(a);
	archive_read_support_format_7zip(a);
	archive_read_support_format_ar(a);
	archive_read_support_format_raw(a);
	if (archive_read_open_memory(a, p, n) != ARCHIVE_OK) {
		archive_read_free(a);
		return NULL;
	}
	return a;
}

/* The bytes of the entry; NULL: not readable, or none.  *full: the bound was
 * met. */
static char *read_entry(struct job *j, struct archive *a, size_t *n, bool *full)
{
	size_t cap = 65536;
	char *p = malloc(cap + 1), *more;
	la_ssize_t got = -1;

	*n = 0;
	*full = false;
	while (p) {
		got = archive_read_data(a, p + *n, cap - *n);
		if (got <= 0)
			break;
		*n += (size_t)got;
		if (*n > j->left) {
			*full = true;
			break;
		}
		if (*n < cap)
			continue;
		cap *= 2;
		more = realloc(p, cap + 1);
		if (!more)
			free(p);
		p = more;
	}
	if (!p || *full || got < 0) {
		if (!*full)
			problem(j, "%s", p && archive_error_string(a)
					      ? archive_error_string(a)
					      : "out of memory");
		free(p);
		return NULL;
	}
	j->left -= *n;
	return p;
}

static int content(struct job *j, unsigned depth, const char *name,
		   uint32_t number, const char *p, size_t n, struct err *e);

/* The name of an entry behind that of its archive. */
static void join(char *out, const char *outer, struct archive *a,
		 struct archive_entry *x, uint32_t number)
{
	const char *name = archive_entry_pathname(x);

	if (!name)
		name = archive_entry_pathname_utf8(x);
	if (archive_format(a) == ARCHIVE_FORMAT_RAW)
		snprintf(out, NAME_MAX_BYTES, "%s", outer);
	else if (name)
		snprintf(out, NAME_MAX_BYTES, "%s%s%s", outer,
			 *outer ? "!" : "", name);
	else
		snprintf(out, NAME_MAX_BYTES, "%s%s#%u", outer,
			 *outer ? "!" : "", number);
}

static int one_entry(struct job *j, unsigned depth, const char *outer,
		     struct archive *a, struct archive_entry *x, bool *stop,
		     struct err *e)
{
	char name[NAME_MAX_BYTES], *p;
	uint32_t number = ++j->number;
	size_t n;
	bool full;
	int rc;

	if (archive_entry_filetype(x) != AE_IFREG &&
	    archive_format(a) != ARCHIVE_FORMAT_RAW)
		return 0;
	if (archive_entry_is_encrypted(x)) {
		j->note->binary++;
		return 0;
	}
	p = read_entry(j, a, &n, &full);
	if (full) {
		problem(j, "it unpacks to more than the limit");
		*stop = true;
	}
	if (!p)
		return 0;
	join(name, outer, a, x, number);
	rc = content(j, depth, name, number, p, n, e);
	free(p);
	return rc;
}

/* `depth` more levels may be opened.  With content() in turn, at most
 * UNPACK_DEPTH_MAX deep. */
static int entries(struct job *j, unsigned depth, const char *name,
		   const char *p, size_t n, struct err *e)
{
	struct archive *a = open_archive(p, n);
	struct archive_entry *x;
	bool any = false, stop = false;
	int got, rc = 0;

	while (a && !rc && !j->enough && !stop) {
		got = archive_read_next_header(a, &x);
		if (got == ARCHIVE_RETRY)
			continue;
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			if (got != ARCHIVE_EOF && any)
				problem(j, "%s", archive_error_string(a)
							? archive_error_string(a)
							: "damaged");
			break;
		}
		if (archive_format(a) == ARCHIVE_FORMAT_RAW &&
		    archive_filter_count(a) < 2)
			break; /* not an archive after all */
		if (j->number >= UNPACK_ENTRIES) {
			problem(j, "over %u files in it", UNPACK_ENTRIES);
			break;
		}
		any = true;
		rc = one_entry(j, depth, name, a, x, &stop, e);
	}
	archive_read_free(a);
	if (any)
		j->note->archives++;
	else
		j->note->binary++;
	return rc;
}

static int hand_out(struct job *j, const char *name, uint32_t number,
		    const char *p, size_t n, struct err *e)
{
	struct unpack_part part = { .name = name, .number = number, .text = p,
				    .n = n };
	int rc = j->each(j->arg, &part, e);

	if (rc > 0)
		j->enough = true;
	return rc < 0 ? -1 : 0;
}

static int content(struct job *j, unsigned depth, const char *name,
		   uint32_t number, const char *p, size_t n, struct err *e)
{
	enum content kind = content_kind(p, n);
	char *text;
	size_t len;
	int rc;

	switch (kind) {
	case CONTENT_TEXT:
		return hand_out(j, name, number, p, n, e);
	case CONTENT_UTF16LE:
	case CONTENT_UTF16BE:
		text = from_utf16(p, n, kind == CONTENT_UTF16BE, &len);
		if (!text)
			return err_fail(e, ERR_NOMEM, NULL, "out of memory");
		rc = hand_out(j, name, number, text, len, e);
		free(text);
		return rc;
	case CONTENT_ARCHIVE:
		if (depth)
			return entries(j, depth - 1, name, p, n, e);
		break;
	case CONTENT_BINARY:
		break;
	}
	j->note->binary++;
	return 0;
}

int unpack(const struct unpack_limits *l, const char *p, size_t n,
	   unpack_each each, void *arg, struct unpack_note *note, struct err *e)
{
	struct job j = { .each = each, .arg = arg, .note = note };

	j.left = n < (SIZE_MAX - UNPACK_BASE) / UNPACK_RATIO
		? UNPACK_BASE + n * UNPACK_RATIO : SIZE_MAX;
	if (j.left > l->bytes)
		j.left = l->bytes;
	return content(&j, l->depth, "", 0, p, n, e);
}

/* ---- one part again ------------------------------------------------------ */

struct wanted {
	uint32_t number;
	char *text, *name;
	size_t n;
};

static int take(void *arg, const struct unpack_part *part, struct err *e)
{
	struct wanted *w = arg;

	if (part->number != w->number)
		return 0;
	w->name = strdup(part->name);
	w->text = malloc(part->n + 1);
	if (!w->text || !w->name)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	memcpy(w->text, part->text, part->n);
	w->n = part->n;
	return 1;
}

int unpack_one(const struct unpack_limits *l, const char *p, size_t n,
	       uint32_t number, char **text, size_t *text_n, char **name,
	       struct err *e)
{
	struct unpack_note note = { 0 };
	struct wanted w = { .number = number };
	int rc = unpack(l, p, n, take, &w, &note, e);

	if (rc) {
		free(w.text);
		free(w.name);
		w.text = w.name = NULL;
	}
	*text = w.text;
	*name = w.name;
	*text_n = w.n;
	return rc;
}
