/*
 * cli.h - the command line of twinpost: asks the running agent, checks and explains the configuration.
 *
 * Why:   the person who runs the box sees its state in words, and a script in JSON.
 * Owns:  nothing.
 * Rules: 1. Exit statuses are a contract (docs/twinpost.1), the CLI_ names below.
 *        2. What was asked for goes to standard output; what went wrong to standard error.
 *        3. Colour and cursor movement only on a terminal, and no colour where NO_COLOR is set.
 * Runs in: its own short-lived process.
 * Tests: tests/unit/test_cli.py
 */
#ifndef TWINPOST_CLI_H
#define TWINPOST_CLI_H

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1,       /* problems were found, or the agent refused */
	CLI_USAGE = 2,        /* the command line is wrong */
	CLI_NOT_HEALTHY = 3,  /* status: degraded or still starting */
	CLI_NOT_FOUND = 4,    /* no such subject, stream, source or key */
	CLI_INCOMPLETE = 5,   /* compare: something was missing, nothing is said about the rest */
	CLI_UNAVAILABLE = 69, /* the agent does not run or does not answer (EX_UNAVAILABLE of sysexits.h) */
};

/* Every command but `run` and `--child`. */
int cli_main(int argc, char **argv);

#endif
