/*
 * control_compare_publish.c - a run that was told, as messages for the cloud: up/cmp.
 *
 * Why:   the middleware's people see the same verdict as finance, and their programs act on the same differences.
 * Owns:  what is gathered while the messages are written.
 * Rules: 1. In the transaction of the run's entry in the audit: both are on the disk, or neither.
 *        2. A message that is too large for the broker, or one too many that wait, does not hold up the run: it is not
 *           sent, and the answer says so.
 *        3. Differences are those of the ledger, an accepted one as accepted; what the run says besides is as it came.
 * Runs in: the core.
 * Tests: tests/unit/control_breaks_test.c
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>

#include "connector/compare/cmp_message.h"
#include "connector/posting/date.h"
#include "connector/posting/validity.h"
#include "firmware/comparison.h"
#include "firmware/control_commands.h"
#include "store_forward/mail.h"

#define WHYS_MAX   16
#define COUNTS_MAX 32
#define TOTALS_MAX 64
#define PERIOD_MAX 16

struct message {
	struct cmp_run run;
	struct span why[WHYS_MAX];
	struct span entities[BREAKS_ENTITIES_MAX];
	struct cmp_stream streams[STORE_STREAMS_MAX];
	struct cmp_count counts[COUNTS_MAX];
	struct cmp_total totals[TOTALS_MAX];
	struct cmp_difference differences[CMP_DIFFERENCES_MAX];
	char periods[CMP_DIFFERENCES_MAX][PERIOD_MAX];
	int found;
	struct buf texts; /* of the differences */
};

static struct span text_in(const cJSON *object, const char *name)
{
	return span_of(cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name)));
}

/* 0 where it is no count. */
static int64_t count_of(const cJSON *item)
{
	double value = cJSON_IsNumber(item) ? item->valuedouble : 0;
	return value >= 0 && value < 9007199254740992.0 ? (int64_t)value : 0;
}

static int64_t count_in(const cJSON *object, const char *name)
{
	return count_of(cJSON_GetObjectItemCaseSensitive(object, name));
}

static struct decimal amount_in(const cJSON *object, const char *name)
{
	struct decimal amount = {0, 0};
	if (decimal_parse(&amount, text_in(object, name)) != ERR_OK)
		amount = (struct decimal){0, 0};
	return amount;
}

static void read_cut(struct message *message, const cJSON *cut)
{
	const cJSON *legacy = cJSON_GetObjectItemCaseSensitive(cut, "legacy");
	const cJSON *cloud = cJSON_GetObjectItemCaseSensitive(cut, "cloud");
	const cJSON *item;
	message->run.legacy_count = count_in(legacy, "count");
	message->run.cloud_count = count_in(cloud, "count");
	message->run.cloud_sequence = count_in(cloud, "sequence");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(legacy, "streams"))
	{
		if (message->run.stream_count == STORE_STREAMS_MAX)
			break;
		message->streams[message->run.stream_count++] =
		    (struct cmp_stream){.name = text_in(item, "name"),
		                        .epoch = count_in(item, "epoch"),
		                        .sequence = count_in(item, "sequence")};
	}
}

static void read_figures(struct message *message, const cJSON *figures)
{
	struct cmp_run *run = &message->run;
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(figures, "why"))
	{
		struct span why = span_of(cJSON_GetStringValue(item));
		if (run->why_count < WHYS_MAX && why.len > 0)
			message->why[run->why_count++] = why;
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(figures, "counts"))
	{
		if (run->count_count < COUNTS_MAX && item->string)
			message->counts[run->count_count++] =
			    (struct cmp_count){span_of(item->string), count_of(item)};
	}
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(figures, "totals"))
	{
		if (run->total_count < TOTALS_MAX)
			message->totals[run->total_count++] =
			    (struct cmp_total){.currency = text_in(item, "currency"),
			                       .gross = amount_in(item, "gross"),
			                       .net = amount_in(item, "net")};
	}
}

static void read_scope(struct message *message, const cJSON *scope)
{
	const cJSON *item;
	message->run.from = text_in(scope, "from");
	message->run.to = text_in(scope, "to");
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(scope, "entities"))
	{
		struct span entity = span_of(cJSON_GetStringValue(item));
		if (message->run.entity_count < BREAKS_ENTITIES_MAX && entity.len > 0)
			message->entities[message->run.entity_count++] = entity;
	}
}

/* ---- differences ---- */

static struct decimal in_major_units(int64_t minor_units, struct span currency)
{
	int digits = currency_minor_units(currency);
	return (struct decimal){minor_units, (uint8_t)(digits < 0 ? 0 : digits)};
}

