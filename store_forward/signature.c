/*
 * signature.c - ECDSA P-256 by mbedTLS, 2.28 or 3.x; DER and PEM by hand, because mbedTLS takes more than one form.
 *
 * Why:   see signature.h. mbedTLS 2.28 reads a negative integer in a signature as a positive one, and padded ones.
 * Owns:  nothing; the mbedTLS contexts live on the stack.
 * Rules: a call that can only fail for lack of memory is a bug's kind of end (CHECK), never "not signed".
 * Faults: as in signature.h.
 * Runs in: the core.
 * Tests: tests/unit/signature_test.c, tests/fuzz/note_fuzz.c
 */
#include "store_forward/signature.h"

#include <string.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include "hal/base/base64.h"
#include "store_forward/digest.h"

#define POINT_BYTES    65 /* 4, x, y */
#define SCALAR_BYTES   32
#define INTEGER_TAG    0x02
#define SEQUENCE_TAG   0x30
#define DER_BYTES_MAX  72
#define PEM_LINE_CHARS 64
#define PEM_BEGIN      "-----BEGIN PUBLIC KEY-----"
#define PEM_END        "-----END PUBLIC KEY-----"

/* A SubjectPublicKeyInfo of P-256 up to its point (RFC 5480 sections 2 and 2.1.1). */
static const uint8_t spki_head[PUBLIC_KEY_BYTES - POINT_BYTES] = {
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
    0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};

/* The point of a key, where it is one. */
static bool read_point(const mbedtls_ecp_group *group, mbedtls_ecp_point *point, struct span spki)
{
	if (spki.len != PUBLIC_KEY_BYTES || memcmp(spki.data, spki_head, sizeof spki_head) != 0)
		return false;
	const unsigned char *bytes = (const unsigned char *)spki.data + sizeof spki_head;
	return bytes[0] == 4 && mbedtls_ecp_point_read_binary(group, point, bytes, POINT_BYTES) == 0 &&
	       mbedtls_ecp_check_pubkey(group, point) == 0;
}

/* An INTEGER above zero in its shortest form, of at most 32 bytes without the zero that keeps it positive. */
static bool read_integer(struct reader *reader, mbedtls_mpi *value)
{
	if (read_u8(reader) != INTEGER_TAG)
		return false;
	struct span bytes = read_bytes(reader, read_u8(reader));
	if (bytes.len == 0)
		return false;
	const uint8_t *first = (const uint8_t *)bytes.data;
	if (first[0] >= 0x80 || (first[0] == 0 && (bytes.len == 1 || first[1] < 0x80)))
		return false;
	if (bytes.len - (first[0] == 0) > SCALAR_BYTES)
		return false;
	CHECK(mbedtls_mpi_read_binary(value, first, bytes.len) == 0);
	return true;
}

static bool read_signature(struct span der, mbedtls_mpi *r, mbedtls_mpi *s)
{
	struct reader reader;
	if (der.len > DER_BYTES_MAX)
		return false;
	reader_init(&reader, der.data, der.len);
	if (read_u8(&reader) != SEQUENCE_TAG)
		return false;
	/* At most 70 bytes: the length has its short form. */
	uint8_t len = read_u8(&reader);
	return reader_ok(&reader) && len == reader_left(&reader) && read_integer(&reader, r) &&
	       read_integer(&reader, s) && reader_end(&reader);
}

bool signature_verify(struct span spki, struct span text, struct span signature)
{
	bool good = false;
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_mpi r;
	mbedtls_mpi s;
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	CHECK(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0);
	if (read_signature(signature, &r, &s) && read_point(&group, &point, spki)) {
		struct digest digest = digest_of(&text, 1);
		int result = mbedtls_ecdsa_verify(&group, digest.bytes, DIGEST_BYTES, &point, &r, &s);
		CHECK(result != MBEDTLS_ERR_MPI_ALLOC_FAILED);
		good = result == 0;
	}
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return good;
}

