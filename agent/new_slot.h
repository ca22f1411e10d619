/*
 * new_slot: from the operator's words to the key of a slot to be made.
 *
 * Reads the file, asks for the passphrase, or makes a random key and hands it
 * to the desktop keyring.  Used by init, vault slot add and emergency open.
 */
#ifndef AGENT_NEW_SLOT_H
#define AGENT_NEW_SLOT_H

#include "agent/app.h"
#include "base/err.h"
#include "base/secret.h"
#include "vault/vault.h"

struct new_slot_words {
	enum slot_kind kind;
	const char *arg; /* key file, credential name, public key */
	const char *name;
	const char *passphrase_file; /* else passphrase_fd, else the terminal */
	int passphrase_fd;	     /* -1: none */
};

struct new_slot {
	struct slot_input in;
	struct secret *own;
	char *path;
	char item[33];
	bool stored; /* the desktop keyring holds it now */
};

int new_slot_make(struct app *app, const struct new_slot_words *w,
		  struct new_slot *out, struct err *e)
	__attribute__((warn_unused_result));
/* The slot was not made after all: what was stored for it is taken back. */
void new_slot_undo(struct app *app, struct new_slot *s);
void new_slot_free(struct new_slot *s);

#endif
