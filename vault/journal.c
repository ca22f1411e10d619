/*
 * journal: the chain of entries.
 *
 * Each entry is sealed with its sequence and the MAC before it as associated
 * data; its own MAC covers that MAC and the sealed bytes.  The last sequence
 * and MAC are part of the sealed state, so they commit with the entry, and
 * DIR/vault.head repeats them outside.
 *
 * Must never: change or remove an entry (vault_reseal seals all of them anew
 * under a new root, word for word).
 */
#include "vault/journal.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/pack.h"
#include "vault/core.h"

enum { TAG_AT = 1, TAG_KIND, TAG_INCIDENT, TAG_WHO, TAG_TEXT, TAG_DETAIL };

const char *journal_word(enum journal_kind k)
{
	switch (k) {
	case J_DECISION:
		return "decision";
	case J_SEND:
		return "send";
	case J_ANSWER:
		return "answer";
	case J_OVERRIDE:
		return "override";
	case J_INCIDENT:
		return "incident";
	case J_VAULT:
		return "vault";
	case J_INVENTORY:
		return "inventory";
	}
	return "unknown";
}

void journal_ad(const struct vault *v, const struct keys *k, uint64_t seq,
		const unsigned char before[MAC_LEN], struct seal_ad *a)
{
	seal_ad(a, SEAL_JOURNAL, v->id, k);
	seal_ad_u64(a, seq);
	seal_ad_bytes(a, before, MAC_LEN);
}

void journal_mac(const struct keys *k, const unsigned char before[MAC_LEN],
		 uint64_t seq, const void *box, size_t n,
		 unsigned char out[MAC_LEN])
{
	unsigned char at[8];
	const struct seal_part parts[] = {
		{ before, MAC_LEN },
		{ at, sizeof(at) },
		{ box, n },
	};

	seal_put64(at, seq);
	seal_hash(k->chain, parts, 3, out, MAC_LEN);
}

/* ---- appending --------------------------------------------------------------------- */

static int entry_pack(const struct vault *v, const struct journal_entry *j,
		      struct buf *b, struct err *e)
{
	static const struct store_id none;
	int64_t at = j->at_ms ? j->at_ms : clock_wall_ms();

	if (pack_int(b, TAG_AT, at, e) || pack_int(b, TAG_KIND, j->kind, e))
		return -1;
	if (memcmp(&j->incident, &none, sizeof(none)) != 0 &&
	    pack_bytes(b, TAG_INCIDENT, j->incident.b, sizeof(j->incident.b),
		       e))
		return -1;
	if (pack_str(b, TAG_WHO, j->who ? j->who : v->who, e) ||
	    pack_str(b, TAG_TEXT, j->text, e) ||
	    pack_str(b, TAG_DETAIL, j->detail, e))
		return -1;
	return 0;
}

static int append(struct vault *v, const struct journal_entry *j, uint64_t *seq,
		  struct err *e)
{
	struct buf plain = BUF_INIT(SEAL_PLAIN_MAX);
	struct buf box = BUF_INIT(SEAL_BOX_MAX);
	uint64_t at = v->state.seq + 1;
	unsigned char mac[MAC_LEN];
	sqlite3_stmt *st;
	struct seal_ad a;
	int rc = -1;

	if (entry_pack(v, j, &plain, e))
		goto out;
	journal_ad(v, v->keys, at, v->state.mac, &a);
	if (seal_shut(v->keys->journal, &a, plain.p, plain.len, SEAL_PAD_ROW,
		      &box, e))
		goto out;
	journal_mac(v->keys, v->state.mac, at, box.p, box.len, mac);
	st = stmt_take(v, ST_JOURNAL_PUT, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, at);
	stmt_blob(st, 2, box.p, box.len);
	stmt_blob(st, 3, mac, sizeof(mac));
	if (stmt_run(v, ST_JOURNAL_PUT, st, "writing the journal", e))
		goto out;
	v->state.seq = at;
	memcpy(v->state.mac, mac, MAC_LEN);
	v->changed = true;
	if (seq)
		*seq = at;
	rc = 0;
out:
	buf_release(&plain);
	buf_release(&box);
	return rc;
}

int journal_append(struct vault *v, const struct journal_entry *entry,
		   uint64_t *seq, struct err *e)
{
	struct write w;

	if (write_begin(v, &w, e))
		return -1;
	return write_end(v, &w, append(v, entry, seq, e), e);
}

/* ---- walking ------------------------------------------------------------------------ */

struct chain {
	uint64_t from, to, next; /* next: the sequence that must come */
	unsigned char before[MAC_LEN];
	const struct store_id *incident;
	journal_fn fn;
	void *arg;
	struct buf plain;
	uint64_t n;
};

static int bad_entry(uint64_t seq, const char *cause, struct err *e)
{
	char object[40];

	snprintf(object, sizeof(object), "journal entry %llu",
		 (unsigned long long)seq);
	err_fail(e, ERR_TAMPER, object, "%s", cause);
	return -1;
}

