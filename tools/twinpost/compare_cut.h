/*
 * compare_cut.h - what a comparison is made of: configuration, rules, both sides at one moment, and the cut's instant.
 *
 * Why:   every command that compares takes the same options and must mean the same by them.
 * Owns:  struct compare_cut owns all of it until compare_cut_close().
 * Rules: 1. A side comes from the file that is given for it (--legacy, --cloud), else from the agent's ledger as it is
 *           at this moment. With both files neither agent nor configuration is needed.
 *        2. The agent's ledger is only read; files are put into a temporary one. So is the agent's ledger where its
 *           sums are of other rules, or not yet all of these: companies, scopes and references are those of the rules.
 *        3. The cut's instant is --at; else now, or of two files the end of the newest posting date.
 *        4. The phase of a company is that of the configuration on the cut's day, the least advanced of its kinds of
 *           documents. Where the rules map several companies of the ERP to one of the cloud, the least advanced of
 *           those. Without a configuration no phase is known, and "parallel" is assumed.
 * Faults: what is wrong with options, files or ledger is told on standard error.
 * Runs in: the CLI.
 * Tests: tests/unit/compare_cut_test.c, test_compare_phases.py, tests/integration/test_compare_places.py
 */
#ifndef TWINPOST_COMPARE_CUT_H
#define TWINPOST_COMPARE_CUT_H

#include "config/config.h"
#include "connector/compare/run.h"
#include "tools/twinpost/commands.h"

#define COMPARE_PATH_SIZE 4200

struct compare_cut {
	const struct options *options;
	struct config *config;    /* defaults where there is no file */
	bool configured;          /* there is a file */
	struct rules *rules;      /* NULL: none */
	struct ledger *agent;     /* NULL: both sides are files */
	struct ledger *temporary; /* NULL: the agent's is compared */
	struct ledger *ledger;    /* one of the two: what is compared */
	struct run_options run;   /* but for id */
	date_days newest;         /* posting date in the files; INT32_MIN: none */
	date_days day;            /* of the cut */
	char left_out[200];
	char lost[240];
	char gaps[300];
};

/* The configuration of --config or of the default file alone; the defaults where there is none. false: it is not good,
 * which was told. */
MUST_USE bool compare_cut_configuration(struct compare_cut *cut, const struct options *options);
/* The options' configuration and rules alone: for commands that look at one side. CLI_OK, or it was told why not. */
enum cli_exit compare_cut_begin(struct compare_cut *cut, const struct options *options);
/* And both sides, and what a run needs. */
enum cli_exit compare_cut_open(struct compare_cut *cut, const struct options *options);
void compare_cut_close(struct compare_cut *cut);

/* The folder of a result: `word` itself, or the run of that number in compare.results; NULL: the newest there. It is
 * told why there is none. */
enum cli_exit compare_cut_result(const struct options *options, const char *word,
                                 char path[COMPARE_PATH_SIZE]);
/* Opens the agent's ledger at this moment. */
MUST_USE enum err compare_cut_agent(struct compare_cut *cut, struct err_info *info);
/* One side's file (--legacy, --cloud) alone in cut->temporary. */
MUST_USE enum err compare_cut_file(struct compare_cut *cut, enum ledger_side side, struct err_info *info);
/* Both sides in a temporary ledger, by these rules (NULL: none). */
MUST_USE enum err compare_cut_copy(struct compare_cut *cut, const struct rules *rules, struct ledger **ledger,
                                   struct err_info *info);
/* Rules of a directory; their problems are told. false: not good. */
bool compare_cut_rules(const char *directory, struct rules **rules);
/* Tells it: CLI_NOT_FOUND or CLI_FAILED. */
enum cli_exit compare_cut_complain(enum err err, const struct err_info *info);

#endif
