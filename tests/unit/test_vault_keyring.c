// link: base vault/keyring.c vault/slot_passphrase.c vault/slot_keyfile.c vault/slot_libsecret.c vault/slot_systemd.c vault/slot_recipient.c
/*
 * Slot records: each kind wraps and unwraps, and nothing else opens one: not a
 * wrong key, not another vault, not a record with any one bit turned.
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

#include "base/io.h"
#include "base/mem.h"
#include "vault/keyring.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

#define MEM_OFFSET 40u /* of the Argon2id memory in a record */
#define CHEAP (64u * 1024 * 1024)

static const unsigned char vault_a[16] = "vault number one";
static const unsigned char vault_b[16] = "vault number two";

struct sample {
	struct slot_input make, open, wrong;
	struct secret *key, *bad;
};

static struct secret *secret_of(const char *text)
{
	struct err e = ERR_INIT;
	struct secret *s = secret_new(text, strlen(text), &e);

	assert_non_null(s);
	return s;
}

static char dir[64];

static char *in_dir(const char *name)
{
	char *p = io_path(dir, name);

	assert_non_null(p);
	return p;
}

static struct sample sample(enum slot_kind kind)
{
	struct err e = ERR_INIT;
	struct sample s = { 0 };
	char pub[SLOT_PUBLIC_TEXT];

	s.make.kind = kind;
	s.make.name = "first";
	s.make.path = kind == SLOT_PASSPHRASE ? NULL : "/etc/curfew/key";
	if (kind == SLOT_RECIPIENT) {
		char *a = in_dir("pair-a"), *b = in_dir("pair-b");

		(void)unlink(a);
		(void)unlink(b);
		assert_int_equal(slot_recipient_make(b, pub, &e), 0);
		assert_int_equal(slot_recipient_make(a, pub, &e), 0);
		assert_int_equal(slot_recipient_parse(pub, s.make.recipient, &e), 0);
		assert_int_equal(slot_recipient_read(a, &s.key, &e), 0);
		assert_int_equal(slot_recipient_read(b, &s.bad, &e), 0);
		mem_free(a);
		mem_free(b);
	} else {
		s.key = secret_of("correct horse battery staple, 32+");
		s.bad = secret_of("correct horse battery staple, 32-");
		s.make.secret = s.key;
	}
	s.open.kind = s.wrong.kind = kind;
	s.open.secret = s.key;
	s.wrong.secret = s.bad;
	return s;
}

static void sample_free(struct sample *s)
{
	secret_free(&s->key);
	secret_free(&s->bad);
}

static int unwrap(const void *p, size_t n, const struct slot_input *in,
		  const unsigned char *vault, unsigned char root[ROOT_LEN],
		  enum err_code *code)
{
	struct err e = ERR_INIT;
	int rc = keyring_unwrap(p, n, in, vault, root, &e);

	*code = e.code;
	return rc;
}

static void one_kind(enum slot_kind kind)
{
	struct sample s = sample(kind);
	struct buf record = BUF_INIT(SLOT_RECORD_MAX);
	unsigned char root[ROOT_LEN], got[ROOT_LEN];
	struct slot_info info = { .id = 7 };
	struct err e = ERR_INIT;
	enum err_code code;

	secret_random(root, sizeof root);
	assert_int_equal(keyring_wrap(&s.make, vault_a, root, &record, &e), 0);
	assert_int_equal(unwrap(record.p, record.len, &s.open, vault_a, got,
				&code), 0);
	assert_memory_equal(got, root, ROOT_LEN);

	assert_int_equal(unwrap(record.p, record.len, &s.wrong, vault_a, got,
				&code), -1);
	assert_int_equal(code, ERR_SEALED);
	assert_int_equal(unwrap(record.p, record.len, &s.open, vault_b, got,
				&code), -1);
	assert_int_equal(code, ERR_SEALED);
	s.open.kind = kind == SLOT_KEYFILE ? SLOT_SYSTEMD : SLOT_KEYFILE;
	assert_int_equal(unwrap(record.p, record.len, &s.open, vault_a, got,
				&code), -1);
	assert_int_equal(code, ERR_SEALED);

	assert_int_equal(keyring_info(record.p, record.len, &info, &e), 0);
	assert_int_equal(info.kind, kind);
	assert_int_equal(info.id, 7);
	assert_string_equal(info.name, "first");
	assert_true(info.created_ms > 0);
	if (kind == SLOT_RECIPIENT)
		assert_memory_equal(info.detail, "curfew-pub-", 11);
	else
		assert_string_equal(info.detail,
				    s.make.path ? s.make.path : "");
	buf_release(&record);
	sample_free(&s);
}

static void test_each_kind(void **state)
{
	(void)state;
	for (int k = SLOT_PASSPHRASE; k <= SLOT_RECIPIENT; k++)
		one_kind((enum slot_kind)k);
}