/* The strings are copies in *held, freed by the caller. */
static int entry_unpack(const struct buf *b, struct journal_entry *j,
			char *held[3], struct err *e)
{
	struct unpack u;

	unpack_init(&u, b->p, b->len);
	while (unpack_next(&u)) {
		if (u.tag == TAG_AT)
			j->at_ms = unpack_int(&u);
		else if (u.tag == TAG_KIND)
			j->kind = (enum journal_kind)unpack_int(&u);
		else if (u.tag == TAG_INCIDENT &&
			 u.len == sizeof(j->incident.b))
			memcpy(j->incident.b, u.val, u.len);
		else if (u.tag >= TAG_WHO && u.tag <= TAG_DETAIL &&
			 !held[u.tag - TAG_WHO]) {
			held[u.tag - TAG_WHO] = unpack_str(&u);
			if (!held[u.tag - TAG_WHO])
				return err_fail(e, ERR_NOMEM, NULL,
						"out of memory");
		}
	}
	if (u.bad)
		return bad_entry(j->seq, "the entry is malformed", e);
	j->who = held[0] ? held[0] : "";
	j->text = held[1] ? held[1] : "";
	j->detail = held[2];
	return 0;
}

static int chain_tell(struct vault *v, struct chain *c, uint64_t seq,
		      const void *box, size_t n, struct err *e)
{
	struct journal_entry j = { .seq = seq };
	char *held[3] = { NULL, NULL, NULL };
	struct err why = ERR_INIT;
	struct seal_ad a;
	int rc = -1;

	journal_ad(v, v->keys, seq, c->before, &a);
	if (seal_open(v->keys->journal, &a, box, n, SEAL_PAD_ROW, &c->plain,
		      &why)) {
		if (why.code == ERR_TAMPER)
			bad_entry(seq, why.cause, e);
		else
			err_fail(e, why.code, NULL, "%s", why.cause);
		goto out;
	}
	if (entry_unpack(&c->plain, &j, held, e))
		goto out;
	rc = 0;
	if (c->fn && (!c->incident || memcmp(c->incident, &j.incident,
					     sizeof(j.incident)) == 0))
		rc = c->fn(&j, c->arg, e);
out:
	for (int i = 0; i < 3; i++)
		mem_free(held[i]);
	return rc;
}

static int chain_entry(struct vault *v, struct chain *c, sqlite3_stmt *st,
		       struct err *e)
{
	const void *box = sqlite3_column_blob(st, 1);
	size_t n = (size_t)sqlite3_column_bytes(st, 1);
	unsigned char have[MAC_LEN], want[MAC_LEN];
	uint64_t seq;
	int rc = 0;

	if (!col_u64(st, 0, &seq) || seq != c->next)
		return bad_entry(c->next, "the entry is missing", e);
	if (!box || !col_blob(st, 2, have, sizeof(have)))
		return bad_entry(seq, "the entry is damaged", e);
	/* the one before `from` only lends its MAC */
	if (seq >= c->from) {
		journal_mac(v->keys, c->before, seq, box, n, want);
		if (!secret_equal_bytes(want, have, MAC_LEN))
			return bad_entry(seq, "the chain breaks here: altered, "
					      "moved, or one before it is gone",
					 e);
		rc = chain_tell(v, c, seq, box, n, e);
		c->n++;
	}
	memcpy(c->before, have, MAC_LEN);
	c->next++;
	return rc;
}

static int chain_walk(struct vault *v, struct chain *c, struct err *e)
{
	const struct state *s = &v->state;
	sqlite3_stmt *st = NULL;
	int rc = SQLITE_DONE, more = 0, out = -1;

	c->from = c->from ? c->from : 1;
	/* one more than the state knows would be an entry that is not ours */
	uint64_t end = c->to && c->to < s->seq ? c->to : s->seq + 1;

	c->next = c->from > 1 ? c->from - 1 : 1;
	st = stmt_take(v, ST_JOURNAL_WALK, e);
	if (!st)
		goto out;
	stmt_u64(st, 1, c->next);
	stmt_u64(st, 2, end);
	while (!more && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (sqlite3_column_int64(st, 0) > (sqlite3_int64)s->seq)
			more = bad_entry(s->seq + 1,
					 "an entry that was never written", e);
		else
			more = chain_entry(v, c, st, e);
	}
	if (more < 0)
		goto out;
	if (!more && rc != SQLITE_DONE) {
		db_fail(v->db, rc, "walking the journal", e);
		goto out;
	}
	if (!more && c->next <= s->seq && c->next <= end) {
		bad_entry(c->next, "the entry is missing", e);
		goto out;
	}
	if (!more && c->next == s->seq + 1 && c->n &&
	    !secret_equal_bytes(c->before, s->mac, MAC_LEN)) {
		bad_entry(s->seq, "the chain does not end where the sealed "
				  "state says", e);
		goto out;
	}
	out = 0;
out:
	stmt_give(v, ST_JOURNAL_WALK, st);
	return out;
}

int journal_each(struct vault *v, uint64_t from, uint64_t to,
		 const struct store_id *incident, journal_fn fn, void *arg,
		 struct err *e)
{
	struct chain c = { .from = from, .to = to, .incident = incident,
			   .fn = fn, .arg = arg,
			   .plain = BUF_INIT(SEAL_BOX_MAX) };
	int rc;

	if (read_begin(v, e))
		return -1;
	rc = chain_walk(v, &c, e);
	read_end(v);
	buf_release(&c.plain);
	return rc;
}

int journal_verify(struct vault *v, uint64_t *n, struct err *e)
{
	struct chain c = { .plain = BUF_INIT(SEAL_BOX_MAX) };
	struct head_bytes h;
	int rc = -1;

	*n = 0;
	/* the head first: what commits in between is only newer */
	if (!v->tx && head_read(v->dir, &h, e))
		return -1;
	if (read_begin(v, e))
		return -1;
	if (chain_walk(v, &c, e) || (!v->tx && head_check(v, &h, e)))
		goto out;
	*n = c.n;
	rc = 0;
out:
	read_end(v);
	buf_release(&c.plain);
	return rc;
}
