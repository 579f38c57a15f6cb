/*
 * cloud_exceptions.c - writes exceptions as messages of up/exc.
 *
 * Why:   see cloud_exceptions.h.
 * Owns:  see cloud_exceptions.h.
 * Rules: as in cloud_exceptions.h.
 * Runs in: the core.
 * Tests: tests/unit/cloud_exceptions_test.c
 */
#include "firmware/cloud_exceptions.h"

#include <string.h>

#include "connector/posting/json_write.h"
#include "store_forward/mail.h"
#include "store_forward/meta.h"

#define META_TOLD    "exceptions.told"
#define TOLD_BYTES   8
#define CHANGES_MAX  100  /* in one transaction; the rest follows in the next */
#define MAIL_RESERVE 1000 /* places that exceptions leave to checkpoints and answers */
#define MESSAGE_MAX  8192

static enum err load_told(struct cloud_exceptions *exceptions, struct err_info *info)
{
	struct buf bytes;
	buf_init(&bytes, STORE_META_BYTES_MAX);
	enum err err = store_meta_get(exceptions->store, META_TOLD, &bytes, info);
	exceptions->told = 0;
	if (err == ERR_OK && bytes.len == TOLD_BYTES) {
		struct reader reader;
		reader_init(&reader, bytes.data, bytes.len);
		uint64_t told = read_u64(&reader);
		exceptions->told = told <= INT64_MAX ? (int64_t)told : 0;
	}
	buf_release(&bytes);
	exceptions->known = err == ERR_OK || err == ERR_NOT_FOUND;
	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

enum err cloud_exceptions_open(struct cloud_exceptions *exceptions, struct store *store,
                               const struct config *config, struct hal *hal, struct err_info *info)
{
	*exceptions = (struct cloud_exceptions){.hal = hal, .store = store, .config = config};
	buf_init(&exceptions->payload, MESSAGE_MAX);
	return load_told(exceptions, info);
}

void cloud_exceptions_close(struct cloud_exceptions *exceptions)
{
	buf_release(&exceptions->payload);
}

void cloud_exceptions_rolled_back(struct cloud_exceptions *exceptions)
{
	exceptions->known = false;
}

static const char *owner_of(const struct config *config, enum store_owner class_)
{
	switch (class_) {
	case STORE_OWNER_TECHNICAL:
		return config->owners.technical;
	case STORE_OWNER_DATA_QUALITY:
		return config->owners.data_quality;
	case STORE_OWNER_MAPPING:
		return config->owners.mapping;
	case STORE_OWNER_POLICY:
		return config->owners.policy;
	}
	BUG("unknown class");
}

static void write_message(struct cloud_exceptions *exceptions, const struct store_exception *exception)
{
	struct json json;
	buf_clear(&exceptions->payload);
	json_init(&json, &exceptions->payload);
	json_object(&json, NULL);
	json_put_text(&json, "class", store_owner_name(exception->owner));
	json_put_integer(&json, "count", exception->count);
	json_put_integer(&json, "exception", exception->id);
	json_put_span(&json, "key", exception->key);
	json_put_text(&json, "owner", owner_of(exceptions->config, exception->owner));
	json_put_span(&json, "rule", exception->rule);
	json_put_instant(&json, "since", exception->first_ns);
	json_put_span(&json, "source", exception->source);
	json_put_text(&json, "state",
	              !exception->open          ? "closed"
	              : exception->acknowledged ? "acknowledged"
	                                        : "open");
	json_put_span(&json, "text", exception->text);
	json_put_instant(&json, "time", hal_wall_ns(exceptions->hal));
	json_object_end(&json);
}

struct publishing {
	struct cloud_exceptions *exceptions;
	int64_t told;
	enum err err;
	struct err_info *info;
};

static bool publish_one(void *self, const struct store_exception *exception)
{
	struct publishing *publishing = self;
	struct cloud_exceptions *exceptions = publishing->exceptions;
	write_message(exceptions, exception);
	if (buf_ok(&exceptions->payload))
		publishing->err = store_mail_add(exceptions->store, SPAN_LITERAL("up/exc"),
		                                 buf_span(&exceptions->payload), publishing->info);
	publishing->told = exception->change;
	return publishing->err == ERR_OK;
}

enum err cloud_exceptions_publish(struct cloud_exceptions *exceptions, struct err_info *info)
{
	enum err err = exceptions->known ? ERR_OK : load_told(exceptions, info);
	struct publishing publishing = {.exceptions = exceptions, .told = exceptions->told, .info = info};
	int64_t waiting = store_mail_next_id(exceptions->store) - 1 - store_mail_acked(exceptions->store);
	if (err != ERR_OK || waiting + CHANGES_MAX > STORE_MAIL_ROWS_MAX - MAIL_RESERVE)
		return err;
	err = store_exceptions_changed(exceptions->store, exceptions->told, CHANGES_MAX, publish_one,
	                               &publishing, info);
	if (err == ERR_OK)
		err = publishing.err;
	if (err != ERR_OK || publishing.told == exceptions->told)
		return err;
	struct buf bytes;
	buf_init(&bytes, TOLD_BYTES);
	buf_u64(&bytes, (uint64_t)publishing.told);
	err = store_meta_put(exceptions->store, META_TOLD, buf_span(&bytes), info);
	buf_release(&bytes);
	if (err == ERR_OK)
		exceptions->told = publishing.told;
	return err;
}
