"""Sessions in terminals: what is in front there, and typing where that is safe."""
