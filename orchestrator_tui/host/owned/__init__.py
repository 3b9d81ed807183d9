"""Sessions that orc started itself: each under a shim of its own, spoken to on the client's own control channel."""
