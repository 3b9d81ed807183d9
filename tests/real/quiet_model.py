"""The scripted model server with work that is all right, however it looks: nothing of it may raise an alarm."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import mock_model  # type: ignore[import-not-found]
from mock_model import sh, step

COUNT = (
    "python3 -c \"import pathlib; p = pathlib.Path('{0}'); n = int(p.read_text()) if p.exists() else 0; "
    "p.write_text(str(n + 1)); print('step', n + 1, 'of 9 done')\""
)
"""A command that is always the same and always has something new to say."""
PAGES = "seq 1 400 | sed 's/^/line /' > pages.txt"
CONVERGE = "echo {n} > left.txt; echo changed {n}"
BUSY = "python3 -c \"import time; end=time.time()+8\nwhile time.time()<end: pass\nprint('built')\""

QUIET = {
    "build for a while": [step(tools=[sh(BUSY, "Build")]), step(text="It is built.")],
    "watch the pipeline": [step(tools=[sh(COUNT.format("pipeline.txt"), "Status")])] * 7 + [step(text="It went through.")],
    "read it page by page": [
        step(tools=[sh(PAGES, "Make it")]),
        *[step(tools=[sh(f"sed -n '{n},{n + 39}p' pages.txt", "Read on")]) for n in range(1, 400, 40)],
        step(text="I have read all of it."),
    ],
    "look for it everywhere": [
        *[step(tools=[sh(f"grep -rn '{word}' src 2>/dev/null | head -3", f"Look for {word}")])
          for word in ("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta")],
        step(text="None of these words is used."),
    ],
    "make it green": [
        *[item for n in (3, 2, 1, 0) for item in (
            step(tools=[sh(CONVERGE.format(n=n), "Edit")]),
            step(tools=[sh("python3 -c \"n = int(open('left.txt').read()); print(n, 'failed,', 5 - n, 'passed')\"", "Test")]),
        )],
        step(text="Nothing fails any more."),
    ],
    "wait in between": [
        *[item for n in range(4) for item in (
            step(tools=[sh("sleep 1", "Wait")]), step(tools=[sh(COUNT.format("waits.txt"), "Look")])
        )],
        step(text="That is that."),
    ],
    "start a server": [
        step(tools=[sh("sleep 3 & echo started", "Server", run_in_background=True)]), step(text="It runs.")
    ],
    "three at once": [
        step(tools=[sh("echo one && date +%N", "One"), sh("echo two && date +%N", "Two"), sh("echo three", "Three")]),
        step(text="All three are there."),
    ],
    "sleep as announced": [step(tools=[sh("sleep 12 && echo slept", "Wait")]), step(text="Slept.")],
}  # fmt: skip
"""What a person asks for -> what the model does."""

mock_model.SCEN += [("say hello", [step(text="Hello!")]), *QUIET.items()]

if __name__ == "__main__":
    mock_model.main()
