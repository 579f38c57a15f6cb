/*
 * world.h - one simulated world: agent, box, ERP, broker and subscriber, bound to one seed.
 *
 * Why:   the promises of the product are checked where time is cheap: hours of faults in seconds, each found
 *        again by its seed.
 * Owns:  everything simulated, the agent, the log's last lines.
 * Rules: 1. First the faulty hours: the ERP works, and everything fails at times. Then the quiet hours: no
 *           fault; within QUIET_NS_MAX the subscriber must hold exactly what the ERP holds (liveness).
 *        2. Safety is checked with every event the subscriber receives, after every step.
 *        3. A finding ends the run and says what, when, and the seed.
 *        4. At last both sides are compared: what was planted is found, and nothing else (ledger_check.h).
 * Faults: power cut and process kill at any change of the disk, stop by signal, wall clock stepped back an
 *         hour, to 1970 and into the future, drift, full disk, I/O errors; those of erp_sim.h and
 *         broker_sim.h; bytes of the ledger's file changed at rest.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_WORLD_H
#define TWINPOST_WORLD_H

#include "firmware/agent.h"
#include "firmware/load.h"
#include "tests/sim/broker_sim.h"
#include "tests/sim/erp_sim.h"
#include "tests/sim/middleware.h"

/* Which faults a run may draw. */
struct world_options {
	uint64_t seed;
	const char *profiles; /* folder of the profiles */
	bool print_log;
	bool no_disk_errors;
	int64_t faulty_ns; /* 0: drawn, 10 to 30 minutes */
};

/* How often each rare thing happened: a mark that stays 0 over many seeds is a test that tests nothing. */
#define WORLD_MARKS(X)       \
	X(steps)             \
	X(actions)           \
	X(committed_late)    \
	X(power_cuts)        \
	X(kills)             \
	X(failed_opens)      \
	X(stops)             \
	X(clock_steps)       \
	X(full_disks)        \
	X(disk_errors)       \
	X(broker_absences)   \
	X(controls)          \
	X(erp_hangs)         \
	X(erp_crashes)       \
	X(erp_failures)      \
	X(broker_refusals)   \
	X(broker_losses)     \
	X(broker_lost_acks)  \
	X(broker_stalls)     \
	X(broker_reasons)    \
	X(received)          \
	X(duplicates)        \
	X(sessions_lost)     \
	X(batches)           \
	X(parts)             \
	X(checkpoints)       \
	X(checkpoints_again) \
	X(claims_ahead)      \
	X(births)            \
	X(heartbeats)        \
	X(deaths)            \
	X(receipts)          \
	X(outcomes)          \
	X(outcomes_late)     \
	X(lies)              \
	X(forgeries)         \
	X(repeats)           \
	X(answers_again)     \
	X(inbound_twice)     \
	X(inbound_dropped)   \
	X(commands)          \
	X(commands_rejected) \
	X(replays)           \
	X(replays_failed)    \
	X(resends)           \
	X(proofs)            \
	X(pauses)            \
	X(key_rotations)     \
	X(postings)          \
	X(postings_again)    \
	X(postings_in_parts) \
	X(postings_refused)  \
	X(postings_repeated) \
	X(cloud_gaps)        \
	X(cloud_gaps_closed) \
	X(equivocations)     \
	X(ledgers_behind)    \
	X(ledgers_damaged)   \
	X(ledgers_put_aside) \
	X(rules_changed)     \
	X(generations)       \
	X(reconciled)        \
	X(incomplete)        \
	X(planted_found)

struct world_marks {
#define WORLD_MARK(name) uint64_t name;
	WORLD_MARKS(WORLD_MARK)
#undef WORLD_MARK
};

struct world_result {
	bool good;
	char finding[900];
	struct world_marks marks;
	int64_t simulated_ns;
	uint64_t digest; /* of the run: the same for the same seed */
};

void sim_world_run(const struct world_options *options, struct world_result *result);

#endif
