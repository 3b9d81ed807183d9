"""Loops as the host sees them: begun, queued, guarded."""
