/*
 * curfew-provider-ldap: entries with a userPassword in an OpenLDAP directory,
 * and the connections bound as them (docs/providers/ldap.md).  Line protocol 1.
 *
 * This file is the table; the verbs are in providers/ldap/.
 */
#include "providers/ldap/dir.h"

#include <stdlib.h>

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"url\",\"default\":\"ldap://localhost\",\"help\":"
	"\"ldap://HOST[:PORT], ldaps://HOST[:PORT] or ldapi://%2Fpath\"},"
	"{\"name\":\"user\",\"help\":\"DN that curfew binds as\"},"
	"{\"name\":\"base\",\"help\":\"DN under which the accounts are\"},"
	"{\"name\":\"filter\",\"default\":\"(userPassword=*)\",\"help\":"
	"\"which entries are accounts\"},"
	"{\"name\":\"lock\",\"default\":\"password\",\"help\":"
	"\"what disable does: password (mark the values so that none matches) or "
	"ppolicy (pwdAccountLockedTime)\"},"
	"{\"name\":\"policy\",\"help\":"
	"\"DN of the default password policy, for lock=ppolicy\"},"
	"{\"name\":\"scheme\",\"default\":\"ssha\",\"help\":"
	"\"how set stores a password: ssha, ssha512 (the server needs pw-sha2) or "
	"exop (the server hashes it)\"},"
	KIT_TLS_OPTIONS
	"{\"name\":\"connect_timeout\",\"default\":\"10\",\"help\":"
	"\"seconds for a login, 1 to 25\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"password of that DN\","
	"\"facts\":{\"password\":{\"secret_from\":\"caller\",\"max\":0,"
	"\"overlap\":true,\"fixed_id\":false,\"makes\":false,\"labels\":false,"
	"\"last_used\":false,\"disable\":true,\"disable_cuts_sessions\":false,"
	"\"revoke_cuts_sessions\":false,\"revoke_lag_ms\":0,\"list_lag_ms\":0,"
	"\"session_ms\":0,\"rate_per_s\":0,\"by_value\":false,"
	"\"self_revoke\":false,\"may_cut_self\":true}}}";

static const struct provider ldap = {
	.name = "ldap",
	.describe = describe,
	.parallel = 8,
	.open = dir_open,
	.close = dir_close,
	.verbs = {
		{ "list", dir_list },
		{ "probe", dir_probe },
		{ "disable", dir_disable },
		{ "enable", dir_enable },
		{ "revoke", dir_revoke },
		{ "set", dir_set },
		{ "cut_sessions", dir_cut_sessions },
		{ "snapshot", dir_snapshot },
		{ "restore", dir_restore },
	},
};

int main(int argc, char **argv)
{
	kit_forget_environment("LDAP");
	setenv("LDAPNOINIT", "1", 1); /* nor any ldap.conf */
	return kit_main(&ldap, argc, argv);
}
