/*
 * rig_in: what the files of the rig share.
 */
#ifndef TESTS_FAULT_RIG_IN_H
#define TESTS_FAULT_RIG_IN_H

#include "rig.h"
#include "vault/inventory.h"
#include "vault/vault.h"
#include "world.h"

void rig_path_of(const char *dir, const char *name, char out[200]);
int rig_open_vault(const char *dir, bool init, struct vault **v, struct err *e)
	__attribute__((warn_unused_result));
int rig_put_connection(struct vault *v, const char *dir, const char *name,
		       const char *facts, struct err *e)
	__attribute__((warn_unused_result));
int rig_put_account(struct vault *v, const char *conn, const char *name,
		    bool makes, struct err *e)
	__attribute__((warn_unused_result));
int rig_put_key(struct vault *v, const char *conn, const char *account,
		const char *id, const char *value, struct err *e)
	__attribute__((warn_unused_result));
int rig_write_files(const char *dir, const char *config, struct err *e)
	__attribute__((warn_unused_result));
/* Settings of a script into the world and, as declared facts, into `facts`. */
void rig_settings(struct world *w, const char *script, char *facts, size_t cap);
/* rig_rotate.c: a setting that is a fact of rotations. */
bool rig_rotation_fact(const char *key, const char *value, char *facts,
		       size_t cap, size_t *at);

void rig_found(struct buf *b, const char *rule, const char *what, const char *of);
void rig_check_residue(const char *dir, struct buf *out);
struct checking {
	struct world *w;
	const char *conn;
	struct buf *out;
};
/* An inv_credential_fn of a struct checking: I7. */
int rig_check_dead(const struct inv_credential *c, void *arg, struct err *e);

#endif
