/*
 * proof.c - what proof costs a posting: the same events with and without it, in one run.
 *
 * Why:   30 microseconds a posting is the budget of the contract; in a whole run it is hidden.
 * Owns:  nothing beyond its process.
 * Rules: 1. Measured: H(data), id, leaf, chain, Merkle tree, control totals of each posting; a control event and a
 *           signed checkpoint for each 256 leaves. The functions are the product's own.
 *        2. Compared with the bytes alone: the same envelope's length copied into a buffer.
 *        3. The totals' document is a journal of four lines; processor time, not wall time.
 * Runs in: make bench.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connector/uplink/checkpoint.h"
#include "connector/uplink/envelope.h"
#include "connector/uplink/totals.h"
#include "hal/keys_crypto.h"
#include "store_forward/merkle.h"
#include "tests/lib/sample_documents.h"
#include "tests/lib/test_hal.h"

#define POSTINGS 100000
#define PIECE    256

static double cpu_seconds(void)
{
	struct timespec now;
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now) == 0);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct bench {
	struct buf data;
	struct buf event;
	struct buf control;
	struct merkle_peaks tree;
	struct digest chain;
	struct totals totals;
	struct document document;
	struct key_pair *pair;
	int64_t sequence;
};

static void make_journal(struct bench *bench)
{
	struct canonical canonical;
	document_init(&bench->document);
	sample_make_journal(&bench->document);
	canonical_init(&canonical);
	canonical_write(&canonical, &bench->document, &bench->data);
	CHECK(buf_ok(&bench->data));
}

static void checkpoint(struct bench *bench)
{
	uint8_t signature[HAL_SIGNATURE_MAX];
	size_t len;
	const struct checkpoint covered = {.source = SPAN_LITERAL("urn:twinpost:acme:gw1:00100:1795239650"),
	                                   .size = bench->sequence,
	                                   .root = merkle_root(&bench->tree),
	                                   .chain = bench->chain,
	                                   .time_ns = 1};
	buf_clear(&bench->control);
	totals_write(&bench->totals, bench->sequence, &bench->control);
	totals_begin(&bench->totals, bench->sequence + 1);
	buf_clear(&bench->control);
	checkpoint_encode(&bench->control, &covered);
	key_pair_sign(bench->pair, buf_span(&bench->control), signature, &len);
}

static void prove(struct bench *bench)
{
	struct digest leaf;
	struct digest chain;
	struct digest completed[MERKLE_PEAKS];
	struct err_info info;
	const struct span data = buf_span(&bench->data);
	const struct envelope envelope = {
	    .source = SPAN_LITERAL("urn:twinpost:acme:gw1:00100:1795239650"),
	    .sequence = ++bench->sequence,
	    .kind = envelope_kind_of(DOCUMENT_JOURNAL),
	    .subject = SPAN_LITERAL("00100/journal/2026/JE-1"),
	    .revision = 1,
	    .recorded_ns = 1,
	    .profile_version = SPAN_LITERAL("jde/1"),
	    .data = data,
	    .data_digest = digest_of(&data, 1),
	};
	buf_clear(&bench->event);
	envelope_write(&envelope, &bench->chain, &bench->event, &leaf, &chain);
	bench->chain = chain;
	(void)merkle_append(&bench->tree, &leaf, completed);
	CHECK(totals_add(&bench->totals, &bench->document, NULL, bench->sequence, &info) == ERR_OK);
	if (bench->sequence % PIECE == 0)
		checkpoint(bench);
}

int main(void)
{
	struct test_hal hal;
	static struct bench bench;
	test_hal_init(&hal, 1);
	buf_init(&bench.data, 1u << 20);
	buf_init(&bench.event, 1u << 20);
	buf_init(&bench.control, 1u << 20);
	totals_init(&bench.totals);
	make_journal(&bench);
	bench.pair = key_pair_generate(&hal.hal);
	for (int i = 0; i < 1000; i++)
		prove(&bench);
	double begun = cpu_seconds();
	for (int i = 0; i < POSTINGS; i++)
		prove(&bench);
	double proven = cpu_seconds() - begun;
	size_t len = bench.event.len;
	struct buf copy;
	buf_init(&copy, 1u << 20);
	begun = cpu_seconds();
	for (int i = 0; i < POSTINGS; i++) {
		buf_clear(&copy);
		buf_append(&copy, bench.event.data, len);
	}
	double copied = cpu_seconds() - begun;
	double each_us = (proven - copied) / POSTINGS * 1e6;
	printf("proof of a posting: %.1f microseconds of one core (budget 30); events of %zu bytes, %d "
	       "leaves a checkpoint\n",
	       each_us, len, PIECE);
	key_pair_free(bench.pair);
	return each_us > 30;
}
