/*
 * pack_tree.h - the Merkle tree over the documents of a comparison: salted leaves, root, and one document's way to it.
 *
 * Why:   the statement of one document can be shown to somebody who may not see the others; the salt keeps those from
 *        guessing a neighbour's line and checking the guess against a hash of the proof.
 * Owns:  struct pack_tree owns its leaves; the lines stay the caller's.
 * Rules: 1. secret  64 hex digits, of the pack alone; it is in the pack, and in no proof.
 *        2. salt_i  = first 32 hex digits of H("tp1/compare/salt/v1\n" secret "\n" i "\n"), i from 0, decimal: the
 *           place and not the subject, because both sides may have the same subject.
 *        3. leaf_i  = H(0x00 | "tp1/compare/leaf/v1\n" salt_i "\n" line_i "\n"), line_i without its newline.
 *        4. node    = H(0x01 | left | right); the root of no documents is H("").
 * Source: RFC 6962 section 2.1; docs/compare/evidence.md
 * Faults: none of its own.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_tree_test.c
 */
#ifndef TWINPOST_PACK_TREE_H
#define TWINPOST_PACK_TREE_H

#include "store_forward/merkle.h"

#define PACK_SECRET_CHARS 64
#define PACK_SALT_CHARS   32
#define PACK_SALT_SIZE    (PACK_SALT_CHARS + 1)

struct pack_tree {
	struct digest *leaves;
	int64_t size;
	int64_t capacity;
};

void pack_salt(struct span secret, int64_t index, char salt[PACK_SALT_SIZE]);
struct digest pack_leaf(const char *salt, struct span line);

/* Takes the next line, without its newline, off *text; false: there is no more, or *cut: the last has no newline. */
MUST_USE bool pack_take_line(struct span *text, struct span *line, bool *cut);

/* Of the lines of documents.ndjson. ERR_BAD_INPUT: the last one has no newline. Release in every case. */
MUST_USE enum err pack_tree_make(struct pack_tree *tree, struct span secret, struct span documents,
                                 struct err_info *info);
void pack_tree_release(struct pack_tree *tree);
struct digest pack_tree_root(const struct pack_tree *tree);
/* The hashes beside the way of a leaf, from below. Returns their number. */
int pack_tree_path(const struct pack_tree *tree, int64_t index, struct digest path[MERKLE_PATH_MAX]);

#endif
