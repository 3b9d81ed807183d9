"""Hostile input from the outside: real files in a scratch home, a real host, the real dashboard on a pty, real processes.

Where each case of the security notes is tested:

T1  clipboard sequence           test_screen (clients' own files), tests/ui/test_pty.py (open log), tests/test_text.py, test_text
T2  titles, links, DCS, reports  the same
T3  C1 controls                  the same
T4  sequences without end        the same; tests/test_text.py: none hides what follows
T5  CR, backspace, NUL           tests/ui/test_pty.py, test_screen
T6  markup                       tests/ui/test_pty.py, test_screen; in notifications tests/ui/test_notify.py, tests/host/test_notify.py
T7  bidi, invisible, marks       tests/test_text.py, test_text, test_screen
T8  lines that are none          test_fuzz, test_parsers (every parser), test_files (a real host, 64 MB);
                                 tests/clients/test_*_hostile.py, test_numbers.py, tests/host/test_counting_numbers.py
T9  ids that are paths           test_files; tests/clients/test_claude_hostile.py, test_log.py
T10 pids in data                 tests/host/control/test_proof.py, test_identity.py; test_parsers (registries)
T11 pids used again              tests/host/control/test_proof.py, test_identity.py
T12 prompts as arguments         test_commands (every client, `orc run`); tests/host/owned/test_start.py, tests/clients/test_*_drive.py
T13 no directory, no model       test_commands; tests/host/owned/test_start.py
T14 webhook                      there is none: test_private (nothing of the kind can be set, nobody is called)
T15 HTTP listener                there is none: test_private (no socket of host, dashboard, loop, agent or shim listens)
T16 links, pipes, devices        test_files, test_parsers; tests/host/test_reading.py, test_host.py, tests/clients/test_listing.py
T17 themes                       test_settings; tests/ui/test_theme.py, test_theme_picking.py
T18 modes                        test_private (umask 000, whole tree); tests/test_paths.py, tests/host/owned/test_start.py
T19 exports and secrets          tests/export/test_masking.py, test_export.py, test_screen.py; logs: test_private
T20 the terminal is restored     tests/ui/test_pty.py (signals), tests/cli/test_demo.py (an exception)
T21 commands from an agent       test_commands; tests/host/control/test_desk.py
"""
