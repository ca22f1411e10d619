/*
 * core: the body of struct vault, for the files that keep it consistent
 * (schema, freshness, head, store, journal, vault, reseal) and no others.
 *
 * What is cached (state, buckets) always equals the database as this
 * connection sees it; a rollback drops all of it.
 */
#ifndef VAULT_CORE_H
#define VAULT_CORE_H

#include "vault/internal.h"
#include "vault/seal.h"

/* ---- statements (schema.c) ---------------------------------------------- */

enum stmt {
	ST_BEGIN_READ,
	ST_BEGIN_WRITE,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_DATA_VERSION,
	ST_STATE_GET,
	ST_STATE_PUT,
	ST_HEADER_PUT,
	ST_BUCKET_GET,
	ST_BUCKET_PUT,
	ST_BUCKET_ALL,
	ST_ROW_GET,
	ST_ROW_PUT,
	ST_ROW_DELETE,
	ST_ROW_SECRET,
	ST_ROW_RESEAL,
	ST_ROW_VERSIONS,
	ST_ROW_NEXT,
	ST_WALK_TABLE,
	ST_WALK_GROUP,
	ST_WALK_AREA,
	ST_WALK_FP,
	ST_WALK_DUE,
	ST_SLOT_PUT,
	ST_SLOT_DELETE,
	ST_JOURNAL_PUT,
	ST_JOURNAL_GET,
	ST_JOURNAL_WALK,
	ST_JOURNAL_RESEAL,
	STMTS,
};

/* A statement is taken for a use and given back, so that nested walks never
 * share one.  NULL + e. */
sqlite3_stmt *stmt_take(struct vault *v, enum stmt s, struct err *e);
void stmt_give(struct vault *v, enum stmt s, sqlite3_stmt *st);
/* Step to the end, nothing to read; gives it back. */
int stmt_run(struct vault *v, enum stmt s, sqlite3_stmt *st, const char *doing,
	     struct err *e) __attribute__((warn_unused_result));
int stmt_exec(struct vault *v, enum stmt s, const char *doing, struct err *e)
	__attribute__((warn_unused_result));
/* Binding and reading with the sizes checked. */
void stmt_blob(sqlite3_stmt *st, int at, const void *p, size_t n);
void stmt_id(sqlite3_stmt *st, int at, const struct store_id *id); /* zero: NULL */
void stmt_u64(sqlite3_stmt *st, int at, uint64_t x);
/* false: not a blob of that length / not a non-negative integer */
bool col_blob(sqlite3_stmt *st, int at, void *out, size_t n);
bool col_id(sqlite3_stmt *st, int at, struct store_id *id); /* NULL: zero */
bool col_u64(sqlite3_stmt *st, int at, uint64_t *x);

/* Exactly our tables and indexes, word for word; else ERR_TAMPER. */
int schema_check(sqlite3 *db, struct err *e)
	__attribute__((warn_unused_result));
int schema_create(sqlite3 *db, struct err *e)
	__attribute__((warn_unused_result));

/* ---- the database file (db.c) --------------------------------------------- */

/* A new DIR/vault.db with the tables, ERR_EXISTS when there is one. */
int db_create(const char *dir, sqlite3 **db, struct err *e)
	__attribute__((warn_unused_result));
/* The sealed block of the header, appended to out. */
int db_header_sealed(sqlite3 *db, struct buf *out, struct err *e)
	__attribute__((warn_unused_result));

/* ---- freshness (freshness.c) --------------------------------------------- */

#define BUCKETS 512u /* a table; by the first 9 bits of the id */
#define TABS ((unsigned)STORE_TABLES)
#define TAB_GROUP 0u /* sums of groups live as records of table 0 */

struct sum {
	unsigned char b[32]; /* of keyed hashes, modulo 2^256 */
	uint64_t n;	     /* how many */
};

struct version { /* of one record */
	struct store_id id;
	uint64_t version;
};

struct bucket {
	uint64_t version; /* 0: no row for it */
	struct sum sum;
	bool loaded, dirty;
	bool known;	      /* `rows` is what the sum adds up */
	struct version *rows; /* by id */
	size_t n_rows, cap_rows;
};

/* A group's sum as the transaction sees it; written when another takes its
 * place or at the commit, so a row that many members share is not written
 * once for each. */
