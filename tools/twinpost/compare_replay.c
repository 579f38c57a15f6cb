/*
 * compare_replay.c - see compare_replay.h.
 *
 * Why:   see compare_replay.h.
 * Owns:  see compare_replay.h.
 * Rules: as in compare_replay.h.
 * Faults: see compare_replay.h.
 * Runs in: the CLI.
 * Tests: see compare_replay.h.
 */
#include "tools/twinpost/compare_replay.h"

#include <stdlib.h>
#include <string.h>

#include "tools/twinpost/client.h"

void replay_side_init(struct replay_side *side)
{
	*side = (struct replay_side){.list = NULL};
}

void replay_side_release(struct replay_side *side)
{
	for (int64_t i = 0; i < side->count; i++) {
		const struct replay_difference *one = &side->list[i];
		char *const texts[] = {one->key,      one->status, one->cause,
		                       one->currency, one->fields, one->subject};
		for (size_t k = 0; k < sizeof texts / sizeof texts[0]; k++)
			free(texts[k]);
	}
	free(side->list);
	replay_side_init(side);
}

static char *copy_member(const cJSON *object, const char *name)
{
	return mem_copy_text(span_of(member_text(object, name)));
}

enum err replay_add(struct replay_side *side, struct span line, struct err_info *info)
{
	struct decimal gross, net;
	cJSON *root = cJSON_ParseWithLength(line.data, line.len);
	if (decimal_parse(&gross, span_of(member_text(root, "gross"))) != ERR_OK ||
	    decimal_parse(&net, span_of(member_text(root, "net"))) != ERR_OK) {
		cJSON_Delete(root);
		return err_set(info, ERR_CORRUPT, "a difference of the comparison cannot be read");
	}
	if (side->count == side->capacity) {
		side->capacity = side->capacity ? 2 * side->capacity : 256;
		side->list = mem_grow(side->list, (size_t)side->capacity * sizeof side->list[0]);
	}
	const cJSON *legacy = member(root, "legacy");
	bool of_legacy = cJSON_IsObject(legacy);
	char *fields = cJSON_PrintUnformatted(member(root, "fields"));
	side->list[side->count] = (struct replay_difference){
	    .key = copy_member(root, "key"),
	    .status = copy_member(root, "status"),
	    .cause = copy_member(root, "cause"),
	    .currency = copy_member(root, "currency"),
	    .fields = fields ? fields : mem_copy_text((struct span){"", 0}),
	    .subject = copy_member(of_legacy ? legacy : member(root, "cloud"), "subject"),
	    .legacy = of_legacy,
	    .gross = gross,
	    .net = net,
	    .place = side->count,
	};
	side->count++;
	cJSON_Delete(root);
	return ERR_OK;
}

static int by_key(const void *a, const void *b)
{
	const struct replay_difference *one = a;
	const struct replay_difference *other = b;
	int order = strcmp(one->key, other->key);
	return order != 0 ? order : (one->place > other->place) - (one->place < other->place);
}

void replay_sort(struct replay_side *side)
{
	if (side->count > 0)
		qsort(side->list, (size_t)side->count, sizeof side->list[0], by_key);
}

const char *replay_kind_name(enum replay_kind kind)
{
	static const char *const names[REPLAY_KIND_COUNT] = {"cleared", "created", "changed"};
	CHECK(kind < REPLAY_KIND_COUNT);
	return names[kind];
}

static bool is_same(const struct replay_difference *one, const struct replay_difference *other)
{
	return strcmp(one->status, other->status) == 0 && strcmp(one->cause, other->cause) == 0 &&
	       strcmp(one->currency, other->currency) == 0 && strcmp(one->fields, other->fields) == 0 &&
	       decimal_compare(one->gross, other->gross) == 0 && decimal_compare(one->net, other->net) == 0;
}

void replay_compare(const struct replay_side *before, const struct replay_side *after, replay_visitor visit,
                    void *self)
{
	int64_t i = 0;
	int64_t k = 0;
	while (i < before->count || k < after->count) {
		const struct replay_difference *old = i < before->count ? &before->list[i] : NULL;
		const struct replay_difference *new = k < after->count ? &after->list[k] : NULL;
		int order = !old ? 1 : !new ? -1 : strcmp(old->key, new->key);
		if (order < 0)
			visit(self, REPLAY_CLEARED, old, NULL);
		else if (order > 0)
			visit(self, REPLAY_CREATED, NULL, new);
		else if (!is_same(old, new))
			visit(self, REPLAY_CHANGED, old, new);
		i += order <= 0;
		k += order >= 0;
	}
}
