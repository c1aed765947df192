"""The README's pictures: one of every place, made by the script that is said to make them."""

from __future__ import annotations

import re

from scripts.make_pictures import PICTURES, PICTURES_TAKEN, ROOT
from tui.registry import PLACES


def test_every_place_has_a_picture() -> None:
    assert set(PLACES) <= {picture.name for picture in PICTURES_TAKEN}
    for picture in PICTURES_TAKEN:
        file = PICTURES / f"{picture.name}.svg"
        svg = file.read_text("utf-8")
        assert svg.startswith("<svg")
        assert len(svg) < 300_000, f"{file.name} is too large for a README"


def test_the_readme_shows_what_the_script_makes() -> None:
    shown = re.findall(r"!\[[^\]]+\]\(docs/pictures/(\w+)\.svg\)", (ROOT / "README.md").read_text("utf-8"))
    assert sorted(shown) == sorted(picture.name for picture in PICTURES_TAKEN)
    assert {file.stem for file in PICTURES.glob("*.svg")} == set(shown)
