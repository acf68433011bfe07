"""The window. It speaks with the engine through a pipe and knows nothing else of it."""
