/*
 * unpack: the texts in a file.
 *
 * Owns libarchive.  Promises: nothing is written, no program is started, and
 * what comes out of one file, and of all of a run, is bounded in bytes, entries,
 * depth and time; what the bounds cut off is a problem, never silently
 * missing.  What is no text is looked at besides for the text that stands in
 * it, so that what only begins like an archive, or is one in part, hides
 * nothing.
 *
 * Texts are plain malloc() memory and not wiped, as in walk.c.
 */
#include "hooks/scan/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "hooks/scan/deadline.h"
#include "hooks/scan/inflate_part.h"

#define BLOCK 512 /* of a tar */
#define NAME_MAX_BYTES 4096u
#define FEED 16384u	       /* packed bytes between two questions */
#define PORTION (256u * 1024) /* unpacked ones */

#define ZIPS_MAX 4u /* in one file, behind one another */

#define TOGETHER "all archives together unpack to more than the limit"

struct job {
	const struct unpack_limits *l;
	unpack_each each;
	void *arg;
	struct unpack_note *note;
	size_t left;  /* bytes that may still come out */
	uint32_t number; /* of the last entry */
	bool enough;
	bool spent; /* nothing more is unpacked */
};

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

/* ---- bounds -------------------------------------------------------------- */

static bool late(struct job *j)
{
	if (!j->spent && deadline_over(j->l->deadline)) {
		problem(j, "the time was over while it was unpacked");
		j->note->late = true;
		j->spent = true;
	}
	if (!j->spent && deadline_full(j->l->deadline)) {
		problem(j, TOGETHER);
		j->spent = true;
	}
	return j->spent;
}

/* n bytes came out; false: that was too much.  What is thrown away counts as
 * well: it was work. */
static bool pay(struct job *j, size_t n)
{
	bool room = deadline_unpacked(j->l->deadline, n);

	if (j->spent)
		return false;
	if (!room) {
		problem(j, TOGETHER);
		j->spent = true;
	} else if (n > j->left) {
		problem(j, "it unpacks to more than the limit");
		j->spent = true;
	} else {
		j->left -= n;
	}
	return !j->spent && !late(j);
}

/* ---- libarchive ---------------------------------------------------------- */

/* An archive in memory, handed over little by little: skipping in it may mean
 * unpacking, and only here is it asked whether there is time. */
struct input {
	struct job *j;
	const char *p;
	size_t n, at;
	size_t kept;	   /* of p; what follows comes from `end` */
	char end[ZIP_END]; /* of a zip whose comment is left out */
	bool packed;	   /* compressed, whatever is in it */
	bool raw;	   /* ... and only that is undone */
	bool odd;	   /* a tar in it that is damaged at tar_end of what
			    * comes out, or is over there and more behind it */
	size_t tar_end, used; /* used: of p */
	bool failed;	   /* its packed data */
	char why[120];
};

/* A zip up to its end record at `end`, as if it had no comment: libarchive
 * looks for that record in the last 16 KB, and takes the last that it sees. */
static void cut_comment(struct input *in, size_t end)
{
	in->n = end + ZIP_END;
	in->kept = end;
	memcpy(in->end, in->p + end, ZIP_END);
	in->end[ZIP_END - 2] = in->end[ZIP_END - 1] = 0;
}

/* In little ones first: how far packed data were good is known by what was
 * asked for. */
static size_t portion(size_t at)
{
	return at < 64 ? 1 : at < 1024 ? 16 : at < FEED ? 512 : FEED;
}

static la_ssize_t feed(struct archive *a, void *arg, const void **out)
{
	struct input *in = arg;
	const bool tail = in->at >= in->kept;
	size_t give = (tail ? in->n : in->kept) - in->at;

	if (give > portion(in->at))
		give = portion(in->at);

	/* once for all of the little ones */
	if ((!in->at || in->at >= FEED) ? late(in->j) : in->j->spent) {
		archive_set_error(a, ECANCELED, "the time was over");
		return -1;
	}
	*out = tail ? in->end + (in->at - in->kept) : in->p + in->at;
	in->at += give;
	return (la_ssize_t)give;
}

static la_int64_t skip(struct archive *a, void *arg, la_int64_t want)
{
	struct input *in = arg;
	la_int64_t room = (la_int64_t)(in->n - in->at);

	(void)a;
	if (want > room)
		want = room;
	if (want < 0)
		want = 0;
	in->at += (size_t)want;
	return want;
}

