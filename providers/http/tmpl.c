/*
 * tmpl: reads and fills templates (see tmpl.h).  "{{" and "}}" are braces.
 */
#include "providers/http/tmpl.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/text.h"
#include "providers/http/pki.h"
#include "providers/http/stamp.h"

#define EXPR_MAX 300

static const char *const functions[] = {
	"url", "path", "base64", "base64url", "sha256", "number", "date",
	"epoch", "epoch_ms", "lower", "last4", "optional", "sealed_box", "certificate",
	"head", "tail", "parent", "leaf", NULL
};

struct expr {
	char name[EXPR_MAX];
	const char *ptr;   /* into name, "" or "/…" */
	char *func[5];     /* into name */
	size_t n_func;
};

static bool has(const struct expr *x, const char *func)
{
	for (size_t i = 0; i < x->n_func; i++)
		if (!strcmp(x->func[i], func))
			return true;
	return false;
}

/* "name/ptr|f|g" apart; false + why. */
static bool expr_read(const char *p, size_t n, struct expr *x, char why[static 160])
{
	char *bar;

	memset(x, 0, sizeof(*x));
	if (n == 0 || n >= sizeof(x->name)) {
		(void)snprintf(why, 160, "'{}' holds no name, or a too long one");
		return false;
	}
	memcpy(x->name, p, n);
	while ((bar = strrchr(x->name, '|')) != NULL) {
		bool known = false;

		for (int i = 0; functions[i]; i++)
			known = known || !strcmp(functions[i], bar + 1);
		if (!known || x->n_func == 5) {
			(void)snprintf(why, 160, "there is no function '%.40s'", bar + 1);
			return false;
		}
		x->func[x->n_func++] = bar + 1; /* the last one first */
		*bar = '\0';
	}
	x->ptr = strchr(x->name, '/');
	return true;
}

/* The next part of a template: literal text or an expression. */
static int part(const char **text, const char **at, size_t *n, char why[static 160])
{
	const char *p = *text, *end;

	if (*p == '\0')
		return 0;
	if ((*p == '{' || *p == '}') && p[1] == *p) {
		*at = p;
		*n = 1;
		*text = p + 2;
		return 1;
	}
	if (*p == '}') {
		(void)snprintf(why, 160, "a '}' without its '{' (write '}}' for the sign)");
		return -1;
	}
	if (*p != '{') {
		*at = p;
		*n = strcspn(p, "{}");
		*text = p + *n;
		return 1;
	}
	end = strchr(p, '}');
	if (!end) {
		(void)snprintf(why, 160, "a '{' without its '}' (write '{{' for the sign)");
		return -1;
	}
	*at = p + 1;
	*n = (size_t)(end - p - 1);
	*text = end + 1;
	return 2;
}

/* ---- names --------------------------------------------------------------- */

const struct json *tmpl_node(const char *name, size_t n, const struct scope *s)
{
	const char *slash = memchr(name, '/', n);
	size_t len = slash ? (size_t)(slash - name) : n, rest = n - len;
	const struct json *root = NULL;
	char key[80];

	if (len >= sizeof(key))
		return NULL;
	memcpy(key, name, len);
	key[len] = '\0';
	if (!strcmp(key, "item"))
		root = s->item[0];
	else if (!strcmp(key, "up"))
		root = s->item[1];
	else if (!strcmp(key, "up2"))
		root = s->item[2];
	else if (!strcmp(key, "doc"))
		root = s->doc;
	else if (!strcmp(key, "snapshot"))
		root = s->q ? json_get(s->q->args, "snapshot") : NULL;
	else if (!strncmp(key, "step.", 5) && s->steps)
		root = json_get(s->steps, key + 5);
	return root ? doc_at(root, name + len, rest) : NULL;
}

struct lend {
	struct buf *out;
	const char *parts; /* NULL: whole */
	size_t index, count;
	struct err *e;
};

