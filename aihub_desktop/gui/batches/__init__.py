"""Batch files in the window: saved from what is chosen, opened against what a folder has."""
