/*
 * head: DIR/vault.head, the newest state named outside the database; or that
 * file at the place it was told (headplace.c).
 *
 * Two sectors, written in turn by the parity of the state's version, so that
 * one torn write leaves the other.  A head behind the database is what a crash
 * leaves and is accepted when the chain contains it; a database behind its
 * head was put back or cut.  The head is written after the commit is on the
 * disk, never before, except by a change of the root key (see vault_reseal):
 * there the next head goes first, under the new key, into the other sector.
 *
 * Sector: magic 8 | vault id 16 | key id 16 | state version 8 | journal
 * sequence 8 | chain MAC 32 | digest of the state row 32 | MAC 32 | zeros.
 */
#include "vault/core.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define SECTOR 512u
#define MAGIC "curfewh1"
#define AT_VAULT 8u
#define AT_KEY 24u
#define AT_VERSION 40u
#define AT_SEQ 48u
#define AT_CHAIN 56u
#define AT_DIGEST 88u
#define AT_MAC 120u

static const char accept_hint[] =
	"restore the newest backup, or, if you know why, accept what is there "
	"with 'curfew vault verify --accept-head'";

static bool sector_valid(const struct vault *v, const unsigned char *s)
{
	unsigned char mac[MAC_LEN];

	seal_digest(v->keys->head, s, AT_MAC, mac);
	return memcmp(s, MAGIC, AT_VAULT) == 0 &&
	       memcmp(s + AT_VAULT, v->id, VAULT_ID_LEN) == 0 &&
	       secret_equal_bytes(mac, s + AT_MAC, MAC_LEN);
}

static int no_sector(const struct vault *v, const struct head_bytes *h,
		     struct err *e)
{
	const char *told = head_told(v->dir);
	const char *name = told ? told : "vault.head";
	const char *why = "is damaged";
	char place[256];

	if (h->mark) {
		head_marked_place(h, place, sizeof(place));
		err_fail(e, ERR_TAMPER, v->dir,
			 "the head is kept elsewhere, at %s", place);
		err_hint(e, "name that place in curfew.toml, [vault] "
			    "head_file; or, if it is lost, %s", accept_hint);
		return -1;
	}
	if (h->n == 0)
		why = "is missing";
	else if (memcmp(h->b, MAGIC, AT_VAULT) == 0 &&
		 memcmp(h->b + AT_VAULT, v->id, VAULT_ID_LEN) != 0)
		why = "belongs to another vault";
	else if (memcmp(h->b, MAGIC, AT_VAULT) == 0 &&
		 memcmp(h->b + AT_KEY, v->keys->id, sizeof(v->keys->id)) != 0)
		why = "belongs to an earlier root key";
	err_fail(e, ERR_TAMPER, v->dir, "the head file %s %s", name, why);
	if (told)
		err_hint(e, "is its disk there, and head_file in curfew.toml "
			    "right? else %s", accept_hint);
	else
		err_hint(e, "%s", accept_hint);
	return -1;
}

/* Is entry seq, with this MAC, in the database's chain? */
static int chain_has(struct vault *v, uint64_t seq,
		     const unsigned char mac[MAC_LEN], bool *has, struct err *e)
{
	unsigned char before[MAC_LEN] = { 0 }, want[MAC_LEN], have[MAC_LEN];
	sqlite3_stmt *st = NULL;
	const void *box;
	uint64_t at;
	int rc, out = -1;

	*has = false;
	if (seq == 0) {
		*has = true;
		return 0;
	}
	for (int i = 0; i < 2; i++) {
		st = stmt_take(v, ST_JOURNAL_GET, e);
		if (!st)
			goto out;
		stmt_u64(st, 1, seq - 1 + (unsigned)i);
		rc = sqlite3_step(st);
		if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
			db_fail(v->db, rc, "reading the journal", e);
			goto out;
		}
		if (i == 0 && seq > 1 &&
		    (rc != SQLITE_ROW || !col_blob(st, 2, before, MAC_LEN)))
			goto absent;
		if (i == 0) {
			stmt_give(v, ST_JOURNAL_GET, st);
			continue;
		}
		box = rc == SQLITE_ROW ? sqlite3_column_blob(st, 1) : NULL;
		if (!box || !col_u64(st, 0, &at) ||
		    !col_blob(st, 2, have, MAC_LEN))
			goto absent;
		journal_mac(v->keys, before, seq, box,
			    (size_t)sqlite3_column_bytes(st, 1), want);
		*has = secret_equal_bytes(want, have, MAC_LEN) &&
		       secret_equal_bytes(want, mac, MAC_LEN);
	}
absent:
	out = 0;
out:
	stmt_give(v, ST_JOURNAL_GET, st);
	return out;
}

