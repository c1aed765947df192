"""The program's modules and predictors as a tree, with the calls of each in one run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Tree

from core.programs.describe import ModuleNode, ProgramDescription

from ...registry import bindings
from ...text import clean
from ...widgets.pane import Pane
from .texts import label_predictor


class Part(NamedTuple):
    """A line of the tree."""

    depth: int
    label: str
    predictor: str = ""
    """Its name, for a line that is a predictor."""
    module: ModuleNode | None = None


def plan_tree(
    described: ProgramDescription, calls: Mapping[str, int] | None, statuses: Mapping[str, str]
) -> list[Part]:
    """The lines of the tree under its root. A module that is nothing but a predictor is one line."""
    predictors = {predictor.name: predictor for predictor in described.predictors}
    seen: set[str] = set()

    def label(name: str, shown: str) -> str:
        times = None if calls is None else calls.get(name, 0)
        return label_predictor(shown, predictors.get(name), times, statuses.get(name, ""))

    def walk(node: ModuleNode, path: str, depth: int) -> Iterator[Part]:
        for child in node.children:
            name = f"{path}.{child.name}" if path else child.name
            only = f"{name}.{child.children[0].name}" if len(child.children) == 1 else ""
            if name in predictors:
                seen.add(name)
                yield Part(depth, label(name, child.name), name, child)
            elif only in predictors and not child.tools and not child.children[0].children:
                seen.add(only)
                yield Part(depth, label(only, child.name), only, child)
            else:
                yield Part(depth, clean(f"{child.name}  {child.kind}"), module=child)
                yield from walk(child, name, depth + 1)

    found = list(walk(described.modules, "", 1))
    found += [Part(1, label(name, name), name) for name in predictors if name not in seen]
    return found


class PartsTree(Tree[Part]):
    """The tree itself."""

    BINDINGS = bindings("reading", pane="tree")


class ProgramTree(Pane):
    """Tells which part is looked at."""

    class Chosen(Message):
        """Another part is under the cursor."""

        def __init__(self, part: Part) -> None:
            self.part = part
            super().__init__()

    def __init__(self) -> None:
        super().__init__(title="Program", id="parts")

    def compose(self) -> ComposeResult:
        tree: PartsTree = PartsTree(Text("program"), Part(0, ""))
        tree.guide_depth = 2
        tree.auto_expand = False
        tree.show_root = True
        yield tree

    @property
    def tree_view(self) -> PartsTree:
        return self.query_one(PartsTree)

    def show(
        self, described: ProgramDescription, calls: Mapping[str, int] | None, statuses: Mapping[str, str]
    ) -> None:
        """Show another program, or the same one in another state; the cursor stays on the same part."""
        tree = self.tree_view
        here = tree.cursor_node.data if tree.cursor_node is not None else None
        tree.clear()
        tree.root.set_label(Text(clean(described.kind), style="bold"))
        tree.root.data = Part(0, described.kind, module=described.modules)
        parents = [tree.root]
        chosen = tree.root
        for part in plan_tree(described, calls, statuses):
            parent = parents[part.depth - 1]
            leaf = bool(part.predictor)
            node = parent.add(Text(part.label), part, expand=True, allow_expand=not leaf)
            parents[part.depth :] = [node]
            if here is not None and (part.predictor, part.label) == (here.predictor, here.label):
                chosen = node
        tree.root.expand()
        self.call_after_refresh(tree.move_cursor, chosen)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[Part]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Chosen(event.node.data))
