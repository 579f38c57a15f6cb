/*
 * witness_test.c - the witness works out the right tree, and finds what contradicts.
 *
 * Why:   a judge that lets everything pass makes every simulation green.
 * Owns:  nothing.
 * Rules: the roots are those of the reference implementation of certificate transparency, for its eight inputs.
 * Source: RFC 6962 section 2.1; google/certificate-transparency, the vectors of its Merkle tree tests.
 * Runs in: tests.
 * Tests: is one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/sim/hal_sim.h"
#include "tests/sim/witness.h"

#define LEAVES 8
#define SOURCE "urn:twinpost:sim:box:00000:1700000000"

static const char *const inputs[LEAVES] = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
static const char *const roots[LEAVES] = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct fixture {
	char finding[SIM_FINDING_MAX];
	struct witness witness;
	uint8_t leaves[LEAVES][EVENT_HASH_BYTES];
};

static int set_up(void **state)
{
	struct fixture *fixture = mem_alloc(sizeof *fixture);
	witness_open(&fixture->witness, fixture->finding);
	for (int i = 0; i < LEAVES; i++) {
		uint8_t bytes[32] = {0};
		size_t len = strlen(inputs[i]) / 2;
		assert_true(hex_decode(bytes + 1, len, span_of(inputs[i])));
		event_sha256((struct span){(const char *)bytes, len + 1}, fixture->leaves[i]);
	}
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	witness_close(&fixture->witness);
	free(fixture);
	return 0;
}

/* The chain values of these tests are the leaves: what matters is that they are kept. */
static void come(struct fixture *fixture, int count)
{
	const struct witness_source *source = witness_find(&fixture->witness, SOURCE);
	int64_t there = source ? source->count : 0;
	for (int i = (int)there; i < count; i++) {
		struct event event = {
		    .source = SOURCE, .sequence = "", .type = "com.twinpost.invoice.recorded.v1"};
		event.number = i + 1;
		witness_event(&fixture->witness, &event, fixture->leaves[i], fixture->leaves[i]);
	}
}

static void claim(struct fixture *fixture, int size, bool root, const char *hex)
{
	uint8_t hash[EVENT_HASH_BYTES];
	assert_true(hex_decode(hash, sizeof hash, span_of(hex)));
	witness_claim(&fixture->witness, SOURCE, size, root, hash);
}

static void roots_are_those_of_the_reference(void **state)
{
	struct fixture *fixture = *state;
	come(fixture, LEAVES);
	for (int i = 0; i < LEAVES; i++)
		claim(fixture, i + 1, true, roots[i]);
	assert_string_equal(fixture->finding, "");
}

static void a_root_that_is_another_is_found(void **state)
{
	struct fixture *fixture = *state;
	come(fixture, 3);
	claim(fixture, 3, true, roots[3]);
	assert_non_null(strstr(fixture->finding, "the root at 3"));
}

/* What was said of sequences that had not come is held against them. */
static void a_claim_ahead_is_remembered(void **state)
{
	struct fixture *fixture = *state;
	come(fixture, 1);
	claim(fixture, 3, true, roots[2]);
	claim(fixture, 4, false, roots[0]);
	come(fixture, 3);
	assert_string_equal(fixture->finding, "");
	come(fixture, 4);
	assert_non_null(strstr(fixture->finding, "the chain at 4"));
}

/* By hand: in a tree of 3 the third leaf stands alone, beside the node of the first two. */
static void proofs_lead_to_the_root_or_not(void **state)
{
	struct fixture *fixture = *state;
	uint8_t root[EVENT_HASH_BYTES];
	uint8_t path[2][EVENT_HASH_BYTES];
	assert_true(hex_decode(root, sizeof root, span_of(roots[2])));
	memcpy(path[0], fixture->leaves[1], EVENT_HASH_BYTES);
	memcpy(path[1], fixture->leaves[2], EVENT_HASH_BYTES);
	assert_true(
	    witness_proves(fixture->leaves[0], 0, 3, (const uint8_t(*)[EVENT_HASH_BYTES])path, 2, root));
	assert_false(
	    witness_proves(fixture->leaves[0], 1, 3, (const uint8_t(*)[EVENT_HASH_BYTES])path, 2, root));
	assert_false(
	    witness_proves(fixture->leaves[0], 0, 3, (const uint8_t(*)[EVENT_HASH_BYTES])path, 1, root));
	assert_true(hex_decode(path[0], sizeof path[0], span_of(roots[1])));
	assert_true(
	    witness_proves(fixture->leaves[2], 2, 3, (const uint8_t(*)[EVENT_HASH_BYTES])path, 1, root));
	assert_false(
	    witness_proves(fixture->leaves[2], 3, 3, (const uint8_t(*)[EVENT_HASH_BYTES])path, 1, root));
}

static void a_note_is_of_its_key_alone(void **state)
{
	static const struct hal_sim_options options = {.seed = 1, .sector_bytes = 512};
	struct hal_sim *sim = hal_sim_new(&options);
	struct key_pair *key = key_pair_generate(&sim->hal);
	struct key_pair *other = key_pair_generate(&sim->hal);
	struct signed_note note;
	struct buf bytes;
	(void)state;
	buf_init(&bytes, SIGNED_NOTE_BYTES_MAX);
	buf_append_text(&bytes, "one\n\ntwo\n\n"); /* the last empty line parts */
	signed_note_sign(&bytes, SPAN_LITERAL("one\n\ntwo\n"), "sim/box", key);
	assert_true(signed_note_open(&note, buf_span(&bytes)));
	assert_true(span_equal(note.text, SPAN_LITERAL("one\n\ntwo\n")));
	assert_int_equal(signed_note_verify(&note, key_pair_public(key)), SIGNED_NOTE_GOOD);
	assert_int_equal(signed_note_verify(&note, key_pair_public(other)), SIGNED_NOTE_OTHER_KEY);
	bytes.data[0] = 'O';
	assert_int_equal(signed_note_verify(&note, key_pair_public(key)), SIGNED_NOTE_BAD);
	assert_false(signed_note_open(&note, SPAN_LITERAL("one\n")));
	buf_release(&bytes);
	key_pair_free(key);
	key_pair_free(other);
	hal_sim_free(sim);
}

#define RUN(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    RUN(roots_are_those_of_the_reference), RUN(a_root_that_is_another_is_found),
	    RUN(a_claim_ahead_is_remembered),      RUN(proofs_lead_to_the_root_or_not),
	    RUN(a_note_is_of_its_key_alone),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
