"""Which small changes a source file allows: one of them, made, is a mutant.

Docstrings, annotations, names of types, assertions, raised errors and messages are left alone: no test
should have to hold their wording. Signals to processes and removal of folders are left alone too, since a
mutant runs on the machine of whoever looks for it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Mutant(NamedTuple):
    """A change of one place: the text `before` at line and column becomes `after`."""

    file: str
    line: int
    column: int
    kind: str
    before: str
    after: str
    start: int
    end: int

    @property
    def key(self) -> str:
        return f"{self.file}:{self.line}:{self.column}:{self.kind}:{self.after}"

    def applied(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]

    @property
    def changes_nothing(self) -> bool:
        """Whether its form tells that no run on a CPU differs: `max(b, a)`, a device or a check left out."""
        if self.kind == "arguments swapped":
            return _named_by(self.before) in _SYMMETRIC
        if self.kind == "argument dropped":
            return _keywords(self.before) - _keywords(self.after) <= _UNSEEN
        return self.before in ("return False", 'return ""')


_SYMMETRIC = {
    "max", "min", "maximum", "minimum", "transpose", "swapaxes", "gcd", "allclose", "array_equal", "l1_loss",
    "mse_loss", "smooth_l1_loss",
}  # fmt: skip
_UNSEEN = {"device", "non_blocking", "strict", "encoding"}


def _named_by(call: str) -> str:
    node = ast.parse(call, mode="eval").body
    return _called(node) if isinstance(node, ast.Call) else ""


def _keywords(call: str) -> set[str]:
    node = ast.parse(call, mode="eval").body
    return {one.arg or "" for one in node.keywords} if isinstance(node, ast.Call) else set()


Change = tuple[ast.AST, str, str]  # what is replaced, the kind of change, the new text
_COMPARISONS = {
    ast.Lt: ("<=", ">"),
    ast.LtE: ("<", ">="),
    ast.Gt: (">=", "<"),
    ast.GtE: (">", "<="),
    ast.Eq: ("!=",),
    ast.NotEq: ("==",),
    ast.Is: ("is not",),
    ast.IsNot: ("is",),
    ast.In: ("not in",),
    ast.NotIn: ("in",),
}
_ARITHMETIC = {
    ast.Add: "-",
    ast.Sub: "+",
    ast.Mult: "/",
    ast.Div: "*",
    ast.FloorDiv: "*",
    ast.Mod: "*",
    ast.Pow: "*",
    ast.MatMult: "+",
}
_MESSAGES = {
    "print",
    "echo",
    "warn",
    "warning",
    "info",
    "debug",
    "error",
    "exception",
    "log",
    "TypeVar",
    "cast",
}
_CRASHES = {"isinstance", "setattr", "getattr", "hasattr", "super", "issubclass"}  # whatever calls it notices
_DANGEROUS = {"kill", "killpg", "rmtree", "signal", "setrlimit", "fork", "_exit", "system", "unlink"}


def mutants(file: str, source: bytes) -> list[Mutant]:
    """All of them, in the order of the file; `file` is how the source is named."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node, kind, after in _changes(ast.parse(source)):
        start = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        mutant = Mutant(
            file, node.lineno, node.col_offset, kind, source[start:end].decode(), after, start, end
        )
        if mutant.before != after:
            found.append(mutant)
    return found


def compiles(source: bytes) -> bool:
    """Whether it is Python."""
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def _changes(tree: ast.AST) -> Iterator[Change]:
    for child in _meaningful(tree):
        rule = _RULES.get(type(child))
        if rule is not None:
            yield from rule(child)
        yield from _changes(child)


def _meaningful(node: ast.AST) -> Iterator[ast.AST]:
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_comment", "msg", "format_spec", "bases"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _left_alone(child):
                yield child


def _left_alone(node: ast.AST) -> bool:
    if isinstance(node, ast.Raise | ast.Assert | ast.JoinedStr | ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Expr):
        return not isinstance(node.value, ast.Call) or _left_alone(node.value)
    if isinstance(node, ast.Call) and _called(node) in _MESSAGES | _DANGEROUS:
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    # Names of types, `__all__` and `__slots__`.
    targets = node.targets if isinstance(node, ast.Assign) else ()
    return any(
        isinstance(one, ast.Name) and (one.id.startswith("__") or _of_a_type(one.id)) for one in targets
    )


