/*
 * profile.c - the memory of a profile and questions to it.
 *
 * Why:   see profile.h.
 * Owns:  the blocks of a profile.
 * Rules: a profile is built once and freed whole.
 * Runs in: every process that checks a configuration; the core.
 * Tests: tests/unit/profile_test.c
 */
#include "connector/source/profile.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES (16u * 1024u)

struct profile_block {
	struct profile_block *next;
	size_t used;
	size_t size;
	_Alignas(max_align_t) unsigned char bytes[];
};

void *profile_alloc(struct profile *profile, size_t size)
{
	size_t step = _Alignof(max_align_t);
	size_t need = (size + step - 1) / step * step;
	struct profile_block *block = profile->blocks;
	if (!block || need > block->size - block->used) {
		size_t room = need > BLOCK_BYTES ? need : BLOCK_BYTES;
		block = mem_alloc(sizeof *block + room);
		block->size = room;
		block->next = profile->blocks;
		profile->blocks = block;
	}
	void *memory = block->bytes + block->used;
	block->used += need;
	return memory;
}

struct span profile_copy(struct profile *profile, struct span text)
{
	char *copy = profile_alloc(profile, text.len + 1);
	if (text.len > 0)
		memcpy(copy, text.data, text.len);
	return (struct span){copy, text.len};
}

void profile_free(struct profile *profile)
{
	if (!profile)
		return;
	struct profile_block *block = profile->blocks;
	while (block) {
		struct profile_block *next = block->next;
		free(block);
		block = next;
	}
	free(profile);
}

const char *profile_name(const struct profile *profile)
{
	return profile->name;
}

const char *profile_version(const struct profile *profile)
{
	return profile->version;
}

static unsigned char upper(char c)
{
	return (unsigned char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
}

bool name_equal(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (upper(a.data[i]) != upper(b.data[i]))
			return false;
	}
	return true;
}

const struct profile_feed *profile_feed_find(const struct profile *profile, struct span name)
{
	for (int i = 0; i < profile->feed_count; i++) {
		if (span_equal(span_of(profile->feeds[i].name), name))
			return &profile->feeds[i];
	}
	return NULL;
}

bool profile_feed_wanted(const struct profile_feed *feed, const struct config_source *source)
{
	for (int i = 0; i < source->feed_count; i++) {
		struct span name = span_of(source->feeds[i]);
		enum document_type type;
		if (span_equal(name, span_of(feed->name)))
			return true;
		if (document_type_find(&type, name) && feed->types & (1u << type))
			return true;
	}
	return source->feed_count == 0;
}

static bool contains(struct span text, struct span part)
{
	for (size_t i = 0; part.len > 0 && i + part.len <= text.len; i++) {
		if (name_equal((struct span){text.data + i, part.len}, part))
			return true;
	}
	return false;
}

struct span profile_clock_sql(const struct profile *profile, struct span dbms)
{
	struct span otherwise = {NULL, 0};
	for (int i = 0; i < profile->clock_count; i++) {
		const struct profile_clock *clock = &profile->clocks[i];
		if (contains(dbms, span_of(clock->dbms)))
			return clock->sql;
		if (span_equal(span_of(clock->dbms), SPAN_LITERAL("default")))
			otherwise = clock->sql;
	}
	return otherwise;
}

const char *profile_strategy_name(enum profile_strategy strategy)
{
	static const char *const names[STRATEGY_COUNT] = {
#define STRATEGY_NAME(identifier, name) name,
	    PROFILE_STRATEGIES(STRATEGY_NAME)
#undef STRATEGY_NAME
	};
	return names[strategy];
}

int stamp_form_columns(enum stamp_form form)
{
	static const int columns[STAMP_FORM_COUNT] = {
#define STAMP_COLUMNS(identifier, name, count) count,
	    PROFILE_STAMP_FORMS(STAMP_COLUMNS)
#undef STAMP_COLUMNS
	};
	return columns[form];
}
