/*
 * vault: making, opening and closing.
 *
 * Owns the order of the checks at opening: schema, slots, header, state, slot
 * table, head.  Nothing of the vault is used before all of them hold.
 */
#include "vault/vault.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/core.h"
#include "vault/journal.h"

#define STABLE_LEN (3 * KEY_LEN)

const unsigned char *vault_id(const struct vault *v)
{
	return v->id;
}

const char *vault_dir(const struct vault *v)
{
	return v->dir;
}

const unsigned char *vault_root(const struct vault *v)
{
	return v->keys->root;
}

sqlite3 *vault_db(const struct vault *v)
{
	return v->db;
}

/* ---- the header -------------------------------------------------------------------- */

static void header_ad(const struct vault *v, const struct keys *k,
		      struct seal_ad *a)
{
	seal_ad(a, SEAL_HEADER, v->id, k);
}

int header_write(struct vault *v, const struct keys *k, struct err *e)
{
	struct buf box = BUF_INIT(BUF_TEXT_MAX);
	struct seal_ad a;
	sqlite3_stmt *st;
	int rc = -1;

	_Static_assert(offsetof(struct keys, fresh) + KEY_LEN -
			       offsetof(struct keys, index) == STABLE_LEN,
		       "the stable keys lie together");
	header_ad(v, k, &a);
	if (seal_shut(k->state, &a, k->index, STABLE_LEN, SEAL_PAD_ROW, &box,
		      e))
		goto out;
	st = stmt_take(v, ST_HEADER_PUT, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, VAULT_FORMAT);
	stmt_blob(st, 2, v->id, sizeof(v->id));
	stmt_blob(st, 3, k->id, sizeof(k->id));
	stmt_blob(st, 4, box.p, box.len);
	rc = stmt_run(v, ST_HEADER_PUT, st, "writing the header", e);
out:
	buf_release(&box);
	return rc;
}

static int header_open(struct vault *v, const unsigned char root[KEY_LEN],
		       struct err *e)
{
	static const unsigned char zero[STABLE_LEN];
	struct buf box = BUF_INIT(BUF_TEXT_MAX), plain = BUF_INIT(BUF_TEXT_MAX);
	struct keys *k = keys_new(root, zero, e);
	struct seal_ad a;
	int rc = -1;

	if (!k || db_header_sealed(v->db, &box, e))
		goto out;
	header_ad(v, k, &a);
	if (seal_open(k->state, &a, box.p, box.len, SEAL_PAD_ROW, &plain, e))
		goto out;
	if (plain.len != STABLE_LEN) {
		err_fail(e, ERR_TAMPER, v->dir, "the header is damaged");
		goto out;
	}
	v->keys = keys_new(root, (const unsigned char *)plain.p, e);
	if (!v->keys)
		goto out;
	rc = 0;
out:
	keys_free(&k);
	buf_release(&box);
	buf_release(&plain);
	return rc;
}

/* ---- slots ------------------------------------------------------------------------- */

struct unlock {
	struct vault *v;
	const struct slot_input *inputs;
	size_t n;
	const unsigned char *key_id;
	unsigned char *root; /* locked */
	bool stale;	     /* a slot opened, but for another root */
};

static int unlock_slot(unsigned id, const void *record, size_t n, void *arg,
		       struct err *e)
{
	static const unsigned char zero[STABLE_LEN];
	struct unlock *u = arg;
	struct err why = ERR_INIT;
	struct keys *k;
	bool fits;

	(void)id;
	for (size_t i = 0; i < u->n; i++) {
		err_clear(&why);
		if (keyring_unwrap(record, n, &u->inputs[i], u->v->id, u->root,
				   &why)) {
			if (why.code == ERR_SEALED)
				continue;
			*e = why;
			return -1;
		}
		k = keys_new(u->root, zero, e);
		if (!k)
			return -1;
		fits = secret_equal_bytes(k->id, u->key_id, sizeof(k->id));
		keys_free(&k);
		if (fits)
			return 1;
		u->stale = true;
	}
	mem_wipe(u->root, KEY_LEN);
	return 0;
}

