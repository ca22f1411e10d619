/*
 * keyring: the root key wrapped into slot records, and unwrapped.
 *
 * Owns the record's byte form (vault/slot.h).  Promises: a record that
 * was altered anywhere, or made for another vault, does not open; parameters
 * of a record are bounded before they cost anything.  Must never: leave a
 * wrapping key outside locked memory.
 */
#include "vault/keyring.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "vault/slot.h"
#include "vault/slot_input.h"

#define VERSION 1
#define FIXED 80u
#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define WRAPPED_LEN (NONCE + ROOT_LEN + TAG)
#define HEAD_MAX (FIXED + 2 + SLOT_NAME_MAX + SLOT_DETAIL_MAX)

static const char magic[] = "CSLT"; /* 4 bytes are written */

struct bytes { /* a record's head as bytes, and what is bound to it */
	unsigned char p[HEAD_MAX + 16];
	size_t head, bound;
};

static const slot_kek_fn kek_of[] = {
	[SLOT_PASSPHRASE] = slot_passphrase_kek,
	[SLOT_KEYFILE] = slot_keyfile_kek,
	[SLOT_LIBSECRET] = slot_libsecret_kek,
	[SLOT_SYSTEMD] = slot_systemd_kek,
};

static int make_kek(enum slot_kind kind, const struct slot_head *h,
		    const struct slot_input *in, unsigned char *kek,
		    struct err *e)
{
	const slot_kek_fn fn = (size_t)kind < sizeof(kek_of) / sizeof(*kek_of) ?
				       kek_of[kind] : NULL;

	return fn ? fn(h, in, kek, e) :
		    err_fail(e, ERR_FORMAT, NULL, "a slot of no known kind");
}

static const char *const kind_words[] = {
	[SLOT_PASSPHRASE] = "passphrase", [SLOT_KEYFILE] = "key-file",
	[SLOT_LIBSECRET] = "libsecret",	  [SLOT_SYSTEMD] = "systemd",
	[SLOT_RECIPIENT] = "recipient",
};

const char *slot_kind_word(enum slot_kind k)
{
	if (k < SLOT_PASSPHRASE || k > SLOT_RECIPIENT)
		return "unknown";
	return kind_words[k];
}

bool slot_kind_parse(const char *word, enum slot_kind *k)
{
	for (int i = SLOT_PASSPHRASE; i <= SLOT_RECIPIENT; i++) {
		if (strcmp(word, kind_words[i]) == 0) {
			*k = (enum slot_kind)i;
			return true;
		}
	}
	return false;
}

