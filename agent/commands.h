/*
 * commands: the table that main, help, completion and the man page are made of.
 *
 * To add a command: one row in commands.c (in the order in which the overview
 * shows them) and one prototype here.  The row says what must be ready before
 * it runs (NEED_*) and which files it touches outside of DIR; main() does the
 * rest.  `make test-fast` compares the table with docs/man/curfew.1: write it
 * anew with `curfew help man > docs/man/curfew.1`.
 */
#ifndef AGENT_COMMANDS_H
#define AGENT_COMMANDS_H

#include "agent/app.h"

int cmd_agent(struct app *app, int argc, char **argv);
int cmd_alarm_list(struct app *app, int argc, char **argv);
int cmd_alarm_test(struct app *app, int argc, char **argv);
int cmd_audit_log(struct app *app, int argc, char **argv);
int cmd_audit_verify(struct app *app, int argc, char **argv);
int cmd_connect(struct app *app, int argc, char **argv);
int cmd_disconnect(struct app *app, int argc, char **argv);
int cmd_learn(struct app *app, int argc, char **argv);
int cmd_due(struct app *app, int argc, char **argv);
int cmd_emergency_open(struct app *app, int argc, char **argv);
int cmd_emergency_setup(struct app *app, int argc, char **argv);
int cmd_emergency_status(struct app *app, int argc, char **argv);
int cmd_finding_list(struct app *app, int argc, char **argv);
int cmd_hook_publish(struct app *app, int argc, char **argv);
int cmd_help(struct app *app, int argc, char **argv);
int cmd_import(struct app *app, int argc, char **argv);
int cmd_incident_close(struct app *app, int argc, char **argv);
int cmd_incident_export(struct app *app, int argc, char **argv);
int cmd_incident_list(struct app *app, int argc, char **argv);
int cmd_incident_show(struct app *app, int argc, char **argv);
int cmd_init(struct app *app, int argc, char **argv);
int cmd_kill(struct app *app, int argc, char **argv);
/* Before the vault is opened: what a leaked secret will need, started. */
void cmd_kill_early(struct app *app, int argc, char **argv);
int cmd_list(struct app *app, int argc, char **argv);
int cmd_provider_check(struct app *app, int argc, char **argv);
int cmd_provider_try(struct app *app, int argc, char **argv);
int cmd_provider_list(struct app *app, int argc, char **argv);
int cmd_respond(struct app *app, int argc, char **argv);
int cmd_restore(struct app *app, int argc, char **argv);
int cmd_resume(struct app *app, int argc, char **argv);
int cmd_rotate(struct app *app, int argc, char **argv);
int cmd_scan(struct app *app, int argc, char **argv);
int cmd_show(struct app *app, int argc, char **argv);
int cmd_sweep(struct app *app, int argc, char **argv);
int cmd_sync(struct app *app, int argc, char **argv);
int cmd_vault_backup(struct app *app, int argc, char **argv);
int cmd_vault_keygen(struct app *app, int argc, char **argv);
int cmd_vault_rekey(struct app *app, int argc, char **argv);
int cmd_vault_restore(struct app *app, int argc, char **argv);
int cmd_vault_slot_add(struct app *app, int argc, char **argv);
int cmd_vault_slot_list(struct app *app, int argc, char **argv);
int cmd_vault_slot_remove(struct app *app, int argc, char **argv);
int cmd_vault_verify(struct app *app, int argc, char **argv);
int cmd_version(struct app *app, int argc, char **argv);
#ifdef CURFEW_TEST
int cmd_try_forbidden(struct app *app, int argc, char **argv);
int cmd_try_alarm(struct app *app, int argc, char **argv);
#endif

extern const struct command commands[]; /* ends with a NULL name */

/* The row whose words begin argv, the longest; *used words. NULL: none. */
const struct command *command_find(int argc, char **argv, int *used);
/* Names for "did you mean", ends with NULL; static. */
const char *const *command_names(void);

/* The help of one row, and the overview, on stdout. */
void command_help(const struct command *c);
void command_overview(void);
/* Man page and shell completion, made from the table. */
void command_man(void);
int command_completion(const char *shell, struct err *e)
	__attribute__((warn_unused_result));

extern const char command_globals[]; /* the help text of the global options */

#endif