/* The row's texts die with the visit; they move into `texts`, and are found again by their place. */
static bool add_difference(void *self, const struct ledger_break *one)
{
	struct message *message = self;
	if (span_equal(one->key, SPAN_LITERAL(BREAKS_MANY_NEW)))
		return true;
	struct cmp_difference *to = &message->differences[message->found];
	char *period = message->periods[message->found];
	period[0] = 0;
	if (one->period > 0)
		(void)snprintf(period, PERIOD_MAX, "%04d-%02d", (int)(one->period / 100) % 10000,
		               (int)(one->period % 100));
	*to = (struct cmp_difference){
	    .key = one->key,
	    .status = one->state == BREAK_ACCEPTED ? SPAN_LITERAL("accepted") : one->status,
	    .cause = one->cause,
	    .legacy = one->legacy,
	    .cloud = one->cloud,
	    .entity = one->entity,
	    .document_type = one->document_type,
	    .currency = one->currency,
	    .text = one->text,
	    .gross = in_major_units(one->gross, one->currency),
	    .net = in_major_units(one->net, one->currency),
	};
	struct span *const texts[] = {&to->key,    &to->status,        &to->cause,    &to->legacy, &to->cloud,
	                              &to->entity, &to->document_type, &to->currency, &to->text};
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
		buf_append_span(&message->texts, *texts[i]);
	to->period = span_of(period);
	message->found++;
	return message->found < CMP_DIFFERENCES_MAX;
}

static void find_texts(struct message *message)
{
	size_t at = 0;
	CHECK(buf_ok(&message->texts));
	for (int i = 0; i < message->found; i++) {
		struct cmp_difference *to = &message->differences[i];
		struct span *const texts[] = {&to->key,           &to->status,   &to->cause,
		                              &to->legacy,        &to->cloud,    &to->entity,
		                              &to->document_type, &to->currency, &to->text};
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++) {
			texts[k]->data = (const char *)message->texts.data + at;
			at += texts[k]->len;
		}
	}
}

static enum err gather(struct message *message, const struct control_view *view,
                       const struct comparison_told *told, const cJSON *about, struct err_info *info)
{
	message->run = (struct cmp_run){
	    .id = span_of(told->run.run),
	    .verdict = text_in(about, "verdict"),
	    .why = message->why,
	    .at_ns = told->run.at_ns,
	    .streams = message->streams,
	    .entities = message->entities,
	    .counts = message->counts,
	    .totals = message->totals,
	    .differences = message->differences,
	};
	read_cut(message, cJSON_GetObjectItemCaseSensitive(about, "cut"));
	read_figures(message, cJSON_GetObjectItemCaseSensitive(about, "figures"));
	read_scope(message, cJSON_GetObjectItemCaseSensitive(about, "scope"));
	/* One more than are told: what stands for many new ones is among them, and is none. */
	enum err err = ledger_breaks_of_session(comparison_ledger(view->comparison), told->run.session,
	                                        CMP_DIFFERENCES_MAX + 1, add_difference, message, info);
	find_texts(message);
	message->run.difference_count =
	    message->found < CMP_DIFFERENCES_MAX ? message->found : told->run.counts.seen;
	return err;
}

/* ---- sending ---- */

static bool can_wait(enum err err)
{
	return err == ERR_TOO_LARGE || err == ERR_FULL;
}

static enum err mail_pages(const struct control_view *view, const struct message *message, int *pages,
                           struct err_info *info)
{
	struct cmp_pages writing;
	struct buf page;
	size_t limit = (size_t)view->config->uplink.message_bytes_max;
	enum err err = cmp_pages_open(&writing, &message->run,
	                              limit < STORE_MAIL_BYTES_MAX ? limit : STORE_MAIL_BYTES_MAX, info);
	*pages = 0;
	buf_init(&page, STORE_MAIL_BYTES_MAX);
	while (err == ERR_OK && cmp_pages_next(&writing, &page)) {
		err = store_mail_add(view->store, SPAN_LITERAL("up/cmp"), buf_span(&page), info);
		*pages += err == ERR_OK;
		buf_clear(&page);
	}
	buf_release(&page);
	return can_wait(err) ? ERR_OK : err;
}

enum err control_compare_publish(const struct control_view *view, const struct comparison_told *told,
                                 int *pages, struct err_info *info)
{
	struct message *message = mem_alloc(sizeof *message);
	cJSON *about = cJSON_ParseWithLength((const char *)told->about.data, told->about.len);
	buf_init(&message->texts, (size_t)CMP_DIFFERENCES_MAX * BREAK_ROW_BYTES_MAX);
	CHECK(about != NULL); /* written by control_compare_begin() */
	enum err err = gather(message, view, told, about, info);
	if (err == ERR_OK)
		err = mail_pages(view, message, pages, info);
	buf_release(&message->texts);
	cJSON_Delete(about);
	free(message);
	return err;
}
