/*
 * envelope_test.c - the bytes of an event against a known answer that was computed without this code.
 *
 * Why:   subscribers in other languages rebuild id, leaf and chain from these bytes.
 * Known answer: Python 3 hashlib, following the formats of envelope.h and chain.h by hand:
 *        hd = sha256(data).hex; id = sha256("tp1/id/v1\n" subject "\n1\n" hd "\n").hex; leaf and chain as in chain.h.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "connector/uplink/envelope.h"

#define DATA   "{\"entity\":\"00001\",\"number\":\"JE-7\"}"
#define SOURCE "urn:twinpost:acme:gw-01:00001:1700000000"

static struct envelope example(void)
{
	const struct span data = SPAN_LITERAL(DATA);
	return (struct envelope){
	    .source = SPAN_LITERAL(SOURCE),
	    .sequence = 1,
	    .kind = envelope_kind_of(DOCUMENT_JOURNAL),
	    .change = ENVELOPE_RECORDED,
	    .subject = SPAN_LITERAL("00001/journal/2024/JE-7"),
	    .revision = 1,
	    .recorded_ns = INT64_C(1700000000123456789),
	    .phase = CONFIG_PHASE_SHADOW,
	    .profile_version = SPAN_LITERAL("jde/1"),
	    .data = data,
	    .data_digest = digest_of(&data, 1),
	};
}

/* One event, byte for byte, with its chain value. */
static void test_known_answer(void **state)
{
	(void)state;
	static const char expected[] =
	    "{\"chainhash\":\"094b85e4f5a018f8ab8e01466d4cfe3438df0b935e741810f42eb4a091c790f1\","
	    "\"data\":" DATA ",\"datacontenttype\":\"application/json\","
	    "\"dataschema\":\"urn:twinpost:schema:journal:1.1\",\"id\":\"39ee238dcedecac906d45a8c0864c76e\","
	    "\"partitionkey\":\"00001/journal/2024/JE-7\",\"phase\":\"shadow\",\"profileversion\":\"jde/1\","
	    "\"revision\":1,\"sequence\":\"00000000000000000001\",\"source\":\"" SOURCE "\","
	    "\"specversion\":\"1.0\",\"subject\":\"00001/journal/2024/JE-7\","
	    "\"time\":\"2023-11-14T22:13:20.123Z\","
	    "\"traceparent\":\"00-39ee238dcedecac906d45a8c0864c76e-3e7f6fbde33fdaec-01\","
	    "\"type\":\"com.twinpost.journal.recorded.v1\"}";
	struct envelope envelope = example();
	struct digest start = chain_start(envelope.source);
	struct digest leaf;
	struct digest chain;
	struct buf out;
	buf_init(&out, 4096);
	envelope_write(&envelope, &start, &out, &leaf, &chain);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_cstr(&out), expected);
	/* The chain value that the event shows is that of its leaf. */
	struct digest linked = chain_link(&start, &leaf);
	assert_true(digest_equal(&linked, &chain));
	buf_release(&out);
}

/* The same document gives the same id; another revision or other content gives another. */
static void test_id_is_deterministic(void **state)
{
	(void)state;
	struct envelope envelope = example();
	struct digest start = chain_start(envelope.source);
	struct digest leaf;
	struct digest chain;
	struct buf first;
	struct buf second;
	buf_init(&first, 4096);
	buf_init(&second, 4096);
	envelope_write(&envelope, &start, &first, &leaf, &chain);
	envelope.sequence = 2;
	envelope.change = ENVELOPE_AMENDED;
	envelope.recorded_ns += 1000;
	envelope_write(&envelope, &chain, &second, &leaf, &chain);
	assert_non_null(strstr(buf_cstr(&second), "\"id\":\"39ee238dcedecac906d45a8c0864c76e\""));
	assert_non_null(strstr(buf_cstr(&second), "com.twinpost.journal.amended.v1"));
	buf_clear(&second);
	envelope.revision = 2;
	envelope_write(&envelope, &chain, &second, &leaf, &chain);
	assert_null(strstr(buf_cstr(&second), "39ee238dcedecac906d45a8c0864c76e"));
	buf_release(&first);
	buf_release(&second);
}

/* The version of the rules stands in its place by the order of keys; neither id nor leaf covers it. */
static void test_mapping_version(void **state)
{
	(void)state;
	struct envelope envelope = example();
	struct digest start = chain_start(envelope.source);
	struct digest leaf;
	struct digest mapped_leaf;
	struct digest chain;
	struct buf out;
	buf_init(&out, 4096);
	envelope_write(&envelope, &start, &out, &leaf, &chain);
	assert_null(strstr(buf_cstr(&out), "mappingversion"));
	buf_clear(&out);
	envelope.mapping_version = SPAN_LITERAL("9f86d081884c7d65");
	envelope_write(&envelope, &start, &out, &mapped_leaf, &chain);
	assert_non_null(strstr(buf_cstr(&out), ",\"id\":\"39ee238dcedecac906d45a8c0864c76e\","
	                                       "\"mappingversion\":\"9f86d081884c7d65\",\"partitionkey\":"));
	assert_true(digest_equal(&leaf, &mapped_leaf));
	buf_release(&out);
}

/* A buffer that is too small is told, never cut silently. */
static void test_too_small_a_buffer(void **state)
{
	(void)state;
	struct envelope envelope = example();
	struct digest start = chain_start(envelope.source);
	struct digest leaf;
	struct digest chain;
	struct buf out;
	buf_init(&out, 100);
	envelope_write(&envelope, &start, &out, &leaf, &chain);
	assert_false(buf_ok(&out));
	buf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_known_answer),
	    cmocka_unit_test(test_id_is_deterministic),
	    cmocka_unit_test(test_mapping_version),
	    cmocka_unit_test(test_too_small_a_buffer),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