#define GROUPS 2048u
struct group {
	struct store_id id;
	struct sum sum;
	uint64_t version; /* of the row in the database, 0: none */
	bool used, dirty;
};

struct state {
	bool loaded;
	uint64_t version; /* commits */
	uint64_t counter; /* the last record version given out */
	struct sum top;	  /* over (bucket, version) */
	uint64_t seq;	  /* the journal's last entry, and its MAC */
	unsigned char mac[MAC_LEN];
	unsigned char slots[MAC_LEN];  /* hash of the slot table */
	unsigned char digest[MAC_LEN]; /* of the sealed state row */
};

#define SUM_LEN 40u /* as bytes: 32 and the count */
void sum_put(unsigned char out[SUM_LEN], const struct sum *s);
void sum_get(const unsigned char in[SUM_LEN], struct sum *s);
unsigned bucket_of(const struct store_id *id);
void sum_term(const struct vault *v, unsigned tab, const struct store_id *id,
	      uint64_t version, struct sum *out);
void sum_add(struct sum *s, const struct sum *term);
void sum_sub(struct sum *s, const struct sum *term);
bool sum_equal(const struct sum *a, const struct sum *b);

/* Read the state row if it changed since; ERR_TAMPER when it does not fit. */
int state_load(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* Write changed buckets and the state row; part of a commit. */
int state_save(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* Drop all that is cached: the next use reads the database. */
void state_forget(struct vault *v);
int slots_hash(struct vault *v, unsigned char out[MAC_LEN], struct err *e)
	__attribute__((warn_unused_result));

struct bucket *bucket_get(struct vault *v, unsigned tab, unsigned no,
			  struct err *e);
/* A record came (old 0), changed, or went (new 0). */
int bucket_change(struct vault *v, unsigned tab, const struct store_id *id,
		  uint64_t old_version, uint64_t new_version, struct err *e)
	__attribute__((warn_unused_result));

/* ---- versions (versions.c) ------------------------------------------------ */

/* Add up what is in the table and compare, whatever is known already. */
int bucket_check(struct vault *v, unsigned tab, unsigned no, struct err *e)
	__attribute__((warn_unused_result));
/* Is that the record's latest version?  0: there is no such record.  ERR_TAMPER
 * when not. */
int row_check(struct vault *v, unsigned tab, const struct store_id *id,
	      uint64_t version, struct err *e)
	__attribute__((warn_unused_result));
/* bucket_change() for the list; ERR_TAMPER when the old one is not the latest. */
int versions_change(struct bucket *b, unsigned tab, const struct store_id *id,
		    uint64_t old_version, uint64_t new_version, struct err *e)
	__attribute__((warn_unused_result));
void versions_forget_all(struct vault *v);

enum group_kind { GROUP_GROUP = 1, GROUP_AREA, GROUP_FP };
int group_change(struct vault *v, enum group_kind kind, unsigned tab,
		 const struct store_id *group, const struct sum *minus,
		 const struct sum *plus, struct err *e)
	__attribute__((warn_unused_result));
void groups_forget(struct vault *v);
/* What group_change left in memory, into the database. */
int group_flush(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
/* The sum that the group's members must have; checked for freshness. */
int group_sum(struct vault *v, enum group_kind kind, unsigned tab,
	      const struct store_id *group, struct sum *out, struct err *e)
	__attribute__((warn_unused_result));

/* ---- records (record.c) ---------------------------------------------------- */

/* The unsealed columns of a record, all bound by its seal. */
struct record {
	unsigned tab;
	struct store_id id, group, area, fp;
	uint64_t version, secret_version;
	int64_t due_ms;
};

/* Columns 0.. of the walk and get statements -> r, and the sealed data. */
int record_columns(sqlite3_stmt *st, struct record *r, const void **box,
		   size_t *n, struct err *e) __attribute__((warn_unused_result));
int record_open(struct vault *v, const struct record *r, const void *box,
		size_t n, struct buf *data, struct err *e)
	__attribute__((warn_unused_result));
int record_shut(struct vault *v, const struct record *r, const void *p,
		size_t n, struct buf *box, struct err *e)
	__attribute__((warn_unused_result));
void record_secret_ad(const struct vault *v, const struct keys *k,
		      const struct record *r, struct seal_ad *a);
/* 1 found (authentic, freshness not yet checked), 0 absent, -1. */
int record_get(struct vault *v, unsigned tab, const struct store_id *id,
	       struct record *r, struct buf *data, struct err *e)
	__attribute__((warn_unused_result));
int record_secret(struct vault *v, const struct record *r, struct secret **out,
		  struct err *e) __attribute__((warn_unused_result));
/* secret_box NULL: none, or with `keep` the stored one stays. */
int record_put(struct vault *v, const struct record *r, const void *p, size_t n,
	       const struct buf *secret_box, bool keep, struct err *e)
	__attribute__((warn_unused_result));
int record_delete(struct vault *v, unsigned tab, const struct store_id *id,
		  struct err *e) __attribute__((warn_unused_result));
/* ERR_TAMPER, with the table and the start of the id as object. */
int record_tamper(const struct record *r, struct err *e, const char *cause);
const char *table_word(unsigned tab);

/* ---- head (head.c) --------------------------------------------------------- */

struct head_bytes {
	unsigned char b[HEAD_FILE_LEN];
	size_t n;  /* 0: there is no file */
	bool mark; /* not a head: it names the place where the head is */
};
/* The place told for the vault in this folder, NULL: DIR/vault.head. */
const char *head_told(const char *dir);
char *head_default(const char *dir); /* mem_free it */
void head_marked_place(const struct head_bytes *h, char *out, size_t cap);
/* Open for writing: the head is at its place from here on, and only there. */
int head_settle(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
int head_read(const char *dir, struct head_bytes *h, struct err *e)
	__attribute__((warn_unused_result));
/* Against the loaded state; ERR_TAMPER says what does not fit. */
int head_check(struct vault *v, const struct head_bytes *h, struct err *e)
	__attribute__((warn_unused_result));
int head_open(struct vault *v, struct err *e) /* for writing; creates */
	__attribute__((warn_unused_result));
int head_write(struct vault *v, bool sync, struct err *e)
	__attribute__((warn_unused_result));
/* Both sectors: no older word, however much newer it claims to be, stays. */
int head_write_both(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));

/* ---- the vault --------------------------------------------------------------- */

struct vault {
	sqlite3 *db;
	sqlite3_stmt *st[STMTS];
	char *dir;
	char *who; /* "uid=1000(ann)@host", found out before any sandbox */
	unsigned char id[VAULT_ID_LEN];
	struct keys *keys;
	struct keys *before; /* during a reseal: what a rollback puts back */
	bool write;
	int lock_fd, head_fd;

	struct state state;
	uint64_t seen; /* the newest version this process has seen */
	int64_t data_version; /* SQLite's: another connection wrote */
	struct bucket *bucket[TABS]; /* BUCKETS each, made when first needed */
	struct group *groups;	     /* GROUPS of them, of this transaction */
	bool groups_used;

	bool tx;	  /* between store_begin and commit or rollback */
	bool changed;	  /* ... and something was written */
	bool broken;	  /* ... and a write did not succeed: no commit */
	bool slots_dirty; /* ... and the slot table changed */
	unsigned readers; /* nesting of read sections */
};

/* A read section: one snapshot, state loaded.  Nests; ends with read_end. */
int read_begin(struct vault *v, struct err *e)
	__attribute__((warn_unused_result));
void read_end(struct vault *v);
/* A write: joins the open transaction or is one of its own. */
struct write {
	bool own;
};
int write_begin(struct vault *v, struct write *w, struct err *e)
	__attribute__((warn_unused_result));
/* rc of the work in; the outcome out. */
int write_end(struct vault *v, struct write *w, int rc, struct err *e)
	__attribute__((warn_unused_result));

/* The key block of the header, sealed for `k`. */
int header_write(struct vault *v, const struct keys *k, struct err *e)
	__attribute__((warn_unused_result));
void journal_mac(const struct keys *k, const unsigned char before[MAC_LEN],
		 uint64_t seq, const void *box, size_t n,
		 unsigned char out[MAC_LEN]);
void journal_ad(const struct vault *v, const struct keys *k, uint64_t seq,
		const unsigned char before[MAC_LEN], struct seal_ad *a);

#endif
