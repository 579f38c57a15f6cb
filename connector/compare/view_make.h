/*
 * view_make.h - what the files that make a view share: the view on its way, and its steps.
 *
 * Why:   header, lines and form are a file each; this is the line between them.
 * Owns:  nothing: it borrows document, rules and view for one view_make().
 * Rules: until view_form_write() the view's spans are borrowed from the document, the rules and the scratch.
 * Runs in: the core; the CLI.
 * Tests: tests/unit/view_test.c, view_form_test.c
 */
#ifndef TWINPOST_VIEW_MAKE_H
#define TWINPOST_VIEW_MAKE_H

#include "connector/compare/view.h"

/* Dates, a window, a period, numbers as text. */
#define VIEW_SCRATCH_BYTES 224

struct view_make {
	struct view *view;
	const struct document *document;
	const struct rules *rules; /* NULL: codes stay */
	struct err_info *info;
	date_days on;             /* the date of the mappings */
	bool mirrored;            /* amounts count negative */
	bool local_is_own;        /* local currency and document's are the same */
	int digits, local_digits; /* -1: no such currency */
	size_t scratch_len;
	char scratch[VIEW_SCRATCH_BYTES];
};

static inline bool view_compares(const struct view_make *make, enum view_attribute attribute)
{
	return make->view->compared >> attribute & 1;
}

/* The cloud's code; what is missing is noted in the view, and stays. */
struct span view_map(struct view_make *make, enum mapping_kind kind, struct span code);
/* Minor units with the sign that counts; the value is present. Line -1: the header. */
MUST_USE enum err view_units(const struct view_make *make, const struct value *value, bool local,
                             const char *field, int line, int64_t *units);
/* ERR_BAD_INPUT: `what` is wrong with this field. */
MUST_USE enum err view_bad(const struct view_make *make, const char *field, int line, const char *what);
MUST_USE enum err view_overflow(const struct view_make *make);

/* view_lines.c: view->lines, sorted and added up; total of journals. */
MUST_USE enum err view_lines_make(struct view_make *make);
/* view_form.c: writes the form and all other texts into view->text, and lets every span point there. */
void view_form_write(struct view *view);

#endif
