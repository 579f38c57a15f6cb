/*
 * hal_contract_control.h - the part of the contract suite that speaks with the control socket, and what both
 * share.
 *
 * Why:   clients need a game of their own; the suite would be too long for one file.
 * Owns:  nothing.
 * Rules: as in hal_contract.h.
 * Runs in: tests.
 * Tests: is one.
 */
#ifndef TWINPOST_HAL_CONTRACT_CONTROL_H
#define TWINPOST_HAL_CONTRACT_CONTROL_H

#include "tests/contract/hal_contract.h"

/* Longer than any machine under load needs. */
#define CONTRACT_WAIT_NS (30 * NS_PER_S)

struct contract {
	const struct hal_contract_ops *ops;
	void *self;
	struct hal *hal;
};

int contract_setup(void **state);
int contract_teardown(void **state);

void control_answers_a_request(void **state);
void control_takes_one_request_at_a_time(void **state);
void control_reports_a_client_gone(void **state);
void control_limits_a_request(void **state);
void control_limits_clients(void **state);
void control_carries_the_largest_reply(void **state);

#endif