def _of_a_type(name: str) -> bool:
    return name[0].isupper() and not name.isupper() and "_" not in name


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _constant(node: ast.Constant) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield node, "constant", str(not value)
    elif isinstance(value, int | float):
        yield node, "constant", f"{value + 1!r}"
        if value:
            yield node, "constant", f"{value * 10!r}"
            yield node, "constant", f"(-{value!r})"


def _compare(node: ast.Compare) -> Iterator[Change]:
    if len(node.ops) == 1:
        left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
        for operator in _COMPARISONS[type(node.ops[0])]:
            yield node, "comparison", f"({left} {operator} {right})"


def _boolean(node: ast.BoolOp) -> Iterator[Change]:
    operator = " or " if isinstance(node.op, ast.And) else " and "
    yield node, "boolean", "(" + operator.join(f"({ast.unparse(value)})" for value in node.values) + ")"


def _negation(node: ast.UnaryOp) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield node, "boolean", f"({ast.unparse(node.operand)})"
    elif isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
        yield node, "arithmetic", f"({ast.unparse(node.operand)})"


def _condition(node: ast.If | ast.IfExp | ast.While) -> Iterator[Change]:
    if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
        yield node.test, "boolean", f"(not {ast.unparse(node.test)})"


def _operation(node: ast.BinOp) -> Iterator[Change]:
    sides = (node.left, node.right)
    operator = _ARITHMETIC.get(type(node.op))
    if operator is not None and not any(
        isinstance(side, ast.List | ast.Tuple) or _text(side) for side in sides
    ):
        left, right = (ast.unparse(side) for side in sides)
        yield node, "arithmetic", f"(({left}) {operator} ({right}))"


def _text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
    )


def _call(node: ast.Call) -> Iterator[Change]:
    function, arguments, keywords = node.func, node.args, node.keywords
    if isinstance(function, ast.Attribute) and function.attr == "detach" and not arguments:
        yield node, "detach", ast.unparse(function.value)
    for at, keyword in enumerate(keywords):
        if keyword.arg is not None and keyword.arg not in ("description", "help", "desc", "dtype"):
            kept = [*map(ast.unparse, arguments), *map(_written, keywords[:at] + keywords[at + 1 :])]
            yield node, "argument dropped", f"{ast.unparse(function)}({', '.join(kept)})"
    plain = len(arguments) > 1 and not any(
        isinstance(one, ast.Starred) or _text(one) for one in arguments[:2]
    )
    if plain and _called(node) not in _CRASHES and ast.dump(arguments[0]) != ast.dump(arguments[1]):
        first, second, *rest = map(ast.unparse, arguments)
        kept = [second, first, *rest, *map(_written, keywords)]
        yield node, "arguments swapped", f"{ast.unparse(function)}({', '.join(kept)})"


def _written(keyword: ast.keyword) -> str:
    value = ast.unparse(keyword.value)
    return f"**{value}" if keyword.arg is None else f"{keyword.arg}={value}"


def _return(node: ast.Return) -> Iterator[Change]:
    value = node.value
    if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
        yield node, "return", "return None"


def _function(node: ast.FunctionDef) -> Iterator[Change]:
    if node.returns is not None and ast.unparse(node.returns) == "Tensor":
        for one in ast.walk(node):
            if isinstance(one, ast.Return) and one.value is not None:
                yield one.value, "detach", f"({ast.unparse(one.value)}).detach()"


def _statement(node: ast.stmt) -> Iterator[Change]:
    target = node.targets[0] if isinstance(node, ast.Assign) else None
    if target is None or isinstance(target, ast.Attribute | ast.Subscript):
        yield node, "statement deleted", "pass"


def _jump(node: ast.Continue | ast.Break) -> Iterator[Change]:
    yield node, "jump", "break" if isinstance(node, ast.Continue) else "continue"


def _slice(node: ast.Slice) -> Iterator[Change]:
    for bound in (node.lower, node.upper):
        if bound is not None and not isinstance(bound, ast.Constant):
            yield bound, "slice", f"({ast.unparse(bound)}) + 1"


_RULES: dict[type[ast.AST], Callable[..., Iterator[Change]]] = {
    ast.Constant: _constant,
    ast.Compare: _compare,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _negation,
    ast.If: _condition,
    ast.IfExp: _condition,
    ast.While: _condition,
    ast.BinOp: _operation,
    ast.Call: _call,
    ast.Return: _return,
    ast.FunctionDef: _function,
    ast.Expr: _statement,
    ast.Assign: _statement,
    ast.AugAssign: _statement,
    ast.Continue: _jump,
    ast.Break: _jump,
    ast.Slice: _slice,
}
