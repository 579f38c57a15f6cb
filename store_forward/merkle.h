/*
 * merkle.h - the Merkle tree over the leaves of a stream: frontier, roots, inclusion and consistency proofs.
 *
 * Why:   a checkpoint of 32 bytes fixes every event before it; a proof of some 40 hashes shows that one event is in it.
 * Owns:  nothing.
 * Rules: 1. node = H(0x01 | left | right); the leaves are hashed already (chain.h); the root of no leaves is H("").
 *        2. A full subtree of 2^level leaves has a place (level, index): it covers the leaves index * 2^level and
 *           following, counted from 0. Roots and proofs of any size are made of full subtrees alone.
 *        3. The frontier ("peaks") holds the roots of the full subtrees that the binary digits of the size name: what
 *           an append and the root of all leaves need, without the leaves.
 * Source: RFC 6962 sections 2.1, 2.1.1, 2.1.2 (tree and making of proofs); RFC 9162 sections 2.1.3.2 and 2.1.4.2
 *        (checking them).
 * Faults: verifying takes anything; making fails with what the caller's subtrees fail with.
 * Runs in: the core.
 * Tests: tests/unit/merkle_test.c (known answers of another implementation)
 */
#ifndef TWINPOST_MERKLE_H
#define TWINPOST_MERKLE_H

#include "store_forward/digest.h"

/* Sizes below 2^62: more than any sequence. */
#define MERKLE_LEVELS_MAX 62
#define MERKLE_SIZE_MAX   (INT64_C(1) << MERKLE_LEVELS_MAX)
/* Hashes of the longest proof: one for each level, and for consistency one more. */
#define MERKLE_PATH_MAX 64

struct digest merkle_node(const struct digest *left, const struct digest *right);

/* hashes[level] is meant where the size has that binary digit. All zero: the empty tree. */
#define MERKLE_PEAKS 41 /* sizes up to 2^40: STORE_SEQUENCE_MAX */
struct merkle_peaks {
	int64_t size;
	struct digest hashes[MERKLE_PEAKS];
};

/* Appends a leaf. completed[0..n] take the roots of the full subtrees that end with it (completed[0] is the leaf);
 * returns n. On average one node is hashed. */
int merkle_append(struct merkle_peaks *peaks, const struct digest *leaf,
                  struct digest completed[MERKLE_PEAKS]);
/* Puts the root of the next full subtree of 2^level leaves behind what is there; the size must be a multiple of
 * 2^level. For building the frontier again from larger pieces than leaves. */
void merkle_append_subtree(struct merkle_peaks *peaks, int level, const struct digest *root);
struct digest merkle_root(const struct merkle_peaks *peaks);
/* The root of 2^level hashes that stand side by side. */
struct digest merkle_fold(const struct digest *hashes, int level);

/* Gives the root of the full subtree (level, index). */
typedef enum err (*merkle_subtree)(void *self, int level, int64_t index, struct digest *hash,
                                   struct err_info *info);

/* The root of the first size leaves, 0..MERKLE_SIZE_MAX. */
MUST_USE enum err merkle_root_at(int64_t size, merkle_subtree subtree, void *self, struct digest *root,
                                 struct err_info *info);
/* PATH(index, D[size]), from the leaf up; 0 <= index < size. */
MUST_USE enum err merkle_inclusion(int64_t index, int64_t size, merkle_subtree subtree, void *self,
                                   struct digest path[MERKLE_PATH_MAX], int *count, struct err_info *info);
/* PROOF(first, D[second]); 0 < first <= second; empty where they are equal. */
MUST_USE enum err merkle_consistency(int64_t first, int64_t second, merkle_subtree subtree, void *self,
                                     struct digest path[MERKLE_PATH_MAX], int *count, struct err_info *info);

/* Is the leaf at index in the tree of that size and root? Any numbers may come in. */
bool merkle_verify_inclusion(const struct digest *leaf, int64_t index, int64_t size,
                             const struct digest *path, int count, const struct digest *root);
/* Is the tree of first leaves the beginning of the tree of second leaves? Of an empty tree nothing can be shown:
 * false. */
bool merkle_verify_consistency(int64_t first, int64_t second, const struct digest *path, int count,
                               const struct digest *first_root, const struct digest *second_root);

#endif
