"""Archives in the window: a look inside, and unpacking."""
