"""What a place offers and how it answers. Only this room imports httpx."""
