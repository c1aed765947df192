"""Where the candidates of a run came from, as a tree."""

from __future__ import annotations

from collections.abc import Callable, Container

from rich.text import Text
from textual.app import ComposeResult
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from core.results.lineage import Node

from ...registry import bindings
from ...text import clean, percent
from ...widgets.pane import Pane
from .loading import RunView

_ROOMY = 50
"""From this width on a candidate's whole id is shown; the beginning of it names it as well."""
_SHORT = 7


class LineageTree(Tree[str]):
    """The tree itself."""

    BINDINGS = bindings("reading", pane="tree")
    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = ""


class CandidateTree(Pane):
    """Tells which candidate is looked at."""

    class Chosen(Message):
        """Another candidate is under the cursor."""

        def __init__(self, candidate: str) -> None:
            self.candidate = candidate
            super().__init__()

    def __init__(self) -> None:
        super().__init__(title="Candidates", id="candidates")
        self._placed: dict[str, TreeNode[str]] = {}
        self._relabel: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        tree = LineageTree("candidates")
        tree.show_root = False
        tree.guide_depth = 2
        tree.auto_expand = False
        yield tree

    def show(self, view: RunView, pins: Container[tuple[str, str]], marked: str, candidate: str) -> None:
        """The candidates of a run; the cursor goes to the given one. Nothing is told back."""
        tree = self.query_one(LineageTree)
        best = view.state.best.candidate

        def label(node: Node) -> Text:
            return label_node(
                node,
                best=node.id == best,
                pinned=(view.path.name, node.id) in pins,
                marked=node.id == marked,
                short=self.size.width < _ROOMY,
            )

        def relabel() -> None:
            for name, placed in self._placed.items():
                placed.set_label(label(view.lineage.nodes[name]))

        if list(self._placed) == [node.id for node in view.lineage.walk()]:
            relabel()
        else:
            with self.prevent(Tree.NodeHighlighted):
                tree.clear()
                self._placed = {}
                for node in view.lineage.walk():
                    above = self._placed[node.parent] if node.parent else tree.root
                    self._placed[node.id] = above.add(
                        label(node), node.id, expand=True, allow_expand=bool(node.children)
                    )
                tree.root.expand()
        self._relabel = relabel
        scored = sum(node.val is not None for node in view.lineage.nodes.values())
        number = len(view.lineage.nodes)
        self.name_pane("Candidates", f"{scored} of {number} scored in full" if number else "none yet")
        self.call_after_refresh(self.put_cursor, candidate)

    def on_resize(self) -> None:
        if self._relabel is not None:
            self._relabel()
        self.call_after_refresh(self._reveal)

    def _reveal(self) -> None:
        tree = self.query_one(LineageTree)
        if tree.cursor_node is not None:
            tree.scroll_to_node(tree.cursor_node, animate=False)

    def put_cursor(self, candidate: str) -> None:
        node = self._placed.get(candidate)
        tree = self.query_one(LineageTree)
        if node is not None and tree.cursor_node is not node:
            tree.move_cursor(node)

    def on_tree_node_highlighted(self, event: Tree.NodeHighlighted[str]) -> None:
        event.stop()
        if event.node.data is not None:
            self.post_message(self.Chosen(event.node.data))


def label_node(
    node: Node, *, best: bool = False, pinned: bool = False, marked: bool = False, short: bool = False
) -> Text:
    """A candidate's line: score, name, how it came to be. A minibatch score has a `~`."""
    text = Text(no_wrap=True)
    if node.val is not None:
        text.append(f"{percent(node.val):>7} ", "bold" if best else "")
    elif node.minibatch is not None:
        text.append(f"~{100 * node.minibatch:.0f} %".rjust(7) + " ", "dim")
    else:
        text.append("      – ", "dim")
    marks = [word for word, yes in (("best", best), ("marked", marked), ("pinned", pinned)) if yes]
    if marks:
        text.append(f"{', '.join(marks)} ", "bold")
    text.append(clean(node.id[:_SHORT] if short else node.id), "bold" if best else "")
    if node.errors:
        text.append(f" {node.errors} errored")
    text.append(f" {clean(node.origin)}", "dim")
    if node.other_parents:
        others = (clean(parent[:_SHORT] if short else parent) for parent in node.other_parents)
        text.append(f" + {', '.join(others)}", "dim")
    if node.missing:
        text.append(f" from unknown {', '.join(clean(parent) for parent in node.missing)}", "dim")
    return text
