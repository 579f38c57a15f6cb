/*
 * cause_facts.c - counts of what was seen over documents, in a table that does not grow without end.
 *
 * Why:   one document shows that V7 became V8; whether that is a mapping is told by the others.
 * Owns:  the tables' keys.
 * Rules: 1. A fact is kind, entity, from, to, each with its length, so that no two facts have the same key.
 *        2. A document counts once for a fact.
 *        3. What finds no room is counted as refused; what is in stays and goes on being counted.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/cause_test.c
 */
#include "connector/compare/cause_internal.h"

#include <stdlib.h>
#include <string.h>

#define FACTS_AT_FIRST 64
#define HASH_PRIME     UINT64_C(0x100000001b3)

static const char *const names[FACT_KINDS] = {
    [FACT_ENTITY] = "entity",     [FACT_ACCOUNT] = "account", [FACT_COST_CENTRE] = "cost_centre",
    [FACT_TAX_CODE] = "tax_code", [FACT_PARTY] = "customer",  [FACT_DOCUMENT_TYPE] = "document_type",
};

static const char *const words[FACT_KINDS] = {
    [FACT_ENTITY] = "entity",     [FACT_ACCOUNT] = "account", [FACT_COST_CENTRE] = "cost centre",
    [FACT_TAX_CODE] = "tax code", [FACT_PARTY] = "customer",  [FACT_DOCUMENT_TYPE] = "document type",
};

const char *fact_name(enum fact_kind kind)
{
	CHECK(kind < FACT_KINDS);
	return names[kind];
}

const char *fact_word(enum fact_kind kind)
{
	CHECK(kind < FACT_KINDS);
	return words[kind];
}

/* FNV-1a of 64 bits; nobody gains by a collision here, which costs a comparison. */
uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *bytes = data;
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ bytes[i]) * HASH_PRIME;
	return hash;
}

void facts_release(struct fact_table *table)
{
	for (int i = 0; i < table->capacity; i++)
		free(table->list[i].key);
	free(table->list);
	*table = (struct fact_table){.max = table->max};
}

static size_t put_part(char *key, size_t at, size_t size, struct span part)
{
	uint32_t len = (uint32_t)part.len;
	CHECK(at + sizeof len + part.len <= size);
	memcpy(key + at, &len, sizeof len);
	if (part.len > 0)
		memcpy(key + at + sizeof len, part.data, part.len);
	return at + sizeof len + part.len;
}

/* Codes are bounded where they come in; longer ones are cut, which may only make two of them one. */
static struct span bounded(struct span code)
{
	size_t max = (size_t)CAUSE_DETAIL_MAX * 2;
	return code.len > max ? (struct span){code.data, max} : code;
}

#define KEY_MAX (1 + 3 * (sizeof(uint32_t) + (size_t)CAUSE_DETAIL_MAX * 2))

static size_t make_key(char key[KEY_MAX], enum fact_kind kind, struct span entity, struct span from,
                       struct span to)
{
	key[0] = (char)kind;
	size_t len = put_part(key, 1, KEY_MAX, bounded(entity));
	len = put_part(key, len, KEY_MAX, bounded(from));
	return put_part(key, len, KEY_MAX, bounded(to));
}

static struct fact *place_of(struct fact *list, int capacity, uint64_t hash, const char *key, size_t len)
{
	for (size_t at = (size_t)hash;; at++) {
		struct fact *fact = &list[at & (size_t)(capacity - 1)];
		if (fact->hash == 0 ||
		    (fact->hash == hash && fact->key_len == len && memcmp(fact->key, key, len) == 0))
			return fact;
	}
}

static void grow(struct fact_table *table)
{
	int capacity = table->capacity > 0 ? 2 * table->capacity : FACTS_AT_FIRST;
	struct fact *list = mem_alloc((size_t)capacity * sizeof *list);
	for (int i = 0; i < table->capacity; i++) {
		const struct fact *fact = &table->list[i];
		if (fact->hash != 0)
			*place_of(list, capacity, fact->hash, fact->key, fact->key_len) = *fact;
	}
	free(table->list);
	table->list = list;
	table->capacity = capacity;
}

static uint64_t hash_of(const char *key, size_t len)
{
	uint64_t hash = hash_bytes(HASH_BEGIN, key, len);
	return hash != 0 ? hash : 1; /* 0 is a free place */
}

void facts_count(struct fact_table *table, enum fact_kind kind, struct span entity, struct span from,
                 struct span to, int64_t document)
{
	char key[KEY_MAX];
	size_t len = make_key(key, kind, entity, from, to);
	uint64_t hash = hash_of(key, len);
	if (2 * table->count >= table->capacity)
		grow(table);
	struct fact *fact = place_of(table->list, table->capacity, hash, key, len);
	if (fact->hash == 0) {
		if (table->count == table->max) {
			table->refused++;
			return;
		}
		*fact = (struct fact){.hash = hash, .key = mem_alloc(len), .key_len = len};
		memcpy(fact->key, key, len);
		table->count++;
	}
	fact->documents += fact->last != document;
	fact->last = document;
}

int64_t facts_of(const struct fact_table *table, enum fact_kind kind, struct span entity, struct span from,
                 struct span to)
{
	char key[KEY_MAX];
	if (table->count == 0)
		return 0;
	size_t len = make_key(key, kind, entity, from, to);
	const struct fact *fact = place_of(table->list, table->capacity, hash_of(key, len), key, len);
	return fact->hash == 0 ? 0 : fact->documents;
}
