"""What an SQL file may use: the part of SQL that Athena and DuckDB run alike.

Athena runs Trino's SQL; DuckDB gets the same query by sqlglot, which translates much and refuses nothing. So what is
allowed is listed here - symbols, functions, kinds of expressions - and everything else is complained of; then names and
types are resolved, because Trino converts no text to a date or a number of its own accord and knows an output column's
name nowhere but in ORDER BY. Facts: Trino's documentation (Functions and operators, SELECT) and DuckDB's, where the two
were found to differ by running them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from spotify_assets.analytics.statements import INPUTS
from spotify_assets.schemas.analyses import COMPACTED
from spotify_assets.schemas.table import Table
from spotify_assets.schemas.types import TYPES

if TYPE_CHECKING:
    from sqlglot import Token, exp

FUNCTIONS: Mapping[str, str] = {
    "count": "rows, or values that are not null",
    "count_if": "rows for which a condition holds",
    "sum": "sum; null of no value",
    "avg": "mean, a double; null of no value",
    "min": "smallest value",
    "max": "largest value",
    "max_by": "value of the row with the largest key; of a column that may be null, FILTER (WHERE it IS NOT NULL)",
    "min_by": "value of the row with the smallest key, likewise",
    "bool_and": "whether a condition holds for all rows",
    "bool_or": "whether a condition holds for any row",
    "array_agg": "values as a list, with ORDER BY inside",
    "row_number": "place of a row in its window",
    "rank": "place, ties equal, with gaps after ties",
    "dense_rank": "place, ties equal, without gaps",
    "lag": "value of a row before",
    "lead": "value of a row after",
    "first_value": "value of the first row of the window frame",
    "last_value": "value of the last row of the window frame",
    "coalesce": "the first value that is not null",
    "nullif": "null where two values are equal",
    "if": "one value or the other",
    "greatest": "largest of several values; null if any is",
    "least": "smallest of several values; null if any is",
    "cast": "a value as another type",
    "try_cast": "the same, null where it cannot be",
    "abs": "without its sign",
    "round": "nearest whole number, halves away from zero",
    "floor": "next whole number below",
    "ceil": "next whole number above",
    "mod": "remainder, with the sign of the dividend",
    "power": "power, a double",
    "sqrt": "square root",
    "exp": "e to the power",
    "ln": "natural logarithm",
    "lower": "in small letters",
    "upper": "in capitals",
    "length": "number of characters",
    "substr": "part of a text, from a 1-based place",
    "trim": "without spaces at the ends",
    "replace": "text with a part replaced everywhere",
    "concat": "texts one after the other; null if any is",
    "strpos": "1-based place of a text in another, 0 if it is not there",
    "split": "text cut into a list",
    "date_add": "date some units later; cast to date, DuckDB makes a timestamp",
    "date_diff": "days between two dates",
    "date_trunc": "first day of the period of a date; cast to date, DuckDB makes a timestamp",
    "year": "year of a date",
    "month": "month of a date",
    "day": "day of the month of a date",
    "day_of_week": "1 Monday to 7 Sunday",
    "last_day_of_month": "last day of the month of a date",
    "cardinality": "length of a list",
    "contains": "whether a list without nulls has a value",
    "element_at": "item of a list by its 1-based place, null where there is none",
    "array_join": "list of texts as one text, without nulls",
    "array_sort": "sorted list, nulls last",
    "array_distinct": "list with each value once",
    "sequence": "whole numbers from one to another, as a list",
    "transform": "list with a function applied to its items",
    "filter": "items of a list for which a condition holds; also FILTER (WHERE ...) of an aggregate",
    "unnest": "list as rows",
}
"""Functions that both have with the same results, as a test shows on DuckDB, and what they are for."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SYMBOLS = _words("( ) , . * + - / % = <> != < <= > >= || [ ] ->")
WORDS_BEFORE_PARENTHESIS = _words(
    "ALL AND AS BETWEEN BY DISTINCT ELSE EXCEPT EXISTS FROM HAVING IN INTERSECT JOIN LIKE NOT ON OR OVER SELECT THEN "
    "UNION USING VALUES WHEN WHERE"
)
TYPES_WITH_PARAMETERS = _words("ARRAY DECIMAL TIMESTAMP VARCHAR")
KINDS = _words(
    "Add Alias And Array Between Boolean Bracket CTE Case Cast Column DPipe DataType DataTypeParam Distinct Div EQ "
    "Except Exists Filter From GT GTE Group Having Identifier If IgnoreNulls In Interval Intersect Is Join LT LTE "
    "Lambda Like Limit Literal Mod Mul NEQ Neg Not Null NullSafeEQ NullSafeNEQ Offset Or Order Ordered Paren Select "
    "Star Sub Subquery Table TableAlias TryCast Tuple Union Unnest Values Var Where Window WindowSpec With"
)
"""Kinds of expressions, by sqlglot's names; functions are allowed by their own names."""
JOINS = frozenset({"", "INNER", "CROSS", "OUTER"})
RESERVED = _words(
    "ALTER AND AS BETWEEN BY CASE CAST CONSTRAINT CREATE CROSS CUBE CURRENT_CATALOG CURRENT_DATE CURRENT_PATH "
    "CURRENT_ROLE CURRENT_SCHEMA CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER DEALLOCATE DELETE DESCRIBE DISTINCT DROP "
    "ELSE END ESCAPE EXCEPT EXISTS EXTRACT FALSE FOR FROM FULL GROUP GROUPING HAVING IN INNER INSERT INTERSECT INTO IS "
    "JOIN JSON_ARRAY JSON_EXISTS JSON_OBJECT JSON_QUERY JSON_TABLE JSON_VALUE LEFT LIKE LISTAGG LOCALTIME "
    "LOCALTIMESTAMP NATURAL NORMALIZE NOT NULL ON OR ORDER OUTER PREPARE RECURSIVE RIGHT ROLLUP SELECT SKIP TABLE THEN "
    "TRIM TRUE UESCAPE UNION UNNEST USING VALUES WHEN WHERE WITH"
)
"""Words that are no names in Trino without quotes (its documentation, Keywords and identifiers)."""

