"""Runs in workers: bytes from a body to their offsets, made durable, proved, and given their final names."""
