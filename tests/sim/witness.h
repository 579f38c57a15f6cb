/*
 * witness.h - what a careful consumer keeps of each source, and checks: leaves, chain, Merkle tree, checkpoints, keys,
 * and every claim that was ever made about them.
 *
 * Why:   a promise that is kept for one message may be broken by the next: everything said of a sequence, by whatever
 *        message, must be said the same for ever.
 * Owns:  the leaves of each source, its checkpoints, and claims about what has not come yet.
 * Rules: 1. A chain value or root that is claimed of sequences that have not come is kept, and held against them when
 *           they come: an agent that speaks of what it may still lose is found out.
 *        2. A checkpoint comes after all that it covers. One that came before may come again, with the same bytes; one
 *           that the broker refused at first comes after greater ones, and is verified at its own size.
 *        3. A checkpoint is signed by the key that is current at its size: the last key event below it says which.
 *        4. The tree is RFC 6962's, worked out from the leaves anew each time.
 * Source: docs/contract; RFC 6962 section 2.1; C2SP tlog-checkpoint.
 * Runs in: tests.
 * Tests: tests/sim/witness_test.c, tests/sim/sim_test.c
 */
#ifndef TWINPOST_SIM_WITNESS_H
#define TWINPOST_SIM_WITNESS_H

#include "tests/sim/event.h"
#include "tests/sim/signed_note.h"

#define WITNESS_SOURCES_MAX 64
#define WITNESS_KEYS_MAX    64
#define WITNESS_SPKI_BYTES  91

struct witness_checkpoint {
	int64_t size;
	struct span text; /* owned */
};

struct witness_claim {
	int64_t sequence;
	bool root; /* of the tree, else the chain value */
	uint8_t hash[EVENT_HASH_BYTES];
};

struct witness_change {
	int64_t sequence; /* of the key event */
	int key;          /* from there on */
};

struct witness_source {
	char source[EVENT_SOURCE_MAX];
	uint8_t (*leaves)[EVENT_HASH_BYTES];
	uint8_t (*chains)[EVENT_HASH_BYTES];
	int64_t count;
	int64_t capacity;
	int64_t *controls; /* sequences of the control events */
	int control_count;
	int64_t last_posting;
	struct witness_checkpoint *checkpoints; /* by size */
	int checkpoint_count;
	struct witness_claim *claims;
	int claim_count;
	int first_key; /* before the first key event; -1: none came */
	struct witness_change *changes;
	int change_count;
};

struct witness {
	char *finding; /* SIM_FINDING_MAX */
	struct witness_source sources[WITNESS_SOURCES_MAX];
	int source_count;
	uint8_t keys[WITNESS_KEYS_MAX][WITNESS_SPKI_BYTES];
	int key_count;
	uint64_t checkpoints;
	uint64_t repeated;
	uint64_t claims_ahead; /* of what had not come */
	uint64_t rotations;
};

void witness_open(struct witness *witness, char *finding);
void witness_close(struct witness *witness);
/* Trusts a key from now on, as a consumer is given it; one that is known already changes nothing. */
void witness_pin(struct witness *witness, struct span spki);
bool witness_knows(const struct witness *witness, struct span spki);
/* NULL: nothing came of it. */
struct witness_source *witness_find(struct witness *witness, const char *source);

/* The next event of its source, whose chain value was checked. */
void witness_event(struct witness *witness, const struct event *event, const uint8_t leaf[EVENT_HASH_BYTES],
                   const uint8_t chain[EVENT_HASH_BYTES]);
/* The agent says that the chain (or root) at this sequence is so. hash: 32 bytes. */
void witness_claim(struct witness *witness, const char *source, int64_t sequence, bool root,
                   const uint8_t hash[EVENT_HASH_BYTES]);
/* A checkpoint. true: a new one, good. */
bool witness_take_checkpoint(struct witness *witness, struct span topic, struct span payload);
/* An inclusion proof (RFC 9162, section 2.1.3.2): does it lead from this leaf to the root? */
bool witness_proves(const uint8_t leaf[EVENT_HASH_BYTES], int64_t index, int64_t size,
                    const uint8_t (*path)[EVENT_HASH_BYTES], int count, const uint8_t root[EVENT_HASH_BYTES]);
void witness_root(const struct witness_source *source, int64_t size, uint8_t root[EVENT_HASH_BYTES]);
/* true: every control event is covered by a checkpoint, and all that came is. Else *why says what is not. */
bool witness_complete(const struct witness *witness, char why[SIM_FINDING_MAX]);

#endif
