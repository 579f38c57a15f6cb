/*
 * hal_contract.h - what every back end of the HAL must do, as one suite that runs against each.
 *
 * Why:   the simulator is worth something only while it behaves as Linux does; here both are held to hal.h.
 * Owns:  nothing; each test opens and closes a back end of its own.
 * Rules: 1. The suite knows a back end through hal.h and these few ops only.
 *        2. Children are asked for by name; each back end provides all of CONTRACT_CHILDREN, with these
 *           manners.
 *        3. No sleeping: a test waits on the event itself, with a bound.
 * Runs in: tests.
 * Tests: is one.
 */
#ifndef TWINPOST_HAL_CONTRACT_H
#define TWINPOST_HAL_CONTRACT_H

#include "hal/hal.h"

/* The children of the suite, all of HAL_ROLE_SOURCE:
 * echo      sends back every frame
 * plain     sends CONTRACT_READY, then nothing; dies of SIGTERM
 * polite    sends CONTRACT_READY; at SIGTERM CONTRACT_BYE, and exits with 5
 * stubborn  sends CONTRACT_READY; SIGTERM does nothing to it
 * burst     for a frame with u32 n: n frames CONTRACT_NUMBER with u32 0 to n-1, then exits with 3
 * crash     sends 10 frames CONTRACT_NUMBER, then dies of signal 10
 * garbage   sends 3 frames CONTRACT_NUMBER, then 64 bytes 0xff, and stays
 * half      sends 1 frame CONTRACT_NUMBER, then the first 5 bytes of another, and exits with 0
 * deaf      sends CONTRACT_READY, reads nothing until SIGTERM; then reads up to a CONTRACT_END, sends
 *           CONTRACT_NUMBER with the u32 count of frames before it, and exits with 0
 * loud      sends CONTRACT_NUMBER frames without end */
enum contract_frame { CONTRACT_READY = 1, CONTRACT_BYE = 2, CONTRACT_NUMBER = 3, CONTRACT_END = 4 };

struct hal_contract_ops {
	void *(*open)(struct hal **hal); /* a fresh back end with a control socket */
	void (*close)(void *self);
	/* A path in a directory where files may be made; borrowed until the next call. */
	const char *(*path)(void *self, const char *name);
	void (*make_file)(void *self, const char *path, const char *content);
	bool (*file_is)(void *self, const char *path, const char *content);
	/* Any bytes, in a file that is its owner's alone; what was there is replaced. */
	void (*put_file)(void *self, const char *path, struct span bytes);
	void (*get_file)(void *self, const char *path, struct buf *to); /* appends all of it */
	void (*request_stop)(void *self);
	void *(*connect)(void *self);
	void (*write)(void *self, void *client, const char *bytes,
	              size_t len); /* as much as goes; the rest later */
	/* Appends what can be read now. true: the core's side has closed and nothing is left. */
	bool (*read)(void *self, void *client, struct buf *to);
	void (*disconnect)(void *self, void *client);
};

/* Runs the suite (TAP on standard output) and returns the number of failures. */
int hal_contract_run(const struct hal_contract_ops *ops);

#endif
