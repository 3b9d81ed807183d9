"""One session made into several, and taken back."""
