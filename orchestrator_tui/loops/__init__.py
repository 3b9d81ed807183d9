"""Loops: work that goes on until a check passes, the built-in agent, and the model that needs no network."""
