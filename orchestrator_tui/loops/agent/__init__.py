"""The built-in agent, `python -m orchestrator_tui.loops.agent`: a compact tool loop on any model that litellm knows.

It runs commands and changes files as the user who started it, wherever that user may, and asks before none of them:
there is no sandbox. What it does stands in an open session log (docs/contract.md §3).
"""
