"""The queue's SQLite and the keychain. Only this room imports sqlite3 and keyring."""