bool public_key_valid(struct span spki)
{
	mbedtls_ecp_group group;
	mbedtls_ecp_point point;
	mbedtls_ecp_group_init(&group);
	mbedtls_ecp_point_init(&point);
	CHECK(mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1) == 0);
	bool valid = read_point(&group, &point, spki);
	mbedtls_ecp_point_free(&point);
	mbedtls_ecp_group_free(&group);
	return valid;
}

/* Where what begins in text; NULL: nowhere. */
static const char *find(struct span text, struct span what)
{
	return text.len > 0 ? memmem(text.data, text.len, what.data, what.len) : NULL;
}

/* The base64 between the two lines, line ends and blanks taken out, into chars[PUBLIC_KEY_PEM_MAX]. */
static enum err pem_body(struct span pem, char *chars, size_t *len, struct err_info *info)
{
	const struct span begin_line = SPAN_LITERAL(PEM_BEGIN);
	const struct span end_line = SPAN_LITERAL(PEM_END);
	const char *begin = find(pem, begin_line);
	*len = 0;
	if (!begin)
		return err_set(
		    info, ERR_BAD_INPUT,
		    find(pem, SPAN_LITERAL("PRIVATE KEY-----"))
			? "this is a private key; make the public one of it: openssl pkey -in KEY -pubout"
			: "there is no line " PEM_BEGIN "; is it a public key in PEM?");
	begin += begin_line.len;
	struct span rest = {begin, (size_t)(pem.data + pem.len - begin)};
	const char *end = find(rest, end_line);
	if (!end)
		return err_set(info, ERR_BAD_INPUT, "the public key is cut: there is no line " PEM_END);
	if (find(rest, begin_line))
		return err_set(info, ERR_BAD_INPUT,
		               "there is more than one public key; put each into a file of its own");
	for (const char *c = begin; c < end; c++) {
		if (*c != '\n' && *c != '\r' && *c != ' ' && *c != '\t')
			chars[(*len)++] = *c;
	}
	return ERR_OK;
}

enum err public_key_from_pem(struct span pem, uint8_t spki[PUBLIC_KEY_BYTES], size_t *len,
                             struct err_info *info)
{
	char chars[PUBLIC_KEY_PEM_MAX];
	uint8_t der[BASE64_BYTES_MAX(PUBLIC_KEY_PEM_MAX)];
	size_t chars_len;
	*len = 0;
	if (pem.len > PUBLIC_KEY_PEM_MAX)
		return err_set(info, ERR_TOO_LARGE, "a public key in PEM of %zu bytes; at most %d are read",
		               pem.len, PUBLIC_KEY_PEM_MAX);
	enum err err = pem_body(pem, chars, &chars_len, info);
	if (err != ERR_OK)
		return err;
	if (!base64_decode(der, sizeof der, len, (struct span){chars, chars_len}))
		return err_set(info, ERR_BAD_INPUT, "what stands in the public key's PEM is not base64");
	if (!public_key_valid((struct span){(const char *)der, *len})) {
		*len = 0;
		return err_set(info, ERR_UNSUPPORTED,
		               "not a public key of P-256; make a pair: openssl ecparam -name prime256v1 "
		               "-genkey -noout");
	}
	memcpy(spki, der, *len);
	return ERR_OK;
}

void public_key_to_pem(struct buf *out, struct span spki)
{
	struct buf text;
	buf_init(&text, BASE64_TEXT_LEN(PUBLIC_KEY_BYTES));
	base64_encode(&text, spki.data, spki.len);
	CHECK(spki.len == PUBLIC_KEY_BYTES && buf_ok(&text));
	buf_append_text(out, PEM_BEGIN "\n");
	for (size_t at = 0; at < text.len; at += PEM_LINE_CHARS) {
		size_t len = text.len - at < PEM_LINE_CHARS ? text.len - at : PEM_LINE_CHARS;
		buf_append(out, text.data + at, len);
		buf_append_char(out, '\n');
	}
	buf_append_text(out, PEM_END "\n");
	buf_release(&text);
}
