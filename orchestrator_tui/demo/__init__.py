"""A small fleet for people who have none: recorded sessions of real clients, played again as if they happened now."""
