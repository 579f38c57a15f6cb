/*
 * subscriber.h - the model of a cloud that receives: it keeps every event and checks each against the
 * contract.
 *
 * Why:   what the product promises is promised to a subscriber; this one believes nothing and says the first
 *        lie.
 * Owns:  an SQLite database in memory with what it received.
 * Rules: 1. Per source (stream and epoch) sequences are gapless from 1: one behind a gap waits until it is
 *           filled (a broker may refuse one message and take the next); one that came before is equal byte
 *           for byte.
 *        2. id, leaf and chain are recomputed from the bytes with OpenSSL's SHA-256 and code of its own.
 *        3. (subject, revision) comes under one sequence only; revisions of a subject rise by one from 1.
 *        4. A document in parts is whole when all came, in order; a batch is what its members are.
 *        5. Control events say what the events before them add up to (control_check.h).
 *        6. The first finding is kept; nothing is forgotten at a restart of broker or agent.
 * Source: the contract (docs/contract, and connector/uplink/envelope.h for the attributes).
 * Runs in: tests.
 * Tests: tests/sim/sim_test.c (also with tampered events)
 */
#ifndef TWINPOST_SUBSCRIBER_H
#define TWINPOST_SUBSCRIBER_H

#include <sqlite3.h>

#include "tests/sim/erp_books.h"
#include "tests/sim/witness.h"

struct subscriber {
	sqlite3 *db;
	char finding[SIM_FINDING_MAX]; /* empty: nothing is wrong */
	struct witness witness;        /* leaves, checkpoints, keys */
	uint64_t received;
	uint64_t duplicates;
	uint64_t batches;
	uint64_t parts;
};

void subscriber_open(struct subscriber *subscriber);
void subscriber_close(struct subscriber *subscriber);
void subscriber_receive(struct subscriber *subscriber, struct span topic, struct span payload);
/* An event that was sent again on request: its sequence; 0: it is none. It must be the same as before. */
int64_t subscriber_replayed(struct subscriber *subscriber, struct span topic, struct span payload);
/* true: it holds the latest state of every document of the books, figure by figure, and no other. Else *why
 * says the first difference. */
bool subscriber_equals(struct subscriber *subscriber, const struct erp_books *books, char why[600]);

#endif
