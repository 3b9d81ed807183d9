"""What leaves orc: logs, recordings, pages and write-ups, with secrets masked."""
