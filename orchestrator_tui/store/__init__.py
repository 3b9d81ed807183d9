"""The event store: one SQLite file, events appended and never changed (CONTRACT §5)."""
