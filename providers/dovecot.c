/*
 * curfew-provider-dovecot: mailboxes of one Dovecot server, their sessions,
 * Sieve scripts and delegates (docs/providers/dovecot.md).  Line protocol 1.
 *
 * This file is the table; the verbs are in providers/dovecot/.
 */
#include "providers/dovecot/dovecot.h"

static const char describe[] =
	"{\"options\":["
	"{\"name\":\"url\",\"default\":\"http://127.0.0.1:8080\",\"help\":"
	"\"the doveadm HTTP API; http:// to this machine only\"},"
	"{\"name\":\"deny_file\",\"help\":"
	"\"/path of the passwd-file of the first passdb, the one with deny = yes\"},"
	"{\"name\":\"imap\",\"help\":"
	"\"imap:// or imaps://HOST[:PORT] to prove against; the url's host unless "
	"given\"},"
	"{\"name\":\"base_dir\",\"help\":"
	"\"Dovecot's base_dir, /run/dovecot on this machine unless given: its "
	"sockets tell whether the deny passdb works\"},"
	"{\"name\":\"cafile\",\"help\":"
	"\"/path of authorities to trust instead of the system's\"},"
	"{\"name\":\"shared\",\"default\":\"shared/\",\"help\":"
	"\"how folders of other people begin, divided by blanks\"},"
	"{\"name\":\"group_sessions\",\"default\":\"keep\",\"help\":"
	"\"kick: when a mailbox is shared with a group or with anyone, end every "
	"session of the server, since nobody knows which are theirs\"}],"
	"\"secret\":\"required\","
	"\"secret_help\":\"the server's doveadm_api_key\","
	"\"facts\":{\"password\":{\"secret_from\":\"caller\",\"max\":1,"
	"\"overlap\":false,\"disable\":true,\"disable_cuts_sessions\":false,"
	"\"revoke_cuts_sessions\":false,\"revoke_lag_ms\":1100,"
	"\"list_lag_ms\":0,\"session_ms\":0,\"rate_per_s\":0,"
	"\"by_value\":false,\"self_revoke\":false,\"may_cut_self\":false}}}";

static const struct provider dovecot = {
	.name = "dovecot",
	.describe = describe,
	.parallel = 16, /* they share requests: dovecot/share.c */
	.open = dove_open,
	.close = dove_close,
	.verbs = {
		{ "list", dove_list },
		{ "probe", dove_probe },
		{ "disable", dove_disable },
		{ "enable", dove_enable },
		/* there is no other end of a password than the deny file */
		{ "revoke", dove_disable },
		{ "cut_sessions", dove_cut },
		{ "snapshot", dove_snapshot },
		{ "restore", dove_restore },
		{ "remove_grant", dove_remove_grant },
	},
};

int main(int argc, char **argv)
{
	return kit_main(&dovecot, argc, argv);
}
