/*
 * tally.c - see tally.h.
 *
 * Why:   see tally.h.
 * Owns:  see tally.h.
 * Rules: as in tally.h. Open addressing over indexes of rows; rows never move out of their order of arrival.
 * Runs in: the CLI.
 * Tests: tests/unit/tally_test.c
 */
#include "connector/compare/tally.h"

#include <stdlib.h>
#include <string.h>

#include "store_forward/checksum.h"

#define KEY_MAX (TALLY_PARTS_MAX * (TALLY_PART_BYTES_MAX + 1))

struct row {
	char *key;
	size_t len;
	int64_t values[];
};

struct tally {
	int values;
	struct row **rows;
	int count;
	int capacity;
	int *places; /* index of the row + 1; 0: free */
	size_t place_count;
	bool failed;
};

struct tally *tally_new(int values)
{
	CHECK(values > 0 && values <= TALLY_VALUES_MAX);
	struct tally *tally = mem_alloc(sizeof *tally);
	tally->values = values;
	tally->place_count = 256;
	tally->places = mem_alloc(tally->place_count * sizeof tally->places[0]);
	return tally;
}

void tally_free(struct tally *tally)
{
	if (!tally)
		return;
	for (int i = 0; i < tally->count; i++) {
		free(tally->rows[i]->key);
		free(tally->rows[i]);
	}
	free(tally->rows);
	free(tally->places);
	free(tally);
}

static struct span join(const struct span *parts, int count, char key[KEY_MAX])
{
	size_t len = 0;
	CHECK(count > 0 && count <= TALLY_PARTS_MAX);
	for (int i = 0; i < count; i++) {
		size_t end = parts[i].len < TALLY_PART_BYTES_MAX ? parts[i].len : TALLY_PART_BYTES_MAX;
		if (i > 0)
			key[len++] = '\t';
		/* A tab within a code would be the border of a part. */
		for (size_t c = 0; c < end; c++)
			key[len++] = parts[i].data[c] == '\t' ? ' ' : parts[i].data[c];
	}
	return (struct span){key, len};
}

/* Where the key stands, or the free place for it. */
static int *place_of(const struct tally *tally, struct span key)
{
	for (uint64_t i = checksum_of(key.data, key.len, 0);; i++) {
		int *place = &tally->places[i % tally->place_count];
		if (*place == 0)
			return place;
		const struct row *row = tally->rows[*place - 1];
		if (span_equal((struct span){row->key, row->len}, key))
			return place;
	}
}

static void grow(struct tally *tally)
{
	free(tally->places);
	tally->place_count *= 2;
	tally->places = mem_alloc(tally->place_count * sizeof tally->places[0]);
	for (int i = 0; i < tally->count; i++)
		*place_of(tally, (struct span){tally->rows[i]->key, tally->rows[i]->len}) = i + 1;
}

static struct row *add_row(struct tally *tally, struct span key)
{
	if (tally->count == tally->capacity) {
		tally->capacity = tally->capacity ? 2 * tally->capacity : 64;
		tally->rows = mem_grow(tally->rows, (size_t)tally->capacity * sizeof tally->rows[0]);
	}
	struct row *row = mem_alloc(sizeof *row + (size_t)tally->values * sizeof row->values[0]);
	row->key = mem_copy_text(key);
	row->len = key.len;
	tally->rows[tally->count++] = row;
	return row;
}

void tally_add(struct tally *tally, const struct span *parts, int count, int which, int64_t amount)
{
	char text[KEY_MAX];
	const struct span key = join(parts, count, text);
	CHECK(which >= 0 && which < tally->values);
	int *place = place_of(tally, key);
	struct row *row = *place ? tally->rows[*place - 1] : NULL;
	if (!row && tally->count == TALLY_KEYS_MAX) {
		tally->failed = true;
		return;
	}
	if (!row) {
		row = add_row(tally, key);
		*place = tally->count;
		if ((size_t)tally->count * 2 > tally->place_count)
			grow(tally);
	}
	int64_t sum;
	if (__builtin_add_overflow(row->values[which], amount, &sum))
		tally->failed = true;
	else
		row->values[which] = sum;
}

bool tally_ok(const struct tally *tally)
{
	return !tally->failed;
}

int64_t tally_get(const struct tally *tally, const struct span *parts, int count, int which)
{
	char text[KEY_MAX];
	CHECK(which >= 0 && which < tally->values);
	int place = *place_of(tally, join(parts, count, text));
	return place ? tally->rows[place - 1]->values[which] : 0;
}

int tally_size(const struct tally *tally)
{
	return tally->count;
}

static int by_key(const void *a, const void *b)
{
	const struct row *one = *(struct row *const *)a;
	const struct row *other = *(struct row *const *)b;
	return span_compare((struct span){one->key, one->len}, (struct span){other->key, other->len});
}

void tally_visit(struct tally *tally, tally_visitor visit, void *self)
{
	struct row **sorted = mem_alloc((size_t)tally->count * sizeof sorted[0]);
	if (tally->count > 0)
		memcpy(sorted, tally->rows, (size_t)tally->count * sizeof sorted[0]);
	qsort(sorted, (size_t)tally->count, sizeof sorted[0], by_key);
	for (int i = 0; i < tally->count; i++) {
		struct tally_row row = {.count = 1, .values = sorted[i]->values};
		const char *start = sorted[i]->key;
		for (const char *c = start; c < sorted[i]->key + sorted[i]->len; c++) {
			if (*c != '\t')
				continue;
			row.parts[row.count - 1] = (struct span){start, (size_t)(c - start)};
			row.count++;
			start = c + 1;
		}
		row.parts[row.count - 1] =
		    (struct span){start, (size_t)(sorted[i]->key + sorted[i]->len - start)};
		visit(self, &row);
	}
	free(sorted);
}
