/*
 * compare_import_test.c - what a file may not hold, and what is said of it.
 *
 * Why:   a row that is silently passed over is a document that nobody compares.
 * Owns:  a temporary file.
 * Rules: docs/compare/csv.md says what is an error.
 * Runs in: tests.
 * Tests: tools/twinpost/compare_import.c
 */
#include <unistd.h>

#include "tests/unit/run_fixture.h"
#include "tools/twinpost/compare_import.h"

#define HEAD \
	"entity,type,year,number,revision,period,posting_date,currency,line.line,line.account,line.amount\n"
#define ROWS(number, revision, amount)                                                                     \
	"10,journal,2026," number "," revision ",9,2026-09-15,EUR,1,1," amount "\n10,journal,2026," number \
	",,,,,2,2,-" amount "\n"

static enum err import(struct books *books, enum ledger_side side, const char *text, struct err_info *info)
{
	char path[] = "/tmp/compare_import_test.XXXXXX";
	date_days newest = INT32_MIN;
	int file = mkstemp(path);
	assert_true(file >= 0);
	assert_int_equal(write(file, text, strlen(text)), strlen(text));
	(void)close(file);
	info->text[0] = 0;
	enum err err = compare_import(&books->projector, side, path, &newest, info);
	(void)unlink(path);
	return err;
}

/* "The same four again behind another document is an error": with the same content, another, another revision. */
static void a_document_twice_is_refused(void **state)
{
	static const char *const second[] = {ROWS("1", "", "5.00"), ROWS("1", "", "7.00"),
	                                     ROWS("1", "2", "7.00")};
	(void)state;
	for (int side = 0; side < SIDE_COUNT; side++) {
		for (size_t i = 0; i < sizeof second / sizeof second[0]; i++) {
			struct books books;
			struct err_info info;
			char text[1024];
			books_open(&books, NULL);
			(void)snprintf(text, sizeof text,
			               HEAD ROWS("1", "", "5.00") ROWS("2", "", "5.00") "%s", second[i]);
			assert_int_equal(import(&books, (enum ledger_side)side, text, &info), ERR_BAD_INPUT);
			assert_non_null(strstr(info.text, "1 problem; "));
			books_close(&books);
		}
	}
}

/* What the file's form allows and a comparison cannot take is told with its line and its reason. */
static void what_cannot_be_compared_is_told(void **state)
{
	struct books books;
	struct err_info info;
	(void)state;
	books_open(&books, NULL);
	assert_int_equal(
	    import(&books, SIDE_LEGACY, HEAD ROWS("1", "", "5.00") ROWS("2", "", "5.005"), &info),
	    ERR_BAD_INPUT);
	assert_non_null(strstr(info.text,
	                       ":4: 10/journal/2026/2 cannot be compared: amount of line 1 has more "
	                       "digits than its currency"));
	books_close(&books);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_document_twice_is_refused),
	    cmocka_unit_test(what_cannot_be_compared_is_told),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
