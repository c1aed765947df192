"""The cost preview: what the run on screen would ask for, or what is still to be done to know it."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from core.cost.estimate import Estimate
from core.errors import CompilotError
from core.recipe import Budget

from ...widgets.foreign import foreign
from ...widgets.pane import Pane
from ...widgets.problem import Problem
from .preview import Beside, show_estimate


class CostPane(Pane):
    """Shows the last figures dim while they are not those of what is on screen."""

    DEFAULT_CSS = """
    CostPane {
        VerticalScroll { height: 1fr; }
        #busy { height: auto; color: $text-accent; }
        #preview { height: auto; width: 1fr; }
        #preview.-old { color: $text-muted; text-style: dim; }
        #note { height: auto; }
    }
    """

    def __init__(self) -> None:
        super().__init__(title="Cost", id="cost", classes="page-cost")
        self._estimate: Estimate | None = None
        self._budget = Budget()
        self._beside = Beside()

    def compose(self) -> ComposeResult:
        yield Static(id="busy", markup=False)
        yield Problem(id="problem")
        with VerticalScroll(id="cost-scroll"):
            yield Static(id="note", markup=False)
            yield Static(id="preview", markup=False)

    def on_mount(self) -> None:
        self.say_busy("")

    def say_busy(self, text: str) -> None:
        """What is being computed; empty when nothing."""
        busy = self.query_one("#busy", Static)
        busy.display = bool(text)
        busy.update(foreign(text))

    def show_estimate(self, estimate: Estimate, budget: Budget, note: str, beside: Beside) -> None:
        """Figures of what is on screen, where they come from, and what is known besides."""
        self._estimate, self._budget, self._beside = estimate, budget, beside
        self.name_pane("Cost", f"{estimate.optimizer}, t dry run")
        self.query_one(Problem).show(None)
        self._say(note)
        self._draw()

    def show_problem(self, error: CompilotError | None, note: str = "") -> None:
        """Why there are no figures for what is on screen; older ones stay, dim."""
        self.query_one(Problem).show(error)
        self._say(note)
        self.query_one("#preview").add_class("-old")
        if self._estimate is None:
            self.query_one("#preview", Static).update("")

    def forget(self) -> None:
        """Older figures say nothing any more."""
        self._estimate = None

    def on_resize(self) -> None:
        if self._estimate is not None:
            self._draw(keep=True)

    def _say(self, note: str) -> None:
        shown, text = self.query_one("#note", Static), foreign(note, "$text-warning")
        shown.display = bool(note)
        if shown.content != text:
            shown.update(text)

    def _draw(self, keep: bool = False) -> None:
        assert self._estimate is not None
        preview = self.query_one("#preview", Static)
        width = max(40, self.query_one(VerticalScroll).size.width - 2)
        text = show_estimate(self._estimate, self._budget, width, self._beside)
        if not keep:
            preview.remove_class("-old")
        if preview.content != text:
            preview.update(text)
