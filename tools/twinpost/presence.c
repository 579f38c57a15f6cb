/*
 * presence.c - writes what presence.h says.
 *
 * Why:   see presence.h.
 * Owns:  nothing.
 * Rules: as in presence.h.
 * Runs in: the core.
 * Tests: tests/unit/presence_test.c
 */
#include "connector/uplink/presence.h"

#include "connector/posting/json_write.h"

int presence_pages(const struct store *store)
{
	int count = store_stream_count(store);
	return count <= PRESENCE_STREAMS_MAX ? 1 : (count + PRESENCE_STREAMS_MAX - 1) / PRESENCE_STREAMS_MAX;
}

static void write_stream(struct json *json, const struct store_stream *stream)
{
	char chain[DIGEST_HEX_SIZE];
	digest_hex(&stream->chain, chain);
	json_object(json, NULL);
	json_put_text(json, "chain", chain);
	json_put_integer(json, "checkpoint", stream->checkpoint_size);
	json_put_integer(json, "sequence", stream->next_sequence - 1);
	json_put_text(json, "source", stream->source);
	json_put_text(json, "stream", stream->name);
	json_object_end(json);
}

void presence_alive(struct buf *out, const struct presence *presence, const struct store *store,
                    const char *kind, int page, presence_filter filter, void *self)
{
	CHECK(page >= 1 && page <= presence_pages(store));
	struct json json;
	json_init(&json, out);
	json_object(&json, NULL);
	json_put_text(&json, "boot", presence->boot);
	json_put_text(&json, "kind", kind);
	if (presence->note.len > 0)
		json_put_span(&json, "note", presence->note);
	json_put_integer(&json, "page", page);
	json_put_integer(&json, "pages", presence_pages(store));
	json_list(&json, "streams");
	int end = page * PRESENCE_STREAMS_MAX;
	for (int i = end - PRESENCE_STREAMS_MAX; i < end && i < store_stream_count(store); i++) {
		const struct store_stream *stream = store_stream_at(store, i);
		if (!filter || filter(self, stream))
			write_stream(&json, stream);
	}
	json_list_end(&json);
	json_put_instant(&json, "time", presence->wall_ns);
	json_put_text(&json, "version", presence->version);
	json_object_end(&json);
}

void presence_death(struct buf *out, const char *boot, enum presence_death reason, int64_t wall_ns)
{
	struct json json;
	json_init(&json, out);
	json_object(&json, NULL);
	json_put_text(&json, "boot", boot);
	json_put_text(&json, "kind", "death");
	json_put_text(&json, "reason", reason == PRESENCE_LOST ? "lost" : "stopped");
	json_put_instant(&json, "time", wall_ns);
	json_object_end(&json);
}

void presence_metric(struct buf *out, const struct presence_counter *counters, int count, int64_t wall_ns)
{
	struct json json;
	json_init(&json, out);
	json_object(&json, NULL);
	json_object(&json, "counters");
	for (int i = 0; i < count; i++)
		json_put_count(&json, counters[i].name, counters[i].value);
	json_object_end(&json);
	json_put_instant(&json, "time", wall_ns);
	json_object_end(&json);
}
