/*
 * currency_test.c - the currency table against ISO 4217 and against Debian's list of its codes.
 *
 * Why:   an amount with the wrong number of digits is a hundred times wrong.
 * Owns:  nothing.
 * Rules: minor units are those of ISO 4217, list one; the package iso-codes is read in place where it is installed.
 * Runs in: the tests.
 */
#include "connector/posting/validity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY       "\"alpha_3\": \""
#define ISO_CODES "/usr/share/iso-codes/json/iso_4217.json"

/* ISO 4217, list one: all codes whose minor unit is not 2, the codes without one, and some of each kind besides. */
static void test_currencies(void **state)
{
	(void)state;
	static const char none[] = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
	static const char three[] = "BHD IQD JOD KWD LYD OMR TND";
	static const char four[] = "CLF UYW";
	static const char two[] =
	    "AED AFN CHE CNY COU EUR GBP HUF IDR MGA MRU MXV SLE TRY TWD USD USN VED VES XCG ZMW ZWG";
	static const char withdrawn[] = "ANG BGN CUC HRK LTL MRO SLL STD VEF ZWL";
	static const char unknown[] =
	    "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX AAA ZZZ eur EU. DEM";
	static const struct {
		const char *codes;
		int digits;
	} lists[] = {{none, 0}, {three, 3}, {four, 4}, {two, 2}, {withdrawn, 2}, {"BYR", 0}, {unknown, -1}};
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		for (const char *code = lists[i].codes;; code += 4) {
			if (currency_minor_units((struct span){code, 3}) != lists[i].digits)
				fail_msg("%.3s has not %d digits", code, lists[i].digits);
			if (code[3] == 0)
				break;
		}
	}
	assert_int_equal(currency_minor_units((struct span){NULL, 0}), -1);
	assert_int_equal(currency_minor_units(span_of("EU")), -1);
	assert_int_equal(currency_minor_units(span_of("EURO")), -1);
}

/* Another list of the codes, Debian's package iso-codes: each of them is known, but for those without a minor unit. */
static void test_against_iso_codes(void **state)
{
	(void)state;
	static const char without[] = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX";
	FILE *file = fopen(ISO_CODES, "r");
	char line[1024];
	int seen = 0;
	if (!file) {
		print_message("# skipped: no " ISO_CODES " (package iso-codes)\n");
		skip();
	}
	while (fgets(line, sizeof line, file)) {
		char code[4] = "";
		const char *key = strstr(line, KEY);
		if (!key)
			continue;
		memcpy(code, key + strlen(KEY), strnlen(key + strlen(KEY), 3));
		seen++;
		bool known = currency_minor_units(span_of(code)) >= 0;
		if (known == (strstr(without, code) != NULL))
			fail_msg("%s is %s", code, known ? "known" : "not known");
	}
	(void)fclose(file);
	assert_true(seen > 150);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_currencies),
	    cmocka_unit_test(test_against_iso_codes),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
