"""The window's tests. Offscreen; no display is needed."""
