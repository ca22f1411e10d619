/*
 * spool_seen: digests of taken files, as records among the settings.
 */
#include "agent/spool_seen.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/pack.h"
#include "base/text.h"
#include "vault/store.h"

enum { S_AT = 1 };

static struct store_id id_of(const struct vault *v, const char *name)
{
	return store_id(v, STORE_SETTING, &name, 1);
}

static struct store_id seen_id(const struct vault *v,
			       const unsigned char digest[32])
{
	char hex[65];
	const char *const parts[2] = { "spool file", hex };

	text_hex(digest, 32, hex);
	return store_id(v, STORE_SETTING, parts, 2);
}

int spool_seen(struct vault *v, const unsigned char digest[32], struct err *e)
{
	const struct store_id id = seen_id(v, digest);
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	const int rc = store_get(v, STORE_SETTING, &id, &data, NULL, e);

	buf_release(&data);
	return rc;
}

static int put_time(struct vault *v, struct store_row *row, int64_t ms,
		    struct err *e)
{
	struct buf b = BUF_INIT(64);
	int rc = pack_int(&b, S_AT, ms, e);

	row->data = b.p;
	row->len = b.len;
	if (rc == 0)
		rc = store_put(v, STORE_SETTING, row, e);
	buf_release(&b);
	return rc;
}

static int64_t time_of(const void *data, size_t len)
{
	struct unpack u;
	int64_t ms = 0;

	unpack_init(&u, data, len);
	while (unpack_next(&u))
		if (u.tag == S_AT)
			ms = unpack_int(&u);
	return ms;
}

int spool_seen_put(struct vault *v, const unsigned char digest[32],
		   int64_t now, struct err *e)
{
	struct store_row row = { .id = seen_id(v, digest),
				 .group = id_of(v, "spool files") };

	return put_time(v, &row, now, e);
}

int spool_seen_since(struct vault *v, int64_t *ms, struct err *e)
{
	const struct store_id id = id_of(v, "spool files forgotten");
	struct buf data = BUF_INIT(BUF_RECORD_MAX);
	const int rc = store_get(v, STORE_SETTING, &id, &data, NULL, e);

	*ms = rc > 0 ? time_of(data.p, data.len) : 0;
	buf_release(&data);
	return rc < 0 ? -1 : 0;
}

struct old {
	int64_t before;
	struct buf ids; /* store_id after store_id */
};

static int collect(const struct store_row *row, void *arg, struct err *e)
{
	struct old *o = arg;

	return time_of(row->data, row->len) >= o->before ? 0 :
	       buf_add(&o->ids, row->id.b, sizeof row->id.b, e);
}

static int forget(struct vault *v, const struct old *o, struct err *e)
{
	struct store_row row = { .id = id_of(v, "spool files forgotten") };
	struct store_id id;

	for (size_t at = 0; at < o->ids.len; at += sizeof id.b) {
		memcpy(id.b, o->ids.p + at, sizeof id.b);
		if (store_delete(v, STORE_SETTING, &id, e) < 0)
			return -1;
	}
	return put_time(v, &row, o->before, e);
}

int spool_seen_forget(struct vault *v, int64_t before, struct err *e)
{
	const struct store_id group = id_of(v, "spool files");
	struct old o = { before, BUF_INIT(BUF_REPORT_MAX) };
	int rc = store_each(v, STORE_SETTING, &group, collect, &o, e);

	if (rc == 0 && o.ids.len > 0) {
		rc = store_begin(v, e);
		if (rc == 0 && forget(v, &o, e) < 0) {
			store_rollback(v);
			rc = -1;
		} else if (rc == 0) {
			rc = store_commit(v, e);
		}
	}
	buf_release(&o.ids);
	return rc;
}
