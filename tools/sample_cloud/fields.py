"""fields.py - the fields of documents, in the order of the contract's tables.

Why:   the CSV form and the cloud ledger need names, order and kind of every field, apart from any one document.
Owns:  nothing; values.
Rules: 1. Amounts are counted in minor units of a currency, by `units` and `text`; they never become floats.
Source: docs/contract/schemas.
Runs in: tools/sample-cloud.
Tests: tests/unit/test_sample_posting.py compares the tables with the schemas.
"""

COMMON = ("entity entity_mapped source_system type number year legacy_type legacy_type_mapped period document_date posting_date "
          "entry_date currency local_currency group_currency exchange_rate user reference text reverses reversed_by origin").split()
INVOICE = ("customer customer_mapped payer due_date terms service_start service_end net tax gross net_local tax_local gross_local prepaid "
           "rounding payable open status preceding_invoice reason control_account batch").split()
HEADERS = {
    "journal": COMMON + "ledger batch reversal".split(),
    "invoice": COMMON + INVOICE,
    "credit_memo": COMMON + INVOICE,
    "payment": COMMON + "means value_date amount amount_local payer payer_mapped unapplied status bank_account batch".split(),
    "customer": COMMON + ("number_mapped legal_name tax_id address city postal_code country terms control_account valid_from valid_to "
                          "credit_hold status").split(),
    "usage": COMMON + "customer customer_mapped meter window_start window_end quantity unit record_count records_digest".split(),
}
JOURNAL_LINES = ("line account account_mapped account_name amount amount_local amount_group entity cost_centre "
                 "cost_centre_mapped profit_centre segment trading_partner tax_code tax_code_mapped quantity unit party text").split()
INVOICE_LINES = ("line item text quantity unit price net tax gross net_local tax_local gross_local open due_date tax_code "
                 "tax_code_mapped tax_rate account account_mapped cost_centre cost_centre_mapped revenue_start revenue_end").split()
TAX_LINES = "code code_mapped jurisdiction rate base tax".split()
APPLICATIONS = "line invoice item amount amount_local discount write_off fx_gain_loss".split()
SECTIONS = {
    "journal": {"lines": JOURNAL_LINES},
    "invoice": {"lines": INVOICE_LINES, "tax_lines": TAX_LINES},
    "credit_memo": {"lines": INVOICE_LINES, "tax_lines": TAX_LINES},
    "payment": {"applications": APPLICATIONS},
    "customer": {},
    "usage": {},
}
TYPES = tuple(HEADERS)
PREFIXES = {"lines": "line.", "tax_lines": "tax.", "applications": "application."}
KEY = ("entity", "type", "year", "number")
INTEGERS = {"year", "period", "revision", "record_count"}
BOOLEANS = {"reversal", "credit_hold", "voided"}
DATES = {"document_date", "posting_date", "entry_date", "due_date", "service_start", "service_end", "value_date", "valid_from",
         "valid_to", "revenue_start", "revenue_end", "window_start", "window_end"}
DECIMALS = {"exchange_rate", "quantity", "price", "tax_rate", "rate"}
AMOUNTS = {"amount", "amount_local", "amount_group", "net", "tax", "gross", "net_local", "tax_local", "gross_local", "prepaid",
           "rounding", "payable", "open", "unapplied", "base", "discount", "write_off", "fx_gain_loss"}


def _union(lists):
    found = []
    for names in lists:
        found += [name for name in names if name not in found]
    return found


ALL_HEADERS = _union(HEADERS.values())
ALL_LINES = _union((JOURNAL_LINES, INVOICE_LINES))


def escaped(part):
    """A part of a subject: bytes outside A-Z a-z 0-9 . _ ~ - percent-encoded."""
    if part.isascii() and part.replace("-", "").replace("_", "").replace(".", "").replace("~", "").isalnum():
        return part
    return "".join(chr(byte) if chr(byte).isascii() and (chr(byte).isalnum() or chr(byte) in "._~-") else f"%{byte:02X}"
                   for byte in part.encode("utf-8"))


def subject_of(data):
    """The subject of a document."""
    return f"{escaped(data['entity'])}/{data['type']}/{data['year']}/{escaped(data['number'])}"


def units(text):
    """An amount's text as a whole number of minor units."""
    return int(text.replace(".", "", 1))


def digits(text):
    """Digits behind the point."""
    return len(text) - text.index(".") - 1 if "." in text else 0


def text_of(count, places):
    """A whole number of minor units as an amount's text."""
    if not places:
        return str(count)
    word = str(abs(count)).rjust(places + 1, "0")
    return f"{'-' if count < 0 else ''}{word[:-places]}.{word[-places:]}"


def moved(text, delta):
    """An amount's text with so many minor units more."""
    return text_of(units(text) + delta, digits(text))
