/*
 * page_block.h - a fenced block of a page in docs, as it stands there.
 *
 * Why:   an example that is shown must be one that works.
 * Owns:  nothing.
 * Rules: a page or block that is not there fails the test.
 * Runs in: the tests; from the root of the tree.
 */
#ifndef TWINPOST_PAGE_BLOCK_H
#define TWINPOST_PAGE_BLOCK_H

/* What follows `head` ("```json\n") up to the next fence, with `keep` bytes of head before it; to be freed. */
char *page_block(const char *path, const char *head, int keep);

#endif
