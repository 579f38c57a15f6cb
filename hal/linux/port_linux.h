/*
 * port_linux.h - a child's port on Linux: frames on a stream socket, poll(2), and secrets from where they are kept.
 *
 * Why:   the one place where a child's frames, clocks and files are real system calls.
 * Owns:  its buffers; not the descriptor, which its caller opened and closes.
 * Rules: 1. The descriptor is a stream socket; it is never left in another mode than it was given in.
 *        2. Writing never raises SIGPIPE; a core that has gone is ERR_GONE.
 *        3. What is queued is bounded: past PORT_QUEUE_BYTES a send waits until the core has taken some.
 *        4. A secret passes through no buffer that is not wiped.
 * Faults: interrupted calls, frames in pieces, a core that is slow or gone, files that are absent, shared or
 *         too large.
 * Runs in: source child, uplink child.
 * Tests: tests/contract/port_contract_test.c, tests/unit/secret_test.c
 */
#ifndef TWINPOST_PORT_LINUX_H
#define TWINPOST_PORT_LINUX_H

#include "hal/port.h"

/* Several ROWS frames: one write for many small frames, and no more memory than that. */
#define PORT_QUEUE_BYTES (128u * 1024u)

struct port_linux {
	struct port port; /* first: a role is given its address */
	int fd;
	bool gone; /* the other end was closed or broken: final */
	struct frame_decoder decoder;
	struct frame waiting; /* decoded by wait() ahead of receive() */
	bool has_waiting;
	struct err_info failure; /* of the decoder, found by wait() ahead of receive() */
	struct buf out;
	size_t written; /* bytes at the front of out that were written already */
};

/* Borrows fd and log, which outlive it. */
void port_linux_init(struct port_linux *self, int fd, const struct log *log);
void port_linux_release(struct port_linux *self);

#endif
