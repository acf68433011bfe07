"""Batches that are carried: what a machine asks for, what lies on drives for it, and how it arrives there."""
