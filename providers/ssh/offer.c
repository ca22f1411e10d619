/*
 * offer: the one file that talks SSH (libssh, client side).
 *
 * Must never call a key refused on libssh's own judgement: it also answers
 * "denied" without asking the server (key types and sizes it does not
 * like), so the server's word is taken from the message that only a server's
 * answer produces, and other key types are not asked at all.
 */
#include "providers/ssh/offer.h"

#include <libssh/libssh.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/base64.h"

#define TIMEOUT_S 8L

static enum offer_answer say(char *said, size_t cap, enum offer_answer a,
			     const char *text, ssh_session s)
{
	snprintf(said, cap, "%s%s%s", text, s ? ": " : "", s ? ssh_get_error(s) : "");
	return a;
}

/* The key types whose offer libssh 0.10 passes on as it is. */
static const char *offerable(const struct buf *blob)
{
	static const char *const type[] = {
		"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256",
		"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	};

	for (size_t i = 0; i < sizeof(type) / sizeof(type[0]); i++) {
		size_t n = strlen(type[i]);

		if (blob->len > 4 + n && (unsigned char)blob->p[3] == n &&
		    !memcmp(blob->p + 4, type[i], n))
			return type[i];
	}
	return NULL;
}

static ssh_key import(const struct buf *blob)
{
	struct buf text = BUF_INIT(BUF_TEXT_MAX);
	const char *type = offerable(blob);
	ssh_key key = NULL;

	if (type && !base64_encode(blob->p, blob->len, true, &text, NULL) &&
	    ssh_pki_import_pubkey_base64(text.p, ssh_key_type_from_name(type),
					 &key) != SSH_OK)
		key = NULL;
	buf_release(&text);
	return key;
}

/* Is it the machine that was meant?  Else its answer proves nothing. */
static bool known_host(ssh_session s, const struct conf *c, char *said, size_t cap)
{
	unsigned char *hash = NULL;
	char *print = NULL;
	ssh_key key = NULL;
	size_t n = 0;
	bool ok = false;

	if (c->host_key && !strcmp(c->host_key, "any"))
		return true;
	if (ssh_get_server_publickey(s, &key) == SSH_OK &&
	    !ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &n))
		print = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, n);
	if (!print)
		say(said, cap, OFFER_UNKNOWN, "the server showed no host key", NULL);
	else if (c->host_key)
		ok = !strcmp(c->host_key, print);
	else if (c->known_hosts)
		ok = ssh_session_is_known_server(s) == SSH_KNOWN_HOSTS_OK;
	if (print && !ok)
		snprintf(said, cap, "the server's host key %s is not the known one; "
			 "set host_key or known_hosts", print);
	ssh_string_free_char(print);
	ssh_clean_pubkey_hash(&hash);
	ssh_key_free(key);
	return ok;
}

static bool set_up(ssh_session s, const struct conf *c, const char *account)
{
	bool no = false;
	long timeout = TIMEOUT_S;
	unsigned port = c->port;

	return !ssh_options_set(s, SSH_OPTIONS_PROCESS_CONFIG, &no) &&
	       !ssh_options_set(s, SSH_OPTIONS_HOST, c->host) &&
	       !ssh_options_set(s, SSH_OPTIONS_PORT, &port) &&
	       !ssh_options_set(s, SSH_OPTIONS_USER, account) &&
	       !ssh_options_set(s, SSH_OPTIONS_TIMEOUT, &timeout) &&
	       !ssh_options_set(s, SSH_OPTIONS_KNOWNHOSTS,
				c->known_hosts ? c->known_hosts : "/dev/null") &&
	       !ssh_options_set(s, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
}

static enum offer_answer ask(ssh_session s, ssh_key key, char *said, size_t cap)
{
	int rc = ssh_userauth_none(s, NULL);

	if (rc == SSH_AUTH_SUCCESS)
		return say(said, cap, OFFER_UNKNOWN,
			   "the server lets the account in without any key", NULL);
	if (rc != SSH_AUTH_DENIED && rc != SSH_AUTH_PARTIAL)
		return say(said, cap, OFFER_UNKNOWN, "no talk with the server", s);
	if (!((unsigned)ssh_userauth_list(s, NULL) & SSH_AUTH_METHOD_PUBLICKEY))
		return say(said, cap, OFFER_UNKNOWN,
			   "the server takes no public keys for this account", NULL);
	rc = ssh_userauth_try_publickey(s, NULL, key);
	if (rc == SSH_AUTH_SUCCESS)
		return say(said, cap, OFFER_TAKEN, "the server takes the key", NULL);
	if (rc == SSH_AUTH_DENIED &&
	    !strncmp(ssh_get_error(s), "Access denied for 'publickey'", 29))
		return say(said, cap, OFFER_REFUSED, "the server refused the key", NULL);
	return say(said, cap, OFFER_UNKNOWN, "the server gave no clear answer", s);
}

enum offer_answer offer(const struct conf *c, const char *account,
			const struct buf *blob, char *said, size_t cap)
{
	enum offer_answer a = OFFER_UNKNOWN;
	ssh_key key = import(blob);
	ssh_session s = NULL;

	if (!key) {
		say(said, cap, a, "keys of this type cannot be offered", NULL);
		goto out;
	}
	s = ssh_new();
	if (!s || !set_up(s, c, account)) {
		say(said, cap, a, "no SSH session can be set up", s);
		goto out;
	}
	if (ssh_connect(s) != SSH_OK) {
		say(said, cap, a, "no connection to the server", s);
		goto out;
	}
	if (known_host(s, c, said, cap))
		a = ask(s, key, said, cap);
out:
	if (s)
		ssh_disconnect(s);
	ssh_free(s);
	ssh_key_free(key);
	return a;
}
