/*
 * commands: the table.
 *
 * Owns the names, what each needs and what its help says; help, completion and
 * man page come from here (house style 32).
 */
#include "agent/commands.h"

#include <string.h>

const char command_globals[] =
	"Global options (before or after the command):\n"
	"  --dir DIR               the vault's folder (else $CURFEW_DIR, "
	"/var/lib/curfew for root,\n"
	"                          ~/.local/share/curfew)\n"
	"  --config FILE           the configuration (else DIR/curfew.toml, "
	"/etc/curfew/curfew.toml)\n"
	"  --key-file FILE         open the vault with this key file\n"
	"  --passphrase-file FILE  read the passphrase from FILE ('-': standard "
	"input)\n"
	"  --passphrase-fd N       read the passphrase from descriptor N\n"
	"  --break-glass FILE      open with an offline recipient key\n"
	"  --json                  answer in JSON\n"
	"  --no-input              never ask\n"
	"  --no-color              no colour, no progress line\n"
	"  -v, --verbose           say more; twice: say everything\n"
	"  -q, --quiet             say only errors\n"
	"  -h, --help              help on the command\n";

const struct command commands[] = {
	{ "init", cmd_init, "make a new vault",
	  NEED_CONFIG | NEED_DIR | NEED_LAUNCHER | NEED_KEYS,
	  "init [--passphrase | --key-file FILE | --generate-key-file FILE | "
	  "--systemd NAME | --libsecret | --recipient PUBKEY]",
	  "Makes DIR, the vault in it and a commented curfew.toml. The vault "
	  "begins with one slot\n(a way to open it); without an option it is a "
	  "passphrase, asked on the terminal.\n\n"
	  "Options:\n"
	  "  --passphrase              ask for a passphrase (or "
	  "--passphrase-file, --passphrase-fd)\n"
	  "  --key-file FILE           the bytes of a private file, 32 or more\n"
	  "  --generate-key-file FILE  make such a file, then use it\n"
	  "  --systemd NAME            a systemd credential, from "
	  "$CREDENTIALS_DIRECTORY\n"
	  "  --libsecret               a random key kept by the desktop "
	  "keyring\n"
	  "  --recipient PUBKEY        only an offline secret half opens it\n"
	  "  --name NAME               the slot's name\n\n"
	  "Examples:\n"
	  "  curfew init\n"
	  "  curfew --dir /var/lib/curfew init --generate-key-file "
	  "/etc/curfew/key\n",
	  "--generate-key-file=w" },
	{ "connect", cmd_connect,
	  "add a service account that curfew works with",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE | NEED_HELP,
	  "connect TYPE NAME [--set KEY=VALUE]... [options]",
	  "Asks for the admin credential on the terminal unless told where it "
	  "is, tries it, and\nonly then stores it. 'curfew connect --help TYPE' "
	  "shows the settings of a type,\n'curfew provider list' the types.\n\n"
	  "Options:\n"
	  "  --set KEY=VALUE     a setting of the provider; may be repeated\n"
	  "  --secret-file FILE  read the admin credential from FILE\n"
	  "  --secret-stdin      read it from standard input\n"
	  "  --replace           change an existing connection; its inventory "
	  "is kept\n\n"
	  "Examples:\n"
	  "  curfew connect postgres pg-main --set host=db.example.org --set "
	  "user=curfew\n"
	  "  curfew connect ssh web --set root=/\n"
	  "  curfew connect --help postgres\n",
	  "--secret-file=r" },
	{ "disconnect", cmd_disconnect,
	  "forget a connection and what was seen there",
	  NEED_CONFIG | NEED_WRITE, "disconnect NAME [--yes] [--force]",
	  "Tells what is going to be forgotten and asks for the name. Nothing "
	  "is changed at the\nservice.\n\n"
	  "Options:\n"
	  "  --yes    do not ask\n"
	  "  --force  although an open incident or a rotation needs it\n\n"
	  "Examples:\n"
	  "  curfew disconnect pg-old\n", NULL },
	{ "learn", cmd_learn,
	  "seal a credential's value, to recognise and disprove it",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE,
	  "learn ADDRESS [--secret-file FILE | --secret-stdin]",
	  "Asks for the value on the terminal unless told where it is. With it, "
	  "a kill proves death\nby a refused login instead of by the service's "
	  "record, and 'kill --secret-stdin'\nrecognises the value when it turns "
	  "up somewhere. The service is asked once whether it\ntakes the value: "
	  "only of a value that was seen to work is a later refusal a proof.\n\n"
	  "Options:\n"
	  "  --secret-file FILE  from a private file\n"
	  "  --secret-stdin      from standard input\n\n"
	  "Examples:\n"
	  "  curfew learn pg-main/ci_bot#password\n",
	  "--secret-file=r" },
	{ "scan", cmd_scan, "look for leaked credentials in git or files, and say whose they are",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_KEYS,
	  "scan [options] [REPOSITORY|FOLDER|FILE]",
	  "Starts curfew-scan over all of a repository's history (or a folder, a "
	  "file; without one:\nhere), with the values sealed here to look for by "
	  "themselves. What is found is kept sealed\nand told with its owner and "
	  "the command that ends it. Exit 1: something was found; 7: nothing\nwas, "
	  "but not everything could be looked at.\n\n"
	  "Options:\n"
	  "  --min-confidence WORD  low, medium (default) or high; your own are "
	  "always told\n"
	  "  --rules FILE           rules of your own (docs/rules.md)\n"
	  "  --dir                  the files there, not the history\n"
	  "  --baseline-path FILE   leave out what that JSON report has\n"
	  "  --gitleaks-ignore-path FILE  a .gitleaksignore\n"
	  "  --max-target-megabytes N  name larger files instead of reading "
	  "them\n"
	  "  --threads N            work in so many threads\n"
	  "  --also PATH            the scanner may read that too (alternates, "
	  "the repository\n                         of a linked worktree)\n"
	  "  --with OPTION          hand OPTION to curfew-scan as it stands\n\n"
	  "Examples:\n"
	  "  curfew scan ~/src/app\n"
	  "  curfew scan --json /srv/git/app.git\n", NULL },
	{ "import", cmd_import,
	  "take another scanner's report, and say whose its findings are",
	  NEED_CONFIG | NEED_WRITE, "import [options] FILE",
	  "FILE (- is standard input) is a JSON report of gitleaks, trufflehog "
	  "(a line each) or\nkingfisher, or SARIF of any scanner. Its findings are "
	  "kept sealed and told as those of\n'curfew scan'. All of it is taken or "
	  "nothing. Exit 1: it had findings.\n\n"
	  "Options:\n"
	  "  --format WORD          gitleaks, trufflehog, kingfisher or sarif "
	  "(told from the text)\n"
	  "  --repository NAME      where it comes from, when the report does "
	  "not say\n"
	  "  --min-confidence WORD  low (default), medium or high; your own are "
	  "always kept\n\n"
	  "Examples:\n"
	  "  gitleaks git --report-format json --report-path r.json; curfew "
	  "import r.json\n"
	  "  trufflehog git file://. --json | curfew import -\n", "1=r" },
	{ "respond", cmd_respond, "take what hooks found, and do what the policy "
	  "says",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE, "respond [options]",
	  "Takes the sealed files of the spool ([spool] folder in curfew.toml), "
	  "keeps and tells what\nis in them, and tells it only or ends it, as "
	  "[response.NAME] says (docs/respond.md). For\ncron: silent when there "
	  "was nothing. Exit 0: all is handled; 3, 4: as for kill; 7: a file\n"
	  "could not be taken, it is kept in failed/.\n\n"
	  "Options:\n"
	  "  -n, --dry-run  tell what would be done, touch nothing\n\n"
	  "Examples:\n"
	  "  curfew respond\n"
	  "  * * * * * curfew respond || curfew resume\n", NULL },
	{ "finding list", cmd_finding_list,
	  "what scans, reports and hooks found, and whose it is now",
	  NEED_CONFIG | NEED_VAULT, "finding list",
	  "Examples:\n  curfew finding list\n", NULL },
	{ "hook publish", cmd_hook_publish,
	  "write the set by which hooks know your own secrets",
	  NEED_CONFIG | NEED_WRITE, "hook publish FILE",
	  "FILE holds keyed fingerprints of the values sealed here, signed; "
	  "scanners find those\nvalues by it and learn none. Only what cannot be "
	  "guessed goes in (docs/known-format.md);\nthe rest is counted, and named "
	  "with --verbose. Write it anew after every change.\nPrints the line that "
	  "puts it into repositories.\n\n"
	  "Examples:\n"
	  "  curfew hook publish /srv/git/curfew.known\n", "1=w" },
	{ "sync", cmd_sync, "read what lives at the connections",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE, "sync [NAME]...",
	  "Lists all connections (or the named ones) at once and stores what "
	  "was seen. What a\nlisting does not show is marked missing, never "
	  "forgotten. Exit 7 when one failed; the\nothers are stored.\n\n"
	  "Examples:\n"
	  "  curfew sync\n"
	  "  curfew sync pg-main aws-prod\n", NULL },
	{ "list", cmd_list, "show the inventory, filtered",
	  NEED_CONFIG | NEED_VAULT,
	  "list [credentials|accounts|identities|connections|grants|"
	  "suggestions] [filters]",
	  "Options:\n"
	  "  --identity NAME    only of this identity\n"
	  "  --connection NAME  only at this connection\n"
	  "  --tag TAG          only of identities with this tag\n"
	  "  --owner NAME       only of this owner\n"
	  "  --kind KIND        only this kind (password, key, ...)\n"
	  "  --state STATE      active, disabled, expired, revoked, dead, "
	  "unknown, missing\n"
	  "  --glob PATTERN     only addresses that match (* and ?)\n"
	  "  --stale            not used, or not changed, for [inventory] "
	  "stale\n"
	  "  --ownerless        nobody answers for it\n"
	  "  --never-expires    alive without an expiry date\n"
	  "  --new              first seen by the last sync\n"
	  "  --sort COLUMN      address, age, used, expires, owner, identity, "
	  "state; '-COLUMN' reverses\n"
	  "  --csv              comma-separated, RFC 4180; control characters "
	  "escaped,\n                     a ' before cells that begin with = + "
	  "- @\n\n"
	  "Examples:\n"
	  "  curfew list --stale --ownerless\n"
	  "  curfew list credentials --kind password --sort -age\n"
	  "  curfew list identities --json\n"
	  "  curfew list suggestions >> curfew.toml\n", NULL },
	{ "show", cmd_show, "everything known about an address or identity",
	  NEED_CONFIG | NEED_VAULT, "show ADDRESS|IDENTITY [--incidents]",
	  "ADDRESS is CONNECTION, CONNECTION/ACCOUNT or CONNECTION/ACCOUNT#ID. "
	  "Tells what is\nknown, where that comes from, and what a kill would "
	  "do.\n\n"
	  "Options:\n"
	  "  --incidents  what incidents did to it, however many there are\n\n"
	  "Examples:\n"
	  "  curfew show ci-bot\n"
	  "  curfew show pg-main/ci_bot\n"
	  "  curfew show 'pg-main/ci_bot#password'\n", NULL },
	{ "kill", cmd_kill, "end identities, accounts or credentials, and prove it",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE | NEED_ALONE,
	  "kill [options] TARGET...",
	  "TARGET is an identity, a workflow, tag:NAME, a connection, "
	  "CONNECTION/ACCOUNT,\nCONNECTION/ACCOUNT#ID or a glob over addresses. An "
	  "account ends with all that belongs to\nit; a credential ends alone. "
	  "Exit 0: all proved dead; 3: some dying; 4: some alive.\n\n"
	  "Options:\n"
	  "  -n, --dry-run    show the plan, do nothing\n"
	  "  --reason TEXT    why, for the incident\n"
	  "  --tag TAG        every identity with this tag; may be repeated\n"
	  "  --secret-stdin   the credential whose value is on standard input\n"
	  "  --finding ID     what a scan, a report or a hook found\n"
	  "  --identity       then all of its identity, not the credential "
	  "alone\n"
	  "  --host HOST      the own server that issued that secret\n"
	  "  --type TYPE      whose secret it is (TYPE or TYPE/KIND), when several "
	  "look alike\n"
	  "  --set NAME=VALUE a setting for reaching it: ca_file, proxy\n"
	  "  --no-vault       only by its value, without opening the vault\n"
	  "  --incident FILE  then the incident goes there, not into "
	  "DIR/incidents\n"
	  "  --include-self   also curfew's own access there, last\n"
	  "  --wait SPAN      how long to work in the foreground\n"
	  "  -y, --yes        do not ask for a typed confirmation\n\n"
	  "Examples:\n"
	  "  curfew kill ci-bot --reason 'key in a public repository'\n"
	  "  curfew kill 'pg-main/ci_bot#password'\n"
	  "  curfew kill --finding 3f9c2a77b1\n"
	  "  curfew kill --secret-stdin < leaked.txt\n"
	  "  curfew kill --secret-stdin --host git.example.com < leaked.txt\n"
	  "  curfew kill tag:contractor --dry-run\n", "--incident=w" },
	{ "resume", cmd_resume, "go on with kills that are not finished",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE,
	  "resume [--wait SPAN] [INCIDENT]...",
	  "Without INCIDENT: all open ones. Safe at any time: nothing that is "
	  "proved dead is sent\nagain. Exit codes as for kill.\n\n"
	  "Options:\n"
	  "  --wait SPAN  how long to work in the foreground\n\n"
	  "Examples:\n"
	  "  curfew resume\n"
	  "  curfew resume INC-20261122-1\n", NULL },
	{ "rotate", cmd_rotate, "put fresh credentials in the place of old ones",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE,
	  "rotate [options] [TARGET]...",
	  "Makes a new credential, proves that it works, delivers it to the "
	  "sinks of its policy\n([rotation.NAME] in curfew.toml), waits until "
	  "its consumer uses it, ends the old one and\nproves its death. What "
	  "has to wait is gone on with by the next 'curfew sweep'. Exit 4: a\n"
	  "person is needed.\n\n"
	  "Options:\n"
	  "  --due          all whose time has come\n"
	  "  --resume       go on now, although the next try was put off; "
	  "without TARGET: all\n"
	  "  --adopted      an operator's word: the new one is in use\n"
	  "  --take-over    an operator's word: a sink that holds a newer version "
	  "(of another\n                 vault, or of before a restore) gets "
	  "this one\n"
	  "  --abort        take the new one back, while no consumer has it\n"
	  "  -n, --dry-run  show every call it would make, do nothing\n"
	  "  --wait SPAN    how long to work in the foreground (1 min)\n\n"
	  "Examples:\n"
	  "  curfew rotate 'pg-main/ci_bot#password' --dry-run\n"
	  "  curfew rotate ci-bot\n"
	  "  curfew rotate --due\n"
	  "  curfew rotate --adopted aws-prod/ci-bot\n", NULL },
	{ "sweep", cmd_sweep, "go on with all that has waited: for cron",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE, "sweep [--wait SPAN]",
	  "One pass: open incidents, what hooks left in the spool, due rotations, "
	  "those under way or\nstuck whose time has come, proofs still open, "
	  "alarms nobody heard. Says nothing when all is "
	  "well and standard output is no terminal. A\nsecond one at the same "
	  "time exits 75.\n\n"
	  "Options:\n"
	  "  --wait SPAN  how long to work (1 min); what has to wait longer is "
	  "left to the next\n\n"
	  "Examples:\n"
	  "  */15 * * * * curfew --key-file /etc/curfew/key sweep\n", NULL },
	{ "due", cmd_due, "is anything overdue? (needs no key)", 0, "due",
	  "Exit 1 when something is: a rotation, a kill that is not finished, an "
	  "alarm nobody\nheard. Says how many and since when; which ones is sealed. "
	  "For cron and monitoring.\n\n"
	  "Examples:\n"
	  "  curfew due || curfew resume\n", NULL },
	{ "agent", cmd_agent, "stay, and do what is due when it is",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_KEYS, "agent",
	  "One long-running process in the place of a timer; needs a key that "
	  "opens the vault without\nasking. The vault is open only while there "
	  "is something to do. SIGHUP reads the\nconfiguration again, SIGTERM "
	  "ends it. Tells systemd how it is (READY, STATUS, WATCHDOG).\n\n"
	  "Examples:\n"
	  "  curfew --key-file /etc/curfew/key agent\n"
	  "  systemctl enable --now curfew-agent.service\n", NULL },
	{ "alarm list", cmd_alarm_list, "what needs a human, and who was told",
	  NEED_CONFIG | NEED_VAULT, "alarm list",
	  "Exit 1 when something stands.\n\nExamples:\n  curfew alarm list\n",
	  NULL },
	{ "alarm test", cmd_alarm_test,
	  "tell everybody who would be told of an alarm",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE, "alarm test [NAME]",
	  "NAME is that of an [alarm.NAME]; none: all of them. Exit 7 when "
	  "somebody was not reached.\n\nExamples:\n  curfew alarm test ops\n",
	  NULL },
	{ "incident list", cmd_incident_list, "what was ended, and why",
	  NEED_CONFIG | NEED_VAULT | NEED_ALONE, "incident list",
	  "Those of kills without a vault too (DIR/incidents); without a vault "
	  "only those.\n\n"
	  "Examples:\n  curfew incident list\n", NULL },
	{ "incident show", cmd_incident_show, "one incident and how it stands",
	  NEED_CONFIG | NEED_VAULT | NEED_ALONE, "incident show INCIDENT|FILE",
	  "What a kill without a vault wrote needs none either: its name, when it "
	  "lies in\nDIR/incidents, or FILE (a path with '/', or NAME.json).\n\n"
	  "Examples:\n  curfew incident show INC-20261122-1\n"
	  "  curfew incident show INC-20261122-130500-1a2b3c4d\n"
	  "  curfew incident show ./INC-20261122-130500-1a2b3c4d.json\n",
	  "1=r" },
	{ "incident export", cmd_incident_export,
	  "an incident with its timeline, as Markdown or JSON",
	  NEED_CONFIG | NEED_VAULT,
	  "incident export [--format md|json] [-o FILE] INCIDENT",
	  "Options:\n"
	  "  --format md|json   Markdown (default) or JSON\n"
	  "  -o, --output FILE  write a new file instead of standard output\n\n"
	  "Examples:\n"
	  "  curfew incident export INC-20261122-1 > report.md\n",
	  "--output=w -o=w" },
	{ "incident close", cmd_incident_close,
	  "end an incident although something is left",
	  NEED_CONFIG | NEED_WRITE,
	  "incident close INCIDENT --reason TEXT [--yes]",
	  "For what a kill cannot finish and a person has decided about. The "
	  "reason is kept in\nthe journal; 'due' and 'resume' no longer speak of "
	  "it.\n\n"
	  "Options:\n"
	  "  --reason TEXT  why\n"
	  "  -y, --yes      do not ask\n\n"
	  "Examples:\n"
	  "  curfew incident close INC-20261122-1 --reason 'evil-1 is ours'\n",
	  NULL },
	{ "restore", cmd_restore, "give back what an incident took",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE,
	  "restore INCIDENT [--yes] [ADDRESS]...",
	  "From the snapshots taken before anything was lost; without ADDRESS: "
	  "all of them. Says of\neverything else why it cannot come back.\n\n"
	  "Options:\n"
	  "  -y, --yes  do not ask\n\n"
	  "Examples:\n"
	  "  curfew restore INC-20261122-1 pg-main/ci_bot\n", NULL },
	{ "provider list", cmd_provider_list,
	  "which kinds of service there are", NEED_CONFIG | NEED_LAUNCHER,
	  "provider list",
	  "Names the programs curfew-provider-* and the definitions NAME.toml "
	  "that are found, in the\norder [providers] path, the installed "
	  "folder, the folder of curfew itself, DIR/providers,\nthe installed "
	  "definitions.\n\n"
	  "Examples:\n"
	  "  curfew provider list\n", NULL },
	{ "provider check", cmd_provider_check,
	  "start a provider program and describe it",
	  NEED_CONFIG | NEED_LAUNCHER, "provider check TYPE | FILE.toml",
	  "Says hello to the program: its protocol, verbs, settings and facts. "
	  "No connection is\nopened. With a file: whether it is a right "
	  "definition of an HTTP service; nothing is sent.\n\n"
	  "Examples:\n"
	  "  curfew provider check postgres\n"
	  "  curfew provider check ./wiki.toml\n", "1=r" },
	{ "provider try", cmd_provider_try,
	  "print the requests of a definition",
	  NEED_CONFIG | NEED_LAUNCHER,
	  "provider try FILE.toml VERB [NAME=VALUE...]",
	  "Nothing is sent, secrets are blanked. NAME is account, kind, "
	  "credential or a setting of the\ndefinition; what is not given shows "
	  "as <NAME>.\n\n"
	  "Examples:\n"
	  "  curfew provider try ./wiki.toml revoke kind=token credential=7\n",
	  "1=r" },
	{ "vault slot list", cmd_vault_slot_list,
	  "the ways to open the vault", 0,
	  "vault slot list", "Needs no key.\n\n"
	  "Examples:\n"
	  "  curfew vault slot list --json\n", NULL },
	{ "vault slot add", cmd_vault_slot_add, "add a way to open the vault",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE | NEED_KEYS,
	  "vault slot add passphrase|key-file FILE|libsecret|systemd NAME|"
	  "recipient PUBKEY",
	  "The vault is opened with a present key (--key-file and so on); the "
	  "arguments name the\nnew one.\n\n"
	  "Options:\n"
	  "  --name NAME                 the new slot's name\n"
	  "  --new-passphrase-file FILE  the new passphrase, instead of asking\n\n"
	  "Examples:\n"
	  "  curfew vault slot add key-file /etc/curfew/key2\n"
	  "  curfew vault slot add recipient curfew-pub-... --name safe\n",
	  "2=r --new-passphrase-file=r" },
	{ "vault slot remove", cmd_vault_slot_remove,
	  "remove a way to open the vault",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_KEYS,
	  "vault slot remove NUMBER|NAME",
	  "The last slot cannot be removed. The removed key still opens older "
	  "copies of the\nvault: when it has leaked, 'curfew vault rekey'.\n\n"
	  "Examples:\n"
	  "  curfew vault slot remove 2\n", NULL },
	{ "vault rekey", cmd_vault_rekey, "a new root key, all sealed again",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_KEYS,
	  "vault rekey [--drop-slots]",
	  "Every slot's key must be at hand (recipient slots need only their "
	  "public key), so that\neach of them opens the vault afterwards too. A "
	  "crash leaves the old or the new state.\n\n"
	  "Options:\n"
	  "  --drop-slots  let go of slots whose key is not at hand\n\n"
	  "Examples:\n"
	  "  curfew vault rekey --key-file /etc/curfew/key\n", NULL },
	{ "vault verify", cmd_vault_verify, "check every row and the journal",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_KEYS,
	  "vault verify [--accept-head]",
	  "Opens every row, adds up what must be there, walks the journal, and "
	  "lets SQLite check\nits file. Exit 5 when anything is wrong.\n\n"
	  "Options:\n"
	  "  --accept-head  take the database as it is although its head "
	  "outside says otherwise\n"
	  "  --yes          do not ask\n\n"
	  "Examples:\n"
	  "  curfew vault verify\n", NULL },
	{ "vault backup", cmd_vault_backup, "a consistent copy, still sealed",
	  NEED_CONFIG | NEED_VAULT, "vault backup FILE",
	  "May run while a kill goes on. An existing file is never replaced.\n\n"
	  "Examples:\n"
	  "  curfew vault backup /mnt/backup/curfew-2026-11-22\n", "1=w" },
	{ "vault restore", cmd_vault_restore, "put a backup in the vault's place",
	  NEED_CONFIG | NEED_DIR, "vault restore FILE [--force]",
	  "Needs no key. A vault newer than the backup, or another one, is not "
	  "replaced unless\nforced; what is replaced stays as *.before.\n\n"
	  "Options:\n"
	  "  --force  replace it even so\n\n"
	  "Examples:\n"
	  "  curfew vault restore /mnt/backup/curfew-2026-11-22\n", "1=r" },
	{ "vault keygen", cmd_vault_keygen, "a key pair to keep offline",
	  0, "vault keygen FILE",
	  "Writes the secret half to FILE (mode 0600) and prints the public "
	  "one.\n\n"
	  "Examples:\n"
	  "  curfew vault keygen /media/usb/curfew-emergency.key\n", "1=w" },
	{ "audit verify", cmd_audit_verify, "check the journal's chain",
	  NEED_CONFIG | NEED_VAULT, "audit verify",
	  "Examples:\n  curfew audit verify\n", NULL },
	{ "audit log", cmd_audit_log, "what was decided, sent and answered",
	  NEED_CONFIG | NEED_VAULT, "audit log [--since WHEN] [--incident ID]",
	  "Options:\n"
	  "  --since WHEN   a span (2d, 12h) or a time (2026-11-22T03:00:00Z)\n"
	  "  --incident ID  only of this incident; the beginning is enough\n\n"
	  "Examples:\n"
	  "  curfew audit log --since 1d\n"
	  "  curfew audit log --json\n", NULL },
	{ "emergency setup", cmd_emergency_setup,
	  "prepare a kill that works without the vault",
	  NEED_CONFIG | NEED_WRITE, "emergency setup PUBKEY | --remove",
	  "Writes DIR/emergency.envelope, sealed to PUBKEY, and again at every "
	  "connect,\ndisconnect and sync.\n\n"
	  "Options:\n"
	  "  --remove  no envelope any more\n\n"
	  "Examples:\n"
	  "  curfew vault keygen /media/usb/emergency.key\n"
	  "  curfew emergency setup curfew-pub-...\n", NULL },
	{ "emergency status", cmd_emergency_status,
	  "whether the envelope is there and fresh", NEED_CONFIG | NEED_VAULT,
	  "emergency status", "Exit 1 when it is not set, missing or out of "
	  "date.\n\n"
	  "Examples:\n"
	  "  curfew emergency status\n", NULL },
	{ "emergency open", cmd_emergency_open,
	  "build a vault from the envelope", NEED_KEYS,
	  "emergency open FILE --key SECRET-HALF --into DIR [--key-file FILE]",
	  "Makes an ordinary vault in DIR, with which 'curfew --dir DIR kill' "
	  "works as ever. It is\nopened by the given key file, or by a "
	  "passphrase.\n\n"
	  "Options:\n"
	  "  --key SECRET-HALF  the file that 'curfew vault keygen' wrote\n"
	  "  --into DIR         a folder without a vault; made when missing\n\n"
	  "Examples:\n"
	  "  curfew emergency open emergency.envelope --key /media/usb/em.key "
	  "--into /srv/em\n",
	  "1=r --key=r --into=w" },
	{ "help", cmd_help, "help on a command or a topic", 0,
	  "help [COMMAND | exit-codes | man | completion bash|zsh|fish]",
	  "Examples:\n"
	  "  curfew help connect\n"
	  "  curfew help exit-codes\n"
	  "  curfew help completion bash > "
	  "/etc/bash_completion.d/curfew\n", NULL },
	{ "version", cmd_version, "the version, and what this build can do", 0,
	  "version", "Examples:\n  curfew version\n", NULL },
#ifdef CURFEW_TEST
	{ "try-forbidden", cmd_try_forbidden,
	  "test builds: try what the sandbox forbids",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_VAULT | NEED_HIDDEN,
	  "try-forbidden [WHAT [ARG]]", "", NULL },
	{ "try-alarm", cmd_try_alarm,
	  "test builds: raise, clear or deliver an alarm",
	  NEED_CONFIG | NEED_LAUNCHER | NEED_WRITE | NEED_HIDDEN,
	  "try-alarm raise|once|clear|clock|deliver [EVENT ABOUT TEXT [POLICY]]", "",
	  NULL },
#endif
	{ NULL, NULL, NULL, 0, NULL, NULL, NULL }
};

/* How many of argv's words the name takes; 0: it is not this one. */
static int words_match(const char *name, int argc, char **argv)
{
	int i = 0;

	while (*name != '\0') {
		const size_t n = strcspn(name, " ");

		if (i == argc || strlen(argv[i]) != n ||
		    strncmp(argv[i], name, n) != 0)
			return 0;
		i++;
		name += n + (name[n] == ' ');
	}
	return i;
}

const struct command *command_find(int argc, char **argv, int *used)
{
	const struct command *best = NULL;

	*used = 0;
	for (const struct command *c = commands; c->name != NULL; c++) {
		const int n = words_match(c->name, argc, argv);

		if (n > *used) {
			*used = n;
			best = c;
		}
	}
	return best;
}

const char *const *command_names(void)
{
	static const char *names[sizeof commands / sizeof *commands];
	size_t n = 0;

	for (const struct command *c = commands; c->name != NULL; c++)
		if ((c->needs & NEED_HIDDEN) == 0)
			names[n++] = c->name;
	names[n] = NULL;
	return names;
}
