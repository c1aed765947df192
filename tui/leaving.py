"""Leaving the app: work that was not saved is asked about; runs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .widgets.dialogs import Confirm

if TYPE_CHECKING:
    from .app import CompilotApp


async def may_leave(app: CompilotApp) -> bool:
    """True when nothing would be lost, or the person does not mind."""
    unsaved = [work for place in app.places.values() if (work := place.unsaved_work())]
    if app.session.unsaved:
        unsaved.append("choices that are not in compilot.toml yet")
    if not unsaved:
        return True
    answer = await app.push_screen_wait(
        Confirm("Leave without saving?", "\n".join(f"- {work}" for work in unsaved), yes="Leave", danger=True)
    )
    return bool(answer)
