/*
 * curfew-provider-redis: ACL users, passwords and client connections of one
 * Redis server (docs/providers/redis.md).  Line protocol 1.
 *
 * This file is the table; the verbs are in providers/redis/.
 */
#include "providers/redis/redis.h"

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"host\",\"default\":\"localhost\",\"help\":"
	"\"host name or address\"},"
	"{\"name\":\"port\",\"default\":\"6379\",\"help\":\"port\"},"
	"{\"name\":\"socket\",\"help\":\"/path of the unix socket, instead\"},"
	"{\"name\":\"user\",\"default\":\"default\",\"help\":\"the admin user\"},"
	KIT_TLS_OPTIONS
	"{\"name\":\"cert\",\"help\":"
	"\"/path of curfew's own certificate, where the server wants one\"},"
	"{\"name\":\"key\",\"help\":\"/path of its key\"},"
	"{\"name\":\"connect_timeout\",\"default\":\"10\",\"help\":"
	"\"seconds for a login, 1 to 25\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"password of the admin user\","
	"\"facts\":{\"password\":{\"secret_from\":\"caller\",\"max\":0,"
	"\"overlap\":true,\"fixed_id\":false,\"labels\":false,\"last_used\":false,"
	/* one password of several can only be taken away */
	"\"disable\":false,\"verbs\":[\"probe\",\"revoke\",\"set\","
	"\"cut_sessions\",\"snapshot\",\"restore\"],"
	"\"disable_cuts_sessions\":false,\"revoke_cuts_sessions\":false,"
	"\"revoke_lag_ms\":0,\"list_lag_ms\":0,\"session_ms\":0,\"rate_per_s\":0,"
	"\"by_value\":false,\"self_revoke\":false,\"may_cut_self\":true}}}";

static const struct provider redis = {
	.name = "redis",
	.describe = describe,
	.parallel = 8,
	.open = rds_open,
	.close = rds_close,
	.verbs = {
		{ "list", rds_list },
		{ "probe", rds_probe },
		{ "disable", rds_disable },
		{ "enable", rds_enable },
		{ "revoke", rds_revoke },
		{ "set", rds_set },
		{ "cut_sessions", rds_cut_sessions },
		{ "snapshot", rds_snapshot },
		{ "restore", rds_restore },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&redis, argc, argv);
}
