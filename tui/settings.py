"""What a person set for the app itself, for all workspaces: colours, density, keys, notifications."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

import msgspec
from platformdirs import user_config_path

from core.errors import ConfigError
from core.store import write_atomic

Density = Literal["comfortable", "compact"]


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of tui.toml. What is missing has these defaults."""

    theme: str = "auto"
    """A theme's name; `auto` takes the terminal's own colours where it shows only 16."""
    density: Density = "comfortable"
    mouse: bool = True
    notify_bell: bool = True
    """Ring the terminal's bell when a run ends."""
    notify_desktop: bool = True
    """Send OSC 9 when a run ends: terminals that know it show a notification."""
    notify_title: bool = True
    """Show live runs in the terminal's title."""
    keys: dict[str, str] = {}
    """Command id → keys, in place of the default ones; `?` lists the ids."""


def settings_path() -> Path:
    return user_config_path("compilot") / "tui.toml"


def read_settings(path: Path | None = None) -> Settings:
    """The person's settings; raises `ConfigError` naming the file and the field."""
    path = path or settings_path()
    try:
        return msgspec.convert(tomllib.loads(path.read_text("utf-8")), Settings)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"the app's settings cannot be read: {error}",
            where=str(path),
            fix="mend the file, or delete it to start from the defaults",
        ) from error


def write_setting(name: str, value: str | bool, path: Path | None = None) -> None:
    """Change one setting and keep the rest of the file as the person wrote it. Raises `StoreError`."""
    import tomlkit

    path = path or settings_path()
    document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    document[name] = value
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, tomlkit.dumps(document))
