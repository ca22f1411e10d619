// link: scan
/*
 * A pack's index that lies about how much there is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/io.h"
#include "hooks/scan/pack.h"

static void put32(unsigned char *p, uint32_t v)
{
	p[0] = (unsigned char)(v >> 24);
	p[1] = (unsigned char)(v >> 16);
	p[2] = (unsigned char)(v >> 8);
	p[3] = (unsigned char)v;
}

/* 2^29 objects in an index of 1.2 KB: said to be malformed, before 8 GB are
 * asked for. */
static void refused(bool v2)
{
	const struct rlimit little = { 1u << 30, 1u << 30 };
	unsigned char idx[1200] = { 0 }, pack[64] = "PACK\0\0\0\2";
	char folder[] = "/tmp/curfew-pack-XXXXXX", ipath[64], ppath[64];
	struct err e = ERR_INIT;

	assert_non_null(mkdtemp(folder));
	snprintf(ipath, sizeof(ipath), "%s/a.idx", folder);
	snprintf(ppath, sizeof(ppath), "%s/a.pack", folder);
	if (v2)
		memcpy(idx, "\xfftOc\0\0\0\2", 8);
	put32(idx + (v2 ? 8 : 0) + 4 * (size_t)255, 1u << 29);
	put32(pack + 8, 1u << 29);
	assert_int_equal(io_write_atomic(ipath, idx, sizeof(idx), 0600, &e), 0);
	assert_int_equal(io_write_atomic(ppath, pack, sizeof(pack), 0600, &e), 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* need terabytes */
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
#endif
	(void)little;
	assert_null(pack_open(ipath, &e));
	assert_int_equal(e.code, ERR_FORMAT);
	assert_int_equal(unlink(ipath) | unlink(ppath) | rmdir(folder), 0);
}

static void test_many_claimed(void **state)
{
	(void)state;
	refused(true);
	refused(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