/* Part `index` of a secret "a:b:c"; the last part takes the rest. */
static int lend_part(const unsigned char *p, size_t n, void *arg)
{
	struct lend *l = arg;
	size_t from = 0, to = n;

	for (size_t i = 0; l->count && i < l->index; i++) {
		const unsigned char *c = from < n ? memchr(p + from, ':', n - from) : NULL;

		if (!c)
			return 1;
		from = (size_t)(c - p) + 1;
	}
	if (l->count && l->index + 1 < l->count) {
		const unsigned char *c = from < n ? memchr(p + from, ':', n - from) : NULL;

		if (c)
			to = (size_t)(c - p);
	}
	return buf_add(l->out, p + from, to - from, l->e);
}

static bool is_part(const struct def *d, const char *name, size_t *index, size_t *count)
{
	const struct toml_node *a = toml_get(toml_get(d->root, "admin"), "parts");
	bool found = false;

	*count = 0;
	for (const struct toml_node *p = a ? a->child : NULL; p; p = p->next) {
		if (p->str && !strcmp(p->str, name)) {
			*index = *count;
			found = true;
		}
		++*count;
	}
	return found;
}

static int put_secret(const struct secret *sec, const char *part_name,
		      const struct scope *s, struct buf *out, struct err *e)
{
	struct lend l = { .out = out, .e = e };

	if (s->show)
		return buf_puts(out, "[secret]", e);
	if (!sec)
		return 1;
	if (part_name && !is_part(s->def, part_name, &l.index, &l.count))
		return 1;
	return secret_reveal(sec, lend_part, &l);
}

static int put_uuid(struct buf *out, struct err *e)
{
	unsigned char r[16];
	char hex[33];

	secret_random(r, sizeof(r));
	r[6] = (unsigned char)((r[6] & 0x0f) | 0x40);
	r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
	text_hex(r, sizeof(r), hex);
	return buf_printf(out, e, "%.8s-%.4s-%.4s-%.4s-%s", hex, hex + 8,
			  hex + 12, hex + 16, hex + 20);
}

/* "now", "now+90d", "now-1h" */
static bool now_of(const char *name, int64_t *ms)
{
	int64_t span = 0;

	if (strncmp(name, "now", 3) != 0)
		return false;
	*ms = clock_wall_ms();
	if (name[3] == '\0')
		return true;
	if ((name[3] != '+' && name[3] != '-') || !clock_parse_span(name + 4, &span))
		return false;
	*ms += name[3] == '+' ? span : -span;
	return true;
}

static const char *string_of(const struct json *o, const char *key)
{
	const char *v = o ? json_str(o, key) : NULL;

	return v ? v : "";
}

static const char *word_of(const char *name, const struct scope *s)
{
	const struct kit_request *q = s->q;

	if (!strcmp(name, "account"))
		return q ? q->account : "";
	if (!strcmp(name, "kind"))
		return q ? q->kind : "";
	if (!strcmp(name, "credential"))
		return q ? q->credential : "";
	if (!strcmp(name, "connection"))
		return s->conn && s->conn->name ? s->conn->name : "";
	if (!strcmp(name, "label"))
		return q ? string_of(q->args, "label") : "";
	if (!strcmp(name, "from"))
		return q ? string_of(q->args, "from") : "";
	if (!strncmp(name, "field.", 6))
		return q ? string_of(json_get(q->args, "fields"), name + 6) : "";
	if (!strncmp(name, "option.", 7)) {
		const struct toml_node *o = toml_get(s->def->root, "option");
		const char *dflt = toml_str(toml_get(o, name + 7), "default");

		return s->conn ? kit_option(s->conn, name + 7, dflt ? dflt : "") :
				 dflt ? dflt : "";
	}
	return NULL;
}

/* 0 put (perhaps nothing), 1 there is no value, -1 + e */
static int put_value(const struct expr *x, const struct scope *s,
		     struct buf *out, struct err *e)
{
	const char *word = word_of(x->name, s);
	int64_t ms;

