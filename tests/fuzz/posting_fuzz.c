/*
 * posting_fuzz.c - any bytes as a posting of the cloud: envelope, document, parts.
 *
 * Why:   whoever can publish on dn/post chooses these bytes.
 * Owns:  nothing that outlives one input.
 * Rules: 1. What is read as an event is within its limits, and has no control character where none may be.
 *        2. What is read as a document is written as canonical JSON, which is read again and written to the same bytes.
 *        3. Bytes that begin with '!' are the data of a document themselves: fields are reached at once.
 * Runs in: the fuzzer (tests/fuzz).
 */
#include "connector/compare/posting_read.h"

#include <string.h>

#include "connector/posting/validity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(const char *text, size_t max)
{
	CHECK(strlen(text) <= max && utf8_valid(span_of(text)));
	for (; *text; text++)
		CHECK((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void write_again(struct posting_reader *reader, struct document *document)
{
	struct buf first;
	struct buf second;
	struct err_info info;
	struct finding finding;
	buf_init(&first, 32u << 20);
	buf_init(&second, 32u << 20);
	canonical_write(reader->canonical, document, &first);
	CHECK(buf_ok(&first));
	CHECK(posting_read(reader, buf_span(&first), document, &info) == ERR_OK);
	canonical_write(reader->canonical, document, &second);
	CHECK(span_equal(buf_span(&first), buf_span(&second)));
	validity_settle_amounts(document);
	if (!validity_check(document, &finding))
		CHECK(strlen(finding.text) > 0);
	buf_release(&first);
	buf_release(&second);
}

static void read_event(struct posting_reader *reader, struct document *document, struct span message)
{
	struct posting_event event;
	struct err_info info;
	enum err err = posting_event_read(&event, message, &info);
	CHECK(err == ERR_OK || err == ERR_BAD_INPUT || err == ERR_TOO_LARGE);
	check_line(event.id, POSTING_ID_MAX);
	check_line(event.source, POSTING_SOURCE_MAX);
	check_line(event.subject, STORE_SUBJECT_MAX - 1);
	CHECK(event.sequence >= 0 && event.part >= 1 && event.part <= event.parts &&
	      event.parts <= PARTS_MAX);
	if (err != ERR_OK || !event.known)
		return;
	CHECK(event.sequence > 0 && event.revision > 0 && event.id[0] && event.source[0] && event.subject[0]);
	/* The same part twice: it has the header of the first. */
	posting_read_begin(reader, document, event.type, 2);
	if (posting_read_add(reader, &event.data, &info) != ERR_OK)
		return;
	CHECK(posting_read_finish(reader, &info) == ERR_AGAIN);
	err = posting_read_add(reader, &event.data, &info);
	CHECK(err == ERR_OK || err == ERR_TOO_LARGE);
	if (err == ERR_OK && posting_read_finish(reader, &info) == ERR_OK)
		write_again(reader, document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct canonical canonical;
	struct posting_reader reader;
	struct document document;
	struct err_info info;
	if (canonical.header_count[0] == 0)
		canonical_init(&canonical);
	posting_reader_init(&reader, &canonical);
	document_init(&document);
	if (size > 0 && data[0] == '!') {
		const struct span text = {(const char *)data + 1, size - 1};
		if (posting_read(&reader, text, &document, &info) == ERR_OK)
			write_again(&reader, &document);
	} else {
		read_event(&reader, &document, (struct span){(const char *)data, size});
	}
	document_release(&document);
	posting_reader_release(&reader);
	return 0;
}
