"""master.py - companies, currencies, accounts, tax codes, names: what the sample ERP's documents are made of.

Why:   realistic master data finds mistakes that "Test 1" does not: JPY without decimals, KWD with three, names in
       four scripts, a fiscal year that begins in April, business units that are right-justified.
Owns:  nothing; values.
Runs in: tools/sample-erp.
Tests: tests/unit/test_sample_erp.py
"""

import datetime
from dataclasses import dataclass

CURRENCIES = {  # code: (name, decimals, units of it for one euro)
    "EUR": ("Euro", 2, 1.0),
    "USD": ("US Dollar", 2, 1.0845),
    "JPY": ("Yen", 0, 162.37),
    "KWD": ("Kuwaiti Dinar", 3, 0.3338),
    "GBP": ("Pound Sterling", 2, 0.8531),
    "CHF": ("Swiss Franc", 2, 0.9762),
    "PLN": ("Zloty", 2, 4.3120),
    "NOK": ("Norwegian Krone", 2, 11.412),
}


@dataclass(frozen=True)
class Company:
    """One legal entity."""

    code: str
    name: str
    currency: str
    year_begins: int  # month in which its fiscal year begins; the year has the number of the year it begins in
    taxes: tuple  # ((code, per cent in hundredths), ...); 0 is exempt
    foreign: tuple  # currencies it also trades in
    weight: int  # share of the documents


COMPANIES = (
    Company("00001", "Twinpost Maschinenbau GmbH", "EUR", 1, (("V19", 1900), ("V07", 700), ("V00", 0)),
            ("USD", "GBP", "CHF", "PLN", "JPY"), 40),
    Company("00002", "Twinpost Inc.", "USD", 1, (("S0825", 825), ("S00", 0)), ("EUR", "KWD"), 25),
    Company("00050", "ツインポスト株式会社", "JPY", 1, (("C10", 1000), ("C08", 800), ("C00", 0)), ("USD", "EUR"), 15),
    Company("00070", "Twinpost Gulf W.L.L.", "KWD", 1, (("E00", 0),), ("USD",), 8),
    Company("00100", "Twinpost (UK) Ltd", "GBP", 4, (("S20", 2000), ("R05", 500), ("Z00", 0)), ("EUR", "NOK"), 12),
)

# object account: (name, posting edit code)
ACCOUNTS = {
    "1110": "Bank",
    "1210": "Trade receivables",
    "1320": "Prepaid expenses",
    "1510": "Inventory",
    "1810": "Machinery and equipment",
    "2110": "Trade payables",
    "2310": "Sales tax payable",
    "2350": "Unapplied receipts",
    "2410": "Accrued expenses",
    "4010": "Revenue machines",
    "4020": "Revenue spare parts",
    "4030": "Revenue service",
    "4040": "Revenue subscriptions",
    "5010": "Cost of goods sold",
    "6010": "Wages and salaries",
    "6110": "Rent",
    "6210": "Travel – Übernachtung",
    "6310": "IT and software",
    "6810": "Discounts allowed",
    "6850": "Bad debts",
    "6890": "Realised exchange gain/loss",
    "7010": "Depreciation",
}
REVENUE = ("4010", "4020", "4030", "4040")
# What journals by hand post to.
GENERAL = ("1320", "1510", "1810", "2110", "2410", "5010", "6010", "6110", "6210", "6310", "7010")
UNITS = ("", "10", "20", "30")  # business units of a company, after its number

CUSTOMERS = (
    "Müller & Söhne GmbH", "東京電機株式会社", "Ødegård Shipping AS", "Łódź Tekstylia Sp. z o.o.", "Société Générale d'Énergie",
    "Αθηναϊκή Ναυτιλιακή Α.Ε.", "شركة الخليج للتجارة", "Smith, Jones & Partners LLP", "ООО «Северный ветер»", "Ibérica de Aços, S.A.",
    "O'Brien \"Quality\" Foods", "大阪精密工業", "Çelik Sanayi A.Ş.", "Jyväskylän Paperi Oy", "Dvořák a synové s.r.o.",
    "Backslash\\Path Systems", "서울반도체", "Năvodari Rafinărie SRL", "Straße 9 Logistik KG", "Plain Vanilla Corp",
)
TOWNS = ("Aachen", "Bergen", "Chicago", "Dublin", "Évry", "Fukuoka", "Göteborg", "Hawally", "Iași", "Kraków", "Leeds", "México")
TEXTS = (
    "Monthly accrual", "Reclassify cost centre", "Payroll run", "Abschreibung Anlagen", "Stock adjustment", "Rent and utilities",
    "Travel expenses – Köln", "Software licences", "原価振替", "Correction of period", "Intercompany recharge", "Bank charges",
)
ITEMS = ("Gear unit", "Service contract", "Spare parts", "Schulung vor Ort", "Subscription", "保守サービス", "Freight", "Consulting day")
USERS = ("MKLEIN", "JSMITH", "TANAKA", "AALSABAH", "PBROWN", "BATCH")
TERMS = (("N30", 30), ("N14", 14), ("N60", 60), ("IMM", 0))


def unit(company, suffix):
    """A business unit as JD Edwards stores it: right-justified in 12."""
    return (str(int(company.code)) + suffix).rjust(12)


def account_rows():
    """(id, company code, unit, object, name) of every account, and the index {(company, unit suffix, object): id}."""
    rows, index, number = [], {}, 1000
    for company in COMPANIES:
        for suffix in UNITS:
            for code, name in ACCOUNTS.items():
                number += 1
                rows.append((f"{number:08d}", company.code, unit(company, suffix), code, name))
                index[company.code, suffix, code] = f"{number:08d}"
    return rows, index


def julian(day):
    """A date as JD Edwards stores it: CYYDDD."""
    return (day.year - 1900) * 1000 + day.timetuple().tm_yday


def civil(value):
    """julian() backwards."""
    return datetime.date(1900 + value // 1000, 1, 1) + datetime.timedelta(days=value % 1000 - 1)


def clock(instant):
    """A time of day as JD Edwards stores it: HHMMSS."""
    return instant.hour * 10000 + instant.minute * 100 + instant.second


def fiscal(company, day):
    """(century, year of it, period) of a posting date."""
    year = day.year if day.month >= company.year_begins else day.year - 1
    return year // 100, year % 100, (day.month - company.year_begins) % 12 + 1


def rate(source, target):
    """Units of the target currency for one unit of the source currency, to 7 digits."""
    return round(CURRENCIES[target][2] / CURRENCIES[source][2], 7)