	if (word)
		return *word ? buf_puts(out, word, e) : 1;
	if (!strcmp(x->name, "secret"))
		return put_secret(s->q ? s->q->secret : NULL, NULL, s, out, e);
	if (!strcmp(x->name, "admin"))
		return put_secret(s->conn ? s->conn->secret : NULL, NULL, s, out, e);
	if (!strncmp(x->name, "admin.", 6))
		return put_secret(s->conn ? s->conn->secret : NULL, x->name + 6,
				  s, out, e);
	if (!strcmp(x->name, "token"))
		return put_secret(s->token, NULL, s, out, e);
	if (!strcmp(x->name, "uuid"))
		return put_uuid(out, e);
	if (!strcmp(x->name, "version"))
		return s->q && json_int(s->q->args, "version", &ms) ?
			       buf_printf(out, e, "%lld", (long long)ms) : 1;
	if (now_of(x->name, &ms))
		return stamp_put(ms, has(x, "epoch") ? "epoch" :
				     has(x, "epoch_ms") ? "epoch_ms" :
				     has(x, "date") ? "date" : "rfc3339", out, e);
	return doc_text(tmpl_node(x->name, strlen(x->name), s), out) &&
	       out->len > 0 ? 0 : 1;
}

/* ---- functions ------------------------------------------------------------ */

static bool plain_char(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static int percent(struct buf *out, const char *p, size_t n, bool slash, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];
		int rc = plain_char(c) || (slash && c == '/') ?
				 buf_add(out, &p[i], 1, e) :
				 buf_printf(out, e, "%%%02X", c);

		if (rc)
			return -1;
	}
	return 0;
}

static int json_escape(struct buf *out, const char *p, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)p[i];
		int rc;

		if (c == '"' || c == '\\')
			rc = buf_printf(out, e, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			rc = buf_printf(out, e, "\\u%04x", c);
		else
			rc = buf_add(out, &p[i], 1, e);
		if (rc)
			return -1;
	}
	return 0;
}

int tmpl_base64(struct buf *out, const void *p, size_t n, bool url, struct err *e)
{
	return url ? base64url_encode(p, n, out, e) : base64_encode(p, n, true, out, e);
}

/* "repo/7": what is before the first '/' (or the last: parent, leaf), what is
 * after it. */
static int cut(struct buf *v, bool head, bool last, struct err *e)
{
	char *slash = !v->len ? NULL : last ? memrchr(v->p, '/', v->len) :
					      memchr(v->p, '/', v->len);
	size_t at;

	if (!slash)
		return err_fail(e, ERR_USAGE, NULL, "a value that has to be of two "
				"parts, with a '/' between, is not");
	at = (size_t)(slash - v->p);
	if (head) {
		v->len = at;
	} else {
		memmove(v->p, slash + 1, v->len - at - 1);
		v->len -= at + 1;
	}
	v->p[v->len] = '\0';
	return 0;
}

/* crypto_box_seal for the request's `seal_to`, in base64. */
static int seal(struct buf *v, struct buf *o, const struct scope *s, struct err *e)
{
	struct buf box = BUF_INIT(v->max + 64);
	int rc = -1;

	if (!s->seal_to)
		return err_fail(e, ERR_CONFIG, NULL, "'sealed_box' without a 'seal_to'");
	if (!digest_seal(s->seal_to, v->p, v->len, &box, e))
		rc = base64_encode(box.p, box.len, true, o, e);
	buf_release(&box);
	return rc;
}

/* The public half of a private key, in a certificate that it signs itself: valid
 * for ten years, for it is curfew that ends the key and not the calendar. */
static int certificate(const struct buf *v, struct buf *o, const struct scope *s,
		       struct err *e)
{
	const char *cn = s->q && *s->q->account ? s->q->account : "curfew";
	struct pki_key *key = pki_read(v->p, v->len, e);
	int rc = key ? pki_self_signed(key, cn, clock_wall_ms(), 3650, o, e) : -1;

	pki_free(&key);
	return rc;
}