static la_int64_t seek(struct archive *a, void *arg, la_int64_t offset,
		       int whence)
{
	struct input *in = arg;
	la_int64_t from = whence == SEEK_CUR ? (la_int64_t)in->at
		: whence == SEEK_END ? (la_int64_t)in->n : 0;

	(void)a;
	if (offset > INT64_MAX / 2 || offset < -from ||
	    from + offset > (la_int64_t)in->n)
		return ARCHIVE_FATAL;
	in->at = (size_t)(from + offset);
	return from + offset;
}

static const char *complaint(struct archive *a)
{
	const char *why = archive_error_string(a);

	return why ? why : "it is cut off or damaged";
}

/* Only for packed ones: of others, what is behind the end is there to see. */
static bool odd_tar(struct input *in, struct archive *a, la_int64_t over)
{
	la_int64_t end = archive_filter_bytes(a, 0) - over;

	if (!in->packed || in->raw || end < BLOCK ||
	    (archive_format(a) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
		return false;
	if (!in->odd) {
		in->tar_end = (size_t)end;
		snprintf(in->why, sizeof(in->why), "%s", complaint(a));
	}
	return in->odd = true;
}

/* No header could be read.  Before there was any, it may be no archive. */
static void failure(struct input *in, struct archive *a, bool any)
{
	if (odd_tar(in, a, 0))
		return;
	in->failed = true;
	snprintf(in->why, sizeof(in->why), "%s", complaint(a));
	if (any)
		problem(in->j, "%s", in->why);
}

/* Only what is linked in: libarchive starts programs for other filters. */
static struct archive *open_archive(struct input *in)
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
	if (!in->raw) {
		archive_read_support_format_zip(a);
		archive_read_support_format_tar(a);
		archive_read_support_format_7zip(a);
		archive_read_support_format_ar(a);
	}
	archive_read_support_format_raw(a);
	if (in->packed && !in->raw) /* so that what is behind it is seen */
		archive_read_set_option(a, "tar", "read_concatenated_archives",
					"1");
	archive_read_set_read_callback(a, feed);
	archive_read_set_skip_callback(a, skip);
	archive_read_set_seek_callback(a, seek);
	archive_read_set_callback_data(a, in);
	if (archive_read_open1(a) != ARCHIVE_OK) {
		if (!in->j->spent)
			failure(in, a, false);
		archive_read_free(a);
		return NULL;
	}
	return a;
}

/* The bytes of the entry, as far as they go; NULL: none, or too many. */
static char *read_entry(struct job *j, struct archive *a, size_t *n)
{
	size_t cap = 65536, room;
	char *p = malloc(cap + 1), *more;
	la_ssize_t got = -1;

	*n = 0;
	while (p) {
		room = cap - *n < PORTION ? cap - *n : PORTION;
		got = archive_read_data(a, p + *n, room);
		if (got <= 0 || !pay(j, (size_t)got))
			break;
		*n += (size_t)got;
		if (*n < cap)
			continue;
		cap *= 2;
		more = realloc(p, cap + 1);
		if (!more)
			free(p);
		p = more;
	}
	if (p && !got && !j->spent)
		return p;
	if (!j->spent)
		problem(j, "%s", p ? complaint(a) : "out of memory");
	if (p && *n && !j->spent)
		return p;
	free(p);
	return NULL;
}

/* What is not a file can have content all the same: to be passed over, and
 * counted, since that is unpacked too. */
static void drain(struct job *j, struct archive *a)
{
	char *p = malloc(65536);
	la_ssize_t got = 1;

	while (p && got > 0) {
		got = archive_read_data(a, p, 65536);
		if (got > 0 && !pay(j, (size_t)got))
			break;
	}
	free(p);
}

static int content(struct job *j, unsigned depth, const char *name,
		   uint32_t number, const char *p, size_t n, struct err *e);
static int as_it_stands(struct job *j, const char *name, uint32_t number,
			const char *p, size_t n, struct err *e);

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
		     struct archive *a, struct archive_entry *x, struct err *e)
{
	char name[NAME_MAX_BYTES], *p;
	uint32_t number = ++j->number;
	size_t n;
	int rc;

	if (archive_entry_is_encrypted(x)) {
		j->note->binary++;
		return 0;
	}
	if (archive_entry_filetype(x) != AE_IFREG &&
	    archive_format(a) != ARCHIVE_FORMAT_RAW) {
		drain(j, a);
		return 0;
	}
	p = read_entry(j, a, &n);
	if (!p)
		return 0;
	join(name, outer, a, x, number);
	rc = content(j, depth, name, number, p, n, e);
	free(p);
	return rc;
}

