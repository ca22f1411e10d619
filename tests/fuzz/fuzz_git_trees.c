// link: scan
/*
 * git_trees: loose commits and trees of any kind, as somebody may push them:
 * what a commit has that its parents have not ends, by itself or by its
 * deadline, and gives paths that somebody could write down.
 *
 * Input, for each object: a byte (bits 0-1: type; 0x80: what follows is the
 * file itself, not deflated here; 0x40: the content as it is), the length in 2
 * bytes, and the content.  Without 0x40 that of a tree is entries (kind, object,
 * length of the name, name), that of a commit numbers of objects: its tree and
 * its parents.
 */
#include <errno.h>
#include <libdeflate.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz_file.h"
#include "base/log.h"
#include "base/text.h"
#include "hooks/scan/engine.h"
#include "hooks/scan/fresh.h"
#include "hooks/scan/loose.h"

#define OBJECTS 16u
#define TEXT_MAX 8192u
#define ASKS_MOST 2000u /* the end of time */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const word[] = { "blob", "tree", "commit", "tag" };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const char head[] = "ref: refs/heads/main\n";
	static const char config[] = "[core]\nrepositoryformatversion=0\nbare=true\n";
	char path[128];

	(void)argc;
	(void)argv;
	if (mkdir(fuzz_path("objects", path), 0700) ||
	    mkdir(fuzz_path("objects/00", path), 0700) ||
	    mkdir(fuzz_path("refs", path), 0700))
		abort();
	fuzz_file("HEAD", head, sizeof(head) - 1, path);
	fuzz_file("config", config, sizeof(config) - 1, path);
	return 0;
}

static void oid_of(unsigned i, unsigned char oid[static OID_LEN])
{
	memset(oid, 0, OID_LEN);
	oid[OID_LEN - 1] = (unsigned char)(i % OBJECTS);
}

static size_t make_tree(const uint8_t *p, size_t n, char *out)
{
	static const char *const mode[] = { "100644", "40000", "120000",
					    "160000", "100755", "0", "7", "" };
	size_t at = 0, k;

	while (n >= 3 && at + 300 < TEXT_MAX) {
		k = p[2] % 32u;
		if (k > n - 3)
			k = n - 3;
		at += (size_t)snprintf(out + at, 16, "%s ", mode[p[0] % 8u]);
		memcpy(out + at, p + 3, k);
		at += k;
		out[at++] = '\0';
		oid_of(p[1], (unsigned char *)out + at);
		at += OID_LEN;
		p += 3 + k;
		n -= 3 + k;
	}
	return at;
}

static size_t make_commit(const uint8_t *p, size_t n, char *out)
{
	unsigned char oid[OID_LEN];
	char hex[2 * OID_LEN + 1];
	size_t i, at = 0;

	for (i = 0; i < n && i < 40; i++) {
		oid_of(p[i], oid);
		text_hex(oid, OID_LEN, hex);
		at += (size_t)snprintf(out + at, 64, "%s %s\n",
				       i ? "parent" : "tree", hex);
	}
	memcpy(out + at, "\nwhy\n", 5);
	return at + 5;
}

/* The object's file, and what it must be read as. */
static void put(unsigned i, const uint8_t *p, size_t n, unsigned kind)
{
	static struct libdeflate_compressor *c;
	static char text[TEXT_MAX + 64], file[2 * TEXT_MAX + 64], *got;
	unsigned type = kind & 3u;
	unsigned char oid[OID_LEN];
	char name[64], path[128], hex[2 * OID_LEN + 1], folder[128];
	enum object_type was;
	size_t at, len;

	oid_of(i, oid);
	text_hex(oid, OID_LEN, hex);
	snprintf(name, sizeof(name), "objects/00/%s", hex + 2);
	if (n > TEXT_MAX)
		n = TEXT_MAX;
	if (kind & 0x80) {
		fuzz_file(name, p, n, path);
		if (loose_read(fuzz_path("objects", folder), oid, 1 << 20, &got,
			       &len, &was) == LOOSE_READ)
			free(got);
		return;
	}
	if (!c && !(c = libdeflate_alloc_compressor(1)))
		abort();
	at = 64; /* the head comes before it */
	if (kind & 0x40 || type == 0 || type == 3) {
		memcpy(text + at, p, n);
		len = n;
	} else {
		len = type == 1 ? make_tree(p, n, text + at)
				: make_commit(p, n, text + at);
	}
	n = (size_t)snprintf(name + 55, 0, "%s %zu", word[type], len) + 1;
	snprintf(text + at - n, n, "%s %zu", word[type], len);
	n = libdeflate_zlib_compress(c, text + at - n, n + len, file,
				     sizeof(file));
	if (!n)
		abort();
	fuzz_file(name, file, n, path);
	if (loose_read(fuzz_path("objects", folder), oid, 1 << 20, &got, &len,
			&was) != LOOSE_READ || memcmp(got, text + at, len) != 0)
		abort();
	free(got);
}

static int seen(void *arg, const char *path, const unsigned char *oid,
		struct err *e)
{
	size_t *n = arg;

	(void)oid;
	(void)e;
	if (strlen(path) > 4096)
		abort();
	++*n;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deadline end;
	struct tally tally = { 0 };
	struct idset skip = { 0 };
	struct repo r;
	size_t n, found = 0;
	struct fresh f = { .r = &r, .skip = &skip, .tally = &tally,
			   .deadline = &end, .each = seen, .arg = &found };
	unsigned char oid[OID_LEN];
	char path[128];
	unsigned i, k;

	for (i = 0; i < OBJECTS && size >= 3; i++) {
		n = (size_t)data[1] << 8 | data[2];
		if (n > size - 3)
			n = size - 3;
		put(i, data + 3, n, data[0]);
		data += 3 + n;
		size -= 3 + n;
	}
	if (repo_open(&r, fuzz_path("", path), NULL, NULL, NULL))
		abort();
	deadline_start(&end, 0, 0);
	end.asks_most = ASKS_MOST;
	for (k = 0; k < i; k++) {
		oid_of(k, oid);
		if (fresh_files(&f, oid, NULL))
			abort();
	}
	repo_close(&r);
	for (k = 0; k < OBJECTS; k++) {
		char name[64], hex[2 * OID_LEN + 1];

		oid_of(k, oid);
		text_hex(oid, OID_LEN, hex);
		snprintf(name, sizeof(name), "objects/00/%s", hex + 2);
		(void)unlink(fuzz_path(name, path));
	}
	return 0;
}
