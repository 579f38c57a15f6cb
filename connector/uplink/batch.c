/*
 * batch.c - packs events into one CloudEvent.
 *
 * Why:   see batch.h.
 * Owns:  the buffers of struct batch.
 * Rules: as in batch.h.
 * Faults: zlib without memory is the box's end (CHECK).
 * Runs in: the core.
 * Tests: tests/unit/batch_test.c
 */
#include "connector/uplink/batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <zlib.h>

#include "connector/posting/canonical.h"
#include "connector/posting/date.h"
#include "hal/base/base64.h"

/* Envelope and names around the data: fixed texts, a source, a subject. */
#define OVERHEAD_BYTES 768u
#define ID_BYTES       16
#define LINES_MAX      ((size_t)BATCH_EVENTS_MAX * 2048u + STORE_EVENT_BYTES_MAX)

void batch_init(struct batch *batch)
{
	*batch = (struct batch){.count = 0};
	buf_init(&batch->lines, LINES_MAX);
	buf_init(&batch->packed, LINES_MAX + LINES_MAX / 1000 + 64);
}

void batch_release(struct batch *batch)
{
	buf_release(&batch->lines);
	buf_release(&batch->packed);
}

void batch_clear(struct batch *batch)
{
	buf_clear(&batch->lines);
	batch->count = 0;
}

bool batch_add(struct batch *batch, struct span event, size_t limit)
{
	size_t lines = batch->lines.len + event.len + 1;
	/* compressBound() holds for bytes that do not compress; base64 makes 4 of 3. */
	size_t worst = (compressBound((uLong)lines) + 2) / 3 * 4 + OVERHEAD_BYTES;
	if (batch->count > 0 && (worst > limit || batch->count == BATCH_EVENTS_MAX || lines > LINES_MAX))
		return false;
	buf_append_span(&batch->lines, event);
	buf_append_char(&batch->lines, '\n');
	batch->count++;
	return true;
}

/* Every event begins with its chain value: keys are sorted. */
static bool chain_of_last(const struct batch *batch, struct digest *chain)
{
	static const char head[] = "{\"chainhash\":\"";
	size_t at = batch->lines.len - 1;
	while (at > 0 && batch->lines.data[at - 1] != '\n')
		at--;
	struct span last = {(const char *)batch->lines.data + at, batch->lines.len - at};
	if (last.len < sizeof head + DIGEST_HEX_SIZE ||
	    !span_equal((struct span){last.data, sizeof head - 1}, SPAN_LITERAL(head)))
		return false;
	return hex_decode(chain->bytes, DIGEST_BYTES,
	                  (struct span){last.data + sizeof head - 1, DIGEST_BYTES * 2});
}

static void pack(struct batch *batch)
{
	buf_clear(&batch->packed);
	uLongf size = compressBound((uLong)batch->lines.len);
	uint8_t *room = buf_reserve(&batch->packed, size);
	CHECK(room != NULL);
	CHECK(compress2(room, &size, batch->lines.data, (uLong)batch->lines.len, Z_DEFAULT_COMPRESSION) ==
	      Z_OK);
	buf_added(&batch->packed, size);
}

static void make_id(const struct batch *batch, const struct store_stream *stream, int64_t first, char *id)
{
	char range[64];
	char chain[DIGEST_HEX_SIZE];
	digest_hex(&batch->chain, chain);
	(void)snprintf(range, sizeof range, "\n%020" PRId64 "\n%020" PRId64 "\n", first,
	               first + batch->count - 1);
	const struct span parts[] = {
	    SPAN_LITERAL("tp1/batch/v1\n"),
	    span_of(stream->source),
	    span_of(range),
	    span_of(chain),
	    SPAN_LITERAL("\n"),
	};
	struct digest digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	hex_encode(id, digest.bytes, ID_BYTES);
}

enum err batch_write(struct batch *batch, const struct store_stream *stream, int64_t first, int64_t wall_ns,
                     struct buf *out, struct err_info *info)
{
	char id[2 * ID_BYTES + 1];
	char time[INSTANT_TEXT_SIZE];
	CHECK(batch->count > 0 && first > 0);
	if (!chain_of_last(batch, &batch->chain))
		return err_set(info, ERR_CORRUPT,
		               "the outbox of stream %s: sequence %" PRId64 " is no event of ours",
		               stream->name, first + batch->count - 1);
	pack(batch);
	make_id(batch, stream, first, id);
	instant_print(wall_ns, time);
	buf_printf(out, "{\"contentencoding\":\"deflate\",\"count\":%d,\"data_base64\":\"", batch->count);
	base64_encode(out, batch->packed.data, batch->packed.len);
	buf_printf(out,
	           "\",\"datacontenttype\":\"application/x-ndjson\",\"id\":\"%s\",\"sequence\":\"%020" PRId64
	           "\"",
	           id, first);
	buf_printf(out, ",\"sequencelast\":\"%020" PRId64 "\",\"source\":\"%s\",\"specversion\":\"1.0\"",
	           first + batch->count - 1, stream->source);
	buf_printf(out, ",\"subject\":\"%s/batch/%" PRId64 "/%" PRId64 "\",\"time\":\"%s\"", stream->name,
	           stream->epoch, first, time);
	buf_append_text(out, ",\"type\":\"com.twinpost.posting.batch.v1\"}");
	return ERR_OK;
}
