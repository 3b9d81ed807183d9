"""Answers that leave orc as documents: Markdown and self-contained HTML."""
