/*
 * slot_input: reading the keys that open or make slots, for the commands.
 *
 * Each gives a struct secret to be put into struct slot_input, and says what
 * is wrong with a file that cannot serve.
 */
#ifndef VAULT_SLOT_INPUT_H
#define VAULT_SLOT_INPUT_H

#include "base/err.h"
#include "base/secret.h"
#include "vault/vault.h"

/* All bytes of a private file (owner only), at least 32, none dropped. */
int slot_keyfile_read(const char *path, struct secret **out, struct err *e)
	__attribute__((warn_unused_result));
/* 32 random bytes into a new file, mode 0600; ERR_EXISTS if there is one. */
int slot_keyfile_make(const char *path, struct err *e)
	__attribute__((warn_unused_result));

/* DIR/NAME, where DIR is systemd's $CREDENTIALS_DIRECTORY. */
int slot_systemd_read(const char *dir, const char *name, struct secret **out,
		      struct err *e) __attribute__((warn_unused_result));

/* A fresh key for the desktop keyring as text, and the item name (33 bytes)
 * under which it is to be found there. */
int slot_libsecret_make(struct secret **key, char item[33], struct err *e)
	__attribute__((warn_unused_result));

/*
 * X25519 pairs, for recipient slots and the emergency envelope.  As text a
 * public half is "curfew-pub-" and 64 hex digits; the secret half's file is
 * one line "curfew-key-" and 64 hex digits.
 */
#define SLOT_PUBLIC_TEXT 76
int slot_recipient_make(const char *path, char pub[SLOT_PUBLIC_TEXT],
			struct err *e) __attribute__((warn_unused_result));
int slot_recipient_parse(const char *text, unsigned char pk[32], struct err *e)
	__attribute__((warn_unused_result));
void slot_recipient_text(const unsigned char pk[32],
			 char pub[SLOT_PUBLIC_TEXT]);
int slot_recipient_read(const char *path, struct secret **half, struct err *e)
	__attribute__((warn_unused_result));

/* Whether one of the inputs opens slot `id`: for a warning, not for access. */
bool vault_slot_fits(const char *dir, unsigned id,
		     const struct slot_input *inputs, size_t n);

#endif
