/*
 * run_compared.c - what a comparison has not looked at, in its own words.
 *
 * Why:   what nobody compares is green for ever, and the report must say so.
 * Owns:  nothing.
 * Rules: as in view_fields.c.
 * Runs in: the CLI.
 * Tests: tests/unit/run_test.c, tests/unit/view_fields_test.c
 */
#include "connector/compare/run_internal.h"

void run_put_never_compared(struct json *json)
{
	json_list(json, "never_compared");
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		json_object(json, NULL);
		json_put_text(json, "document_type", document_spec((enum document_type)type)->name);
		json_list(json, "fields");
		for (const char *const *field = view_never_compared((enum document_type)type); *field;
		     field++)
			json_put_text(json, NULL, *field);
		json_list_end(json);
		json_object_end(json);
	}
	json_list_end(json);
}

void run_put_not_compared(struct run *run, struct json *json)
{
	json_list(json, "not_compared");
	for (int type = 0; type < DOCUMENT_TYPE_COUNT; type++) {
		for (int i = 0; i < VIEW_ATTRIBUTE_COUNT; i++) {
			const char *name = view_attribute_name((enum view_attribute)i);
			if (!view_attribute_applies((enum view_attribute)i, (enum document_type)type) ||
			    view_attribute_compared(run->rules, (enum view_attribute)i,
			                            (enum document_type)type))
				continue;
			json_object(json, NULL);
			json_put_text(json, "attribute", name);
			json_put_text(json, "document_type", document_spec((enum document_type)type)->name);
			json_object_end(json);
		}
	}
	json_list_end(json);
}
