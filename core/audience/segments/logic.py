"""Negation that is exact.

SQL knows three truths: a comparison with a missing value is neither true nor false, and `NOT` leaves it so;
"not older than 18" written as `NOT (age > 18)` silently loses everyone without an age.
"""

from __future__ import annotations

from peewee import SQL, EnclosedNodeList, Expression, Function

EVERYONE = SQL("(1 = 1)")
NOBODY = SQL("(1 = 0)")


def complement(expression):
    """Exactly the rows an expression is not true for, those with missing values included.

    The same SQL on both databases.  EXISTS is never unknown; a plain NOT EXISTS lets PostgreSQL use an
    anti-join, which it does not find behind IS NOT TRUE.
    """
    if isinstance(expression, Function) and expression.name.upper() == "EXISTS":
        return ~expression
    # The brackets matter: NOT x IS NOT TRUE means NOT (x IS NOT TRUE).
    return Expression(EnclosedNodeList([expression]), "IS NOT", SQL("TRUE"))
