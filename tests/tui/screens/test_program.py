"""The Program place: parts, states, one input tried. Real keys, what a person sees."""

from __future__ import annotations

from tests.tui.screens.waiting import OpenApp, screen_text, until


async def test_it_shows_predictors_with_their_calls_and_instructions(open_app: OpenApp) -> None:
    async with open_app("triage", size=(140, 44)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "3 predictors" in screen_text(pilot))
        text = screen_text(pilot)
        assert "FacilityTriage" in text
        assert "×1" in text
        assert "Calls of one run" in text
        await pilot.press("j")
        await until(pilot, lambda: "Instructions" in screen_text(pilot))
        text = screen_text(pilot)
        assert "urgency" in text
        assert "Literal[" in text


async def test_one_input_is_tried_in_the_open(open_app: OpenApp) -> None:
    async with open_app("router", size=(140, 44)) as pilot:
        await pilot.press("2")
        await until(pilot, lambda: "1 predictor" in screen_text(pilot))
        await pilot.press("t")
        await until(pilot, lambda: "1 of 24" in screen_text(pilot))
        await pilot.press("escape", "n")
        await until(pilot, lambda: "2 of 24" in screen_text(pilot))
        await pilot.press("ctrl+g")
        await until(pilot, lambda: "Metric  " in screen_text(pilot) and " %" in screen_text(pilot))
        text = screen_text(pilot)
        assert "predicted" in text
        assert "%" in text
