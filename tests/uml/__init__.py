"""True power cuts: a guest of User Mode Linux downloads onto a disk of its own, and its power goes."""
