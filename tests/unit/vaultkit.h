/*
 * vaultkit: what the vault's tests share: a vault in a temporary folder with
 * one key-file slot (no Argon2id second), rows in and out, files copied.
 */
#ifndef TESTS_UNIT_VAULTKIT_H
#define TESTS_UNIT_VAULTKIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "vault/journal.h"
#include "vault/store.h"
#include "vault/vault.h"

struct kit {
	char dir[64];
	struct secret *key;
	struct slot_input in;
	struct vault *v;
};

/* cmocka fixtures: *state is a struct kit with an empty, open vault. */
int kit_setup(void **state);
int kit_teardown(void **state);

void kit_close(struct kit *k);
void kit_open(struct kit *k, bool write); /* must succeed */
enum err_code kit_try(struct kit *k, bool write); /* the code; stays closed on error */

struct store_id kit_id(struct vault *v, enum store_table t, const char *name);
/* A row of `name` holding `text`, with `secret` if not NULL. */
void kit_put(struct vault *v, enum store_table t, const char *name,
	     const char *group, const char *text, const char *secret);
/* "text" or "text|secret" of the row, "(absent)", or "!tamper" and the like.
 * Good until the next call. */
const char *kit_get(struct vault *v, enum store_table t, const char *name);
/* "a,b,c" sorted texts of a group (NULL: the table), or "!tamper". */
const char *kit_list(struct vault *v, enum store_table t, const char *group);
void kit_journal(struct vault *v, const char *text);

/* Of the closed vault: its files, kept in memory. */
struct kit_files {
	struct buf db, head;
};
void kit_save(struct kit *k, struct kit_files *f);
void kit_load(struct kit *k, const struct kit_files *f);
void kit_files_free(struct kit_files *f);
void kit_write_file(struct kit *k, const char *name, const void *p, size_t n);
/* One SQL statement on the closed vault's database; must succeed. */
void kit_sql(struct kit *k, const char *sql);

/* Everything a reader can get: each table, group, area and value looked up, each
 * secret, the journal.  Lines "what: content" or "what: !code"; the opening's
 * own error is one line.  Closes the vault.  *first: the first error's code. */
void kit_dump(struct kit *k, struct buf *out, enum err_code *first);
/* Every line of `now` is that of `before`, or an error. */
void kit_no_wrong_data(const struct buf *before, const struct buf *now);

#define assert_ok(call)                                                       \
	do {                                                                  \
		struct err kit_e = ERR_INIT;                                  \
		struct err *e = &kit_e;                                       \
		if ((call) < 0) {                                             \
			char kit_t[1600];                                     \
			err_format(e, kit_t, sizeof(kit_t));                  \
			fail_msg("%s", kit_t);                                \
		}                                                             \
	} while (0)
#define assert_code(want, call)                                               \
	do {                                                                  \
		struct err kit_e = ERR_INIT;                                  \
		struct err *e = &kit_e;                                       \
		assert_int_equal((call), -1);                                 \
		assert_string_equal(err_word(kit_e.code), err_word(want));    \
	} while (0)

#endif