static int unlock(struct vault *v, const struct slot_input *inputs, size_t n,
		  const struct db_header *h, unsigned char root[KEY_LEN],
		  struct err *e)
{
	struct unlock u = { .v = v, .inputs = inputs, .n = n,
			    .key_id = h->key_id, .root = root };
	static const unsigned char zero[KEY_LEN];

	if (slot_each(v->db, unlock_slot, &u, e))
		return -1;
	if (!secret_equal_bytes(root, zero, KEY_LEN))
		return 0;
	if (u.stale)
		return err_fail(e, ERR_TAMPER, v->dir,
				"a slot or the header is from before a change "
				"of the root key");
	err_fail(e, ERR_SEALED, v->dir, "none of the %zu key%s given opens it",
		 n, n == 1 ? "" : "s");
	err_hint(e, "'curfew vault slot list' tells what would");
	return -1;
}

/* ---- opening -------------------------------------------------------------------------- */

static char *find_who(void)
{
	char host[256] = "", text[400], room[4096];
	struct passwd entry, *pw = NULL;

	if (getpwuid_r(getuid(), &entry, room, sizeof(room), &pw) != 0)
		pw = NULL;
	if (gethostname(host, sizeof(host) - 1) != 0)
		host[0] = '\0';
	snprintf(text, sizeof(text), "uid=%u(%.64s)@%s", (unsigned)getuid(),
		 pw ? pw->pw_name : "?", host);
	return mem_strdup(text);
}

static struct vault *vault_new(const char *dir, bool write, struct err *e)
{
	struct vault *v = mem_zalloc(sizeof(*v));
	char *real = realpath(dir, NULL);

	if (!v) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto fail;
	}
	v->lock_fd = v->head_fd = -1;
	v->write = write;
	if (!real) {
		if (errno == ENOENT)
			err_fail(e, ERR_ABSENT, dir, "there is no such folder");
		else
			err_sys(e, dir, "looking for the folder");
		goto fail;
	}
	v->dir = mem_strdup(real);
	v->who = find_who();
	if (!v->dir || !v->who) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto fail;
	}
	free(real);
	return v;
fail:
	free(real);
	vault_close(&v);
	return NULL;
}

static int take_lock(struct vault *v, struct err *e)
{
	char *path = io_path(v->dir, "vault.lock");

	if (!path)
		return err_fail(e, ERR_NOMEM, v->dir, "out of memory");
	v->lock_fd = io_lock(path, e);
	mem_free(path);
	return v->lock_fd < 0 ? -1 : 0;
}

/* Everything that one snapshot must satisfy. */
static int check_snapshot(struct vault *v, const struct slot_input *inputs,
			  size_t n, const unsigned char *known_root,
			  unsigned char root[KEY_LEN], struct err *e)
{
	unsigned char slots[MAC_LEN];
	struct db_header h;

	if (db_header(v->db, &h, e))
		return -1;
	memcpy(v->id, h.vault_id, sizeof(v->id));
	if (known_root)
		memcpy(root, known_root, KEY_LEN);
	else if (unlock(v, inputs, n, &h, root, e))
		return -1;
	if (header_open(v, root, e) || state_load(v, e) ||
	    slots_hash(v, slots, e))
		return -1;
	if (!secret_equal_bytes(slots, v->state.slots, MAC_LEN))
		return err_fail(e, ERR_TAMPER, v->dir,
				"the slots are not the ones last written");
	return 0;
}

/* known_root NULL: find it through the inputs. */
static int open_checked(struct vault *v, const struct slot_input *inputs,
			size_t n, const unsigned char *known_root,
			bool accept_head, struct err *e)
{
	unsigned char *root = seal_alloc(KEY_LEN);
	struct head_bytes head;
	int rc = -1;

	if (!root) {
		err_fail(e, ERR_NOMEM, v->dir, "no locked memory for a key");
		goto out;
	}
	memset(root, 0, KEY_LEN);
	/* The head before the snapshot: a commit in between makes the database
	 * newer than the head, which is fine, never older. */
	if (head_read(v->dir, &head, e) ||
	    stmt_exec(v, ST_BEGIN_READ, "beginning to read", e))
		goto out;
	v->readers = 1;
	if (check_snapshot(v, inputs, n, known_root, root, e) ||
	    (!accept_head && head_check(v, &head, e)))
		goto out;
	rc = 0;
out:
	if (v->readers)
		read_end(v);
	if (root)
		mem_wipe(root, KEY_LEN);
	seal_free(root);
	return rc;
}

