"""Other models for a session: up and down the ladder, in place or in a new process; context caps."""
