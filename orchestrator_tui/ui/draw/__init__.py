"""Pure drawing: from a frame, a size and a palette to lines of styled text."""