int head_check(struct vault *v, const struct head_bytes *h, struct err *e)
{
	const unsigned char *best = NULL;
	const struct state *s = &v->state;
	uint64_t version, seq;
	bool has = false;

	for (unsigned i = 0; h->n == HEAD_FILE_LEN && i < 2; i++) {
		const unsigned char *p = h->b + i * SECTOR;

		if (sector_valid(v, p) &&
		    (!best || seal_get64(p + AT_VERSION) >
				      seal_get64(best + AT_VERSION)))
			best = p;
	}
	if (!best)
		return no_sector(v, h, e);
	version = seal_get64(best + AT_VERSION);
	seq = seal_get64(best + AT_SEQ);
	if (version > s->version) {
		err_fail(e, ERR_TAMPER, v->dir,
			 "the database is older than its head: commit %llu is "
			 "there, %llu was written (journal %llu of %llu)",
			 (unsigned long long)s->version,
			 (unsigned long long)version,
			 (unsigned long long)s->seq, (unsigned long long)seq);
		goto fail;
	}
	if (version == s->version) {
		if (secret_equal_bytes(best + AT_DIGEST, s->digest, MAC_LEN))
			return 0;
		err_fail(e, ERR_TAMPER, v->dir,
			 "the database is another branch than its head");
		goto fail;
	}
	if (seq <= s->seq && chain_has(v, seq, best + AT_CHAIN, &has, e))
		return -1;
	if (has)
		return 0;
	err_fail(e, ERR_TAMPER, v->dir,
		 "the journal does not contain its head (entry %llu)",
		 (unsigned long long)seq);
fail:
	err_hint(e, "%s", accept_hint);
	return -1;
}

static void sector_make(const struct vault *v, unsigned char s[SECTOR])
{
	memset(s, 0, SECTOR);
	memcpy(s, MAGIC, AT_VAULT);
	memcpy(s + AT_VAULT, v->id, VAULT_ID_LEN);
	memcpy(s + AT_KEY, v->keys->id, sizeof(v->keys->id));
	seal_put64(s + AT_VERSION, v->state.version);
	seal_put64(s + AT_SEQ, v->state.seq);
	memcpy(s + AT_CHAIN, v->state.mac, MAC_LEN);
	memcpy(s + AT_DIGEST, v->state.digest, MAC_LEN);
	seal_digest(v->keys->head, s, AT_MAC, s + AT_MAC);
}

int head_image(const struct vault *v, unsigned char out[HEAD_FILE_LEN],
	       struct err *e)
{
	if (!v->state.loaded)
		return err_fail(e, ERR_BUG, v->dir, "no state is loaded");
	sector_make(v, out);
	sector_make(v, out + SECTOR);
	return 0;
}

int head_open(struct vault *v, struct err *e)
{
	struct stat sb;
	const char *told = head_told(v->dir);
	char *path = told ? mem_strdup(told) : head_default(v->dir);
	int rc = -1;

	if (!path)
		return err_fail(e, ERR_NOMEM, v->dir, "out of memory");
	if (head_settle(v, e))
		goto out;
	v->head_fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
			  0600);
	if (v->head_fd < 0 || fstat(v->head_fd, &sb) != 0) {
		err_sys(e, path, "opening the head file");
		goto out;
	}
	/* its two sectors exist from now on: a full disk cannot stop them */
	if (S_ISREG(sb.st_mode) && sb.st_size < (off_t)HEAD_FILE_LEN &&
	    ftruncate(v->head_fd, HEAD_FILE_LEN) != 0) {
		err_sys(e, path, "sizing the head file");
		goto out;
	}
	rc = 0;
out:
	mem_free(path);
	return rc;
}

static int put(struct vault *v, const void *p, size_t len, off_t at, bool sync,
	       struct err *e)
{
	ssize_t n;

	do
		n = pwrite(v->head_fd, p, len, at);
	while (n < 0 && errno == EINTR);
	if (n >= 0 && n != (ssize_t)len) {
		n = -1;
		errno = ENOSPC;
	}
	if (n < 0 || (sync && fdatasync(v->head_fd) != 0))
		return err_sys(e, v->dir, "writing the head file");
	return 0;
}

int head_write_both(struct vault *v, struct err *e)
{
	unsigned char image[HEAD_FILE_LEN];

	if (head_image(v, image, e))
		return -1;
	return put(v, image, sizeof(image), 0, true, e);
}

int head_write(struct vault *v, bool sync, struct err *e)
{
	unsigned char s[SECTOR];

	sector_make(v, s);
	return put(v, s, sizeof(s), (off_t)((v->state.version & 1) * SECTOR),
		   sync, e);
}
