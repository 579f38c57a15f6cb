/*
 * merkle.c - builds and checks Merkle trees; see merkle.h.
 *
 * Why:   see merkle.h.
 * Owns:  nothing.
 * Rules: the making follows the recursive definitions of RFC 6962, walked from the root down and written backwards;
 *        the checking follows the loops of RFC 9162, so that one is no copy of the other.
 * Faults: see merkle.h.
 * Runs in: the core.
 * Tests: tests/unit/merkle_test.c
 */
#include "store_forward/merkle.h"

#define NODE_PREFIX "\x01"

struct digest merkle_node(const struct digest *left, const struct digest *right)
{
	const struct span parts[] = {
	    SPAN_LITERAL(NODE_PREFIX),
	    {(const char *)left->bytes, DIGEST_BYTES},
	    {(const char *)right->bytes, DIGEST_BYTES},
	};
	return digest_of(parts, sizeof parts / sizeof parts[0]);
}

int merkle_append(struct merkle_peaks *peaks, const struct digest *leaf,
                  struct digest completed[MERKLE_PEAKS])
{
	int level = 0;
	completed[0] = *leaf;
	for (int64_t size = peaks->size; (size & 1) != 0; size >>= 1) {
		CHECK(level + 1 < MERKLE_PEAKS);
		completed[level + 1] = merkle_node(&peaks->hashes[level], &completed[level]);
		level++;
	}
	peaks->hashes[level] = completed[level];
	peaks->size++;
	return level;
}

void merkle_append_subtree(struct merkle_peaks *peaks, int level, const struct digest *root)
{
	CHECK(level >= 0 && level < MERKLE_PEAKS && (peaks->size & ((INT64_C(1) << level) - 1)) == 0);
	struct digest hash = *root;
	int64_t added = INT64_C(1) << level;
	for (int64_t size = peaks->size >> level; (size & 1) != 0; size >>= 1) {
		hash = merkle_node(&peaks->hashes[level], &hash);
		level++;
		CHECK(level < MERKLE_PEAKS);
	}
	peaks->hashes[level] = hash;
	peaks->size += added;
}

struct digest merkle_root(const struct merkle_peaks *peaks)
{
	struct digest root;
	bool begun = false;
	if (peaks->size == 0)
		return digest_of(NULL, 0);
	for (int level = 0; level < MERKLE_PEAKS; level++) {
		if ((peaks->size >> level & 1) == 0)
			continue;
		root = begun ? merkle_node(&peaks->hashes[level], &root) : peaks->hashes[level];
		begun = true;
	}
	CHECK(begun);
	return root;
}

struct digest merkle_fold(const struct digest *hashes, int level)
{
	CHECK(level >= 0 && level < MERKLE_PEAKS);
	if (level == 0)
		return hashes[0];
	struct merkle_peaks peaks = {.size = 0};
	for (int64_t i = 0; i < INT64_C(1) << level; i++)
		merkle_append_subtree(&peaks, 0, &hashes[i]);
	return peaks.hashes[level];
}

/* Of a number above 0: the place of its highest binary digit. */
static int highest_bit(int64_t value)
{
	CHECK(value > 0);
	return 63 - __builtin_clzll((unsigned long long)value);
}

/* The largest power of two below n, as its exponent; n > 1. */
static int split_level(int64_t n)
{
	return highest_bit(n - 1);
}

/* MTH of the leaves begin..end-1, where begin stands at the left edge of a subtree of the whole tree: it is a multiple
 * of the largest power of two that the range holds. */
static enum err range_root(int64_t begin, int64_t end, merkle_subtree subtree, void *self,
                           struct digest *root, struct err_info *info)
{
	struct digest parts[MERKLE_LEVELS_MAX + 1];
	int count = 0;
	while (begin < end) {
		int level = highest_bit(end - begin);
		CHECK((begin & ((INT64_C(1) << level) - 1)) == 0 && count <= MERKLE_LEVELS_MAX);
		enum err err = subtree(self, level, begin >> level, &parts[count++], info);
		if (err != ERR_OK)
			return err;
		begin += INT64_C(1) << level;
	}
	CHECK(count > 0);
	*root = parts[count - 1];
	for (int i = count - 2; i >= 0; i--)
		*root = merkle_node(&parts[i], root);
	return ERR_OK;
}

