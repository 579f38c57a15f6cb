/*
 * commands.h - the commands of the command line, behind cli.c.
 *
 * Why:   cli.c reads the command line; what each command does stands in files of its own.
 * Owns:  nothing.
 * Runs in: the CLI.
 * Tests: tests/unit/test_cli.py
 */
#ifndef TWINPOST_COMMANDS_H
#define TWINPOST_COMMANDS_H

#include "tools/twinpost/client.h"
#include "tools/twinpost/terminal.h"

#define CLI_CONFIG_DEFAULT "/etc/twinpost/twinpost.yaml"
/* Everything that one command prints at once. */
#define CLI_OUTPUT_MAX (16u * 1024u * 1024u)

struct options {
	const char *config;   /* NULL: not given */
	const char *socket;   /* NULL: not given */
	const char *profiles; /* NULL: not given */
	bool json;
	bool all;
	bool markdown;
	bool keys;
	bool watch;
	long watch_s;
	long limit;                 /* 0: not given */
	const char *owner;          /* NULL: not given */
	const char *why;            /* NULL: not given */
	const char *key;            /* a file; NULL: not given */
	const char *name;           /* of a signer; NULL: not given */
	const char *output;         /* a path; NULL: not given */
	const char *rules;          /* a folder; NULL: not given */
	const char *legacy, *cloud; /* files of documents; NULL: not given */
	const char *ledger;         /* NULL: not given */
	const char *from, *to;      /* periods; NULL: not given */
	const char *entity;         /* NULL: not given */
	const char *at;             /* NULL: not given */
	bool full;
	const char *state, *cause; /* of differences; NULL: not given */
	const char *until, *token; /* NULL: not given */
	bool preview;
	const char *format; /* of a report; NULL: not given */
	bool tar;
	const char *operands[3];
	int operand_count;
};

enum cli_exit command_status(const struct options *options);
enum cli_exit command_queue(const struct options *options);
enum cli_exit command_trace(const struct options *options);
enum cli_exit command_exceptions(const struct options *options);
enum cli_exit command_exceptions_show(const struct options *options);
enum cli_exit command_exceptions_ack(const struct options *options);
enum cli_exit command_exceptions_note(const struct options *options);
enum cli_exit command_exceptions_retry(const struct options *options);
enum cli_exit command_replay(const struct options *options);
enum cli_exit command_resend(const struct options *options);
enum cli_exit command_key_show(const struct options *options);
enum cli_exit command_key_rotate(const struct options *options);
enum cli_exit command_key_export(const struct options *options);
enum cli_exit command_audit(const struct options *options);
enum cli_exit command_audit_verify(const struct options *options);
enum cli_exit command_pull(const struct options *options);
enum cli_exit command_version(const struct options *options);
enum cli_exit command_config(const struct options *options);
enum cli_exit command_mapping_check(const struct options *options);
enum cli_exit command_mapping_gaps(const struct options *options); /* mapping_gaps.c */
enum cli_exit command_compare_run(const struct options *options);
/* compare_read.c */
enum cli_exit command_compare_show(const struct options *options);
enum cli_exit command_compare_diff(const struct options *options);
enum cli_exit command_compare_causes(const struct options *options);
enum cli_exit command_compare_export(const struct options *options);
/* compare_breaks.c */
enum cli_exit command_compare_exceptions(const struct options *options);
enum cli_exit command_compare_accept(const struct options *options);
enum cli_exit command_compare_reject(const struct options *options);
enum cli_exit command_compare_ack(const struct options *options);
enum cli_exit command_compare_snooze(const struct options *options);
enum cli_exit command_compare_reopen(const struct options *options);
enum cli_exit command_compare_replay(const struct options *options); /* replay_rules.c */
enum cli_exit command_compare_repost(const struct options *options); /* compare_repost.c */
enum cli_exit command_compare_report(const struct options *options);
/* pack_command.c */
enum cli_exit command_compare_sign(const struct options *options);
enum cli_exit command_compare_verify(const struct options *options);
enum cli_exit command_compare_prove(const struct options *options);

/* Finds the socket: --socket, else control.socket of --config or of the default file, else the default. false: the
 * file of --config is not good, and its problems were printed. */
bool command_socket(const struct options *options, char path[256]);
/* Asks with {"v":1,"cmd":name} and the members of arguments (taken; NULL: none). A failure is told on standard
 * error. */
enum cli_exit command_ask(const struct options *options, const char *name, cJSON *arguments,
                          struct answer *answer);
/* Arguments of a request, for command_ask(). */
cJSON *command_arguments(void);
void command_add_text(cJSON *arguments, const char *name, const char *text);
void command_add_number(cJSON *arguments, const char *name, int64_t number);
void command_add_limit(cJSON *arguments, const struct options *options); /* where it was given */
/* Shows the data: as JSON, or by render; command_run() asks first, as command_ask(). */
typedef void (*command_render)(const cJSON *data, const struct terminal *terminal, struct buf *out);
enum cli_exit command_show(const struct options *options, struct answer *answer,
                           command_render render); /* releases the answer */
enum cli_exit command_run(const struct options *options, const char *name, cJSON *arguments,
                          command_render render);
/* A whole number from 1 to maximum; 0: it is none. */
int64_t command_number(const char *text, size_t length, int64_t maximum);
/* Tells what is wrong with the command line, with the one %s of format replaced, and where to read on: CLI_USAGE. */
enum cli_exit command_misused(const char *format, const char *what) __attribute__((format(printf, 1, 0)));
/* Prints "twinpost: " and the message's lines on standard error. */
void command_complain(const char *message);
/* Writes it to standard output and releases it; false: it could not be written. */
bool command_print(struct buf *out);
/* The object as indented JSON. */
void command_print_json(const cJSON *object);

/* Appends the status for people. */
void status_render(const cJSON *data, const struct terminal *terminal, struct buf *out);
enum cli_exit status_exit(const cJSON *data);
/* Shows it again and again until q, Ctrl-C or the end of the terminal; returns the exit status of the last. */
enum cli_exit status_watch(const struct options *options, const char *socket_path);

/* `config check`: everything the file names is there. */
enum cli_exit check_file(const struct options *options, const char *path);
/* Reads a whole file, as load.h wants it. */
enum err file_read(const char *path, struct buf *out, struct err_info *info);

#endif