/* Compressed over and over, to skip a little of it is to unpack a lot. */
static bool too_often(struct archive *a)
{
	return archive_filter_count(a) > 3 ||
	       (archive_filter_count(a) > 2 &&
		archive_format(a) != ARCHIVE_FORMAT_RAW);
}

/* `depth` more levels may be opened.  With content() in turn, at most
 * UNPACK_DEPTH_MAX deep.  *any: it was an archive. */
static int entries_of(struct input *in, unsigned depth, const char *name,
		      bool *any, struct err *e)
{
	struct archive *a = open_archive(in);
	struct archive_entry *x;
	struct job *j = in->j;
	int got, rc = 0;

	while (a && !rc && !j->enough && !j->spent) {
		got = archive_read_next_header(a, &x);
		if (got == ARCHIVE_RETRY) {
			odd_tar(in, a, BLOCK); /* it went past it */
			continue;
		}
		if (got != ARCHIVE_OK && got != ARCHIVE_WARN) {
			if (got != ARCHIVE_EOF && !j->spent)
				failure(in, a, *any);
			in->used = (size_t)archive_filter_bytes(a, -1);
			break;
		}
		if (archive_format(a) == ARCHIVE_FORMAT_RAW &&
		    archive_filter_count(a) < 2)
			break; /* not an archive after all */
		*any = true;
		if (too_often(a)) {
			problem(j, "it is compressed several times over");
			break;
		}
		if (j->number >= UNPACK_ENTRIES) {
			problem(j, "over %u files in it", UNPACK_ENTRIES);
			break;
		}
		rc = one_entry(j, depth, name, a, x, e);
	}
	archive_read_free(a);
	return rc;
}

/* What is not unpacked because it was cut off or damaged.  Bytes that only
 * begin like packed ones go wrong soon and are no problem. */
static int damaged(struct input *in, unsigned depth, const char *name,
		   bool *any, struct err *e)
{
	struct job *j = in->j;
	size_t n, at;
	char *p;
	int rc;

	at = *any ? 0 : content_next_packed(in->p, in->n);
	if (at) { /* packed in two ways, behind one another */
		*any = true;
		rc = content(j, depth, name, ++j->number, in->p, at, e);
		return rc ? rc : content(j, depth, name, ++j->number,
					 in->p + at, in->n - at, e);
	}
	if (!*any && !content_was_packed(in->p, in->n, in->at))
		return 0;
	if (!*any)
		problem(j, "%s", in->why);
	p = inflate_part(in->p, in->n, j->left, &n);
	if (!p || !pay(j, n)) {
		free(p);
		return 0;
	}
	/* where there were entries, they have most of it */
	j->number++;
	rc = *any ? as_it_stands(j, name, j->number | UNPACK_RUNS, p, n, e)
		  : content(j, depth, name, j->number, p, n, e);
	*any = true;
	free(p);
	return rc;
}

/* What comes out of packed data, whatever it is. */
static char *undone(const struct input *as, size_t *n)
{
	struct input in = { .j = as->j, .p = as->p, .n = as->n,
			    .kept = as->n, .packed = true, .raw = true };
	struct archive *a = open_archive(&in);
	struct archive_entry *x;
	char *p = NULL;

	*n = 0;
	if (a && archive_read_next_header(a, &x) == ARCHIVE_OK &&
	    archive_filter_count(a) > 1 && !too_often(a))
		p = read_entry(in.j, a, n);
	archive_read_free(a);
	if (!p)
		*n = 0;
	return p;
}

static bool zeros(const char *p, size_t n)
{
	return !n || (!p[0] && !memcmp(p, p + 1, n - 1));
}

/* What begins with zeros was taken for an empty tar, behind a tar there may be
 * more, and so there may behind packed data: packed otherwise. */
static int behind(struct input *in, unsigned depth, const char *name,
		  bool *any, struct err *e)
{
	struct job *j = in->j;
	size_t n = 0, from = 0;
	char *p = in->odd || !*any ? undone(in, &n) : NULL;
	int rc = 0;

	if (in->odd && (in->tar_end > n || !zeros(p + in->tar_end - BLOCK, BLOCK))) {
		problem(j, "%s", in->why);
		in->failed = true;
	}
	while (from < n && !p[from])
		from++;
	if (*any && p)
		rc = as_it_stands(j, name, ++j->number | UNPACK_RUNS, p, n, e);
	else if (from < n)
		rc = content(j, depth, name, ++j->number, p + from, n - from, e);
	*any = *any || from < n;
	free(p);
	if (rc || !in->used || in->used >= in->n ||
	    !content_is_packed(in->p + in->used, in->n - in->used))
		return rc;
	return content(j, depth, name, ++j->number, in->p + in->used,
		       in->n - in->used, e);
}

