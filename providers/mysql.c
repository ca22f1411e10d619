/*
 * curfew-provider-mysql: accounts, passwords and connections of one MariaDB or
 * MySQL server (docs/providers/mysql.md).  Line protocol 1.
 *
 * This file is the table; the verbs are in providers/mysql/.
 */
#include "providers/mysql/mysql.h"

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"host\",\"default\":\"localhost\",\"help\":"
	"\"host name or address\"},"
	"{\"name\":\"port\",\"default\":\"3306\",\"help\":\"port\"},"
	"{\"name\":\"socket\",\"help\":\"/path of the unix socket, instead\"},"
	"{\"name\":\"user\",\"default\":\"root\",\"help\":\"the admin user\"},"
	KIT_TLS_OPTIONS
	"{\"name\":\"connect_timeout\",\"default\":\"10\",\"help\":"
	"\"seconds for a login, 1 to 25\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"password of the admin user\","
	"\"facts\":{\"password\":{\"secret_from\":\"caller\",\"max\":1,"
	"\"overlap\":false,\"fixed_id\":true,\"makes\":false,\"labels\":false,"
	"\"last_used\":false,\"disable\":true,\"disable_cuts_sessions\":false,"
	"\"revoke_cuts_sessions\":false,\"revoke_lag_ms\":0,\"list_lag_ms\":0,"
	"\"session_ms\":0,\"rate_per_s\":0,\"by_value\":false,"
	"\"self_revoke\":false,\"may_cut_self\":true}}}";

static const struct provider mysql = {
	.name = "mysql",
	.describe = describe,
	.parallel = 8,
	.open = myp_open,
	.close = myp_close,
	.verbs = {
		{ "list", myp_list },
		{ "probe", myp_probe },
		{ "disable", myp_disable },
		{ "enable", myp_enable },
		{ "revoke", myp_revoke },
		{ "set", myp_set },
		{ "cut_sessions", myp_cut_sessions },
		{ "snapshot", myp_snapshot },
		{ "restore", myp_restore },
	},
};

int main(int argc, char **argv)
{
	kit_forget_environment("MYSQL");
	kit_forget_environment("MARIADB");
	my_start();
	return kit_main(&mysql, argc, argv);
}
