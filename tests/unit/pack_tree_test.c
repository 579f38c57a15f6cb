/*
 * pack_tree_test.c - salts, leaves and proofs of documents against values made by sha256sum.
 *
 * Why:   an auditor makes them by hand.
 * Owns:  nothing.
 * Rules: the known values were made in bash, for i in 0, 1, 2:
 *          secret=$(printf secret | sha256sum | cut -c1-64)
 *          salt=$(printf 'tp1/compare/salt/v1\n%s\n%d\n' $secret $i | sha256sum | cut -c1-32)
 *          printf '\000tp1/compare/leaf/v1\n%s\n{"n":%d}\n' $salt $i | sha256sum
 *        and nodes as docs/contract/proof.md says.
 * Runs in: the tests.
 * Tests: tools/twinpost/pack_tree.c, tools/twinpost/pack_proof.c
 */
#include "tools/twinpost/pack_proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/lib/note_mutations.h"

#define SECRET    "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
#define SALT_1    "1e4b3b5b017d9febcdaff0066a3da0a1"
#define LEAF_1    "c3643907b5bc58ec0001a72fa11ecbe74f08f157803d6c3b483b3fc71487670a"
#define ROOT      "5af9503295571e36982fb0dde5ac97db038cd6bfb82c3b5c627a7994d0c135f1"
#define EMPTY     "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DOCUMENTS "{\"n\":0}\n{\"n\":1}\n{\"n\":2}\n"

static void assert_hex(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX_SIZE];
	digest_hex(digest, text);
	assert_string_equal(text, hex);
}

static void test_known_values(void **state)
{
	(void)state;
	char salt[PACK_SALT_SIZE];
	struct pack_tree tree;
	struct err_info info;
	pack_salt(SPAN_LITERAL(SECRET), 1, salt);
	assert_string_equal(salt, SALT_1);
	struct digest digest = pack_leaf(salt, SPAN_LITERAL("{\"n\":1}"));
	assert_hex(&digest, LEAF_1);
	assert_int_equal(pack_tree_make(&tree, SPAN_LITERAL(SECRET), SPAN_LITERAL(DOCUMENTS), &info), ERR_OK);
	assert_int_equal(tree.size, 3);
	digest = pack_tree_root(&tree);
	assert_hex(&digest, ROOT);
	pack_tree_release(&tree);
	assert_int_equal(pack_tree_make(&tree, SPAN_LITERAL(SECRET), SPAN_LITERAL(""), &info), ERR_OK);
	digest = pack_tree_root(&tree);
	assert_hex(&digest, EMPTY);
	pack_tree_release(&tree);
}

/* A last line without its end is no line. */
static void test_cut(void **state)
{
	(void)state;
	struct pack_tree tree;
	struct err_info info;
	assert_int_equal(pack_tree_make(&tree, SPAN_LITERAL(SECRET), SPAN_LITERAL("{}\n{}"), &info),
	                 ERR_BAD_INPUT);
	assert_string_equal(info.text, "documents.ndjson is cut: its line 2 has no end");
	pack_tree_release(&tree);
}

/* Every place in trees of up to 40: its way leads to the root, and no other document's does. */
static void test_every_path(void **state)
{
	(void)state;
	struct buf text;
	buf_init(&text, 1000);
	for (int64_t size = 1; size <= 40; size++) {
		struct pack_tree tree;
		buf_append_text(&text, "{}\n"); /* the salts make equal lines different leaves */
		assert_int_equal(pack_tree_make(&tree, SPAN_LITERAL(SECRET), buf_span(&text), NULL), ERR_OK);
		struct digest root = pack_tree_root(&tree);
		for (int64_t i = 0; i < size; i++) {
			struct digest path[MERKLE_PATH_MAX];
			int count = pack_tree_path(&tree, i, path);
			for (int64_t j = 0; j < size; j++) {
				bool good =
				    merkle_verify_inclusion(&tree.leaves[j], i, size, path, count, &root);
				assert_true(good == (i == j));
			}
		}
		pack_tree_release(&tree);
	}
	buf_release(&text);
}

static bool again(struct span text, struct buf *out)
{
	struct pack_proof proof;
	if (!pack_proof_decode(&proof, text) || proof.note.len > 0)
		return false;
	pack_proof_encode(out, &proof);
	return true;
}

/* A proof has one form: cut in its first line it is none, and each small change is refused, or is a proof of one
 * form. */
static void test_proof(void **state)
{
	(void)state;
	static const char known[] =
	    "{\"document\":{\"n\":1},\"format\":1,\"index\":1,\"path\":["
	    "\"MVzFmWRcURvC0p0zDKxiShNguny9foyYZCDEIWvdomI=\","
	    "\"9jHj8FlnW8Ek5L3eIGyAmRivm4deOBLryC8BK1x13Fw=\"],\"salt\":\"" SALT_1 "\"}\n";
	struct pack_proof proof;
	assert_true(pack_proof_decode(&proof, SPAN_LITERAL(known)));
	assert_true(proof.index == 1 && proof.path_count == 2 && proof.note.len == 0);
	assert_true(span_equal(proof.document, SPAN_LITERAL("{\"n\":1}")));
	assert_string_equal(proof.salt, SALT_1);
	assert_true(pack_proof_looks(SPAN_LITERAL(known)));
	assert_false(pack_proof_looks(SPAN_LITERAL("{\"document\"")));
	assert_true(note_mutations(SPAN_LITERAL(known), again) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_values),
	    cmocka_unit_test(test_cut),
	    cmocka_unit_test(test_every_path),
	    cmocka_unit_test(test_proof),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