static int entries(struct job *j, unsigned depth, const char *name,
		   const char *p, size_t n, bool *any, struct err *e)
{
	struct input in = { .j = j, .p = p, .n = n, .kept = n };
	size_t end[ZIPS_MAX], i, zips = content_zip_ends(p, n, end, ZIPS_MAX);
	uint32_t problems = j->note->problems;
	int rc = 0;

	*any = false;
	if (!zips) {
		in.packed = content_is_packed(p, n);
		rc = entries_of(&in, depth, name, any, e);
		in.failed = in.failed || j->note->problems != problems;
		if (!rc && in.packed && !in.failed)
			rc = behind(&in, depth, name, any, e);
		return rc || !in.failed || j->spent || j->enough ? rc
			: damaged(&in, depth, name, any, e);
	}
	for (i = 0; i < zips && !rc; i++) {
		in.at = 0;
		cut_comment(&in, end[i]);
		rc = entries_of(&in, depth, name, any, e);
	}
	return rc;
}

/* ---- one file ------------------------------------------------------------ */

static int hand_out(struct job *j, const char *name, uint32_t number,
		    const char *p, size_t n, struct err *e)
{
	struct unpack_part part = { .name = name,
				    .number = number, .text = p, .n = n,
				    .runs = number & UNPACK_RUNS };
	int rc = j->enough ? 0 : j->each(j->arg, &part, e);
	if (rc > 0)
		j->enough = true;
	return rc < 0 ? -1 : 0;
}

/* Takes the text; NULL: out of memory. */
static int hand_made(struct job *j, const char *name, uint32_t number,
		     char *text, size_t n, struct err *e)
{
	int rc = text ? hand_out(j, name, number, text, n, e)
		      : err_fail(e, ERR_NOMEM, NULL, "out of memory");

	free(text);
	return rc;
}

/* The bytes as they stand, after what they claim to be was looked at. */
static int as_it_stands(struct job *j, const char *name, uint32_t number,
			const char *p, size_t n, struct err *e)
{
	char *text;
	size_t len;

	if (content_is_text(p, n))
		return hand_out(j, name, number, p, n, e);
	text = content_runs(p, n, &len);
	if (text && !len) {
		free(text);
		return 0;
	}
	return hand_made(j, name, number | UNPACK_RUNS, text, len, e);
}

static int content(struct job *j, unsigned depth, const char *name,
		   uint32_t number, const char *p, size_t n, struct err *e)
{
	enum content kind = content_kind(p, n);
	bool any = false;
	size_t len;
	char *text;

	switch (kind) {
	case CONTENT_TEXT:
		return hand_out(j, name, number, p, n, e);
	case CONTENT_UTF16LE:
	case CONTENT_UTF16BE:
		text = content_utf16(p, n, kind == CONTENT_UTF16BE, &len);
		if (hand_made(j, name, number, text, len, e))
			return -1;
		/* the mark may be all that is UTF-16 about it */
		text = content_runs(p, n, &len);
		return hand_made(j, name, number | UNPACK_RUNS, text, len, e);
	case CONTENT_ARCHIVE:
		if (depth && entries(j, depth - 1, name, p, n, &any, e))
			return -1;
		if (any)
			j->note->archives++;
		if (!depth && j->l->depth)
			problem(j, "an archive in it is nested over %u deep",
				j->l->depth);
		break;
	case CONTENT_BINARY:
		break;
	}
	if (!any)
		j->note->binary++;
	return as_it_stands(j, name, number, p, n, e);
}

int unpack(const struct unpack_limits *l, const char *p, size_t n,
	   unpack_each each, void *arg, struct unpack_note *note, struct err *e)
{
	struct job j = { .l = l, .each = each, .arg = arg, .note = note };

	j.left = n < (SIZE_MAX - UNPACK_BASE) / UNPACK_RATIO
		? UNPACK_BASE + n * UNPACK_RATIO : SIZE_MAX;
	if (j.left > l->bytes)
		j.left = l->bytes;
	return content(&j, l->depth, "", 0, p, n, e);
}
