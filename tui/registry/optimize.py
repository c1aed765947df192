"""What works in the Optimize place."""

from __future__ import annotations

from .command import Command

COMMANDS = (
    Command(
        "optimize.launch",
        "L,f9",
        "Launch",
        "Start a run of what is on screen; asks once, with its cost and cap.",
    ),
    Command("optimize.save", "s,ctrl+s", "Save", "Write these choices into compilot.toml."),
    Command(
        "optimize.measure", "m", "Measure", "Run the program on a few rows, so that estimates rest on facts."
    ),
    Command("optimize.estimates", "a", "All", "What every optimizer would cost here, side by side."),
    Command(
        "optimize.what_if",
        "w",
        "What if",
        "Other models, threads, sizes and presets, with what each would save or cost.",
    ),
    Command(
        "optimize.dry_run",
        "t",
        "Dry run",
        "Let the real optimizer run on made-up answers, for free, and count its calls.",
        False,
    ),
    Command("optimize.cancel", "x", "Cancel", "Stop measuring, or the dry run."),
    Command(
        "optimize.check",
        "r",
        "Check",
        "Load program, data and metric again and check everything a run needs.",
        False,
    ),
    Command(
        "optimize.ping",
        "p",
        "Ping",
        "Ask the model of each role one short question (a paid call each).",
        False,
    ),
    Command("optimize.undo", "u", "Undo", "Take back the last change.", False),
    Command("optimize.budget", "b", "Budget", "Go to the caps: dollars, calls, tokens, minutes.", False),
    Command("optimize.next_pane", "tab", "Next pane", "The next part of this place.", False),
    Command("optimize.last_pane", "shift+tab", "Last pane", "The part before.", False),
    Command("optimize.choose", "enter,space", "Choose", "Use this optimizer.", pane="optimizers"),
    Command("optimize.cursor_down", "down,j", "Down", "The next optimizer.", False, "optimizers"),
    Command("optimize.cursor_up", "up,k", "Up", "The optimizer before.", False, "optimizers"),
    Command("optimize.first", "home,g", "Top", "The first optimizer.", False, "optimizers"),
    Command("optimize.last", "end,G", "Bottom", "The last optimizer.", False, "optimizers"),
    Command(
        "optimize.edit_field",
        "enter,e",
        "Edit",
        "Type a value, flip a switch, or choose from a list.",
        pane="form",
    ),
    Command(
        "optimize.more",
        "right,l,plus,space",
        "More",
        "The next choice, the other side, or one more.",
        False,
        "form",
        "step(1)",
    ),
    Command(
        "optimize.less",
        "left,h,minus",
        "Less",
        "The choice before, the other side, or one less.",
        False,
        "form",
        "step(-1)",
    ),
    Command(
        "optimize.reset_field", "backspace,delete", "Default", "Leave this one to its default.", pane="form"
    ),
    Command("optimize.next_field", "down,j", "Down", "The next field.", False, "form", "move_field(1)"),
    Command("optimize.last_field", "up,k", "Up", "The field before.", False, "form", "move_field(-1)"),
    Command("optimize.first_field", "home,g", "Top", "The first field.", False, "form"),
    Command("optimize.end_field", "end,G", "Bottom", "The last field.", False, "form"),
    Command("optimize.leave_field", "escape", "Leave", "Leave the field as it was before.", pane="form"),
    Command(
        "optimize.edit_model",
        "enter,e",
        "Edit",
        "Change the model of this role: name, key, limits, price.",
        pane="models",
    ),
    Command(
        "optimize.share_model", "d", "Share", "Let the nearest role's model serve this one.", pane="models"
    ),
    Command("optimize.next_role", "down,j", "Down", "The next role.", False, "models"),
    Command("optimize.last_role", "up,k", "Up", "The role before.", False, "models"),
)
