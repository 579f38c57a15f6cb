/*
 * control_sim.h - the control socket of a simulation: clients that tests play.
 *
 * Why:   requests reach the core in a simulation as they do over the socket.
 * Owns:  struct control_sim owns both directions of each client.
 * Rules: as hal/linux/control_linux.h: a next request is handed out when the last was answered; an over-long
 *        line is refused in the protocol's form and its client dropped; a known client is reported as gone
 *        once. Every client is "operator (uid 1000)".
 * Runs in: tests.
 * Tests: tests/contract/hal_sim_contract_test.c
 */
#ifndef TWINPOST_CONTROL_SIM_H
#define TWINPOST_CONTROL_SIM_H

#include "hal/hal.h"

struct control_sim;

/* For tests. A client's handle stays valid until its _close(), also when the core's side has dropped it. */
struct sim_client;
struct sim_client *control_sim_connect(struct control_sim *control);
void control_sim_write(struct sim_client *client, const void *bytes, size_t len);
/* One whole line that the core's side wrote, without its newline, borrowed until the next call. false: none
 * yet. */
bool control_sim_read(struct sim_client *client, struct span *line);
bool control_sim_dropped(const struct sim_client *client);
void control_sim_close(struct sim_client *client);

/* For hal_sim.c. */
struct control_sim *control_sim_new(void);
void control_sim_free(struct control_sim *control);  /* every client is closed already */
void control_sim_reset(struct control_sim *control); /* the power failed: all are dropped without an event */
bool control_sim_next(struct hal *hal, struct hal_control_event *event);
void control_sim_reply(struct hal *hal, hal_client client, struct span line);
bool control_sim_ready(const struct control_sim *control);

#endif
