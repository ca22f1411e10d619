/*
 * envelope_file: format version 1 of the emergency envelope.
 *
 *    0   8  "CURFEWEN"
 *    8   2  version, little-endian
 *   10   2  zero
 *   12  16  vault id
 *   28   8  made, ms since 1970, little-endian
 *   36  16  mark of the emergency key: BLAKE2b-128 of its public half
 *   52  80  crypto_box_seal of the 32-byte stream key
 *  132  24  header of crypto_secretstream_xchacha20poly1305
 *  156   -  frames: 4 bytes length (little-endian), that many bytes
 *
 * Each frame is one message of the stream with the 156 bytes above as
 * associated data; its (encrypted) tag byte is the record type times four, and
 * the last one has the FINAL bits as well.
 *
 * Promises: nothing is handed out before it is authenticated; lengths are
 * checked before they are used.  Must never: keep the stream key, or a
 * record's plain bytes, outside locked memory.
 */
#include "vault/envelope_file.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

#define VERSION 1u
#define AT_VERSION 8u
#define AT_VAULT 12u
#define AT_MADE 28u
#define AT_MARK 36u
#define AT_BOX 52u
#define BOX_LEN (32u + crypto_box_SEALBYTES)
#define AT_STREAM (AT_BOX + BOX_LEN)
#define HEAD_LEN (AT_STREAM + crypto_secretstream_xchacha20poly1305_HEADERBYTES)
#define STREAM_TAG crypto_secretstream_xchacha20poly1305_ABYTES
#define FINAL crypto_secretstream_xchacha20poly1305_TAG_FINAL

static const char magic[] = "CURFEWEN"; /* 8 bytes are written */

_Static_assert(crypto_secretstream_xchacha20poly1305_KEYBYTES == 32, "key");
_Static_assert(HEAD_LEN == 156, "the documented header length");

struct keys { /* in sodium_malloc memory */
	unsigned char key[32];
	unsigned char pk[32], sk[32]; /* reading only */
	crypto_secretstream_xchacha20poly1305_state state;
};

struct envelope_writer {
	struct keys *k;
	struct buf *out;
	unsigned char head[HEAD_LEN];
};

