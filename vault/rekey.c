/*
 * rekey: a new root key, every row sealed again, in one transaction.
 *
 * First everything that can fail or take long is done with nothing changed:
 * the new root is wrapped for every slot whose key is at hand (an input counts
 * only if it opens the slot's present record).  Then, in one transaction, rows,
 * chain and slots change together.  A crash anywhere leaves the old vault or
 * the new one, whole.
 *
 * What it cannot do: older copies and backups keep the old root.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/internal.h"
#include "vault/journal.h"
#include "vault/reserve.h"
#include "vault/slot_input.h"

#define SLOTS_MAX 64u

struct job {
	struct vault *v;
	const struct slot_input *inputs;
	size_t n_inputs;
	unsigned char *roots; /* locked: the new root, then a scratch one */
	struct new_slot {
		unsigned id;
		struct buf record; /* empty: dropped */
	} slots[SLOTS_MAX];
	size_t n, kept, openable;
	bool strict;
	struct buf *dropped;
};

/* The input that opens this record now, or NULL. */
static const struct slot_input *opener(struct job *j, const void *record,
				       size_t n, const struct slot_info *info)
{
	for (size_t i = 0; i < j->n_inputs; i++) {
		struct err e = ERR_INIT;

		if (j->inputs[i].kind != info->kind)
			continue;
		if (keyring_unwrap(record, n, &j->inputs[i], vault_id(j->v),
				   j->roots + ROOT_LEN, &e) == 0 &&
		    secret_equal_bytes(j->roots + ROOT_LEN, vault_root(j->v),
				       ROOT_LEN))
			return &j->inputs[i];
	}
	return NULL;
}

static int drop(struct job *j, const struct slot_info *info, struct err *e)
{
	if (j->strict) {
		err_fail(e, ERR_SEALED, info->name,
			 "the key of slot %u (%s) is not at hand", info->id,
			 slot_kind_word(info->kind));
		err_state(e, "nothing was changed");
		err_hint(e, "give its key too, or let it go with --drop-slots");
		return -1;
	}
	if (!j->dropped)
		return 0;
	return buf_printf(j->dropped, e, "slot %u: %s '%s'\n", info->id,
			  slot_kind_word(info->kind), info->name);
}

static int rewrap(unsigned id, const void *record, size_t n, void *arg,
		  struct err *e)
{
	struct job *j = arg;
	struct slot_info info = { .id = id };
	struct slot_input make = { 0 };
	const struct slot_input *in = NULL;
	struct new_slot *s;

	if (j->n == SLOTS_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "too many slots");
	s = &j->slots[j->n++];
	s->id = id;
	s->record = (struct buf)BUF_INIT(SLOT_RECORD_MAX);
	if (keyring_info(record, n, &info, e) != 0)
		return -1;
	info.id = id;
	make.kind = info.kind;
	make.name = info.name;
	if (info.kind == SLOT_RECIPIENT) {
		if (slot_recipient_parse(info.detail, make.recipient, e) != 0)
			return -1;
	} else {
		in = opener(j, record, n, &info);
		if (!in)
			return drop(j, &info, e);
		make.secret = in->secret;
		make.path = info.detail;
		j->openable++;
	}
	if (keyring_wrap(&make, vault_id(j->v), j->roots, &s->record, e) != 0)
		return -1;
	j->kept++;
	return 0;
}

static int write_slots(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->n; i++) {
		struct new_slot *s = &j->slots[i];
		int rc;

		if (s->record.len)
			rc = slot_write(j->v, &s->id, s->record.p,
					s->record.len, e);
		else
			rc = slot_delete(j->v, s->id, e);
		if (rc != 0)
			return -1;
	}
	return 0;
}

static int change(struct job *j, struct err *e)
{
	struct journal_entry entry = { .kind = J_VAULT };
	char text[100];

	crash_point("rekey.before-begin");
	if (store_begin(j->v, e) != 0)
		return -1;
	if (vault_reseal(j->v, j->roots, e) != 0)
		goto undo;
	crash_point("rekey.resealed");
	if (write_slots(j, e) != 0)
		goto undo;
	crash_point("rekey.slots-written");
	snprintf(text, sizeof text,
		 "new root key: %zu slots kept, %zu dropped", j->kept,
		 j->n - j->kept);
	entry.text = text;
	if (journal_append(j->v, &entry, NULL, e) != 0)
		goto undo;
	crash_point("rekey.before-commit");
	if (store_commit(j->v, e) != 0)
		return -1;
	crash_point("rekey.after-commit");
	return 0;
undo:
	store_rollback(j->v);
	return -1;
}

/* Rows under the old root must not linger in the log file: fold it in.  A
 * reader may keep it open for the moment, which is no failure. */
static void fold_log(struct vault *v)
{
	(void)sqlite3_wal_checkpoint_v2(vault_db(v), NULL,
					SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	crash_point("rekey.log-folded");
}

int vault_rekey(struct vault *v, const struct slot_input *inputs, size_t n,
		bool strict, struct buf *dropped, struct err *e)
{
	struct job *j = mem_zalloc(sizeof *j);
	int rc = -1;

	if (j)
		j->roots = sodium_malloc(2 * ROOT_LEN);
	if (!j || !j->roots) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory");
		goto out;
	}
	j->v = v;
	j->inputs = inputs;
	j->n_inputs = n;
	j->strict = strict;
	j->dropped = dropped;
	secret_random(j->roots, ROOT_LEN);
	if (reserve_used(vault_dir(v))) { /* sealed under the old root */
		err_fail(e, ERR_POLICY, NULL, "a new key lies in the lifeboat");
		err_state(e, "nothing was changed");
		err_hint(e, "free some space, then 'curfew rotate --resume'");
		goto out;
	}
	if (slot_each(vault_db(v), rewrap, j, e) != 0)
		goto out;
	if (j->kept == 0 || (j->openable == 0 && j->kept < j->n)) {
		err_fail(e, ERR_SEALED, NULL,
			 "no slot would be left but break-glass");
		err_state(e, "nothing was changed");
		goto out;
	}
	if (change(j, e) != 0)
		goto out;
	fold_log(v);
	rc = 0;
out:
	for (size_t i = 0; j && i < j->n; i++)
		buf_release(&j->slots[i].record);
	if (j)
		sodium_free(j->roots);
	mem_free(j);
	if (rc != 0)
		err_ctx(e, NULL, "rekey the vault");
	return rc;
}
