/*
 * merkle_test.c - the Merkle tree against known answers of another implementation, and against the definition.
 *
 * Why:   a middleware verifies these roots and proofs with code of its own, by the same RFC.
 * Owns:  nothing.
 * Rules: 1. The known answers of transparency-dev/merkle are read in place from $TWINPOST_SHARED/vectors/rfc6962 (or
 *           ../shared/vectors/rfc6962); where they are absent the case is skipped, and the output says so.
 *        2. What is made is compared with the recursive definition of RFC 6962 section 2.1, written out here.
 * Runs in: the tests.
 */
#include "store_forward/merkle.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>
#include <openssl/evp.h>

#define LEAVES     300
#define FILE_BYTES 16384

static void assert_hex(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX_SIZE];
	digest_hex(digest, text);
	assert_string_equal(text, hex);
}

static void must(enum err err)
{
	assert_int_equal(err, ERR_OK);
}

/* RFC 6962's MTH by its definition, over leaf hashes. */
static struct digest definition(const struct digest *leaves, int64_t n)
{
	if (n == 0)
		return digest_of(NULL, 0);
	if (n == 1)
		return leaves[0];
	int64_t k = 1;
	while (2 * k < n)
		k *= 2;
	struct digest left = definition(leaves, k);
	struct digest right = definition(leaves + k, n - k);
	return merkle_node(&left, &right);
}

static struct digest leaves[LEAVES];

static enum err subtree_of_leaves(void *self, int level, int64_t index, struct digest *hash,
                                  struct err_info *info)
{
	(void)info;
	++*(int *)self;
	assert_true((index + 1) << level <= LEAVES);
	*hash = definition(&leaves[index << level], INT64_C(1) << level);
	return ERR_OK;
}

static enum err failing_subtree(void *self, int level, int64_t index, struct digest *hash,
                                struct err_info *info)
{
	(void)level;
	(void)index;
	(void)hash;
	int *calls = self;
	return --*calls > 0 ? ERR_OK : err_set(info, ERR_IO, "not to be read");
}

static int make_leaves(void **state)
{
	(void)state;
	for (int i = 0; i < LEAVES; i++) {
		const struct span parts[] = {SPAN_LITERAL("\x00"), {(const char *)&i, sizeof i}};
		leaves[i] = digest_of(parts, 2);
	}
	return 0;
}

/* Values that a shell made:
 *   E=$(printf '' | sha256sum | cut -c1-64); A=$(printf '\0' | sha256sum | cut -c1-64)
 *   B=$(printf '\0\020' | sha256sum | cut -c1-64); N=$(printf '01%s%s' $A $B | xxd -r -p | sha256sum | cut -c1-64)
 */
