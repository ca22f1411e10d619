/*
 * loose: one loose object (gitformat-loose(5)), read in one go.
 *
 * A push of few objects is loose, and most of what its hook does is to inflate
 * them: this is three times as fast as zlib's stream.  And it ends: libgit2 1.5
 * asks zlib for the rest of a file that was cut, for ever, and such files are
 * what a crash leaves behind.
 *
 * Must never: take memory for a size that the file only claims, over `most`.
 */
#include "hooks/scan/loose.h"

#include <errno.h>
#include <fcntl.h>
#include <libdeflate.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

#define STORED_MOST 65535u /* a block (RFC 1951, 3.2.4) */
#define SLACK (STORED_MOST + 64u)
#define HEAD 64u /* "commit 18446744073709551615" and its NUL are 28 */

bool loose_path(const char *folder, const unsigned char *oid, char *out,
		size_t room)
{
	char hex[2 * OID_LEN + 1];

	text_hex(oid, OID_LEN, hex);
	return (size_t)snprintf(out, room, "%s/%.2s/%s", folder, hex, hex + 2) <
	       room;
}

static enum loose open_file(const char *folder, const unsigned char *oid,
			    int *fd, size_t *n)
{
	char path[PATH_MAX];
	struct stat st;

	*fd = -1;
	if (!loose_path(folder, oid, path, sizeof(path)))
		return LOOSE_ABSENT;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? LOOSE_ABSENT
							   : LOOSE_BROKEN;
	if (fstat(*fd, &st) || !S_ISREG(st.st_mode) || st.st_size <= 0)
		return LOOSE_BROKEN;
	*n = (size_t)st.st_size;
	return LOOSE_READ;
}

/* The first `n` bytes of the file; NULL: no. */
static unsigned char *slurp(int fd, size_t n)
{
	unsigned char *raw = malloc(n);
	size_t at = 0;
	ssize_t got = 1;

	while (raw && at < n && got > 0) {
		got = pread(fd, raw + at, n - at, (off_t)at);
		at += got > 0 ? (size_t)got : 0;
	}
	if (at < n) {
		free(raw);
		raw = NULL;
	}
	return raw;
}

/* "TYPE SIZE" and a NUL: the length of all that; 0: it is none. */
static size_t read_head(const char *p, size_t n, enum object_type *type,
			size_t *size)
{
	static const struct {
		const char *word;
		enum object_type type;
	} types[] = {
		{ "blob ", OBJECT_BLOB }, { "tree ", OBJECT_TREE },
		{ "commit ", OBJECT_COMMIT }, { "tag ", OBJECT_TAG },
	};
	const char *nul = memchr(p, '\0', n);
	int64_t v;
	size_t i, k;

	for (i = 0; nul && i < sizeof(types) / sizeof(*types); i++) {
		k = strlen(types[i].word);
		if (strncmp(p, types[i].word, k) != 0 ||
		    !text_int(p + k, 0, INT64_MAX, &v))
			continue;
		*type = types[i].type;
		*size = (size_t)v;
		return (size_t)(nul - p) + 1;
	}
	return 0;
}

/* What the file's first bytes say.  A short try leaves a hint behind; it is
 * believed when all of it is read.  Of bytes that are only stored nothing comes
 * out but a whole block. */
static size_t try_head(struct libdeflate_decompressor *d,
		       const unsigned char *raw, size_t n,
		       enum object_type *type, size_t *size)
{
	char head[HEAD + 1] = "", *block;
	size_t got = 0, len;

	(void)libdeflate_zlib_decompress(d, raw, n, head, HEAD, &got);
	len = read_head(head, HEAD + 1, type, size);
	block = len ? NULL : calloc(1, STORED_MOST + 1);
	if (block) {
		(void)libdeflate_zlib_decompress(d, raw, n, block, STORED_MOST,
						 &got);
		len = read_head(block, HEAD + 1, type, size);
	}
	free(block);
	return len;
}

static bool inflate_all(struct libdeflate_decompressor *d,
			const unsigned char *raw, size_t n, size_t len,
			size_t size, enum object_type *type, char **text)
{
	char *out = malloc(len + size + 1);
	size_t got = 0, again = 0;

	if (!out)
		return false;
	if (libdeflate_zlib_decompress(d, raw, n, out, len + size, &got) !=
		    LIBDEFLATE_SUCCESS || got != len + size ||
	    read_head(out, got, type, &again) != len || again != size) {
		free(out);
		return false;
	}
	memmove(out, out + len, size);
	*text = out;
	return true;
}

/* As much of the file as can belong to `size` bytes: deflate may add a little. */
static size_t part(size_t file, size_t size)
{
	size_t room = size + size / 1000 + SLACK;

	return file < room ? file : room;
}

/* `text` NULL: only the head. */
static enum loose unpack(struct libdeflate_decompressor *d, int fd, size_t file,
			 size_t most, char **text, size_t *size,
			 enum object_type *type)
{
	size_t n = part(file, 0), len;
	unsigned char *raw = slurp(fd, n);
	enum loose rc = LOOSE_BROKEN;

	len = raw ? try_head(d, raw, n, type, size) : 0;
	if (len && !text) {
		rc = LOOSE_READ;
	} else if (len && *size > most) {
		rc = LOOSE_LARGE;
	} else if (len) {
		if (n < part(file, *size)) {
			free(raw);
			n = part(file, *size);
			raw = slurp(fd, n);
		}
		if (raw && inflate_all(d, raw, n, len, *size, type, text))
			rc = LOOSE_READ;
	}
	free(raw);
	return rc;
}

static enum loose get(const char *folder, const unsigned char *oid, size_t most,
		      char **text, size_t *n, enum object_type *type)
{
	struct libdeflate_decompressor *d;
	size_t file = 0;
	int fd;
	enum loose rc = open_file(folder, oid, &fd, &file);

	if (rc == LOOSE_READ) {
		d = libdeflate_alloc_decompressor();
		rc = d ? unpack(d, fd, file, most, text, n, type)
		       : LOOSE_BROKEN;
		libdeflate_free_decompressor(d);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

enum loose loose_read(const char *folder, const unsigned char *oid, size_t most,
		      char **text, size_t *n, enum object_type *type)
{
	return get(folder, oid, most, text, n, type);
}

enum loose loose_head(const char *folder, const unsigned char *oid, size_t *n,
		      enum object_type *type)
{
	return get(folder, oid, 0, NULL, n, type);
}
