"""Decides (core) and carries out (shell, pool). No Qt, no face."""
