/*
 * known: an open-addressing table of what the vault holds of one connection.
 */
#include "agent/known.h"

#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/secret.h"

#define FIRST_SIZE 1024u

struct known {
	struct known_thing *v;
	size_t size, n; /* size is a power of two */
	unsigned char hash_key[DIGEST_KEY];
	struct buf scratch;
};

/* ---- hashing ------------------------------------------------------------- */

/* Length before bytes, so that parts cannot run into one another. */
static bool part(struct buf *b, const char *s)
{
	const uint32_t n = (uint32_t)strlen(s);

	return buf_add(b, &n, sizeof n, NULL) == 0 &&
	       buf_add(b, s, n, NULL) == 0;
}

static bool key_of(struct known *k, enum item_what what, const char *account,
		   const char *kind, const char *id, unsigned char out[16])
{
	const char w[2] = { (char)('0' + (int)what), '\0' };

	buf_reset(&k->scratch);
	if (!part(&k->scratch, w) || !part(&k->scratch, account) ||
	    !part(&k->scratch, kind) || !part(&k->scratch, id))
		return false;
	digest_keyed(k->hash_key, k->scratch.p, k->scratch.len, out, 16);
	return true;
}

static bool body_of(struct known *k, bool self, bool makes_accounts,
		    int64_t expires_ms, const char *fingerprint,
		    const char *label, const char *attributes, unsigned char out[16])
{
	const unsigned char flags = (unsigned char)(self | makes_accounts << 1);

	buf_reset(&k->scratch);
	if (buf_add(&k->scratch, &flags, 1, NULL) < 0 ||
	    buf_add(&k->scratch, &expires_ms, sizeof expires_ms, NULL) < 0 ||
	    !part(&k->scratch, fingerprint) ||
	    !part(&k->scratch, label) || !part(&k->scratch, attributes))
		return false;
	digest_keyed(k->hash_key, k->scratch.p, k->scratch.len, out, 16);
	return true;
}

/* ---- the table ----------------------------------------------------------- */

static bool is_free(const struct known_thing *t)
{
	static const unsigned char zero[16];

	return memcmp(t->key, zero, sizeof zero) == 0;
}

static struct known_thing *place(struct known_thing *v, size_t size,
				 const unsigned char key[16])
{
	uint64_t h;

	memcpy(&h, key, sizeof h);
	for (size_t i = h & (size - 1);; i = (i + 1) & (size - 1))
		if (is_free(&v[i]) || memcmp(v[i].key, key, 16) == 0)
			return &v[i];
}

static bool grow(struct known *k)
{
	const size_t size = k->size * 2;
	struct known_thing *v = mem_array(size, sizeof *v);

	if (v == NULL)
		return false;
	for (size_t i = 0; i < k->size; i++)
		if (!is_free(&k->v[i]))
			*place(v, size, k->v[i].key) = k->v[i];
	mem_free(k->v);
	k->v = v;
	k->size = size;
	return true;
}

static struct known_thing *get(struct known *k, enum item_what what,
			       const char *account, const char *kind,
			       const char *id, bool make)
{
	unsigned char key[16];
	struct known_thing *t;

	if (!key_of(k, what, account, kind, id, key))
		return NULL;
	if (make && k->n * 4 >= k->size * 3 && !grow(k))
		return NULL;
	t = place(k->v, k->size, key);
	if (!is_free(t))
		return t;
	if (!make)
		return NULL;
	memcpy(t->key, key, sizeof key);
	k->n++;
	return t;
}

struct known_thing *known_get(struct known *k, const struct item *i)
{
	return get(k, i->what, i->account, i->kind, i->id, true);
}

struct known_thing *known_find(struct known *k, enum item_what what,
			       const char *account, const char *kind,
			       const char *id)
{
	return get(k, what, account, kind, id, false);
}

/* ---- loading ------------------------------------------------------------- */

static int nomem(struct err *e)
{
	return err_fail(e, ERR_NOMEM, NULL, "out of memory");
}

