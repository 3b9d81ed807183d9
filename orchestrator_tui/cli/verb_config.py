"""`orc config`: where the settings are, what is in force, and what is wrong with them."""

from __future__ import annotations

import argparse
import sys

from orchestrator_tui import config, paths
from orchestrator_tui.cli.answer import say
from orchestrator_tui.paths import Paths


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "what",
        choices=("path", "show", "check", "reference"),
        help="path of the file; every setting with its value; what is wrong (exit status 1); all settings as Markdown",
    )


def run(args: argparse.Namespace) -> int:
    """Print one of them."""
    place = paths.find()
    if args.what == "path":
        print(place.config)
        return 0
    if args.what == "reference":
        from orchestrator_tui.config.reference import reference

        sys.stdout.write(reference())
        return 0
    settings = config.load(place.config)
    if args.what == "show":
        sys.stdout.write(config.show(settings))
        return 0
    faults = examine(place, settings)
    for fault in faults:
        say(f"{place.config}: {fault}")
    if not faults:
        print(
            f"{place.config}: nothing is wrong" if place.config.exists() else f"{place.config}: no file, the defaults"
        )
    return 1 if faults else 0


def examine(place: Paths, settings: config.Config) -> list[str]:
    """What is wrong beyond what cannot be read at all; one line each."""
    from orchestrator_tui.clients import ALL
    from orchestrator_tui.ui import theme
    from orchestrator_tui.ui.keymap import Keymap

    faults = list(Keymap(settings.keys).faults)
    themes = theme.load(place.themes)
    if settings.screen.theme not in themes.loaded:
        faults.append(
            f"screen.theme: no theme is named {settings.screen.theme!r}; there are {', '.join(sorted(themes.loaded))}"
        )
    faults += themes.failed
    names = {client.name for client in ALL}
    for setting, given in (("off", settings.clients.off), ("roots", settings.clients.roots)):
        faults += [f"clients.{setting}: {name!r} is no client" for name in given if name not in names]
    return faults
