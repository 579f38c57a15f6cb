/*
 * page_block.c - see page_block.h.
 *
 * Why:   see page_block.h.
 * Owns:  nothing.
 * Runs in: the tests.
 */
#include "tests/lib/page_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hal/base/bytes.h"

#define PAGE_BYTES_MAX (256u * 1024u)

char *page_block(const char *path, const char *head, int keep)
{
	char *page = mem_alloc(PAGE_BYTES_MAX);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s", path);
	page[fread(page, 1, PAGE_BYTES_MAX - 1, file)] = 0;
	(void)fclose(file);
	const char *from = strstr(page, head);
	if (!from)
		fail_msg("%s has no block %s", path, head);
	const char *end = strstr(from + strlen(head), "```");
	assert_non_null(end);
	from += strlen(head) - (size_t)keep;
	memmove(page, from, (size_t)(end - from));
	page[end - from] = 0;
	return page;
}