static int open_as(const char *dir, const struct slot_input *inputs, size_t n,
		   const unsigned char *known_root, bool write,
		   bool accept_head, struct vault **out, struct err *e)
{
	struct vault *v = vault_new(dir, write, e);
	int rc = -1;

	*out = NULL;
	if (!v || (write && take_lock(v, e)) ||
	    db_open(v->dir, write, &v->db, e) ||
	    open_checked(v, inputs, n, known_root, accept_head, e) ||
	    (write && head_open(v, e)))
		goto out;
	*out = v;
	v = NULL;
	rc = 0;
out:
	vault_close(&v);
	return rc ? err_ctx(e, dir, "cannot open the vault") : 0;
}

int vault_open(const char *dir, const struct slot_input *inputs, size_t n,
	       bool write, struct vault **out, struct err *e)
{
	struct err first = ERR_INIT;

	if (!open_as(dir, inputs, n, NULL, write, false, out, &first))
		return 0;
	/* A reader that met a change of the root key saw the old head with the
	 * new database: once more tells that from tampering. */
	if (first.code == ERR_TAMPER && !write)
		return open_as(dir, inputs, n, NULL, write, false, out, e);
	if (e)
		*e = first;
	return -1;
}

int vault_accept_head(const char *dir, const struct slot_input *inputs,
		      size_t n, struct err *e)
{
	const struct journal_entry entry = {
		.kind = J_OVERRIDE,
		.text = "the database was accepted as it is, against its head",
	};
	struct vault *v = NULL;
	uint64_t seq;
	int rc = -1;

	if (open_as(dir, inputs, n, NULL, true, true, &v, e) ||
	    journal_append(v, &entry, &seq, e) || head_write_both(v, e))
		goto out;
	rc = 0;
out:
	vault_close(&v);
	return rc;
}

void vault_close(struct vault **vp)
{
	struct vault *v = *vp;

	if (!v)
		return;
	store_rollback(v);
	for (int i = 0; i < STMTS; i++)
		sqlite3_finalize(v->st[i]);
	db_close(&v->db);
	if (v->head_fd >= 0) {
		fdatasync(v->head_fd);
		close(v->head_fd);
	}
	if (v->lock_fd >= 0)
		close(v->lock_fd);
	versions_forget_all(v);
	for (unsigned t = 0; t < TABS; t++)
		mem_free(v->bucket[t]);
	mem_free(v->groups);
	keys_free(&v->keys);
	keys_free(&v->before);
	mem_free(v->dir);
	mem_free(v->who);
	mem_free(v);
	*vp = NULL;
}

/* ---- making one ------------------------------------------------------------------------ */

static int fill(struct vault *v, const struct slot_input *first,
		const unsigned char root[KEY_LEN], struct err *e)
{
	struct journal_entry entry = { .kind = J_VAULT,
				       .text = "the vault was made" };
	struct buf record = BUF_INIT(SLOT_RECORD_MAX);
	unsigned id = 0;
	int rc = -1;

	if (stmt_exec(v, ST_BEGIN_WRITE, "beginning a transaction", e))
		goto out;
	v->tx = v->changed = v->state.loaded = true;
	if (header_write(v, v->keys, e) ||
	    keyring_wrap(first, v->id, root, &record, e) ||
	    slot_write(v, &id, record.p, record.len, e) ||
	    journal_append(v, &entry, NULL, e) || store_commit(v, e))
		goto out;
	rc = head_write(v, true, e);
out:
	store_rollback(v);
	buf_release(&record);
	return rc;
}