/* A memory cost that is within bounds but would really be paid: not tried. */
static bool costly(const unsigned char *p, enum slot_kind kind)
{
	uint64_t mem = 0;

	for (int i = 0; i < 8; i++)
		mem |= (uint64_t)p[MEM_OFFSET + (unsigned)i] << (8 * i);
	return kind == SLOT_PASSPHRASE && mem > CHEAP && mem <= SLOT_MEM_MAX;
}

static void flip_every_bit(enum slot_kind kind)
{
	struct sample s = sample(kind);
	struct buf record = BUF_INIT(SLOT_RECORD_MAX);
	unsigned char root[ROOT_LEN], got[ROOT_LEN];
	struct err e = ERR_INIT;
	enum err_code code;
	size_t tried = 0;

	secret_random(root, sizeof root);
	assert_int_equal(keyring_wrap(&s.make, vault_a, root, &record, &e), 0);
	for (size_t bit = 0; bit < record.len * 8; bit++) {
		unsigned char *p = (unsigned char *)record.p;

		p[bit / 8] ^= (unsigned char)(1u << (bit % 8));
		if (!costly(p, kind)) {
			tried++;
			if (unwrap(p, record.len, &s.open, vault_a, got,
				   &code) == 0)
				fail_msg("kind %d: bit %zu turned, and it opens",
					 (int)kind, bit);
			if (code != ERR_SEALED && code != ERR_TAMPER)
				fail_msg("kind %d bit %zu: code %s", (int)kind,
					 bit, err_word(code));
		}
		p[bit / 8] ^= (unsigned char)(1u << (bit % 8));
	}
	assert_true(tried >= record.len * 8 - 8);
	assert_int_equal(unwrap(record.p, record.len, &s.open, vault_a, got,
				&code), 0);
	buf_release(&record);
	sample_free(&s);
}

static void test_every_bit(void **state)
{
	(void)state;
	for (int k = SLOT_PASSPHRASE; k <= SLOT_RECIPIENT; k++)
		flip_every_bit((enum slot_kind)k);
}

static void test_every_length(void **state)
{
	(void)state;
	for (int k = SLOT_PASSPHRASE; k <= SLOT_RECIPIENT; k++) {
		struct sample s = sample((enum slot_kind)k);
		struct buf record = BUF_INIT(SLOT_RECORD_MAX);
		unsigned char root[ROOT_LEN] = { 1 }, got[ROOT_LEN];
		struct err e = ERR_INIT;
		enum err_code code;

		assert_int_equal(keyring_wrap(&s.make, vault_a, root, &record,
					      &e), 0);
		for (size_t n = 0; n < record.len; n++) {
			assert_int_equal(unwrap(record.p, n, &s.open, vault_a,
						got, &code), -1);
			assert_int_equal(code, ERR_SEALED);
		}
		assert_int_equal(buf_add(&record, "", 1, &e), 0);
		assert_int_equal(unwrap(record.p, record.len, &s.open, vault_a,
					got, &code), -1);
		buf_release(&record);
		sample_free(&s);
	}
}

/* A record may not make us take unbounded memory or time. */
static void test_hostile_cost(void **state)
{
	static const struct {
		uint64_t ops, mem;
	} bad[] = {
		{ 1, SLOT_MEM_MAX + 1ull }, { 1, UINT64_MAX },
		{ 1, 0 },		    { 0, 65536 },
		{ SLOT_OPS_MAX + 1, 65536 }, { UINT64_MAX, 65536 },
	};
	struct secret *s = secret_of("a long enough passphrase");
	struct slot_input in = { .kind = SLOT_PASSPHRASE, .secret = s };
	unsigned char kek[SLOT_KEK];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct slot_head h = { .kind = SLOT_PASSPHRASE,
				       .ops = bad[i].ops, .mem = bad[i].mem };
		struct err e = ERR_INIT;

		assert_int_equal(slot_passphrase_kek(&h, &in, kek, &e), -1);
		assert_int_equal(e.code, ERR_SEALED);
	}
	secret_free(&s);
}

/* The cost new slots get outside of tests is libsodium's "moderate". */
static void test_real_cost(void **state)
{
	uint64_t ops, mem;

	(void)state;
	slot_passphrase_set_cost(0, 0); /* forget the cheap one */
	slot_passphrase_cost(&ops, &mem);
	slot_passphrase_set_cost(1, 8192);
	assert_int_equal(ops, 3);
	assert_int_equal(mem, 268435456);
}

