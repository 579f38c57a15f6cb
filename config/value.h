/*
 * value.h - one value of a configuration file: checked by its row of the key table and stored in its place.
 *
 * Why:   defaults and what the file says go through the same reading.
 * Owns:  nothing.
 * Rules: 1. A value that is refused leaves its place as it was.
 *        2. The text of a refused secret is never shown, nor is a connection string.
 * Runs in: every process.
 * Tests: tests/unit/config_test.c
 */
#ifndef TWINPOST_VALUE_H
#define TWINPOST_VALUE_H

#include "config/config.h"
#include "config/keys.h"

/* Where a value stands, for its problems. */
struct value_place {
	struct config_problems *problems;
	int line, column;
};

/* Stores text as the key's value at base + key->offset. false: refused, and a problem was added. For lists of values
 * and KEY_PARAMETERS see below; sections and lists of mappings have no value. */
MUST_USE bool value_set(const struct value_place *place, const struct key *key, void *base, struct span text);

/* One entry of a list of names, paths or hosts, into the key->size bytes at `to`, all zero before. */
MUST_USE bool value_set_entry(const struct value_place *place, const struct key *key, void *to,
                              struct span text);
MUST_USE bool value_set_parameter(const struct value_place *place, struct config_parameter *to,
                                  struct span name, struct span text);

#define VALUE_SHOWN_SIZE 64
/* The value for a message: without control characters, cut at a character with "..." at its end. */
void value_show(struct span text, char shown[VALUE_SHOWN_SIZE]);
/* Does this name something that must be kept secret? (password, PWD, secret, token, ... in any case of letters) */
bool value_names_secret(struct span name);

#endif
