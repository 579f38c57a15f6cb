/*
 * status_tables.c - see status_tables.h.
 *
 * Why:   see status_tables.h.
 * Owns:  the writers, in the order of the configuration.
 * Rules: as in status_tables.h.
 * Runs in: the core.
 * Tests: tests/integration/test_status_table.py
 */
#include "firmware/status_tables.h"

#include <stdlib.h>

#include "store_forward/status_queue.h"

struct status_tables {
	struct store *store;
	const struct config *config;
	struct status_writer_sink sink;
	struct status_writer *writers[CONFIG_SOURCES_MAX];
	int count;
	bool tidied; /* nothing waits for a source without a status table */
};

struct status_tables *status_tables_new(struct hal *hal, const struct log *log, struct store *store,
                                        const struct config *config, const struct status_writer_sink *sink)
{
	struct status_tables *tables = mem_alloc(sizeof *tables);
	tables->store = store;
	tables->config = config;
	tables->sink = *sink;
	for (int i = 0; i < config->source_count; i++) {
		const struct config_source *source = &config->sources[i];
		if (status_writer_wanted(config, span_of(source->name)))
			tables->writers[tables->count++] = status_writer_new(hal, log, store, source, sink);
	}
	return tables;
}

void status_tables_free(struct status_tables *tables)
{
	if (!tables)
		return;
	for (int i = 0; i < tables->count; i++)
		status_writer_free(tables->writers[i]);
	free(tables);
}

static enum err tidy(struct status_tables *tables, struct err_info *info)
{
	enum err err = ERR_OK;
	for (int i = 0; i < STORE_STATUS_SOURCES_MAX && err == ERR_OK; i++) {
		const char *name = store_status_source(tables->store, i);
		char source[STORE_SOURCE_NAME_MAX + 1];
		if (!name || status_writer_wanted(tables->config, span_of(name)))
			continue;
		CHECK(text_copy(source, sizeof source, span_of(name)));
		err = tables->sink.begin(tables->sink.self, info);
		if (err == ERR_OK)
			err = store_status_done(tables->store, span_of(source),
			                        store_status_committed(tables->store), info);
	}
	tables->tidied = err == ERR_OK;
	return err;
}

enum err status_tables_step(struct status_tables *tables, int64_t now_ns, int64_t *deadline,
                            struct err_info *info)
{
	enum err err = tables->tidied ? ERR_OK : tidy(tables, info);
	for (int i = 0; i < tables->count && err == ERR_OK; i++) {
		int64_t due = INT64_MAX;
		err = status_writer_step(tables->writers[i], now_ns, &due, info);
		if (due < *deadline)
			*deadline = due;
	}
	return err;
}

static struct status_writer *owner(const struct status_tables *tables, hal_child child)
{
	for (int i = 0; i < tables->count; i++) {
		if (status_writer_owns(tables->writers[i], child))
			return tables->writers[i];
	}
	return NULL;
}

bool status_tables_own(const struct status_tables *tables, hal_child child)
{
	return owner(tables, child) != NULL;
}

enum err status_tables_event(struct status_tables *tables, const struct hal_child_event *event,
                             int64_t now_ns, struct err_info *info)
{
	struct status_writer *writer = owner(tables, event->child);
	return writer ? status_writer_event(writer, event, now_ns, info) : ERR_OK;
}

void status_tables_rolled_back(struct status_tables *tables, int64_t now_ns)
{
	tables->tidied = false;
	for (int i = 0; i < tables->count; i++)
		status_writer_rolled_back(tables->writers[i], now_ns);
}

bool status_tables_idle(const struct status_tables *tables)
{
	for (int i = 0; i < tables->count; i++) {
		if (!status_writer_idle(tables->writers[i]))
			return false;
	}
	return true;
}

int status_tables_count(const struct status_tables *tables)
{
	return tables->count;
}

void status_tables_status(const struct status_tables *tables, int n, struct status_writer_status *status)
{
	CHECK(n >= 0 && n < tables->count);
	status_writer_status(tables->writers[n], status);
}
