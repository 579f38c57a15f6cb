/*
 * pack_proof.h - one document of a signed comparison, shown without the others.
 *
 * Why:   a customer, a tax office or an auditor may see one document's line and no other; this file proves it alone.
 * Owns:  nothing; a decoded proof borrows its bytes.
 * Rules: 1. A file of text: one line of canonical JSON, then the note (pack.note) as it is:
 *             {"document":{...},"format":1,"index":4,"path":["base64",...],"salt":"hex"}
 *        2. document is the line of documents.ndjson byte for byte; index is its place from 0; path as in RFC 6962,
 *           section 2.1.1, from the leaf up.
 *        3. What decodes encodes to the same bytes.
 * Faults: any bytes: refused with a reason.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_tree_test.c, tests/unit/test_pack.py
 */
#ifndef TWINPOST_PACK_PROOF_H
#define TWINPOST_PACK_PROOF_H

#include "tools/twinpost/pack_tree.h"

#define PACK_PROOF_BYTES_MAX (256u * 1024u)

struct pack_proof {
	struct span document;
	int64_t index;
	struct digest path[MERKLE_PATH_MAX];
	int path_count;
	char salt[PACK_SALT_SIZE];
	struct span note;
};

void pack_proof_encode(struct buf *out, const struct pack_proof *proof);
MUST_USE bool pack_proof_decode(struct pack_proof *proof, struct span bytes);
/* Does a file that begins so hold a proof, good or bad? */
bool pack_proof_looks(struct span bytes);

#endif
