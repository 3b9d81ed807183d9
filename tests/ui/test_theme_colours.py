"""Every shipped theme as eyes and terminals see it: contrast, statuses apart, even ramps (tests/ui/seeing.py)."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from orchestrator_tui.ui.draw.ink import GLYPHS, ROLES
from orchestrator_tui.ui.draw.overlay import STEPS
from orchestrator_tui.ui.theme import PLAIN, Palette, load
from tests.ui.seeing import EYES, contrast, distance, distance_of, lab

THEMES = {name: file.colors for name, file in load(Path("/nowhere")).loaded.items() if name != PLAIN}
GROUNDS = ("background", "surface", "amber", "red")
"""Everything that text is drawn on."""
LINES = ("faint", "border")
"""Rules and frames: seen, not read."""
TEXTS = tuple(name for name in Palette.__struct_fields__ if name not in (*GROUNDS, *LINES, "burn"))
AA = 4.5
AAA = 7.0
FEWER = {"256 colours": 3.0, "16 colours": 1.5}
"""What contrast is left where a terminal takes the nearest of its own colours."""
TROUBLE = ("waiting", "looping", "spinning", "stalled", "errored", "dead", "orphaned")
CALM = ("working", "tool_running", "thinking", "paused", "finished", "fog")
APART = 7.0
"""CIEDE2000 between what needs somebody and what does not, by colour alone; 2 is seen at a glance."""


def texts(colours: Palette) -> dict[str, str]:
    """Every colour that something is written in."""
    return {name: getattr(colours, name) for name in TEXTS} | {f"heat{n}": c for n, c in enumerate(colours.burn)}


def test_there_are_enough_and_each_is_whole() -> None:
    assert len(THEMES) >= 8
    for name, colours in THEMES.items():
        assert len(colours.burn) == STEPS, name
        file = load(Path("/nowhere")).loaded[name]
        assert file.dark == (lab(colours.background)[0] < 50), name


@pytest.mark.parametrize("name", THEMES)
def test_all_text_can_be_read_on_every_ground(name: str) -> None:
    least = AAA if name == "contrast" else AA
    for (role, colour), ground in itertools.product(texts(THEMES[name]).items(), GROUNDS):
        found = contrast(colour, getattr(THEMES[name], ground))
        assert found >= least, (role, ground, round(found, 2))


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("eye", FEWER)
def test_text_does_not_vanish_with_fewer_colours(name: str, eye: str) -> None:
    see = EYES[eye]
    for (role, colour), ground in itertools.product(texts(THEMES[name]).items(), GROUNDS):
        found = contrast(see(colour), see(getattr(THEMES[name], ground)))
        assert found >= FEWER[eye], (role, ground, round(found, 2))


@pytest.mark.parametrize("name", THEMES)
def test_frames_and_rules_are_seen_and_stay_behind_the_text(name: str) -> None:
    colours = THEMES[name]
    for role in LINES:
        assert contrast(getattr(colours, role), colours.background) >= 1.35, role
        assert contrast(getattr(colours, role), colours.background) < contrast(colours.dim, colours.background), role


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_what_needs_somebody_differs_by_colour_alone_for_every_eye(name: str, eye: str) -> None:
    see, colours = EYES[eye], THEMES[name]
    for one, two in itertools.product(TROUBLE, CALM):
        found = distance(see(getattr(colours, ROLES[one])), see(getattr(colours, ROLES[two])))
        assert found >= APART, (one, two, round(found, 1))


@pytest.mark.parametrize("name", sorted(set(THEMES) - {"mono", "phosphor"}))
def test_keys_and_figures_do_not_look_broken(name: str) -> None:
    colours = THEMES[name]
    for one, two in itertools.product(("key", "money", "text", "dim", "limited"), ("stalled", "errored", "dead")):
        assert distance(getattr(colours, one), getattr(colours, two)) >= 15, (one, two)


def test_every_status_has_a_sign_of_its_own() -> None:
    assert len(set(GLYPHS.values())) == len(GLYPHS) == len(ROLES)


@pytest.mark.parametrize("name", THEMES)
def test_tints_are_seen_and_differ(name: str) -> None:
    colours = THEMES[name]
    for one, two in itertools.combinations(("surface", "amber", "red"), 2):
        assert distance(getattr(colours, one), getattr(colours, two)) >= 2.5, (one, two)
    assert contrast(colours.surface, colours.background) >= 1.03


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize("eye", EYES)
def test_the_ramp_goes_one_way_in_lightness_in_even_steps(name: str, eye: str) -> None:
    see, colours = EYES[eye], THEMES[name]
    light = [lab(see(colour))[0] for colour in colours.burn]
    steps = [b - a for a, b in itertools.pairwise(light)]
    if light[0] > light[-1]:
        steps = [-step for step in steps]
    # Hot stands out from the ground: brighter on dark, darker on light.
    assert contrast(colours.burn[-1], colours.background) > contrast(colours.burn[0], colours.background)
    # A terminal's nearest colour may be a little off; the height of the block tells the order in any case.
    least = {"as it is": 4.0, "256 colours": -1.5, "16 colours": -4.0}.get(eye, 0.0)
    assert all(step >= least for step in steps), light
    assert eye == "16 colours" or abs(light[-1] - light[0]) > 20
    if eye == "as it is":
        apart = [distance(a, b) for a, b in itertools.pairwise(colours.burn)]
        assert min(apart) >= 6 and max(apart) <= 1.15 * min(apart), apart


PAIRS = (
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425), ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644), ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373), ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
)  # fmt: skip
"""From the test data of Sharma, Wu and Dalal (2005)."""


@pytest.mark.parametrize(("one", "two", "expected"), PAIRS)
def test_the_ruler_itself(one: tuple[float, float, float], two: tuple[float, float, float], expected: float) -> None:
    assert distance_of(one, two) == pytest.approx(expected, abs=1e-4)
    assert distance_of(two, one) == pytest.approx(expected, abs=1e-4)
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
