/*
 * agent_state.h - what the files of the core's composition share.
 *
 * Why:   the step (agent.c) and what its parts ask of each other (agent_links.c) are two subjects on one state.
 * Owns:  struct agent owns the store and the machines.
 * Runs in: the core.
 * Tests: tests/sim, tests/integration
 */
#ifndef TWINPOST_AGENT_STATE_H
#define TWINPOST_AGENT_STATE_H

#include "connector/source/pull.h"
#include "connector/uplink/record.h"
#include "firmware/agent.h"
#include "firmware/cloud.h"
#include "firmware/comparison.h"
#include "firmware/control.h"
#include "firmware/rules_keeper.h"
#include "firmware/status_tables.h"
#include "store_forward/store.h"

/* What a pull machine's sink needs to know besides the agent. */
struct source_link {
	struct agent *agent;
	char profile_version[2 * CONFIG_NAME_MAX]; /* "jde/1" */
	struct pull_sink sink;
};

struct agent {
	struct agent_options options;
	struct hal *hal;
	const struct log *log;
	struct store *store;
	struct store_opening opening;
	struct recorder recorder;
	struct pull *pulls[CONFIG_SOURCES_MAX];
	struct source_link links[CONFIG_SOURCES_MAX];
	int pull_count;
	struct cloud *cloud;
	char excluded[DIGEST_HEX_SIZE]; /* what the configuration keeps in phase legacy; see agent_phases.c */
	bool excluded_due;              /* it is not in the store yet */
	bool excluded_reading;          /* every source is read whole, to count what is excluded */
	bool excluded_missed;           /* some were not counted: the ledger was not well */
	struct rules_keeper *rules;     /* NULL: there are none */
	char rules_told[ERR_TEXT_MAX];  /* the problem that an exception tells; empty: none */
	bool rules_told_known;          /* false: of the exception nothing is known yet, or any more */
	struct status_tables *tables;
	struct comparison *comparison;          /* NULL: compare.enabled is no */
	bool source_paused[CONFIG_SOURCES_MAX]; /* by the cloud, not for want of room */
	struct buf reply;
	char urn_prefix[128];

	int64_t started_mono_ns;
	int64_t started_wall_ns;
	int64_t dirty_since_ns; /* when the open transaction began */
	uint64_t rows_before;   /* recorded rows at the last commit */
	enum err trouble;       /* ERR_OK: the store takes writes */
	int64_t trouble_retry_ns;
	bool space_known; /* looked at since start, or since the last trouble */
	bool space_full;
	char pause_reason[ERR_TEXT_MAX]; /* empty: pulling */
	int64_t space_due_ns;
	int64_t prune_due_ns;
	uint64_t pruned;         /* rows of the burst that is under way */
	int64_t clock_offset_ns; /* wall less monotonic, when last looked at */
	int64_t stop_limit_ns;   /* 0: not stopping */
	int64_t stop_send_ns;    /* until then the ends of streams are sent; 0: no more */
};

/* agent.c: commits what is open, with what the parts add to it. */
MUST_USE enum err agent_commit(struct agent *agent, struct err_info *info);
/* agent.c: takes a store error: nothing of the open transaction stands, all is tried again later. ERR_CORRUPT
 * goes up. */
MUST_USE enum err agent_absorb(struct agent *agent, enum err err, const struct err_info *info,
                               int64_t now_ns);

/* agent_phases.c: reads again what is no longer excluded, or was not counted. */
MUST_USE enum err agent_phases_open(struct agent *agent, struct err_info *info);
MUST_USE enum err agent_phases_step(struct agent *agent, struct err_info *info);

/* agent_rules.c: rules->* and the recorder's rules, where the configuration names a directory of them. */
MUST_USE enum err agent_rules_open(struct agent *agent, struct err_info *info);
void agent_rules_close(struct agent *agent);
MUST_USE enum err agent_rules_step(struct agent *agent, int64_t now_ns, int64_t *deadline,
                                   struct err_info *info);

/* agent_links.c: makes sure that a transaction is open. */
MUST_USE enum err agent_begin(struct agent *agent, struct err_info *info);
/* agent_links.c: what each part is given to ask the agent by. */
struct pull_sink agent_source_sink(struct source_link *link);
struct cloud_sink agent_cloud_sink(struct agent *agent);
struct status_writer_sink agent_tables_sink(struct agent *agent);
/* agent_links.c: answers what the command line has asked. */
void agent_answer_control(struct agent *agent);

#endif
