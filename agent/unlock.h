/*
 * unlock: from what the operator gave to an open vault.
 *
 * Looks which slots the vault has (no key needed for that) and gathers what
 * could open them, without asking first:
 *   1. key files: --key-file, [vault] key_file, the paths the slots remember
 *   2. systemd credentials: $CREDENTIALS_DIRECTORY/NAME
 *   3. the desktop keyring, through the launcher and curfew-keyring, only if
 *      such a slot exists and a session bus is there
 *   4. --passphrase-file, --passphrase-fd
 *   5. --break-glass: the offline secret half of a recipient slot
 * An option that names a key (1, 4, 5) is the only one unlock_vault() tries.
 * Without one it looks at the rest, and then, unless --no-input, asks on /dev/tty, three tries.
 *
 * $CREDENTIALS_DIRECTORY and the bus address are read by unlock_note_environ(),
 * which main() calls BEFORE harden_start() scrubs the environment.
 */
#ifndef AGENT_UNLOCK_H
#define AGENT_UNLOCK_H

#include <stdbool.h>

#include "agent/app.h"
#include "base/err.h"
#include "base/secret.h"
#include "vault/vault.h"

/* From the global options; unused members are NULL, passphrase_fd is -1. */
struct unlock_options {
	const char *key_file;	     /* --key-file FILE */
	const char *passphrase_file; /* --passphrase-file FILE, "-" is stdin */
	const char *break_glass;     /* --break-glass FILE */
	int passphrase_fd;	     /* --passphrase-fd N; harden_start keeps N */
};

/* Copies what is needed from the environment; call it first thing in main(). */
void unlock_note_environ(void);
/* "" when there was none. */
const char *unlock_credentials_dir(void);

/* The keys that were found or asked for; their secrets are wiped when freed. */
struct unlock_keys;

/* Everything that may open a slot of the vault in app->dir, the passphrase
 * asked for too (once): for rekey, verify and slot removal, which open the vault
 * themselves.  An empty set is no error. */
int unlock_gather(struct app *app, struct unlock_keys **out, struct err *e)
	__attribute__((warn_unused_result));
/* The same for the agent: as unlock_vault(), an option that names a key is the only
 * one that counts. */
int unlock_gather_given(struct app *app, struct unlock_keys **out,
			struct err *e) __attribute__((warn_unused_result));
/* Opens app->vault with them; ERR_SEALED tells what would open it. */
int unlock_open(struct app *app, const struct unlock_keys *k, bool write,
		struct err *e) __attribute__((warn_unused_result));
const struct slot_input *unlock_inputs(const struct unlock_keys *k, size_t *n);
void unlock_keys_free(struct unlock_keys **k);

/* Sets app->vault.  Reads app->unlock (may be NULL), app->config (may be NULL),
 * app->launcher (may be NULL: the keyring is then not asked).
 * ERR_SEALED when nothing fits: the hint names the slots there are. */
int unlock_vault(struct app *app, bool write, struct err *e)
	__attribute__((warn_unused_result));

#endif
