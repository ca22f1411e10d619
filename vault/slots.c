/*
 * slots: listing, adding and removing the ways to open a vault.
 *
 * Adding and removing wrap the same root key again; no row is touched.  A
 * removed slot's key therefore still opens an older copy of the file: after a
 * leak of a key, `vault rekey` is the answer, and slot removal alone is not.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "vault/internal.h"
#include "vault/journal.h"
#include "vault/slot_input.h"

#define SLOTS_MAX 64u

struct slot_list {
	struct slot_info *items;
	size_t n;
};

static int collect(unsigned id, const void *record, size_t n, void *arg,
		   struct err *e)
{
	struct slot_list *l = arg;
	struct slot_info *s;

	if (l->n == SLOTS_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "more than %u slots",
				SLOTS_MAX);
	s = &l->items[l->n];
	memset(s, 0, sizeof *s);
	s->id = id;
	if (keyring_info(record, n, s, e) != 0) {
		/* a damaged record hides neither itself nor the others */
		memset(s, 0, sizeof *s);
		s->id = id;
		memcpy(s->name, "damaged", sizeof "damaged");
		err_clear(e);
	}
	l->n++;
	return 0;
}

static int list_slots(sqlite3 *db, struct slot_list *l, struct err *e)
{
	l->n = 0;
	l->items = mem_array(SLOTS_MAX, sizeof *l->items);
	if (!l->items)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	return slot_each(db, collect, l, e);
}

int vault_slots(const char *dir, struct slot_info **out, size_t *n,
		struct err *e)
{
	struct slot_list l = { NULL, 0 };
	sqlite3 *db = NULL;
	int rc = -1;

	if (db_open(dir, false, &db, e) != 0)
		goto out;
	if (list_slots(db, &l, e) != 0)
		goto out;
	*out = l.items;
	*n = l.n;
	l.items = NULL;
	rc = 0;
out:
	mem_free(l.items);
	db_close(&db);
	return rc;
}

static int journal_slot(struct vault *v, const char *did, unsigned id,
			enum slot_kind kind, const char *name, struct err *e)
{
	struct journal_entry j = { .kind = J_VAULT };
	char text[160];

	snprintf(text, sizeof text, "slot %u %s: %s '%s'", id, did,
		 slot_kind_word(kind), name);
	j.text = text;
	return journal_append(v, &j, NULL, e);
}

int vault_slot_add(struct vault *v, const struct slot_input *in, unsigned *id,
		   struct err *e)
{
	struct buf record = BUF_INIT(SLOT_RECORD_MAX);
	struct slot_list l = { NULL, 0 };
	struct slot_info info;
	int rc = -1;

	*id = 0;
	if (list_slots(vault_db(v), &l, e) != 0)
		goto out;
	if (l.n == SLOTS_MAX) {
		err_fail(e, ERR_TOOBIG, NULL, "the vault has %u slots already",
			 SLOTS_MAX);
		goto out;
	}
	/* Argon2id takes its second before the transaction, not inside it. */
	if (keyring_wrap(in, vault_id(v), vault_root(v), &record, e) != 0 ||
	    keyring_info(record.p, record.len, &info, e) != 0)
		goto out;
	if (store_begin(v, e) != 0)
		goto out;
	if (slot_write(v, id, record.p, record.len, e) != 0 ||
	    journal_slot(v, "added", *id, info.kind, info.name, e) != 0) {
		store_rollback(v);
		goto out;
	}
	crash_point("slot-add.before-commit");
	if (store_commit(v, e) != 0)
		goto out;
	crash_point("slot-add.after-commit");
	rc = 0;
out:
	mem_free(l.items);
	buf_release(&record);
	if (rc != 0)
		err_ctx(e, in->name, "add the slot");
	return rc;
}

int vault_slot_remove(struct vault *v, unsigned id, struct err *e)
{
	struct slot_list l = { NULL, 0 };
	size_t i = 0;
	char number[16];
	int rc = -1;

	snprintf(number, sizeof number, "%u", id);
	if (list_slots(vault_db(v), &l, e) != 0)
		goto out;
	while (i < l.n && l.items[i].id != id)
		i++;
	if (i == l.n) {
		err_fail(e, ERR_ABSENT, number, "the vault has no such slot");
		goto out;
	}
	if (l.n == 1) {
		err_fail(e, ERR_POLICY, number,
			 "it is the last slot, and nothing would open the vault "
			 "any more");
		err_hint(e, "add another one first: curfew vault slot add");
		goto out;
	}
	if (store_begin(v, e) != 0)
		goto out;
	if (slot_delete(v, id, e) != 0 ||
	    journal_slot(v, "removed", id, l.items[i].kind, l.items[i].name,
			 e) != 0) {
		store_rollback(v);
		goto out;
	}
	crash_point("slot-remove.before-commit");
	if (store_commit(v, e) != 0)
		goto out;
	crash_point("slot-remove.after-commit");
	rc = 0;
out:
	mem_free(l.items);
	if (rc != 0)
		err_ctx(e, number, "remove the slot");
	return rc;
}

struct fitting {
	const struct slot_input *inputs;
	size_t n;
	const unsigned char *vault;
	unsigned char *root; /* locked, and thrown away */
	unsigned id;
	bool fits;
};

static int try_slot(unsigned id, const void *record, size_t n, void *arg,
		    struct err *e)
{
	struct fitting *f = arg;

	(void)e;
	if (id != f->id)
		return 0;
	for (size_t i = 0; i < f->n && !f->fits; i++) {
		struct err why = ERR_INIT;

		f->fits = keyring_unwrap(record, n, &f->inputs[i], f->vault,
					 f->root, &why) == 0;
	}
	return 1;
}

bool vault_slot_fits(const char *dir, unsigned id,
		     const struct slot_input *inputs, size_t n)
{
	struct fitting f = { .inputs = inputs, .n = n, .id = id };
	struct err e = ERR_INIT;
	struct db_header h;
	sqlite3 *db = NULL;

	f.root = sodium_malloc(ROOT_LEN);
	if (!f.root || db_open(dir, false, &db, &e) != 0 ||
	    db_header(db, &h, &e) != 0)
		goto out;
	f.vault = h.vault_id;
	if (slot_each(db, try_slot, &f, &e) != 0)
		f.fits = false;
out:
	sodium_free(f.root);
	db_close(&db);
	return f.fits;
}