static void put_le64(unsigned char *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_le64(const unsigned char *p)
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static size_t put_text(unsigned char *p, const char *s)
{
	size_t n = strlen(s);

	*p = (unsigned char)n;
	memcpy(p + 1, s, n);
	return n + 1;
}

static void head_pack(const struct slot_head *h,
		      const unsigned char vault_id[16], struct bytes *out)
{
	unsigned char *p = out->p;

	memset(p, 0, FIXED);
	memcpy(p, magic, 4);
	p[4] = VERSION;
	p[5] = (unsigned char)h->kind;
	put_le64(p + 8, (uint64_t)h->created_ms);
	memcpy(p + 16, h->salt, SLOT_SALT);
	put_le64(p + 32, h->ops);
	put_le64(p + 40, h->mem);
	memcpy(p + 48, h->recipient, 32);
	out->head = FIXED;
	out->head += put_text(p + out->head, h->name);
	out->head += put_text(p + out->head, h->detail);
	memcpy(p + out->head, vault_id, 16);
	out->bound = out->head + 16;
}

/* A counted text; only what head_pack writes is taken back. */
static bool take_text(const unsigned char *p, size_t n, size_t *at, char *out,
		      size_t max)
{
	size_t len;

	if (*at >= n)
		return false;
	len = p[(*at)++];
	if (len > max || len > n - *at || memchr(p + *at, 0, len) ||
	    !text_utf8(p + *at, len))
		return false;
	memcpy(out, p + *at, len);
	out[len] = '\0';
	*at += len;
	return true;
}

/* *at: where the wrapped key starts.  Bounds, no cryptography. */
static int head_parse(const unsigned char *p, size_t n, struct slot_head *h,
		      size_t *at, struct err *e)
{
	size_t rest;

	memset(h, 0, sizeof *h);
	if (n < FIXED || n > SLOT_RECORD_MAX || memcmp(p, magic, 4) != 0 ||
	    p[4] != VERSION || p[6] || p[7] || p[5] < SLOT_PASSPHRASE ||
	    p[5] > SLOT_RECIPIENT)
		goto bad;
	h->kind = (enum slot_kind)p[5];
	h->created_ms = (int64_t)get_le64(p + 8);
	memcpy(h->salt, p + 16, SLOT_SALT);
	h->ops = get_le64(p + 32);
	h->mem = get_le64(p + 40);
	memcpy(h->recipient, p + 48, 32);
	*at = FIXED;
	if (!take_text(p, n, at, h->name, SLOT_NAME_MAX) ||
	    !take_text(p, n, at, h->detail, SLOT_DETAIL_MAX))
		goto bad;
	rest = h->kind == SLOT_RECIPIENT ? SLOT_SEALED_LEN : WRAPPED_LEN;
	if (n - *at != rest)
		goto bad;
	return 0;
bad:
	return err_fail(e, ERR_SEALED, NULL, "a slot record is damaged");
}

static int head_make(const struct slot_input *in, struct slot_head *h,
		     struct err *e)
{
	const char *name = in->name && *in->name ? in->name :
						   slot_kind_word(in->kind);
	const char *detail = in->path ? in->path : "";

	memset(h, 0, sizeof *h);
	if (in->kind < SLOT_PASSPHRASE || in->kind > SLOT_RECIPIENT)
		return err_fail(e, ERR_BUG, NULL, "slot kind %d", (int)in->kind);
	if (!text_name(name))
		return err_fail(e, ERR_USAGE, name,
				"a slot's name is 1 to 64 letters, digits, '.', "
				"'_' or '-'");
	if (strlen(detail) > SLOT_DETAIL_MAX || !text_utf8(detail, strlen(detail)))
		return err_fail(e, ERR_USAGE, detail,
				"the path is not UTF-8 text of at most %d bytes",
				SLOT_DETAIL_MAX);
	if (in->kind == SLOT_PASSPHRASE &&
	    (!in->secret || secret_len(in->secret) < SLOT_PASSPHRASE_MIN))
		return err_fail(e, ERR_POLICY, name,
				"a passphrase has at least %d characters",
				SLOT_PASSPHRASE_MIN);
	h->kind = in->kind;
	h->created_ms = clock_wall_ms();
	secret_random(h->salt, sizeof h->salt);
	if (in->kind == SLOT_PASSPHRASE)
		slot_passphrase_cost(&h->ops, &h->mem);
	if (in->kind == SLOT_RECIPIENT) {
		memcpy(h->recipient, in->recipient, 32);
		detail = "";
	}
	memcpy(h->name, name, strlen(name) + 1);
	memcpy(h->detail, detail, strlen(detail) + 1);
	return 0;
}

static void binding_of(const struct bytes *b, unsigned char out[SLOT_BINDING])
{
	crypto_generichash(out, SLOT_BINDING, b->p, b->bound, NULL, 0);
}

int keyring_wrap(const struct slot_input *in, const unsigned char vault_id[16],
		 const unsigned char root[ROOT_LEN], struct buf *record,
		 struct err *e)
{
	unsigned char out[SLOT_SEALED_LEN], binding[SLOT_BINDING];
	unsigned char *kek = NULL;
	struct slot_head h;
	struct bytes b;
	size_t n = WRAPPED_LEN;
	int rc = -1;

	if (head_make(in, &h, e) != 0)
		goto out;
	head_pack(&h, vault_id, &b);
	if (in->kind == SLOT_RECIPIENT) {
		binding_of(&b, binding);
		n = SLOT_SEALED_LEN;
		if (slot_recipient_seal(h.recipient, root, binding, out, e) != 0)
			goto out;
	} else {
		kek = sodium_malloc(SLOT_KEK);
		if (!kek) {
			err_fail(e, ERR_NOMEM, NULL, "no locked memory");
			goto out;
		}
		if (make_kek(in->kind, &h, in, kek, e) != 0)
			goto out;
		secret_random(out, NONCE);
		crypto_aead_xchacha20poly1305_ietf_encrypt(
			out + NONCE, NULL, root, ROOT_LEN, b.p, b.bound, NULL,
			out, kek);
	}
	if (buf_add(record, b.p, b.head, e) != 0 ||
	    buf_add(record, out, n, e) != 0)
		goto out;
	rc = 0;
out:
	sodium_free(kek);
	if (rc != 0)
		err_ctx(e, NULL, "make the slot");
	return rc;
}

/* Whether the input could be meant for this slot at all. */
static bool fits(const struct slot_head *h, const struct slot_input *in)
{
	return in->kind == h->kind && in->secret;
}

int keyring_unwrap(const void *record, size_t n, const struct slot_input *in,
		   const unsigned char vault_id[16],
		   unsigned char root[ROOT_LEN], struct err *e)
{
	const unsigned char *p = record;
	unsigned char binding[SLOT_BINDING];
	unsigned char *kek = NULL;
	struct slot_head h;
	struct bytes b;
	size_t at = 0;
	int rc = -1;

	if (head_parse(p, n, &h, &at, e) != 0)
		goto out;
	if (!fits(&h, in)) {
		err_fail(e, ERR_SEALED, NULL, "this slot wants a %s",
			 slot_kind_word(h.kind));
		goto out;
	}
	head_pack(&h, vault_id, &b);
	if (b.head != at || memcmp(b.p, p, at) != 0) {
		err_fail(e, ERR_SEALED, NULL, "a slot record is damaged");
		goto out;
	}
	if (h.kind == SLOT_RECIPIENT) {
		binding_of(&b, binding);
		rc = slot_recipient_open(h.recipient, in->secret, p + at,
					 binding, root, e);
		goto out;
	}
	kek = sodium_malloc(SLOT_KEK);
	if (!kek) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory");
		goto out;
	}
	if (make_kek(h.kind, &h, in, kek, e) != 0)
		goto out;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    root, NULL, NULL, p + at + NONCE, ROOT_LEN + TAG, b.p,
		    b.bound, p + at, kek) != 0) {
		err_fail(e, ERR_SEALED, h.name,
			 h.kind == SLOT_PASSPHRASE ?
				 "the passphrase is wrong" :
				 "the key is not this slot's");
		goto out;
	}
	rc = 0;
out:
	sodium_free(kek);
	return rc;
}

int keyring_info(const void *record, size_t n, struct slot_info *out,
		 struct err *e)
{
	struct slot_head h;
	size_t at = 0;

	if (head_parse(record, n, &h, &at, e) != 0)
		return -1;
	out->kind = h.kind;
	out->created_ms = h.created_ms;
	memcpy(out->name, h.name, sizeof out->name);
	memcpy(out->detail, h.detail, sizeof out->detail);
	if (h.kind == SLOT_RECIPIENT)
		slot_recipient_text(h.recipient, out->detail);
	return 0;
}
