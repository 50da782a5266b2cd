"""Texts that ask the most of whoever reads or writes marks, each of about the length asked for.

A unit is repeated; what stands behind it once makes every repetition look far ahead.
"""

_UNITS = [
    ("*a ", ""), ("*a ", ".*€"), ("_a ", "._€"), ("~a ", ".~€"), ("*a _b ~c ", ".*€._€.~€"),
    ("a* ", ""), ("*a* ", ""), ("_a_ ", ""), ("**a ", ""), ("**a", ""), ("***a*** ", ""),
    ("*a_ ", ""), ("~~a", ""), ("~~~a~~~ ", ""), ("*a **b ", "b** a*"), ("*a_ **b~~ ", ""),
    ("*", ""), ("*", "x"), ("_", "x"), ("~", "x"), ("* ", ""), ("- ", "x"), ("+ - ", "a"),
    ("`", ""), ("`a ", ""), ("``` ", ""), ("```a\n", ""), ("```a\nb```", ""), ("`a`` ", ""),
    ("\\`", ""), ("\\", ""), ("{{`", ""), ("{%", ""), ("`{% endraw %}", "`"),
    ("[", ""), ("![", ""), ("[](a", ""), ("[](a", ")"), ("[](a((", "))"),
    ("[a](", ""), ("[a](<b", ""), ("[a](b \"", ""),
    ("[a](b '", ""), ("[a]( ", ""), (" ", "[a]("), ("(", "[a](b"), ("](a)", ""), ("[]() ", ""),
    ("*[]()* ", ""), ("[*a](b)", ""), ("[a]: b\n", ""), ("![*a](b)", ""),
    ("http://a", ""), ("xhttp://a", ""), ("http://a ", ""), ("hw", ""), ("www.a*", ""),
    ("http://((", ""), ("http://a_*", ""), ("<a:", ""), ("<a@b", ""), ("<", ""), ("&#1", ""),
    ("&amp", ""), ("(c)", ""), ("1", ""), ("= ", "x"), ("|", "x"), ("-", " x"), ("1. ", ""),
    ("> ", "a"), (">", "a"), ("> a\n1. b\n", ""), ("- a\n", ""), ("- a\n\n", ""), ("# a\n", ""),
    ("a # ", ""), ("\n", ""), ("a\n", ""), ("a\\\n", ""), (" ", "x"), ("\t", "x"), ("\u00a0", "x"),
    ("\u200d", ""), ("e\u0301", ""), ("\U0001f600*", ""), ("@1", ""), ("a", ""),
]  # fmt: skip
#: For each, what is repeated and what stands behind it.
UNITS = {f"{unit!r} then {last!r}" if last else repr(unit): (unit, last) for unit, last in _UNITS}


def text(name: str, length: int) -> str:
    """One of them; `name` is a key of UNITS."""
    unit, last = UNITS[name]
    return (unit * (length // len(unit) + 1))[: length - len(last)] + last
