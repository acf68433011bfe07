"""What is done with files, folders and drives as such, on every system: open, sync, lock, rename, look."""