PLACES_OF_A_DOUBLE = 12
"""A double that becomes a decimal is rounded twice by DuckDB; with 15 places, one of some thousands differed."""
OPTIONAL = frozenset(column.name for table in INPUTS.values() for column in table.columns if column.nullable)
"""Names of columns that may be null, also where a query hands them on."""

Tables = Mapping[str, Mapping[str, str]]


def input_tables() -> Tables:
    """What the SQL files may read: Trino's type of each column, by table, partition columns included."""
    return {name: _columns(table) for name, table in INPUTS.items()}


def complaints(text: str, tables: Tables) -> list[str]:
    """Everything in a query that Athena would refuse, or that DuckDB would answer otherwise; none if all is well.

    Args:
        text: one query in Athena's dialect.
        tables: what it may read, as `input_tables`.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import ParseError, TokenError

    try:
        tokens = sqlglot.tokenize(text, read="athena")
        query = sqlglot.parse_one(text, read="athena")
    except (ParseError, TokenError) as error:
        return [f"it cannot be parsed: {str(error).splitlines()[0]}"]
    if not isinstance(query, exp.Query):
        return ["it is no query"]
    found = [*_strange_tokens(tokens, _aliases_with_columns(query)), *_strange_expressions(query)]
    found += [*_aggregates_of_output(query), *_tables_like_output(query), *_nulls_of_a_key(query)]
    found += [f"the table {table.name} is not there" for table in _tables_read(query) if table.name not in tables]
    return list(dict.fromkeys(found or _meaning(query, tables)))


def qualified(query: exp.Query, tables: Tables) -> exp.Query:
    """The query with every column named by its table and typed, in Trino's way of resolving names; a new tree.

    Raises:
        sqlglot.errors.OptimizeError: a column is not there, is in several tables, or is an output column's name where
            Trino does not know those.
    """
    from sqlglot.optimizer.annotate_types import annotate_types
    from sqlglot.optimizer.qualify import qualify
    from sqlglot.schema import MappingSchema

    schema = MappingSchema({name: dict(columns) for name, columns in tables.items()}, dialect="athena")
    resolved = qualify(query.copy(), dialect="athena", schema=schema, expand_alias_refs=False)
    return annotate_types(resolved, schema=schema, dialect="athena")


def _columns(table: Table) -> dict[str, str]:
    keys = {"playlist": "varchar", "year": "integer"} if table.name in COMPACTED else {}
    return {**{column.name: TYPES[column.type].trino for column in table.columns}, **keys}


# --- How it is written


def _strange_tokens(tokens: list[Token], aliases: set[str]) -> Iterator[str]:
    from sqlglot import TokenType

    for token in tokens:
        symbol = not any(letter.isalnum() or letter == "_" for letter in token.text)
        if token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER) and symbol and token.text not in SYMBOLS:
            yield f"the symbol {token.text} is not among those allowed"
    for token, following in pairwise(tokens):
        if following.token_type is TokenType.L_PAREN and _is_word(token):
            name = token.text
            known = WORDS_BEFORE_PARENTHESIS | TYPES_WITH_PARAMETERS | aliases
            if name.lower() not in FUNCTIONS and name.upper() not in known:
                yield f"the function {name} is not among those allowed"
        if following.token_type is TokenType.L_BRACKET and token.text.upper() != "ARRAY":
            yield "a list is written ARRAY[...], an item of it element_at(list, place)"
    yield from _from_first(tokens)


def _is_word(token: Token) -> bool:
    from sqlglot import TokenType

    return token.token_type not in (TokenType.STRING, TokenType.IDENTIFIER) and token.text[:1].isalpha()


def _from_first(tokens: list[Token]) -> Iterator[str]:
    """FROM where a query begins. The parser adds the SELECT * that DuckDB means, so only the tokens tell."""
    from sqlglot import TokenType

    begins = {TokenType.L_PAREN, TokenType.UNION, TokenType.EXCEPT, TokenType.INTERSECT, TokenType.ALL}
    with_list = [False]  # by depth of parentheses: whether the names of a WITH are being listed
    before = TokenType.L_PAREN
    for token in tokens:
        kind = token.token_type
        if kind is TokenType.FROM and (before in begins or with_list[-1]):
            yield "a query begins with SELECT, not with FROM"
        if kind is TokenType.L_PAREN:
            with_list.append(False)
        elif kind is TokenType.R_PAREN and len(with_list) > 1:
            with_list.pop()
        elif kind is TokenType.WITH:
            with_list[-1] = True
        elif kind in (TokenType.SELECT, TokenType.ORDINALITY):
            with_list[-1] = False
        before = kind


def _aliases_with_columns(query: exp.Query) -> set[str]:
    """Names that stand before a parenthesis because their columns are listed: `WITH name (column)`."""
    from sqlglot import exp

    return {alias.name.upper() for alias in query.find_all(exp.TableAlias) if alias.columns}


def _tables_read(query: exp.Query) -> list[exp.Table]:
    from sqlglot import exp
    from sqlglot.optimizer.scope import traverse_scope

    sources = [source for scope in traverse_scope(query) for source in scope.sources.values()]
    return [source for source in sources if isinstance(source, exp.Table)]


def _strange_expressions(query: exp.Query) -> Iterator[str]:
    from sqlglot import exp

    for node in query.walk():
        kind = type(node).__name__
        if kind not in KINDS and not isinstance(node, exp.Func):
            yield f"{kind} is not among the kinds of expressions allowed: {node.sql('athena')}"
        elif isinstance(node, exp.Identifier) and not node.quoted and node.name.upper() in RESERVED:
            yield f"{node.name} is a reserved word"
        else:
            yield from _strange_form(node)


def _aggregates_of_output(query: exp.Query) -> Iterator[str]:
    """Aggregates in ORDER BY over a bare name that is an output column too.

    There Trino takes the name for the output column, which is itself an aggregate, and refuses; DuckDB takes it for the
    input column. Source: Trino's documentation of ORDER BY, and its analyzer.
    """
    from sqlglot import exp

    for select in query.find_all(exp.Select):
        order = select.args.get("order")
        names = {projection.alias.lower() for projection in select.selects if isinstance(projection, exp.Alias)}
        for aggregate in order.find_all(exp.AggFunc) if order else []:
            for column in aggregate.find_all(exp.Column):
                if not column.table and column.name.lower() in names:
                    yield f"{aggregate.sql('athena')} in ORDER BY is over the output column {column.name}"


def _tables_like_output(query: exp.Query) -> Iterator[str]:
    """Columns in ORDER BY of a table that is called like an output column.

    There Trino takes `genre.share` for a field of the output column `genre`, and refuses: it is no row.
    """
    from sqlglot import exp

    for select in query.find_all(exp.Select):
        order = select.args.get("order")
        names = {projection.alias_or_name.lower() for projection in select.selects}
        for column in order.find_all(exp.Column) if order else []:
            if column.table.lower() in names:
                yield f"{column.sql('athena')} in ORDER BY is taken for a field of the output column {column.table}"


def _nulls_of_a_key(query: exp.Query) -> Iterator[str]:
    """Columns that may be null, taken by the largest or smallest key: Trino takes the null, DuckDB the next value."""
    from sqlglot import exp

    for node in query.find_all(exp.ArgMax, exp.ArgMin):
        value = node.this
        filtered = node.parent.expression if isinstance(node.parent, exp.Filter) else exp.Where()
        excluded = [test.this.this for test in filtered.find_all(exp.Not) if isinstance(test.this, exp.Is)]
        if isinstance(value, exp.Column) and value.name.lower() in OPTIONAL and value not in excluded:
            yield f"the nulls of {value.sql('athena')} are not filtered in {node.sql('athena')}"


def _strange_form(node: exp.Expr) -> Iterator[str]:  # noqa: C901 - one case per kind
    from sqlglot import exp

    match node:
        case exp.With() if node.recursive:
            yield "a recursive WITH"
        case exp.Group() if set(_given(node)) - {"expressions"}:
            yield "GROUP BY lists expressions or places, nothing else"
        case exp.Ordered() if isinstance(node.this, exp.Column) and node.this.sql().upper() == "ALL":
            yield "ORDER BY ALL"
        case exp.Star() if _given(node):
            yield "* without some columns, or with others"
        case exp.SetOperation() if set(_given(node)) & {"by_name", "side", "kind", "on"}:
            yield "sets are combined by the places of columns"
        case exp.Join() if node.kind not in JOINS or set(_given(node)) & {"method", "match_condition"}:
            yield f"the join {node.sql('athena')}"
        case exp.Distinct() if _given(node) and "on" in _given(node):
            yield "DISTINCT ON"
        case exp.Count() if isinstance(node.this, exp.Distinct) and len(node.this.expressions) > 1:
            yield "count(DISTINCT ...) of several expressions"
        case exp.DateDiff() if node.unit and node.unit.name.lower() != "day":
            yield "date_diff by anything but day: Trino counts full periods, DuckDB their borders"
        case exp.Array() if node.find(exp.Query):
            yield "a list made of a query; array_agg makes one"


def _given(node: exp.Expr) -> list[str]:
    return [name for name, value in node.args.items() if value]


# --- What it means


def _meaning(query: exp.Query, tables: Tables) -> list[str]:
    from sqlglot import exp
    from sqlglot.errors import OptimizeError

    try:
        typed = qualified(query, tables)
    except OptimizeError as error:
        return [f"{error} (in Trino, names of output columns are known in ORDER BY only)"]
    found = [complaint for node in typed.walk() for complaint in _strange_types(node)]
    for select in typed.find_all(exp.Select):
        found += _ungrouped(select)
    return found


def _family(node: exp.Expr) -> str:
    """What can be compared with what; empty where the type is not known. Null is of every family."""
    from sqlglot import exp

    type_ = node.type
    if type_ is None:
        return ""
    for family, types in (
        ("text", exp.DataType.TEXT_TYPES),
        ("number", exp.DataType.NUMERIC_TYPES),
        ("boolean", {exp.DType.BOOLEAN}),
        ("day", {exp.DType.DATE, *exp.DataType.TEMPORAL_TYPES}),
        ("list", {exp.DType.ARRAY}),
    ):
        if type_.this in types:
            return family
    return ""


def _strange_types(node: exp.Expr) -> Iterator[str]:
    from sqlglot import exp

    families = {_family(operand) for operand in _should_be_alike(node)} - {""}
    if len(families) > 1:
        yield f"{' and '.join(sorted(families))} meet in: {node.sql('athena')}"
    for condition in _conditions(node):
        if _family(condition) not in ("boolean", ""):
            yield f"no condition: {condition.sql('athena')}"
    match node:
        case exp.SetOperation():
            yield from _unlike_columns(node)
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Mod() if _arithmetic_families(node) - {"number", ""}:
            yield f"arithmetic with other than numbers (date_add and date_diff are for dates): {node.sql('athena')}"
        case exp.Div() if any(_is_decimal(operand) for operand in (node.left, node.right)):
            yield f"a decimal in a division (Trino cuts its places, DuckDB makes a double): {node.sql('athena')}"
        case exp.DPipe() if {_family(node.left), _family(node.right)} & {"number", "day", "boolean"}:
            yield f"|| joins texts: {node.sql('athena')}"
        case exp.Sum() | exp.Avg() if _family(node.this) not in ("number", ""):
            yield f"other than numbers are summed: {node.sql('athena')}"
        case exp.Cast() if node.this.is_type(*exp.DataType.FLOAT_TYPES):
            yield from _cast_of_double(node)


def _should_be_alike(node: exp.Expr) -> list[exp.Expr]:
    """Expressions that must be of one family."""
    from sqlglot import exp

    match node:
        case exp.In():
            query = node.args.get("query")
            return [node.this, *node.expressions, *(query.this.selects[:1] if query else [])]
        case exp.Between():
            return [node.this, node.args["low"], node.args["high"]]
        case exp.Case():
            branches = node.args["ifs"]
            results = [branch.args["true"] for branch in branches]
            return [*results, *filter(None, [node.args.get("default")])]
        case exp.If() if not isinstance(node.parent, exp.Case):
            return [node.args["true"], *filter(None, [node.args.get("false")])]
        case exp.Coalesce() | exp.Greatest() | exp.Least():
            return [node.this, *node.expressions]
        case exp.Nullif() | exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return [node.this, node.expression]
        case exp.NullSafeEQ() | exp.NullSafeNEQ():
            return [node.this, node.expression]
    return []


def _conditions(node: exp.Expr) -> list[exp.Expr]:
    """Expressions that must be conditions."""
    from sqlglot import exp

    match node:
        case exp.And() | exp.Or():
            return [node.left, node.right]
        case exp.Where() | exp.Having() | exp.Not() | exp.CountIf():
            return [node.this]
        case exp.If() if not (isinstance(node.parent, exp.Case) and node.parent.this):
            return [node.this]
        case exp.Join() if node.args.get("on"):
            return [node.args["on"]]
    return []


def _unlike_columns(union: exp.SetOperation) -> Iterator[str]:
    left, right = union.left.selects, union.right.selects
    if len(left) != len(right):
        yield f"{len(left)} columns are combined with {len(right)}"
    for one, other in zip(left, right, strict=False):
        if {"", _family(one)} != {"", _family(one), _family(other)} and _family(one):
            yield f"{_family(one)} is combined with {_family(other)} in the column {one.alias_or_name}"


def _arithmetic_families(node: exp.Binary) -> set[str]:
    from sqlglot import exp

    if any(isinstance(operand, exp.Interval) for operand in (node.left, node.right)):
        return set()
    return {_family(node.left), _family(node.right)}


def _cast_of_double(cast: exp.Cast) -> Iterator[str]:
    from sqlglot import exp

    if cast.to.is_type(*exp.DataType.INTEGER_TYPES) and not isinstance(cast.this, exp.Round | exp.Floor | exp.Ceil):
        yield f"a double is cast to a whole number without round, floor or ceil: {cast.sql('athena')}"
    if cast.to.is_type(exp.DType.DECIMAL) and int(cast.to.expressions[-1].name) > PLACES_OF_A_DOUBLE:
        yield f"a double is cast to more places than its own, which the two round otherwise: {cast.sql('athena')}"
    if cast.to.is_type(*exp.DataType.TEXT_TYPES):
        yield f"a double is cast to a text, which the two write otherwise: {cast.sql('athena')}"


def _is_decimal(operand: exp.Expr) -> bool:
    """Whether it is a decimal, or computed with a decimal literal. sqlglot takes these literals for doubles."""
    from sqlglot import exp

    if operand.is_type(exp.DType.DECIMAL):
        return True
    if isinstance(operand, exp.Cast | exp.Query):
        return False
    if isinstance(operand, exp.Literal):
        return not operand.is_string and "." in operand.name and "e" not in operand.name.lower()
    return any(_is_decimal(part) for part in operand.iter_expressions())


def _ungrouped(select: exp.Select) -> Iterator[str]:
    """Columns that a query with aggregates gives, or HAVING names, outside of them and of GROUP BY."""
    group, having = select.args.get("group"), select.args.get("having")
    keys = group.expressions if group else []
    given = [projection.unalias() for projection in select.selects]
    if not group and not having and not any(map(_aggregates, given)):
        return
    for expression in [*given, *([having.this] if having else [])]:
        for column in _loose_columns(expression, keys):
            yield f"{column.sql('athena')} is neither aggregated nor in GROUP BY"


def _aggregates(expression: exp.Expr) -> bool:
    from sqlglot import exp

    if isinstance(expression, exp.Query):
        return False
    return _is_aggregate(expression) or any(map(_aggregates, expression.iter_expressions()))


def _loose_columns(expression: exp.Expr, keys: list[exp.Expr]) -> Iterator[exp.Column]:
    from sqlglot import exp

    if expression in keys or isinstance(expression, exp.Query) or _is_aggregate(expression):
        return
    if isinstance(expression, exp.Column):
        yield expression
    else:
        for part in expression.iter_expressions():
            yield from _loose_columns(part, keys)


def _is_aggregate(expression: exp.Expr) -> bool:
    """Whether it aggregates the rows of a group, and not those of a window."""
    from sqlglot import exp

    if not isinstance(expression, exp.AggFunc | exp.Filter):
        return False
    while isinstance(expression.parent, exp.Filter | exp.IgnoreNulls):
        expression = expression.parent
    return not (isinstance(expression.parent, exp.Window) and expression.arg_key == "this")