static int build(const char *dir, const struct slot_input *first,
		 const unsigned char root[KEY_LEN], struct err *e)
{
	unsigned char *stable = seal_alloc(STABLE_LEN);
	struct vault *v = vault_new(dir, true, e);
	int rc = -1;

	if (!v || !stable) {
		err_fail(e, ERR_NOMEM, dir, "no locked memory for the keys");
		goto out;
	}
	secret_random(v->id, sizeof(v->id));
	secret_random(stable, STABLE_LEN);
	v->keys = keys_new(root, stable, e);
	if (!v->keys || db_create(dir, &v->db, e) || head_open(v, e) ||
	    fill(v, first, root, e))
		goto out;
	rc = 0;
out:
	seal_free(stable);
	vault_close(&v);
	return rc;
}

/* Move one file of the new vault into place; a missing one is nothing. */
static int settle_file(const char *from, const char *to, const char *name,
		       struct err *e)
{
	char *a = io_path(from, name), *b = io_path(to, name);
	int rc = -1;

	if (!a || !b)
		err_fail(e, ERR_NOMEM, to, "out of memory");
	else if (rename(a, b) != 0)
		err_sys(e, b, "moving the new vault into place");
	else
		rc = 0;
	mem_free(a);
	mem_free(b);
	return rc;
}

/* The folder is ours alone; a crash may have left any of SQLite's files. */
static void remove_build(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *f;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((f = readdir(d)) != NULL) {
		if (strcmp(f->d_name, ".") != 0 && strcmp(f->d_name, "..") != 0)
			unlinkat(fd, f->d_name, 0);
	}
	closedir(d);
	rmdir(dir);
}

static int sync_dir(const char *dir, struct err *e)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = fd < 0 || fsync(fd) != 0 ? -1 : 0;

	if (rc)
		err_sys(e, dir, "syncing the folder");
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Nor may the place told for the head hold one: it is some vault's. */
static int exists(const char *dir, struct err *e)
{
	const char *told = head_told(dir);
	char *path = io_path(dir, "vault.db");
	int rc = 0;

	if (!path)
		return err_fail(e, ERR_NOMEM, dir, "out of memory");
	if (access(path, F_OK) == 0) {
		rc = err_fail(e, ERR_EXISTS, dir, "there is a vault already");
	} else if (told && access(told, F_OK) == 0) {
		rc = err_fail(e, ERR_EXISTS, told,
			      "there is a vault's head already");
		err_hint(e, "if that vault is no more, move the file away; else "
			    "name another head_file in curfew.toml");
	}
	mem_free(path);
	return rc;
}

/*
 * Built in DIR/.new, then moved: the rename of vault.db is the moment from
 * which the vault exists, and what a crash leaves before it is swept away by
 * the next try.
 */
int vault_init(const char *dir, const struct slot_input *first,
	       struct vault **out, struct err *e)
{
	unsigned char *root = NULL;
	char *new = NULL;
	int lock = -1, rc = -1;
	char *lock_path = NULL;

	*out = NULL;
	if (io_mkdirs(dir, 0700, e))
		goto out;
	new = io_path(dir, ".vault.new");
	lock_path = io_path(dir, "vault.lock");
	root = seal_alloc(KEY_LEN);
	if (!new || !root || !lock_path) {
		err_fail(e, ERR_NOMEM, dir, "out of memory");
		goto out;
	}
	lock = io_lock(lock_path, e);
	if (lock < 0 || exists(dir, e))
		goto out;
	remove_build(new);
	if (mkdir(new, 0700) != 0) {
		err_sys(e, new, "making a folder");
		goto out;
	}
	secret_random(root, KEY_LEN);
	if (build(new, first, root, e))
		goto out;
	crash_point("vault.before-init");
	if (settle_file(new, dir, "vault.head", e) ||
	    settle_file(new, dir, "vault.db", e) || sync_dir(dir, e))
		goto out;
	crash_point("vault.after-init");
	close(lock);
	lock = -1;
	rc = open_as(dir, NULL, 0, root, true, false, out, e);
out:
	if (lock >= 0)
		close(lock);
	if (new)
		remove_build(new);
	if (root)
		mem_wipe(root, KEY_LEN);
	seal_free(root);
	mem_free(new);
	mem_free(lock_path);
	return rc ? err_ctx(e, dir, "cannot make the vault") : 0;
}