static int apply(const char *func, struct buf *v, const struct scope *s,
		 struct err *e)
{
	struct buf o = BUF_INIT(v->max * 2);
	unsigned char sum[32];
	char hex[65];
	int rc = 0;

	if (!strcmp(func, "base64") || !strcmp(func, "base64url")) {
		rc = tmpl_base64(&o, v->p, v->len, func[6] != '\0', e);
	} else if (!strcmp(func, "sha256")) {
		digest_sha256(v->p, v->len, sum);
		text_hex(sum, sizeof(sum), hex);
		rc = buf_puts(&o, hex, e);
	} else if (!strcmp(func, "sealed_box")) {
		rc = seal(v, &o, s, e);
	} else if (!strcmp(func, "certificate")) {
		rc = certificate(v, &o, s, e);
	} else if (!strcmp(func, "head") || !strcmp(func, "tail")) {
		rc = cut(v, *func == 'h', false, e);
		goto out;
	} else if (!strcmp(func, "parent") || !strcmp(func, "leaf")) {
		rc = cut(v, *func == 'p', true, e);
		goto out;
	} else if (!strcmp(func, "last4")) {
		size_t from = v->len > 4 ? v->len - 4 : 0;

		rc = buf_add(&o, v->p + from, v->len - from, e);
	} else if (!strcmp(func, "lower")) {
		for (size_t i = 0; i < v->len; i++)
			if (v->p[i] >= 'A' && v->p[i] <= 'Z')
				v->p[i] = (char)(v->p[i] + 32);
		goto out;
	} else if (!strcmp(func, "number")) {
		int64_t n;

		if (!text_int(v->p ? v->p : "", INT64_MIN, INT64_MAX, &n))
			rc = err_fail(e, ERR_USAGE, NULL, "a value that has to be "
				      "a whole number is not");
		goto out;
	} else {
		goto out; /* where it is put decides */
	}
	if (!rc) {
		buf_release(v);
		*v = o;
		return 0;
	}
out:
	buf_release(&o);
	return rc;
}

static int put_escaped(const struct expr *x, const struct scope *s,
		       const struct buf *v, enum tmpl_mode mode, struct buf *out, struct err *e)
{
	const char *p = v->p ? v->p : "";

	if (mode == TMPL_URL || mode == TMPL_PAIR || has(x, "url") || has(x, "path")) {
		if (!strcmp(p, ".") || !strcmp(p, "..") ||
		    (has(x, "path") && strstr(p, "..")))
			return err_fail(e, ERR_USAGE, x->name,
					"a value that would leave its place in the path");
		return percent(out, p, v->len, has(x, "path"), e);
	}
	if (mode == TMPL_JSON)
		return json_escape(out, p, v->len, e);
	for (size_t i = 0; mode == TMPL_POINTER && i < v->len; i++)
		if (p[i] == '~' ? buf_puts(out, "~0", e) : p[i] == '/' ?
				  buf_puts(out, "~1", e) : buf_add(out, p + i, 1, e))
			return -1;
	if (mode == TMPL_POINTER)
		return 0;
	for (size_t i = 0; i < v->len; i++) {
		const bool steers = (unsigned char)p[i] < 0x20 || p[i] == 0x7f;

		if (steers && !s->tidy)
			return err_fail(e, ERR_USAGE, x->name,
					"the value holds control characters");
		if (steers ? buf_puts(out, "\xef\xbf\xbd", e) : buf_add(out, p + i, 1, e))
			return -1;
	}
	return 0;
}

static bool is_secret(const char *name)
{
	return !strcmp(name, "secret") || !strcmp(name, "token") ||
	       !strncmp(name, "admin", 5);
}

static int put_expr(const struct expr *x, const struct scope *s,
		    enum tmpl_mode mode, struct buf *out, struct err *e)
{
	struct buf v = BUF_INIT(BUF_RECORD_MAX);
	int rc = put_value(x, s, &v, e);

