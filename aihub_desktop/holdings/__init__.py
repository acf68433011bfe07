"""What lies in a target folder: whether it is still what was received, and what became of it."""
