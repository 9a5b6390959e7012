"""The import contract of the families, for import-linter: it holds for every family in `tasks.families`."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter.application import output
from importlinter.domain.contract import Contract, ContractCheck

from tasks.families import FAMILIES, rooms_of

SHARED = ("models", "tasks", "artifacts", "configs")
"""What serves every family, but for the families' own rooms."""


class FamiliesContract(Contract):
    """A family's rooms are imported by itself alone, and by flows.

    Whatever lies between two families is shared, so single imports tell all of it.
    """

    type_name = "families"

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """See the class."""
        del verbose
        owner = {
            module: family for family in FAMILIES for room in rooms_of(family) for module in _in(graph, room)
        }
        foreign = sorted(
            f"{module} imports {imported}"
            for room in SHARED
            for module in _in(graph, room)
            for imported in graph.find_modules_directly_imported_by(module)
            if imported in owner and owner[imported] != owner.get(module)
        )
        return ContractCheck(kept=not foreign, metadata={"foreign": foreign})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One import a line."""
        for line in check.metadata["foreign"]:
            output.print_error(line)


def _in(graph: ImportGraph, room: str) -> set[str]:
    """A package and its modules; a family need not have every room."""
    return {room, *graph.find_descendants(room)} if room in graph.modules else set()
