/*
 * keys_compare.c - the keys of the comparison: its rules, its files, how long either side may take.
 *
 * Why:   see keys.h.
 * Owns:  nothing; constants.
 * Rules: limits have their reason beside them where it is not plain from the key's text.
 * Runs in: every process; the CLI.
 * Tests: tests/unit/config_test.c
 */
#include "config/keys_table.h"

static const struct key_choice yes_no[] = {{"yes", CONFIG_YES}, {"no", CONFIG_NO}, {NULL, 0}};

const struct key keys_compare[] = {
    {.name = "compare",
     .type = KEY_MAP,
     .summary = "comparing what the ERP posted with what the cloud booked"},
    {.name = "compare.enabled",
     .type = KEY_CHOICE,
     .fallback = "yes",
     .choices = yes_no,
     AT(compare.enabled),
     .summary = "whether the agent keeps the ledger that comparisons are made from",
     .details = "It holds the documents of both sides and their sums, and costs about as much disk as the "
                "documents themselves."},
    {.name = "compare.rules",
     .type = KEY_PATH,
     AT(compare.rules),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "folder of the CSV files with mappings, tolerances and compared attributes",
     .details = "Where it is not given, codes are the same on both sides and nothing is tolerated. "
                "docs/mapping.md tells what the files hold; twinpost mapping check tells whether they are "
                "good.",
     .example = "/etc/twinpost/rules"},
    {.name = "compare.ledger",
     .type = KEY_PATH,
     .fallback = "/var/lib/twinpost/ledger.db",
     AT(compare.ledger),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "file of the ledger: both sides' documents and their sums",
     .details = "Where it is not given: ledger.db beside the store. Keep it on a local disk, as the store."},
    {.name = "compare.results",
     .type = KEY_PATH,
     .fallback = "/var/lib/twinpost/compare",
     AT(compare.results),
     LENGTH(CONFIG_PATH_MAX),
     .summary = "folder in which every comparison leaves its results",
     .details = "Where it is not given: compare beside the store."},
    /* A quarter: what neither side has told by then is missing, whatever the reason. */
    {.name = "compare.grace_cloud",
     .type = KEY_DURATION,
     .fallback = "2d",
     .minimum = S,
     .maximum = 90 * D,
     .zero = true,
     AT(compare.grace_cloud_ns),
     .summary = "a document of the ERP is missing in the cloud after this long",
     .details = "Until then it is waiting, which is no break."},
    {.name = "compare.grace_legacy",
     .type = KEY_DURATION,
     .fallback = "1d",
     .minimum = S,
     .maximum = 90 * D,
     .zero = true,
     AT(compare.grace_legacy_ns),
     .summary = "a document of the cloud is missing in the ERP after this long"},
    {.name = "compare.four_eyes",
     .type = KEY_CHOICE,
     .fallback = "no",
     .choices = yes_no,
     AT(compare.four_eyes),
     .summary = "whether accepting a difference takes a second person"},
    /* A parallel run of more than a year is two parallel runs. */
    {.name = "compare.clean_days",
     .type = KEY_INTEGER,
     .fallback = "31",
     .minimum = 1,
     .maximum = 366,
     AT(compare.clean_days),
     .summary = "days in a row without an unexplained difference, before an entity is ready for the cutover",
     .details = "31 days hold one month-end at least."},
    {.name = "compare.threshold_share",
     .type = KEY_DECIMAL,
     .fallback = "0.001",
     .maximum = 1,
     AT(compare.threshold_share),
     .summary = "the share of documents that may stay unexplained; 0.001 is one in a thousand",
     .details = "Above it an entity is not ready for the cutover."},
    /* With eight digits after the point it fits 64 bits. */
    {.name = "compare.threshold_value",
     .type = KEY_DECIMAL,
     .fallback = "0",
     .maximum = INT64_C(10000000000),
     AT(compare.threshold_value),
     .summary = "the value that may stay unexplained, in each currency",
     .details = "In the currency's own unit, without signs: 12.50 and -12.50 together are 25.00.",
     .example = "100.00"},
};

const int keys_compare_count = (int)(sizeof keys_compare / sizeof keys_compare[0]);
