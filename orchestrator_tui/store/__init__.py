"""The event store: one SQLite file, events appended and never changed (docs/contract.md §5)."""
