// link: scan base
/*
 * Loose objects of all kinds and sizes come out as they went in; what is cut,
 * damaged, too large or says another size than it has does not come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <libdeflate.h>

#include "hooks/scan/loose.h"

#define MOST 300000u

static const unsigned char oid[OID_LEN] = { 0xab, 0xcd };
static char folder[] = "/tmp/curfew-loose.XXXXXX";
static char path[128];

static int level = 6;

/* HEAD, a NUL and n bytes, deflated; cut: so many bytes less in the file. */
static void put(const char *head, const char *text, size_t n, size_t cut,
		size_t flip)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	size_t len = strlen(head) + 1, most, got;
	char *all = malloc(len + n), *out;
	FILE *f;

	assert_non_null(all);
	memcpy(all, head, len);
	if (n)
		memcpy(all + len, text, n);
	most = libdeflate_zlib_compress_bound(c, len + n);
	out = malloc(most);
	assert_non_null(out);
	got = libdeflate_zlib_compress(c, all, len + n, out, most);
	assert_true(got > cut);
	if (flip)
		out[flip] = (char)(out[flip] ^ 16);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(out, 1, got - cut, f), got - cut);
	fclose(f);
	libdeflate_free_compressor(c);
	free(all);
	free(out);
}

static bool get(char **text, size_t *n, enum object_type *type)
{
	*text = NULL;
	return loose_read(folder, oid, MOST, text, n, type) == LOOSE_READ;
}

static void test_read(void **state)
{
	static const char *const word[] = { NULL, "commit", "tree", "blob", "tag" };
	static const size_t size[] = { 0, 1, 35, 36, 37, 57, 64, 5000, 299000 };
	char *text = malloc(MOST), *back, head[64];
	enum object_type type;
	size_t i, k, n;

	assert_non_null(text);
	level = *state ? 0 : 6; /* 0: core.compression = 0 stores the bytes */
	for (i = 0; i < MOST; i++)
		text[i] = (char)(i * i >> (i % 7));
	for (k = 1; k < 5; k++)
		for (i = 0; i < sizeof(size) / sizeof(*size); i++) {
			snprintf(head, sizeof(head), "%s %zu", word[k], size[i]);
			put(head, text, size[i], 0, 0);
			assert_true(get(&back, &n, &type));
			assert_int_equal(type, k);
			assert_int_equal(n, size[i]);
			assert_memory_equal(back, text, n);
			free(back);
		}
	/* one run: a few bytes of file for all of it */
	level = 6;
	memset(text, 'a', 200000);
	put("blob 200000", text, 200000, 0, 0);
	assert_true(get(&back, &n, &type));
	assert_memory_equal(back, text, 200000);
	free(back);
	free(text);
}

static void test_refuse(void **state)
{
	char *text = calloc(1, 2 * MOST), *back;
	enum object_type type;
	size_t n;

	(void)state;
	assert_non_null(text);
	put("blob 10", text, 10, 0, 0);
	assert_true(get(&back, &n, &type));
	free(back);
	put("blob 10", text, 10, 3, 0);
	assert_false(get(&back, &n, &type));
	put("blob 10", text, 10, 0, 8);
	assert_false(get(&back, &n, &type));
	put("blob 10", text, 11, 0, 0);
	assert_false(get(&back, &n, &type));
	put("blob 10", text, 9, 0, 0);
	assert_false(get(&back, &n, &type));
	put("blob -1", text, 9, 0, 0);
	assert_false(get(&back, &n, &type));
	put("blub 9", text, 9, 0, 0);
	assert_false(get(&back, &n, &type));
	put("blob 300001", text, 300001, 0, 0);
	assert_false(get(&back, &n, &type));
	put("blob 99999999999999", text, 9, 0, 0);
	assert_false(get(&back, &n, &type));
	/* no head within its bounds */
	memset(text, '0', 100);
	put("blob ", text, 100, 0, 0);
	assert_false(get(&back, &n, &type));
	assert_int_equal(unlink(path), 0);
	assert_false(get(&back, &n, &type));
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		{ "test_stored", test_read, NULL, NULL, path },
		cmocka_unit_test(test_refuse),
	};
	char sub[64];
	int rc;

	if (!mkdtemp(folder))
		return 1;
	snprintf(sub, sizeof(sub), "%s/ab", folder);
	if (mkdir(sub, 0700))
		return 1;
	snprintf(path, sizeof(path), "%s/cd%036d", sub, 0);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	rmdir(sub);
	rmdir(folder);
	return rc;
}