static void known_by_a_shell(void **state)
{
	(void)state;
	struct merkle_peaks peaks = {.size = 0};
	struct digest completed[MERKLE_PEAKS];
	struct digest root = merkle_root(&peaks);
	assert_hex(&root, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	struct span a = SPAN_LITERAL("\x00");
	struct span b = SPAN_LITERAL("\x00\x10");
	struct digest left = digest_of(&a, 1);
	struct digest right = digest_of(&b, 1);
	assert_hex(&left, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
	assert_int_equal(merkle_append(&peaks, &left, completed), 0);
	root = merkle_root(&peaks);
	assert_true(digest_equal(&root, &left));
	assert_int_equal(merkle_append(&peaks, &right, completed), 1);
	root = merkle_root(&peaks);
	assert_hex(&root, "d059060059ffea2a21dba0b6bc47584fe9a23369b7742f8c9aa556cda68cb485");
	assert_true(digest_equal(&completed[1], &root));
}

/* Roots of every size: by appending, by larger pieces, and from subtrees; all as the definition says. */
static void roots_are_those_of_the_definition(void **state)
{
	(void)state;
	struct merkle_peaks peaks = {.size = 0};
	struct digest completed[MERKLE_PEAKS];
	struct err_info info;
	for (int64_t size = 0; size <= LEAVES; size++) {
		int calls = 0;
		struct digest want = definition(leaves, size);
		struct digest root = merkle_root(&peaks);
		assert_true(digest_equal(&root, &want));
		must(merkle_root_at(size, subtree_of_leaves, &calls, &root, &info));
		assert_true(digest_equal(&root, &want));
		assert_int_equal(calls, __builtin_popcountll((unsigned long long)size));
		struct merkle_peaks pieces = {.size = 0};
		for (int level = 8; level >= 0; level--) {
			if ((size >> level & 1) == 0)
				continue;
			struct digest piece = merkle_fold(&leaves[pieces.size], level);
			merkle_append_subtree(&pieces, level, &piece);
		}
		root = merkle_root(&pieces);
		assert_true(digest_equal(&root, &want));
		if (size == LEAVES)
			break;
		int level = merkle_append(&peaks, &leaves[size], completed);
		for (int i = 0; i <= level; i++) {
			int64_t begin = size + 1 - (INT64_C(1) << i);
			want = definition(&leaves[begin], INT64_C(1) << i);
			assert_int_equal(begin & ((INT64_C(1) << i) - 1), 0);
			assert_true(digest_equal(&completed[i], &want));
		}
	}
}

static int path_length_max(int64_t size)
{
	int length = 0;
	while (INT64_C(1) << length < size)
		length++;
	return length;
}

/* Every leaf of every size up to 130, and of 300: its proof verifies, and does not for a neighbour, another size, with
 * a hash less or one more. */
static void inclusion_of_every_leaf(void **state)
{
	(void)state;
	struct digest path[MERKLE_PATH_MAX + 1];
	struct err_info info;
	int calls = 0;
	for (int64_t size = 1; size <= LEAVES; size = size == 130 ? LEAVES : size + 1) {
		struct digest root = definition(leaves, size);
		for (int64_t index = 0; index < size; index++) {
			int count = -1;
			const struct digest *leaf = &leaves[index];
			must(merkle_inclusion(index, size, subtree_of_leaves, &calls, path, &count, &info));
			assert_true(count <= path_length_max(size));
			assert_true(merkle_verify_inclusion(leaf, index, size, path, count, &root));
			assert_false(merkle_verify_inclusion(leaf, index + 1, size, path, count, &root));
			assert_false(merkle_verify_inclusion(leaf, index - 1, size, path, count, &root));
			path[count] = root;
			assert_false(merkle_verify_inclusion(leaf, index, size, path, count + 1, &root));
			assert_false(merkle_verify_inclusion(leaf, index, size, path, count - 1, &root));
			if (count == 0)
				continue;
			path[count - 1].bytes[31] ^= 1;
			assert_false(merkle_verify_inclusion(leaf, index, size, path, count, &root));
		}
	}
}

/* Every pair of sizes up to 70: the proof verifies, and not with another root, a hash less or one more. */
static void consistency_of_every_pair(void **state)
{
	(void)state;
	struct digest path[MERKLE_PATH_MAX + 1];
	struct err_info info;
	int calls = 0;
	for (int64_t second = 1; second <= 70; second++) {
		struct digest new = definition(leaves, second);
		for (int64_t first = 1; first <= second; first++) {
			struct digest old = definition(leaves, first);
			int n = -1;
			must(merkle_consistency(first, second, subtree_of_leaves, &calls, path, &n, &info));
			assert_true(n <= path_length_max(second) + 1 && (n == 0) == (first == second));
			assert_true(merkle_verify_consistency(first, second, path, n, &old, &new));
			path[n] = new;
			assert_false(merkle_verify_consistency(first, second, path, n + 1, &old, &new));
			if (n > 0)
				assert_false(
				    merkle_verify_consistency(first, second, path, n - 1, &old, &new));
			old.bytes[0] ^= 1;
			assert_false(merkle_verify_consistency(first, second, path, n, &old, &new));
			old.bytes[0] ^= 1;
			new.bytes[0] ^= 1;
			assert_false(merkle_verify_consistency(first, second, path, n, &old, &new));
			new.bytes[0] ^= 1;
		}
	}
}

/* A tree of 2^62 leaves: the proofs stay within their arrays, and verify. All leaves equal: so are all of a level. */
static enum err subtree_of_equals(void *self, int level, int64_t index, struct digest *hash,
                                  struct err_info *info)
{
	(void)info;
	assert_true(index >= 0 && index < INT64_C(1) << (MERKLE_LEVELS_MAX - level));
	*hash = ((struct digest *)self)[level];
	return ERR_OK;
}

static void largest_sizes_stay_in_bounds(void **state)
{
	(void)state;
	struct digest levels[MERKLE_LEVELS_MAX + 1] = {leaves[0]};
	struct digest path[MERKLE_PATH_MAX];
	struct digest root;
	struct digest old;
	struct err_info info;
	int count = 0;
	for (int i = 0; i < MERKLE_LEVELS_MAX; i++)
		levels[i + 1] = merkle_node(&levels[i], &levels[i]);
	static const int64_t sizes[] = {MERKLE_SIZE_MAX, MERKLE_SIZE_MAX - 1, MERKLE_SIZE_MAX / 2 + 1};
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		int64_t size = sizes[i];
		must(merkle_root_at(size, subtree_of_equals, levels, &root, &info));
		for (int64_t index = 0; index < size; index = index * 2 + 1) {
			must(merkle_inclusion(index, size, subtree_of_equals, levels, path, &count, &info));
			assert_true(merkle_verify_inclusion(&leaves[0], index, size, path, count, &root));
		}
		for (int64_t first = size; first > 0; first = first > 1 ? first / 2 + (first & 1) : 0) {
			must(merkle_root_at(first, subtree_of_equals, levels, &old, &info));
			must(merkle_consistency(first, size, subtree_of_equals, levels, path, &count, &info));
			assert_true(merkle_verify_consistency(first, size, path, count, &old, &root));
		}
	}
}

/* What the subtrees fail with is given on, whichever of them fails. */
static void failing_subtrees_are_told(void **state)
{
	(void)state;
	struct digest path[MERKLE_PATH_MAX];
	struct digest root;
	struct err_info info;
	int count = 0;
	for (int nth = 1; nth <= 5; nth++) {
		int calls = nth;
		assert_int_equal(merkle_inclusion(70, 91, failing_subtree, &calls, path, &count, &info),
		                 ERR_IO);
		calls = nth;
		assert_int_equal(merkle_consistency(70, 91, failing_subtree, &calls, path, &count, &info),
		                 ERR_IO);
		calls = nth;
		assert_int_equal(merkle_root_at(31, failing_subtree, &calls, &root, &info), ERR_IO);
	}
	assert_string_equal(info.text, "not to be read");
}

/* ---- the known answers of transparency-dev/merkle ---- */

static int vectors_seen[2]; /* inclusion, consistency */

/* A text of another length (the vectors have empty and foreign roots) is no hash: it equals the same text as another
 * root alone. */
static struct digest digest_member(const cJSON *item)
{
	unsigned char bytes[256];
	const char *text = cJSON_GetStringValue(item);
	bool is_root = item->string && strncmp(item->string, "root", 4) == 0;
	const struct span whole[] = {span_of(text), is_root ? SPAN_LITERAL("root") : SPAN_LITERAL("leaf")};
	struct digest digest = digest_of(whole, 2);
	size_t len = text ? strlen(text) : 0;
	assert_true(len < sizeof bytes);
	if (len == 44 && EVP_DecodeBlock(bytes, (const unsigned char *)text, 44) == 33)
		memcpy(digest.bytes, bytes, DIGEST_BYTES);
	return digest;
}

/* 2^64 - 1 stands for -1. */
static int64_t number_member(const cJSON *json, const char *name)
{
	double value = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(json, name));
	return value < 9e15 ? (int64_t)value : -1;
}

