"""The dashboard on the past: the same screens with the fold stopped at a time."""