static void put_le(unsigned char *p, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static uint64_t get_le(const unsigned char *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

void envelope_mark(const unsigned char pk[ENVELOPE_PUBLIC],
		   unsigned char mark[ENVELOPE_MARK])
{
	crypto_generichash(mark, ENVELOPE_MARK, pk, ENVELOPE_PUBLIC, NULL, 0);
}

int envelope_peek(const void *p, size_t n, struct envelope_head *h,
		  struct err *e)
{
	const unsigned char *b = p;

	if (n < HEAD_LEN || memcmp(b, magic, 8) != 0)
		return err_fail(e, ERR_FORMAT, NULL,
				"it is not an emergency envelope");
	if (get_le(b + AT_VERSION, 2) != VERSION || get_le(b + 10, 2) != 0)
		return err_fail(e, ERR_FORMAT, NULL,
				"envelope format %u is not known here, only %u",
				(unsigned)get_le(b + AT_VERSION, 2), VERSION);
	memcpy(h->vault, b + AT_VAULT, 16);
	h->made_ms = (int64_t)get_le(b + AT_MADE, 8);
	memcpy(h->mark, b + AT_MARK, ENVELOPE_MARK);
	return 0;
}

struct envelope_writer *envelope_writer_open(const unsigned char vault[16],
					     const unsigned char *pk,
					     struct buf *out, struct err *e)
{
	struct envelope_writer *w = mem_zalloc(sizeof *w);

	if (w)
		w->k = sodium_malloc(sizeof *w->k);
	if (!w || !w->k) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory for the envelope");
		goto fail;
	}
	w->out = out;
	memcpy(w->head, magic, 8);
	put_le(w->head + AT_VERSION, VERSION, 2);
	memcpy(w->head + AT_VAULT, vault, 16);
	put_le(w->head + AT_MADE, (uint64_t)clock_wall_ms(), 8);
	envelope_mark(pk, w->head + AT_MARK);
	secret_random(w->k->key, sizeof w->k->key);
	if (crypto_box_seal(w->head + AT_BOX, w->k->key, 32, pk) != 0) {
		err_fail(e, ERR_FORMAT, NULL,
			 "the emergency public key is not usable");
		goto fail;
	}
	crypto_secretstream_xchacha20poly1305_init_push(
		&w->k->state, w->head + AT_STREAM, w->k->key);
	buf_reset(out);
	if (buf_add(out, w->head, HEAD_LEN, e) != 0)
		goto fail;
	return w;
fail:
	envelope_writer_close(&w);
	return NULL;
}

int envelope_write(struct envelope_writer *w, enum envelope_type t,
		   const void *p, size_t n, struct err *e)
{
	unsigned char tag = (unsigned char)((unsigned)t << 2);
	unsigned char frame[4];

	if (t == ENV_END)
		tag |= FINAL;
	if (n > BUF_RECORD_MAX)
		return err_fail(e, ERR_TOOBIG, NULL, "a record of %zu bytes", n);
	put_le(frame, n + STREAM_TAG, 4);
	if (buf_add(w->out, frame, 4, e) != 0 ||
	    buf_reserve(w->out, n + STREAM_TAG, e) != 0)
		return -1;
	crypto_secretstream_xchacha20poly1305_push(
		&w->k->state, (unsigned char *)w->out->p + w->out->len, NULL, p,
		n, w->head, HEAD_LEN, tag);
	w->out->len += n + STREAM_TAG;
	w->out->p[w->out->len] = '\0';
	return 0;
}

void envelope_writer_close(struct envelope_writer **w)
{
	if (!*w)
		return;
	sodium_free((*w)->k); /* NULL is fine, and it wipes */
	mem_free(*w);
	*w = NULL;
}

static int take_key(const unsigned char *p, size_t n, void *arg)
{
	struct keys *k = arg;

	if (n != sizeof k->sk)
		return -1;
	memcpy(k->sk, p, n);
	return crypto_scalarmult_base(k->pk, k->sk);
}

static int open_stream(struct keys *k, const unsigned char *b,
		       const struct secret *key, struct err *e)
{
	unsigned char mark[ENVELOPE_MARK];

	if (secret_reveal(key, take_key, k) != 0)
		return err_fail(e, ERR_FORMAT, NULL,
				"the key file holds no 32-byte secret half");
	envelope_mark(k->pk, mark);
	if (!secret_equal_bytes(mark, b + AT_MARK, ENVELOPE_MARK))
		return err_fail(e, ERR_SEALED, NULL,
				"it is sealed to another emergency key");
	if (crypto_box_seal_open(k->key, b + AT_BOX, BOX_LEN, k->pk, k->sk) != 0 ||
	    crypto_secretstream_xchacha20poly1305_init_pull(
		    &k->state, b + AT_STREAM, k->key) != 0)
		return err_fail(e, ERR_TAMPER, NULL,
				"the envelope's head was altered");
	return 0;
}

/* One frame at *at; the plain bytes land in `plain`, which has `room`. */
static int next_frame(struct keys *k, const unsigned char *b, size_t n,
		      size_t *at, unsigned char *plain, size_t room,
		      size_t *len, unsigned char *tag, struct err *e)
{
	unsigned long long out = 0;
	size_t c;

	if (n - *at < 4)
		return err_fail(e, ERR_TAMPER, NULL, "the envelope was cut off");
	c = (size_t)get_le(b + *at, 4);
	*at += 4;
	if (c < STREAM_TAG || c - STREAM_TAG > room || c > n - *at)
		return err_fail(e, ERR_TAMPER, NULL,
				"the envelope was cut off or altered");
	if (crypto_secretstream_xchacha20poly1305_pull(
		    &k->state, plain, &out, tag, b + *at, c, b, HEAD_LEN) != 0)
		return err_fail(e, ERR_TAMPER, NULL, "the envelope was altered");
	*at += c;
	*len = (size_t)out;
	return 0;
}

/* How much room the plain bytes need; lengths are checked again when read. */
static size_t room_for(const unsigned char *b, size_t n)
{
	size_t at = HEAD_LEN, most = 1;

	while (at < n && n - at >= 4) {
		size_t c = (size_t)get_le(b + at, 4);

		if (c > n - at - 4)
			break;
		if (c > most)
			most = c;
		at += 4 + c;
	}
	return most < BUF_RECORD_MAX ? most : BUF_RECORD_MAX;
}

int envelope_walk(const void *p, size_t n, const struct secret *key,
		  envelope_fn fn, void *arg, struct err *e)
{
	struct keys *k = sodium_malloc(sizeof *k);
	size_t room = room_for(p, n);
	unsigned char *plain = sodium_malloc(room);
	struct envelope_head head;
	unsigned char tag = 0;
	size_t at = HEAD_LEN, len = 0;
	int rc = -1;

	if (!k || !plain) {
		err_fail(e, ERR_NOMEM, NULL, "no locked memory for the envelope");
		goto out;
	}
	if (envelope_peek(p, n, &head, e) != 0 || open_stream(k, p, key, e) != 0)
		goto out;
	while ((tag & FINAL) != FINAL) {
		if (next_frame(k, p, n, &at, plain, room, &len, &tag, e) != 0)
			goto out;
		if (fn((enum envelope_type)(tag >> 2), plain, len, arg, e) != 0)
			goto out;
	}
	if (at != n) {
		err_fail(e, ERR_TAMPER, NULL, "bytes follow the envelope's end");
		goto out;
	}
	rc = 0;
out:
	sodium_free(plain);
	sodium_free(k);
	return rc;
}
