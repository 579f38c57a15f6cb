/*
 * chain_test.c - leaf, start and link of the chain against bytes built by a shell.
 *
 * Why:   the contract promises that a subscriber can rebuild them with standard tools; here one did.
 * Owns:  nothing.
 * Rules: the expected values come from these commands (bash, coreutils, xxd), whose output stands below:
 *
 *   S=urn:twinpost:acme:box1:00001:1709199005
 *   C0=$(printf 'tp1/chain/v1\n%s\n' $S | sha256sum | cut -c1-64)
 *   D=$(printf '{"entity":"00001"}' | sha256sum | cut -c1-64)
 *   L=$({ printf '\0tp1/leaf/v1\n'; printf '%s\n' $S 00000000000000000001 0123456789abcdef \
 *         com.twinpost.journal.recorded.v1 00001/journal/2024/4711 1 2024-02-29T09:30:05.000Z \
 *         https://example.com/schemas/journal/1.0.0 $D; } | sha256sum | cut -c1-64)
 *   C1=$(printf '02%s%s' $C0 $L | xxd -r -p | sha256sum | cut -c1-64)
 *   C2=$(printf '02%s%s' $C1 $L | xxd -r -p | sha256sum | cut -c1-64)
 *
 * Runs in: the tests.
 */
#include "store_forward/chain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SOURCE SPAN_LITERAL("urn:twinpost:acme:box1:00001:1709199005")

static void assert_digest(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX_SIZE];
	digest_hex(digest, text);
	assert_string_equal(text, hex);
}

static struct chain_leaf sample_leaf(void)
{
	struct span data = SPAN_LITERAL("{\"entity\":\"00001\"}");
	return (struct chain_leaf){
	    .source = SOURCE,
	    .sequence = SPAN_LITERAL("00000000000000000001"),
	    .id = SPAN_LITERAL("0123456789abcdef"),
	    .type = SPAN_LITERAL("com.twinpost.journal.recorded.v1"),
	    .subject = SPAN_LITERAL("00001/journal/2024/4711"),
	    .revision = SPAN_LITERAL("1"),
	    .time = SPAN_LITERAL("2024-02-29T09:30:05.000Z"),
	    .dataschema = SPAN_LITERAL("https://example.com/schemas/journal/1.0.0"),
	    .data = digest_of(&data, 1),
	};
}

/* The known answers of the commands above. */
static void test_known_answers(void **state)
{
	(void)state;
	struct digest start = chain_start(SOURCE);
	assert_digest(&start, "fcf55171ec5c87927443aa703fcaa509f0127d8a1e622f68a963af379f34ef6d");
	struct chain_leaf leaf = sample_leaf();
	assert_digest(&leaf.data, "5b29a6f8f1a8f4e943a9def13f6e266aad9c286216db65045ec86e46d041fe23");
	struct digest hash = chain_leaf_hash(&leaf);
	assert_digest(&hash, "ec5af23d1ccd1682b10d606ecefbf6fb9323bebbad96dfeb4456dd95aff1a3e2");
	struct digest first = chain_link(&start, &hash);
	assert_digest(&first, "95f64013fa7b79e53dcadefafa23b3d787cd6d9cbbe51ec437033cdd3d8fc89e");
	struct digest second = chain_link(&first, &hash);
	assert_digest(&second, "b3d5cac7f569cca9582b1dd082a8a4f0e26bbce9d7b68d5691825c9c8cfe226a");
}

/* Every part of an event is in its leaf: a change of any one byte changes the hash. */
static void test_every_part_counts(void **state)
{
	(void)state;
	struct chain_leaf original = sample_leaf();
	struct digest expected = chain_leaf_hash(&original);
	struct chain_leaf changed = original;
	struct span *const parts[] = {&changed.source, &changed.sequence,  &changed.id,
	                              &changed.type,   &changed.subject,   &changed.revision,
	                              &changed.time,   &changed.dataschema};
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		struct span kept = *parts[i];
		parts[i]->len--;
		struct digest got = chain_leaf_hash(&changed);
		assert_false(digest_equal(&got, &expected));
		*parts[i] = kept;
	}
	changed.data.bytes[0] ^= 1;
	struct digest got = chain_leaf_hash(&changed);
	assert_false(digest_equal(&got, &expected));
	changed.data.bytes[0] ^= 1;
	got = chain_leaf_hash(&changed);
	assert_true(digest_equal(&got, &expected));
}

/* Order matters: the chain over two leaves differs from the chain over them exchanged. */
static void test_order_counts(void **state)
{
	(void)state;
	struct chain_leaf leaf = sample_leaf();
	struct digest one = chain_leaf_hash(&leaf);
	leaf.sequence = SPAN_LITERAL("00000000000000000002");
	struct digest two = chain_leaf_hash(&leaf);
	struct digest start = chain_start(SOURCE);
	struct digest forth = chain_link(&start, &one);
	forth = chain_link(&forth, &two);
	struct digest back = chain_link(&start, &two);
	back = chain_link(&back, &one);
	assert_false(digest_equal(&forth, &back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_answers),
	    cmocka_unit_test(test_every_part_counts),
	    cmocka_unit_test(test_order_counts),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
