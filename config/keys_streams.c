/*
 * keys_streams.c - the keys of the streams and of the phases of the migration.
 *
 * Why:   see keys.h.
 * Owns:  nothing; constants.
 * Rules: limits have their reason beside them where it is not plain from the key's text.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/keys_table.h"

#define IN_STREAM(member) IN(struct config_stream_rule, member)
#define IN_PHASE(member)  IN(struct config_phase_rule, member)

static const struct key_choice phases[] = {{"legacy", CONFIG_PHASE_LEGACY},
                                           {"shadow", CONFIG_PHASE_SHADOW},
                                           {"parallel", CONFIG_PHASE_PARALLEL},
                                           {"cutover", CONFIG_PHASE_CUTOVER},
                                           {NULL, 0}};

static const struct key_choice classes[] = {{"immediate", CONFIG_STREAM_IMMEDIATE},
                                            {"normal", CONFIG_STREAM_NORMAL},
                                            {"bulk", CONFIG_STREAM_BULK},
                                            {NULL, 0}};

static const struct key_choice receipts[] = {{"puback", CONFIG_RECEIPT_PUBACK},
                                             {"cosigned", CONFIG_RECEIPT_COSIGNED},
                                             {"booked", CONFIG_RECEIPT_BOOKED},
                                             {NULL, 0}};

/* The values count nothing: a rule keeps the words. */
static const struct key_choice documents[] = {{"journal", 0}, {"invoice", 0},  {"credit_memo", 0},
                                              {"payment", 0}, {"customer", 0}, {"usage", 0},
                                              {NULL, 0}};

const struct key keys_streams[] = {
    {.name = "streams",
     .type = KEY_LIST,
     .maximum = CONFIG_STREAM_RULES_MAX,
     .offset = offsetof(struct config, streams),
     .size = sizeof(struct config_stream_rule),
     .count_offset = offsetof(struct config, stream_count),
     .summary =
         "which documents go into which stream, and how it is treated; the first entry that matches counts",
     .details = "Documents without an entry go into the stream of their company, class normal. Changing the "
                "name of a "
                "stream later begins a new one; what was sent stays in the old one."},
    {.name = "streams.entity",
     .type = KEY_TEXT,
     .fallback = "*",
     .characters = "._-*",
     IN_STREAM(entity),
     LENGTH(CONFIG_NAME_MAX),
     .summary = "company code as the ERP has it, or \"*\" for all",
     .example = "00001"},
    {.name = "streams.documents",
     .type = KEY_NAMES,
     .maximum = CONFIG_DOCUMENTS_MAX,
     .choices = documents,
     ENTRIES(struct config_stream_rule, documents, document_count),
     .summary = "kinds of documents that the entry is for; all where it is not given",
     .example = "[invoice, credit_memo]"},
    {.name = "streams.name",
     .type = KEY_STREAM,
     .fallback = "{entity}",
     IN_STREAM(name),
     LENGTH(CONFIG_NAME_MAX * 2),
     .summary = "name of the stream, the last level of its topics; {entity} stands for the company code",
     .details =
         "A company code with other characters than a-z, 0-9 and - is written in lower case with - for the "
         "rest "
         "and eight hex digits of its hash behind it, so that two companies never share a stream unasked.",
     .example = "\"{entity}-invoices\""},
    {.name = "streams.class",
     .type = KEY_CHOICE,
     .fallback = "normal",
     .choices = classes,
     IN_STREAM(class_),
     .summary = "which streams go first when the line is narrow",
     .details = "immediate gets a place at once; bulk never takes more than three quarters of the places. 16 "
                "messages "
                "of immediate, 4 of normal and 1 of bulk share the line where all have some: none ever waits "
                "for good.",
     .example = "immediate"},
    {.name = "streams.receipt",
     .type = KEY_CHOICE,
     .fallback = "puback",
     .choices = receipts,
     IN_STREAM(receipt),
     .summary = "what must have come back before retention may delete an event",
     .details = "puback: the broker has it. cosigned: the cloud has cosigned a checkpoint over it (needs "
                "cloud.receipt_keys). booked: the cloud has given its final outcome.",
     .example = "cosigned"},
    {.name = "streams.sla",
     .type = KEY_DURATION,
     .fallback = "0",
     .minimum = M,
     .maximum = 90 * D,
     .zero = true,
     IN_STREAM(sla_ns),
     .summary = "without a final outcome for this long after it was delivered, a document becomes an "
                "exception; 0 is "
                "never",
     .example = "4h"},
    {.name = "streams.batch",
     .type = KEY_INTEGER,
     .fallback = "0",
     .minimum = 2,
     .maximum = 500,
     .zero = true,
     IN_STREAM(batch),
     .summary = "documents sent in one compressed message, at most; 0 sends each alone",
     .details = "For brokers that bill or limit messages. Subscribers must know posting.batch.v1.",
     .example = "100"},

    {.name = "phases",
     .type = KEY_LIST,
     .maximum = CONFIG_PHASES_MAX,
     .offset = offsetof(struct config, phases),
     .size = sizeof(struct config_phase_rule),
     .count_offset = offsetof(struct config, phase_count),
     .summary = "which phase of the migration each company and kind of document is in, and from when on",
     .details =
         "Of the entries that match company and kind of a document, the one with the latest `from` "
         "that is not after its posting date counts; of two with the same `from`, the first. A document "
         "without an entry is in shadow. What has no date, customers, goes by the day on which it is "
         "read. The phase travels with every event. Where another set of documents is in legacy than at "
         "the last start, the sources are read once from their beginning."},
    {.name = "phases.entity",
     .type = KEY_TEXT,
     .required = true,
     .characters = "._-*",
     IN_PHASE(entity),
     LENGTH(CONFIG_NAME_MAX),
     .summary = "company code as the ERP has it, or \"*\" for all",
     .example = "00001"},
    {.name = "phases.documents",
     .type = KEY_NAMES,
     .maximum = CONFIG_DOCUMENTS_MAX,
     .choices = documents,
     ENTRIES(struct config_phase_rule, documents, document_count),
     .summary = "kinds of documents that the entry is for; all where it is not given",
     .example = "[invoice, credit_memo]"},
    {.name = "phases.phase",
     .type = KEY_CHOICE,
     .required = true,
     .choices = phases,
     IN_PHASE(phase),
     .summary = "legacy: not sent; shadow: cloud only watches; parallel: both post; cutover: the cloud leads",
     .details =
         "What the ERP posts in cutover is held as an exception: it belongs into the cloud. So cutover "
         "needs `from`.",
     .example = "parallel"},
    {.name = "phases.from",
     .type = KEY_DATE,
     .minimum = 19000101,
     .maximum = 21991231,
     IN_PHASE(from),
     .summary = "first posting date that the entry is for; all where it is not given",
     .example = "2026-10-01"},
};

const int keys_streams_count = (int)(sizeof keys_streams / sizeof keys_streams[0]);
