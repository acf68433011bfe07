"""Readers of archives: what lies in them, and whether it is sound."""
