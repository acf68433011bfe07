"""Another machine of the lab that shares its library: `aihub serve`."""
