"""What the screen reads of one session from the store: bounded pages, never the whole of a long one."""
