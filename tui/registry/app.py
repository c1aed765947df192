"""What works everywhere."""

from __future__ import annotations

from . import PLACES
from .command import Command

COMMANDS = (
    *(
        Command(
            f"app.go_{name}",
            f"{number},f{number}",
            title,
            f"Go to {title}.",
            footer=False,
            does=f"go('{name}')",
        )
        for number, (name, title) in enumerate(PLACES.items(), start=1)
    ),
    Command("app.help", "question_mark", "Keys", "All keys that work here, and those of the other places."),
    Command("app.command_palette", "ctrl+p", "Palette", "Find a command, a run or a file by name.", False),
    Command("app.jump", "ctrl+o", "Jump", "Put a letter on every pane and field, and go to one.", False),
    Command("app.zoom", "z", "Zoom", "Let the focused pane fill the screen, and back.", False),
    Command("app.copy", "y", "Copy", "Copy what is selected or focused to the clipboard.", False),
    Command("app.theme", "ctrl+t", "Theme", "Choose colours: dark, light, or the terminal's own.", False),
    Command("app.density", "f8", "Density", "Fewer or more blank lines and borders.", False),
    Command("app.reload", "ctrl+r", "Reload", "Read compilot.toml and the folder again.", False),
    Command("app.open", "ctrl+l", "Open folder", "Open another workspace.", False),
    Command("app.quit", "q", "Quit", "Leave the app. Runs go on."),
)