static void test_weak_keys(void **state)
{
	struct secret *shorty = secret_of("7 bytes");
	struct slot_input in = { .kind = SLOT_PASSPHRASE, .secret = shorty };
	struct buf record = BUF_INIT(SLOT_RECORD_MAX);
	unsigned char root[ROOT_LEN] = { 0 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(keyring_wrap(&in, vault_a, root, &record, &e), -1);
	assert_int_equal(e.code, ERR_POLICY);
	err_clear(&e);
	in.kind = SLOT_KEYFILE;
	assert_int_equal(keyring_wrap(&in, vault_a, root, &record, &e), -1);
	err_clear(&e);
	in.kind = SLOT_RECIPIENT; /* an all-zero public key */
	assert_int_equal(keyring_wrap(&in, vault_a, root, &record, &e), -1);
	err_clear(&e);
	in.kind = SLOT_KEYFILE;
	in.name = "no spaces please";
	assert_int_equal(keyring_wrap(&in, vault_a, root, &record, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(record.len, 0);
	secret_free(&shorty);
}

static void write_file(const char *path, const void *p, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void test_key_file(void **state)
{
	char *path = in_dir("key");
	struct secret *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(slot_keyfile_make(path, &e), 0);
	assert_int_equal(slot_keyfile_read(path, &s, &e), 0);
	assert_int_equal(secret_len(s), 32);
	secret_free(&s);
	assert_int_equal(slot_keyfile_make(path, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	err_clear(&e);

	/* a newline at the end is a byte like any other */
	write_file(path, "0123456789abcdef0123456789abcde\n", 32, 0600);
	assert_int_equal(slot_keyfile_read(path, &s, &e), 0);
	assert_int_equal(secret_len(s), 32);
	secret_free(&s);

	write_file(path, "0123456789abcdef0123456789abcde", 31, 0600);
	assert_int_equal(slot_keyfile_read(path, &s, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	err_clear(&e);

	write_file(path, "0123456789abcdef0123456789abcdef", 32, 0640);
	assert_int_equal(slot_keyfile_read(path, &s, &e), -1);
	assert_null(s);
	mem_free(path);
}

static void test_systemd(void **state)
{
	char *path = in_dir("curfew-key");
	struct secret *s = NULL;
	struct err e = ERR_INIT;

	(void)state;
	write_file(path, "0123456789abcdef0123456789abcdef", 32, 0440);
	assert_int_equal(slot_systemd_read(dir, "curfew-key", &s, &e), 0);
	secret_free(&s);
	assert_int_equal(slot_systemd_read(dir, "../etc", &s, &e), -1);
	assert_int_equal(e.code, ERR_USAGE);
	err_clear(&e);
	assert_int_equal(slot_systemd_read("", "curfew-key", &s, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	err_clear(&e);
	assert_int_equal(slot_systemd_read(dir, "other", &s, &e), -1);
	assert_int_equal(e.code, ERR_ABSENT);
	mem_free(path);
}

static void test_pairs(void **state)
{
	char *path = in_dir("pair"), pub[SLOT_PUBLIC_TEXT], back[SLOT_PUBLIC_TEXT];
	unsigned char pk[32];
	struct secret *half = NULL;
	struct err e = ERR_INIT;
	struct stat st;
	struct buf text = BUF_INIT(1000);

	(void)state;
	assert_int_equal(slot_recipient_make(path, pub, &e), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(slot_recipient_parse(pub, pk, &e), 0);
	slot_recipient_text(pk, back);
	assert_string_equal(pub, back);
	assert_int_equal(io_read_file(path, IO_PRIVATE, 1000, &text, &e), 0);
	text.p[text.len - 1] = '\0'; /* the newline */
	assert_int_equal(slot_recipient_parse(text.p, pk, &e), -1);
	assert_null(strstr(e.cause, text.p + 11)); /* never told back */
	err_clear(&e);
	pub[20] = 'x';
	assert_int_equal(slot_recipient_parse(pub, pk, &e), -1);
	err_clear(&e);
	assert_int_equal(slot_recipient_parse("", pk, &e), -1);
	err_clear(&e);
	write_file(path, "curfew-key-00\n", 14, 0600);
	assert_int_equal(slot_recipient_read(path, &half, &e), -1);
	assert_int_equal(e.code, ERR_FORMAT);
	buf_release(&text);
	mem_free(path);
}

static int boot(void **state)
{
	struct err e = ERR_INIT;
	bool locked;

	(void)state;
	slot_passphrase_set_cost(1, 8192);
	snprintf(dir, sizeof dir, "/tmp/curfew-keyring-XXXXXX");
	return mkdtemp(dir) ? secret_boot(&locked, &e) : -1;
}

static int tidy(void **state)
{
	static const char *const names[] = { "pair-a", "pair-b", "key",
					     "curfew-key", "pair" };

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char *p = io_path(dir, names[i]);

		(void)unlink(p);
		mem_free(p);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_every_length),
		cmocka_unit_test(test_hostile_cost),
		cmocka_unit_test(test_real_cost),
		cmocka_unit_test(test_weak_keys),
		cmocka_unit_test(test_key_file),
		cmocka_unit_test(test_systemd),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, boot, tidy);
}
