/*
 * erp_sim.h - a source child in the simulator: runs the agent's statements on the ERP's books, with faults.
 *
 * Why:   the pull machine meets a real database's answers, and a driver at its worst, in simulated time.
 * Owns:  per child its prepared statements and the requests that wait.
 * Rules: 1. It speaks source_protocol.h as the real child does: in order, one thing at a time.
 *        2. Each statement is executed at one moment, so it sees committed transactions only.
 *        3. Faults come one in n, drawn per connection or per request; all zero: an ERP without fault.
 * Faults: refused connection and login, latency, no answer for ever, crash or garbage half way, failures of
 *         each class.
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c
 */
#ifndef TWINPOST_ERP_SIM_H
#define TWINPOST_ERP_SIM_H

#include "hal/sim/hal_sim.h"
#include "tests/sim/erp_books.h"

struct erp_faults {
	uint64_t refuse_one_in;    /* connections: refused, or the login is */
	uint64_t hang_one_in;      /* requests: no answer any more, SIGTERM ignored */
	uint64_t crash_one_in;     /* requests: the child dies in the middle of the answer */
	uint64_t garbage_one_in;   /* requests: what is no frame */
	uint64_t transient_one_in; /* requests: deadlock, time-out */
	uint64_t query_one_in;     /* requests: the statement is refused (a table locked by an upgrade) */
	uint64_t lost_one_in;      /* requests: the connection is lost */
	int64_t latency_ns_max;
};

struct erp_sim {
	struct erp_books *books;
	struct erp_faults faults;
	/* What happened, for the marks. */
	uint64_t connections;
	uint64_t requests;
	uint64_t hangs;
	uint64_t crashes;
	uint64_t failures;
};

/* The ops of the role; the world is a struct erp_sim. */
extern const struct sim_child_ops erp_sim_ops;

#endif
