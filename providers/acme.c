/*
 * curfew-provider-acme: X.509 certificates by ACME (docs/providers/acme.md).
 * Line protocol 1.
 *
 * This file is the table; the verbs are in providers/acme/.
 */
#include <stdio.h>

#include "base/harden.h"
#include "providers/acme/acme.h"

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"directory\",\"help\":\"https://… of the authority's ACME directory\"},"
	"{\"name\":\"store\",\"help\":\"/folder for the certificates (nothing secret); the "
		"authority keeps no list\"},"
	"{\"name\":\"name.*\",\"help\":\"name.web=example.org,www.example.org: certificate web "
		"and its names\"},"
	"{\"name\":\"challenges\",\"help\":\"/folder that each name's web server shows as "
		"http://NAME/.well-known/acme-challenge/\"},"
	"{\"name\":\"use_dns\",\"help\":\"/path of a program instead, for dns-01: PROGRAM "
		"add|remove _acme-challenge.NAME VALUE changes the TXT record; exit 0 done\"},"
	"{\"name\":\"use_file.*\",\"help\":\"use_file.NAME=/path: one that this program may "
		"read\"},"
	"{\"name\":\"terms\",\"help\":\"agreed: you agree to the authority's terms of service; "
		"needed once, to open the account\"},"
	"{\"name\":\"contact\",\"help\":\"mailto:… for the account\"},"
	"{\"name\":\"key\",\"default\":\"p256\",\"help\":\"of a new certificate: p256, p384, "
		"rsa2048 or rsa3072\"},"
	"{\"name\":\"reason\",\"default\":\"superseded\",\"help\":\"why one is revoked: "
		"superseded, unspecified, affiliation-changed or cessation\"},"
	"{\"name\":\"ca_file\",\"help\":\"/path of a private authority's own TLS "
		"certificate authority\"},"
	"{\"name\":\"proxy\",\"help\":\"of https requests\"},"
	"{\"name\":\"timeout\",\"help\":\"of one request, 25s at most\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"the account's private key (PEM, P-256 or RSA)\","
	"\"facts\":{\"certificate\":{\"secret_from\":\"caller\",\"max\":0,"
	"\"overlap\":true,\"fixed_id\":false,\"makes\":true,\"labels\":false,"
	"\"last_used\":false,\"disable\":false,\"disable_cuts_sessions\":false,"
	"\"revoke_cuts_sessions\":false,\"revoke_lag_ms\":0,\"list_lag_ms\":0,"
	"\"session_ms\":0,\"rate_per_s\":5,\"by_value\":false,"
	"\"self_revoke\":false,\"may_cut_self\":false}}}";

static const struct provider acme = {
	.name = "acme",
	.describe = describe,
	.parallel = 4,
	.open = acme_open,
	.close = acme_close,
	.verbs = {
		{ "list", acme_list },
		{ "make", acme_make },
		{ "set", acme_set },
		{ "probe", acme_probe },
		{ "revoke", acme_revoke },
		{ .verb = NULL },
	},
};

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	char text[1600];

	/* before the kit: nothing may have been allocated by these libraries */
	if (harden_start(NULL, 0, &e) || pki_boot(&e) || wire_boot(&e)) {
		err_format(&e, text, sizeof(text));
		fprintf(stderr, "%s\n", text);
		return 2;
	}
	return kit_main(&acme, argc, argv);
}
