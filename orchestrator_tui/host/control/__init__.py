"""What is done to sessions: the path of a command, and every verb."""
