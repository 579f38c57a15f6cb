/*
 * secret.c - a secret's reference in a frame, and the wiping of a secret.
 *
 * Why:   see secret.h.
 * Owns:  nothing.
 * Rules: nothing here resolves a reference: that is the work of the child that needs it, through its port.
 * Faults: a frame with an unknown kind, an over-long name or a zero byte in it is refused.
 * Runs in: every process that holds a reference.
 * Tests: tests/unit/base_test.c
 */
#include "hal/base/secret.h"

#include <string.h>

void secret_reference_encode(struct buf *out, const struct secret_reference *reference)
{
	buf_u8(out, (uint8_t)reference->kind);
	buf_string(out, span_of(reference->name));
}

bool secret_reference_decode(struct secret_reference *reference, struct reader *reader)
{
	uint8_t kind = read_u8(reader);
	struct span name = read_string(reader);
	*reference = (struct secret_reference){.kind = SECRET_NONE};
	if (!reader_ok(reader) || kind > SECRET_CREDENTIAL)
		return false;
	if (name.len > 0 && memchr(name.data, 0, name.len))
		return false;
	if (!text_copy(reference->name, sizeof reference->name, name))
		return false;
	reference->kind = (enum secret_kind)kind;
	return true;
}

void secret_release(struct secret *secret)
{
	explicit_bzero(secret, sizeof *secret);
}