enum err merkle_root_at(int64_t size, merkle_subtree subtree, void *self, struct digest *root,
                        struct err_info *info)
{
	CHECK(size >= 0 && size <= MERKLE_SIZE_MAX);
	if (size > 0)
		return range_root(0, size, subtree, self, root, info);
	*root = digest_of(NULL, 0);
	return ERR_OK;
}

static void reverse(struct digest *path, int count)
{
	for (int i = 0; i < count / 2; i++) {
		struct digest kept = path[i];
		path[i] = path[count - 1 - i];
		path[count - 1 - i] = kept;
	}
}

enum err merkle_inclusion(int64_t index, int64_t size, merkle_subtree subtree, void *self,
                          struct digest path[MERKLE_PATH_MAX], int *count, struct err_info *info)
{
	CHECK(index >= 0 && index < size && size <= MERKLE_SIZE_MAX);
	int64_t begin = 0;
	int64_t end = size;
	enum err err = ERR_OK;
	*count = 0;
	while (end - begin > 1 && err == ERR_OK) {
		int64_t middle = begin + (INT64_C(1) << split_level(end - begin));
		struct digest *next = &path[(*count)++];
		if (index < middle) {
			err = range_root(middle, end, subtree, self, next, info);
			end = middle;
		} else {
			err = range_root(begin, middle, subtree, self, next, info);
			begin = middle;
		}
	}
	reverse(path, *count);
	return err;
}

enum err merkle_consistency(int64_t first, int64_t second, merkle_subtree subtree, void *self,
                            struct digest path[MERKLE_PATH_MAX], int *count, struct err_info *info)
{
	CHECK(first > 0 && first <= second && second <= MERKLE_SIZE_MAX);
	int64_t begin = 0;
	int64_t end = second;
	enum err err = ERR_OK;
	*count = 0;
	/* first is in (begin, end] all the way. */
	while (first < end && err == ERR_OK) {
		int64_t middle = begin + (INT64_C(1) << split_level(end - begin));
		struct digest *next = &path[(*count)++];
		if (first <= middle) {
			err = range_root(middle, end, subtree, self, next, info);
			end = middle;
		} else {
			err = range_root(begin, middle, subtree, self, next, info);
			begin = middle;
		}
	}
	/* The old tree's last subtree, unless the old tree is that subtree: then its root is known. */
	if (begin > 0 && err == ERR_OK)
		err = range_root(begin, end, subtree, self, &path[(*count)++], info);
	reverse(path, *count);
	return err;
}

bool merkle_verify_inclusion(const struct digest *leaf, int64_t index, int64_t size,
                             const struct digest *path, int count, const struct digest *root)
{
	if (index < 0 || index >= size || count < 0)
		return false;
	int64_t node = index;
	int64_t last = size - 1;
	struct digest hash = *leaf;
	for (int i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if ((node & 1) != 0 || node == last) {
			hash = merkle_node(&path[i], &hash);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			hash = merkle_node(&hash, &path[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && digest_equal(&hash, root);
}

bool merkle_verify_consistency(int64_t first, int64_t second, const struct digest *path, int count,
                               const struct digest *first_root, const struct digest *second_root)
{
	if (first <= 0 || second < first || count < 0)
		return false;
	if (first == second)
		return count == 0 && digest_equal(first_root, second_root);
	/* Where the old tree is one full subtree its root begins the path, unsaid. */
	bool full = (first & (first - 1)) == 0;
	if (!full && count == 0)
		return false;
	int64_t node = first - 1;
	int64_t last = second - 1;
	while ((node & 1) != 0) {
		node >>= 1;
		last >>= 1;
	}
	struct digest old = full ? *first_root : path[0];
	struct digest new = old;
	for (int i = full ? 0 : 1; i < count; i++) {
		if (last == 0)
			return false;
		if ((node & 1) != 0 || node == last) {
			old = merkle_node(&path[i], &old);
			new = merkle_node(&path[i], &new);
			while ((node & 1) == 0 && node != 0) {
				node >>= 1;
				last >>= 1;
			}
		} else {
			new = merkle_node(&new, &path[i]);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && digest_equal(&old, first_root) && digest_equal(&new, second_root);
}
