"""The dashboard: a frame is made of the fleet, pure functions draw it, widgets put the changed rows on the screen."""