static bool is_valid(const cJSON *json)
{
	struct digest path[MERKLE_PATH_MAX];
	int count = 0;
	const cJSON *item;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "proof"))
	{
		assert_true(count < MERKLE_PATH_MAX);
		path[count++] = digest_member(item);
	}
	if (cJSON_HasObjectItem(json, "leafIdx")) {
		struct digest leaf = digest_member(cJSON_GetObjectItemCaseSensitive(json, "leafHash"));
		struct digest root = digest_member(cJSON_GetObjectItemCaseSensitive(json, "root"));
		vectors_seen[0]++;
		return merkle_verify_inclusion(&leaf, number_member(json, "leafIdx"),
		                               number_member(json, "treeSize"), path, count, &root);
	}
	struct digest first = digest_member(cJSON_GetObjectItemCaseSensitive(json, "root1"));
	struct digest second = digest_member(cJSON_GetObjectItemCaseSensitive(json, "root2"));
	vectors_seen[1]++;
	return merkle_verify_consistency(number_member(json, "size1"), number_member(json, "size2"), path,
	                                 count, &first, &second);
}

static int check_vector(const char *path, const struct stat *status, int kind, struct FTW *where)
{
	(void)status;
	(void)where;
	static char text[FILE_BYTES];
	if (kind != FTW_F || strstr(path, ".json") == NULL)
		return 0;
	FILE *file = fopen(path, "rb");
	assert_non_null(file);
	size_t len = fread(text, 1, sizeof text - 1, file);
	(void)fclose(file);
	text[len] = 0;
	cJSON *json = cJSON_Parse(text);
	assert_non_null(json);
	bool wanted = !cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "wantErr"));
	bool valid = is_valid(json);
	if (valid != wanted)
		print_message("# %s: %s\n", path, valid ? "passed" : "refused");
	assert_int_equal(valid, wanted);
	cJSON_Delete(json);
	return 0;
}

static void known_answers(void **state)
{
	(void)state;
	const char *shared = getenv("TWINPOST_SHARED");
	char path[512];
	(void)snprintf(path, sizeof path, "%s/vectors/rfc6962", shared ? shared : "../shared");
	if (nftw(path, check_vector, 8, FTW_PHYS) != 0) {
		print_message("# skipped: no vectors/rfc6962 in $TWINPOST_SHARED or ../shared\n");
		skip();
	}
	print_message("# %d inclusion and %d consistency proofs\n", vectors_seen[0], vectors_seen[1]);
	assert_true(vectors_seen[0] > 50 && vectors_seen[1] > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_by_a_shell),
	    cmocka_unit_test(roots_are_those_of_the_definition),
	    cmocka_unit_test(inclusion_of_every_leaf),
	    cmocka_unit_test(consistency_of_every_pair),
	    cmocka_unit_test(largest_sizes_stay_in_bounds),
	    cmocka_unit_test(failing_subtrees_are_told),
	    cmocka_unit_test(known_answers),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_leaves, NULL);
}
