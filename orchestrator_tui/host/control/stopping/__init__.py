"""Stopping a session: freezing, ending, pausing, also where it shares its process."""
