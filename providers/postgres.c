/*
 * curfew-provider-postgres: roles, passwords and sessions of one PostgreSQL
 * server (docs/providers/postgres.md).  Line protocol 1.
 *
 * This file is the table; the verbs are in providers/postgres/.
 */
#include "providers/postgres/postgres.h"

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"host\",\"default\":\"localhost\",\"help\":"
	"\"host name, address, or folder of the unix socket\"},"
	"{\"name\":\"port\",\"default\":\"5432\",\"help\":\"port\"},"
	"{\"name\":\"dbname\",\"default\":\"postgres\",\"help\":"
	"\"database to log in to; roles are the same in all\"},"
	"{\"name\":\"user\",\"default\":\"postgres\",\"help\":"
	"\"the admin role\"},"
	"{\"name\":\"sslmode\",\"default\":\"verify-full\",\"help\":"
	"\"verify-full, verify-ca, require or disable; on this machine "
	"(socket, localhost) disable unless said otherwise\"},"
	"{\"name\":\"sslrootcert\",\"default\":"
	"\"/etc/ssl/certs/ca-certificates.crt\",\"help\":"
	"\"authorities to trust for verify-*\"},"
	"{\"name\":\"connect_timeout\",\"default\":\"10\",\"help\":"
	"\"seconds for a login, 1 to 25\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"password of the admin role\","
	"\"facts\":{\"password\":{\"secret_from\":\"caller\",\"max\":1,"
	"\"overlap\":false,\"disable\":true,\"disable_cuts_sessions\":false,"
	"\"revoke_cuts_sessions\":false,\"revoke_lag_ms\":0,"
	"\"list_lag_ms\":0,\"session_ms\":0,\"rate_per_s\":0,"
	"\"fixed_id\":true,\"makes\":false,\"labels\":false,"
	"\"last_used\":false,\"by_value\":false,\"self_revoke\":false,\"may_cut_self\":true}}}";

static const struct provider postgres = {
	.name = "postgres",
	.describe = describe,
	.parallel = 8,
	.open = pgp_open,
	.close = pgp_close,
	.verbs = {
		{ "list", pgp_list },
		{ "probe", pgp_probe },
		{ "disable", pgp_disable },
		{ "enable", pgp_enable },
		{ "revoke", pgp_revoke },
		{ "set", pgp_set },
		{ "cut_sessions", pgp_cut_sessions },
		{ "snapshot", pgp_snapshot },
		{ "restore", pgp_restore },
	},
};

int main(int argc, char **argv)
{
	kit_forget_environment("PG");
	return kit_main(&postgres, argc, argv);
}
