/*
 * new_slot: the key of a slot to be made.
 *
 * Promises: a passphrase is asked twice; a key file is remembered by its
 * absolute path; a key put into the desktop keyring is taken back when
 * the slot does not come to be.
 */
#include "agent/new_slot.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/keyring_client.h"
#include "agent/unlock.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "vault/slot_input.h"

static int from_key_file(const struct new_slot_words *w, struct new_slot *out,
			 struct err *e)
{
	char real[PATH_MAX];

	if (!w->arg || !*w->arg)
		return err_fail(e, ERR_USAGE, NULL, "no key file was named");
	if (slot_keyfile_read(w->arg, &out->own, e) != 0)
		return -1;
	if (!realpath(w->arg, real))
		return err_sys(e, w->arg, "find its absolute path");
	out->path = mem_strdup(real);
	if (!out->path)
		return err_fail(e, ERR_NOMEM, NULL, "out of memory");
	out->in.path = out->path;
	return 0;
}

static int from_person(struct app *app, const struct new_slot_words *w,
		       struct new_slot *out, struct err *e)
{
	int rc;

	if (w->passphrase_file)
		return io_read_secret(w->passphrase_file, IO_PRIVATE, &out->own,
				      e);
	if (w->passphrase_fd >= 0)
		return io_read_secret_fd(w->passphrase_fd, &out->own, e);
	if (app->no_input) {
		err_fail(e, ERR_USAGE, NULL,
			 "a passphrase is needed, and --no-input forbids to ask");
		err_hint(e, "give it in a private file, or use a key file");
		return -1;
	}
	rc = io_prompt_secret("New passphrase: ", true, &out->own, e);
	if (rc != 0 && err_is(e, ERR_UNSUPPORTED))
		err_hint(e, "give it in a private file, or use a key file");
	return rc;
}

static int from_keyring(struct app *app, struct new_slot *out, struct err *e)
{
	char label[300];

	if (!app->launcher)
		return err_fail(e, ERR_BUG, NULL, "no launcher");
	snprintf(label, sizeof label, "curfew vault %.250s", app->dir);
	if (slot_libsecret_make(&out->own, out->item, e) != 0 ||
	    keyring_store(app->launcher, out->item, label, out->own, e) != 0)
		return -1;
	out->stored = true;
	out->in.path = out->item;
	return 0;
}

static int from_systemd(const struct new_slot_words *w, struct new_slot *out,
			struct err *e)
{
	if (!w->arg || !*w->arg)
		return err_fail(e, ERR_USAGE, NULL, "no credential was named");
	out->in.path = w->arg;
	return slot_systemd_read(unlock_credentials_dir(), w->arg, &out->own, e);
}

int new_slot_make(struct app *app, const struct new_slot_words *w,
		  struct new_slot *out, struct err *e)
{
	int rc = -1;

	memset(out, 0, sizeof *out);
	out->in.kind = w->kind;
	out->in.name = w->name;
	switch (w->kind) {
	case SLOT_PASSPHRASE:
		rc = from_person(app, w, out, e);
		break;
	case SLOT_KEYFILE:
		rc = from_key_file(w, out, e);
		break;
	case SLOT_LIBSECRET:
		rc = from_keyring(app, out, e);
		break;
	case SLOT_SYSTEMD:
		rc = from_systemd(w, out, e);
		break;
	case SLOT_RECIPIENT:
		if (!w->arg || !*w->arg)
			rc = err_fail(e, ERR_USAGE, NULL,
				      "no public key was given");
		else
			rc = slot_recipient_parse(w->arg, out->in.recipient, e);
		break;
	}
	out->in.secret = out->own;
	if (rc != 0) {
		new_slot_undo(app, out);
		new_slot_free(out);
	}
	return rc;
}

void new_slot_undo(struct app *app, struct new_slot *s)
{
	struct err e = ERR_INIT;

	if (s->stored && keyring_clear(app->launcher, s->item, &e) != 0)
		log_err(LOG_WARNING, &e);
	s->stored = false;
}

void new_slot_free(struct new_slot *s)
{
	secret_free(&s->own);
	mem_free(s->path);
	memset(s, 0, sizeof *s);
}
