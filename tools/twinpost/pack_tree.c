/*
 * pack_tree.c - salts, leaves and paths of a comparison's documents.
 *
 * Why:   see pack_tree.h.
 * Owns:  see pack_tree.h.
 * Rules: as in pack_tree.h.
 * Faults: none.
 * Runs in: the CLI.
 * Tests: tests/unit/pack_tree_test.c
 */
#include "tools/twinpost/pack_tree.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pack_salt(struct span secret, int64_t index, char salt[PACK_SALT_SIZE])
{
	char place[24];
	char hex[DIGEST_HEX_SIZE];
	CHECK(secret.len == PACK_SECRET_CHARS);
	(void)snprintf(place, sizeof place, "\n%" PRId64 "\n", index);
	const struct span parts[] = {SPAN_LITERAL("tp1/compare/salt/v1\n"), secret, span_of(place)};
	struct digest digest = digest_of(parts, sizeof parts / sizeof parts[0]);
	digest_hex(&digest, hex);
	memcpy(salt, hex, PACK_SALT_CHARS);
	salt[PACK_SALT_CHARS] = 0;
}

struct digest pack_leaf(const char *salt, struct span line)
{
	const struct span parts[] = {SPAN_LITERAL("\0tp1/compare/leaf/v1\n"), span_of(salt),
	                             SPAN_LITERAL("\n"), line, SPAN_LITERAL("\n")};
	return digest_of(parts, sizeof parts / sizeof parts[0]);
}

bool pack_take_line(struct span *text, struct span *line, bool *cut)
{
	*cut = false;
	if (text->len == 0)
		return false;
	const char *end = memchr(text->data, '\n', text->len);
	*cut = end == NULL;
	if (!end)
		return false;
	*line = (struct span){text->data, (size_t)(end - text->data)};
	*text = (struct span){end + 1, text->len - line->len - 1};
	return true;
}

static void add(struct pack_tree *tree, const struct digest *leaf)
{
	if (tree->size == tree->capacity) {
		tree->capacity = tree->capacity ? tree->capacity * 2 : 1024;
		tree->leaves = mem_grow(tree->leaves, (size_t)tree->capacity * sizeof *tree->leaves);
	}
	tree->leaves[tree->size++] = *leaf;
}

enum err pack_tree_make(struct pack_tree *tree, struct span secret, struct span documents,
                        struct err_info *info)
{
	struct span line;
	bool cut;
	*tree = (struct pack_tree){.leaves = NULL};
	while (pack_take_line(&documents, &line, &cut)) {
		char salt[PACK_SALT_SIZE];
		pack_salt(secret, tree->size, salt);
		struct digest leaf = pack_leaf(salt, line);
		add(tree, &leaf);
	}
	if (cut)
		return err_set(info, ERR_BAD_INPUT,
		               "documents.ndjson is cut: its line %" PRId64 " has no end", tree->size + 1);
	return ERR_OK;
}

void pack_tree_release(struct pack_tree *tree)
{
	free(tree->leaves);
	*tree = (struct pack_tree){.leaves = NULL};
}

/* The tree's own leaves are all that a subtree is made of. */
static enum err subtree(void *self, int level, int64_t index, struct digest *hash, struct err_info *info)
{
	const struct pack_tree *tree = self;
	(void)info;
	CHECK((index + 1) << level <= tree->size);
	*hash = merkle_fold(&tree->leaves[index << level], level);
	return ERR_OK;
}

struct digest pack_tree_root(const struct pack_tree *tree)
{
	struct digest root;
	struct pack_tree borrowed = *tree;
	enum err err = merkle_root_at(tree->size, subtree, &borrowed, &root, NULL);
	CHECK(err == ERR_OK);
	return root;
}

int pack_tree_path(const struct pack_tree *tree, int64_t index, struct digest path[MERKLE_PATH_MAX])
{
	int count = 0;
	struct pack_tree borrowed = *tree;
	enum err err = merkle_inclusion(index, tree->size, subtree, &borrowed, path, &count, NULL);
	CHECK(err == ERR_OK);
	return count;
}
