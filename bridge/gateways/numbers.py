"""How one telephone number is written: the national rules, in one table. Pure.

A gateway, an agent and a list of customers write one number in several ways; WhatsApp knows it
under one of them, and no rule tells which. All spellings of a number are one address. A country
that is not in the table needs no row: what a send reaches is learned (`bridge.store.identity`).

Sources: docs/contracts/ryzeapi.md, Addresses (Brazil); the numbering plans of IFT (Mexico) and
ENACOM (Argentina).
"""

import re
from collections.abc import Callable


def spellings(digits: str) -> tuple[str, ...]:
    """Every way to write a number, the given one first."""
    return tuple(dict.fromkeys([digits, *_spelled(digits)[0]]))


def canonical(digits: str) -> str:
    """The one spelling that a number is stored under."""
    return _spelled(digits)[0][0]


def shown(digits: str) -> str:
    """As a contact should have it: as it came, unless that can only be dialled inland."""
    every, is_inland = _spelled(digits)
    return every[0] if is_inland else digits


def _spelled(digits: str) -> tuple[tuple[str, ...], bool]:
    """Every spelling, the canonical one first; and whether this one is only dialled inland."""
    for country, inland in COUNTRIES:
        if every := country(digits):
            return every, inland(digits)
    return (digits,), False


# -- Brazil: mobiles were given a ninth digit, and many WhatsApp accounts have none ----------------

#: Only numbers of before the ninth digit exist in both forms, and they began with 6 to 9: what
#: begins with 2 to 5 is a landline, and dropping the 9 must never turn one into the other.
_BRAZIL = re.compile(r"55([1-9][1-9])9?([6-9][0-9]{7})", re.ASCII)


def _brazil(digits: str) -> tuple[str, ...]:
    number = _BRAZIL.fullmatch(digits)
    return (f"55{number[1]}9{number[2]}", f"55{number[1]}{number[2]}") if number else ()


# -- Mexico: until 2019 mobiles had a 1 after the country code, and WhatsApp still has -------------

_MEXICO = re.compile(r"521?([2-9][0-9]{9})", re.ASCII)


def _mexico(digits: str) -> tuple[str, ...]:
    number = _MEXICO.fullmatch(digits)
    return (f"521{number[1]}", f"52{number[1]}") if number else ()


# -- Argentina: mobiles have a 9 before the area code, or, inland, a 15 after it -------------------

_ARGENTINA = re.compile(r"549?(11[0-9]{8}|[23][0-9]{9})", re.ASCII)
_INLAND_15 = re.compile(r"549?(11|[23][0-9]{2,3})15([0-9]{6,8})", re.ASCII)
#: Area codes have four digits, except for 11 and these with three.
_AREA_OF_THREE = re.compile(
    "22[013]|23[067]|249|26[01346]|280|29[14789]|336|34[12358]|35[138]|36[24]|37[069]|38[013578]"
)
#: Those with four that begin like one with three.
_AREA_OF_FOUR = re.compile(
    "2202|2302|264[678]|294[02568]|2972|298[23]|343[5678]|345[4568]|348[2379]|353[237]|358[2345]|"
    "383[2578]|385[45678]|387[3678]|388[5678]"
)


def _area(core: str) -> str:
    """The area code that ten digits begin with."""
    if core.startswith("11"):
        return core[:2]
    is_short = _AREA_OF_THREE.match(core) and not _AREA_OF_FOUR.match(core)
    return core[:3] if is_short else core[:4]


def _argentina(digits: str) -> tuple[str, ...]:
    core = _argentine_core(digits)
    area, rest = _area(core), core[len(_area(core)) :]
    every = (f"549{core}", f"54{core}", f"54{area}15{rest}", f"549{area}15{rest}")
    return every if core else ()


def _argentine_core(digits: str) -> str:
    """The ten digits of a number that are the same in every spelling; empty for another number."""
    if number := _ARGENTINA.fullmatch(digits):
        return number[1]
    start = 3 if digits.startswith("549") else 2
    for length in (2, 3, 4):
        area, rest = digits[start : start + length], digits[start + length :]
        core = area + rest.removeprefix("15")
        is_inland = rest.startswith("15") and _INLAND_15.fullmatch(digits) and len(core) == 10
        if is_inland and _ARGENTINA.fullmatch(f"54{core}") and _area(core) == area:
            return core
    return ""


#: Gives every spelling of a number of the country, none for another number; and tells a spelling
#: that is only dialled inland.
_Country = tuple[Callable[[str], tuple[str, ...]], Callable[[str], bool]]
COUNTRIES: tuple[_Country, ...] = (
    (_brazil, lambda digits: len(digits) == 12),
    (_mexico, lambda digits: False),
    (_argentina, lambda digits: len(digits) > 13),
)
