/*
 * hal_contract_keys.h - the part of the contract suite that opens, damages and rotates signing keys.
 *
 * Why:   keys need files and seals of their own; the suite would be too long for one file.
 * Owns:  nothing.
 * Rules: as in hal_contract.h.
 * Runs in: tests.
 * Tests: is one.
 */
#ifndef TWINPOST_HAL_CONTRACT_KEYS_H
#define TWINPOST_HAL_CONTRACT_KEYS_H

void keys_are_made_once(void **state);
void keys_sign_as_openssl_verifies(void **state);
void keys_rotate_when_the_store_says(void **state);
void keys_prepared_may_be_forgotten(void **state);
void keys_survive_a_cut_promotion(void **state);
void keys_damaged_are_refused(void **state);
void keys_missing_are_refused(void **state);
void keys_of_a_later_program_are_refused(void **state);
void keys_take_a_seal_in_three_forms(void **state);
void keys_refuse_another_seal(void **state);

#endif
