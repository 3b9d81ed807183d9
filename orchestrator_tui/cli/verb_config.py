"""`orc config`: where the settings are, and what is in force."""

from __future__ import annotations

import argparse
import sys

from orchestrator_tui import config, paths


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("what", choices=("path", "show"), help="path of the file, or every setting with its value")


def run(args: argparse.Namespace) -> int:
    """Print one or the other."""
    place = paths.find()
    if args.what == "path":
        print(place.config)
    else:
        sys.stdout.write(config.show(config.load(place.config)))
    return 0
