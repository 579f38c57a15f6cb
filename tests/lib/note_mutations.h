/*
 * note_mutations.h - every small change of a signed text: refused, or another text with its own one form.
 *
 * Why:   a text that decodes although it is not what encoding gives could be signed in two forms.
 * Owns:  nothing.
 * Rules: again(text, out) decodes and, where that is taken, encodes what it found into out; false: it was refused.
 * Runs in: the test suite.
 * Tests: the tests that use it
 */
#ifndef TWINPOST_NOTE_MUTATIONS_H
#define TWINPOST_NOTE_MUTATIONS_H

#include "hal/base/bytes.h"

typedef bool (*note_again)(struct span text, struct buf *out);

/* The text is taken and has one form; cut anywhere it is refused. Each byte left out, doubled, or replaced by each of
 * the likely ones: refused or of one form. Returns how many changed texts were taken. */
size_t note_mutations(struct span text, note_again again);

#endif
