/*
 * inventory_address: "connection/account#id" and the words of states.
 *
 * In an account '#', '/' and '%' are escaped; in an id only '%' must be, so
 * that ARNs and the like stay readable.
 */
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "vault/inventory.h"

static const char *const words[] = {
	[INV_ACTIVE] = "active",   [INV_DISABLED] = "disabled",
	[INV_EXPIRED] = "expired", [INV_REVOKED] = "revoked",
	[INV_DEAD] = "dead",	   [INV_UNKNOWN] = "unknown",
};
#define WORDS (sizeof(words) / sizeof(words[0]))

const char *inv_state_word(enum inv_state s)
{
	return s >= INV_ACTIVE && (size_t)s < WORDS ? words[s] : "unknown";
}

bool inv_state_parse(const char *word, enum inv_state *s)
{
	for (size_t i = INV_ACTIVE; i < WORDS; i++) {
		if (strcmp(word, words[i]) == 0) {
			*s = (enum inv_state)i;
			return true;
		}
	}
	return false;
}

static int escape(struct buf *out, const char *part, const char *special,
		  struct err *e)
{
	for (const char *p = part; *p; p++) {
		int rc = strchr(special, *p) ?
				 buf_printf(out, e, "%%%02X",
					    (unsigned)(unsigned char)*p) :
				 buf_add(out, p, 1, e);

		if (rc)
			return -1;
	}
	return 0;
}

int inv_address(struct buf *out, const char *connection, const char *account,
		const char *id, struct err *e)
{
	if (escape(out, connection ? connection : "", "%/#", e))
		return -1;
	if (!account)
		return 0;
	if (buf_puts(out, "/", e) || escape(out, account, "%/#", e))
		return -1;
	if (!id)
		return 0;
	return buf_puts(out, "#", e) || escape(out, id, "%", e) ? -1 : 0;
}

/* A copy of n bytes with %XX undone; NULL when malformed or out of memory. */
static char *unescape(const char *p, size_t n)
{
	char *out = mem_zalloc(n + 1), *o = out;
	char hex[3] = "";

	for (size_t i = 0; out && i < n; i++) {
		if (p[i] != '%') {
			*o++ = p[i];
			continue;
		}
		if (n - i < 3)
			goto bad;
		memcpy(hex, p + i + 1, 2);
		if (!text_unhex(hex, o, 1) || *o == '\0')
			goto bad;
		o++;
		i += 2;
	}
	return out;
bad:
	mem_free(out);
	return NULL;
}

bool inv_parse(const char *address, char **connection, char **account,
	       char **id)
{
	size_t len = strcspn(address, "/#");
	const char *at = address + len;
	bool good = len > 0;

	*connection = *account = *id = NULL;
	if (good)
		good = (*connection = unescape(address, len)) != NULL;
	if (good && *at == '/') {
		at++;
		len = strcspn(at, "#");
		good = len > 0 && (*account = unescape(at, len)) != NULL;
		at += len;
		if (good && *at == '#')
			good = at[1] &&
			       (*id = unescape(at + 1, strlen(at + 1)));
	} else if (*at) {
		good = false;
	}
	if (good)
		return true;
	mem_free(*connection);
	mem_free(*account);
	mem_free(*id);
	*connection = *account = *id = NULL;
	return false;
}