	if (rc > 0) {
		rc = 0;
		if (s->show)
			rc = buf_printf(out, e, "<%s>", x->name);
		else if (!s->gaps && !has(x, "optional"))
			rc = err_fail(e, ERR_USAGE, x->name,
				      "the request needs a value that is not given");
		goto out;
	}
	for (size_t i = x->n_func; !rc && i > 0 && !(s->show && is_secret(x->name)); i--)
		rc = apply(x->func[i - 1], &v, s, e);
	if (!rc)
		rc = put_escaped(x, s, &v, mode, out, e);
out:
	buf_release(&v);
	return rc;
}

int tmpl_render(const char *text, const struct scope *s, enum tmpl_mode mode,
		struct buf *out, struct err *e)
{
	char why[160] = "";
	const char *at;
	struct expr x;
	size_t n;
	int kind;

	while ((kind = part(&text, &at, &n, why)) > 0) {
		if (kind == 2 && !expr_read(at, n, &x, why))
			return err_fail(e, ERR_CONFIG, NULL, "%s", why);
		if (kind == 2 ? put_expr(&x, s, mode, out, e) :
		    mode == TMPL_JSON ? json_escape(out, at, n, e) :
		    mode == TMPL_PAIR ? percent(out, at, n, false, e) :
				buf_add(out, at, n, e))
			return -1;
	}
	return kind < 0 ? err_fail(e, ERR_CONFIG, NULL, "%s", why) : 0;
}

char *tmpl_text(const char *text, const struct scope *s, struct err *e)
{
	struct buf b = BUF_INIT(BUF_RECORD_MAX);
	char *out = NULL;

	if (!tmpl_render(text, s, TMPL_PLAIN, &b, e)) {
		out = mem_strdup(b.p ? b.p : "");
		if (!out)
			(void)err_fail(e, ERR_NOMEM, NULL, "out of memory");
	}
	buf_release(&b);
	return out;
}

/* ---- before anything is sent ---------------------------------------------- */

static bool name_known(const char *name, const struct def *d)
{
	static const char *const plain[] = { "account", "kind", "credential",
		"connection", "secret", "admin", "token", "uuid", "label",
		"version", "from", NULL };
	static const char *const docs[] = { "item", "up", "up2", "doc",
		"snapshot", NULL };
	size_t len = strcspn(name, "/"), index, count;
	int64_t ms;

	for (int i = 0; plain[i]; i++)
		if (!strcmp(plain[i], name))
			return true;
	for (int i = 0; docs[i]; i++)
		if (strlen(docs[i]) == len && !strncmp(docs[i], name, len))
			return true;
	if (!strncmp(name, "step.", 5) && len > 5)
		return true;
	if (!strncmp(name, "field.", 6) && len > 6)
		return true;
	if (!strncmp(name, "option.", 7))
		return toml_get(toml_get(d->root, "option"), name + 7) != NULL;
	if (!strncmp(name, "admin.", 6))
		return is_part(d, name + 6, &index, &count);
	return now_of(name, &ms);
}

bool tmpl_check(const char *text, const struct def *d, struct tmpl_use *use)
{
	const char *at;
	struct expr x;
	size_t n;
	int kind;

	while ((kind = part(&text, &at, &n, use->why)) > 0) {
		if (kind == 1)
			continue;
		if (!expr_read(at, n, &x, use->why))
			return false;
		if (!name_known(x.name, d)) {
			(void)snprintf(use->why, sizeof(use->why),
				       "nothing is named '%.80s' here", x.name);
			return false;
		}
		use->sealed = use->sealed || has(&x, "sealed_box");
		use->secret = use->secret || !strcmp(x.name, "secret");
		use->token = use->token || !strcmp(x.name, "token");
		use->admin = use->admin || !strcmp(x.name, "admin") ||
			     !strncmp(x.name, "admin.", 6);
	}
	return kind == 0;
}

bool tmpl_is_number(const char *text)
{
	const char *at, *rest = text;
	char why[160];
	struct expr x;
	size_t n;

	return part(&rest, &at, &n, why) == 2 && *rest == '\0' &&
	       expr_read(at, n, &x, why) && has(&x, "number");
}
