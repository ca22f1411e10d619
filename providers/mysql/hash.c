/*
 * hash: what the server keeps of a password, computed here so that no password
 * is in a statement (a general or a binary log would show it).
 *
 *   mysql_native_password  '*' and SHA-1(SHA-1(password)) in hex
 *   ed25519                the Ed25519 public key of SHA-512(password), base64
 * (MariaDB 10.11: include/mysql_com.h, plugin/auth_ed25519).
 */
#include "providers/mysql/mysql.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/mem.h"

static int native(const unsigned char *p, size_t n, void *arg)
{
	struct myp_way *way = arg;
	unsigned char one[20], two[20];

	digest_sha1(p, n, one);
	digest_sha1(one, sizeof one, two);
	way->hash[0] = '*';
	for (size_t i = 0; i < sizeof two; i++)
		snprintf(way->hash + 1 + 2 * i, 3, "%02X", (unsigned)two[i]);
	mem_wipe(one, sizeof one);
	return n ? 0 : -1;
}

static int ed25519(const unsigned char *p, size_t n, void *arg)
{
	struct buf b = BUF_INIT(BUF_TEXT_MAX);
	unsigned char pk[DIGEST_PUBLIC];
	struct myp_way *way = arg;
	int rc;

	digest_public_of(p, n, pk);
	rc = n ? base64_encode(pk, sizeof pk, false, &b, NULL) : -1;
	if (!rc)
		snprintf(way->hash, sizeof way->hash, "%s", b.p);
	buf_release(&b);
	return rc;
}

bool myp_hashes(const char *plugin)
{
	return strcmp(plugin, "mysql_native_password") == 0 ||
	       strcmp(plugin, "ed25519") == 0;
}

int myp_hash(struct myp_way *way, const struct secret *password)
{
	return secret_reveal(password, strcmp(way->plugin, "ed25519") ? native : ed25519,
			     way);
}
