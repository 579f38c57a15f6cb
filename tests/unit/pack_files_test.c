/*
 * pack_files_test.c - paths, heads of tar files, and manifests of a pack.
 *
 * Why:   a pack comes from strangers; nothing in it may lead out of its folder.
 * Owns:  nothing.
 * Rules: the head of tar was made by GNU tar 1.34 of a file of six bytes:
 *          tar --format=ustar --owner=0 --group=0 --numeric-owner --mode=0644 --mtime=@1795270805 -cf - top/a.txt
 * Runs in: the tests.
 * Tests: tools/twinpost/pack_{files,tar,manifest}.c
 */
#include "tools/twinpost/pack_manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Offset and bytes of the head's fields; all others are zero. */
static const struct {
	size_t at;
	const char *bytes;
} head_fields[] = {{0, "top/a.txt"},     {100, "0000644"},     {108, "0000000"}, {116, "0000000"},
                   {124, "00000000006"}, {136, "15300324225"}, {148, "011017"},  {155, " "},
                   {156, "0"},           {257, "ustar"},       {263, "00"},      {329, "0000000"},
                   {337, "0000000"}};

static void gnu_head(uint8_t head[PACK_TAR_BLOCK])
{
	memset(head, 0, PACK_TAR_BLOCK);
	for (size_t i = 0; i < sizeof head_fields / sizeof head_fields[0]; i++)
		memcpy(head + head_fields[i].at, head_fields[i].bytes, strlen(head_fields[i].bytes));
}

static void test_paths(void **state)
{
	(void)state;
	static const char *const good[] = {"a", "run.json", "rules/tax_code.csv", "A-1/b_2", "a..b"};
	static const char *const bad[] = {"",     ".",    "..",    "../a", "a/..",     "/a",
	                                  "a/",   "a//b", "a/b/c", "-a",   "a/-b",     ".a",
	                                  "a/.b", "a b",  "a\\b",  "a\nb", "\xc3\xa4", "a:b"};
	char longest[PACK_PATH_MAX + 1];
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
		assert_true(pack_path_valid(span_of(good[i])));
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(pack_path_valid(span_of(bad[i])));
	memset(longest, 'x', sizeof longest);
	assert_true(pack_path_valid((struct span){longest, PACK_PATH_MAX}));
	assert_false(pack_path_valid((struct span){longest, PACK_PATH_MAX + 1}));
	assert_false(pack_path_valid((struct span){"a\0b", 3}));
}

/* The head that is written is GNU tar's, byte for byte. */
static void test_head(void **state)
{
	(void)state;
	uint8_t head[PACK_TAR_BLOCK];
	struct buf out;
	const struct pack_file file = {.path = "a.txt", .bytes = {"hello\n", 6}};
	gnu_head(head);
	buf_init(&out, PACK_TAR_BLOCK);
	pack_tar_head(&out, "top", &file, 1795270805);
	assert_int_equal(out.len, PACK_TAR_BLOCK);
	assert_memory_equal(out.data, head, PACK_TAR_BLOCK);
	buf_release(&out);
}

static enum err open_tar(const uint8_t *tar, size_t len, struct pack_files *files)
{
	struct err_info info;
	pack_files_init(files);
	return pack_files_open_tar(files, (struct span){(const char *)tar, len}, &info);
}

/* What is read is what was written; no changed byte of the head, and no cut, gives another file. */
static void test_reading(void **state)
{
	(void)state;
	uint8_t tar[4 * PACK_TAR_BLOCK] = {0};
	struct pack_files files;
	gnu_head(tar);
	memcpy(tar + PACK_TAR_BLOCK, "hello\n", 6);
	assert_int_equal(open_tar(tar, sizeof tar, &files), ERR_OK);
	assert_int_equal(files.count, 1);
	assert_string_equal(files.list[0].path, "a.txt");
	assert_true(span_equal(files.list[0].bytes, SPAN_LITERAL("hello\n")));
	assert_null(pack_files_find(&files, "b.txt"));
	pack_files_release(&files);
	for (size_t i = 0; i < PACK_TAR_BLOCK; i++) {
		if (i == 155) /* behind the end of the sum, and no part of it */
			continue;
		tar[i] ^= 1;
		assert_int_not_equal(open_tar(tar, sizeof tar, &files), ERR_OK);
		pack_files_release(&files);
		tar[i] ^= 1;
	}
	for (size_t len = 0; len < sizeof tar; len++) {
		assert_int_not_equal(open_tar(tar, len, &files), ERR_OK);
		pack_files_release(&files);
	}
	tar[sizeof tar - 1] = 1;
	assert_int_not_equal(open_tar(tar, sizeof tar, &files), ERR_OK);
	pack_files_release(&files);
}

/* Findings of a manifest: nothing where it fits, a line for each file that does not. */
static void test_manifest(void **state)
{
	(void)state;
	struct pack_files files;
	struct pack_findings findings;
	struct buf manifest;
	pack_files_init(&files);
	pack_findings_init(&findings);
	buf_init(&manifest, 1000);
	pack_files_add(&files, "run.json", SPAN_LITERAL("{}\n"));
	pack_files_add(&files, "a.html", SPAN_LITERAL(""));
	pack_files_add(&files, PACK_NOTE, SPAN_LITERAL("note"));
	pack_manifest_make(&files, &manifest);
	/* By sha256sum. */
	assert_string_equal(buf_cstr(&manifest),
	                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  a.html\n"
	                    "ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356  run.json\n");
	pack_files_add(&files, PACK_MANIFEST, buf_span(&manifest));
	assert_true(pack_manifest_check(&files, &findings));
	assert_int_equal(findings.count, 0);
	pack_files_replace(&files, "run.json", SPAN_LITERAL("{ }\n"));
	pack_files_add(&files, "rules/x.csv", SPAN_LITERAL(""));
	assert_true(pack_manifest_check(&files, &findings));
	assert_string_equal(buf_cstr(&findings.text),
	                    "changed file: run.json has not the SHA-256 that MANIFEST has for it\n"
	                    "extra file: rules/x.csv is in the pack and not in MANIFEST\n");
	assert_int_equal(findings.count, 2);
	buf_release(&manifest);
	pack_findings_release(&findings);
	pack_files_release(&files);
}

/* Findings over the limit are counted, and told no more. */
static void test_findings(void **state)
{
	(void)state;
	struct pack_findings findings;
	pack_findings_init(&findings);
	for (int i = 0; i < PACK_FINDINGS_TOLD + 5; i++)
		pack_found(&findings, "finding %d", i);
	assert_int_equal(findings.count, PACK_FINDINGS_TOLD + 5);
	assert_non_null(strstr(buf_cstr(&findings.text), "finding 49\n"));
	assert_null(strstr(buf_cstr(&findings.text), "finding 50\n"));
	pack_findings_release(&findings);
}

/* What a pack says of itself cannot add a line to what is found. */
static void test_findings_are_lines(void **state)
{
	(void)state;
	struct pack_findings findings;
	pack_findings_init(&findings);
	pack_found(&findings, "missing file: run.json names %s", "a\ngood: this pack is whole\r\x1b[2K\x7f");
	assert_int_equal(findings.count, 1);
	assert_string_equal(buf_cstr(&findings.text),
	                    "missing file: run.json names a?good: this pack is whole??[2K?\n");
	pack_findings_release(&findings);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_paths),    cmocka_unit_test(test_head),
	    cmocka_unit_test(test_reading),  cmocka_unit_test(test_manifest),
	    cmocka_unit_test(test_findings), cmocka_unit_test(test_findings_are_lines),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
