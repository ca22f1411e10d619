/*
 * journal: the append-only chain of everything decided, sent and answered.
 *
 * Journal and audit log are one chain (architecture 5).  Each entry carries
 * a keyed MAC over itself and the one before; the head (sequence and MAC) is
 * kept outside the database too, so a tail cut off is noticed.  Appending is
 * part of the surrounding transaction: what is journalled and what is stored
 * commit together.
 */
#ifndef VAULT_JOURNAL_H
#define VAULT_JOURNAL_H

#include <stdint.h>

#include "base/buf.h"
#include "vault/store.h"
#include "vault/vault.h"

enum journal_kind {
	J_DECISION = 1, /* somebody or the policy decided */
	J_SEND,		/* a call is about to leave */
	J_ANSWER,	/* what came back */
	J_OVERRIDE,	/* a rule was bypassed, and by whom */
	J_INCIDENT,	/* opened, closed, changed */
	J_VAULT,	/* init, slots, rekey, backup, restore */
	J_INVENTORY,	/* connect, disconnect, sync */
};

struct journal_entry {
	uint64_t seq;
	int64_t at_ms;
	enum journal_kind kind;
	struct store_id incident; /* all zero: none */
	const char *who;	  /* "uid=1000(ann)@host", filled by append if NULL */
	const char *text;	  /* one human line, no secret */
	const char *detail;	  /* a JSON object as text, or NULL */
};

int journal_append(struct vault *v, const struct journal_entry *entry,
		   uint64_t *seq, struct err *e)
	__attribute__((warn_unused_result));

/* Walk from..to (0 = all), each entry's MAC checked; ERR_TAMPER names the first
 * bad sequence.  incident NULL: all. */
typedef int (*journal_fn)(const struct journal_entry *entry, void *arg,
			  struct err *e);
int journal_each(struct vault *v, uint64_t from, uint64_t to,
		 const struct store_id *incident, journal_fn fn, void *arg,
		 struct err *e) __attribute__((warn_unused_result));

/* The whole chain against its head outside; *n entries. */
int journal_verify(struct vault *v, uint64_t *n, struct err *e)
	__attribute__((warn_unused_result));

const char *journal_word(enum journal_kind k);

#endif
