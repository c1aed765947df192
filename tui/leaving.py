"""Leaving the app, or one folder for another: work that was not saved is asked about; runs go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .registry import PLACES
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


async def leave_places(app: CompilotApp) -> None:
    """End what every place does, and let each be made anew when it is visited next."""
    await app.switch_mode("welcome")
    for place in PLACES:
        if place in app.places:
            app.workers.cancel_node(app.places.pop(place))
        await app.remove_mode(place)
        app.add_mode(place, app.MODES[place])