static int load_account(const struct inv_account *a, void *arg, struct err *e)
{
	struct known *k = arg;
	struct known_thing *t = get(k, ITEM_ACCOUNT, a->name, "", "", true);

	if (t == NULL || !body_of(k, a->self, a->makes_accounts, 0, "", "",
				  a->attributes, t->body))
		return nomem(e);
	t->created_ms = a->created_ms;
	t->last_used_ms = a->last_used_ms;
	t->state = a->state;
	t->missing = a->missing;
	t->stored = true;
	return 0;
}

static int load_credential(const struct inv_credential *c, void *arg,
			   struct err *e)
{
	struct known *k = arg;
	struct known_thing *t =
		get(k, ITEM_CREDENTIAL, c->account, c->kind, c->id, true);

	if (t == NULL || !body_of(k, c->self, false, c->expires_ms,
				  c->fingerprint, c->label, c->attributes,
				  t->body))
		return nomem(e);
	t->created_ms = c->created_ms;
	t->last_used_ms = c->last_used_ms;
	t->dead_ms = c->dead_ms;
	t->state = c->state;
	t->missing = c->missing;
	t->stored = true;
	return 0;
}

static int load_grant(const struct inv_grant *g, void *arg, struct err *e)
{
	struct known *k = arg;
	struct known_thing *t =
		get(k, ITEM_GRANT, g->account, g->kind, g->id, true);

	if (t == NULL || !body_of(k, false, false, 0, "", "", g->attributes,
				  t->body))
		return nomem(e);
	t->created_ms = g->created_ms;
	t->state = g->state;
	t->missing = g->missing;
	t->stored = true;
	return 0;
}

int known_load(struct vault *v, const char *connection, struct known **out,
	       struct err *e)
{
	struct known *k = mem_zalloc(sizeof *k);

	*out = NULL;
	if (k == NULL)
		return nomem(e);
	k->scratch.max = BUF_RECORD_MAX;
	k->size = FIRST_SIZE;
	k->v = mem_array(k->size, sizeof *k->v);
	secret_random(k->hash_key, sizeof k->hash_key);
	if (k->v == NULL) {
		(void)nomem(e);
		goto fail;
	}
	if (inv_accounts(v, connection, load_account, k, e) < 0 ||
	    inv_credentials(v, connection, NULL, load_credential, k, e) < 0 ||
	    inv_grants(v, connection, NULL, load_grant, k, e) < 0)
		goto fail;
	*out = k;
	return 0;
fail:
	known_free(&k);
	return -1;
}

void known_free(struct known **kp)
{
	if (*kp == NULL)
		return;
	buf_release(&(*kp)->scratch);
	mem_free((*kp)->v);
	mem_free(*kp);
	*kp = NULL;
}

/* ---- comparing ----------------------------------------------------------- */

bool known_same(struct known *k, const struct known_thing *t,
		const struct item *i, enum inv_state state)
{
	const bool cred = i->what == ITEM_CREDENTIAL;
	unsigned char body[16];

	if (!t->stored || t->missing > 0 || t->state != state)
		return false;
	if (i->implied)
		return true;
	if (!body_of(k, i->what != ITEM_GRANT && i->self,
		     i->what == ITEM_ACCOUNT && i->makes_accounts,
		     cred ? i->expires_ms : 0, cred ? i->fingerprint : "",
		     cred ? i->label : "", i->attributes, body) ||
	    memcmp(body, t->body, sizeof body) != 0)
		return false;
	/* a time that is not told again is no news */
	return (i->created_ms == 0 || i->created_ms == t->created_ms) &&
	       (i->what == ITEM_GRANT || i->last_used_ms == 0 ||
		i->last_used_ms == t->last_used_ms);
}

size_t known_unseen(const struct known *k)
{
	size_t n = 0;

	for (size_t i = 0; i < k->size; i++)
		n += k->v[i].stored && !k->v[i].seen &&
		     k->v[i].state != INV_DEAD;
	return n;
}

enum inv_state known_state(const struct known_thing *t, enum inv_state listed,
			   bool *revived)
{
	*revived = false;
	if (!t->stored)
		return listed;
	if (t->state == INV_DEAD || t->dead_ms != 0)
		*revived = listed == INV_ACTIVE;
	if ((t->state == INV_DEAD || t->state == INV_REVOKED) &&
	    listed != INV_ACTIVE)
		return t->state;
	return listed;
}
