"""The Optimize place: which optimizer, with what, at what cost; and the start of the run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec
from textual import on, work
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from core.errors import CompilotError
from core.optimizers import registry
from core.recipe import OptimizerSpec, Recipe, Role

from ..panes.optimize.all_estimates import AllEstimates
from ..panes.optimize.checks_pane import ChecksPane
from ..panes.optimize.cost_pane import CostPane
from ..panes.optimize.declared import LIMITS, limit_params, read_limits
from ..panes.optimize.field_text import CODE, list_choices
from ..panes.optimize.form import Form
from ..panes.optimize.launching import describe_launch
from ..panes.optimize.model_dialog import ModelDialog
from ..panes.optimize.models_pane import ModelsPane
from ..panes.optimize.optimizers import OptimizersPane
from ..panes.optimize.pages import NARROW, WIDE
from ..panes.optimize.paging import Paging
from ..panes.optimize.parameters import FormPane, LimitsPane, ParametersPane
from ..panes.optimize.preview import summary_line
from ..panes.optimize.sheet import Sheet, Wrong, read_sheet
from ..widgets.dialogs import Ask, Choose, Confirm
from ..widgets.foreign import foreign

_UNDO = 50


class OptimizeScreen(Paging):
    """Three columns where there is room, one page at a time where there is not."""

    PLACE = "optimize"
    CSS_PATH = "optimize.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (NARROW, "-normal"), (WIDE, "-wide")]  # noqa: RUF012 - Textual's own type

    def __init__(self) -> None:
        super().__init__()
        self._past: list[tuple[str, Recipe]] = []

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="pages", markup=False)
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield OptimizersPane()
            with Vertical(id="middle"):
                yield ParametersPane()
                yield ModelsPane()
                yield LimitsPane()
            with Vertical(id="right"):
                yield CostPane()
                yield ChecksPane()
        yield Static(id="summary", markup=False)

    def on_mount(self) -> None:
        self.call_later(self._begin)

    async def _begin(self) -> None:
        draft = self.session.draft
        chosen = draft is not None and draft.optimizer is not None
        await self.show_draft()
        self.show_checks()
        self.estimate_soon()
        self.look_soon()
        first = "optimizers" if self._is_wide or not chosen else "parameters"
        self._focus(
            self._pane_of(self.session.recall("optimize.page", first) if not self._is_wide else first)
        )

    async def show(self, **target: Any) -> None:
        name = target.get("optimizer")
        if name:
            self.choose(registry.get(name).spec.name)

    async def refresh_parts(self, parts: frozenset[str]) -> None:
        if parts & {"program", "metric", "data", "split", "config"}:
            self.forget_loaded()
            self.look_soon()
        if parts & {"draft", "config", "split"}:
            await self.show_draft()
            self.estimate_soon()
            self.look_soon()
        self.show_checks()

    def copied_text(self) -> str | None:
        preview = self.query_one("#preview", Static).content
        return str(preview) or None

    async def show_draft(self) -> None:
        draft = self.session.draft
        if draft is None:
            return
        chosen = draft.optimizer.name if draft.optimizer else ""
        spec = registry.get(chosen).spec if chosen in registry.names() else None
        self.query_one(OptimizersPane).show_fits(self.fits, chosen, self.costs)
        if spec is not None and draft.optimizer is not None:
            await self._fill("#parameters", Sheet(spec, facts=self.facts), draft.optimizer.params, spec.name)
        await self._fill("#limits", Sheet(LIMITS), limit_params(draft), "")
        asked = any(ping.seconds is None for ping in self.pings.values())
        state = "asking each…" if asked else "p asks each"
        answered = {role: ping for role, ping in self.pings.items() if ping.seconds is not None}
        self.query_one(ModelsPane).show_models(self.models, answered, state)
        self.load_if_trusted()

    async def _fill(self, pane: str, blank: Sheet, params: dict[str, Any], state: str) -> None:
        """A form as the draft has it; what was typed and could not be read stays where it is."""
        form_pane = self.query_one(pane, FormPane)
        now = form_pane.form.sheet
        sheet = read_sheet(blank.spec, params, blank.facts)
        if now.spec == blank.spec and now.params == sheet.params:
            sheet = replace(now, facts=blank.facts)
        changed = len(sheet.params)
        await form_pane.show_sheet(sheet, f"{state} {changed} set".strip() if changed else state)

    def wrong_fields(self) -> dict[str, Wrong]:
        return {name: wrong for form in self.query(Form) for name, wrong in form.sheet.unread.items()}

    def change(self, what: str, **sections: Any) -> None:
        """A change of the draft that `u` takes back; changes of the same thing are taken back together."""
        draft = self.session.draft
        if draft is None:
            return
        if not self._past or self._past[-1][0] != what:
            self._past = [*self._past[-_UNDO:], (what, draft)]
        self.session.change(**sections)

    def choose(self, name: str) -> None:
        draft = self.session.draft
        if draft is not None and (draft.optimizer is None or draft.optimizer.name != name):
            saved = self.session.saved
            kept = saved.optimizer if saved is not None else None
            own = kept if kept is not None and kept.name == name else OptimizerSpec(name=name)
            self.change(f"optimizer {name}", optimizer=own)

    @on(OptimizersPane.Chosen)
    def _chosen(self, event: OptimizersPane.Chosen) -> None:
        self.choose(event.name)
        self._focus("#parameters-form")

    @on(Form.Changed, "#parameters-form")
    def _parameters_changed(self, event: Form.Changed) -> None:
        name = event.sheet.spec.name
        self.change(
            f"{name} {event.form.field.name}",
            optimizer=OptimizerSpec(name=name, params=dict(event.sheet.params)),
        )
        self.estimate_soon()

    @on(Form.Changed, "#limits-form")
    def _limits_changed(self, event: Form.Changed) -> None:
        field = event.form.field.name
        try:
            budget, run = read_limits(event.sheet.params)
        except CompilotError as error:
            wrong = Wrong(error.what, error.fix, event.form.field.text)
            event.form.refuse(field, wrong)
        else:
            self.change(field, budget=budget, run=run)
        self.estimate_soon()

    @on(Form.WantsChoice)
    @work(exclusive=True, group="optimize.dialog")
    async def _ask_choice(self, event: Form.WantsChoice) -> None:
        field = event.field
        options = [(choice, choice) for choice in list_choices(field)]
        if field.parameter.target:
            options.append(("code of yours…", CODE))
        chosen = await self.app.push_screen_wait(Choose(field.name, options, field.text))
        if chosen == CODE:
            chosen = await self.app.push_screen_wait(Ask(field.name, hint=f"{CODE} or package.module:attr"))
        if chosen:
            event.form.put(field.name, chosen)

    @on(ModelsPane.Edit)
    @work(exclusive=True, group="optimize.dialog")
    async def _edit_model(self, event: ModelsPane.Edit) -> None:
        row = next(row for row in self.models if row.role == event.role)
        own = row.shared_from is None
        profile = await self.app.push_screen_wait(ModelDialog(row.role, row.profile, own=own))
        if profile is not None and (not own or profile != row.profile) and self.session.draft is not None:
            self._put_models({**self.session.draft.models, event.role: profile}, f"model {event.role}")

    @on(ModelsPane.Share)
    def _share_model(self, event: ModelsPane.Share) -> None:
        draft = self.session.draft
        if draft is None or event.role not in draft.models:
            return
        if event.role == "student":
            self.compilot.say("the student needs a model of its own: it runs the program")
            return
        models = {role: profile for role, profile in draft.models.items() if role != event.role}
        self._put_models(models, f"model {event.role}")

    def _put_models(self, models: dict[Role, Any], what: str) -> None:
        self.pings = {}
        self.change(what, models=models)

    def action_undo(self) -> None:
        if self._past:
            what, draft = self._past.pop()
            self.session.change(
                **{name: getattr(draft, name) for name in ("data", "models", "optimizer", "budget", "run")}
            )
            self.compilot.say(f"taken back: {what}")

    @work(exclusive=True, group="optimize.save")
    async def action_save(self) -> None:
        if not self.session.unsaved:
            self.compilot.say("compilot.toml says the same already")
            return
        try:
            await asyncio.to_thread(self.session.write_draft)
        except CompilotError as error:
            self.compilot.say_error(error)
        else:
            self.session.reload()
            self.compilot.say("written to compilot.toml")

    def action_estimates(self) -> None:
        self.push_all_estimates()

    @work(exclusive=True, group="optimize.dialog")
    async def push_all_estimates(self) -> None:
        if not self.costs:
            self.compilot.say("nothing is measured yet: m measures")
            return
        costs = dict(self.costs)
        if self.session.estimate is not None:
            costs[self.session.estimate.optimizer] = self.session.estimate
        chosen = await self.app.push_screen_wait(AllEstimates(costs))
        if chosen:
            self.choose(chosen)

    @on(ChecksPane.Launch)
    def _launch(self) -> None:
        self.action_launch()

    @work(exclusive=True, group="optimize.launch")
    async def action_launch(self) -> None:
        draft = self.session.draft
        if draft is None:
            self.tell_no_draft()
            return
        wrong = self.wrong_fields()
        if wrong:
            name, why = next(iter(wrong.items()))
            self.compilot.say_error(CompilotError(why.what, where=name, fix=why.fix))
            return
        if not await self.compilot.trusted() or not await self.is_ready():
            return
        question, detail = describe_launch(draft, self.session.estimate, self.checks)
        if await self.app.push_screen_wait(Confirm(question, detail, yes="Launch")):
            self.compilot.launch(msgspec.structs.replace(draft, workspace=str(self.session.root)))

    def show_summary(self) -> None:
        estimate, wrong = self.session.estimate, next(iter(self.wrong_fields().values()), None)
        if wrong is not None:
            line = foreign(wrong.what, "$text-error")
        elif self.busy:
            line = foreign(self.busy, "$text-accent")
        else:
            line = summary_line(estimate) if estimate is not None else foreign(self.why_no_figures())
        shown = self.query_one("#summary", Static)
        if shown.content != line:
            shown.update(line)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        match action:
            case "cancel":
                return self.is_measuring or self.is_dry_running
            case "dry_run":
                return not self.is_dry_running
            case "measure":
                return not self.is_measuring and not self.is_exact
            case "save":
                return self.session.unsaved
            case "undo":
                return bool(self._past)
        return True
